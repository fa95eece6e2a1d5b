"""Bare queries of many askers, such as desks, that are asked of a text together: whether each holds, and why not."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from alerts.rules.rule import Query, Rule, RuleClass, Severity
from alerts.rules.ruleset import make_rule_set
from alerts.rules.values import Text

MOST_REMEMBERED = 50_000
"""Answers kept; about 10 MB. A process that asks for more begins anew."""


class Queries:
    """Queries by key, made into one matcher, so that a text is cut into words once for all of them.

    Shared filters do not apply to them: those say what is no attack or no ceasefire, and these may ask for anything.
    """

    def __init__(self, queries: Mapping[str, Query], lists: Mapping[str, Mapping[str, Sequence[Query]]]) -> None:
        rules = {
            key: Rule(key, key, topic="", class_=RuleClass.EVENT, severity=Severity.LOW, find=query)
            for key, query in queries.items()
        }
        self._rule_set = make_rule_set(list(rules.values()), lists)
        self._versions = {key: make_rule_set([rule], lists).hash[:16] for key, rule in rules.items()}
        self._answers: dict[Hashable, frozenset[str]] = {}

    def ask(self, text: Text, name: Hashable = None) -> frozenset[str]:
        """Keys of the queries that hold; the answer is remembered under `name`, if there is one."""
        answer = self._rule_set.holding(text)
        if name is not None:
            if len(self._answers) >= MOST_REMEMBERED:
                self._answers.clear()
            self._answers[name] = answer
        return answer

    def recall(self, name: Hashable) -> frozenset[str] | None:
        """What was answered of the text of that name; None if it has to be asked."""
        return self._answers.get(name)

    def version(self, key: str) -> str:
        """A short name that changes with the query's words and with the lists it uses."""
        return self._versions[key]

    def why_not(self, key: str, text: Text) -> str:
        """Why a query does not hold, such as "19 words apart, limit 12"; empty if it does."""
        return dict(self._rule_set.explain_silence(text)).get(key, "")
