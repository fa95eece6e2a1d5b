"""What becomes of an article's page: wanted, fetched, or given up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import sqlalchemy as sa

from crawler.archive import texts
from crawler.archive.engine import insert_new, upsert
from crawler.archive.identity import article_key, is_homepage
from crawler.archive.schema import article, article_text, article_url
from crawler.articles import (
    MOST_NAME,
    MOST_NAMES,
    MOST_TEXT,
    MOST_TITLE,
    Extraction,
    PageState,
    cut_line,
    fold,
    text_hash,
)

_FIRST_PAUSE = timedelta(minutes=2)
_CUT_TITLE = ("…", "...")
_SAME_TITLE = 0.8


@dataclass(frozen=True, slots=True)
class WantedPage:
    """A page to fetch.

    Attributes:
        article: id of its article.
        url: where it is.
        source: id of the source.
        tries: how often it was tried.
        first_wanted: when the article was first seen, aware UTC.
    """

    article: int
    url: str
    source: str
    tries: int
    first_wanted: datetime


def pages_wanted(connection: sa.Connection, now: datetime, *, limit: int | None = None) -> list[WantedPage]:
    """Pages whose time has come, those seen first leading."""
    rows = connection.execute(
        sa.select(article.c.id, article.c.url, article.c.source, article.c.page_tries, article.c.seen_at)
        .where(article.c.page_state == PageState.WANTED.value, article.c.page_next_try <= now)
        .order_by(article.c.page_next_try, article.c.id)
        .limit(limit)
    )
    return [WantedPage(row.id, row.url, row.source, row.page_tries, row.seen_at) for row in rows]


def store_page(
    connection: sa.Connection,
    article_id: int,
    page_url: str,
    status: int | None,
    extraction: Extraction,
    *,
    now: datetime,
) -> None:
    """Store what the page says. The longer of the entry's and the page's text stays; a changed one is a new version.

    Args:
        connection: in a write transaction.
        article_id: the article; nothing happens if it is gone.
        page_url: the final URL, after redirects.
        status: HTTP status.
        extraction: what was read from the page.
        now: aware UTC.
    """
    row = _locked(connection, article_id)
    if row is None:
        return
    stored = _stored(connection, article_id)
    title = _better_title(row.title, cut_line(" ".join(texts.storable(extraction.title).split()), MOST_TITLE))
    body = max(stored, texts.storable(extraction.text[:MOST_TEXT]).replace("\r\n", "\n").strip(), key=len)
    published = extraction.published if extraction.published and extraction.published <= now else None
    changed = (title, body) != (row.title, stored)
    values: dict[str, Any] = {
        "title": title,
        "text_hash": text_hash(body),
        "version": row.version + changed,
        "changed_at": now if changed else row.changed_at,
        "published": row.published or published,
        "authors": row.authors or _names(extraction.authors),
        "language": texts.storable(extraction.language) or row.language,
        "page_state": PageState.FETCHED.value,
        "page_tries": row.page_tries + 1,
        "page_next_try": None,
        "page_status": status,
        "page_reason": texts.storable(extraction.problem),  # a paywall, a script: not all of the article was had
        "page_url": texts.storable(page_url),
    }
    original = _original(connection, row, page_url, extraction.canonical, values)
    if original is not None and row.duplicate_of is None:
        values["duplicate_of"] = original
        connection.execute(sa.update(article).where(article.c.duplicate_of == article_id).values(duplicate_of=original))
    connection.execute(sa.update(article).where(article.c.id == article_id).values(values))
    if body != stored:
        codec, packed = texts.pack(body)
        upsert(connection, article_text, [{"article": article_id, "codec": codec, "body": packed}], ["codec", "body"])


def fail_page(  # noqa: PLR0913 - one outcome and the two limits that judge it
    connection: sa.Connection,
    article_id: int,
    *,
    status: int | None,
    reason: str,
    permanent: bool,
    now: datetime,
    tries_limit: int = 3,
    give_up_minutes: float = 30,
) -> bool:
    """Record that a page could not be had, and when to try again.

    Args:
        connection: in a write transaction.
        article_id: the article.
        status: HTTP status; None when there was no answer.
        reason: why, in words.
        permanent: asking again cannot help.
        now: aware UTC.
        tries_limit: given up after so many tries.
        give_up_minutes: given up when the article was first seen so long ago.

    Returns:
        Whether it is given up: the article keeps its entry's own text and is read all the same.
    """
    row = _locked(connection, article_id)
    if row is None or row.page_state != PageState.WANTED.value:
        return True
    tries = row.page_tries + 1
    late = now - row.seen_at >= timedelta(minutes=give_up_minutes)
    given_up = permanent or late or tries >= tries_limit
    connection.execute(
        sa.update(article)
        .where(article.c.id == article_id)
        .values(
            page_state=PageState.FAILED.value if given_up else PageState.WANTED.value,
            page_tries=tries,
            page_next_try=None if given_up else now + _FIRST_PAUSE * 4 ** (tries - 1),
            page_status=status,
            page_reason=texts.storable(reason),
        )
    )
    return given_up


def _names(authors: Iterable[str]) -> list[str]:
    return [cut_line(texts.storable(name), MOST_NAME) for name in islice(authors, MOST_NAMES)]


def _locked(connection: sa.Connection, article_id: int) -> sa.Row[Any] | None:
    # Ours until the commit. The text is read apart, by `_stored`: in one joined query PostgreSQL would wait for the
    # lock and then give the article as it is now with the text as it was before.
    query = sa.select(article).where(article.c.id == article_id).with_for_update()
    return connection.execute(query).first()


def _stored(connection: sa.Connection, article_id: int) -> str:
    row = connection.execute(
        sa.select(article_text.c.codec, article_text.c.body).where(article_text.c.article == article_id)
    ).one()
    return texts.unpack(row.codec, row.body)


def _better_title(entry: str, page: str) -> str:
    """The entry's title; the page's only where the entry has none or an obviously cut one."""
    if not entry:
        return page
    stem = entry.rstrip("….").rstrip()
    cut = entry.endswith(_CUT_TITLE) and len(page) > len(stem) and page.casefold().startswith(stem.casefold())
    return page if cut else entry


def _original(
    connection: sa.Connection, row: sa.Row[Any], page_url: str, canonical: str, values: dict[str, Any]
) -> int | None:
    """The article that this one's final or canonical URL belongs to; URLs nobody has yet are taken note of."""
    named = {article_key(page_url): "final", article_key(canonical): "canonical"}
    keys = {key: how for key, how in named.items() if key and key != row.key and not is_homepage(key)}
    insert_new(connection, article_url, [{"key": key, "article": row.id, "how": how} for key, how in keys.items()])
    owners = connection.execute(
        sa.select(
            article_url.c.key, article_url.c.how, article.c.id, article.c.duplicate_of, article.c.title,
            article.c.text_hash,
        )
        .join_from(article_url, article, article.c.id == article_url.c.article)
        .where(article_url.c.key.in_(sorted(keys)), article.c.id != row.id)
        .order_by(article_url.c.key)
    ).all()  # fmt: skip
    for owner in owners:
        root: int = owner.duplicate_of or owner.id
        # A URL that is the other article's own is proof. One that both only lead to (a consent page, a section named
        # as canonical by mistake) needs the same text or title.
        if root != row.id and (owner.how == "entry" or _alike(owner, values)):
            return root
    return None


def _alike(owner: sa.Row[*tuple[Any, ...]], values: dict[str, Any]) -> bool:
    if owner.text_hash and owner.text_hash == values["text_hash"]:
        return True
    ours, theirs = set(fold(values["title"]).split()), set(fold(owner.title).split())
    return bool(ours) and len(ours & theirs) / len(ours | theirs) >= _SAME_TITLE
