"""Queries of verdicts and of the random draws they answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from alerts.ledger.schema import sample, sample_article, verdict

JUDGEMENTS = ("relevant", "not", "unsure")


@dataclass(frozen=True, slots=True)
class Sample:
    """A random draw.

    Attributes:
        strata: how many articles each stratum had when it was drawn.
        since, at: articles stored between the two; aware UTC.
    """

    id: int
    rule: str
    topic: str
    rule_set: str
    seed: int
    since: datetime
    at: datetime
    strata: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Drawn:
    """One article of a draw."""

    sample: int
    article: int
    version: int
    stratum: str
    position: int


def add_sample(connection: sa.Connection, draw: Sample, articles: Sequence[tuple[int, int, str]]) -> int:
    """Record a draw with its (article, version, stratum) in the order in which they are asked for; return its id."""
    row = {
        "rule": draw.rule, "topic": draw.topic, "rule_set": draw.rule_set, "seed": draw.seed, "since": draw.since,
        "at": draw.at, "strata": dict(draw.strata),
    }  # fmt: skip
    number = int(connection.execute(sa.insert(sample).values(row).returning(sample.c.id)).scalar_one())
    rows = [
        {"sample": number, "article": article, "version": version, "stratum": stratum, "position": position}
        for position, (article, version, stratum) in enumerate(articles, 1)
    ]
    if rows:
        connection.execute(sa.insert(sample_article), rows)
    return number


def get_sample(connection: sa.Connection, number: int) -> Sample | None:
    """A draw by its id."""
    row = connection.execute(sa.select(sample).where(sample.c.id == number)).mappings().first()
    return None if row is None else Sample(**row)


def list_samples(connection: sa.Connection) -> list[Sample]:
    """Every draw, oldest first."""
    rows = connection.execute(sa.select(sample).order_by(sample.c.id)).mappings()
    return [Sample(**row) for row in rows]


def drawn_articles(connection: sa.Connection, number: int) -> list[Drawn]:
    """What a draw drew, in the order in which it is asked for."""
    query = sa.select(sample_article).where(sample_article.c.sample == number).order_by(sample_article.c.position)
    return [Drawn(**row) for row in connection.execute(query).mappings()]


def add_verdict(
    connection: sa.Connection,
    judged: tuple[int, int],
    topic: str,
    judgement: str,
    by: str,
    now: datetime,
    from_sample: int | None = None,
) -> None:
    """Record a judgement of (article, version). Earlier ones stay; the last one of a person counts."""
    article, version = judged
    row = {
        "article": article, "version": version, "topic": topic, "judgement": judgement, "by": by, "at": now,
        "sample": from_sample,
    }  # fmt: skip
    connection.execute(sa.insert(verdict).values(row))


def judgements(connection: sa.Connection, topic: str, articles: Collection[int]) -> dict[int, str]:
    """What is thought of each article: the last word of each person, and unsure where people differ.

    Articles without a verdict for the topic are left out.
    """
    rows = connection.execute(
        sa.select(verdict.c.article, verdict.c.by, verdict.c.judgement)
        .where(verdict.c.topic == topic, verdict.c.article.in_(articles))
        .order_by(verdict.c.id)
    )
    last: dict[int, dict[str, str]] = {}
    for row in rows:
        last.setdefault(row.article, {})[row.by] = row.judgement
    return {article: _agreed(set(words.values())) for article, words in last.items()}


def _agreed(words: set[str]) -> str:
    return words.pop() if len(words) == 1 else "unsure"
