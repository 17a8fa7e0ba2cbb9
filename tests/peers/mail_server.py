"""A real SMTP server on loopback: Debian's exim, private to one test run, with a mailbox that can be read.

    python mail_server.py [--port PORT]

Ready line: {"host", "port", "tls_port", "ca", "control_url", "directory"}: at `port` TLS begins with STARTTLS, at `tls_port`
with the first byte, and `ca` is the authority to trust; exim's log is in `directory`/log. The control plane:

    GET /messages?after=&count=&wait=&envelope_to=   what was delivered, in order (journal.py, `describe`)
    PUT /refusals {"ADDRESS": "550 5.1.1 text", …}   204; these recipients are refused, all others taken
    PUT /keys {"NAME._domainkey.DOMAIN": "v=DKIM1; …"}   204; what DNS would say of them: `dkim` tells who signed

This process accepts the connections and hands each to an exim of its own, as inetd would. So there is
no daemon that could outlive it, and no port between being found free and being bound.
"""

import argparse
import hashlib
import os
import pwd
import re
import shutil
import socketserver
import subprocess
import tempfile
import threading
from email import message_from_bytes, message_from_string, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import certificates
import dkim
import lifecycle
from control import Answer, Call, ControlPlane, Rejected, Route, messages_route
from journal import Journal

EXIM = Path("/usr/sbin/exim4")
# Exim does not deliver as root, so root lends its children this user of the package.
EXIM_USER = "Debian-exim"
TLS_AT_ONCE = ("-tls-on-connect",)
# How often the mailbox is looked at: exim has no way to tell that it has delivered.
LOOK_SECONDS = 0.02
# The header fields that exim puts on top of a message, each with its folded lines.
ADDED_BY_EXIM = rb"(?:(?:Return-path|Envelope-to|Received):[^\n]*\n(?:[ \t][^\n]*\n)*){3}"


def describe(stored: bytes, keys: dict[str, str]) -> dict[str, Any]:
    """What a mail says, read from the file in the Maildir.

    `headers` maps each lower-case name to its decoded values and, like the sizes and hashes, covers the
    message as it was sent: without what exim added, and with the line ends of SMTP. Texts have plain ones.
    """
    added = re.match(ADDED_BY_EXIM, stored)
    assert added, "exim adds Return-path, Envelope-to and Received"
    envelope = message_from_string(added[0].decode(), policy=policy.default)
    sent = stored[added.end() :].replace(b"\n", b"\r\n")
    message = message_from_bytes(sent, policy=policy.default)
    headers: dict[str, list[str]] = {}
    for name, value in message.items():
        headers.setdefault(name.lower(), []).append(str(value))
    return {
        "envelope_from": str(envelope["Return-path"]).strip("<>"),
        "envelope_to": str(envelope["Envelope-to"]),
        "protocol": re.search(r"\bwith (e?smtps?)\b", str(envelope["Received"]))[1],
        "headers": headers,
        "text": _part(message, "plain"),
        "html": _part(message, "html"),
        "defects": _defects(message),
        "dkim": _is_signed(sent, keys) if "DKIM-Signature" in message else None,
        "size": len(sent),
        "sha256": hashlib.sha256(sent).hexdigest(),
        "body_sha256": hashlib.sha256(sent.partition(b"\r\n\r\n")[2]).hexdigest(),
    }


def _is_signed(sent: bytes, keys: dict[str, str]) -> bool:
    """Whether the signature holds by the keys that DNS would have."""

    def dns(name: bytes, timeout: int = 0) -> bytes | None:
        key = keys.get(name.decode().rstrip("."))
        return None if key is None else key.encode()

    return dkim.verify(sent, dnsfunc=dns)


def _part(message: EmailMessage, subtype: str) -> str | None:
    part = message.get_body((subtype,))
    return None if part is None else part.get_content().replace("\r\n", "\n")


def _defects(message: EmailMessage) -> list[str]:
    """Everything that the parser had to forgive, in any part or header field."""
    found = []
    for part in message.walk():
        found += [repr(defect) for defect in part.defects]
        for name, value in part.items():
            found += [f"{name}: {defect!r}" for defect in value.defects]
    return found


def furnish(directory: Path) -> Path:
    """Puts what exim needs into its directory; returns the authority that issued its certificate."""
    user, group = pwd.getpwnam(EXIM_USER)[2:4] if os.getuid() == 0 else (os.getuid(), os.getgid())
    macros = f"BASE = {directory}\nUSER = {user}\nGROUP = {group}\n"
    configuration = Path(__file__).with_name("exim.conf").read_text()
    (directory / "exim.conf").write_text(macros + configuration)
    (directory / "refusals").touch()
    for name in ("spool", "log", "Maildir", "Maildir/tmp", "Maildir/new", "Maildir/cur"):
        (directory / name).mkdir()
    authority, _ = certificates.issue(directory)
    if os.getuid() == 0:
        for path in (directory, *directory.rglob("*")):
            shutil.chown(path, user, group)
    return authority


class _Connection(socketserver.BaseRequestHandler):
    server: "SmtpServer"

    def handle(self) -> None:
        self.server.run_exim(self.request.fileno())


class SmtpServer(socketserver.ThreadingTCPServer):
    """Listens on 127.0.0.1 and files mail in `directory`/Maildir while the `with` block runs."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, directory: Path, port: int, options: tuple[str, ...] = ()) -> None:
        super().__init__(("127.0.0.1", port), _Connection)
        self._directory = directory
        self._options = options
        # The user and group to become, None where this process may stay who it is.
        self._user = EXIM_USER if os.getuid() == 0 else None
        self.keys: dict[str, str] = {}
        self._running: set[subprocess.Popen[bytes]] = set()

    def run_exim(self, connection: int) -> None:
        """Speaks SMTP on the connection; `-odf` delivers each message before the next command is read."""
        with subprocess.Popen(
            [EXIM, "-C", self._directory / "exim.conf", *self._options, "-odf", "-bs"],
            stdin=connection,
            stdout=connection,
            user=self._user,
            group=self._user,
            extra_groups=[] if self._user else None,
        ) as exim:
            self._running.add(exim)
            exim.wait()
            self._running.discard(exim)

    def refuse(self, call: Call) -> Answer:
        """Replaces the list of refused recipients, in one step as seen from exim."""
        refusals = call.body
        if not isinstance(refusals, dict):
            raise Rejected(400, "the body is {ADDRESS: REPLY}")
        for address, reply in refusals.items():
            if not re.fullmatch(r"[^\s@\"=]+@[^\s@\"=]+", address):
                raise Rejected(400, f"not a plain address: {address!r}")
            if not isinstance(reply, str) or not re.fullmatch(r"[45][0-9]{2} [^\"\\\r\n]+", reply):
                raise Rejected(400, f"{address}: not an SMTP refusal on one line: {reply!r}")
        text = "".join(f'{address}="{reply}"\n' for address, reply in refusals.items())
        draft = self._directory / "refusals.new"
        draft.write_text(text)
        draft.rename(self._directory / "refusals")
        return 204, None

    def publish(self, call: Call) -> Answer:
        """Adds to what DNS says."""
        if not isinstance(call.body, dict):
            raise Rejected(400, "the body is {NAME: RECORD}")
        self.keys.update(call.body)
        return 204, None

    def __enter__(self) -> "SmtpServer":
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
        for exim in self._running.copy():
            exim.terminate()


def collect(maildir: Path, journal: Journal, keys: dict[str, str]) -> None:
    """Journals new mail for ever and moves it on to `cur`, as a mail reader does."""
    look = threading.Event()
    while not look.wait(LOOK_SECONDS):
        for path in sorted((maildir / "new").iterdir()):
            journal.append(describe(path.read_bytes(), keys))
            path.rename(maildir / "cur" / path.name)


def main() -> None:
    """Serves until standard input closes."""
    lifecycle.exit_cleanly_on_signals()
    arguments = argparse.ArgumentParser(description="A private SMTP server.")
    arguments.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    port = arguments.parse_args().port
    if not EXIM.exists():
        raise SystemExit(f"{EXIM} is missing: apt-get install exim4-daemon-light")
    journal = Journal()
    with tempfile.TemporaryDirectory(prefix="mail-server-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        authority = furnish(directory)
        with SmtpServer(directory, port) as smtp, SmtpServer(directory, 0, TLS_AT_ONCE) as smtps:
            mailbox = (directory / "Maildir", journal, smtp.keys)
            threading.Thread(target=collect, args=mailbox, daemon=True).start()
            routes = [
                messages_route(journal, "envelope_to"),
                Route("PUT", "/refusals", smtp.refuse),
                Route("PUT", "/keys", smtp.publish),
            ]
            with ControlPlane(routes) as control:
                host, smtp_port = smtp.server_address[:2]
                lifecycle.announce(
                    {
                        "host": host,
                        "port": smtp_port,
                        "tls_port": smtps.server_address[1],
                        "ca": str(authority),
                        "control_url": control.url,
                        "directory": str(directory),
                    }
                )
                lifecycle.wait_until_stdin_closes()


if __name__ == "__main__":
    main()
