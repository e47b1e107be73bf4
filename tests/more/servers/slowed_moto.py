"""moto's server with a pause between its check of a condition and its write."""

import time

from moto.s3.models import S3Backend
from moto.server import main

PAUSE_SECONDS = 0.05

put_object = S3Backend.put_object


def put_object_later(*args, **kwargs):
    time.sleep(PAUSE_SECONDS)
    return put_object(*args, **kwargs)


S3Backend.put_object = put_object_later
main()
