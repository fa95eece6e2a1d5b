"""Hands one claimed delivery over to its route; all but mail, which is a dialogue of its own (smtp.py)."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from alerts.delivery import chat, states, webhook
from alerts.delivery.folder import file_stem, write_files
from alerts.delivery.site import write_edition
from alerts.delivery.steps import step
from alerts.errors import DeliveryError
from alerts.routes import ChatRoute, WebhookRoute

if TYPE_CHECKING:
    from alerts.configuration import Configuration
    from alerts.ledger.deliveries import Delivery

Edition = tuple[str, str, datetime]
"""Desk, name (a digest's number, ``alert-7``) and time."""

UNREPEATABLE = frozenset({"chat"})
"""Routes whose far side cannot tell a repeated delivery from a new one: their rows pass through `doubt`."""


def prepare(delivery: Delivery, configuration: Configuration) -> None:
    """Look whether an unrepeatable delivery could be handed over at all, while nothing is in doubt.

    Raises:
        DeliveryError: it could not; says what is missing.
        ConfigError: the secret cannot be read.
    """
    if delivery.route == "chat":
        chat.check(_chat(delivery, configuration).url.read(), delivery.target)


def hand_over(
    delivery: Delivery, data: bytes, edition: Edition, configuration: Configuration, now: datetime
) -> states.Event:
    """Do it, once.

    Args:
        delivery: claimed; its route is not mail.
        data: final bytes.
        edition: for names of files.
        configuration: the routes as they are now: addresses of services and secrets are not in the ledger.
        now: aware UTC.

    Returns:
        What happened, for `states.decide`.

    Raises:
        DeliveryError: the route cannot be used now; temporary.
        ConfigError: the secret cannot be read.
    """
    match delivery.route:
        case "folder":
            written = write_files(Path(delivery.target), file_stem(*edition), data)
            step("folder.written")
            return states.Written(str(written))
        case "site":
            root = Path(delivery.target.removeprefix("site:"))
            return states.Written(str(write_edition(root, data, configuration.settings.alerts.domain)))
        case "webhook":
            secret = _webhook(delivery, configuration).secret.read()
            return webhook.post(delivery.target, secret, delivery.message_id.strip("<>"), data, now)
        case "chat":
            return chat.post(_chat(delivery, configuration).url.read(), delivery.target, data)
    raise DeliveryError(delivery.target, f"there is no route of kind {delivery.route}", permanent=False)


def _webhook(delivery: Delivery, configuration: Configuration) -> WebhookRoute:
    for route in _routes(configuration):
        if isinstance(route, WebhookRoute) and route.url == delivery.target:
            return route
    raise _gone(delivery)


def _chat(delivery: Delivery, configuration: Configuration) -> ChatRoute:
    for route in _routes(configuration):
        if isinstance(route, ChatRoute) and route.name == delivery.target:
            return route
    raise _gone(delivery)


def _routes(configuration: Configuration) -> list[object]:
    return [route for desk in configuration.desks for route in desk.routes]


def _gone(delivery: Delivery) -> DeliveryError:
    reason = f"no desk has this {delivery.route} any more: `ceasewire outbox cancel {delivery.id}`, or put it back"
    return DeliveryError(delivery.target, reason, permanent=False)
