"""`alerts list`, `silence`, `silences` and `resume` as an operator types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Ceasewire


@pytest.fixture
def quiet(migrated: Path) -> Path:
    return migrated


def test_a_silence_is_set_listed_and_ended(ceasewire: Ceasewire, quiet: Path) -> None:
    made = ceasewire("--config", quiet, "alerts", "silence", "night", "--for", "4h", "--reason", "drill", "--by", "Ana")
    assert made.code == 0
    assert made.out.startswith("silence 1: night until ")
    (row,) = [
        json.loads(line) for line in ceasewire("--config", quiet, "alerts", "silences", "--json").out.splitlines()
    ]
    assert (row["desk"], row["by"], row["reason"], row["story"]) == ("night", "Ana", "drill", None)
    assert ceasewire("--config", quiet, "alerts", "resume", "1").code == 0
    assert "(over)  Ana: drill" in ceasewire("--config", quiet, "alerts", "silences").out
    assert ceasewire("--config", quiet, "alerts", "resume", "1").code == 2
    assert ceasewire("--config", quiet, "alerts", "list").out == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nigt", "--for", "4h", "--reason", "x"], "there is no desk 'nigt' (known: night)"),
        (["night", "--for", "soon", "--reason", "x"], "no span of time"),
        (["night", "--for", "4h", "--reason", "x", "--story", "7"], "there is no story 7"),
        (["night", "--for", "4h", "--reason", "x", "--topic", "sport"], "there is no topic 'sport'"),
        (["night", "--for", "4h"], "--reason"),
    ],
)
def test_a_wrong_silence_says_what_is_wrong(ceasewire: Ceasewire, quiet: Path, arguments: list[str], said: str) -> None:
    refused = ceasewire("--config", quiet, "alerts", "silence", *arguments)
    assert refused.code == 2
    assert said in refused.err
