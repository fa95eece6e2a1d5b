"""Runs of jobs: started, finished, killed, forgotten."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from alerts.ledger.runs import finish_run, forget_runs, last_runs, last_successes, start_run
from crawler.archive import Archive

NOW = datetime(2026, 3, 1, 7, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def _run(archive: Archive, job: str, at: datetime, error: str | None = "") -> int:
    with archive.write() as connection:
        run_id = start_run(connection, job, at)
        if error is not None:
            finish_run(connection, run_id, at + timedelta(seconds=2), counts={"read": 3}, error=error)
    return run_id


def test_a_run_is_recorded_from_start_to_end(archive: Archive) -> None:
    run_id = _run(archive, "flag", NOW)
    with archive.read() as connection:
        run = last_runs(connection)["flag"]
    assert (run.id, run.started_at, run.finished_at) == (run_id, NOW, NOW + timedelta(seconds=2))
    assert (run.ok, run.counts, run.error) == (True, {"read": 3}, "")


def test_failed_and_killed_runs_are_no_successes(archive: Archive) -> None:
    good = _run(archive, "collect", NOW)
    failed = _run(archive, "collect", NOW + DAY, "no network \x00")
    with archive.read() as connection:
        assert (last_runs(connection)["collect"].id, last_runs(connection)["collect"].ok) == (failed, False)
        assert last_runs(connection)["collect"].error == "no network "
    killed = _run(archive, "collect", NOW + 2 * DAY, None)
    with archive.read() as connection:
        latest = last_runs(connection)["collect"]
        assert (latest.id, latest.ok, latest.finished_at) == (killed, None, None)
        assert last_successes(connection)["collect"].id == good


def test_old_runs_are_forgotten_but_never_the_last_good_one(archive: Archive) -> None:
    for day in range(4):
        _run(archive, "digest", NOW + day * DAY, "broken" if day == 3 else "")
        _run(archive, "deliver", NOW + day * DAY, "broken")
    with archive.write() as connection:
        # Of `digest` the good one of day 2 stays, of `deliver` nothing.
        assert forget_runs(connection, NOW + 10 * DAY) == 7
        assert forget_runs(connection, NOW + 10 * DAY) == 0
        assert {job: run.started_at for job, run in last_successes(connection).items()} == {"digest": NOW + 2 * DAY}
        assert list(last_runs(connection)) == ["digest"]
