"""A configuration with an archive of 240 generated articles, read by its two rules."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from alerts.configuration import load_configuration
from alerts.exchange import store_articles
from alerts.flags import flag_articles
from alerts.items import make_items, start_desks
from alerts.ledger import schema as ledger
from alerts.lines import parse_line
from alerts.stories import group_articles
from crawler.archive import Archive, open_archive
from tests.cli.conftest import Ceasewire, ceasewire, wire, write_wire

__all__ = ["ceasewire", "wire"]

COUNT = 240
# Told in turn; what the rules of `wire` make of each is known.
BODIES = (
    "The truce was broken at dawn, said villager {n} of the upper valley.",
    "Mortars shelled the market of quarter {n}. Two traders were hurt.",
    "The truce, which took {n} days and the patience of four envoys from three countries to write, was broken.",
    "The trade truce was broken by importer {n}.",
    "Rain fell on field {n} for most of the day.",
    "The choir of village {n} sang in the old hall.",
)
BROKEN, SHELLED, FAR_APART, TRADE = range(4)


def rows(count: int = COUNT) -> list[dict[str, Any]]:
    """Articles as lines of a file: id, title, text, language."""
    return [
        {
            "id": f"a{n}",
            "title": f"Report {n}",
            "text": BODIES[n % len(BODIES)].format(n=n),
            "lang": "en",
            "url": f"https://paper.example/{n}",
        }
        for n in range(count)
    ]


def write_lines(file: Path, lines: list[dict[str, Any]]) -> Path:
    """JSON lines into a file."""
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")
    return file


@pytest.fixture(scope="session")
def read_template(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Path:
    """What `read_wire` copies."""
    folder = tmp_path_factory.mktemp("read") / "wire"
    write_wire(folder)
    shutil.copyfile(sqlite_template, folder / "wire.db")
    configuration = load_configuration(folder)
    lines = [parse_line(json.dumps(row), at, strict=True) for at, row in enumerate(rows(), 1)]
    now = datetime.now(UTC)
    with database(folder) as archive:
        start_desks(archive, configuration.desks, now, since=timedelta(days=1))
        store_articles(archive, lines, configuration.settings.crawler, now)
        group_articles(archive, now)
        flag_articles(archive, configuration.rule_set, configuration.sources, now)
        make_items(archive, configuration.desks, now, configuration.sources)
    return folder


@pytest.fixture
def read_wire(read_template: Path, tmp_path: Path) -> Path:
    """The configuration folder; its archive holds `rows()`, grouped, read and weighed for the desk."""
    return Path(shutil.copytree(read_template, tmp_path / "wire"))


def run_jobs(ceasewire: Ceasewire, folder: Path) -> int:
    """What `run` does between collecting and telling."""
    return ceasewire("--config", folder, "run", "--only", "group", "--only", "flag", "--only", "items").code


@contextmanager
def database(folder: Path) -> Iterator[Archive]:
    """The archive of a configuration folder."""
    opened = open_archive(f"sqlite:///{folder / 'wire.db'}")
    try:
        yield opened
    finally:
        opened.close()


def table(folder: Path, which: sa.Table) -> list[dict[str, Any]]:
    """Every row of a table."""
    with database(folder) as archive, archive.read() as connection:
        return [dict(row) for row in connection.execute(sa.select(which).order_by(*which.primary_key)).mappings()]


def live_flags(folder: Path) -> list[dict[str, Any]]:
    """The flags that hold, as `rules read --json` writes flags, with their article."""
    names = ("article", "rule", "topic", "class", "stage", "severity", "field", "start", "end", "sentence", "terms")
    return [{name: row[name] for name in names} for row in table(folder, ledger.flag) if row["withdrawn_at"] is None]


def json_lines(text: str) -> list[dict[str, Any]]:
    """Standard output of a command with --json."""
    return [json.loads(line) for line in text.splitlines()]


def edit(folder: Path, rule: str, old: str, new: str) -> None:
    """Change a rule file."""
    file = folder / "rules" / f"{rule}.yaml"
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")
