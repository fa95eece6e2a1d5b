"""One thread that writes: what many coroutines want stored at the same time goes into one transaction.

A commit costs a flush to disk; twenty changes that wait anyway can share it. Each has a savepoint, so that one that
fails takes nothing with it, and nobody hears of success before the commit.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import sqlalchemy as sa

from crawler.archive.engine import Archive, is_its_state
from crawler.errors import ArchiveBusyError, ArchiveError

T = TypeVar("T")

_MOST_TOGETHER = 200
_ATTEMPTS = 5

log = logging.getLogger(__name__)


@dataclass
class _Task(Generic[T]):
    """One function that waits for its turn. As a context manager it keeps what its block raises."""

    function: Callable[[sa.Connection], T]
    future: Future[T] = field(default_factory=Future)
    result: T | None = None
    error: BaseException | None = None

    def run(self, connection: sa.Connection) -> None:
        """Call the function under a savepoint and keep its result, or its error after rolling back to it."""
        self.error = None
        with self, connection.begin_nested():
            self.result = self.function(connection)

    def deliver(self) -> None:
        """Tell the caller."""
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)  # type: ignore[arg-type]  # T, once `run` went well

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.error = error
        # Perhaps the state of the whole transaction and not of this function alone: the transaction must end.
        return not is_its_state(error)


class Writer:
    """The one writer of a process. Functions are given a connection and must have no effect but on it.

    A function may be called again when the database made its transaction give way to another one.
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._queue: queue.SimpleQueue[_Task[Any] | None] = queue.SimpleQueue()
        self._closing = False
        self._gate = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="archive-writer")
        self._thread.start()

    async def submit(self, function: Callable[[sa.Connection], T]) -> T:
        """Have `function` called in a write transaction; returns its result once that is committed.

        Raises:
            ArchiveError: the transaction could not be committed, or the writer is closed.
        """
        return await asyncio.wrap_future(self.put(function))

    def put(self, function: Callable[[sa.Connection], T]) -> Future[T]:
        """As `submit`, for callers without an event loop."""
        task = _Task(function)
        with self._gate:
            if self._closing:
                raise ArchiveError("the writer is closed")
            self._queue.put(task)
        return task.future

    def close(self) -> None:
        """Write what is queued, then end the thread. May be called twice."""
        with self._gate:
            if not self._closing:
                self._closing = True
                self._queue.put(None)
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _work(self) -> None:
        ending = False
        while not ending:
            first = self._queue.get()
            tasks, ending = self._waiting(first)
            # A caller that went away while its function waited does not get it done.
            tasks = [task for task in tasks if task.future.set_running_or_notify_cancel()]
            if tasks:
                self._write(tasks)

    def _waiting(self, first: _Task[Any] | None) -> tuple[list[_Task[Any]], bool]:
        if first is None:
            return [], True
        tasks = [first]
        while len(tasks) < _MOST_TOGETHER:
            try:
                task = self._queue.get_nowait()
            except queue.Empty:
                break
            if task is None:
                return tasks, True
            tasks.append(task)
        return tasks, False

    def _write(self, tasks: list[_Task[Any]]) -> None:
        outcome = _Task[None](lambda _: None)
        with outcome:
            try:
                self._commit(tasks)
            except ArchiveError as error:
                log.info("%s: writing %d changes one by one", error, len(tasks))
                for task in tasks:
                    self._commit_alone(task)
        for task in tasks:
            if not task.future.done():
                task.error = task.error or outcome.error
                task.deliver()

    def _commit(self, tasks: list[_Task[Any]]) -> None:
        with self._archive.write() as connection:
            for task in tasks:
                task.run(connection)

    def _commit_alone(self, task: _Task[Any]) -> None:
        for attempt in range(_ATTEMPTS):
            try:
                self._commit([task])
            except ArchiveBusyError as error:
                if attempt + 1 < _ATTEMPTS:
                    continue
                task.error = error
            except ArchiveError as error:
                task.error = error
            break
        task.deliver()
