"""What a service says, how it is encoded, and what it hears back."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal, Optional, TypedDict, Union

from .errors import EventCenterError, FieldError, InvalidEvent, Problem

Channel = Literal["ws", "push", "email"]
ChannelHint = Literal["auto", "websocket_only", "push_only"]
Level = Literal["info", "warning", "error", "critical"]

CLIENT_ID_PREFIX = "cli_"
"""Begins the ids that this client makes for events whose producer names none."""


@dataclass(frozen=True)
class Cta:
    """The button. `label` is at most 64 characters; `url` is http(s) or a path within the app, at most 2,048."""

    label: str
    url: str


class _Required(TypedDict):
    user_id: int
    type: str
    title: str
    body: str


class Event(_Required, total=False):
    """The fields of an event. A field that is None is left out, and the server's default holds.

    user_id: 1 to 2^63 - 1. type: at most 64 of `[a-z0-9_.-]`. title: at most 256 characters. body: at most 16 KiB.
    data: at most 32 KiB of JSON. deliver_at: at most 90 days ahead. id: the producer's own name for the event, unique
    in the whole installation; the same id with the same fields is one event however often it is sent.
    """

    id: Optional[str]
    level: Optional[Level]
    channels: Optional[Union[Sequence[Channel], AbstractSet[Channel]]]
    channel_hint: Optional[ChannelHint]
    cta: Optional[Union[Cta, Mapping[str, str]]]
    data: Optional[Mapping[str, Any]]
    deliver_at: Optional[Union[datetime, str]]
    expires_at: Optional[Union[datetime, str]]
    collapse_key: Optional[str]


@dataclass(frozen=True)
class Emitted:
    """The server has stored the event. `duplicate` when it had it already under this id."""

    id: str
    duplicate: bool


@dataclass(frozen=True)
class EmitError:
    """Why the event at `index` of an `emit_many` is not known to be stored, and the id to emit it again under."""

    index: int
    id: str
    error: EventCenterError


def named(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event without the fields that are None, under an id of this client's making if its producer gave none."""
    present = {name: value for name, value in event.items() if value is not None}
    present.setdefault("id", CLIENT_ID_PREFIX + uuid.uuid4().hex)
    return present


def encode(event: Mapping[str, Any]) -> bytes:
    """The event as JSON. It is encoded once, so that every retry sends the same bytes.

    Raises InvalidEvent for what JSON cannot say; all other rules are the server's, so that they are kept in one place.
    """
    fields = [f"{json.dumps(name)}:{_encode_field(name, value)}" for name, value in event.items()]
    return f"{{{','.join(fields)}}}".encode()


def _encode_field(name: str, value: object) -> str:
    try:
        text = json.dumps(value, default=_to_json, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        reason = str(error)
    else:
        return text
    raise InvalidEvent(
        Problem("invalid_event", "the event cannot be written as JSON", errors=(FieldError(name, reason),))
    )


def _to_json(value: object) -> object:
    if isinstance(value, Cta):
        return asdict(value)
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise ValueError("a datetime needs a time zone, as in datetime.now(timezone.utc)")
        return value.isoformat()
    if isinstance(value, (set, frozenset)):
        # Sets iterate in another order in every process, and one id must always come with one body.
        return sorted(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
