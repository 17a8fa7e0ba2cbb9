"""What can go wrong, told apart by what the caller can do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional


@dataclass(frozen=True)
class FieldError:
    """One field of an event and what is wrong with it."""

    field: str
    message: str


@dataclass(frozen=True)
class Problem:
    """A problem document (RFC 9457). `status` is None when the refusal came from this client, before any request."""

    code: str
    detail: str
    status: Optional[int] = None
    errors: tuple[FieldError, ...] = ()
    request_id: Optional[str] = None

    @classmethod
    def from_json(cls, status: int, document: Any) -> Problem:
        """Reads what a server sent. Proxies send anything, so whatever is missing or of another type is left out."""
        known: dict[str, Any] = document if isinstance(document, dict) else {}
        listed = known.get("errors")
        return cls(
            code=str(known.get("code") or f"http_{status}"),
            detail=str(known.get("detail") or known.get("title") or f"the server answered {status}"),
            status=status,
            errors=tuple(
                FieldError(str(entry.get("field")), str(entry.get("message")))
                for entry in (listed if isinstance(listed, list) else ())
                if isinstance(entry, dict)
            ),
            request_id=str(known["request_id"]) if known.get("request_id") else None,
        )

    def __str__(self) -> str:
        text = f"{self.code}: {self.detail}"
        if self.errors:
            text += f" ({'; '.join(f'{error.field}: {error.message}' for error in self.errors)})"
        if self.request_id:
            text += f" [request {self.request_id}]"
        return text


class EventCenterError(Exception):
    """Base of every error that this package raises for an answer, or for the lack of one.

    `event_id` is the id under which an event was sent, the client's own included: emitting again under it is always
    safe, whatever became of the first attempt.
    """

    def __init__(self, problem: Problem, event_id: Optional[str] = None) -> None:
        # Both go to Exception, so that the error survives pickling on its way out of a worker process.
        super().__init__(problem, event_id)
        self.problem = problem
        self.event_id = event_id

    @property
    def status(self) -> Optional[int]:
        return self.problem.status

    @property
    def code(self) -> str:
        return self.problem.code

    @property
    def detail(self) -> str:
        return self.problem.detail

    @property
    def errors(self) -> tuple[FieldError, ...]:
        return self.problem.errors

    @property
    def request_id(self) -> Optional[str]:
        return self.problem.request_id

    def __str__(self) -> str:
        return f"{self.problem} [event {self.event_id}]" if self.event_id else str(self.problem)


class InvalidEvent(EventCenterError):
    """What was sent breaks a rule. `errors` names the fields; sending it again unchanged cannot help."""


class Conflict(EventCenterError):
    """The id already names an event with another body. The stored event is as it was."""


class Unauthorized(EventCenterError):
    """The service key is unknown or revoked, or may not do this."""


class NotFound(EventCenterError):
    """No event or action has this id."""


class Unavailable(EventCenterError):
    """The server could not be reached, or could not answer, for as long as `Retry` allows.

    The event may have been stored all the same: emit it again later under `event_id`.
    """
