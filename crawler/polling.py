"""When to ask a channel next, how it is, and what its answers mean. Pure: values and `now` in, values out."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

HOUR = timedelta(hours=1)
DAY = timedelta(hours=24)

RETRY_AFTER_CAP = DAY
ASKED_CAP = HOUR
"""A document may ask not to be fetched for longer; believing it would lose items (a `ttl` of a day is common)."""
WITHOUT_VALIDATORS = HOUR
"""A server that cannot say "unchanged" pays for every request, so it gets fewer."""
BACK_OFF_CAP = timedelta(hours=6)
BACK_OFF_CAP_FOR = timedelta(days=3)
FAILING_AFTER = 5
DEAD_AFTER = timedelta(days=14)
SLOW_AFTER = timedelta(days=7)
GONE_AGAIN_AFTER = timedelta(hours=23)
GONE_PAUSE = timedelta(days=7)
RATE_DECAY_HOURS = 6.0
SHORTEST_USEFUL = timedelta(minutes=10)
HOLD_WITHOUT_DATE = timedelta(minutes=15)


class Health(StrEnum):
    """How a channel is. Every change is recorded with its evidence."""

    NEW = "new"
    OK = "ok"
    SLOW = "slow"  # answers, but nothing new for long
    FLAKY = "flaky"  # 1-4 failures in a row
    FAILING = "failing"  # 5 in a row, or none good for 24 h
    DEAD = "dead"  # none good for 14 days; still asked daily
    BLOCKED = "blocked"  # 401, 403, or an address our own guard refuses
    THROTTLED = "throttled"
    GONE = "gone"  # 410 twice, a day apart
    MOVED = "moved"  # answers under a new address: the source's file should name it
    NOT_A_FEED = "not_a_feed"
    LAYOUT_CHANGED = "layout_changed"  # a section page without links
    GAP = "gap"  # a whole window of items was unknown: some may have been missed
    PAUSED = "paused"


class Kind(StrEnum):
    """What one poll came to."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"  # 304, or the body that was read before
    THROTTLED = "throttled"  # 429 or 503
    FAILED = "failed"  # 5xx, other odd statuses, time-out, DNS, TLS, reset, too large
    NOT_FOUND = "not_found"  # 404
    GONE = "gone"  # 410
    BLOCKED = "blocked"  # 401, 403, robots, the guard
    NOT_A_FEED = "not_a_feed"
    LAYOUT_CHANGED = "layout_changed"


@dataclass(frozen=True, slots=True)
class State:
    """What is known of a channel before a poll. Datetimes are aware UTC."""

    health: Health
    since: datetime
    reason: str
    interval_seconds: int
    failures: int
    arrival_rate: float
    first_polled: datetime | None = None
    last_success: datetime | None = None
    last_new: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one poll.

    Attributes:
        kind: the verdict; see `Kind`.
        status: HTTP status of the last answer, None without one.
        reason: in words, for people; empty when all is well.
        retry_after: what the server asked for, seconds; None when it did not.
        entries: items in the document.
        new: of them, how many the archive did not know.
        recent: at a first fetch, how many were published in the last 6 h.
        validators: the server gave an ETag or a Last-Modified.
        asks_minutes: lower bound that document or headers ask for.
        moved_to: the final address after permanent redirects only; else empty.
    """

    kind: Kind
    status: int | None = None
    reason: str = ""
    retry_after: float | None = None
    entries: int = 0
    new: int = 0
    recent: int = 0
    validators: bool = True
    asks_minutes: int | None = None
    moved_to: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the interval between two polls of one channel.

    Attributes:
        low: shortest.
        high: longest while all is well.
        first: after the first fetch, when nothing was published lately.
        agreed: the source's own minimum is configured, so a server without validators may be asked as often.
    """

    low: timedelta
    high: timedelta
    first: timedelta
    agreed: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What to store after a poll.

    Attributes:
        next_poll: aware UTC.
        interval_seconds: the usual interval, without back-off.
        health: see `Health`.
        reason: why it is so; empty when ok.
        failures: in a row.
        arrival_rate: new items an hour, decayed.
        hold_until: no channel of this host may be asked before; None = no hold.
        refused_for_good: it is news that this channel refuses us (gone, blocked).
    """

    next_poll: datetime
    interval_seconds: int
    health: Health
    reason: str
    failures: int
    arrival_rate: float
    hold_until: datetime | None = None
    refused_for_good: bool = False


def next_poll(state: State, outcome: Outcome, now: datetime, limits: Limits) -> Decision:
    """Decide when to ask again and how the channel is.

    Args:
        state: what was known before.
        outcome: what came of this poll.
        now: aware UTC.
        limits: bounds of the interval.

    Returns:
        The decision, complete; nothing else is remembered between polls.
    """
    if outcome.kind in (Kind.CHANGED, Kind.UNCHANGED):
        return _success(state, outcome, now, limits)
    failures = state.failures + 1
    interval = _bounded(timedelta(seconds=state.interval_seconds) or limits.first, limits)
    pause, health, reason, hold = _failure(state, outcome, now, interval, failures)
    return Decision(
        next_poll=now + pause,
        interval_seconds=round(interval.total_seconds()),
        health=health,
        reason=reason,
        failures=failures,
        arrival_rate=state.arrival_rate,
        hold_until=hold,
        refused_for_good=health in (Health.GONE, Health.BLOCKED) and state.health is not health,
    )


def retry_after_seconds(value: str, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for (a number or a date), at most 24 h; None when it says nothing."""
    value = value.strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", value):
        seconds = float(value)
    else:
        try:
            date = parsedate_to_datetime(value)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
        date = date.replace(tzinfo=UTC) if date.tzinfo is None else date
        seconds = (date - now).total_seconds()
    return min(max(seconds, 0.0), RETRY_AFTER_CAP.total_seconds())


def max_age_minutes(cache_control: str) -> int | None:
    """The `max-age` of a Cache-Control header in minutes; None without one or when it forbids storing."""
    if "no-cache" in cache_control or "no-store" in cache_control:
        return None
    match = re.search(r"max-age\s*=\s*\"?(\d{1,9})", cache_control)
    return int(match[1]) // 60 or None if match else None


def _success(state: State, outcome: Outcome, now: datetime, limits: Limits) -> Decision:
    first = state.first_polled is None
    rate = _rate(state, outcome, now, first=first)
    health, reason = _good_health(state, outcome, now, first=first)
    if health is Health.GAP:
        interval = limits.low
    elif first and not rate:
        interval = limits.first
    elif outcome.kind is Kind.UNCHANGED and not outcome.entries:
        interval = _interval(rate, window=30)
    else:
        interval = _interval(rate, window=outcome.entries)
    low = limits.low
    if outcome.kind is Kind.CHANGED and not outcome.validators and not limits.agreed:
        low = max(low, WITHOUT_VALIDATORS)
    if outcome.asks_minutes:
        low = max(low, min(timedelta(minutes=outcome.asks_minutes), ASKED_CAP))
    interval = min(max(interval, low), max(limits.high, low))
    return Decision(
        next_poll=now + interval,
        interval_seconds=round(interval.total_seconds()),
        health=health,
        reason=reason,
        failures=0,
        arrival_rate=rate,
    )


def _rate(state: State, outcome: Outcome, now: datetime, *, first: bool) -> float:
    """New items an hour: rises at once, decays over 6 h."""
    if first:
        return outcome.recent / RATE_DECAY_HOURS
    hours = max((now - (state.last_success or now)) / HOUR, 1 / 60)
    return max(outcome.new / hours, state.arrival_rate * math.exp(-hours / RATE_DECAY_HOURS))


def _interval(rate: float, *, window: int) -> timedelta:
    """A quarter of the window must not roll over between two polls; else about one poll for each new item."""
    if rate <= 1e-6:
        return timedelta(days=365)  # no bound from here: the caller's limits hold
    hours = min(0.25 * max(window, 1) / rate, max(SHORTEST_USEFUL / HOUR, 1 / rate))
    return timedelta(hours=min(hours, 24 * 365))


def _good_health(state: State, outcome: Outcome, now: datetime, *, first: bool) -> tuple[Health, str]:
    if not first and outcome.entries > 1 and outcome.new == outcome.entries:
        return Health.GAP, f"all {outcome.entries} items were new: items in between may have been missed"
    if outcome.moved_to:
        return Health.MOVED, f"moved for good to {outcome.moved_to}"
    if not outcome.new and state.last_new is not None and now - state.last_new > SLOW_AFTER:
        return Health.SLOW, f"nothing new since {state.last_new:%Y-%m-%d}"
    return Health.OK, outcome.reason


def _failure(
    state: State, outcome: Outcome, now: datetime, interval: timedelta, failures: int
) -> tuple[timedelta, Health, str, datetime | None]:
    """Pause, health, reason and how long the host is held."""
    worse = _worse(state, failures, now)
    backed_off = min(interval * (1 + failures), _cap(state, now))
    match outcome.kind:
        case Kind.THROTTLED:
            asked = timedelta(seconds=outcome.retry_after) if outcome.retry_after is not None else HOLD_WITHOUT_DATE
            pause = max(interval, asked)
            return pause, Health.THROTTLED, outcome.reason, now + asked
        case Kind.NOT_FOUND:
            return DAY, worse, outcome.reason, None
        case Kind.GONE:
            return _gone(state, outcome, now, worse)
        case Kind.BLOCKED:
            return DAY, Health.BLOCKED, outcome.reason, None
        case Kind.NOT_A_FEED:
            return backed_off, Health.NOT_A_FEED, outcome.reason, None
        case Kind.LAYOUT_CHANGED:
            return backed_off, Health.LAYOUT_CHANGED, outcome.reason, None
    return backed_off, worse, outcome.reason, None


def _gone(
    state: State, outcome: Outcome, now: datetime, worse: Health
) -> tuple[timedelta, Health, str, datetime | None]:
    """One 410 may be a mistake of the server; a second one a day later is believed."""
    match = re.search(r"410 since (\S+): ", state.reason)
    since = datetime.fromisoformat(match[1]) if match else now
    reason = f"410 since {since.isoformat(timespec='seconds')}: {outcome.reason}"
    if state.health is Health.GONE or now - since >= GONE_AGAIN_AFTER:
        return GONE_PAUSE, Health.GONE, reason, None
    return DAY, worse, reason, None


def _bad_since(state: State, now: datetime) -> datetime:
    return state.last_success or (state.since if state.health is not Health.NEW else now)


def _worse(state: State, failures: int, now: datetime) -> Health:
    bad_for = now - _bad_since(state, now)
    if bad_for >= DEAD_AFTER:
        return Health.DEAD
    return Health.FAILING if failures >= FAILING_AFTER or bad_for >= DAY else Health.FLAKY


def _cap(state: State, now: datetime) -> timedelta:
    return BACK_OFF_CAP if now - _bad_since(state, now) < BACK_OFF_CAP_FOR else DAY


def _bounded(interval: timedelta, limits: Limits) -> timedelta:
    return min(max(interval, limits.low), max(limits.high, limits.low))
