"""Which stories alert a desk now. The decision is pure; the job stores what was decided, and delivery does the rest.

An alert tells of one story at once: after a few minutes in which copies and other reports join it, not in quiet hours,
not while somebody has silenced it, and never more than so many an hour: what comes faster is gathered into one storm
mail. Whatever does not alert is in the next digest, as is what did.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from alerts.ledger import alerts as queries
from alerts.ledger import flags as flag_queries
from alerts.ledger import stories as story_queries
from alerts.ledger.alerts import Candidate, NewAlert, Past, Silence
from alerts.matching import Chooser
from alerts.origins.reach import STEPS, step_of

if TYPE_CHECKING:
    import sqlalchemy as sa

    from alerts.desks import AlertRules, Desk
    from crawler.archive import Archive
    from crawler.sources import Source

FRESH = timedelta(hours=12)
"""A story that became loud longer ago than this is told by the digest: an alert about it would mislead."""
FOLLOWED = timedelta(days=3)
"""So long after its last alert a story may bring an update."""
HOUR = timedelta(hours=1)
SEVERITIES = ("low", "medium", "high", "critical")


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of the candidates.

    Attributes:
        alerts: to be sent now, the loudest first.
        storm: to be told together, because they came too fast; empty while there is no storm.
        silenced: not to be sent, because somebody wanted it so; kept, so that only what is new after them alerts.
        waiting: how many wait: for their settle time, the end of quiet hours, or the next update.
    """

    alerts: tuple[NewAlert, ...] = ()
    storm: tuple[NewAlert, ...] = ()
    silenced: tuple[NewAlert, ...] = ()
    waiting: int = 0


def decide(
    rules: AlertRules,
    candidates: Iterable[Candidate],
    silences: Sequence[Silence],
    past: Past,
    now: datetime,
    zone: str,
) -> Decision:
    """Decide for one desk.

    Args:
        rules: of the desk's file.
        candidates: stories that became loud lately or alerted lately.
        silences: of the desk, in force or not.
        past: how many alerts the last hour brought, and when the last storm was.
        now: aware UTC.
        zone: IANA zone of the desk, for its quiet hours.
    """
    ready: list[NewAlert] = []
    silenced: list[NewAlert] = []
    waiting = 0
    quiet = is_quiet(rules.quiet, now, zone)
    for candidate in candidates:
        alert = _wanted(rules, candidate)
        if alert is None:
            continue
        if any(_silences(silence, candidate, now) for silence in silences):
            silenced.append(alert)
        elif not _settled(rules, candidate, now) or (quiet and alert.severity not in rules.through_quiet):
            waiting += 1
        else:
            ready.append(alert)
    ready.sort(key=lambda alert: (-SEVERITIES.index(alert.severity), alert.story))
    room = max(0, rules.most_an_hour - past.last_hour)
    if len(ready) <= room:
        return Decision(tuple(ready), (), tuple(silenced), waiting)
    if past.last_storm is not None and now - past.last_storm < HOUR:
        return Decision((), (), tuple(silenced), waiting + len(ready))
    return Decision(tuple(ready[:room]), tuple(ready[room:]), tuple(silenced), waiting)


def _wanted(rules: AlertRules, candidate: Candidate) -> NewAlert | None:
    """The alert that a story would give, if it were time; None when there is nothing to tell."""
    loud = _loudest(candidate.facts)
    if loud not in rules.severities:
        return None
    if candidate.last is None:
        # Without a fresh flag the story was loud before; its digest has told it.
        return _alert(candidate, "new", loud, "") if candidate.loud_since is not None else None
    words = news_since(candidate.last.facts, candidate.last.reach, candidate.facts, candidate.reach)
    return _alert(candidate, "update", loud, "; ".join(words)) if words else None


def news_since(
    old_facts: Mapping[str, str], old_reach: Mapping[str, Any], facts: Mapping[str, str], reach: Mapping[str, Any]
) -> list[str]:
    """What is worth an update alert: a higher severity, another stage of a ceasefire, outlets past a step. In words."""
    words = []
    before, now = _loudest(old_facts), _loudest(facts)
    if SEVERITIES.index(now or "low") > SEVERITIES.index(before or "low"):
        words.append(f"now {now}, was {before}")
    known = {key.partition(" ")[2] for key in old_facts}
    fresh = sorted({key.partition(" ")[2] for key in facts if key.startswith("event ")} - known)
    words += [f"also {subject.replace(' ', ' · ', 1).replace('_', ' ')}" for subject in fresh]
    outlets = int(reach.get("outlets", 0))
    # The first step is two outlets, which nearly every story reaches: an alert waits for the next one.
    if step_of(outlets) > max(step_of(int(old_reach.get("outlets", 0))), STEPS[0]):
        words.append(f"now {outlets} outlets")
    return words


def is_quiet(hours: tuple[time, time] | None, now: datetime, zone: str) -> bool:
    """Whether `now` lies in the quiet hours, which may pass midnight; their end is not quiet any more."""
    if hours is None:
        return False
    begin, end = hours
    there = now.astimezone(ZoneInfo(zone)).time()
    return begin <= there < end if begin <= end else there >= begin or there < end


def make_alerts(archive: Archive, desks: Iterable[Desk], now: datetime, sources: Iterable[Source]) -> int:
    """Decide for every desk that wants alerts, and store what was decided.

    Args:
        archive: the database; each desk is one transaction.
        desks: all of them.
        now: aware UTC.
        sources: for what desks and their queries ask of an article's source.

    Returns:
        How many alerts are to be sent; a storm counts as one.
    """
    made = 0
    sources = list(sources)
    for desk in desks:
        if desk.alerts is None:
            continue
        with archive.write() as connection:
            since = queries.begin(connection, desk.id, now)
            if since is None:
                continue  # the desk has no place in its schedule yet: the items job gives it one
            candidates = _candidates(connection, desk, desk.alerts, sources, (max(now - FRESH, since), now - FOLLOWED))
            silences = queries.silences(connection, desk.id, now)
            past = queries.past(connection, desk.id, now - HOUR)
            decision = decide(desk.alerts, candidates, silences, past, now, desk.zone)
            made += queries.store(connection, desk.id, decision.alerts, now, state="decided")
            queries.store(connection, desk.id, decision.silenced, now, state="silenced")
            if decision.storm:
                made += queries.store_storm(connection, desk.id, decision.storm, now)
    return made


def _candidates(
    connection: sa.Connection,
    desk: Desk,
    rules: AlertRules,
    sources: Iterable[Source],
    after: tuple[datetime, datetime],
) -> list[Candidate]:
    """Stories that might alert, judged by the flags that the desk chose and by no others.

    Args:
        connection: a writing one.
        desk: whose alerts these are.
        rules: of its alerts.
        sources: for its choices.
        after: fresh and followed, as `queries.candidates` wants them.
    """
    fresh, followed = after
    loud = [severity for severity in SEVERITIES if severity in rules.severities]
    found = queries.candidates(connection, desk.id, loud, fresh=fresh, followed=followed)
    # Most stories have nothing to alert of, whatever the desk chose; only the others are looked at closer.
    found = [one for one in found if _wanted(rules, one) is not None]
    stories = [one.story for one in found]
    articles = story_queries.articles_of(connection, stories)
    flags = flag_queries.live_flags(connection, stories, quiet=False)
    chosen = Chooser(connection, sources).choose(desk, articles, flags)
    first = queries.loud_flags(connection, stories, loud)
    kept = []
    for one in found:
        mine = {(flag.article, flag.rule) for flag in chosen[one.story].flags}
        times = [at for key, at in first[one.story].items() if key in mine]
        since = min(times, default=None)
        if mine:
            kept.append(replace(one, loud_since=since if since is not None and since > fresh else None))
    return kept


def _settled(rules: AlertRules, candidate: Candidate, now: datetime) -> bool:
    if candidate.last is not None:
        return now - candidate.last.at >= timedelta(minutes=rules.update_minutes)
    assert candidate.loud_since is not None
    # A flag from the future was written under a wrong clock, and is no reason to wait for ever.
    return not timedelta() <= now - candidate.loud_since < timedelta(minutes=rules.settle_minutes)


def _silences(silence: Silence, candidate: Candidate, now: datetime) -> bool:
    if not silence.at <= now < silence.until:
        return False
    if silence.story is not None and silence.story != candidate.story:
        return False
    topics = {key.split(" ")[1] for key in candidate.facts}
    return not silence.topic or topics == {silence.topic}


def _loudest(facts: Mapping[str, str]) -> str:
    """The highest severity of what happened; empty when only statements and background are known."""
    events = [severity for key, severity in facts.items() if key.startswith("event ")]
    return max(events, key=SEVERITIES.index, default="")


def _alert(candidate: Candidate, kind: str, severity: str, change: str) -> NewAlert:
    return NewAlert(
        story=candidate.story,
        kind=kind,
        revision=candidate.next_revision,
        severity=severity,
        change=change,
        facts=candidate.facts,
        reach=candidate.reach,
    )
