"""Feeds as newsrooms fill them, asked by our controller and by four others: items missed, requests, delay.

Nothing is fetched and no time passes: a feed is a list of instants at which items appear and a window that holds the
last W of them; a controller says after each poll when it comes again. An item that rolls out of the window between two
polls is missed. Ours are the very functions that `collect` uses.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from benchmarks.registry import Table, benchmark
from crawler.polling import Health, Kind, Limits, Outcome, State, next_poll

FEEDS = 200
DAYS = 14
SEED = 20261122
START = datetime(2026, 11, 2, tzinfo=UTC)

DAY = 1440.0
"""Minutes; all times of the simulation are minutes after START."""


@dataclass(frozen=True)
class Feed:
    """One feed: how many items it shows, and when each appears, in minutes; some before the beginning."""

    window: int
    items: Sequence[float]


@dataclass(frozen=True)
class Poll:
    """What a controller learns: the instant, items in the document, how many of them are new, and their instants."""

    at: float
    listed: int
    new: int
    dates: Sequence[float]


Controller = Callable[[Poll], float]
"""Takes a poll and gives the minutes until the next one. One for each feed."""


@dataclass(frozen=True)
class Event:
    """Something happens: reports grow in number, stay many for hours, and ebb away. In minutes and items a minute."""

    begin: float
    growing: float
    lasting: float
    rate: float

    def adds(self, at: float) -> float:
        """Items a minute on top of the usual ones."""
        since = at - self.begin
        if since < 0 or since > self.growing + self.lasting + 600:
            return 0.0
        if since < self.growing:
            return self.rate * since / self.growing
        return self.rate * math.exp(-max(since - self.growing - self.lasting, 0.0) / 60)


def feeds(count: int, days: int, seed: int = SEED) -> Iterator[Feed]:
    """Feeds that differ in size, window, time zone and in how they burst.

    A newsroom has a day and a night and a slack weekend. Every few days something happens: within half an hour or so it
    publishes up to an item or two a minute, for some hours. And sometimes it lets out a handful of items at once.
    """
    draw = random.Random(seed)
    for _ in range(count):
        a_day = min(max(draw.lognormvariate(math.log(14), 1.0), 0.3), 250)
        window = draw.choice((10, 15, 20, 20, 25, 30, 30, 40, 50, 100))
        yield Feed(window, _items(draw, a_day, days))


def _items(draw: random.Random, a_day: float, days: int) -> list[float]:
    """Instants at which items appear: a Poisson process whose rate changes every five minutes."""
    begin, end, step = -7 * DAY, days * DAY, 5.0
    zone, night = draw.uniform(0, DAY), draw.uniform(0.02, 0.4)
    events = list(_events(draw, begin, end, a_day))
    items: list[float] = []
    at = begin
    while at < end:
        hour = (at + zone) % DAY / DAY
        rhythm = night + (1 - night) * 2 * max(0.0, math.sin(math.pi * (hour * 1.5 - 0.25)))
        weekend = 0.6 if int((at - begin) // DAY) % 7 in (5, 6) else 1.0
        rate = a_day / DAY * rhythm * weekend + sum([event.adds(at) for event in events])
        moment = at + draw.expovariate(rate)
        while moment < at + step:
            items += [moment] * draw.choice((1,) * 38 + (2, 4))
            moment += draw.expovariate(rate)
        at += step
    return items


def _events(draw: random.Random, begin: float, end: float, a_day: float) -> Iterator[Event]:
    at = begin
    while (at := at + draw.expovariate(1 / (5 * DAY))) < end:
        size = draw.uniform(4, 90) / 60 * min(math.sqrt(a_day / 14), 1.5)
        yield Event(at, draw.uniform(20, 60), draw.expovariate(1 / 150), size)


def ours(low_minutes: float) -> Callable[[str], Controller]:
    """The decisions of `crawler.polling`, with everything that is stored between two polls."""
    limits = Limits(
        timedelta(minutes=low_minutes), timedelta(minutes=180), timedelta(minutes=60), agreed=True, jitter=0.1
    )

    def make(name: str) -> Controller:
        state = State(Health.NEW, START, "", 900, 0, name=name, url=f"https://{name}.example/feed")

        def control(poll: Poll) -> float:
            nonlocal state
            now = START + timedelta(minutes=poll.at)
            outcome = Outcome(
                Kind.CHANGED if poll.new else Kind.UNCHANGED,
                200 if poll.new else 304,
                entries=poll.listed if poll.new else 0,
                new=poll.new,
                dates=tuple(START + timedelta(minutes=date) for date in poll.dates),
            )
            decision = next_poll(state, outcome, now, limits)
            state = replace(
                state,
                health=decision.health,
                interval_seconds=decision.interval_seconds,
                failures=decision.failures,
                arrivals=decision.arrivals,
                first_polled=state.first_polled or now,
                last_polled=now,
                last_success=now,
                last_new=now if poll.new else state.last_new,
                habit=decision.habit,
                listed=decision.listed,
                asks_minutes=decision.asks_minutes,
                move=decision.move,
            )
            return (decision.next_poll - now) / timedelta(minutes=1)

        return control

    return make


def fixed(minutes: float) -> Callable[[str], Controller]:
    """The same interval for everybody."""
    return lambda _: lambda _: minutes


def entry_frequency(_: str) -> Controller:
    """Miniflux's scheduler `entry_frequency`, written anew from how internal/model/feed.go of miniflux/v2 works.

    A week's minutes divided by the entries that the feed published in the last seven days, within 5 minutes and 24
    hours; 24 hours if there were none. (Its own clock only looks every 60 minutes by default; here it looks at once.)
    """
    published: list[float] = []

    def control(poll: Poll) -> float:
        published.extend(poll.dates)
        week = len(published) - bisect_right(published, poll.at - 7 * DAY)
        return DAY if not week else min(max(round(7 * DAY / week), 5.0), DAY)

    return control


@dataclass
class DuplicateShare:
    """Media Cloud's adjustment, written anew from how fetcher/tasks.py and config.py of mediacloud/rss-fetcher work.

    From 6 hours on. If at least 67 % of a document was known, or nothing has changed, 10 minutes longer, up to a day
    (an hour longer after a month without anything new, which does not happen here). If less than 33 % was known, back
    to 6 hours from above, else an hour shorter, down to 10 minutes. The first poll changes nothing.
    """

    minutes: float = 360.0
    polled: bool = field(default=False)

    def __call__(self, poll: Poll) -> float:
        known = 100.0 * (poll.listed - poll.new) / poll.listed if poll.new and poll.listed else 101.0
        if self.polled and known >= 67:
            self.minutes = min(self.minutes + 10, DAY)
        elif self.polled and known < 33:
            self.minutes = 360.0 if self.minutes > 360 else max(self.minutes - 60, 10.0)
        self.polled = True
        return self.minutes


@dataclass
class Result:
    """What came of one controller over all feeds. Delays are minutes, of the items that were not missed."""

    items: int = 0
    missed: int = 0
    requests: int = 0
    delays: list[float] = field(default_factory=list)

    def share(self) -> float:
        """Missed items of all."""
        return self.missed / self.items

    def delay(self, part: float) -> float:
        """The delay that this part of the items did not exceed."""
        ordered = sorted(self.delays)
        return ordered[min(int(part * len(ordered)), len(ordered) - 1)]


def simulate(several: Sequence[Feed], days: int, make: Callable[[str], Controller]) -> Result:
    """Poll every feed from a random instant of the first hour on, to the end."""
    result, draw = Result(), random.Random(SEED)
    for number, feed in enumerate(several):
        _poll_one(feed, days * DAY, make(f"feed{number}"), draw.uniform(0, 60), result)
    return result


def _poll_one(feed: Feed, end: float, control: Controller, at: float, result: Result) -> None:
    begin, seen = at, 0
    while at < end:
        published = bisect_right(feed.items, at)
        oldest = max(published - feed.window, 0)
        first = max(seen, oldest)
        new = feed.items[first:published]
        if at > begin:
            result.missed += max(oldest - seen, 0)
            result.delays += [at - date for date in new]
            result.items += published - seen
        seen = published
        result.requests += 1
        at += control(Poll(at, min(published, feed.window), len(new), new))


CONTROLLERS: dict[str, Callable[[str], Controller]] = {
    "ceasewire, 2 min agreed with the source": ours(2),
    "ceasewire, never under 15 min": ours(15),
    "every 15 min": fixed(15),
    "every 60 min": fixed(60),
    "Miniflux, entry frequency": entry_frequency,
    "Media Cloud, duplicate share": lambda _: DuplicateShare(),
}


@benchmark("burst")
def burst() -> Table:
    several = list(feeds(FEEDS, DAYS))
    results = {name: simulate(several, DAYS, make) for name, make in CONTROLLERS.items()}
    problem = shortfall(results, FEEDS * DAYS)
    if problem:
        raise SystemExit(problem)
    items = max(result.items for result in results.values())
    return Table(
        f"{FEEDS} simulated feeds, {DAYS} days, {items:,} items in bursts",
        ("controller", "missed items", "missed %", "requests a feed a day", "median delay min", "95 % within min"),
        [
            (
                name,
                f"{result.missed:,}",
                f"{100 * result.share():.2f}",
                f"{result.requests / FEEDS / DAYS:.0f}",
                f"{result.delay(0.5):.0f}",
                f"{result.delay(0.95):.0f}",
            )
            for name, result in results.items()
        ],
        "Windows of 10 to 100 items, 0.3 to 250 items a day with nights, weekends, items let out together and hours of "
        "breaking news (4 to 60 more an hour). No time is measured, the figures are the same on any machine. The "
        "schedulers of Miniflux and Media Cloud are written anew after their public code, with their default settings.",
    )


def shortfall(results: dict[str, Result], feed_days: int) -> str:
    """What of the promise does not hold; empty when all does."""
    mine, quarter, entry = (
        results[name]
        for name in ("ceasewire, 2 min agreed with the source", "every 15 min", "Miniflux, entry frequency")
    )
    if mine.share() > entry.share() / 10:
        return f"missed {mine.share():.2%}, more than a tenth of entry frequency's {entry.share():.2%}"
    if mine.share() > quarter.share() / 5:
        return f"missed {mine.share():.2%}, more than a fifth of every 15 min's {quarter.share():.2%}"
    if mine.requests >= quarter.requests:
        return f"{mine.requests / feed_days:.0f} requests a feed a day, every 15 min {quarter.requests / feed_days:.0f}"
    return ""
