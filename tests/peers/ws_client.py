"""A WebSocket client that owes nothing to the server's library.

    python ws_client.py URL [--header "NAME: VALUE"]… [--subprotocol NAME]…

Prints one line for the opened connection, one for each text frame, and one for the end:

    {"open": true, "subprotocol": null}
    …the frames as they came…
    {"close": 1000, "reason": ""}

A refused handshake is {"close": null, "reason": "…"} alone, with `status` where there was an HTTP answer.
Each line of standard input is sent as a text frame; its end closes the connection.
"""

import argparse
import json
import sys
import threading

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.frames import CloseCode
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

# Time for the server's close frame; afterwards the connection ends as 1006.
CLOSE_SECONDS = 2.0


def say(document: dict[str, object]) -> None:
    """Prints one line of this program's own."""
    print(json.dumps(document), flush=True)


def send_lines(connection: ClientConnection) -> None:
    """Sends standard input, line by line, and closes at its end."""
    try:
        for line in sys.stdin:
            connection.send(line.removesuffix("\n"))
    except ConnectionClosed:
        return
    connection.close()


def print_frames(connection: ClientConnection) -> None:
    """Prints text frames until the connection is closed by either side."""
    try:
        while True:
            frame = connection.recv()
            if isinstance(frame, bytes):
                connection.close(CloseCode.UNSUPPORTED_DATA, "text frames only")
            else:
                print(frame, flush=True)
    except ConnectionClosed:
        say({"close": connection.close_code, "reason": connection.close_reason})


def main() -> None:
    """Connects, then prints and sends until either side closes."""
    parser = argparse.ArgumentParser(description="A line-by-line WebSocket client.")
    parser.add_argument("url")
    parser.add_argument("--header", action="append", default=[])
    parser.add_argument("--subprotocol", action="append", default=[])
    arguments = parser.parse_args()
    headers = [header.partition(": ")[::2] for header in arguments.header]
    subprotocols = [Subprotocol(name) for name in arguments.subprotocol] or None
    try:
        with connect(
            arguments.url,
            additional_headers=headers,
            subprotocols=subprotocols,
            close_timeout=CLOSE_SECONDS,
            # A proxy from the environment would stand between the test and the server.
            proxy=None,
        ) as connection:
            say({"open": True, "subprotocol": connection.subprotocol})
            threading.Thread(target=send_lines, args=[connection], daemon=True).start()
            print_frames(connection)
    except InvalidStatus as refused:
        say({"close": None, "reason": str(refused), "status": refused.response.status_code})
        raise SystemExit(1) from refused
    except (InvalidHandshake, OSError) as error:
        say({"close": None, "reason": str(error)})
        raise SystemExit(1) from error


if __name__ == "__main__":
    main()
