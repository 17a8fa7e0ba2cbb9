"""A Web Push service and the browsers behind it, on loopback: HTTP/2 over TLS (RFC 8030, 8291, 8292).

    python push_service.py [--host localhost]

Ready line: {"url", "control_url", "ca", "hosts"}: the origin of endpoints, the control plane, the PEM file of
the authority to trust, and the names under which it also answers for real services. The control plane:

    POST   /subscriptions {application_server_key?, host?}  201, the browser's PushSubscription JSON
    DELETE /subscriptions/{id}                       204; from now on its endpoint answers 410
    POST   /subscriptions/{id}/script [answers]      204; given in turn before it behaves again (script.py)
    GET    /messages?after=&count=&wait=&subscription=   what arrived, in order (journal.py)

An id is the last segment of its endpoint; a number may follow, for many browsers that share their keys. What a
browser could not decrypt is answered 201, as real services do, who cannot know; it stands in the message's
`errors`, together with the reason of a refusal.
"""

import argparse
import asyncio
import json
import re
import secrets
import tempfile
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

import certificates
import lifecycle
import script
import vapid
from control import Answer, Call, ControlPlane, Rejected, Route, messages_route
from http2 import Http2Server, Request, Response
from journal import Journal
from script import ScriptedAnswer
from subscription import Subscription, Undecryptable
from vapid import Refused

# RFC 8030 section 7.2: a service may refuse more than this with 413, and the large ones do.
MAX_MESSAGE_BYTES = 4096
# A longer TTL is granted only up to this, as RFC 8030 section 5.2 allows: 30 days, as autopush does.
MAX_TTL_SECONDS = 30 * 24 * 60 * 60
URGENCIES = ("very-low", "low", "normal", "high")


class PushService:
    """The subscriptions and what was pushed to them."""

    def __init__(self, host: str) -> None:
        self.journal = Journal()
        self._host = host
        self._origin = ""
        # The control plane creates and deletes, the data plane looks up, each in a thread of its own.
        self._lock = threading.Lock()
        self._subscriptions: dict[str, Subscription] = {}

    def listening_on(self, port: int) -> str:
        """Tells the service its port; returns its own origin."""
        self._origin = f"https://{self._host}:{port}"
        return self._origin

    def routes(self) -> list[Route]:
        """The control plane's calls."""
        return [
            Route("POST", "/subscriptions", self._subscribe),
            Route("DELETE", "/subscriptions/{id}", self._unsubscribe),
            Route("POST", "/subscriptions/{id}/script", self._prescribe),
            messages_route(self.journal, "subscription"),
        ]

    def _subscribe(self, call: Call) -> Answer:
        options = call.body or {}
        if not isinstance(options, dict) or not options.keys() <= {"application_server_key", "host"}:
            raise Rejected(400, "the body is {application_server_key?, host?}")
        text, host = options.get("application_server_key"), options.get("host")
        if host not in (None, *certificates.PUSH_HOSTS):
            raise Rejected(400, f"host must be one of {certificates.PUSH_HOSTS}")
        try:
            key = None if text is None else vapid.decode_base64url(text)
        except (TypeError, ValueError) as error:
            raise Rejected(400, f"application_server_key: {error}") from error
        subscription = Subscription(key, f"https://{host}" if host else self._origin)
        with self._lock:
            self._subscriptions[subscription.id] = subscription
        return 201, subscription.to_json()

    def _unsubscribe(self, call: Call) -> Answer:
        self._existing(call).active = False
        return 204, None

    def _prescribe(self, call: Call) -> Answer:
        self._existing(call).script = deque(script.parse(call.body))
        return 204, None

    def _existing(self, call: Call) -> Subscription:
        with self._lock:
            subscription = self._subscriptions.get(call.path["id"])
        if subscription is None or not subscription.active:
            raise Rejected(404, "no such subscription")
        return subscription

    async def push(self, request: Request) -> Response:
        """Judges and records a push message on arrival, then answers what is due, or what was prescribed."""
        found = re.fullmatch(r"/push/([\w-]+)(?:/\d+)?", request.path)
        with self._lock:
            subscription = self._subscriptions.get(found[1]) if found else None
        credentials: dict[str, Any] = {}
        errors: list[str] = []
        try:
            self._judge(request, subscription, credentials)
            deserved = self._accepted(int(request.headers["ttl"]))
        except Refused as refused:
            errors.append(refused.reason)
            deserved = _refusal(refused)
        plaintext, scripted = None, ScriptedAnswer()
        if subscription and subscription.active:
            plaintext = _decrypt(subscription, request, errors)
            scripted = subscription.script.popleft() if subscription.script else scripted
        self.journal.append(
            {
                "subscription": found[1] if found else None,
                "status": None if scripted.hang else scripted.status or deserved.status,
                "http_version": "HTTP/2",
                "connection": request.connection,
                "received_at": time.time(),
                "headers": request.headers,
                "size": request.size,
                "vapid": credentials or None,
                "plaintext": plaintext,
                "errors": errors,
            }
        )
        return await _in_time(scripted, deserved)

    def _accepted(self, ttl: int) -> Response:
        """RFC 8030 section 5: the message has a URL of its own, and the TTL that is granted."""
        location = f"{self._origin}/message/{secrets.token_urlsafe(12)}"
        return Response(201, {"location": location, "ttl": str(min(ttl, MAX_TTL_SECONDS))})

    def _judge(
        self, request: Request, subscription: Subscription | None, credentials: dict[str, Any]
    ) -> None:
        if subscription is None:
            raise Refused(404, "no such subscription")
        if not subscription.active:
            raise Refused(410, "the subscription has ended")
        if request.method != "POST":
            raise Refused(405, f"method must be POST, not {request.method}")
        if request.size > MAX_MESSAGE_BYTES:
            raise Refused(413, f"a body is at most {MAX_MESSAGE_BYTES} bytes, not {request.size}")
        _check_headers(request.headers)
        said = vapid.parse(request.headers.get("authorization"))
        credentials.update(said.claims, public_key=vapid.encode_base64url(said.public_key))
        vapid.verify(said, subscription.origin, time.time())
        if subscription.application_server_key not in (None, said.public_key):
            raise Refused(403, "vapid: not the key that the subscription was made with")


def _check_headers(headers: dict[str, str]) -> None:
    """RFC 8030 section 5.2 to 5.4; only `Urgency` and `Topic` may be missing."""
    if not re.fullmatch(r"[0-9]+", headers.get("ttl", "")):
        raise Refused(400, f"ttl: must be a number of seconds, not {headers.get('ttl')!r}")
    if headers.get("urgency", "normal") not in URGENCIES:
        raise Refused(400, f"urgency: must be one of {URGENCIES}, not {headers['urgency']!r}")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", headers.get("topic", "none")):
        raise Refused(400, f"topic: must be 1 to 32 base64url characters, not {headers['topic']!r}")
    if headers.get("content-encoding") != "aes128gcm":
        raise Refused(400, f"content-encoding: must be aes128gcm, not {headers.get('content-encoding')!r}")


def _decrypt(subscription: Subscription, request: Request, errors: list[str]) -> str | None:
    try:
        return subscription.decrypt(bytes(request.body)).decode()
    except (Undecryptable, UnicodeDecodeError) as error:
        errors.append(str(error))
        return None


def _refusal(refused: Refused) -> Response:
    document = {"code": refused.status, "reason": refused.reason}
    return Response(refused.status, {"content-type": "application/json"}, json.dumps(document).encode())


async def _in_time(scripted: ScriptedAnswer, deserved: Response) -> Response:
    if scripted.hang:
        # Nobody ever completes this; it ends when the client gives up.
        await asyncio.get_running_loop().create_future()
    await asyncio.sleep(scripted.delay_ms / 1000)
    if scripted.status is None:
        return deserved
    return Response(scripted.status, scripted.headers or {}, scripted.body.encode())


def main() -> None:
    """Serves until standard input closes."""
    lifecycle.exit_cleanly_on_signals()
    arguments = argparse.ArgumentParser(description="A loopback Web Push service.")
    arguments.add_argument(
        "--host", default="localhost", choices=["localhost", "127.0.0.1"], help="the host in endpoints"
    )
    service = PushService(arguments.parse_args().host)
    with tempfile.TemporaryDirectory(prefix="push-service-") as directory:
        ca, context = certificates.issue(Path(directory))
        with Http2Server(context, service.push) as data, ControlPlane(service.routes()) as control:
            url = service.listening_on(data.port)
            hosts = list(certificates.PUSH_HOSTS)
            lifecycle.announce({"url": url, "control_url": control.url, "ca": str(ca), "hosts": hosts})
            lifecycle.wait_until_stdin_closes()


if __name__ == "__main__":
    main()
