"""`stories list|show|why|merge|split|undo`: reading stories, and correcting what grouping got wrong."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

import click

from alerts.cli import common

if TYPE_CHECKING:
    from collections.abc import Callable

BY = "Who decides, for the record [default: your user name]."

LIST_EPILOG = """\b
Examples:
  ceasewire stories list                     the newest flagged stories
  ceasewire stories list --topic ceasefire --since 2d
  ceasewire stories list --all -n 100 --json | jq 'select(.independent >= 2)'
"""
SHOW_EPILOG = """\b
Examples:
  ceasewire stories show 12
  ceasewire stories show 12 --json
"""
WHY_EPILOG = """\b
N and M are numbers of stories (12), of articles (a101), or URLs. Of two stories the two articles are compared that have
most in common.
\b
Examples:
  ceasewire stories why 12 13
  ceasewire stories why a101 a202
  ceasewire stories why https://one.example/news/1 https://two.example/news/2
"""
MERGE_EPILOG = """\b
Desks that were told of both are told of it in the corrections of their next digest; nothing is mailed again.
\b
Examples:
  ceasewire stories merge 12 13 --note "same strike, two spellings of the town"
  ceasewire stories undo 4                   take it back; `stories show 12` lists decisions
"""
SPLIT_EPILOG = """\b
ARTICLE is an article's number (a101 or 101, see `stories show`) or its URL. Grouping will leave the two stories apart.
Desks that were told of them as one are told of it in the corrections of their next digest.
\b
Examples:
  ceasewire stories split 12 a101 a105 --note "another village, a day later"
  ceasewire stories split 12 https://one.example/news/7 --by Ada
"""


@click.command("list", epilog=LIST_EPILOG)
@click.option("--all", "everything", is_flag=True, help="Stories without a flag too.")
@click.option("--topic", help="Only stories flagged for this topic, such as ceasefire.")
@click.option("--since", metavar="SPAN", help="Only stories with an article of this span, such as 24h or 7d.")
@click.option("-n", "count", type=click.IntRange(1), default=20, show_default=True, help="How many, newest first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a story.")
@click.pass_obj
def list_(
    state: common.State, *, everything: bool, topic: str | None, since: str | None, count: int, as_json: bool
) -> None:
    """List stories, newest first: when, who carries them, what they are flagged for."""
    from alerts.origins.names import Names
    from alerts.storybook import lines, reading

    after = common.utc_now() - common.parse_span(since) if since else None
    configuration = state.configuration(skip_broken=True)
    with common.open_database(configuration) as archive:
        found = reading.list_stories(
            archive, configuration.sources, count, flagged=not everything, topic=topic, since=after
        )
    names = Names(configuration.sources)
    for line in found:
        if as_json:
            common.echo_json(reading.line_json(line, names))
        else:
            click.echo(lines.list_line(line))
    if not found and not as_json:
        click.echo("no stories" if everything else "no flagged stories; --all lists the others too", err=True)


@click.command(epilog=SHOW_EPILOG)
@click.argument("story", type=int)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def show(state: common.State, story: int, *, as_json: bool) -> None:
    """Show STORY: its articles, why each is in it, whose text each is, and what desks were told."""
    from alerts.origins.names import Names
    from alerts.storybook import lines, reading

    configuration = state.configuration(skip_broken=True)
    with common.open_database(configuration) as archive:
        view = reading.show_story(archive, configuration.sources, story)
    names = Names(configuration.sources)
    if as_json:
        common.echo_json(reading.as_json(view, names))
        return
    for line in lines.story_lines(view, names):
        click.echo(line)


@click.command(epilog=WHY_EPILOG)
@click.argument("one", metavar="N")
@click.argument("other", metavar="M")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def why(state: common.State, one: str, other: str, *, as_json: bool) -> None:
    """Tell why two articles or stories are together, or why they are not."""
    from dataclasses import asdict

    from alerts.storybook import lines, why_together

    configuration = state.configuration(skip_broken=True)
    with common.open_database(configuration) as archive:
        found = why_together(archive, one, other)
    if as_json:
        common.echo_json(asdict(found))
        return
    for line in lines.why_lines(found):
        click.echo(line)


def _by(command: Callable[..., object]) -> Callable[..., object]:
    return click.option("--by", default=getpass.getuser, show_default=False, help=BY)(command)


@click.command(epilog=MERGE_EPILOG)
@click.argument("story", type=int)
@click.argument("other", type=int)
@click.option("--note", default="", help="Why, for the record.")
@_by
@click.pass_obj
def merge(state: common.State, story: int, other: int, *, note: str, by: str) -> None:
    """Make one story of two: the articles of OTHER go to STORY."""
    from alerts import storybook

    configuration = state.configuration(skip_broken=True)
    with common.open_database(configuration) as archive:
        decision = storybook.merge(archive, story, other, (by, note), common.utc_now())
    click.echo(f"story {other} is part of story {story} now; take it back with `ceasewire stories undo {decision}`")


@click.command(epilog=SPLIT_EPILOG)
@click.argument("story", type=int)
@click.argument("articles", metavar="ARTICLE...", nargs=-1, required=True)
@click.option("--note", default="", help="Why, for the record.")
@_by
@click.pass_obj
def split(state: common.State, story: int, articles: tuple[str, ...], *, note: str, by: str) -> None:
    """Take articles out of STORY into a story of their own."""
    from alerts import storybook
    from alerts.storybook.reading import find_article

    configuration = state.configuration(skip_broken=True)
    with common.open_database(configuration) as archive:
        with archive.read() as connection:
            keys = [find_article(connection, name) for name in articles]
        decision, new = storybook.split(archive, story, keys, (by, note), common.utc_now())
    click.echo(f"story {new} has these articles now; take it back with `ceasewire stories undo {decision}`")


@click.command(epilog="\b\nExample:\n  ceasewire stories undo 4")
@click.argument("decision", type=int)
@_by
@click.pass_obj
def undo(state: common.State, decision: int, *, by: str) -> None:
    """Take back DECISION, a merge or split; `stories show` names the decisions about a story."""
    from alerts import storybook

    configuration = state.configuration(skip_broken=True)
    with common.open_database(configuration) as archive:
        click.echo(storybook.undo(archive, decision, by, common.utc_now()))
