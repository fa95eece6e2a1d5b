"""Grouping a file of articles: the decisions of the archive, without one. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from alerts.lines import ImportedArticle
from alerts.stories.memory import MemoryIndex
from alerts.stories.placing import place
from alerts.stories.words import Subject, Text, read

REMEMBERED = 2_000
"""So many texts are kept read; others are read again when something is compared with them."""
_LAST = datetime.max.replace(tzinfo=UTC)

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Grouped:
    """Where one article of a file went.

    Attributes:
        article: the line.
        story: id of the article that founded its story.
        copies: id of the article that first had its text.
        relation, reason, score: as in `Placement`; the reason names ids of the file.
    """

    article: ImportedArticle
    story: str
    copies: str
    relation: str
    reason: str
    score: float | None


def group_file(articles: Sequence[ImportedArticle], progress: Progress | None = None) -> list[Grouped]:
    """Group articles in the order of their times, whatever the order of the file; those without a time come last.

    Args:
        articles: lines of a file.
        progress: called with (done, total, what), or None.

    Returns:
        One answer an article, in the order given.
    """
    order = sorted(range(len(articles)), key=lambda place_: _sort_key(articles[place_]))
    ordered = [articles[place_] for place_ in order]

    @lru_cache(maxsize=REMEMBERED)
    def text(article: int) -> Text:
        return read(ordered[article].title, ordered[article].text)

    index = MemoryIndex(text)
    placements, stories = [], []
    for number, line in enumerate(ordered):
        subject = Subject(number, line.source, line.title, line.text, line.language, line.published)
        placement = place(subject, text(number), index)
        story = number if placement.story is None else placement.story
        index.add(subject, text(number), placement, story)
        for other in placement.unites:
            _unite(index, story, other)
        placements.append(placement)
        stories.append(story)
        if progress is not None and number % 100 == 99:
            progress(number + 1, len(ordered), "articles grouped")
    if progress is not None:
        progress(len(ordered), len(ordered), "articles grouped")
    found: dict[int, Grouped] = {}
    for number, (line, placement) in enumerate(zip(ordered, placements, strict=True)):
        matched = "" if placement.matched is None else ordered[placement.matched].id
        found[order[number]] = Grouped(
            line,
            ordered[index.story(stories[number])].id,
            ordered[placement.copies].id,
            placement.relation,
            placement.reason_with(matched),
            placement.score,
        )
    return [found[place_] for place_ in range(len(articles))]


def _unite(index: MemoryIndex, one: int, other: int) -> None:
    # The older story stays: its number is the one of its first article.
    keep, leave = sorted((index.story(one), index.story(other)))
    if keep != leave:
        index.unite(keep, leave)


def _sort_key(line: ImportedArticle) -> tuple[datetime, str, str]:
    return line.published or _LAST, line.id, line.title
