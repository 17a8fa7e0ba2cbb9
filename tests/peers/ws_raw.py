"""A WebSocket client without manners: it sends whatever bytes it is given.

    python ws_raw.py URL [--header "NAME: VALUE"]…

Prints one line for the opened connection, one for each frame that came, and one for the end:

    {"open": true}
    …text frames as they came…
    {"pong": "hex"}
    {"close": 1002, "reason": "…"}

The end without a close frame is {"close": null}. Each line of standard input is hexadecimal, sent as it is, right after the
handshake and without any header or mask; at its end the connection is cut.
"""

import argparse
import base64
import json
import os
import socket
import sys
import threading
from urllib.parse import urlsplit

TEXT, CLOSE, PONG = 1, 8, 10


def say(document: dict[str, object]) -> None:
    """Prints one line of this program's own."""
    print(json.dumps(document), flush=True)


def shake_hands(connection: socket.socket, url: str, headers: list[str]) -> None:
    """RFC 6455 §4.1, one byte at a time, so that no frame is read with it."""
    parts = urlsplit(url)
    lines = [
        f"GET {parts.path}?{parts.query} HTTP/1.1",
        f"Host: {parts.netloc}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        *headers,
    ]
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += connection.recv(1) or sys.exit(f"refused: {answer!r}")
    if not answer.startswith(b"HTTP/1.1 101 "):
        sys.exit(f"refused: {answer!r}")


def send_lines(connection: socket.socket) -> None:
    """Sends standard input, and cuts the connection at its end. The server may have cut it before."""
    try:
        for line in sys.stdin:
            connection.sendall(bytes.fromhex(line))
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def read_exactly(connection: socket.socket, count: int) -> bytes:
    """So many bytes, or EOFError."""
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def print_frames(connection: socket.socket) -> None:
    """Prints frames until a close frame comes or the connection ends."""
    while True:
        first, length = read_exactly(connection, 2)
        if length >= 126:
            length = int.from_bytes(read_exactly(connection, 2 if length == 126 else 8))
        payload = read_exactly(connection, length)
        if first == 0x80 | TEXT:
            print(payload.decode(), flush=True)
        elif first == 0x80 | PONG:
            say({"pong": payload.hex()})
        elif first == 0x80 | CLOSE:
            return say({"close": int.from_bytes(payload[:2]), "reason": payload[2:].decode()})


def main() -> None:
    """Connects, then prints and sends until either side ends."""
    parser = argparse.ArgumentParser(description="Sends raw bytes over a WebSocket.")
    parser.add_argument("url")
    parser.add_argument("--header", action="append", default=[])
    arguments = parser.parse_args()
    parts = urlsplit(arguments.url)
    with socket.create_connection((parts.hostname, parts.port)) as connection:
        shake_hands(connection, arguments.url, arguments.header)
        say({"open": True})
        threading.Thread(target=send_lines, args=[connection], daemon=True).start()
        try:
            print_frames(connection)
        except (EOFError, OSError):
            say({"close": None})


if __name__ == "__main__":
    main()
