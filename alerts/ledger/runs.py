"""The record of every execution of every job: what `doctor` and the digest's coverage line are told from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from alerts.ledger.schema import run
from crawler.archive.texts import storable


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of one job.

    Attributes:
        ok: None while it runs, or when it was killed.
        counts: what it did, by name.
        error: empty when it went well.
    """

    id: int
    job: str
    started_at: datetime
    finished_at: datetime | None
    ok: bool | None
    counts: Mapping[str, int]
    error: str


def start_run(connection: sa.Connection, job: str, now: datetime) -> int:
    """Record that a job begins; returns the run's id."""
    run_id = connection.execute(
        sa.insert(run).values(job=job, started_at=now, counts={}).returning(run.c.id)
    ).scalar_one()
    return int(run_id)


def finish_run(
    connection: sa.Connection, run_id: int, now: datetime, *, counts: Mapping[str, int], error: str = ""
) -> None:
    """Record how a run ended; it went well if `error` is empty."""
    connection.execute(
        sa.update(run)
        .where(run.c.id == run_id)
        .values(finished_at=now, ok=not error, counts=dict(counts), error=storable(error))
    )


def forget_runs(connection: sa.Connection, before: datetime) -> int:
    """Delete runs that started before then, but never the last good one of a job. Returns how many."""
    last_good = sa.select(sa.func.max(run.c.id)).where(run.c.ok).group_by(run.c.job)
    return connection.execute(sa.delete(run).where(run.c.started_at < before, run.c.id.not_in(last_good))).rowcount


def last_runs(connection: sa.Connection) -> dict[str, Run]:
    """The latest run of each job, by job."""
    latest = sa.select(sa.func.max(run.c.id)).group_by(run.c.job)
    return _by_job(connection, latest)


def last_successes(connection: sa.Connection) -> dict[str, Run]:
    """The latest run of each job that went well, by job; jobs that never did are missing."""
    latest = sa.select(sa.func.max(run.c.id)).where(run.c.ok).group_by(run.c.job)
    return _by_job(connection, latest)


def _by_job(connection: sa.Connection, ids: sa.Select[Any]) -> dict[str, Run]:
    rows = connection.execute(sa.select(run).where(run.c.id.in_(ids)).order_by(run.c.job))
    return {
        row.job: Run(row.id, row.job, row.started_at, row.finished_at, row.ok, row.counts, row.error) for row in rows
    }
