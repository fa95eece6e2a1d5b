"""The registry of jobs and `run`: everything that is due, once.

Every job asks the database for rows that still lack something, so it can be killed and started again at any moment,
and cron, daemon and person get the same result. One job's failure is recorded and never stops the next: a digest must
go out although the collector is broken, and it then says so.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from alerts.alerting import make_alerts
from alerts.delivery import deliver as deliver_outbox
from alerts.delivery import enqueue
from alerts.digests import make_digests
from alerts.errors import DeliveryError, LockLost
from alerts.flags import flag_articles
from alerts.items import make_items
from alerts.ledger import runs
from alerts.operating.retention import clear_out
from alerts.origins.assess import assess_origins
from alerts.stories import group_articles, tidy_index
from crawler.archive import articles, channels
from crawler.errors import ArchiveAwayError, ArchiveBusyError, ArchiveError, CeasewireError

if TYPE_CHECKING:
    import sqlalchemy as sa

    from alerts.configuration import Configuration
    from crawler.archive import Archive

log = logging.getLogger(__name__)

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}

Counts = Mapping[str, int]
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Work:
    """What every job is given.

    Attributes:
        now: gives the current instant, aware UTC.
        everything: collect asks every channel, due or not (conditionally).
        fetch: false leaves the network alone: the caller has seen that nothing is due and runs without a reactor.
        progress: called with (done, total, what), or None.
        stopping: asked between jobs and between deliveries; true ends the run early, which loses nothing.
        verify: raises `LockLost` when the run's lock is no longer held; called with a connection, or None, before each
            job and in each transaction after which something is said to somebody.
    """

    archive: Archive
    configuration: Configuration
    now: Callable[[], datetime]
    everything: bool = False
    fetch: bool = True
    progress: Progress | None = None
    stopping: Callable[[], bool] = lambda: False
    verify: Callable[[sa.Connection | None], None] = lambda _: None


class Fault(StrEnum):
    """What a person can do about a job that failed: wait, make room or give permissions, report a bug."""

    TEMPORARY = "temporary"
    UNWRITABLE = "unwritable"
    BUG = "bug"


@dataclass(frozen=True, slots=True)
class JobReport:
    """How one execution of one job went.

    Attributes:
        error: empty when it went well.
        fault: what kind of error it is.
    """

    job: str
    counts: Counts
    error: str = ""
    fault: Fault = Fault.TEMPORARY


@dataclass(frozen=True, slots=True)
class Job:
    """A step that cron, the daemon or a person can start."""

    name: str
    run: Callable[[Work], Awaitable[Counts]]


def collection_due(work: Work) -> bool:
    """Whether any channel or page is to be asked for now; a quiet minute of cron need not import the crawler for it."""
    now = work.now()
    with work.archive.write() as connection:
        channels.sync_channels(connection, work.configuration.sources, now)
    if work.everything:
        return True
    with work.archive.read() as connection:
        return bool(channels.due_channels(connection, now) or articles.pages_wanted(connection, now, limit=1))


async def _collect(work: Work) -> Counts:
    if not work.fetch or not await asyncio.to_thread(collection_due, work):
        return {}
    from crawler.collect import collect

    configuration = work.configuration
    report = await collect(
        work.archive,
        configuration.sources,
        configuration.settings.crawler,
        now=work.now,
        everything=work.everything,
        progress=work.progress,
    )
    return {name: value for name, value in asdict(report).items() if isinstance(value, int)}


def _group(work: Work) -> Counts:
    grouped = group_articles(work.archive, work.now(), work.progress)
    return {"grouped": grouped, "assessed": assess_origins(work.archive, work.configuration.sources)}


def _flag(work: Work) -> Counts:
    configuration = work.configuration
    report = flag_articles(
        work.archive, configuration.rule_set, configuration.sources, work.now(), progress=work.progress
    )
    return {"read": report.read, "flags": report.flags}


def _items(work: Work) -> Counts:
    configuration = work.configuration
    return {"items": make_items(work.archive, configuration.desks, work.now(), configuration.sources)}


def _alert(work: Work) -> Counts:
    configuration = work.configuration
    return {"alerts": make_alerts(work.archive, configuration.desks, work.now(), configuration.sources)}


def _digest(work: Work) -> Counts:
    return {"digests": len(make_digests(work.archive, work.configuration, work.now()))}


def _deliver(work: Work) -> Counts:
    queued = enqueue(work.archive, work.configuration, work.now())
    report = deliver_outbox(work.archive, work.configuration, work.now, stopping=work.stopping, verify=work.verify)
    counts = {"queued": queued}
    counts.update({name: value for name, value in asdict(report).items() if isinstance(value, int)})
    return counts


def _tidy(work: Work) -> Counts:
    days = work.configuration.settings.alerts.keep_texts_days
    keep = timedelta(days=days) if days else None
    cleared = asdict(clear_out(work.archive, work.now(), keep_texts=keep, stopping=work.stopping))
    return {**cleared, "index": tidy_index(work.archive, work.now(), work.stopping)}


def _in_thread(step: Callable[[Work], Counts]) -> Callable[[Work], Awaitable[Counts]]:
    async def run(work: Work) -> Counts:
        return await asyncio.to_thread(step, work)

    return run


JOBS: tuple[Job, ...] = (
    Job("collect", _collect),
    Job("group", _in_thread(_group)),
    Job("flag", _in_thread(_flag)),
    Job("items", _in_thread(_items)),
    Job("alert", _in_thread(_alert)),
    Job("digest", _in_thread(_digest)),
    Job("deliver", _in_thread(_deliver)),
    Job("tidy", _in_thread(_tidy)),
)


async def run_due(work: Work, names: Sequence[str] = ()) -> tuple[JobReport, ...]:
    """Run the named jobs (all, if none is named) in the order of the data, each with a run row of its own.

    Args:
        work: what the jobs are given.
        names: names out of `JOBS`.

    Returns:
        A report per job that was started.
    """
    reports = []
    for job in JOBS:
        if names and job.name not in names:
            continue
        if work.stopping():
            break
        report, lost = await _run_job(work, job)
        reports.append(report)
        if lost:
            return tuple(reports)
    if work.configuration.settings.alerts.metrics_file is not None:
        await asyncio.to_thread(_write_metrics, work)
    return tuple(reports)


async def _run_job(work: Work, job: Job) -> tuple[JobReport, bool]:
    """Run one job; also says whether the run's lock was lost and nothing more may be done."""
    run_id = await asyncio.to_thread(_start_run, work, job.name)
    lost = False
    try:
        await asyncio.to_thread(work.verify, None)
        report = JobReport(job.name, await job.run(work))
    except CeasewireError as error:
        lost = isinstance(error, LockLost)
        report = JobReport(job.name, {}, error=str(error), fault=fault_of(error))
        log.error("%s: %s", job.name, error)
    except Exception as error:
        # Any error at all: one job's bug must not keep the digest from going out. It is recorded and logged.
        fault = fault_of(error)
        told = str(error) if fault is Fault.UNWRITABLE else "".join(traceback.format_exception(error))
        report = JobReport(job.name, {}, error=told, fault=fault)
        if fault is Fault.BUG:
            log.exception("%s failed unexpectedly", job.name)
        else:
            log.error("%s: %s", job.name, error)
    await asyncio.to_thread(_finish_run, work, run_id, report)
    return report, lost


def fault_of(error: Exception) -> Fault:
    """What can be done about an error that ended a job."""
    if isinstance(error, ArchiveAwayError | ArchiveBusyError):
        return Fault.TEMPORARY
    if isinstance(error, ArchiveError) or (isinstance(error, OSError) and error.errno in _NO_ROOM):
        return Fault.UNWRITABLE
    if isinstance(error, CeasewireError):
        return Fault.BUG if isinstance(error, DeliveryError) and error.permanent else Fault.TEMPORARY
    return Fault.BUG


def _write_metrics(work: Work) -> None:
    from alerts.operating.facts import gather
    from alerts.operating.metrics import exposition, write_textfile

    configuration = work.configuration
    path = configuration.settings.alerts.metrics_file
    assert path is not None
    try:
        write_textfile(path, exposition(gather(work.archive, work.now()), configuration.desks))
    except (OSError, CeasewireError) as error:
        # Figures that grow old are noticed by those who watch them; the wire itself is not concerned.
        log.error("metrics: %s", error)


def _start_run(work: Work, name: str) -> int:
    with work.archive.write() as connection:
        return runs.start_run(connection, name, work.now())


def _finish_run(work: Work, run_id: int, report: JobReport) -> None:
    with work.archive.write() as connection:
        runs.finish_run(connection, run_id, work.now(), counts=dict(report.counts), error=report.error)
