"""The local buckets are as bootstrap/template.yaml makes them."""

import json

from documents import ROOT
from resolver import Stack, load


def test_buckets_are_set_up_as_the_template_does(s3, tmp_path):
    stack = Stack(load(ROOT / "bootstrap/template.yaml"))
    for name, resource in ((s3.private, "PrivateBucket"), (s3.public, "DataBucket")):
        made = stack.properties(resource)

        def setting(what: str) -> dict:
            ended = s3.run(f"aws s3api get-{what} --bucket {name}", tmp_path)
            assert ended.returncode == 0 or "NoSuch" in ended.stderr, ended.stderr
            return json.loads(ended.stdout or "{}")

        assert setting("bucket-versioning") == made.get("VersioningConfiguration", {}), name
        block = setting("public-access-block")["PublicAccessBlockConfiguration"]
        assert block == made["PublicAccessBlockConfiguration"], name
        rules = made.get("LifecycleConfiguration", {}).get("Rules", [])
        assert setting("bucket-lifecycle-configuration").get("Rules", []) == [shown(rule) for rule in rules], name


def shown(rule: dict) -> dict:
    """CloudFormation and S3's own API call some things by other names."""
    rule = {"ID": rule["Id"], "Filter": {"Prefix": ""}, **rule}
    del rule["Id"]
    if rule.pop("ExpiredObjectDeleteMarker", False):
        rule["Expiration"] = {"ExpiredObjectDeleteMarker": True}
    return rule
