"""A frozen digest as a file: the bytes that were delivered where they are still kept, else made anew."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from alerts.delivery.mail import Letter, build, message_id, parts_of
from alerts.digests.brief import document
from alerts.ledger import deliveries
from alerts.ledger.deliveries import Delivery, State
from alerts.ledger.digests import find_snapshot

if TYPE_CHECKING:
    import sqlalchemy as sa

    from alerts.digests.render import Rendered
    from alerts.options import AlertsOptions

Format = Literal["html", "text", "eml", "json"]
FORMATS: tuple[Format, ...] = ("html", "text", "eml", "json")
# Which routes hold a format, the best first: a folder's copy has no reader's own links in it.
_HOLDERS: Mapping[Format, tuple[str, ...]] = {
    "html": ("folder", "mail", "site"),
    "text": ("folder", "mail", "site"),
    "eml": ("folder", "mail"),
    "json": ("webhook", "site"),
}


@dataclass(frozen=True, slots=True)
class Exported:
    """A digest as a file.

    Attributes:
        data: the whole file.
        target: to whom these bytes were delivered; empty when they were made anew.
    """

    data: bytes
    target: str = ""


def export_digest(
    connection: sa.Connection,
    edition: tuple[str, int],
    form: Format,
    render: Callable[[Mapping[str, Any]], Rendered],
    options: AlertsOptions,
    *,
    to: str = "",
) -> Exported | None:
    """A digest in one format.

    Args:
        connection: a reading one.
        edition: desk and number; the desk need not be configured any more.
        form: the format.
        render: makes it anew when no delivered copy is kept.
        options: sender and domain of a mail that is made anew.
        to: only the copy for this target (an address, a folder, a URL).

    Returns:
        None when there is no such digest, or none for that target.

    Raises:
        ArchiveError: the kept bytes are damaged.
    """
    snapshot = find_snapshot(connection, *edition)
    if snapshot is None:
        return None
    rows = [row for row in deliveries.deliveries_of(connection, *edition) if row.route in _HOLDERS[form]]
    if to:
        rows = [row for row in rows if row.target.casefold() == to.casefold()]
        if not rows:
            return None
    rows.sort(key=lambda row: (row.state is not State.SENT, _HOLDERS[form].index(row.route), row.id))
    for row in rows:
        data = deliveries.delivery_bytes(connection, row.id)
        if data is not None:
            return Exported(_as(form, row.route, data), row.target)
    return Exported(_anew(snapshot, form, render(snapshot), options, rows[0] if rows else None))


def _as(form: Format, route: str, data: bytes) -> bytes:
    """The format out of what one route delivered."""
    if form == "eml" or route == "webhook":
        return data
    if route == "site":
        edition = json.loads(data)
        return _json(edition["document"]) if form == "json" else str(edition[form]).encode("utf-8", "replace")
    html, text = parts_of(data)
    # As the folder route writes them.
    return (html if form == "html" else text).replace("\r\n", "\n").encode("utf-8")


def _anew(
    snapshot: Mapping[str, Any], form: Format, rendered: Rendered, options: AlertsOptions, row: Delivery | None
) -> bytes:
    match form:
        case "html":
            return rendered.html.encode("utf-8", "replace")
        case "text":
            return rendered.text.encode("utf-8", "replace")
        case "json":
            return _json(document(snapshot, rendered))
    slot, made = datetime.fromisoformat(snapshot["slot"]["utc"]), datetime.fromisoformat(snapshot["made"])
    return build(
        Letter(
            desk=snapshot["desk"],
            title=snapshot["title"],
            message_id=row.message_id if row else message_id(snapshot["desk"], slot, "export", "", options.domain),
            domain=options.domain,
            sender=options.sender.address,
            sender_name=options.sender.name,
            recipient=row.target if row and row.route == "mail" else "",
            subject=rendered.subject,
            html=rendered.html,
            text=rendered.text,
            date=row.created_at if row else made,
            unsubscribe=options.unsubscribe,
        )
    )


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
