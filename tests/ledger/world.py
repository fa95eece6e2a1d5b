"""A small world that can be steered: articles and flags put into a real database, desks and a configuration over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from alerts.configuration import Configuration
from alerts.desks import Desk, Match
from alerts.ledger import flags as flag_queries
from alerts.ledger import schema as ledger
from alerts.options import Settings
from alerts.rules import load_rule_set
from alerts.rules.queries import Queries
from alerts.rules.rule import Query
from alerts.rules.syntax import parse
from alerts.stories import group_articles
from crawler.archive import Archive
from crawler.archive.articles import import_article
from crawler.archive.schema import article, article_text
from crawler.archive.texts import pack
from crawler.articles import Entry
from crawler.sources import Source

NOW = datetime(2025, 3, 4, 5, 1, tzinfo=UTC)
"""One minute after a slot of `desk()`: 07:00 in Kyiv."""
LONG = "The convoy was shelled on the road to the river, and the drivers were killed. " * 8


def middling(text: str) -> str:
    """A text long enough to have a hash, and too short to be joined by it alone."""
    return f"{text}. " + "It is told here in so many words that no other text is like it. " * 4


def desk(name: str = "field", **choices: Any) -> Desk:
    """A desk that is due daily at 07:00 in Kyiv."""
    given: dict[str, Any] = {"title": name.title(), "schedule": "0 7 * * *", "zone": "Europe/Kyiv", "routes": ()}
    return Desk(id=name, **{**given, **choices})


def asking(queries: Mapping[str, str], **choices: Any) -> list[Desk]:
    """Desks with a `match`, by id, whose queries are asked together; all with the same other choices."""
    read = {}
    for name, text in queries.items():
        node, problems = parse(text)
        assert node is not None, problems
        read[name] = Query(text, node)
    together = Queries(read, {})
    return [desk(name, match=Match(text, together), **choices) for name, text in queries.items()]


@dataclass
class World:
    """Articles and flags of one archive. Times are NOW unless said otherwise."""

    archive: Archive
    folder: Path
    written: int = 0
    sources: dict[str, Source] = field(default_factory=dict)

    def article(self, title: str, text: str = "", *, source: str = "post", **details: Any) -> int:
        """Archive an article of its own URL and text; `details`: seen_at, published, backfill, url."""
        self.written += 1
        self.sources.setdefault(source, Source(id=source, name=source.title(), country="GB"))
        seen_at = details.get("seen_at", NOW - timedelta(seconds=30))
        entry = Entry(
            guid=f"g{self.written}",
            link=details.get("url", f"https://{source}.example/{self.written}"),
            title=title,
            content=text or middling(f"Text number {self.written}"),
            published=details.get("published", seen_at),
            language=details.get("language", "en"),
        )
        with self.archive.write() as connection:
            key, new = import_article(connection, source, entry, now=seen_at, backfill=details.get("backfill", False))
        assert new
        return key

    def change(self, article_id: int, **values: Any) -> None:
        """Overwrite columns of an article, as a page that comes later does."""
        with self.archive.write() as connection:
            connection.execute(sa.update(article).where(article.c.id == article_id).values(values))

    def retell(self, article_id: int, title: str, text: str) -> None:
        """Give an article another title and text, as a page that comes later does."""
        codec, body = pack(text)
        with self.archive.write() as connection:
            mine = article.c.id == article_id
            connection.execute(sa.update(article).where(mine).values(title=title, version=article.c.version + 1))
            stored = article_text.c.article == article_id
            connection.execute(sa.update(article_text).where(stored).values(codec=codec, body=body))

    def flag(self, article_id: int, **values: Any) -> None:
        """Flag an article; `values` replace columns of a high civilian_attack event in the body."""
        row: dict[str, Any] = {
            "article": article_id,
            "version": 1,
            "rule": "attack",
            "rule_set": "one",
            "topic": "civilian_attack",
            "class": "event",
            "stage": None,
            "severity": "high",
            "tags": [],
            "field": "body",
            "start": 0,
            "end": 4,
            "sentence": "Text of it.",
            "sentence_start": 0,
            "terms": [[0, 4]],
            "at": NOW,
        }
        with self.archive.write() as connection:
            assert flag_queries.add_flags(connection, [{**row, **values}]) == 1

    def withdraw(self, article_id: int) -> None:
        """Withdraw every flag of an article, as a later version that holds nothing does."""
        with self.archive.write() as connection:
            flag_queries.withdraw_flags(connection, article_id, 99, set(), NOW)

    def story(self, *flags: Mapping[str, Any], source: str = "post", **details: Any) -> int:
        """An article with flags, grouped; returns its story."""
        key = self.article(f"Title {self.written}", details.pop("text", ""), source=source, **details)
        for values in flags:
            self.flag(key, **values)
        group_articles(self.archive, NOW)
        return self.story_of(key)

    def story_of(self, article_id: int) -> int:
        """The story an article is in."""
        query = sa.select(ledger.story_article.c.story).where(ledger.story_article.c.article == article_id)
        with self.archive.read() as connection:
            return int(connection.execute(query).scalar_one())

    def rows(self, table: sa.Table) -> list[dict[str, Any]]:
        """Every row of a table, by its primary key."""
        with self.archive.read() as connection:
            found = connection.execute(sa.select(table).order_by(*table.primary_key.columns)).mappings()
            return [dict(row) for row in found]

    def items(self) -> list[tuple[str, int, int, str, bool]]:
        """(desk, story, revision, kind, claimed) of every item."""
        return [
            (r["desk"], r["story"], r["revision"], r["kind"], r["digest"] is not None) for r in self.rows(ledger.item)
        ]

    def configuration(self, desks: Sequence[Desk], **changes: Any) -> Configuration:
        """A configuration of these desks and the world's sources, without rules, with the default settings."""
        rule_set, problems = load_rule_set(self.folder / "rules", self.folder / "lists")
        assert not problems
        made = Configuration(self.folder, Settings(), tuple(self.sources.values()), rule_set, tuple(desks))
        return replace(made, **changes)
