"""Arithmetic of spans: pairs near each other, shortest stretches, what covers what. Pure functions over sorted lists.

A span is (first word, last word). All lists are sorted and without doubles.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence

from alerts.rules.page import Span

UNLIMITED = 1 << 60
_FEW = 12
"""So many pairs are compared sooner than searched."""


def any_near(left: Sequence[Span], right: Sequence[Span], distance: int, *, ordered: bool) -> bool:
    """Whether a span of each side stand apart by at most `distance` words; overlapping ones do not count."""
    if len(left) * len(right) <= _FEW:
        for start, end in left:
            for begin, last in right:
                if 0 < begin - end <= distance + 1 or (0 < start - last <= distance + 1 and not ordered):
                    return True
        return False
    return _any_after(left, right, distance) or (not ordered and _any_after(right, left, distance))


def _any_after(left: Sequence[Span], right: Sequence[Span], distance: int) -> bool:
    starts = [span[0] for span in right]
    size = len(starts)
    for _, end in left:
        at = bisect_left(starts, end + 1)
        if at < size and starts[at] - end - 1 <= distance:
            return True
    return False


def near_pairs(
    left: Sequence[Span], right: Sequence[Span], distance: int, *, ordered: bool, overlap: bool
) -> list[tuple[Span, Span]]:
    """Every pair of a left and a right span with at most `distance` words between them.

    With `ordered` the left one ends before the right one begins. With `overlap` (never with `ordered`) pairs that
    overlap count too, unless they share a first or last word.
    """
    pairs = _pairs_after(left, right, distance)
    if not ordered:
        pairs += [(one, other) for other, one in _pairs_after(right, left, distance)]
        if overlap:
            pairs += _overlapping(left, right)
    return pairs


def _pairs_after(left: Sequence[Span], right: Sequence[Span], distance: int) -> list[tuple[Span, Span]]:
    starts = [span[0] for span in right]
    pairs: list[tuple[Span, Span]] = []
    for one in left:
        at = bisect_left(starts, one[1] + 1)
        limit = one[1] + 1 + distance
        while at < len(starts) and starts[at] <= limit:
            pairs.append((one, right[at]))
            at += 1
    return pairs


def _overlapping(left: Sequence[Span], right: Sequence[Span]) -> list[tuple[Span, Span]]:
    """Pairs that overlap, but with four different ends: a word inside a NEAR group, not a word that is its own pair."""
    starts = [span[0] for span in right]
    longest = max((end - start for start, end in right), default=0)
    pairs: list[tuple[Span, Span]] = []
    for one in left:
        at = bisect_left(starts, one[0] - longest)
        while at < len(starts) and starts[at] <= one[1]:
            other = right[at]
            if other[1] >= one[0] and not {one[0], one[1]} & {other[0], other[1]}:
                pairs.append((one, other))
            at += 1
    return pairs


def closest(
    left: Sequence[Span],
    right: Sequence[Span],
    distance: int,
    *,
    ordered: bool = False,
    overlap: bool = False,
    key: Callable[[int], int] | None = None,
) -> list[Span]:
    """The shortest stretches that hold a left and a right span near each other; linear in the spans unless nested.

    `key` tells what their first and last word must share, such as their sentence. See `near_pairs` for the rest.
    """
    found = _closest_after(left, right, distance, key)
    if not ordered:
        found += _closest_after(right, left, distance, key)
        if overlap:
            found += [cover(one, other) for one, other in _overlapping(left, right)]
    return shortest(found)


def _closest_after(
    left: Sequence[Span], right: Sequence[Span], distance: int, key: Callable[[int], int] | None
) -> list[Span]:
    starts = [span[0] for span in right]
    found: list[Span] = []
    for start, end in left:
        at = bisect_left(starts, end + 1)
        best = UNLIMITED
        while at < len(starts) and starts[at] <= min(end + 1 + distance, best):
            best = min(best, right[at][1])
            at += 1
        if best < UNLIMITED and (key is None or key(start) == key(best)):
            found.append((start, best))
    return found


def cover(one: Span, other: Span) -> Span:
    """The span from the first to the last word of both."""
    return min(one[0], other[0]), max(one[1], other[1])


def shortest(spans: Sequence[Span]) -> list[Span]:
    """The spans that hold no other one, sorted; both their starts and their ends grow."""
    found: list[Span] = []
    best = UNLIMITED
    for start, end in sorted(set(spans), key=lambda span: (-span[0], span[1])):
        if end < best:
            found.append((start, end))
            best = end
    found.reverse()
    return found


def uncovered(spans: Sequence[Span], covers: Sequence[Span]) -> list[Span]:
    """The spans that lie inside no cover."""
    left: list[Span] = []
    at, reach = 0, -1
    for start, end in spans:
        while at < len(covers) and covers[at][0] <= start:
            reach = max(reach, covers[at][1])
            at += 1
        if end > reach:
            left.append((start, end))
    return left


def separate(spans: Sequence[Span]) -> int:
    """How many of shortest spans (see `shortest`), whose ends grow, can be chosen that do not overlap."""
    count, last = 0, -1
    for start, end in spans:
        if start > last:
            count += 1
            last = end
    return count
