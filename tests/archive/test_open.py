"""Opening a database: URLs, folders, schemas, and clear words when it cannot be used."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from alerts import ledger
from crawler.archive import Archive, open_archive
from crawler.archive.engine import insert_new, parse_url, upsert
from crawler.archive.schema import channel, host_hold
from crawler.errors import ArchiveError, SchemaError
from tests.archive.conftest import NOW


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("sqlite:///var/wire.db", "sqlite:///var/wire.db"),
        ("sqlite+pysqlite:////data/wire.db", "sqlite:////data/wire.db"),
        ("postgres://desk@db/wire", "postgresql+psycopg://desk@db/wire"),
        ("postgresql://desk@db/wire", "postgresql+psycopg://desk@db/wire"),
        ("postgresql+psycopg://desk@db/wire", "postgresql+psycopg://desk@db/wire"),
    ],
)
def test_urls_are_normalised(given: str, read: str) -> None:
    assert parse_url(given).render_as_string(hide_password=False) == read


@pytest.mark.parametrize(
    "url", ["", "wire.db", "sqlite://", "sqlite:///:memory:", "mysql://x/y", "postgresql+asyncpg://x/y"]
)
def test_other_urls_are_refused_with_what_is_expected(url: str) -> None:
    with pytest.raises(ArchiveError, match="expected sqlite:///path/to/file or postgresql://"):
        open_archive(url)


def test_a_missing_folder_is_made_by_migrate(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'not' / 'there' / 'wire.db'}"
    assert ledger.migrate(url)[0] == "archive:0001"
    open_archive(url).close()


def test_looking_for_a_database_makes_none(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="run `ceasewire migrate`"):
        open_archive(f"sqlite:///{tmp_path / 'new' / 'wire.db'}")
    assert list(tmp_path.iterdir()) == []


def test_a_file_where_the_folder_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ArchiveError, match="cannot make the database's folder"):
        ledger.migrate(f"sqlite:///{tmp_path / 'file' / 'wire.db'}")


def test_a_folder_where_the_file_should_be_is_told(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="unable to open database file"):
        ledger.migrate(f"sqlite:///{tmp_path}")


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "wire.db").write_text("Dear diary, " * 200)
    with pytest.raises(ArchiveError, match="not a database"):
        open_archive(f"sqlite:///{tmp_path / 'wire.db'}")


def test_a_server_that_is_away_is_told_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError) as caught:
        open_archive(f"postgresql://desk:secret@/wire?host={tmp_path}")
    assert "secret" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_a_database_without_tables_asks_for_migrate(empty_database_url: str) -> None:
    if empty_database_url.startswith("sqlite"):
        Path(empty_database_url.removeprefix("sqlite:///")).touch()
    with pytest.raises(SchemaError, match="no archive tables yet: run `ceasewire migrate`"):
        open_archive(empty_database_url)


@pytest.mark.parametrize("name", ["archive", "ledger"])
@pytest.mark.parametrize(
    ("revision", "words"),
    [("0000", "run `ceasewire migrate`"), ("0999", "newer than this version knows .*: install the version")],
    ids=["old", "new"],
)
def test_another_schema_is_refused_with_what_to_do(database_url: str, name: str, revision: str, words: str) -> None:
    before = open_archive(database_url)
    with before.write() as connection:
        connection.execute(sa.text(f"UPDATE {name}_version SET version_num = '{revision}'"))
    before.close()
    with pytest.raises(SchemaError, match=f"is at {name} schema {revision}.*{words}"):
        open_archive(database_url)


def test_reading_cannot_write(archive: Archive) -> None:
    with pytest.raises((sa.exc.DBAPIError, ArchiveError), match=r"read-?only"), archive.read() as connection:
        connection.execute(sa.delete(channel))


def test_an_error_in_the_block_rolls_everything_back(archive: Archive) -> None:
    def write(day: str) -> None:
        with archive.write() as connection:
            connection.execute(sa.insert(host_hold).values(host="h:80", until=NOW, reason=""))
            datetime.fromisoformat(day)

    with pytest.raises(ValueError, match="Wednesday"):
        write("Wednesday")
    with archive.read() as connection:
        assert connection.execute(sa.select(host_hold)).all() == []


def test_a_read_is_one_view_and_does_not_wait_for_writers(archive: Archive) -> None:
    with archive.read() as reading, archive.write() as writing:
        assert reading.execute(sa.select(host_hold)).all() == []
        writing.execute(sa.insert(host_hold).values(host="h:80", until=NOW, reason=""))
        writing.commit()
        assert reading.execute(sa.select(host_hold)).all() == []


def test_inserting_what_is_new_counts_it_and_updating_overwrites_only_what_is_named(archive: Archive) -> None:
    holds = [{"host": host, "until": NOW, "reason": "first"} for host in ("b:80", "a:80", "c:80")]
    with archive.write() as connection:
        assert insert_new(connection, host_hold, holds[:2]) == 2
        assert insert_new(connection, host_hold, holds) == 1
        assert insert_new(connection, host_hold, holds[:1]) == 0
        assert insert_new(connection, host_hold, []) == 0
        later = [hold | {"until": NOW + timedelta(days=1), "reason": "second"} for hold in holds[1:]]
        upsert(connection, host_hold, later, ["reason"])
        upsert(connection, host_hold, [], ["reason"])
        found = connection.execute(sa.select(host_hold).order_by(host_hold.c.host)).all()
    assert [tuple(row) for row in found] == [
        ("a:80", NOW, "second"),
        ("b:80", NOW, "first"),
        ("c:80", NOW, "second"),
    ]


def test_sqlite_is_opened_as_decided(sqlite_archive: Archive) -> None:
    with sqlite_archive.write() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


def test_naive_times_are_refused_and_aware_ones_come_back_as_utc(archive: Archive) -> None:
    with pytest.raises(sa.exc.StatementError, match="naive datetime"), archive.write() as connection:
        connection.execute(sa.insert(host_hold).values(host="h:80", until=NOW.replace(tzinfo=None), reason=""))
    with archive.write() as connection:
        connection.execute(sa.insert(host_hold).values(host="h:80", until=NOW, reason=""))
        assert connection.scalar(sa.select(host_hold.c.until)) == NOW


def test_opening_does_not_import_alembic(sqlite_url: str) -> None:
    probe = (
        "import sys; import alerts.ledger; from crawler.archive import open_archive, articles, channels, writer\n"
        f"open_archive({sqlite_url!r}).close(); print([n for n in sys.modules if n.startswith('alembic')])"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", probe], capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
