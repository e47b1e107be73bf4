"""The executable as it is shipped, which `run` has built."""

import os

SHIPPED = os.environ["DOJANG_SHIPPED"]
