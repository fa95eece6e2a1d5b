"""`parse`: pages and feeds that lie in files, and what would be stored of them. Fetches and stores nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alerts.cli import common

if TYPE_CHECKING:
    from crawler.looking import Thing

SECONDS = 20.0

EPILOG = """\b
FILE may be gzipped; - is standard input. A manifest is a file of JSON lines:
  {{"file": "a.html.gz", "url": "https://news.example/a", "http_headers": {{"content-type": "text/html"}}}}
Only `file` is needed; it is looked for beside the manifest first, then in the current folder.
\b
Every file is answered, in order: one that cannot be opened, takes too long or crashes its reader has that as
`problem`, and the others go on. Exit 65 if a file could not be opened or a line of the manifest is none.
\b
Examples:
  {examples}
"""
PAGE_EXAMPLES = """ceasewire parse page story.html --url https://news.example/story
  curl -s https://news.example/story | ceasewire parse page - --json
  ceasewire parse page --manifest pages.jsonl --json > articles.jsonl"""
FEED_EXAMPLES = """ceasewire parse feed rss.xml
  ceasewire parse feed feeds/*.xml.gz --json > entries.jsonl
  ceasewire parse feed --manifest feeds.jsonl --json | jq -r '.entries[].title'"""

_CANNOT = "it cannot be opened"


@click.group()
def parse() -> None:
    """Read pages or feeds from files and show what would be stored of them."""


def _shared(command: Any) -> Any:
    """The arguments that both commands have."""
    for option in (
        click.option("--seconds", type=click.FloatRange(0.1), default=SECONDS, show_default=True, help="For one file."),
        click.option("--workers", type=click.IntRange(1), help="Processes [default: one a processor]."),
        click.option("--json", "as_json", is_flag=True, help="One JSON line a file."),
        click.option("--manifest", type=click.Path(exists=True, dir_okay=False, allow_dash=True), help="See below."),
        click.option("--url", default="", help="Where FILE came from: relative links count from it."),
        click.argument("files", nargs=-1, metavar="FILE.."),
    ):
        command = option(command)
    return command


@parse.command(epilog=EPILOG.format(examples=PAGE_EXAMPLES))
@_shared
def page(**options: Any) -> int:
    """Read articles out of their pages.

    With --json: {file, title, text, published, authors, language, canonical, problem}. `problem` says why there is no
    text, or not all of it (a paywall, a consent wall, a page that only a script fills); it is empty otherwise.
    """
    from crawler.looking import page_answer

    return _look(page_answer, _show_page, **options)


@parse.command(epilog=EPILOG.format(examples=FEED_EXAMPLES))
@_shared
def feed(**options: Any) -> int:
    """Read RSS, RDF, Atom, JSON Feed and sitemap documents.

    With --json: {file, format, title, entries: [{id, link, title, summary, content, published, updated, raw_date}],
    problem}. Dates are UTC, `raw_date` as written. `format` is empty for what is no feed; `problem` says why.
    """
    from crawler.looking import feed_answer

    return _look(feed_answer, _show_feed, **options)


def _look(  # noqa: PLR0913 - the options of a command
    how: Any,
    show: Any,
    *,
    files: tuple[str, ...],
    url: str,
    manifest: str | None,
    as_json: bool,
    workers: int | None,
    seconds: float,
) -> int:
    from crawler.looking import look

    if not files and manifest is None:
        raise click.UsageError("Nothing to read: give FILE or --manifest.")
    wrong: list[str] = []
    things = list(_things(files, url, manifest, wrong))
    count = max(1, min(workers or os.cpu_count() or 1, len(things)))
    with common.progress_bar() as progress:
        answers = look(things, how, now=common.utc_now(), workers=count, seconds=seconds)
        for number, answer in enumerate(answers, 1):
            if as_json:
                common.echo_json(answer)
            else:
                show(answer)
            wrong += [answer["file"]] if answer["problem"].startswith(_CANNOT) else []
            if progress is not None:
                progress(number, len(things), "files")
    return common.DATA if wrong else 0


def _things(files: tuple[str, ...], url: str, manifest: str | None, wrong: list[str]) -> Iterator[Thing]:
    from crawler.looking import ManifestError, Thing, read_manifest

    for name in files:
        body = sys.stdin.buffer.read() if name == "-" else None
        yield Thing(name, Path(name), url, body=body)
    if manifest is None:
        return
    with click.open_file(manifest, encoding="utf-8", errors="replace") as lines:
        for thing in read_manifest(lines, Path() if manifest == "-" else Path(manifest).parent):
            if isinstance(thing, ManifestError):
                click.echo(f"{manifest}:{thing}", err=True)
                wrong.append(str(thing))
            else:
                yield thing


def _show_page(answer: dict[str, Any]) -> None:
    click.echo(f"{answer['file']}: {click.style(answer['title'] or 'no title', bold=True)}")
    told = [answer["published"] or "no date", ", ".join(answer["authors"]), answer["language"], answer["canonical"]]
    click.echo(f"  {'  '.join(filter(None, told))}")
    _show_problem(answer)
    for paragraph in answer["text"].split("\n") if answer["text"] else ():
        click.echo(f"\n  {paragraph}")
    click.echo()


def _show_feed(answer: dict[str, Any]) -> None:
    count = len(answer["entries"])
    told = f"{answer['format'] or 'no feed'}, {count} {'entry' if count == 1 else 'entries'}"
    click.echo(f"{answer['file']}: {click.style(answer['title'] or 'no title', bold=True)} ({told})")
    _show_problem(answer)
    for entry in answer["entries"]:
        date = (entry["published"] or entry["updated"] or "no date")[:16].replace("T", " ")
        click.echo(f"  {date:<16}  {entry['title'] or '(no title)'}")
        if entry["link"]:
            click.echo(f"  {'':<16}  {entry['link']}")
    click.echo()


def _show_problem(answer: dict[str, Any]) -> None:
    if answer["problem"]:
        click.echo(f"  problem: {answer['problem']}")
