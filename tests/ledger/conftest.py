"""A steerable world over a fresh database of each kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawler.archive import Archive
from tests.ledger.world import World


@pytest.fixture
def world(archive: Archive, tmp_path: Path) -> World:
    """Over SQLite and PostgreSQL in turn."""
    return World(archive, tmp_path)
