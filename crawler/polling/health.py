"""Which state a channel is in, and what is usual for it. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta

from crawler.polling import gaps
from crawler.polling.intervals import DAY
from crawler.polling.values import Habit, Health, Outcome, State

FAILING_AFTER = 5
DEAD_AFTER = timedelta(days=14)
SLOW_TIMES = 5
SLOW_AT_LEAST = timedelta(hours=3)
"""A pause that is nothing unusual for anybody."""
SLOW_UNKNOWN = timedelta(days=7)
"""What counts as long where nothing is known of the channel's habit."""
HABIT_SPAN = timedelta(days=7)
"""Older observations fade."""
GONE_AGAIN_AFTER = timedelta(hours=23)


def good_health(state: State, outcome: Outcome, habit: Habit, now: datetime, moved: str) -> tuple[Health, str]:
    """Health and reason after a good poll.

    Args:
        state: before it.
        outcome: of it.
        habit: with this poll in it.
        now: aware UTC.
        moved: why it counts as moved; empty if it does not.
    """
    if gaps.is_gap(state, outcome):
        return Health.GAP, f"all {outcome.entries} items were new: items in between may have been missed"
    if not outcome.new and is_slow(state, habit, now):
        since = state.last_new or state.first_polled or now
        return Health.SLOW, f"nothing new since {since:%Y-%m-%d %H:%M} UTC"
    if moved:
        return Health.MOVED, moved
    return Health.OK, outcome.reason


def is_slow(state: State, habit: Habit, now: datetime) -> bool:
    """Whether nothing was new for 5 times as long as usual."""
    last = state.last_new or state.first_polled
    if last is None:
        return False
    usual = SLOW_UNKNOWN if habit.gap is None else SLOW_TIMES * timedelta(seconds=habit.gap)
    return now - last > max(usual, SLOW_AT_LEAST)


def bad_health(failures: int, since: datetime, now: datetime) -> Health:
    """Health after failures that say nothing else.

    Args:
        failures: in a row, this one included.
        since: last good answer, or the first failure if there never was one.
        now: aware UTC.
    """
    bad_for = now - since
    if bad_for >= DEAD_AFTER:
        return Health.DEAD
    return Health.FAILING if failures >= FAILING_AFTER or bad_for >= DAY else Health.FLAKY


def is_gone(state: State, since: datetime, now: datetime) -> bool:
    """One 410 may be a mistake of the server; a second one a day later is believed."""
    return state.health is Health.GONE or now - since >= GONE_AGAIN_AFTER


def next_habit(state: State, outcome: Outcome, now: datetime) -> Habit:
    """The habit with this poll in it."""
    if state.first_polled is None:
        return first_habit(outcome.dates)
    # After an outage of theirs or ours the time since the last new item says nothing.
    if not outcome.new or state.last_new is None or state.failures:
        return state.habit
    return _with(state.habit, (now - state.last_new).total_seconds())


def first_habit(dates: Sequence[datetime]) -> Habit:
    """What the dates of a first document say of the habit.

    Many keep one old item on top, so the longest gap is left out.
    """
    ordered = sorted(dates)
    lengths = sorted((after - before).total_seconds() for before, after in itertools.pairwise(ordered))
    habit = Habit()
    for seconds in lengths[:-1] if len(lengths) > 3 else lengths:
        habit = _with(habit, seconds)
    return habit


def _with(habit: Habit, seconds: float) -> Habit:
    """The mean in which each second of waiting counts the same: a gap weighs as much as it lasts."""
    if seconds <= 0:
        return habit
    weight = min(habit.weight, HABIT_SPAN.total_seconds())
    # One endless silence must not make every later one look usual.
    share = min(seconds, HABIT_SPAN.total_seconds())
    gap = seconds if habit.gap is None else (habit.gap * weight + seconds * share) / (weight + share)
    return Habit(gap, min(weight + share, HABIT_SPAN.total_seconds()))
