"""The AWS CLI against the local S3 server: what an engineer tries first."""

import json
import urllib.error
import urllib.request

# More than the CLI sends in one piece.
LARGE_BYTES = 20_000_000


def test_buckets_and_objects_are_listed(s3, tmp_path):
    shown = s3.ok("""
        aws s3 ls
        echo one | aws s3 cp - "s3://$PRIVATE_BUCKET/data.json"
        echo two | aws s3 cp - "s3://$PRIVATE_BUCKET/sessions/täglich + 50%.json"
        aws s3 ls "s3://$PRIVATE_BUCKET"
        aws s3 ls --recursive --page-size 1 "s3://$PRIVATE_BUCKET"
        aws s3 cp "s3://$PRIVATE_BUCKET/sessions/täglich + 50%.json" -
    """, tmp_path).splitlines()
    names = [line.split(" ", 2)[2] for line in shown[:2]]
    assert names == [s3.private, s3.public]
    assert shown[2].strip() == "PRE sessions/" and shown[3].endswith(" data.json")
    assert shown[5].endswith(" sessions/täglich + 50%.json") and shown[6:] == ["two"]
    assert json.loads(s3.ok('aws s3api get-bucket-location --bucket "$PRIVATE_BUCKET"', tmp_path)) == {
        "LocationConstraint": s3.environment["AWS_REGION"]}
    s3.ok('aws s3api head-bucket --bucket "$PRIVATE_BUCKET"', tmp_path)


def test_folders_are_synchronised(s3, tmp_path):
    files = {"a.json": "1", "sessions/b.json": "2", "sessions/deep/c d.json": "3"}
    for name, text in files.items():
        (tmp_path / "there" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "there" / name).write_text(text)
    uploaded = s3.ok('aws s3 sync there "s3://$PRIVATE_BUCKET" --no-progress', tmp_path)
    assert uploaded.count("upload: ") == 3
    # What is there already is not sent again, and what is gone goes.
    (tmp_path / "there/a.json").unlink()
    again = s3.ok('aws s3 sync there "s3://$PRIVATE_BUCKET" --delete --no-progress', tmp_path)
    assert again.splitlines() == [f"delete: s3://{s3.private}/a.json"]
    s3.ok("""
        aws s3 sync "s3://$PRIVATE_BUCKET" "s3://$DATA_BUCKET"
        aws s3 sync "s3://$DATA_BUCKET" back
    """, tmp_path)
    back = {str(path.relative_to(tmp_path / "back")): path.read_text()
            for path in (tmp_path / "back").rglob("*") if path.is_file()}
    assert back == {name: text for name, text in files.items() if name != "a.json"}


def test_large_objects_go_in_parts(s3, tmp_path):
    (tmp_path / "large").write_bytes(bytes(range(250)) * (LARGE_BYTES // 250))
    s3.ok("""
        aws s3 cp large "s3://$PRIVATE_BUCKET/large" --metadata list=abc
        aws s3 cp "s3://$PRIVATE_BUCKET/large" "s3://$DATA_BUCKET/large"
        aws s3 cp "s3://$DATA_BUCKET/large" back
        cmp large back
    """, tmp_path)
    for bucket in (s3.private, s3.public):
        head = json.loads(s3.ok(f"aws s3api head-object --bucket {bucket} --key large", tmp_path))
        assert head["ETag"].endswith('-3"')
        # Version 1 of the CLI copies in parts without it.
        assert head["Metadata"] == ({"list": "abc"} if bucket == s3.private else {})
    left = s3.ok('aws s3api list-multipart-uploads --bucket "$PRIVATE_BUCKET" --query Uploads', tmp_path)
    assert json.loads(left) is None


def test_presigned_urls(s3, tmp_path):
    url = s3.ok("""
        echo secret | aws s3 cp - "s3://$PRIVATE_BUCKET/a b.json"
        aws s3 presign "s3://$PRIVATE_BUCKET/a b.json"
    """, tmp_path).strip()
    assert s3.ok(f"curl -fsS '{url}'", tmp_path) == "secret\n"
    for wrong, status in ((url.replace("a%20b", "c"), 403), (url.split("?")[0], 403), (url + "0", 400)):
        try:
            urllib.request.urlopen(wrong).close()
            raise AssertionError(wrong)
        except urllib.error.HTTPError as error:
            assert error.code == status, (wrong, error.read())


def test_what_is_deleted_can_be_had_back(s3, tmp_path):
    s3.ok("""
        for text in one two; do echo $text | aws s3 cp - "s3://$PRIVATE_BUCKET/data.json"; done
        aws s3 rm "s3://$PRIVATE_BUCKET/data.json"
    """, tmp_path)
    assert s3.ok('aws s3 ls "s3://$PRIVATE_BUCKET" || true', tmp_path) == ""
    listed = json.loads(s3.ok('aws s3api list-object-versions --bucket "$PRIVATE_BUCKET" --page-size 1', tmp_path))
    marker, = listed["DeleteMarkers"]
    second, first = listed["Versions"]
    assert marker["IsLatest"] and not second["IsLatest"] and second["LastModified"] >= first["LastModified"]
    script = """
        aws s3api get-object --bucket "$PRIVATE_BUCKET" --key data.json --version-id "$FIRST" first > /dev/null
        aws s3api delete-object --bucket "$PRIVATE_BUCKET" --key data.json --version-id "$MARKER" > /dev/null
        cat first; aws s3 cp "s3://$PRIVATE_BUCKET/data.json" -
    """
    shown = s3.ok(script, tmp_path, FIRST=first["VersionId"], MARKER=marker["VersionId"])
    assert shown == "one\ntwo\n"


def test_refusals_are_those_of_s3(s3, tmp_path):
    s3.ok('echo x | aws s3 cp - "s3://$PRIVATE_BUCKET/data.json"', tmp_path)
    get = "aws s3api get-object --bucket {} --key {} out"
    for command, environment, words in (
        (get.format(s3.private, "absent"), {}, "(NoSuchKey)"),
        (get.format("no-such-bucket", "absent"), {}, "(NoSuchBucket)"),
        (get.format(s3.private, "data.json") + " --version-id " + "0" * 32, {}, "(NoSuchVersion)"),
        (get.format(s3.private, "data.json") + " --if-match other", {}, "(PreconditionFailed)"),
        ("aws s3 ls", {"AWS_DEFAULT_REGION": "us-east-1"}, "the region 'us-east-1' is wrong"),
        ("aws s3 ls", {"AWS_SECRET_ACCESS_KEY": "wrong"}, "(SignatureDoesNotMatch)"),
        ("aws s3 rb --force s3://no-such-bucket", {}, "(NoSuchBucket)"),
    ):
        ended = s3.run(command, tmp_path, **environment)
        assert ended.returncode != 0 and words in ended.stderr, (command, ended.stdout, ended.stderr)
