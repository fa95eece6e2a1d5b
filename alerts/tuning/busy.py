"""Rules that must look at too many articles: their rarest words are common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from alerts.rules import RuleSet, Text
from alerts.rules.lint import COMMON_SHARE, busy_rules
from crawler.configfile import read_document
from crawler.errors import Problem


def busy_warnings(rule_set: RuleSet, texts: Sequence[Text]) -> Iterator[Problem]:
    """A warning, at the query, for each live rule whose rarest required words stand in over 10 % of the texts."""
    for text in texts:
        # Reading is how the matcher learns which words are rare.
        rule_set.read(text)
    for name, share in busy_rules(rule_set, texts).items():
        rule = rule_set.rule(name)
        document = read_document(Path(rule.file))[0] if rule is not None else None
        if rule is None or document is None:
            continue
        yield document.problem(
            ("find",) if rule.find is not None else ("languages",),
            f"{share:.0%} of the newest {len(texts):,} articles hold the rarest words of this rule",
            expected=f"words that stand in at most {COMMON_SHARE:.0%}",
            hint=f"add a second condition with rarer words; `ceasewire rules explain {name}` shows what it waits for",
            code="busy-rule",
            warning=True,
        )
