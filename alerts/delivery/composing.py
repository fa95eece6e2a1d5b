"""A rendered message -> the final bytes for one route; made once, and never again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateError

from alerts.delivery.mail import Letter, build, wire_domain
from alerts.digests.brief import chat_lines, document
from alerts.digests.render import Rendered
from alerts.links import Signer, local_part, placeholder
from crawler.errors import ArchiveError

if TYPE_CHECKING:
    from alerts.desks import Desk
    from alerts.options import AlertsOptions
    from alerts.routes import Route

COMPOSING_ERRORS = (
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
"""What a bug or an odd snapshot can raise while a message is made: it must not keep the other ones back."""


@dataclass(frozen=True, slots=True)
class Message:
    """A digest or an alert for a desk, rendered.

    Attributes:
        snapshot: what it was rendered from: JSON values.
        made: Date of the mails, aware UTC.
        story: of an alert, so that the mails about one story stand together; None for a digest.
        linked: the same with links for the reader of one mail, a placeholder standing for that reader's token.
        base: address of our web side; empty without links.
        whole: the same without a budget, for a site; None where there is none.
    """

    desk: Desk
    snapshot: Mapping[str, Any]
    rendered: Rendered
    made: datetime
    story: int | None = None
    linked: Rendered | None = None
    base: str = ""
    whole: Rendered | None = None


def targets(routes: Sequence[Route]) -> Iterator[tuple[str, str]]:
    """Route and target of each delivery; a target named twice gets one copy."""
    seen: set[str] = set()
    for route in routes:
        for target in route.targets:
            key = target.casefold() if route.kind == "mail" else target
            if key not in seen:
                seen.add(key)
                yield route.kind, target


def final_bytes(
    message: Message, options: AlertsOptions, place: tuple[str, str, str], signer: Signer | None = None
) -> bytes:
    """What travels to one target.

    Args:
        message: the digest or alert.
        options: sender, domain and the rest of `alerts:`.
        place: kind of the route, target (the address of a mail), and Message-ID.
        signer: of readers' links; None without them.

    Raises:
        DeliveryError: an address cannot be used; permanent.
    """
    route, target, identity = place
    match route:
        case "webhook":
            return _json(document(message.snapshot, message.rendered))
        case "site":
            whole = message.whole or message.rendered
            pages = {"html": whole.html, "text": whole.text}
            return _json({"document": document(message.snapshot, message.rendered), **pages})
        case "chat":
            return _json(chat_lines(message.snapshot, message.rendered))
    if route == "mail" and message.linked is not None and signer is not None:
        token = signer.token(local_part(identity))
        blank = placeholder(local_part(identity))
        html, text = (part.replace(blank, token) for part in (message.linked.html, message.linked.text))
        unsubscribe_url = f"{message.base}/u/{token}"
    else:
        html, text, unsubscribe_url = message.rendered.html, message.rendered.text, ""
    thread = "" if message.story is None else f"<story.{message.story}@{wire_domain(options.domain)}>"
    letter = Letter(
        desk=message.desk.id,
        title=message.desk.title,
        message_id=identity,
        domain=options.domain,
        sender=options.sender.address,
        sender_name=options.sender.name,
        recipient=target if route == "mail" else "",
        subject=message.rendered.subject,
        html=html,
        text=text,
        date=message.made,
        unsubscribe=options.unsubscribe,
        unsubscribe_url=unsubscribe_url,
        references=thread,
    )
    return build(letter)


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
