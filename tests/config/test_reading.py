"""Files that are not the YAML we read: what is said about them, and where."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from crawler.configfile import files_in, nearest, read_document
from crawler.configfile.reading import DEEPEST, LARGEST_FILE, MOST_ALIASED, parse_document


@pytest.mark.parametrize(
    ("text", "place", "code", "words"),
    [
        ("title: a: b\n", (1, 9), "syntax", "put quotes around the text that has a colon"),
        ("find: @ceasefire AND x\n", (1, 7), "syntax", "cannot begin with @"),
        ("find: `x`\n", (1, 7), "syntax", "cannot begin with `"),
        ("find: %x\n", (1, 7), "syntax", "put the text in quotes"),
        ("a:\n\tb: 1\n", (2, 1), "syntax", "a tab in the indentation"),
        ("a:\n  - x\n\t- y\n", (3, 1), "syntax", "replace the tab by two spaces"),
        ('find: "a b" OR c\n', (1, 13), "syntax", "the quoted text ends before this"),
        ("title: 'it's'\n", (1, 12), "syntax", "the quoted text ends before this"),
        ('- "a" b\n', (1, 7), "syntax", "the quoted text ends before this"),
        ("a: 1\n'b'\nc: 2\n", (2, 1), "syntax", "a line without a colon"),
        ('a: 1\nfind: "unclosed\nb: 2\n', (2, 7), "syntax", "this quote is not closed"),
        ("find: 'unclosed\n", (1, 7), "syntax", "this quote is not closed"),
        ("a: [1, 2\nb: 3\n", (1, 4), "syntax", "this [ is not closed"),
        ("a: [x,\n", (1, 4), "syntax", "this [ is not closed"),
        ("a: [x, {\n", (1, 8), "syntax", "this { is not closed"),
        ("a: {b: 1\n", (1, 4), "syntax", "this { is not closed"),
        ("a: 1\n b: 2\n", (2, 3), "syntax", "line it up with the key above"),
        ("a:b\nc: 1\n", (2, 2), "syntax", "put a space behind the colon"),
        ("ab\nc: 1\n", (2, 2), "syntax", "is a colon missing in the line above?"),
        ("a: 1\nb\nc: 2\n", (2, 1), "syntax", "a line without a colon"),
        ("a: 1\n  x: 2\n y: 3\n", (2, 4), "syntax", "a key where none can stand"),
        ("- a\nb: 1\n", (2, 1), "syntax", "a list ends here"),
        ("a: - b\n", (1, 4), "syntax", "the list on the next line"),
        ("a: }\n", (1, 4), "syntax", "} stands where a value was expected"),
        ('a: "\\q"\n', (1, 5), "syntax", "unknown escape"),
        (" a: 1\nb: 2\n", (2, 1), "syntax", "less indented than the first"),
        ("a: >x\n  b\n", (1, 5), "syntax", "text behind > or |"),
        ("a: & b\n", (1, 5), "syntax", "put quotes around a value that begins with & or *"),
        ("a: *zz\n", (1, 4), "unknown-alias", "put quotes around a value that begins with *"),
        ("a: &x [*x]\n", (1, 8), "alias-loop", "would contain itself"),
        ("a: &x {b: {c: *x}}\n", (1, 15), "alias-loop", "would contain itself"),
        ("a: !!python/object:os.system x\n", (1, 4), "tag", "is not read"),
        ("a: !b [1]\n", (1, 4), "tag", "put quotes around a value that begins with !"),
        ("a: 1\n---\nb: 2\n", (2, 1), "documents", "a second YAML document"),
        ("? [1]\n: 2\n", (1, 3), "key", "a key must be a word"),
        ("{a: 1}: 2\n", (1, 1), "key", "a key must be a word"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", (3, 3), "merge-key", "merge keys"),
        ("a: x\x07y\n", (1, 5), "character", "U+0007"),
        ("a: 1\nb: 2\na: 3\n", (3, 1), "duplicate-key", "the first is in line 1"),
        ("a:\n  b: 1\n  'b': 2\n", (3, 3), "duplicate-key", "stands here a second time"),
        ("a: [{b: 1, b: 2}]\n", (1, 12), "duplicate-key", "the first is in line 1"),
        ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), (1, DEEPEST + 1), "too-deep", "levels deep"),
        ("- " * 5_000 + "x\n", (1, 2 * DEEPEST + 1), "too-deep", "levels deep"),
    ],
)
def test_what_is_wrong_and_where(text: str, place: tuple[int, int], code: str, words: str) -> None:
    _, problems = parse_document(text, "some/file.yaml")
    assert len(problems) == 1
    problem = problems[0]
    assert (problem.line, problem.column) == place
    assert problem.code == code
    assert words in str(problem)
    assert problem.file == "some/file.yaml"
    assert problem.source_line == text.split("\n")[place[0] - 1]


def test_the_message_shows_line_and_caret() -> None:
    _, problems = parse_document("title: one\nfind: @x\n", "rule.yaml")
    assert str(problems[0]) == (
        "rule.yaml:2:7: error: a value cannot begin with @ in YAML [syntax]\n"
        "    find: @x\n"
        "          ^\n"
        "    expected: a word, a number or a quoted text\n"
        "    hint: put the text in quotes, or write `>` and the text on the next line"
    )


def test_all_duplicate_keys_are_named_and_the_rest_is_still_checked() -> None:
    document, problems = parse_document("a: 1\na: 2\nb: {c: 1, c: 2}\n", "f.yaml")
    assert [(problem.line, problem.column) for problem in problems] == [(2, 1), (3, 11)]
    assert document is not None
    assert document.data == {"a": 2, "b": {"c": 2}}


def test_nested_aliases_cannot_blow_up() -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    _, problems = parse_document("\n".join(rows) + "\n", "bomb.yaml")
    assert [problem.code for problem in problems] == ["alias-bomb"]
    assert f"{MOST_ALIASED:,}" in problems[0].message


def test_small_aliases_are_read() -> None:
    document, problems = parse_document("a: &terms [x, y]\nb: *terms\n", "f.yaml")
    assert problems == []
    assert document is not None
    assert document.data == {"a": ["x", "y"], "b": ["x", "y"]}
    assert document.position(("b", 1)) == (1, 15), "where the text stands, not where it is named"


@pytest.mark.parametrize(
    ("raw", "place", "words"),
    [
        (b"\xff\xfea\x00:\x00", (1, 1), "UTF-16"),
        (b"\xfe\xff\x00a", (1, 1), "UTF-16"),
        ("a: 1\ntitle: перемир'я\n".encode("cp1251"), (2, 8), "byte 0xef is not UTF-8"),
        ("title: café\n".encode("latin-1"), (1, 11), "byte 0xe9 is not UTF-8"),
        (b"\xef\xbb\xbfa: \xe9\n", (1, 4), "save the file as UTF-8"),
    ],
)
def test_other_encodings(tmp_path: Path, raw: bytes, place: tuple[int, int], words: str) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(raw)
    document, problems = read_document(path)
    assert document is None
    assert [(problem.line, problem.column, problem.code) for problem in problems] == [(*place, "encoding")]
    assert words in str(problems[0])


def test_a_byte_order_mark_is_harmless(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: [x]\r\n")
    document, problems = read_document(path)
    assert problems == []
    assert document is not None
    assert document.data == {"a": ["x"]}
    assert document.position(("a", 0)) == (1, 5)


def test_missing_folder_and_large_files(tmp_path: Path) -> None:
    for path, words in ((tmp_path / "none.yaml", "No such file"), (tmp_path, "directory")):
        document, problems = read_document(path, shown_as="config/x.yaml")
        assert document is None
        assert words in problems[0].message
        assert str(problems[0]).startswith("config/x.yaml: error: the file cannot be read")
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * (LARGEST_FILE + 1))
    assert read_document(large)[1][0].code == "too-large"


@pytest.mark.parametrize("text", ["", "\n\n", "# only words\n", "---\n", "~\n", "null\n"])
def test_a_file_that_holds_nothing(text: str) -> None:
    document, problems = parse_document(text, "f.yaml")
    assert problems == []
    assert document is not None
    assert document.data is None
    assert document.position(()) == (1, 1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("no", "no"),
        ("yes", "yes"),
        ("On", "On"),
        ("off", "off"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("'true'", "true"),
        ("~", None),
        ("", None),
        ("''", ""),
        ("12", 12),
        ("-3", -3),
        ("0", 0),
        ("007", "007"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("07:00", "07:00"),
        ("12:30:45", "12:30:45"),
        ("2026-03-01", "2026-03-01"),
        ("1.5", 1.5),
        ("1.5e3", 1500.0),
        ("1.", "1."),
        (".5", ".5"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("1e999", "1e999"),
        ("9" * 5_000, "9" * 5_000),
        ("'12'", "12"),
        ("=x", "=x"),
    ],
)
def test_plain_values(text: str, value: object) -> None:
    document, problems = parse_document(f"k: {text}\n", "f.yaml")
    assert problems == []
    assert document is not None
    assert document.data == {"k": value}
    assert type(document.data["k"]) is type(value)


def test_keys_are_text() -> None:
    document, _ = parse_document("no: [a]\n1: b\ntrue: c\n", "f.yaml")
    assert document is not None
    assert document.data == {"no": ["a"], "1": "b", "true": "c"}


def test_files_of_a_folder(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", ".a.yaml.swp", ".hidden.yaml", "notes.txt"):
        (tmp_path / name).write_text("x: 1\n")
    (tmp_path / "deep.yaml").mkdir()
    assert [path.name for path in files_in(tmp_path)] == ["a.yml", "b.yaml"]
    assert files_in(tmp_path / "none") == []


def test_nearest() -> None:
    known = ["title", "schedule", "source_countries"]
    assert nearest("titel", known) == "title"
    assert nearest("Schedule", known) == "schedule"
    assert nearest("source-country", known) == "source_countries"
    assert nearest("zone", known) == ""
    assert nearest("x", []) == ""


_WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8)
_KEYS = st.text("abcdef", min_size=1, max_size=4)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-999, 999) | _WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text("abcdefgh", min_size=1, max_size=5), _VALUES, max_size=4))
def test_what_yaml_writes_is_read_back(data: dict[str, object]) -> None:
    text = yaml.safe_dump(data, allow_unicode=False)
    document, problems = parse_document(text, "f.yaml")
    assert problems == []
    assert document is not None
    assert document.data == data


@given(st.text(max_size=80))
def test_no_text_raises(text: str) -> None:
    """Whatever is in a file, the answer is a document or a problem with a place inside the file."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return  # read_document decodes, so text always is Unicode
    document, problems = parse_document(text, "f.yaml")
    assert document is not None or problems
    lines = len(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    assert all(1 <= problem.line <= lines and problem.column >= 1 for problem in problems)
