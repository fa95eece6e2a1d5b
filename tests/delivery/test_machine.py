"""Anything, in any order, over the real ledger: every item reaches every reader, and once where that can be known.

Items come, ticks are killed at any step or SQL statement, clocks and schedules jump, the mail server falls away and
answers badly, the policy for doubts changes. In the end a quiet phase, with a person who decides what waits for one.
"""

from __future__ import annotations

import email
import email.policy
import hashlib
import os
import shutil
import socket
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from alerts.configuration import Configuration
from alerts.delivery import byhand, deliver, enqueue, steps
from alerts.delivery.steps import DELIVER_STEPS, ENQUEUE_STEPS, MAIL_STEPS, VARIABLE
from alerts.digests import make_digests
from alerts.items import make_items, start_desks
from alerts.ledger import schema
from alerts.ledger.deliveries import FINAL
from alerts.ledger.lock import run_lock
from alerts.stories import group_articles
from crawler.archive import Archive, open_archive
from crawler.archive import schema as archive_schema
from tests.delivery.imap import PASSWORD, imap_server
from tests.delivery.servers import CUT, TAKE_AND_CUT, Script, ScriptedServer
from tests.delivery.world import MINUTE, SLOT, configure, final_bytes, rows
from tests.ledger.world import World

ARCHIVE = "archive@news.example"
TARGETS = ("a@desk.example", "b@desk.example")
SCHEDULES = (("0 * * * *", "UTC"), ("30 7,17 * * *", "Europe/Kyiv"), ("*/20 * * * *", "UTC"), ("15 3 * * *", "UTC"))
STEPS = ENQUEUE_STEPS + DELIVER_STEPS + MAIL_STEPS
MOODS = {
    "up": {},
    "down": {"banner": CUT},
    "busy": {"banner": "421 too many"},
    "grey": {"RCPT": "450 later"},
    "full": {"DOT": "452 no room"},
    "refusing": {"DOT": "554 not this"},
    "cut before": {"DATA": CUT},
    "cut at the dot": {"DOT": CUT},
    "taken and cut": {"DOT": TAKE_AND_CUT},
}
"""How the mail server may be, and what it then says."""
MOOD = st.sampled_from(["up", *sorted(MOODS), "taken and cut"])
FORWARD = st.sampled_from([0, 11, 20, 61, 61, 240, 1440])
QUIET = dict.fromkeys(("banner", "RCPT", "DATA", "DOT"), "250 ok") | {"banner": "220 hello", "DATA": "354 go on"}


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it, every open transaction and connection is dropped."""


class Machine(RuleBasedStateMachine):
    """One desk with two readers. Subclasses name the database and the archive mailbox."""

    url = ""
    folder = Path()
    imap: tuple[Path, int] | None = None

    def __init__(self) -> None:
        super().__init__()
        self.archive = open_archive(self.fresh())
        self.now = self.latest = SLOT
        self.mood = "up"
        script = {key: self._says(key) for key in ("RCPT", "DATA", "DOT")}
        self.server = ScriptedServer(Script(banner=self._says("banner"), answers=script)).__enter__()
        self.configuration = self._configure()
        self.world = World(self.archive, self.folder / "config")
        self.stories: list[str] = []
        start_desks(self.archive, self.configuration.desks, self.now, timedelta(hours=24))

    def fresh(self) -> str:
        """The URL of a migrated database without rows."""
        raise NotImplementedError

    def _says(self, key: str) -> Callable[[str], str]:
        return lambda _: MOODS[self.mood].get(key, QUIET[key])

    def _configure(self) -> Configuration:
        alerts: dict[str, Any] = {}
        if self.imap is not None:
            mailbox, port = self.imap
            for path in mailbox.iterdir():
                path.unlink()
            where = {"host": "127.0.0.1", "port": port, "security": "none", "user": "archive"}
            alerts = {"archive_address": ARCHIVE, "archive_mailbox": {**where, "password_env": "ARCHIVE_PASSWORD"}}
        return configure(self.folder / "config", self.server.port, mail=TARGETS, alerts=alerts)

    @rule(count=st.integers(1, 3))
    def items(self, count: int) -> None:
        """Stories that the desk must be told."""
        for _ in range(count):
            word = f"story{len(self.stories)}x"
            text = " ".join(hashlib.sha256(f"{word}{n}".encode()).hexdigest()[:7] for n in range(60))
            key = self.world.article(f"{word} {text[:23]}", text, seen_at=self.now)
            self.world.flag(key, sentence=text[:40], at=self.now)
            self.stories.append(word)

    @rule(minutes=FORWARD, mood=MOOD)
    def tick(self, minutes: int, mood: str) -> None:
        """A run that nobody disturbs but the mail server."""
        self._go_on(minutes, mood)
        self._run()

    @rule(minutes=FORWARD, step=st.sampled_from(STEPS), times=st.integers(1, 3))
    def killed_at_a_step(self, minutes: int, step: str, times: int) -> None:
        """A run killed at the named step, if it comes there."""
        self._go_on(minutes, "up")
        with crashing_at_step(f"{step}:{times}"), suppress(Killed):
            self._run()

    @rule(minutes=FORWARD, mood=MOOD, statement=st.integers(1, 90))
    def killed_at_a_statement(self, minutes: int, mood: str, statement: int) -> None:
        """A run killed before its n-th SQL statement, in whatever job that is."""
        self._go_on(minutes, mood)
        with crashing_at_statement(self.archive, statement), suppress(Killed):
            self._run()

    def _go_on(self, minutes: int, mood: str) -> None:
        self.now += minutes * MINUTE
        self.latest = max(self.latest, self.now)
        self.mood = mood

    @rule(minutes=st.sampled_from([1, 11, 60, 300, 1500]))
    def back(self, minutes: int) -> None:
        """The clock is set back."""
        self.now -= minutes * MINUTE

    @rule(schedule=st.sampled_from(SCHEDULES))
    def reschedule(self, schedule: tuple[str, str]) -> None:
        """The desk's file is changed."""
        (desk,) = self.configuration.desks
        desk = replace(desk, schedule=schedule[0], zone=schedule[1])
        self.configuration = replace(self.configuration, desks=(desk,))

    @rule(policy=st.sampled_from(["resend", "hold"]))
    def policy(self, policy: str) -> None:
        """The operator chooses otherwise what becomes of doubts."""
        chosen = self.configuration.settings
        chosen = chosen.model_copy(update={"alerts": chosen.alerts.model_copy(update={"resend": policy})})
        self.configuration = replace(self.configuration, settings=chosen)

    def _run(self) -> None:
        """What `run` does after collecting, one job after the other."""
        archive, configuration, now = self.archive, self.configuration, self.now
        try:
            with run_lock(archive):
                group_articles(archive, now)
                make_items(archive, configuration.desks, now)
                make_digests(archive, configuration, now)
                enqueue(archive, configuration, now)
                deliver(archive, configuration, lambda: now)
        finally:
            self._let_the_server_end()

    def _let_the_server_end(self) -> None:
        """Return when what was sent before has been dealt with: the server takes one connection after the other."""
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=20) as connection, suppress(OSError):
            connection.recv(1)
        if self.imap is not None:
            for number, mail in enumerate(self.server.accepted):
                path = self.imap[0] / f"{number:04}"
                if not path.exists():
                    assert ARCHIVE in mail.recipients
                    path.write_bytes(mail.data)

    @invariant()
    def copies_are_equal(self) -> None:
        """Whatever goes out with one Message-ID has the same bytes, which are those in the ledger."""
        seen: dict[str, bytes] = {}
        for mail in self.server.accepted:
            assert seen.setdefault(message_id(mail.data), mail.data) == mail.data

    @invariant()
    def numbers_have_no_gap_and_slots_no_repetition(self) -> None:
        """Also between a kill and the next run."""
        digests = self.world.rows(schema.digest)
        assert [one["number"] for one in digests] == list(range(1, len(digests) + 1))
        slots = [one["slot"] for one in digests]
        assert slots == sorted(set(slots))

    def teardown(self) -> None:
        """The quiet phase, and what must hold after it."""
        try:
            self._quiet_phase()
            self._check_rows()
            self._check_mails()
        finally:
            self.server.__exit__()
            self.archive.close()

    def _quiet_phase(self) -> None:
        """Nothing disturbs any more, time goes on, and a person settles what waits for one."""
        self.mood = "up"
        self.now = self.latest + timedelta(days=1, hours=1)
        self._run()
        for _ in range(14):
            self.now += 20 * MINUTE
            self._run()
            waiting = [row for row in rows(self.archive) if row["state"] != "sent"]
            if not waiting:
                break
            for row in waiting:
                self._decide(row)

    def _decide(self, row: dict[str, Any]) -> None:
        arrived = any(message_id(mail.data) == row["message_id"] for mail in self.server.accepted)
        with self.archive.write() as connection:
            if row["state"] == "held" and arrived:
                assert byhand.resolve(connection, row["id"], self.now, sent=True)
            elif row["state"] in {"held", "failed"}:
                assert byhand.retry(connection, row["id"], self.now)

    def _check_rows(self) -> None:
        found = rows(self.archive)
        assert {row["state"] for row in found} <= {state.value for state in FINAL}
        assert {row["state"] for row in found} <= {"sent"}
        numbers = [one["number"] for one in self.world.rows(schema.digest)]
        assert sorted((row["number"], row["target"]) for row in found) == [(n, to) for n in numbers for to in TARGETS]
        assert all(item["digest"] is not None for item in self.world.rows(schema.item))

    def _check_mails(self) -> None:
        ledger = {row["message_id"]: row for row in rows(self.archive)}
        copies = Counter(message_id(mail.data) for mail in self.server.accepted)
        told: dict[str, Counter[str]] = defaultdict(Counter)
        for mail in self.server.accepted:
            key = message_id(mail.data)
            assert mail.recipients[0] == ledger[key]["target"]
            assert mail.data == final_bytes(self.archive, ledger[key]["id"])
        for row in ledger.values():
            most = 1 if self.imap is not None else 1 + row["doubts"]
            assert 1 <= copies[row["message_id"]] <= most, row
            text = text_of(final_bytes(self.archive, row["id"]))
            told[row["target"]].update(word for word in self.stories if word in text)
        # Each story is in exactly one digest; that it was accepted, and how often, stands above.
        assert dict(told) == {target: Counter(self.stories) for target in TARGETS} or not self.stories


def message_id(data: bytes) -> str:
    """The Message-ID of a mail."""
    head = data.partition(b"\r\n\r\n")[0].split(b"\r\n")
    (found,) = [line.partition(b":")[2].strip().decode() for line in head if line.lower().startswith(b"message-id:")]
    return found


def text_of(data: bytes) -> str:
    """The plain text of a mail."""
    body = email.message_from_bytes(data, policy=email.policy.default).get_body(("plain",))
    assert body is not None
    return str(body.get_content())


@contextmanager
def crashing_at_step(place: str) -> Iterator[None]:
    """Raise Killed where the process would kill itself."""

    def kill(*_: int) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, place)
        patch.setattr(steps, "os", SimpleNamespace(environ=os.environ, getpid=os.getpid, kill=kill))
        patch.setattr(steps, "_passed", Counter())
        yield


@contextmanager
def crashing_at_statement(archive: Archive, statement: int) -> Iterator[None]:
    """Raise Killed before the n-th statement that may write, or before its commit."""
    engine = archive._writing
    left = statement

    def count(*_: object) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise Killed

    for name in ("before_cursor_execute", "commit"):
        sa.event.listen(engine, name, count)
    try:
        yield
    finally:
        for name in ("before_cursor_execute", "commit"):
            sa.event.remove(engine, name, count)


@pytest.fixture(scope="module")
def mailbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """The archive mailbox's folder and the port of the IMAP server over it."""
    folder = tmp_path_factory.mktemp("archive")
    with imap_server(folder) as port:
        yield folder, port


def explore(machine: type[Machine], examples: int, length: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=length, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


AMOUNTS = [(8, 16), pytest.param(100, 40, marks=pytest.mark.heavy)]


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("examples", "length"), AMOUNTS)
@pytest.mark.parametrize("asked", [False, True], ids=["alone", "with an archive mailbox"])
def test_on_sqlite(
    sqlite_url: str, tmp_path: Path, mailbox: tuple[Path, int], monkeypatch: pytest.MonkeyPatch, *, asked: bool,
    examples: int, length: int,
) -> None:  # fmt: skip
    monkeypatch.setenv("ARCHIVE_PASSWORD", PASSWORD)
    template, used = tmp_path / "ceasewire.db", tmp_path / "used.db"
    assert sqlite_url.endswith(str(template))

    class OnSqlite(Machine):
        folder = tmp_path
        imap = mailbox if asked else None

        def fresh(self) -> str:
            for path in tmp_path.glob("used.db*"):
                path.unlink()
            shutil.copyfile(template, used)
            return f"sqlite:///{used}"

    explore(OnSqlite, examples, length)


@pytest.mark.heavy
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("asked", [False, True], ids=["alone", "with an archive mailbox"])
def test_on_postgresql(
    postgres_url: str, tmp_path: Path, mailbox: tuple[Path, int], monkeypatch: pytest.MonkeyPatch, *, asked: bool
) -> None:
    monkeypatch.setenv("ARCHIVE_PASSWORD", PASSWORD)

    class OnPostgresql(Machine):
        folder = tmp_path
        imap = mailbox if asked else None

        def fresh(self) -> str:
            tables = [*schema.metadata.tables, *archive_schema.metadata.tables]
            # Without a pool, which would keep a connection open for each example.
            engine = sa.create_engine(postgres_url.replace("postgresql:", "postgresql+psycopg:"), poolclass=sa.NullPool)
            with engine.begin() as connection:
                connection.execute(sa.text(f"TRUNCATE {', '.join(dict.fromkeys(tables))} RESTART IDENTITY CASCADE"))
            return postgres_url

    explore(OnPostgresql, 40, 40)
