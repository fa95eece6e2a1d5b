"""`rules`: check, test and try keyword rules without touching the archive."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alerts.cli import common

if TYPE_CHECKING:
    from alerts.lines import LineError
    from alerts.rules import Hit, RuleSet, Text
    from crawler.errors import Problem


@click.group()
def rules() -> None:
    """Check, test and try keyword rules."""


def load(state: common.State) -> tuple[RuleSet, list[Problem]]:
    """The rule set of the configuration in force (else of the starter), and what is wrong with its files."""
    from alerts.options import load_settings
    from alerts.rules import load_rule_set

    folder = state.config_folder_or_starter()
    settings, problems = load_settings(folder)
    topics = settings.alerts.topics if settings is not None else None
    rule_set, found = load_rule_set(folder / "rules", folder / "lists", folder / "filters.yaml", topics=topics)
    return rule_set, [*problems, *found]


@rules.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a problem.")
@click.pass_obj
def check(state: common.State, paths: tuple[Path, ...], *, as_json: bool) -> int:
    """Check syntax and shape of all rules and lists, or of those in PATHS: every error at once, with its place.

    Exit 78 when something is wrong; warnings alone are exit 0.
    """
    _, problems = load(state)
    wanted = {path.resolve() for path in paths}
    shown = [problem for problem in problems if not wanted or _concerns(problem, wanted)]
    for problem in sorted(shown, key=lambda one: (one.file, one.line, one.column)):
        if as_json:
            common.echo_json({name: getattr(problem, name) for name in problem.__slots__})
        else:
            click.echo(str(problem), err=True)
    return common.CONFIGURATION if any(not problem.warning for problem in shown) else 0


def _concerns(problem: Problem, wanted: set[Path]) -> bool:
    file = Path(problem.file).resolve()
    return any(file == path or path in file.parents for path in wanted)


@rules.command()
@click.argument("names", nargs=-1, metavar="[RULE]...")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a failure.")
@click.pass_obj
def test(state: common.State, names: tuple[str, ...], *, as_json: bool) -> int:
    """Run the cases of every rule, or of the named ones. Never stops early; exit 1 when a case fails."""
    from alerts.rules import run_cases
    from crawler.configfile import nearest

    rule_set, problems = load(state)
    known = [rule.id for rule in rule_set.rules]
    for name in names:
        if name not in known:
            guess = nearest(name, known)
            raise click.UsageError(f"there is no rule {name!r}." + (f" Did you mean {guess!r}?" if guess else ""))
    errors = [problem for problem in problems if not problem.warning]
    for problem in errors:
        click.echo(str(problem), err=True)
    report = run_cases(rule_set, only=names)
    for failure in report.failures:
        if as_json:
            common.echo_json({name: getattr(failure, name) for name in failure.__slots__})
        else:
            click.echo(str(failure))
    for note in report.notes:
        click.echo(note, err=True)
    if not as_json:
        click.echo(f"{report.passed} of {report.passed + len(report.failures)} cases pass", err=True)
    if errors:
        return common.CONFIGURATION
    return common.FINDING if report.failures else 0


READ_EPILOG = """\b
FILE is a text file (first line the title, the rest the body), a .jsonl file of {id, title, text, lang?, source?,
published?}, or - for standard input (text; with --jsonl lines).
\b
Examples:
  ceasewire rules read story.txt
  curl -s https://news.example/story.txt | ceasewire rules read - --json
"""


@rules.command(epilog=READ_EPILOG)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--json", "as_json", is_flag=True, help="One JSON line an article: {id, flags: [..]}.")
@click.option("--jsonl", "lines", is_flag=True, help="FILE holds JSON lines whatever its name.")
@click.option("--lang", default="", help="Language of a text file, such as uk [default: all variants are tried].")
@click.pass_obj
def read(state: common.State, file: str, *, as_json: bool, lines: bool, lang: str) -> int:
    """Read texts with the live rules and show every flag with its sentence. Stores nothing."""
    from alerts.lines import LineError

    rule_set, problems = load(state)
    errors = [problem for problem in problems if not problem.warning]
    if errors:
        for problem in errors:
            click.echo(str(problem), err=True)
        return common.CONFIGURATION
    wrong = 0
    for entry in _texts(file, lines=lines, language=lang.lower()):
        if isinstance(entry, LineError):
            click.echo(f"{file}:{entry}", err=True)
            wrong += 1
            continue
        hits = rule_set.read(entry.text)
        if as_json:
            click.echo(json.dumps({"id": entry.id, "flags": [as_row(hit) for hit in hits]}, ensure_ascii=False))
        else:
            _show(entry, hits)
    return common.DATA if wrong else 0


@dataclass(frozen=True, slots=True)
class Named:
    """A text with the id it is printed under."""

    id: str
    text: Text


def _texts(file: str, *, lines: bool, language: str) -> Iterator[Named | LineError]:
    from alerts.rules import Text

    if lines or file.endswith(".jsonl"):
        if file == "-":
            yield from _from_lines(sys.stdin)
        else:
            with Path(file).open(encoding="utf-8") as stream:
                yield from _from_lines(stream)
        return
    written = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
    title, _, body = written.lstrip("\ufeff\n").partition("\n")
    yield Named("-" if file == "-" else Path(file).name, Text(title=title, body=body.strip("\n"), language=language))


def _from_lines(stream: Iterable[str]) -> Iterator[Named | LineError]:
    from alerts.lines import LineError, parse_line
    from alerts.rules import Text

    for number, line in enumerate(stream, 1):
        if not line.strip():
            continue
        try:
            row = parse_line(line, number, strict=False)
        except LineError as error:
            yield LineError(f"{number}:{error}")
            continue
        text = Text(title=row.title, body=row.text, language=row.language, source=row.source, url=row.url)
        yield Named(row.id, text)


def as_row(hit: Hit) -> dict[str, Any]:
    """A hit in the form in which `rules read --json` and exports give it. Offsets are code points of the field."""
    return {
        "rule": hit.rule,
        "topic": hit.topic,
        "class": hit.class_,
        "stage": hit.stage,
        "severity": hit.severity,
        "field": hit.evidence.field,
        "start": hit.evidence.start,
        "end": hit.evidence.end,
        "sentence": hit.evidence.sentence,
        "terms": [list(term) for term in hit.evidence.terms],
    }


def _show(entry: Named, hits: Iterable[Hit]) -> None:
    found = list(hits)
    click.echo(f"{entry.id}: {len(found)} flags" if found else f"{entry.id}: no flag")
    for hit in found:
        stage = f" {hit.stage}" if hit.stage else ""
        click.echo(f"  {click.style(hit.rule, bold=True)}  {hit.topic}{stage}, {hit.class_}, {hit.severity}")
        click.echo(f"    {hit.evidence.field}: {_marked(hit)}")


def _marked(hit: Hit) -> str:
    """The sentence with the words that fired in bold on a terminal, in brackets elsewhere."""
    evidence = hit.evidence
    pieces, last = [], 0
    for start, end in sorted(evidence.terms):
        low, high = start - evidence.sentence_start, end - evidence.sentence_start
        if low < last or high > len(evidence.sentence):
            continue
        word = evidence.sentence[low:high]
        pieces += [evidence.sentence[last:low], click.style(word, bold=True) if sys.stdout.isatty() else f"[{word}]"]
        last = high
    return " ".join("".join([*pieces, evidence.sentence[last:]]).split())
