"""Polling feeds: many hosts at a time, each asked by one connection at a time and with its pause in between.

Nothing is made for a feed before its turn comes but its place in a queue, so twenty thousand cost little more memory
than what is known of them.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urljoin

from w3lib.url import safe_url_string

from crawler.answers import Reply, verdict
from crawler.archive.channels import ChannelRow, Validators, request_validators
from crawler.batches import Batches
from crawler.feeds import ACCEPT_FEED, read_feed
from crawler.fetching import Fetcher, NoReply, redirects
from crawler.guard import scheme_allowed
from crawler.items import ChannelAnswer, CollectRun, Noting
from crawler.pipelines import store_item
from crawler.polling import Kind, hold_seconds, kind_of_status, retry_after_seconds
from crawler.turns import Host, Turns
from crawler.urls import host_slot


@dataclass(slots=True)
class _Job:
    """One request that is to be made for a channel."""

    channel: ChannelRow
    url: str
    redirects: tuple[int, ...] = ()


class FeedPoller:
    """Asks feeds, each once and conditionally.

    Args:
        run: what the crawls of a run share.
        channels: feeds, the longest due first.
    """

    def __init__(self, run: CollectRun, channels: Sequence[ChannelRow]) -> None:
        self._run = run
        self._turns: Turns[_Job] = Turns()
        self._bell = asyncio.Event()
        self._turnstile = asyncio.Lock()
        self._fetching: set[asyncio.Task[Any]] = set()
        self._batches = Batches(run)
        for channel in channels:
            self._add(_Job(channel, safe_url_string(channel.url)))

    async def poll(self) -> None:
        """Ask all of them; returns when every outcome is stored."""
        options = self._run.options
        fetcher = Fetcher(
            options.allow_addresses,
            user_agent=options.user_agent,
            seconds=options.feed_timeout_seconds,
            max_bytes=options.max_bytes,
        )
        async with fetcher, self._batches:
            workers = min(options.concurrency, len(self._turns))
            await asyncio.gather(*(self._work(fetcher) for _ in range(workers)))

    def stop(self) -> None:
        """Make no more requests and let go of those under way; what has been answered is still stored."""
        for task in list(self._fetching):
            task.cancel()
        self._ring()

    async def _work(self, fetcher: Fetcher) -> None:
        """One job after the other, until none is left."""
        while self._turns and not self._run.stopping:
            taken = self._turns.take(time.monotonic())
            if taken is None:
                await self._something()
                continue
            with Noting(self._run.bugs):
                await self._serve(fetcher, *taken)

    async def _something(self) -> None:
        """Wait until a host has rested, or until another worker has changed what is to be done."""
        at = self._turns.next_at()
        delay = None if at is None else max(0.0, at - time.monotonic())
        try:
            async with asyncio.timeout(delay):
                await self._bell.wait()
        except TimeoutError:
            return

    def _ring(self) -> None:
        self._bell.set()
        self._bell = asyncio.Event()

    async def _serve(self, fetcher: Fetcher, host: Host[_Job], job: _Job) -> None:
        """Make one request and store what comes of it, but for redirects, which become another job."""
        try:
            answer = await self._ask(fetcher, host, job)
        finally:
            self._turns.done(host, self._rested(host.key))
            self._ring()
        if isinstance(answer, Reply):
            answer = verdict(answer, job.channel, self._run.now()) or await self._read(answer, job.channel)
        if answer is None:
            return
        if answer.kind is Kind.UNCHANGED:
            await self._batches.add(answer)
        else:
            await store_item(self._run, answer)

    async def _ask(self, fetcher: Fetcher, host: Host[_Job], job: _Job) -> Reply | ChannelAnswer | None:
        """The reply, or the outcome without one. None: not asked, asked elsewhere, or the run stops."""
        run = self._run
        refusal = scheme_allowed(job.url)
        if refusal:
            return self._failure(job, refusal)
        until = run.held.get(host.key)
        if until is not None and until > run.now():
            return None
        run.last_asked[host.key] = time.monotonic()
        host.kept = host.kept or host.waits
        try:
            reply = await self._fetch(fetcher, host, job)
        except NoReply as error:
            return self._failure(job, error.reason, error.kind)
        if reply is None:
            return None
        if kind_of_status(reply.status) is Kind.THROTTLED:
            # Before the next request of this host, which may long wait for its turn, is made.
            asked = retry_after_seconds(reply.header("Retry-After") or "", run.now())
            run.hold(host.key, hold_seconds(asked))
        return self._follow(job, reply) if redirects(reply) else replace(reply, redirects=job.redirects)

    async def _read(self, reply: Reply, channel: ChannelRow) -> ChannelAnswer:
        """Read a document when its turn comes: one for each round of the loop.

        Many that arrive together would otherwise keep the loop busy for seconds, and requests whose answers lie in
        their sockets already would run out of time.
        """
        async with self._turnstile:
            await asyncio.sleep(0)
        return await read_feed(self._run, reply, channel)

    async def _fetch(self, fetcher: Fetcher, host: Host[_Job], job: _Job) -> Reply | None:
        """The reply to one request; None when the run stops meanwhile."""
        task = asyncio.current_task()
        assert task is not None
        headers = [("Accept", ACCEPT_FEED), *_conditions(request_validators(job.channel, self._run.now()), job.url)]
        if host.kept and not host.waits:
            headers.append(("Connection", "close"))
        self._fetching.add(task)
        try:
            return await fetcher.get(job.url, headers, keep=host.kept)
        except asyncio.CancelledError:
            if self._run.stopping:
                return None
            raise
        finally:
            self._fetching.discard(task)

    def _follow(self, job: _Job, reply: Reply) -> Reply | ChannelAnswer | None:
        """Let a redirect wait for the turn of the host that it leads to."""
        location = reply.header("Location") or ""
        try:
            url = _target(job.url, location)
            host_slot(url)
        except ValueError:
            return self._failure(job, f"HTTP {reply.status} to what is no address: {location[:200]!r}")
        seen = (*job.redirects, reply.status)
        if scheme_allowed(url):
            return reply
        if len(seen) > self._run.options.max_redirects:
            return self._failure(job, f"max redirections reached ({self._run.options.max_redirects})")
        self._add(_Job(job.channel, url, seen), first=True)
        return None

    def _add(self, job: _Job, *, first: bool = False) -> None:
        key = host_slot(job.url)
        self._turns.add(key, job, at=self._rested(key), first=first)

    def _rested(self, key: str) -> float:
        """When a host may be asked again, on the clock of `time.monotonic`; 0 when there is no pause to keep."""
        options, last = self._run.options, self._run.last_asked.get(key)
        if last is None or not options.delay_seconds:
            return 0.0
        return last + options.delay_seconds * random.uniform(1, 1 + options.jitter)  # noqa: S311 - no secret

    def _failure(self, job: _Job, reason: str, kind: Kind = Kind.FAILED) -> ChannelAnswer:
        proof = {"url": job.url, "error": reason}
        return ChannelAnswer(job.channel, self._run.now(), kind, reason=reason, evidence=proof)


def _conditions(validators: Validators, url: str) -> list[tuple[str, str]]:
    """Echo validators, byte for byte, to the URL that gave them and to no other."""
    if validators.url != url:
        return []
    pairs = (("If-None-Match", validators.etag), ("If-Modified-Since", validators.last_modified))
    return [(name, value) for name, value in pairs if value]


def _target(url: str, location: str) -> str:
    """Where a redirect leads to, percent-encoded; the fragment of the first URL stays if there is no other."""
    target = urljoin(url, safe_url_string(location.encode("latin-1")))
    fragment = url.partition("#")[2]
    return target if "#" in target or not fragment else f"{target}#{fragment}"
