"""Starts a peer as the tests of the engine do: ready line, and standard input as its lifeline."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

DEADLINE_SECONDS = 10
HERE = Path(__file__).parent


@contextmanager
def running(program: str, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Yields the process and what its first line said; afterwards the process has ended."""
    command = [sys.executable, str(HERE / program), *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, encoding="utf-8") as process:
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            process.stdin.close()
            try:
                process.wait(DEADLINE_SECONDS)
            finally:
                process.kill()
