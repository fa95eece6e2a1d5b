"""Which revision each set of tables must be at. Knows no Alembic: opening a database must not pay for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from crawler.archive import schema
from crawler.errors import SchemaError


@dataclass(frozen=True, slots=True)
class MigrationSet:
    """One set of tables with migrations of its own; several may live in one database.

    Attributes:
        name: for people.
        table: the table that holds the revision the database is at.
        head: revision that this version of the code was written for; revisions are numbers of four digits.
        folder: Alembic's script folder.
        metadata: the tables.
    """

    name: str
    table: str
    head: str
    folder: Path
    metadata: sa.MetaData


ARCHIVE = MigrationSet("archive", "archive_version", "0003", Path(__file__).parent / "migrations", schema.metadata)

_sets: dict[str, MigrationSet] = {ARCHIVE.name: ARCHIVE}


def register(migrations: MigrationSet) -> None:
    """Have `open_archive` check and `migrate` run one more set. Packages above the archive do so when imported."""
    _sets[migrations.name] = migrations


def registered() -> tuple[MigrationSet, ...]:
    """Every known set, the archive's first."""
    return tuple(_sets.values())


def revision(connection: sa.Connection, migrations: MigrationSet) -> str | None:
    """The revision the database is at; None if the set was never migrated there."""
    if not sa.inspect(connection).has_table(migrations.table):
        return None
    found = connection.execute(sa.select(sa.column("version_num")).select_from(sa.table(migrations.table))).scalar()
    return None if found is None else str(found)


def check(connection: sa.Connection, shown_url: str) -> None:
    """Refuse a database that is not exactly at the revisions of this version.

    Raises:
        SchemaError: says which set is missing, old or new, and what to do.
    """
    for migrations in registered():
        found = revision(connection, migrations)
        if found is None:
            raise SchemaError(f"{shown_url} has no {migrations.name} tables yet: run `ceasewire migrate`")
        if found < migrations.head:
            raise SchemaError(
                f"{shown_url} is at {migrations.name} schema {found}, this version needs {migrations.head}:"
                " run `ceasewire migrate`"
            )
        if found > migrations.head:
            raise SchemaError(
                f"{shown_url} is at {migrations.name} schema {found}, newer than this version knows"
                f" ({migrations.head}): install the version of ceasewire that made it"
            )
