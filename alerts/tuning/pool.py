"""Work spread over spawned processes: answers in the order of the questions, a bounded number of them under way."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")

AHEAD = 3
"""Questions under way for each worker: enough to keep it busy, few enough to keep memory flat."""


def worker_count(wanted: int = 0) -> int:
    """`wanted` processes, or one for each processor that this process may use."""
    if wanted:
        return wanted
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable is not None else os.cpu_count() or 1


def ordered_map(
    work: Callable[[Question], Answer], questions: Iterable[Question], *, workers: int, here: int = 1
) -> Generator[Answer, None, None]:
    """Answer every question, in order; memory does not depend on how many there are.

    While processes start up, which takes about a second, this process answers the first questions itself, the very
    first before it starts any. When the questions are no more than that, no process is started at all.

    Args:
        work: answers one question; a copy of it goes to every worker, so it must pickle.
        questions: may be endless; taken as they are needed.
        workers: how many processes; with one, all work is done here.
        here: how many questions this process answers while the workers start.

    Raises:
        ChildProcessError: a worker was ended from outside.
    """
    source = iter(questions)
    first = list(islice(source, here))
    following = list(islice(source, 1)) if workers > 1 else []
    if not following:
        yield from map(work, chain(first, source))
        return
    yield from map(work, first[:1])
    with _pool(workers, work) as pool:
        waiting: deque[Future[Answer]] = deque()
        rest = chain(following, source)
        _submit(pool, waiting, islice(rest, workers * AHEAD))
        yield from map(work, first[1:])
        try:
            while waiting:
                answer = waiting.popleft().result()
                _submit(pool, waiting, islice(rest, 1))
                yield answer
        except BrokenProcessPool as error:
            raise ChildProcessError("a process that was reading articles was ended from outside; try again") from error


def _submit(pool: ProcessPoolExecutor, waiting: deque[Future[Any]], questions: Iterable[object]) -> None:
    for question in questions:
        with _interrupts_held():
            waiting.append(pool.submit(_answer, question))


@contextmanager
def _pool(workers: int, work: Callable[..., Any]) -> Iterator[ProcessPoolExecutor]:
    # Once for all workers.
    packed = pickle.dumps(work)
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_start, initargs=(packed,))
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_work: Callable[[Any], Any] | None = None
"""In a worker: what it was started to do."""


def _start(packed: bytes) -> None:
    """First thing in a worker: Ctrl-C is the parent's to handle, and a worker never outlives its parent."""
    global _work  # noqa: PLW0603 - a worker has no other place to keep what it was started with
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _work = pickle.loads(packed)  # noqa: S301 - from our own parent


def _answer(question: object) -> object:
    assert _work is not None
    return _work(question)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Processes started in this block are born deaf to Ctrl-C, also while they still import.

    Held and not ignored: one that arrives meanwhile reaches this process at the end of the block.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
