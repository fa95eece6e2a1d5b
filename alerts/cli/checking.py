"""`sources check`: do these channels work, now?"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from alerts.cli import common
from alerts.cli.sources import ago, chosen, filters, format_name, load, views

if TYPE_CHECKING:
    from crawler.folder import CrawlerFolder
    from crawler.probing import Trial
    from crawler.sources import Channel, Source

STALE = timedelta(days=30)
_EPILOG = """\b
Examples:
  ceasewire sources check kyiv-independent
  ceasewire sources check --all --write         note today's date at every source that works
  ceasewire sources check https://news.example/rss   a URL that is not configured (yet)
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Check:
    """One channel's trial, with what an operator should do something about and what is good to know."""

    source: Source
    trial: Trial
    problems: tuple[str, ...]
    notes: tuple[str, ...]


@click.command(epilog=_EPILOG)
@click.argument("names", metavar="[SOURCE|URL]...", nargs=-1)
@filters
@click.option("--all", "everything", is_flag=True, help="Every channel of the configuration.")
@click.option("--kind", type=click.Choice(["feed", "sitemap"]), default="feed", show_default=True,
              help="What a URL is that is not configured.")  # fmt: skip
@click.option("--write", "write", is_flag=True, help="Write today into `checked:` of the sources that work.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a channel.")
@click.pass_obj
def check(
    state: common.State,
    /,
    names: tuple[str, ...],
    *,
    everything: bool,
    kind: str,
    write: bool,
    as_json: bool,
    **choices: tuple[str, ...],
) -> int:
    """Poll channels now as a run would, unconditionally, and say what came; stores nothing. Exit 1 on a finding."""
    from crawler import reactor
    from crawler.probing import try_channels

    folder = load(state)
    wanted = _wanted(folder, names, choices, everything=everything, kind=kind)
    with common.progress_bar() as progress:
        trials = reactor.run(lambda: try_channels(wanted, folder.options, common.utc_now, progress))
    now = common.utc_now()
    checks = [judge(source, trial, now) for (source, _), trial in zip(wanted, trials, strict=True)]
    for one in checks:
        if as_json:
            common.echo_json(_as_json(one))
        else:
            for line in _told(one, now):
                click.echo(line)
    if write:
        _note(folder, checks, now)
    return common.FINDING if any(one.problems for one in checks) else 0


def judge(source: Source, trial: Trial, now: datetime) -> Check:
    """What a trial means for an operator. Pure."""
    problems = []
    if not trial.works:
        problems.append(trial.reason or "it holds no entries")
    elif trial.reason:
        problems.append(trial.reason)
    if trial.newest is not None and now - trial.newest > STALE:
        problems.append(f"nothing new since {trial.newest:%Y-%m-%d}")
    if trial.works and trial.format == "sitemap":
        problems.append("a sitemap without news: pages without titles, not in the order of their news")
    notes = []
    if trial.works and trial.undated == trial.entries:
        notes.append("no entry has a date that can be read: each counts from when it is first seen")
    elif trial.undated:
        notes.append(f"{trial.undated} entries have no date that can be read")
    if trial.works and not trial.etag and not trial.last_modified and trial.format != "section":
        notes.append("the server gives no validators: it is asked at most hourly unless min_minutes says otherwise")
    odd = [code for code in trial.languages[:1] if code not in source.languages]
    if trial.works and odd:
        notes.append(f"most of it reads like {odd[0]}, and the source says {', '.join(source.languages)}")
    return Check(source, trial, tuple(problems), tuple(notes))


def _wanted(
    folder: CrawlerFolder, names: Sequence[str], choices: dict[str, tuple[str, ...]], *, everything: bool, kind: str
) -> list[tuple[Source, Channel]]:
    if not names and not everything and not any(choices.values()):
        raise click.UsageError("name a source, choose some with --tag or --country, or say --all")
    every = views(folder, ())
    known = {url for view in every if view.channel is not None for url in (view.url, view.channel.url)}
    strange = [name for name in names if "://" in name and name not in known]
    pairs = [_stranger(url, kind, folder) for url in strange]
    rest = [name for name in names if name not in strange]
    if rest or not names:
        if choices.get("states"):
            from crawler.archive.channels import list_channels

            with common.open_database(folder) as archive, archive.read() as connection:
                every = views(folder, list_channels(connection))
        found = chosen(every, rest, choices)
        pairs += [(view.source, view.channel) for view in found if view.source is not None and view.channel is not None]
    if not pairs:
        raise click.UsageError("no configured channel is left by these filters")
    return pairs


def _stranger(url: str, kind: str, folder: CrawlerFolder) -> tuple[Source, Channel]:
    from crawler.sources import Channel, ChannelKind, Source, channel_id
    from crawler.urls import clean_link

    link = clean_link(url)
    if not link:
        raise click.UsageError(f"{url!r} is no web address")
    channel = Channel(channel_id("not-configured", kind, link), "not-configured", ChannelKind(kind), link)
    return Source(id="not-configured", name=link, languages=folder.options.languages), channel


def _told(one: Check, now: datetime) -> list[str]:
    trial = one.trial
    verdict = "works" if not one.problems else "look at this" if trial.works else "does not work"
    lines = [f"{one.source.id}  {trial.channel.kind} {trial.channel.url}: {verdict}"]
    if trial.works:
        newest = f"newest {ago(trial.newest, now)}" if trial.newest else "none dated"
        given = [name for name, value in (("ETag", trial.etag), ("Last-Modified", trial.last_modified)) if value]
        counted = f"{format_name(trial.format)}, {trial.entries} entries, {newest}"
        lines.append(f"  {counted}, validators: {' and '.join(given) or 'none'}")
        lines += [f"  - {title[:100]}" for title in trial.titles[:2]]
    final = str(trial.evidence.get("url") or "")
    if final and final != trial.channel.url:
        lines.append(f"  answered by {final}")
    return [*lines, *(f"  problem: {text}" for text in one.problems), *(f"  note: {text}" for text in one.notes)]


def _as_json(one: Check) -> dict[str, Any]:
    trial = one.trial
    return {
        "source": one.source.id,
        "kind": str(trial.channel.kind),
        "url": trial.channel.url,
        "final_url": trial.evidence.get("url"),
        "works": trial.works,
        "state": trial.state,
        "status": trial.status,
        "format": trial.format,
        "entries": trial.entries,
        "undated": trial.undated,
        "newest": trial.newest.isoformat() if trial.newest else None,
        "titles": trial.titles,
        "languages": trial.languages,
        "etag": trial.etag,
        "last_modified": trial.last_modified,
        "proposed": trial.evidence.get("proposed", ()),
        "problems": one.problems,
        "notes": one.notes,
    }


def _note(folder: CrawlerFolder, checks: Sequence[Check], now: datetime) -> None:
    """Today's date at the sources of which every channel that was asked works."""
    from crawler.folder import SOURCES
    from crawler.sourcefiles import note_checked

    broken = {one.source.id for one in checks if one.problems}
    configured = {source.id for source in folder.sources}
    working = {one.source.id for one in checks if one.source.id in configured} - broken
    left = note_checked(folder.folder / SOURCES, working, now.date())
    count = len(working) - len(left)
    click.echo(f"{count} source{'' if count == 1 else 's'} noted as checked on {now:%Y-%m-%d}", err=True)
    for name in left:
        click.echo(f"ceasewire: {name}: its entry is laid out so that `checked` must be written by hand", err=True)
