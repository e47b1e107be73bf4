"""What an operator does, command for command as docs/running.md and docs/deploying.md have it, on moto with the real
executable."""

import hashlib
import io
import json
import stat
import time
import zipfile

import pytest
from cloud import Cloud
from documents import documented
from function import Function
from resolver import REGION
from test_moto import club, public_club

NAMES = {"PRIVATE_BUCKET": "club-private", "DATA_BUCKET": "club-data", "COPY_BUCKET": "club-copy"}


@pytest.fixture
def cloud(tmp_path):
    with Cloud(tmp_path / "moto.log") as cloud:
        s3 = cloud.client("s3")
        for bucket in NAMES.values():
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_versioning(Bucket="club-private", VersioningConfiguration={"Status": "Enabled"})
        # As the template does: everybody may read the public object.
        s3.put_bucket_policy(Bucket="club-data", Policy=json.dumps({
            "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
                                                    "Resource": "arn:aws:s3:::club-data/data.json"}]}))
        yield cloud


@pytest.fixture
def function(cloud, executable):
    environment = {**cloud.environment, "PRIVATE_BUCKET_NAME": "club-private", "PUBLIC_BUCKET_NAME": "club-data"}
    with Function(executable, environment) as function:
        yield function


@pytest.fixture
def people(cloud, function) -> tuple[dict, dict]:
    """The admin and a member."""
    function.ok(action="any_trigger_initialization")
    (admin,) = club(cloud)["users"].values()
    member = function.ok(action="admin_create_user", auth_token=admin["auth_token"], role="Student", name="Kim Lee")
    return admin, member


def operate(cloud, folder, document: str, *markers: str, **environment) -> str:
    """Runs the documented commands under the markers, one after the other in one shell."""
    commands = "".join(documented(document, marker) for marker in markers)
    ended = cloud.run(commands, folder, **NAMES, **environment)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_a_copy_elsewhere_brings_the_club_back(cloud, function, people, tmp_path):
    s3 = cloud.client("s3")
    operate(cloud, tmp_path, "docs/running.md", "copy: make")
    kept, metadata = club(cloud), s3.head_object(Bucket="club-private", Key="data.json")["Metadata"]
    assert club(cloud, "club-copy") == kept
    # The region is lost with all that was in it, and changed data with it.
    admin, member = people
    function.ok(action="admin_update_user", auth_token=admin["auth_token"], user_id=member["user_id"],
                role="Student", name="Somebody Else")
    for version in s3.list_object_versions(Bucket="club-private")["Versions"]:
        s3.delete_object(Bucket="club-private", Key=version["Key"], VersionId=version["VersionId"])
    operate(cloud, tmp_path, "docs/running.md", "copy: restore")
    assert club(cloud) == kept
    # With the list of operations.
    assert s3.head_object(Bucket="club-private", Key="data.json")["Metadata"] == metadata
    function.ok(action="any_trigger_initialization")
    assert public_club(cloud)["users"][member["user_id"]]["name"] == "Kim Lee"


def test_somebody_is_erased_at_once(cloud, function, people, tmp_path):
    s3 = cloud.client("s3")
    admin, member = people
    function.ok(action="admin_delete_user", auth_token=admin["auth_token"], user_id=member["user_id"])
    assert names_somebody(s3, "Kim Lee")
    operate(cloud, tmp_path, "docs/running.md", "erase")
    assert not names_somebody(s3, "Kim Lee")
    version, = s3.list_object_versions(Bucket="club-private", Prefix="data.json")["Versions"]
    assert version["IsLatest"] and list(club(cloud)["users"]) == [admin["user_id"]]
    # Another time there is nothing to delete.
    operate(cloud, tmp_path, "docs/running.md", "erase")
    function.ok(action="any_trigger_initialization")


def names_somebody(s3, name: str) -> bool:
    """Whether any version of the club has the name."""
    versions = s3.list_object_versions(Bucket="club-private", Prefix="data.json")["Versions"]
    texts = [s3.get_object(Bucket="club-private", Key=version["Key"], VersionId=version["VersionId"])["Body"].read()
             for version in versions]
    return any(name.encode() in text for text in texts)


@pytest.mark.parametrize("with_history", [False, True])
def test_what_is_stored_about_somebody_is_shown(cloud, function, people, tmp_path, with_history):
    admin, member = people
    now = int(time.time())
    added = function.ok(action="coach_add_training_session", auth_token=admin["auth_token"], start_time=now - 60,
                        end_time=now + 3600, coach=admin["user_id"], comment=None)
    session = added["session"]["session_id"]
    function.ok(action="any_register_participation", joining_sessions={session: "Maybe"},
                user_auth_tokens=[member["auth_token"]])
    if with_history:
        function.ok(action="coach_register_participation", auth_token=admin["auth_token"], session_id=session,
                    participants=[member["user_id"]])
    shown = operate(cloud, tmp_path, "docs/running.md", "export", USER_ID=member["user_id"])
    assert json.loads(shown) == {
        "user": {"user_id": member["user_id"], "name": "Kim Lee", "role": "Student"},
        "sessions": [{"session_id": session, "start_time": now - 60, "is_coach": False, "answer": "Maybe"}],
        "attended": [{"session_id": session, "start_time": now - 60}] if with_history else [],
    }
    assert not (tmp_path / "export").exists()


def test_all_codes_are_replaced(cloud, function, people, tmp_path):
    admin, member = people
    with function.address() as url:
        operate(cloud, tmp_path, "docs/running.md", "codes", FUNCTION_URL=url, ADMINS_CODE=admin["auth_token"])
    written = tmp_path / "codes.txt"
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    code, name = written.read_text().strip().split(" ", 1)
    assert name == "Kim Lee" and code != member["auth_token"]
    public = public_club(cloud)["users"]
    assert public[member["user_id"]]["auth_token"] == hashlib.sha256(code.encode()).hexdigest()
    # The admin's own stays.
    assert club(cloud)["users"][admin["user_id"]] == admin


def test_the_clubs_secret_is_replaced(cloud, function, people, tmp_path):
    s3 = cloud.client("s3")

    def metadata() -> dict:
        return s3.head_object(Bucket="club-private", Key="data.json")["Metadata"]

    admin, member = people
    before, kept = metadata()["dojang-journal"], club(cloud)
    operate(cloud, tmp_path, "docs/running.md", "secret")
    assert metadata() == {} and club(cloud) == kept and not (tmp_path / "club.json").exists()
    # An instance that still knows the object notices. The codes stay, and the next change begins a new secret: the
    # list's first 16 bytes, after the number of its form.
    function.ok(action="admin_update_user", auth_token=admin["auth_token"], user_id=member["user_id"], role="Coach",
                name="Kim Lee")
    after = metadata()["dojang-journal"]
    assert after[:2] == before[:2] == "2." and after[2:22] != before[2:22]
    assert club(cloud)["users"][member["user_id"]] == {**member, "role": "Coach"}


def test_the_function_is_stopped_and_goes_back_to_the_last_package(cloud, tmp_path):
    s3, functions = cloud.client("s3"), cloud.client("lambda")
    packages = f"dojang-packages-123456789012-{REGION}"
    s3.create_bucket(Bucket=packages, CreateBucketConfiguration={"LocationConstraint": REGION})
    for name in ("old", "new"):
        s3.put_object(Bucket=packages, Key=f"club/{name}", Body=code(name))
    s3.put_object(Bucket=packages, Key="another/package", Body=code("another"))
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                                                     "Principal": {"Service": "lambda.amazonaws.com"}}]}
    role = cloud.client("iam").create_role(RoleName="club", AssumeRolePolicyDocument=json.dumps(trust))
    made = functions.create_function(FunctionName="club", Runtime="provided.al2023", Handler="bootstrap",
                                     Role=role["Role"]["Arn"], Code={"S3Bucket": packages, "S3Key": "club/new"})
    listed = operate(cloud, tmp_path, "docs/deploying.md", "rollback: list", "rollback: deploy",
                     STACK="club", KEY="club/old")
    assert "club/old" in listed and "club/new" in listed and "another" not in listed
    now = functions.get_function_configuration(FunctionName="club")
    assert now["CodeSize"] == len(code("old")) and now["CodeSha256"] != made["CodeSha256"]

    operate(cloud, tmp_path, "docs/deploying.md", "stop", FUNCTION="club")
    assert functions.get_function_concurrency(FunctionName="club")["ReservedConcurrentExecutions"] == 0


def test_a_budget_is_made(cloud, tmp_path):
    operate(cloud, tmp_path, "docs/running.md", "budget", EMAIL="trainer@club.example")
    budgets = cloud.client("budgets")
    budget, = budgets.describe_budgets(AccountId="123456789012")["Budgets"]
    assert (float(budget["BudgetLimit"]["Amount"]), budget["TimeUnit"]) == (10, "MONTHLY")
    notification, = budgets.describe_notifications_for_budget(
        AccountId="123456789012", BudgetName="club")["Notifications"]
    assert (notification["NotificationType"], notification["Threshold"]) == ("FORECASTED", 100)


def code(name: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(zipfile.ZipInfo("bootstrap"), name * len(name))
    return archive.getvalue()
