"""The push service: a correct sender passes, and each wrong thing is seen."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from application_server import TEXT, Pusher, encrypt, identity, new_key, public_point
from harness import DEADLINE_SECONDS, running


@pytest.fixture(scope="module")
def pusher() -> Iterator[Pusher]:
    with running("push_service.py") as (_, ready):
        yield Pusher(ready)


def test_a_correct_message_is_accepted_and_decrypted(pusher: Pusher) -> None:
    subscription = pusher.subscribe(application_server_key=public_point(pusher.key))
    answer = pusher.push(subscription, ttl="99999999", urgency="high", topic="a" * 32)
    assert (answer.status_code, answer.headers["ttl"]) == (201, "2592000")
    assert answer.headers["location"].startswith(pusher.url)
    [message] = pusher.messages(subscription)
    assert (message["plaintext"], message["errors"], message["status"]) == (TEXT, [], 201)
    assert message["http_version"] == answer.http_version == "HTTP/2"
    assert message["headers"]["topic"] == "a" * 32
    assert message["vapid"]["aud"] == pusher.url
    assert message["vapid"]["public_key"] == public_point(pusher.key)


def test_py_vapid_as_it_comes_is_accepted(pusher: Pusher) -> None:
    claims = {"aud": pusher.url, "sub": "mailto:ops@example.com"}
    answer = pusher.push(pusher.subscribe(), authorization=pusher.key.sign(claims)["Authorization"])
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    ("status", "reason", "changes"),
    [
        (400, "ttl", {"ttl": None}),
        (400, "ttl", {"ttl": "-1"}),
        (400, "ttl", {"ttl": "soon"}),
        (400, "topic", {"topic": "a" * 33}),
        (400, "topic", {"topic": "a b"}),
        (400, "urgency", {"urgency": "urgent"}),
        (400, "content-encoding", {"content_encoding": None}),
        (400, "content-encoding", {"content_encoding": "aesgcm"}),
        (401, "no vapid credentials", {"authorization": None}),
        (401, "no vapid credentials", {"authorization": "WebPush abc"}),
        (403, "malformed", {"authorization": "vapid t=abc"}),
        (403, "malformed", {"authorization": "vapid t=a.b.c, k=abc"}),
        (413, "4096", {"body": bytes(4097)}),
    ],
)
def test_a_wrong_header_or_size_is_refused(
    pusher: Pusher, status: int, reason: str, changes: dict[str, Any]
) -> None:
    subscription = pusher.subscribe()
    answer = pusher.push(subscription, **changes)
    assert (answer.status_code, reason in answer.json()["reason"]) == (status, True), answer.text
    [message] = pusher.messages(subscription)
    assert message["status"] == status
    assert answer.json()["reason"] in message["errors"]


@pytest.mark.parametrize(
    ("reason", "claims"),
    [
        ("aud", {"aud": "https://localhost"}),
        ("expired", {"exp": int(time.time()) - 1}),
        ("24 h", {"exp": int(time.time()) + 25 * 3600}),
        ("exp", {"exp": "tomorrow"}),
        ("sub", {"sub": "ops@example.com"}),
        ("sub", {"sub": None}),
    ],
)
def test_a_wrong_claim_is_refused(pusher: Pusher, reason: str, claims: dict[str, Any]) -> None:
    answer = pusher.push(pusher.subscribe(), authorization=pusher.credentials(**claims))
    assert (answer.status_code, reason in answer.json()["reason"]) == (403, True), answer.text


def test_the_audience_is_the_origin_of_the_endpoint(pusher: Pusher) -> None:
    elsewhere = pusher.subscribe(host="fcm.googleapis.com")
    assert elsewhere["endpoint"].startswith("https://fcm.googleapis.com/push/")
    here = {**elsewhere, "endpoint": f"{pusher.url}/push/{identity(elsewhere)}"}
    assert pusher.push(here).status_code == 403
    right = pusher.credentials(aud="https://fcm.googleapis.com")
    assert pusher.push(here, authorization=right).status_code == 201


def test_a_forged_signature_is_refused(pusher: Pusher) -> None:
    other = new_key()
    forged = pusher.credentials(other).replace(public_point(other), public_point(pusher.key))
    answer = pusher.push(pusher.subscribe(), authorization=forged)
    assert (answer.status_code, "bad signature" in answer.text) == (403, True), answer.text


def test_the_key_of_another_application_server_is_refused(pusher: Pusher) -> None:
    subscription = pusher.subscribe(application_server_key=public_point(new_key()))
    answer = pusher.push(subscription)
    assert (answer.status_code, "not the key" in answer.text) == (403, True), answer.text


def test_what_the_browser_cannot_decrypt_is_accepted_but_noted(pusher: Pusher) -> None:
    subscription, other = pusher.subscribe(), pusher.subscribe()
    two_records = encrypt(subscription, rs=24)
    for body in (encrypt(other), two_records, b"garbage", b""):
        assert pusher.push(subscription, body).status_code == 201
    messages = pusher.messages(subscription, count=4)
    assert [message["plaintext"] for message in messages] == [None] * 4
    assert [len(message["errors"]) for message in messages] == [1] * 4
    assert "more than one record" in messages[1]["errors"][0]


def test_a_repeated_salt_is_noted_unless_the_message_is_the_same(pusher: Pusher) -> None:
    subscription = pusher.subscribe()
    body = encrypt(subscription)
    for sent in (body, body, body[:-1] + bytes([body[-1] ^ 1])):
        pusher.push(subscription, sent)
    first, again, forged = pusher.messages(subscription, count=3)
    assert (first["errors"], again["errors"], again["plaintext"]) == ([], [], TEXT)
    assert "were used" in forged["errors"][0]


def test_an_ended_subscription_is_gone_and_an_unknown_one_is_not_found(pusher: Pusher) -> None:
    subscription = pusher.subscribe()
    assert pusher.control.delete(f"/subscriptions/{identity(subscription)}").status_code == 204
    assert pusher.push(subscription).status_code == 410
    unknown = {**subscription, "endpoint": f"{pusher.url}/push/unknown"}
    assert pusher.push(unknown).status_code == 404


def test_scripted_answers_are_given_in_turn_and_then_it_behaves(pusher: Pusher) -> None:
    subscription = pusher.subscribe()
    answers = [
        {"status": 429, "headers": {"Retry-After": "7"}, "body": {"code": 429}},
        {"delay_ms": 50},
        {"hang": True},
    ]
    path = f"/subscriptions/{identity(subscription)}/script"
    assert pusher.control.post(path, json=answers).status_code == 204
    busy = pusher.push(subscription)
    assert (busy.status_code, busy.headers["retry-after"], busy.json()) == (429, "7", {"code": 429})
    started = time.monotonic()
    assert pusher.push(subscription).status_code == 201
    assert time.monotonic() - started >= 0.05
    pusher.client.timeout = httpx.Timeout(0.2)
    with pytest.raises(httpx.ReadTimeout):
        pusher.push(subscription)
    pusher.client.timeout = httpx.Timeout(DEADLINE_SECONDS)
    assert pusher.push(subscription).status_code == 201
    statuses = [message["status"] for message in pusher.messages(subscription, count=4)]
    assert statuses == [429, 201, None, 201]
    assert pusher.control.post(path, json=[{"status": 99}]).status_code == 400


def test_a_long_poll_ends_with_the_message_it_waits_for(pusher: Pusher) -> None:
    subscription = pusher.subscribe()
    pusher.push(subscription)
    [first] = pusher.messages(subscription)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(pusher.messages, subscription, after=first["n"])
        pusher.push(subscription)
        [second] = waiting.result()
    assert second["n"] == first["n"] + 1
    assert pusher.messages(subscription, after=second["n"], wait=0) == []


def test_parallel_messages_share_one_connection(pusher: Pusher) -> None:
    subscription = pusher.subscribe()

    async def push_all() -> list[int]:
        # Tasks, not threads: with threads httpx now and then reports a disconnect that never happened.
        async with httpx.AsyncClient(http1=False, http2=True, verify=pusher.tls) as client:
            posts = [client.post(**pusher.message(subscription)) for _ in range(51)]
            # httpx shares a connection that is open, and opens one per request while there is none.
            first = await posts.pop()
            return [answer.status_code for answer in (first, *await asyncio.gather(*posts))]

    assert asyncio.run(push_all()) == [201] * 51
    messages = pusher.messages(subscription, count=51)
    assert len({message["connection"] for message in messages}) == 1


def test_a_client_without_http2_is_hung_up_on(pusher: Pusher) -> None:
    without_http2 = httpx.Client(http2=False, verify=pusher.tls, timeout=DEADLINE_SECONDS)
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        without_http2.get(pusher.url)
