"""Programs that tests start, and scripts that they run."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from function import PATIENCE_SECONDS

# Where the pinned packages have their commands.
BIN = Path(sys.executable).parent


class Program:
    """A running program and its children; `with` ends them. Its output goes to the file `log`."""

    def __init__(self, command: list, log: Path, **options):
        self._log = log
        self._process = subprocess.Popen(command, stdout=log.open("w"), stderr=subprocess.STDOUT,
                                         start_new_session=True, **options)

    def log(self) -> str:
        return self._log.read_text()

    def patiently(self, what):
        """What `what` gives once it does not fail any more: a server listens before it can be used."""
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return what()
            except (OSError, AssertionError):
                assert self._process.poll() is None and time.monotonic() < end, self.log()[-2000:]
                threading.Event().wait(0.05)

    def listening(self, port: int) -> None:
        """Returns once it takes connections."""
        self.patiently(lambda: socket.create_connection(("127.0.0.1", port)).close())

    def ended(self) -> int:
        """Its exit code, once it has one."""
        return self._process.wait(PATIENCE_SECONDS)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens at. Somebody may take one before it is used: then the server does not start."""
    with_listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in with_listeners]
    for listener in with_listeners:
        listener.close()
    return ports


def moto(port: int) -> list:
    """The command that starts moto."""
    return [BIN / "moto_server", "-H", "127.0.0.1", "-p", str(port)]


def shell(script: str, cwd: Path, variables: dict[str, str]) -> subprocess.CompletedProcess:
    """Runs a script in which `aws` is the AWS CLI of the pinned packages."""
    variables = {**variables, "PATH": f"{BIN}:{variables.get('PATH', os.environ['PATH'])}", "AWS_PAGER": ""}
    return subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=cwd, env=variables,
                          capture_output=True, text=True)
