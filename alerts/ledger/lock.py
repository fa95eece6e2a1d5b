"""One run at a time per database. The lock is the kernel's or the server's and dies with the process that holds it."""

from __future__ import annotations

import fcntl
import os
import shlex
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from alerts.errors import LockHeld, LockLost
from crawler.archive import Archive
from crawler.errors import ArchiveError

_PAUSE_SECONDS = 0.1
# Two numbers of our own, so that other programs' advisory locks in the same database do not meet ours.
_LOCK_CLASS, _LOCK_KEY = 0x43454153, 1
_OUR_SESSION = sa.text("SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()")
_HOLDERS = (
    "FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid"
    " WHERE l.locktype = 'advisory' AND l.granted AND l.classid = :class AND l.objid = :key"
    " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


@dataclass(frozen=True, slots=True)
class HeldLock:
    """A lock that was taken.

    Attributes:
        archive: its database.
        is_held: asks on a connection to the database whether it still is.
    """

    archive: Archive
    is_held: Callable[[sa.Connection], bool]

    def verify(self, connection: sa.Connection | None = None) -> None:
        """Make sure that the lock is still ours. A server lets go of it when it drops our session.

        Args:
            connection: to ask on, in a transaction that must not be committed without the lock; None: a new one.

        Raises:
            LockLost: it is not; nothing may be said to anybody any more.
            ArchiveError: the server is away.
        """
        if connection is None:
            with self.archive.read() as connection:
                self.verify(connection)
        elif not self.is_held(connection):
            raise LockLost("the lock of the database was lost while the run went on: stopped; the next run goes on")


@contextmanager
def run_lock(archive: Archive, *, wait: float = 0.0) -> Iterator[HeldLock]:
    """Hold the lock of this database for the block: jobs that settle what a killed run left need to be alone.

    On SQLite `flock` on a file beside the database (it stays there, unlocked), on PostgreSQL a session's advisory lock.

    Args:
        archive: the database.
        wait: seconds to wait for another run to end.

    Returns:
        What can be asked whether the lock is still held.

    Raises:
        LockHeld: another run holds it; says which process, where and since when.
        ArchiveError: the lock file cannot be written, or the server is away.
    """
    holding = _file_lock if archive.path is not None else _session_lock
    with holding(archive, wait) as is_held:
        yield HeldLock(archive, is_held)


@contextmanager
def _file_lock(archive: Archive, wait: float) -> Iterator[Callable[[sa.Connection], bool]]:
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
        yield lambda _: _is_file(path, file.fileno())


def _is_file(path: Path, descriptor: int) -> bool:
    """Whether the file is still the one under its name: if somebody removed it, another run locks a new one."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


@contextmanager
def _session_lock(archive: Archive, wait: float) -> Iterator[Callable[[sa.Connection], bool]]:
    # A session of its own, out of any transaction: the lock must outlive every commit in between.
    with closing(archive.connect_apart(_ourselves()[:63])) as connection:
        arguments = (_LOCK_CLASS, _LOCK_KEY)
        with archive.plain_errors():
            _take(
                lambda: bool(connection.scalar(sa.select(sa.func.pg_try_advisory_lock(*arguments)))),
                wait,
                lambda: _session_holder(connection),
            )
            session = connection.execute(_OUR_SESSION).one()
        # Asked on other sessions: whether ours lives is for the server to say, not for our end of its connection.
        try:
            yield lambda other: _is_session(other, session.pid, session.backend_start)
        finally:
            # A busy server notices the end of a session late, and the next run would find the lock held.
            with suppress(sa.exc.DBAPIError):
                connection.scalar(sa.select(sa.func.pg_advisory_unlock(*arguments)))


def _is_session(connection: sa.Connection, pid: int, since: datetime) -> bool:
    found = connection.execute(
        sa.text(f"SELECT 1 {_HOLDERS} AND a.pid = :pid AND a.backend_start = :since"),
        {"class": _LOCK_CLASS, "key": _LOCK_KEY, "pid": pid, "since": since},
    )
    return found.first() is not None


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
        sa.text(f"SELECT a.application_name, a.client_addr {_HOLDERS}"), {"class": _LOCK_CLASS, "key": _LOCK_KEY}
    ).first()
    if row is None:
        return "an unknown process"
    return f"{row.application_name or 'a session without a name'}" + (f" from {row.client_addr}" if row[1] else "")


def _ourselves() -> str:
    command = shlex.join([Path(sys.argv[0]).name or "python", *sys.argv[1:3]])
    since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"process {os.getpid()} on {socket.gethostname()} since {since}: {command}"
