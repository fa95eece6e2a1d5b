"""What an analyst reads who made a mistake: code, place and hint for each of many broken queries."""

from __future__ import annotations

import pytest

from alerts.rules.entries import parse_entry
from alerts.rules.lexer import QueryProblem
from alerts.rules.syntax import MAX_DEPTH, parse

LISTS = ("ceasefire", "breakdown", "civilians")

# query, code, 1-based column, part of the hint (or of what was expected)
BROKEN = [
    ('"failed to hold', "unclosed-quote", 1, "1 quote not closed"),
    ('truce AND "failed to', "unclosed-quote", 11, "1 quote not closed"),
    ('="United Nations', "unclosed-quote", 2, "1 quote not closed"),
    ('("a b" OR "c d) AND e', "unclosed-quote", 11, "1 quote not closed"),
    ("(truce OR ceasefire", "unclosed-paren", 1, "1 bracket not closed"),
    ("truce AND (a OR (b AND c)", "unclosed-paren", 11, "1 bracket not closed"),
    ("((truce OR b", "unclosed-paren", 2, "2 brackets not closed"),
    ("title:(truce", "unclosed-paren", 7, "1 bracket not closed"),
    ("truce)", "stray-paren", 6, "remove it"),
    ("(a OR b)) AND c", "stray-paren", 9, "remove it"),
    (")", "stray-paren", 1, "remove it"),
    ("()", "empty-parens", 1, "a word"),
    ("truce AND ( )", "empty-parens", 11, "a word"),
    ("title:()", "empty-parens", 7, "a word"),
    ('""', "empty-phrase", 1, "a word"),
    ('truce OR "  "', "empty-phrase", 10, "a word"),
    ("truce collapsed", "adjacent-terms", 7, '"truce collapsed"'),
    ("truce @breakdown", "adjacent-terms", 7, "NEAR/5"),
    ('"a b" "c d"', "adjacent-terms", 7, "AND, OR"),
    ("(a OR b) (c OR d)", "adjacent-terms", 10, "AND, OR"),
    ("truce NOT talks", "adjacent-terms", 7, "did you mean AND NOT?"),
    ("truce WITHIN line", "adjacent-terms", 7, "did you mean NOT WITHIN?"),
    ("truce ATLEAST/2 b", "adjacent-terms", 7, "AND or OR before it"),
    ("truce && talks", "adjacent-terms", 7, "did you mean AND?"),
    ("truce || talks", "adjacent-terms", 7, "did you mean OR?"),
    ("truce | talks", "adjacent-terms", 7, "did you mean OR?"),
    ("truce -talks", "adjacent-terms", 7, "did you mean AND NOT talks?"),
    ("truce !talks", "adjacent-terms", 7, "did you mean AND NOT talks?"),
    ('"truce talks"~5', "adjacent-terms", 14, "did you mean NEAR/5?"),
    ("truce W/5 talks", "adjacent-terms", 7, "did you mean NEAR/5?"),
    ("truce PRE/5 talks", "adjacent-terms", 7, "did you mean ONEAR/5?"),
    ("truce, ceasefire", "adjacent-terms", 8, "did you mean truce OR ceasefire?"),
    ("truce and talks", "lowercase-operator", 7, "did you mean AND?"),
    ("truce Or talks", "lowercase-operator", 7, "did you mean OR?"),
    ("truce not talks", "lowercase-operator", 7, "did you mean AND NOT?"),
    ("truce AND not talks", "lowercase-operator", 11, "did you mean NOT?"),
    ("truce near/5 talks", "lowercase-operator", 7, "did you mean NEAR/5?"),
    ("truce near talks", "lowercase-operator", 7, "did you mean NEAR/5?"),
    ("truce sentence talks", "lowercase-operator", 7, "did you mean SENTENCE?"),
    ("atleast/3 truce", "lowercase-operator", 1, "did you mean ATLEAST/3?"),
    ("and truce", "lowercase-operator", 1, "did you mean AND?"),
    ("truce NEAR talks", "missing-distance", 7, "did you mean NEAR/5?"),
    ("truce NEAR/ talks", "missing-distance", 7, "did you mean NEAR/5?"),
    ("truce NEAR5 talks", "missing-distance", 7, "did you mean NEAR/5?"),
    ("truce NEAR/x talks", "missing-distance", 7, "did you mean NEAR/5?"),
    ("truce NEAR/12w talks", "missing-distance", 7, "did you mean NEAR/12?"),
    ("truce ONEAR talks", "missing-distance", 7, "did you mean ONEAR/5?"),
    ("ATLEAST truce", "missing-distance", 1, "did you mean ATLEAST/2?"),
    ("truce NEAR/0 talks", "distance-range", 7, "a phrase"),
    ("truce NEAR/101 talks", "distance-range", 7, "NEAR/100, or PARAGRAPH"),
    ("truce NEAR/-3 talks", "distance-range", 7, "did you mean NEAR/5?"),
    ("truce ONEAR/9999999999999 talks", "distance-range", 7, "ONEAR/100"),
    ("ATLEAST/0 truce", "distance-range", 1, "did you mean ATLEAST/2?"),
    ("AND truce", "operator-needs-term", 1, "remove AND"),
    ("truce AND OR talks", "operator-needs-term", 11, "remove one of the two operators"),
    ("truce NEAR/5 AND talks", "operator-needs-term", 14, "remove one of the two operators"),
    ("(truce OR) AND b", "operator-needs-term", 10, "a word"),
    ("NOT NOT truce", "operator-needs-term", 5, "remove both"),
    ("WITHIN truce", "operator-needs-term", 1, "did you mean NOT WITHIN?"),
    ("NEAR/5 truce", "operator-needs-term", 1, "put a term before it"),
    ("", "ends-early", 1, "a word"),
    ("   ", "ends-early", 1, "a word"),
    ("# only a comment", "ends-early", 1, "a word"),
    ("truce AND", "ends-early", 10, "remove AND"),
    ("truce NEAR/5 ", "ends-early", 13, "remove NEAR/5"),
    ("title:", "ends-early", 7, "remove `title:`"),
    ("truce NOT WITHIN", "ends-early", 17, "remove WITHIN"),
    ("(truce AND", "ends-early", 11, "remove AND"),
    ("at*", "stem-too-short", 1, "longer stem"),
    ("truce OR *fire", "stem-too-short", 10, "longer stem"),
    ("ru*", "stem-too-short", 1, "longer stem"),
    ('"cease fi*"', "stem-too-short", 8, "longer stem"),
    ("a?", "stem-too-short", 1, "longer stem"),
    ("*", "stem-too-short", 1, "longer stem"),
    ("truce NEAR/5 NOT talks", "boolean-inside-near", 14, "AND NOT outside"),
    ("truce NEAR/5 (talks AND NOT Doha)", "boolean-inside-near", 25, "NOT WITHIN"),
    ("truce SENTENCE (a OR NOT b)", "boolean-inside-near", 22, "NOT WITHIN"),
    ("ATLEAST/2 (truce AND NOT b)", "boolean-inside-near", 22, "NOT WITHIN"),
    ("truce NOT WITHIN (a AND NOT b)", "boolean-inside-near", 25, "NOT WITHIN"),
    ("NOT truce", "only-negative", 1, "wanted AND NOT unwanted"),
    ("NOT truce AND NOT talks", "only-negative", 1, "wanted AND NOT unwanted"),
    ("truce OR NOT talks", "only-negative", 10, "wanted AND NOT unwanted"),
    ("title:(NOT truce)", "only-negative", 8, "wanted AND NOT unwanted"),
    ("@ceasfire", "unknown-list", 1, "did you mean @ceasefire?"),
    ("truce AND @nothing_like_it", "unknown-list", 11, "lists/nothing_like_it.yaml"),
    ("titel:truce", "unknown-field", 1, "did you mean title:?"),
    ("Title:truce", "unknown-field", 1, "did you mean title:?"),
    ("truce AND https://x.example", "unknown-field", 11, "in quotes"),
    ("title :truce", "unknown-field", 7, "without a space"),
    ("a AND b OR c", "mixed-and-or", 9, "(a AND b) OR c or a AND (b OR c)"),
    ("a OR b AND c OR d", "mixed-and-or", 8, "a OR (b AND c) OR d or (a OR b) AND (c OR d)"),
    ("x AND (a OR b AND NOT c)", "mixed-and-or", 15, "a OR (b AND NOT c)"),
    ("truce AND &", "never-matches", 11, "remove &"),
    ("truce OR --", "never-matches", 10, "remove --"),
    ("truce AND NOT truce", "never-matches", 11, "NOT WITHIN"),
    ("truce NOT WITHIN truce", "never-matches", 1, "a wider term"),
    ("title:lead:truce", "never-matches", 7, "remove title: or lead:"),
    ("truce NEAR/5 source:tass", "never-matches", 14, "outside NEAR/5"),
    ("label:(a NEAR/2 b)", "never-matches", 8, "AND, OR, NOT"),
    ("@", "never-matches", 1, "remove @"),
]


@pytest.mark.parametrize(("query", "code", "column", "hint"), BROKEN, ids=[row[0] for row in BROKEN])
def test_a_broken_query_is_answered_at_its_place(query: str, code: str, column: int, hint: str) -> None:
    _, problems = parse(query, known_lists=LISTS)
    assert (problems[0].code, problems[0].offset + 1) == (code, column)
    assert hint in f"{problems[0].hint} {problems[0].expected}"


@pytest.mark.parametrize("query", [row[0] for row in BROKEN])
def test_one_mistake_is_one_message(query: str) -> None:
    _, problems = parse(query, known_lists=LISTS)
    assert len(problems) == 1


def test_several_mistakes_of_one_query_are_told_together() -> None:
    _, problems = parse("at* NEAR/0 b AND (@ceasfire OR titel:x)", known_lists=LISTS)
    assert [problem.code for problem in problems] == [
        "stem-too-short",
        "distance-range",
        "unknown-list",
        "unknown-field",
    ]
    assert [problem.offset for problem in problems] == [0, 4, 18, 31]


def test_brackets_in_the_hint_are_shortened_when_long() -> None:
    _, problems = parse('"one two three four five six seven eight" AND b OR c')
    assert problems[0].hint.startswith('did you mean ("one two three four five si... AND b) OR c')


def test_endless_nesting_is_refused() -> None:
    deep = MAX_DEPTH + 5
    assert [problem.code for problem in _problems("(" * deep + "a" + ")" * deep)] == ["too-deep"]
    assert _problems("(" * 20 + "a" + ")" * 20) == []


def _problems(query: str) -> list[QueryProblem]:
    return parse(query)[1]


GOOD = [
    '@ceasefire NEAR/12 @breakdown OR (@ceasefire SENTENCE (despite OR "failed to hold"))',
    "=UN AND =ICC",
    'כטב"ם OR "כטב"ם נפל"',
    "reuters.com OR cease-fire OR перемир'я",
    "“typographic quotes” OR «guillemets»",
    "title:(a OR b) AND NOT label:sport # why\nAND c",
    "ATLEAST/3 (a NEAR/5 b NEAR/7 c)",
    "attack NOT WITHIN (heart NEAR/2 attack)",
    "(a AND b) NEAR/5 c",
    '"and" OR "or" OR =not',
    "wom?n OR colo*r OR attack*",
    "(a AND b AND c) OR (d AND e)",
    "lead:body:a OR text:title:b",
    "country:U? AND a",
    "sentence OR paragraph OR within OR near",
]


@pytest.mark.parametrize("query", GOOD)
def test_a_good_query_is_left_alone(query: str) -> None:
    node, problems = parse(query, known_lists=LISTS)
    assert node is not None
    assert problems == []


ENTRIES = [
    ("failed to hold", []),
    ("cease NEAR/3 fire", []),
    ("@ceasefire", []),
    ('כטב"ם', []),
    ("not honoured", []),
    ("and so on", []),
    ("ab*", [("stem-too-short", 0)]),
    ("a truce NEAR/3 talks", [("adjacent-terms", 2)]),
    ("@ceasfire", [("unknown-list", 0)]),
    (" ", [("ends-early", 0)]),
    ("(a OR b", [("unclosed-paren", 0)]),
]


@pytest.mark.parametrize(("text", "wanted"), ENTRIES)
def test_list_entries_are_phrases_unless_they_say_more(text: str, wanted: list[tuple[str, int]]) -> None:
    _, problems = parse_entry(text, known_lists=LISTS)
    assert [(problem.code, problem.offset) for problem in problems] == wanted
