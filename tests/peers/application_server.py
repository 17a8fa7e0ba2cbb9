"""An application server by other hands, to test the push service with."""

import ssl
import time
from typing import Any

import http_ece
import httpx
import py_vapid
import py_vapid.jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from harness import DEADLINE_SECONDS
from vapid import decode_base64url, encode_base64url

TEXT = '{"title":"Готово ✓"}'


class Pusher:
    """Pushes to one service: py-vapid signs, http-ece encrypts, httpx sends."""

    def __init__(self, ready: dict[str, Any]) -> None:
        self.url = ready["url"]
        self.control = httpx.Client(base_url=ready["control_url"], timeout=DEADLINE_SECONDS)
        self.tls = ssl.create_default_context(cafile=ready["ca"])
        self.client = httpx.Client(http1=False, http2=True, verify=self.tls, timeout=DEADLINE_SECONDS)
        self.key = new_key()

    def subscribe(self, **options: str) -> dict[str, Any]:
        """A new subscription, as the browser hands it over."""
        answer = self.control.post("/subscriptions", json=options)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def credentials(self, key: py_vapid.Vapid02 | None = None, **claims: Any) -> str:
        """An Authorization header with correct claims, but for those given."""
        standard = {"aud": self.url, "exp": int(time.time()) + 3600, "sub": "mailto:ops@example.com"}
        return sign(key or self.key, {**standard, **claims})

    def message(
        self, subscription: dict[str, Any], body: bytes | None = None, **changes: str | None
    ) -> dict[str, Any]:
        """The arguments of httpx's `post` for a correct message, but for the `changes`: None takes away."""
        headers: dict[str, str | None] = {
            "ttl": "60",
            "content-encoding": "aes128gcm",
            "authorization": self.credentials(),
            **{name.replace("_", "-"): value for name, value in changes.items()},
        }
        return {
            "url": subscription["endpoint"],
            "content": encrypt(subscription) if body is None else body,
            "headers": {name: value for name, value in headers.items() if value is not None},
        }

    def push(self, *arguments: Any, **changes: Any) -> httpx.Response:
        """Sends `message` and returns the answer."""
        return self.client.post(**self.message(*arguments, **changes))

    def messages(self, subscription: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
        """What arrived for the subscription, waiting for the first unless told otherwise."""
        query = {"wait": DEADLINE_SECONDS, "subscription": identity(subscription), **query}
        return self.control.get("/messages", params=query).json()


def sign(key: py_vapid.Vapid02, claims: dict[str, Any]) -> str:
    """A token with exactly these claims, through py-vapid's own signer, which corrects some of them."""
    token = py_vapid.jwt.sign(claims, key.private_key)
    return f"vapid t={token},k={public_point(key)}"


def new_key() -> py_vapid.Vapid02:
    """A key pair of an application server."""
    key = py_vapid.Vapid02()
    key.generate_keys()
    return key


def public_point(key: py_vapid.Vapid02) -> str:
    """The public key as browsers and the `k` parameter have it."""
    form = serialization.PublicFormat.UncompressedPoint
    return encode_base64url(key.public_key.public_bytes(serialization.Encoding.X962, form))


def identity(subscription: dict[str, Any]) -> str:
    """The id by which the control plane knows a subscription."""
    return subscription["endpoint"].rpartition("/")[2]


def encrypt(subscription: dict[str, Any], **changes: Any) -> bytes:
    """`TEXT` for this subscription, with the options of http-ece that `changes` replaces."""
    keys = {name: decode_base64url(text) for name, text in subscription["keys"].items()}
    fresh = ec.generate_private_key(ec.SECP256R1())
    options = {"private_key": fresh, "dh": keys["p256dh"], "auth_secret": keys["auth"], **changes}
    return http_ece.encrypt(TEXT.encode(), **options)
