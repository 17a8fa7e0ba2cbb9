"""The client and the three example services against a real server.

Selected by `-m server`; needs EVENTCENTER_URL and EVENTCENTER_SERVICE_KEY, EVENTCENTER_DATABASE_URL for the insert, and
EVENTCENTER_JWT_SECRET to answer as a person.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from eventcenter import Conflict, Emitted, EventCenter, EventCenterError, NotFound, SyncEventCenter

pytestmark = pytest.mark.server

PACKAGE = Path(__file__).parent.parent
EXAMPLE_SECONDS = 60
"""An example that takes longer than this is ended, and its test fails."""


@pytest.fixture
def center() -> Iterator[SyncEventCenter]:
    with SyncEventCenter.from_env() as client:
        yield client


@pytest.fixture
def user_id() -> int:
    """A person whom no other test tells anything."""
    return 1 + secrets.randbelow(2**62)


def run_example(name: str, *arguments: str) -> list[tuple[str, str]]:
    """Runs an example and returns the type and the id of each event that it printed."""
    done = subprocess.run(
        [sys.executable, PACKAGE / "examples" / name, *arguments],
        env={**os.environ, "PYTHONPATH": str(PACKAGE / "src")},
        capture_output=True,
        text=True,
        timeout=EXAMPLE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    return [(event_type, event_id) for event_type, event_id in lines]


def planned_channels(center: SyncEventCenter, event_id: str) -> list[str]:
    channels: list[str] = center.status(event_id)["channels"]
    return sorted(channels)


def test_the_photo_service_shows_progress_on_ws_and_the_end_everywhere(
    center: SyncEventCenter, user_id: int, tmp_path: Path
) -> None:
    photos = [tmp_path / f"{number}.jpg" for number in range(3)]
    for photo in photos:
        photo.write_text(photo.name)
    events = run_example("photo.py", "--user", str(user_id), *map(str, photos))
    assert [event_type for event_type, _ in events] == ["job.progress"] * 3 + ["job.done"]
    *progress, (_, done) = events
    for _, event_id in progress:
        assert planned_channels(center, event_id) == ["ws"]
    assert planned_channels(center, done) == ["email", "push", "ws"]


def test_the_task_service_asks_everywhere(center: SyncEventCenter, user_id: int) -> None:
    [(event_type, event_id)] = run_example("tasks.py", "--user", str(user_id))
    assert event_type == "action.required"
    assert planned_channels(center, event_id) == ["email", "push", "ws"]


def test_the_task_service_asks_from_its_own_transaction(center: SyncEventCenter, user_id: int) -> None:
    database_url = os.environ["EVENTCENTER_DATABASE_URL"]
    [(event_type, event_id)] = run_example("tasks.py", "--user", str(user_id), "--sql", database_url)
    assert event_type == "action.required"
    assert planned_channels(center, event_id) == ["email", "push", "ws"]


@pytest.mark.parametrize("when", [[], ["--in", "3600"]], ids=["now", "later"])
def test_the_notes_service_reminds_on_ws_and_push(center: SyncEventCenter, user_id: int, when: list[str]) -> None:
    [(event_type, event_id)] = run_example("notes.py", "--user", str(user_id), *when)
    assert event_type == "reminder.due"
    assert planned_channels(center, event_id) == ["push", "ws"]


def test_the_same_id_twice_is_one_event(user_id: int) -> None:
    event_id = f"test-{secrets.token_hex(16)}"

    async def emit(body: str) -> Emitted:
        async with EventCenter.from_env() as center:
            return await center.emit(user_id=user_id, type="job.done", title="Done", body=body, id=event_id)

    assert asyncio.run(emit("12 photos")) == Emitted(event_id, duplicate=False)
    assert asyncio.run(emit("12 photos")) == Emitted(event_id, duplicate=True)
    with pytest.raises(Conflict):
        asyncio.run(emit("13 photos"))


def test_one_bad_event_of_many_leaves_its_neighbours_stored(center: SyncEventCenter, user_id: int) -> None:
    event = {"user_id": user_id, "type": "job.done", "title": "Done", "body": "12 photos"}
    first, bad, last = center.emit_many([event, {**event, "title": ""}, event])
    assert isinstance(first, Emitted)
    assert isinstance(last, Emitted)
    assert not isinstance(bad, Emitted)
    assert [error.field for error in bad.error.errors] == ["title"]
    assert planned_channels(center, first.id) == planned_channels(center, last.id) == ["push", "ws"]
    with pytest.raises(NotFound):
        center.status(bad.id)


def user_token(user_id: int) -> str:
    """A token as the host application would sign it (RFC 7519, HS256)."""

    def part(content: bytes) -> bytes:
        return base64.urlsafe_b64encode(content).rstrip(b"=")

    claims = json.dumps({"sub": str(user_id), "exp": int(time.time()) + 60}).encode()
    signed = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(claims)
    secret = os.environ["EVENTCENTER_JWT_SECRET"].encode()
    return (signed + b"." + part(hmac.digest(secret, signed, "sha256"))).decode()


def answer_as(user_id: int, action_id: str, option: str) -> int:
    """Answers as the person's page would; the status of the server's answer."""
    url = f"{os.environ['EVENTCENTER_URL']}/api/actions/{action_id}/answer"
    headers = {"Authorization": f"Bearer {user_token(user_id)}"}
    return httpx.post(url, json={"option": option}, headers=headers, timeout=10).status_code


def test_the_first_answer_of_the_person_reaches_the_service_that_waits(center: SyncEventCenter, user_id: int) -> None:
    action_id = f"test-{secrets.token_hex(16)}"
    data = {"action_id": action_id, "options": ["reject", {"value": "approve", "label": "Approve"}]}
    center.emit(id=action_id, user_id=user_id, type="action.required", title="Approve?", body="", data=data)
    assert center.answer(action_id) is None

    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(center.answer, action_id, wait=30)
        assert answer_as(user_id, action_id, "approve") == HTTPStatus.OK
        answer = waiting.result()

    assert answer is not None
    assert (answer["option"], answer["user_id"], answer["event_id"]) == ("approve", user_id, action_id)
    assert answer_as(user_id, action_id, "reject") == HTTPStatus.CONFLICT
    assert center.answer(action_id, user_id=user_id) == answer


def test_an_action_of_several_people_is_asked_for_by_person(center: SyncEventCenter, user_id: int) -> None:
    action_id = f"test-{secrets.token_hex(16)}"
    question = {"type": "action.required", "title": "Lunch?", "body": "", "data": {"action_id": action_id}}
    center.emit_many([{**question, "user_id": person} for person in (user_id, user_id + 1)])
    with pytest.raises(EventCenterError, match="user_id") as ambiguous:
        center.answer(action_id)
    assert ambiguous.value.code == "ambiguous_action"
    assert center.answer(action_id, user_id=user_id) is None
    with pytest.raises(NotFound):
        center.answer(f"{action_id}-unknown")
