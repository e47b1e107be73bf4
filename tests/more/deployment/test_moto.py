"""The stack on moto, and the real executable on what came out of it."""

import ast
import hashlib
import json
import re
import time
import urllib.request

import pytest
from cloud import Cloud
from conftest import ROOT
from documents import documented
from function import Function
from resolver import REGION, STACK, Stack

NAMES = {"PrivateBucketName": "club-private", "DataBucketName": "club-data", "AppBucketName": "club-app"}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with Cloud(tmp_path_factory.mktemp("moto") / "log") as cloud:
        yield cloud


@pytest.fixture(scope="module")
def stack(cloud, template, package_of, tmp_path_factory) -> Stack:
    """The template deployed on moto as docs/deploying.md says, by the AWS CLI."""
    folder = tmp_path_factory.mktemp("deploy")
    # In the tree, `Code` is ../target/package/bootstrap.zip as seen from the template.
    (folder / "bootstrap").mkdir()
    (folder / "target/package").mkdir(parents=True)
    (folder / "bootstrap/template.yaml").write_bytes((ROOT / "bootstrap/template.yaml").read_bytes())
    (folder / "target/package/bootstrap.zip").write_bytes(package_of("arm64").zip.read_bytes())
    parameters = " ".join(f"{name}={value}" for name, value in NAMES.items())
    ended = cloud.run(f"""
        aws s3 mb s3://packages
        aws cloudformation package --template-file bootstrap/template.yaml --s3-bucket packages \\
          --output-template-file target/template.yaml
        aws cloudformation deploy --template-file target/template.yaml --stack-name {STACK} \\
          --capabilities CAPABILITY_IAM --parameter-overrides {parameters}
    """, folder)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    stack = Stack(template, **NAMES)
    cloud.apply_bucket_settings(stack)
    return stack


def test_the_buckets(cloud, stack):
    s3 = cloud.client("s3")
    names = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    assert set(NAMES.values()) <= names
    assert s3.get_bucket_versioning(Bucket="club-private")["Status"] == "Enabled"
    assert "Status" not in s3.get_bucket_versioning(Bucket="club-data")
    rules = s3.get_bucket_lifecycle_configuration(Bucket="club-private")["Rules"]
    assert any(rule.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays") == 30 for rule in rules)
    cors, = s3.get_bucket_cors(Bucket="club-data")["CORSRules"]
    assert (cors["AllowedOrigins"], cors["AllowedMethods"]) == (["*"], ["GET", "HEAD"])
    policy = json.loads(s3.get_bucket_policy(Bucket="club-data")["Policy"])
    assert policy["Statement"][0]["Resource"] == "arn:aws:s3:::club-data/data.json"
    for bucket, public in (("club-private", False), ("club-data", True), ("club-app", False)):
        block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
        assert block["BlockPublicPolicy"] is not public and block["BlockPublicAcls"] is True


def test_the_function_and_its_permissions(cloud, stack, package_of):
    functions = cloud.client("lambda")
    function = functions.get_function(FunctionName=STACK)
    configuration = function["Configuration"]
    assert (configuration["Runtime"], configuration["Handler"]) == ("provided.al2023", "bootstrap")
    assert (configuration["Timeout"], configuration["MemorySize"]) == (10, 256)
    assert configuration["CodeSize"] == package_of("arm64").zip.stat().st_size
    assert configuration["Environment"]["Variables"] == stack.properties("Function")["Environment"]["Variables"]
    policy = json.loads(functions.get_policy(FunctionName=STACK)["Policy"])
    granted = {(statement["Action"], statement["Principal"], statement.get("FunctionUrlAuthType"),
                statement.get("InvokedViaFunctionUrl")) for statement in policy["Statement"]}
    assert granted == {("lambda:InvokeFunctionUrl", "*", "NONE", None), ("lambda:InvokeFunction", "*", None, True)}
    groups = cloud.client("logs").describe_log_groups()["logGroups"]
    assert [(group["logGroupName"], group["retentionInDays"]) for group in groups] == [(f"/aws/lambda/{STACK}", 30)]
    role = cloud.client("iam").get_role(RoleName=configuration["Role"].rsplit("/", 1)[1])["Role"]
    trust, = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}
    inline = cloud.client("iam").get_role_policy(RoleName=role["RoleName"], PolicyName="club")["PolicyDocument"]
    # moto 5.2.5 keeps a policy made by CloudFormation as Python's text of it.
    inline = ast.literal_eval(inline) if isinstance(inline, str) else inline
    allowed = [statement["Sid"] for statement in inline["Statement"]]
    assert allowed == ["Club", "AbsentIsNotRefused", "Log"]
    assert "arn:aws:s3:::club-private/data.json" in inline["Statement"][0]["Resource"]


def environment_of(cloud: Cloud, name: str = STACK) -> dict[str, str]:
    """What Lambda would give the function: its own variables, region and credentials."""
    configuration = cloud.client("lambda").get_function_configuration(FunctionName=name)
    return {**configuration["Environment"]["Variables"], **cloud.environment, "AWS_REGION": REGION}


def test_the_club_lives_on_it(cloud, stack, executable):
    """First start, members' answers, attendance, and a restored old version."""
    s3 = cloud.client("s3")
    now = int(time.time())
    with Function(executable, environment_of(cloud)) as function:
        assert function.ok(action="any_trigger_initialization") == {}
        (admin,) = club(cloud)["users"].values()
        assert admin["name"] == "Default admin"
        # The owner reads the first login code as SECURITY.md and docs/deploying.md say.
        shown = cloud.run("aws s3 cp s3://club-private/data.json -", ROOT)
        assert admin["auth_token"] in shown.stdout, shown.stderr
        assert admin["auth_token"] not in function.log()

        token = admin["auth_token"]
        member = function.ok(action="admin_create_user", auth_token=token, role="Student", name="Kim Lee")
        added = function.ok(action="coach_add_training_session", auth_token=token, start_time=now - 60,
                            end_time=now + 3600, coach=admin["user_id"], comment=None)
        session = added["session"]["session_id"]
        before = s3.head_object(Bucket="club-private", Key="data.json")["VersionId"]
        function.ok(action="any_register_participation", joining_sessions={session: "Yes"},
                    user_auth_tokens=[member["auth_token"]])
        assert public_club(cloud)["sessions"][session]["participation"][member["user_id"]] == "Yes"
        digest = hashlib.sha256(member["auth_token"].encode()).hexdigest()
        assert public_club(cloud)["users"][member["user_id"]]["auth_token"] == digest

        function.ok(action="coach_register_participation", auth_token=token, session_id=session,
                    participants=[member["user_id"]])
        year = time.gmtime(now - 60).tm_year
        history = json.loads(s3.get_object(
            Bucket="club-private", Key=f"sessions/participation_data_{year}.json")["Body"].read())
        assert history[session]["participants"] == [member["user_id"]]
        assert public_club(cloud)["sessions"][session]["state"] == "archived"

        # The restore of docs/running.md, with the version from before the answer.
        script = documented("docs/running.md", "restore").replace("VERSION_ID", before)
        ended = cloud.run(script, ROOT, PRIVATE_BUCKET="club-private")
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert before in ended.stdout
        function.ok(action="any_trigger_initialization")
        restored = public_club(cloud)["sessions"][session]
        assert (restored["state"], member["user_id"] in restored["participation"]) == ("scheduled", False)
        assert club(cloud)["users"] == {member["user_id"]: member, admin["user_id"]: admin}
        # And it can be changed again.
        function.ok(action="any_register_participation", joining_sessions={session: "No"},
                    user_auth_tokens=[member["auth_token"]])
        assert public_club(cloud)["sessions"][session]["participation"][member["user_id"]] == "No"
        version = re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.M)[1]
        assert function.user_agents == {f"dojang/{version}"}
        assert '"level":"ERROR"' not in function.log(), function.log()


def club(cloud: Cloud, bucket: str = "club-private") -> dict:
    return json.loads(cloud.client("s3").get_object(Bucket=bucket, Key="data.json")["Body"].read())


def public_club(cloud: Cloud, bucket: str = "club-data") -> dict:
    """As a client reads it: without credentials, with a changing query string."""
    with urllib.request.urlopen(f"{cloud.endpoint}/{bucket}/data.json?{time.time_ns()}") as answer:
        return json.load(answer)
