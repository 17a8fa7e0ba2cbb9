"""A task service: asks a person to decide.

Over HTTP:
    EVENTCENTER_URL=… EVENTCENTER_SERVICE_KEY=… python tasks.py --user 42
In the service's own transaction (pip install 'eventcenter[examples]'):
    python tasks.py --user 42 --sql postgresql://…
"""

from __future__ import annotations

import argparse
import uuid
from typing import Any

from eventcenter import SyncEventCenter

OPTIONS = [{"value": "approve", "label": "Approve"}, {"value": "reject", "label": "Reject"}]

SCHEMA = """
create schema if not exists task_service;
create table if not exists task_service.tasks (
    id text primary key,
    assignee bigint not null,
    title text not null
)"""

INSERT_TASK = """
insert into task_service.tasks (id, assignee, title)
values (%(id)s, %(user_id)s, %(body)s)"""

INSERT_EVENT = """
insert into eventcenter.events (key, user_id, type, title, body, channels, data)
values (%(id)s, %(user_id)s, %(type)s, %(title)s, %(body)s, '{ws,push,email}', %(data)s)"""


def action_required(user_id: int, task: str) -> dict[str, Any]:
    """The event bears the id of its task, so however often the service says it, the person is asked once."""
    task_id = f"task-{uuid.uuid4().hex}"
    return {
        "id": task_id,
        "user_id": user_id,
        "type": "action.required",
        "title": "Your decision is needed",
        "body": task,
        "channels": ["ws", "push", "email"],
        "data": {"action_id": task_id, "options": OPTIONS},
    }


def emit_over_http(event: dict[str, Any]) -> None:
    with SyncEventCenter.from_env() as center:
        center.emit_event(event)


def emit_with_the_task(event: dict[str, Any], database_url: str) -> None:
    """Stores the task and the event in one transaction: either both exist, and the person is told, or neither does."""
    import psycopg  # noqa: PLC0415, only this way of emitting needs a driver
    from psycopg.types.json import Jsonb  # noqa: PLC0415

    row = {**event, "data": Jsonb(event["data"])}
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(SCHEMA)
        with connection.transaction():
            connection.execute(INSERT_TASK, row)
            connection.execute(INSERT_EVENT, row)


def main() -> None:
    parser = argparse.ArgumentParser(description="Ask a person to approve a task.")
    parser.add_argument("--user", type=int, required=True, help="whom to ask")
    parser.add_argument("--task", default="Approve the invoice of the print shop: 120 €", help="what is to be decided")
    parser.add_argument("--sql", metavar="DATABASE_URL", help="insert the event instead of posting it")
    arguments = parser.parse_args()
    event = action_required(arguments.user, arguments.task)
    if arguments.sql is None:
        emit_over_http(event)
    else:
        emit_with_the_task(event, arguments.sql)
    print(event["type"], event["id"])


if __name__ == "__main__":
    main()
