"""What a YAML syntax error probably means, in words of somebody who edits keyword rules. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import yaml

from crawler.configfile.nodes import Text
from crawler.errors import Problem

_QUOTED_VALUE = re.compile(r"""\s*(?:-\s+)?(?:[\w-]+\s*:\s+)?["']""")
_COLON = re.compile(r":(?=\s|$)")
_GLUED_COLON = re.compile(r"\s*[\w-]+:[^\s/]")


def explain_syntax(error: yaml.YAMLError, text: Text, file: str) -> Problem:
    """A problem for an error of the YAML scanner or parser, at the place where the mistake was made."""
    if isinstance(error, yaml.reader.ReaderError):
        line, column = text.place(int(error.position))
        message = f"the character U+{int(error.character):04X} does not belong into a text file"
        return Problem(file, line, column, message, hint="delete it", code="character", source_line=text.line(line))
    mark = getattr(error, "problem_mark", None)
    opening = getattr(error, "context_mark", None)
    said = str(getattr(error, "problem", None) or error)
    index = mark.index if mark is not None else 0
    start = opening.index if opening is not None else index
    context = str(getattr(error, "context", None) or "")
    index, message, expected, hint = _explain(said, context, _Found(text, index, start))
    line, column = text.place(index)
    return Problem(file, line, column, message, expected, hint, "syntax", source_line=text.line(line))


@dataclass(frozen=True, slots=True)
class _Found:
    """Where the parser stopped (`index`) and where the construct began that it could not finish (`start`)."""

    text: Text
    index: int
    start: int

    @property
    def number(self) -> int:
        """Line where the parser stopped."""
        return self.text.place(self.index)[0]

    @property
    def character(self) -> str:
        """The character that it stopped at; empty at the end of the file."""
        return self.text.text[self.index : self.index + 1]


_Explained = tuple[int, str, str, str]
"""Index of the mistake, what it is, what was expected, what to try."""


def _explain(said: str, context: str, found: _Found) -> _Explained:
    tab = _tab_before(found.text, found.index)
    if tab is not None:
        return tab, "a tab in the indentation", "spaces", "replace the tab by two spaces"
    if "quoted scalar" in context and "end of stream" in said:
        return found.start, "this quote is not closed", "a closing quote", "close it, or use quotes of the other kind"
    for phrase, explain in _READ.items():
        if phrase in said:
            return explain(found)
    for phrase, (at_start, message, expected, hint) in _PLAIN.items():
        if phrase in said:
            return found.start if at_start else found.index, message, expected, hint
    return found.index, said, "", ""


def _tab_before(text: Text, index: int) -> int | None:
    """The first tab in the indentation of the line at `index` or of the line before, if there is one."""
    number, _ = text.place(index)
    for candidate in (number, number - 1):
        line = text.line(candidate)
        indent = line[: len(line) - len(line.lstrip(" \t"))]
        if "\t" in indent and line.strip():
            return text.starts[candidate - 1] + indent.index("\t")
    return None


def _second_colon(found: _Found) -> _Explained:
    line = found.text.line(found.number)
    if len(_COLON.findall(line)) > 1:
        return found.index, "a second `: ` in one line", "", "put quotes around the text that has a colon in it"
    before = _line_before(found.text, found.number)
    if _GLUED_COLON.match(before):
        return found.index, "a key where none can stand", "", "put a space behind the colon in the line above"
    if before and not _COLON.search(before):
        return found.index, "a key where none can stand", "", "is a colon missing in the line above?"
    return found.index, "a key where none can stand", _SAME_INDENT, "line it up with the key above"


def _bad_start(found: _Found) -> _Explained:
    hint = "put the text in quotes, or write `>` and the text on the next line"
    return (
        found.index,
        f"a value cannot begin with {found.character} in YAML",
        "a word, a number or a quoted text",
        hint,
    )


def _no_key(found: _Found) -> _Explained:
    return _behind_quotes(found) or (found.index, "this line does not fit its neighbours", _SAME_INDENT, "")


def _no_dash(found: _Found) -> _Explained:
    hint = "begin the line with `- `, or indent it"
    return _behind_quotes(found) or (found.index, "a list ends here and a key begins", "another `- `", hint)


def _behind_quotes(found: _Found) -> _Explained | None:
    """Text behind a quoted one, as in ``find: "a b" OR c``: what people write who do not think of YAML."""
    number, column = found.text.place(found.index)
    line = found.text.line(number)
    if not _QUOTED_VALUE.match(line) or not line[: column - 1].strip() or found.character in ("", "\n"):
        return None
    hint = "write `>` and the whole text on the next line"
    return found.index, "the quoted text ends before this", "the end of the line", hint


def _unclosed(found: _Found) -> _Explained:
    opening = found.text.text[found.start : found.start + 1]
    closing = "}" if opening == "{" else "]"
    return found.start, f"this {opening} is not closed", f"a comma or {closing}", f"close it with {closing}"


def _no_content(found: _Found) -> _Explained:
    if found.character.strip():
        message = f"{found.character} stands where a value was expected"
        return found.index, message, "a value", "put quotes around text with brackets"
    text = found.text.text[: found.index]
    return _unclosed(_Found(found.text, found.index, max(text.rfind("["), text.rfind("{"), 0)))


_SAME_INDENT = "the same indentation as the keys around it"
_READ: dict[str, Callable[[_Found], _Explained]] = {
    "mapping values are not allowed": _second_colon,
    "cannot start any token": _bad_start,
    "did not find expected key": _no_key,
    "expected ',' or": _unclosed,
    "expected '-' indicator": _no_dash,
    "expected node content": _no_content,
}
# What the parser says -> (is the mistake where the construct began?, message, expected, hint)
_PLAIN = {
    "could not find expected ':'": (
        True,
        "a line without a colon",
        "`key: value`, or `- value` in a list",
        "is a colon missing, or the indentation of a text?",
    ),
    "block sequence entries are not allowed": (
        False,
        "a list cannot begin behind a key",
        "the list on the next line",
        "or write [one, two]",
    ),
    "unknown escape": (False, "an unknown escape in double quotes", "\\\\ for one backslash", "use single quotes"),
    "expected <document start>": (
        False,
        "this line is less indented than the first",
        "the same indentation as the first line",
        "",
    ),
    "expected comment or line break": (False, "text behind > or |", "the text on the next line, indented", ""),
    "alphabetic or numeric character": (
        False,
        "& and * stand for anchors in YAML",
        "a name behind it",
        "put quotes around a value that begins with & or *",
    ),
}


def _line_before(text: Text, number: int) -> str:
    while number > 1:
        number -= 1
        if text.line(number).strip():
            return text.line(number)
    return ""
