"""What a database's own trouble means: another writer, a server that is away, or one that cannot be written."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from alerts import jobs
from alerts.cli.common import code_of, code_of_jobs
from alerts.jobs import JobReport
from crawler.archive import Archive, open_archive
from crawler.archive.engine import kind_of_trouble
from crawler.archive.schema import host_hold
from crawler.archive.writer import Writer
from crawler.errors import ArchiveAwayError, ArchiveBusyError, ArchiveError
from tests.archive.conftest import NOW

CANNOT_WRITE, TEMPORARY, BUG = 74, 75, 70

SQLITE = {
    "attempt to write a readonly database": ArchiveError,
    "database or disk is full": ArchiveError,
    "disk I/O error": ArchiveError,
    "unable to open database file": ArchiveError,
    "database is locked": ArchiveBusyError,
}
POSTGRES = {
    "25006": ArchiveError,  # a read-only transaction: a standby, or default_transaction_read_only
    "53100": ArchiveError,  # disk full
    "42501": ArchiveError,  # no permission
    "55P03": ArchiveBusyError,
    "40P01": ArchiveBusyError,
    "08006": ArchiveAwayError,
    "57P01": ArchiveAwayError,
    "53300": ArchiveAwayError,
}
NO_SESSION = {
    "connection failed: connection to server at 127.0.0.1 failed: Connection refused": ArchiveAwayError,
    "consuming input failed: server closed the connection unexpectedly": ArchiveAwayError,
    'connection failed: FATAL:  database "wire" does not exist': ArchiveError,
    'connection failed: FATAL:  password authentication failed for user "desk"': ArchiveError,
}
CODES: Mapping[type[ArchiveError], int] = {
    ArchiveError: CANNOT_WRITE, ArchiveBusyError: TEMPORARY, ArchiveAwayError: TEMPORARY,
}  # fmt: skip


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        *[(sqlite3.OperationalError(words), kind) for words, kind in SQLITE.items()],
        *[(psycopg.errors.lookup(state)("words"), kind) for state, kind in POSTGRES.items()],
        *[(psycopg.OperationalError(words), kind) for words, kind in NO_SESSION.items()],
    ],
    ids=str,
)
def test_each_trouble_has_its_kind_and_exit_code(error: Exception, kind: type[ArchiveError]) -> None:
    wrapped = sa.exc.OperationalError("INSERT", {}, error)
    assert kind_of_trouble(wrapped) is kind
    assert code_of(kind("words")) == code_of(wrapped) == CODES[kind]
    report = JobReport("flag", {}, "words", jobs.fault_of(kind("words")))
    assert code_of_jobs([report]) == CODES[kind]


def test_the_worst_of_a_run_counts() -> None:
    faults = [jobs.Fault.TEMPORARY, jobs.Fault.UNWRITABLE, jobs.Fault.BUG]
    reports = [JobReport("flag", {}, "words", fault) for fault in faults]
    assert [code_of_jobs(reports[: count + 1]) for count in range(3)] == [TEMPORARY, CANNOT_WRITE, BUG]
    assert jobs.fault_of(OSError(errno.ENOSPC, "No space left on device")) is jobs.Fault.UNWRITABLE
    assert jobs.fault_of(OSError(errno.EBADF, "Bad file descriptor")) is jobs.Fault.BUG


def hold(connection: sa.Connection) -> None:
    connection.execute(sa.insert(host_hold).values(host="a:80", until=NOW, reason=""))


def test_writing_where_only_reading_is_allowed(archive: Archive) -> None:
    with pytest.raises(ArchiveError) as caught, archive.read() as connection:
        hold(connection)
    assert type(caught.value) is ArchiveError


def test_the_writer_tells_it_too(postgres_archive: Archive) -> None:
    def refused(connection: sa.Connection) -> None:
        connection.execute(sa.text("SET TRANSACTION READ ONLY"))
        hold(connection)

    with Writer(postgres_archive) as writer, pytest.raises(ArchiveError, match="read-only") as caught:
        writer.put(refused).result()
    assert type(caught.value) is ArchiveError


def test_a_session_that_the_server_ends(postgres_archive: Archive) -> None:
    with pytest.raises(ArchiveAwayError), postgres_archive.write() as connection:
        connection.execute(sa.text("SELECT pg_terminate_backend(pg_backend_pid())"))
    with postgres_archive.write() as connection:
        hold(connection)


def test_a_server_that_is_away_may_come_back_and_a_database_that_is_not_there_not(
    postgres_url: str, tmp_path: Path
) -> None:
    with pytest.raises(ArchiveAwayError):
        open_archive(f"postgresql://desk@/wire?host={tmp_path}")
    nowhere = sa.make_url(postgres_url).set(database="nowhere").render_as_string(hide_password=False)
    with pytest.raises(ArchiveError, match="does not exist") as caught:
        open_archive(nowhere)
    assert type(caught.value) is ArchiveError


def test_a_full_disk(sqlite_archive: Archive) -> None:
    def fill(connection: sa.Connection) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
        connection.exec_driver_sql("CREATE TABLE big AS SELECT zeroblob(1000000)")

    with pytest.raises(ArchiveError, match="full") as caught, sqlite_archive.write() as connection:
        fill(connection)
    assert type(caught.value) is ArchiveError
