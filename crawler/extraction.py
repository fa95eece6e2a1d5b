"""Processes that read pages (and very long documents), and that are killed when one takes too long.

A page can keep an extractor busy for minutes or make it eat all memory; in a process of its own that costs one page.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, TypeVar, cast

from pebble import ProcessExpired, ProcessPool

from crawler.errors import ExtractError

T = TypeVar("T")

MEMORY_LIMIT = 2 * 2**30
"""Address space of a worker in bytes. A page that needs more is refused, not this machine."""

FAULTS = (ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError, OSError, RuntimeError, TypeError)
"""What third-party parsers raise on odd input, beside ValueError and our own errors."""


class Extractors:
    """A pool of workers, started when first needed."""

    def __init__(self, workers: int, seconds: float) -> None:
        self._workers = workers
        self._seconds = seconds
        self._pool: Any = None

    def want(self, workers: int) -> None:
        """Before the first use: no more workers than this are worth starting (one costs a second of CPU)."""
        if self._pool is None:
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
        future = self._started().schedule(_attempt, args=(function, *arguments), timeout=self._seconds)
        try:
            result, reason = await asyncio.wrap_future(future)
        except (FutureTimeoutError, TimeoutError):
            raise ExtractError(name, f"reading it took longer than {self._seconds:g} s") from None
        except ProcessExpired as error:
            raise ExtractError(name, f"reading it ended its process (exit code {error.exitcode})") from None
        except (ValueError, *FAULTS) as error:
            raise ExtractError(name, f"reading it failed: {type(error).__name__}: {error}"[:300]) from None
        if reason:
            raise ExtractError(name, reason)
        return cast(T, result)

    def close(self) -> None:
        """End the workers at once; what they were reading is read again by the next run. Blocks for a moment."""
        if self._pool is not None:
            self._pool.stop()
            self._pool.join()
            self._pool = None

    def _started(self) -> Any:
        if self._pool is None:
            # Fork would copy a process with threads and open sockets.
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPool(max_workers=self._workers, context=context, initializer=_prepare)
        return self._pool


def _attempt(function: Callable[..., T], *arguments: Any) -> tuple[T | None, str]:
    """In a worker: the result, or why there is none (our errors cannot travel between processes)."""
    try:
        return function(*arguments), ""
    except ExtractError as error:
        return None, error.reason


def _prepare() -> None:
    """In a worker, before its first page: limits, silence, and the imports that take long."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    _limit_memory()
    logging.basicConfig(handlers=[logging.NullHandler()])
    import trafilatura  # noqa: F401 - so that no page's time pays for it


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard == resource.RLIM_INFINITY or hard > MEMORY_LIMIT:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, hard))
