"""What desks were told goes with a story when it is merged into another or split, so that no line is mailed again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from alerts.ledger import items as queries
from alerts.ledger import stories as story_queries
from alerts.ledger.items import Evidence, Item, Told, Weighed
from alerts.origins.reach import together
from alerts.revisions.facts import merged, news

_UNWEIGHED = Evidence(-1, -1, -1)
_TITLE = 140


@dataclass(frozen=True, slots=True)
class _Side:
    """One of two stories from a desk's point of view."""

    told: Told | None
    weighed: Weighed

    @property
    def carried(self) -> bool:
        """Whether a digest has told the desk of it, if only in a correction."""
        return self.told is not None and (self.told.number is not None or self.told.last.digest is not None)


def carry_over(connection: sa.Connection, leave: int, keep: int, now: datetime) -> None:
    """Bring over what desks were told of a story when its articles go to another one.

    What was mailed is not mailed again, what waits is said of the story that stays, and desks that were told of both as
    two stories get a correction. Call it in the transaction of the move, before or after it; marking `leave`, and every
    story merged into it before, as merged into `keep` is done here.

    Args:
        connection: a writing one.
        leave: the story that loses its articles.
        keep: the one that takes them.
        now: aware UTC.
    """
    revisions = queries.lock_stories(connection, [leave, keep])
    title = title_of(connection, keep) or title_of(connection, leave)
    revision = queries.raise_revision(connection, keep, "joined by another story", now)
    last = revisions[leave]
    desks = queries.desks_of(connection, story_queries.with_merged(connection, [leave, keep]))
    sides = {desk: _sides(connection, desk, (leave, keep)) for desk in desks}
    story_queries.mark_merged(connection, leave, keep)
    for desk, (left, kept) in sides.items():
        dropped = queries.drop_open(connection, desk, story_queries.with_merged(connection, [keep]))
        if waiting := _waiting(left, kept, dropped):
            queries.add_item(connection, desk, (keep, revision), *waiting, now)
        _store(connection, desk, keep, _known(left, kept))
        if left.carried and kept.carried and left.told:
            last = queries.raise_revision(connection, leave, "merged", now) if last == revisions[leave] else last
            words = f"told{_where(left.told)} as a story of its own; it is the same event as “{title}”"
            queries.add_item(connection, desk, (leave, last), "correction", words, now)


def carry_apart(connection: sa.Connection, story: int, new: int, now: datetime) -> None:
    """Let desks know of a story that was split off what they knew of it before, with a correction if it was mailed.

    Args:
        connection: a writing one.
        story: the story that it was part of.
        new: the one that now has some of its articles; it may have been a story before it was merged.
        now: aware UTC.
    """
    queries.lock_stories(connection, [story, new])
    title = title_of(connection, story)
    revision = queries.raise_revision(connection, new, "split off", now)
    queries.raise_revision(connection, story, "split", now)
    for desk in queries.desks_of(connection, story_queries.with_merged(connection, [story, new])):
        # A correction that still waits said the opposite: then nobody needs to hear of either.
        taken_back = queries.drop_open(connection, desk, [new], corrections=True)
        there = _side(connection, desk, story)
        if not there.carried:
            # What no digest has told is told anew, each story for itself, whatever the desk was weighed against before.
            fresh = [key for key in (story, new) if not _side(connection, desk, key).carried]
            queries.drop_open(connection, desk, fresh)
            for key in fresh:
                _store(connection, desk, key, Weighed(_UNWEIGHED, 0, {}, {}))
            continue
        _store(connection, desk, new, there.weighed)
        if not taken_back and there.told:
            words = f"told{_where(there.told)} together with “{title}”; it is a story of its own"
            queries.add_item(connection, desk, (new, revision), "correction", words, now)


def title_of(connection: sa.Connection, story: int) -> str:
    """The title of a story's first article, on one line; empty without articles."""
    articles = story_queries.articles_of(connection, [story])[story]
    line = " ".join(articles[0].title.split()) if articles else ""
    return line if len(line) <= _TITLE else line[: _TITLE - 1].rstrip() + "…"


def _sides(connection: sa.Connection, desk: str, stories: tuple[int, int]) -> tuple[_Side, _Side]:
    return _side(connection, desk, stories[0]), _side(connection, desk, stories[1])


def _side(connection: sa.Connection, desk: str, story: int) -> _Side:
    told = queries.told(connection, desk, [story]).get(story)
    known = queries.weighed_before(connection, desk, [story]).get(story)
    return _Side(told, known or Weighed(_UNWEIGHED, 0, {}, {}))


def _known(left: _Side, kept: _Side) -> Weighed:
    """What the desk knows of both. What only waited to be told goes on waiting, in the words of `_waiting`."""
    facts: Mapping[str, str] = {}
    for side in (kept, left):
        facts = merged(facts, side.weighed.facts) if side.told else facts
    reaches = [side.weighed.reach for side in (kept, left) if side.carried and side.weighed.reach]
    return Weighed(_UNWEIGHED, 0, facts, _both(*reaches) if len(reaches) == 2 else reaches[0] if reaches else {})


def _both(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """The reach of two stories that a desk was told of apart: that it adds up is no news."""
    both = together(one, other)
    return {**both, "outlets": one["outlets"] + other["outlets"], "reporting": max(1, len(both["origins"]))}


def _waiting(left: _Side, kept: _Side, dropped: list[Item]) -> tuple[str, str] | None:
    """(kind, words) of the item that says what the dropped ones would have said; None when nothing is left to say."""
    if not dropped:
        return None
    told = [side for side in (left, kept) if side.carried]
    if not told:
        return "new", ""
    changes = [item.change for item in dropped if item.kind == "update" and item.change]
    if len(told) == 1 and any(item.kind == "new" for item in dropped):
        other = kept if told[0] is left else left
        changes.append(news(told[0].weighed.facts, other.weighed.facts))
    words = "; ".join(dict.fromkeys(change for change in changes if change))
    return ("update", words) if words else None


def _store(connection: sa.Connection, desk: str, story: int, known: Weighed) -> None:
    """Have the desk weighed against the story anew, knowing what it knows."""
    queries.store_weighed(connection, desk, {story: Weighed(_UNWEIGHED, 0, known.facts, known.reach)})


def _where(told: Told) -> str:
    return f" in #{told.number}" if told.number else ""
