"""Looking at a site now, for a person: channels polled for real into a throw-away archive, pages and files asked for.

Channels go through `collect` itself, so what is found here is what a run would have found.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from scrapy import Request, Spider
from scrapy.crawler import AsyncCrawlerRunner
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler import reactor, resolver
from crawler.archive import schema
from crawler.archive.channels import channel_events, list_channels
from crawler.archive.engine import Archive, open_archive
from crawler.collect import collect
from crawler.items import Progress
from crawler.middlewares import ACCEPT
from crawler.options import CrawlerOptions
from crawler.settings import crawl_settings
from crawler.sources import Channel, Source, channel_id
from crawler.spiders.base import trouble
from crawler.urls import host_slot

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of asking for one URL.

    Attributes:
        url: as asked.
        final_url: after redirects.
        status: HTTP status; None without an answer.
        content_type: the header, as sent.
        body: decompressed.
        reason: why there is no answer, in words; empty with one.
    """

    url: str
    final_url: str
    status: int | None = None
    content_type: str = ""
    body: bytes = b""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of polling one channel once, as a first poll.

    Attributes:
        channel: what was asked.
        state: health, as a run would have stored it.
        reason: why; empty when all is well.
        status: HTTP status; None without an answer.
        format: of the document; empty when nothing usable came.
        entries: how many entries the document had.
        undated: of them, how many had no date that can be read.
        newest: the latest date, aware UTC.
        titles: of the newest entries, a few.
        languages: of its articles, the most frequent first; those of few articles left out.
        keys: URL keys of the articles, to tell channels apart that list the same.
        etag: as sent.
        last_modified: as sent.
        evidence: status, headers that matter, error, as stored.
    """

    channel: Channel
    state: str
    reason: str
    status: int | None = None
    format: str = ""
    entries: int = 0
    undated: int = 0
    newest: datetime | None = None
    titles: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    keys: frozenset[str] = frozenset()
    etag: str | None = None
    last_modified: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def works(self) -> bool:
        """It was read and holds entries."""
        return bool(self.format) and self.entries > 0


async def try_channels(
    channels: Sequence[tuple[Source, Channel]], options: CrawlerOptions, now: Clock, progress: Progress | None = None
) -> list[Trial]:
    """Poll channels as a run would, and store nothing. Pages are not fetched.

    Args:
        channels: with their sources, whose languages are used.
        options: the configuration's.
        now: gives the current instant, aware UTC.
        progress: called with (done, total, what), or None.

    Returns:
        One trial a channel, in the given order.
    """
    if not channels:
        return []
    # A source of its own for each: channels of one source stand in for each other, and here each is wanted.
    asked = [_alone(number, source, channel) for number, (source, channel) in enumerate(channels)]
    with tempfile.TemporaryDirectory(prefix="ceasewire-") as folder:
        archive = open_archive(f"sqlite:///{Path(folder) / 'trial.sqlite'}", check_schema=False)
        try:
            with archive.write() as connection:
                schema.metadata.create_all(connection)
            await collect(archive, asked, options, now=now, everything=True, progress=progress)
            return [
                _trial(archive, one.channels[0].id, channel) for one, (_, channel) in zip(asked, channels, strict=True)
            ]
        finally:
            archive.close()


async def fetch(urls: Sequence[str], options: CrawlerOptions, *, accept: str = "*/*") -> list[Answer]:
    """Ask for URLs through the guard, politely, redirects followed. Never raises for what servers do.

    Args:
        urls: absolute http(s) URLs.
        options: the configuration's.
        accept: the Accept header.

    Returns:
        One answer a URL, in the given order.
    """
    if not urls:
        return []
    reactor.ensure()
    guard = resolver.install(options.allow_addresses)
    answers: dict[str, Answer] = {}
    runner = AsyncCrawlerRunner(crawl_settings(options, seconds=options.feed_timeout_seconds, robots=False))
    crawler = runner.create_crawler(_Asker)
    distinct = list(dict.fromkeys(urls))
    await runner.crawl(crawler, urls=distinct, accept=accept, answers=answers, refusals=guard.refusals)
    return [answers.get(url) or Answer(url, url, reason="it could not be asked") for url in urls]


class _Asker(Spider):
    """Asks for each URL once and keeps the answers."""

    name = "asker"

    def __init__(
        self, urls: Sequence[str], accept: str, answers: dict[str, Answer], refusals: Mapping[str, str], **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.refusals = refusals
        self.urls = urls
        self.accept = accept
        self.answers = answers

    async def start(self) -> Any:
        for url in self.urls:
            meta = {ACCEPT: self.accept, "download_slot": host_slot(url)}
            try:
                yield Request(
                    url, self.answered, errback=self.failed, cb_kwargs={"url": url}, meta=meta, dont_filter=True
                )
            except ValueError as error:
                self.answers[url] = Answer(url, url, reason=f"no URL: {error}"[:300])

    def answered(self, response: Response, url: str) -> None:
        kind = (response.headers.get("Content-Type") or b"").decode("latin-1")
        self.answers[url] = Answer(url, response.url, response.status, kind, response.body)

    def failed(self, failure: Failure) -> None:
        request = failure.request  # type: ignore[attr-defined]  # Scrapy hangs it on
        reason, _ = trouble(failure, request.url, lambda host: self.refusals.get(host, ""))
        url = request.cb_kwargs["url"]
        self.answers[url] = Answer(url, request.url, reason=reason)


def _alone(number: int, source: Source, channel: Channel) -> Source:
    name = f"trial-{number}"
    own = replace(channel, id=channel_id(name, channel.kind, channel.url), source=name, paused=False)
    return replace(source, id=name, channels=(own,), fetch_pages=False, paused=False)


def _frequent(languages: list[str]) -> tuple[str, ...]:
    counts = Counter(languages)
    return tuple(code for code, count in counts.most_common() if count >= max(2, len(languages) / 5)) or tuple(counts)


def _trial(archive: Archive, name: str, channel: Channel) -> Trial:
    with archive.read() as connection:
        row = next(row for row in list_channels(connection) if row.id == name)
        events = channel_events(connection, name, limit=1)
        table = schema.article
        articles = connection.execute(
            sa.select(table.c.title, table.c.published, table.c.key, table.c.language)
            .join(schema.sighting, schema.sighting.c.article == table.c.id)
            .where(schema.sighting.c.channel == name)
            .distinct()
            .order_by(table.c.published.desc(), table.c.id)
        ).all()
    evidence = events[0].evidence if events else {}
    dates = [one.published for one in articles if one.published is not None]
    dated = sorted(articles, key=lambda one: one.published is None)
    return Trial(
        channel=channel,
        state=row.state,
        reason=row.state_reason,
        status=evidence.get("status"),
        format=str(evidence.get("format", "")),
        entries=len(articles),
        undated=len(articles) - len(dates),
        newest=max(dates, default=None),
        titles=tuple(one.title for one in dated if one.title)[:3],
        languages=_frequent([one.language for one in articles if one.language]),
        keys=frozenset(one.key for one in articles),
        etag=row.etag,
        last_modified=row.last_modified,
        evidence=evidence,
    )
