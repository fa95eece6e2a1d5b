"""A lock that a server lets go of while its holder runs: nothing is said to anybody from then on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa

from alerts.cli.running import exit_code
from alerts.configuration import Configuration
from alerts.delivery import deliver, enqueue
from alerts.errors import LockLost
from alerts.jobs import Work, run_due
from alerts.ledger.lock import HeldLock, run_lock
from crawler.archive import Archive
from tests.delivery.servers import scripted
from tests.delivery.world import MINUTE, SLOT, configure, freeze, rows

ABC = ("a@desk.example", "b@desk.example", "c@desk.example")


def take_away(archive: Archive) -> None:
    """As a server does that drops the session, or a person who removes the file."""
    if archive.path is not None:
        Path(f"{archive.path}.lock").unlink()
        return
    with archive.write() as connection:
        ended = connection.execute(
            # Of this database only: other tests have theirs on the same server.
            sa.text(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory'"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
        )
        assert ended.scalars().all() == [True]


def world(archive: Archive, folder: Path, port: int) -> Configuration:
    configuration = configure(folder, port, mail=ABC)
    freeze(archive, configuration)
    enqueue(archive, configuration, SLOT)
    return configuration


def test_a_lost_lock_is_noticed_and_another_run_may_have_it(archive: Archive) -> None:
    with run_lock(archive) as lock:
        lock.verify()
        take_away(archive)
        with pytest.raises(LockLost, match="was lost while the run went on"):
            lock.verify()
        with run_lock(archive) as other:
            other.verify()
            with archive.write() as connection, pytest.raises(LockLost):
                lock.verify(connection)


def send(archive: Archive, configuration: Configuration, lock: HeldLock, minutes: int = 0) -> int:
    now = SLOT + minutes * MINUTE
    return deliver(archive, configuration, lambda: now, verify=lock.verify).sent


@pytest.mark.parametrize("word", ["MAIL", "DATA"])
def test_no_dot_is_sent_without_the_lock(archive: Archive, tmp_path: Path, word: str) -> None:
    said: list[str] = []

    def answer(line: str) -> str:
        said.append(line)
        if len(said) == 2:
            take_away(archive)
        return "354 go on" if word == "DATA" else "250 ok"

    with scripted(answers={word: answer}) as server:
        configuration = world(archive, tmp_path, server.port)
        with run_lock(archive) as lock, pytest.raises(LockLost):
            send(archive, configuration, lock)
        assert [row["state"] for row in rows(archive)] == ["sent", "sending", "ready"]
        # What the first run left is the second one's.
        with run_lock(archive) as lock:
            assert send(archive, configuration, lock, minutes=30) == 2
    assert sorted(mail.recipients[0] for mail in server.accepted) == list(ABC)


def test_a_run_ends_with_the_job_that_notices(archive: Archive, tmp_path: Path) -> None:
    with scripted() as server:
        configuration = world(archive, tmp_path, server.port)
        with run_lock(archive) as lock:
            take_away(archive)
            work = Work(archive, configuration, lambda: SLOT, fetch=False, verify=lock.verify)
            reports = asyncio.run(run_due(work, ["digest", "deliver"]))
    assert [(report.job, report.fault) for report in reports] == [("digest", "temporary")]
    assert "lock" in reports[0].error
    assert exit_code(reports) == 75
    assert server.connections == 0
