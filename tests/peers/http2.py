"""An HTTP/2 server over TLS (RFC 9113), one coroutine per request. Without ALPN `h2` it hangs up."""

import asyncio
import itertools
import ssl
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RequestReceived,
    StreamEnded,
    StreamReset,
)
from h2.exceptions import ProtocolError

# More of a request body is counted in `size` but not kept: no caller accepts bodies this long.
MAX_KEPT_BODY_BYTES = 64 * 1024


@dataclass
class Request:
    """A complete request. `connection` numbers the TCP connections of this server from 1."""

    connection: int
    method: str
    path: str
    headers: dict[str, str]
    body: bytearray = field(default_factory=bytearray)
    size: int = 0


@dataclass(frozen=True)
class Response:
    """`headers` have lower-case names. A body is small: it must fit the client's flow-control window."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


Handler = Callable[[Request], Awaitable[Response]]


def _request(connection: int, fields: list[tuple[str, str]]) -> Request:
    headers: dict[str, str] = {}
    for name, value in fields:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    method, path = headers.get(":method", ""), headers.get(":path", "")
    regular = {name: value for name, value in headers.items() if not name.startswith(":")}
    return Request(connection, method, path, regular)


class _Connection(asyncio.Protocol):
    _transport: asyncio.Transport

    def __init__(self, number: int, handler: Handler) -> None:
        self._number = number
        self._handler = handler
        self._http = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._requests: dict[int, Request] = {}
        self._answering: dict[int, asyncio.Task[None]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if transport.get_extra_info("ssl_object").selected_alpn_protocol() != "h2":
            transport.abort()
            return
        self._http.initiate_connection()
        self._flush()

    def data_received(self, data: bytes) -> None:
        try:
            for event in self._http.receive_data(data):
                self._on_event(event)
        except ProtocolError:
            # The GOAWAY that names the error is already among the bytes to send.
            self._flush()
            self._transport.close()
        else:
            self._flush()

    def connection_lost(self, _error: Exception | None) -> None:
        for task in self._answering.values():
            task.cancel()

    def _on_event(self, event: Event) -> None:
        match event:
            case RequestReceived(stream_id=stream, headers=fields):
                self._requests[stream] = _request(self._number, fields)
            case DataReceived(stream_id=stream, data=data, flow_controlled_length=length):
                request = self._requests[stream]
                request.size += len(data)
                request.body += data[: MAX_KEPT_BODY_BYTES - len(request.body)]
                self._http.acknowledge_received_data(length, stream)
            case StreamEnded(stream_id=stream):
                answer = self._answer(stream, self._requests.pop(stream))
                self._answering[stream] = asyncio.create_task(answer)
            case StreamReset(stream_id=stream):
                self._requests.pop(stream, None)
                if stream in self._answering:
                    self._answering[stream].cancel()
            case ConnectionTerminated():
                self._transport.close()

    async def _answer(self, stream: int, request: Request) -> None:
        try:
            response = await self._handler(request)
            headers = [(":status", str(response.status)), *response.headers.items()]
            headers.append(("content-length", str(len(response.body))))
            self._http.send_headers(stream, headers, end_stream=not response.body)
            if response.body:
                self._http.send_data(stream, response.body, end_stream=True)
        except Exception:  # A fault of this peer: the test must see it, and not wait for an answer.
            traceback.print_exc(file=sys.stderr)
            self._http.reset_stream(stream, ErrorCodes.INTERNAL_ERROR)
        finally:
            self._answering.pop(stream, None)
        self._flush()

    def _flush(self) -> None:
        self._transport.write(self._http.data_to_send())


async def _cancel_unanswered() -> None:
    unanswered = asyncio.all_tasks() - {asyncio.current_task()}
    for task in unanswered:
        task.cancel()
    await asyncio.gather(*unanswered, return_exceptions=True)


class Http2Server:
    """Listens on 127.0.0.1 and serves from a thread of its own while the `with` block runs."""

    def __init__(self, context: ssl.SSLContext, handler: Handler) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        numbers = itertools.count(1)
        listening = self._loop.create_server(
            lambda: _Connection(next(numbers), handler), "127.0.0.1", 0, ssl=context
        )
        self._server = self._loop.run_until_complete(listening)
        self.port: int = self._server.sockets[0].getsockname()[1]

    def __enter__(self) -> "Http2Server":
        self._thread.start()
        return self

    def _serve(self) -> None:
        self._loop.run_forever()
        self._loop.run_until_complete(_cancel_unanswered())
        self._loop.close()

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
