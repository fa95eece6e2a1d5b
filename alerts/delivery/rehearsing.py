"""A digest sent to see how it arrives: by real SMTP, marked as a test, and leaving nothing behind.

Nothing is claimed, numbered or stored, and the outbox knows nothing of it; so a mail that is lost here is simply lost.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from alerts.delivery.composing import Message, final_bytes
from alerts.delivery.mail import slug, wire_domain
from alerts.delivery.relay import relay_of
from alerts.delivery.smtp import ConnectionLostError, Reply, Session
from crawler.errors import ConfigError, Problem

if TYPE_CHECKING:
    from alerts.desks import Desk
    from alerts.digests.render import Rendered
    from alerts.options import AlertsOptions

MARK = "[test]"


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What became of one test mail.

    Attributes:
        sent: the mail server has taken it.
        refused: it never will; if neither, it may do so later, or has and did not say so.
        reply: what it said.
    """

    address: str
    message_id: str
    subject: str
    size: int
    sent: bool
    refused: bool
    reply: str


def addresses_of(desk: Desk) -> tuple[str, ...]:
    """Everybody who gets the desk's digests by mail, each once."""
    found = {target.casefold(): target for route in desk.routes if route.kind == "mail" for target in route.targets}
    return tuple(found.values())


def send_test(
    options: AlertsOptions, desk: Desk, made: tuple[Mapping[str, Any], Rendered], to: Sequence[str], now: datetime
) -> Iterator[Rehearsal]:
    """Send a digest to each address over one connection.

    Args:
        options: mail server and sender.
        desk: whose digest it is.
        made: its snapshot, and the same rendered; without links of readers, for nobody's delivery stands behind them.
        to: addresses.
        now: aware UTC; Date of the mails.

    Yields:
        What the server said to each, as soon as it is known.

    Raises:
        ConfigError: no mail server is configured.
        RelayError: it cannot be used; `configuration` says whether a person has to act.
        ConnectionLostError: the connection broke before this mail was complete.
        DeliveryError: an address cannot be used; permanent.
    """
    if options.smtp is None:
        hint = "add `smtp:` under `alerts:`"
        raise ConfigError([Problem("settings.yaml", 0, 0, "no mail server is configured", hint=hint, code="smtp")])
    snapshot, rendered = made
    message = Message(desk, snapshot, replace(rendered, subject=f"{MARK} {rendered.subject}"), now)
    with Session(relay_of(options)) as session:
        for address in to:
            session.connect()
            identity = _message_id(desk.id, now, options.domain)
            data = final_bytes(message, options, ("mail", address, identity))
            refusal = session.offer(options.sender.address, address, data)
            reply = refusal or _finished(session)
            sent = refusal is None and 200 <= reply.code <= 299
            refused = 500 <= reply.code <= 599
            shown = f"{reply.code} {reply.text}" if reply.code > 0 else reply.text
            yield Rehearsal(address, identity, message.rendered.subject, len(data), sent, refused, shown)
        session.quit()


def _finished(session: Session) -> Reply:
    try:
        return session.finish()
    except ConnectionLostError as error:
        return Reply(-1, f"no answer to the whole mail, it may arrive all the same: {error.reason}")


def _message_id(desk: str, now: datetime, domain: str) -> str:
    """An id of its own for every test mail: that of the digest belongs to the digest."""
    when = now.astimezone(UTC).strftime("%Y%m%dT%H%MZ")
    return f"<{slug(desk)}.{when}.test-{uuid.uuid4().hex[:16]}@{wire_domain(domain)}>"
