"""When a call is tried again, after how long, and when it is given up."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from conftest import Call, FakeTime
from loopback import SERVICE_KEY, Answer, HangUp, Loopback, Scripted, Stall, accepted, problem

from eventcenter import Emitted, EventCenterError, Retry, SyncEventCenter, Unavailable
from eventcenter._core import Calls

EVENT: dict[str, Any] = {"user_id": 42, "type": "job.done", "title": "Done", "body": "12 photos"}


@pytest.mark.parametrize(
    "first",
    [
        HangUp(),
        Stall(),
        problem(429, "busy"),
        problem(502, "busy"),
        problem(503, "busy"),
        problem(504, "busy"),
        problem(409, "in_flight", {"Retry-After": "soon"}),
        Answer(502, "<html>bad gateway</html>"),
    ],
)
def test_what_may_pass_is_tried_again_with_the_same_bytes(call: Call, server: Loopback, first: Scripted) -> None:
    server.script(first, accepted("one", duplicate=True))
    timeout = 0.05 if isinstance(first, Stall) else 10.0
    assert call("emit", **EVENT, timeout=timeout) == Emitted("one", duplicate=True)
    assert server.seen[0] == server.seen[1]
    assert server.seen[0].json["id"].startswith("cli_")


def test_pauses_double_up_to_the_cap_and_the_tries_end(call: Call, server: Loopback, fake_time: FakeTime) -> None:
    server.script(*[problem(503, "away", request_id="req_9")] * 6)
    with pytest.raises(Unavailable) as given_up:
        call("emit", **EVENT, id="one", retry=fake_time.retry(base_seconds=1, cap_seconds=5))
    assert fake_time.pauses == [1, 2, 4, 5, 5]
    assert (given_up.value.event_id, given_up.value.request_id) == ("one", "req_9")


def test_jitter_is_drawn_from_nothing_to_the_whole_pause(server: Loopback, fake_time: FakeTime) -> None:
    drawn: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        drawn.append((low, high))
        return high / 4

    server.script(problem(503, "away"), problem(503, "away"), accepted())
    retry = Retry(base_seconds=1, clock=lambda: fake_time.now, uniform=uniform)
    with SyncEventCenter(server.url, SERVICE_KEY, retry=retry, sleep=fake_time.sleep) as center:
        center.emit(user_id=42, type="job.done", title="Done", body="12 photos")
    assert drawn == [(0, 1), (0, 2)]
    assert fake_time.pauses == [0.25, 0.5]


DATE = "Tue, 01 Jan 2030 00:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "Tue, 01 Jan 2030 00:00:09 GMT", "Date": DATE}, 9.0),
        ({"Retry-After": "Mon, 31 Dec 2029 23:59:00 GMT", "Date": DATE}, None),
        ({"Retry-After": "Tue, 01 Jan 2030 00:00:09 GMT"}, 0.25),
        ({"Retry-After": "-3"}, 0.25),
        ({"Retry-After": "soon", "Date": DATE}, 0.25),
    ],
)
def test_retry_after_wins_when_it_can_be_read(
    call: Call, server: Loopback, fake_time: FakeTime, headers: dict[str, str], pause: float | None
) -> None:
    server.script(problem(429, "busy", headers), accepted())
    call("emit", **EVENT)
    assert fake_time.pauses == ([] if pause is None else [pause])


@pytest.mark.parametrize("seconds", ["61", "9" * 400])
def test_a_retry_after_beyond_the_time_allowed_is_given_up_at_once(
    call: Call, server: Loopback, fake_time: FakeTime, seconds: str
) -> None:
    server.script(problem(503, "away", {"Retry-After": seconds}))
    with pytest.raises(Unavailable):
        call("emit", **EVENT)
    assert fake_time.pauses == []


def test_the_whole_time_is_bounded(call: Call, server: Loopback, fake_time: FakeTime) -> None:
    server.script(*[problem(429, "busy", {"Retry-After": "25"})] * 3)
    with pytest.raises(Unavailable):
        call("emit", **EVENT)
    assert fake_time.pauses == [25, 25]


def test_a_long_poll_has_its_wait_besides(call: Call, server: Loopback, fake_time: FakeTime) -> None:
    server.script(problem(429, "busy", {"Retry-After": "80"}), Answer(200, {"option": "yes"}))
    assert call("answer", "task-9", wait=30) == {"option": "yes"}
    assert fake_time.pauses == [80]


def test_a_long_poll_may_stall_for_its_wait_and_a_timeout_more() -> None:
    assert next(Calls(timeout=10, retry=Retry()).answer("task-9", user_id=None, wait=30)).timeout == 40


def test_a_conflict_without_retry_after_stands(call: Call, server: Loopback) -> None:
    server.script(problem(409, "ambiguous"))
    with pytest.raises(EventCenterError, match="ambiguous"):
        call("answer", "task-9")


def test_a_refused_connection_is_tried_to_the_end(fake_time: FakeTime) -> None:
    with socket.socket() as unheard:
        # Bound and not listening: nobody else can take the port, and every connect is refused.
        unheard.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unheard.getsockname()[1]}"
        client = SyncEventCenter(url, SERVICE_KEY, retry=fake_time.retry(), sleep=fake_time.sleep)
        with client, pytest.raises(Unavailable, match="no answer after 6 tries: ConnectError") as given_up:
            client.emit(user_id=42, type="job.done", title="Done", body="12 photos", id="one")
    assert given_up.value.event_id == "one"
    assert len(fake_time.pauses) == 5
