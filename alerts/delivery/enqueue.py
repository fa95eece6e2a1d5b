"""Frozen digests -> deliveries with their final bytes: composed once, and never again."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateError

from alerts.delivery.mail import Letter, build, message_id
from alerts.delivery.steps import step
from alerts.digests.brief import chat_lines, document
from alerts.digests.render import Rendered, render
from alerts.errors import DeliveryError
from alerts.ledger import deliveries
from alerts.ledger.deliveries import FrozenDigest, NewDelivery
from alerts.ledger.digests import load_snapshot
from crawler.errors import ArchiveError

if TYPE_CHECKING:
    from alerts.configuration import Configuration
    from alerts.desks import Desk
    from crawler.archive import Archive

log = logging.getLogger(__name__)

_COMPOSING_ERRORS = (
    ArchiveError,  # the snapshot is damaged
    TemplateError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What a bug or an odd snapshot can raise while a digest is rendered: it must not keep the other digests back."""


def enqueue(archive: Archive, configuration: Configuration, now: datetime) -> int:
    """Make the deliveries of every frozen digest: one per target of its desk, and the digest is `enqueued`.

    Each digest has one transaction, so repeated and interrupted calls make each delivery once. A digest that cannot be
    composed, or whose desk is no longer configured, stays frozen and is told of on every call.

    Args:
        archive: the open database.
        configuration: desks with their routes, sender and domain.
        now: aware UTC; becomes the Date of the mails.

    Returns:
        How many deliveries were made.
    """
    with archive.read() as connection:
        frozen = deliveries.frozen_digests(connection)
    desks = {desk.id: desk for desk in configuration.desks}
    made = 0
    for digest in frozen:
        step("enqueue.start")
        desk = desks.get(digest.desk)
        if desk is None:
            log.error("digest %s #%d waits: no such desk is configured", digest.desk, digest.number)
            continue
        try:
            snapshot = load_snapshot(digest.snapshot)
            rendered = render(snapshot)
        except _COMPOSING_ERRORS:
            log.exception("digest %s #%d cannot be rendered and waits", digest.desk, digest.number)
            continue
        edition = _Edition(digest, desk, snapshot, rendered)
        new = [_compose(edition, configuration, now, *place) for place in _targets(desk)]
        step("enqueue.composed")
        made += _insert(archive, digest, new, now)
        step("enqueue.done")
    return made


def _targets(desk: Desk) -> Iterator[tuple[str, str]]:
    """Route and target of each delivery; a target named twice gets one copy."""
    seen: set[str] = set()
    for route in desk.routes:
        for target in route.targets:
            key = target.casefold() if route.kind == "mail" else target
            if key not in seen:
                seen.add(key)
                yield route.kind, target


@dataclass(frozen=True, slots=True)
class _Edition:
    digest: FrozenDigest
    desk: Desk
    snapshot: Mapping[str, Any]
    rendered: Rendered


def _compose(edition: _Edition, configuration: Configuration, now: datetime, route: str, target: str) -> NewDelivery:
    """The final bytes for one target, or a failed delivery that says why there are none."""
    digest = edition.digest
    options = configuration.settings.alerts
    identity = message_id(digest.desk, digest.slot, route, target, options.domain)
    try:
        data = _bytes(edition, configuration, now, identity, target if route == "mail" else "", route)
    except (DeliveryError, *_COMPOSING_ERRORS) as error:
        log.exception("digest %s #%d cannot be composed for %s", digest.desk, digest.number, target)
        return NewDelivery(digest.id, route, target, identity, None, f"cannot be composed: {error}")
    return NewDelivery(digest.id, route, target, identity, data)


def _bytes(
    edition: _Edition, configuration: Configuration, now: datetime, identity: str, recipient: str, route: str
) -> bytes:
    rendered = edition.rendered
    match route:
        case "webhook":
            return _json(document(edition.snapshot, rendered))
        case "site":
            pages = {"html": rendered.html, "text": rendered.text}
            return _json({"document": document(edition.snapshot, rendered), **pages})
        case "chat":
            return _json(chat_lines(edition.snapshot, rendered))
    options = configuration.settings.alerts
    letter = Letter(
        desk=edition.digest.desk,
        title=edition.desk.title,
        message_id=identity,
        domain=options.domain,
        sender=options.sender.address,
        sender_name=options.sender.name,
        recipient=recipient,
        subject=rendered.subject,
        html=rendered.html,
        text=rendered.text,
        date=now,
        unsubscribe=options.unsubscribe,
    )
    return build(letter)


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _insert(archive: Archive, digest: FrozenDigest, new: list[NewDelivery], now: datetime) -> int:
    with archive.write() as connection:
        if not deliveries.mark_enqueued(connection, digest.id):
            return 0
        for delivery in new:
            deliveries.insert_delivery(connection, delivery, now)
            step("enqueue.inserted")
    return len(new)
