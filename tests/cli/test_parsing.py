"""`parse page` and `parse feed` as an operator meets them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Ceasewire, fresh

STORY = "A market in the old town was hit by two shells on Saturday morning, the regional governor said. " * 4
PAGE = f"<html><head><title>Market hit</title></head><body><article><h1>Market hit</h1><p>{STORY}</p></article></body>"
FEED = (
    '<rss version="2.0"><channel><title>Lanter</title><item><title>Market hit</title><link>/news/1</link>'
    "<pubDate>Sun, 22 Nov 2026 10:00:00 GMT</pubDate></item></channel></rss>"
)


def test_a_page_as_a_person_reads_it(ceasewire: Ceasewire, tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(PAGE, "utf-8")
    done = ceasewire("parse", "page", tmp_path / "a.html")
    assert (done.code, done.err) == (0, "")
    first, second, _, text = done.out.splitlines()[:4]
    assert (first, second, text) == (f"{tmp_path / 'a.html'}: Market hit", "  no date  en", f"  {STORY.strip()}")


def test_feeds_of_a_manifest(ceasewire: Ceasewire, tmp_path: Path) -> None:
    (tmp_path / "a.xml.gz").write_bytes(gzip.compress(FEED.encode()))
    rows = [{"file": "a.xml.gz", "url": "https://a.example/rss"}, {"file": "none.xml"}]
    lines = [*map(json.dumps, rows), "nonsense"]
    (tmp_path / "list.jsonl").write_text("\n".join(lines), "utf-8")
    done = ceasewire("parse", "feed", "--json", "--manifest", tmp_path / "list.jsonl")
    first, second = map(json.loads, done.out.splitlines())
    assert (first["file"], first["entries"][0]["link"]) == ("a.xml.gz", "https://a.example/news/1")
    assert (second["file"], second["problem"]) == ("none.xml", "it cannot be opened: No such file or directory")
    assert done.err.startswith(f"{tmp_path / 'list.jsonl'}:3: ")
    assert done.code == 65


def test_a_feed_from_standard_input_as_a_person_reads_it(tmp_path: Path) -> None:
    done = fresh("parse", "feed", "-", "--url", "https://a.example/rss", stdin=FEED, folder=tmp_path)
    assert done.out.splitlines()[:3] == [
        "-: Lanter (rss20, 1 entry)",
        "  2026-11-22 10:00  Market hit",
        f"  {'':<16}  https://a.example/news/1",
    ]
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize("command", ["page", "feed"])
def test_nothing_to_read(ceasewire: Ceasewire, command: str) -> None:
    done = ceasewire("parse", command)
    assert done.code == 2
    assert "give FILE or --manifest" in done.err


@pytest.mark.parametrize("command", ["page", "feed"])
def test_help_shows_examples(ceasewire: Ceasewire, command: str) -> None:
    assert f"ceasewire parse {command} --manifest" in ceasewire("parse", command, "--help").out
