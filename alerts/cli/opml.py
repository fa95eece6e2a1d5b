"""`sources import-opml` and `export-opml`: subscription lists of feed readers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from alerts.cli import common
from alerts.cli.adding import file_named, write
from alerts.cli.sources import chosen, filters, load, views

if TYPE_CHECKING:
    from crawler.folder import CrawlerFolder
    from crawler.opml import Subscription
    from crawler.sourcefiles import Draft

DEFAULT_FILE = "opml.yaml"
_SHOWN = 20


@click.command(
    "import-opml",
    epilog="\b\nExamples:\n  ceasewire sources import-opml feeds.opml --language uk\n"
    "  ceasewire sources import-opml feeds.opml --file reader.yaml --yes && ceasewire sources check --tag reader",
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", "agreed", is_flag=True, help="Write without asking.")
@click.option("--file", "target", default=DEFAULT_FILE, show_default=True, metavar="NAME", help="File in sources/.")
@click.option("--language", "languages", multiple=True, metavar="CODE", help="For feeds whose outline names none.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="For all of them, beside those of their folders.")
@click.pass_obj
def import_opml(
    state: common.State, /, file: Path, *, agreed: bool, target: str, languages: tuple[str, ...], tags: tuple[str, ...]
) -> int:
    """Add the feeds of the subscription list FILE as sources.

    Folders become tags, feeds with one front page one source. What is configured already, or stands twice in FILE, is
    named and left out. No feed is asked: `sources check` does that. A file that is no OPML is exit 65.
    """
    from crawler.opml import read_opml
    from crawler.sourcefiles import draft_yaml

    folder = load(state)
    found, problems = read_opml(file.read_bytes(), str(file))
    for problem in problems:
        click.echo(problem, err=True)
    new = _without_known(found, folder, str(file))
    if not new:
        click.echo(f"{len(found)} feeds, none of them new")
        return 0
    drafts = _drafts(new, folder, languages or folder.options.languages[:1], tags)
    for draft in drafts[:_SHOWN]:
        click.echo(draft_yaml(draft))
    if len(drafts) > _SHOWN:
        click.echo(f"... and {len(drafts) - _SHOWN} more\n")
    click.echo(f"{len(new)} new feeds of {len(drafts)} sources")
    path = file_named(folder, target, "")
    return write(folder, path, drafts, question=f"Write them into {path.name}?", agreed=agreed)


@click.command("export-opml", epilog="\b\nExample:\n  ceasewire sources export-opml --country UA -o ukraine.opml")
@click.argument("names", metavar="[SOURCE]...", nargs=-1)
@filters
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
@click.pass_obj
def export_opml(
    state: common.State, /, names: tuple[str, ...], *, output: Path | None, **choices: tuple[str, ...]
) -> None:
    """Write the feeds of the configuration as a subscription list, in folders by country.

    Sitemaps and listing pages are left out: feed readers cannot use them.
    """
    from crawler.opml import write_opml

    folder = load(state)
    rows = []
    if choices.get("states"):
        from crawler.archive.channels import list_channels

        with common.open_database(folder) as archive, archive.read() as connection:
            rows = list_channels(connection)
    kept = {view.source_id for view in chosen(views(folder, rows), names, choices)}
    picked = [source for source in folder.sources if source.id in kept]
    text = write_opml(picked, title="Ceasewire sources", now=common.utc_now())
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, "utf-8")


def _without_known(found: Sequence[Subscription], folder: CrawlerFolder, file: str) -> list[Subscription]:
    """Feeds that are neither configured nor stand twice; each other one is named on standard error."""
    from crawler.sources import ChannelKind
    from crawler.urls import url_key

    known = {
        url_key(channel.url): f"configured already: source {source.id}"
        for source in folder.sources
        for channel in source.channels
        if channel.kind is ChannelKind.FEED
    }
    new = []
    for one in found:
        key = url_key(one.url)
        if key in known:
            click.echo(f"{file}:{one.line}: {one.url}: {known[key]}; left out", err=True)
        else:
            new.append(one)
            known[key] = f"stands in line {one.line} too"
    return new


def _drafts(
    new: Sequence[Subscription], folder: CrawlerFolder, languages: Sequence[str], tags: Sequence[str]
) -> list[Draft]:
    from crawler.opml import grouped
    from crawler.options import LANGUAGE_CODES
    from crawler.sourcefiles import Draft, DraftChannel, free_id, id_of, tag_of
    from crawler.sources import COUNTRY_CODES, ChannelKind

    drafts: list[Draft] = []
    ids = {source.id for source in folder.sources}
    for feeds in grouped(new):
        first = feeds[0]
        name = (first.title or first.url.partition("://")[2].partition("/")[0])[:200]
        said = [one.language for one in feeds if one.language in LANGUAGE_CODES]
        words = [tag for one in feeds for folder_name in one.folders if (tag := tag_of(folder_name))]
        source_id = free_id(ids, id_of(name, first.homepage or first.url))
        ids.add(source_id)
        drafts.append(
            Draft(
                id=source_id,
                name=name,
                channels=tuple(DraftChannel(ChannelKind.FEED, one.url) for one in feeds),
                languages=tuple(dict.fromkeys(said)) or tuple(languages),
                country=first.country if first.country in COUNTRY_CODES else "",
                homepage=first.homepage,
                tags=tuple(dict.fromkeys((*tags, *words))),
            )
        )
    return drafts
