"""Templates of desks: the folders of config/templates/, read whole into memory. Nothing is rendered here.

A template is looks only, so nothing about it is an error of the configuration that could keep a digest back: what is
wrong with it is told by `config check`, and a digest that cannot be rendered with it gets the built-in layout.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from crawler.configfile import nearest
from crawler.errors import Problem

FOLDER = "templates"
ENDING = ".j2"
UNKNOWN_TEMPLATE = "unknown-template"
"""Code of the problem that a desk names a template that is not there."""
LARGEST_FILE = 100_000
"""Bytes. The largest built-in template has 7 kB."""
MOST_FILES = 40


@dataclass(frozen=True, slots=True)
class Template:
    """One folder of config/templates/.

    Attributes:
        name: of the folder, as desks name it.
        folder: its path as a person would type it.
        files: names (as in ``{% include %}``) and texts of its ``.j2`` files; sorted.
        problems: of files that could not be read and are left out.
    """

    name: str
    folder: Path
    files: Mapping[str, str]
    problems: tuple[Problem, ...] = ()

    def path(self, file: str) -> str:
        """One of its files, as a person would type it."""
        return str(self.folder / file)


def template_names(folder: Path) -> tuple[str, ...]:
    """Names of the templates in config/templates; `folder` is the configuration folder."""
    root = folder / FOLDER
    if not root.is_dir():
        return ()
    return tuple(sorted(path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")))


def read_template(folder: Path, name: str) -> Template:
    """Read one template.

    Args:
        folder: the configuration folder.
        name: of the template; a name without a folder gives a template without files and a problem.
    """
    place = folder / FOLDER / name
    if name not in template_names(folder):
        close = nearest(name, template_names(folder))
        hint = f"did you mean `{close}`?" if close else ""
        missing = Problem(str(place), 0, 0, f"there is no template `{name}`", hint=hint, code=UNKNOWN_TEMPLATE)
        return Template(name, place, {}, (missing,))
    files: dict[str, str] = {}
    problems: list[Problem] = []
    for path in _files_below(place):
        if len(files) == MOST_FILES:
            most = f"at most {MOST_FILES} files"
            problems.append(Problem(str(place), 0, 0, "this template has too many files", most, code="too-large"))
            break
        text, problem = _read(path, (folder / FOLDER).resolve())
        if problem is not None:
            problems.append(problem)
        else:
            files[path.relative_to(place).as_posix()] = text
    return Template(name, place, files, tuple(problems))


def _files_below(folder: Path) -> list[Path]:
    """Its ``.j2`` files and those of folders in it; hidden ones left out, links to folders not followed."""
    found = []
    for where, below, names in os.walk(folder):
        below[:] = [name for name in below if not name.startswith(".")]
        found += [Path(where, name) for name in names if name.endswith(ENDING) and not name.startswith(".")]
    return sorted(found)


def _read(path: Path, root: Path) -> tuple[str, Problem | None]:
    try:
        if not path.resolve().is_relative_to(root):
            hint = "copy the file here"
            return "", Problem(str(path), 0, 0, "this link leads out of templates/", hint=hint, code="outside")
        size = path.stat().st_size
        if size > LARGEST_FILE:
            most = f"at most {LARGEST_FILE:,} bytes"
            return "", Problem(str(path), 0, 0, f"the file has {size:,} bytes", most, code="too-large")
        raw = path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        return "", Problem(str(path), 0, 0, f"the file cannot be read: {reason}", code="unreadable")
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n"), None
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line, column = before.count(b"\n") + 1, len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
        return "", Problem(str(path), line, column, "this is not UTF-8", hint="save the file as UTF-8", code="encoding")
