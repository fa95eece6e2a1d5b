"""`stories`: what belongs together, and why."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from alerts.cli import common
from alerts.cli.lazy import LazyGroup, Table

if TYPE_CHECKING:
    from alerts.lines import ImportedArticle
    from alerts.stories.files import Grouped

COMMANDS: Table = {
    "list": ("alerts.cli.storybook", "list_", "List stories, newest first."),
    "show": ("alerts.cli.storybook", "show", "Show a story: its articles, whose texts they are, what desks were told."),
    "why": ("alerts.cli.storybook", "why", "Tell why two articles or stories are together, or why they are not."),
    "merge": ("alerts.cli.storybook", "merge", "Make one story of two."),
    "split": ("alerts.cli.storybook", "split", "Take articles out of a story into one of their own."),
    "undo": ("alerts.cli.storybook", "undo", "Take back a merge or a split."),
    "group": ("alerts.cli.stories", "group", "Group the articles of a JSON Lines file, without an archive."),
}

STORIES_EPILOG = """\b
Examples:
  ceasewire stories list
  ceasewire stories show 12
  ceasewire stories why 12 13
  ceasewire stories merge 12 13 --note "same strike"
  ceasewire stories group articles.jsonl --json > stories.jsonl
"""

GROUP_EPILOG = """\b
FILE has one article a line: {id, title, text, lang?, source?, published?, url?}, in any order; - is standard input.
Out come, in the order of the file, lines of {id, story, copies}: `story` is the id of the story's first article,
`copies` that of the article that first had this text. Articles without `published` are taken for undated.
\b
Examples:
  ceasewire stories group articles.jsonl --json > stories.jsonl
  ceasewire stories group articles.jsonl --json --reasons    and why each article went where it is
  ceasewire stories group articles.jsonl                     stories of several articles, to be read by eye
"""


@click.group(cls=LazyGroup, table=COMMANDS, epilog=STORIES_EPILOG)
def stories() -> None:
    """Show, explain and correct which articles tell the same story."""


@click.command(epilog=GROUP_EPILOG)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--json", "as_json", is_flag=True, help="One JSON line an article: {id, story, copies}.")
@click.option("--reasons", is_flag=True, help="With --json also relation, reason and score.")
def group(file: str, *, as_json: bool, reasons: bool) -> int:
    """Group the articles of a file as the archive would. Stores nothing and needs no archive.

    Exit 65 when a line is no article: it is named on standard error and the others are grouped.
    """
    from alerts.stories.files import group_file

    if file == "-":
        articles, wrong = _read(sys.stdin, file)
    else:
        with Path(file).open(encoding="utf-8") as stream:
            articles, wrong = _read(stream, file)
    with common.progress_bar() as progress:
        answers = group_file(articles, progress)
    if as_json:
        for answer in answers:
            common.echo_json(_as_object(answer, reasons=reasons))
    else:
        _show(answers)
    return common.DATA if wrong else 0


def _read(stream: Iterable[str], name: str) -> tuple[list[ImportedArticle], int]:
    from alerts.lines import LineError, parse_line

    articles, wrong = [], 0
    for number, line in enumerate(stream, 1):
        if not line.strip():
            continue
        try:
            articles.append(parse_line(line, number, strict=False))
        except LineError as error:
            click.echo(f"{name}:{number}:{error}", err=True)
            wrong += 1
    return articles, wrong


def _as_object(answer: Grouped, *, reasons: bool) -> dict[str, object]:
    row: dict[str, object] = {"id": answer.article.id, "story": answer.story, "copies": answer.copies}
    if reasons:
        row.update(relation=answer.relation, reason=answer.reason, score=answer.score)
    return row


def _show(answers: Sequence[Grouped]) -> None:
    found: dict[str, list[Grouped]] = {}
    for answer in answers:
        found.setdefault(answer.story, []).append(answer)
    for story, members in found.items():
        if len(members) > 1:
            texts = len({answer.copies for answer in members})
            click.echo(f"{story}: {len(members)} articles, {texts} {'text' if texts == 1 else 'texts'}")
            for answer in members:
                title = answer.article.title or answer.article.text[:80]
                click.echo(f"  {answer.article.id}  {title}")
                click.echo(f"      {answer.relation}: {answer.reason}")
    click.echo(f"{len(answers)} articles, {len(found)} stories, {len({a.copies for a in answers})} texts")
