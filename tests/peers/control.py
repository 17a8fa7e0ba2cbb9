"""The control plane of a peer: JSON over plain HTTP/1.1 on a loopback port, a thread per connection."""

import json
import re
import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from journal import Journal

# A longer request body is answered 413: nothing that a test says is this long.
MAX_BODY_BYTES = 1 << 20
# A longer `wait` is answered 400: a test that waits this long for one condition is broken.
MAX_WAIT_SECONDS = 60.0


class Rejected(Exception):
    """A call that the control plane does not understand, with the status it is answered."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


@dataclass(frozen=True)
class Call:
    """One request: the named parts of its path, its query and its JSON body (None when empty)."""

    path: dict[str, str]
    query: dict[str, str]
    body: Any


Answer = tuple[int, Any]


@dataclass(frozen=True)
class Route:
    """`pattern` is a path in which `{name}` stands for one segment."""

    method: str
    pattern: str
    handle: Callable[[Call], Answer]

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """The named parts of the path, or None when this route is not meant."""
        expression = re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", self.pattern)
        found = re.fullmatch(expression, path) if method == self.method else None
        return found.groupdict() if found else None


def messages_route(journal: Journal, field: str) -> Route:
    """`GET /messages?after=N&count=K&wait=SECONDS&FIELD=VALUE`: the journal, by long poll.

    `count` is 1 unless told and only matters with `wait`, which is 0 unless told.
    """

    def read(call: Call) -> Answer:
        unknown = call.query.keys() - {"after", "count", "wait", field}
        if unknown:
            raise Rejected(400, f"unknown query parameters: {sorted(unknown)}")
        try:
            after = int(call.query.get("after", "0"))
            count = int(call.query.get("count", "1"))
            wait = float(call.query.get("wait", "0"))
        except ValueError as error:
            raise Rejected(400, str(error)) from error
        if after < 0 or not 0 <= wait <= MAX_WAIT_SECONDS:
            raise Rejected(400, f"after must be at least 0, wait 0 to {MAX_WAIT_SECONDS:.0f} seconds")
        value = call.query.get(field)
        return 200, journal.read(after, count, wait, lambda entry: value in (None, entry[field]))

    return Route("GET", "/messages", read)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body leave in one segment; otherwise Nagle's algorithm holds each answer back for 40 ms.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: "ControlPlane"

    def _answer(self) -> None:
        try:
            status, document = self._dispatch()
        except Rejected as rejected:
            status, document = rejected.status, {"error": str(rejected)}
        content = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        if content:
            self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _dispatch(self) -> Answer:
        length = int(self.headers.get("Content-Length", "0"))
        if length > MAX_BODY_BYTES:
            self.close_connection = True
            raise Rejected(413, f"a body is at most {MAX_BODY_BYTES} bytes")
        raw = self.rfile.read(length)
        try:
            body = json.loads(raw) if raw else None
        except ValueError as error:
            raise Rejected(400, f"the body is not JSON: {error}") from error
        url = urlsplit(self.path)
        for route in self.server.routes:
            path = route.match(self.command, url.path)
            if path is not None:
                return route.handle(Call(path, dict(parse_qsl(url.query)), body))
        raise Rejected(404, f"no such call: {self.command} {url.path}")

    do_GET = do_POST = do_PUT = do_DELETE = _answer

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: the test already knows what it asked."""


class ControlPlane(socketserver.ThreadingTCPServer):
    """Serves the routes on a port of its own while the `with` block runs."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, routes: list[Route]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.routes = routes
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> "ControlPlane":
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
