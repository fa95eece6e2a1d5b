"""What a digest says of its own reach: sources read, failing and silent, gaps, what was left out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from alerts.digests.wording import clean, clock, count, listed, number
from alerts.ledger.digests import ChannelState, ReadCounts
from crawler.archive.ownspiders import is_spider
from crawler.polling import Health

if TYPE_CHECKING:
    from crawler.archive.gaps import GapRow
    from crawler.errors import Problem
    from crawler.sources import Source

OUTAGE_AFTER = timedelta(hours=3)
"""Every channel quiet for so long (or two of the shortest poll intervals, if that is longer): it is the collector."""
SPIDER_LATE = 2.5
"""Usual intervals of a desk's own spider after which it counts as not run."""
MOST_NAMED = 12
MOST_SPANS = 3
_BROKEN = {Health.FAILING, Health.DEAD, Health.BLOCKED, Health.GONE, Health.NOT_A_FEED, Health.LAYOUT_CHANGED}
_RULE_FOLDERS = {"rules", "lists"}


@dataclass(frozen=True, slots=True)
class Reach:
    """What is known of the collector when a digest is made.

    Attributes:
        sources: the configured ones.
        channels: states of all channels the archive knows.
        gaps: possible losses that were given up since the digest before.
        counts: articles read since then.
        problems: configuration errors that were skipped.
        since: when the digest before was made; where a first digest begins.
    """

    sources: Sequence[Source]
    channels: Sequence[ChannelState]
    gaps: Sequence[GapRow]
    counts: ReadCounts
    problems: Sequence[Problem]
    since: datetime


def cover(reach: Reach, zone: str, now: datetime) -> dict[str, Any]:
    """The snapshot's `coverage`: figures for the head, and rows ``{name, text}`` for the foot.

    Args:
        reach: what is known.
        zone: IANA zone in which times are named.
        now: aware UTC.
    """
    active = [source for source in reach.sources if not source.paused]
    states = _states_by_source(active, reach.channels)
    answered = [source for source in active if _answered(states[source.id], reach.since, now)]
    down_since = outage([state for state in _flat(states) if not is_spider(state.id)], now)
    skipped = skipped_rules(reach.problems)
    rows = [
        ("Articles", _articles(reach.counts)),
        ("Failing", _failing([s for s in active if s not in answered], states, zone, now)),
        ("Silent", _silent(answered, states, zone, now)),
        ("Gaps", _gaps(reach, zone, now)),
        ("Sources skipped because of errors", listed(_skipped(reach.problems, {"sources"}), MOST_NAMED)),
    ]
    return {
        "read": reach.counts.read,
        "sources": len(active),
        "sources_read": len(answered),
        "since": clock(reach.since, zone, now),
        "outage": None if down_since is None else {"since": clock(down_since, zone, now)},
        "skipped_rules": skipped,
        "rows": [{"name": name, "text": text} for name, text in rows if text],
    }


def outage(channels: Sequence[ChannelState], now: datetime) -> datetime | None:
    """Since when no channel at all was read, if that is too long; None while the collector works or has no work."""
    if not channels:
        return None
    successes = [state.last_success for state in channels if state.last_success is not None]
    last = max(successes) if successes else min(state.state_since for state in channels)
    usual = timedelta(seconds=min(state.interval_seconds for state in channels))
    return last if now - last > max(OUTAGE_AFTER, 2 * usual) else None


def skipped_rules(problems: Iterable[Problem]) -> list[str]:
    """Names of the rules (and ``list NAME``) whose files could not be read."""
    return _skipped(problems, _RULE_FOLDERS)


def _skipped(problems: Iterable[Problem], folders: Iterable[str]) -> list[str]:
    names = set()
    for problem in problems:
        path = PurePath(problem.file)
        if not problem.warning and path.parent.name in folders:
            names.add(clean(f"list {path.stem}" if path.parent.name == "lists" else path.stem, 80))
    return sorted(names)


def _states_by_source(
    sources: Sequence[Source], channels: Iterable[ChannelState]
) -> dict[str, list[tuple[Source, ChannelState]]]:
    owner = {channel.id: source for source in sources for channel in source.channels if not channel.paused}
    own = {source.id: source for source in sources if source.own_spider}
    states: dict[str, list[tuple[Source, ChannelState]]] = {source.id: [] for source in sources}
    for state in channels:
        source = owner.get(state.id) or (own.get(state.source) if is_spider(state.id) else None)
        if source is not None:
            states[source.id].append((source, state))
    return states


def _flat(states: Mapping[str, Sequence[tuple[Source, ChannelState]]]) -> Iterable[ChannelState]:
    return (state for pairs in states.values() for _, state in pairs)


def _answered(pairs: Sequence[tuple[Source, ChannelState]], since: datetime, now: datetime) -> bool:
    """A source was read if any of its channels was, since the digest before; an own spider, if it ran as usual."""
    return any(
        state.last_success is not None
        and state.last_success > (_usual_run(state, since, now) if is_spider(state.id) else since)
        and state.state not in _BROKEN
        for _, state in pairs
    )


def _usual_run(state: ChannelState, since: datetime, now: datetime) -> datetime:
    """When a spider should have run at the latest; nobody but its owner starts it, and that may be once a day."""
    return min(since, now - SPIDER_LATE * timedelta(seconds=state.interval_seconds))


def _articles(counts: ReadCounts) -> str:
    parts = [f"{number(counts.read)} read"]
    if counts.undated:
        parts.append(f", {number(counts.undated)} of them undated")
    if counts.backfill:
        parts.append(f"; {number(counts.backfill)} came with a source's first visit, too old or undated to be told")
    return "".join(parts)


def _failing(
    sources: Sequence[Source],
    states: Mapping[str, Sequence[tuple[Source, ChannelState]]],
    zone: str,
    now: datetime,
) -> str:
    return listed([_failure(source, states[source.id], zone, now) for source in sources], MOST_NAMED)


def _failure(source: Source, pairs: Sequence[tuple[Source, ChannelState]], zone: str, now: datetime) -> str:
    name = clean(source.name, 80)
    if not pairs:
        never = "its spider has not run yet" if source.own_spider else "no channel"
        return f"{name} (not asked yet)" if source.channels else f"{name} ({never})"
    state = max((state for _, state in pairs), key=lambda state: state.state_since)
    asked = "its spider did not run" if is_spider(state.id) else "not asked"
    reason = clean(state.reason, 100) or f"{asked} {'yet' if state.last_success is None else 'since'}"
    if state.last_success is None:
        return f"{name} ({reason})"
    return f"{name} ({reason}; last read {clock(state.last_success, zone, now)})"


def _silent(
    sources: Sequence[Source],
    states: Mapping[str, Sequence[tuple[Source, ChannelState]]],
    zone: str,
    now: datetime,
) -> str:
    """Sources that answer but have published nothing for long, by their own habit."""
    names = []
    for source in sources:
        pairs = states[source.id]
        if all(state.state == Health.SLOW for _, state in pairs):
            newest = max((state.last_new for _, state in pairs if state.last_new), default=None)
            since = f" (nothing new since {clock(newest, zone, now)})" if newest else " (nothing ever)"
            names.append(clean(source.name, 80) + since)
    return listed(names, MOST_NAMED)


def _gaps(reach: Reach, zone: str, now: datetime) -> str:
    names = {source.id: source.name for source in reach.sources}
    spans: dict[str, list[str]] = {}
    for gap in reach.gaps:
        if gap.source in names:
            span = f"{clock(gap.since, zone, now)} to {clock(gap.at, zone, now)}"
            spans.setdefault(names[gap.source], []).append(span)
    if not spans:
        return ""
    found = [f"{clean(name, 80)} ({listed(times, MOST_SPANS)})" for name, times in sorted(spans.items())]
    return f"articles may have been missed between two visits at {count(len(found), 'source')}: " + listed(
        found, MOST_NAMED
    )
