"""When to ask a channel next, how it is, and what its answers mean. Pure: values and `now` in, values out.

- `values`: what goes in and comes out
- `deciding`: `next_poll`, the one decision after each poll
- `intervals`: how long to wait; what servers ask for
- `health`: which state, and what is a channel's habit
- `gaps`: whether items may have been missed, and whether a back-fill reaches back far enough
- `moves`: permanent redirects; `trust`: servers whose "unchanged" is wrong
- `failover`: which of a source's channels stand by
- `challenges`: pages that ask whether we are human
"""

from crawler.polling.challenges import challenge
from crawler.polling.deciding import next_poll
from crawler.polling.intervals import SHORTEST_AGREED, hold_seconds, max_age_minutes, retry_after_seconds
from crawler.polling.values import (
    Arrivals,
    Decision,
    Habit,
    Health,
    Kind,
    Limits,
    Move,
    Note,
    NoteKind,
    Outcome,
    State,
    kind_of_status,
)

__all__ = [
    "SHORTEST_AGREED",
    "Arrivals",
    "Decision",
    "Habit",
    "Health",
    "Kind",
    "Limits",
    "Move",
    "Note",
    "NoteKind",
    "Outcome",
    "State",
    "challenge",
    "hold_seconds",
    "kind_of_status",
    "max_age_minutes",
    "next_poll",
    "retry_after_seconds",
]
