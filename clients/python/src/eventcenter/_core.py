"""The conversation with the server, without the network: what to send, what an answer means, when to try again.

Every call is a generator that yields the next `Request` and is sent its `Outcome`. The two clients only carry them, so
what they do cannot differ.
"""

from __future__ import annotations

import json
import random
import time
from collections import deque
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from itertools import chain
from typing import Any, Callable, Optional, TypeVar, Union
from urllib.parse import quote, urlencode

from ._http import TRANSIENT, Failure, Outcome, Reply, Request
from .errors import Conflict, EventCenterError, InvalidEvent, NotFound, Problem, Unauthorized, Unavailable
from .events import EmitError, Emitted, encode, named

MAX_BATCH = 500
"""Events in one request, the server's own limit. `emit_many` sends more than these in several requests."""

_REFUSALS: dict[int, type[EventCenterError]] = {
    HTTPStatus.BAD_REQUEST: InvalidEvent,
    HTTPStatus.UNAUTHORIZED: Unauthorized,
    HTTPStatus.FORBIDDEN: Unauthorized,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: InvalidEvent,
    HTTPStatus.UNPROCESSABLE_ENTITY: Conflict,
}
_WHOLE_BATCH = {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
"""What one event can bring upon all those in its request: data nested too deep for JSON, or too many bytes."""

T = TypeVar("T")
Steps = Generator[Request, Outcome, T]
Results = dict[int, Union[Emitted, EmitError]]


@dataclass(frozen=True)
class Retry:
    """When to try again: on failed connections, timeouts, 429, 502, 503, 504, and 409 with Retry-After.

    The pause before try n + 1 is drawn from 0 to `base_seconds` * 2^(n-1), at most `cap_seconds` (full jitter);
    a Retry-After takes its place. There are at most `tries`, and none starts more than `total_seconds` after the first
    (for `answer`, after its `wait` besides). What is then still refused is raised as Unavailable.
    `clock` and `uniform` are there for tests.
    """

    tries: int = 6
    total_seconds: float = 60.0
    base_seconds: float = 0.25
    cap_seconds: float = 10.0
    clock: Callable[[], float] = time.monotonic
    uniform: Callable[[float, float], float] = random.uniform

    def pause(self, tried: int, started: float, retry_after: Optional[float]) -> Optional[float]:
        """Seconds until the next try, or None when there is to be none."""
        if tried >= self.tries:
            return None
        pause = retry_after
        if pause is None:
            pause = self.uniform(0.0, min(self.cap_seconds, self.base_seconds * 2 ** (tried - 1)))
        return pause if self.clock() - started + pause <= self.total_seconds else None


DEFAULT_RETRY = Retry()


@dataclass(frozen=True)
class _Entry:
    """One event of an `emit_many`: its index in the whole call, its id, its JSON."""

    index: int
    id: str
    body: bytes


@dataclass(frozen=True)
class Calls:
    """The calls of the service API, each as the steps it takes."""

    timeout: float
    retry: Retry

    def emit(self, event: Mapping[str, Any]) -> Steps[Emitted]:
        event = named(event)
        event_id = str(event["id"])
        document = yield from self._exchange(self._post("/events", encode(event)), event_id)
        return _emitted(document, event_id)

    def emit_many(self, events: Iterable[Mapping[str, Any]]) -> Steps[list[Union[Emitted, EmitError]]]:
        results, waiting = _batches(events)
        while waiting:
            batch = waiting.popleft()
            try:
                document = yield from self._exchange(self._post("/events", _array(batch)))
                results.update(_batch_results(document, batch))
            except EventCenterError as error:
                if error.status in _WHOLE_BATCH and len(batch) > 1:
                    half = len(batch) // 2
                    waiting.extendleft([batch[half:], batch[:half]])
                    continue
                results.update(_failed(batch, error))
                if isinstance(error, (Unauthorized, Unavailable)):
                    # The batches behind this one would only wait as long for the same answer.
                    results.update(_failed(chain.from_iterable(waiting), error))
                    break
        return [results[index] for index in range(len(results))]

    def status(self, event_id: str) -> Steps[dict[str, Any]]:
        return self._object(Request("GET", f"/api/events/{_segment(event_id)}", timeout=self.timeout))

    def cancel(self, event_id: str) -> Steps[dict[str, Any]]:
        return self._object(self._post(f"/api/events/{_segment(event_id)}/cancel"))

    def answer(self, action_id: str, user_id: Optional[int], wait: int) -> Steps[Optional[dict[str, Any]]]:
        query = {"wait": wait} if user_id is None else {"wait": wait, "user_id": user_id}
        path = f"/api/actions/{_segment(action_id)}?{urlencode(query)}"
        patient = replace(self.retry, total_seconds=self.retry.total_seconds + wait)
        request = Request("GET", path, timeout=self.timeout + wait)
        document = yield from replace(self, retry=patient)._exchange(request)
        return None if document is None else _expect_object(document)

    def _post(self, path: str, body: Optional[bytes] = None) -> Request:
        return Request("POST", path, body, self.timeout)

    def _object(self, request: Request) -> Steps[dict[str, Any]]:
        return _expect_object((yield from self._exchange(request)))

    def _exchange(self, request: Request, event_id: Optional[str] = None) -> Steps[Any]:
        """Sends until there is an answer that stands. Returns the JSON of a success, None if it has no body."""
        started = self.retry.clock()
        tried = 0
        while True:
            outcome = yield request
            tried += 1
            if isinstance(outcome, Reply) and outcome.is_success:
                return _parse(outcome.body, event_id) if outcome.body else None
            pause = None
            if outcome.is_transient:
                pause = self.retry.pause(tried, started, outcome.retry_after_seconds)
            if pause is None:
                raise _error(outcome, tried, event_id)
            request = replace(request, after=pause)


def _segment(name: str) -> str:
    if name in ("", ".", ".."):
        raise ValueError(f"{name!r} is not an id")
    return quote(name, safe="")


def _batches(events: Iterable[Mapping[str, Any]]) -> tuple[Results, deque[list[_Entry]]]:
    """Encodes the events into batches. One that cannot be encoded has its result at once and holds up no other."""
    results: Results = {}
    entries: list[_Entry] = []
    for index, event in enumerate(map(named, events)):
        event_id = str(event["id"])
        try:
            entries.append(_Entry(index, event_id, encode(event)))
        except InvalidEvent as error:
            results[index] = EmitError(index, event_id, error)
    return results, deque(entries[start : start + MAX_BATCH] for start in range(0, len(entries), MAX_BATCH))


def _array(batch: list[_Entry]) -> bytes:
    return b"[" + b",".join(entry.body for entry in batch) + b"]"


def _failed(entries: Iterable[_Entry], error: EventCenterError) -> Results:
    return {entry.index: EmitError(entry.index, entry.id, error) for entry in entries}


def _error(outcome: Outcome, tried: int, event_id: Optional[str]) -> EventCenterError:
    if isinstance(outcome, Failure):
        return Unavailable(Problem("unreachable", f"no answer after {tried} tries: {outcome.reason}"), event_id)
    try:
        document = json.loads(outcome.body)
    except ValueError:
        document = None
    return _refusal(outcome.status, document, event_id, transient=outcome.is_transient)


def _refusal(status: int, document: Any, event_id: Optional[str], *, transient: bool) -> EventCenterError:
    kind = _REFUSALS.get(status, EventCenterError)
    if transient or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        kind = Unavailable
    return kind(Problem.from_json(status, document), event_id)


def _parse(body: bytes, event_id: Optional[str]) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        pass
    raise _unexpected("the answer is not JSON; is the URL that of an EventCenter?", event_id)


def _unexpected(detail: str, event_id: Optional[str] = None) -> EventCenterError:
    return EventCenterError(Problem("unexpected_answer", detail), event_id)


def _expect_object(document: Any) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise _unexpected("the answer is not a JSON object")
    return document


def _emitted(document: Any, event_id: str) -> Emitted:
    match = document if isinstance(document, dict) else {}
    stored, duplicate = match.get("id"), match.get("duplicate")
    if not isinstance(stored, str) or not isinstance(duplicate, bool):
        raise _unexpected("the answer lacks id or duplicate", event_id)
    return Emitted(stored, duplicate)


def _batch_results(document: Any, batch: list[_Entry]) -> Results:
    """Gives each event of a batch the result that the server lists for its place."""
    listed = document.get("results") if isinstance(document, dict) else None
    answers = [answer for answer in listed if isinstance(answer, dict)] if isinstance(listed, list) else []
    if [answer.get("index") for answer in answers] != list(range(len(batch))):
        raise _unexpected("the answer does not list one result for each event in order")
    return {entry.index: _result(entry, answer) for entry, answer in zip(batch, answers)}


def _result(entry: _Entry, answer: dict[str, Any]) -> Union[Emitted, EmitError]:
    problem = answer.get("error")
    if problem is None:
        return _emitted(answer, entry.id)
    stated = problem.get("status") if isinstance(problem, dict) else None
    status = stated if isinstance(stated, int) else HTTPStatus.BAD_REQUEST
    error = _refusal(status, problem, entry.id, transient=status in TRANSIENT)
    return EmitError(entry.index, entry.id, error)
