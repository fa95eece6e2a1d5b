"""Opening the database. Only here and in lists.py it matters which database it is; all else is the same SQL on both."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.pool import QueuePool

from crawler.archive import versions
from crawler.errors import ArchiveAwayError, ArchiveBusyError, ArchiveError, SchemaError

Dialect = Literal["sqlite", "postgresql"]

BUSY_SECONDS = 30
"""How long a writer waits for another one before it gives up."""

# PostgreSQL: two transactions met; serialization failure, deadlock, lock not available.
_MET = {"40001", "40P01", "55P03"}
# A server that stops, starts, has too many sessions or ended ours; connections that broke are class 08.
_AWAY = {"57014", "57P01", "57P02", "57P03", "57P05", "53300", "25P03", "25P04"}
_OF_OURS = (sa.exc.IntegrityError, sa.exc.ProgrammingError, sa.exc.DataError)
# psycopg gives no code to what a server says before the session stands.
_REFUSES = re.compile(
    r"authentication failed|no password supplied|no pg_hba\.conf entry|(database|role) .* does not exist|not permitted"
)
_POSTGRES_NAMES = {"postgres", "postgresql", "postgresql+psycopg"}
_MIGRATION_LOCK = 0x43454153


class Archive:
    """One database, opened. Threads may share it; each `write` and `read` has a connection of its own.

    Attributes:
        url: as SQLAlchemy reads it, password included; `shown_url` is the one for messages.
        dialect: ``sqlite`` or ``postgresql``.
        path: the SQLite file; None on PostgreSQL.
    """

    def __init__(self, url: sa.URL) -> None:
        self.url = url.render_as_string(hide_password=False)
        self.shown_url = url.render_as_string(hide_password=True)
        self.dialect: Dialect = "sqlite" if url.get_backend_name() == "sqlite" else "postgresql"
        self.path = Path(str(url.database)) if self.dialect == "sqlite" else None
        make = _sqlite_engines if self.dialect == "sqlite" else _postgres_engines
        self._writing, self._reading = make(url)

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """One transaction that may write: committed at the end of the block, rolled back on any error.

        Raises:
            ArchiveBusyError: another writer held the database too long, or each waited for the other.
            ArchiveAwayError: its server is away.
            ArchiveError: the database is read-only, full or damaged.
        """
        with self.plain_errors(), self._writing.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """One consistent view that cannot write; never waits for writers on SQLite."""
        with self.plain_errors(), self._reading.connect() as connection:
            yield connection

    def connect_apart(self, label: str) -> sa.Connection:
        """A PostgreSQL session outside the pool and outside transactions, for session locks. The caller closes it.

        Args:
            label: name under which the server lists the session.
        """
        assert self.dialect == "postgresql"
        with self.plain_errors():
            engine = sa.create_engine(
                self.url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT", connect_args={"application_name": label}
            )
            return engine.connect()

    def close(self) -> None:
        """Close every pooled connection."""
        self._writing.dispose()
        self._reading.dispose()

    @contextmanager
    def plain_errors(self) -> Iterator[None]:
        """For a block that asks a connection of this database outside `read` and `write`: errors as they raise them."""
        try:
            yield
        except sa.exc.DatabaseError as error:
            if not is_its_state(error):
                raise
            raise kind_of_trouble(error)(f"{self.shown_url}: {_first_line(error)}") from error


def is_its_state(error: BaseException | None) -> bool:
    """Whether an error tells the state of the database. Broken constraints and wrong SQL are bugs of ours instead."""
    return isinstance(error, sa.exc.DatabaseError) and not isinstance(error, _OF_OURS)


def kind_of_trouble(error: sa.exc.DBAPIError) -> type[ArchiveError]:
    """What the state that an error tells of means for those who want to try again."""
    if met_another_writer(error):
        return ArchiveBusyError
    if isinstance(error.orig, sqlite3.Error):  # a file is never away
        return ArchiveError
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        # No answer of a server at all, or one that refuses us for good; that it only starts or is full has a code.
        return ArchiveError if _REFUSES.search(str(error.orig)) else ArchiveAwayError
    return ArchiveAwayError if state in _AWAY or state.startswith("08") else ArchiveError


def open_archive(url: str, *, check_schema: bool = True) -> Archive:
    """Open the database at `url`.

    Args:
        url: ``sqlite:///file`` (relative to the working folder), ``sqlite:////absolute/file``, or ``postgresql://..``.
        check_schema: refuse a database that is not at the revisions of this version.

    Raises:
        SchemaError: missing, old or new schema; says what to do.
        ArchiveError: the URL cannot be understood or the database cannot be opened.
    """
    parsed = parse_url(url)
    if check_schema and parsed.get_backend_name() == "sqlite" and not Path(str(parsed.database)).exists():
        # Looking must not create a file.
        raise SchemaError(f"there is no database at {parsed.database} yet: run `ceasewire migrate`")
    if not check_schema:
        _make_folder(parsed)
    archive = Archive(parsed)
    if check_schema:
        try:
            with archive.read() as connection:
                versions.check(connection, archive.shown_url)
        except ArchiveError:
            archive.close()
            raise
    return archive


def parse_url(url: str) -> sa.URL:
    """Read a database URL; postgres:// and postgresql:// mean psycopg 3.

    Raises:
        ArchiveError: neither SQLite with a file nor PostgreSQL.
    """
    expected = "expected sqlite:///path/to/file or postgresql://user@host/database"
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise ArchiveError(f"not a database URL; {expected}") from None
    if parsed.drivername in {"sqlite", "sqlite+pysqlite"}:
        if not parsed.database or parsed.database == ":memory:":
            raise ArchiveError(f"a SQLite database needs a file; {expected}")
        return parsed.set(drivername="sqlite")
    if parsed.drivername in _POSTGRES_NAMES:
        return parsed.set(drivername="postgresql+psycopg")
    raise ArchiveError(f"databases of kind {parsed.drivername!r} are not supported; {expected}")


def insert_for(connection: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that knows ON CONFLICT; both databases spell it the same way."""
    return _insert(connection.dialect.name, table)


def insert_new(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert the rows whose primary or unique key is not there yet.

    Returns:
        How many were inserted.
    """
    if not rows:
        return 0
    # Else SQLAlchemy forgets the count of an INSERT on PostgreSQL.
    options = {"preserve_rowcount": True}
    statement = _insert_new(connection.dialect.name, table)
    return connection.execute(statement, _by_key(table, rows), execution_options=options).rowcount


def upsert(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]], update: Sequence[str]
) -> None:
    """Insert rows by primary key; where the key is there, overwrite the columns named in `update`."""
    if rows:
        connection.execute(_upsert(connection.dialect.name, table, tuple(update)), _by_key(table, rows))


def met_another_writer(error: sa.exc.DBAPIError) -> bool:
    """Whether the error only says that another writer was there, so that trying again can help."""
    state = getattr(error.orig, "sqlstate", None)
    return state in _MET if state else "locked" in str(error.orig)


def wait_for_migrations(connection: sa.Connection) -> None:
    """Let one process at a time change the schema. SQLite's write transaction already does that."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))


def _insert(dialect: str, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


@lru_cache
def _insert_new(dialect: str, table: sa.Table) -> sa.Insert:
    # Built once: building a statement costs more than carrying it out.
    return _insert(dialect, table).on_conflict_do_nothing()


@lru_cache
def _upsert(dialect: str, table: sa.Table, update: tuple[str, ...]) -> sa.Insert:
    statement = _insert(dialect, table)
    values = {name: statement.excluded[name] for name in update}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=values)


def _by_key(table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    # In one order everywhere, or two PostgreSQL workers that insert the same rows can wait for each other for ever.
    keys = [column.name for column in table.primary_key.columns]
    return sorted((dict(row) for row in rows), key=lambda row: [row[name] for name in keys if name in row])


def _make_folder(url: sa.URL) -> None:
    if url.get_backend_name() != "sqlite":
        return
    folder = Path(str(url.database)).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ArchiveError(f"cannot make the database's folder {folder}: {error.strerror}") from error


def _sqlite_engines(url: sa.URL) -> tuple[sa.Engine, sa.Engine]:
    arguments = {"timeout": BUSY_SECONDS, "isolation_level": None}
    writing, reading = (sa.create_engine(url, poolclass=QueuePool, connect_args=arguments) for _ in range(2))
    settings = {
        writing: ("foreign_keys=ON", "journal_mode=WAL", "synchronous=FULL"),
        reading: ("foreign_keys=ON", "query_only=ON"),
    }
    # With plain BEGIN a reader that turns writer fails at once instead of waiting; with IMMEDIATE writers queue up.
    for engine, begin in ((writing, "BEGIN IMMEDIATE"), (reading, "BEGIN")):
        _prepare_sqlite(engine, settings[engine], begin)
    return writing, reading


def _prepare_sqlite(engine: sa.Engine, pragmas: Sequence[str], begin: str) -> None:
    def connected(connection: Any, record: object) -> None:
        del record
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def beginning(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    sa.event.listen(engine, "connect", connected)
    sa.event.listen(engine, "begin", beginning)


def _postgres_engines(url: sa.URL) -> tuple[sa.Engine, sa.Engine]:
    writing = sa.create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 10})
    # The same pool; psycopg says so when the transaction begins. One view, as SQLite gives it.
    options = {"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"}
    reading = cast(sa.Engine, writing.execution_options(**options))
    return writing, reading


def _first_line(error: sa.exc.DatabaseError) -> str:
    words = str(error.orig).strip().splitlines()
    return words[0] if words else type(error.orig).__name__
