"""A rule laid open: with all its brackets, its lists written out for each language, and where it is used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alerts.desks import Desk
from alerts.rules import Rule, RuleSet, Severity, Text
from alerts.rules.building import Builder
from alerts.rules.lists import DEFAULT
from alerts.rules.matcher import required
from alerts.rules.nodes import show
from alerts.rules.page import Page
from alerts.rules.rule import Query
from alerts.rules.ruleset import find_in
from alerts.rules.vocabulary import Vocabulary

ENTRIES_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Clause:
    """The words of which a text must hold one for the rule to be looked at, and how rare they are.

    Attributes:
        articles: how many of the texts it was measured on hold one of the words; None without texts.
    """

    words: tuple[str, ...]
    articles: int | None


@dataclass(frozen=True, slots=True)
class Variant:
    """A rule as it reads articles of one language (empty: all whose language is unknown).

    Attributes:
        query: bracketed.
        lists: name -> entries in this language.
        clause: None when the rule must be looked at for every text.
    """

    language: str
    query: str
    lists: Mapping[str, tuple[str, ...]]
    clause: Clause | None


def variants(rule_set: RuleSet, rule: Rule, languages: Sequence[str], texts: Sequence[Text] = ()) -> list[Variant]:
    """How a rule reads each language; a language for which it has no query is left out.

    Args:
        rule_set: holds `rule`, drafts included.
        rule: which.
        languages: primary tags.
        texts: some of the archive, by which the rarest clause is chosen and measured; else short words count as common.
    """
    found = ((tag, find_in(rule, tag)) for tag in languages)
    return [_variant(rule_set, rule, (tag, query), texts) for tag, query in found if query is not None]


def _variant(rule_set: RuleSet, rule: Rule, of: tuple[str, Query], texts: Sequence[Text]) -> Variant:
    tag, query = of
    apart = [rule.drop_if] if rule.drop_if else []
    queries = [query, *rule.not_within, *apart, *(part for _, part in rule.score)]
    used = rule_set.lists.used_by([one.node for one in queries])
    entries = {name: tuple(show(entry) for entry in rule_set.lists.entries(name, tag)) for name in used}
    return Variant(tag, show(query.node), entries, _clause(rule_set, query, tag, texts))


def _clause(rule_set: RuleSet, query: Query, tag: str, texts: Sequence[Text]) -> Clause | None:
    vocabulary = Vocabulary()
    builder = Builder(rule_set.lists, tag, vocabulary)
    plan = builder.build(query.node)
    pages = [Page(text, vocabulary).at.keys() for text in texts if not tag or text.language in {tag, ""}]
    seen = Counter(term for page in pages for term in page)
    name = vocabulary.name
    clause = required(plan, lambda term: 1.0 + seen[term] + 1.0 / len(name(term)), {})
    if clause is None:
        return None
    _, terms = clause
    words = tuple(sorted(map(name, terms)))
    return Clause(words, sum(not terms.isdisjoint(page) for page in pages) if texts else None)


def languages_of(rule_set: RuleSet, rule: Rule) -> tuple[str, ...]:
    """The languages that the rule, or a list it uses, treats apart; `default` for all others."""
    used = rule_set.lists.used_by([query.node for query in rule.queries()])
    tags = {tag for name in used for tag in rule_set.lists.by_name[name]} | set(rule.languages)
    return (*sorted(tags - {DEFAULT}), DEFAULT)


def desks_told(rule: Rule, desks: Iterable[Desk]) -> list[str]:
    """Desks whose choices take flags of the rule, as far as the rule decides it."""
    severities = {rule.severity} if isinstance(rule.severity, Severity) else set(rule.severity)
    found = []
    for desk in desks:
        choices: list[tuple[Sequence[str], set[str]]] = [
            (desk.topics, {rule.topic}),
            (desk.classes, {rule.class_.value}),
            (desk.rules, {rule.id}),
            (desk.severities, {severity.value for severity in severities}),
            (desk.tags, set(rule.tags)),
        ]
        if rule.live and all(not chosen or values.intersection(chosen) for chosen, values in choices):
            found.append(desk.id)
    return found


def list_users(rule_set: RuleSet, name: str) -> list[str]:
    """Ids of the rules that use a list, directly or through another one."""
    return [rule.id for rule in rule_set.rules if name in rule_set.lists.used_by([q.node for q in rule.queries()])]


def as_dict(rule: Rule, made: Sequence[Variant]) -> dict[str, Any]:
    """A rule laid open, for JSON."""
    return {
        **rule.canonical(),
        "file": rule.file,
        "find": show(rule.find.node) if rule.find else None,
        "drop_if": show(rule.drop_if.node) if rule.drop_if else None,
        "score": [[points, show(query.node)] for points, query in rule.score],
        "variants": [
            {
                "language": one.language,
                "query": one.query,
                "lists": {name: list(entries) for name, entries in one.lists.items()},
                "rarest": None if one.clause is None else list(one.clause.words),
                "rarest_articles": None if one.clause is None else one.clause.articles,
            }
            for one in made
        ],
        "note": rule.note,
        "cases": len(rule.cases),
    }


def describe(rule: Rule, made: Sequence[Variant], measured: int) -> Iterator[str]:
    """A rule laid open, for a person; `measured` is on how many articles the rarest words were counted."""
    stage = f" {rule.stage.value}" if rule.stage else ""
    severity = rule.severity.value if isinstance(rule.severity, Severity) else _thresholds(rule.severity)
    yield f"{rule.id}: {rule.title}"
    yield f"  {rule.topic}{stage}, {rule.class_.value}, severity {severity}, {rule.status.value}"
    if rule.tags:
        yield f"  tags {', '.join(rule.tags)}"
    yield f"  file {rule.file}"
    shown = ""
    for one in made:
        yield f"{one.language or 'unknown language'}:"
        if one.query != shown:
            yield f"  find {one.query}"
            shown = one.query
        for name, entries in one.lists.items():
            yield f"  @{name} = {_some(entries) if entries else 'nothing in this language'}"
        yield f"  looked at when a text has {_rarest(one.clause, measured)}"
    for query in rule.not_within:
        yield f"not within: {show(query.node)}"
    if rule.drop_if:
        yield f"drop if: {show(rule.drop_if.node)}"
    for points, query in rule.score:
        yield f"{points:+} points: {show(query.node)}"
    if rule.at is not None:
        yield f"needs {rule.at} points"
    if rule.note:
        yield f"note: {' '.join(rule.note.split())}"


def _thresholds(severity: Mapping[Severity, int]) -> str:
    return ", ".join(f"{name.value} from {least} points" for name, least in severity.items())


def _rarest(clause: Clause | None, measured: int) -> str:
    if clause is None:
        return "anything: no word is needed, so every text is looked at"
    share = "" if clause.articles is None else f" ({clause.articles} of the newest {measured} articles)"
    return f"{_some(clause.words, ' or ')}{share}"


def _some(entries: Sequence[str], between: str = ", ") -> str:
    more = len(entries) - ENTRIES_SHOWN
    return between.join(entries[:ENTRIES_SHOWN]) + (f" and {more} more" if more > 0 else "")
