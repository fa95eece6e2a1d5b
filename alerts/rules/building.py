"""From queries to plans, for one language: lists written out, fields pushed down to words, AND pulled out of NEAR.

`(a AND b) NEAR/5 c` reads as `(a NEAR/5 c) AND (b NEAR/5 c)`; `(a AND b) SENTENCE c` wants all three in one sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Literal

from alerts.rules.atoms import AnyWord, Plan, Row
from alerts.rules.lists import Lists
from alerts.rules.meta import SAID, condition
from alerts.rules.nodes import (
    META_FIELDS,
    And,
    AtLeast,
    Field,
    ListRef,
    Near,
    Node,
    Not,
    Or,
    Phrase,
    Scope,
    Within,
    Word,
)
from alerts.rules.page import Page
from alerts.rules.plan import AllOf, AnyOf, Close, Meta, Never, Times, Together, Without
from alerts.rules.terms import patterns
from alerts.rules.values import Text
from alerts.rules.vocabulary import Vocabulary

_LEAVES = (Word, Phrase, ListRef)
_NUMBER = attrgetter("number")


def lift(node: Node) -> Node:
    """The same query without AND below NEAR, ONEAR, SENTENCE, PARAGRAPH, ATLEAST and left of NOT WITHIN."""
    if isinstance(node, _LEAVES):
        return node
    match node:
        case Or() if _only_leaves(node.items):
            return node
        case And() | Or():
            return _flattened(type(node), (lift(item) for item in node.items))
        case Not():
            return Not(lift(node.item))
        case Field():
            return _over(lambda item: Field(node.name, item), lift(node.item))
        case AtLeast():
            return _over(lambda item: AtLeast(node.count, item), lift(node.item))
        case Within():
            right = lift(node.right)
            return _over(lambda left: Within(left, right), lift(node.left))
        case Near():
            return _pair(lambda left, right: Near(left, right, node.distance, node.ordered), node.left, node.right)
        case Scope():
            return Scope(_chained(lift(node.left), node.unit), _chained(lift(node.right), node.unit), node.unit)


def _only_leaves(items: Sequence[Node]) -> bool:
    return all(isinstance(item, _LEAVES) for item in items)


def _flattened(kind: type[And | Or], items: Iterable[Node]) -> Node:
    """AND in AND, and OR in OR, are one; what stands there twice stands there once."""
    flat = [one for item in items for one in (item.items if isinstance(item, kind) else (item,))]
    unique = tuple(dict.fromkeys(flat))
    return unique[0] if len(unique) == 1 else kind(unique)


def _chained(side: Node, unit: Literal["sentence", "paragraph"]) -> Node:
    """`(a AND b) SENTENCE c` is `a SENTENCE b SENTENCE c`."""
    if isinstance(side, And):
        first, *rest = (_chained(item, unit) for item in side.items)
        for item in rest:
            first = Scope(first, item, unit)
        return first
    if isinstance(side, Or) and not _only_leaves(side.items):
        return _flattened(Or, (_chained(item, unit) for item in side.items))
    return side


def _has_and(node: Node) -> bool:
    return isinstance(node, And) or (isinstance(node, Or) and any(_has_and(item) for item in node.items))


def _over(make: Callable[[Node], Node], item: Node) -> Node:
    """`make` applied to what stands below AND, and to alternatives that hold an AND one by one."""
    if isinstance(item, And):
        return _flattened(And, (_over(make, one) for one in item.items))
    if isinstance(item, Or) and _has_and(item):
        plain = [one for one in item.items if not _has_and(one)]
        rest = [_over(make, one) for one in item.items if _has_and(one)]
        return _flattened(Or, [make(_flattened(Or, plain)), *rest] if plain else rest)
    return make(item)


def _pair(make: Callable[[Node, Node], Node], left: Node, right: Node) -> Node:
    lifted = lift(right)
    return _over(lambda one: _over(lambda other: make(one, other), lifted), lift(left))


class Builder:
    """Makes plans that share their equal parts. One builder, one vocabulary, one language."""

    def __init__(self, lists: Lists, language: str, vocabulary: Vocabulary) -> None:
        self._lists = lists
        self._language = language
        self._vocabulary = vocabulary
        self._made: dict[tuple[object, ...], Plan] = {}
        self._of_list: dict[tuple[str, str], Plan] = {}
        self._of_word: dict[str, tuple[int, ...]] = {}

    def in_language(self, language: str) -> Builder:
        """A builder for another language whose plans share their parts, and a page, with those of this one."""
        other = Builder(self._lists, language, self._vocabulary)
        other._made, other._of_word = self._made, self._of_word
        return other

    def build(self, node: Node, *, apart_from: Plan | None = None) -> Plan:
        """The plan of a query. Words and phrases that lie inside an occurrence of `apart_from` do not count."""
        return self._build(lift(node), "text", apart_from)

    def part(self, node: Node, field: str, apart_from: Plan | None) -> Plan:
        """The plan of a part of a query that `lift` has been through, as it stands in that field."""
        return self._build(node, field, apart_from)

    def any_of(self, plans: Iterable[Plan]) -> Plan:
        """Any of the plans; plain words and phrases are merged so that they are looked up together."""
        words: dict[str, set[int]] = {}
        rows: dict[Row, None] = {}
        others: dict[Plan, None] = {}
        for plan in _flat(plans):
            if isinstance(plan, AnyWord):
                words.setdefault(plan.field, set()).update(plan.terms)
            elif isinstance(plan, Row):
                rows[plan] = None
            else:
                others[plan] = None
        every = [*others, *(self._word(frozenset(terms), field) for field, terms in words.items())]
        return self._alternatives(every, list(rows))

    def _alternatives(self, others: list[Plan], rows: list[Row]) -> Plan:
        """Any of all these; at most one `AnyWord` a field among them."""
        if len(others) + len(rows) == 1:
            return others[0] if others else rows[0]
        # In one order, so that the same alternatives are the same plan however they were written.
        others.sort(key=_NUMBER)
        rows.sort(key=_NUMBER)
        return self._once(("any", *others, *rows), lambda number: AnyOf(number, self._by_pivot(rows), tuple(others)))

    def _by_pivot(self, rows: Sequence[Row]) -> dict[int, tuple[Row, ...]]:
        """Phrases by the word by which they are looked up: the longest is likely the rarest."""
        name = self._vocabulary.name
        found: dict[int, tuple[Row, ...]] = {}
        for row in rows:
            pivot = max(row.terms, key=lambda term: len(name(term)))
            found[pivot] = (*found.get(pivot, ()), row)
        return found

    def all_of(self, plans: Iterable[Plan]) -> Plan:
        """All of the plans."""
        items: list[Plan] = []
        for plan in plans:
            items += plan.items if isinstance(plan, AllOf) else (plan,)
        unique = tuple(sorted(set(items), key=lambda plan: plan.number))
        if len(unique) == 1:
            return unique[0]
        return self._once(("all", unique), lambda number: AllOf(number, unique))

    def without(self, left: Plan, right: Plan) -> Plan:
        """The left plan's occurrences outside those of the right one."""
        return self._once(("without", left, right), lambda number: Without(number, left, right))

    def _once(self, key: tuple[object, ...], make: Callable[[int], Plan]) -> Plan:
        known = self._made.get(key)
        if known is None:
            known = self._made[key] = make(len(self._made))
        return known

    def _build(self, node: Node, field: str, apart: Plan | None) -> Plan:  # noqa: C901  one case a kind of node
        match node:
            case Word() | Phrase():
                return self._guarded(self._row(self._terms(node), field), apart)
            case ListRef():
                return self._guarded(self._list(node.name, field), apart)
            case Or():
                return self._any(node.items, field, apart)
            case And():
                return self.all_of(self._build(item, field, apart) for item in node.items)
            case Not():
                item = self._build(node.item, field, apart)
                return self._once(("never", item), lambda number: Never(number, item))
            case Field() if node.name in META_FIELDS:
                return self._meta(node.item, node.name)
            case Field():
                return self._build(node.item, narrower(field, node.name), apart)
            case Within():
                return self.without(self._build(node.left, field, apart), self._build(node.right, field, None))
            case AtLeast():
                item, count = self._build(node.item, field, apart), node.count
                return self._once(("times", count, item), lambda number: Times(number, count, item))
            case Near() | Scope():
                return self._close(node, self._build(node.left, field, apart), self._build(node.right, field, apart))

    def _close(self, node: Near | Scope, left: Plan, right: Plan) -> Plan:
        if isinstance(node, Near):
            near = node
            return self._once(
                ("near", near.distance, near.ordered, left, right),
                lambda number: Close(number, left, right, near.distance, ordered=near.ordered),
            )
        unit = node.unit
        return self._once((unit, left, right), lambda number: Together(number, left, right, unit))

    def _any(self, items: Sequence[Node], field: str, apart: Plan | None) -> Plan:
        """Words, phrases and lists are looked up, and kept apart, together."""
        words: set[int] = set()
        rows: dict[Row, None] = {}
        lists: list[Plan] = []
        rest: list[Plan] = []
        for item in items:
            if isinstance(item, Word | Phrase):
                terms = self._terms(item)
                if len(terms) == 1:
                    words.add(terms[0])
                elif terms:
                    rows[self._phrase(terms, field)] = None
            elif isinstance(item, ListRef):
                lists.append(self._list(item.name, field))
            else:
                rest.append(self._build(item, field, apart))
        plain: list[Plan] = [self._word(frozenset(words), field)] if words else []
        if lists:
            together = self.any_of([*plain, *rows, *lists])
        elif plain or rows or not rest:
            together = self._alternatives(plain, list(rows))
        else:
            return self.any_of(rest)
        together = self._guarded(together, apart)
        return self.any_of([together, *rest]) if rest else together

    def _guarded(self, plan: Plan, apart: Plan | None) -> Plan:
        return plan if apart is None else self.without(plan, apart)

    def _list(self, name: str, field: str) -> Plan:
        known = self._of_list.get((name, field))
        if known is None:
            entries = self._lists.entries(name, self._language)
            known = self._of_list[name, field] = self._any([lift(entry) for entry in entries], field, None)
        return known

    def _word(self, terms: frozenset[int], field: str) -> Plan:
        return self._once(("word", terms, field), lambda number: AnyWord(number, terms, field))

    def _terms(self, node: Word | Phrase) -> tuple[int, ...]:
        if isinstance(node, Word):
            known = None if node.exact else self._of_word.get(node.text)
            return self._new_terms(node) if known is None else known
        found: list[int] = []
        for word in node.words:
            found += self._terms(word)
        return tuple(found)

    def _new_terms(self, word: Word) -> tuple[int, ...]:
        found = patterns(word.text, as_written=word.exact)
        terms = tuple([self._vocabulary.number(pattern, word.exact) for pattern in found])
        if not word.exact:
            self._of_word[word.text] = terms
        return terms

    def _row(self, terms: tuple[int, ...], field: str) -> Plan:
        return self._word(frozenset(terms), field) if len(terms) <= 1 else self._phrase(terms, field)

    def _phrase(self, terms: tuple[int, ...], field: str) -> Row:
        row = self._once(("row", terms, field), lambda number: Row(number, terms, field))
        assert isinstance(row, Row)
        return row

    def _meta(self, node: Node, field: str) -> Plan:
        match node:
            case Or():
                return self.any_of(self._meta(item, field) for item in node.items)
            case And():
                return self.all_of(self._meta(item, field) for item in node.items)
            case Not():
                item = self._meta(node.item, field)
                return self._once(("never", item), lambda number: Never(number, item))
            case ListRef():
                return self.any_of(self._meta(one, field) for one in self._lists.entries(node.name, self._language))
            case Word() | Phrase():
                atom = node
                return self._once((field, atom), lambda number: Meta(number, self._condition(field, atom)))
            case _:  # `meaning` refuses the rest
                return self._word(frozenset(), "text")

    def _condition(self, field: str, atom: Word | Phrase) -> Callable[[Page], bool]:
        if field not in SAID:
            holds = condition(field, atom)
            return lambda page: holds(page.text)
        # Words of a label, a name or an address: read like a title, with a vocabulary of their own.
        vocabulary = Vocabulary()
        plan = Builder(self._lists, self._language, vocabulary).build(atom)
        values = SAID[field]
        return lambda page: any(plan.test(Page(Text(value, ""), vocabulary)) for value in values(page.text))


def narrower(outer: str, inner: str) -> str:
    """The field that is meant by a field inside a field."""
    if inner == "text" or (outer, inner) == ("lead", "body"):
        return outer
    return inner


def _flat(plans: Iterable[Plan]) -> list[Plan]:
    found: list[Plan] = []
    for plan in plans:
        if isinstance(plan, AnyOf):
            found += plan.others
            found += [row for group in plan.rows.values() for row in group]
        else:
            found.append(plan)
    return found
