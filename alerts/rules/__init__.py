"""The rule language and its matcher. Pure; imports nothing of this project but errors and configfile.

A rule set reads a text and answers with flags, each with the words and the sentence that prove it. docs/rules.md has
the language. The way of a text: `text` cuts words, `page` finds the rules' words in it, `matcher` picks the rules that
can hit, `plan` decides, `evidence` quotes. The way of a rule: `loading` reads files, `lexer`, `syntax` and `meaning`
queries, `building` makes plans of them.
"""

from typing import TYPE_CHECKING, Any

from alerts.rules.cases import CaseFailure, CaseReport, run_cases
from alerts.rules.rule import Case, Filter, Rule, RuleClass, Severity, Stage, Status
from alerts.rules.ruleset import RuleSet, from_source
from alerts.rules.values import Evidence, Hit, Text

if TYPE_CHECKING:
    from alerts.rules.loading import load_rule_set

__all__ = [
    "Case",
    "CaseFailure",
    "CaseReport",
    "Evidence",
    "Filter",
    "Hit",
    "Rule",
    "RuleClass",
    "RuleSet",
    "Severity",
    "Stage",
    "Status",
    "Text",
    "from_source",
    "load_rule_set",
    "run_cases",
]


def __getattr__(name: str) -> Any:
    # Only who reads files needs YAML and pydantic; processes that are sent a rule set start twice as fast without.
    if name == "load_rule_set":
        from alerts.rules.loading import load_rule_set

        return load_rule_set
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
