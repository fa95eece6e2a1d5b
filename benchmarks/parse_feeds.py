"""Reading feeds: one new item of thirty beside plain feedparser, and documents that attackers write."""

from __future__ import annotations

import asyncio
import io
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import feedparser

from benchmarks.registry import Table, benchmark
from crawler.errors import ExtractError
from crawler.extraction import Extractors, read_feed_safely
from crawler.parse.feeds import parse_feed, parse_if_cheap

ITEMS = 30
ROUNDS = 7
TIMES = 20
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
URL = "https://outlet.example/feed"

SENTENCE = "A few words about what happened in the old town there, and about who said so to whom and when. "


def rss_item(number: int) -> str:
    date = NOW - timedelta(minutes=number)
    slug = f"2026/11/22/report-{number}-convoy-hit-near-the-bridge"
    return (
        f"<item><title>Report {number}: convoy hit near the bridge</title><link>https://outlet.example/{slug}</link>"
        f'<guid isPermaLink="false">outlet-{number}</guid><pubDate>{date:%a, %d %b %Y %H:%M:%S} GMT</pubDate>'
        f"<dc:creator>Desk</dc:creator><category>World</category><description>&lt;p&gt;{SENTENCE * 3}&lt;/p&gt;"
        f"</description><content:encoded><![CDATA[{f'<p>{SENTENCE}</p>' * 6}]]></content:encoded></item>"
    )


def rss(*items: str) -> bytes:
    spaces = 'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/"'
    inside = f"<title>Outlet</title><link>https://outlet.example/</link>{''.join(items)}"
    return f'<?xml version="1.0"?><rss version="2.0" {spaces}><channel>{inside}</channel></rss>'.encode()


@benchmark("parse-feeds")
def parse_feeds() -> Table:
    """All in one process, the ways taking turns; the best round of each counts."""
    body = rss(*(rss_item(number) for number in range(ITEMS)))
    marks = parse_feed(rss(*(rss_item(number) for number in range(1, ITEMS + 1))), url=URL, now=NOW).marks

    def known() -> int:
        document = parse_if_cheap(body, url=URL, now=NOW, known=marks)
        assert document is not None
        return len(document.entries) + document.known

    ways: dict[str, Callable[[], int]] = {
        "plain feedparser": lambda: len(feedparser.parse(io.BytesIO(body)).entries),
        "ceasewire, nothing known": lambda: len(parse_feed(body, url=URL, now=NOW).entries),
        f"ceasewire, 1 new item of {ITEMS}": known,
    }
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(ROUNDS):
        for name, way in ways.items():
            begun = time.process_time()
            for _ in range(TIMES):
                if way() != ITEMS:
                    raise SystemExit(f"{name} lost items")
            best[name] = min(best[name], (time.process_time() - begun) / TIMES)
    plain = best["plain feedparser"]
    return Table(
        f"A feed of {ITEMS} items ({len(body):,} bytes)",
        ("what", "CPU ms", "times as cheap as plain feedparser"),
        [(name, f"{1000 * seconds:.2f}", f"{plain / seconds:.1f}") for name, seconds in best.items()],
        f"CPU time, best of {ROUNDS} rounds of {TIMES}. Ours includes plain text, dates and links of each entry read.",
    )


HOSTILE: dict[str, Callable[[], bytes]] = {
    "300,000 items": lambda: rss("<item><title>x</title></item>" * 300_000),
    "300,000 items without an end": lambda: b"<rss><channel>" + b"<item><title>x" * 300_000,
    "200,000 elements inside each other": lambda: rss("<item>" + "<a>" * 200_000 + "</a>" * 200_000 + "</item>"),
    "200,000 never closed": lambda: b"<rss>" + b"<a>" * 200_000,
    "entity bomb": lambda: (
        b'<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">'
        + b"".join(b'<!ENTITY %c "%s">' % (c, b"&%c;" % (c - 1) * 10) for c in range(98, 108))
        + b"]><rss><channel><title>&k;</title></channel></rss>"
    ),
    "external entity": lambda: (
        b'<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]><rss><channel>&a;</channel></rss>'
    ),
    "2 million elements": lambda: rss("<a/>" * 2_000_000),
    "one item of 200,000 elements": lambda: rss("<item>" + "<category>x</category>" * 200_000 + "</item>"),
    "one item of 8 MB": lambda: rss("<item><description>" + "&lt;p&gt;x" * 800_000 + "</description></item>"),
    "a million ampersands": lambda: rss("<item><title>" + "& " * 1_000_000 + "</title></item>"),
    "a million opened tags": lambda: b"<rss><channel><item><title>" + b"<" * 1_000_000,
    "a million quotes in a tag": lambda: b"<rss><channel><item a" + b"='x\" " * 200_000,
    "100,000 namespaces": lambda: rss(*(f'<item xmlns:n{number}="u:{number}"/>' for number in range(100_000))),
    "50,000 attributes": lambda: rss("<item " + " ".join(f'a{number}=""' for number in range(50_000)) + "/>"),
    "200,000 items of JSON": lambda: json.dumps({"items": [{"id": str(number)} for number in range(200_000)]}).encode(),
    "JSON in JSON": lambda: b'{"items":' * 500_000,
    "comments": lambda: b"<!--" * 2_000_000,
    "odd dates": lambda: rss("<item><pubDate>the 31st of 2 at 99:99 XYZ</pubDate></item>" * 5_000),
}


@benchmark("parse-hostile")
def parse_hostile() -> Table:
    """Each document in a process of its own, through the limits that `collect` sets."""
    rows = []
    for name in HOSTILE:
        done = subprocess.run([sys.executable, "-m", __name__, name], capture_output=True, text=True, check=True)
        found = json.loads(done.stdout)
        rows.append((name, f"{found['bytes']:,}", f"{found['cpu']:.2f}", f"{found['peak']:.0f}", found["outcome"]))
    return Table(
        "Feeds that attackers write",
        ("document", "bytes", "CPU s", "memory MB", "outcome"),
        rows,
        "CPU is that of parent and worker together, with the start of a new worker where one was killed; memory is "
        "what the largest process grew by.",
    )


def _measure(name: str) -> None:
    pool = Extractors(1, 60.0)
    asyncio.run(pool.feed(rss(rss_item(1)), partial(parse_feed, url=URL, now=NOW), URL))
    body = HOSTILE[name]()
    before, memory = _used(pool)
    try:
        found = asyncio.run(read_feed_safely(pool, body, url=URL, now=NOW))
        told = [f"{len(found.entries)} entries" if found.format else "", found.problem[:90]]
        outcome = ", ".join(filter(None, told))
    except ExtractError as error:
        outcome = error.reason
    after, peak = _used(pool)
    print(json.dumps({"bytes": len(body), "cpu": after - before, "peak": peak - memory, "outcome": outcome}))
    pool.close()


def usage() -> tuple[float, float]:
    """CPU seconds of this process, and its largest size in MB."""
    return time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _used(pool: Extractors) -> tuple[float, float]:
    """CPU seconds of parent and workers, living and dead, and the size of the largest."""
    worker, ours = pool.outcome(URL, pool.schedule(usage, feeds=True)), usage()
    dead = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = worker[0] + ours[0] + dead.ru_utime + dead.ru_stime
    return seconds, max(worker[1], ours[1], dead.ru_maxrss / 1024)


if __name__ == "__main__":
    _measure(sys.argv[1])
