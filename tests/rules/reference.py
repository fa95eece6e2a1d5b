"""The rule language a second time, slow and plain: every definition of docs/rules.md written down as it is said there.

Shares with the matcher only what is defined letter by letter elsewhere and tested by tables: how one word folds, what
further readings it has, where sentences and the lead end. Everything is recomputed for every question.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from alerts.rules.lead import lead_end
from alerts.rules.nodes import And, AtLeast, Field, ListRef, Near, Node, Not, Or, Phrase, Scope, Within, Word
from alerts.rules.sentences import sentence_ends
from alerts.rules.text import bare_readings, exact, fold, readings
from alerts.rules.values import Evidence, Text
from tests.rules.reference_parts import Found, Span, Token, Words, cut, least, merged, most_apart, near_enough

Tree = tuple[Any, ...]

META = ("source", "country", "url", "author", "lang", "label")
FAR = 10**9


@dataclass
class Reader:
    """One text, read for one language."""

    text: Text
    language: str
    lists: dict[str, dict[str, tuple[Node, ...]]] = field(default_factory=dict)
    tokens: list[Token] = field(default_factory=list)
    known: dict[Tree, Found] = field(default_factory=dict)
    all_forms: dict[bool, dict[str, list[Span]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unit = 0
        self._add(self.text.title, 0, unit, [len(self.text.title)])
        for match in re.finditer("[^\n\r\x0b\x0c\x85\u2028\u2029]+", self.text.body):
            unit += 1
            self._add(match.group(), match.start(), unit, sentence_ends(match.group()))
        for number, token in enumerate(self.tokens):
            token.number = number

    def _add(self, text: str, offset: int, unit: int, ends: list[int]) -> None:
        for start, end, tied in cut(text):
            index = next(i for i, stop in enumerate(ends) if start < stop)
            self.tokens.append(Token(offset + start, offset + end, text[start:end], tied, unit, (unit, index)))

    # --- words ---

    def forms(self, as_written: bool) -> dict[str, list[Span]]:
        """Under which form which spans of one word, or of one hyphenated compound, read."""
        if as_written not in self.all_forms:
            every: dict[str, list[Span]] = {}
            for span, forms in self._forms(as_written):
                for form in forms:
                    every.setdefault(form, []).append(span)
            self.all_forms[as_written] = every
        return self.all_forms[as_written]

    def _forms(self, as_written: bool) -> list[tuple[Span, tuple[str, ...]]]:
        found = []
        for first in range(len(self.tokens)):
            for last in range(first, min(first + 5, len(self.tokens))):
                group = self.tokens[first : last + 1]
                if any(not one.hyphen or one.unit != group[0].unit for one in group[1:]):
                    break
                if as_written:
                    found.append(((first, last), bare_readings("-".join(exact(one.text) for one in group))))
                else:
                    found.append(((first, last), readings("".join(fold(one.text) for one in group))))
        return found

    def word_spans(self, pattern: str, as_written: bool) -> list[Span]:
        forms = self.forms(as_written)
        if not set("*?") & set(pattern):
            return sorted(set(forms.get(pattern, ())))
        wanted = re.compile(
            "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern), re.DOTALL
        )
        return sorted({span for form, some in forms.items() if wanted.fullmatch(form) for span in some})

    def in_field(self, span: Span, name: str) -> bool:
        first, last = self.tokens[span[0]], self.tokens[span[1]]
        if name == "title":
            return last.unit == 0
        if name == "body":
            return first.unit > 0
        if name == "lead":
            return first.unit > 0 and last.end <= lead_end(self.text.body)
        return True

    # --- trees ---

    def solid(self, tree: Tree) -> bool:
        match tree[0]:
            case "word" | "row":
                return True
            case "any":
                return all(self.solid(one) for one in tree[1])
            case "without":
                return self.solid(tree[1])
            case "times":
                return self.solid(tree[2])
        return False

    def holds(self, tree: Tree) -> bool:
        match tree[0]:
            case "all":
                return all(self.holds(one) for one in tree[1])
            case "any":
                return any(self.holds(one) for one in tree[1])
            case "never":
                return not self.holds(tree[1])
            case "meta":
                return meta_holds(self.text, tree[1], tree[2])
        return bool(self.found(tree))

    def found(self, tree: Tree) -> Found:
        """Every occurrence with its words."""
        if tree not in self.known:
            self.known[tree] = self._found(tree)
        return self.known[tree]

    def _found(self, tree: Tree) -> Found:
        match tree[0]:
            case "word":
                return {s: (s,) for s in self.word_spans(tree[1], tree[2]) if self.in_field(s, tree[3])}
            case "row":
                return {
                    s: tuple((n, n) for n in range(s[0], s[1] + 1))
                    for s in self.rows(tree[1])
                    if self.in_field(s, tree[2])
                }
            case "any":
                return merged(self.found(one) for one in tree[1])
            case "all":
                return merged(self.found(one) for one in tree[1]) if self.holds(tree) else {}
            case "near":
                return self.near(tree[1], tree[2], tree[3], tree[4])
            case "sentence" | "paragraph":
                return self.together(tree[1], tree[2], tree[0])
            case "without":
                covers = self.found(tree[2])
                return {
                    s: w
                    for s, w in self.found(tree[1]).items()
                    if not any(c[0] <= s[0] and s[1] <= c[1] for c in covers)
                }
            case "times":
                every = self.found(tree[2])
                return every if most_apart(list(every)) >= tree[1] else {}
        return {}

    def rows(self, wanted: tuple[tuple[str, bool], ...]) -> list[Span]:
        spans = [(s, s) for s in self.word_spans(*wanted[0])]
        rows = {one for one, _ in spans}
        for pattern, as_written in wanted[1:]:
            rows = {
                (start, last)
                for start, end in rows
                for first, last in self.word_spans(pattern, as_written)
                if first == end + 1 and self.tokens[first].unit == self.tokens[end].unit
            }
        return sorted(rows)

    def pairs(self, left: Tree, right: Tree, limit: int, ordered: bool) -> list[tuple[Span, Words, Span, Words]]:
        overlap = not ordered and not (self.solid(left) and self.solid(right))
        lefts, rights = self.found(left), self.found(right)
        return [
            (one, words, other, more)
            for one, words in lefts.items()
            for other, more in rights.items()
            if self.tokens[one[0]].unit == self.tokens[other[0]].unit
            and near_enough(one, other, limit, ordered, overlap)
        ]

    def near(self, left: Tree, right: Tree, limit: int, ordered: bool) -> Found:
        return merged(
            {(min(one[0], other[0]), max(one[1], other[1])): tuple(sorted({*words, *more}))}
            for one, words, other, more in self.pairs(left, right, limit, ordered)
        )

    def together(self, left: Tree, right: Tree, unit: str) -> Found:
        def key(number: int) -> object:
            token = self.tokens[number]
            return token.sentence if unit == "sentence" else token.unit

        every = merged(
            {(min(one[0], other[0]), max(one[1], other[1])): tuple(sorted({*words, *more}))}
            for one, words, other, more in self.pairs(left, right, FAR, False)
            if len({key(one[0]), key(one[1]), key(other[0]), key(other[1])}) == 1
        )
        return {s: every[s] for s in least(list(every))}

    # --- evidence ---

    def ways(self, tree: Tree) -> list[list[Tree]]:
        """The ways in which a query holds: each a list of the things that AND asks for."""
        if tree[0] == "any":
            joined = [one for one in tree[1] if one[0] == "all"]
            simple = [one for one in tree[1] if one[0] != "all" and self.placed(one)]
            found = [way for one in joined for way in self.ways(one)]
            return [*found, [("any", frozenset(simple))]] if simple else found
        if tree[0] == "all":
            return [[one for one in tree[1] if self.placed(one)]] if self.holds(tree) else []
        return [[tree]]

    def placed(self, tree: Tree) -> bool:
        if tree[0] in ("any", "all"):
            return any(self.placed(one) for one in tree[1])
        return tree[0] not in ("never", "meta")

    def window(self, span: Span) -> Span:
        keys = {self.tokens[n].sentence for n in range(span[0], span[1] + 1)}
        inside = [one.number for one in self.tokens if one.sentence in keys or min(keys) <= one.sentence <= max(keys)]
        return min(inside), max(inside)

    def evidence(self, tree: Tree) -> Evidence:
        choices = []
        for way in self.ways(tree):
            lists = []
            for one in way:
                every = self.found(one)
                lists.append({s: every[s] for s in least(list(every))})
            for window in {self.window(span) for found in lists for span in found}:
                inside = [
                    {s: w for s, w in found.items() if window[0] <= s[0] and s[1] <= window[1]} for found in lists
                ]
                shown = [found for found in inside if found]
                length = sum(min(s[1] - s[0] for s in found) for found in shown)
                first, last = self.tokens[window[0]], self.tokens[window[1]]
                sentences = last.sentence[1] - first.sentence[1] + 1
                words = tuple(sorted({w for found in shown for ws in found.values() for w in ws}))
                choices.append(((-len(shown), first.unit == 0, sentences, length, window[0], words), window))
        return self.cut_out(*min(choices)) if choices else self.no_place()

    def no_place(self) -> Evidence:
        title, body = self.text.title, self.text.body
        if title.strip() or not body.strip():
            return Evidence("title", 0, len(title), title, 0, ())
        end = lead_end(body) or len(body)
        return Evidence("lead", 0, end, body[:end][:1000], 0, ())

    def cut_out(self, key: tuple[Any, ...], window: Span) -> Evidence:
        first, last = self.tokens[window[0]], self.tokens[window[1]]
        text = self.text.title if first.unit == 0 else self.text.body
        start, end = self.sentence_bounds(first)[0], self.sentence_bounds(last)[1]
        terms: list[Span] = []
        for s, e in sorted((self.tokens[a].start, self.tokens[b].end) for a, b in key[-1]):
            if terms and s < terms[-1][1]:
                terms[-1] = (terms[-1][0], max(e, terms[-1][1]))
            else:
                terms.append((s, e))
        if end - start > 1000:
            begin = terms[0][0]
            if begin - start > 200:
                space = text.find(" ", begin - 200, begin)
                start = space + 1 if space >= 0 else begin - 200
            stop = min(end, max(start + 1000, terms[0][1]))
            space = text.rfind(" ", terms[0][1], stop)
            end = space if space >= 0 and stop < len(text) else stop
            terms = [one for one in terms if one[1] <= end]
        sentence = text[start:end]
        start += len(sentence) - len(sentence.lstrip())
        last_end = terms[-1][1]
        name = "title" if first.unit == 0 else "lead" if last_end <= lead_end(self.text.body) else "body"
        return Evidence(name, terms[0][0], last_end, sentence.strip(), start, tuple(terms))  # type: ignore[arg-type]  # one of three

    def sentence_bounds(self, token: Token) -> Span:
        if token.unit == 0:
            return 0, len(self.text.title)
        pieces = list(re.finditer("[^\n\r\x0b\x0c\x85\u2028\u2029]+", self.text.body))
        piece = pieces[token.unit - 1]
        ends = [0, *sentence_ends(piece.group())]
        return piece.start() + ends[token.sentence[1]], piece.start() + ends[token.sentence[1] + 1]

    # --- from queries to trees ---

    def tree(self, node: Node, name: str = "text", apart: Tree | None = None) -> Tree:  # noqa: C901
        match node:
            case Word() | Phrase():
                return guarded(leaf(node, name), apart)
            case ListRef():
                entries = self.entries(node.name)
                return guarded(any_of(self.tree(one, name) for one in entries), apart)
            case Or():
                return any_of(self.tree(one, name, apart) for one in node.items)
            case And():
                return all_of(self.tree(one, name, apart) for one in node.items)
            case Not():
                return ("never", self.tree(node.item, name, apart))
            case Field():
                if node.name in META:
                    return self.meta(node.item, node.name)
                inner = name if node.name == "text" or (name, node.name) == ("lead", "body") else node.name
                return self.tree(node.item, inner, apart)
            case Within():
                right = self.tree(node.right, name)
                return spread(lambda one: ("without", one, right), self.tree(node.left, name, apart))
            case AtLeast():
                return spread(lambda one: ("times", node.count, one), self.tree(node.item, name, apart))
            case Near():
                right = self.tree(node.right, name, apart)
                return spread(
                    lambda one: spread(lambda other: ("near", one, other, node.distance, node.ordered), right),
                    self.tree(node.left, name, apart),
                )
            case Scope():
                left = chained(self.tree(node.left, name, apart), node.unit)
                return (node.unit, left, chained(self.tree(node.right, name, apart), node.unit))

    def meta(self, node: Node, name: str) -> Tree:
        match node:
            case Or():
                return any_of(self.meta(one, name) for one in node.items)
            case And():
                return all_of(self.meta(one, name) for one in node.items)
            case Not():
                return ("never", self.meta(node.item, name))
        return ("meta", name, node)

    def entries(self, name: str) -> tuple[Node, ...]:
        variants = self.lists[name]
        if not self.language:
            return tuple(entry for one in variants.values() for entry in one)
        return variants.get(self.language, variants.get("default", ()))


def leaf(node: Word | Phrase, name: str) -> Tree:
    from alerts.rules.terms import patterns

    every = (node,) if isinstance(node, Word) else node.words
    wanted = tuple((p, one.exact) for one in every for p in patterns(one.text, as_written=one.exact))
    if not wanted:
        return ("any", frozenset())
    return ("word", *wanted[0], name) if len(wanted) == 1 else ("row", wanted, name)


def guarded(tree: Tree, apart: Tree | None) -> Tree:
    return tree if apart is None else ("without", tree, apart)


def any_of(trees: Any) -> Tree:
    flat = {one for tree in trees for one in (tree[1] if tree[0] == "any" else (tree,))}
    return next(iter(flat)) if len(flat) == 1 else ("any", frozenset(flat))


def all_of(trees: Any) -> Tree:
    flat = tuple(dict.fromkeys(one for tree in trees for one in (tree[1] if tree[0] == "all" else (tree,))))
    return flat[0] if len(flat) == 1 else ("all", flat)


def has_all(tree: Tree) -> bool:
    return tree[0] == "all" or (tree[0] == "any" and any(has_all(one) for one in tree[1]))


def spread(make: Any, tree: Tree) -> Tree:
    """What an operator over `(a AND b)` means: the operator over each of them."""
    if tree[0] == "all":
        return all_of(spread(make, one) for one in tree[1])
    if has_all(tree):
        plain = [one for one in tree[1] if not has_all(one)]
        rest = [spread(make, one) for one in tree[1] if has_all(one)]
        return any_of([make(any_of(plain)), *rest] if plain else rest)
    made: Tree = make(tree)
    return made


def chained(tree: Tree, unit: str) -> Tree:
    """`(a AND b) SENTENCE c` wants all three together."""
    if tree[0] == "all":
        first, *rest = (chained(one, unit) for one in tree[1])
        for one in rest:
            first = (unit, first, one)
        return first
    if tree[0] == "any":
        return any_of(chained(one, unit) for one in tree[1])
    return tree


def meta_holds(text: Text, name: str, node: Word | Phrase) -> bool:
    written = node.text if isinstance(node, Word) else " ".join(one.text for one in node.words)
    expression = "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in written.casefold())
    if name in ("country", "lang"):
        value = text.country if name == "country" else text.language.split("-")[0]
        return re.fullmatch(expression, value.casefold(), re.DOTALL) is not None
    if name == "source":
        host = re.sub("^[a-z]+://", "", text.url.casefold()).split("/")[0].split(":")[0]
        names = [text.source.casefold(), *(host.split(".", n)[n] for n in range(max(1, host.count("."))) if host)]
        return any(one and re.fullmatch(expression, one, re.DOTALL) for one in names)
    values = {"url": (text.url,), "author": text.authors, "label": text.labels}[name]
    return any(Reader(Text(value, ""), "").holds(leaf(node, "text")) for value in values)
