"""`sources`: what is read and how it goes; the group, what its commands share, and `list` and `show`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import click

from alerts.cli import common
from alerts.cli.lazy import LazyGroup, Table

if TYPE_CHECKING:
    import sqlalchemy as sa

    from crawler.archive.channels import ChannelRow
    from crawler.folder import CrawlerFolder
    from crawler.sources import Channel, Source

COMMANDS: Table = {
    "list": ("alerts.cli.sources", "list_", "Every channel: state, last news, habit, next poll."),
    "show": ("alerts.cli.sources", "show", "Everything known about one source."),
    "check": ("alerts.cli.checking", "check", "Poll channels now, for real, and store nothing."),
    "pause": ("alerts.cli.pausing", "pause", "Stop polling channels, for a time or for good."),
    "resume": ("alerts.cli.pausing", "resume", "Take paused channels up again."),
    "add": ("alerts.cli.adding", "add", "Find the feeds and sitemaps of a site and add it."),
    "import-opml": ("alerts.cli.opml", "import_opml", "Add the feeds of a subscription list."),
    "export-opml": ("alerts.cli.opml", "export_opml", "Write the feeds as a subscription list."),
}
EPILOG = """\b
Examples:
  ceasewire sources add kyivindependent.com      look at a site, see what would be added, say yes or no
  ceasewire sources check --country UA           do these channels work?
  ceasewire sources list --state failing         what is broken
  ceasewire sources show bbc                     one source, with its history
  ceasewire sources pause rt --until 7d --why "site under repair"
"""
STAND_BY = "stand-by"
HEALTHS = (
    "new", "ok", "slow", "flaky", "failing", "dead", "blocked", "throttled", "gone", "moved", "not_a_feed",
    "layout_changed", "gap", "paused", STAND_BY,
)  # fmt: skip
_FORMATS = {
    "rss090": "RSS 0.90", "rss091n": "RSS 0.91", "rss091u": "RSS 0.91", "rss092": "RSS 0.92", "rss093": "RSS 0.93",
    "rss094": "RSS 0.94", "rss10": "RDF (RSS 1.0)", "rss20": "RSS 2.0", "rss": "RSS", "atom01": "Atom 0.1",
    "atom02": "Atom 0.2", "atom03": "Atom 0.3", "atom10": "Atom", "atom": "Atom", "json": "JSON Feed", "cdf": "CDF",
    "news-sitemap": "news sitemap", "sitemap": "sitemap without news", "section": "listing page",
}  # fmt: skip

Command = TypeVar("Command", bound=Callable[..., Any])


@click.group(cls=LazyGroup, table=COMMANDS, epilog=EPILOG)
def sources() -> None:
    """List, check, add, pause and exchange sources."""


@dataclass(frozen=True, slots=True)
class View:
    """One channel: as configured (None: it left the configuration) and as the database knows it (None: never asked)."""

    source: Source | None
    channel: Channel | None
    row: ChannelRow | None

    @property
    def id(self) -> str:
        """The channel's id."""
        known = self.channel or self.row
        assert known is not None
        return known.id

    @property
    def source_id(self) -> str:
        """Id of its source."""
        known = self.channel or self.row
        assert known is not None
        return known.source

    @property
    def url(self) -> str:
        """Where it is asked."""
        known = self.row or self.channel
        assert known is not None
        return known.url

    @property
    def kind(self) -> str:
        """feed, sitemap or section."""
        known = self.channel or self.row
        assert known is not None
        return str(known.kind)

    @property
    def configured(self) -> bool:
        """Whether the configuration has it: its URL, or a source that owns the spider."""
        spider = self.kind == "spider" and self.source is not None and self.source.own_spider
        return self.channel is not None or spider

    @property
    def state(self) -> str:
        """Its health; `stand-by` while a better channel of its source is at work."""
        if self.row is None:
            return "paused" if self.channel is not None and self.channel.paused else "new"
        return STAND_BY if self.row.standby and self.row.state in ("new", "ok") else self.row.state


def filters(command: Command) -> Command:
    """The options that choose among sources."""
    for option in (
        click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only sources with this tag."),
        click.option("--country", "countries", multiple=True, metavar="CODE", help="Only sources of this country."),
        click.option("--state", "states", multiple=True, type=click.Choice(HEALTHS), help="Only in this state."),
    ):
        command = option(command)
    return command


def views(folder: CrawlerFolder, rows: Iterable[ChannelRow]) -> list[View]:
    """Every channel in the order of the files, then those that left the configuration."""
    known = {row.id: row for row in rows}
    configured = [
        View(source, channel, known.pop(channel.id, None)) for source in folder.sources for channel in source.channels
    ]
    by_id = {source.id: source for source in folder.sources}
    return configured + [View(by_id.get(row.source), None, row) for row in known.values()]


def chosen(every: Sequence[View], names: Sequence[str], choices: dict[str, tuple[str, ...]]) -> list[View]:
    """The channels that names (ids of sources or channels, URLs) and filters leave.

    Raises:
        click.UsageError: a name is not known; the message has the nearest.
    """
    found = [view for view in every if not names or any(_is_named(view, name) for name in names)]
    for name in names:
        if not any(_is_named(view, name) for view in found):
            from crawler.configfile import nearest

            guess = nearest(name, {view.source_id for view in every})
            raise click.UsageError(
                f"there is no source or channel {name!r}." + (f" Did you mean {guess!r}?" if guess else "")
            )
    countries = {code.upper() for code in choices.get("countries", ())}
    tags, states = set(choices.get("tags", ())), set(choices.get("states", ()))
    return [
        view
        for view in found
        if (not countries or (view.source is not None and view.source.country in countries))
        and (not tags or (view.source is not None and tags & set(view.source.tags)))
        and (not states or view.state in states)
    ]


def _is_named(view: View, name: str) -> bool:
    configured = view.channel.url if view.channel is not None else ""
    return name in (view.source_id, view.id, view.url, configured)


def load(state: common.State) -> CrawlerFolder:
    """The crawler's part of the configuration; broken sources are left out with a word."""
    from crawler.folder import read_folder

    folder = read_folder(state.config_folder(), skip_broken=True)
    for problem in folder.problems:
        if not problem.warning:
            click.echo(problem, err=True)
    return folder


@sources.command("list", epilog="\b\nExamples:\n  ceasewire sources list --state failing --state dead\n"
                 "  ceasewire sources list --json | jq -r 'select(.state != \"ok\") | .url'")  # fmt: skip
@click.argument("names", metavar="[SOURCE]...", nargs=-1)
@filters
@click.option("--json", "as_json", is_flag=True, help="One JSON object a channel.")
@click.pass_obj
def list_(state: common.State, /, names: tuple[str, ...], *, as_json: bool, **choices: tuple[str, ...]) -> None:
    """List channels with state, last new article, habit, next poll and the reason of their state."""
    folder, now = load(state), common.utc_now()
    with common.open_database(folder) as archive, archive.read() as connection:
        found = chosen(views(folder, _rows(connection)), names, choices)
    if as_json:
        for view in found:
            common.echo_json(_as_json(view))
        return
    table: list[tuple[str, ...]] = [("SOURCE", "CHANNEL", "STATE", "LAST NEW", "HABIT", "NEXT POLL", "REASON")]
    table += [_cells(view, now) for view in found]
    for line in columns(table):
        click.echo(line)


@sources.command(epilog="\b\nExample:\n  ceasewire sources show kyiv-independent")
@click.argument("name", metavar="SOURCE")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("-n", "count", type=click.IntRange(1), default=10, show_default=True, help="How many events a channel.")
@click.pass_obj
def show(state: common.State, name: str, *, as_json: bool, count: int) -> None:
    """Show SOURCE (an id, a channel's id or URL): its channels, what is known of each, and what happened to them."""
    from crawler.archive.channels import channel_events

    folder, now = load(state), common.utc_now()
    with common.open_database(folder) as archive, archive.read() as connection:
        found = chosen(views(folder, _rows(connection)), [name], {})
        events = {view.id: channel_events(connection, view.id, limit=count) for view in found}
    if as_json:
        happened = {
            view.id: [
                {"at": one.at.isoformat(), "kind": one.kind, "state": one.state, "reason": one.reason}
                | {"evidence": dict(one.evidence)}
                for one in events[view.id]
            ]
            for view in found
        }
        channels = [_as_json(view) | {"events": happened[view.id]} for view in found]
        common.echo_json(_source_json(found[0]) | {"channels": channels})
        return
    for line in _told(found[0]):
        click.echo(line)
    for view in found:
        click.echo("")
        for line in (*_channel_told(view, now), *(_event_told(one) for one in events[view.id])):
            click.echo(line)


def _rows(connection: sa.Connection) -> list[ChannelRow]:
    from crawler.archive.channels import list_channels

    return list_channels(connection)


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as lines with aligned columns; the last column is as long as it is."""
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]) - 1)]
    return [
        "  ".join((*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1])).rstrip()
        for row in rows
    ]


def format_name(code: str) -> str:
    """A document's format as people call it."""
    return _FORMATS.get(code, code)


def ago(moment: datetime | None, now: datetime) -> str:
    """How long ago, or in how long, in one figure; ``never`` for None."""
    if moment is None:
        return "never"
    span = now - moment
    words = length(abs(span))
    if abs(span) < timedelta(minutes=1):
        return "now"
    return f"{words} ago" if span > timedelta(0) else f"in {words}"


def length(span: timedelta) -> str:
    """A span in one figure: ``12 min``, ``3 h``, ``5 d``."""
    minutes = span.total_seconds() / 60
    if minutes < 90:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.0f} h" if minutes < 48 * 60 else f"{minutes / 1440:.0f} d"


def _cells(view: View, now: datetime) -> tuple[str, ...]:
    parts = urlsplit(view.url)
    path = (parts.path + (f"?{parts.query}" if parts.query else "")) or "/"
    where = f"{view.kind} {path if len(path) <= 40 else path[:39] + '…'}"
    row = view.row
    if row is None:
        return view.source_id, where, view.state, "never", "", "now" if view.state == "new" else "", ""
    waits = "" if view.state in ("paused", STAND_BY) else "due" if row.next_poll <= now else ago(row.next_poll, now)
    return view.source_id, where, view.state, ago(row.last_new, now), _habit(row), waits, row.state_reason


def _habit(row: ChannelRow) -> str:
    """How often something is new."""
    return f"every {length(timedelta(seconds=row.usual_gap_seconds))}" if row.usual_gap_seconds else ""


def _as_json(view: View) -> dict[str, Any]:
    row = view.row
    values = _source_json(view) | {
        "channel": view.id,
        "kind": view.kind,
        "url": view.url,
        "configured": view.configured,
        "state": view.state,
    }
    if row is None:
        return values
    times = ("state_since", "next_poll", "last_polled", "last_success", "last_new")
    return (
        values
        | {"reason": row.state_reason, "failures": row.failures, "standby": row.standby}
        | {name: moment.isoformat() if (moment := getattr(row, name)) is not None else None for name in times}
        | {"interval_seconds": row.interval_seconds, "usual_gap_seconds": row.usual_gap_seconds}
        | {"etag": row.etag, "last_modified": row.last_modified, "moved_to": row.moved_to, "old_url": row.old_url}
    )


def _source_json(view: View) -> dict[str, Any]:
    source = view.source
    if source is None:
        return {"source": view.source_id}
    return {
        "source": source.id,
        "name": source.name,
        "country": source.country,
        "languages": source.languages,
        "tier": source.tier,
        "tags": source.tags,
    }


def _told(view: View) -> list[str]:
    source = view.source
    if source is None:
        return [f"{view.source_id}: no longer in the configuration"]
    where = source.country or "international"
    facts = [where, "/".join(source.languages), f"tier {source.tier}"]
    facts += [f"party {source.party}"] if source.party else []
    lines = [f"{source.id}: {source.name} ({', '.join(facts)})"]
    lines += [f"  homepage  {source.homepage}"] if source.homepage else []
    lines += [f"  tags      {', '.join(source.tags)}"] if source.tags else []
    lines += [f"  checked   {source.checked or 'never'}"]
    return lines + ([f"  note      {source.note}"] if source.note else [])


def _channel_told(view: View, now: datetime) -> list[str]:
    row = view.row
    gone = "" if view.configured else "  (no longer in the configuration)"
    lines = [f"{view.kind} {view.url}{gone}", f"  channel     {view.id}"]
    if row is None:
        return [*lines, "  never asked"]
    since = f" since {row.state_since:%Y-%m-%d %H:%M} UTC"
    lines.append(f"  state       {view.state}{since}" + (f": {row.state_reason}" if row.state_reason else ""))
    lines.append(f"  last asked  {_moment(row.last_polled, now)}; last answered {_moment(row.last_success, now)}")
    habit = _habit(row) or "not known yet"
    lines.append(f"  news        last {_moment(row.last_new, now)}; habit {habit}")
    lines.append(
        f"  next poll   {_moment(row.next_poll, now)}; interval {length(timedelta(seconds=row.interval_seconds))}"
    )
    told = [f"ETag {row.etag}" if row.etag else "", f"Last-Modified {row.last_modified}" if row.last_modified else ""]
    lines.append(f"  validators  {', '.join(filter(None, told)) or 'none'}")
    if row.moved_to:
        lines.append(f"  moved to    {row.moved_to}")
    return lines


def _moment(moment: datetime | None, now: datetime) -> str:
    return "never" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC ({ago(moment, now)})"


def _event_told(event: Any) -> str:
    return f"  {event.at:%Y-%m-%d %H:%M}  {event.state:<10}  {event.reason}".rstrip()
