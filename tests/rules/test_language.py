"""What each operator means, one example a line. docs/rules.md says the same in prose."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.rules import Hit, Text
from alerts.rules.meaning import is_sound
from alerts.rules.rule import Query, Rule, RuleClass, Severity
from alerts.rules.ruleset import make_rule_set
from alerts.rules.syntax import parse
from alerts.rules.terms import patterns, stem_too_short


def read(query: str, text: Text) -> Hit | None:
    node, problems = parse(query)
    assert node is not None
    assert problems == []
    rule = Rule("r", "t", "ceasefire", RuleClass.EVENT, Severity.HIGH, Query(query, node))
    return next(iter(make_rule_set([rule], {}).read(text)), None)


def terms(query: str, text: str) -> list[str] | None:
    hit = read(query, Text("", text))
    return None if hit is None else [text[start:end] for start, end in hit.evidence.terms]


YES = [
    # words and folding
    ("ceasefire", "The CEASE-FIRE holds.", ["CEASE-FIRE"]),
    ("cease-fire", "The ceasefire holds.", ["ceasefire"]),
    ("ceasefire", "a post-cease-fire world", ["cease-fire"]),
    ("fire", "a cease-fire", ["fire"]),
    ("hopital", "à l’hôpital", ["l’hôpital"]),
    ("Russia", "Russia's army", ["Russia's"]),
    ("елка", "Ёлка", ["Ёлка"]),
    ("هدنة", "والهُدنة بدأت", ["والهُدنة"]),
    ("מדינה", "ובמדינה", ["ובמדינה"]),
    ("u.s.", "the U.S. army", ["U", "S"]),
    # wildcards
    ("attack*", "counter attacked", ["attacked"]),
    ("ceasefire*", "two cease-fires", ["cease-fires"]),
    ("wom?n", "three women", ["women"]),
    ("colo*r", "the colour", ["colour"]),
    ("مدني*", "وللمدنيين", ["وللمدنيين"]),
    # as written
    ("=UN", "a UN convoy", ["UN"]),
    ("=UN", "the UN's convoy", ["UN's"]),
    ("=cease-fire", "a cease-fire", ["cease-fire"]),
    ('="Human Rights"', "Human Rights Watch", ["Human", "Rights"]),
    # phrases
    ('"failed to hold"', "It failed, to hold", ["failed", "to", "hold"]),
    ('"air strike*"', "two air-strikes", ["air", "strikes"]),
    ('"cease-fire line"', "the ceasefire line", ["ceasefire", "line"]),
    # NEAR counts the words between
    ("truce NEAR/2 broken", "truce was soon broken", ["truce", "broken"]),
    ("broken NEAR/2 truce", "truce was soon broken", ["truce", "broken"]),
    ("truce ONEAR/2 broken", "truce was soon broken", ["truce", "broken"]),
    ("(truce NEAR/1 Gaza) NEAR/2 broken", "truce in Gaza was now broken", ["truce", "Gaza", "broken"]),
    ("(Hamas NEAR/5 Israel) NEAR/1 truce", "Hamas truce with Israel", ["Hamas", "truce", "Israel"]),
    ("(truce AND talks) NEAR/2 Gaza", "truce in Gaza. Gaza talks", ["Gaza", "talks"]),
    # scopes
    ("truce SENTENCE broken", "The truce, they said on Monday, is broken. More.", ["truce", "broken"]),
    ("truce PARAGRAPH broken", "A truce. It is broken.", ["truce", "broken"]),
    ("(truce AND Gaza) SENTENCE broken", "In Gaza a truce was broken.", ["Gaza", "truce", "broken"]),
    # counts and exclusions
    ("ATLEAST/2 truce", "truce and truce", ["truce", "truce"]),
    ('attack NOT WITHIN "heart attack"', "a heart attack, then an attack", ["attack"]),
    ("attack NOT WITHIN (heart NEAR/3 attack)", "an attack. He wrote of many things of the heart.", ["attack"]),
    ("truce AND NOT trade", "a truce", ["truce"]),
    ("body:truce", "truce", ["truce"]),
    ("lead:truce", "truce", ["truce"]),
]
NO = [
    ("ceasefire", "cease fire"),
    ("attack", "attacks"),
    ("=UN", "un convoi"),
    ("=ceasefire", "cease-fire"),
    ("año", "ano"),
    ("перемиря", "перемир'я"),
    ('"failed to hold"', "failed to really hold"),
    ('"failed to hold"', "failed to\nhold"),
    ("truce NEAR/2 broken", "truce was very soon broken"),
    ("truce NEAR/9 broken", "truce\nbroken"),
    ("truce ONEAR/2 broken", "broken truce"),
    ("truce NEAR/9 truce", "one truce only"),
    ("attack* NEAR/5 attack", "an attack"),
    ("truce SENTENCE broken", "A truce. It is broken."),
    ("truce PARAGRAPH broken", "A truce.\nIt is broken."),
    ("(truce AND Gaza) SENTENCE broken", "A truce in Gaza. The truce is broken."),
    ("ATLEAST/2 truce", "a truce"),
    ('ATLEAST/2 (truce OR "Christmas truce")', "a Christmas truce"),
    ('attack NOT WITHIN "heart attack"', "a heart attack"),
    ("truce AND NOT trade", "a trade truce"),
    ("title:truce", "truce"),
    ("(truce NEAR/1 Gaza) NEAR/2 broken", "truce in Gaza that was now broken"),
]


@pytest.mark.parametrize(("query", "text", "wanted"), YES)
def test_found(query: str, text: str, wanted: list[str]) -> None:
    assert terms(query, text) == wanted


@pytest.mark.parametrize(("query", "text"), NO)
def test_not_found(query: str, text: str) -> None:
    assert terms(query, text) is None


ARTICLE = Text(
    "Truce talks in Doha",
    "The first paragraph is the lead.\nThe truce is in the body.",
    "uk-UA",
    "tass",
    "RU",
    "https://www.tass.com/world-news/truce",
    ("Jane Smith",),
    ("World news", "Ceasefire"),
)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("title:(truce NEAR/3 Doha)", True),
        ("title:paragraph", False),
        ("lead:paragraph", True),
        ("lead:truce", False),
        ("body:(paragraph AND truce)", True),
        ("text:Doha AND body:truce", True),
        ("truce AND source:tass", True),
        ("truce AND source:tass.com", True),
        ("truce AND source:com", False),
        ("truce AND source:(reuters OR tas*)", True),
        ("truce AND country:ru", True),
        ("truce AND lang:uk", True),
        ("truce AND lang:(en OR ru)", False),
        ("truce AND url:world-news", True),
        ('truce AND url:"world news"', True),
        ("truce AND author:smith", True),
        ('truce AND author:"Smith Jane"', False),
        ("truce AND label:ceasefire", True),
        ('truce AND label:"world news"', True),
        ('truce AND label:"news ceasefire"', False),
        ("truce AND NOT label:sport", True),
    ],
)
def test_fields(query: str, wanted: bool) -> None:
    assert (read(query, ARTICLE) is not None) is wanted


def test_a_condition_alone_shows_the_title() -> None:
    hit = read("source:tass", ARTICLE)
    assert hit is not None
    assert (hit.evidence.field, hit.evidence.sentence, hit.evidence.terms) == ("title", ARTICLE.title, ())


_SCRIPTS = "az09AZéßñÿÀÖБяїґЁאךתءغفيةىـʼʻ’'-*?²ªʰ\u0301\u05b0\u064e\u200d\uff21\u1100\u1161"


@given(st.text(alphabet=_SCRIPTS, min_size=1, max_size=6))
def test_a_word_is_sound_when_something_of_it_is_looked_for(word: str) -> None:
    found = patterns(word)
    assert is_sound(word) == (bool(found) and not any(map(stem_too_short, found)))
