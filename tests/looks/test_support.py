"""Nothing in a mail rests on what mail clients do not know (data of caniemail.com, through an npm package)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.digests.scenes import SCENES
from tests.looks import tools

pytestmark = pytest.mark.heavy

ALLOWED: Mapping[str, str] = {
    "@media": "the dark look and the narrow margins; without it the light look in a column that follows the window",
    "<body> element": "webmail makes a div of it; the outermost table has the page's colour too",
    "border-radius": "corners are square then",
    "display:none": "only before an alert: its first sentence is read twice where this is not known",
    "lang attribute": "screen readers pronounce by the reader's language then",
    "role attribute": "screen readers announce layout tables and no main part then",
    "text-decoration": "headlines are underlined as other links are then",
    "width attribute": "the same width stands in the style; Outlook reads this one",
    "word-break": "one word of 40 letters or more widens the page then",
}
"""What some client does not know, and what its readers get instead: everything stays readable without it."""


@pytest.fixture(scope="module")
def unknown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, list[str]]]:
    """By scene: features, and the clients that do not know them."""
    tools.packages()
    folder = tmp_path_factory.mktemp("mails")
    files = []
    for name, scene in SCENES.items():
        if name != "500":  # the markup of the one with 60
            files.append(folder / f"{name}.html")
            files[-1].write_text(scene().html, "utf-8")
    done = subprocess.run(
        ["node", str(tools.FOLDER / "support.mjs"), *map(str, files)],
        cwd=tools.FOLDER,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return {Path(file).stem: found for file, found in json.loads(done.stdout).items()}


@pytest.mark.parametrize("name", [name for name in SCENES if name != "500"])
def test_what_clients_do_not_know_is_not_needed(unknown: dict[str, dict[str, list[str]]], name: str) -> None:
    assert {feature: clients for feature, clients in unknown[name].items() if feature not in ALLOWED} == {}


def test_nothing_is_allowed_in_vain(unknown: dict[str, dict[str, list[str]]]) -> None:
    assert {feature for found in unknown.values() for feature in found} == set(ALLOWED)
