"""All rules at one version: reads texts, names itself by a hash, and can be made again from what it keeps."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from alerts.rules.building import Builder
from alerts.rules.collecting import no_collecting
from alerts.rules.entries import parse_entry
from alerts.rules.lists import DEFAULT, Lists
from alerts.rules.matcher import Job, Match, Matcher, holds
from alerts.rules.meta import primary_tag
from alerts.rules.nodes import Node
from alerts.rules.page import Page
from alerts.rules.rule import Filter, Query, Rule, RuleClass, Severity, Stage, Status
from alerts.rules.silence import Silence
from alerts.rules.syntax import parse
from alerts.rules.values import Hit, Text
from alerts.rules.vocabulary import Vocabulary

ENGINE = "1"
"""Grows whenever the matcher would read an old text differently: then every rule set is a new one."""


@dataclass(frozen=True)
class Prepared:
    """The rules made ready for one language: jobs side by side with rules, and what made them."""

    language: str
    rules: tuple[Rule, ...]
    jobs: tuple[Job, ...]
    matcher: Matcher
    builder: Builder


@dataclass(frozen=True)
class RuleSet:
    """Rules, lists and filters at one version.

    Attributes:
        hash: SHA-256 (hex) of everything that decides over flags, the engine's version included.
        rules: all good rules, drafts included, sorted by id.
        source: JSON from which `from_source` makes the same rule set again.
        lists: the lists that the rules use.
        filters: the filters that apply to some rule.
        languages: those that some rule or list treats apart.
    """

    hash: str
    rules: tuple[Rule, ...]
    source: bytes
    lists: Lists = field(repr=False, compare=False)
    filters: tuple[Filter, ...] = field(default=(), repr=False, compare=False)
    languages: frozenset[str] = field(default=frozenset(), repr=False, compare=False)
    _ready: dict[tuple[str, bool], Prepared] = field(default_factory=dict, repr=False, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        """What travels to another process: not what this one has made and learnt from its own texts."""
        return {**self.__dict__, "_ready": {}}

    def read(self, text: Text, *, drafts: bool = False) -> tuple[Hit, ...]:
        """Every flag of every live rule (with `drafts` of all rules) on the text, in the order of rule ids."""
        prepared = self.prepared(text.language, drafts=drafts)
        return tuple(_hit(prepared.rules[match.rule], match) for match in prepared.matcher.read(text))

    def holding(self, text: Text) -> frozenset[str]:
        """Ids of the live rules that hit the text."""
        prepared = self.prepared(text.language)
        return frozenset(prepared.rules[index].id for index in prepared.matcher.holding(text))

    def explain_silence(self, text: Text, *, drafts: bool = False) -> tuple[tuple[str, str], ...]:
        """(rule id, reason) for every rule that does not fire on the text, such as "19 words apart, limit 12"."""
        prepared = self.prepared(text.language, drafts=drafts)
        page = prepared.matcher.page(text)
        reasons = {rule.id: self._silence(prepared, at, page) for at, rule in enumerate(prepared.rules)}
        for rule in self.rules:
            if rule.id not in reasons and (drafts or rule.live):
                reasons[rule.id] = f"has no find for `{prepared.language}`"
        return tuple((rule_id, reason) for rule_id, reason in sorted(reasons.items()) if reason)

    def _silence(self, prepared: Prepared, at: int, page: Page) -> str:
        """Why the rule at that place does not fire; empty if it does."""
        rule, job = prepared.rules[at], prepared.jobs[at]
        if holds(job, page) is not None:
            return ""
        filters = [one for one in self.filters if one.applies(rule)]
        # Of an unknown language every variant is tried, and the nearest miss of all is told.
        tags = [prepared.language] if prepared.language else sorted({DEFAULT, *self.languages})
        misses = [
            Silence(prepared.builder.in_language(tag), page, excluded_from(rule, filters)).nearest(query.node)
            for tag in tags
            if (query := find_in(rule, tag)) is not None
        ]
        missed = [miss for miss in misses if miss is not None]
        if len(missed) == len(misses):
            return max(missed, key=lambda miss: miss.closeness).reason
        if job.drop_if is not None and job.drop_if.test(page):
            drops = [
                query for tag in tags for query in drops_of(rule, filters) if self._drops(prepared, tag, query, page)
            ]
            return f"dropped by drop_if: {drops[0].text.strip()}"
        return f"{sum(number for number, plan in job.score if plan.test(page))} points, needs {job.at}"

    def _drops(self, prepared: Prepared, tag: str, query: Query, page: Page) -> bool:
        return prepared.builder.in_language(tag).build(query.node).test(page)

    def prepared(self, language: str, *, drafts: bool = False) -> Prepared:
        """The rules made ready for texts in a language; made at the first call for it."""
        tag = self._variant(primary_tag(language))
        known = self._ready.get((tag, drafts))
        if known is None:
            rules = [rule for rule in self.rules if drafts or rule.live]
            with no_collecting():
                known = self._ready[tag, drafts] = prepare(rules, self.lists, self.filters, tag)
        return known

    def rule(self, rule_id: str) -> Rule | None:
        """The rule with that id."""
        return next((rule for rule in self.rules if rule.id == rule_id), None)

    def _variant(self, tag: str) -> str:
        """All languages that no rule and no list treats apart share one variant."""
        return tag if not tag or tag in self.languages else DEFAULT


def _hit(rule: Rule, match: Match) -> Hit:
    stage = rule.stage.value if rule.stage else None
    severity = rule.severity_for(match.points).value
    return Hit(rule.id, rule.topic, rule.class_.value, stage, severity, rule.tags, match.evidence)


def make_rule_set(
    rules: Sequence[Rule], lists: Mapping[str, Mapping[str, Sequence[Query]]], filters: Sequence[Filter] = ()
) -> RuleSet:
    """A rule set from values found good. Lists that no rule uses are left out and do not change the hash."""
    every = Lists({name: _nodes(variants) for name, variants in lists.items()})
    rules = sorted(rules, key=lambda rule: rule.id)
    filters = tuple(one for one in filters if any(one.applies(rule) for rule in rules))
    used = every.used_by([query.node for query in queries_of(rules, filters)])
    content = {
        "engine": ENGINE,
        "filters": [one.canonical() for one in filters],
        "lists": {name: {tag: [query.text for query in lists[name][tag]] for tag in lists[name]} for name in used},
        "rules": [rule.canonical() for rule in rules],
    }
    source = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8", "replace")
    kept = Lists({name: every.by_name[name] for name in used if name in every.by_name})
    languages = kept.languages().union(*(rule.languages for rule in rules))
    return RuleSet(hashlib.sha256(source).hexdigest(), tuple(rules), source, kept, filters, languages)


def _nodes(variants: Mapping[str, Sequence[Query]]) -> dict[str, tuple[Node, ...]]:
    return {tag: tuple(query.node for query in queries) for tag, queries in variants.items()}


def queries_of(rules: Sequence[Rule], filters: Sequence[Filter]) -> list[Query]:
    """Every query of the rules and of the filters."""
    found = [query for rule in rules for query in rule.queries()]
    for one in filters:
        found += [*one.not_within, *([one.drop_if] if one.drop_if else [])]
    return found


def from_source(source: bytes) -> RuleSet:
    """The rule set that `RuleSet.source` was taken from. Its rules have no cases and no notes.

    Raises:
        ValueError: another version of the engine made it, and it may read differently now.
    """
    content: dict[str, Any] = json.loads(source)
    if content["engine"] != ENGINE:
        raise ValueError(f"this rule set is of engine version {content['engine']}, not {ENGINE}")
    lists = {
        name: {tag: tuple(_entry(text) for text in texts) for tag, texts in variants.items()}
        for name, variants in content["lists"].items()
    }
    filters = [
        Filter(
            one["id"],
            tuple(one["rules"]),
            tuple(one["topics"]),
            tuple(one["tags"]),
            tuple(map(_entry, one["not_within"])),
            _optional(one["drop_if"]),
        )
        for one in content["filters"]
    ]
    return make_rule_set([_rule(one) for one in content["rules"]], lists, filters)


def _rule(one: Mapping[str, Any]) -> Rule:
    severity = one["severity"]
    return Rule(
        id=one["id"],
        title=one["title"],
        topic=one["topic"],
        class_=RuleClass(one["class"]),
        severity=Severity(severity)
        if isinstance(severity, str)
        else {Severity(name): least for name, least in severity.items()},
        find=_optional(one["find"]),
        stage=Stage(one["stage"]) if one["stage"] else None,
        tags=tuple(one["tags"]),
        status=Status(one["status"]),
        languages={tag: _query(text) for tag, text in one["languages"].items()},
        not_within=tuple(map(_entry, one["not_within"])),
        drop_if=_optional(one["drop_if"]),
        score=tuple((points, _query(text)) for points, text in one["score"]),
        at=one["at"],
    )


def _query(text: str, read: Callable[[str], tuple[Node | None, Any]] = parse) -> Query:
    node, _ = read(text)
    if node is None:
        raise ValueError(f"not a query: {text}")
    return Query(text, node)


def _entry(text: str) -> Query:
    return _query(text, parse_entry)


def _optional(text: str | None) -> Query | None:
    return None if text is None else _query(text)


def prepare(rules: Sequence[Rule], lists: Lists, filters: Sequence[Filter], language: str) -> Prepared:
    """Make rules ready for one language (`default` for those nobody treats apart, empty for an unknown one).

    For an unknown language a rule holds if it would hold in some language. A rule without a find for the language is
    left out.
    """
    vocabulary = Vocabulary()
    builder = Builder(lists, language, vocabulary)
    tags = (
        [language]
        if language
        else sorted({DEFAULT, *lists.languages(), *(tag for rule in rules for tag in rule.languages)})
    )
    builders = [(tag, builder.in_language(tag)) for tag in tags]
    ready: list[tuple[Rule, Job]] = []
    for rule in rules:
        applying = [one for one in filters if one.applies(rule)]
        jobs = [job for tag, one in builders if (job := _job(rule, applying, one, tag)) is not None]
        if jobs:
            ready.append((rule, jobs[0] if len(jobs) == 1 else _either(jobs, builder)))
    every = tuple(job for _, job in ready)
    return Prepared(language, tuple(rule for rule, _ in ready), every, Matcher(every, vocabulary), builder)


def _either(jobs: Sequence[Job], builder: Builder) -> Job:
    """One rule's jobs in several languages as one."""
    drops = [job.drop_if for job in jobs if job.drop_if is not None]
    return Job(
        find=builder.any_of([job.find for job in jobs]),
        drop_if=builder.any_of(drops) if drops else None,
        score=tuple(
            (jobs[0].score[at][0], builder.any_of([job.score[at][1] for job in jobs]))
            for at in range(len(jobs[0].score))
        ),
        at=jobs[0].at,
    )


def _job(rule: Rule, filters: Sequence[Filter], builder: Builder, language: str) -> Job | None:
    query = find_in(rule, language)
    if query is None:
        return None
    excluded = excluded_from(rule, filters)
    apart = builder.any_of([builder.build(node) for node in excluded]) if excluded else None
    drops = drops_of(rule, filters)
    return Job(
        find=builder.build(query.node, apart_from=apart),
        drop_if=builder.any_of([builder.build(drop.node) for drop in drops]) if drops else None,
        score=tuple((points, builder.build(part.node, apart_from=apart)) for points, part in rule.score),
        at=rule.at,
    )


def excluded_from(rule: Rule, filters: Sequence[Filter]) -> list[Node]:
    """Inside what a mention does not count for the rule."""
    return [query.node for query in (*rule.not_within, *(query for one in filters for query in one.not_within))]


def drops_of(rule: Rule, filters: Sequence[Filter]) -> list[Query]:
    """The queries of which each drops an article for the rule."""
    return [query for query in (rule.drop_if, *(one.drop_if for one in filters)) if query is not None]


def find_in(rule: Rule, language: str) -> Query | None:
    """The rule's find for texts in that language; None if it is not for it."""
    return rule.languages.get(language, rule.find)
