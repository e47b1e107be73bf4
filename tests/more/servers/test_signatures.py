"""How the shipped executable signs: as botocore does, and refused where a server checks."""

import datetime
import json

import botocore.auth
import pytest
from actions import TEST_SECRET, every_action
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from function import Function
from local import LocalS3
from others import Moto, SeaweedFS
from recorder import Recorded, recorder
from shipped import SHIPPED


@pytest.mark.parametrize("kind, has_token", [(LocalS3, True), (SeaweedFS, False)], ids=["with token", "without token"])
def test_every_request_is_signed_as_botocore_signs_it(kind, has_token, tmp_path, monkeypatch):
    with kind(tmp_path) as server, recorder(server.endpoint) as (endpoint, requests):
        environment = {**server.environment, "AWS_ENDPOINT_URL_S3": endpoint, "TEST_SECRET": TEST_SECRET}
        with Function([SHIPPED], environment) as function:
            every_action(function, server, tmp_path)
    methods = {request.method for request in requests}
    headers = set().union(*(request.headers for request in requests))
    assert methods == {"GET", "HEAD", "PUT"} and {"if-match", "if-none-match", "x-amz-meta-dojang-journal"} <= headers
    assert ("x-amz-security-token" in headers) == has_token
    for request in requests:
        assert request.headers["authorization"] == by_botocore(request, environment, monkeypatch), request


def by_botocore(request: Recorded, environment: dict[str, str], monkeypatch) -> str:
    """What it would have for `Authorization` at that moment, less the spaces between its parts. What it does not add
    itself must be signed if S3 says so (`x-amz-*`), and may be otherwise."""
    names = request.headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    to_sign = {name: value for name, value in request.headers.items() if name in names or name.startswith("x-amz-")}
    now = datetime.datetime.strptime(request.headers["x-amz-date"], botocore.auth.SIGV4_TIMESTAMP)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: now)
    signed = AWSRequest(request.method, f"http://{request.headers['host']}{request.path}", to_sign, request.body)
    credentials = Credentials(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"],
                              environment.get("AWS_SESSION_TOKEN"))
    botocore.auth.S3SigV4Auth(credentials, "s3", environment["AWS_REGION"]).add_auth(signed)
    return signed.headers["Authorization"].replace(", ", ",")


@pytest.mark.parametrize("kind", [LocalS3, SeaweedFS, Moto], ids=lambda kind: kind.name)
def test_a_wrong_secret_is_refused_and_changes_nothing(kind, tmp_path):
    with kind(tmp_path) as server:
        # Another test tries what the server keeps.
        environment = {**server.environment, "DOJANG_S3_SERVER": "trusted"}
        with Function([SHIPPED], environment) as function:
            function.ok(action="any_trigger_initialization")
        before = server.objects(tmp_path)
        admin, = server.club(tmp_path)["users"].values()
        wrong = "wrongsecretwrongsecret"
        with Function([SHIPPED], {**environment, "AWS_SECRET_ACCESS_KEY": wrong}) as function:
            status, body = function.call(action="admin_create_user", auth_token=admin["auth_token"], name="Kim",
                                         role="Student")
            assert status >= 500 and body["error"]
            log = function.log()
        assert "SignatureDoesNotMatch" in log
        for secret in (wrong, server.environment["AWS_SECRET_ACCESS_KEY"], admin["auth_token"]):
            assert secret not in log and secret not in json.dumps(body)
        assert server.objects(tmp_path) == before
