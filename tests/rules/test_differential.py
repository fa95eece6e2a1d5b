"""The matcher against the plain reference: equal flags and equal evidence, on rules and texts nobody thought of."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from alerts.rules.nodes import Node, show
from alerts.rules.rule import Query, Rule, RuleClass, Severity
from alerts.rules.ruleset import RuleSet, make_rule_set
from alerts.rules.syntax import parse
from alerts.rules.values import Text
from tests.rules.dense import Draw
from tests.rules.reference import Reader, any_of
from tests.rules.samples import phrases, queries, spans, texts, themes, words

quick = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


def rule_set(find: Node, excluded: tuple[Node, ...] = ()) -> RuleSet:
    query = Query(show(find), find)
    within = tuple(Query(show(one), one) for one in excluded)
    return make_rule_set([Rule("r", "t", "ceasefire", RuleClass.EVENT, Severity.HIGH, query, not_within=within)], {})


def compare(find: Node, text: Text, excluded: tuple[Node, ...] = ()) -> bool:
    """Both ways agree; returns whether there was a hit."""
    hits = rule_set(find, excluded).read(text)
    reader = Reader(text, text.language)
    apart = any_of(reader.tree(one) for one in excluded) if excluded else None
    tree = reader.tree(find, "text", apart)
    assert bool(hits) == reader.holds(tree), show(find)
    if hits:
        assert hits[0].evidence == reader.evidence(tree), show(find)
    return bool(hits)


RULES_A_TEXT = 8
TEXTS_A_SET = 6


def compare_many(seed: int) -> tuple[int, int]:
    """Eight rules in one set, read on six texts; returns pairs compared and hits among them."""
    draw = Draw.of(seed)
    finds = {f"r{index}": draw.query() for index in range(RULES_A_TEXT)}
    excluded = {name: tuple(draw.spans(1) for _ in range(draw.random.choice((0, 0, 1, 2)))) for name in finds}
    rules = [
        Rule(
            name,
            "t",
            "ceasefire",
            RuleClass.EVENT,
            Severity.HIGH,
            Query(show(find), find),
            not_within=tuple(Query(show(one), one) for one in excluded[name]),
        )
        for name, find in finds.items()
    ]
    rules_together = make_rule_set(rules, {})
    hits = 0
    for _ in range(TEXTS_A_SET):
        text = draw.text()
        found = {hit.rule: hit.evidence for hit in rules_together.read(text)}
        reader = Reader(text, text.language)
        for name, find in finds.items():
            apart = any_of(reader.tree(one) for one in excluded[name]) if excluded[name] else None
            tree = reader.tree(find, "text", apart)
            what = f"seed {seed}, {name}: {show(find)} not_within {[show(one) for one in excluded[name]]}: {text}"
            assert (name in found) == reader.holds(tree), what
            if name in found:
                assert found[name] == reader.evidence(tree), what
                hits += 1
    return RULES_A_TEXT * TEXTS_A_SET, hits


def test_thousands_of_drawn_pairs_agree() -> None:
    counted = [compare_many(seed) for seed in range(80)]
    pairs, hits = (sum(column) for column in zip(*counted, strict=True))
    assert hits > pairs / 6


@pytest.mark.heavy
@pytest.mark.timeout(1200)
def test_hundreds_of_thousands_of_drawn_pairs_agree() -> None:
    for seed in range(1000, 6000):
        compare_many(seed)


@settings(quick, max_examples=150)
@given(st.data())
def test_hits_and_evidence_are_those_of_the_reference(data: st.DataObject) -> None:
    theme = data.draw(themes())
    event(f"hit: {compare(data.draw(queries(theme)), data.draw(texts(theme)))}")


@settings(quick, max_examples=60)
@given(st.data())
def test_exclusions_drop_the_mentions_that_the_reference_drops(data: st.DataObject) -> None:
    theme = data.draw(themes())
    excluded = st.lists(st.one_of(words(theme), phrases(theme), spans(theme, 1)), min_size=1, max_size=2)
    find, dropped = data.draw(spans(theme, 2)), tuple(data.draw(excluded))
    event(f"hit: {compare(find, data.draw(texts(theme)), dropped)}")


@settings(quick, max_examples=80)
@given(st.data())
def test_a_query_written_out_reads_as_itself(data: st.DataObject) -> None:
    find = data.draw(queries(data.draw(themes())))
    node, _ = parse(show(find))
    assert node is not None
    assert show(node) == show(find)
    reader = Reader(Text("", ""), "")
    assert reader.tree(node) == reader.tree(find)
