"""Parts of rule sets."""

from __future__ import annotations

from collections.abc import Iterable

from alerts.rules import Rule, RuleSet
from alerts.rules.lists import Lists
from alerts.rules.ruleset import queries_of


def only(rule_set: RuleSet, rules: Iterable[Rule]) -> RuleSet:
    """A part of a rule set, with the lists and filters it uses: reads as the whole does, as far as these rules go."""
    kept = tuple(rules)
    filters = tuple(one for one in rule_set.filters if any(one.applies(rule) for rule in kept))
    every = rule_set.lists.by_name
    used = rule_set.lists.used_by([query.node for query in queries_of(kept, filters)])
    lists = Lists({name: every[name] for name in used if name in every})
    return RuleSet(rule_set.hash, kept, rule_set.source, lists, filters, rule_set.languages)
