from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from alerts.rules import RuleSet, load_rule_set
from crawler.errors import Problem

Loaded = tuple[RuleSet, list[Problem]]


class Folder:
    """A configuration folder to write rules into."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "rules").mkdir()
        (path / "lists").mkdir()

    def rule(self, text: str, name: str = "r", **keys: str) -> Path:
        """A rule file with the usual keys, unless given, and `text` behind them."""
        usual = {"id": name, "title": "T", "topic": "ceasefire", "class": "event", "severity": "high"} | keys
        head = "".join(f"{key}: {value}\n" for key, value in usual.items() if value)
        return self.file(f"rules/{name}.yaml", head + text)

    def lists(self, **lists: str) -> None:
        for name, text in lists.items():
            self.file(f"lists/{name}.yaml", text)

    def file(self, name: str, text: str) -> Path:
        path = self.path / name
        path.write_text(text, encoding="utf-8")
        return path

    def load(self, topics: tuple[str, ...] | None = None) -> Loaded:
        path = self.path
        return load_rule_set(path / "rules", path / "lists", path / "filters.yaml", topics=topics)

    def good(self) -> RuleSet:
        """The rule set; there must be no error."""
        rule_set, problems = self.load()
        assert [str(problem) for problem in problems if not problem.warning] == []
        return rule_set


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def places(folder: Folder) -> Callable[[], list[tuple[str, int, int, str]]]:
    """(file, line, column, code) of every problem that loading the folder finds."""

    def found() -> list[tuple[str, int, int, str]]:
        _, problems = folder.load()
        return [(Path(one.file).name, one.line, one.column, one.code) for one in problems if one.code != "no-cases"]

    return found
