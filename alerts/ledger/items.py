"""Queries of items: which stories a desk has not been weighed against as they are now, and what came of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from alerts.ledger.schema import desk_state, flag, item, story, story_article, weighed
from crawler.archive.engine import insert_for, upsert
from crawler.archive.schema import article

Facts = Mapping[str, str]
"""What a desk was told of a story: ``class topic stage`` -> severity."""


@dataclass(frozen=True, slots=True)
class Item:
    """What a desk is to be told of one revision of a story. `digest` is None until a digest has claimed it."""

    id: int
    story: int
    revision: int
    kind: str
    change: str
    digest: int | None


_ITEM = (item.c.id, item.c.story, item.c.revision, item.c.kind, item.c.change, item.c.digest)

# Flags ever made on a story's articles, but for those that re-reading the past found: they are no news. It never falls
# while the story keeps its articles, so a difference is news;
# the highest flag id would not do, because on PostgreSQL a lower id can become visible later.
_FLAGS_EVER = (
    sa.select(story_article.c.story, sa.func.count(flag.c.id).label("flags"))
    .join(flag, flag.c.article == story_article.c.article)
    .where(flag.c.quiet.is_(False))
    .group_by(story_article.c.story)
)


def started_desks(connection: sa.Connection) -> set[str]:
    """The desks that have a place in their schedule."""
    return set(connection.execute(sa.select(desk_state.c.desk)).scalars())


def start_desk(connection: sa.Connection, desk: str, last_slot: datetime, since: datetime) -> bool:
    """Give a new desk its place in its schedule and pass over the stories that were complete before `since`.

    Returns:
        False when the desk had been started before; then nothing changes.
    """
    row = {"desk": desk, "last_slot": last_slot, "next_number": 1}
    statement = insert_for(connection, desk_state).values(row).on_conflict_do_nothing().returning(desk_state.c.desk)
    if connection.execute(statement).first() is None:
        return False
    ever = _FLAGS_EVER.cte("ever")
    old = (
        sa.select(story_article.c.story)
        .join(article, article.c.id == story_article.c.article)
        .group_by(story_article.c.story)
        .having(sa.func.max(article.c.seen_at) <= since)
    )
    passed = (
        sa.select(sa.literal(desk), story.c.id, ever.c.flags, story.c.revision, sa.literal({}, sa.JSON))
        .join(ever, ever.c.story == story.c.id)
        .where(story.c.id.in_(old))
    )
    connection.execute(sa.insert(weighed).from_select(["desk", "story", "flags", "revision", "facts"], passed))
    return True


def to_weigh(connection: sa.Connection, desk: str) -> list[int]:
    """Flagged stories that the desk was not weighed against as they are now, oldest first."""
    ever = _FLAGS_EVER.subquery("ever")
    rows = connection.execute(
        sa.select(story.c.id)
        .join(ever, ever.c.story == story.c.id)
        .outerjoin(weighed, sa.and_(weighed.c.desk == desk, weighed.c.story == story.c.id))
        .where(
            sa.or_(weighed.c.story.is_(None), weighed.c.flags != ever.c.flags, weighed.c.revision != story.c.revision)
        )
        .order_by(story.c.id)
    )
    return list(rows.scalars())


def lock_stories(connection: sa.Connection, stories: Collection[int]) -> dict[int, int]:
    """Revision of each story; until the transaction ends no other one gives these stories a revision."""
    rows = connection.execute(
        sa.select(story.c.id, story.c.revision).where(story.c.id.in_(stories)).order_by(story.c.id).with_for_update()
    )
    return {row.id: row.revision for row in rows}


def count_flags(connection: sa.Connection, stories: Collection[int]) -> dict[int, int]:
    """How many flags each story's articles ever had; stories without any are left out."""
    rows = connection.execute(_FLAGS_EVER.where(story_article.c.story.in_(stories)))
    return {row.story: row.flags for row in rows}


def facts_told(connection: sa.Connection, desk: str, stories: Collection[int]) -> dict[int, Facts]:
    """What the desk was told of each story; stories it was never weighed against are left out."""
    rows = connection.execute(
        sa.select(weighed.c.story, weighed.c.facts).where(weighed.c.desk == desk, weighed.c.story.in_(stories))
    )
    return {row.story: row.facts for row in rows}


def latest_items(connection: sa.Connection, desk: str, stories: Collection[int]) -> dict[int, Item]:
    """The desk's item of each story's highest revision told so far."""
    rows = connection.execute(
        sa.select(*_ITEM).where(item.c.desk == desk, item.c.story.in_(stories)).order_by(item.c.story, item.c.revision)
    )
    return {row.story: Item(*row) for row in rows}


def add_item(
    connection: sa.Connection, desk: str, told: tuple[int, int], kind: str, change: str, now: datetime
) -> bool:
    """Tell the desk of (story, revision); False when it already has an item of exactly that."""
    key, revision = told
    row = {"desk": desk, "story": key, "revision": revision, "kind": kind, "change": change, "created_at": now}
    statement = insert_for(connection, item).values(row).on_conflict_do_nothing().returning(item.c.id)
    return connection.execute(statement).first() is not None


def extend_item(connection: sa.Connection, open_item: Item, change: str) -> bool:
    """Let an item that no digest has claimed cover more; False when a digest has claimed it meanwhile.

    On PostgreSQL this waits for a digest that is claiming the item at this moment, and then sees the claim.
    """
    statement = sa.update(item).where(item.c.id == open_item.id, item.c.digest.is_(None)).values(change=change)
    return connection.execute(statement).rowcount == 1


def raise_revision(connection: sa.Connection, story_id: int, change: str, now: datetime) -> int:
    """Give a story its next revision, and return it. The story is locked by `lock_stories`."""
    row = connection.execute(
        sa.update(story)
        .where(story.c.id == story_id)
        .values(revision=story.c.revision + 1, changed_at=now, change=change)
        .returning(story.c.revision)
    )
    return int(row.scalar_one())


def store_weighed(connection: sa.Connection, desk: str, weighing: Mapping[int, tuple[int, int, Facts]]) -> None:
    """Remember story -> (flags, revision, facts) that the desk was weighed against."""
    rows = [
        {"desk": desk, "story": key, "flags": flags, "revision": revision, "facts": dict(facts)}
        for key, (flags, revision, facts) in sorted(weighing.items())
    ]
    upsert(connection, weighed, rows, ["flags", "revision", "facts"])


def open_items(connection: sa.Connection, desk: str) -> list[Item]:
    """The desk's items that no digest has claimed yet."""
    rows = connection.execute(sa.select(*_ITEM).where(item.c.desk == desk, item.c.digest.is_(None)).order_by(item.c.id))
    return [Item(*row) for row in rows]


def claim_items(connection: sa.Connection, desk: str, digest_id: int) -> list[Item]:
    """Claim every open item of the desk for a digest of the same transaction, and return what was claimed.

    "Open" is asked of each row and not "newer than the last digest": an item whose transaction commits late is simply
    claimed by the next digest.
    """
    rows = connection.execute(
        sa.update(item).where(item.c.desk == desk, item.c.digest.is_(None)).values(digest=digest_id).returning(*_ITEM)
    )
    return sorted((Item(*row) for row in rows), key=lambda claimed: claimed.id)
