"""`status`, `backup` and `metrics`: looking after an installation."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from alerts.cli import common

if TYPE_CHECKING:
    from alerts.operating.backup import Copy

STATUS_EPILOG = """\b
Examples:
  ceasewire status             exit 1 if a line calls for somebody
  ceasewire status --json      one JSON object a line of the screen
"""
BACKUP_EPILOG = """\b
Examples:
  15 3 * * *  ceasewire --config /etc/ceasewire backup /srv/backup --keep 14      nightly, from cron
  ceasewire backup --verify /srv/backup/ceasewire-20260301T031500Z.sqlite
\b
To restore: stop `serve` and cron, put the copy where `crawler: database:` says (without its -wal and -shm files;
PostgreSQL: pg_restore --clean --if-exists --dbname=... FILE), start again. What the copy does not know is collected
again; digests made after it are made again and sent again, so look at `ceasewire digest list` first.
"""


@click.command(epilog=STATUS_EPILOG)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def status(state: common.State, *, as_json: bool) -> int:
    """Say on one screen what is collected, flagged, waiting, sent, doubtful and broken.

    Reads the database only, so it answers at once, also while a run is under way; `doctor` looks deeper.
    """
    from alerts.operating.facts import gather
    from alerts.operating.status import counts, tell

    configuration = state.configuration(skip_broken=True)
    with common.open_database(configuration) as archive:
        lines = tell(gather(archive, common.utc_now()), configuration)
    part = ""
    for line in lines:
        if as_json:
            common.echo_json(asdict(line))
            continue
        name = line.part if line.part != part else ""
        part = line.part
        mark = {"ok": " ", "warning": "!", "error": "X"}[line.level]
        colour = {"ok": None, "warning": "yellow", "error": "red"}[line.level]
        click.echo(click.style(f"{mark} {name:<11} ", fg=colour, bold=line.level != "ok") + line.text)
    levels = counts(lines)
    return common.FINDING if levels["warning"] or levels["error"] else 0


@click.command(epilog=BACKUP_EPILOG)
@click.argument("folder", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option("--keep", type=click.IntRange(1), default=7, show_default=True, help="Copies that stay in FOLDER.")
@click.option(
    "--verify", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Only prove that FILE is whole."
)
@click.option("-q", "--quiet", is_flag=True, help="Print nothing on success.")
@click.pass_obj
def backup(state: common.State, folder: Path | None, *, keep: int, verify: Path | None, quiet: bool) -> int:
    """Copy the database into FOLDER while everything runs on, read the copy back, and drop the oldest copies.

    SQLite is copied into one file; PostgreSQL by its own pg_dump, which must be installed. The configuration is not
    part of it: keep that under version control.
    """
    from alerts.operating.backup import back_up, described

    if (folder is None) == (verify is None):
        raise click.UsageError("give the FOLDER for the copy, or --verify FILE")
    if verify is not None:
        _echo_copy(described(verify), quiet=quiet)
        return 0
    assert folder is not None
    with common.open_database(state.configuration(skip_broken=True)) as archive:
        copy, removed = back_up(archive, folder, common.utc_now(), keep=keep)
    _echo_copy(copy, quiet=quiet)
    if removed and not quiet:
        click.echo(f"{len(removed)} older removed: {', '.join(path.name for path in removed)}")
    return 0


def _echo_copy(copy: Copy, *, quiet: bool) -> None:
    if not quiet:
        rows = ", ".join(f"{number:,} {name}" for name, number in copy.rows.items()) or "a whole PostgreSQL dump"
        click.echo(f"{copy.path}: {copy.size / 1e6:,.1f} MB, read back and whole ({rows})")


@click.command(
    epilog="\b\nExample:\n  ceasewire metrics > /var/lib/node_exporter/ceasewire.prom\n\b\n"
    "`alerts: metrics_file:` in settings.yaml has every run write them in one step."
)
@click.pass_obj
def metrics(state: common.State) -> None:
    """Print jobs, slots, deliveries, channels and items as metrics in the text format of Prometheus."""
    from alerts.operating.facts import gather
    from alerts.operating.metrics import exposition

    configuration = state.configuration(skip_broken=True)
    with common.open_database(configuration) as archive:
        text = exposition(gather(archive, common.utc_now()), configuration.desks)
    click.echo(text.decode("utf-8"), nl=False)
