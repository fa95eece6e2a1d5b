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


_PREVIEW_EPILOG = """\b
Examples:
  ceasewire digest preview example
  ceasewire digest preview example --html -o p.html
  ceasewire digest preview example --template bulletin --sample 60 --html -o look.html
"""


@digest.command(epilog=_PREVIEW_EPILOG)
@click.argument("desk")
@click.option("--template", metavar="NAME", help="In the look of this template, and exit 78 if it fails.")
@click.option("--sample", type=click.IntRange(0, 5000), metavar="N", help="With N invented stories; needs no database.")
@click.option("--html", "as_html", is_flag=True, help="The HTML part instead of the text part.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
@click.pass_obj
def preview(
    state: common.State, desk: str, *, template: str | None, sample: int | None, as_html: bool, output: Path | None
) -> None:
    """Show the digest that DESK would get now. Claims, numbers and sends nothing."""
    from alerts.digests import samples
    from alerts.digests.freeze import preview_snapshot
    from alerts.digests.looks import show_digest, show_strictly
    from alerts.templates import read_template

    configuration = state.configuration()
    chosen = find_desk(configuration, desk)
    if sample is not None:
        budget = chosen.budget or configuration.settings.alerts.byte_budget
        snapshot = samples.digest_of(sample, chosen, budget=budget)
    else:
        with common.open_database(configuration) as archive:
            snapshot = preview_snapshot(archive, configuration, chosen, common.utc_now())
    if template is not None:
        rendered = show_strictly(read_template(configuration.folder, template), snapshot)
    else:
        rendered = show_digest(configuration, chosen, snapshot)
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
    from alerts.digests.looks import show_stored
    from alerts.ledger import digests as ledger

    configuration = state.configuration(skip_broken=True)
    with common.open_database(configuration) as archive, archive.read() as connection:
        snapshot = ledger.find_snapshot(connection, desk, number)
    if snapshot is None:
        click.echo(f"ceasewire: there is no digest #{number} of desk {desk!r}", err=True)
        return common.FINDING
    rendered = show_stored(configuration, desk, snapshot)
    click.echo(rendered.html if as_html else f"Subject: {rendered.subject}\n\n{rendered.text}")
    return 0


digest.add_command(send_test)
digest.add_command(export)
