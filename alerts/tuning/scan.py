"""Scans of the archive: newest first, in ranges of ids, over all processors, answers as they come."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

import sqlalchemy as sa

from alerts.ledger.schema import reading
from alerts.tuning.pool import ordered_map, worker_count
from crawler.archive import Archive, open_archive
from crawler.archive.articles import article_from_row, select_articles
from crawler.archive.schema import article
from crawler.articles import Article

Found = TypeVar("Found")
Query = TypeVar("Query", bound=sa.Select[*tuple[Any, ...]])
Found_co = TypeVar("Found_co", covariant=True)

FIRST_RANGE = 100
"""Ids of the first range: its answers come at once, from this process."""
RANGE = 1000
HERE = 3
"""Ranges this process reads while others start; an archive of no more starts none."""


class Reader(Protocol[Found_co]):
    """Looks at one article. Travels to worker processes, so it must pickle."""

    def __call__(self, article: Article, /) -> Found_co | None:
        """What was found in it; None if nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Window:
    """Which articles are meant.

    Attributes:
        since: stored then or later; aware UTC.
        languages: only these; empty = all. The empty string stands for an unknown language.
        not_read_by: only articles whose present version has been read, by another rule set than this.
    """

    since: datetime
    languages: tuple[str, ...] = ()
    not_read_by: str = ""

    def narrow(self, query: Query) -> Query:
        """The query for these articles only."""
        query = query.where(article.c.seen_at >= self.since)
        if self.languages:
            query = query.where(article.c.language.in_(self.languages))
        if self.not_read_by:
            same = sa.and_(reading.c.article == article.c.id, reading.c.version == article.c.version)
            query = query.where(sa.exists().where(same, reading.c.rule_set != self.not_read_by))
        return query


@dataclass(frozen=True, slots=True)
class Chunk(Generic[Found]):
    """The answer for one range: how many articles it has, and what was found, newest first."""

    articles: int
    found: tuple[Found, ...]


class RangeReader(Generic[Found]):
    """Reads one range of ids after another. Where it arrives by pickling, it opens the database for itself."""

    def __init__(self, archive: Archive, window: Window, reader: Reader[Found]) -> None:
        self._archive = archive
        self._window = window
        self._reader = reader

    def __reduce__(self) -> tuple[Any, ...]:
        return _opened, (self._archive.url, self._window, self._reader)

    def __call__(self, ids: tuple[int, int]) -> Chunk[Found]:
        """Look at the articles with low <= id < high."""
        low, high = ids
        query = self._window.narrow(select_articles()).where(article.c.id >= low, article.c.id < high)
        with self._archive.read() as connection:
            rows = connection.execute(query.order_by(article.c.id.desc())).all()
        found = (self._reader(article_from_row(row)) for row in rows)
        return Chunk(len(rows), tuple(one for one in found if one is not None))


def _opened(url: str, window: Window, reader: Reader[Found]) -> RangeReader[Found]:
    return RangeReader(open_archive(url), window, reader)


@dataclass(frozen=True, slots=True)
class Extent:
    """How far a window reaches: number of articles, lowest and highest id."""

    articles: int
    low: int
    high: int


def extent(archive: Archive, window: Window) -> Extent:
    """Measure a window."""
    query = sa.select(sa.func.count().label("articles"), sa.func.min(article.c.id), sa.func.max(article.c.id))
    with archive.read() as connection:
        count, low, high = connection.execute(window.narrow(query.select_from(article))).one()
    return Extent(count, low, high) if count else Extent(0, 0, -1)


def scan(
    archive: Archive, window: Window, reader: Reader[Found], reach: Extent, *, workers: int = 0
) -> Generator[Chunk[Found], None, None]:
    """Look at every article of the window, newest first.

    Args:
        archive: the database; workers open it for themselves.
        window: which articles.
        reader: what looks at them.
        reach: the window's `extent`; articles stored later are not looked at, so every answer is about one set.
        workers: processes; 0 = one for each processor. A small archive is read here whatever this says.
    """
    work = RangeReader(archive, window, reader)
    yield from ordered_map(work, ranges(reach), workers=worker_count(workers), here=HERE)


def ranges(reach: Extent) -> Iterator[tuple[int, int]]:
    """(low, high) of ids, newest first; the first one is short."""
    high, size = reach.high + 1, FIRST_RANGE
    while high > reach.low:
        low = max(reach.low, high - size)
        yield low, high
        high, size = low, RANGE
