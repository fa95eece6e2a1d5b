"""Which of all occurrences is shown to a person, and how it is cut out of the text.

The quote is a sentence. Of all sentences that hold a shortest occurrence of the query, the best is, in this order: the
one that shows most of the things that AND asks for; one of the body rather than the title, which a digest prints
anyway; one that holds the occurrence alone rather than with its neighbours; the one where the words stand closest
together; the first. An occurrence that crosses sentences is quoted with all of them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from alerts.rules.atoms import Plan, Words
from alerts.rules.page import Page, Paragraph, Span
from alerts.rules.plan import AllOf, AnyOf
from alerts.rules.values import Evidence, TextField

LONGEST_QUOTE = 1000
"""Characters; a text without full stops must not become one quote."""
_BEFORE = 200

_Key = tuple[int, bool, int, int, int, Words]
_Clause = tuple[Plan, list[Span]]


def find_evidence(plan: Plan, page: Page) -> Evidence:
    """The evidence for a plan that holds on the page.

    A rule that only asks for a source or a label has nothing to point at: then it is the title, without terms.
    """
    best: tuple[_Key, Span] | None = None
    for clauses in clause_sets(plan, page):
        for window in dict.fromkeys(_window(page, span) for _, spans in clauses for span in spans):
            key = _key(page, window, clauses)
            if best is None or key < best[0]:
                best = key, window
    if best is None:
        return _whole_title(page)
    return _cut(page, best[1], best[0][-1])


def clause_sets(plan: Plan, page: Page) -> Iterator[list[_Clause]]:
    """The ways in which the plan holds; each a list of things that AND asks for, with their shortest occurrences."""
    if isinstance(plan, AnyOf):
        joined = [part for part in plan.parts(page) if isinstance(part, AllOf)]
        for part in joined:
            yield from clause_sets(part, page)
        if len(joined) < len(plan.parts(page)):
            simple = [part for part in plan.parts(page) if not isinstance(part, AllOf)]
            yield [(part, part.least(page)) for part in [_Either(simple)]]
    elif isinstance(plan, AllOf):
        if plan.test(page):
            yield [(item, item.least(page)) for item in plan.items if item.placed]
    elif plan.placed:
        yield [(plan, plan.least(page))]


class _Either(AnyOf):
    """The alternatives of an OR that are no AND themselves."""

    def __init__(self, parts: list[Plan]) -> None:
        super().__init__(-1, {}, tuple(parts))

    def spans(self, page: Page) -> list[Span]:
        return self._spans(page)

    def least(self, page: Page) -> list[Span]:
        return self._least(page)


def _window(page: Page, span: Span) -> Span:
    """First and last word of the sentences that the span touches."""
    paragraph = page.paragraph(span[0]).look_closer()
    firsts = paragraph.sentence_firsts
    first, last = paragraph.sentence(span[0]), paragraph.sentence(span[1])
    behind = firsts[last + 1] if last + 1 < len(firsts) else paragraph.first + len(paragraph.words)
    return firsts[first], behind - 1


def _key(page: Page, window: Span, clauses: list[_Clause]) -> _Key:
    """How good a window is (smaller is better), with its words at the end."""
    shown, length = 0, 0
    words: set[Span] = set()
    for plan, spans in clauses:
        inside = _inside(spans, window)
        if inside:
            shown += 1
            length += min(end - start for start, end in inside)
            for span in inside:
                words.update(plan.words(page, span))
    paragraph = page.paragraph(window[0])
    sentences = paragraph.sentence(window[1]) - paragraph.sentence(window[0]) + 1
    return -shown, paragraph.title, sentences, length, window[0], tuple(sorted(words))


def _inside(spans: list[Span], window: Span) -> list[Span]:
    """Of shortest spans, whose starts and ends both grow, those in the window."""
    found: list[Span] = []
    for at in range(bisect_left(spans, (window[0], 0)), len(spans)):
        if spans[at][1] > window[1]:
            break
        found.append(spans[at])
    return found


def _whole_title(page: Page) -> Evidence:
    title, body = page.text.title, page.text.body
    if title.strip() or not body.strip():
        return Evidence("title", 0, len(title), title, 0, ())
    end = page.lead_end() or len(body)
    return Evidence("lead", 0, end, body[:end][:LONGEST_QUOTE], 0, ())


def _cut(page: Page, window: Span, words: Words) -> Evidence:
    paragraph = page.paragraph(window[0])
    field_text = page.text.title if paragraph.title else page.text.body
    start, end = _sentences(paragraph, window)
    terms = _merged([_offsets(paragraph, span) for span in words])
    if end - start > LONGEST_QUOTE:
        start, end = _shorter(field_text, start, end, terms)
        terms = [term for term in terms if term[1] <= end]
    sentence = field_text[start:end]
    start += len(sentence) - len(sentence.lstrip())
    sentence = sentence.strip()
    last = terms[-1][1]
    field: TextField = "title" if paragraph.title else "lead" if last <= page.lead_end() else "body"
    return Evidence(field, terms[0][0], last, sentence, start, tuple(terms))


def _sentences(paragraph: Paragraph, window: Span) -> Span:
    """Offsets in the field of the sentences from the window's first to its last word."""
    first, last = paragraph.sentence(window[0]), paragraph.sentence(window[1])
    start = paragraph.sentence_ends[first - 1] if first else 0
    return paragraph.offset + start, paragraph.offset + paragraph.sentence_ends[last]


def _offsets(paragraph: Paragraph, span: Span) -> Span:
    start = paragraph.words[span[0] - paragraph.first][0]
    end = paragraph.words[span[1] - paragraph.first][1]
    return paragraph.offset + start, paragraph.offset + end


def _merged(spans: list[Span]) -> list[Span]:
    """Sorted, and one where they overlap (a compound and one of its parts)."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _shorter(text: str, start: int, end: int, terms: list[Span]) -> Span:
    """A piece of an endless sentence around the first term, cut between words where it can be."""
    first = terms[0]
    if first[0] - start > _BEFORE:
        start = first[0] - _BEFORE
        space = text.find(" ", start, first[0])
        start = space + 1 if space >= 0 else start
    end = min(end, max(start + LONGEST_QUOTE, first[1]))
    space = text.rfind(" ", first[1], end)
    return start, space if space >= 0 and end < len(text) else end
