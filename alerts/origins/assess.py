"""Grouped articles -> what they say of themselves -> the origin of each, stored with its reason.

Both steps ask for rows that lack something: articles not read for credits as they are now, and stories with an article
whose origin is not known. So it may be killed at any moment, and grouping only has to leave new origins empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from alerts.ledger import origins as queries
from alerts.ledger.origins import CreditRow, MemberRow
from alerts.origins.credits import Credit, find_credits
from alerts.origins.deciding import Member, decide
from alerts.origins.names import Names, host_of, same_site
from alerts.origins.notices import changed, figures, find_notices
from crawler.archive.articles import get_articles

if TYPE_CHECKING:
    from crawler.archive import Archive
    from crawler.articles import Article
    from crawler.sources import Source

BATCH = 300
MOST_CHANGES = 20


def assess_origins(archive: Archive, sources: Iterable[Source]) -> int:
    """Read new and changed articles for credits and notices, and decide anew on the origins of their stories.

    Args:
        archive: the database; each batch is one transaction.
        sources: the configured ones, for their names, sites and parties.

    Returns:
        How many stories were assessed.
    """
    names = Names(sources)
    _read_articles(archive, names)
    done = after = 0
    while True:
        with archive.write() as connection:
            stories = queries.to_assess(connection, after, BATCH)
            if stories:
                _assess(connection, stories, names)
        done += len(stories)
        if len(stories) < BATCH:
            return done
        after = stories[-1]


def _read_articles(archive: Archive, names: Names) -> None:
    after = 0
    while True:
        with archive.read() as connection:
            wanted = dict(queries.to_read(connection, after, BATCH))
            articles = get_articles(connection, list(wanted))
            before = queries.credits_of(connection, list(wanted))
        if articles:
            rows = [
                read_article(article, names, settled=wanted[article.id], before=before.get(article.id))
                for article in articles
            ]
            with archive.write() as connection:
                queries.store_credits(connection, rows)
        if len(wanted) < BATCH:
            return
        after = max(wanted)


def read_article(article: Article, names: Names, *, settled: bool, before: CreditRow | None = None) -> CreditRow:
    """What an article says of itself, and what it changed since it was read last.

    Args:
        article: as it is now.
        names: known ones.
        settled: its page has come or was given up.
        before: what it said when it was read last; that a page brings more than its entry had is no change.
    """
    numbers = figures(article.title, article.body)
    changes = before.changes if before else ()
    if before and before.settled and before.version < article.version:
        words = changed((before.title, before.figures), (article.title, numbers))
        changes = (*changes, (article.version, words))[-MOST_CHANGES:] if words else changes
    return CreditRow(
        article=article.id,
        version=article.version,
        settled=settled,
        title=article.title,
        figures=numbers,
        credits=tuple(
            (credit.key, credit.kind, credit.words)
            for credit in find_credits(article.source, article.body, article.authors, names)
        ),
        notices=tuple((notice.kind, notice.words) for notice in find_notices(article.title, article.body)),
        changes=changes,
    )


def member_of(row: MemberRow, names: Names) -> Member:
    """A stored article as the decision sees it."""
    return Member(
        id=row.article,
        source=row.source,
        copies=row.copies,
        when=min(row.published or row.seen_at, row.seen_at),
        credits=tuple(Credit(*credit) for credit in row.credits),
        duplicate_of=row.duplicate_of,
        elsewhere=_elsewhere(row, names),
        settled=row.settled,
        thin=row.thin,
    )


def _elsewhere(row: MemberRow, names: Names) -> str:
    """The key of another site that the page names as the original's."""
    here = host_of(row.url)
    for url in row.canonical:
        there = host_of(url)
        if there and here and not same_site(here, there):
            return names.of_host(url)
    return ""


def _assess(connection: sa.Connection, stories: Sequence[int], names: Names) -> None:
    changed_origins = {}
    for rows in queries.members(connection, stories).values():
        origins = decide([member_of(row, names) for row in rows], names)
        for row in rows:
            origin = origins[row.article]
            if (origin.key, origin.reason) != (row.origin, row.origin_reason):
                changed_origins[row.article] = (origin.key, origin.reason)
    queries.store_origins(connection, changed_origins)
    queries.assessed(connection, stories)
