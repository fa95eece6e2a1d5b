"""An alert as it is sent: the story told as in a digest, alone, with what is new about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from alerts.digests import wording
from alerts.digests.compose import FORMAT, NAME_LIMIT, Occasion, compose
from alerts.digests.freeze import news_of
from alerts.digests.render import NO_LINKS, Page, ReaderLinks, Rendered, loudest_first, render_page
from alerts.ledger.items import Item
from alerts.schedule import next_slots

if TYPE_CHECKING:
    import sqlalchemy as sa

    from alerts.configuration import Configuration
    from alerts.desks import Desk
    from alerts.ledger.alerts import Alert

IN_FULL = 5
"""Stories of a storm that are told with their evidence; the others are headlines."""
_HEADLINE = 90


def compose_alert(
    connection: sa.Connection,
    configuration: Configuration,
    desk: Desk,
    alert: Alert,
    gathered: Sequence[Alert],
    now: datetime,
) -> dict[str, Any] | None:
    """What an alert tells, as JSON values.

    Args:
        connection: to the database.
        configuration: sources, for their names.
        desk: whose alert it is.
        alert: as decided.
        gathered: of a storm the alerts it tells of; else empty.
        now: aware UTC.

    Returns:
        None when nothing of it stands any more: its flags were withdrawn since.
    """
    told = gathered or [alert]
    items = [Item(0, one.story, one.revision, one.kind, one.change, None) for one in told]
    slot = next_slots(desk.schedule, desk.zone, now, 1)[0]
    occasion = Occasion(
        desk=desk, number=0, since_number=None, slot=now, next_slot=slot, missed=1, made=now, budget=0, preview=True
    )
    sources = {source.id: source for source in configuration.sources}
    snapshot = compose(occasion, news_of(connection, configuration, desk, items), sources, {})
    if not snapshot["stories"]:
        return None
    assert desk.alerts is not None
    return alert_snapshot(desk, alert.kind, snapshot["stories"], now, most=desk.alerts.most_an_hour)


def alert_snapshot(
    desk: Desk, kind: str, stories: Sequence[Mapping[str, Any]], now: datetime, *, most: int
) -> dict[str, Any]:
    """What an alert tells, as JSON values.

    Args:
        desk: whose title and zone it shows.
        kind: new, update or storm.
        stories: as `compose` made them.
        now: aware UTC.
        most: alerts an hour before there is a storm.
    """
    slot = next_slots(desk.schedule, desk.zone, now, 1)[0]
    return {
        "format": FORMAT,
        "desk": desk.id,
        "title": wording.clean(desk.title, NAME_LIMIT) or desk.id,
        "kind": kind,
        "made": now.isoformat(),
        "date": wording.long_date(now, desk.zone),
        "time": wording.clock(now, desk.zone, now),
        "zone": desk.zone,
        "next": wording.clock(slot, desk.zone, now),
        "most": most,
        "shown": IN_FULL,
        "stories": loudest_first(stories),
    }


def render_alert(snapshot: Mapping[str, Any], links: ReaderLinks = NO_LINKS, page: Page | None = None) -> Rendered:
    """Subject, HTML and text of an alert; the same snapshot gives the same bytes. `page` as in `render`."""
    page = page or render_page
    values = {**snapshot, "preheader": _preheader(snapshot), "links": links}
    return Rendered(
        subject=alert_subject(snapshot),
        html=page("alert.html.j2", values),
        text=page("alert.txt.j2", values),
    )


def _preheader(snapshot: Mapping[str, Any]) -> str:
    """The line mail clients show beside the subject: who says it, and the sentence; of a storm the first headlines."""
    stories = snapshot["stories"]
    if snapshot["kind"] == "storm":
        return "; ".join(wording.shorten(story["title"], _HEADLINE) for story in stories[:3])
    said = ["".join(text for _, text in proof["segments"]) for proof in stories[0]["evidence"][:1]]
    return ": ".join([f"{stories[0]['source']}, {stories[0]['when']}", *said])


def alert_subject(snapshot: Mapping[str, Any]) -> str:
    """``[desk] CRITICAL: headline``; of an update what is new; of a storm how many, and the worst."""
    desk = wording.shorten(snapshot["title"], 40)
    stories = snapshot["stories"]
    if snapshot["kind"] == "storm":
        many = wording.count(len(stories), "story", "stories")
        return wording.clean(f"[{desk}] STORM: {many}: {wording.shorten(stories[0]['title'], _HEADLINE)}")
    story = stories[0]
    headline = wording.shorten(story["title"], _HEADLINE)
    word = story["severity"].upper()
    if snapshot["kind"] == "update":
        return wording.clean(f"[{desk}] {word}, update: {story['change']}: {headline}")
    return wording.clean(f"[{desk}] {word}: {headline}")
