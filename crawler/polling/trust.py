"""Servers that say "unchanged" of a document that has changed. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from crawler.polling.intervals import DAY
from crawler.polling.values import Habit, Kind, Outcome, State

PROBE_TIMES = 4
DISTRUST_FOR = timedelta(days=30)
"""After that the server may have been mended."""


def is_probe_due(*, last_body: datetime | None, last_new: datetime | None, habit: Habit, now: datetime) -> bool:
    """Whether a channel is to be asked without validators, to see whether "unchanged" is true.

    Once a day, when nothing was new for longer than a day and than 4 times the usual gap.

    Args:
        last_body: when the server last sent a whole document; None if never.
        last_new: when an item was last new, or else when the channel was first had; None if never.
        habit: the channel's.
        now: aware UTC.
    """
    if last_new is None:
        return False
    quiet = max(DAY, PROBE_TIMES * timedelta(seconds=habit.gap or 0))
    return now - last_new > quiet and now - (last_body or last_new) >= DAY


def is_distrusted(since: datetime | None, now: datetime) -> bool:
    """Whether the server's validators are not to be used."""
    return since is not None and now - since < DISTRUST_FOR


def tells_untruth(state: State, outcome: Outcome) -> bool:
    """Whether the answer to a probe shows that "unchanged" was wrong.

    A new body does, unless it has new validators and everything new in it was published after the last poll: then the
    document has changed just now, and a conditional request would have brought it too.
    """
    if not outcome.probe or outcome.kind is not Kind.CHANGED:
        return False
    before = state.last_polled
    fresh = bool(outcome.dates) and before is not None and all(date > before for date in outcome.dates)
    return outcome.same_validators or not fresh
