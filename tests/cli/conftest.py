"""The command line run in this process, and a small configuration folder to run it on."""

from __future__ import annotations

import io
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from alerts.cli import main


@dataclass(frozen=True, slots=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str


Ceasewire = Callable[..., Result]


@pytest.fixture
def ceasewire(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Ceasewire]:
    """Run `ceasewire ARGUMENTS`, with `stdin` as standard input."""
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level

    def call(*arguments: str | Path, stdin: str = "") -> Result:
        monkeypatch.setattr(sys, "argv", ["ceasewire", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        return Result(int(left.value.code or 0), captured.out, captured.err)

    yield call
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)


def fresh(*arguments: str | Path, stdin: str = "", folder: Path | None = None) -> Result:
    """Run `ceasewire ARGUMENTS` in a process of its own, in `folder` and without a configuration in the environment.

    For what loads the shipped rules: measured line by line that takes ten times as long.
    """
    environment = {name: value for name, value in os.environ.items() if name != "CEASEWIRE_CONFIG"}
    command = [sys.executable, "-m", "alerts.cli", *map(str, arguments)]
    root = str(Path(__file__).resolve().parents[2])
    environment["PYTHONPATH"] = root
    done = subprocess.run(
        command, input=stdin, cwd=folder or root, env=environment, capture_output=True, text=True, timeout=120
    )
    return Result(done.returncode, done.stdout, done.stderr)


SETTINGS = """\
crawler:
  database: sqlite:///wire.db
  allow_addresses: [127.0.0.1]
  delay_seconds: 0
alerts:
  sender: {address: wire@example.org, name: Wire}
"""
SOURCE = """\
- id: the-paper
  name: The Paper
  country: GB
  languages: [en]
  tier: 2
  homepage: https://paper.example/
  paused: true
  channels:
    - feed: https://paper.example/rss.xml
"""
TRUCE = """\
id: truce-broken
title: Truce not honoured
topic: ceasefire
stage: violated
class: event
severity: high
find: '(truce OR ceasefire) NEAR/6 (broken OR "not honoured")'
not_within: ["trade truce"]
note: For tests.
cases:
  flags: ["The truce was broken at dawn."]
  ignores: ["The trade truce was broken."]
"""
SHELLING = """\
id: market-shelled
title: Market shelled
topic: civilian_attack
class: event
severity: critical
find: 'shell* NEAR/8 (market OR hospital)'
note: For tests.
cases:
  flags: ["Mortars shelled the market."]
  ignores: ["The market opened under a blue sky."]
"""
DESK = """\
id: night
title: Night desk
schedule: "0 7 * * *"
zone: Europe/London
routes:
  - folder: out
"""


def write_wire(folder: Path) -> None:
    """Write a configuration folder with one source, two rules and one desk that writes into a folder."""
    for name, text in {
        "settings.yaml": SETTINGS,
        "sources/paper.yaml": SOURCE,
        "rules/truce-broken.yaml": TRUCE,
        "rules/market-shelled.yaml": SHELLING,
        "desks/night.yaml": DESK,
    }.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    (folder / "lists").mkdir()


@pytest.fixture
def migrated(wire: Path, sqlite_template: Path) -> Path:
    """The same with its database, as `migrate` makes it."""
    shutil.copyfile(sqlite_template, wire / "wire.db")
    return wire


@pytest.fixture
def wire(tmp_path: Path) -> Path:
    """A configuration folder with one source, two rules and one desk that writes into a folder; no database yet."""
    folder = tmp_path / "wire"
    write_wire(folder)
    return folder
