"""The two clients. They carry requests and wait; `_core` decides."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Callable, Optional, TypeVar, Union

import httpx

from ._core import DEFAULT_RETRY, Calls, Retry, Steps
from ._http import TIMEOUT_SECONDS, Failure, Outcome, Reply, Request, Server
from .events import EmitError, Emitted, Event

if TYPE_CHECKING:
    # Type checkers bring this module along; at run time nothing needs it.
    from typing_extensions import Unpack

T = TypeVar("T")


class EventCenter:
    """The asynchronous client. Make one, share it, and close it with `async with` or `aclose()`.

    `timeout` is how many seconds a connect, a read or a write may stall; `retry` says when to try again. Every method
    raises an `EventCenterError` for an answer other than success, and `sleep` is there for tests.
    """

    def __init__(
        self,
        url: str,
        service_key: str,
        *,
        timeout: float = TIMEOUT_SECONDS,
        retry: Retry = DEFAULT_RETRY,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        server = Server(url, service_key)
        self._url = server.url
        self._calls = Calls(timeout, retry)
        self._sleep = sleep
        self._http = httpx.AsyncClient(base_url=server.url, headers=server.headers)

    @classmethod
    def from_env(cls) -> EventCenter:
        """A client for EVENTCENTER_URL with EVENTCENTER_SERVICE_KEY. Raises ValueError when one is missing."""
        server = Server.from_env()
        return cls(server.url, server.service_key)

    async def emit(self, **event: Unpack[Event]) -> Emitted:
        """Emits one event; see `Event` for the fields. When it returns, the event is stored and its deliveries planned.

        Without an `id` the client makes one, so that no retry of this call can make a second event. To be as safe
        across crashes of the caller, name the event yourself, after the thing it is about.
        """
        return await self.emit_event(event)

    async def emit_event(self, event: Mapping[str, Any]) -> Emitted:
        """`emit` for an event that is already a dict."""
        return await self._run(self._calls.emit(event))

    async def emit_many(self, events: Iterable[Mapping[str, Any]]) -> list[Union[Emitted, EmitError]]:
        """Emits many events, 500 to a request, and returns one result per event in the same order.

        No EventCenterError is raised: an event that was refused, or whose request failed, has an `EmitError` in its
        place. Once the server is unavailable or refuses the key, the events behind are not sent and say so as well.
        """
        return await self._run(self._calls.emit_many(events))

    async def status(self, event_id: str) -> dict[str, Any]:
        """The event, and for each channel its state, the reason and the attempts."""
        return await self._run(self._calls.status(event_id))

    async def cancel(self, event_id: str) -> dict[str, Any]:
        """Cancels what is still waiting, and says what was already in flight."""
        return await self._run(self._calls.cancel(event_id))

    async def answer(self, action_id: str, *, user_id: Optional[int] = None, wait: int = 0) -> Optional[dict[str, Any]]:
        """The person's answer, or None if there is none after `wait` seconds.

        Several people may have an action of this name; `user_id` says whose is meant.
        """
        return await self._run(self._calls.answer(action_id, user_id, wait))

    async def aclose(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> EventCenter:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"EventCenter({self._url!r})"

    async def _run(self, steps: Steps[T]) -> T:
        try:
            request = next(steps)
            while True:
                request = steps.send(await self._send(request))
        except StopIteration as end:
            result: T = end.value
            return result

    async def _send(self, request: Request) -> Outcome:
        if request.after:
            await self._sleep(request.after)
        try:
            response = await self._http.request(
                request.method, request.path, content=request.body, timeout=request.timeout
            )
        except httpx.RequestError as error:
            return _failure(error)
        return _reply(response)


class SyncEventCenter:
    """The blocking client: the same calls, the same behaviour. It may be shared between threads."""

    def __init__(
        self,
        url: str,
        service_key: str,
        *,
        timeout: float = TIMEOUT_SECONDS,
        retry: Retry = DEFAULT_RETRY,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        server = Server(url, service_key)
        self._url = server.url
        self._calls = Calls(timeout, retry)
        self._sleep = sleep
        self._http = httpx.Client(base_url=server.url, headers=server.headers)

    @classmethod
    def from_env(cls) -> SyncEventCenter:
        """See `EventCenter.from_env`."""
        server = Server.from_env()
        return cls(server.url, server.service_key)

    def emit(self, **event: Unpack[Event]) -> Emitted:
        """See `EventCenter.emit`."""
        return self.emit_event(event)

    def emit_event(self, event: Mapping[str, Any]) -> Emitted:
        """See `EventCenter.emit_event`."""
        return self._run(self._calls.emit(event))

    def emit_many(self, events: Iterable[Mapping[str, Any]]) -> list[Union[Emitted, EmitError]]:
        """See `EventCenter.emit_many`."""
        return self._run(self._calls.emit_many(events))

    def status(self, event_id: str) -> dict[str, Any]:
        """See `EventCenter.status`."""
        return self._run(self._calls.status(event_id))

    def cancel(self, event_id: str) -> dict[str, Any]:
        """See `EventCenter.cancel`."""
        return self._run(self._calls.cancel(event_id))

    def answer(self, action_id: str, *, user_id: Optional[int] = None, wait: int = 0) -> Optional[dict[str, Any]]:
        """See `EventCenter.answer`."""
        return self._run(self._calls.answer(action_id, user_id, wait))

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> SyncEventCenter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"SyncEventCenter({self._url!r})"

    def _run(self, steps: Steps[T]) -> T:
        try:
            request = next(steps)
            while True:
                request = steps.send(self._send(request))
        except StopIteration as end:
            result: T = end.value
            return result

    def _send(self, request: Request) -> Outcome:
        if request.after:
            self._sleep(request.after)
        try:
            response = self._http.request(request.method, request.path, content=request.body, timeout=request.timeout)
        except httpx.RequestError as error:
            return _failure(error)
        return _reply(response)


def _failure(error: httpx.RequestError) -> Failure:
    # Only the words go on: the exception itself holds the request, and with it the key.
    return Failure(f"{type(error).__name__} {error}".strip())


def _reply(response: httpx.Response) -> Reply:
    headers = response.headers
    return Reply(response.status_code, response.content, headers.get("Retry-After"), headers.get("Date"))
