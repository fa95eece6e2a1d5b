"""The tuning tutorial, run as it stands; the cheat sheet names commands that there are."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from alerts.cli.rules import COMMANDS

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"


# The demo and some fifteen commands: too long for every run of the tests.
pytestmark = [pytest.mark.heavy, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Everything the tutorial's commands print."""
    text = (DOCS / "tuning.md").read_text("utf-8")
    script = "\n".join(re.findall(r"^```sh\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path_factory.mktemp("tutorial"),
        env={**os.environ, "PATH": path, "CEASEWIRE_CONFIG": "", "GIT_CEILING_DIRECTORIES": "/"},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_every_command_of_the_tutorial_runs_and_shows_what_it_promises(told: str) -> None:
    for words in (
        "articles flagged",
        "3 of 3 cases pass",
        "words apart, limit",
        "desks told: none",
        "before: the rule is new",
        "exit 2: the demo's configuration is in no repository",
        "articles would be read again",
        "articles read again",
        "12 verdicts stored",
        "rule schools-hit",
        "1.000",
    ):
        assert words in told, words


def test_the_cheat_sheet_names_every_command_and_no_other() -> None:
    named = set(re.findall(r"ceasewire rules (\w+)", (DOCS / "cheatsheet.md").read_text("utf-8")))
    assert named == set(COMMANDS)
