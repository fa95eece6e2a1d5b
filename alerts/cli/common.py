"""What all commands share: finding the configuration, opening the database, errors to exit codes, progress."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from alerts.errors import DeliveryError, LockHeld, LockLost
from crawler.errors import (
    ArchiveAwayError,
    ArchiveBusyError,
    ArchiveError,
    CeasewireError,
    ConfigError,
    FetchError,
    SchemaError,
    StoppedError,
)

if TYPE_CHECKING:
    from alerts.configuration import Configuration
    from alerts.jobs import JobReport
    from crawler.archive import Archive
    from crawler.folder import CrawlerFolder

FINDING, USAGE, DATA, REFUSED, BUG, CANNOT_WRITE, TEMPORARY, CONFIGURATION = 1, 2, 65, 69, 70, 74, 75, 78
_FAULTS = (("bug", BUG), ("unwritable", CANNOT_WRITE), ("temporary", TEMPORARY))

Progress = Callable[[int, int, str], None]
Command = TypeVar("Command", bound=Callable[..., object])


def utc_now() -> datetime:
    """The current instant, aware UTC. `CEASEWIRE_NOW` (ISO 8601 with a zone) stands in for it, for rehearsals."""
    stated = os.environ.get("CEASEWIRE_NOW")
    if stated:
        moment = datetime.fromisoformat(stated)
        if moment.tzinfo is None:
            raise click.UsageError("CEASEWIRE_NOW needs a zone, as in 2026-03-01T07:00:00+00:00")
        return moment.astimezone(UTC)
    return datetime.now(UTC)


@dataclass(slots=True)
class State:
    """What the global options said."""

    folder: str | None
    verbose: int = 0

    def config_folder(self) -> Path:
        """The configuration folder: as given, else ./config, else the current folder.

        Raises:
            click.UsageError: there is no settings.yaml in any of them.
        """
        if self.folder is not None:
            given = Path(self.folder)
            if not (given / "settings.yaml").is_file():
                nested = given / "config"
                hint = f" Did you mean --config {nested}?" if (nested / "settings.yaml").is_file() else ""
                raise click.UsageError(f"{given}: no settings.yaml in this folder.{hint}")
            return given
        for candidate in (Path("config"), Path()):
            if (candidate / "settings.yaml").is_file():
                return candidate
        raise click.UsageError(
            "no configuration here: neither config/settings.yaml nor settings.yaml.\n"
            "Write one with `ceasewire init DIR`, or name its folder with --config DIR or CEASEWIRE_CONFIG."
        )

    def config_folder_or_starter(self) -> Path:
        """As `config_folder`, else the shipped starter configuration: reading texts needs no set-up."""
        try:
            return self.config_folder()
        except click.UsageError:
            if self.folder is not None:
                raise
            return starter_folder()

    def configuration(self, *, skip_broken: bool = False, lint: bool = False) -> Configuration:
        """Read and check every file of the configuration."""
        from alerts.configuration import load_configuration

        return load_configuration(self.config_folder(), skip_broken=skip_broken, lint=lint)


def starter_folder() -> Path:
    """The starter configuration: the packaged copy, else the repository's config/."""
    packaged = Path(__file__).resolve().parent.parent / "starter"
    return packaged if packaged.is_dir() else packaged.parent.parent / "config"


@contextmanager
def open_database(configuration: Configuration | CrawlerFolder, *, check_schema: bool = True) -> Iterator[Archive]:
    """Open the configured database and close it again."""
    from crawler.archive import open_archive

    archive = open_archive(configuration.database_url, check_schema=check_schema)
    try:
        yield archive
    finally:
        archive.close()


def exit_code_of(error: Exception) -> int:
    """Print `error` for a person on standard error; return the exit code that goes with it."""
    code = code_of(error)
    if isinstance(error, LockHeld):
        logging.getLogger("ceasewire").info("%s", error)
    elif code == BUG:
        click.echo(f"ceasewire: unexpected error: {type(error).__name__}: {error}", err=True)
        click.echo("This is a bug; nothing that was stored is lost. Please report it with these lines:", err=True)
        click.echo("".join(traceback.format_exception(error)), err=True)
    elif isinstance(error, BrokenPipeError):
        # The reader went away (`| head`): leave without a second complaint when Python flushes standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    else:
        click.echo(f"{error}" if isinstance(error, ConfigError) else f"ceasewire: {error}", err=True)
    return code


def code_of(error: Exception) -> int:
    """The exit code that goes with `error`."""
    match error:
        case LockHeld():
            return 0
        case LockLost() | ArchiveAwayError() | ArchiveBusyError():
            return TEMPORARY
        case StoppedError():
            return 128 + error.signum
        case BrokenPipeError():
            return 0
        case ConfigError() | SchemaError():
            return CONFIGURATION
        case FetchError() | DeliveryError():
            return REFUSED if error.permanent else TEMPORARY
        case ConnectionError() | TimeoutError():
            return TEMPORARY
        case ArchiveError() | OSError():
            return CANNOT_WRITE
        case CeasewireError():
            return DATA
        case _:
            return _code_of_database_error(error)


def _code_of_database_error(error: Exception) -> int:
    """Disk full, read-only file, server gone: the database's own words, where no block of ours has put them plainly."""
    if "sqlalchemy" not in sys.modules:  # then it is no such error, and its library need not be imported for that
        return BUG
    from sqlalchemy.exc import DBAPIError

    from crawler.archive.engine import is_its_state, kind_of_trouble

    if not isinstance(error, DBAPIError) or not is_its_state(error):
        return BUG
    return CANNOT_WRITE if kind_of_trouble(error) is ArchiveError else TEMPORARY


def code_of_jobs(failed: Sequence[JobReport]) -> int:
    """The exit code of a run some of whose jobs failed: the worst of theirs. Each has said why on standard error."""
    faults = {report.fault for report in failed}
    return next((code for fault, code in _FAULTS if fault in faults), BUG)


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """One JSON object a line, times in UTC."""
        row = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            row["error"] = self.formatException(record.exc_info)
        return json.dumps(row, ensure_ascii=False)


def set_up_logging(verbose: int, log_format: str) -> None:
    """Warnings and up on standard error; -v for information, -vv for everything."""
    handler = logging.StreamHandler()
    if log_format == "json":
        handler.setFormatter(_JsonFormatter())
    else:
        formatter = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ")
        formatter.converter = time.gmtime
        handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel([logging.WARNING, logging.INFO, logging.DEBUG][min(verbose, 2)])
    if verbose < 2:
        # Libraries talk to their developers; our own loggers start with crawler, alerts or ceasewire.
        for name in ("scrapy", "twisted", "apscheduler", "trafilatura", "htmldate", "asyncio", "alembic"):
            logging.getLogger(name).setLevel(logging.ERROR)


@contextmanager
def progress_bar() -> Iterator[Progress | None]:
    """A callback that draws a bar on standard error; None when that is not a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description:<22}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # Rich would send what is printed meanwhile to its own stream: right on one terminal, wrong when output is piped.
    console, together = Console(stderr=True), sys.stdout.isatty()
    with Bar(*columns, console=console, transient=True, redirect_stdout=together) as bar:
        tasks = {}

        def advance(done: int, total: int, what: str) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done, total=total)

        yield advance


def echo_json(value: object) -> None:
    """Print one JSON value on one line of standard output."""
    click.echo(json.dumps(value, ensure_ascii=False, default=str))


def parse_span(text: str) -> timedelta:
    """A span such as ``90m``, ``24h`` or ``30d``.

    Raises:
        click.BadParameter: it is none.
    """
    units = {"m": "minutes", "h": "hours", "d": "days"}
    number, unit = text[:-1], text[-1:]
    if not number.isdigit() or unit not in units:
        raise click.BadParameter(f"{text!r} is no span of time: write 90m, 24h or 30d")
    return timedelta(**{units[unit]: int(number)})
