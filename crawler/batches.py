"""Outcomes of feeds that have not changed, which is what most are, stored many at a time.

One commit for each would cost more than asking. A kill loses those of the last moment; such a feed is asked once more.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from functools import partial
from types import TracebackType
from typing import Self

import sqlalchemy as sa

from crawler.archive.outcomes import record_polls
from crawler.archive.rows import state_of
from crawler.errors import ArchiveError
from crawler.items import ChannelAnswer, CollectRun, Noting
from crawler.pipelines import channel_limits, channel_outcome, poll_record, store_item
from crawler.polling import Limits, next_poll

MOST = 500
SECONDS = 0.2


class Batches:
    """Collects outcomes, and stores them when there are many or when the first has waited long enough.

    An async context manager; at its end everything is stored, or the run has the error.

    Attributes:
        waiting: outcomes that nobody is storing yet.
    """

    def __init__(self, run: CollectRun) -> None:
        self._run = run
        self.waiting: list[ChannelAnswer] = []
        self._ending = asyncio.Event()
        self._timer: asyncio.Task[None] | None = None

    async def add(self, answer: ChannelAnswer) -> None:
        """Take one more; it counts in the report when it is stored."""
        self.waiting.append(answer)
        if len(self.waiting) >= MOST:
            await self.flush()

    async def flush(self) -> None:
        """Store what waits."""
        answers, self.waiting = self.waiting, []
        if not answers or self._run.errors:
            return
        bugs: list[BaseException] = []
        with Noting(bugs):
            await self._store(answers)
        if bugs:
            # One by one, so that only the outcome that met it goes without.
            for answer in answers:
                with Noting(self._run.bugs):
                    await store_item(self._run, answer)

    async def _store(self, answers: Sequence[ChannelAnswer]) -> None:
        run = self._run
        limits = [channel_limits(run.channels.get(answer.channel.id), run.options) for answer in answers]
        try:
            await run.writer.submit(partial(store_unchanged, answers=answers, limits=limits))
        except (ArchiveError, sa.exc.SQLAlchemyError) as error:
            run.errors.append(error)
            run.stopping = True
            return
        run.report.polled += len(answers)
        run.report.unchanged += len(answers)
        for _ in answers:
            run.step("channels")

    async def __aenter__(self) -> Self:
        self._timer = asyncio.create_task(self._now_and_then())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._timer is not None
        self._ending.set()
        await self._timer
        # What came while the timer was storing what had come before.
        await self.flush()

    async def _now_and_then(self) -> None:
        while not self._ending.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SECONDS):
                    await self._ending.wait()
            await self.flush()


def store_unchanged(connection: sa.Connection, answers: Sequence[ChannelAnswer], limits: Sequence[Limits]) -> None:
    """Store outcomes of channels that have not changed.

    Args:
        connection: in a write transaction.
        answers: each `Kind.UNCHANGED`.
        limits: of each channel's interval.
    """
    polls = []
    for answer, bounds in zip(answers, limits, strict=True):
        decision = next_poll(state_of(answer.channel), channel_outcome(answer), answer.at, bounds)
        polls.append((answer.channel, poll_record(answer, decision, new=0)))
    record_polls(connection, polls)
