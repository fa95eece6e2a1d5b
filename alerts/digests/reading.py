"""What the files of a template say about each other: what they extend, which blocks they fill, which nobody reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from jinja2 import TemplateNotFound, nodes

from alerts.digests.faults import problem_at
from alerts.digests.sandbox import BUILT_IN, Sandbox, built_in_sources
from crawler.configfile import nearest
from crawler.errors import Problem

PAGES = ("digest.html.j2", "digest.txt.j2", "alert.html.j2", "alert.txt.j2")
"""What is rendered; all other files are there for these."""
_MOST_PARENTS = 10


@dataclass(frozen=True, slots=True)
class Outline:
    """One file.

    Attributes:
        extends: name of its parent; empty without one.
        extends_line: where it says so.
        outer: blocks that stand in no other block, with their lines.
        blocks: all of them.
        stray: lines with text outside of every block.
        uses: names of the files that it includes or imports; None if a name is computed.
    """

    file: str
    extends: str
    extends_line: int
    outer: Sequence[tuple[str, int]]
    blocks: frozenset[str]
    stray: Sequence[int]
    uses: frozenset[str] | None

    def problems(self, sandbox: Sandbox) -> Iterator[Problem]:
        """What would be silently without effect."""
        template = sandbox.template
        if not self.extends:
            return
        if self.extends == self.file:
            hint = f'write {{% extends "{BUILT_IN}{self.file}" %}}'
            message = "this file extends itself"
            line = self.extends_line
            yield problem_at(template, self.file, line, message, word=self.extends, hint=hint, code="extends")
            return
        known = inherited_blocks(sandbox, self.extends)
        if known is None:
            return  # the missing file is told of when the page is rendered
        for name, line in self.outer:
            if name not in known:
                close = nearest(name, known)
                hint = f"did you mean `{close}`?" if close else ""
                message = f"{self.extends} has no block `{name}`, so this one is never shown"
                expected = f"one of {', '.join(sorted(known))}"
                yield problem_at(
                    template, self.file, line, message, word=name, expected=expected, hint=hint, code="unknown-block"
                )
        for line in self.stray[:1]:
            message, hint = "text outside of every block is never shown", "move it into a block"
            yield problem_at(template, self.file, line, message, hint=hint, code="stray-text", warning=True)


def outline_of(sandbox: Sandbox, file: str) -> Outline:
    """Read one file, a template's own or a built-in one."""
    if file in sandbox.template.files:
        return _outline(file, sandbox.parse(file))
    name = file.removeprefix(BUILT_IN)
    if name not in _built_in:
        _built_in[name] = _outline(name, sandbox.parse(file))
    return _built_in[name]


_built_in: dict[str, Outline] = {}


def _outline(file: str, tree: nodes.Template) -> Outline:
    parent = next(iter(tree.find_all(nodes.Extends)), None)
    extends = parent.template.value if parent is not None and isinstance(parent.template, nodes.Const) else ""
    names: list[nodes.Expr] = [node.template for node in tree.find_all(nodes.Include)]
    names += [node.template for node in tree.find_all(nodes.Import)]
    names += [node.template for node in tree.find_all(nodes.FromImport)]
    fixed = [name.value for name in names if isinstance(name, nodes.Const) and isinstance(name.value, str)]
    return Outline(
        file=file,
        extends=str(extends),
        extends_line=parent.lineno if parent is not None else 0,
        outer=[(node.name, node.lineno) for node in _outer_blocks(tree.body)],
        blocks=frozenset(node.name for node in tree.find_all(nodes.Block)),
        stray=list(_stray_lines(tree.body)) if extends else [],
        uses=frozenset(fixed) if len(fixed) == len(names) else None,
    )


def inherited_blocks(sandbox: Sandbox, parent: str) -> frozenset[str] | None:
    """Blocks that a file may fill which extends `parent`; None if a file is missing on the way."""
    blocks: frozenset[str] = frozenset()
    for _ in range(_MOST_PARENTS):
        try:
            outline = outline_of(sandbox, parent)
        except TemplateNotFound:
            return None
        blocks |= outline.blocks
        if not outline.extends:
            break
        parent = outline.extends
    return blocks


def unread_files(sandbox: Sandbox, outlines: Mapping[str, Outline]) -> Iterator[Problem]:
    """Files that no page needs, mostly because their name is misspelt."""
    read, waiting = set(), list(PAGES)
    while waiting:
        name = waiting.pop()
        if name in read or (name not in outlines and name.removeprefix(BUILT_IN) not in built_in_sources()):
            continue
        read.add(name)
        outline = outlines[name] if name in outlines else outline_of(sandbox, name)
        if outline.uses is None:
            return
        waiting += [*outline.uses, outline.extends]
    template = sandbox.template
    for file in template.files:
        if file not in read:
            close = nearest(file, [name for name in built_in_sources() if name not in template.files])
            hint = f"did you mean {close}?" if close else f"pages are {', '.join(PAGES)}"
            yield Problem(template.path(file), 0, 0, "nobody reads this file", hint=hint, code="stray", warning=True)


def _outer_blocks(body: Sequence[nodes.Node]) -> Iterator[nodes.Block]:
    for node in body:
        if isinstance(node, nodes.Block):
            yield node
        else:
            yield from _outer_blocks(list(node.iter_child_nodes()))


def _stray_lines(body: Sequence[nodes.Node]) -> Iterator[int]:
    for node in body:
        if isinstance(node, nodes.Output):
            for part in node.nodes:
                if not isinstance(part, nodes.TemplateData) or part.data.strip():
                    yield part.lineno + (_blank_lines(part.data) if isinstance(part, nodes.TemplateData) else 0)


def _blank_lines(text: str) -> int:
    return text[: len(text) - len(text.lstrip())].count("\n")
