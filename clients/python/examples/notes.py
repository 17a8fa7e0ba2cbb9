"""A notes service: reminds a person of a note, now or later.

EVENTCENTER_URL=… EVENTCENTER_SERVICE_KEY=… python notes.py --user 42 --in 3600 "Water the plants"
"""

from __future__ import annotations

import argparse
import hashlib
from datetime import datetime, timedelta, timezone
from typing import Optional

from eventcenter import Emitted, SyncEventCenter


def remind(center: SyncEventCenter, user_id: int, note: str, due: Optional[datetime]) -> Emitted:
    note_id = hashlib.sha256(f"{user_id}:{note}".encode()).hexdigest()[:16]
    return center.emit(
        user_id=user_id,
        type="reminder.due",
        title="Reminder",
        body=note,
        channels=["ws", "push"],
        data={"note_id": note_id},
        deliver_at=due,
        # Two reminders of one note are shown as one.
        collapse_key=f"note-{note_id}",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Remind a person of a note.")
    parser.add_argument("--user", type=int, required=True, help="whom to remind")
    parser.add_argument("--in", type=float, dest="delay", metavar="SECONDS", help="when; at once if not given")
    parser.add_argument("note", nargs="?", default="Water the plants")
    arguments = parser.parse_args()
    due = None if arguments.delay is None else datetime.now(timezone.utc) + timedelta(seconds=arguments.delay)
    with SyncEventCenter.from_env() as center:
        reminder = remind(center, arguments.user, arguments.note, due)
    print("reminder.due", reminder.id)


if __name__ == "__main__":
    main()
