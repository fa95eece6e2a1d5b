"""The chat route: a few lines through Apprise, which knows over a hundred services. Retries are ours, it has none.

A chat cannot tell a repeated message from a new one, so a delivery passes through `doubt` as a mail does at its dot.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from alerts.delivery import states
from alerts.delivery.steps import step
from alerts.digests.brief import fit_lines
from alerts.errors import DeliveryError

if TYPE_CHECKING:
    from apprise import NotifyBase

_TITLE_ROOM = 2
"""Apprise puts a title that a service has no place for above the text, with a line end between."""


def check(url: str, name: str) -> None:
    """Make sure that a message could be sent at all, before anything is claimed to be on its way.

    Args:
        url: Apprise's address of the service.
        name: of the chat, for messages.

    Raises:
        DeliveryError: Apprise is not installed or does not understand the address; temporary: an operator mends it.
    """
    _service(url, name)


def post(url: str, name: str, data: bytes) -> states.Event:
    """Send one message.

    Args:
        url: Apprise's address of the service; never shown.
        name: of the chat, for messages.
        data: JSON of ``{title, lines}``.

    Returns:
        Accepted, or to be tried later: Apprise does not say why a service refused.

    Raises:
        DeliveryError: see `check`.
    """
    import apprise

    service = _service(url, name)
    message = json.loads(data)
    title, lines = str(message["title"]), [str(line) for line in message["lines"]]
    room = int(service.body_maxlen) - (0 if service.title_maxlen else len(title) + _TITLE_ROOM)
    heard = _Heard()
    logger = logging.getLogger("apprise")
    logger.addHandler(heard)
    try:
        accepted = service.notify(
            title=title, body=fit_lines(lines, max(room, 80)), body_format=apprise.NotifyFormat.TEXT
        )
    finally:
        logger.removeHandler(heard)
    step("chat.answered")
    if accepted:
        return states.Accepted(f"{service.service_name} took it")
    return states.Postponed(f"{service.service_name} did not take it: {heard.last or 'no reason given'}")


def _service(url: str, name: str) -> NotifyBase:
    try:
        import apprise
    except ImportError as error:
        raise DeliveryError(name, "chats need `pip install 'ceasewire[chat]'`", permanent=False) from error
    service = apprise.Apprise.instantiate(url, suppress_exceptions=True)
    if service is None:
        raise DeliveryError(name, "Apprise does not understand the address of this chat", permanent=False)
    return service


class _Heard(logging.Handler):
    """The last thing Apprise complained of: its answer is only yes or no."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message."""
        self.last = record.getMessage()[:300]
