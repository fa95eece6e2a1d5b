"""`digest export`: a digest as it was delivered, as a file."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from alerts.cli import common

_EPILOG = """\b
Examples:
  ceasewire digest export example 214 -o 214.html
  ceasewire digest export example 214 --format eml --to desk@example.org > 214.eml
  ceasewire digest export example 214 --json | jq .counts
"""


@click.command(epilog=_EPILOG)
@click.argument("desk")
@click.argument("number", type=click.IntRange(1))
@click.option(
    "--format", "form", type=click.Choice(["html", "text", "eml", "json"]), default="html", show_default=True,
    help="A part of the mail, the mail itself, or what a webhook gets.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option(
    "--to", default="", metavar="TARGET", help="The copy for this target, as `outbox list` names it [default: any]."
)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
@click.pass_obj
def export(
    state: common.State, desk: str, number: int, *, form: str, as_json: bool, to: str, output: Path | None
) -> int:
    """Write digest NUMBER of DESK as it was delivered, byte by byte, to standard output or a file.

    Delivered bytes are kept for 30 days. After that the digest is made anew from what was frozen, and a line on
    standard error says so. A copy that went to a folder comes before those of readers, whose links are their own.
    Exit 1 when there is no such digest.
    """
    from alerts.delivery.exporting import FORMATS, export_digest
    from alerts.digests.looks import show_stored

    configuration = state.configuration(skip_broken=True)
    wanted = FORMATS[FORMATS.index("json" if as_json else form)]
    with common.open_database(configuration) as archive, archive.read() as connection:
        shown = partial(show_stored, configuration, desk)
        found = export_digest(connection, (desk, number), wanted, shown, configuration.settings.alerts, to=to)
    if found is None:
        aim = f" that went to {to} as {wanted}" if to else ""
        click.echo(f"ceasewire: there is no digest #{number} of desk {desk!r}{aim}", err=True)
        return common.FINDING
    if not found.target:
        click.echo("ceasewire: no delivered copy is kept; this was made anew from what was frozen", err=True)
    if output is None:
        click.echo(found.data, nl=False)
    else:
        output.write_bytes(found.data)
    return 0
