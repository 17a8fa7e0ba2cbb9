"""Answers that a test prescribes, for what a push service does on its bad days."""

import json
from dataclasses import dataclass, fields
from typing import Any

from control import Rejected

# A longer delay is answered 400: a test that wants no answer says `hang`.
MAX_DELAY_MS = 60_000
# A longer body is answered 400: it must fit one frame and any client's first flow-control window.
MAX_BODY_BYTES = 16_384
# A longer script is answered 400.
MAX_ANSWERS = 1_000


@dataclass(frozen=True)
class ScriptedAnswer:
    """One answer. Without a `status` it is the one that the message deserves, only later."""

    status: int | None = None
    headers: dict[str, str] | None = None
    body: str = ""
    delay_ms: int = 0
    hang: bool = False


def parse(document: Any) -> list[ScriptedAnswer]:
    """Reads a list of `{status?, headers?, body?, delay_ms?, hang?}`; a body of another type goes as JSON."""
    if not isinstance(document, list) or len(document) > MAX_ANSWERS:
        raise Rejected(400, f"a script is a list of at most {MAX_ANSWERS} answers")
    return [_parse_answer(answer) for answer in document]


def _parse_answer(document: Any) -> ScriptedAnswer:
    known = {field.name for field in fields(ScriptedAnswer)}
    if not isinstance(document, dict) or not document.keys() <= known:
        raise Rejected(400, f"an answer is an object of {sorted(known)}: {document!r}")
    body = document.get("body", "")
    text = body if isinstance(body, str) else json.dumps(body)
    given = document.get("headers", {})
    if not isinstance(given, dict):
        raise Rejected(400, f"headers must be an object, not {given!r}")
    headers = {name.lower(): str(value) for name, value in given.items()}
    answer = ScriptedAnswer(**{**document, "body": text, "headers": headers})
    if answer.status is not None and answer.status not in range(200, 600):
        raise Rejected(400, f"status must be 200 to 599, not {answer.status!r}")
    if answer.delay_ms not in range(MAX_DELAY_MS + 1) or not isinstance(answer.hang, bool):
        raise Rejected(400, f"delay_ms must be 0 to {MAX_DELAY_MS}, hang true or false")
    if len(text.encode()) > MAX_BODY_BYTES:
        raise Rejected(400, f"a body is at most {MAX_BODY_BYTES} bytes")
    return answer
