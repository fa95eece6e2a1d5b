"""`outbox`: what is waiting, doubtful or failed, and what an operator may decide about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from alerts.cli import common

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from typing import Any

    import sqlalchemy as sa

STATES = ("ready", "sending", "doubt", "sent", "failed", "held", "cancelled")


@click.group()
def outbox() -> None:
    """List deliveries; retry, cancel or settle them."""


@outbox.command("list")
@click.option("--state", "states", multiple=True, type=click.Choice(STATES), help="Only these; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("-n", "count", type=click.IntRange(1), default=50, show_default=True, help="How many, newest first.")
@click.pass_obj
def list_(state: common.State, *, states: tuple[str, ...], as_json: bool, count: int) -> None:
    """List deliveries, newest first."""
    from alerts.ledger import deliveries

    configuration = state.configuration(skip_broken=True)
    with common.open_database(configuration) as archive, archive.read() as connection:
        rows = deliveries.list_deliveries(connection, states=states, limit=count)
    for row in rows:
        if as_json:
            common.echo_json(row)
        else:
            reply = f"  {row['reply']}" if row["reply"] else ""
            click.echo(
                f"{row['id']:>6}  {row['state']:<9}  {row['route']:<6}  {row['target']}  "
                f"{row['desk']} {_carried(row)}{reply}"
            )


def _carried(row: Mapping[str, Any]) -> str:
    return f"#{row['number']}" if row["alert"] is None else f"alert {row['alert']}"


@outbox.command()
@click.argument("delivery", type=int)
@click.pass_obj
def retry(state: common.State, delivery: int) -> int:
    """Make DELIVERY ready again at once, with the same bytes and Message-ID."""
    from alerts.delivery import byhand

    return _change(state, delivery, byhand.retry)


@outbox.command()
@click.argument("delivery", type=int)
@click.pass_obj
def cancel(state: common.State, delivery: int) -> int:
    """Give DELIVERY up: it will not be sent."""
    from alerts.delivery import byhand

    return _change(state, delivery, byhand.cancel)


@outbox.command()
@click.argument("delivery", type=int)
@click.option("--sent/--resend", "arrived", default=None, help="It did arrive; or not: send the same bytes again.")
@click.pass_obj
def resolve(state: common.State, delivery: int, *, arrived: bool | None) -> int:
    """Settle a DELIVERY in doubt: a person has looked whether it arrived."""
    from alerts.delivery import byhand

    if arrived is None:
        raise click.UsageError("say what you found: --sent or --resend")
    return _change(
        state, delivery, lambda connection, number, now: byhand.resolve(connection, number, now, sent=arrived)
    )


def _change(state: common.State, delivery: int, change: Callable[[sa.Connection, int, datetime], bool]) -> int:
    configuration = state.configuration(skip_broken=True)
    with common.open_database(configuration) as archive, archive.write() as connection:
        if change(connection, delivery, common.utc_now()):
            return 0
    click.echo(f"ceasewire: delivery {delivery} is not there, or is in no state that allows this", err=True)
    return common.FINDING
