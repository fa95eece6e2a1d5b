"""How long to wait between two polls, and what servers ask for. Pure."""

from __future__ import annotations

import hashlib
import math
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from crawler.polling.values import Kind, Limits, Outcome, State

HOUR = timedelta(hours=1)
DAY = timedelta(hours=24)

RETRY_AFTER_CAP = DAY
ASKED_CAP = HOUR
"""A document may ask not to be fetched for longer; believing it would lose items (a `ttl` of a day is common)."""
WITHOUT_VALIDATORS = HOUR
"""A server that cannot say "unchanged" pays for every request, so it gets fewer."""
SHORTEST_AGREED = timedelta(minutes=2)
"""No agreement with a source goes below this."""
BACK_OFF_CAP = timedelta(hours=6)
BACK_OFF_CAP_FOR = timedelta(days=3)
RATE_DECAY_HOURS = 6.0
SHORTEST_USEFUL = timedelta(minutes=10)
HOLD_WITHOUT_DATE = timedelta(minutes=15)
UNKNOWN_WINDOW = 30
"""Items that a document of unknown length is taken to hold."""


def arrival_rate(state: State, outcome: Outcome, now: datetime) -> float:
    """New items an hour: rises at once, decays over 6 h. At a first fetch, what the entries' dates say."""
    if state.first_polled is None:
        lately = now - timedelta(hours=RATE_DECAY_HOURS)
        return sum(1 for date in outcome.dates if date >= lately) / RATE_DECAY_HOURS
    hours = max((now - (state.last_success or now)) / HOUR, 1 / 60)
    return max(outcome.new / hours, state.arrival_rate * math.exp(-hours / RATE_DECAY_HOURS))


def wanted_interval(rate: float, window: int) -> timedelta:
    """A quarter of the window must not roll over between two polls; else about one poll for each new item.

    Args:
        rate: new items an hour.
        window: items that a document holds.
    """
    if rate <= 1e-6:
        return timedelta(days=365)  # no bound from here: the caller's limits hold
    hours = min(0.25 * max(window, 1) / rate, max(SHORTEST_USEFUL / HOUR, 1 / rate))
    return timedelta(hours=min(hours, 24 * 365))


def shortest(outcome: Outcome, asks_minutes: int | None, limits: Limits) -> timedelta:
    """The lower bound after a good poll: settings or agreement, missing validators, what the document asks for."""
    low = limits.low
    if not outcome.validators and not limits.agreed:
        low = max(low, WITHOUT_VALIDATORS)
    if asks_minutes:
        low = max(low, min(timedelta(minutes=asks_minutes), ASKED_CAP))
    return low


def bounded(interval: timedelta, low: timedelta, high: timedelta) -> timedelta:
    """The interval within its bounds; the lower one wins."""
    return max(low, min(interval, high))


def backed_off(state: State, interval: timedelta, now: datetime, *, times: int) -> tuple[timedelta, timedelta]:
    """A pause that grows with the failures, and its upper bound: 6 h for three days, then a day.

    Neither is below the interval, which some sources want longer than that.
    """
    since = state.failing_since or (state.last_success if state.failures else None) or now
    cap = max(interval, BACK_OFF_CAP if now - since < BACK_OFF_CAP_FOR else DAY)
    return min(interval * times, cap), cap


def spread(
    pause: timedelta, low: timedelta, high: timedelta | None, *, share: float, name: str, now: datetime
) -> timedelta:
    """The pause, varied by up to `share` of it, so that channels do not march; never outside its bounds.

    Args:
        pause: within the bounds.
        low: never shorter.
        high: never longer; None for no bound.
        share: 0 to 1.
        name: the channel's; with `now` it decides, so that the same poll always gives the same pause.
        now: the instant of the poll.
    """
    begin = max(low, pause * (1 - share))
    end = pause * (1 + share) if high is None else min(max(high, pause), pause * (1 + share))
    if end <= begin:
        return begin
    digest = hashlib.blake2b(f"{name} {now.timestamp()}".encode(), digest_size=8).digest()
    return begin + (end - begin) * (int.from_bytes(digest, "big") / 2**64)


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
    cache_control = cache_control.lower()
    if "no-cache" in cache_control or "no-store" in cache_control:
        return None
    match = re.search(r"(?<![\w-])max-age\s*=\s*\"?(\d{1,9})", cache_control)
    return int(match[1]) // 60 or None if match else None


def throttled(outcome: Outcome, own: timedelta) -> tuple[timedelta, timedelta]:
    """After 429 or 503: the pause of this channel, and how long its whole host is held."""
    assert outcome.kind is Kind.THROTTLED
    asked = timedelta(seconds=outcome.retry_after) if outcome.retry_after is not None else HOLD_WITHOUT_DATE
    asked = min(asked, RETRY_AFTER_CAP)
    return max(own, asked), asked
