"""The one decision after each poll. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from crawler.polling import health as states
from crawler.polling import intervals, moves, trust
from crawler.polling.intervals import DAY
from crawler.polling.values import Decision, Health, Kind, Limits, Note, NoteKind, Outcome, State

GONE_PAUSE = timedelta(days=7)


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
    return _after_good(state, outcome, now, limits) if outcome.good else _after_bad(state, outcome, now, limits)


def _after_good(state: State, outcome: Outcome, now: datetime, limits: Limits) -> Decision:
    arrivals = intervals.next_arrivals(state, outcome, now)
    habit = states.next_habit(state, outcome, now)
    moved = moves.after_good(state, outcome, now)
    health, reason = states.good_health(state, outcome, habit, now, moved.reason)
    changed = outcome.kind is Kind.CHANGED
    listed = outcome.entries if changed else state.listed
    asks = outcome.asks_minutes if changed else outcome.asks_minutes or state.asks_minutes
    if health is Health.GAP or outcome.unread:
        wanted = limits.low
    elif state.first_polled is None and not arrivals.rate:
        wanted = limits.first
    else:
        wanted = intervals.wanted_interval(arrivals, intervals.UNKNOWN_WINDOW if listed is None else listed)
    low = intervals.shortest(outcome, asks, limits)
    high = max(limits.high, low)
    interval = intervals.bounded(wanted, low, high)
    untrue = trust.tells_untruth(state, outcome)
    return Decision(
        next_poll=now + intervals.spread(interval, low, high, share=limits.jitter, name=state.name, now=now),
        interval_seconds=round(interval.total_seconds()),
        health=health,
        reason=reason,
        failures=0,
        arrivals=arrivals,
        habit=habit,
        listed=listed,
        asks_minutes=asks,
        move=moved.move,
        url=moved.url,
        old_url=moved.old_url,
        distrust=untrue,
        notes=moved.notes + ((_untruth(outcome),) if untrue else ()),
    )


def _untruth(outcome: Outcome) -> Note:
    reason = f'the server said "unchanged" although {outcome.new} of {outcome.entries} items were new'
    return Note(NoteKind.VALIDATORS, reason, {"entries": outcome.entries, "new": outcome.new})


@dataclass(frozen=True, slots=True)
class _Setback:
    """What a failure leads to: a pause within its bounds, a state, and perhaps a hold on the host."""

    pause: timedelta
    low: timedelta
    high: timedelta | None
    health: Health
    reason: str
    hold: timedelta | None = None


def _after_bad(state: State, outcome: Outcome, now: datetime, limits: Limits) -> Decision:
    failures = state.failures + 1
    interval = intervals.bounded(
        timedelta(seconds=state.interval_seconds) or limits.first, limits.low, max(limits.high, limits.low)
    )
    setback = _setback(state, outcome, now, interval, failures)
    moved = moves.after_bad(state, outcome, failures)
    pause = intervals.spread(setback.pause, setback.low, setback.high, share=limits.jitter, name=state.name, now=now)
    return Decision(
        next_poll=now + pause,
        interval_seconds=round(interval.total_seconds()),
        health=setback.health,
        reason=setback.reason,
        failures=failures,
        arrivals=state.arrivals,
        habit=state.habit,
        listed=state.listed,
        asks_minutes=state.asks_minutes,
        failing_since=state.failing_since or now,
        gone_since=(state.gone_since or now) if outcome.kind is Kind.GONE else None,
        move=moved.move,
        url=moved.url,
        old_url=moved.old_url,
        hold_until=None if setback.hold is None else now + setback.hold,
        refused_for_good=setback.health in (Health.GONE, Health.BLOCKED) and state.health is not setback.health,
        notes=moved.notes,
    )


def _setback(state: State, outcome: Outcome, now: datetime, interval: timedelta, failures: int) -> _Setback:
    worse = states.bad_health(failures, state.last_success or state.failing_since or now, now)
    pause, cap = intervals.backed_off(state, interval, now, times=1 + failures)
    daily = max(DAY, interval)
    match outcome.kind:
        case Kind.THROTTLED:
            own, _ = intervals.backed_off(state, interval, now, times=failures)
            pause, hold = intervals.throttled(outcome, own)
            return _Setback(pause, pause, None, Health.THROTTLED, outcome.reason, hold)
        case Kind.NOT_FOUND:
            return _Setback(daily, daily, None, worse, outcome.reason)
        case Kind.GONE:
            since = state.gone_since or now
            reason = f"410 since {since.isoformat(timespec='seconds')}: {outcome.reason}"
            if states.is_gone(state, since, now):
                return _Setback(max(GONE_PAUSE, daily), max(GONE_PAUSE, daily), None, Health.GONE, reason)
            return _Setback(daily, daily, None, worse, reason)
        case Kind.BLOCKED:
            return _Setback(daily, daily, None, Health.BLOCKED, outcome.reason)
        case Kind.NOT_A_FEED:
            return _Setback(pause, interval, cap, Health.NOT_A_FEED, outcome.reason)
        case Kind.LAYOUT_CHANGED:
            return _Setback(pause, interval, cap, Health.LAYOUT_CHANGED, outcome.reason)
    return _Setback(pause, interval, cap, worse, outcome.reason)
