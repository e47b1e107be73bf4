"""Keeps the requests that a server gets, as they came."""

import contextlib
import http.client
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Recorded:
    method: str
    # With the query.
    path: str
    headers: dict[str, str]
    body: bytes


@contextlib.contextmanager
def recorder(endpoint: str):
    """An address that hands everything on to `endpoint`, and the list of requests. They keep their `Host`, which is
    signed."""
    recorded: list[Recorded] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def hand_on(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            recorded.append(Recorded(self.command, self.path, headers, body))
            server = http.client.HTTPConnection(endpoint.removeprefix("http://"))
            server.request(self.command, self.path, body or None, headers)
            answer = server.getresponse()
            content = answer.read()
            server.close()
            self.send_response_only(answer.status)
            headers = {name.lower(): value for name, value in answer.getheaders()}
            for hop in ("connection", "transfer-encoding"):
                headers.pop(hop, None)
            for name, value in {"content-length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_HEAD = do_PUT = do_DELETE = hand_on

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", recorded
    finally:
        server.shutdown()
        server.server_close()
