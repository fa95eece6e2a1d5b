"""`schedule`: when desks' digests are due."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from alerts.cli import common
from alerts.cli.desks import find_desk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alerts.configuration import Configuration
    from alerts.desks import Desk

_WHEN = "%a %Y-%m-%d %H:%M %Z"


@click.group()
def schedule() -> None:
    """Show when digests are due."""


@schedule.command("next", epilog="\b\nExample:\n  ceasewire schedule next example -n 10")
@click.argument("desk")
@click.option("-n", "count", type=click.IntRange(1, 1000), default=5, show_default=True, help="How many slots.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def next_(state: common.State, desk: str, *, count: int, as_json: bool) -> None:
    """Show the next slots of DESK in its own zone and in UTC."""
    from alerts.schedule import next_slots

    chosen = find_desk(state.configuration(), desk)
    for slot in next_slots(chosen.schedule, chosen.zone, common.utc_now(), count):
        local = slot.astimezone(ZoneInfo(chosen.zone))
        if as_json:
            common.echo_json({"desk": desk, "slot": slot.isoformat(), "local": local.isoformat(), "zone": chosen.zone})
        else:
            click.echo(f"{local:{_WHEN}}   {slot:%Y-%m-%d %H:%M} UTC")


@schedule.command(
    "list", epilog="\b\nExamples:\n  ceasewire schedule list\n  ceasewire schedule list --json | jq 'select(.due)'"
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def list_(state: common.State, *, as_json: bool) -> None:
    """List every desk's schedule and zone, its next slot, local and UTC, and the last one that was answered.

    A desk is due when a slot has come since that one; the next `run` answers it.
    """
    configuration = state.configuration()
    now = common.utc_now()
    places = _places(configuration)
    for desk in configuration.desks:
        row = _row(desk, places.get(desk.id), now)
        if as_json:
            common.echo_json(
                {key: value.isoformat() if isinstance(value, datetime) else value for key, value in row.items()}
            )
            continue
        due = ", due now" if row["due"] else ""
        click.echo(f"{desk.id}  {desk.schedule}  {desk.zone}  (sends empty ones: {desk.send_empty})")
        click.echo(f"  next {_both(row['next_local'], row['next'])}")
        click.echo(f"  last {_both(row['last_local'], row['last']) if row['last'] else 'none yet'}{due}")


def _row(desk: Desk, last: datetime | None, now: datetime) -> dict[str, Any]:
    from alerts.schedule import next_slots, prev_slot

    zone = ZoneInfo(desk.zone)
    slot = next_slots(desk.schedule, desk.zone, now, 1)[0]
    return {
        "desk": desk.id,
        "title": desk.title,
        "schedule": desk.schedule,
        "zone": desk.zone,
        "send_empty": desk.send_empty,
        "next": slot,
        "next_local": slot.astimezone(zone),
        "last": last,
        "last_local": last.astimezone(zone) if last else None,
        "due": last is not None and prev_slot(desk.schedule, desk.zone, now) > last,
    }


def _both(local: datetime, slot: datetime) -> str:
    return f"{local:{_WHEN}}, {slot:%Y-%m-%d %H:%M} UTC"


def _places(configuration: Configuration) -> Mapping[str, datetime]:
    """Desk -> the last slot it answered. Schedules can be looked at before there is a database."""
    from alerts.ledger.digests import last_slots
    from crawler.errors import SchemaError

    try:
        with common.open_database(configuration) as archive, archive.read() as connection:
            return last_slots(connection)
    except SchemaError as error:
        click.echo(f"ceasewire: no last slots are known: {error}", err=True)
        return {}
