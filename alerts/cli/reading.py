"""`rules read`: texts in, flags out, one by one or in bulk. Stores nothing and needs no archive."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alerts.cli import common
from alerts.cli.rules import load

if TYPE_CHECKING:
    from alerts.rules import Hit, RuleSet, Text

EPILOG = """\b
FILE is a text file (first line the title, the rest the body), a .jsonl file of {id, title, text, lang?, source?,
published?}, the URL of an article in the archive, or - for standard input (text; with --jsonl lines).
\b
Examples:
  ceasewire rules read story.txt
  ceasewire rules read story.txt --near-misses
  ceasewire rules read https://news.example/article --near-misses
  curl -s https://news.example/story.txt | ceasewire rules read - --json
  ceasewire rules read articles.jsonl --json > flags.jsonl    over all processors, in the order of the file
"""


class FileOrUrl(click.Path):
    """A file that is there, or an address."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """An address as it is; a file as `click.Path` checks it."""
        return value if is_url(value) else super().convert(value, param, ctx)


def is_url(name: str) -> bool:
    """Whether a person means an address."""
    return name.startswith(("http://", "https://"))


@click.command(epilog=EPILOG)
@click.argument("file", metavar="FILE|URL|-", type=FileOrUrl(exists=True, dir_okay=False, allow_dash=True))
@click.option("--json", "as_json", is_flag=True, help="One JSON line an article: {id, flags: [..]}.")
@click.option("--jsonl", "lines", is_flag=True, help="FILE holds JSON lines whatever its name.")
@click.option("--lang", default="", help="Language of a text file, such as uk [default: all variants are tried].")
@click.option("--near-misses", "near", is_flag=True, help="Also the rules that nearly fired, and what was missing.")
@click.option("--workers", type=click.IntRange(1), help="Processes for many lines [default: one a processor].")
@click.pass_obj
def read(
    state: common.State, file: str, *, as_json: bool, lines: bool, lang: str, near: bool, workers: int | None
) -> int:
    """Read texts with the live rules and show every flag with its sentence. Stores nothing.

    Exit 65 when a line is no article: it is named on standard error and the others are read; 1 when the archive never
    saw the URL.
    """
    rule_set, problems = load(state)
    errors = [problem for problem in problems if not problem.warning]
    if errors:
        for problem in errors:
            click.echo(str(problem), err=True)
        return common.CONFIGURATION
    if is_url(file):
        return _read_archived(state, rule_set, file, as_json=as_json, near=near)
    if not (lines or file.endswith(".jsonl")):
        _read_text(rule_set, file, lang.lower(), as_json=as_json, near=near)
        return 0
    with _lines_of(file) as stream:
        if as_json:
            return _read_bulk(rule_set, file, stream, near=near, workers=workers or 0)
        return _read_shown(rule_set, file, stream, near=near)


@contextmanager
def _lines_of(file: str) -> Iterator[Iterable[str]]:
    if file == "-":
        yield sys.stdin
        return
    with Path(file).open(encoding="utf-8") as stream:
        yield stream


def _read_text(rule_set: RuleSet, file: str, language: str, *, as_json: bool, near: bool) -> None:
    from alerts.rules import Text

    written = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
    title, _, body = written.lstrip("\ufeff\n").partition("\n")
    text = Text(title=title, body=body.strip("\n"), language=language)
    name = "-" if file == "-" else Path(file).name
    _say(rule_set, name, text, as_json=as_json, near=near)


def _read_archived(state: common.State, rule_set: RuleSet, url: str, *, as_json: bool, near: bool) -> int:
    """An article of the archive, as the present rules read it."""
    configuration = state.configuration(skip_broken=True)
    with common.open_database(configuration) as archive:
        from alerts.flags import rule_text
        from crawler.archive.articles import find_by_url, get_article

        with archive.read() as connection:
            number = find_by_url(connection, url)
            article = get_article(connection, number) if number is not None else None
    if article is None:
        click.echo(f"never seen: {url}\nits page: curl -s {url} | ceasewire parse page - --json", err=True)
        return common.FINDING
    sources = {source.id: source for source in configuration.sources}
    _say(rule_set, url, rule_text(article, sources.get(article.source)), as_json=as_json, near=near)
    return 0


def _say(rule_set: RuleSet, name: str, text: Text, *, as_json: bool, near: bool) -> None:
    from alerts.tuning.bulk import as_object

    if as_json:
        common.echo_json(as_object(rule_set, name, text, near=near))
    else:
        _show(rule_set, name, text, near=near)


def _read_bulk(rule_set: RuleSet, file: str, stream: Iterable[str], *, near: bool, workers: int) -> int:
    from alerts.tuning.bulk import read_lines

    wrong = 0
    for answer in read_lines(rule_set, stream, near=near, workers=workers):
        if answer.wrong:
            click.echo(f"{file}:{answer.number}:{answer.wrong}", err=True)
            wrong += 1
        else:
            sys.stdout.write(f"{answer.line}\n")
    return common.DATA if wrong else 0


def _read_shown(rule_set: RuleSet, file: str, stream: Iterable[str], *, near: bool) -> int:
    from alerts.lines import LineError, parse_line
    from alerts.tuning.bulk import as_text

    wrong = 0
    for number, line in enumerate(stream, 1):
        if not line.strip():
            continue
        try:
            row = parse_line(line, number, strict=False)
        except LineError as error:
            click.echo(f"{file}:{number}:{error}", err=True)
            wrong += 1
            continue
        _show(rule_set, row.id, as_text(row), near=near)
    return common.DATA if wrong else 0


def _show(rule_set: RuleSet, name: str, text: Text, *, near: bool) -> None:
    from alerts.tuning.misses import near_misses

    hits = rule_set.read(text)
    click.echo(f"{name}: {len(hits)} flags" if hits else f"{name}: no flag")
    for hit in hits:
        show_hit(hit)
    for miss in near_misses(rule_set, text) if near else ():
        click.echo(f"  nearly {click.style(miss.rule, bold=True)}: {miss.reason}")


def show_hit(hit: Hit) -> None:
    """Print a flag with its sentence; of a bare query the sentence only."""
    from alerts.tuning.rulebook import QUERY

    stage = f" {hit.stage}" if hit.stage else ""
    if hit.rule != QUERY:
        click.echo(f"  {click.style(hit.rule, bold=True)}  {hit.topic}{stage}, {hit.class_}, {hit.severity}")
    evidence = hit.evidence
    click.echo(f"    {evidence.field}: {marked(evidence.sentence, evidence.sentence_start, evidence.terms)}")


def marked(sentence: str, begins: int, terms: Iterable[tuple[int, int]]) -> str:
    """The sentence with the words that fired in bold on a terminal, in brackets elsewhere.

    Args:
        sentence: as it stands in its field.
        begins: where it begins there.
        terms: the words, as (start, end) in the field.
    """
    pieces, last = [], 0
    for start, end in sorted(terms):
        low, high = start - begins, end - begins
        if low < last or high > len(sentence):
            continue
        word = sentence[low:high]
        pieces += [sentence[last:low], click.style(word, bold=True) if sys.stdout.isatty() else f"[{word}]"]
        last = high
    return " ".join("".join([*pieces, sentence[last:]]).split())
