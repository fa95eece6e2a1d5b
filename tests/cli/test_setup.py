"""`init`, `config check`, `migrate`, `doctor`, and the way errors leave the program."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from alerts.cli.common import starter_folder
from tests.cli.conftest import Ceasewire, fresh


def test_help_lists_every_command_with_examples(ceasewire: Ceasewire) -> None:
    shown = ceasewire("--help")
    assert shown.code == 0
    for name in ("run", "collect", "rules", "why", "doctor", "demo"):
        assert f"  {name} " in shown.out
    assert "Examples:" in shown.out


def test_an_unknown_command_names_the_nearest(ceasewire: Ceasewire) -> None:
    shown = ceasewire("colect")
    assert shown.code == 2
    assert "Did you mean 'collect'?" in shown.err


def test_init_writes_a_copy_of_the_starter_that_checks_and_runs(ceasewire: Ceasewire, tmp_path: Path) -> None:
    folder = tmp_path / "desk"
    made = ceasewire("init", folder)
    assert made.code == 0
    assert "config check" in made.out
    for name in ("settings.yaml", "desks/example.yaml"):
        ours, theirs = (folder / name).read_text("utf-8"), (starter_folder() / name).read_text("utf-8")
        # Only the place of the schema differs, so that editors find it in the new folder.
        assert ours.splitlines()[1:] == theirs.splitlines()[1:]
        schema = (folder / name).parent / ours.splitlines()[0].partition("$schema=")[2]
        assert json.loads(schema.read_text("utf-8"))["title"]
    for command in (["config", "check"], ["migrate"], ["schedule", "next", "example"]):
        done = fresh("--config", folder, *command)
        assert (done.code, done.err) == (0, "")


def test_init_never_overwrites(ceasewire: Ceasewire, wire: Path) -> None:
    before = (wire / "settings.yaml").read_text("utf-8")
    refused = ceasewire("init", wire)
    assert refused.code == 2
    assert "nothing was written" in refused.err
    assert (wire / "settings.yaml").read_text("utf-8") == before


def test_without_a_configuration_the_way_to_one_is_told(
    ceasewire: Ceasewire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CEASEWIRE_CONFIG", raising=False)
    refused = ceasewire("run")
    assert refused.code == 2
    assert "ceasewire init DIR" in refused.err


BROKEN = [
    ("settings.yaml", "crawler:\n  databse: x\n", "settings.yaml:2:3", "did you mean `database`?"),
    ("sources/paper.yaml", "- id: a\n  nam: A\n  channels: []\n", "sources/paper.yaml:2:3", "did you mean `name`?"),
    ("lists/places.yaml", "en: [one\n", "lists/places.yaml:", ""),
    ("desks/night.yaml", "id: night\ntitle: N\nschedule: '0 7 * *'\nzone: Europe/London\nroutes: [{folder: o}]\n",
     "desks/night.yaml:3:", ""),
    ("desks/night.yaml", "id: night\ntitle: N\nschedule: '0 7 * * *'\nzone: Europe/Londn\nroutes: [{folder: o}]\n",
     "desks/night.yaml:4:7", "Europe/London"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "place", "hint"), BROKEN)
def test_a_broken_file_is_exit_78_with_its_place(
    ceasewire: Ceasewire, wire: Path, name: str, text: str, place: str, hint: str
) -> None:
    assert ceasewire("--config", wire, "migrate").code == 0
    (wire / name).write_text(text, "utf-8")
    for command in (["config", "check"], ["run"]):
        refused = ceasewire("--config", wire, *command)
        assert refused.code == 78, refused
        assert place in refused.err
        assert "^" in refused.err
        assert hint in refused.err


def test_every_error_of_every_file_is_shown_at_once(ceasewire: Ceasewire, wire: Path) -> None:
    rule = (wire / "rules" / "truce-broken.yaml").read_text("utf-8")
    (wire / "rules" / "truce-broken.yaml").write_text(rule.replace("NEAR/6", "NEAR"), "utf-8")
    (wire / "desks" / "night.yaml").write_text("id: night\n", "utf-8")
    refused = ceasewire("--config", wire, "config", "check")
    assert refused.code == 78
    assert "truce-broken.yaml:7:" in refused.err
    assert "missing-distance" in refused.err
    assert "desks/night.yaml" in refused.err


def test_commands_refuse_a_database_that_was_not_migrated(ceasewire: Ceasewire, wire: Path) -> None:
    refused = ceasewire("--config", wire, "run")
    assert refused.code == 78
    assert "ceasewire migrate" in refused.err
    assert ceasewire("--config", wire, "migrate").code == 0
    assert ceasewire("--config", wire, "migrate").out == ""
    assert ceasewire("--config", wire, "run").code == 0


def test_a_database_that_cannot_be_written_is_exit_74(ceasewire: Ceasewire, wire: Path) -> None:
    (wire / "blocked").write_text("a file where a folder is wanted", "utf-8")
    settings = (wire / "settings.yaml").read_text("utf-8")
    (wire / "settings.yaml").write_text(settings.replace("sqlite:///wire.db", "sqlite:///blocked/wire.db"), "utf-8")
    refused = ceasewire("--config", wire, "migrate")
    assert refused.code == 74
    assert "blocked" in refused.err


def test_doctor_is_content_with_a_fresh_installation(ceasewire: Ceasewire, wire: Path) -> None:
    ceasewire("--config", wire, "migrate")
    shown = ceasewire("--config", wire, "doctor", "--json")
    checks = {row["check"]: row for row in map(json.loads, shown.out.splitlines())}
    assert shown.code == 0
    assert {"configuration", "clock", "database", "desk night", "last run", "outbox", "channels"} <= set(checks)
    assert checks["database"]["ok"]
    assert checks["last run"]["level"] == "warning"


def test_doctor_names_a_missing_database_and_a_broken_rule(ceasewire: Ceasewire, wire: Path) -> None:
    (wire / "rules" / "truce-broken.yaml").write_text("id: truce-broken\n", "utf-8")
    shown = ceasewire("--config", wire, "doctor")
    assert shown.code == 78
    assert "truce-broken.yaml" in shown.out
    assert "ceasewire migrate" in shown.out


def test_doctor_sees_a_mail_server_that_is_away(ceasewire: Ceasewire, wire: Path) -> None:
    ceasewire("--config", wire, "migrate")
    settings = (wire / "settings.yaml").read_text("utf-8")
    smtp = "  smtp: {host: 127.0.0.1, port: 1, security: none}\n"
    (wire / "settings.yaml").write_text(settings + smtp, "utf-8")
    desk = (wire / "desks" / "night.yaml").read_text("utf-8")
    (wire / "desks" / "night.yaml").write_text(desk + "  - mail: [reader@example.org]\n", "utf-8")
    shown = ceasewire("--config", wire, "doctor")
    assert shown.code == 69
    assert "mail server" in shown.out


def test_a_reader_that_goes_away_is_no_error(wire: Path) -> None:
    lines = "".join(f'{{"id": "{number}", "title": "Truce broken again"}}\n' for number in range(20_000))
    script = f"{sys.executable} -m alerts.cli --config {wire} rules read - --jsonl --json --workers 1 | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", script],
        input=lines,
        capture_output=True,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 1
