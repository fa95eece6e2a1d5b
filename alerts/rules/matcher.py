"""Which rules hit a text. Most rules are never looked at: each waits for the rarest words it cannot do without.

How rare a word is, the matcher learns from the texts it reads; which rules hit does not depend on it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from alerts.rules.atoms import AnyWord, Plan, Row
from alerts.rules.evidence import find_evidence
from alerts.rules.page import Page
from alerts.rules.plan import AllOf, AnyOf, Close, Times, Together, Without
from alerts.rules.values import Evidence, Text
from alerts.rules.vocabulary import Vocabulary

_LEARN_AT = (50, 500, 5000)
"""After so many texts the rules choose their words anew."""


@dataclass(frozen=True, slots=True)
class Job:
    """One rule made ready for one language: `find` opens the gate, `drop_if` closes it, `score` adds points."""

    find: Plan
    drop_if: Plan | None = None
    score: tuple[tuple[int, Plan], ...] = ()
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """A rule (its index among the jobs) that hit, with its points."""

    rule: int
    points: int
    evidence: Evidence


class Matcher:
    """Reads texts with many rules at once."""

    def __init__(self, jobs: Sequence[Job], vocabulary: Vocabulary) -> None:
        self._jobs = jobs
        self._vocabulary = vocabulary
        self._seen: Counter[int] = Counter()
        self._texts = 0
        self._waiting: dict[int, tuple[int, ...]] = {}
        self._always: tuple[int, ...] = ()
        self._choose()

    def page(self, text: Text) -> Page:
        """The text, ready for the plans of this matcher's jobs."""
        return Page(text, self._vocabulary)

    def read(self, text: Text) -> list[Match]:
        """Every rule that hits, in the order of the jobs."""
        page = self.page(text)
        self._learn(page)
        found: list[Match] = []
        for index in self._candidates(page):
            job = self._jobs[index]
            points = holds(job, page)
            if points is not None:
                found.append(Match(index, points, find_evidence(job.find, page)))
        return found

    def looked_at(self, text: Text) -> list[int]:
        """The rules (indexes among the jobs) whose rarest required words occur in the text."""
        return self._candidates(self.page(text))

    def _candidates(self, page: Page) -> list[int]:
        waiting, chosen = self._waiting, set(self._always)
        for term in page.at.keys() & waiting.keys():
            chosen.update(waiting[term])
        return sorted(chosen)

    def _learn(self, page: Page) -> None:
        if self._texts >= _LEARN_AT[-1]:
            return
        self._texts += 1
        self._seen.update(page.at.keys())
        if self._texts in _LEARN_AT:
            self._choose()

    def _choose(self) -> None:
        """Let every rule wait for the words that it needs and that are seen least often."""
        waiting: dict[int, list[int]] = {}
        always: list[int] = []
        seen, name = self._seen, self._vocabulary.name
        cost = {term: 1.0 + seen[term] + 1.0 / len(name(term)) for term in range(self._vocabulary.size)}
        known: dict[int, tuple[float, frozenset[int]] | None] = {}
        for index, job in enumerate(self._jobs):
            clause = required(job.find, cost.__getitem__, known)
            if clause is None:
                always.append(index)
                continue
            for term in clause[1]:
                waiting.setdefault(term, []).append(index)
        self._waiting = {term: tuple(rules) for term, rules in waiting.items()}
        self._always = tuple(always)


def holds(job: Job, page: Page) -> int | None:
    """The points of a rule that hits the page (0 without a score), None if it does not."""
    if not job.find.test(page) or (job.drop_if is not None and job.drop_if.test(page)):
        return None
    points = sum(number for number, plan in job.score if plan.test(page))
    return None if job.at is not None and points < job.at else points


_Clause = tuple[float, frozenset[int]]


def required(plan: Plan, cost: Callable[[int], float], known: dict[int, _Clause | None]) -> _Clause | None:
    """The cheapest set of words of which at least one must occur for the plan to hold; None if there is no such set."""
    if plan.number in known:
        return known[plan.number]
    answer: _Clause | None = None
    match plan:
        case AnyWord():
            answer = sum(map(cost, plan.terms)), plan.terms
        case Row():
            rarest = min(plan.terms, key=cost)
            answer = cost(rarest), frozenset((rarest,))
        case AnyOf():
            rows = [row for group in plan.rows.values() for row in group]
            clauses = [required(part, cost, known) for part in (*plan.others, *rows)]
            if all(clause is not None for clause in clauses):
                terms = frozenset(term for clause in clauses if clause for term in clause[1])
                answer = sum(map(cost, terms)), terms
        case AllOf():
            answer = _cheapest(plan.items, cost, known)
        case Close() | Together():
            answer = _cheapest((plan.left, plan.right), cost, known)
        case Without():
            answer = required(plan.left, cost, known)
        case Times():
            answer = required(plan.item, cost, known)
    known[plan.number] = answer
    return answer


def _cheapest(plans: Sequence[Plan], cost: Callable[[int], float], known: dict[int, _Clause | None]) -> _Clause | None:
    clauses = [clause for plan in plans if (clause := required(plan, cost, known)) is not None]
    return min(clauses, key=lambda clause: clause[0], default=None)
