"""The writer: many changes in one commit, each on its own feet."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future

import pytest
import sqlalchemy as sa

from crawler.archive import Archive
from crawler.archive.schema import host_hold
from crawler.archive.writer import Writer
from crawler.errors import ArchiveError
from tests.archive.conftest import NOW, rows


def _hold(host: str) -> Callable[[sa.Connection], str]:
    def insert(connection: sa.Connection) -> str:
        connection.execute(sa.insert(host_hold).values(host=host, until=NOW, reason=""))
        return host

    return insert


def _hosts(archive: Archive) -> list[str]:
    return [row.host for row in rows(archive, host_hold)]


class _Gate:
    """A task that keeps the writer busy until it is opened, so that what follows is queued together."""

    def __init__(self, writer: Writer) -> None:
        self._open = threading.Event()
        entered = threading.Event()

        def wait(connection: sa.Connection) -> None:
            del connection
            entered.set()
            assert self._open.wait(30)

        self.future: Future[None] = writer.put(wait)
        assert entered.wait(30)

    def open(self) -> None:
        self._open.set()


def test_results_come_after_the_commit(archive: Archive) -> None:
    async def store() -> None:
        with Writer(archive) as writer:
            for host in ("a:80", "b:80"):
                assert await writer.submit(_hold(host)) == host
                assert host in _hosts(archive)

    asyncio.run(store())


def test_what_waits_together_shares_a_transaction(archive: Archive) -> None:
    commits: list[object] = []
    with Writer(archive) as writer:
        gate = _Gate(writer)
        sa.event.listen(archive._writing, "commit", commits.append)
        futures = [writer.put(_hold(f"{number:03}:80")) for number in range(50)]
        gate.open()
        assert [future.result(30) for future in futures] == [f"{number:03}:80" for number in range(50)]
    # One for the gate, one for the fifty.
    assert len(commits) == 2
    assert len(_hosts(archive)) == 50


def test_one_that_fails_takes_nothing_with_it(archive: Archive) -> None:
    def fail(connection: sa.Connection) -> None:
        _hold("half:80")(connection)
        raise LookupError("no such thing")

    def misspell(connection: sa.Connection) -> None:
        connection.exec_driver_sql("SELECT 1 FROM nowhere")

    with Writer(archive) as writer:
        gate = _Gate(writer)
        first, failing, twice, wrong, last = (
            writer.put(function) for function in (_hold("a:80"), fail, _hold("a:80"), misspell, _hold("z:80"))
        )
        gate.open()
        assert (first.result(30), last.result(30)) == ("a:80", "z:80")
        with pytest.raises(LookupError, match="no such thing"):
            failing.result(30)
        with pytest.raises(sa.exc.IntegrityError):
            twice.result(30)
        with pytest.raises((sa.exc.ProgrammingError, ArchiveError), match="nowhere"):
            wrong.result(30)
    assert _hosts(archive) == ["a:80", "z:80"]


def test_nobody_hears_of_success_before_the_commit(sqlite_archive: Archive) -> None:
    def refuse(connection: sa.Connection) -> None:
        del connection
        raise sa.exc.OperationalError("COMMIT", None, OSError("disk is full"))

    with Writer(sqlite_archive) as writer:
        sa.event.listen(sqlite_archive._writing, "commit", refuse)
        with pytest.raises(ArchiveError, match="disk is full"):
            writer.put(_hold("a:80")).result(30)
        sa.event.remove(sqlite_archive._writing, "commit", refuse)
        assert writer.put(_hold("b:80")).result(30) == "b:80"
    assert _hosts(sqlite_archive) == ["b:80"]


def test_a_transaction_that_had_to_give_way_is_tried_again(sqlite_archive: Archive) -> None:
    calls = []

    def busy_twice(connection: sa.Connection) -> int:
        calls.append(connection)
        if len(calls) < 3:
            raise sa.exc.OperationalError("INSERT", None, OSError("database is locked"))
        return len(calls)

    with Writer(sqlite_archive) as writer:
        gate = _Gate(writer)
        other, patient = writer.put(_hold("a:80")), writer.put(busy_twice)
        gate.open()
        assert (other.result(30), patient.result(30)) == ("a:80", 3)
    assert _hosts(sqlite_archive) == ["a:80"]


def test_deadlocked_writers_both_get_through(postgres_archive: Archive) -> None:
    meeting = threading.Barrier(2)
    attempts = []

    def crossed(first: str, second: str) -> Callable[[sa.Connection], None]:
        def insert(connection: sa.Connection) -> None:
            attempts.append(first)
            lock = sa.text("UPDATE host_hold SET reason = reason || :name WHERE host = :host")
            connection.execute(lock, {"host": first, "name": first})
            if len(attempts) <= 2:
                meeting.wait(30)
            connection.execute(lock, {"host": second, "name": first})

        return insert

    with postgres_archive.write() as connection:
        for host in ("a:80", "b:80"):
            _hold(host)(connection)
    with Writer(postgres_archive) as one, Writer(postgres_archive) as two:
        futures = one.put(crossed("a:80", "b:80")), two.put(crossed("b:80", "a:80"))
        assert [future.result(60) for future in futures] == [None, None]
    assert len(attempts) == 3
    assert {"".join(sorted(row.reason)) for row in rows(postgres_archive, host_hold)} == {"".join(sorted("a:80b:80"))}


def test_closing_writes_what_is_queued_and_takes_no_more(archive: Archive) -> None:
    writer = Writer(archive)
    gate = _Gate(writer)
    futures = [writer.put(_hold(f"{number:04}:80")) for number in range(450)]
    closing = threading.Thread(target=writer.close)
    closing.start()
    gate.open()
    closing.join(30)
    assert all(future.done() for future in futures)
    assert len(_hosts(archive)) == 450
    with pytest.raises(ArchiveError, match="closed"):
        writer.put(_hold("late:80"))
    writer.close()


def test_a_caller_that_gave_up_gets_nothing_done(archive: Archive) -> None:
    with Writer(archive) as writer:
        gate = _Gate(writer)
        dropped, kept = writer.put(_hold("dropped:80")), writer.put(_hold("kept:80"))
        assert dropped.cancel()
        gate.open()
        assert kept.result(30) == "kept:80"
        with pytest.raises(CancelledError):
            dropped.result(30)
    assert _hosts(archive) == ["kept:80"]
