"""How widely a story is reported: its outlets, and how many of them report by themselves. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from alerts.origins.names import Names

STEPS = (2, 5, 10, 20, 50, 100, 200, 500, 1000)
"""Outlets at which a story is told again."""


class Placed(Protocol):
    """What is asked of an article of a story."""

    @property
    def source(self) -> str:
        """Id of its outlet."""

    @property
    def origin(self) -> str | None:
        """Key of its origin; None before it was assessed."""


@dataclass(frozen=True, slots=True)
class Share:
    """One origin of a story.

    Attributes:
        key: see `names`.
        party: the side it is on, if it is a party to the conflict.
        itself: an article of its own is in the story; else only others carry its text.
        carriers: other outlets that print its text or tell what it reported, in the order of their articles.
    """

    key: str
    party: str
    itself: bool
    carriers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reach:
    """Who carries a story.

    Attributes:
        outlets: how many sources have an article of it.
        origins: whose texts these are, in the order in which they came.
        unknown: sources with an article of which nobody can tell.
    """

    outlets: int
    origins: tuple[Share, ...]
    unknown: tuple[str, ...] = ()

    @property
    def independent(self) -> int:
        """Origins that are no party to the conflict."""
        return sum(not share.party for share in self.origins)


def reach_of(articles: Iterable[Placed], names: Names) -> Reach:
    """Count a story's outlets and origins.

    Args:
        articles: of the story, in any order that is kept.
        names: for parties, and to tell an origin's own articles from copies.
    """
    outlets: dict[str, None] = {}
    unknown: dict[str, None] = {}
    carriers: dict[str, dict[str, None]] = {}
    itself = set()
    for article in articles:
        outlets[article.source] = None
        key = article.origin or "unknown:"
        if key.startswith("unknown:"):
            unknown[article.source] = None
            continue
        others = carriers.setdefault(key, {})
        if names.is_own(key, article.source):
            itself.add(key)
        else:
            others[article.source] = None
    shares = [Share(key, names.party(key), key in itself, tuple(others)) for key, others in carriers.items()]
    return Reach(len(outlets), tuple(shares), tuple(unknown))


def step_of(outlets: int) -> int:
    """The highest step that a number of outlets has reached; 0 for a single outlet."""
    place = bisect_right(STEPS, outlets)
    return STEPS[place - 1] if place else 0


def told(reach: Reach, notices: Sequence[str] = ()) -> dict[str, Any]:
    """What a desk that is shown this story now knows of it: JSON values for `weighed.reach`."""
    return {
        "outlets": reach.outlets,
        "reporting": max(1, len(reach.origins)),
        # That an outlet whose text was awaited turns out to have words of its own is no news.
        "origins": [share.key for share in reach.origins] + [f"source:{source}" for source in reach.unknown],
        "notices": list(notices),
    }


def together(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What is known from both: a count that falls and rises again, or an origin that comes again, is no news."""
    return {
        **before,
        "outlets": max(before.get("outlets", 0), after["outlets"]),
        "reporting": max(before.get("reporting", 0), after["reporting"]),
        "origins": list(dict.fromkeys([*before.get("origins", ()), *after["origins"]])),
        "notices": list(dict.fromkeys([*before.get("notices", ()), *after["notices"]])),
    }


def news_of_reach(before: Mapping[str, Any], reach: Reach, names: Names) -> list[str]:
    """What is new about a story's reach for a desk that was told `before`, in words; empty when nothing is.

    Copies that only repeat bring a story back at a step and never between two.
    """
    if not before:
        return []
    known = set(before["origins"])
    more = max(0, len(reach.origins) - before["reporting"])
    # An origin that is only now known by its right name is no new one: no more are told than there are more.
    fresh = [share for share in reach.origins if share.key not in known][-more:] if more else []
    step = step_of(reach.outlets) > step_of(before["outlets"])
    words = []
    if step or fresh:
        words.append(f"now {outlets_words(reach)}")
    words.extend(_reports(share, names) for share in fresh)
    return words


def outlets_words(reach: Reach) -> str:
    """``5 outlets, 2 independent``; ``1 outlet`` for a single one."""
    if reach.outlets == 1:
        return "1 outlet"
    independent = f", {reach.independent or 'none'} independent" if reach.origins else ""
    return f"{reach.outlets:,} outlets{independent}"


def _reports(share: Share, names: Names) -> str:
    party = f" (party to the conflict: {share.party})" if share.party else ""
    name = names.shown(share.key) + party
    if share.itself or not share.carriers:
        return f"{name} reports it itself"
    return f"{names.shown(f'source:{share.carriers[0]}')} has it from {name}"
