"""Frozen digests and decided alerts -> deliveries with their final bytes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from alerts.delivery.composing import COMPOSING_ERRORS, Message, final_bytes, targets
from alerts.delivery.linking import links_of, signer_of
from alerts.delivery.mail import message_id
from alerts.delivery.site import WHOLE, page_url
from alerts.delivery.steps import step
from alerts.digests.alert import compose_alert, render_alert
from alerts.digests.looks import Looks, Make, brief, log_fault
from alerts.digests.render import ReaderLinks, render
from alerts.errors import DeliveryError
from alerts.ledger import alerts as alert_queries
from alerts.ledger import deliveries, readers
from alerts.ledger.deliveries import FrozenDigest, NewDelivery
from alerts.ledger.digests import load_snapshot
from alerts.ledger.template_failures import TemplateFailure, note_failure, note_success

if TYPE_CHECKING:
    import sqlalchemy as sa

    from alerts.configuration import Configuration
    from alerts.desks import Desk
    from alerts.ledger.alerts import Alert
    from alerts.links import Signer
    from alerts.routes import Route
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
    return _Enqueuing(archive, configuration, now).run()


class _Enqueuing:
    def __init__(self, archive: Archive, configuration: Configuration, now: datetime) -> None:
        self._archive = archive
        self._configuration = configuration
        self._options = configuration.settings.alerts
        self._now = now
        self._desks = {desk.id: desk for desk in configuration.desks}
        self._signer: Signer | None = None
        self._looks = Looks(configuration.templates)

    def run(self) -> int:
        with self._archive.read() as connection:
            alerts = alert_queries.decided(connection)
            frozen = deliveries.frozen_digests(connection)
        if alerts or frozen:
            self._signer = signer_of(self._options)
        return sum(map(self._enqueue_alert, alerts)) + sum(map(self._enqueue_digest, frozen))

    def _enqueue_digest(self, digest: FrozenDigest) -> int:
        step("enqueue.start")
        name = f"digest {digest.desk} #{digest.number}"
        desk = self._desks.get(digest.desk)
        if desk is None:
            log.error("%s waits: no such desk is configured", name)
            return 0
        places = self._places(desk, desk.routes, lambda route: (digest.slot, route))
        try:
            snapshot = load_snapshot(digest.snapshot)
            message, failure = self._message(_Telling(desk, name, "digest", render), snapshot, places)
        except COMPOSING_ERRORS:
            log.exception("%s cannot be rendered and waits", name)
            return 0
        new = [NewDelivery(digest.id, *place, *self._composed(message, name, place)) for place in places]
        step("enqueue.composed")

        def take(connection: sa.Connection) -> bool:
            _note(connection, desk, "digest", failure)
            return deliveries.mark_enqueued(connection, digest.id)

        made = self._insert(take, new)
        step("enqueue.done")
        return made

    def _enqueue_alert(self, alert: Alert) -> int:
        name = f"alert {alert.id} of {alert.desk}"
        desk = self._desks.get(alert.desk)
        if desk is None or desk.alerts is None:
            log.error("%s waits: its desk has no alerts any more", name)
            return 0
        # One alert of a desk has one key, however often it is composed.
        places = self._places(desk, desk.alerts.routes, lambda route: (alert.at, f"alert {alert.id} {route}"))
        try:
            with self._archive.read() as connection:
                gathered = alert_queries.gathered_in(connection, alert.id)
                snapshot = compose_alert(connection, self._configuration, desk, alert, gathered, self._now)
            if snapshot is None:
                return self._withdraw(alert, name)
            message, failure = self._message(_Telling(desk, name, "alert", render_alert), snapshot, places)
        except COMPOSING_ERRORS:
            log.exception("%s cannot be rendered and waits", name)
            return 0
        if alert.kind != alert_queries.STORM:
            message = replace(message, story=alert.story)
        new = [NewDelivery(None, *place, *self._composed(message, name, place), alert=alert.id) for place in places]

        def take(connection: sa.Connection) -> bool:
            _note(connection, desk, "alert", failure)
            return alert_queries.settle(connection, alert.id, alert_queries.ENQUEUED)

        return self._insert(take, new)

    def _withdraw(self, alert: Alert, name: str) -> int:
        with self._archive.write() as connection:
            alert_queries.settle(connection, alert.id, alert_queries.WITHDRAWN)
        log.info("%s is not sent: nothing of it stands any more", name)
        return 0

    def _places(
        self, desk: Desk, routes: Sequence[Route], key: Callable[[str], tuple[datetime, str]]
    ) -> list[tuple[str, str, str]]:
        """Route, target and Message-ID of each delivery; readers who took themselves off get none."""
        with self._archive.read() as connection:
            off = readers.unsubscribed_from(connection, desk.id)
        found = []
        for route, target in targets(routes):
            if route == "mail" and target.casefold() in off:
                log.info("%s took itself off the mails of %s", target, desk.id)
                continue
            when, what = key(route)
            found.append((route, target, message_id(desk.id, when, what, target, self._options.domain)))
        return found

    def _message(
        self, telling: _Telling, snapshot: Mapping[str, Any], places: Sequence[tuple[str, str, str]]
    ) -> tuple[Message, TemplateFailure | None]:
        """The message in the look of its desk, and why it could not have that look."""
        desk, name = telling.desk, telling.name
        mailed = [identity for route, _, identity in places if route == "mail"]
        web = self._options.web if self._signer is not None and mailed else None
        links = [_links(desk, snapshot)]
        if web is not None:
            links.append(replace(links_of(web.url, mailed[0]), page=links[0].page))
        shown = self._looks.show(desk, snapshot, telling.make, links)
        fault = shown.fault
        message = Message(desk, snapshot, shown.parts[0], self._now)
        if any(route == "site" for route, _, _ in places):
            whole = self._looks.show(desk, {**snapshot, "budget": WHOLE}, telling.make)
            fault = fault or whole.fault
            message = replace(message, whole=whole.parts[0])
        if web is not None:
            message = replace(message, linked=shown.parts[1], base=web.url)
        if fault is None:
            return message, None
        log_fault(desk, name, fault)
        return message, TemplateFailure(
            desk.id, telling.kind, desk.template, name, brief(fault), since=self._now, at=self._now
        )

    def _composed(self, message: Message, name: str, place: tuple[str, str, str]) -> tuple[bytes | None, str]:
        """The final bytes for one target, or why there are none: that delivery is then failed and told of."""
        try:
            return final_bytes(message, self._options, place, self._signer), ""
        except (DeliveryError, *COMPOSING_ERRORS) as error:
            log.exception("%s cannot be composed for %s", name, place[1])
            return None, f"cannot be composed: {error}"

    def _insert(self, take: Callable[[sa.Connection], bool], new: Sequence[NewDelivery]) -> int:
        with self._archive.write() as connection:
            if not take(connection):
                return 0
            for delivery in new:
                deliveries.insert_delivery(connection, delivery, self._now)
                step("enqueue.inserted")
        return len(new)


@dataclass(frozen=True, slots=True)
class _Telling:
    """What is told to whom: `name` as logs have it, `kind` digest or alert, `make` renders it."""

    desk: Desk
    name: str
    kind: str
    make: Make


def _links(desk: Desk, snapshot: Mapping[str, Any]) -> ReaderLinks:
    """What every reader's copy has: the digest's page, where a web server shows it. An alert has none."""
    return ReaderLinks(page=page_url(desk.routes, snapshot["desk"], snapshot["number"]) if "number" in snapshot else "")


def _note(connection: sa.Connection, desk: Desk, kind: str, failure: TemplateFailure | None) -> None:
    if failure is not None:
        note_failure(connection, failure)
    elif desk.template:
        note_success(connection, desk.id, kind)
