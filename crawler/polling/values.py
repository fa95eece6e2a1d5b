"""The values of polling: what is known of a channel, what a poll came to, what is decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any


class Health(StrEnum):
    """How a channel is. Every change is recorded with its evidence."""

    NEW = "new"
    OK = "ok"
    SLOW = "slow"  # answers, but nothing new for 5 times as long as usual
    FLAKY = "flaky"  # 1-4 failures in a row
    FAILING = "failing"  # 5 in a row, or none good for 24 h
    DEAD = "dead"  # none good for 14 days; still asked daily
    BLOCKED = "blocked"  # 401, 403, a challenge page, robots.txt, or an address our own guard refuses
    THROTTLED = "throttled"
    GONE = "gone"  # 410 twice, a day apart
    MOVED = "moved"  # answers under a new address: the source's file should name it
    NOT_A_FEED = "not_a_feed"
    LAYOUT_CHANGED = "layout_changed"  # a section page without links
    GAP = "gap"  # a whole window of items was unknown: some may have been missed
    PAUSED = "paused"


class Kind(StrEnum):
    """What one poll came to."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"  # 304, or the body that was read before
    THROTTLED = "throttled"  # 429 or 503
    FAILED = "failed"  # 5xx, other odd statuses, time-out, DNS, TLS, reset, too large
    NOT_FOUND = "not_found"  # 404
    GONE = "gone"  # 410
    BLOCKED = "blocked"  # 401, 403, a challenge page, robots.txt, the guard
    NOT_A_FEED = "not_a_feed"
    LAYOUT_CHANGED = "layout_changed"


_KINDS = {
    401: Kind.BLOCKED,
    402: Kind.BLOCKED,
    403: Kind.BLOCKED,
    404: Kind.NOT_FOUND,
    410: Kind.GONE,
    429: Kind.THROTTLED,
    451: Kind.BLOCKED,
    503: Kind.THROTTLED,
}


def kind_of_status(status: int) -> Kind:
    """What an HTTP status other than 200 and 304 means for a channel."""
    return _KINDS.get(status, Kind.FAILED)


class NoteKind(StrEnum):
    """What an event of a channel is about."""

    HEALTH = "health"
    SWITCH = "switch"  # another channel of the source carries on, or stands by again
    MOVE = "move"  # the stored URL was replaced
    GAP = "gap"  # a gap was filled, or given up
    VALIDATORS = "validators"  # the server's "unchanged" is not believed


@dataclass(frozen=True, slots=True)
class Note:
    """Something besides health that was decided and must be told. `reason` in words, `evidence` as JSON."""

    kind: NoteKind
    reason: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Habit:
    """How long a channel usually goes without a new item.

    Attributes:
        gap: seconds; the mean in which a second of waiting counts as much as any other, so that one long night weighs
            as much as it lasts. None while unknown.
        weight: seconds of observation behind it.
    """

    gap: float | None = None
    weight: float = 0.0


@dataclass(frozen=True, slots=True)
class Arrivals:
    """How fast new items come.

    Attributes:
        rate: items an hour now: rises at once, decays over 6 h.
        burst: new items of the last half hour or so before the last new one, older ones counting less.
        peak: items an hour in the strongest burst; fades over two weeks.
    """

    rate: float = 0.0
    burst: float = 0.0
    peak: float = 0.0


@dataclass(frozen=True, slots=True)
class Move:
    """Where permanent redirects lead, since when, and how often in a row that was the answer."""

    to: str
    since: datetime
    answers: int


@dataclass(frozen=True, slots=True)
class State:
    """What is known of a channel before a poll. Datetimes are aware UTC.

    Attributes:
        health: see `Health`.
        since: when that health began.
        reason: why, in words.
        interval_seconds: the usual interval.
        failures: in a row.
        arrivals: how fast new items come.
        first_polled: first success; None before.
        last_polled: any outcome.
        last_success: a usable answer.
        last_new: an item was new.
        name: tells channels apart, so that they do not march in step.
        url: where it is asked.
        old_url: what `url` was before it was replaced; empty while it is the configured one.
        habit: how often something is new.
        listed: items in the last document; None before the first.
        asks_minutes: lower bound that the last document asked for.
        failing_since: first failure in a row.
        gone_since: first 410 in a row.
        move: where permanent redirects lead.
    """

    health: Health
    since: datetime
    reason: str
    interval_seconds: int
    failures: int
    arrivals: Arrivals = Arrivals()
    first_polled: datetime | None = None
    last_polled: datetime | None = None
    last_success: datetime | None = None
    last_new: datetime | None = None
    name: str = ""
    url: str = ""
    old_url: str = ""
    habit: Habit = Habit()
    listed: int | None = None
    asks_minutes: int | None = None
    failing_since: datetime | None = None
    gone_since: datetime | None = None
    move: Move | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one poll.

    Attributes:
        kind: the verdict; see `Kind`.
        status: HTTP status of the last answer, None without one.
        reason: in words, for people; empty when all is well.
        retry_after: what the server asked for, seconds; None when it did not.
        entries: items in the document.
        new: of them, how many the archive did not know.
        dates: when the new ones were published (all of a first fetch), as far as they say so.
        unread: items that were left for the next poll.
        validators: the server gives an ETag or a Last-Modified that can be believed.
        asks_minutes: lower bound that document or headers ask for.
        moved_to: the final address after permanent redirects only; else empty.
        probe: it was asked without validators, to see whether "unchanged" is true.
        same_validators: the answer to a probe had the validators that were stored.
    """

    kind: Kind
    status: int | None = None
    reason: str = ""
    retry_after: float | None = None
    entries: int = 0
    new: int = 0
    dates: tuple[datetime, ...] = ()
    unread: int = 0
    validators: bool = True
    asks_minutes: int | None = None
    moved_to: str = ""
    probe: bool = False
    same_validators: bool = False

    @property
    def good(self) -> bool:
        """Whether the channel gave what it is asked for."""
        return self.kind in (Kind.CHANGED, Kind.UNCHANGED)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the interval between two polls of one channel.

    Attributes:
        low: shortest.
        high: longest while all is well.
        first: after the first fetch, when nothing was published lately.
        agreed: the source's own minimum is configured, so a server without validators may be asked as often.
        jitter: share by which a pause varies, 0 to 1.
    """

    low: timedelta
    high: timedelta
    first: timedelta
    agreed: bool = False
    jitter: float = 0.0


@dataclass(frozen=True, slots=True)
class Decision:
    """What to store after a poll.

    Attributes:
        next_poll: aware UTC.
        interval_seconds: the usual interval, without back-off and jitter.
        health: see `Health`.
        reason: why it is so; empty when ok.
        failures: in a row.
        arrivals: how fast new items come.
        habit: how often something is new.
        listed: items in the last document.
        asks_minutes: lower bound that the last document asked for.
        failing_since: first failure in a row; None when this poll was good.
        gone_since: first 410 in a row.
        move: where permanent redirects lead.
        url: where to ask from now on.
        old_url: what that was before, empty if never replaced.
        hold_until: no channel of this host may be asked before; None = no hold.
        refused_for_good: it is news that this channel refuses us (gone, blocked).
        distrust: "unchanged" is not to be believed from now on.
        notes: what else is to be told.
    """

    next_poll: datetime
    interval_seconds: int
    health: Health
    reason: str
    failures: int
    arrivals: Arrivals = Arrivals()
    habit: Habit = Habit()
    listed: int | None = None
    asks_minutes: int | None = None
    failing_since: datetime | None = None
    gone_since: datetime | None = None
    move: Move | None = None
    url: str = ""
    old_url: str = ""
    hold_until: datetime | None = None
    refused_for_good: bool = False
    distrust: bool = False
    notes: tuple[Note, ...] = ()
