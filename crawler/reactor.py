"""The one event loop: Twisted's asyncio reactor, which Scrapy, APScheduler and our coroutines share.

The reactor is started once in a process and never stopped: its loop is run for as long as a coroutine needs it, as
often as wanted. So several runs, and several crawls in each, work in one process.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

from crawler.errors import StoppedError

T = TypeVar("T")

_SIGNALS = (signal.SIGTERM, signal.SIGINT)

_loop: asyncio.AbstractEventLoop | None = None
_on_stop: set[Callable[[], None]] = set()

# Both libraries log what we record as outcomes; without a handler Python would print it.
for _name in ("scrapy", "twisted"):
    logging.getLogger(_name).addHandler(logging.NullHandler())


def run(make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine on the reactor's loop until it is done.

    SIGTERM and SIGINT cancel it (main thread only); what it does in `finally` is waited for. A second one is left to
    the handlers that were there before.

    Args:
        make: makes the coroutine; called on the loop.

    Returns:
        What the coroutine returns, also when a signal cancelled it and it chose to end quietly.

    Raises:
        StoppedError: a signal cancelled it.
    """
    loop = _shared_loop()
    asyncio.set_event_loop(loop)
    task = loop.create_task(_on_reactor(make))
    received: list[signal.Signals] = []

    def stop(signum: signal.Signals) -> None:
        received.append(signum)
        for callback in list(_on_stop):
            callback()
        task.cancel()

    with _signals(loop, stop):
        try:
            return loop.run_until_complete(task)
        except asyncio.CancelledError:
            if received:
                raise StoppedError(received[0]) from None
            raise
        finally:
            loop.run_until_complete(_sweep())


def ensure() -> None:
    """Have the reactor run on the loop this is called in; does nothing when it does already.

    Raises:
        RuntimeError: another loop, or another kind of reactor, has been chosen in this process before.
    """
    loop = asyncio.get_running_loop()
    from twisted.internet import asyncioreactor

    if "twisted.internet.reactor" not in sys.modules:
        asyncioreactor.install(loop)  # type: ignore[no-untyped-call]  # Twisted
    from twisted.internet import reactor

    if not isinstance(reactor, asyncioreactor.AsyncioSelectorReactor) or reactor._asyncioEventloop is not loop:  # noqa: SLF001 - Twisted names its loop nowhere else
        raise RuntimeError("this process has a reactor on another event loop; use crawler.reactor.run")
    if not reactor.running:
        reactor.startRunning(installSignalHandlers=False)


@contextlib.contextmanager
def on_stop(callback: Callable[[], None]) -> Iterator[None]:
    """Have `callback` called on the loop when a signal asks this process to stop, while the block runs."""
    _on_stop.add(callback)
    try:
        yield
    finally:
        _on_stop.discard(callback)


def _shared_loop() -> asyncio.AbstractEventLoop:
    global _loop  # noqa: PLW0603 - one reactor a process is Twisted's rule
    if _loop is None:
        _loop = asyncio.new_event_loop()
        atexit.register(_close, _loop)
    return _loop


def _close(loop: asyncio.AbstractEventLoop) -> None:
    if not loop.is_running():
        loop.close()


async def _on_reactor(make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    ensure()
    return await make()


@contextlib.contextmanager
def _signals(loop: asyncio.AbstractEventLoop, stop: Callable[[signal.Signals], None]) -> Iterator[None]:
    """Take SIGTERM and SIGINT while the block runs, and give them back at the first signal or at its end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {signum: signal.getsignal(signum) for signum in _SIGNALS}

    def give_back() -> None:
        for signum in _SIGNALS:
            loop.remove_signal_handler(signum)
            signal.signal(signum, before[signum] or signal.SIG_DFL)

    def arrived(signum: signal.Signals) -> None:
        give_back()
        stop(signum)

    for signum in _SIGNALS:
        loop.add_signal_handler(signum, arrived, signum)
    try:
        yield
    finally:
        give_back()


async def _sweep() -> None:
    """End what a coroutine left behind, so that the next run does not find it."""
    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
