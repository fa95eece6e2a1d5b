"""Which flags of a story a desk is to be told of. Digests, alerts, previews and `why` all ask here.

A desk's cheap choices (topics, sources and the like) come first and need nothing but the flag and its article's row.
Only articles that pass them are read for `match`, once for the queries of all desks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from alerts.flags import rule_text
from crawler.archive.articles import get_articles

if TYPE_CHECKING:
    from alerts.desks import Desk
    from alerts.ledger.flags import Flag
    from alerts.ledger.stories import StoryArticle
    from alerts.rules.queries import Queries
    from crawler.sources import Source

QUERY = "match"
"""Key of `Weighed.reach`: the version of the query for which the story held when it was weighed last."""
TEXTS = 200
"""Texts in memory at a time."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The flags of one story from a desk's point of view.

    Attributes:
        flags: those the desk is to be told of.
        but_for_match: those it would be told of without `match`; the same for a desk without it.
        query: name of the query that was asked, as of `version_of`.
    """

    flags: Sequence[Flag]
    but_for_match: Sequence[Flag]
    query: str = ""

    def promised(self, reach: Mapping[str, Any]) -> Sequence[Flag]:
        """What proves a story that the desk has an item of already.

        What was found under another query is told although it does not match this one: changing `match` drops nothing.

        Args:
            reach: what the desk knows of the story (`Weighed.reach`); names the query under which it qualified.
        """
        return self.flags or (self.but_for_match if reach.get(QUERY, "") != self.query else ())


class Chooser:
    """Chooses for any desk, over one connection."""

    def __init__(self, connection: sa.Connection, sources: Iterable[Source]) -> None:
        self._connection = connection
        self._sources = {source.id: source for source in sources}
        self._database = connection.engine.url.render_as_string(hide_password=True)

    def choose(
        self, desk: Desk, articles: Mapping[int, Sequence[StoryArticle]], flags: Mapping[int, Sequence[Flag]]
    ) -> dict[int, Chosen]:
        """By story, the flags the desk is to be told of.

        Args:
            desk: with its choices.
            articles: of each story.
            flags: live ones, of each of these stories.
        """
        found = {story: self._cheaply(desk, articles[story], flags[story]) for story in flags}
        if desk.match is None:
            return {story: Chosen(passed, passed) for story, passed in found.items()}
        wanted = {flag.article for passed in found.values() for flag in passed}
        rows = [article for story in found for article in articles[story] if article.id in wanted]
        holds = self._holding(desk.match.queries, rows)
        return {
            story: Chosen([flag for flag in passed if desk.id in holds[flag.article]], passed, version_of(desk))
            for story, passed in found.items()
        }

    def _cheaply(self, desk: Desk, articles: Iterable[StoryArticle], flags: Iterable[Flag]) -> list[Flag]:
        """What the desk's other choices cover, on articles that are not from a channel's first fetch."""
        by_id = {article.id: article for article in articles if not article.backfill}
        return [
            flag for flag in flags if flag.article in by_id and not self.objections(desk, flag, by_id[flag.article])
        ]

    def objections(self, desk: Desk, flag: Flag, article: StoryArticle) -> tuple[str, ...]:
        """The keys of the desk's file, but for `match`, because of which it is not told of a flag."""
        source = self._sources.get(article.source)
        return objections(desk, flag, article, None if source is None else source.country)

    def _holding(self, queries: Queries, articles: Sequence[StoryArticle]) -> dict[int, frozenset[str]]:
        """Article -> keys of the queries that hold for it. Texts that were read before are not read again."""
        answers: dict[int, frozenset[str]] = {}
        unknown: list[int] = []
        for article in articles:
            known = queries.recall((self._database, article.id, article.version))
            if known is None:
                unknown.append(article.id)
            else:
                answers[article.id] = known
        for start in range(0, len(unknown), TEXTS):
            for full in get_articles(self._connection, unknown[start : start + TEXTS]):
                text = rule_text(full, self._sources.get(full.source))
                answers[full.id] = queries.ask(text, (self._database, full.id, full.version))
        return {article.id: answers.get(article.id, frozenset()) for article in articles}


def version_of(desk: Desk) -> str:
    """A name of the desk's query, its lists included; empty for a desk without one."""
    return "" if desk.match is None else desk.match.queries.version(desk.id)


def objections(desk: Desk, flag: Flag, article: StoryArticle, country: str | None) -> tuple[str, ...]:
    """The keys of the desk's file, but for `match`, that leave a flag out. An empty choice takes all.

    Args:
        desk: with its choices.
        flag: a live one.
        article: on which it is.
        country: of the article's source; None if it has none.
    """
    choices: tuple[tuple[str, Sequence[str], str | None], ...] = (
        ("topics", desk.topics, flag.topic),
        ("classes", desk.classes, flag.class_),
        ("rules", desk.rules, flag.rule),
        ("severities", desk.severities, flag.severity),
        ("sources", desk.sources, article.source),
        ("source_countries", desk.source_countries, country),
        # An article of unknown language passes: it may be in any of them.
        ("languages", desk.languages if article.language else (), article.language),
    )
    found = [key for key, chosen, value in choices if chosen and value not in chosen]
    if desk.tags and not set(desk.tags).intersection(flag.tags):
        found.append("tags")
    return tuple(found)
