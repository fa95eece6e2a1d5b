"""Finding planted copies: the group job on SQLite beside datasketch's MinHash-LSH in memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.registry import Table, benchmark
from tests.stories.stream import START, Planted, stream

ARTICLES = int(os.environ.get("CEASEWIRE_BENCH_COPIES", "50000"))
WORDS = 200
PERMUTATIONS = 128
PEERS = {
    "ours: `group` on SQLite": ("ours", 0.0),
    "MinHash-LSH, Jaccard 0.5": ("lsh", 0.5),
    "MinHash-LSH, Jaccard 0.2": ("lsh", 0.2),
}


@benchmark("stories-copies")
def stories_copies() -> Table:
    """The same stream through ours and the peer, each in a process of its own."""
    runs = {name: _run(*peer) for name, peer in PEERS.items()}
    ours = runs["ours: `group` on SQLite"]
    rows = []
    for name, run in runs.items():
        rows.append(
            (
                name,
                f"{run['copies']:.3f}",
                f"{run['excerpts']:.3f}",
                f"{run['wrong']:,}",
                f"{1000 * run['cpu'] / ARTICLES:.2f}",
                f"{run['memory']:.0f}",
                "" if run is ours else f"{ours['copies'] / run['copies']:.2f} x",
                "" if run is ours else f"{ours['excerpts'] / max(run['excerpts'], 0.001):.1f} x",
                "" if run is ours else f"{ours['memory'] / run['memory']:.2f} x",
            )
        )
    return Table(
        f"Copies found among {ARTICLES:,} articles",
        (
            "what", "copies found", "30 % excerpts found", "wrong joins", "CPU ms an article", "memory MB",
            "ours finds copies", "ours finds excerpts", "ours needs memory",
        ),
        rows,
        f"A stream of made-up articles of {WORDS} words, a third of them copies of earlier ones: identical, cut to "
        "a third, excerpted to 30 % anywhere, embedded in a page 1.5 to 2 times as long, retitled, or with 5 % of the "
        "words changed, in equal parts. Found means put with its original. Memory is what the process grew by; ours "
        "keeps its index in the database and also stores stories, reasons and related articles in that time. The peer "
        f"hashes sets of five words with {PERMUTATIONS} permutations, as its documentation does, and an article joins "
        "all that the index returns; 0.5 is the usual threshold, 0.2 returns more and costs more.",
    )  # fmt: skip


def _run(kind: str, threshold: float) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.stories_copies", kind, str(threshold)]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return found


def _articles() -> list[Planted]:
    return list(stream(ARTICLES, words=WORDS))


def measure_ours() -> dict[str, Any]:
    import sqlalchemy as sa

    from alerts.ledger import migrate
    from alerts.ledger.schema import story_article
    from alerts.stories import group_articles
    from crawler.archive import open_archive
    from crawler.archive.articles import import_article
    from crawler.articles import Entry

    articles = _articles()
    with tempfile.TemporaryDirectory() as name:
        url = f"sqlite:///{Path(name) / 'bench.db'}"
        migrate(url)
        archive = open_archive(url)
        now = START + timedelta(days=30)
        with archive.write() as connection:
            for one in articles:
                link = f"https://{one.source}.example/{one.id}"
                entry = Entry(str(one.id), link, one.title, content=one.text, published=one.published)
                import_article(connection, one.source, entry, now=now)
        before, began = _memory(), time.process_time()
        group_articles(archive, now)
        cpu, memory = time.process_time() - began, _memory() - before
        with archive.read() as connection:
            rows = dict(connection.execute(sa.select(story_article.c.article, story_article.c.copies)).all())
        archive.close()
    # Ids count from 1 in the order of the stream.
    return _score(articles, [rows[one.id + 1] for one in articles], cpu, memory)


def measure_peer(threshold: float) -> dict[str, Any]:
    from datasketch import MinHash, MinHashLSH

    articles = _articles()
    index: Any = MinHashLSH(threshold=threshold, num_perm=PERMUTATIONS)
    groups: list[int] = list(range(len(articles)))

    def root(number: int) -> int:
        while groups[number] != number:
            number = groups[number]
        return number

    before, began = _memory(), time.process_time()
    for one in articles:
        words = one.text.casefold().split()
        sketch: Any = MinHash(num_perm=PERMUTATIONS)
        sketch.update_batch({" ".join(words[at : at + 5]).encode() for at in range(max(1, len(words) - 4))})
        for other in index.query(sketch):
            groups[root(one.id)] = root(other)
        index.insert(one.id, sketch)
    cpu, memory = time.process_time() - began, _memory() - before
    return _score(articles, [root(one.id) for one in articles], cpu, memory)


def _score(articles: Sequence[Planted], groups: Sequence[int], cpu: float, memory: float) -> dict[str, Any]:
    found: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    wrong: dict[int, set[int]] = {}
    for one in articles:
        wrong.setdefault(groups[one.id], set()).add(one.original)
        if one.kind != "first":
            asked[one.kind] += 1
            found[one.kind] += groups[one.id] == groups[one.original]
    return {
        "copies": found.total() / asked.total(),
        "excerpts": found["excerpt"] / asked["excerpt"],
        "wrong": sum(len(those) - 1 for those in wrong.values()),
        "cpu": cpu,
        "memory": memory,
    }


def _memory() -> float:
    import psutil

    return float(psutil.Process().memory_info().rss) / 1e6


if __name__ == "__main__":
    kind, threshold = sys.argv[1:]
    print(json.dumps(measure_ours() if kind == "ours" else measure_peer(float(threshold))))
