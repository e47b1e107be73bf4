"""The takeover of docs/taking-over.md, command for command, of a club in the old service's form on moto; and bootstrap/deploy."""

import functools
import io
import json
import os
import shutil
import subprocess
import time
import zipfile

import boto3
import packages
import pytest
from cloud import Cloud
from conftest import ROOT, run
from documents import documented
from function import Function
from program import BIN
from resolver import REGION, Stack
from test_moto import club, public_club

NAMES = {"PRIVATE_BUCKET": "old-club-private", "DATA_BUCKET": "old-club-data", "OLD_FUNCTION": "old-club",
         "STACK": "new-club"}
SESSION = "3f0c2a52-7f8e-4f4e-9e0d-0f4b3f9f7a11"
ADMIN, MEMBER = "b5b0a7f4-3c0e-4c37-8f0f-6f7a6f0c1a01", "b5b0a7f4-3c0e-4c37-8f0f-6f7a6f0c1a02"


def old_club() -> dict:
    """As the Python service writes it: codes of 8 characters, a session without coach and comment, a key more."""
    ahead = int(time.time()) + 86_400
    return {
        "users": {
            ADMIN: {"user_id": ADMIN, "name": "Master Ærø", "role": "Admin", "auth_token": "aB3dE6gH"},
            MEMBER: {"user_id": MEMBER, "name": "Kim", "role": "Student", "auth_token": "zY9xW8vU", "belt": "red"},
        },
        "sessions": {SESSION: {"session_id": SESSION, "start_time": ahead, "end_time": ahead + 5_400,
                               "state": "scheduled", "participation": {ADMIN: "Yes"}}},
    }


@pytest.fixture
def cloud(tmp_path):
    """An account in which the old service runs."""
    with Cloud(tmp_path / "moto.log") as cloud:
        s3, functions = cloud.client("s3"), cloud.client("lambda")
        for bucket in (NAMES["PRIVATE_BUCKET"], NAMES["DATA_BUCKET"]):
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_policy(Bucket=NAMES["DATA_BUCKET"], Policy=json.dumps({
            "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
                                                    "Resource": f"arn:aws:s3:::{NAMES['DATA_BUCKET']}/*"}]}))
        # json.dumps with its defaults: spaces, and \u escapes.
        s3.put_object(Bucket=NAMES["PRIVATE_BUCKET"], Key="data.json", Body=json.dumps(old_club()))
        s3.put_object(Bucket=NAMES["PRIVATE_BUCKET"], Key="sessions/participation_data_2025.json", Body="{}")
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                                                         "Principal": {"Service": "lambda.amazonaws.com"}}]}
        role = cloud.client("iam").create_role(RoleName="all-of-s3", AssumeRolePolicyDocument=json.dumps(trust))
        functions.create_function(
            FunctionName=NAMES["OLD_FUNCTION"], Runtime="python3.12", Handler="lambda_function.lambda_handler",
            Role=role["Role"]["Arn"], Code={"ZipFile": old_code()}, Timeout=63, MemorySize=1024,
            Architectures=["x86_64"], Environment={"Variables": {
                "PRIVATE_BUCKET_NAME": NAMES["PRIVATE_BUCKET"], "PUBLIC_BUCKET_NAME": NAMES["DATA_BUCKET"]}})
        functions.create_function_url_config(FunctionName=NAMES["OLD_FUNCTION"], AuthType="NONE",
                                             Cors={"AllowOrigins": ["*"]})
        functions.add_permission(FunctionName=NAMES["OLD_FUNCTION"], StatementId="public-url", Principal="*",
                                 Action="lambda:InvokeFunctionUrl", FunctionUrlAuthType="NONE")
        functions.put_function_concurrency(FunctionName=NAMES["OLD_FUNCTION"], ReservedConcurrentExecutions=1)
        yield cloud


@functools.cache
def old_code() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("lambda_function.py", "def lambda_handler(event, context): ...\n")
    return archive.getvalue()


@pytest.fixture
def tree(package_of, tmp_path):
    """What the commands need of this tree, with a package that is there already, and stand-ins for what moto
    lacks: a function's code cannot be downloaded from it, and more that is said below.
    """
    tree = tmp_path / "tree"
    (tree / "bootstrap").mkdir(parents=True)
    (tree / "target/package").mkdir(parents=True)
    (tree / "web/lang").mkdir(parents=True)
    (tree / "web/index.html").write_text("<!doctype html>")
    (tree / "web/app.js").write_text("1")
    (tree / "web/lang/en.json").write_text("{}")
    for name in (".gitignore", "bootstrap/deploy", "bootstrap/template.yaml", "bootstrap/takeover.json",
                 "web/manifest.webmanifest"):
        shutil.copy(ROOT / name, tree / name)
    arm64 = package_of("arm64").zip
    package = tree / "bootstrap/package"
    # It refuses what the real one refuses: a changed tree, unless told otherwise.
    package.write_text(f'''#!/bin/bash
set -e
echo "$@" >> target/package/arguments
changes=$(git status --porcelain)
[[ -z $changes || " $* " = *" --allow-uncommitted "* ]] || {{ echo "uncommitted: $changes" >&2; exit 1; }}
cp "{arm64}" target/package/bootstrap.zip
''')
    package.chmod(0o755)
    page = tree / "bootstrap/page"
    page.write_text("#!/bin/bash\nrm -rf target/package/web\ncp -r web target/package/web\n")
    page.chmod(0o755)
    tools = tree / "tools"
    tools.mkdir()
    (tools / "old.zip").write_bytes(old_code())
    (tools / "curl").write_text(f'#!/bin/sh\ncp "{tools}/old.zip" takeover/old.zip\n')
    # Made up: moto's Lambda does not run our executable, and its stacks have no outputs.
    (tools / "aws").write_text(f'''#!/bin/bash
words="$*"
echo "$words" >> "{tree}/target/calls"
case "$words" in
  "lambda invoke "*)
    [ ! -e "{tree}/target/broken" ] || {{ echo "AccessDeniedException" >&2; exit 254; }}
    echo '{{"statusCode": 200, "body": "{{}}"}}' > "${{@: -1}}"
    cp "${{6#fileb://}}" "{tree}/target/invoked";;
  "cloudfront create-invalidation "*) ;;
  "cloudformation deploy "*) [ -e "{tree}/target/unchanged" ] || exec "{BIN}/aws" "$@";;
  *describe-stacks*"'Architecture'"*) exec "{BIN}/aws" "$@";;
  *describe-stacks*"'AppBucket'"*) exec "{BIN}/aws" s3api list-buckets --output text \\
    --query "Buckets[?contains(Name, 'appbucket')].Name | [0]";;
  *describe-stacks*"'FunctionUrl'"*) echo https://abc.lambda-url.{REGION}.on.aws/;;
  *describe-stacks*"'DataUrl'"*) echo https://club-data.s3.{REGION}.amazonaws.com/data.json;;
  *describe-stacks*"'FunctionName'"*) echo "$5";;
  *describe-stacks*"'Club"*) echo None;;
  *describe-stacks*) echo "of-the-stack";;
  *) exec "{BIN}/aws" "$@";;
esac
''')
    for tool in tools.iterdir():
        tool.chmod(0o755)
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "all", "--no-gpg-sign"]):
        subprocess.run(["git", *command], cwd=tree, check=True, env={**os.environ, **packages.AUTHOR})
    return tree


def script(tree, text: str) -> str:
    return f'PATH="{tree}/tools:$PATH"\n{text}'


def test_the_steps_and_the_way_back(cloud, tree, executable):
    s3, functions = cloud.client("s3"), cloud.client("lambda")
    before = club(cloud, NAMES["PRIVATE_BUCKET"])
    address = functions.get_function_url_config(FunctionName=NAMES["OLD_FUNCTION"])["FunctionUrl"]
    ended = cloud.run(script(tree, documented("docs/taking-over.md", "takeover: steps")), tree, **NAMES)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    print(ended.stdout[-1500:])

    # 1. What there was is kept.
    assert s3.get_bucket_versioning(Bucket=NAMES["PRIVATE_BUCKET"])["Status"] == "Enabled"
    assert json.loads((tree / "takeover/private/data.json").read_text()) == before
    assert (tree / "takeover/private/sessions/participation_data_2025.json").read_text() == "{}"
    assert (tree / "takeover/old.zip").read_bytes() == old_code()
    expiry, = s3.get_bucket_lifecycle_configuration(Bucket=NAMES["PRIVATE_BUCKET"])["Rules"]
    assert expiry["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30} and expiry["Status"] == "Enabled"
    # And cannot get into a commit.
    assert run("git", "status", "--porcelain", cwd=tree).stdout == ""
    # 2. The stack made no second club's buckets, and the page names the addresses.
    names = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    assert not any(name.startswith(("new-club-privatebucket", "new-club-databucket")) for name in names)
    # 3. Same address, new code, narrow role, no Cors, no limit.
    new = functions.get_function_configuration(FunctionName=NAMES["OLD_FUNCTION"])
    beside = functions.get_function_configuration(FunctionName=NAMES["STACK"])
    assert (new["Runtime"], new["Handler"], new["Timeout"]) == ("provided.al2023", "bootstrap", 10)
    assert new["Role"] == beside["Role"] and new["CodeSha256"] == beside["CodeSha256"]
    assert new["Environment"]["Variables"] == beside["Environment"]["Variables"]
    url = functions.get_function_url_config(FunctionName=NAMES["OLD_FUNCTION"])
    assert url["FunctionUrl"] == address
    assert ("dojang-invoke", "lambda:InvokeFunction", "*", True) in permissions(functions)
    # Another time it is there already.
    lines = documented("docs/taking-over.md", "takeover: steps").splitlines(keepends=True)
    start = next(number for number, line in enumerate(lines) if line.startswith("aws lambda get-policy"))
    again = cloud.run("".join(lines[start:start + 3]), tree, **NAMES)
    assert again.returncode == 0, again.stderr
    # moto takes an empty `Cors` as none given; that it was asked for can be seen.
    log = (tree.parent / "moto.log").read_text()
    assert f'"PUT /2021-10-31/functions/{NAMES["OLD_FUNCTION"]}/url HTTP/1.1" 200' in log
    assert "ReservedConcurrentExecutions" not in functions.get_function_concurrency(
        FunctionName=NAMES["OLD_FUNCTION"])

    # What members use is watched (test_template.py has the alarms that this makes), and can be updated.
    stack, = cloud.client("cloudformation").describe_stacks(StackName=NAMES["STACK"])["Stacks"]
    assert {"ParameterKey": "AlsoWatch", "ParameterValue": NAMES["OLD_FUNCTION"]} in stack["Parameters"]
    update = cloud.run(documented("docs/taking-over.md", "takeover: update"), tree, **NAMES)
    assert update.returncode == 0, update.stderr

    # The real executable on it.
    environment = {**new["Environment"]["Variables"], **cloud.environment}
    with Function(executable, environment) as function:
        function.ok(action="any_trigger_initialization")
        assert club(cloud, NAMES["PRIVATE_BUCKET"]) == before
        published = public_club(cloud, NAMES["DATA_BUCKET"])
        assert published["users"][MEMBER]["belt"] == "red" and "zY9xW8vU" not in json.dumps(published)
        function.ok(action="any_register_participation", joining_sessions={SESSION: "Maybe"},
                    user_auth_tokens=["zY9xW8vU"])
        after = club(cloud, NAMES["PRIVATE_BUCKET"])
        before["sessions"][SESSION]["participation"][MEMBER] = "Maybe"
        assert after == before

        # Old codes are listed, and replaced.
        listed = cloud.run(documented("docs/taking-over.md", "takeover: list"), tree, **NAMES)
        assert listed.returncode == 0, listed.stderr
        assert sorted(listed.stdout.splitlines()) == sorted([f"{ADMIN} Admin Master Ærø", f"{MEMBER} Student Kim"])
        code = function.ok(action="admin_reset_auth_token", auth_token="aB3dE6gH", user_id=MEMBER)["auth_token"]
        assert len(code) == 12
        listed = cloud.run(documented("docs/taking-over.md", "takeover: list"), tree, **NAMES)
        assert listed.stdout.splitlines() == [f"{ADMIN} Admin Master Ærø"]

    # And back.
    settings = cloud.run(documented("docs/taking-over.md", "takeover: settings"), tree, **NAMES)
    assert settings.returncode == 0, settings.stderr
    ended = cloud.run(documented("docs/taking-over.md", "takeover: back"), tree, **NAMES)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    back = functions.get_function_configuration(FunctionName=NAMES["OLD_FUNCTION"])
    assert (back["Runtime"], back["Handler"]) == ("python3.12", "lambda_function.lambda_handler")
    assert (back["Role"].rsplit("/", 1)[1], back["Timeout"], back["MemorySize"]) == ("all-of-s3", 63, 1024)
    assert back["CodeSize"] == len(old_code())
    url = functions.get_function_url_config(FunctionName=NAMES["OLD_FUNCTION"])
    assert (url["FunctionUrl"], url["Cors"]["AllowOrigins"]) == (address, ["*"])
    assert functions.get_function_concurrency(
        FunctionName=NAMES["OLD_FUNCTION"])["ReservedConcurrentExecutions"] == 1
    # Lambda asks for both permissions since 1 November 2026, whatever the function's code is.
    assert permissions(functions) == [("public-url", "lambda:InvokeFunctionUrl", "*", None),
                                      ("dojang-invoke", "lambda:InvokeFunction", "*", True)]
    # What the old service finds is what it wrote, with the changes.
    assert club(cloud, NAMES["PRIVATE_BUCKET"])["users"][MEMBER] == {
        **old_club()["users"][MEMBER], "auth_token": code}


def permissions(functions) -> list[tuple]:
    """Who may do what with the old function: statement's name, action, principal, whether by its URL only."""
    policy = json.loads(functions.get_policy(FunctionName=NAMES["OLD_FUNCTION"])["Policy"])
    return [(statement["Sid"], statement["Action"], statement["Principal"], statement.get("InvokedViaFunctionUrl"))
            for statement in policy["Statement"]]


def test_the_private_bucket_can_be_made_tls_only(cloud, tree, template):
    """Apart from the steps: moto takes the condition as fulfilled, and denies everything from then on, questions
    for the policy too. So it is compared as it was sent.
    """
    ended = cloud.run(script(tree, documented("docs/taking-over.md", "takeover: tls")), tree, **NAMES)
    assert ended.returncode == 0, ended.stderr
    call = (tree / "target/calls").read_text()
    stack = Stack(template, PrivateBucketName=NAMES["PRIVATE_BUCKET"])
    assert json.loads(call[call.index("{"):]) == stack.properties("PrivateBucketPolicy")["PolicyDocument"]


def test_a_file_of_parameters_takes_over_too(cloud, tree):
    """As docs/taking-over.md says; the names stay out of git."""
    words = json.loads((tree / "bootstrap/takeover.json").read_text())
    names = iter([NAMES["PRIVATE_BUCKET"], NAMES["DATA_BUCKET"], NAMES["OLD_FUNCTION"]])
    filled = [words[0], *(f"{word.split('=')[0]}={next(names)}" for word in words[1:])]
    (tree / "parameters.json").write_text(json.dumps(filled))
    ended = cloud.run(script(tree, 'bootstrap/deploy "$STACK" file://parameters.json'), tree, **NAMES)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    function = cloud.client("lambda").get_function_configuration(FunctionName=NAMES["STACK"])
    assert function["Environment"]["Variables"]["PRIVATE_BUCKET_NAME"] == NAMES["PRIVATE_BUCKET"]


def test_one_command_deploys(cloud, tree):
    """`bootstrap/deploy` with the AWS CLI against moto."""
    (tree / "parameters-demo.json").write_text(
        '["Architecture=x86_64", "LogRetentionDays=7", "TestSecret=0123456789abcdef"]')
    ended = cloud.run(script(tree, "bootstrap/deploy club file://parameters-demo.json"), tree)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "0123456789abcdef" not in ended.stdout + ended.stderr
    assert (tree / "target/package/arguments").read_text() == "--arch x86_64\n"
    group, = cloud.client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/club")["logGroups"]
    assert group["retentionInDays"] == 7
    function = cloud.client("lambda").get_function_configuration(FunctionName="club")
    assert function["Environment"]["Variables"]["TEST_SECRET"] == "0123456789abcdef"
    assert function["Architectures"] == ["x86_64"]

    s3 = cloud.client("s3")
    app, = (bucket["Name"] for bucket in s3.list_buckets()["Buckets"] if "appbucket" in bucket["Name"])
    files = {entry["Key"]: s3.head_object(Bucket=app, Key=entry["Key"])
             for entry in s3.list_objects_v2(Bucket=app)["Contents"]}
    assert {name: head["CacheControl"] for name, head in files.items()} == {
        "index.html": "no-cache", "config.json": "no-cache", "manifest.webmanifest": "no-cache", "app.js": "max-age=60", "lang/en.json": "max-age=60"}
    assert files["index.html"]["ContentType"] == "text/html"
    config = json.loads(s3.get_object(Bucket=app, Key="config.json")["Body"].read())
    assert config == {"functionUrl": f"https://abc.lambda-url.{REGION}.on.aws/",
                      "dataUrl": f"https://club-data.s3.{REGION}.amazonaws.com/data.json"}
    assert json.loads((tree / "target/invoked").read_text()) == {"action": "any_trigger_initialization"}
    # New files come before what names them, and CloudFront is told in the end.
    assert order(tree) == ["sync", "config.json", "manifest.webmanifest", "index.html", "sync --delete",
                           "create-invalidation"]
    calls = (tree / "target/calls").read_text()
    assert "s3api head-bucket --bucket dojang-packages-123456789012-" in calls
    assert "--expected-bucket-owner 123456789012" in calls
    # Where the login code is, and not the code.
    assert "aws s3 cp s3://" in ended.stdout

    # Again: a file of the page that is gone goes. moto 5.2.5 cannot update a stack that has conditions.
    (tree / "web/app.js").unlink()
    (tree / "target/unchanged").touch()
    # With an uncommitted change, too, if asked for.
    ended = cloud.run(script(tree, "bootstrap/deploy club"), tree)
    assert ended.returncode == 1 and "uncommitted" in ended.stderr
    ended = cloud.run(script(tree, "bootstrap/deploy club --allow-uncommitted --linkage dynamic"), tree)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert (tree / "target/package/arguments").read_text() == (
        "--arch x86_64\n--arch x86_64\n--arch x86_64 --allow-uncommitted --linkage dynamic\n")
    assert {entry["Key"] for entry in s3.list_objects_v2(Bucket=app)["Contents"]} == set(files) - {"app.js"}


def test_the_page_gets_a_name_of_its_own(cloud, tree):
    commands = [documented("docs/deploying.md", marker) for marker in ("domain: certificate", "domain: deploy")]
    ended = cloud.run(script(tree, "".join(commands)), tree, DOMAIN="club.example", STACK="club")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "CNAME" in ended.stdout
    # moto's stacks have no CloudFront: test_template.py has what these parameters make of it.
    stack, = cloud.client("cloudformation").describe_stacks(StackName="club")["Stacks"]
    given = {entry["ParameterKey"]: entry["ParameterValue"] for entry in stack["Parameters"]}
    certificates = boto3.client("acm", endpoint_url=cloud.endpoint, region_name="us-east-1",
                                aws_access_key_id="testing", aws_secret_access_key="testing")
    certificate, = certificates.list_certificates()["CertificateSummaryList"]
    assert (given["AppDomain"], given["AppCertificateArn"]) == ("club.example", certificate["CertificateArn"])


def order(tree) -> list[str]:
    """What was done to the page's files, in order."""
    found = []
    for call in (tree / "target/calls").read_text().splitlines():
        if call.startswith("s3 sync "):
            found.append("sync --delete" if "--delete" in call else "sync")
        elif call.startswith("s3 cp "):
            found.append(call.split(" ")[3].rsplit("/", 1)[1])
        elif call.startswith("cloudfront create-invalidation --distribution-id "):
            found.append("create-invalidation")
    return found


@pytest.mark.parametrize("text,arch", [
    ('["Architecture=arm64"]', "arm64"), ('["Architecture=x86_64"]', "x86_64"), ('["MemorySize=256"]', "x86_64"),
    ('[{"ParameterKey": "Architecture", "ParameterValue": "arm64"}]', "arm64")])
def test_a_file_of_parameters_names_the_architecture(cloud, tree, text, arch):
    """What is there already has the other one."""
    ended = cloud.run(script(tree, "bootstrap/deploy club Architecture=x86_64"), tree)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (tree / "target/unchanged").touch()
    (tree / "parameters.json").write_text(text)
    ended = cloud.run(script(tree, "bootstrap/deploy club file://parameters.json"), tree)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert (tree / "target/package/arguments").read_text() == f"--arch x86_64\n--arch {arch}\n"


def test_a_strangers_bucket_does_not_get_the_package(cloud, tree):
    """The name can be foreseen, so anybody may have taken it; S3 then answers 403 to the question whose it is."""
    tool = tree / "tools/aws"
    tool.write_text(tool.read_text().replace('case "$words" in', '''case "$words" in
  "s3api head-bucket "*--expected-bucket-owner*) exit 254;;
  "s3 mb "*) echo "make_bucket failed: BucketAlreadyExists" >&2; exit 1;;''', 1))
    ended = cloud.run(script(tree, "git commit -qam tools; bootstrap/deploy club"), tree, **packages.AUTHOR)
    assert ended.returncode == 1 and "DOJANG_PACKAGE_BUCKET" in ended.stderr
    assert "cloudformation package" not in (tree / "target/calls").read_text()


def test_why_the_function_could_not_be_asked_is_shown(cloud, tree):
    (tree / "target/broken").touch()
    ended = cloud.run(script(tree, "bootstrap/deploy club"), tree)
    assert ended.returncode != 0 and "AccessDeniedException" in ended.stderr
    assert (tree / "target/calls").read_text().count("lambda invoke") == 1


@pytest.mark.parametrize("arguments,word", [
    ("", "name of a stack"), ("my_club", "letters, digits and hyphens"), ("--fast", "name of a stack"),
    ("c" * 41, "up to 40"), ("club --fast", "unknown option"), ("club --with", "needs a value"),
    ("club --linkage", "needs a value")])
def test_deploy_says_what_is_wrong(tree, arguments, word):
    ended = run("bash", "-c", f"bootstrap/deploy {arguments}", cwd=tree)
    assert ended.returncode == 2 and word in ended.stderr and len(ended.stderr.splitlines()) == 1


def test_deploy_without_a_club_fails(cloud, tree):
    tool = tree / "tools/aws"
    tool.write_text(tool.read_text().replace('"statusCode": 200', '"statusCode": 500'))
    ended = cloud.run(script(tree, "bootstrap/deploy club --allow-uncommitted --linkage dynamic"), tree)
    assert ended.returncode == 1 and "the function could not be reached" in ended.stderr


def test_deploy_without_the_aws_cli_says_so(tree, tmp_path):
    tools = tmp_path / "few"
    tools.mkdir()
    for tool in ("bash", "dirname"):
        (tools / tool).symlink_to(shutil.which(tool))
    ended = run("bootstrap/deploy", "club", cwd=tree, PATH=str(tools))
    line, = ended.stderr.splitlines()
    assert ended.returncode == 1 and "install it" in line
