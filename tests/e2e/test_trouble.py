"""Real processes in trouble: several at once, one frozen, a full disk, a read-only database, a clock set back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from alerts.ledger import schema
from crawler.archive import Archive, open_archive
from tests.delivery.servers import Recorder, Script, ScriptedServer
from tests.delivery.world import MINUTE, SLOT, configure, rows
from tests.forking import Forked, Forking
from tests.ledger.world import World

ROOT = Path(__file__).resolve().parents[2]
TARGETS = ("a@desk.example", "b@desk.example", "c@desk.example")
CANNOT_WRITE = 74


class Starting:
    """Starts `ceasewire run`; `forking` forks it from a process that has imported everything."""

    def __init__(self, folder: Path, forking: Forking) -> None:
        self.folder, self._forking = folder, forking

    def __call__(self, now: datetime = SLOT, *options: str, full_at: int = 0) -> Forked | subprocess.Popen[str]:
        """Start it at `now`; no file of it may grow beyond `full_at` blocks of 512 or 1024 bytes."""
        environment = {**os.environ, "CEASEWIRE_NOW": now.isoformat()}
        arguments = ["--config", str(self.folder), "run", *options]
        if not full_at:
            return self._forking.start(arguments, environment=environment)
        # Python ignores the signal that goes with the limit, so a write ends with an error, as on a full disk.
        limited = ["sh", "-c", 'ulimit -f "$0"; exec "$@"', str(full_at)]
        return subprocess.Popen(
            [*limited, sys.executable, "-m", "alerts.cli", *arguments], cwd=ROOT, env=environment, text=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip


@pytest.fixture
def start(tmp_path: Path, forking: Forking) -> Starting:
    return Starting(tmp_path / "config", forking)


def ended(process: Forked | subprocess.Popen[str]) -> tuple[int | None, str]:
    """The exit code of a process and what it said on standard error."""
    _, said = process.communicate(timeout=120)
    return process.returncode, said


def wire(start: Starting, url: str, port: int, stories: int = 3) -> World:
    """A configuration over a database that is due at SLOT: some stories, three readers."""
    folder = start.folder
    configure(folder, port, mail=TARGETS)
    settings = json.loads((folder / "settings.yaml").read_text())
    settings["crawler"] = {"database": url}
    (folder / "settings.yaml").write_text(json.dumps(settings))
    run = ended(start(SLOT - timedelta(hours=1)))
    assert run == (0, "")
    world = World(open_archive(url), folder)
    for number in range(stories):
        key = world.article(f"Title {number}", seen_at=SLOT - MINUTE)
        world.flag(key, at=SLOT - MINUTE)
    return world


def numbers(archive: Archive) -> list[int]:
    with archive.read() as connection:
        return list(connection.execute(sa.select(schema.digest.c.number).order_by(schema.digest.c.id)).scalars())


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with Recorder() as server:
        yield server


def test_six_runs_at_once_deliver_once(sqlite_url: str, start: Starting, recorder: Recorder) -> None:
    six_at_once(sqlite_url, start, recorder)


@pytest.mark.heavy
def test_six_runs_at_once_deliver_once_on_postgresql(postgres_url: str, start: Starting, recorder: Recorder) -> None:
    six_at_once(postgres_url, start, recorder)


def six_at_once(database_url: str, start: Starting, recorder: Recorder) -> None:
    world = wire(start, database_url, recorder.port)
    processes = [start(SLOT, "--wait", str(60 * (n % 2))) for n in range(6)]
    assert [ended(process) for process in processes] == [(0, "")] * 6
    assert numbers(world.archive) == [1]
    assert Counter(mail.recipients[0] for mail in recorder.accepted) == dict.fromkeys(TARGETS, 1)
    assert {row["state"] for row in rows(world.archive)} == {"sent"}
    world.archive.close()


@pytest.mark.parametrize("verb", [pytest.param("RCPT", marks=pytest.mark.heavy), "DOT"])
def test_a_frozen_sender_wakes_up_and_sends_nothing_twice(sqlite_url: str, start: Starting, verb: str) -> None:
    """SIGSTOP in the middle of a mail. Its lock lives as long as it does, so the others leave it alone."""
    frozen: list[int] = []

    def freeze(_: str) -> str:
        if not frozen:
            frozen.append(process.pid)
            process.send_signal(signal.SIGSTOP)
        return "250 ok"

    with ScriptedServer(Script(answers={verb: freeze})) as server:
        world = wire(start, sqlite_url, server.port)
        process = start()
        until = time.monotonic() + 60
        while not frozen and time.monotonic() < until:
            time.sleep(0.02)
        assert frozen
        try:
            code, said = ended(start(SLOT + 20 * MINUTE, "--fail-if-locked"))
            assert (code, str(process.pid) in said) == (75, True)
        finally:
            process.send_signal(signal.SIGCONT)
        assert ended(process) == (0, "")
        assert ended(start(SLOT + 30 * MINUTE)) == (0, "")
        assert Counter(mail.recipients[0] for mail in server.accepted) == dict.fromkeys(TARGETS, 1)
    assert {row["state"] for row in rows(world.archive)} == {"sent"}
    world.archive.close()


@pytest.mark.heavy
def test_a_full_disk_is_said_and_loses_nothing(sqlite_url: str, start: Starting, recorder: Recorder) -> None:
    """Whatever write it is that finds no room any more: what was accepted is known to be, the rest comes later."""
    world = wire(start, sqlite_url, recorder.port, stories=8)
    world.archive.close()
    codes = Counter[int | None]()
    size = 8
    # Each run gets a little further; the limit holds for the write-ahead log as well.
    while not codes[0]:
        code, said = ended(start(SLOT + codes.total() * MINUTE, full_at=size))
        assert "bug" not in said, said
        codes[code] += 1
        size = int(size * 1.7)
    assert set(codes) == {0, CANNOT_WRITE}, codes
    recorder.wait_until_idle()
    for minutes in (30, 45):
        assert ended(start(SLOT + minutes * MINUTE))[0] == 0  # a doubt may be told of
    recorder.wait_until_idle()
    archive = open_archive(sqlite_url)
    assert numbers(archive) == [1]
    found = {row["target"]: row for row in rows(archive)}
    assert {row["state"] for row in found.values()} == {"sent"}
    accepted = Counter(mail.recipients[0] for mail in recorder.accepted)
    assert set(accepted) == set(TARGETS)
    assert all(times <= 1 + found[target]["doubts"] for target, times in accepted.items())
    archive.close()


def test_a_database_that_cannot_be_written_is_said(sqlite_url: str, start: Starting, recorder: Recorder) -> None:
    world = wire(start, sqlite_url, recorder.port)
    world.archive.close()
    # The superuser may write anything, so it is SQLite that is told to refuse: by the file's own header.
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    good = path.read_bytes()
    path.write_bytes(good[:18] + b"\x03" + good[19:])
    code, said = ended(start())
    assert code == CANNOT_WRITE, said
    assert "readonly" in said
    assert recorder.accepted == []
    path.write_bytes(good)
    assert ended(start()) == (0, "")
    assert Counter(mail.recipients[0] for mail in recorder.accepted) == dict.fromkeys(TARGETS, 1)


@pytest.mark.heavy
def test_a_clock_set_back_repeats_no_slot(database_url: str, start: Starting, recorder: Recorder) -> None:
    world = wire(start, database_url, recorder.port)
    for hours in (0, -30, -1, 0, 0.5, 1):
        assert ended(start(SLOT + timedelta(hours=hours))) == (0, "")
    digests = world.rows(schema.digest)
    assert [(row["number"], row["slot"]) for row in digests] == [(1, SLOT), (2, SLOT + timedelta(hours=1))]
    assert Counter(mail.recipients[0] for mail in recorder.accepted) == dict.fromkeys(TARGETS, 2)
    world.archive.close()
