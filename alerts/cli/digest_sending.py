"""`digest send-test`: a digest by real mail, to see how it arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from alerts.cli import common
from alerts.cli.desks import find_desk

if TYPE_CHECKING:
    from alerts.delivery.rehearsing import Rehearsal

_EPILOG = """\b
Examples:
  ceasewire digest send-test example
  ceasewire digest send-test example --to me@example.org
\b
Exit codes: 0 all were taken, 2 nobody to send it to, 69 an address was refused for good, 75 the mail server is
away or asks to try again later, 78 no mail server is configured, or it cannot be used as it is.
"""


@click.command("send-test", epilog=_EPILOG)
@click.argument("desk")
@click.option("--to", "addresses", multiple=True, metavar="ADDRESS", help="Only to this address; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def send_test(state: common.State, desk: str, *, addresses: tuple[str, ...], as_json: bool) -> int:
    """Mail the digest that DESK would get now to its addresses, marked [test] in the subject.

    Claims, numbers and stores nothing: the next digest is as if this had not been sent. Each mail has a Message-ID of
    its own, goes to no archive address, and has no links by which readers judge or unsubscribe.
    """
    from alerts.delivery import rehearsing
    from alerts.delivery.relay import RelayError
    from alerts.digests.freeze import preview_snapshot
    from alerts.digests.looks import show_digest

    configuration = state.configuration()
    chosen = find_desk(configuration, desk)
    to = _checked(addresses) or rehearsing.addresses_of(chosen)
    if not to:
        raise click.UsageError(f"desk {desk!r} has no mail route: name an address with --to")
    now = common.utc_now()
    with common.open_database(configuration) as archive:
        snapshot = preview_snapshot(archive, configuration, chosen, now)
    made = (snapshot, show_digest(configuration, chosen, snapshot))
    codes = {0}
    try:
        for one in rehearsing.send_test(configuration.settings.alerts, chosen, made, to, now):
            _tell(desk, one, as_json=as_json)
            codes.add(0 if one.sent else common.REFUSED if one.refused else common.TEMPORARY)
    except RelayError as error:
        if not error.configuration:
            raise
        click.echo(f"ceasewire: {error}", err=True)
        return common.CONFIGURATION
    return common.REFUSED if common.REFUSED in codes else max(codes)


def _checked(addresses: tuple[str, ...]) -> tuple[str, ...]:
    from pydantic_core import PydanticCustomError

    from alerts.options import check_mail_address

    for address in addresses:
        try:
            check_mail_address(address)
        except PydanticCustomError as error:
            raise click.BadParameter(error.message(), param_hint="--to") from error
    return addresses


def _tell(desk: str, one: Rehearsal, *, as_json: bool) -> None:
    if as_json:
        row = {"desk": desk, "to": one.address, "sent": one.sent, "reply": one.reply, "message_id": one.message_id}
        common.echo_json({**row, "subject": one.subject, "bytes": one.size})
    elif one.sent:
        click.echo(f"sent to {one.address}: {one.size:,} bytes, {one.reply}")
    else:
        click.echo(f"ceasewire: not sent to {one.address}: {one.reply}", err=True)
