"""Which of all occurrences is shown to a person, and how it is cut out of the text.

The quote is a sentence. Of all sentences that hold a shortest occurrence of the query, the best is, in this order: the
one that shows most of the things that AND asks for; one of the body rather than the title, which a digest prints
anyway; one that holds the occurrence alone rather than with its neighbours; the one where the words stand closest
together; the first. An occurrence that crosses sentences is quoted with all of them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator

from alerts.rules.atoms import Plan, Words
from alerts.rules.page import Page, Paragraph, Span
from alerts.rules.plan import AllOf, AnyOf
from alerts.rules.values import Evidence, TextField

LONGEST_QUOTE = 1000
"""Characters; a text without full stops must not become one quote."""
_BEFORE = 200

_Rank = tuple[int, bool, int, int, int]
"""How good a window is, smaller is better: things shown, in the title, sentences, length, first word."""
_Clause = tuple[Plan, list[Span]]


def find_evidence(plan: Plan, page: Page) -> Evidence:
    """The evidence for a plan that holds on the page.

    A rule that only asks for a source or a label has nothing to point at: then it is the title, without terms.
    """
    best: _Rank | None = None
    equal: list[tuple[Span, list[_Clause]]] = []
    for clauses in clause_sets(plan, page):
        mine = False
        seen: set[Span] = set()
        for least, span in _promising(page, clauses):
            # No window of the rest can be better; an equal one of the same clauses would be this one again.
            if best is not None and (best[:4] < least or (mine and best[:4] == least and best[4] <= span[0])):
                break
            window = _window(page, span)
            if window in seen:
                continue
            seen.add(window)
            rank = _rank(page, window, clauses)
            if best is None or rank < best:
                best, equal, mine = rank, [(window, clauses)], True
            elif rank == best:
                equal.append((window, clauses))
    if not equal:
        return _whole_title(page)
    return _cut(page, equal[0][0], min(_words(page, window, clauses) for window, clauses in equal))


def _promising(page: Page, clauses: list[_Clause]) -> list[tuple[tuple[int, bool, int, int], Span]]:
    """Every span behind the best that the rank of its window can begin with; best first."""
    body = page.body_first
    if len(clauses) == 1:
        return sorted(((-1, span[0] < body, 1, span[1] - span[0]), span) for span in clauses[0][1])
    # A paragraph shows no more things than it holds.
    key = page.paragraph_key
    shown = Counter(paragraph for _, spans in clauses for paragraph in {key(span[0]) for span in spans})
    return sorted(
        ((-shown[key(span[0])], span[0] < body, 1, span[1] - span[0]), span) for _, spans in clauses for span in spans
    )


def clause_sets(plan: Plan, page: Page) -> Iterator[list[_Clause]]:
    """The ways in which the plan holds; each a list of things that AND asks for, with their shortest occurrences."""
    if isinstance(plan, AnyOf):
        parts = plan.parts(page)
        simple = [part for part in parts if not isinstance(part, AllOf)]
        for part in parts:
            if isinstance(part, AllOf):
                yield from clause_sets(part, page)
        if simple:
            either = _Either(simple) if len(simple) > 1 else simple[0]
            yield [(either, either.least(page))]
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
    return firsts[paragraph.sentence(span[0])], firsts[paragraph.sentence(span[1]) + 1] - 1


def _rank(page: Page, window: Span, clauses: list[_Clause]) -> _Rank:
    shown, length = 0, 0
    for _, spans in clauses:
        inside = _inside(spans, window)
        if inside:
            shown += 1
            length += min(end - start for start, end in inside)
    paragraph = page.paragraph(window[0])
    sentences = paragraph.sentence(window[1]) - paragraph.sentence(window[0]) + 1
    return -shown, paragraph.title, sentences, length, window[0]


def _words(page: Page, window: Span, clauses: list[_Clause]) -> Words:
    """The words of everything that the window shows."""
    return tuple(
        sorted({one for plan, spans in clauses for span in _inside(spans, window) for one in plan.words(page, span)})
    )


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
    return paragraph.offset + paragraph.place(span[0])[0], paragraph.offset + paragraph.place(span[1])[1]


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
