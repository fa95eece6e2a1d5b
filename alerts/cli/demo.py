"""`demo`: a newsroom on this machine, collected, flagged and told as it would be with real sources."""

from __future__ import annotations

import signal
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alerts.cli import common

if TYPE_CHECKING:
    from alerts.jobs import JobReport
    from alerts.newsroom import Asked, Newsroom

EPILOG = """\b
Examples:
  ceasewire demo demo            collect the sample newsroom, write its digest into demo/outbox
  ceasewire demo demo            again: every channel is asked and unchanged, no second digest
  ceasewire demo demo --stay     leave the newsroom running; in another terminal:
                                   ceasewire --config demo/config collect --now
                                   ceasewire --config demo/config why URL

\b
Nothing leaves this machine. To start over, delete the folder.
Exit codes: 0 fine, 74 the folder cannot be written, 75 a port of the folder's newsroom is in use or a job will
be tried again, 78 the configuration in the folder is wrong.
"""
DESK = "demo"
BACK_FILL = timedelta(hours=24)
"""The demo's desk is told of the day before its first run."""
SETTINGS = """\
# Settings of the demo: its newsroom is on this machine, so loopback is allowed and nobody waits between requests.
crawler:
  database: sqlite:///../ceasewire.sqlite
  allow_addresses: [127.0.0.1]
  delay_seconds: 0
  extract_seconds: 60   # a busy laptop may take long to start the processes that read pages
alerts:
  sender: {address: wire@ceasewire.example, name: Ceasewire demo}
"""
DESK_FILE = """\
# The demo's desk: one digest a day, at the minute at which the demo was first run, into a folder.
id: {desk}
title: Demo desk
schedule: "{minute} {hour} * * *"
zone: UTC
routes:
  - folder: ../outbox
"""
NOT_COPIED = {"settings.yaml", "sources", "desks", "var"}
"""Parts of the starter configuration that the demo writes itself."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run of the demo did, as far as it is to be told."""

    reports: Sequence[JobReport]
    asked: Sequence[Asked]
    digest: Mapping[str, Any] | None
    written: Sequence[Path]
    next_slot: datetime


@click.command(epilog=EPILOG)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--stay", is_flag=True, help="Leave the newsroom running until Ctrl-C.")
def demo(folder: Path, *, stay: bool) -> int:
    """Collect a sample newsroom on this machine and write its digest into FOLDER/outbox.

    The newsroom is about ten invented outlets in seven languages, each a web server on a loopback port. FOLDER keeps
    its clock, its ports, a configuration to try things with, and the database; a second run finds nothing new, which
    the 304s in FOLDER/requests.log show.
    """
    from alerts.newsroom import Newsroom, NewsroomError, PortTakenError

    _check_folder(folder)
    try:
        newsroom = Newsroom(folder, _anchor(folder), control=folder / "faults.yaml")
        with newsroom:
            outcome = _run(folder, newsroom)
            for line in _told(folder, newsroom, outcome):
                click.echo(line)
            if stay:
                _stay(folder, newsroom)
    except PortTakenError as error:
        click.echo(
            f"ceasewire: {error}\nhint: is a demo of this folder still running? Else try another folder", err=True
        )
        return common.TEMPORARY
    except NewsroomError as error:
        click.echo(f"ceasewire: {error}", err=True)
        return common.CANNOT_WRITE if isinstance(error.__cause__, OSError) else common.DATA
    failed = [report for report in outcome.reports if report.error]
    if not failed:
        return 0
    return common.code_of_jobs(failed)


def _check_folder(folder: Path) -> None:
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "newsroom.json").exists():
        raise click.UsageError(f"{folder} holds something else; name a new folder for the demo")


def _anchor(folder: Path) -> datetime | None:
    """At the first run the present moment (`CEASEWIRE_NOW` counts); later what the folder keeps."""
    return None if (folder / "newsroom.json").exists() else common.utc_now()


def write_configuration(folder: Path, newsroom: Newsroom) -> Path:
    """The demo's configuration in FOLDER/config: the starter's rules and lists, the newsroom's sources, one desk.

    Once it is complete it is a person's to change; only the newsroom's sources are written each time.
    """
    config = folder / "config"
    if not (config / "settings.yaml").exists():
        _write_starter(config, newsroom.anchor)
    sources = config / "sources" / "newsroom.yaml"
    sources.parent.mkdir(parents=True, exist_ok=True)
    sources.write_text(newsroom.sources_yaml(), encoding="utf-8")
    return config


def _write_starter(config: Path, anchor: datetime) -> None:
    """All but the sources; the settings come last, because they say that everything is there."""
    starter = common.starter_folder()
    for part in sorted(starter.rglob("*")):
        place = part.relative_to(starter)
        if part.is_file() and place.parts[0] not in NOT_COPIED:
            _write(config / place, part.read_text("utf-8"))
    _write(config / "desks" / f"{DESK}.yaml", DESK_FILE.format(desk=DESK, minute=anchor.minute, hour=anchor.hour))
    _write(config / "settings.yaml", SETTINGS)


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def _run(folder: Path, newsroom: Newsroom) -> Outcome:
    """Everything that is due and every channel, once, under the database's lock."""
    from alerts.configuration import load_configuration
    from alerts.items import start_desks
    from alerts.jobs import Work, run_due
    from alerts.ledger import digests, migrate
    from alerts.ledger.lock import run_lock
    from alerts.schedule import next_slots
    from crawler import reactor

    configuration = load_configuration(write_configuration(folder, newsroom))
    migrate(configuration.database_url)
    outbox = folder / "outbox"
    before = set(outbox.glob("*"))
    first = len(newsroom.log)
    with common.open_database(configuration) as archive, run_lock(archive, wait=10), common.progress_bar() as progress:
        start_desks(archive, configuration.desks, common.utc_now(), since=BACK_FILL)
        work = Work(archive, configuration, common.utc_now, everything=True, progress=progress)
        reports = reactor.run(lambda: run_due(work))
        with archive.read() as connection:
            editions = digests.list_digests(connection, DESK, limit=1)
    desk = next(desk for desk in configuration.desks if desk.id == DESK)
    return Outcome(
        reports=reports,
        asked=newsroom.log[first:],
        digest=editions[0] if editions else None,
        written=sorted(set(outbox.glob("*")) - before),
        next_slot=next_slots(desk.schedule, desk.zone, common.utc_now(), 1)[0],
    )


def _told(folder: Path, newsroom: Newsroom, outcome: Outcome) -> list[str]:
    """What happened, in about ten lines."""
    counts = {report.job: report.counts for report in outcome.reports}
    collected, flagged = counts.get("collect", {}), counts.get("flag", {})
    addresses = (
        f"{len(newsroom.outlets)} outlets, ports {min(newsroom.ports.values())} to {max(newsroom.ports.values())}"
    )
    article = newsroom.outlets[0].articles[0]
    command = f"ceasewire --config {folder / 'config'}"
    rows = [
        ("newsroom", f"{addresses} of this machine; its clock says {newsroom.anchor:%Y-%m-%d %H:%M} UTC"),
        ("channels", _channels_told(outcome.asked, collected)),
        ("collected", _collected_told(collected)),
        ("flagged", _flagged_told(flagged)),
        *_digest_told(outcome),
        ("requests", f"{folder / 'requests.log'} has every request the newsroom was sent, with the 304s"),
        ("look into", f"{command} digest preview {DESK}"),
        ("", f"{command} why {newsroom.url(newsroom.outlets[0].id, article.path)}"),
    ]
    rows += [("failed", f"{report.job}: {report.error.splitlines()[-1]}") for report in outcome.reports if report.error]
    return [f"{name:<10} {text}" for name, text in rows]


def _channels_told(asked: Sequence[Asked], collected: Mapping[str, int]) -> str:
    polled, unchanged, failed = (collected.get(name, 0) for name in ("polled", "unchanged", "failed"))
    told = [f"{polled - unchanged - failed} with news"] if polled - unchanged - failed else []
    if unchanged:
        # The newsroom's own log, not the collector's word: these were saved by asking conditionally.
        spared = {(row.outlet, row.path) for row in asked if row.status == 304}
        told.append(f"{unchanged} unchanged ({len(spared)} documents answered 304)")
    if failed:
        told.append(f"{failed} in trouble")
    return f"{polled} asked: {', '.join(told)}"


def _collected_told(collected: Mapping[str, int]) -> str:
    new, read, failed = (collected.get(name, 0) for name in ("new_articles", "pages_fetched", "pages_failed"))
    if not new + read + failed:
        return "nothing new"
    return f"{new} new articles, {read} pages read" + (f", {failed} not to be had" if failed else "")


def _flagged_told(flagged: Mapping[str, int]) -> str:
    read, flags = flagged.get("read", 0), flagged.get("flags", 0)
    return f"{flags} mentions in {read} articles, each with its sentence" if read else "nothing new to read"


def _digest_told(outcome: Outcome) -> list[tuple[str, str]]:
    pages = [path for path in outcome.written if path.suffix == ".html"]
    if pages:
        mails = ", ".join(path.name for path in outcome.written if path.suffix != ".html")
        return [("digest", f"open {pages[-1]} in a browser"), ("", f"beside it {mails}")]
    if outcome.digest is None:
        return [("digest", f"none was due; the next is due {outcome.next_slot:%Y-%m-%d %H:%M} UTC")]
    edition = outcome.digest
    sent = f"no. {edition['number']} was written before and nothing is sent twice"
    return [("digest", f"{sent}; the next is due {outcome.next_slot:%Y-%m-%d %H:%M} UTC")]


def _stay(folder: Path, newsroom: Newsroom) -> None:
    """Wait for Ctrl-C or SIGTERM."""
    click.echo("\nThe newsroom stays up until Ctrl-C:")
    for outlet in newsroom.outlets:
        click.echo(f"  {newsroom.url(outlet.id):<26} {outlet.name}")
    click.echo(f"To let one fail, write {folder / 'faults.yaml'}, for example:")
    click.echo(f"  faults: [{{outlet: {newsroom.outlets[0].id}, target: feed, fault: too-many, retry_after: '120'}}]")
    stopped = threading.Event()
    before = {number: signal.signal(number, lambda *_: stopped.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        stopped.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
