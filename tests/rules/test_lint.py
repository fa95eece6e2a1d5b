from __future__ import annotations

from collections.abc import Callable

from alerts.rules import Text
from alerts.rules.lint import busy_rules
from tests.rules.conftest import Folder

Places = Callable[[], list[tuple[str, int, int, str]]]


def test_shadowed_terms_in_queries_and_lists(folder: Folder, places: Places) -> None:
    folder.lists(harm="en: [killed, kill*, Killed, =KILLED, dead]\n")
    folder.rule("find: '@harm AND (attacks OR attack* OR title:attacks OR \"attacks on\")'\n")
    assert places() == [
        ("harm.yaml", 1, 6, "shadowed-term"),
        ("harm.yaml", 1, 21, "shadowed-term"),
        ("r.yaml", 6, 19, "shadowed-term"),
    ]
    _, problems = folder.load()
    assert all(problem.warning for problem in problems)
    assert problems[0].hint == "remove `killed`"


def test_exclusions_that_can_never_fire(folder: Folder, places: Places) -> None:
    folder.lists(
        truce="en: [truce*, cease-fire]\nhe: [הפוגה]\n", lines="en: ['@more']\n", more="en: [ceasefire line]\n"
    )
    folder.rule(
        "find: '@truce NOT WITHIN talks'\n"
        "not_within: [truces of 1914, '@lines', heart attack, truc?e, 'ההפוגה', '(talks NEAR/2 lane)']\n"
    )
    assert places() == [("r.yaml", 7, 40, "idle-exclusion"), ("r.yaml", 7, 72, "idle-exclusion")]


def test_a_rule_without_cases_is_warned_of(folder: Folder) -> None:
    folder.rule("find: truce\n", name="a")
    folder.rule("find: truce\ncases: {flags: [truce]}\n", name="b")
    _, problems = folder.load()
    assert [(problem.code, problem.line, problem.column) for problem in problems] == [("no-cases", 1, 5)]


def test_rules_that_wait_for_common_words(folder: Folder) -> None:
    folder.rule("find: the AND truce\n", name="a")
    folder.rule("find: the OR truce\n", name="b")
    texts = [Text("", "the truce")] + [Text("", "the weather")] * 9 + [Text("", "none")] * 10
    rules = folder.good()
    for text in texts * 4:
        rules.read(text)  # by now it is known which words are rare
    assert busy_rules(rules, texts) == {"b": 0.5}
