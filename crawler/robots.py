"""robots.txt, obeyed: asked for once a day for each site, whatever happens in between."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    NotConfigured,
    ResponseDataLossError,
    UnsupportedURLSchemeError,
)
from scrapy.http.request import NO_CALLBACK
from scrapy.robotstxt import ProtegoRobotParser

from crawler.archive.robots import keep_robots, kept_robots
from crawler.items import CollectRun
from crawler.middlewares import TRAIL, Held, run_of
from crawler.polling.robots import Robots, Ruling, after_answer, is_asked, ruling

_FIRST = 1000
_NOT_HAD = (
    IgnoreRequest,
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
    UnsupportedURLSchemeError,
    OSError,
)


class Unreachable(IgnoreRequest):
    """The site's rules cannot be had now, so nothing of it is asked for. Another time it may.

    Attributes:
        cause: why they could not be had, if that is known.
        url: where they were looked for at last.
        elsewhere: redirects led there.
    """

    def __init__(self, cause: Exception | None = None, url: str = "", *, elsewhere: bool = False) -> None:
        super().__init__("robots.txt cannot be had now")
        self.cause = cause
        self.url = url
        self.elsewhere = elsewhere


class RobotsMiddleware:
    """Refuses what a site's robots.txt does not allow. Scrapy's own would ask for the file in every crawl."""

    def __init__(self, crawler: Crawler) -> None:
        if not crawler.settings.getbool("ROBOTSTXT_OBEY"):
            raise NotConfigured
        self._crawler = crawler
        self._agent: str = crawler.settings["ROBOTSTXT_USER_AGENT"] or crawler.settings["USER_AGENT"]
        self._kept: dict[str, Robots] = {}
        self._rules: dict[str, ProtegoRobotParser] = {}
        self._errors: dict[str, Unreachable] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> RobotsMiddleware:
        """Scrapy's way of making one."""
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        """Let a request pass, or refuse it."""
        if request.meta.get("dont_obey_robotstxt"):
            return
        parts = urlsplit(request.url)
        origin = f"{parts.scheme}://{parts.netloc}"
        run = run_of(self._crawler)
        async with self._turns[origin]:
            kept = await self._have(run, origin)
        match ruling(kept, _now(run, kept)):
            case Ruling.NOTHING:
                raise self._errors.get(origin) or Unreachable
            case Ruling.RULES if not self._parsed(origin, kept).allowed(request.url, self._agent):
                raise IgnoreRequest("Forbidden by robots.txt")

    async def _have(self, run: CollectRun | None, origin: str) -> Robots:
        kept = self._kept.get(origin)
        if kept is None and run is not None:
            kept = await asyncio.to_thread(_read, run, origin)
        if kept is None or is_asked(kept, _now(run, kept)):
            kept = await self._ask(run, origin, kept)
            self._rules.pop(origin, None)
            if run is not None:
                await run.writer.submit(partial(keep_robots, origin=origin, kept=kept))
        self._kept[origin] = kept
        return kept

    async def _ask(self, run: CollectRun | None, origin: str, kept: Robots | None) -> Robots:
        trail: list[str] = []
        meta = {"dont_obey_robotstxt": True, TRAIL: trail}
        request = Request(f"{origin}/robots.txt", priority=_FIRST, meta=meta, callback=NO_CALLBACK)
        engine = self._crawler.engine
        assert engine is not None
        status, body = None, b""
        self._errors.pop(origin, None)
        try:
            response = await engine.download_async(request)
            status, body = response.status, response.body
        except Held:
            # Not asked, so nothing is known; the request that wanted to know is not made either.
            raise
        except _NOT_HAD as error:
            self._errors[origin] = Unreachable(error, trail[-1] if trail else request.url, elsewhere=len(trail) > 1)
        return after_answer(kept, status, body, _now(run, kept))

    def _parsed(self, origin: str, kept: Robots) -> ProtegoRobotParser:
        if origin not in self._rules:
            body = (kept.body or b"").removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
            self._rules[origin] = ProtegoRobotParser(body.encode(), self._crawler.spider)
        return self._rules[origin]


def _now(run: CollectRun | None, kept: Robots | None) -> datetime:
    """The run's clock; without a run, what is known is always of this moment."""
    if run is not None:
        return run.now()
    return kept.asked_at if kept is not None else datetime.now(UTC)


def _read(run: CollectRun, origin: str) -> Robots | None:
    with run.archive.read() as connection:
        return kept_robots(connection, origin)
