"""Voluntary Application Server Identification (RFC 8292), seen from the push service."""

import base64
import json
import re
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

# RFC 8292 section 2: a later `exp` is refused.
MAX_LIFETIME_SECONDS = 24 * 60 * 60


class Refused(Exception):
    """A push message that is not accepted, with the status it is answered."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True)
class Vapid:
    """What an Authorization header says; `verify` tells whether it is true."""

    token: str
    public_key: bytes
    claims: dict[str, Any]


def decode_base64url(text: str) -> bytes:
    """Decodes base64url without padding, as RFC 7515 section 2 has it; raises ValueError otherwise."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", text):
        raise ValueError("not unpadded base64url")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encode_base64url(data: bytes) -> str:
    """Encodes to base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def parse(authorization: str | None) -> Vapid:
    """Reads `vapid t=TOKEN, k=KEY` (RFC 8292 section 3). Absent is 401, malformed is 403 (section 4.2)."""
    scheme, _, parameters = (authorization or "").partition(" ")
    if scheme.lower() != "vapid":
        raise Refused(401, "authorization: no vapid credentials")
    found = dict(re.findall(r"(?:^|,)\s*([tk])=([^,\s]*)", parameters))
    try:
        token, public_key = found["t"], decode_base64url(found["k"])
        first, second, _signature = token.split(".")
        header, claims = (json.loads(decode_base64url(part)) for part in (first, second))
    except (KeyError, ValueError) as error:
        raise Refused(403, f"vapid: malformed: {error!r}") from error
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise Refused(403, "vapid: header and claims must be JSON objects")
    if header.get("alg") != "ES256":
        raise Refused(403, f"vapid: alg must be ES256, not {header.get('alg')!r}")
    return Vapid(token, public_key, claims)


def verify(vapid: Vapid, origin: str, now: float) -> None:
    """Refuses with 403 what is not signed by its key, or not meant for this origin at this time."""
    _verify_signature(vapid)
    audience, expires, subject = (vapid.claims.get(name) for name in ("aud", "exp", "sub"))
    if audience != origin:
        raise Refused(403, f"vapid: aud must be {origin!r}, not {audience!r}")
    if isinstance(expires, bool) or not isinstance(expires, int):
        raise Refused(403, f"vapid: exp must be a whole number of seconds, not {expires!r}")
    if expires <= now:
        raise Refused(403, f"vapid: expired {now - expires:.0f} s ago")
    if expires > now + MAX_LIFETIME_SECONDS:
        raise Refused(403, "vapid: exp is more than 24 h ahead")
    if not isinstance(subject, str) or not re.match(r"mailto:[^@]+@.|https://.", subject):
        raise Refused(403, f"vapid: sub must be a mailto: or https: URI, not {subject!r}")


def _verify_signature(vapid: Vapid) -> None:
    signed, _, signature = vapid.token.rpartition(".")
    try:
        raw = decode_base64url(signature)
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), vapid.public_key)
        # JWS carries r and s as two numbers of 32 bytes (RFC 7518 section 3.4), the library wants DER.
        if len(raw) != 64:
            raise ValueError("an ES256 signature has 64 bytes")
        numbers = (int.from_bytes(half, "big") for half in (raw[:32], raw[32:]))
        key.verify(encode_dss_signature(*numbers), signed.encode(), ec.ECDSA(hashes.SHA256()))
    except (ValueError, InvalidSignature) as error:
        raise Refused(403, f"vapid: bad signature: {error!r}") from error
