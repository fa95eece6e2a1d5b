"""Queries evaluated in Python over the places of their words, whoever found those: one closure per part of a query.

Written as a good programmer would who has a scanner and wants exact answers: a rule is looked at only when its rarest
required words occur (rarity learned from texts), lists are answered once per text, sentences and the lead are worked
out only when a rule asks. It answers yes or no and keeps no evidence.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from alerts.rules import Text
from alerts.rules.lead import lead_end
from alerts.rules.nodes import And, AtLeast, Field, ListRef, Near, Node, Not, Or, Phrase, Scope, Word
from alerts.rules.sentences import sentence_ends
from benchmarks.rules_peers.peer import GAP, Line, Task, count_words

Span = tuple[int, int]
Finds = Callable[["Seen"], Sequence[Span]]
Holds = Callable[["Seen"], bool]
Clause = tuple[float, frozenset[int]] | None
_FAR = 1 << 40


class Seen:
    """One text: where each literal occurs."""

    __slots__ = ("_bounds", "_sentences", "at", "firsts", "memory", "text")

    def __init__(self, text: Text, line: Line, at: dict[int, list[Span]]) -> None:
        self.text = text
        self.at = at
        self.memory: dict[int, Any] = {}
        self.firsts = [line.text.count(" ", 0, start) + GAP * index for index, start in enumerate(line.starts)]
        self._bounds: dict[str, Span] = {}
        self._sentences: dict[int, list[int]] = {}

    def bounds(self, field: str) -> Span:
        known = self._bounds.get(field)
        if known is None:
            body = self.firsts[1] if len(self.firsts) > 1 else _FAR
            known = (0, body - 1) if field == "title" else (body, _FAR)
            if field == "lead":
                known = body, body + count_words(self.text.body[: lead_end(self.text.body)]) - 1
            self._bounds[field] = known
        return known

    def unit(self, word: int, kind: str) -> int:
        """The first word of the sentence or paragraph in which the word stands."""
        paragraph = bisect_right(self.firsts, word) - 1
        if kind == "paragraph" or not paragraph:
            return self.firsts[paragraph]
        starts = self._sentences.get(paragraph)
        if starts is None:
            text = [piece for piece in self.text.body.split("\n") if piece][paragraph - 1]
            first, begin, starts = self.firsts[paragraph], 0, []
            for end in sentence_ends(text):
                starts.append(first)
                first += count_words(text[begin:end])
                begin = end
            self._sentences[paragraph] = starts
        return starts[bisect_right(starts, word) - 1]


class Compiler:
    """Turns queries into closures; `literals` are the words it needs found, `attack*` for a prefix."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self.literals: dict[str, int] = {}
        self._numbers: dict[str, int] = {}

    def rule(self, index: int) -> Holds:
        question = self._task.questions[index]
        apart = self._remembered(self._places(Or(question.not_within), "text", None)) if question.not_within else None
        find = self._holds(question.find, "text", apart)
        if question.drop_if is None:
            return find
        drop = self._holds(question.drop_if, "text", None)
        return lambda seen: find(seen) and not drop(seen)

    def _literal(self, word: Word) -> int:
        return self.literals.setdefault(word.text, len(self.literals))

    def _remembered(self, finds: Finds, name: str = "") -> Finds:
        number = self._numbers.setdefault(name or f"#{len(self._numbers)}", len(self._numbers))

        def remembered(seen: Seen) -> Sequence[Span]:
            known = seen.memory.get(number)
            if known is None:
                known = seen.memory[number] = finds(seen)
            return known

        return remembered

    # --- yes or no ---

    def _holds(self, node: Node, field: str, apart: Finds | None) -> Holds:
        match node:
            case And():
                tests = [self._holds(item, field, apart) for item in sorted(node.items, key=_dear)]
                return lambda seen: all(test(seen) for test in tests)
            case Or() if any(isinstance(item, And | Not | Field) for item in node.items):
                tests = [self._holds(item, field, apart) for item in node.items]
                return lambda seen: any(test(seen) for test in tests)
            case Not():
                refused = self._holds(node.item, field, apart)
                return lambda seen: not refused(seen)
            case Field() if node.name in ("source", "label"):
                wanted = {item.text for item in (node.item.items if isinstance(node.item, Or) else (node.item,))}  # type: ignore[union-attr]  # the generator writes words here
                return _said(node.name, wanted)
            case Field():
                return self._holds(node.item, node.name, apart)
        finds = self._places(node, field, apart)
        return lambda seen: bool(finds(seen))

    # --- places ---

    def _places(self, node: Node, field: str, apart: Finds | None) -> Finds:
        match node:
            case Word() | Phrase():
                return _apart(_in_field(self._leaf(node), field), apart)
            case Or():
                return self._any(node.items, field, apart)
            case ListRef():
                entries = self._task.lists[node.name]
                return _apart(self._remembered(self._any(entries, field, None), f"{node.name} {field}"), apart)
            case Near():
                return _near(
                    self._places(node.left, field, apart),
                    self._places(node.right, field, apart),
                    node.distance,
                    ordered=node.ordered,
                )
            case Scope():
                left, right = self._places(node.left, field, apart), self._places(node.right, field, apart)
                return _together(left, right, node.unit)
            case AtLeast():
                return _times(self._places(node.item, field, apart), node.count)
        raise ValueError(f"the generator writes no such thing: {node}")

    def _leaf(self, node: Word | Phrase) -> Finds:
        if isinstance(node, Word):
            literal = self._literal(node)
            return lambda seen: seen.at.get(literal, ())
        return _row([self._literal(word) for word in node.words])

    def _any(self, items: Iterable[Node], field: str, apart: Finds | None) -> Finds:
        """Single words are looked up together."""
        items = list(items)
        words = frozenset(self._literal(item) for item in items if isinstance(item, Word))
        others = [self._places(item, "text", None) for item in items if isinstance(item, Phrase)]
        rest = [self._places(item, field, apart) for item in items if not isinstance(item, Word | Phrase)]

        def plain(seen: Seen) -> Sequence[Span]:
            at = seen.at
            found = [span for literal in at.keys() & words for span in at[literal]]
            for other in others:
                found += other(seen)
            return sorted(found)

        both = _apart(_in_field(plain, field), apart)
        if not rest:
            return both
        return lambda seen: sorted([*both(seen), *(span for one in rest for span in one(seen))])

    # --- what must occur ---

    def needs(self, node: Node, cost: Callable[[int], float]) -> Clause:
        """The cheapest literals of which one must occur, with their cost."""
        match node:
            case Word():
                literal = self._literal(node)
                return cost(literal), frozenset((literal,))
            case Phrase():
                rarest = min(map(self._literal, node.words), key=cost)
                return cost(rarest), frozenset((rarest,))
            case ListRef():
                return self.needs(self._task.listed(node.name), cost)
            case Or():
                clauses = [self.needs(item, cost) for item in node.items]
                if None in clauses:
                    return None
                every = frozenset(literal for clause in clauses if clause for literal in clause[1])
                return sum(map(cost, every)), every
            case And():
                return _cheapest(self.needs(item, cost) for item in node.items)
            case Near() | Scope():
                return _cheapest((self.needs(node.left, cost), self.needs(node.right, cost)))
            case Field() if node.name not in ("source", "label"):
                return self.needs(node.item, cost)
            case AtLeast():
                return self.needs(node.item, cost)
        return None


def _dear(node: Node) -> int:
    return 2 if isinstance(node, Not) else 1 if isinstance(node, Near | Scope) else 0


def _cheapest(clauses: Iterable[Clause]) -> Clause:
    return min((clause for clause in clauses if clause), key=lambda clause: clause[0], default=None)


def _said(name: str, wanted: set[str]) -> Holds:
    if name == "source":
        return lambda seen: seen.text.source in wanted
    return lambda seen: any(word in wanted for label in seen.text.labels for word in label.lower().split())


def _in_field(finds: Finds, field: str) -> Finds:
    if field == "text":
        return finds

    def inside(seen: Seen) -> Sequence[Span]:
        found = finds(seen)
        if not found:
            return found
        first, last = seen.bounds(field)
        return [span for span in found if span[0] >= first and span[1] <= last]

    return inside


def _apart(finds: Finds, covers: Finds | None) -> Finds:
    if covers is None:
        return finds

    def uncovered(seen: Seen) -> Sequence[Span]:
        found = finds(seen)
        over = found and covers(seen)
        return [s for s in found if not any(c[0] <= s[0] and s[1] <= c[1] for c in over)] if over else found

    return uncovered


def _row(literals: list[int]) -> Finds:
    first, rest = literals[0], literals[1:]

    def row(seen: Seen) -> Sequence[Span]:
        at = seen.at
        if not all(literal in at for literal in literals):
            return ()
        found = at[first]
        for literal in rest:
            found = [(start, last) for start, end in found for begin, last in at[literal] if begin == end + 1]
        return found

    return row


def _near(left: Finds, right: Finds, distance: int, *, ordered: bool) -> Finds:
    def after(lefts: Sequence[Span], rights: Sequence[Span]) -> list[Span]:
        found = []
        for start, end in lefts:
            at = bisect_left(rights, (end + 1, -1))
            while at < len(rights) and rights[at][0] - end - 1 <= distance:
                found.append((start, rights[at][1]))
                at += 1
        return found

    def near(seen: Seen) -> Sequence[Span]:
        lefts = left(seen)
        rights = lefts and right(seen)
        if not rights:
            return ()
        return after(lefts, rights) or ([] if ordered else after(rights, lefts))

    return near


def _together(left: Finds, right: Finds, unit: str) -> Finds:
    def together(seen: Seen) -> Sequence[Span]:
        lefts = left(seen)
        rights = lefts and right(seen)
        if not rights:
            return ()
        units: dict[int, list[Span]] = {}
        for span in lefts:
            first = seen.unit(span[0], unit)
            if first == seen.unit(span[1], unit):
                units.setdefault(first, []).append(span)
        for span in rights:
            first = seen.unit(span[0], unit)
            if first == seen.unit(span[1], unit):
                for one in units.get(first, ()):
                    if one[1] < span[0] or span[1] < one[0]:
                        return ((min(one[0], span[0]), max(one[1], span[1])),)
        return ()

    return together


def _times(finds: Finds, count: int) -> Finds:
    def times(seen: Seen) -> Sequence[Span]:
        found = finds(seen)
        apart, last = 0, -1
        for start, end in sorted(found, key=lambda span: span[1]):
            if start > last:
                apart, last = apart + 1, end
        return found if apart >= count else ()

    return times


class Evaluation:
    """All rules, ready; `find` tells where the literals of a text are."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._compiler = Compiler(task)
        self._rules = [self._compiler.rule(index) for index in range(len(task.questions))]
        self._waiting: dict[int, list[int]] = {}
        self._always: list[int] = []

    @property
    def literals(self) -> dict[str, int]:
        """The words to find, by text."""
        return self._compiler.literals

    def learn(self, find: Callable[[Text], Seen]) -> None:
        """Let each rule wait for the words that are rarest in the sample."""
        count: Counter[int] = Counter()
        for text in self._task.sample:
            count.update(find(text).at.keys())
        self._waiting, self._always = {}, []
        for index, question in enumerate(self._task.questions):
            clause = self._compiler.needs(question.find, lambda literal: 1.0 + count[literal])
            if clause is None:
                self._always.append(index)
            for literal in clause[1] if clause else ():
                self._waiting.setdefault(literal, []).append(index)

    def hits(self, seen: Seen) -> set[int]:
        chosen, waiting = set(self._always), self._waiting
        for literal in seen.at:
            if literal in waiting:
                chosen.update(waiting[literal])
        rules = self._rules
        return {index for index in chosen if rules[index](seen)}
