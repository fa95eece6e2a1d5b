"""Grouping one article against the last 30 days: 3,000, 30,000 and 300,000 articles in a SQLite file."""

from __future__ import annotations

import gc
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.registry import Table, benchmark

SIZES = tuple(int(size) for size in os.environ.get("CEASEWIRE_BENCH_STORIES", "3000,30000,300000").split(","))
REAL = 1_500
"""So many of the articles are real ones with texts, grouped by the job itself; the others are rows of the index."""
MEASURED = int(os.environ.get("CEASEWIRE_BENCH_MEASURED", "400"))
WORDS = 600


@benchmark("stories-speed")
def stories_speed() -> Table:
    """Fill an index, then group further articles one by one, as they come, and in batches."""
    rows = []
    for size in SIZES:
        with tempfile.TemporaryDirectory() as name:
            # Two processes, so that the memory of filling is not counted.
            command = [sys.executable, "-m", "benchmarks.stories_speed", name]
            subprocess.run([*command, str(size)], check=True)
            run: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        rows.append(
            (
                f"{size:,}",
                f"{run['median']:.2f}",
                f"{run['p95']:.2f}",
                f"{run['batch']:.2f}",
                f"{run['idle']:.1f}",
                f"{run['peak']:.0f}",
                f"{run['base']:.0f}",
                f"{run['disk']:,.0f}",
                f"{run['copies']}",
            )
        )
    return Table(
        "Grouping one article against the last 30 days",
        (
            "articles before", "CPU ms an article, median", "95 %", "CPU ms in batches of 100",
            "CPU ms of a job with nothing to do", "peak memory MB", "memory before MB", "database MB", "copies found",
        ),
        rows,
        f"Made-up articles of {WORDS} words, a third of them copies (cut, excerpted, embedded, retitled, edited) of "
        f"earlier ones. {REAL:,} were grouped by the job itself, the others are rows of the index with as many runs, "
        f"terms and word counts an article as those have. Then {MEASURED} further articles are grouped one by one, "
        "each in a transaction of its own, and as many by the job in batches of 100, as it does when more than one "
        "wait. CPU is user and system time of the process, from reading the texts to the commit. SQLite with "
        "synchronous=FULL.",
    )  # fmt: skip


def fill(folder: Path, size: int) -> None:
    from alerts.ledger import migrate
    from alerts.stories import group_articles
    from crawler.archive import open_archive
    from tests.stories.stream import stream

    url = f"sqlite:///{folder / 'bench.db'}"
    migrate(url)
    archive = open_archive(url)
    articles = list(stream(REAL + 2 * MEASURED, words=WORDS))
    now = articles[REAL].published
    _import(archive, articles[:REAL], now)
    group_articles(archive, now)
    if size > REAL:
        _pad(archive, size - REAL, now)
    archive.close()


def measure(folder: Path) -> dict[str, Any]:
    from alerts.stories import group_articles
    from alerts.stories.job import group_batch
    from crawler.archive import open_archive
    from tests.stories.stream import stream

    archive = open_archive(f"sqlite:///{folder / 'bench.db'}")
    articles = list(stream(REAL + 2 * MEASURED, words=WORDS))
    now = articles[REAL].published
    gc.collect()
    base = _memory()
    times = []

    def group_one(key: int) -> None:
        with archive.write() as connection:
            group_batch(connection, [key], now)

    for article in articles[REAL : REAL + MEASURED]:
        (key,) = _import(archive, [article], now)
        times.append(_timed(lambda key=key: group_one(key)))
    _import(archive, articles[REAL + MEASURED :], now)
    batch = _timed(lambda: group_articles(archive, now)) / MEASURED
    idle = statistics.median(_timed(lambda: group_articles(archive, now)) for _ in range(5))
    found, planted = _found(archive, articles)
    archive.close()
    return {
        "median": 1000 * statistics.median(times),
        "p95": 1000 * sorted(times)[int(0.95 * len(times))],
        "batch": 1000 * batch,
        "idle": 1000 * idle,
        "peak": _memory(),
        "base": base,
        "disk": (folder / "bench.db").stat().st_size / 1e6,
        "copies": f"{found} of {planted}",
    }


def _timed(work: Any) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def _import(archive: Any, articles: Sequence[Any], now: datetime) -> list[int]:
    from crawler.archive.articles import import_article
    from crawler.articles import Entry

    keys = []
    with archive.write() as connection:
        for planted in articles:
            link = f"https://{planted.source}.example/{planted.id}"
            entry = Entry(str(planted.id), link, planted.title, content=planted.text, published=planted.published)
            keys.append(import_article(connection, planted.source, entry, now=now)[0])
    return keys


def _pad(archive: Any, count: int, now: datetime) -> None:
    """Rows of so many further articles, older than the others, shaped like what the real ones have left."""
    import sqlalchemy as sa

    from alerts.ledger.schema import story, story_article, story_core, story_word, text_sketch
    from alerts.stories.tidying import KEEP_CORES
    from crawler.archive.schema import article

    chance = random.Random(7)
    with archive.read() as connection:
        runs = connection.execute(sa.select(sa.func.count()).select_from(text_sketch)).scalar_one() // REAL
        words = dict(connection.execute(sa.select(story_word.c.word, story_word.c.articles)).all())
        core = connection.execute(sa.select(story_core.c.features).limit(1)).scalar_one()
    total = words.pop(0)
    common = [word for word, _ in sorted(words.items(), key=lambda pair: -pair[1])]
    with archive.write() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.execute("PRAGMA cache_size = -150000")
        start = 10 * REAL
        # Cores and terms of older stories are cleared out every day.
        recent = start + int(count * (1 - KEEP_CORES / timedelta(days=30)))

        def rows() -> Iterator[int]:
            return iter(range(start, start + count))

        when = [(now - timedelta(days=30 * chance.random())).replace(tzinfo=None).isoformat(" ") for _ in range(1000)]
        raw.executemany(
            "INSERT INTO article (id, key, url, source, channel, version, title, language, published, seen_at, "
            "changed_at, authors, labels, text_hash, backfill, page_state) VALUES "
            "(?, ?, '', 'pad', 'pad', 1, '', 'en', ?, ?, ?, '[]', '[]', '', 0, 'none')",
            ((key, f"pad:{key}", when[key % 1000], when[key % 1000], when[key % 1000]) for key in rows()),
        )
        raw.executemany(
            "INSERT INTO story (id, revision, created_at, changed_at, text_hash) VALUES (?, 1, ?, ?, '')",
            ((key, when[key % 1000], when[key % 1000]) for key in rows()),
        )
        raw.executemany(
            "INSERT INTO story_article (article, story, relation, reason, at, copies, version) "
            "VALUES (?, ?, 'first', '', ?, ?, 1)",
            ((key, key, when[key % 1000], key) for key in rows()),
        )
        raw.executemany(
            "INSERT INTO story_core (story, since, until, features) VALUES (?, ?, ?, ?)",
            ((key, when[key % 1000], when[key % 1000], core) for key in rows() if key >= recent),
        )
        # A story's key terms are rare words, some of them known to the articles that are measured.
        raw.executemany(
            "INSERT OR IGNORE INTO story_term (term, story) VALUES (?, ?)",
            ((chance.choice(common) if chance.random() < 0.7 else chance.getrandbits(47), key)
             for key in rows() if key >= recent for _ in range(12)),
        )  # fmt: skip
        raw.executemany(
            "INSERT OR IGNORE INTO text_sketch (run, article) VALUES (?, ?)",
            ((chance.getrandbits(47), key) for key in rows() for _ in range(runs)),
        )
        grown = 1 + count / total
        raw.execute("UPDATE story_word SET articles = max(1, round(articles * ?))", (grown,))
        for table in (article, story, story_article):
            assert connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() > count


def _found(archive: Any, articles: Sequence[Any]) -> tuple[int, int]:
    import sqlalchemy as sa

    from alerts.ledger.schema import story_article
    from crawler.archive.schema import article

    with archive.read() as connection:
        query = (
            sa.select(article.c.url, story_article.c.copies, article.c.id)
            .join(story_article, story_article.c.article == article.c.id)
            .where(article.c.source != "pad")
        )
        rows = {int(row.url.rsplit("/", 1)[1]): row for row in connection.execute(query)}
    copies = [planted for planted in articles[REAL:] if planted.kind != "first"]
    return sum(rows[planted.id].copies == rows[planted.original].id for planted in copies), len(copies)


def _memory() -> float:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    if len(sys.argv) > 2:
        fill(Path(sys.argv[1]), int(sys.argv[2]))
    else:
        print(json.dumps(measure(Path(sys.argv[1]))))
