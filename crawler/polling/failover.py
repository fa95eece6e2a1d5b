"""Which of a source's channels are asked: feeds first; sitemaps, then sections stand by until one fails. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from crawler.polling.values import Health

ORDER = ("feed", "sitemap", "section")

_WORKING = {Health.NEW, Health.OK, Health.GAP, Health.MOVED}


@dataclass(frozen=True, slots=True)
class Way:
    """One channel of a source, as far as fail-over goes.

    Attributes:
        id: of the channel.
        kind: feed, sitemap or section.
        health: its last one.
    """

    id: str
    kind: str
    health: Health


def works(health: Health) -> bool:
    """Whether a channel in this state can be relied on; one that is only slow may have been abandoned."""
    return health in _WORKING


def standing_by(ways: Iterable[Way]) -> dict[str, bool]:
    """Whether each channel of one source stands by.

    A kind is asked when it is the first that the source has, or when a channel of the kind before, itself asked, does
    not work. Paused channels count for nothing and are not in the result.
    """
    present = [way for way in ways if way.health is not Health.PAUSED]
    result: dict[str, bool] = {}
    asked = True
    for kind in ORDER:
        level = [way for way in present if way.kind == kind]
        if not level:
            continue
        result.update({way.id: not asked for way in level})
        asked = asked and any(not works(way.health) for way in level)
    return result
