"""Backups on both databases: whole, consistent while others write, refused when damaged, rotated."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from alerts.operating.backup import BackupError, back_up, described, verify
from crawler.archive import Archive, open_archive
from crawler.archive.articles import import_article
from crawler.articles import Entry
from tests.postgres import find_install

NOW = datetime(2026, 3, 1, 3, 15, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL's own programs, where the server of the tests has brought them."""
    install = find_install()
    if install is not None:
        monkeypatch.setenv("PATH", f"{install / 'bin'}{os.pathsep}{os.environ['PATH']}")


def fill(archive: Archive, number: int, start: int = 0) -> None:
    with archive.write() as connection:
        for key in range(start, start + number):
            entry = Entry(
                guid=f"g{key}", link=f"https://paper.example/{key}", title=f"Title {key}", content="Text. " * 50
            )
            import_article(connection, "paper", entry, now=NOW)


def test_a_copy_holds_everything_and_is_read_back(archive: Archive, tmp_path: Path) -> None:
    fill(archive, 12)
    copy, removed = back_up(archive, tmp_path / "copies", NOW, keep=3)
    assert removed == []
    assert copy.made == NOW
    assert copy.size == copy.path.stat().st_size
    assert copy.path.name.startswith("ceasewire-20260301T031500Z.")
    if archive.dialect == "sqlite":
        assert copy.rows["article"] == 12
        restored = open_archive(f"sqlite:///{copy.path}")
        with restored.read() as connection:
            titles = connection.execute(sa.text("SELECT count(DISTINCT title) FROM article")).scalar()
        restored.close()
        assert titles == 12


def test_writers_go_on_while_a_copy_is_made(sqlite_archive: Archive, tmp_path: Path) -> None:
    fill(sqlite_archive, 5)
    with sqlite_archive.write() as connection:
        # An open transaction of another process is no part of the copy and does not hold it up.
        entry = Entry(guid="late", link="https://paper.example/late", title="Late")
        import_article(connection, "paper", entry, now=NOW)
        copy, _ = back_up(sqlite_archive, tmp_path, NOW, keep=1)
    assert copy.rows["article"] == 5


def test_only_our_oldest_copies_go(sqlite_archive: Archive, tmp_path: Path) -> None:
    other = tmp_path / "letters.sqlite"
    other.write_text("not ours")
    for day in range(4):
        copy, removed = back_up(sqlite_archive, tmp_path, NOW + timedelta(days=day), keep=2)
    assert [path.name for path in removed] == ["ceasewire-20260302T031500Z.sqlite"]
    assert sorted(path.name for path in tmp_path.glob("*.sqlite")) == [
        "ceasewire-20260303T031500Z.sqlite",
        copy.path.name,
        "letters.sqlite",
    ]
    assert not list(tmp_path.glob(".*"))


def test_a_copy_is_never_overwritten(sqlite_archive: Archive, tmp_path: Path) -> None:
    copy, _ = back_up(sqlite_archive, tmp_path, NOW, keep=2)
    before = copy.path.read_bytes()
    with pytest.raises(BackupError, match="is there already"):
        back_up(sqlite_archive, tmp_path, NOW, keep=2)
    assert copy.path.read_bytes() == before


def test_damage_is_seen(archive: Archive, tmp_path: Path) -> None:
    fill(archive, 200)
    copy, _ = back_up(archive, tmp_path, NOW, keep=1)
    whole = copy.path.read_bytes()
    copy.path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BackupError):
        verify(copy.path)
    # A page in the middle overwritten, the length as it was.
    middle = len(whole) // 2
    copy.path.write_bytes(whole[:middle] + os.urandom(8192) + whole[middle + 8192 :])
    with pytest.raises(BackupError):
        verify(copy.path)


def test_what_is_no_backup_is_refused(tmp_path: Path, sqlite_archive: Archive) -> None:
    with pytest.raises(BackupError, match="no such file"):
        verify(tmp_path / "nothing")
    note = tmp_path / "note.sqlite"
    note.write_text("a shopping list")
    with pytest.raises(BackupError, match="neither"):
        verify(note)
    empty = tmp_path / "empty.sqlite"
    engine = sa.create_engine(f"sqlite:///{empty}")
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE letters (id INTEGER)"))
    engine.dispose()
    with pytest.raises(BackupError, match="has no archive tables"):
        described(empty)


def test_without_the_client_programs_postgresql_says_so(
    postgres_archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackupError, match="pg_dump is not installed"):
        back_up(postgres_archive, tmp_path / "copies", NOW, keep=1)
    assert list((tmp_path / "copies").iterdir()) == []
