"""How long to wait between two polls, and what servers ask for. Pure."""

from __future__ import annotations

import hashlib
import math
import re
from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from crawler.polling.values import Arrivals, Kind, Limits, Outcome, State

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
RATE_DECAY = timedelta(hours=6)
SHORTEST_USEFUL = timedelta(minutes=10)
HOLD_WITHOUT_DATE = timedelta(minutes=15)
SHORTEST_HOLD = timedelta(minutes=1)
"""A server that has enough and names no time, or one that has passed, has enough all the same."""
SHORTEST_SPAN = timedelta(minutes=15)
"""One item in two minutes is no thirty an hour."""
BURST_DECAY = timedelta(minutes=30)
BURST_MARGIN = 1.5
PEAK_DECAY = timedelta(days=14)
UNKNOWN_WINDOW = 30
"""Items that a document of unknown length is taken to hold."""


def next_arrivals(state: State, outcome: Outcome, now: datetime) -> Arrivals:
    """What is known of the arrivals with this poll in it."""
    before = state.arrivals
    if state.first_polled is None:
        lately = sum(1 for date in outcome.dates if now - date <= RATE_DECAY) / (RATE_DECAY / HOUR)
        return Arrivals(lately, _weighed(outcome, now, timedelta(0)), _densest(outcome.dates))
    passed = max(now - (state.last_success or now), timedelta(0))
    burst, peak = before.burst, before.peak
    if outcome.new:
        quiet = max(now - (state.last_new or now), timedelta(0))
        burst = burst * math.exp(-(quiet / BURST_DECAY)) + _weighed(outcome, now, passed)
        peak = max(peak * math.exp(-(quiet / PEAK_DECAY)), burst / (BURST_DECAY / HOUR))
    rate = before.rate * math.exp(-(passed / RATE_DECAY))
    if outcome.new:
        rate = max(rate, outcome.new / (max(passed, SHORTEST_SPAN) / HOUR), burst / (BURST_DECAY / HOUR))
    return Arrivals(rate, burst, peak)


def _weighed(outcome: Outcome, now: datetime, passed: timedelta) -> float:
    """How many items are new, each counting less the longer ago it was published; undated ones at any time since."""
    dated = sum(math.exp(-(max(now - date, timedelta(0)) / BURST_DECAY)) for date in outcome.dates)
    undated = max(outcome.new - len(outcome.dates), 0)
    if not undated or passed <= timedelta(0):
        return dated
    ratio = passed / BURST_DECAY
    return dated + undated * (1 - math.exp(-ratio)) / ratio


def _densest(dates: Sequence[datetime]) -> float:
    """Items an hour in the busiest half hour of a document. Those with one and the same date say nothing."""
    ordered = sorted(set(dates))
    most = max((bisect_right(ordered, begin + BURST_DECAY) - at for at, begin in enumerate(ordered)), default=0)
    return most / (BURST_DECAY / HOUR) if most > 2 else 0.0


def wanted_interval(arrivals: Arrivals, window: int) -> timedelta:
    """How long to wait by what is known of the arrivals.

    A quarter of the window must not roll over between two polls at the present rate; else about one poll for each new
    item; and a burst half as strong again as any before, should it begin right now, must not fill the window unseen.

    Args:
        arrivals: of the channel.
        window: items that a document holds.
    """
    hours = 24 * 365.0  # no bound from here: the caller's limits hold
    window, useful = max(window, 1), SHORTEST_USEFUL / HOUR
    if arrivals.rate > 1e-6:
        hours = min(hours, 0.25 * window / arrivals.rate, max(useful, 1 / arrivals.rate))
    if arrivals.peak > 1e-6:
        hours = min(hours, max(useful, window / (BURST_MARGIN * arrivals.peak)))
    return timedelta(hours=hours)


def shortest(outcome: Outcome, asks_minutes: int | None, limits: Limits) -> timedelta:
    """The lower bound after a good poll: settings or agreement, missing validators, what the document asks for.

    Of a document that is read in parts the validators are missing because we forgot them.
    """
    low = limits.low
    if not outcome.validators and not outcome.unread and not limits.agreed:
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
    asked = timedelta(seconds=hold_seconds(outcome.retry_after))
    return max(own, asked), asked


def hold_seconds(retry_after: float | None) -> float:
    """For how long a host is left alone that answered 429 or 503.

    Args:
        retry_after: seconds that it asked for; None when it did not.
    """
    if retry_after is None:
        return HOLD_WITHOUT_DATE.total_seconds()
    return min(max(retry_after, SHORTEST_HOLD.total_seconds()), RETRY_AFTER_CAP.total_seconds())
