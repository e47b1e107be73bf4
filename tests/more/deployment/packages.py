"""Packages made by bootstrap/package in two folders, from a copy of this tree as it is."""

import hashlib
import os
import re
import shutil
import subprocess
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

# Same commit in both folders, whoever makes it and whenever.
AUTHOR = {
    "GIT_AUTHOR_NAME": "test", "GIT_AUTHOR_EMAIL": "test@localhost", "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
    "GIT_COMMITTER_NAME": "test", "GIT_COMMITTER_EMAIL": "test@localhost",
    "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
}
# Debian's compiler has a standard library for arm64, with glibc (packages rustc-web and libstd-rust-web-dev:arm64).
DEBIANS_RUSTC = "/usr/bin/rustc"


@dataclass
class Package:
    """What one run of bootstrap/package made."""

    arch: str
    folder: Path
    report: str

    @property
    def zip(self) -> Path:
        return self.folder / "bootstrap.zip"

    @property
    def sbom(self) -> Path:
        return self.folder / "bootstrap.cdx.json"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.zip.read_bytes()).hexdigest()


def snapshot(root: Path, folder: Path) -> None:
    """A git clone of the tree as it is, uncommitted files too. Build output in it stays."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            cwd=root, check=True, capture_output=True, text=True).stdout
    names = [name for name in listed.split("\0") if name and (root / name).is_file()]
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        if old.name != "target":
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        # With its times, so that what is unchanged is not built again.
        shutil.copy2(root / name, folder / name)
    commands = (["init", "--quiet", "--initial-branch", "main"], ["add", "--all"],
                ["commit", "--quiet", "--message", "A copy to package", "--no-gpg-sign"])
    for command in commands:
        subprocess.run(["git", *command], cwd=folder, check=True, env={**os.environ, **AUTHOR})


def target(arch: str, linkage: str) -> str:
    """Rust's name for Linux on it, with the C library of that linkage."""
    return {"arm64": "aarch64", "x86_64": "x86_64"}[arch] + "-unknown-linux-" + {"static": "musl", "dynamic": "gnu"}[linkage]


def has_library(arch: str, linkage: str) -> bool:
    """Whether cargo's own compiler has the standard library for it."""
    libraries = subprocess.run(["rustc", "--print", "target-libdir", "--target", target(arch, linkage)],
                               capture_output=True, text=True).stdout.strip()
    return any(Path(libraries).glob("libstd-*.rlib"))


def linkage() -> str:
    """Static, as it is shipped; dynamic where Rust's libraries for musl cannot be had."""
    return "static" if has_library("arm64", "static") and has_library("x86_64", "static") else "dynamic"


def compiler(arch: str, linkage: str) -> dict[str, str]:
    """The environment that chooses a compiler which has the standard library for it."""
    return {} if has_library(arch, linkage) else {"RUSTC": DEBIANS_RUSTC}


class Packages:
    """Makes packages in the background, two at a time: the linker keeps one core busy for most of the time."""

    def __init__(self, root: Path, folders: list[Path], linkage: str):
        for folder in folders:
            snapshot(root, folder)
        self._folders = folders
        # One worker for each folder: cargo in one folder waits for the other cargo there.
        self._workers = [ThreadPoolExecutor(max_workers=1) for _ in folders]
        self._made: dict[tuple[int, str, str], Future[Package]] = {}
        for arch in ("x86_64", "arm64"):
            for folder in range(len(folders)):
                self._begin(folder, arch, linkage)
        self._begin(len(folders) - 1, "x86_64", "dynamic")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for worker in self._workers:
            worker.shutdown(cancel_futures=True)

    def get(self, folder: int, arch: str, linkage: str) -> Package:
        """Waits for the package that is made in that folder."""
        return self._begin(folder, arch, linkage).result()

    def _begin(self, folder: int, arch: str, linkage: str) -> Future[Package]:
        key = folder, arch, linkage
        if key not in self._made:
            self._made[key] = self._workers[folder].submit(package, self._folders[folder], arch, linkage)
        return self._made[key]


def package(folder: Path, arch: str, linkage: str) -> Package:
    """Runs bootstrap/package in `folder`, or takes what it made of the same commit before."""
    out = folder / "target/package" / linkage / arch
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, check=True,
                            capture_output=True, text=True).stdout.strip()
    report = out / "report.txt"
    if report.exists() and f"commit {commit}\n" in report.read_text():
        return Package(arch, out, report.read_text())
    made = subprocess.run(["bootstrap/package", "--arch", arch, "--linkage", linkage, "--out", str(out)],
                          cwd=folder, env={**os.environ, **compiler(arch, linkage)}, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr[-3000:]
    report.write_text(made.stdout)
    return Package(arch, out, made.stdout)


def size_of_executable(report: str) -> int:
    return int(re.search(r"^executable (\d+) bytes", report, re.M)[1])
