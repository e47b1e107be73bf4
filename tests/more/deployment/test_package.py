"""bootstrap/package: equal bytes from two folders, what is inside, and what is refused."""

import json
import os
import re
import stat
import subprocess
import zipfile
from pathlib import Path

import packages
import pytest
from conftest import ROOT, run
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

# The smallest of the service that this replaces had 18 MB zipped (docs/bench/cold_start.md, py-botocore).
LARGEST_ZIP = 3_000_000
# Issue 4's targets, in bytes.
LARGEST_STATIC = {"executable": 2_800_000, "zip": 1_350_000}


def test_two_folders_make_equal_bytes(made, arch, linkage):
    first, second = (made.get(folder, arch, linkage) for folder in (0, 1))
    print(f"{arch}, {linkage}: zip {first.zip.stat().st_size} bytes, executable "
          f"{packages.size_of_executable(first.report)} bytes, sha256 {first.sha256} and {second.sha256}")
    assert first.sha256 == second.sha256
    assert first.sbom.read_bytes() == second.sbom.read_bytes()
    assert first.sha256 in first.report


def test_what_is_inside(package_of, arch, linkage):
    made = package_of(arch)
    with zipfile.ZipFile(made.zip) as archive:
        assert archive.namelist() == ["bootstrap", "VERSION"]
        for entry in archive.infolist():
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
        mode = archive.getinfo("bootstrap").external_attr >> 16
        assert stat.filemode(mode) == "-rwxr-xr-x"
        version = archive.read("VERSION").decode()
        executable = archive.read("bootstrap")
    commit = run("git", "rev-parse", "HEAD", cwd=ROOT / "target/deployment/one").stdout.strip()
    assert version.splitlines()[:3] == [
        f"dojang {own_version()}", f"commit {commit}", f"target {packages.target(arch, linkage)}"]
    # Nothing of the machine it was made on.
    cargo_home = os.environ.get("CARGO_HOME", str(Path.home() / ".cargo"))
    for path in (str(ROOT), cargo_home, str(Path.home()), "target/deployment"):
        assert path.encode() not in executable, path
    assert made.zip.stat().st_size < LARGEST_ZIP


@pytest.mark.skipif(packages.linkage() != "static", reason="no Rust library for musl; dynamic packages are tested")
def test_it_needs_nothing_of_the_system(package_of, arch, tmp_path):
    """No loader and no library; and the system chooses the address."""
    with zipfile.ZipFile(package_of(arch).zip) as archive:
        executable = archive.extract("bootstrap", tmp_path)
    shown = run("readelf", "--wide", "--file-header", "--program-headers", "--dynamic", executable).stdout
    assert re.search(r"Type:\s+DYN ", shown) and re.search(r"FLAGS_1.* PIE", shown)
    assert "INTERP" not in shown and "NEEDED" not in shown
    for budget, size in (("executable", os.path.getsize(executable)), ("zip", package_of(arch).zip.stat().st_size)):
        print(f"{arch}: {budget} {size} bytes of {LARGEST_STATIC[budget]}")
        assert size <= LARGEST_STATIC[budget]


@pytest.mark.skipif(packages.linkage() != "static", reason="no Rust library for musl; dynamic packages are tested")
def test_our_copying_takes_the_place_of_musls(package_of):
    """Musl's memcpy, by its first instructions on x86-64, is in the archive that rustc links and not in the result."""
    begin = bytes.fromhex("48 89 f8 48 83 fa 08 72 14")
    libraries = run("rustc", "--print", "target-libdir", "--target", packages.target("x86_64", "static")).stdout.strip()
    assert begin in (Path(libraries) / "self-contained/libc.a").read_bytes()
    with zipfile.ZipFile(package_of("x86_64").zip) as archive:
        assert begin not in archive.read("bootstrap")


def test_dynamic_linkage_is_there_too(made):
    dynamic = made.get(1, "x86_64", "dynamic")
    version = re.search(r"^executable \d+ bytes, dynamic, glibc 2\.(\d+)$", dynamic.report, re.M)
    assert int(version[1]) <= 34
    assert "target x86_64-unknown-linux-gnu" in dynamic.report
    listed = {part["name"] for part in json.loads(dynamic.sbom.read_text())["components"]}
    assert listed.isdisjoint({"musl", "libunwind", "dlmalloc", "copying"})


def test_the_documented_sizes(package_of, arch, linkage):
    """About: compilers differ, and so does what is inside from one commit to the next."""
    document = (ROOT / "docs/deploying.md").read_text()
    executable, zipped = map(float, re.search(rf"^\| {arch} \| {linkage} \| ([\d.]+) MB \| ([\d.]+) MB \|$", document, re.M).groups())
    with zipfile.ZipFile(package_of(arch).zip) as archive:
        assert archive.getinfo("bootstrap").file_size / 1e6 == pytest.approx(executable, rel=0.1)
    assert package_of(arch).zip.stat().st_size / 1e6 == pytest.approx(zipped, rel=0.1)


def test_the_sbom_is_valid_and_complete(package_of, arch, linkage):
    bom = package_of(arch).sbom.read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bom) is None
    tree = run("cargo", "tree", "-p", "dojang", "--edges", "normal", "--prefix", "none", "--format", "{p}",
               "--locked", "--target", packages.target(arch, linkage))
    shipped = {tuple(line.split(" ")[:2]) for line in tree.stdout.splitlines() if line}
    listed = json.loads(bom)
    parts = {part["name"]: part for part in [*listed["components"], listed["metadata"]["component"]]}
    # What rustc brings.
    standard = parts.pop("rust-std")
    assert f"compiler rustc {standard['version']} " in package_of(arch).report
    for name in ("musl", "libunwind"):
        assert (parts.pop(name, None) is not None) == (linkage == "static")
    found = {(part["name"], "v" + part["version"]) for part in parts.values()}
    assert found == shipped and len(found) > 20


@pytest.fixture
def tree(tmp_path):
    """A small git repository with the script in it: what is refused is refused before anything is built."""
    (tmp_path / "bootstrap").mkdir()
    (tmp_path / "bootstrap/package").write_bytes((ROOT / "bootstrap/package").read_bytes())
    (tmp_path / "bootstrap/package").chmod(0o755)
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "all", "--no-gpg-sign"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True, env={**os.environ, **packages.AUTHOR})
    return tmp_path


# Every compiler here has its library.
BUILDABLE = ("--arch", "x86_64", "--linkage", "dynamic")


def refusal(tree, *arguments, **environment) -> str:
    """The one line that a refused run says."""
    ended = run("bootstrap/package", *arguments, cwd=tree, **environment)
    assert ended.returncode in (1, 2) and ended.stdout == "", ended.stdout
    line, = ended.stderr.splitlines()
    assert line.startswith("bootstrap/package: ")
    return line


def test_uncommitted_changes_are_refused(tree):
    (tree / "bootstrap/new").write_text("")
    assert "commit or stash them" in refusal(tree)


def test_no_repository_is_refused(tree):
    assert "clone" in refusal(tree, GIT_DIR=str(tree / "nowhere"))


def test_an_unknown_architecture_is_refused(tree):
    assert "expected arm64 or x86_64, found mips" in refusal(tree, "--arch", "mips")
    assert "--help" in refusal(tree, "--fast")
    assert "expected static or dynamic, found none" in refusal(tree, "--linkage", "none")
    assert "expected cargo, zigbuild or lambda" in refusal(tree, *BUILDABLE, "--with", "make")


@pytest.mark.skipif(packages.linkage() != "static", reason="no Rust library for musl")
def test_builders_that_give_a_fixed_address_are_refused_before_they_build(tree):
    for builder in ("zigbuild", "lambda"):
        for arch in ("arm64", "x86_64"):
            line = refusal(tree, "--arch", arch, "--with", builder)
            assert "fixed address" in line and "--linkage dynamic" in line


def test_a_missing_compiler_is_refused(tree):
    assert "install Rust" in refusal(tree, RUSTC="no-such-rustc")


def test_a_missing_target_is_refused(tree, tmp_path):
    rustc = tmp_path / ".git/rustc"
    rustc.write_text('#!/bin/sh\ncase "$*" in *target-libdir*) echo /nowhere;; *) exec rustc "$@";; esac\n')
    rustc.chmod(0o755)
    line = refusal(tree, RUSTC=str(rustc))
    assert "rustup target add aarch64-unknown-linux-musl" in line and "--linkage dynamic" in line
    line = refusal(tree, "--linkage", "dynamic", RUSTC=str(rustc))
    assert "rustup target add aarch64-unknown-linux-gnu" in line and "libstd-rust-web-dev:arm64" in line


def test_a_missing_linker_is_refused(tree, tmp_path):
    """A PATH with all that the script needs but a cross gcc."""
    tools = tmp_path / ".git/tools"
    tools.mkdir()
    for tool in ("bash", "env", "git", "sed", "dirname", "cat", "cargo"):
        found = run("bash", "-c", f"command -v {tool}").stdout.strip()
        (tools / tool).symlink_to(found)
    line = refusal(tree, "--linkage", "dynamic", RUSTC=packages.DEBIANS_RUSTC, PATH=str(tools))
    assert "'apt-get install gcc-aarch64-linux-gnu'" in line and "install cargo-zigbuild or cargo-lambda" in line
    line = refusal(tree, "--linkage", "dynamic", "--with", "cargo", RUSTC=packages.DEBIANS_RUSTC, PATH=str(tools))
    assert line.endswith("or give --with zigbuild")
    # For the machine itself Debian's package is gcc, and for x86_64 it has hyphens.
    host = tools / "rustc"
    for name, package in (("x86_64", "gcc"), ("aarch64", "gcc-x86-64-linux-gnu")):
        host.write_text('#!/bin/bash\ncase "$*" in *target-libdir*) echo "${0%/*}";; '
                        f'-vV) echo host: {name}-unknown-linux-gnu;; esac\n')
        host.chmod(0o755)
        (tools / "libstd-1.rlib").write_text("")
        line = refusal(tree, "--arch", "x86_64", RUSTC=str(host), PATH=str(tools))
        assert f"'apt-get install {package}'" in line
        # zig makes no static executable that is accepted, so it is advised for the other linkage only.
        assert "--linkage dynamic" in line and "install cargo-zigbuild" not in line
        line = refusal(tree, "--arch", "x86_64", "--with", "cargo", RUSTC=str(host), PATH=str(tools))
        assert f"'apt-get install {package}'" in line
        assert line.endswith("or give --linkage dynamic --with zigbuild")
    for builder in ("zigbuild", "lambda"):
        line = refusal(tree, "--linkage", "dynamic", "--with", builder, RUSTC=packages.DEBIANS_RUSTC,
                       PATH=str(tools))
        assert "from PyPI" in line


def test_an_executable_for_another_machine_is_refused(package_of, linkage, tmp_path):
    """The rest of what is refused is tested in bootstrap/packaging."""
    with zipfile.ZipFile(package_of("x86_64").zip) as archive:
        archive.extract("bootstrap", tmp_path)
    ended = run("cargo", "run", "--quiet", "--locked", "-p", "packaging", "--", "arm64", linkage,
                str(tmp_path / "bootstrap"), "commit", "compiler", str(tmp_path))
    assert ended.returncode == 1 and not (tmp_path / "bootstrap.zip").exists()
    assert "expected an executable for arm64, found X86_64" in ended.stderr


def own_version() -> str:
    metadata = run("cargo", "metadata", "--no-deps", "--locked", "--format-version", "1")
    return next(package["version"] for package in json.loads(metadata.stdout)["packages"]
                if package["name"] == "dojang")
