"""What is known of a story: its articles and why they are in it, whose texts these are, what desks were told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from alerts import stories as grouping
from alerts.ledger import decisions, origins
from alerts.ledger import storybook as queries
from alerts.ledger.flags import live_flags
from alerts.ledger.stories import StoryArticle, articles_of, with_merged
from alerts.ledger.storybook import StoryRow, Telling
from alerts.origins.names import Names
from alerts.origins.reach import Reach, reach_of
from alerts.revisions.facts import SEVERITIES, notices_of
from alerts.storybook.errors import StoryError
from crawler.archive.articles import find_by_url

if TYPE_CHECKING:
    from alerts.ledger.decisions import Decision
    from alerts.ledger.flags import Flag
    from crawler.archive import Archive
    from crawler.sources import Source

MOST_PAIRS = 40
"""Of two stories so many pairs of articles are compared at most."""


@dataclass(frozen=True, slots=True)
class StoryLine:
    """A story in a list: its headline, who carries it, and what it is flagged for."""

    story: int
    title: str
    source: str
    when: datetime
    articles: int
    reach: Reach
    severity: str
    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoryView:
    """Everything about one story.

    Attributes:
        row: of the story.
        articles: the founding one first.
        placed: article -> where it is and why, and whose text it is and why.
        notices: corrections that outlets made, in words.
        flags: that hold.
        told: by which digests.
        decisions: merges and splits by hand, undone ones too.
        merged: stories that were merged into it.
    """

    row: StoryRow
    articles: Sequence[StoryArticle]
    placed: Mapping[int, queries.PlacedRow]
    reach: Reach
    notices: Sequence[str]
    flags: Sequence[Flag]
    told: Sequence[Telling]
    decisions: Sequence[Decision]
    merged: Sequence[int]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Why two articles are one story or two.

    Attributes:
        articles: the two; of two stories the pair that has most in common.
        stories: in which they are.
        placed: the stored reasons of both.
        level: copy, related, or empty when nothing joins them.
        score: in points, as grouping counts them.
        reasons: what they have in common.
        against: what keeps them apart.
        apart: a person split their stories.
    """

    articles: tuple[int, int]
    stories: tuple[int, int]
    placed: tuple[str, str]
    level: str
    score: float
    reasons: Sequence[str]
    against: Sequence[str]
    apart: bool


def list_stories(
    archive: Archive,
    sources: Iterable[Source],
    limit: int,
    *,
    flagged: bool = True,
    topic: str | None = None,
    since: datetime | None = None,
) -> list[StoryLine]:
    """Stories with the newest articles first.

    Args:
        archive: the database.
        sources: for names and parties.
        limit: at most so many.
        flagged: only flagged ones.
        topic: only ones flagged for it.
        since: only ones with an article seen since then.
    """
    names = Names(sources)
    with archive.read() as connection:
        found = queries.newest_stories(connection, limit, flagged=flagged, topic=topic, since=since)
        articles = articles_of(connection, found)
        flags = live_flags(connection, found)
    return [_line(key, articles[key], flags[key], names) for key in found]


def _line(key: int, articles: Sequence[StoryArticle], flags: Sequence[Flag], names: Names) -> StoryLine:
    first = articles[0]
    severities = [flag.severity for flag in flags]
    return StoryLine(
        story=key,
        title=first.title,
        source=names.shown(f"source:{first.source}"),
        when=min(first.published or first.seen_at, first.seen_at),
        articles=len(articles),
        reach=_reach(articles, names),
        severity=max(severities, key=SEVERITIES.index) if severities else "",
        topics=tuple(sorted({flag.topic for flag in flags})),
    )


def _reach(articles: Sequence[StoryArticle], names: Names) -> Reach:
    in_order = sorted(articles, key=lambda one: (min(one.published or one.seen_at, one.seen_at), one.id))
    return reach_of(in_order, names)


def show_story(archive: Archive, sources: Iterable[Source], key: int) -> StoryView:
    """One story; of a merged one that which took its articles.

    Raises:
        StoryError: there is no such story.
    """
    names = Names(sources)
    with archive.read() as connection:
        row = queries.find_story(connection, key)
        if row is None:
            raise StoryError(f"there is no story {key}")
        if row.merged_into is not None:
            row = queries.find_story(connection, row.merged_into) or row
        articles = articles_of(connection, [row.id])[row.id]
        ids = [article.id for article in articles]
        everything = with_merged(connection, [row.id])
        notices = notices_of(articles, origins.credits_of(connection, ids), names)
        return StoryView(
            row=row,
            articles=articles,
            placed=queries.placed(connection, ids),
            reach=_reach(articles, names),
            notices=[words for _, words in notices.values()],
            flags=live_flags(connection, [row.id])[row.id],
            told=queries.tellings(connection, everything),
            decisions=decisions.decisions_of(connection, everything),
            merged=[one for one in everything if one != row.id],
        )


def why_together(archive: Archive, one: str, other: str) -> Comparison:
    """Why two articles or stories are together or not.

    Args:
        archive: the database.
        one: a story's number, an article's number after an ``a``, or a URL.
        other: likewise.

    Raises:
        StoryError: one of them is not there, or is not grouped yet.
    """
    with archive.read() as connection:
        first, second = (_candidates(connection, name) for name in (one, other))
        if first == second:
            raise StoryError("these are the same: name two articles or two stories")
        pairs = [(a, b) for a in first for b in second if a != b][:MOST_PAIRS]
        best = max(pairs, key=lambda pair: _strength(connection, pair))
        placed = queries.placed(connection, best)
        found = grouping.explain(connection, *best)
        where = placed[best[0]].story, placed[best[1]].story
        return Comparison(
            articles=best,
            stories=where,
            placed=(placed[best[0]].reason, placed[best[1]].reason),
            level=found.level,
            score=found.score,
            reasons=found.reasons,
            against=found.against,
            apart=frozenset(where) in decisions.kept_apart(connection, where),
        )


def _strength(connection: sa.Connection, pair: tuple[int, int]) -> tuple[int, float]:
    found = grouping.explain(connection, *pair)
    return ["", "related", "copy"].index(found.level), found.score


def _candidates(connection: sa.Connection, name: str) -> list[int]:
    """The articles that a name stands for."""
    if name.isdigit():
        articles = articles_of(connection, [int(name)])[int(name)]
        if not articles:
            raise StoryError(f"there is no story {name}, or it was merged; an article's number is written a{name}")
        return [article.id for article in articles]
    key = find_article(connection, name)
    if key not in queries.placed(connection, [key]):
        raise StoryError(f"article {key} is not grouped yet")
    return [key]


def find_article(connection: sa.Connection, name: str) -> int:
    """An article by its number, with or without an ``a`` before it, or by its URL.

    Raises:
        StoryError: the archive has none of that name.
    """
    number = name.removeprefix("a")
    if number.isdigit():
        return int(number)
    found = find_by_url(connection, name)
    if found is None:
        raise StoryError(f"no article {name}: give its number, such as a101, or its URL")
    return found


def as_json(view: StoryView, names: Names) -> dict[str, Any]:
    """A story as JSON values; times as ISO 8601 in UTC."""
    return {
        "story": view.row.id,
        "revision": view.row.revision,
        "created": view.row.created_at.isoformat(),
        "merged": list(view.merged),
        **reach_json(view.reach, names),
        "notices": list(view.notices),
        "articles": [_article_json(article, view.placed[article.id], names) for article in view.articles],
        "flags": [
            {"article": flag.article, "rule": flag.rule, "topic": flag.topic, "severity": flag.severity}
            for flag in view.flags
        ],
        "told": [
            {"desk": one.desk, "digest": one.number, "kind": one.kind, "change": one.change} for one in view.told
        ],
        "decisions": [
            {
                "decision": one.id, "kind": one.kind, "story": one.story, "other": one.other,
                "articles": list(one.articles), "by": one.by, "note": one.note, "at": one.at.isoformat(),
                "undone_by": one.undone_by if one.undone_at else None,
            }
            for one in view.decisions
        ],
    }  # fmt: skip


def line_json(line: StoryLine, names: Names) -> dict[str, Any]:
    """A story in a list as JSON values."""
    return {
        "story": line.story,
        "title": line.title,
        "source": line.source,
        "when": line.when.isoformat(),
        "articles": line.articles,
        "severity": line.severity or None,
        "topics": list(line.topics),
        **reach_json(line.reach, names),
    }


def reach_json(reach: Reach, names: Names) -> dict[str, Any]:
    """Who carries a story, as JSON values."""
    return {
        "outlets": reach.outlets,
        "independent": reach.independent,
        "origins": [
            {
                "key": share.key,
                "name": names.shown(share.key),
                "party": share.party or None,
                "carriers": list(share.carriers),
            }
            for share in reach.origins
        ],
        "unknown": list(reach.unknown),
    }


def _article_json(article: StoryArticle, placed: queries.PlacedRow, names: Names) -> dict[str, Any]:
    return {
        "article": article.id,
        "url": article.url,
        "title": article.title,
        "source": article.source,
        "party": names.party(f"source:{article.source}") or None,
        "language": article.language,
        "published": article.published.isoformat() if article.published else None,
        "seen": article.seen_at.isoformat(),
        "relation": placed.relation,
        "copies": placed.copies,
        "reason": placed.reason,
        "origin": placed.origin,
        "origin_reason": placed.origin_reason,
        "by_hand": placed.pinned,
    }
