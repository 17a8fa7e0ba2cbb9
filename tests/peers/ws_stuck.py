"""WebSocket clients that stop reading.

    python ws_stuck.py HOST PORT COUNT TOKEN…

Opens COUNT plain streams from their beginning for each token, prints {"open": N} once all are open, and never reads again. Ends
when standard input does.
"""

import json
import socket
import sys

# As small as the kernel lets it be, so that the server's side fills soon.
RECEIVE_BYTES = 4096


def stuck(host: str, port: int, token: str) -> socket.socket:
    """An open stream that nobody reads."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
    connection.connect((host, port))
    # The key is the RFC's own example: nobody here looks at the answer to it.
    connection.sendall(
        f"GET /ws?after=0 HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    answer = connection.recv(12)
    if answer != b"HTTP/1.1 101":
        sys.exit(f"refused: {answer!r}")
    return connection


def main() -> None:
    """Opens them all, one after the other, and waits."""
    host, port, count, *tokens = sys.argv[1:]
    connections = [stuck(host, int(port), token) for token in tokens for _ in range(int(count))]
    print(json.dumps({"open": len(connections)}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
