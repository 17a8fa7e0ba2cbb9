"""Decrypts push messages with PyPI's http-ece: JSON lines in, base64url lines out.

    {"private_key", "auth", "body"}, each as base64url without padding
"""

import json
import sys

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec

from vapid import decode_base64url, encode_base64url

for line in sys.stdin:
    said = {name: decode_base64url(text) for name, text in json.loads(line).items()}
    number = int.from_bytes(said["private_key"], "big")
    private_key = ec.derive_private_key(number, ec.SECP256R1())
    print(encode_base64url(http_ece.decrypt(said["body"], private_key=private_key, auth_secret=said["auth"])))
