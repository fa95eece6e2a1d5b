"""The article's own paragraphs out of a page's tree. Pure.

The extractor takes one container of a page for the article and leaves what stands in a second one like it: pages cut
the text for advertisements into several. Paragraphs of the same make as the accepted ones are put back.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import lxml.html

from crawler.parse.text import clean, one_line

_WORDS = re.compile(r"\w+")
_LIST_MARKS = "-–•* "
_SHORTEST = 50
"""Characters. Shorter paragraphs of the same make are captions, bylines and buttons more often than text."""
_LINKED = 0.5
"""Share of a paragraph's letters in links from which on it only points elsewhere."""
_WITNESSES = 2
"""So many paragraphs of a make must have been accepted before others of it are."""
_MOST = 5000
_NEARBY = 200
"""Lines in which the next paragraph is looked for: both go the same way, and a long page must not cost its square."""
_PART_OF_LINE = 30
_MUCH_LONGER = 1.5
_SAME_STORY = 0.8
_GRAM = 4


@dataclass(frozen=True, slots=True)
class _Paragraph:
    text: str
    folded: str
    make: tuple[tuple[str, str], ...]
    article: int
    linked: float


def article_text(tree: lxml.html.HtmlElement, url: str, headings: Sequence[str]) -> str:
    """The article's paragraphs, one a line, without its headline; empty when there are none.

    Args:
        tree: the page; it is not changed.
        url: of the page.
        headings: the page's first-level headings; the headline is the title, as first paragraph it would be the lead.
    """
    import trafilatura  # 270 ms; only workers pay for it

    found = trafilatura.extract(tree, url=url or None, fast=True, include_comments=False, include_tables=True)
    lines = [text for line in clean(found or "").split("\n") if (text := one_line(line))]
    titles = {heading.casefold() for heading in headings}
    while len(lines) > 1 and lines[0].casefold() in titles:
        del lines[0]
    return "\n".join(completed(lines, tree))


def completed(lines: Sequence[str], tree: lxml.html.HtmlElement) -> list[str]:
    """The lines of an extracted text with the paragraphs that were left although others of their make were taken.

    Args:
        lines: what was extracted.
        tree: the page.

    Returns:
        The lines in their order; each paragraph added stands behind the one that precedes it in the page.
    """
    folded = [_folded(line.lstrip(_LIST_MARKS)) for line in lines]
    have = set(folded)
    whole = "".join(folded)  # without a mark between them, for a paragraph's line breaks make lines too
    paragraphs = list(_paragraphs(tree))
    taken = [one.folded in have or (len(one.folded) > _PART_OF_LINE and one.folded in whole) for one in paragraphs]
    wanted = _of_accepted_makes(paragraphs, taken)
    if not wanted:
        return list(lines)
    result, marks, last = list(lines), folded, -1
    for index, one in enumerate(paragraphs):
        if taken[index]:
            nearby = range(max(0, last), min(len(marks), last + _NEARBY))
            last = next((n for n in nearby if one.folded == marks[n] or _within(one.folded, marks[n])), last)
        elif index in wanted and one.folded not in have:
            last += 1
            have.add(one.folded)
            result.insert(last, one.text)
            marks.insert(last, one.folded)
    return result


def tells_more(text: str, other: str) -> bool:
    """Whether another text is the same one and better: with much more of it, or with the paragraphs told apart."""
    if other.count("\n") > text.count("\n") and _folded(other) == _folded(text):
        return True  # the extractor takes the page's structured data itself where it finds nothing else, as one line
    mine, its = _grams(text), _grams(other)
    if its.total() < _MUCH_LONGER * mine.total():
        return False
    return (mine & its).total() >= _SAME_STORY * mine.total()


def _of_accepted_makes(paragraphs: Sequence[_Paragraph], taken: Sequence[bool]) -> set[int]:
    makes: dict[object, list[int]] = defaultdict(list)
    for index, one in enumerate(paragraphs):
        makes[one.make, one.article].append(index)
    wanted: set[int] = set()
    for indexes in makes.values():
        if sum(taken[index] for index in indexes) >= _WITNESSES:
            wanted.update(index for index in indexes if not taken[index] and _is_text(paragraphs[index]))
    return wanted


def _is_text(paragraph: _Paragraph) -> bool:
    return len(paragraph.text) >= _SHORTEST and paragraph.linked <= _LINKED


def _paragraphs(tree: lxml.html.HtmlElement) -> Iterator[_Paragraph]:
    for _, element in zip(range(_MOST), tree.iter("p"), strict=False):
        text = one_line(element.text_content())
        folded = _folded(text)
        if not folded:
            continue
        path = [element, *element.iterancestors()]
        article = next((one for one in path if one.tag == "article"), None)
        yield _Paragraph(
            text=text,
            folded=folded,
            make=tuple((str(one.tag), " ".join(sorted((one.get("class") or "").split()))) for one in path),
            # Of several articles on a page only the one that was taken is completed.
            article=id(article),
            linked=sum(len(one_line(link.text_content())) for link in element.iter("a")) / max(1, len(text)),
        )


def _within(folded: str, mark: str) -> bool:
    return len(folded) > _PART_OF_LINE and folded in mark


def _folded(text: str) -> str:
    return "".join(_WORDS.findall(text.casefold()))


def _grams(text: str) -> Counter[tuple[str, ...]]:
    words = _WORDS.findall(text.casefold())
    return Counter(tuple(words[start : start + _GRAM]) for start in range(max(0, len(words) - _GRAM + 1)))
