"""The project's own S3 server, as `cargo run -p local` starts it."""

import shlex
import subprocess
import threading
from pathlib import Path

from documents import ROOT
from function import PATIENCE_SECONDS
from server import Server
from shipped import SHIPPED


class _Local(Server):
    """The command with its data in `folder`/target/local, where it is in the tree."""

    arguments: list[str] = []

    def __init__(self, folder: Path):
        data = folder / "target/local"
        self._log = (folder / "local.log").open("w+")
        self._process = subprocess.Popen(
            [ROOT / "target/debug/local", "--port", "0", "--data-dir", data, *self.arguments],
            stdout=subprocess.PIPE, stderr=self._log, text=True)
        # Ends the wait for a line that never comes.
        patience = threading.Timer(PATIENCE_SECONDS, self._process.kill)
        patience.start()
        self.greeting = []
        for line in self._process.stdout:
            self.greeting.append(line.rstrip("\n"))
            if self.is_last(self.greeting[-1]):
                break
        patience.cancel()
        assert self.greeting and self.is_last(self.greeting[-1]), (folder / "local.log").read_text()
        exports = (data / "s3.env").read_text().splitlines()
        self.environment = dict(shlex.split(line)[1].split("=", 1) for line in exports)

    def is_last(self, line: str) -> bool:
        raise NotImplementedError

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait()
        self._process.stdout.close()
        self._log.close()


class LocalS3(_Local):
    """The S3 server alone."""

    name = "this project's own"
    arguments = ["--s3-only"]

    def is_last(self, line: str) -> bool:
        return line.startswith("export TEST_SECRET=")


class LocalClub(_Local):
    """The whole club, with the function and its URL."""

    arguments = ["--function", SHIPPED]

    def is_last(self, line: str) -> bool:
        return line.startswith("open http://")

    @property
    def function_url(self) -> str:
        line, = (line for line in self.greeting if line.startswith("Function URL "))
        return line.split()[-1]
