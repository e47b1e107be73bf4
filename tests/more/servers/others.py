"""S3 servers that others wrote, each with a private and a public bucket."""

import os
import socket
from pathlib import Path

from program import BIN, Program, free_ports, moto
from server import Server

HERE = Path(__file__).parent
REGION = "eu-north-1"
KEY_ID = "AKIDOFATEST"
SECRET = "secretofatestsecretofatest"


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
        data = folder / self.name
        data.mkdir()
        self._program = Program(
            self.command(data, port), folder / f"{self.name}.log", cwd=data,
            env={"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(data), "AWS_ACCESS_KEY_ID": self.key_id,
                 "AWS_SECRET_ACCESS_KEY": self.secret})
        try:
            self._program.patiently(lambda: socket.create_connection(("127.0.0.1", port)).close())
            for bucket in (self.private, self.public):
                self._program.patiently(lambda name=bucket: self.make(name, folder))
        except BaseException:
            self.__exit__()
            raise

    def command(self, data: Path, port: int) -> list:
        raise NotImplementedError

    def make(self, bucket: str, folder: Path) -> None:
        """Makes a bucket, unless it is there."""
        self.ok(f"aws s3api head-bucket --bucket {bucket} || aws s3 mb s3://{bucket}", folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._program.__exit__()


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
        return moto(port)


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
