"""moto as AWS: a server that the AWS CLI, boto3 and the function itself talk to."""

import json
import os
import subprocess
import urllib.request
from pathlib import Path

import boto3
from program import Program, free_ports, moto, shell
from resolver import REGION, Stack


class Cloud(Program):
    """A moto server of its own; `with` ends it."""

    def __init__(self, log: Path):
        port = free_ports(1)[0]
        super().__init__(moto(port), log)
        self.endpoint = f"http://127.0.0.1:{port}"
        self.patiently(lambda: urllib.request.urlopen(f"{self.endpoint}/moto-api/data.json").close())
        # Invocations are answered by moto itself; the function runs beside it, not in it.
        request = urllib.request.Request(f"{self.endpoint}/moto-api/config", method="POST",
                                         data=b'{"lambda": {"use_docker": false}}',
                                         headers={"Content-Type": "application/json"})
        urllib.request.urlopen(request).close()

    @property
    def environment(self) -> dict[str, str]:
        """What makes the AWS CLI and the function use this server. The function trusts it as it trusts AWS. If the
        function tried it, it would find now and then that several writes pass one `If-Match`, and refuse changes."""
        return {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_SESSION_TOKEN": "testing",
                "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": self.endpoint,
                "DOJANG_S3_SERVER": "trusted"}

    def client(self, service: str):
        """A boto3 client."""
        return boto3.client(service, endpoint_url=self.endpoint, region_name=REGION,
                            aws_access_key_id="testing", aws_secret_access_key="testing")

    def run(self, script: str, cwd: Path, **environment) -> subprocess.CompletedProcess:
        """Runs a shell script in which `aws` is the AWS CLI of the pinned packages."""
        return shell(script, cwd, {**os.environ, **self.environment, **environment})

    def apply_bucket_settings(self, stack: Stack) -> None:
        """What moto's CloudFormation skips, from the resolved template."""
        s3 = self.client("s3")
        for name, bucket in stack.of_type("AWS::S3::Bucket").items():
            # Those without a name in the template got one from CloudFormation.
            if "BucketName" not in bucket:
                continue
            at = {"Bucket": bucket["BucketName"]}
            s3.put_public_access_block(
                **at, PublicAccessBlockConfiguration=bucket["PublicAccessBlockConfiguration"])
            s3.put_bucket_ownership_controls(**at, OwnershipControls=bucket["OwnershipControls"])
            encryption = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
            s3.put_bucket_encryption(**at, ServerSideEncryptionConfiguration={"Rules": [
                {"ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"]}
                for rule in encryption]})
            if "VersioningConfiguration" in bucket:
                s3.put_bucket_versioning(**at, VersioningConfiguration=bucket["VersioningConfiguration"])
            if "CorsConfiguration" in bucket:
                rules = [_renamed(rule, Id="ID", MaxAge="MaxAgeSeconds", ExposedHeaders="ExposeHeaders")
                         for rule in bucket["CorsConfiguration"]["CorsRules"]]
                s3.put_bucket_cors(**at, CORSConfiguration={"CORSRules": rules})
            if "LifecycleConfiguration" in bucket:
                s3.put_bucket_lifecycle_configuration(**at, LifecycleConfiguration={"Rules": [
                    _lifecycle(rule) for rule in bucket["LifecycleConfiguration"]["Rules"]]})
        for policy in stack.of_type("AWS::S3::BucketPolicy").values():
            # moto 5.2.5 does not know the conditions used here (TLS only, CloudFront only) and takes them as
            # fulfilled, so that it would deny everything: those statements are tested on the template.
            document = {**policy["PolicyDocument"], "Statement": [
                statement for statement in policy["PolicyDocument"]["Statement"] if "Condition" not in statement]}
            if document["Statement"]:
                s3.put_bucket_policy(Bucket=policy["Bucket"], Policy=json.dumps(document))


def _renamed(rule: dict, **names: str) -> dict:
    """CloudFormation and S3's own API call some things by other names."""
    return {names.get(name, name): value for name, value in rule.items()}


def _lifecycle(rule: dict) -> dict:
    rule = {**_renamed(rule, Id="ID"), "Filter": {"Prefix": ""}}
    if rule.pop("ExpiredObjectDeleteMarker", False):
        rule["Expiration"] = {"ExpiredObjectDeleteMarker": True}
    return rule
