"""A photo service: imports an album, shows how far it is, and tells the person when it is done.

EVENTCENTER_URL=… EVENTCENTER_SERVICE_KEY=… python photo.py --user 42 holiday/*.jpg
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import uuid
from pathlib import Path

from eventcenter import Cta, EventCenter


async def import_album(center: EventCenter, user_id: int, job: str, photos: list[Path]) -> None:
    # Every event is named after the job, so a job that is run again after a crash tells nobody twice.
    checksums: set[str] = set()
    for imported, photo in enumerate(photos, start=1):
        checksums.add(await asyncio.to_thread(checksum, photo))
        progress = await center.emit(
            id=f"{job}-{imported}",
            user_id=user_id,
            type="job.progress",
            title="Importing your album",
            body=f"{imported} of {len(photos)} photos",
            data={"job_id": job, "percent": 100 * imported // len(photos), "status": "running"},
            collapse_key=job,
        )
        print("job.progress", progress.id)
    done = await center.emit(
        id=f"{job}-done",
        user_id=user_id,
        type="job.done",
        title="Your album is ready",
        body=f"{len(checksums)} different photos were imported.",
        channels=["ws", "push", "email"],
        cta=Cta("Open the album", f"/albums/{job}"),
        data={"job_id": job, "percent": 100, "status": "done"},
    )
    print("job.done", done.id)


def checksum(photo: Path) -> str:
    return hashlib.sha256(photo.read_bytes()).hexdigest()


async def main() -> None:
    parser = argparse.ArgumentParser(description="Import photos and tell a person about it.")
    parser.add_argument("--user", type=int, required=True, help="whom to tell")
    parser.add_argument("--job", default=f"photo-{uuid.uuid4().hex}", help="the id of an import to run again")
    parser.add_argument("photos", type=Path, nargs="+", help="the files to import")
    arguments = parser.parse_args()
    async with EventCenter.from_env() as center:
        await import_album(center, arguments.user, arguments.job, arguments.photos)


if __name__ == "__main__":
    asyncio.run(main())
