"""Copies: which texts are the same text, identical, shortened, embedded, retitled or lightly edited. Pure.

Two steps. A sample of a text's runs of eight words finds the few texts that may be the same (`runs`); then the words
themselves decide (`same_text`): how much of the shorter text stands in the longer one, in pieces of three words.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from zlib import crc32

from alerts.stories.words import Text, content, headline_names, likeness, number_of, stem

RUN = 8
"""Words of a run. Shorter ones are shared by chance, longer ones do not survive an edit."""
FULL = 64
"""Texts of so many runs are sampled whole; each doubling halves the share kept, down to one in `SPARSEST`."""
SPARSEST = 8
DULL = 8
"""A run that so many texts have, none a copy of another, belongs to pages, not to articles."""
PIECE = 3
SHARE = 0.7
"""So much of the shorter text must stand in the longer one."""
SHORT = 32
"""Common words below which a text alone does not tell what it is a text of: titles must agree, or be told by it."""
FEW = 20
"""Fewer common words may be a standing line under any title."""
QUARTER = 0.25
"""Texts that are a smaller part of another must be its beginning: a page of briefs is no copy of each of them."""
ALIKE = 0.8


@dataclass(frozen=True, slots=True)
class SameText:
    """That two texts are one.

    Attributes:
        share: of the shorter text that stands in the longer one.
        words: that both have.
        shorter, longer: their lengths in words.
    """

    share: float
    words: int
    shorter: int
    longer: int

    @property
    def reason(self) -> str:
        """In words, why one article is a copy of the other; {} stands for the other one."""
        if self.share > 0.97 and self.shorter > 0.95 * self.longer:
            return "same text as article {}"
        if self.shorter > 0.8 * self.longer:
            return f"same text as article {{}} but for {100 - round(100 * self.share)} % of the words"
        size = round(100 * self.shorter / self.longer)
        return f"{round(100 * self.share)} % of the shorter text is in both it and article {{}}, {size} % as long"


def runs(words: Sequence[str]) -> frozenset[int]:
    """The sample of a text's runs: the same runs of two texts are in both samples or in neither, but for the lengths.

    Whether a run is kept depends on its own first two words, so that an excerpt's sample is part of the whole text's
    as far as both keep the same share; shorter texts keep more.
    """
    if len(words) < RUN:
        return frozenset([_number(words)] if words else [])
    coded = " ".join(words).encode("utf-8", "replace").split(b" ")
    rate = 1
    while rate < SPARSEST and len(words) - RUN + 1 > FULL * rate:
        rate *= 2
    starts = pairwise(map(crc32, coded[: 2 - RUN]))
    kept = [place for place, (a, b) in enumerate(starts) if not (a + b) % rate]
    return frozenset(number_of(b" ".join(coded[place : place + RUN])) for place in kept)


def common(one: Sequence[str], other: Sequence[str]) -> bytearray:
    """For each word of `one` whether it stands in a piece of `PIECE` words that `other` has too."""
    pieces = set(zip(*(other[offset:] for offset in range(PIECE)), strict=False))
    marked = bytearray(len(one))
    for place, piece in enumerate(zip(*(one[offset:] for offset in range(PIECE)), strict=False)):
        if piece in pieces:
            marked[place : place + PIECE] = b"\1" * PIECE
    return marked


def same_text(
    one: Text, other: Text, *, one_outlet: bool, far: bool = False, dull: Collection[int] = ()
) -> SameText | None:
    """Whether two articles are copies of one text.

    Args:
        one: an article.
        other: another one.
        one_outlet: both are known to come from the same source, whose pages have parts in common.
        far: they came out more than two days apart, when a form is filled in anew.
        dull: runs that are in many texts; the words in them say nothing.
    """
    if series_differ(one, other):
        return None
    shorter, longer = sorted((one, other), key=lambda text: len(text.words))
    marked = common(shorter.words, longer.words)
    counted = _without(shorter.words, marked, dull) if dull else marked
    words = sum(counted)
    if words < min(RUN, len(counted)) or words < SHARE * len(counted) or not words:
        return None
    found = SameText(words / len(counted), words, len(shorter.words), len(longer.words))
    if not _of_one_size(found, shorter, longer, marked) or _one_form(one, other, far=far):
        return None
    if likeness(one.title, other.title) >= ALIKE:
        return found
    if not (one.has_body and other.has_body):
        return found if found.share > 0.95 and found.shorter > 0.9 * found.longer and words >= 4 else None
    if words >= SHORT and not one_outlet:
        return found
    shared = content(word for word, mark in zip(shorter.words, marked, strict=True) if mark)
    return found if all(_told(*pair, shared, few=words < FEW) for pair in ((one, other), (other, one))) else None


def series_differ(one: Text, other: Text) -> bool:
    """Whether both say which part of a series they are, or which dates they report on, and both say something else."""
    return any(
        one.marks[kind] - other.marks[kind] and other.marks[kind] - one.marks[kind]
        for kind in one.marks.keys() & other.marks.keys()
    )


def _of_one_size(found: SameText, shorter: Text, longer: Text, marked: bytearray) -> bool:
    if found.shorter >= QUARTER * found.longer:
        return True
    # The beginning of the longer text must hold it: twice its own length, for headings and bylines.
    start = longer.words[: 2 * found.shorter + SHORT]
    return sum(common(shorter.words, start)) >= 0.75 * sum(marked)


def _one_form(one: Text, other: Text, *, far: bool) -> bool:
    """Whether texts that are equal in their other words give other names, numbers or days: a form filled in twice."""
    if one.title and other.title and _own_names(one, other) and _own_names(other, one):
        return True
    mine, theirs = one.numbers - other.numbers, other.numbers - one.numbers
    numbers = min(len(mine), len(theirs))
    if numbers >= 2 and len(one.numbers & other.numbers) < numbers:
        return True
    tolls = bool(one.tolls and other.tolls and not one.tolls & other.tolls)
    days = bool(one.days and other.days and not one.days & other.days)
    return tolls + days + far >= 2


def _own_names(text: Text, other: Text) -> set[str]:
    """Names in the headline that the article's own text has and the other article does not have at all."""
    names = headline_names(text)
    if not names:
        return names
    return (names & set(map(stem, text.words))) - set(map(stem, (*other.words, *other.title)))


def _told(text: Text, other: Text, shared: Collection[str], *, few: bool) -> bool:
    """Whether what both have in common tells something of what the title says; a few words, what only this one says.

    A text without a title, or with one that says nothing, must begin with what they have in common.
    """
    title = content(text.title)
    if not title or not text.has_body:
        return sum(common(text.words[:RUN], other.words)) > RUN / 2
    own = title - content(other.title) if few else title
    return 5 * len(own.intersection(shared)) >= len(own)


def _without(words: Sequence[str], marked: bytearray, dull: Collection[int]) -> bytearray:
    """The marks of the words that stand in no dull run."""
    left = bytearray(b"\1" * len(words))
    for place in range(max(1, len(words) - RUN + 1)):
        if _number(words[place : place + RUN]) in dull:
            left[place : place + RUN] = bytes(len(words[place : place + RUN]))
    return bytearray(mark for mark, keep in zip(marked, left, strict=True) if keep)


def _number(run: Sequence[str]) -> int:
    return number_of(" ".join(run).encode("utf-8", "replace"))
