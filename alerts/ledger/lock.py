"""One run at a time per database. The lock is the kernel's or the server's and dies with the process that holds it."""

from __future__ import annotations

import fcntl
import os
import shlex
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from alerts.errors import LockHeld
from crawler.archive import Archive
from crawler.errors import ArchiveError

_PAUSE_SECONDS = 0.1
# Two numbers of our own, so that other programs' advisory locks in the same database do not meet ours.
_LOCK_CLASS, _LOCK_KEY = 0x43454153, 1


@contextmanager
def run_lock(archive: Archive, *, wait: float = 0.0) -> Iterator[None]:
    """Hold the lock of this database for the block: jobs that settle what a killed run left need to be alone.

    On SQLite `flock` on a file beside the database (it stays there, unlocked), on PostgreSQL a session's advisory lock.

    Args:
        archive: the database.
        wait: seconds to wait for another run to end.

    Raises:
        LockHeld: another run holds it; says which process, where and since when.
        ArchiveError: the lock file cannot be written, or the server is away.
    """
    holding = _file_lock if archive.path is not None else _session_lock
    with holding(archive, wait):
        yield


@contextmanager
def _file_lock(archive: Archive, wait: float) -> Iterator[None]:
    assert archive.path is not None
    path = archive.path.with_name(archive.path.name + ".lock")
    try:
        # Not to be truncated before it is ours: it says who holds it.
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise ArchiveError(f"cannot open the lock file {path}: {error.strerror}") from error
    with file:
        _take(lambda: _flock(file.fileno()), wait, lambda: _read_holder(path))
        file.truncate(0)
        file.write(_ourselves() + "\n")
        file.flush()
        yield


@contextmanager
def _session_lock(archive: Archive, wait: float) -> Iterator[None]:
    # A session of its own, out of any transaction: the lock must outlive every commit in between.
    with closing(archive.connect_apart(_ourselves()[:63])) as connection:
        arguments = (_LOCK_CLASS, _LOCK_KEY)
        _take(
            lambda: bool(connection.scalar(sa.select(sa.func.pg_try_advisory_lock(*arguments)))),
            wait,
            lambda: _session_holder(connection),
        )
        yield


def _take(attempt: Callable[[], bool], wait: float, holder: Callable[[], str]) -> None:
    until = time.monotonic() + wait
    while not attempt():
        if time.monotonic() >= until:
            raise LockHeld(holder())
        time.sleep(_PAUSE_SECONDS)


def _flock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read_holder(path: Path) -> str:
    return path.read_text("utf-8", errors="replace").strip() or "an unknown process"


def _session_holder(connection: sa.Connection) -> str:
    row = connection.execute(
        sa.text(
            "SELECT a.application_name, a.client_addr FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid"
            " WHERE l.locktype = 'advisory' AND l.granted AND l.classid = :class AND l.objid = :key"
            " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        ),
        {"class": _LOCK_CLASS, "key": _LOCK_KEY},
    ).first()
    if row is None:
        return "an unknown process"
    return f"{row.application_name or 'a session without a name'}" + (f" from {row.client_addr}" if row[1] else "")


def _ourselves() -> str:
    command = shlex.join([Path(sys.argv[0]).name or "python", *sys.argv[1:3]])
    since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"process {os.getpid()} on {socket.gethostname()} since {since}: {command}"
