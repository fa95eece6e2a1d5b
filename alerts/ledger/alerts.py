"""Queries of alerts: which stories might alert a desk, what it was alerted of before, and what somebody silenced."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from alerts.ledger.schema import alert, desk_state, flag, item, silence, story, story_article, weighed
from crawler.archive.engine import insert_for

DECIDED, ENQUEUED, GATHERED, SILENCED, WITHDRAWN = "decided", "enqueued", "gathered", "silenced", "withdrawn"
STORM = "storm"


@dataclass(frozen=True, slots=True)
class LastAlert:
    """The newest alert about a story, with what the desk knew then. `at` is aware UTC."""

    at: datetime
    facts: Mapping[str, str]
    reach: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A story that may alert a desk.

    Attributes:
        next_revision: for the next alert of this story; revisions of alerts count alerts.
        loud_since: when it was first flagged as loudly as the desk wants, by what the desk chose; None if that was
            too long ago.
        facts, reach: what the desk knows of it by now, as in `weighed`.
        last: the newest alert about it, None while there was none.
    """

    story: int
    next_revision: int
    loud_since: datetime | None
    facts: Mapping[str, str]
    reach: Mapping[str, Any]
    last: LastAlert | None = None


@dataclass(frozen=True, slots=True)
class NewAlert:
    """An alert that was decided on."""

    story: int
    kind: str
    revision: int
    severity: str
    change: str
    facts: Mapping[str, str]
    reach: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Alert:
    """A stored alert whose deliveries are still to be made."""

    id: int
    desk: str
    story: int
    kind: str
    revision: int
    change: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Silence:
    """No alerts until then: for one story, one topic, or the whole desk."""

    id: int
    desk: str
    story: int | None
    topic: str
    by: str
    reason: str
    at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Past:
    """Alerts and storms sent to a desk since an hour ago, and when the last storm was."""

    last_hour: int
    last_storm: datetime | None


def begin(connection: sa.Connection, desk: str, now: datetime) -> datetime | None:
    """Since when the desk has alerts; begins now if it had none. Two processes cannot decide for it at once.

    Returns:
        None if the desk has no place in its schedule yet.
    """
    row = connection.execute(
        sa.select(desk_state.c.alerts_since).where(desk_state.c.desk == desk).with_for_update()
    ).one_or_none()
    if row is None:
        return None
    if row.alerts_since is None:
        connection.execute(sa.update(desk_state).where(desk_state.c.desk == desk).values(alerts_since=now))
    since: datetime = row.alerts_since or now
    return since


def candidates(
    connection: sa.Connection, desk: str, severities: Sequence[str], *, fresh: datetime, followed: datetime
) -> list[Candidate]:
    """Stories the desk has an item of that became loud after `fresh`, or alerted after `followed`.

    Args:
        connection: to the ledger's database.
        desk: its id. Its choices are not looked at: `loud_since` is by flags that it may have left out.
        severities: that are loud enough.
        fresh: aware UTC; a story that was loud before is no news.
        followed: aware UTC; stories that alerted later than this may bring updates.
    """
    loud = _loud_since(connection, severities, fresh)
    last = _last_alerts(connection, desk)
    wanted = {*loud, *(key for key, (one, _) in last.items() if one.at > followed)}
    rows = connection.execute(
        sa.select(weighed.c.story, weighed.c.facts, weighed.c.reach)
        .where(weighed.c.desk == desk, weighed.c.story.in_(wanted))
        .where(
            sa.exists().where(item.c.desk == desk, item.c.story == weighed.c.story, item.c.kind != "correction"),
        )
        .order_by(weighed.c.story)
    )
    found = []
    for row in rows:
        before, number = last.get(row.story, (None, 0))
        found.append(Candidate(row.story, number + 1, loud.get(row.story), row.facts, row.reach, before))
    return found


def _loud_since(connection: sa.Connection, severities: Sequence[str], fresh: datetime) -> dict[int, datetime]:
    """By story, when its latest loud flag was made, of those that have one after `fresh`."""
    last = sa.func.max(flag.c.at)
    rows = connection.execute(
        sa.select(story_article.c.story, last)
        .join(flag, flag.c.article == story_article.c.article)
        .where(*_is_loud(severities))
        .group_by(story_article.c.story)
        .having(last > fresh)
    )
    return {row[0]: row[1] for row in rows}


def loud_flags(
    connection: sa.Connection, stories: Sequence[int], severities: Sequence[str]
) -> dict[int, dict[tuple[int, str], datetime]]:
    """By story, (article, rule) -> when the first of its live flags of what happened, of these severities, was made.

    The first over all versions of an article: that it was edited makes no story fresh again.
    """
    rows = connection.execute(
        sa.select(story_article.c.story, flag.c.article, flag.c.rule, sa.func.min(flag.c.at))
        .join(flag, flag.c.article == story_article.c.article)
        .where(story_article.c.story.in_(stories), *_is_loud(severities))
        .group_by(story_article.c.story, flag.c.article, flag.c.rule)
    )
    found: dict[int, dict[tuple[int, str], datetime]] = {key: {} for key in stories}
    for key, article, rule, at in rows:
        found[key][article, rule] = at
    return found


def _is_loud(severities: Sequence[str]) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        flag.c.severity.in_(severities),
        flag.c["class"] == "event",
        flag.c.withdrawn_at.is_(None),
        flag.c.quiet.is_(False),
    )


def _last_alerts(connection: sa.Connection, desk: str) -> dict[int, tuple[LastAlert, int]]:
    """By story (a merged one's alerts count for the one that took it): the newest alert, and the highest revision."""
    root = sa.func.coalesce(story.c.merged_into, story.c.id)
    rows = connection.execute(
        sa.select(root.label("story"), alert.c.at, alert.c.facts, alert.c.reach, alert.c.revision)
        .join(story, story.c.id == alert.c.story)
        .where(alert.c.desk == desk)
        .order_by(alert.c.at, alert.c.id)
    )
    found: dict[int, tuple[LastAlert, int]] = {}
    for row in rows:
        highest = max(row.revision, found[row.story][1] if row.story in found else 0)
        found[row.story] = (LastAlert(row.at, row.facts, row.reach), highest)
    return found


def past(connection: sa.Connection, desk: str, since: datetime) -> Past:
    """What the desk was sent since then. What was silenced or gathered into a storm was not sent by itself."""
    sent = connection.execute(
        sa.select(sa.func.count()).where(
            alert.c.desk == desk, alert.c.at > since, alert.c.state.in_((DECIDED, ENQUEUED)), alert.c.kind != STORM
        )
    ).scalar_one()
    last = connection.execute(
        sa.select(sa.func.max(alert.c.at)).where(alert.c.desk == desk, alert.c.kind == STORM)
    ).scalar()
    return Past(int(sent), last)


def store(
    connection: sa.Connection,
    desk: str,
    new: Iterable[NewAlert],
    now: datetime,
    *,
    state: str,
    storm: int | None = None,
) -> int:
    """Insert alerts that are not there yet; returns how many."""
    made = 0
    for one in new:
        row = {
            "desk": desk, "story": one.story, "kind": one.kind, "revision": one.revision, "change": one.change,
            "state": state, "storm": storm, "facts": dict(one.facts), "reach": dict(one.reach), "at": now,
        }  # fmt: skip
        statement = insert_for(connection, alert).values(row).on_conflict_do_nothing().returning(alert.c.id)
        made += connection.execute(statement).first() is not None
    return made


def store_storm(connection: sa.Connection, desk: str, gathered: Sequence[NewAlert], now: datetime) -> int:
    """Insert one alert of kind storm and the alerts it tells of; returns 1."""
    number = sa.select(sa.func.coalesce(sa.func.max(alert.c.revision), 0) + 1).where(
        alert.c.desk == desk, alert.c.kind == STORM
    )
    row = {
        "desk": desk, "story": 0, "kind": STORM, "revision": number.scalar_subquery(), "state": DECIDED, "facts": {},
        "reach": {}, "at": now,
    }  # fmt: skip
    storm = connection.execute(sa.insert(alert).values(row).returning(alert.c.id)).scalar_one()
    store(connection, desk, gathered, now, state=GATHERED, storm=int(storm))
    return 1


def decided(connection: sa.Connection) -> list[Alert]:
    """Alerts without deliveries, oldest first."""
    rows = connection.execute(sa.select(*_ALERT).where(alert.c.state == DECIDED).order_by(alert.c.id))
    return [Alert(*row) for row in rows]


def gathered_in(connection: sa.Connection, storm: int) -> list[Alert]:
    """The alerts that a storm tells of, in the order in which they were decided: the loudest first."""
    rows = connection.execute(sa.select(*_ALERT).where(alert.c.storm == storm).order_by(alert.c.id))
    return [Alert(*row) for row in rows]


def settle(connection: sa.Connection, alert_id: int, state: str) -> bool:
    """Take a decided alert into its last state, in the caller's transaction; False when another one already has."""
    result = connection.execute(
        sa.update(alert).where(alert.c.id == alert_id, alert.c.state == DECIDED).values(state=state)
    )
    return result.rowcount == 1


def get_alert(connection: sa.Connection, alert_id: int) -> Alert | None:
    """One alert."""
    row = connection.execute(sa.select(*_ALERT).where(alert.c.id == alert_id)).one_or_none()
    return None if row is None else Alert(*row)


def list_alerts(connection: sa.Connection, desk: str = "", limit: int = 50) -> list[dict[str, Any]]:
    """Alerts for people to read, newest first: id, desk, story, kind, revision, change, state, at."""
    query = sa.select(*_ALERT, alert.c.state).order_by(alert.c.id.desc()).limit(limit)
    if desk:
        query = query.where(alert.c.desk == desk)
    return [dict(row) for row in connection.execute(query).mappings()]


def silences(connection: sa.Connection, desk: str, now: datetime) -> list[Silence]:
    """The desk's silences that are in force."""
    rows = connection.execute(
        sa.select(*_SILENCE).where(silence.c.desk == desk, silence.c.until > now).order_by(silence.c.id)
    )
    return [Silence(*row) for row in rows]


def list_silences(connection: sa.Connection, limit: int = 50) -> list[Silence]:
    """All silences, newest first, ended ones included."""
    rows = connection.execute(sa.select(*_SILENCE).order_by(silence.c.id.desc()).limit(limit))
    return [Silence(*row) for row in rows]


def add_silence(connection: sa.Connection, new: Mapping[str, Any]) -> int:
    """Insert a silence: desk, story, topic, by, reason, at, until. Returns its id."""
    return int(connection.execute(sa.insert(silence).values(dict(new)).returning(silence.c.id)).scalar_one())


def end_silence(connection: sa.Connection, silence_id: int, now: datetime) -> bool:
    """End a silence now; False when there is none of that id in force."""
    result = connection.execute(
        sa.update(silence).where(silence.c.id == silence_id, silence.c.until > now).values(until=now)
    )
    return result.rowcount == 1


def known_stories(connection: sa.Connection, stories: Collection[int]) -> set[int]:
    """Those of the ids that are stories."""
    return set(connection.execute(sa.select(story.c.id).where(story.c.id.in_(stories))).scalars())


_ALERT = (alert.c.id, alert.c.desk, alert.c.story, alert.c.kind, alert.c.revision, alert.c.change, alert.c.at)
_SILENCE = tuple(silence.c)
