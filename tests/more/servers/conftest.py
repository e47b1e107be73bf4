"""What the tests share: where things are, and the servers by name.

A server is an object as `server.Server` describes it; who adds one writes a class beside `local.LocalS3` and a fixture
here.
"""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "shared")]

from function import Function  # noqa: E402
from local import LocalClub, LocalS3  # noqa: E402
from shipped import SHIPPED  # noqa: E402


@pytest.fixture
def s3(tmp_path):
    """An S3 server with an empty private and an empty public bucket."""
    with LocalS3(tmp_path) as server:
        yield server


@pytest.fixture
def local_club(tmp_path):
    """What a newcomer starts: the whole club."""
    with LocalClub(tmp_path) as club:
        yield club


@pytest.fixture
def function(s3):
    """The shipped executable on that server."""
    with Function([SHIPPED], s3.environment) as function:
        yield function
