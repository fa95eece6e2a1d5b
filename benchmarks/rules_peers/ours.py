"""Ours, and one task given to all: rules, lists and texts in each engine's terms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from alerts.rules import RuleSet, Text
from alerts.rules.collecting import no_collecting
from alerts.rules.entries import parse_entry
from alerts.rules.nodes import Node
from alerts.rules.rule import Query, Rule, RuleClass, Severity
from alerts.rules.ruleset import make_rule_set
from alerts.rules.syntax import parse
from benchmarks.rules_peers.peer import Question
from benchmarks.rules_peers.workload import Entry


class Ours:
    """The matcher as the product uses it: all fields and scopes, evidence with every hit."""

    def __init__(self, rules: Sequence[Entry], lists: Mapping[str, Sequence[str]]) -> None:
        with no_collecting():
            self._rules = build(rules, lists)
        self._rules.prepared("en")

    def hits(self, texts: Sequence[Text]) -> list[set[int]]:
        return [{int(hit.rule.rpartition("-")[2]) for hit in self._rules.read(text)} for text in texts]


def build(rules: Sequence[Entry], lists: Mapping[str, Sequence[str]]) -> RuleSet:
    """The rule set, from the text of its queries."""
    made = [
        Rule(
            one.id,
            one.id,
            "ceasefire",
            RuleClass.EVENT,
            Severity.HIGH,
            read(one.find),
            not_within=tuple(read(text, parse_entry) for text in one.not_within),
            drop_if=read(one.drop_if) if one.drop_if else None,
        )
        for one in rules
    ]
    return make_rule_set(made, {name: {"default": [read(t, parse_entry) for t in ts]} for name, ts in lists.items()})


def questions(rules: Sequence[Entry]) -> list[Question]:
    """The rules as peers are given them."""
    return [
        Question(
            read(one.find).node,
            tuple(read(text, parse_entry).node for text in one.not_within),
            read(one.drop_if).node if one.drop_if else None,
        )
        for one in rules
    ]


def listed(lists: Mapping[str, Sequence[str]]) -> dict[str, tuple[Node, ...]]:
    """The lists as peers are given them."""
    return {name: tuple(read(text, parse_entry).node for text in texts) for name, texts in lists.items()}


def read(text: str, how: Callable[[str], tuple[Node | None, Any]] = parse) -> Query:
    """A query that must be one."""
    node, _ = how(text)
    if node is None:
        raise ValueError(f"not a query: {text}")
    return Query(text, node)
