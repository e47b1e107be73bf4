"""What the tests share: the template, packages, and a copy of the tree that is committed."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent.parent
sys.path[:0] = [str(HERE), str(HERE.parent / "shared")]

from resolver import load  # noqa: E402


@pytest.fixture(scope="session")
def template() -> dict:
    return load(ROOT / "bootstrap/template.yaml")


def run(*command, cwd=ROOT, **environment) -> subprocess.CompletedProcess:
    """Runs a command with further environment variables; `None` takes one away."""
    variables = {**os.environ, **environment}
    variables = {name: value for name, value in variables.items() if value is not None}
    return subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True)


import packages  # noqa: E402


@pytest.fixture(scope="session")
def made(linkage):
    """The packages of two copies of the tree at places of different lengths."""
    folders = [ROOT / "target/deployment/one", ROOT / "target/deployment/another/folder"]
    with packages.Packages(ROOT, folders, linkage) as made:
        yield made


def pytest_collection_modifyitems(items):
    """Packages are made in the background, in this order: so first what needs none, then what needs the first one."""
    def stage(item):
        names = set(item.fixturenames)
        return 0 if not NEED_A_PACKAGE & names else 2 if {"arch", "arm64", "made"} & names else 1
    items.sort(key=stage)


NEED_A_PACKAGE = {"made", "package_of"}


@pytest.fixture(scope="session", autouse=True)
def begun(request):
    """Begins to make the packages if any of the tests needs one."""
    if any(NEED_A_PACKAGE & set(item.fixturenames) for item in request.session.items):
        request.getfixturevalue("package_of")


@pytest.fixture(scope="session", params=["x86_64", "arm64"])
def arch(request) -> str:
    return request.param


@pytest.fixture(scope="session")
def linkage() -> str:
    """How the packages are linked that are tested: as they are shipped, if that can be built here."""
    return packages.linkage()


@pytest.fixture(scope="session")
def package_of(request, linkage):
    """The package for an architecture, made in the first folder."""
    # While writing tests: a folder with packages made before, so that nothing is built.
    made = os.environ.get("DOJANG_PACKAGES")
    if made:
        return lambda arch: packages.Package(arch, Path(made) / arch, "")
    all_made = request.getfixturevalue("made")
    return lambda arch: all_made.get(0, arch, linkage)


@pytest.fixture
def executable(package_of, tmp_path) -> list[str]:
    """The packaged executable for this machine."""
    with zipfile.ZipFile(package_of("x86_64").zip) as archive:
        path = archive.extract("bootstrap", tmp_path)
    (tmp_path / "bootstrap").chmod(0o755)
    return [path]
