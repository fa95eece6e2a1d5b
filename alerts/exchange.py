"""Articles from elsewhere into the archive, articles with their flags out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from alerts.ledger import schema as ledger
from alerts.lines import ImportedArticle
from crawler.archive import articles
from crawler.archive import schema as archive_schema
from crawler.articles import Entry
from crawler.parse.language import detect_language

if TYPE_CHECKING:
    from crawler.archive import Archive
    from crawler.articles import Article
    from crawler.options import CrawlerOptions

Progress = Callable[[int, int, str], None]

BATCH = 500
"""Articles a transaction; a kill between two loses nothing, since importing again skips what is there."""


def store_articles(
    archive: Archive,
    rows: Sequence[ImportedArticle],
    options: CrawlerOptions,
    now: datetime,
    progress: Progress | None = None,
) -> int:
    """Put articles into the archive, in batches; return how many are new. One without a URL is known by its id."""
    new = 0
    for start in range(0, len(rows), BATCH):
        with archive.write() as connection:
            for row in rows[start : start + BATCH]:
                entry = Entry(
                    guid=row.id,
                    link=row.url,
                    title=row.title,
                    content=row.text,
                    published=row.published,
                    language=row.language or detect_language(f"{row.title}\n{row.text}", tuple(options.languages)),
                )
                _, is_new = articles.import_article(connection, row.source or "import", entry, now=now)
                new += is_new
        if progress is not None:
            progress(min(start + BATCH, len(rows)), len(rows), "articles stored")
    return new


def export_rows(archive: Archive, after: datetime, *, unflagged: bool, with_text: bool) -> Iterator[dict[str, Any]]:
    """Articles stored since `after` (aware UTC), oldest first, each with its live flags. Memory stays flat."""
    last = 0
    while True:
        with archive.read() as connection:
            numbers = _article_numbers(connection, after, last, unflagged=unflagged)
            flags = _flags_of(connection, numbers)
            batch = [
                _row(article, flags.get(article.id, []), with_text=with_text)
                for number in numbers
                if (article := articles.get_article(connection, number)) is not None
            ]
        yield from batch
        if not numbers:
            return
        last = numbers[-1]


def _article_numbers(connection: sa.Connection, after: datetime, last: int, *, unflagged: bool) -> list[int]:
    article, flag = archive_schema.article, ledger.flag
    query = sa.select(article.c.id).where(article.c.id > last, article.c.seen_at >= after)
    if not unflagged:
        query = query.where(sa.exists().where(flag.c.article == article.c.id, flag.c.withdrawn_at.is_(None)))
    return list(connection.execute(query.order_by(article.c.id).limit(BATCH)).scalars())


def _flags_of(connection: sa.Connection, numbers: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    flag = ledger.flag
    columns = flag.c
    query = (
        sa.select(
            columns.article, columns.rule, columns.topic, columns["class"], columns.stage, columns.severity,
            columns.field, columns.start, columns.end, columns.sentence, columns.terms, columns.rule_set,
            columns.version,
        )
        .where(columns.article.in_(numbers), columns.withdrawn_at.is_(None))
        .order_by(columns.id)
    )  # fmt: skip
    found: dict[int, list[dict[str, Any]]] = {}
    for row in connection.execute(query).mappings():
        values = dict(row)
        found.setdefault(values.pop("article"), []).append(values)
    return found


def _row(article: Article, flags: list[dict[str, Any]], *, with_text: bool) -> dict[str, Any]:
    row = {
        "id": article.id,
        "url": article.url,
        "source": article.source,
        "language": article.language,
        "published": article.published,
        "seen_at": article.seen_at,
        "title": article.title,
        "flags": flags,
    }
    if with_text:
        row["text"] = article.body
    return row
