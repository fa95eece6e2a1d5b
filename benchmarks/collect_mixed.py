"""A mixed load: 20,000 feeds in one `collect`, most unchanged, some changed, some slow, some failing in three ways."""

from __future__ import annotations

import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import _feeds
from benchmarks._feeds import Ports
from benchmarks.registry import Table, benchmark

FEEDS = _feeds.feeds(20_000)
CONCURRENCY = 200
SECONDS = 10.0
# Of a hundred feeds in a row; the rest are unchanged.
SHARES = {"new": 10, "slow": 2, "error": 1, "refused": 1, "hang": 1}


@benchmark("collect-mixed")
def collect_mixed() -> Table:
    """Archive the feeds that will change, then ask all of them; both in processes of their own."""
    module = "benchmarks.collect_mixed"
    with tempfile.TemporaryDirectory() as folder, _feeds.server() as ports:
        arguments = (f"sqlite:///{Path(folder) / 'bench.db'}", ports.open, ports.closed)
        first = _feeds.in_a_process(module, "first", *arguments)
        mixed = _feeds.in_a_process(module, "mixed", *arguments)
    counts = {what: len([one for one in _whats() if one == what]) for what in (*SHARES, "same")}
    failing = counts["error"] + counts["refused"] + counts["hang"]
    expected = (FEEDS, counts["same"] + counts["slow"], failing, counts["new"])
    if (mixed["polled"], mixed["unchanged"], mixed["failed"], mixed["new"]) != expected:
        raise SystemExit(f"not what was to be measured: {mixed}, expected {expected}")
    return Table(
        f"{FEEDS:,} feeds of every kind in one collect",
        ("what", "feeds", "CPU ms a feed", "CPU s", "seconds", "feeds a second", "peak memory MB", "memory before MB"),
        (
            _row("mixed: 304, changed, slow, failing", mixed, FEEDS),
            _row(f"the first collect of those that change: {_feeds.ITEMS} new items each", first, counts["new"]),
        ),
        f"One 127.a.b.c address a feed, {CONCURRENCY} requests at a time. {counts['same']:,} feeds answer with a 304, "
        f"{counts['new']:,} have one new item of {_feeds.ITEMS}, {counts['slow']:,} answer with a 304 after "
        f"{_feeds.SLOW_SECONDS:.0f} s, {counts['error']:,} with a 500, {counts['refused']:,} refuse the connection and "
        f"{counts['hang']:,} never answer (given up after {SECONDS:.0f} s). Everything is stored, in SQLite with "
        "synchronous=FULL; CPU and memory are those of the process that collects, without its imports.",
    )


def _row(what: str, figures: dict[str, Any], feeds: int) -> tuple[str, ...]:
    cpu, seconds = float(figures["cpu"]), float(figures["seconds"])
    return (
        what,
        f"{feeds:,}",
        f"{1000 * cpu / feeds:.2f}",
        f"{cpu:.1f}",
        f"{seconds:.1f}",
        f"{feeds / seconds:,.0f}",
        f"{figures['peak']:.0f}",
        f"{figures['before']:.0f}",
    )


def _whats() -> list[str]:
    hundred = [what for what, share in SHARES.items() for _ in range(share)]
    hundred += ["same"] * (100 - len(hundred))
    # Spread out, as due times are: 37 and 100 have no common divisor.
    return [hundred[number * 37 % 100] for number in range(FEEDS)]


def run_first(database: str, port: int, closed: int) -> dict[str, Any]:
    """Archive what the changing feeds say now, and have the archive know all others."""
    from alerts.ledger import migrate

    migrate(database)
    whats, sources = _whats(), _sources(port, closed)
    figures = _collect(database, [source for source, what in zip(sources, whats, strict=True) if what == "new"])
    _feeds.remember(database, sources)
    return figures


def run_mixed(database: str, port: int, closed: int) -> dict[str, Any]:
    return _collect(database, _sources(port, closed))


def _sources(port: int, closed: int) -> list[Any]:
    return _feeds.make_sources([Ports(port, closed).url(what, number) for number, what in enumerate(_whats())])


def _collect(database: str, sources: list[Any]) -> dict[str, Any]:
    from crawler import reactor
    from crawler.archive import open_archive
    from crawler.collect import collect
    from crawler.options import CrawlerOptions

    options = CrawlerOptions(allow_addresses=("127.0.0.0/8",), concurrency=CONCURRENCY, feed_timeout_seconds=SECONDS)
    archive = open_archive(database)

    def work() -> dict[str, Any]:
        report = reactor.run(lambda: collect(archive, sources, options, now=lambda: datetime.now(UTC), everything=True))
        return {
            "polled": report.polled,
            "unchanged": report.unchanged,
            "failed": report.failed,
            "new": report.new_articles,
        }

    return _feeds.measured(work)


if __name__ == "__main__":
    role, *arguments = (json.loads(one) for one in sys.argv[1:])
    print(json.dumps({"first": run_first, "mixed": run_mixed}[role](*arguments)))
