"""Permanent redirects: when a channel's stored URL is replaced, and when that is taken back. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from crawler.polling.health import FAILING_AFTER
from crawler.polling.intervals import DAY
from crawler.polling.values import Kind, Move, Note, NoteKind, Outcome, State

MOVE_ANSWERS = 3
MOVE_AFTER = DAY


@dataclass(frozen=True, slots=True)
class Moved:
    """What a poll says of the channel's address.

    Attributes:
        url: where to ask from now on.
        old_url: what it was before it was replaced; empty if never.
        move: where permanent redirects lead, if the URL was not replaced by it.
        reason: why the channel counts as moved; empty if it does not.
        notes: the replacement, to be told.
    """

    url: str
    old_url: str
    move: Move | None = None
    reason: str = ""
    notes: tuple[Note, ...] = ()


def after_good(state: State, outcome: Outcome, now: datetime) -> Moved:
    """What a good answer says of the address: three equal ones over a day replace it, if the items overlap."""
    if not outcome.moved_to or outcome.moved_to == state.url:
        reason = f"is asked at {state.url}, was {state.old_url}" if state.old_url else ""
        return Moved(state.url, state.old_url, None, reason)
    before = state.move
    if before is None or before.to != outcome.moved_to:
        move = Move(outcome.moved_to, now, 1)
    else:
        move = Move(before.to, before.since, before.answers + 1)
    if move.answers >= MOVE_ANSWERS and now - move.since >= MOVE_AFTER and _overlaps(outcome):
        return _replaced(state, outcome.moved_to, f"moved for good to {move.to}", move.answers)
    words = f"moved for good to {move.to} (answered {move.answers} times since {move.since:%Y-%m-%d %H:%M} UTC)"
    return Moved(state.url, state.old_url, move, words)


def after_bad(state: State, outcome: Outcome, failures: int) -> Moved:
    """What a failure says of the address: a target that is no channel is none; a new address that fails is left."""
    if state.old_url and failures >= FAILING_AFTER:
        return _replaced(state, state.old_url, f"{state.url} failed {failures} times: back to {state.old_url}", 0)
    lost = outcome.kind in (Kind.NOT_FOUND, Kind.GONE, Kind.NOT_A_FEED, Kind.BLOCKED)
    return Moved(state.url, state.old_url, None if lost else state.move)


def _overlaps(outcome: Outcome) -> bool:
    """Whether the target lists what is known already; an unchanged document is all known."""
    return outcome.kind is Kind.UNCHANGED or outcome.entries > outcome.new


def _replaced(state: State, to: str, reason: str, answers: int) -> Moved:
    evidence = {"from": state.url, "to": to} | ({"answers": answers} if answers else {})
    back = to == state.old_url
    note = Note(NoteKind.MOVE, reason, evidence)
    return Moved(to, "" if back else state.old_url or state.url, None, "" if back else reason, (note,))
