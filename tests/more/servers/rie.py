"""AWS's own Lambda Runtime Interface Emulator, which `sam local` runs functions in."""

import os
import subprocess
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from documents import ROOT
from function import PATIENCE_SECONDS
from others import free_ports

PROGRAM = ROOT / "target/servers/rie/aws-lambda-rie"


class Emulator:
    """A function in it; `with` ends both."""

    def __init__(self, command: str, environment: dict[str, str], folder: Path):
        port, runtime_api = free_ports(2)
        self.url = f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
        self._log = folder / "rie.log"
        self._process = subprocess.Popen(
            [PROGRAM, "--runtime-interface-emulator-address", f"127.0.0.1:{port}", "--runtime-api-address",
             f"127.0.0.1:{runtime_api}", command],
            env={**environment, "PATH": os.environ["PATH"], "AWS_LAMBDA_FUNCTION_TIMEOUT": "30"},
            stdout=self._log.open("w"), stderr=subprocess.STDOUT, start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # The function is a child of its own.
        os.killpg(self._process.pid, 9)
        self._process.wait()

    def log(self) -> str:
        return self._log.read_text()

    def invoke(self, event: bytes) -> bytes:
        """What the function answers, or the emulator in its place."""
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                with urllib.request.urlopen(self.url, event) as answer:
                    return answer.read()
            except urllib.error.HTTPError as error:
                return error.read()
            except OSError:
                # It does not listen yet.
                assert self._process.poll() is None and time.monotonic() < end, self.log()
                threading.Event().wait(0.05)
