"""`stories` as a person types it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Ceasewire

SHELLS = "shells fell on the clinic of the lower town while nurses carried patients into a cellar"
BRIDGE = "children cut ribbons as a steel bridge opened above the slow green river near orchards"
TEXT, OTHER = (" ".join(f"{word}{place}" for place in range(9) for word in words.split()) for words in (SHELLS, BRIDGE))
LINES = [
    {"url": "https://one.example/a", "source": "one", "title": "Shells fall", "text": f"GOMA (Reuters) - {TEXT}"},
    {"url": "https://two.example/b", "source": "two", "title": "Shells fall", "text": TEXT},
    {"url": "https://two.example/c", "source": "two", "title": "A bridge opens", "text": OTHER},
]


@pytest.fixture
def filled(ceasewire: Ceasewire, migrated: Path, tmp_path: Path) -> Path:
    """The configuration folder with three articles imported and grouped."""
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, LINES)), encoding="utf-8")
    assert ceasewire("--config", migrated, "import", tmp_path / "in.jsonl").code == 0
    assert ceasewire("--config", migrated, "run", "--only", "group").code == 0
    return migrated


def test_a_working_day_with_stories(ceasewire: Ceasewire, filled: Path) -> None:
    assert "no flagged stories" in ceasewire("--config", filled, "stories", "list").err
    rows = [
        json.loads(row)
        for row in ceasewire("--config", filled, "stories", "list", "--all", "--json").out.split("\n")[:-1]
    ]
    assert [(row["articles"], row["outlets"], row["independent"]) for row in rows] == [(1, 1, 1), (2, 2, 1)]
    bridge, shells = (str(row["story"]) for row in rows)
    shown = ceasewire("--config", filled, "stories", "show", shells).out
    assert "independent: Reuters, in one, two" in shown
    assert "“dateline GOMA (Reuters) -”" in shown
    assert json.loads(ceasewire("--config", filled, "stories", "show", shells, "--json").out)["story"] == int(shells)
    why = ceasewire("--config", filled, "stories", "why", "https://one.example/a", "https://two.example/b").out
    assert "together: articles" in why
    assert "apart: article" in ceasewire("--config", filled, "stories", "why", shells, bridge).out
    merged = ceasewire("--config", filled, "stories", "merge", shells, bridge, "--by", "Ada", "--note", "one day")
    assert merged.code == 0
    assert "by Ada: " in ceasewire("--config", filled, "stories", "show", bridge).out
    (decision,) = re.findall(r"stories undo (\d+)", merged.out)
    assert ceasewire("--config", filled, "stories", "undo", decision, "--by", "Ada").code == 0
    parted = ceasewire("--config", filled, "stories", "split", shells, "https://two.example/b", "--by", "Ada")
    assert re.match(r"story \d+ has these articles now", parted.out)
    assert ceasewire("--config", filled, "run", "--only", "group").code == 0
    assert (
        "a person split these stories"
        in ceasewire("--config", filled, "stories", "why", "https://one.example/a", "https://two.example/b").out
    )
    told = ceasewire("--config", filled, "why", "https://one.example/a").out
    assert "the text is Reuters's: says where its text is from: “dateline GOMA (Reuters) -”" in told


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("show", "999"), 65, "there is no story 999"),
        (("show", "x"), 2, "'x' is not a valid integer"),
        (("merge", "1", "1"), 65, "story 1 cannot be merged with itself"),
        (("split", "1", "a999"), 65, "article 999 is not in story 1"),
        (("split", "1"), 2, "Missing argument 'ARTICLE...'"),
        (("undo", "9"), 65, "there is no decision 9"),
        (("why", "1", "https://never.example/"), 65, "no article https://never.example/"),
        (("list", "--since", "soon"), 2, "write 90m, 24h or 30d"),
        (("lst",), 2, "Did you mean 'list'?"),
    ],
)
def test_mistakes_are_said(ceasewire: Ceasewire, filled: Path, words: tuple[str, ...], code: int, message: str) -> None:
    done = ceasewire("--config", filled, "stories", *words)
    assert (done.code, done.out) == (code, "")
    assert message in done.err


@pytest.mark.parametrize("command", ["list", "show", "why", "merge", "split", "undo"])
def test_every_command_has_examples(ceasewire: Ceasewire, command: str) -> None:
    assert f"ceasewire stories {command}" in ceasewire("stories", command, "--help").out
