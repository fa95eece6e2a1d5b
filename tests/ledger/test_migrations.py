"""Two sets of migrations in one database: they make what the metadata say, once, whoever runs them."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from alerts import ledger
from crawler.archive import Archive, open_archive, versions
from crawler.archive.migrating import alembic_config
from crawler.errors import SchemaError
from tests.forking import Forking

SETS = {migrations.name: migrations for migrations in versions.registered()}
ALL = [f"{name}:{number:04}" for name, one in SETS.items() for number in range(1, int(one.head) + 1)]


def test_both_sets_are_registered_the_archive_first() -> None:
    assert list(SETS) == ["archive", "ledger"]


@pytest.mark.parametrize("name", SETS)
def test_the_head_that_opening_asks_for_is_the_newest_migration(sqlite_archive: Archive, name: str) -> None:
    with sqlite_archive.read() as connection:
        script = ScriptDirectory.from_config(alembic_config(connection, SETS[name], []))
    assert script.get_heads() == [SETS[name].head]
    # Revisions are compared as text when opening.
    assert all(len(revision.revision) == 4 and revision.revision.isdigit() for revision in script.walk_revisions())


def test_migrating_makes_exactly_what_the_metadata_say(archive: Archive) -> None:
    versions_of = {migrations.table for migrations in SETS.values()}

    def ours(thing: Any, name: str | None, kind: str, *_: object) -> bool:
        del thing
        return not (kind == "table" and name in versions_of)

    together = sa.MetaData()
    for migrations in SETS.values():
        for table in migrations.metadata.sorted_tables:
            table.to_metadata(together)
    options = {"compare_type": True, "include_object": ours}
    with archive.read() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, together) == []


def test_checks_and_server_defaults_are_the_same_too(database_url: str) -> None:
    """What Alembic does not compare: the migrated tables beside tables made straight from the metadata."""
    archive = open_archive(database_url)
    migrated = _shape(archive)
    with archive.write() as connection:
        for migrations in SETS.values():
            migrations.metadata.drop_all(connection)
            migrations.metadata.create_all(connection)
    assert _shape(archive) == migrated
    archive.close()


def _shape(archive: Archive) -> dict[str, Any]:
    with archive.read() as connection:
        inspector = sa.inspect(connection)
        return {
            table.name: {
                "columns": [
                    (column["name"], str(column["type"]), column["nullable"], column["default"])
                    for column in inspector.get_columns(table.name)
                ],
                "key": inspector.get_pk_constraint(table.name),
                "checks": inspector.get_check_constraints(table.name),
                "unique": sorted(unique["name"] or "" for unique in inspector.get_unique_constraints(table.name)),
                "indexes": sorted(index["name"] or "" for index in inspector.get_indexes(table.name)),
            }
            for migrations in SETS.values()
            for table in migrations.metadata.sorted_tables
        }


def test_migrating_twice_does_nothing_the_second_time(empty_database_url: str) -> None:
    assert ledger.migrate(empty_database_url) == ALL
    assert ledger.migrate(empty_database_url) == []


def migrating() -> None:
    """In a process: migrate the database named in the arguments and say what was applied."""
    sys.stdout.write(json.dumps(ledger.migrate(sys.argv[1])))


def test_processes_that_migrate_at_once_do_it_once(empty_database_url: str, forking: Forking) -> None:
    both = [forking.start([empty_database_url], call=f"{__name__}:migrating") for _ in range(2)]
    said = [process.communicate(timeout=120) for process in both]
    assert [process.wait() for process in both] == [0, 0], said
    assert sorted(json.loads(out) for out, _ in said) == [[], ALL]
    open_archive(empty_database_url).close()


def test_a_newer_database_is_not_touched(database_url: str) -> None:
    before = open_archive(database_url)
    with before.write() as connection:
        connection.execute(sa.text("UPDATE ledger_version SET version_num = '0999'"))
    before.close()
    with pytest.raises(SchemaError, match="newer than this version knows"):
        ledger.migrate(database_url)


def test_a_failing_migration_leaves_nothing_behind(empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The archive's migration runs, then the ledger's cannot be found: neither is there afterwards.
    broken = versions.MigrationSet(
        "ledger", "ledger_version", "0001", ledger.LEDGER.folder / "nowhere", ledger.LEDGER.metadata
    )
    with monkeypatch.context() as patch:
        patch.setitem(versions._sets, "ledger", broken)
        with pytest.raises(Exception, match="nowhere"):
            ledger.migrate(empty_database_url)
    opened = open_archive(empty_database_url, check_schema=False)
    with opened.read() as connection:
        assert sa.inspect(connection).get_table_names() == []
    opened.close()


@pytest.mark.parametrize("name", SETS)
def test_migrations_can_be_taken_back(archive: Archive, name: str) -> None:
    from alembic import command

    with archive.write() as connection:
        command.downgrade(alembic_config(connection, SETS[name], []), "base")
    with archive.read() as connection:
        left = set(sa.inspect(connection).get_table_names())
    assert left.isdisjoint(SETS[name].metadata.tables)
