"""Ten million pairs of a rule and a text: flags and evidence are those of the reference."""

from __future__ import annotations

import json
import os
import random
from dataclasses import replace
from pathlib import Path

import pytest

from alerts.rules import RuleSet, Text, load_rule_set
from alerts.rules.rule import Rule
from alerts.rules.ruleset import drops_of, excluded_from, find_in
from benchmarks.rules_peers.ours import build
from benchmarks.rules_peers.workload import SEED, make_language, make_lists, make_rules, make_texts
from tests.rules.bulk import Index, Pattern, indexed, needs, patterns_in
from tests.rules.reference import Reader, Tree, any_of

CONFIG = Path(__file__).parents[2] / "config"
CORPUS = os.environ.get("CEASEWIRE_CORPUS", "")
PARTS = 4
RULES = 10_000
TEXTS = 1_010
LENGTH = 1_500


class Checked:
    """A rule as the reference reads it in one language."""

    def __init__(self, rule_set: RuleSet, rule: Rule, maker: Reader) -> None:
        query = find_in(rule, maker.language)
        filters = [one for one in rule_set.filters if one.applies(rule)]
        excluded = excluded_from(rule, filters)
        apart = any_of(maker.tree(one) for one in excluded) if excluded else None
        self.id = rule.id
        self.at = rule.at
        self.find: Tree = maker.tree(query.node, "text", apart) if query else ("any", frozenset())
        self.drops = [maker.tree(one.node) for one in drops_of(rule, filters)]
        self.score = [(points, maker.tree(part.node, "text", apart)) for points, part in rule.score]
        self.needs = needs(self.find)

    def fires(self, reader: Reader) -> bool:
        if not reader.holds(self.find) or any(reader.holds(drop) for drop in self.drops):
            return False
        points = sum(number for number, part in self.score if reader.holds(part))
        return self.at is None or points >= self.at

    def patterns(self) -> set[Pattern]:
        trees = [self.find, *self.drops, *(tree for _, tree in self.score)]
        return {one for tree in trees for one in patterns_in(tree)}


class Reference:
    """All rules of a set in one language."""

    def __init__(self, rule_set: RuleSet, language: str) -> None:
        self._set = rule_set
        self._language = language
        maker = Reader(Text("", ""), language, {name: dict(of) for name, of in rule_set.lists.by_name.items()})
        self._rules = [Checked(rule_set, rule, maker) for rule in rule_set.rules]
        self._index = Index(one for rule in self._rules for one in rule.patterns())

    def compare(self, text: Text) -> tuple[int, int]:
        """Pairs compared, and flags among them."""
        hits = {hit.rule: hit.evidence for hit in self._set.read(text, drafts=True)}
        reader = indexed(text, self._language, self._index)
        present, flags = reader.at.keys(), 0
        for rule in self._rules:
            if any(map(present.isdisjoint, rule.needs)) or not rule.fires(reader):
                assert rule.id not in hits, f"{rule.id}: {text}"
                continue
            assert hits.get(rule.id) == reader.evidence(rule.find), f"{rule.id}: {text}"
            flags += 1
        return len(self._rules), flags


def generated(part: int, texts: int, rules: int) -> tuple[Reference, list[Text]]:
    language = make_language(random.Random(SEED))
    rule_set = build(make_rules(language, rules)[part::PARTS], make_lists(language))
    return Reference(rule_set, "default"), [cut(text) for text in make_texts(language, texts, 7)]


def cut(text: Text) -> Text:
    return replace(text, body=text.body[:LENGTH])


def test_thousands_of_generated_pairs_agree() -> None:
    reference, texts = generated(0, 12, 1200)
    pairs, flags = (sum(column) for column in zip(*map(reference.compare, texts), strict=True))
    assert pairs == 12 * 300
    assert flags


def test_the_index_finds_words_where_the_reference_does() -> None:
    reference, texts = generated(1, 2, 400)
    for text in texts:
        quick, plain = indexed(text, "default", reference._index), Reader(text, "default")
        for pattern in {one for rule in reference._rules for one in rule.patterns()}:
            assert quick.word_spans(*pattern) == plain.word_spans(*pattern)


@pytest.mark.heavy
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("part", range(PARTS))
def test_ten_million_generated_pairs_agree(part: int) -> None:
    reference, texts = generated(part, TEXTS, RULES)
    pairs, flags = (sum(column) for column in zip(*map(reference.compare, texts), strict=True))
    assert pairs * PARTS >= 10_000_000
    assert flags > 1_000


@pytest.mark.heavy
@pytest.mark.corpus
@pytest.mark.timeout(1200)
@pytest.mark.skipif(not CORPUS, reason="CEASEWIRE_CORPUS names no corpus")
def test_the_packs_read_the_whole_corpus_as_the_reference_does() -> None:
    packs = load_rule_set(CONFIG / "rules", CONFIG / "lists", CONFIG / "filters.yaml")[0]
    references = {language: Reference(packs, language) for language in packs.languages}
    flags = 0
    for line in (Path(CORPUS) / "detection" / "dev.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        flags += references[row["lang"]].compare(Text(row["title"], row["text"], row["lang"]))[1]
    assert flags > 100
