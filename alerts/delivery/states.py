"""What becomes of a delivery: pure decisions, from a row and what happened to what the row shall be.

    ready -> sending -> doubt (committed) -> the final dot -> sent
An answer of 4xx makes it ready again after a while, 5xx fails it. A sender that is lost or killed before the dot left
nothing behind, so the row is ready again; after the dot nobody knows, and the row stays in doubt until it is settled.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from alerts.ledger.deliveries import LONGEST_WAIT, Delivery, RelayHold, State
from crawler.errors import CeasewireError

GIVE_UP = timedelta(hours=48)
"""A target that answers "not now" is asked for so long, counted in waits and not by the calendar: time in which the
mail server was away is not the target's."""

SETTLE_DOUBT = timedelta(minutes=10)
"""How long a row stays in doubt before it is settled: an answer could be this late (RFC 5321, 4.5.3.2.6)."""

RESENDS = 3
"""A delivery left in doubt so often is held: a server that takes mails but never says so must not cause one copy after
the other."""

SUSPEND_AFTER = 3
"""Refusals in a row after which an address is suspended."""

_FIRST_WAITS = (5, 15, 30, 60)
_LATER_WAIT = 120
_RELAY_WAITS = (1, 5, 15)
_REPLY_LIMIT = 500


class DoubtPolicy(StrEnum):
    """What to do with a delivery whose fate is unknown."""

    RESEND = "resend"  # once more with the same bytes: never lost, perhaps twice
    HOLD = "hold"  # a person decides: never twice, perhaps lost


class WrongStateError(CeasewireError):
    """A delivery is not in a state in which this can be done to it."""

    def __init__(self, delivery: Delivery, wish: str) -> None:
        self.delivery = delivery
        super().__init__(f"delivery {delivery.id} is {delivery.state.value}: cannot {wish}")


@dataclass(frozen=True, slots=True)
class Claimed:
    """A sender took the delivery."""


@dataclass(frozen=True, slots=True)
class DotNext:
    """Everything is said but the final dot, which comes next."""


@dataclass(frozen=True, slots=True)
class Replied:
    """The mail server answered with an SMTP code; -1 is an answer without one."""

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection broke or was silent too long."""

    reason: str


@dataclass(frozen=True, slots=True)
class RelayTrouble:
    """The mail server as a whole cannot be used; that is not this delivery's fault."""

    reason: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """A service took the whole delivery."""

    reply: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A service does not take it, now or ever."""

    reply: str


@dataclass(frozen=True, slots=True)
class Postponed:
    """A service did not take it now; it wants to be left alone for `wait`."""

    reply: str
    wait: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Written:
    """The folder holds the files."""

    name: str


@dataclass(frozen=True, slots=True)
class Unwritable:
    """The folder could not be written, or the service not be used as it is configured."""

    reason: str


@dataclass(frozen=True, slots=True)
class Orphaned:
    """The next holder of the lock found the row in the middle of being sent."""

    policy: DoubtPolicy


@dataclass(frozen=True, slots=True)
class Found:
    """The archive mailbox has a mail whose fate was unknown: it was accepted."""


@dataclass(frozen=True, slots=True)
class Hold:
    """It must not be tried, and a person has to look."""

    reason: str


@dataclass(frozen=True, slots=True)
class Retry:
    """A person wants it tried (again) now."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """A person does not want it sent."""


@dataclass(frozen=True, slots=True)
class Resolve:
    """A person knows, or decides, what became of a delivery in doubt."""

    sent: bool


Event = (
    Claimed
    | DotNext
    | Replied
    | Lost
    | RelayTrouble
    | Accepted
    | Refused
    | Postponed
    | Written
    | Unwritable
    | Orphaned
    | Found
    | Hold
    | Retry
    | Cancel
    | Resolve
)


def wait_after(attempts: int) -> timedelta | None:
    """How long to wait after the n-th attempt: 5, 15, 30, 60, then 120 minutes; None when 48 hours are used up."""
    minutes = _wait_minutes(attempts)
    waited = sum(_wait_minutes(earlier) for earlier in range(1, attempts)) + minutes
    return timedelta(minutes=minutes) if timedelta(minutes=waited) <= GIVE_UP else None


def _wait_minutes(attempts: int) -> int:
    return _FIRST_WAITS[attempts - 1] if attempts <= len(_FIRST_WAITS) else _LATER_WAIT


def hold_relay(before: RelayHold | None, name: str, reason: str, now: datetime) -> RelayHold:
    """When to try a mail server again that could not be used: after 1, 5, then every 15 minutes."""
    failures = 1 if before is None else before.failures + 1
    minutes = _RELAY_WAITS[min(failures, len(_RELAY_WAITS)) - 1]
    return RelayHold(name, failures, now + timedelta(minutes=minutes), reason[:_REPLY_LIMIT])


def decide(delivery: Delivery, event: Event, now: datetime) -> Delivery:
    """The row as it shall be after `event`. Equal to `delivery` when nothing is to be done yet.

    Args:
        delivery: the row as it is.
        event: what happened.
        now: aware UTC; becomes `changed_at`.

    Raises:
        WrongStateError: the event cannot happen in this state.
    """
    match delivery.state:
        case State.READY:
            return _from_ready(delivery, event, now)
        case State.SENDING:
            return _from_sending(delivery, event, now)
        case State.DOUBT:
            return _from_doubt(delivery, event, now)
        case _:
            return _from_final(delivery, event, now)


def _from_ready(delivery: Delivery, event: Event, now: datetime) -> Delivery:
    match event:
        case Claimed():
            return _changed(delivery, now, state=State.SENDING, attempts=delivery.attempts + 1)
        case Hold(reason):
            return _changed(delivery, now, state=State.HELD, reply=f"not tried: {reason}")
        case Retry():
            return _changed(delivery, now, attempts=0, next_try=now)
        case Cancel():
            return _changed(delivery, now, state=State.CANCELLED)
    raise WrongStateError(delivery, _wish(event))


def _from_sending(delivery: Delivery, event: Event, now: datetime) -> Delivery:
    match event:
        case DotNext():
            return _changed(delivery, now, state=State.DOUBT, next_try=now + SETTLE_DOUBT)
        case Replied(code, text) if 500 <= code <= 599:
            return _changed(delivery, now, state=State.FAILED, reply=f"{code} {text}")
        case Replied(code, text):
            return _later(delivery, f"{code} {text}" if code > 0 else f"not an SMTP reply: {text}", now)
        case Lost(reason):
            return _later(delivery, f"lost before the final dot: {reason}", now)
        case RelayTrouble(reason):
            return _changed(
                delivery, now, state=State.READY, attempts=delivery.attempts - 1, next_try=now, reply=reason
            )
        case Accepted() | Refused() | Postponed():
            return _answered(delivery, event, now)
        case Written(name):
            return _changed(delivery, now, state=State.SENT, sent_at=now, reply=f"written: {name}")
        case Unwritable(reason):
            return _unwritable(delivery, reason, now)
        case Orphaned():
            return _changed(
                delivery, now, state=State.READY, next_try=now, reply="its sender ended before the final dot"
            )
    raise WrongStateError(delivery, _wish(event))


def _from_doubt(delivery: Delivery, event: Event, now: datetime) -> Delivery:
    match event:
        case Replied():
            return _replied_to_dot(delivery, event, now)
        case Lost(reason):
            return _changed(delivery, now, reply=f"lost after the final dot: {reason}")
        case Accepted() | Refused() | Postponed():
            return _answered(delivery, event, now)
        case Found():
            return _arrived(delivery, now, "found in the archive mailbox")
        case Orphaned(policy):
            return _settle_doubt(delivery, policy, now)
        case Resolve(sent):
            return _arrived(delivery, now) if sent else _resend(delivery, "resolved by hand: send again", now)
    raise WrongStateError(delivery, _wish(event))


def _replied_to_dot(delivery: Delivery, reply: Replied, now: datetime) -> Delivery:
    said = f"{reply.code} {reply.text}"
    if 200 <= reply.code <= 299:
        return _changed(delivery, now, state=State.SENT, sent_at=now, reply=said)
    if 500 <= reply.code <= 599:
        return _changed(delivery, now, state=State.FAILED, reply=said)
    if 400 <= reply.code <= 499:
        return _later(delivery, said, now)
    return _changed(delivery, now, reply=f"not an SMTP reply after the final dot: {reply.text}")


def _unwritable(delivery: Delivery, reason: str, now: datetime) -> Delivery:
    # A folder that cannot be written is never given up: nobody refused the digest.
    wait = wait_after(delivery.attempts) or timedelta(minutes=_LATER_WAIT)
    return _changed(delivery, now, state=State.READY, next_try=now + wait, reply=reason)


def _answered(delivery: Delivery, event: Accepted | Refused | Postponed, now: datetime) -> Delivery:
    match event:
        case Accepted(reply):
            return _changed(delivery, now, state=State.SENT, sent_at=now, reply=reply)
        case Refused(reply):
            return _changed(delivery, now, state=State.FAILED, reply=reply)
        case Postponed(reply, wait):
            return _later(delivery, reply, now, at_least=min(wait, LONGEST_WAIT))


def is_settling(delivery: Delivery, now: datetime) -> bool:
    """Whether a delivery in doubt still waits for its answer. A time far ahead was written under a wrong clock."""
    return now < delivery.next_try <= now + SETTLE_DOUBT


def _settle_doubt(delivery: Delivery, policy: DoubtPolicy, now: datetime) -> Delivery:
    if is_settling(delivery, now):
        return delivery
    known = delivery.reply or "its sender ended at the final dot"
    if policy is DoubtPolicy.HOLD or delivery.doubts + 1 >= RESENDS:
        return _changed(delivery, now, state=State.HELD, doubts=delivery.doubts + 1, reply=f"in doubt: {known}")
    return _resend(delivery, f"sent again after doubt: {known}", now)


def _resend(delivery: Delivery, reply: str, now: datetime) -> Delivery:
    return _changed(delivery, now, state=State.READY, doubts=delivery.doubts + 1, next_try=now, reply=reply)


def _arrived(delivery: Delivery, now: datetime, reply: str = "resolved by hand: sent") -> Delivery:
    """It was sent when the row last changed, as is known only now."""
    return _changed(delivery, now, state=State.SENT, sent_at=delivery.changed_at, reply=reply)


def _from_final(delivery: Delivery, event: Event, now: datetime) -> Delivery:
    match event:
        case Retry() if delivery.state is not State.SENT:
            return _changed(delivery, now, state=State.READY, attempts=0, next_try=now)
        case Cancel() if delivery.state in (State.HELD, State.FAILED):
            return _changed(delivery, now, state=State.CANCELLED)
        case Resolve(sent=True) if delivery.state is State.HELD:
            return _arrived(delivery, now)
        case Resolve(sent=False) if delivery.state is State.HELD:
            return _changed(delivery, now, state=State.READY, attempts=0, next_try=now)
    raise WrongStateError(delivery, _wish(event))


def _later(delivery: Delivery, reply: str, now: datetime, at_least: timedelta = timedelta()) -> Delivery:
    wait = wait_after(delivery.attempts)
    if wait is None:
        return _changed(delivery, now, state=State.FAILED, reply=f"given up after 48 hours: {reply}")
    return _changed(delivery, now, state=State.READY, next_try=now + max(wait, at_least), reply=reply)


def _changed(delivery: Delivery, now: datetime, **values: Any) -> Delivery:
    if "reply" in values:
        values["reply"] = values["reply"][:_REPLY_LIMIT]
    return replace(delivery, changed_at=now, **values)


def _wish(event: Event) -> str:
    match event:
        case Resolve(sent):
            return "resolve it as sent" if sent else "send it again (`retry` is for failed and held ones)"
        case Retry():
            return "retry it (one in doubt is resolved, one being sent is left alone)"
        case Cancel():
            return "cancel it"
    return f"apply {type(event).__name__}"
