"""A rule's cases: texts it must flag and texts it must not, run against the whole rule set."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from alerts.rules.rule import Case, Rule
from alerts.rules.ruleset import RuleSet
from alerts.rules.values import Hit, Text

_SHOWN = 160


@dataclass(frozen=True, slots=True)
class CaseFailure:
    """A case that the rule does not pass.

    Attributes:
        rule: id of the rule.
        kind: flags or ignores.
        number: 1-based place among the cases of that kind.
        text: the beginning of the case's text.
        wanted: what the case asks for, in words.
        got: what the rule did, in words.
        evidence: the sentence that was flagged; empty if nothing was.
        terms: the words found in it.
        near_miss: what was missing for a flag; empty if there was one.
        file: where the rule stands.
    """

    rule: str
    kind: str
    number: int
    text: str
    wanted: str
    got: str
    evidence: str
    terms: tuple[str, ...]
    near_miss: str
    file: str

    def __str__(self) -> str:
        """Some lines for a person."""
        rows = [f"{self.rule}: cases.{self.kind}, number {self.number}: wanted {self.wanted}, got {self.got}"]
        rows.append(f"    text: {self.text}")
        if self.evidence:
            rows.append(f"    evidence: {self.evidence}")
            rows.append(f"    found: {', '.join(self.terms)}")
        if self.near_miss:
            rows.append(f"    nearest miss: {self.near_miss}")
        return "\n".join(rows)


@dataclass(frozen=True, slots=True)
class CaseReport:
    """What became of all cases. `notes` tell of todo cases that have begun to pass."""

    passed: int
    failures: tuple[CaseFailure, ...]
    notes: tuple[str, ...]


def run_cases(rule_set: RuleSet, only: Collection[str] = ()) -> CaseReport:
    """Run every case of every rule, drafts included, or of the rules named in `only`. Never stops early."""
    passed = 0
    failures: list[CaseFailure] = []
    notes: list[str] = []
    for rule in rule_set.rules:
        if only and rule.id not in only:
            continue
        for case in rule.cases:
            hit = _hit(rule_set, rule, case)
            good = (hit is not None) == case.kind.endswith("flags")
            if case.kind.startswith("todo_"):
                if good:
                    target = case.kind.removeprefix("todo_")
                    notes.append(
                        f"{rule.id}: cases.{case.kind}, number {case.index + 1} passes now: move it to {target}"
                    )
            elif good:
                passed += 1
            else:
                failures.append(_failure(rule_set, rule, case, hit))
    return CaseReport(passed, tuple(failures), tuple(notes))


def case_text(case: Case) -> Text:
    """The text of a case."""
    return Text(case.title, case.body, case.lang, case.source, case.country, case.url, case.authors, case.labels)


def _hit(rule_set: RuleSet, rule: Rule, case: Case) -> Hit | None:
    return next((hit for hit in rule_set.read(case_text(case), drafts=True) if hit.rule == rule.id), None)


def _failure(rule_set: RuleSet, rule: Rule, case: Case, hit: Hit | None) -> CaseFailure:
    shown = " ".join(f"{case.title}\n{case.body}".split())
    terms: tuple[str, ...] = ()
    near_miss = evidence = ""
    if hit is not None:
        found = hit.evidence
        field = case.title if found.field == "title" else case.body
        terms = tuple(field[start:end] for start, end in found.terms)
        evidence = found.sentence
    else:
        near_miss = dict(rule_set.explain_silence(case_text(case), drafts=True)).get(rule.id, "")
    return CaseFailure(
        rule=rule.id,
        kind=case.kind,
        number=case.index + 1,
        text=shown if len(shown) <= _SHOWN else shown[: _SHOWN - 3] + "...",
        wanted="a flag" if case.kind == "flags" else "no flag",
        got="no flag" if hit is None else f"a flag in the {hit.evidence.field}",
        evidence=evidence,
        terms=terms,
        near_miss=near_miss,
        file=rule.file,
    )
