"""`alerts`: what was told at once, and who does not want to be told for a while."""

from __future__ import annotations

import getpass
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from alerts.cli import common

if TYPE_CHECKING:
    from collections.abc import Sequence

SILENCE_EPILOG = """\b
Examples:
  ceasewire alerts silence night --for 4h --reason "drill at the border"
  ceasewire alerts silence night --story 812 --for 2d --reason "known; followed by Ana"
  ceasewire alerts silence night --topic ceasefire --for 90m --reason "talks all afternoon"
"""


@click.group()
def alerts() -> None:
    """List alerts; silence them for a while. Digests are not concerned: they tell of everything."""


@alerts.command("list")
@click.option("--desk", default="", help="Only of this desk.")
@click.option("-n", "count", type=click.IntRange(1), default=20, show_default=True, help="How many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object an alert.")
@click.pass_obj
def list_(state: common.State, *, desk: str, count: int, as_json: bool) -> None:
    """List alerts, newest first, also those that were silenced or gathered into a storm."""
    from alerts.ledger.alerts import list_alerts

    configuration = state.configuration(skip_broken=True)
    with common.open_database(configuration) as archive, archive.read() as connection:
        rows = list_alerts(connection, desk, count)
    for row in rows:
        if as_json:
            common.echo_json({**row, "at": row["at"].isoformat()})
            continue
        about = f"story {row['story']}" if row["story"] else "several stories"
        change = f": {row['change']}" if row["change"] else ""
        click.echo(
            f"{row['id']:>6}  {row['at']:%Y-%m-%d %H:%M}Z  {row['state']:<9}  {row['kind']:<6}  {row['desk']}  "
            f"{about}{change}"
        )


@alerts.command(epilog=SILENCE_EPILOG)
@click.argument("desk")
@click.option("--for", "span", required=True, metavar="SPAN", help="How long: 90m, 4h, 2d.")
@click.option("--reason", required=True, help="Why; others will read it.")
@click.option("--story", type=int, help="Only this story.")
@click.option("--topic", default="", help="Only stories of nothing but this topic.")
@click.option("--by", default=None, help="Who wants it so [default: your login].")
@click.pass_obj
def silence(
    state: common.State, desk: str, *, span: str, reason: str, story: int | None, topic: str, by: str | None
) -> None:
    """Hold alerts of DESK back for a while. What they would have told is in the desk's digests."""
    from alerts.ledger import alerts as queries

    configuration = state.configuration(skip_broken=True)
    _check(configuration.settings.alerts.topics, topic, "topic")
    _check([one.id for one in configuration.desks], desk, "desk")
    now = common.utc_now()
    until = now + common.parse_span(span)
    with common.open_database(configuration) as archive, archive.write() as connection:
        if story is not None and not queries.known_stories(connection, [story]):
            raise click.BadParameter(f"there is no story {story}", param_hint="--story")
        new = {
            "desk": desk, "story": story, "topic": topic, "by": by or getpass.getuser(), "reason": reason, "at": now,
            "until": until,
        }  # fmt: skip
        number = queries.add_silence(connection, new)
    click.echo(f"silence {number}: {desk} until {until:%Y-%m-%d %H:%M} UTC; `ceasewire alerts resume {number}` ends it")


@alerts.command()
@click.option("-n", "count", type=click.IntRange(1), default=20, show_default=True, help="How many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a silence.")
@click.pass_obj
def silences(state: common.State, *, count: int, as_json: bool) -> None:
    """List silences, newest first, with who wanted them and why."""
    from alerts.ledger.alerts import list_silences

    now = common.utc_now()
    configuration = state.configuration(skip_broken=True)
    with common.open_database(configuration) as archive, archive.read() as connection:
        rows = list_silences(connection, count)
    for row in rows:
        if as_json:
            common.echo_json({**asdict(row), "at": row.at.isoformat(), "until": row.until.isoformat()})
            continue
        about = f"story {row.story}" if row.story else row.topic or "everything"
        over = "" if now < row.until else " (over)"
        click.echo(f"{row.id:>6}  {row.desk}  {about}  until {row.until:%Y-%m-%d %H:%M}Z{over}  {row.by}: {row.reason}")


@alerts.command()
@click.argument("number", type=int)
@click.pass_obj
def resume(state: common.State, number: int) -> None:
    """End silence NUMBER now."""
    from alerts.ledger.alerts import end_silence

    with common.open_database(state.configuration(skip_broken=True)) as archive, archive.write() as connection:
        if not end_silence(connection, number, common.utc_now()):
            raise click.BadParameter(f"silence {number} is not in force", param_hint="NUMBER")


def _check(known: Sequence[str], given: str, what: str) -> None:
    if given and given not in known:
        hint = f"known: {', '.join(known)}" if known else f"no {what} is configured"
        raise click.BadParameter(f"there is no {what} {given!r} ({hint})")
