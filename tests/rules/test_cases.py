"""Cases, and why a rule keeps silent."""

from __future__ import annotations

import pytest

from alerts.rules import Text, run_cases
from tests.rules.conftest import Folder


def test_cases_tell_what_was_wanted_and_what_came(folder: Folder) -> None:
    folder.lists(broken="en: [broken, collapsed]\n")
    folder.rule(
        "find: truce NEAR/2 @broken\n"
        "cases:\n"
        "  flags: [The truce is broken., 'The truce, for all that anybody knows, is broken.']\n"
        "  ignores: [{title: Sport, body: A broken truce.}, A truce.]\n"
        "  todo_flags: [Truce off, Truce broken]\n"
        "  todo_ignores: [A broken truce in sport]\n"
    )
    report = run_cases(folder.good())
    assert report.passed == 2
    assert [(one.kind, one.number, one.got) for one in report.failures] == [
        ("flags", 2, "no flag"),
        ("ignores", 1, "a flag in the lead"),
    ]
    assert report.failures[0].near_miss == "truce and @broken are 6 words apart, limit 2"
    assert (report.failures[1].evidence, report.failures[1].terms) == ("A broken truce.", ("broken", "truce"))
    assert "wanted no flag, got a flag in the lead" in str(report.failures[1])
    assert "nearest miss: truce and @broken are 6 words apart" in str(report.failures[0])
    assert report.notes == ("r: cases.todo_flags, number 2 passes now: move it to flags",)


def test_cases_of_drafts_and_of_named_rules(folder: Folder) -> None:
    folder.rule("find: truce\nstatus: draft\ncases: {flags: [truce]}\n", name="a")
    folder.rule("find: truce\ncases: {flags: [peace]}\n", name="b")
    assert run_cases(folder.good(), only=["a"]).passed == 1
    assert run_cases(folder.good()).failures[0].near_miss == "needs truce: not in the text"


def test_a_case_may_have_everything_an_article_has(folder: Folder) -> None:
    case = "{title: T, body: truce, lang: en, source: tass, country: RU, url: 'https://t.example/a', "
    case += "authors: [A], labels: [L]}"
    conditions = "source:tass AND country:ru AND url:example AND author:a AND label:l AND lang:en"
    folder.rule(f"find: truce AND {conditions}\ncases: {{flags: [{case}]}}\n")
    assert run_cases(folder.good()).passed == 1


@pytest.mark.parametrize(
    ("rule", "text", "reason"),
    [
        ("find: truce\n", Text("", "x"), "needs truce: not in the text"),
        ("find: title:truce\n", Text("", "truce"), "needs truce: not in the title"),
        ("find: truce AND broken\n", Text("", "truce"), "needs broken: not in the text"),
        ("find: truce OR (peace AND talks)\n", Text("", "peace"), "needs talks: not in the text"),
        ("find: truce AND NOT trade\n", Text("", "trade truce"), 'refused: "trade" is in the text'),
        ("find: truce AND source:tass\n", Text("", "truce"), "needs source:tass"),
        (
            "find: truce NEAR/3 broken\n",
            Text("", "truce a b c d e broken"),
            "truce and broken are 5 words apart, limit 3",
        ),
        ("find: truce NEAR/3 broken\n", Text("", "truce\nbroken"), "truce and broken stand in no paragraph together"),
        (
            "find: truce ONEAR/3 broken\n",
            Text("", "broken truce"),
            "truce and broken stand only as broken before truce",
        ),
        (
            "find: truce SENTENCE broken\n",
            Text("", "Truce. It is broken."),
            "truce and broken stand in no sentence together, 2 words apart",
        ),
        ("find: ATLEAST/3 truce\n", Text("", "truce, truce"), "2 of 3 mentions of truce"),
        ('find: attack NOT WITHIN "heart attack"\n', Text("", "heart attack"), 'left out by NOT WITHIN "heart attack"'),
        (
            "find: truce\nnot_within: [war of words, trade truce]\n",
            Text("", "trade truce"),
            'left out by "trade truce"',
        ),
        ("find: truce\ndrop_if: film OR novel\n", Text("", "truce film"), "dropped by drop_if: film OR novel"),
        ("find: truce\nscore: [{points: 5, find: a}]\nat: 5\n", Text("", "truce"), "0 points, needs 5"),
        ("languages: {uk: мир}\n", Text("", "мир", "en"), "has no find for `default`"),
    ],
)
def test_why_a_rule_keeps_silent(folder: Folder, rule: str, text: Text, reason: str) -> None:
    folder.rule(rule)
    rules = folder.good()
    assert rules.read(text) == ()
    assert rules.explain_silence(text) == (("r", reason),)


def test_a_rule_that_fires_has_nothing_to_explain(folder: Folder) -> None:
    folder.rule("find: truce\n")
    assert folder.good().explain_silence(Text("", "truce")) == ()
