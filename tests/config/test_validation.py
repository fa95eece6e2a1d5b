"""Any model of ours against a file: the words and places that all loaders share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

import pytest
from pydantic import AfterValidator, Field, RootModel

from crawler.configfile import Identifier, Section, fault, validate
from crawler.configfile.reading import parse_document
from crawler.errors import Problem


class Level(StrEnum):
    LOW = "low"
    HIGH = "high"


def _no_swearing(text: str) -> str:
    if "damn" in text:
        raise fault("a bad word", expected="good words", hint="be kind", code="swearing", offset=text.index("damn"))
    return text


def _no_zero(number: int) -> int:
    if number == 0:
        raise ValueError("zero is nothing")
    return number


class Text(Section):
    """A text with a title."""

    title: str
    body: str = ""


class Model(Section):
    """One of everything."""

    not_here: ClassVar[dict[str, str]] = {"old": "it was renamed `level`"}

    name: Identifier = Field(examples=["first"])
    level: Level | dict[Level, int] = Level.LOW
    mode: Literal["fast", "slow"] = "slow"
    words: tuple[Annotated[str, AfterValidator(_no_swearing)], ...] = ()
    number: Annotated[int, AfterValidator(_no_zero)] = 1
    texts: tuple[str | Text, ...] = ()
    by_level: dict[Level, str] = Field(default_factory=dict)


def problems_of(text: str, root: tuple[str | int, ...] = ()) -> list[Problem]:
    document, problems = parse_document(text, "m.yaml")
    assert document is not None
    assert problems == []
    model, problems = validate(document, Model, root=root)
    assert (model is None) == bool(problems)
    return problems


@pytest.mark.parametrize(
    ("line", "place", "code", "words"),
    [
        ("level: hihg", (2, 8), "not-allowed", "did you mean `high`?"),
        ("level: 3", (2, 8), "not-allowed", "one of low, high"),
        ("level: {high: lots}", (2, 15), "int-parsing", "`lots` is not a whole number"),
        ("level: {hihg: 3}", (2, 9), "not-allowed", "did you mean `high`?"),
        ("level: [high]", (2, 8), "not-allowed", "a list stands here"),
        ("mode: fats", (2, 7), "not-allowed", "did you mean `fast`?"),
        ("mode: yes", (2, 7), "not-allowed", "`yes` is not allowed here"),
        ("words: [well, oh damn]", (2, 18), "swearing", "be kind"),
        ("words:\n  - >\n    oh\n    dear damn", (5, 10), "swearing", "expected: good words"),
        ('words: ["\\u0061h damn"]', (2, 18), "swearing", "a bad word"),
        ("number: 0", (2, 9), "value-error", "zero is nothing"),
        ("texts: [{titel: x}]", (2, 10), "unknown-key", "did you mean `title`?"),
        ("texts: [{title: 3}]", (2, 17), "string-type", 'write it in quotes: "3"'),
        ("texts: [{title: x, boddy: y}]", (2, 20), "unknown-key", "did you mean `body`?"),
        ("texts: [{body: y}]", (2, 9), "missing", "`title` is missing"),
        ("texts: [[a]]", (2, 9), "string-type", "text or a mapping"),
        ("texts: [3]", (2, 9), "string-type", "text or a mapping"),
        ("by_level: {hihg: x}", (2, 12), "not-allowed", "did you mean `high`?"),
        ("by_level: [x]", (2, 11), "dict-type", "a mapping"),
        ("old: 1", (2, 1), "unknown-key", "it was renamed `level`"),
        ("1: x", (2, 1), "unknown-key", "unknown key `1`"),
        ("Mode: fast", (2, 1), "unknown-key", "did you mean `mode`?"),
    ],
)
def test_what_is_wrong_and_where(line: str, place: tuple[int, int], code: str, words: str) -> None:
    problems = problems_of(f"name: first\n{line}\n")
    assert [(problem.line, problem.column) for problem in problems] == [place], "\n".join(map(str, problems))
    assert problems[0].code == code
    assert words in str(problems[0])


def test_a_missing_key_is_shown_by_example() -> None:
    (problem,) = problems_of("mode: fast\n")
    assert (problem.line, problem.column, problem.hint) == (1, 1, "such as `name: first`")


def test_a_misspelt_key_is_one_mistake() -> None:
    assert [problem.code for problem in problems_of("nmae: first\n")] == ["unknown-key"]


def test_a_part_of_a_file() -> None:
    (problem,) = problems_of("parts:\n  - name: first\n  - name: no good\n", root=("parts", 1))
    assert (problem.line, problem.column) == (3, 13), "at the space"
    (problem,) = problems_of("parts:\n  one:\n", root=("parts", "one"))
    assert (problem.line, problem.column, problem.message) == (2, 3, "`one` holds nothing")
    (problem,) = problems_of("parts: [x]\n", root=("parts", 0))
    assert (problem.line, problem.column, problem.code) == (1, 9, "model-type")


def test_a_root_model() -> None:
    document, _ = parse_document("low: 3\nmid: 4\n", "m.yaml")
    assert document is not None
    model, problems = validate(document, RootModel[dict[Level, int]])
    assert model is None
    assert [(problem.line, problem.column, problem.code) for problem in problems] == [(2, 1, "not-allowed")]


def test_models_are_final() -> None:
    document, _ = parse_document("name: first\n", "m.yaml")
    assert document is not None
    model, _ = validate(document, Model)
    assert model is not None
    with pytest.raises(ValueError, match="frozen"):
        setattr(model, "mode", "fast")  # noqa: B010 - the type checker refuses the plain way already


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Kyiv Independent", "did you mean `kyiv-independent`?"),
        ("a--b", "did you mean `a-b`?"),
        ("-a", "did you mean `a`?"),
        ("Zürich", "did you mean `zurich`?"),
        ("новини", ""),
    ],
)
def test_identifiers(name: str, hint: str) -> None:
    (problem,) = problems_of(f"name: '{name}'\n")
    assert (problem.code, problem.hint) == ("id", hint)
