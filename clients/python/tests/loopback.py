"""An HTTP server on the loopback that answers by a script and holds against the client whatever it should not send."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Union

SERVICE_KEY = "sk_loopback_0123456789"


@dataclass(frozen=True)
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    status: int
    document: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class HangUp:
    """Takes the request and closes the connection."""


@dataclass(frozen=True)
class Stall:
    """Takes the request and answers nothing until the test is over."""


Scripted = Union[Answer, HangUp, Stall]


def accepted(event_id: str = "evt_1", *, duplicate: bool = False) -> Answer:
    return Answer(202, {"id": event_id, "duplicate": duplicate})


def problem(status: int, code: str, headers: Mapping[str, str] | None = None, **more: Any) -> Answer:
    document = {"type": "about:blank", "title": code, "status": status, "code": code, "detail": f"about {code}", **more}
    return Answer(status, document, headers or {})


class Loopback:
    """Answers request n with line n of its script. `verify()` fails for a request or a line too many."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self._script: list[Scripted] = []
        self._faults: list[str] = []
        self._over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def script(self, *lines: Scripted) -> None:
        self._script.extend(lines)

    def close(self) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def verify(self) -> None:
        assert self._faults == []
        assert self._script == [], "the client asked fewer times than scripted"

    def _next(self, handler: BaseHTTPRequestHandler) -> Scripted:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", "0")))
        seen = Seen(handler.command, handler.path, body)
        self.seen.append(seen)
        if handler.headers.get_all("Authorization") != [f"Bearer {SERVICE_KEY}"]:
            self._faults.append(f"{handler.path}: wrong Authorization")
        if body and handler.headers.get("Content-Type") != "application/json":
            self._faults.append(f"{handler.path}: wrong Content-Type")
        if not self._script:
            self._faults.append(f"{handler.path}: not in the script")
            return HangUp()
        return self._script.pop(0)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        loopback = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Head and body leave in one packet; in two, the second would wait for a delayed ACK.
            wbufsize = -1

            def do_GET(self) -> None:
                line = loopback._next(self)
                if isinstance(line, Answer):
                    self._answer(line)
                    return
                if isinstance(line, Stall):
                    loopback._over.wait()
                self.close_connection = True

            do_POST = do_GET  # noqa: N815, the name is the base class's

            def _answer(self, answer: Answer) -> None:
                text = answer.document if isinstance(answer.document, str) else json.dumps(answer.document)
                body = b"" if answer.document is None else text.encode()
                # send_response_only leaves out the Date, so that a test can set its own.
                self.send_response_only(answer.status)
                for name, value in {"Content-Length": str(len(body)), **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Says nothing: the tests do."""

        return Handler
