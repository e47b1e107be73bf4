"""Emulators of Lambda that others wrote, with a function in them."""

import os
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path

from documents import ROOT
from program import Program, free_ports

PROGRAMS = ROOT / "target/servers/programs"
TIMEOUT_SECONDS = 30


class Emulator:
    """To be used with `with`."""

    name: str
    # What it calls the function.
    function: str

    def __init__(self, command: str, environment: dict[str, str], folder: Path):
        self._stack = ExitStack()
        self._programs: list[Program] = []
        self._folder = folder
        port, runtime_api = free_ports(2)
        self._url = f"http://127.0.0.1:{port}/2015-03-31/functions/{self.function}/invocations"
        try:
            self.start(command, {**environment, "PATH": os.environ["PATH"]}, port, runtime_api)
        except BaseException:
            self.__exit__()
            raise

    def start(self, command: str, environment: dict[str, str], port: int, runtime_api: int) -> None:
        raise NotImplementedError

    def run(self, command: list, **options) -> None:
        program = Program(command, self._folder / f"{self.name}-{len(self._programs)}.log", **options)
        self._programs.append(self._stack.enter_context(program))

    def log(self) -> str:
        """What the emulator and the function have logged."""
        return "".join(program.log() for program in self._programs)

    def said_of_failed_start(self) -> str:
        """All that anybody says of a function that cannot start; the emulator starts it when it is asked for."""
        return self.invoke(b"{}").decode() + self.log()

    def invoke(self, event: bytes) -> bytes:
        """What the function answers, or the emulator in its place."""
        return self._programs[-1].patiently(lambda: self._post(event))

    def _post(self, event: bytes) -> bytes:
        try:
            with urllib.request.urlopen(self._url, event) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            return error.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stack.close()


class Rie(Emulator):
    """AWS's own Runtime Interface Emulator, which `sam local` runs functions in."""

    name = "rie"
    function = "function"

    def start(self, command, environment, port, runtime_api):
        self.run([PROGRAMS / "aws-lambda-rie", "--runtime-interface-emulator-address", f"127.0.0.1:{port}",
                  "--runtime-api-address", f"127.0.0.1:{runtime_api}", command],
                 env={**environment, "AWS_LAMBDA_FUNCTION_TIMEOUT": str(TIMEOUT_SECONDS)})


class CargoLambda(Emulator):
    """What `cargo lambda watch` starts, but for a build: the function is started beside it, as it prints."""

    name = "cargo-lambda"
    function = "_"

    def start(self, command, environment, port, runtime_api):
        self.run([PROGRAMS / "cargo-lambda", "lambda", "watch", "--only-lambda-apis", "--invoke-address", "127.0.0.1",
                  "--invoke-port", str(port), "--timeout", str(TIMEOUT_SECONDS)], cwd=ROOT)
        self._programs[0].listening(port)
        self.run([command], env={**environment, "AWS_LAMBDA_FUNCTION_NAME": self.function,
                                 "AWS_LAMBDA_RUNTIME_API": f"http://127.0.0.1:{port}/.rt"})

    def said_of_failed_start(self):
        assert self._programs[-1].ended() != 0
        return self.log()
