"""bootstrap/template.yaml: linted, then resolved and looked at."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from resolver import Refused, Stack

CLUB = {"PrivateBucketName": "club-private", "DataBucketName": "club-data", "AppBucketName": "club-app"}
TAKEOVER = {"ExistingBuckets": "true", "PrivateBucketName": "old-private", "DataBucketName": "old.data"}
DOMAIN = {"AppDomain": "club.example",
          "AppCertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/0b5f-7c1e"}
DEMO = {"TestSecret": "0123456789abcdef", "HourlyReset": "true"}


def test_cfn_lint_finds_nothing():
    lint = subprocess.run(
        [str(Path(sys.executable).with_name("cfn-lint")), "--regions", "eu-north-1", "us-east-1", "--", "bootstrap/template.yaml"],
        cwd=ROOT, capture_output=True, text=True)
    print(f"cfn-lint: exit code {lint.returncode}, {len(lint.stdout.splitlines())} lines of findings")
    assert (lint.returncode, lint.stdout) == (0, ""), lint.stdout + lint.stderr


@pytest.mark.parametrize("parameters", [{}, CLUB, TAKEOVER, DEMO, DOMAIN, {"AlarmEmail": "a@b.example"}])
def test_everything_resolves(template, parameters):
    stack = Stack(template, **parameters)
    text = json.dumps([stack.resources, stack.outputs])
    assert "Fn::" not in text and '"Ref"' not in text and "${" not in text


def test_the_private_bucket_is_private_kept_and_undoable(template):
    stack = Stack(template, **CLUB)
    resource, bucket = stack.resources["PrivateBucket"], stack.properties("PrivateBucket")
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    assert bucket["BucketName"] == "club-private"
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
    assert rules["old-versions"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    # The present version must never expire.
    assert not any("Expiration" in rule or "ExpirationInDays" in rule for rule in rules.values())
    assert {rule["Status"] for rule in rules.values()} == {"Enabled"}
    assert statements(stack, "PrivateBucketPolicy") == [tls_only("club-private")]


def test_what_holds_the_club_is_kept_unless_the_stack_never_came_up(template):
    kept = {name: resource["DeletionPolicy"] for name, resource in Stack(template, **CLUB).resources.items()
            if resource.get("DeletionPolicy", "Delete") != "Delete"}
    assert kept == dict.fromkeys(
        ["PrivateBucket", "PrivateBucketPolicy", "DataBucket", "DataBucketPolicy", "AppBucket"],
        "RetainExceptOnCreate")


def test_of_the_data_bucket_everybody_may_read_one_object(template):
    stack = Stack(template, **CLUB)
    assert stack.properties("DataBucket")["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True, "BlockPublicPolicy": False, "IgnorePublicAcls": True, "RestrictPublicBuckets": False}
    assert statements(stack, "DataBucketPolicy") == [
        {"Sid": "EverybodyReadsTheClub", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
         "Resource": "arn:aws:s3:::club-data/data.json"},
        tls_only("club-data"),
    ]


@pytest.mark.parametrize("origin", ["*", "https://club.example"])
def test_the_data_buckets_cors(template, origin):
    rule, = Stack(template, **CLUB, DataOrigin=origin).properties("DataBucket")["CorsConfiguration"]["CorsRules"]
    assert rule["AllowedOrigins"] == [origin]
    assert rule["AllowedMethods"] == ["GET", "HEAD"]
    assert "ETag" in rule["ExposedHeaders"]


def test_the_page_is_read_by_cloudfront_only(template):
    stack = Stack(template, **CLUB)
    assert set(stack.properties("AppBucket")["PublicAccessBlockConfiguration"].values()) == {True}
    assert statements(stack, "AppBucketPolicy") == [
        {"Sid": "CloudFrontReads", "Effect": "Allow", "Principal": {"Service": "cloudfront.amazonaws.com"},
         "Action": "s3:GetObject", "Resource": "arn:aws:s3:::club-app/*",
         "Condition": {"StringEquals": {
             "AWS:SourceArn": "arn:aws:cloudfront::123456789012:distribution/<AppDistribution>"}}},
        tls_only("club-app"),
    ]
    distribution = stack.properties("AppDistribution")["DistributionConfig"]
    origin, = distribution["Origins"]
    assert origin["DomainName"] == "club-app.s3.eu-north-1.amazonaws.com"
    assert origin["OriginAccessControlId"] == "<AppAccess.Id>"
    behaviour = distribution["DefaultCacheBehavior"]
    assert behaviour["ViewerProtocolPolicy"] == "redirect-to-https"
    assert behaviour["TargetOriginId"] == origin["Id"]
    assert behaviour["ResponseHeadersPolicyId"] == "<AppHeaders>"
    assert distribution["DefaultRootObject"] == "index.html" and distribution["Enabled"] is True
    access = stack.properties("AppAccess")["OriginAccessControlConfig"]
    assert (access["OriginAccessControlOriginType"], access["SigningBehavior"], access["SigningProtocol"]) == (
        "s3", "always", "sigv4")


def content_security_policy(stack: Stack) -> str:
    headers = stack.properties("AppHeaders")["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    return headers["ContentSecurityPolicy"]["ContentSecurityPolicy"]


@pytest.mark.parametrize("parameters,data", [
    # By path, since browsers refuse S3's certificate for https://old.data.s3.eu-north-1.amazonaws.com/.
    (CLUB, "https://s3.eu-north-1.amazonaws.com/club-data/data.json"),
    (TAKEOVER, "https://s3.eu-north-1.amazonaws.com/old.data/data.json"),
])
def test_the_page_may_talk_to_exactly_two_addresses(template, parameters, data):
    stack = Stack(template, **parameters)
    policy = content_security_policy(stack)
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["connect-src"].split(" ") == ["'self'", stack.outputs["FunctionUrl"], data]
    assert stack.outputs["DataUrl"] == data
    assert "unsafe" not in policy and "\n" not in policy


def test_the_page_has_the_policy_that_it_is_developed_with(template):
    page = ROOT / "local/src/page.rs"
    if not page.exists():
        pytest.skip("there is no local/src/page.rs (the members' page) in this tree")
    source = re.search(r'"(default-src .*?)"\n', page.read_text(), re.S)[1]
    source = re.sub(r"\\\n\s*", "", source)
    stack = Stack(template, **CLUB)
    expected = source.format(function_url=stack.outputs["FunctionUrl"], data_url=stack.outputs["DataUrl"])
    assert content_security_policy(stack) == expected


def test_the_function(template):
    function = Stack(template, **CLUB).properties("Function")
    assert function["FunctionName"] == "Club-1"
    assert (function["Runtime"], function["Handler"]) == ("provided.al2023", "bootstrap")
    assert (function["Architectures"], function["Timeout"], function["MemorySize"]) == (["arm64"], 10, 256)
    assert function["LoggingConfig"] == {"LogFormat": "JSON", "ApplicationLogLevel": "INFO",
                                         "SystemLogLevel": "INFO", "LogGroup": "/aws/lambda/Club-1"}
    assert function["Environment"]["Variables"] == {
        "PRIVATE_BUCKET_NAME": "club-private", "PUBLIC_BUCKET_NAME": "club-data"}
    assert "ReservedConcurrentExecutions" not in function


def test_the_functions_parameters(template):
    function = Stack(template, **CLUB, **DEMO, MemorySize="512", ReservedConcurrency="5", Architecture="x86_64",
                     FunctionName="club").properties("Function")
    assert (function["MemorySize"], function["ReservedConcurrentExecutions"]) == (512, 5)
    assert (function["Architectures"], function["FunctionName"]) == (["x86_64"], "club")
    assert function["Environment"]["Variables"]["TEST_SECRET"] == DEMO["TestSecret"]


def test_the_log_is_kept_for_as_long_as_asked(template):
    assert Stack(template).properties("FunctionLogs") == {
        "LogGroupName": "/aws/lambda/Club-1", "RetentionInDays": 30}
    stack = Stack(template, LogRetentionDays="7", FunctionName="club")
    assert stack.properties("FunctionLogs") == {"LogGroupName": "/aws/lambda/club", "RetentionInDays": 7}


def test_the_function_url_is_public_without_cors(template):
    stack = Stack(template, **CLUB)
    url = stack.properties("FunctionUrl")
    assert url["AuthType"] == "NONE" and "Cors" not in url
    # cfn-lint lets misspelt actions pass.
    permissions = list(stack.of_type("AWS::Lambda::Permission").values())
    function = "arn:aws:lambda:eu-north-1:123456789012:function:Club-1"
    assert url["TargetFunctionArn"] == function
    assert permissions == [
        {"FunctionName": function, "Action": "lambda:InvokeFunctionUrl", "Principal": "*",
         "FunctionUrlAuthType": "NONE"},
        {"FunctionName": function, "Action": "lambda:InvokeFunction", "Principal": "*",
         "InvokedViaFunctionUrl": True},
    ]


def test_the_demo_is_reset_every_hour(template):
    assert "ResetSchedule" not in Stack(template).resources
    stack = Stack(template, **DEMO)
    schedule = stack.properties("ResetSchedule")
    assert schedule["ScheduleExpression"] == "cron(0 * * * ? *)"
    target = schedule["Target"]
    assert json.loads(target["Input"]) == {"action": "any_reset_test_setup", "test_secret": DEMO["TestSecret"]}
    # The schedule's retries would be new operations; Lambda's carry the same request id.
    assert target["RetryPolicy"]["MaximumRetryAttempts"] == 0
    retries = stack.properties("FunctionRetries")
    assert retries["MaximumRetryAttempts"] <= 2 and retries["MaximumEventAgeInSeconds"] <= 600
    role = stack.properties("ResetRole")
    trust, = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    allowed, = role["Policies"][0]["PolicyDocument"]["Statement"]
    assert (allowed["Action"], allowed["Resource"]) == ("lambda:InvokeFunction", target["Arn"])


def test_the_alarms(template):
    stack = Stack(template)
    alarms = stack.of_type("AWS::CloudWatch::Alarm")
    found = {(alarm["Namespace"], alarm["MetricName"], alarm.get("Statistic", alarm.get("ExtendedStatistic")))
             for alarm in alarms.values()}
    assert found == {
        ("AWS/Lambda", "Errors", "Sum"), ("AWS/Lambda", "Url5xxCount", "Sum"), ("AWS/Lambda", "Throttles", "Sum"),
        ("AWS/Lambda", "Duration", "p99"), ("AWS/Lambda", "Url4xxCount", "Sum"),
        ("AWS/Lambda", "Invocations", "Sum"),
        ("dojang/Club-1", "ConflictsGivenUp", "Sum"), ("dojang/Club-1", "NearlyFull", "Sum"),
    }
    for alarm in alarms.values():
        assert alarm["TreatMissingData"] == "notBreaching"
        assert "AlarmActions" not in alarm
        if alarm["Namespace"] == "AWS/Lambda":
            assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": "Club-1"}]
    transformation, = stack.properties("ConflictsFilter")["MetricTransformations"]
    assert (transformation["MetricNamespace"], transformation["MetricName"]) == ("dojang/Club-1", "ConflictsGivenUp")
    told = Stack(template, AlarmEmail="trainer@club.example")
    assert told.properties("AlarmTopic")["Subscription"] == [
        {"Protocol": "email", "Endpoint": "trainer@club.example"}]
    for alarm in told.of_type("AWS::CloudWatch::Alarm").values():
        assert alarm["AlarmActions"] == ["<AlarmTopic>"]


def test_a_function_that_was_taken_over_is_watched_too(template):
    own = Stack(template, **TAKEOVER).of_type("AWS::CloudWatch::Alarm")
    stack = Stack(template, **TAKEOVER, AlsoWatch="old-club", AlarmEmail="trainer@club.example")
    both = stack.of_type("AWS::CloudWatch::Alarm")
    more = {name: alarm for name, alarm in both.items() if name not in own}
    assert len(more) == 6
    for name, alarm in more.items():
        twin = {**both[name.removeprefix("AlsoWatched")], "AlarmDescription": alarm["AlarmDescription"],
                "Dimensions": [{"Name": "FunctionName", "Value": "old-club"}]}
        assert alarm == twin


def test_the_metric_filter_looks_for_what_the_function_logs(template):
    """The end-to-end case logs::what_a_request_was_given_up_for_is_a_field holds the field and its value."""
    pattern = Stack(template).properties("ConflictsFilter")["FilterPattern"]
    field, value = re.fullmatch(r'\{ \$\.([a-z_]+) = "([a-z]+)" \}', pattern).groups()
    case = (ROOT / "tests/end_to_end/logs.rs").read_text()
    assert f'line["{field}"]' in case and f'json!("{value}")' in case


def test_the_size_filter_looks_for_what_the_function_logs(template):
    pattern = Stack(template).properties("SizeFilter")["FilterPattern"]
    words, = re.findall(r'\{ \$\.message = "\*(.*)\*" \}', pattern)
    limits = ROOT / "src/limits.rs"
    if not limits.exists():
        pytest.skip("there is no src/limits.rs (the sizes of objects) in this tree")
    assert words in limits.read_text()


def test_the_page_can_have_a_name_of_its_own(template):
    plain = Stack(template, **CLUB).properties("AppDistribution")["DistributionConfig"]
    assert "Aliases" not in plain and "ViewerCertificate" not in plain
    stack = Stack(template, **CLUB, **DOMAIN)
    named = stack.properties("AppDistribution")["DistributionConfig"]
    assert named["Aliases"] == ["club.example"]
    assert named["ViewerCertificate"] == {"AcmCertificateArn": DOMAIN["AppCertificateArn"],
                                          "SslSupportMethod": "sni-only", "MinimumProtocolVersion": "TLSv1.2_2021"}
    assert (stack.outputs["AppUrl"], stack.outputs["AppAlias"]) == (
        "https://club.example/", "<AppDistribution.DomainName>")


def test_a_takeover_leaves_the_buckets_alone(template):
    stack = Stack(template, **TAKEOVER)
    assert not {"PrivateBucket", "PrivateBucketPolicy", "DataBucket", "DataBucketPolicy"} & set(stack.resources)
    assert stack.properties("Function")["Environment"]["Variables"] == {
        "PRIVATE_BUCKET_NAME": "old-private", "PUBLIC_BUCKET_NAME": "old.data"}
    assert (stack.outputs["PrivateBucket"], stack.outputs["DataBucket"]) == ("old-private", "old.data")


def test_outputs_for_all_addresses(template):
    outputs = Stack(template, **CLUB).outputs
    assert {"FunctionUrl", "DataUrl", "AppUrl", "AppAlias", "AppBucket", "PrivateBucket", "DataBucket", "FunctionName",
            "FunctionRoleArn", "LogGroup", "AppDistributionId"} == set(outputs)
    assert outputs["AppUrl"] == "https://<AppDistribution.DomainName>/"


def test_the_secret_is_not_shown(template):
    assert template["Parameters"]["TestSecret"]["NoEcho"] is True
    assert "TestSecret" not in json.dumps(template["Outputs"])


@pytest.mark.parametrize("name,value,word", [
    ("DataOrigin", "club.example", "DataOrigin"),
    ("DataOrigin", "https://club.example/", "DataOrigin"),
    ("DataOrigin", "https://", "DataOrigin"),
    ("DataOrigin", "ftp://club.example", "DataOrigin"),
    ("DataOrigin", "", "DataOrigin"),
    ("TestSecret", "short", "16 to 128"),
    ("TestSecret", "with spaces in the middle", "TestSecret"),
    ("TestSecret", 'quote"quote"quote"', "TestSecret"),
    ("PrivateBucketName", "Club", "PrivateBucketName"),
    ("PrivateBucketName", "under_score", "PrivateBucketName"),
    ("PrivateBucketName", "two..dots", "PrivateBucketName"),
    ("PrivateBucketName", "-club", "PrivateBucketName"),
    ("PrivateBucketName", "ab", "PrivateBucketName"),
    ("DataBucketName", "c" * 64, "DataBucketName"),
    ("DataBucketName", "club/data", "DataBucketName"),
    ("AppBucketName", "with.dots", "AppBucketName"),
    ("MemorySize", "64", "MemorySize"),
    ("ReservedConcurrency", "-1", "ReservedConcurrency"),
    ("AlarmEmail", "nobody", "AlarmEmail"),
    ("AppDomain", "https://club.example", "AppDomain"),
    ("AppDomain", "club", "AppDomain"),
    ("AppCertificateArn", "arn:aws:acm:eu-north-1:123456789012:certificate/1", "us-east-1"),
    ("FunctionName", "my function", "FunctionName"),
    ("AlsoWatch", "arn:aws:lambda:eu-north-1:123456789012:function:old", "AlsoWatch"),
])
def test_a_bad_parameter_is_refused_with_a_message(template, name, value, word):
    with pytest.raises(Refused, match=word):
        Stack(template, **{name: value})


@pytest.mark.parametrize("parameters,word", [
    ({"ExistingBuckets": "true", "DataBucketName": "club-data"}, "PrivateBucketName"),
    ({"ExistingBuckets": "true", "PrivateBucketName": "club-private"}, "DataBucketName"),
    ({"HourlyReset": "true"}, "TestSecret"),
    ({"AppDomain": "club.example"}, "AppCertificateArn"),
    ({"AppCertificateArn": DOMAIN["AppCertificateArn"]}, "AppDomain"),
    ({**TAKEOVER, **DEMO}, "overwritten"),
    ({**TAKEOVER, "TestSecret": DEMO["TestSecret"]}, "overwritten"),
    ({**CLUB, "DataBucketName": "club-private"}, "must differ"),
    ({**CLUB, "AppBucketName": "club-private"}, "must differ"),
    ({**TAKEOVER, "DataBucketName": "old-private"}, "must differ"),
])
def test_parameters_that_do_not_go_together_are_refused(template, parameters, word):
    with pytest.raises(Refused, match=word):
        Stack(template, **parameters)


def test_the_takeover_parameters_must_be_filled_in(template):
    words = json.loads((ROOT / "bootstrap/takeover.json").read_text())
    parameters = dict(word.split("=", 1) for word in words)
    filled = {**parameters, "PrivateBucketName": "a-b-c", "DataBucketName": "d-e-f", "AlsoWatch": "old"}
    Stack(template, **filled)
    for name in ("PrivateBucketName", "DataBucketName", "AlsoWatch"):
        with pytest.raises(Refused, match=name):
            Stack(template, **{**filled, name: parameters[name]})


def statements(stack: Stack, name: str) -> list:
    return stack.properties(name)["PolicyDocument"]["Statement"]


def tls_only(bucket: str) -> dict:
    return {"Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
            "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
