"""One desk whose digests claim what waits, over stories that are put together by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa

from alerts.desks import Desk
from alerts.items import make_items
from alerts.ledger import digests as digest_queries
from alerts.ledger import items as queries
from alerts.ledger import schema as ledger
from alerts.origins.assess import assess_origins
from crawler.archive import Archive
from crawler.sources import Source
from tests.ledger.world import LONG, NOW, World, desk

TRUCE = {"rule": "truce", "topic": "ceasefire", "stage": "agreed", "severity": "medium"}
EXTRA = (Source("army", "Army Daily", party="Northland"),)


def words(beginning: str) -> str:
    """A text that grouping takes for no other's."""
    return f"{beginning}. " + " ".join(f"{beginning.replace(' ', '').casefold()}{place}" for place in range(40))


def new_story(connection: sa.Connection) -> int:
    row = {"revision": 1, "created_at": NOW, "changed_at": NOW, "text_hash": ""}
    return int(connection.execute(sa.insert(ledger.story).values(row).returning(ledger.story.c.id)).scalar_one())


def members_of(connection: sa.Connection, story: int) -> list[int]:
    table = ledger.story_article
    return list(connection.execute(sa.select(table.c.article).where(table.c.story == story)).scalars())


class Telling:
    """A world with one desk whose digests claim what waits."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.number = 0

    @property
    def archive(self) -> Archive:
        return self.world.archive

    def article(self, story: int | None, text: str, source: str, *, copy: bool = False, **details: object) -> int:
        """An article put into a story, or a new one, so that these tests do not depend on what grouping thinks."""
        key = self.world.article(f"{source} writes {text[:20]}", text, source=source, **details)
        with self.archive.write() as connection:
            into = new_story(connection) if story is None else story
            members = members_of(connection, into)
            connection.execute(
                sa.insert(ledger.story_article).values(
                    article=key,
                    story=into,
                    relation=("copy" if copy else "related") if members else "first",
                    reason="by the test",
                    at=NOW,
                    copies=min(members) if copy else key,
                    version=1,
                )
            )
        return key

    def items(self, desks: Sequence[Desk] = ()) -> int:
        sources = [*self.world.sources.values(), *EXTRA]
        assess_origins(self.archive, sources)
        return make_items(self.archive, desks or [desk()], NOW, sources)

    def digest(self, name: str = "field") -> list[tuple[int, str, str]]:
        """(story, kind, change) of what the next digest holds."""
        self.number += 1
        with self.archive.write() as connection:
            slot = NOW + timedelta(hours=self.number)
            made = digest_queries.create_digest(connection, name, self.number, slot, NOW, NOW)
            return [(item.story, item.kind, item.change) for item in queries.claim_items(connection, name, made)]

    def next(self) -> list[tuple[int, str, str]]:
        self.items()
        return self.digest()


def told_story(telling: Telling, text: str = LONG) -> tuple[int, int]:
    """(story, article) of a flagged story that a digest has told."""
    article = telling.article(None, text, "post")
    telling.world.flag(article)
    story = telling.world.story_of(article)
    assert telling.next() == [(story, "new", "")]
    return story, article
