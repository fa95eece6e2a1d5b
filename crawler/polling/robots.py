"""How long a site's robots.txt is good for, and what to do without one (RFC 9309). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

KEPT_FOR = timedelta(hours=24)
AGAIN_AFTER = timedelta(minutes=15)
"""Between two tries while the site does not say what its rules are."""
OLD_RULES_FOR = timedelta(days=30)
"""Rules that were had once hold for so long while they cannot be had again."""
NOTHING_FOR = timedelta(days=1)
"""A site that never said its rules is left alone for so long; then it is taken to have none."""
MOST_BYTES = 500 * 1024


@dataclass(frozen=True, slots=True)
class Robots:
    """What is known of a site's robots.txt. Datetimes are aware UTC.

    Attributes:
        asked_at: last try.
        fetched_at: last answer that counts; None if there never was one.
        failing_since: first try in a row without such an answer; None when the last one was.
        body: of that answer; None where there is no such file.
    """

    asked_at: datetime
    fetched_at: datetime | None = None
    failing_since: datetime | None = None
    body: bytes | None = None


class Ruling(StrEnum):
    """What a site's robots.txt comes to."""

    RULES = "rules"  # as its body says
    EVERYTHING = "everything"  # it has no rules
    NOTHING = "nothing"  # its rules cannot be had now


def is_asked(kept: Robots | None, now: datetime) -> bool:
    """Whether robots.txt is to be asked for."""
    if kept is None:
        return True
    if kept.failing_since is not None:
        return now - kept.asked_at >= AGAIN_AFTER
    return kept.fetched_at is None or now - kept.fetched_at >= KEPT_FOR


def after_answer(kept: Robots | None, status: int | None, body: bytes, now: datetime) -> Robots:
    """What is known after a try.

    Args:
        kept: before it.
        status: HTTP status; None when there was no answer.
        body: of the answer.
        now: aware UTC.
    """
    if status is None or status == 429 or status >= 500:
        if kept is None:
            return Robots(now, None, now, None)
        return Robots(now, kept.fetched_at, kept.failing_since or now, kept.body)
    return Robots(now, now, None, body[:MOST_BYTES] if status == 200 else None)


def ruling(kept: Robots, now: datetime) -> Ruling:
    """What is allowed by what is known."""
    if kept.failing_since is None or (kept.fetched_at is not None and now - kept.fetched_at < OLD_RULES_FOR):
        return Ruling.RULES if kept.body is not None else Ruling.EVERYTHING
    return Ruling.NOTHING if now - kept.failing_since < NOTHING_FOR else Ruling.EVERYTHING
