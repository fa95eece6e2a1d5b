"""`readers`: who took themselves off a desk's mails, and whom mail servers refuse."""

from __future__ import annotations

import click

from alerts.cli import common


@click.group(
    epilog="\b\nExamples:\n  ceasewire readers list\n  ceasewire readers restore sudan ana@example.org\n"
    "  ceasewire readers remove sudan ana@example.org"
)
def readers() -> None:
    """Who took themselves off a desk's mails; take somebody off, or put them back."""


@readers.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a reader.")
@click.pass_obj
def list_(state: common.State, *, as_json: bool) -> None:
    """List everybody who is off a desk's mails although its file names them."""
    from alerts.ledger.readers import list_unsubscribed

    with common.open_database(state.configuration(skip_broken=True)) as archive, archive.read() as connection:
        rows = list_unsubscribed(connection)
    for desk, address, at, how in rows:
        if as_json:
            common.echo_json({"desk": desk, "address": address, "at": at.isoformat(), "how": how})
        else:
            click.echo(f"{desk}  {address}  since {at:%Y-%m-%d %H:%M}Z, by {how}")


@readers.command()
@click.argument("desk")
@click.argument("address")
@click.pass_obj
def remove(state: common.State, desk: str, address: str) -> int:
    """Send ADDRESS no more mails of DESK."""
    from alerts.ledger.readers import unsubscribe

    configuration = state.configuration(skip_broken=True)
    if desk not in {one.id for one in configuration.desks}:
        raise click.BadParameter(f"there is no desk {desk!r}", param_hint="DESK")
    with common.open_database(configuration) as archive, archive.write() as connection:
        done = unsubscribe(connection, desk, address, "operator", common.utc_now())
    if not done:
        click.echo(f"{address} was off the mails of {desk} already", err=True)
    return 0 if done else common.FINDING


@readers.command()
@click.argument("desk")
@click.argument("address")
@click.pass_obj
def restore(state: common.State, desk: str, address: str) -> int:
    """Send ADDRESS the mails of DESK again, from the next digest on."""
    from alerts.ledger.readers import subscribe_again

    with common.open_database(state.configuration(skip_broken=True)) as archive, archive.write() as connection:
        done = subscribe_again(connection, desk, address)
    if not done:
        click.echo(f"{address} is not off the mails of {desk}", err=True)
    return 0 if done else common.FINDING
