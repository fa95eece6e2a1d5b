"""The shipped rules against the plain reference: on their own cases, and on real news where a corpus is at hand."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from alerts.rules import Hit, RuleSet, Text, load_rule_set
from alerts.rules.cases import case_text
from alerts.rules.rule import Rule
from alerts.rules.ruleset import drops_of, excluded_from, find_in
from tests.rules.reference import Reader, Tree, any_of

CONFIG = Path(__file__).parents[2] / "config"
CORPUS = os.environ.get("CEASEWIRE_CORPUS", "")
DOCUMENTS = 20


@pytest.fixture(scope="module")
def packs() -> RuleSet:
    return load_rule_set(CONFIG / "rules", CONFIG / "lists", CONFIG / "filters.yaml")[0]


def expected(rule_set: RuleSet, rule: Rule, reader: Reader) -> Tree | None:
    """What the rule finds in the text by the reference; None if it does not fire."""
    query = find_in(rule, reader.language)
    if query is None:
        return None
    filters = [one for one in rule_set.filters if one.applies(rule)]
    excluded = excluded_from(rule, filters)
    apart = any_of(reader.tree(one) for one in excluded) if excluded else None
    tree = reader.tree(query.node, "text", apart)
    if not reader.holds(tree) or any(reader.holds(reader.tree(drop.node)) for drop in drops_of(rule, filters)):
        return None
    points = sum(number for number, part in rule.score if reader.holds(reader.tree(part.node, "text", apart)))
    return tree if rule.at is None or points >= rule.at else None


def compare(rule_set: RuleSet, text: Text) -> tuple[Hit, ...]:
    language = text.language if text.language in rule_set.languages else "default"
    reader = Reader(text, language, {name: dict(of) for name, of in rule_set.lists.by_name.items()})
    hits = {hit.rule: hit for hit in rule_set.read(text, drafts=True)}
    for rule in rule_set.rules:
        tree = expected(rule_set, rule, reader)
        assert (rule.id in hits) == (tree is not None), rule.id
        if tree is not None:
            assert hits[rule.id].evidence == reader.evidence(tree), rule.id
    return tuple(hits.values())


def test_the_packs_read_their_cases_as_the_reference_does(packs: RuleSet) -> None:
    some = [case for rule in packs.rules for case in rule.cases][::50]
    texts = [case_text(case) for case in some]
    assert sum(len(compare(packs, Text(text.title, text.body, text.language or "en"))) for text in texts)


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS, reason="CEASEWIRE_CORPUS names no corpus")
def test_the_packs_read_real_news_as_the_reference_does(packs: RuleSet) -> None:
    lines = (Path(CORPUS) / "detection" / "dev.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines[:: len(lines) // DOCUMENTS]]
    hits = [compare(packs, Text(row["title"], row["text"], row["lang"])) for row in rows]
    assert sum(map(len, hits)) > DOCUMENTS // 4
