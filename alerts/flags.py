"""Rules x unread articles -> readings and flags.

An article is read as soon as it is archived, with the entry's text if its page is still wanted: a desk should not wait
for a slow page. A page that brings other text makes a new version, and a version without a reading is unread again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from alerts.ledger import flags as queries
from alerts.rules import Text
from crawler.archive.articles import get_articles

if TYPE_CHECKING:
    from alerts.rules import Hit, RuleSet
    from crawler.archive import Archive
    from crawler.articles import Article
    from crawler.sources import Source

BATCH = 200
"""Articles a transaction; a kill repeats at most this many readings."""


@dataclass(frozen=True, slots=True)
class FlagReport:
    """What one job did: articles read, of these flagged, flags that are new, flags of older versions withdrawn."""

    read: int = 0
    flagged: int = 0
    flags: int = 0
    withdrawn: int = 0


def flag_articles(
    archive: Archive,
    rule_set: RuleSet,
    sources: Iterable[Source],
    now: datetime,
    progress: Callable[[int, int, str], None] | None = None,
) -> FlagReport:
    """Read every article whose current version has not been read, and store what the rules find.

    Args:
        archive: the database; each batch is one transaction, so the job may be killed at any moment.
        rule_set: the rules to read with.
        sources: for what rules ask of an article's source.
        now: aware UTC.
        progress: called with (articles read, articles to read, ``"flag"``).

    Returns:
        Counts over all batches.
    """
    by_id = {source.id: source for source in sources}
    with archive.read() as connection:
        total = queries.count_unread(connection) if progress else 0
    report, after = FlagReport(), 0
    while True:
        with archive.read() as connection:
            batch = queries.unread(connection, after, BATCH)
            articles = get_articles(connection, batch)
        if not batch:
            return report
        # Reading happens outside the transaction: it is the slow part, and needs no lock, because a version that
        # changes meanwhile is unread again.
        hits = [(article, rule_set.read(rule_text(article, by_id.get(article.source)))) for article in articles]
        with archive.write() as connection:
            queries.store_rule_set(connection, rule_set.hash, len(rule_set.rules), rule_set.source, now)
            for article, found in hits:
                report = _added(report, _store(connection, article, found, rule_set.hash, now))
        after = batch[-1]
        if progress:
            progress(min(report.read, total), total, "flag")


def rule_text(article: Article, source: Source | None) -> Text:
    """An article as rules read it; `source` is None for one that is no longer configured (or was imported)."""
    return Text(
        title=article.title,
        body=article.body,
        language=article.language,
        source=article.source,
        country=source.country if source else "",
        url=article.url,
        authors=article.authors,
        labels=article.labels,
    )


def flag_rows(article: Article, hits: Sequence[Hit], hash_: str, now: datetime) -> list[dict[str, Any]]:
    """The hits as rows of the flag table, one per rule."""
    return [
        {
            "article": article.id,
            "version": article.version,
            "rule": hit.rule,
            "rule_set": hash_,
            "topic": hit.topic,
            "class": hit.class_,
            "stage": hit.stage,
            "severity": hit.severity,
            "tags": list(hit.tags),
            "field": hit.evidence.field,
            "start": hit.evidence.start,
            "end": hit.evidence.end,
            "sentence": hit.evidence.sentence,
            "sentence_start": hit.evidence.sentence_start,
            "terms": [list(term) for term in hit.evidence.terms],
            "at": now,
        }
        for hit in hits
    ]


def _store(connection: sa.Connection, article: Article, hits: Sequence[Hit], hash_: str, now: datetime) -> FlagReport:
    if not queries.add_reading(connection, article.id, article.version, hash_, now):
        return FlagReport()
    added = queries.add_flags(connection, flag_rows(article, hits, hash_, now))
    gone = queries.withdraw_flags(connection, article.id, article.version, {hit.rule for hit in hits}, now)
    return FlagReport(read=1, flagged=int(bool(hits)), flags=added, withdrawn=gone)


def _added(one: FlagReport, other: FlagReport) -> FlagReport:
    names: Mapping[str, int] = {name: getattr(one, name) + getattr(other, name) for name in FlagReport.__slots__}
    return FlagReport(**names)
