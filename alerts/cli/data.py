"""`import`, `export` and `why`: articles in, flags out, and the answer about one URL."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

import click

from alerts.cli import common

IMPORT_EPILOG = """\b
A line is one JSON object:
  url or id     its URL, or any name that is its own (needed)
  title, text   what rules read (at least one)
  lang          such as en or uk; found from the text when absent
  published     ISO 8601 with a zone; may be absent
  source        id of a source, or any name
\b
Example:
  ceasewire import articles.jsonl && ceasewire run --only group --only flag --only items
"""


@click.command("import", epilog=IMPORT_EPILOG)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.pass_obj
def import_(state: common.State, file: str) -> int:
    """Read articles from FILE (JSON Lines; - for standard input) into the archive.

    All lines are checked first; one wrong line stops the import with exit 65 and nothing is stored. Importing the same
    file again changes nothing.
    """
    from alerts.exchange import store_articles
    from alerts.lines import read_articles

    configuration = state.configuration(skip_broken=True)
    with click.open_file(file, encoding="utf-8") as stream:
        lines, problems = read_articles(stream, file)
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        click.echo(f"ceasewire: {len(problems)} wrong lines; nothing was imported", err=True)
        return common.DATA
    with common.open_database(configuration) as archive, common.progress_bar() as progress:
        new = store_articles(archive, lines, configuration.settings.crawler, common.utc_now(), progress)
    click.echo(f"{new} new articles, {len(lines) - new} known ones")
    return 0


@click.command(
    epilog="\b\nExamples:\n  ceasewire export --format csv --since 7d > week.csv\n"
    "  ceasewire export --all --text | gzip > all.jsonl.gz"
)
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
@click.option("--since", metavar="SPAN", help="Stored within this span, such as 24h or 7d [default: ever].")
@click.option("--all", "unflagged", is_flag=True, help="Articles without a flag too.")
@click.option("--text", "with_text", is_flag=True, help="With the article's text.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
@click.pass_obj
def export(
    state: common.State, *, form: str, since: str | None, unflagged: bool, with_text: bool, output: Path | None
) -> None:
    """Write articles with their flags: one JSON object an article, or one CSV row a flag."""
    configuration = state.configuration(skip_broken=True)
    after = common.utc_now() - common.parse_span(since) if since else datetime(1970, 1, 1, tzinfo=UTC)
    with common.open_database(configuration) as archive:
        from alerts.exchange import export_rows

        rows = export_rows(archive, after, unflagged=unflagged, with_text=with_text)
        write = _write_csv if form == "csv" else _write_jsonl
        if output is None:
            write(rows, sys.stdout)
        else:
            with output.open("w", encoding="utf-8", newline="") as stream:
                write(rows, stream)


def _write_jsonl(rows: Iterator[dict[str, Any]], stream: TextIO) -> None:
    stream.writelines(json.dumps(row, ensure_ascii=False, default=_plain) + "\n" for row in rows)


ARTICLE_COLUMNS = ("id", "url", "source", "language", "published", "seen_at", "title")
FLAG_COLUMNS = ("rule", "topic", "class", "stage", "severity", "field", "start", "end", "sentence")


def _write_csv(rows: Iterator[dict[str, Any]], stream: TextIO) -> None:
    writer: csv.DictWriter[str] | None = None
    for row in rows:
        extra = ("text",) if "text" in row else ()
        if writer is None:
            writer = csv.DictWriter(stream, [*ARTICLE_COLUMNS, *extra, *FLAG_COLUMNS], extrasaction="ignore")
            writer.writeheader()
        for flag in row["flags"] or [{}]:
            writer.writerow({key: _cell(value) for key, value in {**row, **flag}.items()})
    if writer is None:
        csv.writer(stream).writerow([*ARTICLE_COLUMNS, *FLAG_COLUMNS])


def _cell(value: object) -> str:
    """A CSV cell that no spreadsheet takes for a formula."""
    text = "" if value is None else str(_plain(value) if isinstance(value, datetime) else value)
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    raise TypeError(f"{type(value).__name__} has no JSON form")


@click.command()
@click.argument("url")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def why(state: common.State, url: str, *, as_json: bool) -> int:
    """Tell how URL was found, grouped and read, why each rule did or did not fire, and which digest carried it.

    Exit 1 when the URL was never seen.
    """
    from alerts.why import describe, explain_url

    configuration = state.configuration(skip_broken=True)
    with common.open_database(configuration) as archive:
        answer = explain_url(archive, url, configuration.rule_set, configuration.sources, configuration.desks)
    if as_json:
        buffer = io.StringIO()
        _write_jsonl(iter([dataclasses.asdict(answer)]), buffer)
        click.echo(buffer.getvalue(), nl=False)
    else:
        for line in describe(answer):
            click.echo(line)
    return 0 if answer.article is not None else common.FINDING
