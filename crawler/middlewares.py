"""Scrapy's joints: what happens to every request before it leaves and to redirects, and how a crawl is stopped."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

from scrapy import Request
from scrapy.core.downloader import Downloader, Slot
from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.redirect import RedirectMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response

from crawler.archive.channels import Validators
from crawler.guard import scheme_allowed
from crawler.heads import limit_heads
from crawler.items import CollectRun
from crawler.polling import hold_seconds, retry_after_seconds
from crawler.urls import host_slot

VALIDATORS = "validators"
ACCEPT = "accept"
TRAIL = "trail"
"""A list in a request's meta that every URL is added to which redirects lead it to."""
THROTTLED = (429, 503)


class Held(IgnoreRequest):
    """The request was not made: its host asked to be left alone, or the run stops. No outcome of its channel."""


class Refused(IgnoreRequest):
    """The request was not made: its scheme is not fetched."""


def run_of(crawler: Crawler) -> CollectRun | None:
    """The run a crawl belongs to; None for a spider that was started by Scrapy's own commands."""
    return getattr(crawler.spider, "run", None)


def refuse_held(run: CollectRun, slot: str) -> None:
    """Raise `Held` for a host that asked to be left alone."""
    until = run.held.get(slot)
    if until is not None and until > run.now():
        raise Held(f"{slot} asked to be left alone until {until.isoformat(timespec='seconds')}")


class RequestMiddleware:
    """Scheme, politeness slot, holds, headers and validators of every request, redirected ones included."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._user_agent = crawler.settings["USER_AGENT"]
        self._seconds = crawler.settings.getfloat("DOWNLOAD_TIMEOUT")

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> RequestMiddleware:
        """Scrapy's way of making one."""
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        """Complete a request, or refuse it."""
        if TRAIL in request.meta:
            request.meta[TRAIL].append(request.url)
        reason = scheme_allowed(request.url)
        if reason:
            raise Refused(reason)
        # Scrapy's own slot ignores ports, and a redirect would keep the slot of the host it came from.
        slot = host_slot(request.url)
        request.meta["download_slot"] = slot
        request.meta.setdefault("download_timeout", self._seconds)
        run = run_of(self._crawler)
        if run is not None:
            if run.stopping:
                raise Held("the run stops")
            refuse_held(run, slot)
        request.headers["User-Agent"] = self._user_agent
        request.headers["Accept"] = request.meta.get(ACCEPT, "*/*")
        self._validate(request)

    def _validate(self, request: Request) -> None:
        """Echo the validators, byte for byte, to the URL that gave them and to no other."""
        validators: Validators | None = request.meta.get(VALIDATORS)
        mine = validators is not None and validators.url == request.url
        for name, value in (
            ("If-None-Match", validators.etag if mine and validators else None),
            ("If-Modified-Since", validators.last_modified if mine and validators else None),
        ):
            if value:
                request.headers[name] = value.encode("latin-1", "replace")
            else:
                request.headers.pop(name, None)


class PlainRedirects(RedirectMiddleware):
    """Redirects without a Referer, which Scrapy would otherwise miss with a warning."""

    def handle_referer(self, request: Request, response: Response) -> None:  # noqa: ARG002
        """Send none."""
        request.headers.pop("Referer", None)

    def _engine_started(self) -> None:
        return None


class StoppableHandler(HTTP11DownloadHandler):
    """Fetches as Scrapy's own handler does, but lets go of everything at once when the run stops.

    It also hears a 429 or 503 before the next request of that host, which may long wait behind this one, is made. And
    it keeps to one request at a time for each host and port: without a delay Scrapy's downloader starts all that wait.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        limit_heads(self._pool)
        self._fetching: set[asyncio.Task[Any]] = set()
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def download_request(self, request: Request) -> Response:
        """Fetch one document; `Held` when the run stops meanwhile."""
        task = asyncio.current_task()
        assert task is not None
        self._fetching.add(task)
        try:
            async with self._turns[request.meta["download_slot"]]:
                return await self._in_turn(request)
        except asyncio.CancelledError:
            raise Held("the run stops") from None
        finally:
            self._fetching.discard(task)

    async def _in_turn(self, request: Request) -> Response:
        run, slot = run_of(self._crawler), request.meta["download_slot"]
        if run is None:
            return await super().download_request(request)
        if run.stopping:
            raise Held("the run stops")
        refuse_held(run, slot)
        response = await super().download_request(request)
        if response.status in THROTTLED:
            asked = retry_after_seconds((response.headers.get("Retry-After") or b"").decode("latin-1"), run.now())
            run.hold(slot, hold_seconds(asked))
        return response

    def stop(self) -> None:
        """Drop every connection under way."""
        for task in list(self._fetching):
            task.cancel()


class PoliteDownloader(Downloader):
    """Keeps one host's pause also between the crawls of one run, and can be told to stop."""

    def _get_slot(self, request: Request, spider: Any = None) -> tuple[str, Slot]:  # noqa: ARG002 - Scrapy's signature
        is_new = self.get_slot_key(request) not in self.slots
        key, slot = super()._get_slot(request)
        run = run_of(self.crawler)
        if is_new and run is not None:
            slot.lastseen = run.last_asked.get(key, 0)
        return key, slot

    def close(self) -> None:
        """Note when each host was last asked, for the next crawl."""
        run = run_of(self.crawler)
        if run is not None:
            run.last_asked.update({key: slot.lastseen for key, slot in self.slots.items()})
        super().close()

    def stop(self) -> None:
        """Let go of what waits for its turn and of what is under way."""
        for slot in self.slots.values():
            while slot.queue:
                _, deferred = slot.queue.popleft()
                deferred.errback(Held("the run stops"))
        for handler in self.handlers._handlers.values():  # noqa: SLF001 - the only way to the running handlers
            if isinstance(handler, StoppableHandler):
                handler.stop()
