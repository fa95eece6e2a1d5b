"""The daemon: APScheduler as the clock of `run_due`, on the reactor's event loop. APScheduler lives here only.

The clock only says "look now"; what is due is computed from the database, so a missed, doubled or late tick changes
nothing. Two triggers: the slots of all desks, to the second, and a tick as the safety net.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger

from alerts.errors import LockHeld
from alerts.jobs import Work, run_due
from alerts.ledger.lock import run_lock
from alerts.schedule import next_slots
from crawler import reactor
from crawler.errors import ConfigError, StoppedError

if TYPE_CHECKING:
    from alerts.configuration import Configuration
    from alerts.desks import Desk
    from crawler.archive import Archive

log = logging.getLogger(__name__)

GRACE_SECONDS = 8.0
"""How long a stop waits for the job under way. What it leaves undone is found by the next run."""


class SlotTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler ships no types
    """Fires at the next slot of any desk, by cronsim (APScheduler's own cron trigger is wrong at clock changes)."""

    def __init__(self, desks: Callable[[], tuple[Desk, ...]]) -> None:
        self._desks = desks

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """The earliest slot after `now` over all desks, aware UTC; None when there is no desk."""
        del previous_fire_time
        slots = [next_slots(desk.schedule, desk.zone, now, 1)[0] for desk in self._desks()]
        return min(slots, default=None)


class Daemon:
    """Holds the configuration in force and runs what is due, one run at a time."""

    def __init__(
        self,
        archive: Archive,
        configuration: Configuration,
        *,
        reload: Callable[[], Configuration],
        now: Callable[[], datetime],
    ) -> None:
        self.configuration = configuration
        self._archive = archive
        self._reload = reload
        self._now = now
        self._fingerprint = _fingerprint(configuration.folder)
        self._busy = asyncio.Lock()
        self.stopping = False

    async def tick(self) -> None:
        """Run everything that is due, unless a run is under way here or elsewhere."""
        if self._busy.locked() or self.stopping:
            return
        async with self._busy:
            self._reload_if_changed()
            try:
                with run_lock(self._archive, wait=0) as lock:
                    work = Work(
                        self._archive,
                        self.configuration,
                        self._now,
                        stopping=lambda: self.stopping,
                        verify=lock.verify,
                    )
                    await run_due(work)
            except LockHeld as held:
                log.info("%s", held)

    async def idle(self) -> None:
        """Return once no run is under way."""
        async with self._busy:
            return

    def _reload_if_changed(self) -> None:
        """Take changed files into force; when they are wrong keep the last good ones and say so."""
        fingerprint = _fingerprint(self.configuration.folder)
        if fingerprint == self._fingerprint:
            return
        self._fingerprint = fingerprint
        try:
            self.configuration = self._reload()
        except ConfigError as error:
            # The message holds file, line and caret; a traceback would only hide them.
            log.error("the changed configuration is wrong; going on with the last good one:\n%s", error)
        else:
            log.info("configuration read again")


def _fingerprint(folder: Path) -> frozenset[tuple[str, int, int]]:
    """Names, sizes and times of the configuration's files."""
    found = []
    for path in folder.rglob("*.yaml"):
        status = path.stat()
        found.append((str(path), status.st_size, status.st_mtime_ns))
    return frozenset(found)


def serve_forever(
    archive: Archive,
    configuration: Configuration,
    *,
    reload: Callable[[], Configuration],
    now: Callable[[], datetime],
    tick_seconds: int = 60,
    http: tuple[str, int] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT. Returns within `GRACE_SECONDS` of the signal, or ends the process by itself.

    Args:
        archive: the database.
        configuration: in force until `reload` gives another one.
        reload: reads the configuration again.
        now: gives the current instant, aware UTC.
        tick_seconds: look for due work at least this often.
        http: address and port of the web side; None for none.

    Raises:
        OSError: the web side's address cannot be listened on.
    """

    async def serve() -> None:
        daemon = Daemon(archive, configuration, reload=reload, now=now)
        # No misfire limit: the default of one second drops runs on a busy host.
        defaults: dict[str, Any] = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        scheduler = AsyncIOScheduler(timezone=UTC, job_defaults=defaults)
        # A coroutine function, not a lambda: that would run in a thread without a loop.
        scheduler.add_job(
            daemon.tick, IntervalTrigger(seconds=tick_seconds), next_run_time=datetime.now(UTC), id="tick"
        )
        scheduler.add_job(daemon.tick, SlotTrigger(lambda: daemon.configuration.desks), id="slots")
        scheduler.start()
        log.info("serving %d desks and %d sources", len(configuration.desks), len(configuration.sources))
        try:
            async with _web_side(daemon, archive, now, http):
                await asyncio.Event().wait()
        finally:
            daemon.stopping = True
            scheduler.shutdown(wait=False)
            await _wind_down(daemon)

    # A signal is how a daemon is meant to end.
    with suppress(StoppedError):
        reactor.run(serve)


@asynccontextmanager
async def _web_side(
    daemon: Daemon, archive: Archive, now: Callable[[], datetime], http: tuple[str, int] | None
) -> AsyncIterator[None]:
    if http is None:
        yield
        return
    from alerts.web.app import Site, serving

    async with serving(Site(archive, lambda: daemon.configuration, now), *http) as port:
        log.info("the web side listens on %s:%d", http[0], port)
        yield


async def _wind_down(daemon: Daemon) -> None:
    try:
        await asyncio.wait_for(daemon.idle(), GRACE_SECONDS)
    except TimeoutError:
        log.warning("a job is still under way after %.0f s: leaving it to the next run", GRACE_SECONDS)
        logging.shutdown()
        # A thread that talks to a slow mail server cannot be stopped; every step of it is safe against a kill.
        os._exit(0)
