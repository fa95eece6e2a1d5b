"""Copies of rule sets: whole or in part, without what they have learnt in this process."""

from __future__ import annotations

from collections.abc import Iterable

from alerts.rules import Rule, RuleSet


def only(rule_set: RuleSet, rules: Iterable[Rule]) -> RuleSet:
    """A part of a rule set, with its lists and filters: reads as the whole does, as far as these rules go."""
    return RuleSet(rule_set.hash, tuple(rules), rule_set.source, rule_set.lists, rule_set.filters, rule_set.languages)


def fresh(rule_set: RuleSet) -> RuleSet:
    """The same rules, fit to travel to another process."""
    return only(rule_set, rule_set.rules)
