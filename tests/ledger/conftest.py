"""A steerable world over a fresh database of each kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawler.archive import Archive
from tests.ledger.telling import Telling
from tests.ledger.world import World


@pytest.fixture
def world(archive: Archive, tmp_path: Path) -> World:
    """Over SQLite and PostgreSQL in turn."""
    return World(archive, tmp_path)


@pytest.fixture
def telling(sqlite_archive: Archive, tmp_path: Path) -> Telling:
    return Telling(World(sqlite_archive, tmp_path))


@pytest.fixture
def both(world: World) -> Telling:
    """On SQLite and PostgreSQL in turn, where more than one table is written at once."""
    return Telling(world)
