"""A rule set at one version: hash, source, languages, order of flags."""

from __future__ import annotations

import json

import pytest

from alerts.rules import Text, from_source
from alerts.rules.rule import STAGED_TOPIC, Stage
from tests.rules.conftest import Folder


@pytest.fixture
def languages(folder: Folder) -> Folder:
    folder.lists(
        truce="en: [truce, ceasefire]\nuk: [перемир'я]\nfr: ['@treve']\n",
        treve="fr: [trêve, cessez-le-feu]\n",
        names="default: [Doha]\nuk: [Доха]\n",
    )
    folder.rule("find: '@truce AND @names'\nlanguages:\n  uk: '@truce'\n")
    return folder


@pytest.mark.parametrize(
    ("body", "language", "hit"),
    [
        ("A truce in Doha", "en", True),
        ("A truce in Doha", "en-GB", True),
        ("A truce in Доха", "en", False),
        ("перемир’я", "uk", True),
        ("перемир’я", "ru", False),
        ("Une trêve à Doha", "fr", True),
        ("Une trêve à Доха", "fr", False),
        ("Eine truce in Doha", "de", False),
        ("перемир’я", "", True),
        ("Une trêve à Doha", "", True),
        ("Une trêve à Доха", "", False),
        ("A truce", "", False),
        ("A truce in Doha", "und", True),
    ],
)
def test_each_language_reads_its_own_variant(languages: Folder, body: str, language: str, hit: bool) -> None:
    assert bool(languages.good().read(Text("", body, language))) is hit


def test_a_rule_may_be_for_some_languages_only(folder: Folder) -> None:
    folder.rule("languages: {uk: мир}\n")
    rules = folder.good()
    assert rules.read(Text("", "мир", "uk"))
    assert rules.read(Text("", "мир"))
    assert not rules.read(Text("", "мир", "ru"))


def test_the_hash_names_what_decides_over_flags(languages: Folder) -> None:
    before = languages.good()
    languages.file("lists/unused.yaml", "en: [x]\n")
    languages.rule("find: '@truce AND @names' \nlanguages:\n  uk: '@truce'\nnote: why\ncases: {flags: [truce Doha]}\n")
    same = languages.good()
    assert (before.hash, before.source) == (same.hash, same.source)
    languages.lists(treve="fr: [trêve]\n")
    assert languages.good().hash != before.hash


def test_an_old_rule_set_reads_as_it_did(languages: Folder) -> None:
    languages.rule(
        "find: truce\nnot_within: [trade truce]\ndrop_if: 'label:sport'\n"
        "score: [{points: 5, find: Doha}]\nat: 5\ntags: [x]\n",
        name="s",
        severity="{low: 0, high: 5}",
    )
    languages.file("filters.yaml", "filters: [{id: f, tags: [x], drop_if: film}]\n")
    rules = languages.good()
    again = from_source(rules.source)
    assert (again.hash, again.source) == (rules.hash, rules.source)
    for body in ("A truce in Doha. A trade truce.", "A film on a truce in Doha", "перемир’я"):
        text = Text("Truce", body)
        assert again.read(text) == rules.read(text)
    content = json.loads(rules.source)
    content["engine"] = "0"
    with pytest.raises(ValueError, match="engine version 0"):
        from_source(json.dumps(content).encode())


def test_flags_come_in_the_order_of_rule_ids(folder: Folder) -> None:
    for name in ("c", "a", "b"):
        folder.rule("find: truce\n", name=name)
    assert [hit.rule for hit in folder.good().read(Text("truce", ""))] == ["a", "b", "c"]


def test_reading_many_texts_changes_no_answer(folder: Folder) -> None:
    folder.rule("find: (truce AND broken) OR (truce NEAR/3 talks)\n")
    rules = folder.good()
    text = Text("", "The truce is broken.")
    first = rules.read(text)
    for number in range(600):
        rules.read(Text("", f"truce number {number} and other words"))
    assert rules.read(text) == first


def test_empty_and_huge_texts(folder: Folder) -> None:
    folder.rule("find: truce NEAR/5 broken\n", name="a")
    folder.rule("find: truce PARAGRAPH broken\n", name="b")
    rules = folder.good()
    assert rules.read(Text("", "")) == ()
    assert rules.read(Text("\n", "\n\n \u2029")) == ()
    huge = "word " * 200_000 + "truce is broken"
    assert [hit.evidence.terms for hit in rules.read(Text("", huge))] == [
        ((1_000_000, 1_000_005), (1_000_009, 1_000_015))
    ] * 2
    assert len(rules.read(Text("", "truce broken " * 8_000))) == 2


def test_every_stage_of_the_glossary_exists() -> None:
    assert STAGED_TOPIC == "ceasefire"
    stages = "called_for talks proposed rejected agreed declared in_effect monitored extended violated suspended"
    assert [stage.value for stage in Stage] == [*stages.split(" "), "collapsed", "corridor"]
