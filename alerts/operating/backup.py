"""Backups: a consistent copy of the database while everything runs on, proved readable before it counts as one."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crawler.archive import versions
from crawler.errors import ArchiveError, SchemaError

if TYPE_CHECKING:
    from crawler.archive import Archive

COUNTED = ("article", "flag", "digest", "delivery")
"""Tables whose rows a copy is told by."""
_STAMP = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"ceasewire-\d{8}T\d{6}Z\.(sqlite|pgdump)")


class BackupError(ArchiveError):
    """A copy could not be made, or is no whole database. The database itself is untouched."""


@dataclass(frozen=True, slots=True)
class Copy:
    """One backup that was read back.

    Attributes:
        path: its file.
        size: bytes.
        made: when, aware UTC, as its name says; None for a file with another name.
        rows: rows by table (`COUNTED`); empty for a PostgreSQL dump, whose list of tables was read instead.
    """

    path: Path
    size: int
    made: datetime | None
    rows: dict[str, int]


def back_up(archive: Archive, folder: Path, now: datetime, *, keep: int) -> tuple[Copy, list[Path]]:
    """Copy the database into `folder`, read the copy back, and only then drop the oldest copies beyond `keep`.

    Others may read and write meanwhile; the copy is one consistent state. It appears under its name in one step, so
    a file of that name is always a whole backup.

    Args:
        archive: SQLite (VACUUM INTO) or PostgreSQL (pg_dump, which must be installed).
        folder: made if missing.
        now: aware UTC; names the file.
        keep: how many of our copies stay in the folder, this one included; at least 1.

    Returns:
        The new copy, and the files that were removed.

    Raises:
        BackupError: it could not be made or read back.
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    suffix = "sqlite" if archive.dialect == "sqlite" else "pgdump"
    target = folder / f"ceasewire-{now.astimezone(UTC).strftime(_STAMP)}.{suffix}"
    if target.exists():
        raise BackupError(f"{target} is there already; nothing was written")
    with _unfinished(target) as part:
        _vacuum_into(archive, part) if archive.dialect == "sqlite" else _dump(archive, part)
        verify(part)
        _sync(part)
        part.replace(target)
    _sync(folder)
    return _described(target, verify(target)), _rotate(folder, suffix, keep)


def verify(path: Path) -> dict[str, int]:
    """Read a backup as a restore would: the whole file, its schema, its rows.

    Returns:
        Rows by table for SQLite; nothing for a PostgreSQL dump.

    Raises:
        BackupError: it is damaged, incomplete, or of another version.
    """
    if not path.is_file():
        raise BackupError(f"{path}: no such file")
    with path.open("rb") as file:
        start = file.read(16)
    if start.startswith(b"PGDMP"):
        return _verify_dump(path)
    if start != b"SQLite format 3\x00":
        raise BackupError(f"{path} is neither a SQLite database nor a PostgreSQL dump")
    return _verify_sqlite(path)


def described(path: Path) -> Copy:
    """A backup that was made earlier, read back.

    Raises:
        BackupError: see `verify`.
    """
    return _described(path, verify(path))


def _described(path: Path, rows: dict[str, int]) -> Copy:
    made = None
    if _NAME.fullmatch(path.name):
        made = datetime.strptime(path.name[10:26], _STAMP).replace(tzinfo=UTC)
    return Copy(path, path.stat().st_size, made, rows)


@contextmanager
def _unfinished(target: Path) -> Iterator[Path]:
    part = target.with_name(f".{target.name}.part")
    part.unlink(missing_ok=True)
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


def _vacuum_into(archive: Archive, part: Path) -> None:
    # A reading connection of its own: VACUUM cannot run inside a transaction, and the archive opens one for all.
    assert archive.path is not None
    source = f"{archive.path.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(source, uri=True, timeout=30)) as connection:
            connection.execute("VACUUM INTO ?", (os.fspath(part),))
    except sqlite3.Error as error:
        raise BackupError(f"{archive.shown_url} could not be copied to {part.parent}: {error}") from error


def _verify_sqlite(path: Path) -> dict[str, int]:
    engine = sa.create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True),
        poolclass=sa.NullPool,
    )
    try:
        with engine.connect() as connection:
            answer = str(connection.execute(sa.text("PRAGMA quick_check(1)")).scalar())
            if answer != "ok":
                raise BackupError(f"{path} is damaged: {answer}")
            versions.check(connection, str(path))
            return {name: _count(connection, name) for name in COUNTED}
    except SchemaError as error:
        raise BackupError(str(error)) from error
    except sa.exc.DatabaseError as error:
        raise BackupError(f"{path} is damaged: {error.orig}") from error
    finally:
        engine.dispose()


def _count(connection: sa.Connection, table: str) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(sa.table(table))).scalar_one())


def _dump(archive: Archive, part: Path) -> None:
    url = sa.make_url(archive.url)
    # The password goes by the environment: arguments can be read by everybody on the machine.
    secret = {"PGPASSWORD": url.password} if url.password else {}
    address = url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    _call("pg_dump", "--format=custom", "--no-owner", f"--file={part}", f"--dbname={address}", environment=secret)


def _verify_dump(path: Path) -> dict[str, int]:
    listing = _call("pg_restore", "--list", str(path))
    missing = [name for name in COUNTED if not re.search(rf"TABLE DATA \S+ {name} ", listing)]
    if missing:
        raise BackupError(f"{path} lacks the tables {', '.join(missing)}")
    # Reads every block and unpacks it, as a restore does, but writes nothing.
    _call("pg_restore", f"--file={os.devnull}", str(path))
    return {}


def _call(program: str, *arguments: str, environment: dict[str, str] | None = None) -> str:
    found = shutil.which(program)
    if found is None:
        raise BackupError(f"{program} is not installed: PostgreSQL is backed up with its own client programs")
    done = subprocess.run(  # noqa: S603 - PostgreSQL's own programs, with our own arguments and no shell
        [found, *arguments], env={**os.environ, **(environment or {})}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        words = done.stderr.strip().splitlines()
        raise BackupError(f"{program}: {words[-1] if words else f'exit {done.returncode}'}")
    return done.stdout


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        # Some file systems cannot sync a folder; the copy itself was synced before.
        with suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


def _rotate(folder: Path, suffix: str, keep: int) -> list[Path]:
    # Names sort by time. Anything else in the folder is not ours to remove.
    copies = sorted((path for path in folder.glob(f"*.{suffix}") if _NAME.fullmatch(path.name)), reverse=True)
    for path in copies[keep:]:
        path.unlink()
    return copies[keep:]
