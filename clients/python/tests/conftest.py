"""Runs every test of the calls through both clients, with a clock that only the client's own pauses move."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Callable

import pytest
from loopback import SERVICE_KEY, Loopback

from eventcenter import EventCenter, Retry, SyncEventCenter


@dataclass
class FakeTime:
    """Sleeping takes no time and is written down."""

    now: float = 1000.0
    pauses: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)

    def retry(self, **settings: float) -> Retry:
        """Draws the longest pause there is, so that a test can name it."""
        return Retry(**settings, clock=lambda: self.now, uniform=lambda _low, high: high)  # type: ignore[arg-type]


Call = Callable[..., Any]


@pytest.fixture
def server() -> Iterator[Loopback]:
    loopback = Loopback()
    yield loopback
    loopback.close()
    loopback.verify()


@pytest.fixture
def fake_time() -> FakeTime:
    return FakeTime()


@pytest.fixture(params=["async", "sync"])
def call(request: pytest.FixtureRequest, server: Loopback, fake_time: FakeTime) -> Call:
    """`call("emit", …)` makes that call with a client of its own; `timeout` and `retry` go to the client."""

    def call_sync(method: str, *args: Any, timeout: float = 10.0, retry: Retry | None = None, **kwargs: Any) -> Any:
        with SyncEventCenter(
            server.url, SERVICE_KEY, timeout=timeout, retry=retry or fake_time.retry(), sleep=fake_time.sleep
        ) as center:
            return getattr(center, method)(*args, **kwargs)

    def call_async(method: str, *args: Any, timeout: float = 10.0, retry: Retry | None = None, **kwargs: Any) -> Any:
        async def main() -> Any:
            async with EventCenter(
                server.url, SERVICE_KEY, timeout=timeout, retry=retry or fake_time.retry(), sleep=fake_time.sleep_async
            ) as center:
                return await getattr(center, method)(*args, **kwargs)

        return asyncio.run(main())

    return call_async if request.param == "async" else call_sync
