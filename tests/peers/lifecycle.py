"""The life of a peer: it says once that it is ready, and lives as long as its standard input is open.

A test that is killed cannot stop its peers, but the kernel closes its end of their pipes. So the
closing of standard input is the stop signal, and no peer outlives the test that started it.
"""

import json
import os
import signal
import sys
from types import FrameType
from typing import Any


def _exit_on_signal(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def exit_cleanly_on_signals() -> None:
    """Makes SIGTERM and SIGINT unwind the stack, so that context managers clean up."""
    signal.signal(signal.SIGTERM, _exit_on_signal)
    signal.signal(signal.SIGINT, _exit_on_signal)


def announce(ready: dict[str, Any]) -> None:
    """Prints the one line that tells the test where this peer listens."""
    print(json.dumps(ready), flush=True)


def wait_until_stdin_closes() -> None:
    """Returns at the end of standard input; what is written to it is ignored."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
