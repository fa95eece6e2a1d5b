"""The daemon as a process: it meets a slot, takes changed files, and stops on SIGTERM without losing anything."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts.configuration import load_configuration
from alerts.items import start_desks
from alerts.ledger import migrate
from crawler.archive import open_archive
from tests.cli.conftest import DESK, SETTINGS, SHELLING, SOURCE
from tests.forking import Forking

STOP_SECONDS = 10
"""What is promised of a stop."""


@pytest.fixture
def wire(tmp_path: Path) -> Path:
    """A migrated folder whose one desk has missed yesterday's slot."""
    files = {
        "settings.yaml": SETTINGS,
        "sources/paper.yaml": SOURCE,
        "rules/market-shelled.yaml": SHELLING,
        "desks/night.yaml": DESK,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    configuration = load_configuration(tmp_path)
    migrate(configuration.database_url)
    archive = open_archive(configuration.database_url)
    start_desks(archive, configuration.desks, datetime.now(UTC), since=timedelta(hours=30))
    archive.close()
    return tmp_path


def ceasewire(wire: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "alerts.cli", "--config", str(wire), *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def serving(wire: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "alerts.cli", "--config", str(wire), "-v", "serve", "--tick", "1"]
    with (wire / "serve.log").open("w") as log:
        process = subprocess.Popen(command, stderr=log, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def wait_for(what: Callable[[], bool], seconds: float = 60) -> bool:
    """Poll until `what` holds; the bound only ends a test that has failed."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.05)
    return False


def article(name: str) -> str:
    return json.dumps({"id": name, "title": f"{name}: mortars shelled the market", "lang": "en", "source": "the-paper"})


def test_serve_meets_the_slot_and_stops_cleanly(wire: Path) -> None:
    assert ceasewire(wire, "import", "-", stdin=article("first")).returncode == 0
    log = wire / "serve.log"
    with serving(wire) as process:
        assert wait_for(lambda: len(list((wire / "out").glob("*.eml"))) == 1), log.read_text()
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=STOP_SECONDS) == 0, log.read_text()
        assert time.monotonic() - begun < STOP_SECONDS
    assert "first: mortars shelled the market" in next((wire / "out").glob("*.txt")).read_text("utf-8").replace("*", "")
    # What another process does next finds nothing left over and nothing doubled.
    again = ceasewire(wire, "run")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert len(list((wire / "out").glob("*.eml"))) == 1


def test_serve_keeps_the_last_good_configuration(wire: Path) -> None:
    rule = wire / "rules" / "market-shelled.yaml"
    good = rule.read_text("utf-8")
    log = wire / "serve.log"
    with serving(wire) as process:
        assert wait_for(lambda: len(list((wire / "out").glob("*.eml"))) == 1), log.read_text()
        rule.write_text(good.replace("NEAR/8", "NEER/8"), "utf-8")
        assert wait_for(lambda: "going on with the last good one" in log.read_text())
        assert "market-shelled.yaml:6:" in log.read_text()
        assert process.poll() is None
        rule.write_text(good.replace("severity: critical", "severity: high"), "utf-8")
        assert wait_for(lambda: "configuration read again" in log.read_text())
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=STOP_SECONDS) == 0


def test_serve_stopped_at_any_moment_loses_and_doubles_nothing(wire: Path, forking: Forking) -> None:
    """Stops at growing delays; whatever was under way is finished by the last run, each article told once."""

    def said(*arguments: str, stdin: str = "") -> str:
        code, out, err = forking.run(["--config", str(wire), *arguments], stdin=stdin)
        assert code == 0, err
        return out

    for number in range(4):
        said("import", "-", stdin=article(f"story-{number}"))
        process = forking.start(["--config", str(wire), "-v", "serve", "--tick", "1"])
        time.sleep(0.3 * number)
        process.send_signal(signal.SIGTERM)
        # Before its handlers stand, a signal ends the interpreter itself.
        assert process.wait(timeout=STOP_SECONDS) in {0, -signal.SIGTERM}
    said("run")
    rows = [json.loads(line) for line in said("export").splitlines()]
    assert len({row["title"] for row in rows}) == len(rows) == 4
    listed = [json.loads(line) for line in said("digest", "list", "--json").splitlines()]
    assert [row["number"] for row in listed] == [1]
    told = list((wire / "out").glob("*.txt"))
    assert len(told) == 1
