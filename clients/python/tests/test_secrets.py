"""The service key goes to the server and nowhere else."""

from __future__ import annotations

import traceback
from typing import Union

import pytest
from conftest import Call
from loopback import SERVICE_KEY, HangUp, Loopback, problem

from eventcenter import EventCenter, EventCenterError, SyncEventCenter

CLIENTS: list[type[Union[EventCenter, SyncEventCenter]]] = [EventCenter, SyncEventCenter]
both_clients = pytest.mark.parametrize("client", CLIENTS)


@both_clients
def test_a_client_shows_its_url_and_not_its_key(
    client: type[Union[EventCenter, SyncEventCenter]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENTCENTER_URL", "https://events.example")
    monkeypatch.setenv("EVENTCENTER_SERVICE_KEY", SERVICE_KEY)
    assert repr(client.from_env()) == f"{client.__name__}('https://events.example')"


@both_clients
@pytest.mark.parametrize("missing", ["EVENTCENTER_URL", "EVENTCENTER_SERVICE_KEY"])
def test_a_missing_setting_is_named(
    client: type[Union[EventCenter, SyncEventCenter]], missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENTCENTER_URL", "https://events.example")
    monkeypatch.setenv("EVENTCENTER_SERVICE_KEY", SERVICE_KEY)
    monkeypatch.delenv(missing)
    with pytest.raises(ValueError, match=f"{missing} is not set"):
        client.from_env()


@both_clients
@pytest.mark.parametrize("key", [f"{SERVICE_KEY}\n", f"{SERVICE_KEY} x", f"{SERVICE_KEY}\r\nHost: evil", "ключ", ""])
def test_a_key_that_no_header_can_carry_is_refused_without_being_shown(
    client: type[Union[EventCenter, SyncEventCenter]], key: str
) -> None:
    with pytest.raises(ValueError, match="service_key must be visible ASCII") as refused:
        client("https://events.example", key)
    assert key == "" or key not in str(refused.value)


@both_clients
@pytest.mark.parametrize(
    "url",
    ["events.example", "ftp://events.example", "https://", "https://me:pw@events.example", "http://e.example/?a=1"],
)
def test_a_url_that_names_no_server_is_refused(client: type[Union[EventCenter, SyncEventCenter]], url: str) -> None:
    with pytest.raises(ValueError, match="url must"):
        client(url, SERVICE_KEY)


def test_no_error_leads_to_the_key(call: Call, server: Loopback) -> None:
    server.script(problem(401, "unauthorized"), *[HangUp()] * 6)
    for _ in range(2):
        with pytest.raises(EventCenterError) as refused:
            call("emit", user_id=42, type="job.done", title="Done", body="12 photos")
        shown = "".join(traceback.format_exception(type(refused.value), refused.value, refused.value.__traceback__))
        assert SERVICE_KEY not in shown
        # The exceptions of the HTTP library hold the request, and the request holds the key.
        assert refused.value.__cause__ is None
        assert refused.value.__context__ is None
