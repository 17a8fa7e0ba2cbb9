"""What a peer received, in order, for tests that wait instead of sleeping."""

import threading
from collections.abc import Callable
from typing import Any

Entry = dict[str, Any]


class Journal:
    """An append-only list of entries. Any thread may append; any thread may wait for more."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._grown = threading.Condition()

    def append(self, entry: Entry) -> int:
        """Adds the entry and returns its number `n`: 1, 2, 3 … in the order of arrival."""
        with self._grown:
            number = len(self._entries) + 1
            self._entries.append({"n": number, **entry})
            self._grown.notify_all()
            return number

    def read(
        self, after: int, count: int, wait_seconds: float, wanted: Callable[[Entry], bool]
    ) -> list[Entry]:
        """All wanted entries with n > `after`, as soon as there are `count` of them.

        When the time is over first, it returns those there are: the test then shows what was missing.
        """

        def matching() -> list[Entry]:
            return [entry for entry in self._entries[after:] if wanted(entry)]

        with self._grown:
            self._grown.wait_for(lambda: len(matching()) >= count, timeout=wait_seconds)
            return matching()
