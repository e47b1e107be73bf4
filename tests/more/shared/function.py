"""The executable between a small Lambda Runtime API and whatever S3 its environment names."""

import contextlib
import json
import os
import queue
import subprocess
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

# How long to wait for what must happen.
PATIENCE_SECONDS = 60


class Function:
    """A running function; `with` ends it."""

    def __init__(self, command: list[str], environment: dict[str, str]):
        self._events: queue.Queue = queue.Queue()
        self._answers: queue.Queue = queue.Queue()
        self.user_agents: set[str] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        host, port = self._server.server_address
        self._log = Path(os.environ.get("TMPDIR", "/tmp")) / f"dojang-{uuid.uuid4()}.log"
        self._process = subprocess.Popen(
            command,
            # Lambda's environment, and nothing of this process's but PATH.
            env={**environment, "AWS_LAMBDA_RUNTIME_API": f"{host}:{port}", "AWS_LAMBDA_LOG_FORMAT": "JSON",
                 "AWS_LAMBDA_LOG_LEVEL": "INFO", "PATH": os.environ["PATH"]},
            stdout=self._log.open("w"), stderr=subprocess.STDOUT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._server.shutdown()
        self._server.server_close()

    def log(self) -> str:
        """All that it has logged."""
        return self._log.read_text()

    def call(self, **request) -> tuple[int, dict]:
        """Posts a request as a Function URL would; status and body of the answer."""
        event = {"version": "2.0", "requestContext": {"http": {"method": "POST", "path": "/"}},
                 "body": json.dumps(request), "isBase64Encoded": False}
        self._events.put(event)
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                kind, answer = self._answers.get(timeout=0.5)
                break
            except queue.Empty:
                assert self._process.poll() is None and time.monotonic() < end, self.log()
        assert kind == "response", (answer, self.log())
        return answer["statusCode"], json.loads(answer["body"])

    def ok(self, **request) -> dict:
        """The same for a request that must succeed."""
        status, body = self.call(**request)
        assert status == 200, (status, body, self.log())
        return body

    @contextlib.contextmanager
    def address(self):
        """An address that hands bodies to the function, as a Function URL does."""
        function = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                status, body = function.call(**json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        server.server_close()

    def _handler(function):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                function.user_agents.add(self.headers.get("User-Agent", ""))
                body = json.dumps(function._events.get()).encode()
                self.send_response(200)
                deadline = int(time.time() * 1000) + 10_000
                for name, value in {
                    "Lambda-Runtime-Aws-Request-Id": str(uuid.uuid4()),
                    "Lambda-Runtime-Deadline-Ms": str(deadline),
                    "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-north-1:123456789012:function:f",
                    "Content-Type": "application/json",
                    "Content-Length": str(len(body)),
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                function._answers.put((self.path.rsplit("/", 1)[1], json.loads(body)))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        return Handler
