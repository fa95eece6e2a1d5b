"""Engines that cannot say all of the language. What they cannot say they leave out, so they find too much.

All of them leave out NOT, `not_within`, `drop_if`, fields and counts. The table says how many wrong hits they have.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from alerts.rules import Text
from alerts.rules.nodes import And, AtLeast, Field, ListRef, Near, Node, Not, Or, Phrase, Scope, Within, Word
from benchmarks.rules_peers.peer import Line, Task

Loose = tuple[Any, ...]
"""("all", parts), ("any", parts), ("near", left, right, words or -1, ordered), ("list", name) or ("row", words)."""


def loosen(node: Node) -> Loose | None:
    """What of a query is left without NOT, fields and counts; None if nothing is."""
    match node:
        case Word():
            return "row", (node.text,)
        case Phrase():
            return "row", tuple(word.text for word in node.words)
        case ListRef():
            return "list", node.name
        case And() | Or():
            parts = [part for part in map(loosen, node.items) if part is not None]
            return ("all" if isinstance(node, And) else "any"), tuple(parts)
        case Near() | Scope():
            words, ordered = (node.distance, node.ordered) if isinstance(node, Near) else (-1, False)
            return "near", loosen(node.left), loosen(node.right), words, ordered
        case Field():
            return None if node.name in ("source", "label") else loosen(node.item)
        case AtLeast():
            return loosen(node.item)
        case Within():
            return loosen(node.left)
        case Not():
            return None


class OneRegularExpression:
    """One compiled `re` a rule, which can say NEAR; SENTENCE is taken for PARAGRAPH."""

    def __init__(self, task: Task) -> None:
        self._lists = {name: "|".join(_expression(entry) for entry in entries) for name, entries in task.lists.items()}
        self._rules = [re.compile(self._whole(loosen(question.find))) for question in task.questions]

    def hits(self, texts: Sequence[Text]) -> list[set[int]]:
        lines = [Line.of(text).with_joined() for text in texts]
        return [{index for index, rule in enumerate(self._rules) if rule.search(line)} for line in lines]

    def _whole(self, loose: Loose | None) -> str:
        """The parts of AND are looked for one after the other from the beginning."""
        if loose and loose[0] == "all":
            return r"\A" + "".join(f"(?=.*?{self._part(part)})" for part in loose[1])
        return self._part(loose)

    def _part(self, loose: Loose | None) -> str:
        match loose:
            case ("row", words):
                return f"(?:{_row(words)})"
            case ("list", name):
                return f"(?:{self._lists[name]})"
            case ("any" | "all", parts):
                return f"(?:{'|'.join(map(self._part, parts))})"
            case ("near", left, right, words, ordered):
                one, other = self._part(left), self._part(right)
                between = "(?: [^ ]+)" + ("*?" if words < 0 else f"{{0,{words}}}?")
                both = f"{one}{between}{other}"
                return f"(?:{both})" if ordered else f"(?:{both}|{other}{between}{one})"
        raise ValueError(f"not a query: {loose}")


def _expression(node: Node) -> str:
    loose = loosen(node)
    assert loose is not None
    return _row(loose[1])


def _row(words: Iterable[str]) -> str:
    """Words in a line: a space before each, and behind the last one (looked at, not taken)."""
    return "".join(" " + re.escape(w).replace(r"\*", "[^ ]*").replace(r"\?", "[^ ]") for w in words) + "(?= )"


class YaraX:
    """yara-x: a rule of terms and a condition each; NEAR, SENTENCE and PARAGRAPH are taken for AND."""

    def __init__(self, task: Task) -> None:
        import yara_x

        source = [self._rule(f"list_{name}", ("any", tuple(map(loosen, rows)))) for name, rows in task.lists.items()]
        source += [self._rule(f"r{index}", loosen(question.find)) for index, question in enumerate(task.questions)]
        compiler = yara_x.Compiler()
        compiler.add_source("\n".join(source))
        self._scanner = yara_x.Scanner(compiler.build())
        self._scanner.max_matches_per_pattern(1)

    def hits(self, texts: Sequence[Text]) -> list[set[int]]:
        lines = [Line.of(text).with_joined().encode() for text in texts]
        results = [self._scanner.scan(line) for line in lines]
        return [{int(r.identifier[1:]) for r in one.matching_rules if r.identifier[0] == "r"} for one in results]

    def _rule(self, name: str, loose: Loose | None) -> str:
        needles: list[str] = []
        condition = self._condition(loose, needles)
        strings = " ".join(f"$a{number} = {needle}" for number, needle in enumerate(needles))
        return f"rule {name} {{ {f'strings: {strings} ' if strings else ''}condition: {condition} }}"

    def _condition(self, loose: Loose | None, needles: list[str]) -> str:
        match loose:
            case ("row", words):
                # No look-ahead in these expressions: the space behind is taken.
                text = _row(words).replace("(?= )", " ")
                plain = f" {' '.join(words)} "
                needles.append(f"/{text}/" if {"*", "?"} & set(plain) else f'"{plain}"')
                return f"$a{len(needles) - 1}"
            case ("list", name):
                return f"list_{name}"
            case ("any" | "all", parts):
                return (
                    "("
                    + (" or " if loose[0] == "any" else " and ").join(self._condition(part, needles) for part in parts)
                    + ")"
                )
            case ("near", left, right, _, _):
                return f"({self._condition(left, needles)} and {self._condition(right, needles)})"
        raise ValueError(f"not a query: {loose}")


class Tantivy:
    """tantivy: texts are indexed in batches, then every rule is a query; NEAR and the like are taken for AND."""

    def __init__(self, task: Task) -> None:
        import tantivy

        self._tantivy = tantivy
        builder = tantivy.SchemaBuilder()
        builder.add_text_field("text", tokenizer_name="spaces")
        builder.add_unsigned_field("number", stored=False, indexed=False, fast=True)
        self._schema = builder.build()
        self._analyzer = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
        self._lists = {name: self._any(map(loosen, rows)) for name, rows in task.lists.items()}
        self._queries = [self._query(loosen(question.find)) for question in task.questions]

    def hits(self, texts: Sequence[Text]) -> list[set[int]]:
        index = self._tantivy.Index(self._schema)
        index.register_tokenizer("spaces", self._analyzer)
        writer = index.writer(num_threads=1)
        for number, text in enumerate(texts):
            document = self._tantivy.Document()
            document.add_text("text", Line.of(text).with_joined())
            document.add_unsigned("number", number)
            writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()
        index.reload()
        searcher = index.searcher()
        found: list[set[int]] = [set() for _ in texts]
        for rule, query in enumerate(self._queries):
            result = searcher.search(query, limit=len(texts), count=False, order_by_field="number")
            for number, _ in result.hits:
                found[number].add(rule)
        return found

    def _query(self, loose: Loose | None) -> Any:
        query = self._tantivy.Query
        match loose:
            case ("row", words):
                if len(words) > 1 and not any({"*", "?"} & set(word) for word in words):
                    return query.phrase_query(self._schema, "text", list(words))
                return self._joined([self._word(word) for word in words], self._tantivy.Occur.Must)
            case ("list", name):
                return self._lists[name]
            case ("any", parts):
                return self._any(parts)
            case ("all", parts):
                return self._joined([self._query(part) for part in parts], self._tantivy.Occur.Must)
            case ("near", left, right, _, _):
                return self._joined([self._query(left), self._query(right)], self._tantivy.Occur.Must)
        raise ValueError(f"not a query: {loose}")

    def _word(self, word: str) -> Any:
        if {"*", "?"} & set(word):
            return self._tantivy.Query.regex_query(self._schema, "text", word.replace("*", ".*").replace("?", "."))
        return self._tantivy.Query.term_query(self._schema, "text", word)

    def _any(self, parts: Iterable[Loose | None]) -> Any:
        return self._joined([self._query(part) for part in parts], self._tantivy.Occur.Should)

    def _joined(self, parts: list[Any], how: Any) -> Any:
        return parts[0] if len(parts) == 1 else self._tantivy.Query.boolean_query([(how, part) for part in parts])
