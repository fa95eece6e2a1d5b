"""Queries of items: which stories a desk has not been weighed against as they are now, and what came of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from alerts.ledger.schema import desk_state, digest, flag, item, story, story_article, verdict, weighed
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


@dataclass(frozen=True, slots=True)
class Told:
    """What a desk was told of a story, also while it was a story that has been merged into this one.

    Attributes:
        last: its item of the highest revision, a correction maybe.
        open: an item of news that no digest has claimed yet.
        number: the latest digest that carried news of it; None while none did.
        at: when that digest was made, aware UTC.
    """

    last: Item
    open: Item | None = None
    number: int | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """How much there is about a story: counts that never fall while it keeps its articles.

    A difference is news; the highest id would not do, because on PostgreSQL a lower id can become visible later.

    Attributes:
        flags: ever made on its articles, but for those that re-reading the past found.
        objections: flags withdrawn, and verdicts that an article is not relevant.
        assessment: of its outlets and origins.
    """

    flags: int
    objections: int
    assessment: int


@dataclass(frozen=True, slots=True)
class Weighed:
    """A story as a desk was weighed against it, with what the desk knows of it.

    Attributes:
        facts: ``class topic stage`` -> severity.
        reach: outlets, origins and notices (alerts/origins/reach.py); empty before these were counted. Beside them
            `corrected`, why it was said to be wrong, and `match`, the query for which it held (alerts/matching.py).
    """

    evidence: Evidence
    revision: int
    facts: Facts
    reach: Mapping[str, Any]


_ITEM = (item.c.id, item.c.story, item.c.revision, item.c.kind, item.c.change, item.c.digest)

_AGAINST = (
    sa.select(verdict.c.article, sa.func.count().label("verdicts"))
    .where(verdict.c.judgement == "not")
    .group_by(verdict.c.article)
    .subquery("against")
)
_FLAGGED = (
    sa.select(
        flag.c.article, sa.func.count(flag.c.id).label("flags"), sa.func.count(flag.c.withdrawn_at).label("withdrawn")
    )
    .where(flag.c.quiet.is_(False))
    .group_by(flag.c.article)
    .subquery("flagged")
)
_EVIDENCE = (
    sa.select(
        story_article.c.story,
        sa.func.sum(_FLAGGED.c.flags).label("flags"),
        sa.func.sum(_FLAGGED.c.withdrawn + sa.func.coalesce(_AGAINST.c.verdicts, 0)).label("objections"),
    )
    .join(_FLAGGED, _FLAGGED.c.article == story_article.c.article)
    .outerjoin(_AGAINST, _AGAINST.c.article == story_article.c.article)
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
    ever = _EVIDENCE.cte("ever")
    old = (
        sa.select(story_article.c.story)
        .join(article, article.c.id == story_article.c.article)
        .group_by(story_article.c.story)
        .having(sa.func.max(article.c.seen_at) <= since)
    )
    values: dict[str, Any] = {
        "desk": sa.literal(desk),
        "story": story.c.id,
        "flags": ever.c.flags,
        "objections": ever.c.objections,
        "assessment": story.c.assessment,
        "revision": story.c.revision,
        "facts": sa.literal({}, sa.JSON),
    }
    passed = sa.select(*values.values()).join(ever, ever.c.story == story.c.id).where(story.c.id.in_(old))
    connection.execute(sa.insert(weighed).from_select(list(values), passed))
    return True


def to_weigh(connection: sa.Connection, desk: str) -> list[int]:
    """Flagged stories that the desk was not weighed against as they are now, oldest first."""
    ever = _EVIDENCE.subquery("ever")
    rows = connection.execute(
        sa.select(story.c.id)
        .join(ever, ever.c.story == story.c.id)
        .outerjoin(weighed, sa.and_(weighed.c.desk == desk, weighed.c.story == story.c.id))
        .where(
            sa.or_(
                weighed.c.story.is_(None),
                weighed.c.flags != ever.c.flags,
                weighed.c.objections != ever.c.objections,
                weighed.c.assessment != story.c.assessment,
                weighed.c.revision != story.c.revision,
            )
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


def evidence_of(connection: sa.Connection, stories: Collection[int]) -> dict[int, Evidence]:
    """How much there is about each flagged story; stories without any flag are left out."""
    ever = _EVIDENCE.where(story_article.c.story.in_(stories)).subquery("ever")
    rows = connection.execute(
        sa.select(story.c.id, ever.c.flags, ever.c.objections, story.c.assessment).join(
            ever, ever.c.story == story.c.id
        )
    )
    return {row.id: Evidence(int(row.flags), int(row.objections), row.assessment) for row in rows}


def weighed_before(connection: sa.Connection, desk: str, stories: Collection[int]) -> dict[int, Weighed]:
    """The stories as the desk was weighed against them; those it never was are left out."""
    rows = connection.execute(sa.select(weighed).where(weighed.c.desk == desk, weighed.c.story.in_(stories)))
    return {
        row.story: Weighed(Evidence(row.flags, row.objections, row.assessment), row.revision, row.facts, row.reach)
        for row in rows
    }


def told(connection: sa.Connection, desk: str, stories: Collection[int], *, merged: bool = True) -> dict[int, Told]:
    """What the desk was told of each story; stories it has no item of are left out.

    Args:
        connection: a reading or a writing one.
        desk: its id.
        stories: whose items.
        merged: also what was told of stories that were merged into these.
    """
    root = sa.func.coalesce(story.c.merged_into, story.c.id) if merged else story.c.id
    wanted = sa.or_(story.c.id.in_(stories), story.c.merged_into.in_(stories)) if merged else story.c.id.in_(stories)
    rows = connection.execute(
        sa.select(root.label("root"), *_ITEM, digest.c.number, digest.c.created_at)
        .join(item, item.c.story == story.c.id)
        .outerjoin(digest, digest.c.id == item.c.digest)
        .where(item.c.desk == desk, wanted)
        .order_by(root, item.c.revision, item.c.id)
    )
    found: dict[int, Told] = {}
    for key, *values, number, at in rows:
        one = Item(*values)
        before = found.get(key, Told(one))
        if one.kind == "correction":
            found[key] = replace(before, last=one)
        elif one.digest is None:
            found[key] = replace(before, last=one, open=one)
        elif before.number is None or number >= before.number:
            found[key] = replace(before, last=one, number=number, at=at)
        else:
            found[key] = replace(before, last=one)
    return found


def verdicts_against(connection: sa.Connection, articles: Collection[int]) -> dict[tuple[int, str], tuple[str, ...]]:
    """(article, topic) -> who judged it not relevant, where nobody's last word is that it is relevant.

    Analysts count; a reader's click (its `by` is an address) is heard by whoever tunes the rules, but takes nothing
    from other readers, and no address is shown to them.
    """
    rows = connection.execute(
        sa.select(verdict.c.article, verdict.c.topic, verdict.c.by, verdict.c.judgement)
        .where(verdict.c.article.in_(articles), verdict.c.by.not_like("%@%"))
        .order_by(verdict.c.id)
    )
    last: dict[tuple[int, str], dict[str, str]] = {}
    for row in rows:
        last.setdefault((row.article, row.topic), {})[row.by] = row.judgement
    return {
        key: tuple(sorted(by for by, judgement in words.items() if judgement == "not"))
        for key, words in last.items()
        if "not" in words.values() and "relevant" not in words.values()
    }


def desks_of(connection: sa.Connection, stories: Collection[int]) -> list[str]:
    """Desks that have an item of any of these stories, by id."""
    rows = connection.execute(sa.select(item.c.desk).where(item.c.story.in_(stories)).distinct().order_by(item.c.desk))
    return list(rows.scalars())


def drop_open(
    connection: sa.Connection, desk: str, stories: Collection[int], *, corrections: bool = False
) -> list[Item]:
    """Take back what no digest has claimed of these stories, and return it; a claim that came before is respected."""
    kinds = item.c.kind == "correction" if corrections else item.c.kind != "correction"
    rows = connection.execute(
        sa.delete(item)
        .where(item.c.desk == desk, item.c.story.in_(stories), item.c.digest.is_(None), kinds)
        .returning(*_ITEM)
    )
    return sorted((Item(*row) for row in rows), key=lambda dropped: dropped.id)


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


def store_weighed(connection: sa.Connection, desk: str, weighing: Mapping[int, Weighed]) -> None:
    """Remember each story as the desk was weighed against it."""
    rows = [
        {
            "desk": desk,
            "story": key,
            "flags": one.evidence.flags,
            "objections": one.evidence.objections,
            "assessment": one.evidence.assessment,
            "revision": one.revision,
            "facts": dict(one.facts),
            "reach": dict(one.reach),
        }
        for key, one in sorted(weighing.items())
    ]
    upsert(connection, weighed, rows, ["flags", "objections", "assessment", "revision", "facts", "reach"])


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
