"""Frozen digests and decided alerts -> deliveries with their final bytes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from alerts.delivery.composing import COMPOSING_ERRORS, Message, final_bytes, targets
from alerts.delivery.mail import message_id
from alerts.delivery.steps import step
from alerts.digests.alert import compose_alert, render_alert
from alerts.digests.render import render
from alerts.errors import DeliveryError
from alerts.ledger import alerts as alert_queries
from alerts.ledger import deliveries
from alerts.ledger.deliveries import FrozenDigest, NewDelivery
from alerts.ledger.digests import load_snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa

    from alerts.configuration import Configuration
    from alerts.desks import Desk
    from alerts.ledger.alerts import Alert
    from crawler.archive import Archive

log = logging.getLogger(__name__)


def enqueue(archive: Archive, configuration: Configuration, now: datetime) -> int:
    """Make the deliveries of every decided alert and every frozen digest: one per target of its desk.

    Each alert and each digest has one transaction, so repeated and interrupted calls make each delivery once. What
    cannot be composed, or whose desk is no longer configured, stays as it is and is told of on every call.

    Args:
        archive: the open database.
        configuration: desks with their routes, sender and domain.
        now: aware UTC; becomes the Date of the mails.

    Returns:
        How many deliveries were made.
    """
    desks = {desk.id: desk for desk in configuration.desks}
    with archive.read() as connection:
        alerts = alert_queries.decided(connection)
        frozen = deliveries.frozen_digests(connection)
    made = 0
    for alert in alerts:
        made += _enqueue_alert(archive, configuration, desks.get(alert.desk), alert, now)
    for digest in frozen:
        made += _enqueue_digest(archive, configuration, desks.get(digest.desk), digest, now)
    return made


def _enqueue_digest(
    archive: Archive, configuration: Configuration, desk: Desk | None, digest: FrozenDigest, now: datetime
) -> int:
    step("enqueue.start")
    name = f"digest {digest.desk} #{digest.number}"
    if desk is None:
        log.error("%s waits: no such desk is configured", name)
        return 0
    try:
        snapshot = load_snapshot(digest.snapshot)
        message = Message(desk, snapshot, render(snapshot), now)
    except COMPOSING_ERRORS:
        log.exception("%s cannot be rendered and waits", name)
        return 0
    new = []
    for route, target in targets(desk.routes):
        identity = message_id(desk.id, digest.slot, route, target, configuration.settings.alerts.domain)
        data, reply = _composed(message, configuration, name, (route, target, identity))
        new.append(NewDelivery(digest.id, route, target, identity, data, reply))
    step("enqueue.composed")
    made = _insert(archive, lambda connection: deliveries.mark_enqueued(connection, digest.id), new, now)
    step("enqueue.done")
    return made


def _enqueue_alert(
    archive: Archive, configuration: Configuration, desk: Desk | None, alert: Alert, now: datetime
) -> int:
    name = f"alert {alert.id} of {alert.desk}"
    if desk is None or desk.alerts is None:
        log.error("%s waits: its desk has no alerts any more", name)
        return 0
    try:
        with archive.read() as connection:
            gathered = alert_queries.gathered_in(connection, alert.id)
            snapshot = compose_alert(connection, configuration, desk, alert, gathered, now)
        rendered = None if snapshot is None else render_alert(snapshot)
    except COMPOSING_ERRORS:
        log.exception("%s cannot be rendered and waits", name)
        return 0
    if snapshot is None or rendered is None:
        with archive.write() as connection:
            alert_queries.settle(connection, alert.id, alert_queries.WITHDRAWN)
        log.info("%s is not sent: nothing of it stands any more", name)
        return 0
    story = alert.story if alert.kind != alert_queries.STORM else None
    message = Message(desk, snapshot, rendered, now, story)
    new = []
    for route, target in targets(desk.alerts.routes):
        # One alert of a desk has one key, however often it is composed.
        key = f"alert {alert.id} {route}"
        identity = message_id(desk.id, alert.at, key, target, configuration.settings.alerts.domain)
        data, reply = _composed(message, configuration, name, (route, target, identity))
        new.append(NewDelivery(None, route, target, identity, data, reply, alert=alert.id))
    return _insert(
        archive, lambda connection: alert_queries.settle(connection, alert.id, alert_queries.ENQUEUED), new, now
    )


def _composed(
    message: Message, configuration: Configuration, name: str, place: tuple[str, str, str]
) -> tuple[bytes | None, str]:
    """The final bytes for one target, or why there are none: that delivery is then failed and told of."""
    route, target, identity = place
    try:
        return final_bytes(message, configuration.settings.alerts, route, target, identity), ""
    except (DeliveryError, *COMPOSING_ERRORS) as error:
        log.exception("%s cannot be composed for %s", name, target)
        return None, f"cannot be composed: {error}"


def _insert(archive: Archive, take: Callable[[sa.Connection], bool], new: Sequence[NewDelivery], now: datetime) -> int:
    with archive.write() as connection:
        if not take(connection):
            return 0
        for delivery in new:
            deliveries.insert_delivery(connection, delivery, now)
            step("enqueue.inserted")
    return len(new)
