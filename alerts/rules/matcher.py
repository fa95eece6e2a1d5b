"""Which rules hit a text. Most rules are never looked at: each waits for the rarest words it cannot do without.

How rare a word is, the matcher learns from the texts it reads; which rules hit does not depend on it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

from alerts.rules.atoms import AnyWord, Plan, Row
from alerts.rules.evidence import find_evidence
from alerts.rules.page import Page
from alerts.rules.plan import AllOf, AnyOf, Close, Times, Together, Without
from alerts.rules.values import Evidence, Text
from alerts.rules.vocabulary import Vocabulary

_LEARN_AT = (50, 500)
"""After so many texts the rules choose their words anew."""
_GATES = 4
"""So many things that a rule needs are looked for before the rule is looked at."""


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
        self._gates: list[tuple[frozenset[int], ...]] = []
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

    def holding(self, text: Text) -> list[int]:
        """The rules (indexes among the jobs) that hit the text: as `read`, without looking for the evidence."""
        page = self.page(text)
        self._learn(page)
        return [index for index in self._candidates(page) if holds(self._jobs[index], page) is not None]

    def looked_at(self, text: Text) -> list[int]:
        """The rules (indexes among the jobs) whose rarest required words occur in the text."""
        return self._candidates(self.page(text))

    def _candidates(self, page: Page) -> list[int]:
        present, waiting, gates = page.at.keys(), self._waiting, self._gates
        chosen = set(self._always).union(*map(waiting.__getitem__, present & waiting.keys()))
        # A view of keys walks the smaller of both sides; a set would walk the whole page.
        absent = present.isdisjoint
        open_to = []
        for index in sorted(chosen):
            for gate in gates[index]:
                if absent(gate):
                    break
            else:
                open_to.append(index)
        return open_to

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
        known: dict[int, _Clauses] = {}
        gates: list[tuple[frozenset[int], ...]] = []
        for index, job in enumerate(self._jobs):
            clauses = clauses_of(job.find, cost.__getitem__, known)
            if not clauses:
                always.append(index)
                gates.append(())
                continue
            for term in clauses[0][1]:
                waiting.setdefault(term, []).append(index)
            # What occurs in most texts tells nothing.
            gates.append(tuple(terms for share, terms in clauses[1:] if share < max(self._texts, 2) / 2))
        self._gates = gates
        self._waiting = {term: tuple(rules) for term, rules in waiting.items()}
        self._always = tuple(always)


def holds(job: Job, page: Page) -> int | None:
    """The points of a rule that hits the page (0 without a score), None if it does not."""
    if not job.find.test(page) or (job.drop_if is not None and job.drop_if.test(page)):
        return None
    points = sum(number for number, plan in job.score if plan.test(page)) if job.score else 0
    return None if job.at is not None and points < job.at else points


_Clause = tuple[float, frozenset[int]]
"""Words of which at least one must occur, behind how many occurrences they are expected to have."""
_Clauses = tuple[_Clause, ...]


def required(plan: Plan, cost: Callable[[int], float], known: dict[int, _Clauses]) -> _Clause | None:
    """The rarest set of words of which at least one must occur for the plan to hold; None if there is no such set."""
    return next(iter(clauses_of(plan, cost, known)), None)


def clauses_of(plan: Plan, cost: Callable[[int], float], known: dict[int, _Clauses]) -> _Clauses:
    """What must occur for the plan to hold, rarest first; empty if it may hold without any of the rules' words."""
    if plan.number in known:
        return known[plan.number]
    answer: _Clauses = ()
    match plan:
        case AnyWord():
            answer = ((sum(map(cost, plan.terms)), plan.terms),)
        case Row():
            answer = tuple((cost(term), frozenset((term,))) for term in sorted(set(plan.terms), key=cost))
        case AnyOf():
            parts = [clauses_of(part, cost, known) for part in plan.others]
            if all(parts):
                # Of a phrase its rarest word.
                rarest = (min(row.terms, key=cost) for group in plan.rows.values() for row in group)
                terms = frozenset(chain(rarest, *(clauses[0][1] for clauses in parts)))
                answer = ((sum(map(cost, terms)), terms),)
        case AllOf():
            answer = _rarest(plan.items, cost, known)
        case Close() | Together():
            answer = _rarest((plan.left, plan.right), cost, known)
        case Without():
            answer = clauses_of(plan.left, cost, known)
        case Times():
            answer = clauses_of(plan.item, cost, known)
    known[plan.number] = answer
    return answer


def _rarest(plans: Sequence[Plan], cost: Callable[[int], float], known: dict[int, _Clauses]) -> _Clauses:
    every = dict.fromkeys(clause for plan in plans for clause in clauses_of(plan, cost, known))
    return tuple(sorted(every, key=lambda clause: clause[0])[:_GATES])
