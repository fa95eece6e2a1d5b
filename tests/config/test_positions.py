"""A message points at the character: offsets of a value against places in the file, for every YAML style."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from crawler.configfile.document import Document
from crawler.configfile.reading import parse_document


def document_of(text: str) -> Document:
    document, problems = parse_document(text, "rule.yaml")
    assert document is not None, problems
    assert not problems
    return document


@pytest.mark.parametrize(
    ("text", "find", "place"),
    [
        pytest.param("find: one AND two\n", "two", (1, 15), id="plain"),
        pytest.param("find: one\n  AND two\n", "two", (2, 7), id="plain over two lines"),
        pytest.param("find: one\n\n\n  AND two\n", "AND", (4, 3), id="plain with empty lines"),
        pytest.param("find:   one   \n     AND   two # no\n", "two", (2, 12), id="plain with many spaces"),
        pytest.param("find: 'it''s two'\n", "two", (1, 14), id="single quoted, doubled quote before"),
        pytest.param("find: 'it''s\n\n  two'\n", "two", (3, 3), id="single quoted over lines"),
        pytest.param("find: '''a'''\n", "a", (1, 10), id="single quotes around a quoted word"),
        pytest.param('find: "a\\u00e9\\tb two"\n', "two", (1, 19), id="double quoted with escapes"),
        pytest.param('find: "one \\\n   two"\n', "two", (2, 4), id="double quoted, line continued"),
        pytest.param('find: "one\n   two"\n', "two", (2, 4), id="double quoted, folded"),
        pytest.param('find: "\\"x\\" OR two"\n', "two", (1, 17), id="double quoted with quotes inside"),
        pytest.param('find: "\\x41\\U0001F600 two"\n', "two", (1, 23), id="double quoted, long escapes"),
        pytest.param("find: >\n  one\n  AND two\n", "two", (3, 7), id="folded"),
        pytest.param("find: >-\n  one\n\n  AND two\n", "AND", (4, 3), id="folded with a paragraph"),
        pytest.param("find: >\n  one\n    more\n  two\n", "more", (3, 5), id="folded with more indentation"),
        pytest.param("find: > # why\n\n\n  one two\n", "two", (4, 7), id="folded, comment and empty lines first"),
        pytest.param("find: >2\n   one two\n", "two", (2, 8), id="folded with an indentation indicator"),
        pytest.param("find: |\n  one\n  two\n", "two", (3, 3), id="literal"),
        pytest.param("find: |+\n    one\n      two\n\n", "two", (3, 7), id="literal with deeper line"),
        pytest.param("- find: &name one two\n", "two", (1, 19), id="behind an anchor"),
        pytest.param("- find: &name 'one two'\n", "two", (1, 20), id="quoted behind an anchor"),
        pytest.param("- find: &name >\n    one\n    two\n", "two", (3, 5), id="folded behind an anchor"),
        pytest.param("- {find: one two, x: 1}\n", "two", (1, 14), id="in braces"),
        pytest.param("- {find: [a, 'b two'], x: 1}\n", "two", (1, 17), id="in brackets"),
        pytest.param("find: перемир'я 😀 two\n", "two", (1, 19), id="columns count code points"),
        pytest.param("find: >\r\n  one\r\n  two\r\n", "two", (3, 3), id="CRLF"),
        pytest.param("\ufefffind: one two\n".removeprefix("\ufeff"), "two", (1, 11), id="no mark counted"),
    ],
)
def test_place_of_a_word_in_a_value(text: str, find: str, place: tuple[int, int]) -> None:
    document = document_of(text)
    loc: tuple[str | int, ...] = ("find",) if isinstance(document.data, dict) else (0, "find")
    value = document.data["find"] if isinstance(document.data, dict) else document.data[0]["find"]
    if isinstance(value, list):
        loc, value = (*loc, 1), value[1]
    assert document.position_in(loc, value.index(find)) == place


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("find: one\n", (1, 10)),
        ("find: 'one'\n", (1, 11)),
        ('find: "on\\u0065"\n', (1, 16)),
        ('find: ""\n', (1, 8)),
        ("find: >\n  one\n  two\n", (3, 6)),
        ("find: >-\n  one\nnext: 1\n", (2, 6)),
        ("find: |\n  one\n\n\nnext: 1\n", (2, 6)),
    ],
)
def test_the_end_of_a_value_is_behind_its_last_letter(text: str, place: tuple[int, int]) -> None:
    document = document_of(text)
    assert document.position_in(("find",), len(document.data["find"].rstrip("\n"))) == place


def test_spaces_are_placed_between_their_neighbours() -> None:
    document = document_of("find: one  two\n")
    assert [document.position_in(("find",), offset) for offset in (3, 4, 5)] == [(1, 10), (1, 11), (1, 12)]
    folded = document_of("find: >\n  one\n  two\n")
    assert folded.position_in(("find",), 3) == (2, 6)


def test_position_of_keys_values_and_what_is_not_there() -> None:
    document = document_of("a:\n  b: [x, yy]\n  c:\nd: 1\n")
    assert document.position(("a", "b", 1)) == (2, 10)
    assert document.position(("a", "b"), key=True) == (2, 3)
    assert document.position(("a", "c")) == (3, 3), "an empty value stands where its key does"
    assert document.position(("a",)) == (2, 3)
    assert document.position(("a", "RouteSection", "b", 0)) == (2, 7), "a union's member is no place in the file"
    assert document.position(("missing",)) == (1, 1)
    assert document.position_in(("a", "b"), 3) == (2, 6), "a list has no offsets"


_LETTERS = st.text(
    st.sampled_from("ab '\"\\:#-é😀\u200fж\n\t%@&*!|>{}[],?=\xa0\u2028\x85א"), min_size=1, max_size=60
).filter(lambda text: text.strip() != "")


@given(value=_LETTERS, style=st.sampled_from(["'", '"', "|", ">", None]), width=st.integers(5, 80))
def test_every_letter_of_a_dumped_value_is_found(value: str, style: str | None, width: int) -> None:
    """Whatever way a value is written: the character at its place is the value's, or the escape that stands for it."""
    text = yaml.dump({"k": {"find": value}}, default_style=style, allow_unicode=True, width=width)
    document = document_of(text)
    node = document.node(("k", "find"))[1]
    assert node is not None
    value = node.value  # PyYAML's own dumper does not bring every line separator back
    lines = text.split("\n")
    reached = (1, 0)
    for offset, letter in enumerate(value):
        line, column = place = document.position_in(("k", "find"), offset)
        if letter in " \t\n\x85\u2028":
            continue
        found = lines[line - 1][column - 1]
        assert found == letter or (found == "\\" and node.style == '"')
        assert place > reached
        reached = place
