"""One YAML file that has been read: its plain values, and where each of them stands."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from crawler.configfile.nodes import Node, Text
from crawler.configfile.scalars import source_index
from crawler.errors import Problem

Loc = tuple[str | int, ...]


class Document:
    """A YAML file read with positions.

    Attributes:
        file: the path as it is shown to a person.
        text: the whole file, without a byte order mark.
        root: the file's node; None for a file that holds nothing.
    """

    def __init__(self, file: str, text: str, root: Node | None) -> None:
        self.file = file
        self.text = text
        self.root = root
        self._lines = Text(text)

    @cached_property
    def data(self) -> Any:
        """Plain values: dict (keys are text), list, str, int, float, bool, None. ``no``, ``on`` and dates stay text."""
        return self.root.plain() if self.root is not None else None

    def node(self, loc: Loc) -> tuple[Node | None, Node | None]:
        """Key and value node at `loc`; parts that are no member of the file's data are passed over.

        Validators put names of union members into their locations; those are not in the file.
        """
        key, value = None, self.root
        for part in loc:
            found = value.child(part) if value is not None else None
            if found is not None:
                key, value = found
        return key, value

    def position(self, loc: Loc, *, key: bool = False) -> tuple[int, int]:
        """1-based line and column of the value at `loc`, or of its key. An empty value stands where its key does."""
        key_node, value = self.node(loc)
        empty = value is not None and value.kind == "scalar" and not value.style and not value.value
        node = key_node if key_node is not None and (key or empty) else value
        return self._lines.place(node.start if node is not None else 0)

    def position_in(self, loc: Loc, offset: int) -> tuple[int, int]:
        """1-based line and column of the character at `offset` of the scalar's value at `loc`.

        Right for plain, quoted, folded and literal scalars; an offset of the value's length is the place behind it.
        """
        _, value = self.node(loc)
        if value is None or value.kind != "scalar":
            return self.position(loc)
        return self._lines.place(source_index(self.text, value, offset))

    def problem(  # noqa: PLR0913  the fields of a Problem, all by name
        self,
        loc: Loc,
        message: str,
        *,
        offset: int | None = None,
        key: bool = False,
        expected: str = "",
        hint: str = "",
        code: str = "invalid",
        warning: bool = False,
    ) -> Problem:
        """A problem at `loc` (at its key, or at an offset of its value) with the line it stands in."""
        line, column = self.position(loc, key=key) if offset is None else self.position_in(loc, offset)
        shown = self._lines.line(line)
        if code == "secret":  # problems end up in logs and in cron's mail
            shown = shown[: column - 1] + (f"{loc[-1]}: ..." if key else "...")
        return Problem(self.file, line, column, message, expected, hint, code, source_line=shown, warning=warning)


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that `word` was probably meant to be, or an empty string."""
    folded = {name.casefold().replace("-", "_"): name for name in known}
    matches = difflib.get_close_matches(word.casefold().replace("-", "_"), folded, n=1, cutoff=0.6)
    return folded[matches[0]] if matches else ""
