"""The function's role allows what the function does to S3, and nothing else.

The end-to-end tests record every kind of request that the function makes. Which action a request needs is
AWS's word: GET and HEAD s3:GetObject, PUT s3:PutObject, If-Match in addition s3:GetObject (S3 user guide,
"Conditional writes"), and s3:ListBucket is what turns 403 into 404 for an absent object.
"""

import fnmatch
import json
import re
import zipfile

import pytest
from conftest import run
from resolver import Stack

BUCKETS = {"private": "club-private", "data": "club-data"}
NAMES = {"PrivateBucketName": "club-private", "DataBucketName": "club-data"}
TAKEOVER = {**NAMES, "ExistingBuckets": "true"}


@pytest.fixture(scope="module")
def used(package_of, tmp_path_factory) -> set[tuple[str, str]]:
    """Actions and resources that the end-to-end tests needed, run with the packaged executable."""
    folder = tmp_path_factory.mktemp("requests")
    with zipfile.ZipFile(package_of("x86_64").zip) as archive:
        archive.extract("bootstrap", folder)
    (folder / "bootstrap").chmod(0o755)
    file = folder / "requests.json"
    ended = run("cargo", "test", "--quiet", "--locked", "--test", "end_to_end", DOJANG_S3_REQUESTS=str(file),
                DOJANG_EXECUTABLE=str(folder / "bootstrap"))
    print(re.search(r"^\d+ passed, \d+ failed$", ended.stdout, re.M)[0], "with the packaged executable")
    assert ended.returncode == 0, (ended.stdout + ended.stderr)[-5000:]
    requests = json.loads(file.read_text())
    assert len(requests) > 20
    needed = set()
    for request in requests:
        bucket = f"arn:aws:s3:::{BUCKETS[request['bucket']]}"
        resource = f"{bucket}/{request['key']}"
        needed.add(({"GET": "s3:GetObject", "HEAD": "s3:GetObject", "PUT": "s3:PutObject"}[request["method"]],
                    resource))
        if request["if_match"]:
            needed.add(("s3:GetObject", resource))
        if request["method"] in ("GET", "HEAD") and request["status"] == 404:
            needed.add(("s3:ListBucket", bucket))
    return needed


def allowed(stack: Stack) -> set[tuple[str, str]]:
    """Pairs of action and resource pattern in the role, for S3."""
    policy, = stack.properties("FunctionRole")["Policies"]
    pairs = set()
    for statement in policy["PolicyDocument"]["Statement"]:
        assert statement["Effect"] == "Allow" and set(statement) <= {"Sid", "Effect", "Action", "Resource"}
        for action in as_list(statement["Action"]):
            pairs.update((action, resource) for resource in as_list(statement["Resource"]))
    assert "ManagedPolicyArns" not in stack.properties("FunctionRole")
    return {pair for pair in pairs if pair[0].startswith("s3:")}


@pytest.mark.parametrize("parameters", [NAMES, TAKEOVER])
def test_allowed_is_used(template, used, parameters):
    pairs = allowed(Stack(template, **parameters))
    print("allowed = used:")
    for action, pattern in sorted(pairs):
        matching = sorted(resource for name, resource in used if (name, pattern) == (action, match(pattern, resource)))
        print(f"  {action:14} {pattern}  <- {len(matching)} object(s), such as {matching[:1]}")
        assert matching, f"nothing used {action} on {pattern}"
        assert "*" not in pattern and "*" not in action
    for action, resource in sorted(used):
        assert any(name == action and match(pattern, resource) for name, pattern in pairs), (action, resource)


def test_a_wider_or_narrower_policy_would_be_noticed(template, used):
    """The test above can fail: without any one pair, something used is not allowed."""
    pairs = allowed(Stack(template, **NAMES))
    for missing in pairs:
        rest = pairs - {missing}
        assert any(not any(name == action and match(pattern, resource) for name, pattern in rest)
                   for action, resource in used), missing
    assert not any(match("arn:aws:s3:::club-private/secrets.json", resource) for _, resource in used)


def test_the_log_permissions_are_for_its_own_group(template):
    stack = Stack(template, **NAMES)
    policy, = stack.properties("FunctionRole")["Policies"]
    logs = [statement for statement in policy["PolicyDocument"]["Statement"]
            if as_list(statement["Action"])[0].startswith("logs:")]
    assert logs == [{"Sid": "Log", "Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                     "Resource": "arn:aws:logs:eu-north-1:123456789012:log-group:/aws/lambda/Club-1:*"}]


def match(pattern: str, resource: str) -> str | None:
    """IAM's wildcards are * and ?, over any characters. The pattern if it matches."""
    assert "[" not in pattern
    return pattern if fnmatch.fnmatchcase(resource, pattern) else None


def as_list(value) -> list:
    return value if isinstance(value, list) else [value]
