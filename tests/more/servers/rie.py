"""AWS's own Lambda Runtime Interface Emulator, which `sam local` runs functions in."""

import os
import urllib.error
import urllib.request
from pathlib import Path

from documents import ROOT
from program import Program, free_ports

PROGRAM = ROOT / "target/servers/rie/aws-lambda-rie"


class Emulator(Program):
    """A function in it; `with` ends both."""

    def __init__(self, command: str, environment: dict[str, str], folder: Path):
        port, runtime_api = free_ports(2)
        self.url = f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
        super().__init__(
            [PROGRAM, "--runtime-interface-emulator-address", f"127.0.0.1:{port}", "--runtime-api-address",
             f"127.0.0.1:{runtime_api}", command], folder / "rie.log",
            env={**environment, "PATH": os.environ["PATH"], "AWS_LAMBDA_FUNCTION_TIMEOUT": "30"})

    def invoke(self, event: bytes) -> bytes:
        """What the function answers, or the emulator in its place."""
        return self.patiently(lambda: self._post(event))

    def _post(self, event: bytes) -> bytes:
        try:
            with urllib.request.urlopen(self.url, event) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            return error.read()
