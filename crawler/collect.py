"""Collecting: every channel that is due, then every page that is wanted, into the archive.

Nothing is remembered outside the archive, so a run may be killed at any moment and the next one goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from scrapy import signals
from scrapy.crawler import AsyncCrawlerRunner
from twisted.python.failure import Failure

from crawler import reactor, resolver
from crawler.archive.articles import WantedPage, pages_wanted
from crawler.archive.channels import ChannelRow, due_channels, hold_host, host_holds, sync_channels
from crawler.archive.engine import Archive
from crawler.archive.writer import Writer
from crawler.extraction import Extractors
from crawler.items import CollectReport, CollectRun, Progress
from crawler.middlewares import PoliteDownloader
from crawler.options import CrawlerOptions
from crawler.poller import FeedPoller
from crawler.settings import crawl_settings
from crawler.sources import ChannelKind, Source
from crawler.spiders.base import RunSpider
from crawler.spiders.pages import PageSpider
from crawler.spiders.sections import SectionSpider
from crawler.spiders.sitemaps import SitemapSpider
from crawler.urls import host_slot

__all__ = ["CollectReport", "collect"]

log = logging.getLogger(__name__)

PAGES_AT_A_TIME = 1000
PAGES_SECONDS = 900.0
"""After so long no further batch of pages is begun: the articles that are there want to be read and told."""
PAGES_A_WORKER = 8
"""A worker costs a second of CPU to start; fewer pages than this are not worth another one."""

_SPIDERS: dict[ChannelKind, type[RunSpider]] = {
    ChannelKind.SITEMAP: SitemapSpider,
    ChannelKind.SECTION: SectionSpider,
}


async def collect(
    archive: Archive,
    sources: Sequence[Source],
    options: CrawlerOptions,
    *,
    now: Callable[[], datetime],
    everything: bool = False,
    progress: Progress | None = None,
) -> CollectReport:
    """Ask every channel that is due and fetch every page that is wanted.

    Must be awaited on the loop of `crawler.reactor.run`, or on any loop if the process has no reactor yet. When it is
    cancelled, or SIGTERM or SIGINT arrives, it lets go of all connections, stores what it has and ends within seconds.

    Args:
        archive: opened.
        sources: the configuration's.
        options: the configuration's.
        now: gives the current instant, aware UTC.
        everything: ask every channel, due or not (conditionally; never paused ones or those of a held host).
        progress: called with (done, total, what), or None.

    Returns:
        What was done.

    Raises:
        ArchiveError: the archive could not be written; what was stored before stays.
        Exception: a bug of ours cost an answer (the first of them); everything else was done.
    """
    reactor.ensure()
    async with _run(archive, sources, options, now=now, progress=progress) as run:
        with reactor.on_stop(lambda: _stop(run)):
            await _poll_channels(run, everything=everything)
            await _keep_holds(run)
            await _fetch_pages(run)
            await _keep_holds(run)
    for trouble in (*run.errors, *run.bugs):
        raise trouble
    run.report.stopped = run.stopping
    return run.report


@contextlib.asynccontextmanager
async def _run(
    archive: Archive,
    sources: Sequence[Source],
    options: CrawlerOptions,
    *,
    now: Callable[[], datetime],
    progress: Progress | None,
) -> AsyncIterator[CollectRun]:
    """What the crawls of a run share; at the end the writer has written everything and the workers are gone."""
    guard = resolver.install(options.allow_addresses)
    run = CollectRun(
        archive=archive,
        writer=Writer(archive),
        options=options,
        sources={source.id: source for source in sources},
        channels={channel.id: channel for source in sources for channel in source.channels},
        extractors=Extractors(options.extract_workers, options.extract_seconds),
        now=now,
        refusal=lambda host: guard.refusals.get(host, ""),
        progress=progress,
    )
    try:
        yield run
    finally:
        # In threads, for both wait; shielded, for a second cancel must not leave a thread behind.
        await asyncio.shield(
            asyncio.gather(asyncio.to_thread(run.extractors.close), asyncio.to_thread(run.writer.close))
        )


async def _poll_channels(run: CollectRun, *, everything: bool) -> None:
    instant = run.now()
    sources = list(run.sources.values())
    await run.writer.submit(lambda connection: sync_channels(connection, sources, instant))
    for kind in (ChannelKind.FEED, *_SPIDERS):
        # Asked anew for each kind: a feed that fails has the sitemap of its source carry on at once.
        due = await asyncio.to_thread(_due, run, kind, everything=everything)
        channels = [row for row in due if row.id in run.channels]
        run.total += len(channels)
        if run.stopping or not channels:
            continue
        if kind is ChannelKind.FEED:
            await _poll(run, channels)
            continue
        robots = run.options.robots and kind is ChannelKind.SECTION
        await _crawl(run, _SPIDERS[kind], run.options.feed_timeout_seconds, robots=robots, channels=channels)


def _due(run: CollectRun, kind: ChannelKind, *, everything: bool) -> list[ChannelRow]:
    with run.archive.read() as connection:
        return due_channels(connection, run.now(), everything=everything, kind=kind.value)


async def _keep_holds(run: CollectRun) -> None:
    """Have the next run hear of hosts that asked to be left alone, whatever it was they were asked for."""
    now = run.now()
    fresh = {host: until for host, until in run.held.items() if until > now}
    if not fresh or run.errors:
        return

    def keep(connection: sa.Connection) -> None:
        for host, until in sorted(fresh.items()):
            hold_host(connection, host, until, "asked to be left alone")

    await run.writer.submit(keep)


async def _fetch_pages(run: CollectRun) -> None:
    """Fetch wanted pages, batch by batch, until none is due or time is up."""
    begun = time.monotonic()
    asked: set[int] = set()
    while not run.stopping and time.monotonic() - begun < PAGES_SECONDS:
        wanted = [page for page in await asyncio.to_thread(_wanted, run) if page.article not in asked]
        if not wanted:
            return
        asked.update(page.article for page in wanted)
        run.total += len(wanted)
        run.extractors.want(-(-len(wanted) // PAGES_A_WORKER))
        await _crawl(run, PageSpider, run.options.page_timeout_seconds, robots=run.options.robots, pages=wanted)


def _wanted(run: CollectRun) -> list[WantedPage]:
    with run.archive.read() as connection:
        now = run.now()
        held = host_holds(connection, now)
        pages = pages_wanted(connection, now)
    return [page for page in pages if host_slot(page.url) not in held][:PAGES_AT_A_TIME]


async def _poll(run: CollectRun, channels: list[ChannelRow]) -> None:
    """Ask feeds, to the end."""
    poller = FeedPoller(run, channels)
    await _to_the_end(run, asyncio.create_task(poller.poll()), poller.stop)


async def _crawl(run: CollectRun, spider: type[RunSpider], seconds: float, *, robots: bool, **kwargs: Any) -> None:
    """One crawl of one spider, to its end."""
    runner = AsyncCrawlerRunner(crawl_settings(run.options, seconds=seconds, robots=robots))
    crawler = runner.create_crawler(spider)

    def note_bug(failure: Failure) -> None:
        # Scrapy only logs what a spider or the pipeline raises, and the answer would be lost without a word.
        if failure.value is not None:
            run.bugs.append(failure.value)

    def let_go() -> None:
        if crawler.crawling and crawler.engine.running:
            downloader = crawler.engine.downloader
            if isinstance(downloader, PoliteDownloader):
                downloader.stop()

    crawler.signals.connect(note_bug, signals.spider_error)
    crawler.signals.connect(note_bug, signals.item_error)
    await _to_the_end(run, runner.crawl(crawler, run=run, **kwargs), let_go)


async def _to_the_end(run: CollectRun, task: asyncio.Task[None], let_go: Callable[[], None]) -> None:
    """Wait for a crawl. A cancel stops it and is passed on when it has ended."""
    run.let_go = let_go
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        _stop(run)
        await task
        raise
    finally:
        run.let_go = None


def _stop(run: CollectRun) -> None:
    """Make no more requests and let go of those under way; what has been answered is still stored."""
    run.stopping = True
    if run.let_go is not None:
        run.let_go()
