"""What goes to the server and what comes back, in the few words that decide anything."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Optional, Union
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 10.0
"""How long a connect, a read or a write may stall. One that does is tried again."""

TRANSIENT = {
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}
"""The statuses that may be another one soon."""


@dataclass(frozen=True)
class Request:
    """One HTTP request, to be sent `after` so many seconds."""

    method: str
    path: str
    body: Optional[bytes] = None
    timeout: float = TIMEOUT_SECONDS
    after: float = 0.0


@dataclass(frozen=True)
class Reply:
    """An HTTP response."""

    status: int
    body: bytes
    retry_after: Optional[str] = None
    date: Optional[str] = None

    @property
    def is_success(self) -> bool:
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def is_transient(self) -> bool:
        return self.status in TRANSIENT or (self.status == HTTPStatus.CONFLICT and self.retry_after is not None)

    @property
    def retry_after_seconds(self) -> Optional[float]:
        """Retry-After (RFC 9110, 10.2.3), seconds or a date. A date counts from the reply's own Date: one clock."""
        if self.retry_after is None:
            return None
        if re.fullmatch(r"[0-9]+", self.retry_after):
            return float(self.retry_after)
        try:
            wait = parsedate_to_datetime(self.retry_after) - parsedate_to_datetime(self.date or "")
        except (TypeError, ValueError, IndexError):
            return None
        return max(0.0, wait.total_seconds())


@dataclass(frozen=True)
class Failure:
    """There was no response. It may come next time."""

    reason: str
    is_transient = True
    retry_after_seconds = None


Outcome = Union[Reply, Failure]


@dataclass(frozen=True)
class Server:
    """Where the server is and how to be let in. The key stays out of the repr."""

    url: str
    service_key: str = field(repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("url must be http:// or https:// with a host")
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError("url must hold no credentials, query or fragment")
        # A key that HTTP cannot carry would otherwise be quoted in the error of the library that refuses it.
        if not re.fullmatch(r"[\x21-\x7e]+", self.service_key):
            raise ValueError("service_key must be visible ASCII without spaces or line breaks")

    @classmethod
    def from_env(cls) -> Server:
        return cls(_required("EVENTCENTER_URL"), _required("EVENTCENTER_SERVICE_KEY"))

    @property
    def headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self.service_key}",
            "Content-Type": "application/json",
            "User-Agent": "eventcenter-python",
        }


def _required(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise ValueError(f"{name} is not set")
    return value
