"""The packaged executables between the emulator and the S3 server of `local/`: the end-to-end tests run them."""

import platform
import re
import zipfile

import pytest
from cloud import Cloud
from conftest import run
from function import Function

# A static executable needs nothing else. Of a dynamic one, the loader and libraries are those of libc6:arm64 and
# libgcc-s1:arm64. Not `-L /usr/aarch64-linux-gnu`: with the cross packages' loader and these libraries (of another
# build) the first thread never starts.
QEMU = ["qemu-aarch64-static"]
pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="arm64 is emulated on x86_64 here")


@pytest.fixture(scope="module")
def arm64(package_of, tmp_path_factory):
    """The arm64 executable, and a script that runs it."""
    folder = tmp_path_factory.mktemp("arm64")
    with zipfile.ZipFile(package_of("arm64").zip) as archive:
        archive.extract("bootstrap", folder)
    (folder / "bootstrap").chmod(0o755)
    (folder / "emulated").write_text(f"#!/bin/sh\nexec {' '.join(QEMU)} {folder}/bootstrap\n")
    (folder / "emulated").chmod(0o755)
    return folder


def test_it_is_for_arm64(arm64):
    shown = run("readelf", "--file-header", str(arm64 / "bootstrap")).stdout
    assert re.search(r"Machine:\s+AArch64", shown)


def test_arm64_answers_under_qemu(arm64, tmp_path):
    """A first start and a refusal, seen from outside."""
    with Cloud(tmp_path / "moto.log") as cloud:
        s3 = cloud.client("s3")
        for bucket in ("club-private", "club-data"):
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-north-1"})
        environment = {**cloud.environment, "PRIVATE_BUCKET_NAME": "club-private", "PUBLIC_BUCKET_NAME": "club-data"}
        with Function([*QEMU, str(arm64 / "bootstrap")], environment) as function:
            made = function.call(action="any_trigger_initialization")
            refused = function.call(action="admin_show_auth_token", auth_token="AAAAAAAAAAAA", user_id="x")
        print(f"arm64 under qemu: {made}, {refused}")
        assert made == (200, {}) and refused[0] == 400 and refused[1]["error"]
        assert s3.head_object(Bucket="club-data", Key="data.json")["ContentLength"] > 100


@pytest.mark.parametrize("topic", ["first_start", "requests::"])
def test_arm64_passes_end_to_end_tests_under_qemu(arm64, topic):
    ended = run("cargo", "test", "--quiet", "--locked", "--test", "end_to_end", "--", topic,
                DOJANG_EXECUTABLE=str(arm64 / "emulated"))
    assert ended.returncode == 0, (ended.stdout + ended.stderr)[-5000:]
    passed = int(re.search(r"^(\d+) passed, 0 failed$", ended.stdout, re.M)[1])
    print(f"arm64 under qemu: {passed} cases of {topic} passed")
    assert passed >= 4


def test_x86_64_passes_all_end_to_end_tests(executable):
    """`cargo test` runs them on the plain build; what is shipped has another C library and allocator."""
    ended = run("cargo", "test", "--quiet", "--locked", "--test", "end_to_end", DOJANG_EXECUTABLE=executable[0])
    assert ended.returncode == 0, (ended.stdout + ended.stderr)[-5000:]
    passed = int(re.search(r"^(\d+) passed, 0 failed$", ended.stdout, re.M)[1])
    print(f"x86_64: all {passed} cases passed")
    assert passed >= 100


def test_x86_64_stays_as_small_as_it_was(executable):
    """The shipped allocator is another one than the plain build's."""
    ended = run("cargo", "test", "--quiet", "--locked", "--test", "soak", "--", "--nocapture",
                DOJANG_EXECUTABLE=executable[0], DOJANG_INVOCATIONS=None)
    assert ended.returncode == 0, (ended.stdout + ended.stderr)[-5000:]
    measured = re.search(r"^2000 invocations: .*$", ended.stdout, re.M)[0]
    print(f"x86_64: {measured}")
