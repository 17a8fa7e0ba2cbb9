"""Tell people what your service knows, through an EventCenter server."""

from ._core import MAX_BATCH, Retry
from .clients import EventCenter, SyncEventCenter
from .errors import (
    Conflict,
    EventCenterError,
    FieldError,
    InvalidEvent,
    NotFound,
    Problem,
    Unauthorized,
    Unavailable,
)
from .events import Channel, ChannelHint, Cta, EmitError, Emitted, Event, Level

__all__ = [
    "MAX_BATCH",
    "Channel",
    "ChannelHint",
    "Conflict",
    "Cta",
    "EmitError",
    "Emitted",
    "Event",
    "EventCenter",
    "EventCenterError",
    "FieldError",
    "InvalidEvent",
    "Level",
    "NotFound",
    "Problem",
    "Retry",
    "SyncEventCenter",
    "Unauthorized",
    "Unavailable",
]
