"""Schema and queries of stories, readings, flags, digests and deliveries, beside the archive in one database.

Importing this package makes `crawler.archive.open_archive` check the ledger's tables too.
"""

from __future__ import annotations

from pathlib import Path

from alerts.ledger import schema
from crawler.archive import versions

LEDGER = versions.MigrationSet(
    "ledger", "ledger_version", "0004", Path(__file__).parent / "migrations", schema.metadata
)
versions.register(LEDGER)


def migrate(url: str) -> list[str]:
    """Bring archive and ledger to this version's schema; see `crawler.archive.migrating.migrate`."""
    # Alembic is wanted by this one command only.
    from crawler.archive.migrating import migrate as migrate_all

    return migrate_all(url)


__all__ = ["LEDGER", "migrate"]
