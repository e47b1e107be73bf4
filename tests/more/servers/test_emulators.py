"""The executable in emulators of Lambda: Runtime APIs that others wrote."""

import base64
import json

import pytest
from emulators import CargoLambda, Rie
from local import LocalS3
from shipped import SHIPPED

emulators = pytest.mark.parametrize("kind", [Rie, CargoLambda], ids=lambda kind: kind.name)


@pytest.fixture
def emulator(kind, tmp_path):
    with LocalS3(tmp_path) as server, kind(SHIPPED, server.environment, tmp_path) as emulator:
        yield emulator


def posted(body: str, **event) -> bytes:
    """What a Function URL makes of a POST."""
    return json.dumps({"version": "2.0", "requestContext": {"http": {"method": "POST", "path": "/"}}, "body": body,
                       "isBase64Encoded": False, **event}).encode()


def status_and_body(payload: bytes) -> tuple[int, dict]:
    answer = json.loads(payload)
    assert answer["headers"]["Access-Control-Allow-Origin"] == "*"
    return answer["statusCode"], json.loads(answer["body"])


@emulators
def test_it_answers_and_refuses(emulator):
    begin = json.dumps({"action": "any_trigger_initialization"})
    assert status_and_body(emulator.invoke(begin.encode())) == (200, {})
    assert status_and_body(emulator.invoke(posted(begin))) == (200, {})
    encoded = base64.b64encode(begin.encode()).decode()
    assert status_and_body(emulator.invoke(posted(encoded, isBase64Encoded=True))) == (200, {})
    for refused in ['{"action":"any_x"}', '{"action":', "", "[]", "\u0000"]:
        status, body = status_and_body(emulator.invoke(posted(refused)))
        assert status == 400 and body["error"], refused
    # The same process goes on after what is no JSON.
    for event in [b"no JSON", b"\xff\xfe", b"{"]:
        emulator.invoke(event)
        assert status_and_body(emulator.invoke(begin.encode())) == (200, {}), event
    assert emulator.log().count("S3 client ready") == 1


@emulators
def test_6_mb_are_served(emulator):
    long = json.dumps({"action": "any_trigger_initialization", "more": "x" * 6_000_000})
    status, body = status_and_body(emulator.invoke(posted(long)))
    assert (status, body) == (200, {}), body


@emulators
def test_a_start_that_fails_says_why(kind, tmp_path):
    with kind(SHIPPED, {"AWS_REGION": "eu-north-1"}, tmp_path) as emulator:
        assert "PRIVATE_BUCKET_NAME" in emulator.said_of_failed_start()
