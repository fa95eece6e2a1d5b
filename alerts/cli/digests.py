"""`digest`: what desks were and will be told."""

from __future__ import annotations

from pathlib import Path

import click

from alerts.cli import common
from alerts.cli.desks import find_desk
from alerts.cli.digest_exporting import export
from alerts.cli.digest_sending import send_test


@click.group()
def digest() -> None:
    """Preview, list, show and export digests; send one to try."""


@digest.command(
    epilog="\b\nExamples:\n  ceasewire digest preview example\n  ceasewire digest preview example --html -o p.html"
)
@click.argument("desk")
@click.option("--html", "as_html", is_flag=True, help="The HTML part instead of the text part.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
@click.pass_obj
def preview(state: common.State, desk: str, *, as_html: bool, output: Path | None) -> None:
    """Show the digest that DESK would get now. Claims, numbers and sends nothing."""
    from alerts.digests import preview as preview_digest

    configuration = state.configuration()
    chosen = find_desk(configuration, desk)
    with common.open_database(configuration) as archive:
        rendered = preview_digest(archive, configuration, chosen, common.utc_now())
    text = rendered.html if as_html else f"Subject: {rendered.subject}\n\n{rendered.text}"
    if output is None:
        click.echo(text)
    else:
        output.write_text(text, "utf-8")


@digest.command("list")
@click.argument("desk", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("-n", "count", type=click.IntRange(1), default=20, show_default=True, help="How many, newest first.")
@click.pass_obj
def list_(state: common.State, desk: str | None, *, as_json: bool, count: int) -> None:
    """List digests, newest first, with the state of their deliveries."""
    from alerts.ledger import digests as ledger

    configuration = state.configuration(skip_broken=True)
    with common.open_database(configuration) as archive, archive.read() as connection:
        rows = ledger.list_digests(connection, desk=desk, limit=count)
    for row in rows:
        if as_json:
            common.echo_json(row)
        else:
            states = ", ".join(f"{number} {name}" for name, number in sorted(row["deliveries"].items())) or row["state"]
            click.echo(f"{row['desk']} #{row['number']}  slot {row['slot']:%Y-%m-%d %H:%M} UTC  {states}")


@digest.command()
@click.argument("desk")
@click.argument("number", type=int)
@click.option("--html", "as_html", is_flag=True, help="The HTML part instead of the text part.")
@click.pass_obj
def show(state: common.State, desk: str, number: int, *, as_html: bool) -> int:
    """Show digest NUMBER of DESK as it was frozen."""
    from alerts.digests.render import render
    from alerts.ledger import digests as ledger

    configuration = state.configuration(skip_broken=True)
    with common.open_database(configuration) as archive, archive.read() as connection:
        snapshot = ledger.find_snapshot(connection, desk, number)
    if snapshot is None:
        click.echo(f"ceasewire: there is no digest #{number} of desk {desk!r}", err=True)
        return common.FINDING
    rendered = render(snapshot)
    click.echo(rendered.html if as_html else f"Subject: {rendered.subject}\n\n{rendered.text}")
    return 0


digest.add_command(send_test)
digest.add_command(export)
