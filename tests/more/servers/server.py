"""An S3 server with a private and a public bucket, as the tests see it."""

import json
import subprocess
import urllib.request
from pathlib import Path

from program import shell


class Server:
    """To be used with `with`. A class for a server sets `environment` when it has started, and ends it in `__exit__`."""

    # What a function and the AWS CLI need to use it, names of buckets included.
    environment: dict[str, str]

    @property
    def endpoint(self) -> str:
        return self.environment["AWS_ENDPOINT_URL_S3"]

    @property
    def private(self) -> str:
        return self.environment["PRIVATE_BUCKET_NAME"]

    @property
    def public(self) -> str:
        return self.environment["PUBLIC_BUCKET_NAME"]

    def run(self, script: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess:
        """Runs a shell script in which `aws` is the AWS CLI of the pinned packages. The documents call the buckets
        `PRIVATE_BUCKET` and `DATA_BUCKET`."""
        return shell(script, cwd, {"HOME": str(cwd), "LANG": "C.UTF-8", **self.environment,
                                   "PRIVATE_BUCKET": self.private, "DATA_BUCKET": self.public, **environment})

    def ok(self, script: str, cwd: Path, **environment: str) -> str:
        """What a script prints that must succeed."""
        ended = self.run(script, cwd, **environment)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def club(self, cwd: Path, bucket: str | None = None) -> dict:
        """The club as the owner sees it."""
        return json.loads(self.ok(f'aws s3 cp "s3://{bucket or self.private}/data.json" -', cwd))

    def metadata(self, cwd: Path) -> dict:
        """What private data.json has beside its content."""
        head = self.ok('aws s3api head-object --bucket "$PRIVATE_BUCKET" --key data.json', cwd)
        return json.loads(head)["Metadata"]

    def objects(self, cwd: Path) -> list[str]:
        """Names and ETags of all that is in the buckets."""
        return [self.ok(f"aws s3api list-objects-v2 --bucket {bucket} --query 'Contents[].[Key, ETag]'", cwd)
                for bucket in (self.private, self.public)]

    def public_club(self) -> dict:
        """The club as a client reads it, without credentials."""
        with urllib.request.urlopen(f"{self.endpoint}/{self.public}/data.json") as answer:
            return json.load(answer)
