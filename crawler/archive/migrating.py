"""Bringing a database to this version's schema. The only module that imports Alembic."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from crawler.archive import schema, versions
from crawler.archive.engine import open_archive, wait_for_migrations
from crawler.errors import SchemaError


def migrate(url: str) -> list[str]:
    """Apply every missing migration of every registered set, all in one transaction.

    Args:
        url: as `open_archive` reads it; a SQLite file and its folder are made if missing.

    Returns:
        The revisions that were applied, as ``set:revision``; empty when there was nothing to do.

    Raises:
        SchemaError: the database was made by a newer version.
        ArchiveError: it cannot be opened or written.
    """
    archive = open_archive(url, check_schema=False)
    try:
        with archive.write() as connection:
            wait_for_migrations(connection)
            return [name for migrations in versions.registered() for name in _upgrade(connection, migrations)]
    finally:
        archive.close()


def alembic_config(connection: sa.Connection, migrations: versions.MigrationSet, applied: list[str]) -> Config:
    """What Alembic's commands need; `env.py` hands it on to `run_environment`."""
    config = Config()
    config.set_main_option("script_location", str(migrations.folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes.update(connection=connection, migrations=migrations, applied=applied)
    return config


def run_environment(context: Any) -> None:
    """The body of every `env.py`: run the set's migrations on the connection that was given.

    Args:
        context: the module `alembic.context`, which stands for the environment that is running.
    """
    attributes = context.config.attributes
    migrations: versions.MigrationSet = attributes["migrations"]
    applied: list[str] = attributes["applied"]

    def note(*, step: Any, **_: object) -> None:
        applied.append(f"{migrations.name}:{step.up_revision_id}")

    context.configure(
        connection=attributes["connection"],
        target_metadata=migrations.metadata,
        version_table=migrations.table,
        version_table_pk=True,
        on_version_apply=[note],
        render_item=_render,
        compare_type=True,
        include_name=lambda name, kind, _: kind != "table" or name in migrations.metadata.tables,
    )
    # Inside the caller's transaction: SQLite and PostgreSQL both roll back schema changes.
    context.run_migrations()


def _upgrade(connection: sa.Connection, migrations: versions.MigrationSet) -> list[str]:
    found = versions.revision(connection, migrations)
    if found is not None and found > migrations.head:
        versions.check(connection, connection.engine.url.render_as_string(hide_password=True))
        raise SchemaError(f"{migrations.name} schema {found} is newer than {migrations.head}")
    applied: list[str] = []
    command.upgrade(alembic_config(connection, migrations, applied), "head")
    return applied


def _render(kind: str, item: object, _: object) -> str | bool:
    # A migration must not change its meaning when our type does.
    if kind == "type" and isinstance(item, schema.UTCDateTime):
        return "sa.DateTime(timezone=True)"
    return False
