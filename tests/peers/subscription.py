"""A push subscription as the browser holds it: its keys, and how it decrypts (RFC 8291, RFC 8188)."""

import os
import secrets
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import http_ece
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from script import ScriptedAnswer
from vapid import encode_base64url

# RFC 8188 section 2.1: a salt of 16 bytes, a record size of 4, the length of the key and the key of 65.
SALT_BYTES, RECORD_SIZE_BYTES, KEY_BYTES = 16, 4, 65
HEADER_BYTES = SALT_BYTES + RECORD_SIZE_BYTES + 1 + KEY_BYTES
# RFC 8291 section 3.2.
AUTH_SECRET_BYTES = 16


class Undecryptable(Exception):
    """The browser would drop this message without a word."""


@dataclass
class Subscription:
    """One subscription; `application_server_key` restricts who may push to it (RFC 8292 section 4).

    `origin` is what its endpoint begins with, and what `aud` must say.
    """

    application_server_key: bytes | None
    origin: str
    id: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    script: deque[ScriptedAnswer] = field(default_factory=deque)
    active: bool = True

    def __post_init__(self) -> None:
        self._private_key = ec.generate_private_key(ec.SECP256R1())
        self._auth = os.urandom(AUTH_SECRET_BYTES)
        # The ciphertext seen under each header: the same salt and key must never protect another one.
        self._seen: dict[bytes, bytes] = {}

    def to_json(self) -> dict[str, Any]:
        """What `PushSubscription.toJSON()` gives in a browser (Push API section 8)."""
        point = self._private_key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        return {
            "endpoint": f"{self.origin}/push/{self.id}",
            "expirationTime": None,
            "keys": {"p256dh": encode_base64url(point), "auth": encode_base64url(self._auth)},
        }

    def decrypt(self, body: bytes) -> bytes:
        """Returns the plaintext, or raises `Undecryptable` for what a browser may not accept."""
        if len(body) <= HEADER_BYTES or body[HEADER_BYTES - KEY_BYTES - 1] != KEY_BYTES:
            raise Undecryptable("aes128gcm: no header with a key of 65 bytes")
        header, records = body[:HEADER_BYTES], body[HEADER_BYTES:]
        record_size = int.from_bytes(body[SALT_BYTES : SALT_BYTES + RECORD_SIZE_BYTES], "big")
        # RFC 8291 section 4: a push message is a single record.
        if len(records) > record_size:
            raise Undecryptable(f"aes128gcm: more than one record of {record_size} bytes")
        if self._seen.setdefault(header, records) != records:
            raise Undecryptable("aes128gcm: salt and key were used for another message")
        try:
            plaintext: bytes = http_ece.decrypt(body, private_key=self._private_key, auth_secret=self._auth)
        except (http_ece.ECEException, ValueError) as error:
            raise Undecryptable(f"aes128gcm: {error}") from error
        return plaintext
