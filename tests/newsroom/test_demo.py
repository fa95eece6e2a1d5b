"""`ceasewire demo DIR` as a person runs it: twice, with its port taken, in a wrong folder, and left running."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from alerts.newsroom import load_outlets
from tests.newsroom.conftest import get

CHANNELS = sum(len(outlet.channels) for outlet in load_outlets())


def command(*words: str) -> list[str]:
    return [str(Path(sys.executable).with_name("ceasewire")), *words]


def ceasewire(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*words), capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "wire"


@pytest.fixture(scope="module")
def first(folder: Path) -> str:
    done = ceasewire("demo", str(folder))
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_first_run_collects_everything_and_writes_one_digest(folder: Path, first: str) -> None:
    articles = sum(len(outlet.articles) for outlet in load_outlets())
    assert f"{CHANNELS} asked: {CHANNELS} with news\n" in first
    assert f"{articles} new articles, {articles} pages read" in first
    assert len(first.splitlines()) <= 12
    pages = list((folder / "outbox").glob("*.html"))
    assert len(pages) == 1
    assert str(pages[0]) in first
    assert {path.suffix for path in (folder / "outbox").iterdir()} == {".html", ".txt", ".eml"}
    digest = pages[0].read_text("utf-8")
    assert "Corrin Wire" in digest
    words = pages[0].with_suffix(".txt").read_text("utf-8")
    # One wire text in four outlets, one of them shortened and one without its dateline, and a report in own words.
    told = "5 outlets, 2 independent: Corrin Wire in 3 (The Tanawadi Herald, The Brennick Times, Lakeshore Sentinel)"
    assert words.count(f"; {told}, The Lanter Post\n") == 1
    assert words.count("2 outlets, 1 independent: Вісті Надбережжя in Ранковий огляд") == 2
    assert "Corrin Wire corrected its report: “Corrects the death toll throughout to 11, not 14" in words
    assert "(party to the conflict: Russia)" in words


def test_second_run_asks_conditionally_and_sends_nothing(folder: Path, first: str) -> None:
    outbox = {path: path.stat().st_mtime_ns for path in (folder / "outbox").iterdir()}
    log = folder / "requests.log"
    length = log.stat().st_size
    done = ceasewire("demo", str(folder))
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{CHANNELS} asked: {CHANNELS} unchanged (" in done.stdout
    assert "collected  nothing new\n" in done.stdout
    assert "no. 1 was written before and nothing is sent twice" in done.stdout
    assert {path: path.stat().st_mtime_ns for path in (folder / "outbox").iterdir()} == outbox
    rows = log.read_text("utf-8").encode()[length:].decode().splitlines()
    asked = {tuple(row.split()[1:4]): row for row in rows}
    for outlet in load_outlets():
        for channel in outlet.channels:
            row = asked[outlet.id, "GET", channel.path]
            assert re.search(r" 304 if-(none-match|modified-since)=", row), row
    assert not any("/news/" in row for row in rows)


def test_configuration_of_the_demo_is_one_for_every_command(folder: Path, first: str) -> None:
    done = ceasewire("--config", str(folder / "config"), "config", "check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_taken_port_is_a_temporary_error_with_a_hint(folder: Path, first: str) -> None:
    found = re.search(r"ports (\d+) to", first)
    assert found is not None
    with socket.create_server(("127.0.0.1", int(found[1]))):
        done = ceasewire("demo", str(folder))
    assert done.returncode == 75
    assert f"port {found[1]} of " in done.stderr
    assert "hint: " in done.stderr


def test_a_folder_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("")
    done = ceasewire("demo", str(tmp_path))
    assert done.returncode == 2
    assert "holds something else; name a new folder" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_damaged_newsroom_file_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "newsroom.json").write_text("{")
    done = ceasewire("demo", str(tmp_path))
    assert done.returncode == 65
    assert "was damaged" in done.stderr
    assert "Traceback" not in done.stderr


def test_stay_leaves_the_newsroom_up_until_it_is_told_to_stop(folder: Path, first: str) -> None:
    with subprocess.Popen(
        command("demo", str(folder), "--stay"),
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if found := re.match(r"  (http://127\.0\.0\.1:\d+/) ", line):
                break
        else:
            pytest.fail("no address was shown")
        for line in running.stdout:
            if "faults: [" in line:
                break
        assert get(found[1]).status == 200
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=20) == 0
