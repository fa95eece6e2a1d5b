"""Rule, list and filter files: every mistake at its line and column, whatever the YAML around it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from alerts.rules import Severity, Text
from tests.rules.conftest import Folder

Places = Callable[[], list[tuple[str, int, int, str]]]
HEAD = 5  # lines that Folder.rule writes before the text


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("find: truce AND at*\n", 1, 17),
        ("find: 'truce AND at*'\n", 1, 18),
        ("find: 'the ''truce'' OR x'\n", 1, 12),
        ('find: "truce\\u0021 AND at*"\n', 1, 24),
        ('find: "\\"a b\\" AND at*"\n', 1, 20),
        ("find: truce AND\n  at*\n", 2, 3),
        ('find: "truce AND\n\n   at*"\n', 3, 4),
        ("find: >\n  truce AND\n  at*\n", 3, 3),
        ("find: >-\n  truce AND # why\n  @truce AND\n    at*\n", 4, 5),
        ("find: |\n  truce AND # why\n  at*\n", 3, 3),
        ("find: |2\n    truce AND\n  at*\n", 3, 3),
        ("find: truce\nlanguages:\n  uk: 'мир AND ат*'\n", 3, 16),
        ("find: truce\nlanguages: {uk: мир AND ат*}\n", 2, 25),
        ("find: truce\nnot_within: [truce line, at*]\n", 2, 26),
        ("find: truce\nnot_within:\n  - truce line\n  - 'x at*'\n", 4, 8),
        ("find: truce\ndrop_if: title:at*\n", 2, 16),
        ("find: truce\nscore:\n  - {points: 5, find: at*}\n", 3, 23),
        ("find: перемир’я AND 𝒜𝒜 AND at*\n", 1, 28),
    ],
)
def test_a_mistake_in_a_query_is_shown_where_it_stands_in_the_file(
    folder: Folder, places: Places, text: str, line: int, column: int
) -> None:
    folder.lists(truce="en: [truce]\n")
    folder.rule(text)
    found = places()
    code = "adjacent-terms" if "the ''truce" in text else "stem-too-short"
    assert found == [("r.yaml", HEAD + line, column, code)]


def test_the_message_shows_the_line_and_a_caret(folder: Folder) -> None:
    folder.rule("find: truce NEAR 5 talks\n")
    _, problems = folder.load()
    rows = str(problems[0]).splitlines()
    assert rows[0].endswith("r.yaml:6:13: error: NEAR needs a number [missing-distance]")
    assert rows[1:3] == ["    find: truce NEAR 5 talks", "                ^"]
    assert rows[-1] == "    hint: did you mean NEAR/5?"


def test_everything_wrong_in_a_file_is_told_at_once(folder: Folder, places: Places) -> None:
    folder.lists(truce="en: [truce]\n")
    folder.rule(
        "find: '@truse AND at*'\nnot_within: ['(a']\ndrop_if: titel:x\nstage: violatet\nwrong: 1\nseverity_: 2\n",
        topic="ceasefire",
    )
    assert places() == [
        ("r.yaml", 6, 8, "unknown-list"),
        ("r.yaml", 6, 19, "stem-too-short"),
        ("r.yaml", 7, 15, "unclosed-paren"),
        ("r.yaml", 8, 10, "unknown-field"),
        ("r.yaml", 9, 8, "not-allowed"),
        ("r.yaml", 10, 1, "unknown-key"),
        ("r.yaml", 11, 1, "unknown-key"),
    ]


def test_problems_of_a_good_shape_come_together_too(folder: Folder, places: Places) -> None:
    folder.rule("find: truce\nstage: violated\nat: 50\nscore: [{points: 20, find: a)}]\n", topic="civilian_atack")
    assert places() == [
        ("r.yaml", 3, 8, "unknown-topic"),
        ("r.yaml", 7, 1, "stage"),
        ("r.yaml", 8, 5, "never-matches"),
        ("r.yaml", 9, 29, "stray-paren"),
    ]


@pytest.mark.parametrize(
    ("text", "keys", "place", "code"),
    [
        ("note: no find\n", {}, (1, 1), "missing"),
        ("find: truce\n", {"class": ""}, (1, 1), "missing"),
        ("find: truce\n", {"class": "evnt"}, (4, 8), "not-allowed"),
        ("find: truce\n", {"id": "other"}, (1, 5), "file-name"),
        ("find: truce\n", {"id": "Bad_Id"}, (1, 5), "id"),
        ("find: truce\n", {"severity": "{medium: 40}"}, (5, 11), "score"),
        ("find: truce\nfind: truce\n", {}, (7, 1), "duplicate-key"),
        ("find: [truce]\n", {}, (6, 7), "string-type"),
        ("find: truce\nlanguages: {ukr-UA: мир}\n", {}, (7, 13), "language"),
        ("find: truce\ncases: {flags: ['']}\n", {}, (7, 17), "string-too-short"),
        ("find: truce\ncases: {flags: [{lang: en}]}\n", {}, (7, 17), "missing"),
        ("find: truce\ncases: {flag: []}\n", {}, (7, 9), "unknown-key"),
    ],
)
def test_a_wrong_key_or_value(
    folder: Folder, places: Places, text: str, keys: dict[str, str], place: tuple[int, int], code: str
) -> None:
    folder.rule(text, **keys)
    assert ("r.yaml", *place, code) in places()


def test_two_rules_cannot_have_one_id(folder: Folder, places: Places) -> None:
    folder.rule("find: truce\n")
    folder.file("rules/r.yml", (folder.path / "rules/r.yaml").read_text())
    assert places() == [("r.yml", 1, 5, "duplicate-id")]


def test_the_other_rules_keep_working(folder: Folder) -> None:
    folder.rule("find: truce AND\n", name="bad")
    folder.rule("find: truce\n", name="good")
    folder.file("rules/worse.yaml", "id: worse\n  find: [\n")
    rule_set, problems = folder.load()
    assert [rule.id for rule in rule_set.rules] == ["good"]
    assert {Path(problem.file).stem for problem in problems if not problem.warning} == {"bad", "worse"}
    assert len(rule_set.read(Text("", "A truce."))) == 1


# --- lists -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("en: [truce, at*]\n", (1, 13, "stem-too-short")),
        ("en: []\n", (1, 1, "empty-list")),
        ("en:\n  - truce\n  - 'truce AND talks'\n", (3, 6, "boolean-inside-near")),
        ("en: ['NOT truce']\n", (1, 7, "boolean-inside-near")),
        ("en: ['source:tass']\n", (1, 7, "boolean-inside-near")),
        ("en: ['@other']\n", (1, 7, "unknown-list")),
        ("english: [truce]\n", (1, 1, "language")),
        ("en: truce\n", (1, 5, "tuple-type")),
        ("en: [2024]\n", (1, 6, "string-type")),
        ("en: ['@l']\n", (1, 1, "list-cycle")),
    ],
)
def test_a_broken_list_breaks_the_rules_that_use_it(
    folder: Folder, places: Places, text: str, wanted: tuple[int, int, str]
) -> None:
    folder.lists(l=text)
    folder.rule("find: '@l'\n", name="user")
    folder.rule("find: truce\n", name="free")
    found = places()
    assert ("l.yaml", *wanted) in found or wanted[2] == "boolean-inside-near"
    assert wanted[2] in {code for name, _, _, code in found if name == "l.yaml"}
    assert ("user.yaml", 6, 8, "broken-list") in found
    assert [rule.id for rule in folder.load()[0].rules] == ["free"]


def test_lists_that_include_each_other_or_a_broken_one(folder: Folder, places: Places) -> None:
    folder.lists(a="en: ['@b']\n", b="en: ['@a']\n", c="en: ['@d']\n", d="en: [at*]\n")
    folder.rule("find: '@c'\n")
    assert places() == [
        ("a.yaml", 1, 1, "list-cycle"),
        ("b.yaml", 1, 1, "list-cycle"),
        ("d.yaml", 1, 6, "stem-too-short"),
        ("r.yaml", 6, 8, "broken-list"),
    ]


def test_a_variant_needs_terms_in_its_language(folder: Folder, places: Places) -> None:
    folder.lists(truce="en: [truce]\n", both="en: [a]\ndefault: [b]\n")
    folder.rule("find: '@truce'\nlanguages: {uk: '@both AND @truce'}\n")
    assert places() == [("r.yaml", 7, 28, "empty-list")]


# --- filters -----------------------------------------------------------------------------------------------------


def test_filters_exclude_by_id_topic_and_tag(folder: Folder) -> None:
    folder.rule("find: truce\ntags: [x]\n", name="a")
    folder.rule("find: truce\n", name="b")
    folder.rule("find: truce\n", name="c", topic="civilian_attack")
    folder.file(
        "filters.yaml",
        "filters:\n"
        "- {id: one, rules: [a], not_within: [trade truce]}\n"
        "- {id: two, topics: [ceasefire], drop_if: 'label:sport'}\n"
        "- {id: three, tags: [x], not_within: ['truce NEAR/1 lane']}\n",
    )
    rules = folder.good()
    assert [hit.rule for hit in rules.read(Text("", "A trade truce."))] == ["b", "c"]
    assert [hit.rule for hit in rules.read(Text("", "A truce lane."))] == ["b", "c"]
    assert [hit.rule for hit in rules.read(Text("", "A truce.", labels=("Sport",)))] == ["c"]


def test_a_broken_filter_takes_its_rules_with_it(folder: Folder, places: Places) -> None:
    folder.rule("find: truce\n", name="a")
    folder.rule("find: truce\n", name="b")
    folder.file("filters.yaml", "filters:\n- {id: one, rules: [a, zz], not_within: [at*]}\n")
    assert places() == [
        ("filters.yaml", 2, 24, "unknown-rule"),
        ("filters.yaml", 2, 42, "stem-too-short"),
        ("a.yaml", 0, 0, "filter"),
    ]
    assert [rule.id for rule in folder.load()[0].rules] == ["b"]


def test_an_unreadable_filters_file_stops_every_rule(folder: Folder) -> None:
    folder.rule("find: truce\n")
    folder.file("filters.yaml", "filters: [\n")
    rule_set, problems = folder.load()
    assert rule_set.rules == ()
    assert {problem.code for problem in problems if Path(problem.file).stem == "r"} >= {"filter"}


# --- what a rule says --------------------------------------------------------------------------------------------


def test_points_open_the_gate_and_make_the_severity(folder: Folder) -> None:
    folder.rule(
        "find: truce\nscore:\n- {points: 40, find: 'source:reuters'}\n- {points: 30, find: broken}\n"
        "- {points: -50, find: film}\nat: 30\n",
        severity="{medium: 30, high: 70}",
    )
    rules = folder.good()

    def severity(body: str, source: str = "") -> str | None:
        return next((hit.severity for hit in rules.read(Text("", body, source=source))), None)

    assert severity("A truce.") is None
    assert severity("A broken truce.") == "medium"
    assert severity("A broken truce.", "reuters") == "high"
    assert severity("A truce in a film.", "reuters") is None
    assert rules.rules[0].severity_for(10) is Severity.MEDIUM


def test_drafts_flag_nothing_unless_asked(folder: Folder) -> None:
    folder.rule("find: truce\nstatus: draft\n")
    rules = folder.good()
    text = Text("", "A truce.")
    assert rules.read(text) == ()
    assert [hit.rule for hit in rules.read(text, drafts=True)] == ["r"]


def test_topics_of_the_settings(folder: Folder) -> None:
    folder.rule("find: truce\n", topic="elections")
    assert [problem.code for problem in folder.load()[1] if not problem.warning] == ["unknown-topic"]
    assert not [problem for problem in folder.load(("elections",))[1] if not problem.warning]
