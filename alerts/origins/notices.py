"""What an outlet says of its own mistakes, and what a changed article changed. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from alerts.origins.names import data
from crawler.articles import fold, lead_end

MOST_SHOWN = 220
_SENTENCE_END = re.compile(r"[.!?…؟](?=\s|$)")
_FIGURE = re.compile(r"(?<![\w.,])\d{1,3}(?:[ ,.\u00a0\u202f]\d{3})+(?!\d)|(?<![\w.,])\d+(?![\w%]|[.,]\d)")
_YEARS = range(1900, 2101)


@dataclass(frozen=True, slots=True)
class Notice:
    """That a report was corrected or withdrawn. `kind` is correction or retraction; `words` are the outlet's."""

    kind: str
    words: str


def find_notices(title: str, body: str) -> tuple[Notice, ...]:
    """The notices of an article, retractions first, one of each kind: the clearest words are in the text."""
    found: dict[str, Notice] = {}
    for notice in (*_in_body(body), *_in_title(title)):
        found.setdefault(notice.kind, notice)
    return tuple(sorted(found.values(), key=lambda notice: notice.kind, reverse=True))


def _in_title(title: str) -> Iterator[Notice]:
    bare = title.lstrip(" \t*([«\"'")
    for kind, where, expression in _patterns():
        if where == "title" and expression.match(bare):
            yield Notice(kind, _line(title))


def _in_body(body: str) -> Iterator[Notice]:
    starts = [0, *(match.end() for match in re.finditer(r"\n\s*", body))]
    for kind, where, expression in _patterns():
        if where == "start":
            hits = [at for at in starts if expression.match(body, _opened(body, at))]
        elif where == "text":
            hits = [match.start() for match in expression.finditer(body)]
        else:
            continue
        yield from (Notice(kind, _sentence(body, at)) for at in hits[:1])


def _opened(body: str, at: int) -> int:
    while at < len(body) and body[at] in ' \t*_([«"':
        at += 1
    return at


def _sentence(body: str, at: int) -> str:
    """The sentence around an offset; a heading such as "Correction:" is followed by what it announces."""
    paragraph = body.rfind("\n", 0, at) + 1
    ends = [match.end() for match in _SENTENCE_END.finditer(body, paragraph, at)]
    start = ends[-1] if ends else paragraph
    stop = body.find("\n", at)
    stop = len(body) if stop < 0 else stop
    end = _SENTENCE_END.search(body, at, stop)
    return _line(body[start : end.end() if end else stop])


def _line(text: str) -> str:
    line = " ".join(text.split()).strip("()[] ")
    return line if len(line) <= MOST_SHOWN else line[: MOST_SHOWN - 1].rstrip() + "…"


def figures(title: str, body: str) -> tuple[int, ...]:
    """The numbers of title and lead in ascending order, without years: what changes when a toll does."""
    text = f"{title}\n{body[: lead_end(body)]}"
    numbers = {int(re.sub(r"\D", "", match[0])) for match in _FIGURE.finditer(text)}
    return tuple(sorted(number for number in numbers if number not in _YEARS))


def changed(before: tuple[str, tuple[int, ...]], after: tuple[str, tuple[int, ...]]) -> str:
    """What a new version of an article says otherwise, in words; empty when it says the same.

    Args:
        before: title and figures of the version known so far.
        after: those of the new one.
    """
    words = []
    if fold(before[0]) != fold(after[0]) and before[0]:
        words.append(f"headline was “{_line(before[0])}”")
    gone, come = sorted({*before[1]} - {*after[1]}), sorted({*after[1]} - {*before[1]})
    if gone and come:
        words.append(f"figures were {_listed(gone)}, now {_listed(come)}")
    return "; ".join(words)


def _listed(numbers: list[int]) -> str:
    return ", ".join(f"{number:,}" for number in numbers[:4]) + (" …" if len(numbers) > 4 else "")


@cache
def _patterns() -> tuple[tuple[str, str, re.Pattern[str]], ...]:
    rows = data("notices.yaml")
    return tuple((row["kind"], row["where"], re.compile(row["pattern"], re.IGNORECASE)) for row in rows)
