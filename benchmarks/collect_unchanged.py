"""An unchanged sweep: 20,000 feeds, each on an address of its own, in one `collect`, beside plain aiohttp."""

from __future__ import annotations

import asyncio
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
CONCURRENCY = 100
ROUNDS = 2


@benchmark("collect-unchanged")
def collect_unchanged() -> Table:
    """Ask all feeds, all of which answer with a 304; each measurement in a process of its own, in turns."""
    module = "benchmarks.collect_unchanged"
    with tempfile.TemporaryDirectory() as folder, _feeds.server() as ports:
        database = f"sqlite:///{Path(folder) / 'bench.db'}"
        _feeds.in_a_process(module, "prepare", database, ports.open)
        rounds = [
            [_feeds.in_a_process(module, role, database, ports.open) for role in ("collect", "plain")]
            for _ in range(ROUNDS)
        ]
    if any(one["unchanged"] != FEEDS for both in rounds for one in both):
        raise SystemExit(f"not what was to be measured: {rounds}")
    ours, plain = (min(figures, key=lambda one: float(one["cpu"])) for figures in zip(*rounds, strict=True))
    ratio = ours["cpu"] / plain["cpu"]
    return Table(
        f"{FEEDS:,} feeds, all unchanged, in one collect: {ratio:.1f} x the CPU of plain aiohttp",
        ("what", "CPU ms a feed", "CPU s", "seconds", "feeds a second", "peak memory MB", "memory before MB"),
        (
            _row("ceasewire collect: conditional, health and next poll stored", ours),
            _row("plain aiohttp: conditional, nothing stored", plain),
        ),
        f"One 127.a.b.c address and so one new connection a feed, {CONCURRENCY} requests at a time, the same headers, "
        f"every answer a 304; SQLite with synchronous=FULL. Best of {ROUNDS} rounds of both in turns, each in a fresh "
        "process; CPU is user and system time of that process from reading the channels to the last commit, without "
        "imports; the server has its own process. aiohttp closes its connections as well: kept ones would be too many "
        "files.",
    )


def _row(what: str, figures: dict[str, Any]) -> tuple[str, ...]:
    cpu, seconds = float(figures["cpu"]), float(figures["seconds"])
    return (
        what,
        f"{1000 * cpu / FEEDS:.2f}",
        f"{cpu:.1f}",
        f"{seconds:.1f}",
        f"{FEEDS / seconds:,.0f}",
        f"{figures['peak']:.0f}",
        f"{figures['before']:.0f}",
    )


def _urls(port: int) -> list[str]:
    return [Ports(port, 0).url("same", number) for number in range(FEEDS)]


def prepare(database: str, port: int) -> dict[str, Any]:
    from alerts.ledger import migrate

    migrate(database)
    _feeds.remember(database, _feeds.make_sources(_urls(port)))
    return {}


def run_collect(database: str, port: int) -> dict[str, Any]:
    from crawler import reactor
    from crawler.archive import open_archive
    from crawler.collect import collect
    from crawler.options import CrawlerOptions

    sources = _feeds.make_sources(_urls(port))
    options = CrawlerOptions(
        allow_addresses=("127.0.0.0/8",), concurrency=CONCURRENCY, user_agent=_feeds.HEADERS["User-Agent"]
    )
    archive = open_archive(database)

    def work() -> dict[str, Any]:
        report = reactor.run(lambda: collect(archive, sources, options, now=lambda: datetime.now(UTC), everything=True))
        return {"unchanged": report.unchanged}

    return _feeds.measured(work)


def run_plain(_: str, port: int) -> dict[str, Any]:
    import aiohttp

    async def ask() -> dict[str, Any]:
        unchanged, numbered = 0, iter(enumerate(_urls(port)))
        connector = aiohttp.TCPConnector(limit=CONCURRENCY, limit_per_host=1, force_close=True)

        async def work(session: aiohttp.ClientSession) -> None:
            nonlocal unchanged
            for number, url in numbered:
                conditions = {"If-None-Match": f'"{number}"', "If-Modified-Since": _feeds.MODIFIED}
                async with session.get(url, headers=conditions) as response:
                    await response.read()
                    unchanged += response.status == 304

        async with aiohttp.ClientSession(connector=connector, headers=_feeds.HEADERS) as session:
            await asyncio.gather(*(work(session) for _ in range(CONCURRENCY)))
        return {"unchanged": unchanged}

    return _feeds.measured(lambda: asyncio.run(ask()))


if __name__ == "__main__":
    role, *arguments = (json.loads(one) for one in sys.argv[1:])
    print(json.dumps({"prepare": prepare, "collect": run_collect, "plain": run_plain}[role](*arguments)))
