"""Pages and feeds in files: every one is answered, in order, whatever becomes of it."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crawler.looking import ManifestError, Thing, feed_answer, look, page_answer, read_manifest
from tests.collect.busy import answer
from tests.collect.conftest import NOW, STORY, item, page, rss

ENTRY = {"id", "link", "title", "summary", "content", "published", "updated", "raw_date"}


def thing(body: bytes, url: str = "", **headers: str) -> Thing:
    return Thing("x", Path("x"), url, headers, body)


def test_files_are_answered_in_order_whatever_becomes_of_them() -> None:
    names = ["a", "dies", "b", "raises", "lasts", *"cdefghijkl"]
    found = list(look((Thing(name, Path(name)) for name in names), answer, now=NOW, workers=2, seconds=8))
    assert [one["file"] for one in found] == names
    problems = {one["file"]: one["problem"] for one in found if one["problem"]}
    assert problems == {
        "dies": "reading it ended its process (exit code 4)",
        "raises": "reading it failed: SyntaxError: odd",
        "lasts": "reading it took longer than 8 s",
    }
    assert [one["title"] for one in found if not one["problem"]] == [f"read {name}" for name in ["a", *"bcdefghijkl"]]


def test_few_files_are_held_at_a_time() -> None:
    taken: list[int] = []

    def things() -> Iterator[Thing]:
        for number in range(100):
            taken.append(number)
            yield Thing(str(number), Path("x"))

    answers = look(things(), answer, now=NOW, workers=1, seconds=30)
    assert next(answers)["file"] == "0"
    assert len(taken) <= 5
    assert len(list(answers)) == 99


def test_a_page() -> None:
    found = page_answer(thing(gzip.compress(page()), "https://a.example/news/1"), NOW)
    assert set(found) == {"file", "title", "text", "published", "authors", "language", "canonical", "problem"}
    assert (found["file"], found["title"], found["language"], found["problem"]) == ("x", "Shelling in Veld", "en", "")
    assert found["text"].startswith(STORY)
    assert json.loads(json.dumps(found)) == found


def test_a_page_in_a_language_that_is_not_configured() -> None:
    text = "Na trg v starem mestnem jedru sta v soboto zjutraj padli dve granati, je povedal guverner pokrajine."
    assert page_answer(thing(page(title="Trg", text=text)), NOW)["language"] == "sl"


def test_the_media_type_and_the_address_come_from_the_headers() -> None:
    html = "<html><body><article><h1>Ринок</h1>" + "<p>Вранці по ринку влучили два снаряди, є поранені.</p>" * 9
    headers = {"content-type": "text/html; charset=windows-1251", "content-location": "https://a.example/1"}
    linked = '<link rel="canonical" href="/final">'
    found = page_answer(thing((linked + html).encode("cp1251"), **headers), NOW)
    assert (found["title"], found["canonical"]) == ("Ринок", "https://a.example/final")


@pytest.mark.parametrize("answered", [page_answer, feed_answer])
@pytest.mark.parametrize("body", [b"", b"\x00\xff", b"%PDF-1.4", b"<p>Sorry"])
def test_what_is_neither_page_nor_feed_says_why(answered: Any, body: bytes) -> None:
    found = answered(thing(body), NOW)
    assert found["problem"]
    assert not found.get("text")
    assert not found.get("entries")


def test_a_feed() -> None:
    found = feed_answer(thing(rss(item(1, base=""), item(2)), "https://a.example/feed"), NOW)
    assert set(found) == {"file", "format", "title", "entries", "problem"}
    assert (found["format"], found["title"], found["problem"]) == ("rss20", "T", "")
    assert [set(entry) for entry in found["entries"]] == [ENTRY, ENTRY]
    first = found["entries"][0]
    assert (first["id"], first["link"]) == ("id-1", "https://a.example/news/1")
    assert (first["published"], first["updated"]) == ("2026-11-22T10:00:00+00:00", None)


def test_without_an_address_links_count_from_the_feed_s_own() -> None:
    found = feed_answer(thing(rss(item(1, base=""), head="<link>https://b.example/</link>")), NOW)
    assert found["entries"][0]["link"] == "https://b.example/news/1"


def test_a_long_feed_is_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crawler.extraction._BATCHES_SECONDS", 0.0)
    monkeypatch.setattr("crawler.parse.feeds.FIRST_BATCH", 100)
    found = feed_answer(thing(rss(*(item(number) for number in range(250)))), NOW)
    assert [entry["id"] for entry in found["entries"]] == [f"id-{number}" for number in range(250)]


def test_sitemaps_are_feeds_too() -> None:
    space = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
    urls = f"<urlset {space}><url><loc>https://a.example/1</loc></url></urlset>".encode()
    found = feed_answer(thing(gzip.compress(urls)), NOW)
    assert (found["format"], [entry["link"] for entry in found["entries"]]) == ("sitemap", ["https://a.example/1"])
    index = f"<sitemapindex {space}><sitemap><loc>https://a.example/s.xml</loc></sitemap></sitemapindex>".encode()
    assert feed_answer(thing(index), NOW)["problem"] == "an index of 1 sitemaps, which hold the entries"


def test_a_manifest(tmp_path: Path) -> None:
    (tmp_path / "here.xml").write_bytes(b"x")
    lines = [
        '{"file": "here.xml", "url": "https://a.example/", "http_headers": {"Content-Type": "text/xml"}}',
        "  ",
        "nonsense",
        "[1]",
        '{"url": "https://a.example/"}',
        '{"file": "elsewhere.xml", "http_headers": null, "note": "more keys are no matter"}',
        '{"file": "x", "http_headers": [1]}',
    ]
    here, *wrong, last = read_manifest(lines[:6], tmp_path)
    assert here == Thing("here.xml", tmp_path / "here.xml", "https://a.example/", {"content-type": "text/xml"})
    assert last == Thing("elsewhere.xml", Path("elsewhere.xml"))
    assert [str(one).partition(":")[0] for one in wrong] == ["3", "4", "5"]
    assert isinstance(next(read_manifest(lines[6:], tmp_path)), ManifestError)


@pytest.mark.corpus
@pytest.mark.heavy
def test_corpus_of_pages_and_feeds() -> None:
    corpus = os.environ.get("CEASEWIRE_CORPUS")
    if not corpus:
        pytest.skip("CEASEWIRE_CORPUS is not set")
    for folder, how in (("feeds", feed_answer), ("extraction", page_answer)):
        rows = [
            json.loads(line) for line in (Path(corpus) / folder / "index.jsonl").read_text("utf-8").split("\n") if line
        ]
        things = (
            Thing(row["file"], Path(corpus) / folder / row["file"], row.get("url", ""), row.get("http_headers", {}))
            for row in rows
        )
        found = list(look(things, how, now=NOW, workers=2, seconds=60))
        assert [one["file"] for one in found] == [row["file"] for row in rows]
        if folder == "feeds":
            counted = [(len(one["entries"]), row["expected_count"]) for one, row in zip(found, rows, strict=True)]
            assert all(have == wanted for have, wanted in counted if wanted is not None)
        else:
            assert sum(not one["text"] for one in found) / len(found) < 0.02
