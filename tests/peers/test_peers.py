"""The mail server, the WebSocket client, and the end of every peer."""

import hashlib
import os
import signal
import smtplib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from harness import DEADLINE_SECONDS, running


@pytest.fixture(scope="module")
def mail_server() -> Iterator[dict[str, Any]]:
    with running("mail_server.py") as (_, ready):
        yield ready


def mails(server: dict[str, Any], envelope_to: str, **query: Any) -> list[dict[str, Any]]:
    query = {"wait": DEADLINE_SECONDS, "envelope_to": envelope_to, **query}
    return httpx.get(f"{server['control_url']}/messages", params=query, timeout=20).json()


def newsletter(recipient: str) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = "a@ec.test", recipient, "Отчёт готов"
    message["Message-ID"] = "<1@ec.test>"
    message.set_content("Привет\n.\n..точки\n", cte="8bit")
    message.add_alternative("<p>Привет</p>", subtype="html")
    return message


def test_exim_stores_a_mail_as_it_was_sent(mail_server: dict[str, Any]) -> None:
    raw = newsletter("me@example.com").as_bytes()
    with smtplib.SMTP(mail_server["host"], mail_server["port"], timeout=DEADLINE_SECONDS) as smtp:
        smtp.sendmail("bounce+1@ec.test", ["me@example.com"], raw, mail_options=["BODY=8BITMIME"])
    [mail] = mails(mail_server, "me@example.com")
    assert mail["sha256"] == hashlib.sha256(raw).hexdigest()
    assert mail["body_sha256"] == hashlib.sha256(raw.partition(b"\r\n\r\n")[2]).hexdigest()
    assert (mail["size"], mail["defects"]) == (len(raw), [])
    assert mail["envelope_from"] == "bounce+1@ec.test"
    assert mail["headers"]["subject"] == ["Отчёт готов"]
    assert "received" not in mail["headers"]
    assert (mail["text"], mail["html"]) == ("Привет\n.\n..точки\n", "<p>Привет</p>\n")


def test_every_mail_of_a_long_connection_is_delivered(mail_server: dict[str, Any]) -> None:
    with smtplib.SMTP(mail_server["host"], mail_server["port"], timeout=DEADLINE_SECONDS) as smtp:
        for _ in range(25):
            smtp.send_message(newsletter("many@example.com"))
    assert len(mails(mail_server, "many@example.com", count=25)) == 25


def test_a_malformed_mail_shows_its_defects(mail_server: dict[str, Any]) -> None:
    with smtplib.SMTP(mail_server["host"], mail_server["port"], timeout=DEADLINE_SECONDS) as smtp:
        broken = "Content-Type: multipart/mixed; boundary=x\r\n\r\n--y\r\n\r\nno end\r\n"
        smtp.sendmail("a@ec.test", ["broken@example.com"], broken)
    [mail] = mails(mail_server, "broken@example.com")
    assert mail["defects"]


def test_refused_recipients_are_refused_until_the_list_changes(mail_server: dict[str, Any]) -> None:
    refusals = {"gone@example.com": "550 5.1.1 no such user", "full@example.com": "452 4.2.2 full"}
    url = f"{mail_server['control_url']}/refusals"
    assert httpx.put(url, json=refusals).status_code == 204
    with smtplib.SMTP(mail_server["host"], mail_server["port"], timeout=DEADLINE_SECONDS) as smtp:
        for address, reply in refusals.items():
            with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
                smtp.send_message(newsletter(address))
            code, text = refused.value.recipients[address]
            assert f"{code} {text.decode()}" == reply
        assert httpx.put(url, json={}).status_code == 204
        smtp.send_message(newsletter("full@example.com"))
    assert len(mails(mail_server, "full@example.com")) == 1
    assert httpx.put(url, json={"a@b": "250 ok"}).status_code == 400


def test_the_websocket_client_prints_frames_and_sends_lines() -> None:
    def echo(connection: ServerConnection) -> None:
        connection.send(connection.request.headers["X-Token"])
        for frame in connection:
            connection.send(frame)
            return connection.close(4001, "enough")

    # Leaving the block shuts the server down, and with it the thread.
    with serve(echo, "127.0.0.1", 0, subprotocols=[Subprotocol("ec.v1")]) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        options = ("--header", "X-Token: abc", "--subprotocol", "ec.v1")
        with running("ws_client.py", url, *options) as (client, opened):
            assert opened == {"open": True, "subprotocol": "ec.v1"}
            client.stdin.write("привет\n")
            client.stdin.flush()
            closed = '{"close": 4001, "reason": "enough"}'
            assert client.stdout.read().splitlines() == ["abc", "привет", closed]
        with running("ws_client.py", url, *options) as (client, opened):
            assert (opened["open"], client.stdout.readline()) == (True, "abc\n")
            client.stdin.close()
            assert client.stdout.read() == '{"close": 1000, "reason": ""}\n'


def test_a_refused_handshake_is_told() -> None:
    with running("push_service.py") as (_, ready):
        url = ready["control_url"].replace("http:", "ws:")
        with running("ws_client.py", url) as (client, refused):
            assert (refused["close"], refused["status"]) == (None, 404)
            assert client.wait(DEADLINE_SECONDS) == 1


@pytest.mark.parametrize("program", ["push_service.py", "mail_server.py"])
@pytest.mark.parametrize("ending", ["stdin", "signal"])
def test_a_peer_ends_with_its_test_and_leaves_nothing(program: str, ending: str) -> None:
    with running(program) as (process, ready):
        directory = Path(ready.get("directory") or ready["ca"])
        assert directory.exists()
        polling = f"{ready['control_url']}/messages"
        with ThreadPoolExecutor() as pool:
            poll = pool.submit(httpx.get, polling, params={"wait": 60}, timeout=20)
            if ending == "stdin":
                process.stdin.close()
            else:
                os.kill(process.pid, signal.SIGTERM)
            process.wait(DEADLINE_SECONDS)
            assert isinstance(poll.exception(), httpx.TransportError)
        assert not directory.exists()
