"""2,000 feeds on loopback, none changed, in one `collect`: CPU a feed and peak memory, beside plain aiohttp."""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.registry import Table, benchmark

FEEDS = 2000
HOSTS = 50
ITEMS = 30
CONCURRENCY = 16
ROUNDS = 3


@benchmark("collect-unchanged")
def collect_unchanged() -> Table:
    """Fill an archive once, then ask all feeds again; each measurement in a process of its own."""
    with tempfile.TemporaryDirectory() as folder, _server() as ports:
        database = f"sqlite:///{Path(folder) / 'bench.db'}"
        first = _role("collect", database, ports)
        again = [_role("collect", database, ports) for _ in range(ROUNDS)]
        plain = [_role("plain", "", ports) for _ in range(ROUNDS)]
    if first["new"] != FEEDS * ITEMS or any(one["unchanged"] != FEEDS for one in again + plain):
        raise SystemExit(f"not what was to be measured: {first}, {again}, {plain}")
    best, bare = min(again, key=_cpu), min(plain, key=_cpu)
    return Table(
        f"{FEEDS:,} feeds, all unchanged, in one collect",
        ("what", "CPU ms a feed", "CPU s", "seconds", "peak memory MB", "memory before MB"),
        (
            _row("ceasewire collect: conditional, health and next poll stored", best),
            _row("plain aiohttp: conditional, nothing stored", bare),
            _row(f"the first collect: {ITEMS} new items a feed parsed and archived", first),
        ),
        f"{HOSTS} hosts, {CONCURRENCY} requests at a time, no pause between them, every answer a 304; SQLite with "
        f"synchronous=FULL. Best of {ROUNDS} rounds, each in a fresh process; CPU is user and system time of that "
        "process from the first request on, without imports; the server has its own process.",
    )


def _cpu(figures: dict[str, Any]) -> float:
    return float(figures["cpu"])


def _row(what: str, figures: dict[str, Any]) -> tuple[str, ...]:
    cpu = _cpu(figures)
    return (
        what,
        f"{1000 * cpu / FEEDS:.2f}",
        f"{cpu:.1f}",
        f"{figures['seconds']:.1f}",
        f"{figures['peak']:.0f}",
        f"{figures['before']:.0f}",
    )


@contextlib.contextmanager
def _server() -> Iterator[list[int]]:
    process = subprocess.Popen([sys.executable, "-m", __name__, "serve"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def _role(role: str, database: str, ports: list[int]) -> dict[str, Any]:
    command = [sys.executable, "-m", __name__, role, database, json.dumps(ports)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def _urls(ports: list[int]) -> list[str]:
    return [f"http://127.0.0.1:{ports[number % len(ports)]}/feed/{number}" for number in range(FEEDS)]


def _usage() -> tuple[float, float]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def _measured(work: Any, **figures: Any) -> dict[str, Any]:
    cpu, before = _usage()
    begun = time.monotonic()
    figures |= work()
    seconds = time.monotonic() - begun
    after, peak = _usage()
    return figures | {"cpu": after - cpu, "seconds": seconds, "peak": peak, "before": before}


def run_collect(database: str, ports: list[int]) -> dict[str, Any]:
    from alerts.ledger import migrate
    from crawler import reactor
    from crawler.archive import open_archive
    from crawler.collect import collect
    from crawler.options import CrawlerOptions
    from crawler.sources import Channel, ChannelKind, Source, channel_id

    migrate(database)
    sources = [
        Source(
            id=f"s{number}",
            name=f"Source {number}",
            languages=("en",),
            fetch_pages=False,
            channels=(Channel(channel_id(f"s{number}", ChannelKind.FEED, url), f"s{number}", ChannelKind.FEED, url),),
        )
        for number, url in enumerate(_urls(ports))
    ]
    options = CrawlerOptions(allow_addresses=("127.0.0.0/8",), delay_seconds=0.0, concurrency=CONCURRENCY)
    archive = open_archive(database)

    def work() -> dict[str, Any]:
        report = reactor.run(lambda: collect(archive, sources, options, now=lambda: datetime.now(UTC), everything=True))
        return {"unchanged": report.unchanged, "new": report.new_articles}

    return _measured(work)


def run_plain(_: str, ports: list[int]) -> dict[str, Any]:
    import aiohttp

    async def ask() -> dict[str, Any]:
        gate, unchanged = asyncio.Semaphore(CONCURRENCY), 0
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit_per_host=1)) as session:

            async def one(number: int, url: str) -> int:
                async with gate, session.get(url, headers={"If-None-Match": f'"{number}"'}) as response:
                    await response.read()
                    return response.status

            statuses = await asyncio.gather(*(one(number, url) for number, url in enumerate(_urls(ports))))
            unchanged = statuses.count(304)
        return {"unchanged": unchanged, "new": 0}

    return _measured(lambda: asyncio.run(ask()))


def feed(number: int) -> bytes:
    items = "".join(
        f"<item><title>Report {item} of outlet {number}: convoy hit near the bridge</title>"
        f"<link>https://outlet{number}.example/news/{item}</link><guid>{number}-{item}</guid>"
        f"<pubDate>{datetime.now(UTC):%a, %d %b %Y %H:%M:%S} GMT</pubDate>"
        f"<description>{'A few words about what happened there and who said so. ' * 4}</description></item>"
        for item in range(ITEMS)
    )
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>{number}</title>{items}</channel></rss>'.encode()


async def _serve() -> None:
    """HTTP/1.1 with keep-alive, as little of it as the two clients need, so that the server is not what is measured."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                number = int(head.split(b" ", 2)[1].rpartition(b"/")[2])
                etag = b'ETag: "%d"\r\n' % number
                if b"none-match" in head.lower():
                    writer.write(b"HTTP/1.1 304 Not Modified\r\n" + etag + b"\r\n")
                else:
                    body = feed(number)
                    kind = b"Content-Type: application/rss+xml\r\nContent-Length: %d\r\n" % len(body)
                    writer.write(b"HTTP/1.1 200 OK\r\n" + etag + kind + b"\r\n" + body)
                await writer.drain()
        writer.close()

    servers = [await asyncio.start_server(talk, "127.0.0.1", 0) for _ in range(HOSTS)]
    print(json.dumps([server.sockets[0].getsockname()[1] for server in servers]), flush=True)
    await asyncio.Event().wait()


def main(role: str, *arguments: str) -> None:
    if role == "serve":
        asyncio.run(_serve())
        return
    database, ports = arguments
    roles = {"collect": run_collect, "plain": run_plain}
    print(json.dumps(roles[role](database, json.loads(ports))))


if __name__ == "__main__":
    main(*sys.argv[1:])
