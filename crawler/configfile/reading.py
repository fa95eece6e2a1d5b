"""Bytes to a `Document`, or to problems that say what is wrong with the YAML and what to do about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from crawler.configfile.document import Document
from crawler.configfile.mistakes import explain_syntax
from crawler.configfile.nodes import Kind, Node, Text
from crawler.errors import Problem

LARGEST_FILE = 5_000_000
"""Bytes. A list of 100,000 terms has 2 MB; a file beyond this is not a configuration file."""
DEEPEST = 32
"""Levels. Our files need 6."""
MOST_ALIASED = 10_000
"""Nodes that aliases may add to a file when written out; nested aliases can stand for billions."""

# libyaml's scanner is ten times faster; a build without it reads the same files.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _RefusedError(Exception):
    """The file is YAML, but of a kind that is refused."""

    def __init__(self, index: int, message: str, code: str, *, expected: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.index = index
        self.message = message
        self.code = code
        self.expected = expected
        self.hint = hint


def files_in(folder: Path) -> list[Path]:
    """The YAML files of a folder (not of folders in it), sorted by name; editors' hidden copies left out."""
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix in (".yaml", ".yml") and not path.name.startswith(".") and path.is_file()
    )


def read_document(path: Path, *, shown_as: str | None = None) -> tuple[Document | None, list[Problem]]:
    """Read one YAML file.

    Args:
        path: the file.
        shown_as: the name that problems carry; the path as given if None.

    Returns:
        The document, and the problems. With a syntax error there is no document; with duplicate keys there is one (the
        last value counts) and problems.
    """
    file = shown_as if shown_as is not None else str(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        return None, [Problem(file, 0, 0, f"the file cannot be read: {reason}", code="unreadable")]
    if len(raw) > LARGEST_FILE:
        message = f"the file has {len(raw):,} bytes"
        return None, [Problem(file, 0, 0, message, f"at most {LARGEST_FILE:,} bytes", code="too-large")]
    text, problem = _decode(raw, file)
    if text is None:
        return None, [problem] if problem else []
    return parse_document(text, file)


def parse_document(text: str, file: str) -> tuple[Document | None, list[Problem]]:
    """Read YAML from text; `file` is the name that problems carry. Returns as `read_document` does."""
    composer = _Composer(text)
    try:
        root = composer.compose()
    except yaml.YAMLError as error:
        return None, [explain_syntax(error, Text(text), file)]
    except _RefusedError as error:
        return None, [_problem(error, Text(text), file)]
    lines = Text(text)
    return Document(file, text, root), [
        _problem(error, lines, file) for error in sorted(composer.duplicates, key=lambda error: error.index)
    ]


def _problem(error: _RefusedError, lines: Text, file: str) -> Problem:
    line, column = lines.place(error.index)
    return Problem(
        file, line, column, error.message, error.expected, error.hint, error.code, source_line=lines.line(line)
    )


def _decode(raw: bytes, file: str) -> tuple[str | None, Problem | None]:
    """The text of a UTF-8 file with or without byte order mark, or what is wrong with its encoding."""
    hint = "save the file as UTF-8"
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return None, Problem(file, 1, 1, "the file is UTF-16", "UTF-8 text", hint, "encoding")
    try:
        return raw.decode("utf-8-sig"), None
    except UnicodeDecodeError as error:
        body = raw.removeprefix(b"\xef\xbb\xbf")
        bad = error.start
        lines = Text(body[:bad].decode("utf-8", "replace") + "\ufffd")
        line, column = lines.place(len(lines.text) - 1)
        whole = body.decode("utf-8", "replace")
        message = f"byte 0x{body[bad]:02x} is not UTF-8"
        return None, Problem(
            file, line, column, message, "UTF-8 text", hint, "encoding", source_line=Text(whole).line(line)
        )


class _Composer:
    """Builds nodes from parser events.

    Events instead of PyYAML's own composer, because that one keeps duplicate keys, follows aliases into themselves
    and goes as deep as the file says.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.duplicates: list[_RefusedError] = []
        self._anchors: dict[str, Node] = {}
        self._open: list[tuple[Node, list[Node]]] = []  # collections being read, with the members had so far
        self._aliased = 0
        self._root: Node | None = None

    def compose(self) -> Node | None:
        """The file's node; None if it holds nothing. Raises yaml.YAMLError or _RefusedError."""
        loader = _Loader(self.text)
        documents = 0
        event: Any
        try:
            while not isinstance(event := loader.get_event(), yaml.StreamEndEvent):
                if isinstance(event, yaml.DocumentStartEvent):
                    documents += 1
                    if documents > 1 and event.start_mark is not None:
                        hint = "delete the line `---`, or put the second part into a file of its own"
                        raise _RefusedError(
                            event.start_mark.index, "a second YAML document begins here", "documents", hint=hint
                        )
                else:
                    self._take(event)
        finally:
            loader.dispose()
        root = self._root
        return None if root is None or (root.kind == "scalar" and not root.style and not root.value) else root

    def _take(self, event: Any) -> None:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self._refuse_tag(event)
            node = Node("scalar", event.start_mark.index, event.end_mark.index, event.value, event.style or "")
            self._name(event, node)
            self._put(node)
        elif kind is yaml.AliasEvent:
            self._put(self._alias(event))
        elif kind in (yaml.MappingStartEvent, yaml.SequenceStartEvent):
            self._refuse_tag(event)
            if len(self._open) == DEEPEST:
                raise _RefusedError(event.start_mark.index, f"more than {DEEPEST} levels deep", "too-deep")
            shape: Kind = "mapping" if kind is yaml.MappingStartEvent else "sequence"
            node = Node(shape, event.start_mark.index, event.end_mark.index)
            self._name(event, node)
            self._open.append((node, []))
        elif kind in (yaml.MappingEndEvent, yaml.SequenceEndEvent):
            node, members = self._open.pop()
            node.end = event.end_mark.index
            self._fill(node, members)
            self._put(node)

    def _put(self, node: Node) -> None:
        if self._open:
            self._open[-1][1].append(node)
        else:
            self._root = node

    def _fill(self, node: Node, members: list[Node]) -> None:
        node.size += sum(member.size for member in members)
        if node.kind == "sequence":
            node.items = members
            return
        node.pairs = list(zip(members[::2], members[1::2], strict=True))
        seen: dict[str, Node] = {}
        for key, _ in node.pairs:
            self._check_key(key)
            if key.value in seen:
                first, _ = Text(self.text).place(seen[key.value].start)
                message = f"`{key.value}` stands here a second time"
                hint = f"the first is in line {first}; keep one of them"
                self.duplicates.append(_RefusedError(key.start, message, "duplicate-key", hint=hint))
            seen.setdefault(key.value, key)

    def _check_key(self, key: Node) -> None:
        if key.kind != "scalar":
            hint = "put quotes around a value that begins with [ or {"
            raise _RefusedError(key.start, "a key must be a word", "key", hint=hint)
        if key.value == "<<" and not key.style:
            hint = "write the values out, or give the shared value an anchor of its own"
            raise _RefusedError(key.start, "merge keys (`<<`) are not read", "merge-key", hint=hint)

    def _name(self, event: Any, node: Node) -> None:
        if event.anchor is not None:
            self._anchors[event.anchor] = node

    def _alias(self, event: Any) -> Node:
        node = self._anchors.get(event.anchor)
        at = event.start_mark.index
        if node is None:
            hint = "put quotes around a value that begins with *"
            raise _RefusedError(at, f"no value is named &{event.anchor} above this line", "unknown-alias", hint=hint)
        if any(node is being_read for being_read, _ in self._open):
            raise _RefusedError(at, f"&{event.anchor} would contain itself", "alias-loop")
        self._aliased += node.size
        if self._aliased > MOST_ALIASED:
            message = f"aliases make this file more than {MOST_ALIASED:,} values larger"
            raise _RefusedError(at, message, "alias-bomb", hint="write the values out")
        return node

    def _refuse_tag(self, event: Any) -> None:
        # `!` alone is YAML's way to say "as text"; it is as unexpected here as any other tag.
        if event.tag is not None:
            hint = "put quotes around a value that begins with !"
            raise _RefusedError(event.start_mark.index, f"the tag {event.tag} is not read", "tag", hint=hint)
