"""Queries of decisions: stories that people merged and split, which grouping respects and which can be undone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from alerts.ledger.schema import decision, story


@dataclass(frozen=True, slots=True)
class Decision:
    """A merge of `other` into `story`, or a split of `other` out of `story`. Datetimes are aware UTC."""

    id: int
    kind: str
    story: int
    other: int
    articles: tuple[int, ...]
    by: str
    note: str
    at: datetime
    undone_at: datetime | None
    undone_by: str


def add_decision(
    connection: sa.Connection,
    kind: str,
    stories: tuple[int, int],
    articles: Sequence[int],
    who: tuple[str, str],
    now: datetime,
) -> int:
    """Record a decision and return its id.

    Args:
        connection: a writing one.
        kind: merge or split.
        stories: (story, other): other merged into story, or split out of it.
        articles: that were moved.
        who: (by, note).
        now: aware UTC.
    """
    row = connection.execute(
        sa.insert(decision)
        .values(
            kind=kind, story=stories[0], other=stories[1], articles=sorted(articles), by=who[0], note=who[1], at=now
        )
        .returning(decision.c.id)
    )
    return int(row.scalar_one())


def get_decision(connection: sa.Connection, key: int) -> Decision | None:
    """One decision, held until the transaction ends."""
    row = connection.execute(sa.select(decision).where(decision.c.id == key).with_for_update()).first()
    return None if row is None else _decision(row)


def decisions_of(connection: sa.Connection, stories: Collection[int]) -> list[Decision]:
    """Every decision about these stories, undone ones too, oldest first."""
    about = sa.or_(decision.c.story.in_(stories), decision.c.other.in_(stories))
    return [
        _decision(row) for row in connection.execute(sa.select(decision).where(about).order_by(decision.c.id)).all()
    ]


def mark_undone(connection: sa.Connection, key: int, by: str, now: datetime) -> None:
    """Record that a decision was taken back."""
    connection.execute(sa.update(decision).where(decision.c.id == key).values(undone_at=now, undone_by=by))


def kept_apart(connection: sa.Connection, stories: Collection[int]) -> set[frozenset[int]]:
    """Pairs of stories that a person split and that grouping must not unite.

    Args:
        connection: a reading or a writing one.
        stories: at least one of each pair is one of these, as they are now: a split story that was merged into
            another one since keeps that one apart too.
    """
    here, there = story.alias("here"), story.alias("there")
    first = sa.func.coalesce(here.c.merged_into, here.c.id)
    second = sa.func.coalesce(there.c.merged_into, there.c.id)
    rows = connection.execute(
        sa.select(first.label("one"), second.label("other"))
        .select_from(decision)
        .join(here, here.c.id == decision.c.story)
        .join(there, there.c.id == decision.c.other)
        .where(
            decision.c.kind == "split",
            decision.c.undone_at.is_(None),
            sa.or_(first.in_(stories), second.in_(stories)),
        )
    )
    return {frozenset((row.one, row.other)) for row in rows if row.one != row.other}


def _decision(row: sa.Row[Any]) -> Decision:
    return Decision(
        row.id,
        row.kind,
        row.story,
        row.other,
        tuple(row.articles),
        row.by,
        row.note,
        row.at,
        row.undone_at,
        row.undone_by,
    )
