"""Whether items may have been missed between two polls, and whether a back-fill makes up for it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from crawler.polling.values import Kind, Outcome, State

GIVE_UP_AFTER = timedelta(hours=6)
"""A gap that no other channel has filled by then is told to the desks. Sitemaps can be hours behind."""
OLDER_ENTRIES = 3


class GapState(StrEnum):
    """What became of a gap."""

    OPEN = "open"
    FILLED = "filled"
    UNFILLED = "unfilled"


def is_gap(state: State, outcome: Outcome) -> bool:
    """Whether a full window held no known item, so that others may have rolled out of it unseen.

    A first fetch is none, nor is a document with one item, nor one that is much shorter than the last: a feed that is
    filled anew after being emptied has lost nothing.
    """
    return (
        state.first_polled is not None
        and outcome.kind is Kind.CHANGED
        and outcome.entries > 1
        and outcome.new == outcome.entries
        and 2 * outcome.entries >= (state.listed or 0)
    )


def reaches_back(older: Sequence[bool]) -> bool:
    """Whether a document lists what was there before a gap too, and so all that was published in it.

    Listings go from new to old; one old entry further up may be pinned there and proves nothing.

    Args:
        older: of each entry in document order, whether it is from before the gap.
    """
    return bool(older) and (older[-1] or sum(older) >= OLDER_ENTRIES)


def is_given_up(at: datetime, now: datetime) -> bool:
    """Whether a gap found at `at` has waited long enough for a back-fill."""
    return now - at >= GIVE_UP_AFTER
