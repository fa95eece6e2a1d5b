"""The archive mailbox: with it a mail in doubt is never sent twice, and never lost; asked over real IMAP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alerts.configuration import Configuration
from alerts.delivery.mailbox import arrived, probe
from alerts.errors import DeliveryError
from alerts.options import MailboxOptions
from crawler.archive import Archive
from crawler.errors import ConfigError
from tests.delivery.imap import PASSWORD, imap_server
from tests.delivery.servers import Recorder
from tests.delivery.world import MINUTE, SLOT, configure, freeze, rows
from tests.delivery.zygote import Zygote, run_once

ARCHIVE = "archive@news.example"
TARGETS = ("a@desk.example", "b@desk.example")


@pytest.fixture(scope="module")
def mailbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """The folder of the archive mailbox, and the port of the IMAP server over it."""
    folder = tmp_path_factory.mktemp("archive")
    with imap_server(folder) as port:
        yield folder, port


def options(port: int, **more: Any) -> MailboxOptions:
    given: dict[str, Any] = {"host": "127.0.0.1", "port": port, "security": "none", "user": "archive"}
    return MailboxOptions(**{**given, "password_env": "ARCHIVE_PASSWORD", "timeout_seconds": 5.0, **more})


def wire(folder: Path, smtp: int, imap: int) -> Configuration:
    where = {"host": "127.0.0.1", "port": imap, "security": "none", "user": "archive", "timeout_seconds": 5.0}
    alerts = {"archive_address": ARCHIVE, "archive_mailbox": {**where, "password_env": "ARCHIVE_PASSWORD"}}
    return configure(folder, smtp, mail=TARGETS, alerts=alerts)


def deliver_to(folder: Path, recorder: Recorder) -> None:
    """What the mail server does for the archive address."""
    for path in folder.iterdir():
        path.unlink()
    for number, mail in enumerate(recorder.accepted, 1):
        assert ARCHIVE in mail.recipients
        (folder / f"{number:04}").write_bytes(mail.data)


KILLS = [("mail.body", 0), ("mail.doubt", 0), ("mail.dot", 1), ("mail.reply", 1), ("deliver.recorded", 1)]


@pytest.mark.parametrize(("step", "taken"), KILLS, ids=[step for step, _ in KILLS])
def test_a_kill_at_any_step_gives_exactly_one_copy(
    archive: Archive, database_url: str, tmp_path: Path, recorder: Recorder, mailbox: tuple[Path, int], zygote: Zygote,
    monkeypatch: pytest.MonkeyPatch, *, step: str, taken: int,
) -> None:  # fmt: skip
    monkeypatch.setenv("ARCHIVE_PASSWORD", PASSWORD)
    folder, port = mailbox
    configuration = wire(tmp_path / "config", recorder.port, port)
    freeze(archive, configuration)
    assert zygote.run(database_url, tmp_path / "config", SLOT, step)
    recorder.wait_until_idle()
    assert len(recorder.accepted) == taken
    for minutes in (1, 12, 24, 40):
        deliver_to(folder, recorder)
        run_once(archive, configuration, SLOT + minutes * MINUTE)
        recorder.wait_until_idle()
    assert Counter(mail.recipients[0] for mail in recorder.accepted) == dict.fromkeys(TARGETS, 1)
    assert {row["state"] for row in rows(archive)} == {"sent"}
    settled = [row["reply"] for row in rows(archive) if row["reply"] == "found in the archive mailbox"]
    assert len(settled) == (step in {"mail.dot", "mail.reply"})


def test_while_the_mailbox_cannot_be_asked_nothing_is_sent_again(
    sqlite_archive: Archive, sqlite_url: str, tmp_path: Path, recorder: Recorder, mailbox: tuple[Path, int],
    zygote: Zygote, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("ARCHIVE_PASSWORD", "wrong")
    folder, port = mailbox
    configuration = wire(tmp_path / "config", recorder.port, port)
    freeze(sqlite_archive, configuration)
    assert zygote.run(sqlite_url, tmp_path / "config", SLOT, "mail.dot")
    recorder.wait_until_idle()
    deliver_to(folder, recorder)
    for hours in (1, 30, 300):
        run_once(sqlite_archive, configuration, SLOT + hours * 60 * MINUTE)
    assert Counter(row["state"] for row in rows(sqlite_archive)) == {"doubt": 1, "sent": 1}
    monkeypatch.setenv("ARCHIVE_PASSWORD", PASSWORD)
    run_once(sqlite_archive, configuration, SLOT + 400 * 60 * MINUTE)
    assert {row["state"] for row in rows(sqlite_archive)} == {"sent"}
    assert len(recorder.accepted) == 2


def test_only_the_whole_message_id_counts(mailbox: tuple[Path, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHIVE_PASSWORD", PASSWORD)
    folder, port = mailbox
    for path in folder.iterdir():
        path.unlink()
    (folder / "1").write_bytes(b"Message-ID: <sudan.1.abc@news.example>\r\n\r\nhello\r\n")
    wanted = ("<sudan.1.abc@news.example>", "<sudan.1.ab@news.example>", "<1.abc@news.example>", "<none@x>")
    assert arrived(options(port), wanted) == {"<sudan.1.abc@news.example>"}
    assert probe(options(port)) == f"archive at 127.0.0.1:{port}, folder INBOX: 1 messages"


def test_what_is_wrong_is_said(mailbox: tuple[Path, int], monkeypatch: pytest.MonkeyPatch) -> None:
    _, port = mailbox
    monkeypatch.setenv("ARCHIVE_PASSWORD", "wrong")
    with pytest.raises(DeliveryError, match="cannot be asked"):
        arrived(options(port), ["<a@b>"])
    monkeypatch.setenv("ARCHIVE_PASSWORD", PASSWORD)
    with pytest.raises(DeliveryError, match="cannot be asked"):
        probe(options(port, folder="Elsewhere"))
    with pytest.raises(DeliveryError, match="cannot be asked"):
        probe(options(1))
    with pytest.raises(DeliveryError, match="cannot be asked"):
        probe(options(port, security="starttls"))  # this server has no certificate
    monkeypatch.delenv("ARCHIVE_PASSWORD")
    with pytest.raises(ConfigError, match="ARCHIVE_PASSWORD is not set"):
        probe(options(port))
