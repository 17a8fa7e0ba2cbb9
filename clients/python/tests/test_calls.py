"""What each call sends, and what it makes of the answer."""

from __future__ import annotations

import pickle
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from conftest import Call
from loopback import Answer, Loopback, Seen, accepted, problem

from eventcenter import (
    Conflict,
    Cta,
    EmitError,
    Emitted,
    EventCenterError,
    FieldError,
    InvalidEvent,
    NotFound,
    Unauthorized,
    Unavailable,
)

EVENT: dict[str, Any] = {"user_id": 42, "type": "job.done", "title": "Готово", "body": "12 photos"}


def stored(*ids: str) -> Answer:
    """The answer to a batch of which every event was stored."""
    return Answer(202, {"results": [{"index": i, "id": name, "duplicate": False} for i, name in enumerate(ids)]})


def test_emit_sends_every_field_as_json(call: Call, server: Loopback) -> None:
    server.script(accepted("photo-7"))
    emitted = call(
        "emit",
        **EVENT,
        id="photo-7",
        level="info",
        channels=("ws", "push"),
        cta=Cta("Open", "/albums/7"),
        data={"album": 7},
        deliver_at=datetime(2030, 1, 2, 3, 4, tzinfo=timezone(timedelta(hours=3))),
        expires_at="2030-01-03T00:00:00Z",
        collapse_key="album-7",
    )
    assert emitted == Emitted("photo-7", duplicate=False)
    assert [(seen.method, seen.path) for seen in server.seen] == [("POST", "/events")]
    assert server.seen[0].json == {
        **EVENT,
        "id": "photo-7",
        "level": "info",
        "channels": ["ws", "push"],
        "cta": {"label": "Open", "url": "/albums/7"},
        "data": {"album": 7},
        "deliver_at": "2030-01-02T03:04:00+03:00",
        "expires_at": "2030-01-03T00:00:00Z",
        "collapse_key": "album-7",
    }


def test_a_field_that_is_none_is_left_out_and_a_set_is_sent_in_order(call: Call, server: Loopback) -> None:
    server.script(accepted())
    call("emit_event", {**EVENT, "id": "one", "cta": None, "channels": {"ws", "push", "email"}})
    assert server.seen[0].json == {**EVENT, "id": "one", "channels": ["email", "push", "ws"]}


def test_a_known_id_is_a_duplicate(call: Call, server: Loopback) -> None:
    server.script(accepted("one", duplicate=True))
    assert call("emit", **EVENT, id="one") == Emitted("one", duplicate=True)


def test_two_events_without_an_id_get_two_ids(call: Call, server: Loopback) -> None:
    server.script(accepted("a"), accepted("b"))
    call("emit", **EVENT)
    call("emit", **EVENT)
    ids = [seen.json["id"] for seen in server.seen]
    assert all(name.startswith("cli_") for name in ids)
    assert ids[0] != ids[1]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("deliver_at", datetime(2030, 1, 1)),
        ("data", {"ratio": float("nan")}),
        ("data", {"raw": b"bytes"}),
        ("title", "half a surrogate \ud800"),
    ],
)
def test_what_json_cannot_say_is_refused_by_name_and_not_sent(
    call: Call, server: Loopback, field: str, value: object
) -> None:
    with pytest.raises(InvalidEvent) as refused:
        call("emit_event", {**EVENT, field: value})
    assert [error.field for error in refused.value.errors] == [field]
    assert refused.value.status is None
    assert server.seen == []


def test_emit_many_sends_500_at_a_time_and_keeps_the_order(call: Call, server: Loopback) -> None:
    ids = [f"e{i}" for i in range(1001)]
    batches = [ids[:500], ids[500:1000], ids[1000:]]
    server.script(*(stored(*batch) for batch in batches))
    results = call("emit_many", ({**EVENT, "id": name} for name in ids))
    assert results == [Emitted(name, duplicate=False) for name in ids]
    assert [[event["id"] for event in seen.json] for seen in server.seen] == batches


def test_one_bad_event_of_many_fails_alone(call: Call, server: Loopback) -> None:
    refused = {"status": 400, "code": "invalid_event", "errors": [{"field": "title", "message": "is empty"}]}
    results = [{"index": 0, "id": "good", "duplicate": False}, {"index": 1, "error": refused}]
    server.script(Answer(202, {"results": results}))
    events = [{**EVENT, "data": {"x": object()}}, {**EVENT, "id": "good"}, {**EVENT, "id": "bad", "title": ""}]
    unsayable, good, bad = call("emit_many", events)
    assert isinstance(unsayable.error, InvalidEvent)
    assert unsayable.index == 0
    assert good == Emitted("good", duplicate=False)
    assert isinstance(bad, EmitError)
    assert (bad.index, bad.id) == (2, "bad")
    assert isinstance(bad.error, InvalidEvent)
    assert bad.error.errors == (FieldError("title", "is empty"),)


def test_a_batch_that_is_too_large_is_halved(call: Call, server: Loopback) -> None:
    server.script(problem(413, "too_large"), stored("a"), problem(413, "too_large"), problem(413, "too_large"))
    server.script(stored("c"))
    a, b, c = call("emit_many", [{**EVENT, "id": name} for name in "abc"])
    assert (a, c) == (Emitted("a", duplicate=False), Emitted("c", duplicate=False))
    assert (b.id, b.error.status) == ("b", 413)
    assert [len(seen.json) for seen in server.seen] == [3, 1, 2, 1, 1]


def test_an_event_that_the_server_cannot_even_parse_fails_alone(call: Call, server: Loopback) -> None:
    server.script(problem(400, "invalid_json"), stored("a"), problem(400, "invalid_json"))
    good, bad = call("emit_many", [{**EVENT, "id": name} for name in "ab"])
    assert good == Emitted("a", duplicate=False)
    assert (bad.id, bad.error.code) == ("b", "invalid_json")


def test_the_halves_of_a_batch_go_before_the_batches_behind_it(call: Call, server: Loopback) -> None:
    ids = [f"e{i}" for i in range(501)]
    server.script(problem(413, "too_large"))
    for part in (ids[:250], ids[250:500], ids[500:]):
        server.script(stored(*part))
    assert call("emit_many", [{**EVENT, "id": name} for name in ids]) == [
        Emitted(name, duplicate=False) for name in ids
    ]
    assert [seen.json[0]["id"] for seen in server.seen] == ["e0", "e0", "e250", "e500"]


def test_emit_many_stops_at_a_server_that_is_away_and_says_so_for_each_event(call: Call, server: Loopback) -> None:
    server.script(*[problem(503, "unavailable")] * 6)
    results = call("emit_many", [{**EVENT, "id": f"e{i}"} for i in range(501)])
    assert [(result.index, result.id) for result in results] == [(i, f"e{i}") for i in range(501)]
    assert {type(result.error) for result in results} == {Unavailable}


def test_emit_many_of_nothing_asks_nothing(call: Call, server: Loopback) -> None:
    assert call("emit_many", []) == []
    assert server.seen == []


def test_an_id_in_a_path_cannot_leave_its_place(call: Call, server: Loopback) -> None:
    server.script(Answer(200, {"id": "a/../b?c"}), Answer(200, {"canceled": ["push"]}))
    assert call("status", "a/../b?c") == {"id": "a/../b?c"}
    assert call("cancel", "evt_1") == {"canceled": ["push"]}
    assert server.seen == [
        Seen("GET", "/api/events/a%2F..%2Fb%3Fc", b""),
        Seen("POST", "/api/events/evt_1/cancel", b""),
    ]
    for name in ("", ".", ".."):
        with pytest.raises(ValueError, match="is not an id"):
            call("status", name)


def test_answer_waits_for_the_person(call: Call, server: Loopback) -> None:
    server.script(Answer(200, {"option": "approve"}), Answer(204))
    assert call("answer", "task-9", user_id=42, wait=30) == {"option": "approve"}
    assert call("answer", "task-9") is None
    assert [seen.path for seen in server.seen] == [
        "/api/actions/task-9?wait=30&user_id=42",
        "/api/actions/task-9?wait=0",
    ]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidEvent),
        (401, Unauthorized),
        (403, Unauthorized),
        (404, NotFound),
        (409, EventCenterError),
        (413, InvalidEvent),
        (418, EventCenterError),
        (422, Conflict),
        (500, Unavailable),
    ],
)
def test_a_refusal_is_told_apart_and_not_repeated(
    call: Call, server: Loopback, status: int, kind: type[EventCenterError]
) -> None:
    errors = [{"field": "title", "message": "is empty"}]
    server.script(problem(status, "some_code", errors=errors, request_id="req_1"))
    with pytest.raises(EventCenterError) as refused:
        call("emit", **EVENT, id="one")
    error = refused.value
    assert type(error) is kind
    assert (error.status, error.code, error.detail) == (status, "some_code", "about some_code")
    assert (error.errors, error.request_id, error.event_id) == ((FieldError("title", "is empty"),), "req_1", "one")
    assert str(error) == "some_code: about some_code (title: is empty) [request req_1] [event one]"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize(
    "document",
    ["<html>hello</html>", None, [], {"id": "x"}, {"id": 5, "duplicate": False}],
)
def test_a_success_that_is_not_the_protocol_is_an_error(call: Call, server: Loopback, document: object) -> None:
    server.script(Answer(202, document))
    with pytest.raises(EventCenterError) as refused:
        call("emit", **EVENT, id="one")
    assert (refused.value.code, refused.value.event_id) == ("unexpected_answer", "one")


def test_a_batch_answer_that_misses_an_event_claims_nothing(call: Call, server: Loopback) -> None:
    server.script(Answer(202, {"results": [{"index": 0, "id": "a", "duplicate": False}]}))
    results = call("emit_many", [{**EVENT, "id": "a"}, {**EVENT, "id": "b"}])
    assert [(result.id, result.error.code) for result in results] == [(name, "unexpected_answer") for name in "ab"]


def test_a_redirect_is_not_followed(call: Call, server: Loopback) -> None:
    server.script(Answer(307, None, {"Location": f"{server.url}/elsewhere"}))
    with pytest.raises(EventCenterError, match="307"):
        call("emit", **EVENT)
    assert len(server.seen) == 1
