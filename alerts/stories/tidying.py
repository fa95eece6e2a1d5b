"""Forgetting what grouping no longer needs: runs, terms and cores of what is older than any window."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from alerts.ledger import grouping_index
from alerts.stories.related import GAP, SPAN

if TYPE_CHECKING:
    from crawler.archive import Archive

KEEP_TEXTS = timedelta(days=30)
"""Runs stay longer than any window of grouping, for articles that come late with an old date."""
KEEP_CORES = SPAN + 2 * GAP
"""Cores and terms are of no use once nothing can be in time for them; a core that is wanted again is made anew."""
HALVED_EVERY = 30
"""Days after which word counts are halved, so that they tell what is rare now and not over the years."""
SLICES = 64
"""The index goes in so many transactions, so that other writers wait for moments."""


def tidy_index(archive: Archive, now: datetime, stopping: Callable[[], bool] = lambda: False) -> int:
    """Forget the index of old articles, once a day however often it is asked.

    Args:
        archive: the database.
        now: aware UTC.
        stopping: asked between two transactions; true leaves the rest to the next time.

    Returns:
        How many rows went.
    """
    today = now.toordinal()
    with archive.write() as connection:
        if grouping_index.tidied_on(connection) == today:
            return 0
        gone = grouping_index.drop_cores(connection, now - KEEP_CORES)
        article, story = grouping_index.oldest_kept(connection, now - KEEP_TEXTS)
    width = (1 << 47) // SLICES + 1
    for start in range(0, 1 << 47, width):
        if stopping():
            return gone
        with archive.write() as connection:
            gone += grouping_index.drop_index(connection, (start, start + width), article, story)
    with archive.write() as connection:
        grouping_index.mark_tidied(connection, today, halve=today % HALVED_EVERY == 0)
    return gone
