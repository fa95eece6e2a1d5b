"""Against a real Postfix and a real Dovecot: private instances on loopback with directories of their own.

They need both programs installed, and the superuser, as Postfix drops its rights by itself.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from crawler.archive import Archive
from tests.delivery.test_mailbox import ARCHIVE, TARGETS, wire
from tests.delivery.world import MINUTE, SLOT, final_bytes, freeze, rows
from tests.delivery.zygote import Zygote, run_once

WHERE = f"{os.environ['PATH']}:/usr/sbin"
MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
"""
PASSWORD = "sesame"


def missing() -> str:
    """Why these tests cannot be run here, or nothing."""
    lacking = [name for name in ("postfix", "dovecot") if shutil.which(name, path=WHERE) is None]
    if lacking:
        return f"not installed: {', '.join(lacking)}"
    return "" if os.geteuid() == 0 else "Postfix and Dovecot are started by the superuser only"


pytestmark = [pytest.mark.heavy, pytest.mark.skipif(bool(missing()), reason=missing() or "-")]


@dataclass(frozen=True)
class Servers:
    """Ports, and the folder with one Maildir per address."""

    smtp: int
    imap: int
    mail: Path

    def copies(self, address: str) -> list[bytes]:
        """The mails that were delivered to an address."""
        return [path.read_bytes() for path in (self.mail / address.partition("@")[0] / "new").glob("*")] + [
            path.read_bytes() for path in (self.mail / address.partition("@")[0] / "cur").glob("*")
        ]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_for_port(port: int) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
            return
        time.sleep(0.1)
    pytest.fail(f"nothing listens on {port}")


@contextmanager
def postfix(base: Path, port: int, mail: Path) -> Iterator[None]:
    config = base / "postfix"
    for name in ("postfix", "queue", "data"):
        (base / name).mkdir()
    shutil.chown(base / "data", "postfix")
    domains = {address.partition("@")[2] for address in (*TARGETS, ARCHIVE)}
    boxes = "".join(f"{address} {address.partition('@')[0]}/\n" for address in (*TARGETS, ARCHIVE))
    (config / "boxes").write_text(boxes)
    (config / "main.cf").write_text(
        f"compatibility_level = 3.6\nqueue_directory = {base}/queue\ndata_directory = {base}/data\n"
        f"maillog_file = {base}/log\nmaillog_file_prefixes = {base}\nmyhostname = relay.example\nmydestination =\n"
        f"inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nmynetworks = 127.0.0.0/8\nalias_maps =\n"
        f"local_recipient_maps =\nvirtual_mailbox_domains = {', '.join(sorted(domains))}\n"
        f"virtual_mailbox_base = {mail}\nvirtual_mailbox_maps = texthash:{config}/boxes\n"
        "virtual_uid_maps = static:65534\nvirtual_gid_maps = static:65534\nsmtputf8_enable = yes\n"
        "smtpd_recipient_restrictions = permit_mynetworks, reject\nsmtpd_peername_lookup = no\n"
    )
    (config / "master.cf").write_text(MASTER.format(port=port))
    program = shutil.which("postfix", path=WHERE)
    assert program is not None
    subprocess.run([program, "-c", config, "start"], check=True, capture_output=True, timeout=60)
    try:
        wait_for_port(port)
        yield
    finally:
        subprocess.run([program, "-c", config, "abort"], check=False, capture_output=True, timeout=60)


@contextmanager
def dovecot(base: Path, port: int, mail: Path) -> Iterator[None]:
    config = base / "dovecot.conf"
    config.write_text(
        f"base_dir = {base}/dovecot\nstate_dir = {base}/state\nlog_path = {base}/dovecot.log\nprotocols = imap\n"
        f"listen = 127.0.0.1\nssl = no\ndisable_plaintext_auth = no\nmail_location = maildir:{mail}/%u\n"
        "first_valid_uid = 1\nfirst_valid_gid = 1\nauth_mechanisms = plain login\n"
        f"passdb {{\n driver = static\n args = password={PASSWORD}\n}}\n"
        f"userdb {{\n driver = static\n args = uid=65534 gid=65534 home={mail}/%u\n}}\n"
        f"service imap-login {{\n inet_listener imap {{\n  port = {port}\n }}\n"
        " inet_listener imaps {\n  port = 0\n }\n}\n"
    )
    program = shutil.which("dovecot", path=WHERE)
    assert program is not None
    process = subprocess.Popen([program, "-F", "-c", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_port(port)
        yield
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def servers() -> Iterator[Servers]:
    # Not below pytest's own folder: neither server's users may pass through that one.
    with TemporaryDirectory(prefix="cw-mail-") as name:
        base = Path(name)
        base.chmod(0o755)
        mail = base / "mail"
        mail.mkdir()
        os.chown(mail, 65534, 65534)
        found = Servers(free_port(), free_port(), mail)
        with postfix(base, found.smtp, mail), dovecot(base, found.imap, mail):
            yield found


@pytest.mark.parametrize("step", ["mail.body", "mail.doubt", "mail.dot", "mail.reply"])
def test_a_kill_gives_exactly_one_copy(
    sqlite_archive: Archive,
    sqlite_url: str,
    tmp_path: Path,
    servers: Servers,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    monkeypatch.setenv("ARCHIVE_PASSWORD", PASSWORD)
    configuration = wire(tmp_path / "config", servers.smtp, servers.imap)
    freeze(sqlite_archive, configuration)
    with Zygote() as zygote:
        assert zygote.run(sqlite_url, tmp_path / "config", SLOT, step)
    for minutes in (1, 12, 24, 40):
        # Postfix hands its mails over in its own time, which our clock's ten minutes stand for.
        time.sleep(2)
        run_once(sqlite_archive, configuration, SLOT + minutes * MINUTE)
    time.sleep(2)
    assert {row["state"] for row in rows(sqlite_archive)} == {"sent"}
    assert Counter({target: len(servers.copies(target)) for target in TARGETS}) == dict.fromkeys(TARGETS, 1)
    assert len(servers.copies(ARCHIVE)) == len(TARGETS)
    for row in rows(sqlite_archive):
        (copy,) = servers.copies(row["target"])
        # Postfix puts its own lines before the mail and stores it with the line ends of the machine.
        assert copy.endswith(final_bytes(sqlite_archive, row["id"]).replace(b"\r\n", b"\n"))
