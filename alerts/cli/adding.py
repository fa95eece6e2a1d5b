"""`sources add`: look at a site, propose a source, write it into its file when the operator agrees."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alerts.cli import common
from alerts.cli.sources import ago, format_name, load

if TYPE_CHECKING:
    from crawler.folder import CrawlerFolder
    from crawler.probing import Trial
    from crawler.sourcefiles import Draft
    from crawler.survey import Survey

_EPILOG = """\b
Examples:
  ceasewire sources add kyivindependent.com               look, show, ask, write
  ceasewire sources add https://news.example/rss --yes --country SD --tag sudan
  ceasewire sources add news.example --json               what was found, for a script; writes nothing
A machine of your own network must be listed under crawler.allow_addresses in settings.yaml first.
"""


@click.command(epilog=_EPILOG)
@click.argument("url")
@click.option("--yes", "agreed", is_flag=True, help="Write without asking.")
@click.option("--id", "name_id", metavar="ID", help="Its id [default: from its name].")
@click.option("--name", metavar="TEXT", help="As digests show it [default: what its page says].")
@click.option("--country", metavar="CODE", help="ISO 3166, such as UA [default: by its address, where that says it].")
@click.option("--language", "languages", multiple=True, metavar="CODE", help="ISO 639-1 [default: of its articles].")
@click.option("--tier", type=click.IntRange(1, 4), default=3, show_default=True, help="1 agency ... 4 party.")
@click.option("--party", default="", metavar="TEXT", help="The side in a conflict that it belongs to.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="A word of your own to find it by.")
@click.option(
    "--file", "file", metavar="NAME", help="File in sources/ [default: where its country stands, else own.yaml]."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object; writes only with --yes.")
@click.pass_obj
def add(state: common.State, /, url: str, *, agreed: bool, file: str | None, as_json: bool, **given: Any) -> int:
    """Look at the site URL for feeds and news sitemaps, show the source it would be, and write it into its file.

    Asks the site for real, a request at a time: its page, what the page and robots.txt name, else the usual places.
    Comments of the file stay; a file never becomes invalid. Exit 1 when nothing was found that is not configured yet.
    """
    from crawler import reactor
    from crawler.folder import SOURCES
    from crawler.sourcefiles import draft_yaml
    from crawler.survey import survey

    folder = load(state)
    found = reactor.run(lambda: survey(url, folder.options, folder.sources, now=common.utc_now, say=_say))
    now = common.utc_now()
    if not found.kept:
        return _nothing(found, as_json=as_json)
    draft = _draft(found, folder, given, now)
    target = file_named(folder, file, draft.country)
    if as_json:
        common.echo_json(_as_json(found, draft, target))
    else:
        for line in _told(found, now):
            click.echo(line)
        click.echo(f"\n{draft_yaml(draft)}")
    shown = target.relative_to(folder.folder / SOURCES)
    return write(folder, target, [draft], question=f"Write this into {shown}?", agreed=agreed, quiet=as_json)


def write(
    folder: CrawlerFolder, target: Path, drafts: Sequence[Draft], *, question: str, agreed: bool, quiet: bool = False
) -> int:
    """Ask, unless agreed, and write; returns the exit code. Without a terminal to ask on nothing is written."""
    from crawler.folder import SOURCES
    from crawler.sourcefiles import add_drafts

    if not agreed:
        if quiet:
            return 0
        if not can_ask():
            click.echo("Nothing was written: say --yes to write it.", err=True)
            return 0
        if not click.confirm(question, default=False):
            click.echo("Nothing was written.")
            return 0
    add_drafts(folder.folder / SOURCES, target, drafts)
    if not quiet:
        count = "It is" if len(drafts) == 1 else f"{len(drafts)} sources are"
        click.echo(f"{count} in {target} now; the next run polls what is new there.")
    return 0


def can_ask() -> bool:
    """Whether somebody sits at the terminal."""
    return sys.stdin.isatty()


def file_named(folder: CrawlerFolder, file: str | None, country: str) -> Path:
    """The file of sources/ that an operator named, else the one for a country."""
    from crawler.folder import SOURCES
    from crawler.sourcefiles import file_for

    root = folder.folder / SOURCES
    if file is None:
        return file_for(root, country)
    name = Path(file).name
    if name != file and Path(file).resolve().parent != root.resolve():
        raise click.UsageError(f"{file}: a file of {root} is meant; give its name alone")
    if Path(name).suffix not in (".yaml", ".yml"):
        name += ".yaml"
    if name.startswith("."):
        raise click.UsageError(f"{name}: hidden files are not read")
    return root / name


def _say(text: str) -> None:
    """Progress on standard error, a line a request: a look at a site takes as long as politeness asks."""
    click.echo(text, err=True)


def _draft(found: Survey, folder: CrawlerFolder, given: Mapping[str, Any], now: datetime) -> Draft:
    from crawler.sourcefiles import Draft, DraftChannel, free_id, id_of

    name = given["name"] or found.name
    channels = [DraftChannel(one.channel.kind, one.channel.url, _remark(one, now)) for one in found.kept]
    return Draft(
        id=given["name_id"] or free_id({source.id for source in folder.sources}, id_of(name, found.homepage)),
        name=name,
        channels=tuple(channels),
        languages=tuple(given["languages"]) or found.languages or folder.options.languages[:1],
        country=(given["country"] or found.country).upper(),
        tier=given["tier"],
        party=given["party"],
        homepage=found.homepage,
        tags=tuple(given["tags"]),
        checked=now.date(),
    )


def _remark(one: Trial, now: datetime) -> str:
    undated = "" if one.newest else ", none dated"
    return f"{format_name(one.format)}, {one.entries} entries on {now:%Y-%m-%d}{undated}"


def _told(found: Survey, now: datetime) -> list[str]:
    lines = [f"{found.name} at {found.homepage}"]
    for one in found.kept:
        newest = f", newest {ago(one.newest, now)}" if one.newest else ", none dated"
        what = f"{format_name(one.format)}, {one.entries} entries{newest}"
        lines.append(f"  {one.channel.kind:<8} {one.channel.url}  ({what})")
        lines += [f"           - {title[:100]}" for title in one.titles[:2]]
    lines += [f"  left out {url}: {reason}" for url, reason in found.left]
    if not found.country:
        lines.append("  country  not known from its address: give --country, or leave it out if it is international")
    return lines


def _nothing(found: Survey, *, as_json: bool) -> int:
    known = [reason for _, reason in found.left if reason.startswith("configured already")]
    if as_json:
        left = [{"url": url, "reason": reason} for url, reason in found.left]
        common.echo_json({"url": found.url, "name": found.name, "channels": [], "left": left})
    for url, reason in found.left:
        click.echo(f"  left out {url}: {reason}", err=True)
    if known:
        click.echo(f"ceasewire: {found.homepage}: nothing that is not configured yet", err=True)
    else:
        click.echo(
            f"ceasewire: {found.homepage}: no feed and no news sitemap was found. Give the feed's own address, read a "
            "listing page with `section:` and CSS, or write a spider (docs/sources.md)",
            err=True,
        )
    return common.FINDING


def _as_json(found: Survey, draft: Draft, target: Path) -> dict[str, Any]:
    from crawler.sourcefiles import draft_yaml

    return {
        "url": found.url,
        "name": draft.name,
        "id": draft.id,
        "country": draft.country,
        "languages": draft.languages,
        "homepage": found.homepage,
        "file": str(target),
        "yaml": draft_yaml(draft),
        "channels": [
            {
                "kind": str(one.channel.kind),
                "url": one.channel.url,
                "format": one.format,
                "entries": one.entries,
                "newest": one.newest.isoformat() if one.newest else None,
            }
            for one in found.kept
        ],
        "left": [{"url": url, "reason": reason} for url, reason in found.left],
    }
