"""`status`, `backup`, `metrics` and `run --ping-url` as an operator types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Ceasewire
from tests.operating.test_watching import check

__all__ = ["check"]


@pytest.fixture
def running(ceasewire: Ceasewire, migrated: Path) -> Path:
    """A configuration folder whose database was made and run once."""
    assert ceasewire("--config", migrated, "run").code == 0
    return migrated


def test_status_is_one_screen_and_json(ceasewire: Ceasewire, running: Path) -> None:
    shown = ceasewire("--config", running, "status")
    assert shown.code == 1  # nothing was ever collected
    assert [line[2:12].strip() for line in shown.out.splitlines() if line[2:12].strip()] == [
        "collecting", "flagged", "waiting", "sent", "doubtful", "broken",
    ]  # fmt: skip
    rows = [json.loads(line) for line in ceasewire("--config", running, "status", "--json").out.splitlines()]
    assert {row["level"] for row in rows} <= {"ok", "warning", "error"}
    assert [row["text"] for row in rows if row["part"] == "broken"] == ["nothing"]


def test_status_of_a_broken_configuration_names_the_file(ceasewire: Ceasewire, running: Path) -> None:
    (running / "rules/odd.yaml").write_text("id: odd\n", "utf-8")
    shown = ceasewire("--config", running, "status")
    assert shown.code == 1
    assert "X broken" in shown.out
    assert "rules/odd.yaml" in shown.out


def test_backup_copies_and_verifies(ceasewire: Ceasewire, running: Path, tmp_path: Path) -> None:
    made = ceasewire("--config", running, "backup", tmp_path / "copies")
    assert made.code == 0
    path = made.out.partition(": ")[0]
    assert "read back and whole (0 article" in made.out
    assert ceasewire("backup", "--verify", path).out == made.out
    Path(path).write_bytes(Path(path).read_bytes()[:5000])
    damaged = ceasewire("backup", "--verify", path)
    assert damaged.code == 74
    assert damaged.err.startswith(f"ceasewire: {path} is damaged")
    assert ceasewire("--config", running, "backup").code == 2


def test_every_run_writes_the_metrics_file(ceasewire: Ceasewire, running: Path) -> None:
    settings = running / "settings.yaml"
    settings.write_text(settings.read_text("utf-8") + "  metrics_file: wire.prom\n", "utf-8")
    assert ceasewire("--config", running, "run").code == 0
    written = (running / "wire.prom").read_text("utf-8")
    assert 'ceasewire_job_failed{job="deliver"} 0.0' in written
    assert "# TYPE ceasewire_channels gauge" in ceasewire("--config", running, "metrics").out
    settings.write_text(settings.read_text("utf-8").replace("wire.prom", "missing/wire.prom"), "utf-8")
    again = ceasewire("--config", running, "run")
    assert again.code == 0
    assert "metrics:" in again.err


def test_a_run_pings_start_and_its_exit_code(ceasewire: Ceasewire, running: Path, check: tuple[str, list[str]]) -> None:
    url, asked = check
    assert ceasewire("--config", running, "run", "--ping-url", url).code == 0
    assert asked == ["/ping/key/start", "/ping/key/0"]
    asked.clear()
    (running / "rules/odd.yaml").write_text("id: odd\n", "utf-8")
    assert ceasewire("--config", running, "run", "--ping-url", url).code == 78
    assert asked == ["/ping/key/78"]
    refused = ceasewire("--config", running, "run", "--ping-url", "ftp://x")
    assert refused.code == 2
    assert "http or https" in refused.err
