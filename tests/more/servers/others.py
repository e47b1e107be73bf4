"""S3 servers that others wrote, each with a private and a public bucket."""

import os
import socket
import subprocess
import threading
import time
from pathlib import Path

from function import PATIENCE_SECONDS
from server import BIN, Server

HERE = Path(__file__).parent
REGION = "eu-north-1"
KEY_ID = "AKIDOFATEST"
SECRET = "secretofatestsecretofatest"


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens at. Somebody may take one before it is used: then the server does not start."""
    with_listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in with_listeners]
    for listener in with_listeners:
        listener.close()
    return ports


class Other(Server):
    """A program that is started with a port and a folder."""

    name: str
    key_id, secret = KEY_ID, SECRET

    def __init__(self, folder: Path):
        port = free_ports(1)[0]
        self.environment = {
            "AWS_ACCESS_KEY_ID": self.key_id, "AWS_SECRET_ACCESS_KEY": self.secret, "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}",
            "PRIVATE_BUCKET_NAME": "a-club-private", "PUBLIC_BUCKET_NAME": "a-club-public"}
        self._log = (folder / f"{self.name}.log").open("w+")
        data = folder / self.name
        data.mkdir()
        self._process = subprocess.Popen(
            self.command(data, port), cwd=data, stdout=self._log, stderr=subprocess.STDOUT,
            env={"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(data), "AWS_ACCESS_KEY_ID": self.key_id,
                 "AWS_SECRET_ACCESS_KEY": self.secret})
        try:
            self._wait(lambda: socket.create_connection(("127.0.0.1", port)).close())
            for bucket in (self.private, self.public):
                self._wait(lambda name=bucket: self.make(name, folder))
        except BaseException:
            self.__exit__()
            raise

    def command(self, data: Path, port: int) -> list:
        raise NotImplementedError

    def make(self, bucket: str, folder: Path) -> None:
        """Makes a bucket, unless it is there."""
        self.ok(f"aws s3api head-bucket --bucket {bucket} || aws s3 mb s3://{bucket}", folder)

    def _wait(self, what) -> None:
        """Until it does not fail any more: a server listens before it can be used."""
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return what()
            except (OSError, AssertionError):
                if self._process.poll() is not None or time.monotonic() > end:
                    self._log.seek(0)
                    raise AssertionError(f"{self.name} did not start: {self._log.read()[-2000:]}") from None
                threading.Event().wait(0.1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._log.close()


class SeaweedFS(Other):
    name = "SeaweedFS"

    def command(self, data, port):
        master, volume, filer, admin, iam, webdav, *grpc = free_ports(11)
        return [BIN / "weed", "mini", f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.port={port}",
                "-master.telemetry=false", f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}",
                f"-admin.port={admin}", f"-webdav.port={webdav}", f"-master.port.grpc={grpc[0]}",
                f"-volume.port.grpc={grpc[1]}", f"-filer.port.grpc={grpc[2]}", f"-admin.port.grpc={grpc[3]}",
                f"-s3.port.grpc={grpc[4]}", f"-bucket={self.private},{self.public}"]


class Moto(Other):
    name = "moto"

    def command(self, data, port):
        return [BIN / "moto_server", "-H", "127.0.0.1", "-p", str(port)]


class S3rver(Other):
    name = "s3rver"
    key_id = secret = "S3RVER"

    def command(self, data, port):
        program = HERE / "node_modules/s3rver/bin/s3rver.js"
        return ["node", program, "-d", data, "-a", "127.0.0.1", "-p", str(port),
                "--configure-bucket", self.private, "--configure-bucket", self.public]


class Pys3local(Other):
    name = "pys3local"

    def command(self, data, port):
        return [BIN / "pys3local", "serve", "--path", data, "--listen", f"127.0.0.1:{port}", "--access-key-id",
                self.key_id, "--secret-access-key", self.secret, "--region", REGION, "--allow-bucket-creation"]
