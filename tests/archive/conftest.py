"""Sources and entries for the archive's tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from crawler.archive import Archive
from crawler.archive.articles import EntriesAdded, add_entries
from crawler.archive.schema import article, article_url, sighting
from crawler.articles import Entry
from crawler.sources import Source

NOW = datetime(2026, 3, 1, 7, 0, tzinfo=UTC)
SOURCE = Source(id="lanter-post", name="The Lanter Post", country="GB", languages=("en",))
OTHER = Source(id="veld-wire", name="Veld Wire", country="GB", languages=("en",))
FEED = "lanter-post:feed:1"
SITEMAP = "lanter-post:sitemap:1"
OTHER_FEED = "veld-wire:feed:1"


def entry(name: str = "a", **changes: Any) -> Entry:
    """An ordinary entry; another name is another item."""
    values: dict[str, Any] = {
        "guid": f"guid-{name}",
        "link": f"https://lanter.example/news/{name}",
        "title": f"Title {name}",
        "summary": f"Summary of {name}.",
        "published": NOW,
        "raw_date": "Sun, 01 Mar 2026 07:00:05 GMT",
    }
    return Entry(**(values | changes))


def add(
    archive: Archive,
    *entries: Entry,
    source: Source = SOURCE,
    channel: str = FEED,
    now: datetime = NOW,
    first_fetch: bool = False,
) -> EntriesAdded:
    """Archive one document's entries in a transaction of their own."""
    with archive.write() as connection:
        return add_entries(connection, source, channel, entries, now=now, first_fetch=first_fetch)


def rows(archive: Archive, table: sa.Table) -> Sequence[sa.Row[Any]]:
    """Every row, by primary key."""
    with archive.read() as connection:
        return connection.execute(sa.select(table).order_by(*table.primary_key.columns)).all()


def check_sound(archive: Archive) -> None:
    """What must hold at any time: keys are unique, and whatever leads to an article leads to one that is there."""
    articles = rows(archive, article)
    ids = {row.id for row in articles}
    assert len({row.key for row in articles}) == len(articles)
    assert {row.article for row in rows(archive, article_url)} == ids
    assert {row.article for row in rows(archive, sighting)} <= ids
    leads = {row.key: row.article for row in rows(archive, article_url)}
    assert all(leads[row.key] == row.id for row in articles)
    assert all(row.duplicate_of is None or row.duplicate_of in ids - {row.id} for row in articles)
