"""Articles of the archive: reading them is here, storing them in `ingest` and `pages`; this module offers it all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import sqlalchemy as sa

from crawler.archive import texts
from crawler.archive.identity import article_key
from crawler.archive.ingest import EntriesAdded, add_entries, import_article
from crawler.archive.pages import WantedPage, fail_page, pages_wanted, store_page
from crawler.archive.schema import article, article_text, article_url
from crawler.articles import Article, PageState, lead_end

__all__ = [
    "EntriesAdded",
    "WantedPage",
    "add_entries",
    "article_from_row",
    "fail_page",
    "find_by_url",
    "get_article",
    "get_articles",
    "import_article",
    "iter_articles",
    "pages_wanted",
    "select_articles",
    "store_page",
]

_BATCH = 500


def select_articles() -> sa.Select[Any]:
    """The query of whole articles, to be narrowed by the caller; read its rows with `article_from_row`."""
    return sa.select(
        article.c.id, article.c.version, article.c.url, article.c.key, article.c.source, article.c.title,
        article.c.language, article.c.published, article.c.seen_at, article.c.authors, article.c.labels,
        article.c.page_state, article.c.backfill, article.c.duplicate_of, article_text.c.codec, article_text.c.body,
    ).join_from(article, article_text, article_text.c.article == article.c.id)  # fmt: skip


def article_from_row(row: sa.Row[Any]) -> Article:
    """An article out of a row of `select_articles`."""
    body = texts.unpack(row.codec, row.body)
    return Article(
        id=row.id,
        version=row.version,
        url=row.url,
        key=row.key,
        source=row.source,
        title=row.title,
        body=body,
        language=row.language,
        published=row.published,
        seen_at=row.seen_at,
        authors=tuple(row.authors),
        labels=tuple(row.labels),
        page_state=PageState(row.page_state),
        backfill=row.backfill,
        duplicate_of=row.duplicate_of,
        lead_end=lead_end(body),
    )


def get_article(connection: sa.Connection, article_id: int) -> Article | None:
    """One article by its id."""
    row = connection.execute(select_articles().where(article.c.id == article_id)).first()
    return None if row is None else article_from_row(row)


def get_articles(connection: sa.Connection, article_ids: Sequence[int]) -> list[Article]:
    """Articles by their ids, in ascending order of id; ids that are not there are left out."""
    wanted = sorted(set(article_ids))
    found: list[sa.Row[Any]] = []
    for start in range(0, len(wanted), _BATCH):
        chunk = wanted[start : start + _BATCH]
        found += connection.execute(select_articles().where(article.c.id.in_(chunk)).order_by(article.c.id)).all()
    return [article_from_row(row) for row in found]


def iter_articles(connection: sa.Connection, after_id: int = 0, *, since: datetime | None = None) -> Iterator[Article]:
    """All articles by ascending id, a batch in memory at a time.

    Args:
        connection: stays in use until the iterator ends.
        after_id: start behind this id.
        since: only articles first seen then or later.
    """
    query = select_articles().order_by(article.c.id).limit(_BATCH)
    if since is not None:
        query = query.where(article.c.seen_at >= since)
    while rows := connection.execute(query.where(article.c.id > after_id)).all():
        yield from map(article_from_row, rows)
        after_id = rows[-1].id


def find_by_url(connection: sa.Connection, url: str) -> int | None:
    """The article that a URL leads to, as a person would give it: with or without www., slash or the s of https."""
    key = article_key(url) or article_key(f"https://{url.strip()}")
    if not key:
        return None
    keys = [key, *dict.fromkeys(map(article_key, _spellings(key)))]
    rows = connection.execute(
        sa.select(article_url.c.key, article_url.c.article).where(article_url.c.key.in_(keys))
    ).all()
    found: dict[str, int] = {row.key: row.article for row in rows}
    return next((found[key] for key in keys if key in found), None)


def _spellings(key: str) -> list[str]:
    parts = urlsplit(key)
    bare = parts.netloc.removeprefix("www.")
    path = parts.path.rstrip("/")
    return [
        urlunsplit((scheme, host, ending, parts.query, parts.fragment))
        for scheme in ("https", "http")
        for host in (bare, f"www.{bare}")
        for ending in (path, f"{path}/")
    ]
