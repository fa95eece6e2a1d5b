"""docs/rules.md cannot fall behind: its rules are loaded and their cases run; every code of a message is in it."""

from __future__ import annotations

import re
from pathlib import Path

from alerts.rules import run_cases
from tests.rules.conftest import Folder
from tests.rules.test_broken_queries import BROKEN

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
RULES = re.findall(r"^```yaml\n(id: (\S+).*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_the_examples_work(folder: Folder) -> None:
    for text, name in RULES:
        folder.file(f"rules/{name}.yaml", text)
    rule_set, problems = folder.load()
    assert [str(problem) for problem in problems] == []
    assert len(rule_set.rules) == len(RULES) == 11
    report = run_cases(rule_set)
    assert [str(failure) for failure in report.failures] == []
    assert report.notes == ()


def test_every_code_is_explained() -> None:
    sources = Path(__file__).parents[2] / "alerts" / "rules"
    codes = {row[1] for row in BROKEN}
    for path in sources.glob("*.py"):
        codes.update(re.findall(r'code="([a-z-]+)"', path.read_text(encoding="utf-8")))
    shared = {"missing", "language", "invalid"}
    assert {code for code in codes - shared if code not in PAGE} == set()


def test_lines_are_short() -> None:
    assert [line for line in PAGE.splitlines() if len(line) > 160] == []
