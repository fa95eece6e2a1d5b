"""Two hundred collects in one process, with channels of every kind, pages and failures: does memory grow?"""

from __future__ import annotations

import gc
import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import _feeds
from benchmarks._feeds import Ports
from benchmarks.registry import Table, benchmark

ROUNDS = 200
WARM = 50
"""By then everything that is loaded or cached once is there."""
FEEDS = ("new", "same", "same", "error", "refused") * 4
PAGES_EVERY = 20
"""A worker for pages costs a second to start; so only some rounds fetch the pages of what is new."""


@benchmark("collect-again")
def collect_again() -> Table:
    """Memory of the collecting process over many runs."""
    with tempfile.TemporaryDirectory() as folder, _feeds.server() as ports:
        database = f"sqlite:///{Path(folder) / 'bench.db'}"
        figures = _feeds.in_a_process("benchmarks.collect_again", database, ports.open, ports.closed, ROUNDS)
    sizes: list[float] = figures["sizes"]
    warm, last = sizes[WARM - 1], sizes[-1]
    growth = 100 * (max(sizes[WARM:]) / warm - 1)
    return Table(
        f"{ROUNDS} collects in one process: {growth:.1f} % more memory after the {WARM}th",
        ("after the", "1st", f"{WARM}th", f"{ROUNDS // 2}th", f"{ROUNDS}th"),
        (("resident memory MB", *(f"{size:.1f}" for size in (sizes[0], warm, sizes[ROUNDS // 2 - 1], last))),),
        f"Each run asks {len(FEEDS)} feeds, of which {FEEDS.count('new')} have something new, {FEEDS.count('error')} "
        f"answer with a 500 and {FEEDS.count('refused')} refuse the connection, a news sitemap and a section page; "
        f"every {PAGES_EVERY}th fetches the pages of new articles too.",
    )


def run(database: str, port: int, closed: int, rounds: int) -> dict[str, Any]:
    """Collect so many times; resident memory in MB after each."""
    import psutil

    from alerts.ledger import migrate
    from crawler import reactor
    from crawler.archive import open_archive
    from crawler.collect import CollectReport, collect
    from crawler.options import CrawlerOptions

    migrate(database)
    ports = Ports(port, closed)
    archive = open_archive(database)
    options = CrawlerOptions(allow_addresses=("127.0.0.0/8",), delay_seconds=0.0, extract_workers=1)
    sizes: list[float] = []
    for number in range(rounds):
        sources = _sources(ports, pages=number % PAGES_EVERY == 0)

        def once(sources: list[Any] = sources) -> Any:
            return collect(archive, sources, options, now=lambda: datetime.now(UTC), everything=True)

        report: CollectReport = reactor.run(once)
        if (report.polled, report.failed) != (len(FEEDS) + 2, FEEDS.count("error") + FEEDS.count("refused")):
            raise SystemExit(f"not what was to be measured: {report}")
        if number % PAGES_EVERY == 0 and not report.pages_fetched:
            raise SystemExit(f"no pages: {report}")
        gc.collect()
        sizes.append(psutil.Process().memory_info().rss / 2**20)
    return {"sizes": sizes}


def _sources(ports: Ports, *, pages: bool) -> list[Any]:
    from crawler.sources import Channel, ChannelKind, Source, channel_id

    def source(kind: ChannelKind, **more: Any) -> Source:
        name, url = kind.value, ports.url(kind.value, 900)
        channel = Channel(channel_id(name, kind, url), name, kind, url, **more)
        return Source(id=name, name=name, languages=("en",), fetch_pages=pages, channels=(channel,))

    feeds = _feeds.make_sources([ports.url(what, number) for number, what in enumerate(FEEDS)])
    return [source(ChannelKind.SITEMAP), source(ChannelKind.SECTION, links="li a"), *feeds]


if __name__ == "__main__":
    print(json.dumps(run(*(json.loads(one) for one in sys.argv[1:]))))
