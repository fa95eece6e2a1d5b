"""`sources pause` and `sources resume`: an operator's decision, kept in the database with who, why and until when."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from alerts.cli import common
from alerts.cli.sources import View, chosen, filters, load, views

if TYPE_CHECKING:
    import sqlalchemy as sa

    from crawler.folder import CrawlerFolder

_PAUSE_EPILOG = """\b
Examples:
  ceasewire sources pause rt --why "asked us to stop"
  ceasewire sources pause --country SD --until 3d --why "power cuts; their servers are down"
  ceasewire sources pause kyiv-independent --until 2026-03-07T06:00:00+02:00
"""


@click.command(epilog=_PAUSE_EPILOG)
@click.argument("names", metavar="[SOURCE]...", nargs=-1)
@filters
@click.option("--why", default="", metavar="TEXT", help="For whoever finds it paused.")
@click.option("--until", metavar="WHEN", help="A span such as 12h or 3d, or a time with a zone [default: for good].")
@click.option("--who", metavar="NAME", help="Who decided it [default: the user's name].")
@click.pass_obj
def pause(
    state: common.State,
    /,
    names: tuple[str, ...],
    *,
    why: str,
    until: str | None,
    who: str | None,
    **choices: tuple[str, ...],
) -> None:
    """Stop polling the channels of SOURCE (an id, a channel's id or URL) or of all that the filters leave.

    It holds through restarts and changes of the configuration, and shows in `sources list` and `sources show`.
    """
    from crawler.archive import pauses

    folder, now = load(state), common.utc_now()
    end = _moment(until, now) if until else None
    person = who or _user()
    with common.open_database(folder) as archive, archive.write() as connection:
        found = _wanted(folder, connection, now, names, choices)
        pauses.pause(connection, [view.id for view in found], now=now, who=person, why=why, until=end)
        _follow(folder, connection, now)
    words = f" until {end:%Y-%m-%d %H:%M} UTC" if end else ""
    click.echo(f"{_counted(found)} paused{words}")


@click.command(epilog="\b\nExample:\n  ceasewire sources resume rt")
@click.argument("names", metavar="[SOURCE]...", nargs=-1)
@filters
@click.pass_obj
def resume(state: common.State, /, names: tuple[str, ...], **choices: tuple[str, ...]) -> int:
    """Take the paused channels of SOURCE, or of all that the filters leave, up again.

    Exit 1 when none of them was paused here; what is paused in a file is taken up by editing it.
    """
    from crawler.archive import pauses

    folder, now = load(state), common.utc_now()
    with common.open_database(folder) as archive, archive.write() as connection:
        found = _wanted(folder, connection, now, names, choices)
        known = pauses.pauses(connection, now)
        mine = [view for view in found if view.id in known]
        pauses.resume(connection, [view.id for view in found])
        _follow(folder, connection, now)
    for view in found:
        if view.channel is not None and view.channel.paused:
            click.echo(f"{view.id} is paused in its file: delete `paused: true` there", err=True)
    if not mine:
        click.echo("ceasewire: none of them was paused by hand", err=True)
        return common.FINDING
    click.echo(f"{_counted(mine)} taken up again")
    return 0


def _wanted(
    folder: CrawlerFolder,
    connection: sa.Connection,
    now: datetime,
    names: tuple[str, ...],
    choices: dict[str, tuple[str, ...]],
) -> list[View]:
    """The configured channels that are meant. Nothing at all is never meant."""
    from crawler.archive.channels import list_channels

    if not names and not any(choices.values()):
        raise click.UsageError("name a source, or choose some with --tag, --country or --state")
    # Channels that were never collected have no row yet, and states as of now are what --state means.
    _follow(folder, connection, now)
    found = [view for view in chosen(views(folder, list_channels(connection)), names, choices) if view.channel]
    if not found:
        raise click.UsageError("no configured channel is left by these filters")
    return found


def _follow(folder: CrawlerFolder, connection: sa.Connection, now: datetime) -> None:
    from crawler.archive.channels import sync_channels

    if not any(not problem.warning for problem in folder.problems):
        sync_channels(connection, folder.sources, now)


def _counted(found: list[View]) -> str:
    names = list(dict.fromkeys(view.source_id for view in found))
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return f"{shown}: {len(found)} channel{'' if len(found) == 1 else 's'}"


def _moment(text: str, now: datetime) -> datetime:
    """The end of a pause, aware UTC, from a span or a time."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return now + common.parse_span(text)
    if moment.tzinfo is None:
        raise click.BadParameter(f"{text!r} needs a zone, as in 2026-03-07T06:00:00+02:00")
    if moment <= now:
        raise click.BadParameter(f"{text!r} is in the past")
    return moment.astimezone(UTC)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user may have no name
        return "operator"
