"""Processes that read pages (and very long documents), and that are killed when one takes too long.

A page can keep an extractor busy for minutes or make it eat all memory; in a process of its own that costs one page.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from datetime import datetime
from functools import partial
from multiprocessing.context import BaseContext
from types import FrameType
from typing import Any, TypeVar, cast

from pebble import ProcessExpired, ProcessPool

from crawler.articles import FeedDocument
from crawler.errors import ExtractError
from crawler.parse.feeds import MAX_ITEMS, CpuSpentError, parse_feed, parse_if_cheap

T = TypeVar("T")

MEMORY_LIMIT = 2 * 2**30
"""Address space of a worker that reads pages, in bytes. One that needs more is refused, not this machine."""
FEED_MEMORY_LIMIT = 2**30
FEED_CPU_SECONDS = 0.9
"""For a feed as it is; what has not been read by then is made whole first, which has `REPAIR_CPU_SECONDS`."""
REPAIR_CPU_SECONDS = 0.6
_BATCHES_SECONDS, _REPAIR_BATCHES_SECONDS = 0.7, 0.3
"""Share of each after which no further batch of items is begun."""
FEED_WALL_SECONDS = 60.0
"""On a busy machine CPU time takes long to come by; a feed is no worse for that."""

FAULTS = (ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError, OSError, RuntimeError, TypeError)
"""What third-party parsers raise on odd input, beside ValueError and our own errors."""

_RAISED = (FutureTimeoutError, TimeoutError, ProcessExpired, ValueError, *FAULTS)


class Extractors:
    """Pools of workers, started when first needed: one for pages, and one with tighter limits for feeds."""

    def __init__(self, workers: int, seconds: float, *, feed_workers: int = 1) -> None:
        self._workers = workers
        self._feed_workers = feed_workers
        self._seconds = seconds
        self._pools: dict[bool, Any] = {}

    def want(self, workers: int) -> None:
        """Before the first use: no more workers than this are worth starting."""
        if not self._pools:
            self._workers = max(1, min(self._workers, workers))

    async def call(self, name: str, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function in a worker.

        Args:
            name: the URL, for messages.
            function: importable; its arguments and result travel between processes.
            *arguments: for the function.

        Raises:
            ExtractError: it raised one, took too long, needed too much memory or stumbled over its input.
        """
        future = self.schedule(function, *arguments)
        with contextlib.suppress(*_RAISED):  # `outcome` asks again, and tells them apart
            await asyncio.wrap_future(future)
        return self.outcome(name, future)

    async def feed(self, body: bytes, parse: Callable[..., FeedDocument], url: str) -> FeedDocument:
        """Read a feed in a worker of its own kind.

        Args:
            body: the document.
            parse: `parse_feed` with all that it is to know.
            url: of the document, for messages.

        Raises:
            ExtractError: as `call`.
        """
        seconds = max(self._seconds, FEED_WALL_SECONDS)
        future = self.schedule(feed_in_time, parse, body, feeds=True, seconds=seconds)
        with contextlib.suppress(*_RAISED):
            await asyncio.wrap_future(future)
        return self.outcome(url, future, seconds)

    def schedule(
        self, function: Callable[..., T], *arguments: Any, feeds: bool = False, seconds: float | None = None
    ) -> Future[T]:
        """Have a worker call a function; `outcome` says what came of it.

        Args:
            function: importable; its arguments and result travel between processes.
            *arguments: for the function.
            feeds: in the pool for feeds.
            seconds: until the worker is killed; None: those of the pool.
        """
        started = self._started(feeds=feeds)
        limit = self._seconds if seconds is None else seconds
        return cast("Future[T]", started.schedule(_attempt, args=(function, *arguments), timeout=limit))

    def outcome(self, name: str, future: Future[T], seconds: float | None = None) -> T:
        """What a worker's call came to. Waits until it has.

        Raises:
            ExtractError: as `call`.
        """
        try:
            result, reason = cast("tuple[T, str]", future.result())
        except (FutureTimeoutError, TimeoutError):
            raise ExtractError(name, f"reading it took longer than {seconds or self._seconds:g} s", late=True) from None
        except ProcessExpired as error:
            raise ExtractError(name, _why_it_ended(error.exitcode)) from None
        except (ValueError, *FAULTS) as error:
            raise ExtractError(name, f"reading it failed: {type(error).__name__}: {error}"[:300]) from None
        if reason:
            raise ExtractError(name, reason)
        return result

    def close(self) -> None:
        """End the workers at once; what they were reading is read again by the next run. Blocks for a moment."""
        for pool in self._pools.values():
            pool.stop()
        for pool in self._pools.values():
            pool.join()
        self._pools.clear()

    def _started(self, *, feeds: bool) -> Any:
        if feeds not in self._pools:
            self._pools[feeds] = ProcessPool(
                max_workers=self._feed_workers if feeds else self._workers,
                context=_workers_context(),
                initializer=_prepare_for_feeds if feeds else _prepare,
            )
        return self._pools[feeds]


async def read_feed_safely(
    extractors: Extractors,
    body: bytes,
    *,
    url: str,
    now: datetime,
    content_type: str = "",
    max_items: int = MAX_ITEMS,
    known: bytes = b"",
) -> FeedDocument:
    """Read a feed here if that is cheap whatever is in it, else in a worker; arguments as those of `parse_feed`.

    Raises:
        ExtractError: it took too long, needed too much memory or could not be read.
    """
    asked: dict[str, Any] = {
        "url": url,
        "now": now,
        "content_type": content_type,
        "max_items": max_items,
        "known": known,
    }
    document = parse_if_cheap(body, **asked)
    if document is not None:
        return document
    return await extractors.feed(body, partial(parse_feed, **asked), url)


def feed_in_time(parse: Callable[..., FeedDocument], body: bytes) -> FeedDocument:
    """In a worker: read a feed with less than two seconds of CPU time.

    A damaged document may keep the parser of damaged ones busy for ever. It is then made whole first: a few items may
    be lost by that, and the document says that it is damaged.
    """
    try:
        with _cpu_limit(FEED_CPU_SECONDS, kill=False):
            return parse(body, seconds=_BATCHES_SECONDS)
    except CpuSpentError:
        with _cpu_limit(REPAIR_CPU_SECONDS, kill=True):
            return parse(body, seconds=_REPAIR_BATCHES_SECONDS, repair=True)


@contextlib.contextmanager
def _cpu_limit(seconds: float, *, kill: bool) -> Iterator[None]:
    """Raise `CpuSpentError` after so much CPU time of this process, or end the process."""
    if not hasattr(signal, "setitimer"):  # Windows; the pool's time limit remains
        yield
        return

    def spent(_number: int, _frame: FrameType | None) -> None:
        raise CpuSpentError

    before = signal.signal(signal.SIGPROF, signal.SIG_DFL if kill else spent)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _why_it_ended(code: int | None) -> str:
    if hasattr(signal, "SIGPROF") and code == -signal.SIGPROF:
        return f"reading it took more than {FEED_CPU_SECONDS + REPAIR_CPU_SECONDS:g} s of CPU time"
    return f"reading it ended its process (exit code {code})"


def _workers_context() -> BaseContext:
    """How workers start: forked from a process that has imported everything and does nothing else.

    It is started with the first worker and lives as long as this process, so that the workers of later runs cost
    next to nothing; our own process, with its threads and open sockets, must not be forked.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():  # Windows
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["crawler.extraction", "crawler.parse.ahead"])
    return context


def _attempt(function: Callable[..., T], *arguments: Any) -> tuple[T | None, str]:
    """In a worker: the result, or why there is none."""
    try:
        return function(*arguments), ""
    except ExtractError as error:
        return None, error.reason
    except Exception as error:  # noqa: BLE001 - parsers raise anything on odd input, and some of it cannot travel
        return None, f"reading it failed: {type(error).__name__}: {error}"[:300]


def _prepare() -> None:
    """In a worker, before its first page: limits, silence, and the imports that take long."""
    _prepare_for_feeds(MEMORY_LIMIT)
    import trafilatura  # noqa: F401 - so that no page's time pays for it


def _prepare_for_feeds(memory: int = FEED_MEMORY_LIMIT) -> None:
    """In a worker, before its first feed."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    _limit_memory(memory)
    logging.basicConfig(handlers=[logging.NullHandler()])


def _limit_memory(most: int) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard == resource.RLIM_INFINITY or hard > most:
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))
