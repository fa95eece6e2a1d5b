"""`run`, `collect` and `serve`: the jobs, once or for good."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from alerts.cli import common

if TYPE_CHECKING:
    from alerts.configuration import Configuration
    from alerts.jobs import JobReport, Work
    from crawler.archive import Archive

RUN_EPILOG = """\b
Examples:
  */5 * * * *  ceasewire --config /etc/ceasewire run     in a crontab: silent unless something is wrong
  ceasewire run -v                                       say what each job did
  ceasewire run --only digest --only deliver             these jobs and no others
  ceasewire run --dry-run                                what a digest made now would hold; changes nothing
"""
SERVE_EPILOG = """\b
Examples:
  ceasewire --config /etc/ceasewire serve
  ceasewire --config /etc/ceasewire serve --http 127.0.0.1:8750      health, metrics, readers' links
"""
JOB_NAMES = ("collect", "group", "flag", "items", "alert", "digest", "deliver", "tidy")

skip_broken_option = click.option(
    "--skip-broken",
    is_flag=True,
    help="Go on without rules, sources or desks whose file is wrong; the digest names them.",
)
wait_option = click.option(
    "--wait", type=click.FloatRange(min=0), default=0.0, metavar="SECONDS", help="Wait for another run to end."
)
fail_if_locked_option = click.option(
    "--fail-if-locked", is_flag=True, help="Exit 75 when another run holds the lock (default: leave silently)."
)


@click.command(epilog=RUN_EPILOG)
@skip_broken_option
@wait_option
@fail_if_locked_option
@click.option("--only", "only", multiple=True, type=click.Choice(JOB_NAMES), help="Run this job only; may be repeated.")
@click.option("--dry-run", is_flag=True, help="Show what would be collected and told; change and send nothing.")
@click.option(
    "--ping-url",
    envvar="CEASEWIRE_PING_URL",
    default="",
    metavar="URL",
    help="A check in the Healthchecks convention: asked at URL/start and at URL/EXITCODE [env CEASEWIRE_PING_URL].",
)
@click.pass_obj
def run(state: common.State, /, *, ping_url: str, **choices: Any) -> int:
    """Do everything that is due, once: collect, group, flag, make items and digests, deliver.

    Safe to start at any time and to kill at any time: what is unfinished is found again by the next run.
    """
    from alerts.errors import LockHeld
    from alerts.operating.ping import Watcher

    try:
        watcher = Watcher("" if choices["dry_run"] else ping_url)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--ping-url") from error
    try:
        code = _run_once(state, watcher.start, **choices)
    except LockHeld:
        # The run that holds the lock will tell; if it hangs, the watcher must notice.
        raise
    except Exception as error:
        watcher.end(common.code_of(error))
        raise
    watcher.end(code)
    return code


def _run_once(
    state: common.State,
    started: Callable[[], None],
    *,
    skip_broken: bool,
    wait: float,
    fail_if_locked: bool,
    only: tuple[str, ...],
    dry_run: bool,
) -> int:
    configuration = state.configuration(skip_broken=skip_broken)
    with common.open_database(configuration) as archive:
        if dry_run:
            return _rehearse(configuration, archive)
        return _run_locked(configuration, archive, only, started, wait=wait, fail_if_locked=fail_if_locked)


@click.command()
@click.option("--now", "everything", is_flag=True, help="Ask every channel, due or not; always conditionally.")
@skip_broken_option
@wait_option
@fail_if_locked_option
@click.pass_obj
def collect(state: common.State, *, everything: bool, skip_broken: bool, wait: float, fail_if_locked: bool) -> int:
    """Ask the channels that are due, store what is new, fetch the pages that are wanted.

    A channel that fails is recorded and asked again later; exit 69 says that one was refused for good.
    """
    configuration = state.configuration(skip_broken=skip_broken)
    with common.open_database(configuration) as archive:
        return _run_locked(
            configuration, archive, ("collect",), wait=wait, fail_if_locked=fail_if_locked, everything=everything
        )


@click.command(epilog=SERVE_EPILOG)
@skip_broken_option
@click.option(
    "--tick",
    type=click.IntRange(1, 3600),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="Look for due work at least this often; slots of desks are met to the second.",
)
@click.option(
    "--http",
    metavar="ADDRESS:PORT",
    help="Also serve /healthz, /metrics and readers' links; off by default. Put a web server with TLS before it.",
)
@click.pass_obj
def serve(state: common.State, *, skip_broken: bool, tick: int, http: str | None) -> int:
    """Run as a daemon. SIGTERM stops it cleanly within ten seconds; nothing is lost however it ends."""
    from alerts.daemon import serve_forever

    place = None if http is None else _listening(http)

    configuration = state.configuration(skip_broken=skip_broken)
    with common.open_database(configuration) as archive:
        serve_forever(
            archive,
            configuration,
            reload=lambda: state.configuration(skip_broken=skip_broken),
            now=common.utc_now,
            tick_seconds=tick,
            http=place,
        )
    return 0


def _listening(place: str) -> tuple[str, int]:
    host, colon, port = place.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65_535:
        raise click.BadParameter(f"{place!r} is no address and port: write 127.0.0.1:8750", param_hint="--http")
    return host.strip("[]") or "127.0.0.1", int(port)


def _run_locked(
    configuration: Configuration,
    archive: Archive,
    only: Sequence[str],
    started: Callable[[], None] = lambda: None,
    *,
    wait: float,
    fail_if_locked: bool,
    everything: bool = False,
) -> int:
    from alerts.errors import LockHeld
    from alerts.jobs import Work
    from alerts.ledger.lock import run_lock

    try:
        with run_lock(archive, wait=wait) as lock, common.progress_bar() as progress:
            started()
            work = Work(
                archive, configuration, common.utc_now, everything=everything, progress=progress, verify=lock.verify
            )
            return exit_code(_run(work, only))
    except LockHeld as held:
        if not fail_if_locked:
            raise
        click.echo(f"ceasewire: {held}", err=True)
        return common.TEMPORARY


def _run(work: Work, only: Sequence[str]) -> tuple[JobReport, ...]:
    """Run on the reactor only when there is something to fetch: it costs more to import than a quiet run takes."""
    from alerts.jobs import collection_due, run_due

    if (not only or "collect" in only) and collection_due(work):
        from crawler import reactor

        return reactor.run(lambda: run_due(work, only))
    return asyncio.run(run_due(replace(work, fetch=False), only))


def exit_code(reports: Sequence[JobReport]) -> int:
    """The worst that happened. Each failed job has already said why on standard error."""
    failed = [report for report in reports if report.error]
    if failed:
        return common.code_of_jobs(failed)
    refused = sum(report.counts.get("refused", 0) for report in reports)
    unsent = sum(report.counts.get("failed", 0) for report in reports if report.job == "deliver")
    waiting = sum(report.counts.get("relay_down", 0) for report in reports if report.job == "deliver")
    # A digest that could not be composed waits as it is: for its desk to come back, or its template to be mended.
    if sum(report.counts.get("frozen", 0) for report in reports):
        return common.CONFIGURATION
    if refused or unsent:
        return common.REFUSED
    return common.TEMPORARY if waiting else 0


def _rehearse(configuration: Configuration, archive: Archive) -> int:
    from alerts.digests import preview
    from crawler.archive import articles, channels

    now = common.utc_now()
    with archive.read() as connection:
        due = channels.due_channels(connection, now)
        wanted = articles.pages_wanted(connection, now)
    click.echo(f"channels due: {len(due)}; pages wanted: {len(wanted)}")
    for desk in configuration.desks:
        click.echo(f"\n{preview(archive, configuration, desk, now).text}")
    return 0
