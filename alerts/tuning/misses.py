"""What nearly fired: rules whose words are all there, in the wrong place or too far apart."""

from __future__ import annotations

from dataclasses import dataclass

from alerts.rules import Rule, RuleSet, Text
from alerts.rules.lists import DEFAULT
from alerts.rules.matcher import Job, holds
from alerts.rules.page import Page
from alerts.rules.ruleset import Prepared, excluded_from, find_in
from alerts.rules.silence import Silence

BLOCKED = 1000
"""`find` holds and something else of the rule stands against it: the nearest of all misses."""
NEAR = 500
"""From here up every part of the rule is in the text."""
PARTLY = 250
"""From here up one part is missing."""


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A rule that did not fire.

    Attributes:
        rule: its id.
        reason: what was missing, such as "19 words apart, limit 12".
        closeness: larger is nearer; see `NEAR` and `PARTLY`.
    """

    rule: str
    reason: str
    closeness: int


def near_misses(rule_set: RuleSet, text: Text, *, drafts: bool = False, at_least: int = NEAR) -> tuple[NearMiss, ...]:
    """The rules that nearly fired on a text, the nearest first."""
    prepared = rule_set.prepared(text.language, drafts=drafts)
    page = prepared.matcher.page(text)
    found = []
    for rule, job in zip(prepared.rules, prepared.jobs, strict=True):
        miss = _miss(rule_set, prepared, (rule, job), page)
        if miss is not None and miss.closeness >= at_least:
            found.append(miss)
    return tuple(sorted(found, key=lambda miss: (-miss.closeness, miss.rule)))


def _miss(rule_set: RuleSet, prepared: Prepared, of: tuple[Rule, Job], page: Page) -> NearMiss | None:
    rule, job = of
    if holds(job, page) is not None:
        return None
    if job.find.test(page):
        return NearMiss(rule.id, _blocked(job, page), BLOCKED)
    excluded = excluded_from(rule, [one for one in rule_set.filters if one.applies(rule)])
    # Of an unknown language every variant is tried, as the matcher does.
    tags = [prepared.language] if prepared.language else sorted({DEFAULT, *rule_set.languages})
    misses = [
        miss
        for tag in tags
        if (query := find_in(rule, tag)) is not None
        and (miss := Silence(prepared.builder.in_language(tag), page, excluded).nearest(query.node)) is not None
    ]
    nearest = max(misses, key=lambda miss: miss.closeness, default=None)
    return None if nearest is None else NearMiss(rule.id, nearest.reason, nearest.closeness)


def _blocked(job: Job, page: Page) -> str:
    if job.drop_if is not None and job.drop_if.test(page):
        return "dropped by drop_if"
    points = sum(number for number, plan in job.score if plan.test(page))
    return f"{points} points, needs {job.at}"
