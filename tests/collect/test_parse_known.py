"""Items that stood in the last document as they are now are cut out; what is left is read as if they were there."""

from __future__ import annotations

import io
import json
import os
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import feedparser
import pytest
import sqlalchemy as sa
from feedparser.mixin import _FeedParserMixin

from crawler.archive.engine import Archive
from crawler.archive.schema import article as articles
from crawler.archive.schema import channel as channels
from crawler.articles import Entry, FeedDocument
from crawler.parse.feeds import BATCH, parse_feed, parse_if_cheap
from crawler.parse.scanning import DEEPEST, FEED_SPACES, MARK_BYTES, scan, unchanged, without
from tests.collect.conftest import NOW, Clock, Collect, Reply, Web, item, make_source, rss

URL = "https://a.example/feeds/rss.xml"
MOST = 100_000


def read(body: bytes, known: bytes = b"", **more: Any) -> FeedDocument:
    return parse_feed(body, url=URL, now=NOW, known=known, **more)


def test_only_new_items_are_read() -> None:
    before = read(rss(*(item(number) for number in range(1, 31))))
    assert (before.known, len(before.entries), len(before.marks)) == (0, 30, 30 * MARK_BYTES)
    body = rss(*(item(number) for number in range(30)))
    now = read(body, before.marks)
    assert (now.known, now.entries) == (29, read(body).entries[:1])
    assert read(body, now.marks).entries == ()
    assert read(body, now.marks).title == "T"


def test_a_changed_item_is_read_again() -> None:
    before = read(rss(item(1), item(2)))
    after = read(rss(item(1).replace("Shelling", "Correction: shelling"), item(2)), before.marks)
    assert [entry.title for entry in after.entries] == ["Correction: shelling in Veld, report 1"]


def test_counters_are_no_change() -> None:
    space = "http://purl.org/rss/1.0/modules/slash/"

    def counted(number: int) -> bytes:
        return rss(item(1).replace("</item>", f'<s:comments xmlns:s="{space}">{number}</s:comments></item>'))

    assert read(counted(8), read(counted(7)).marks).known == 1


def test_what_items_depend_on_is_part_of_them() -> None:
    body = rss(item(1, base=""))
    before = read(body)
    assert parse_feed(body, url="https://b.example/rss", now=NOW, known=before.marks).known == 0
    assert read(body, before.marks, content_type="text/xml; charset=koi8-r").known == 0
    assert read(body.replace(b"<rss ", b'<rss xml:base="https://c.example/" '), before.marks).known == 0


ATOM = '<feed xmlns="http://www.w3.org/2005/Atom"><title>T</title>{}</feed>'
RDF = (
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">'
    '<channel rdf:about="https://a.example/"><title>T</title></channel>{}</rdf:RDF>'
)
KINDS: dict[str, Callable[[str, str, str], str]] = {
    "rss": lambda guid, link, title: f"<item><guid>{guid}</guid><link>{link}</link><title>{title}</title></item>",
    "atom": lambda guid, link, title: f'<entry><id>{guid}</id><link href="{link}"/><title>{title}</title></entry>',
    "rdf": lambda _, link, title: f'<item rdf:about="{link}"><link>{link}</link><title>{title}</title></item>',
}


def document(kind: str, *items: tuple[str, str, str]) -> bytes:
    inside = "".join(KINDS[kind](*one) for one in items)
    return rss(inside) if kind == "rss" else (ATOM if kind == "atom" else RDF).format(inside).encode()


@pytest.mark.parametrize("kind", KINDS)
def test_formats(kind: str) -> None:
    old, new = ("g1", "https://a.example/1", "One"), ("g2", "https://a.example/2", "Two")
    body = document(kind, new, old)
    found = read(body, read(document(kind, old)).marks)
    assert (found.known, found.entries) == (1, read(body).entries[:1])


@pytest.mark.parametrize(
    "new",
    [
        ("g1", "https://a.example/2", "Two"),
        ("g2", "https://a.example/1", "Two"),
        ("g2", "https://a.example/1#update", "Two"),
        ("g2", "https://A.example/1?utm_source=rss", "Two"),
        ("g2", "/1", "Two"),
        ("g2", "https://a.example/2", "One"),
    ],
    ids=["guid", "link", "fragment", "tracking", "relative", "title"],
)
def test_a_known_item_that_shares_a_name_with_a_new_one_is_read_with_it(new: tuple[str, str, str]) -> None:
    old = ("g1", "https://a.example/1", "One")
    before = read(document("rss", old))
    body = document("rss", new, old)
    assert read(body, before.marks).entries == read(body).entries


def test_links_that_only_look_alike_are_no_reason() -> None:
    old, new = (("g1", "https://a.example/?id=1", "One"), ("g2", "https://a.example/?id=2", "Two"))
    found = read(document("rss", new, old), read(document("rss", old)).marks)
    assert [entry.title for entry in found.entries] == ["Two"]


def test_items_in_items_are_always_read() -> None:
    twice = "<item><title>Outer</title><x:old xmlns:x='urn:x'><item><title>Inner</title></item></x:old></item>"
    before = read(rss(twice))
    assert read(rss(twice), before.marks).entries == before.entries
    assert len(before.entries) == 2


def test_a_damaged_document_is_read_whole() -> None:
    body = rss(item(1), item(2))
    found = read(body[:-20], read(body).marks)
    assert (found.known, len(found.entries), found.marks) == (0, 2, b"")
    assert found.problem.startswith("damaged")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1251"])
def test_encodings(encoding: str) -> None:
    head = f'<?xml version="1.0" encoding="{encoding}"?>'
    letters = "Ніч" if encoding != "iso-8859-1" else "Été"

    def feed(*numbers: int) -> bytes:
        inside = "".join(f"<item><title>{letters} {number}</title><guid>{number}</guid></item>" for number in numbers)
        return f'{head}<rss version="2.0"><channel>{inside}</channel></rss>'.encode(encoding, "xmlcharrefreplace")

    found = read(feed(2, 1), read(feed(1)).marks)
    assert ([entry.title for entry in found.entries], found.known) == ([f"{letters} 2"], 1)


def test_json_items_are_known_too() -> None:
    def feed(*items: dict[str, Any]) -> bytes:
        return json.dumps({"title": "T", "items": items}).encode()

    one, two = ({"id": str(number), "url": f"https://a.example/{number}", "title": f"T {number}"} for number in (1, 2))
    before = read(feed(one))
    found = read(feed(two, one), before.marks)
    assert ([entry.guid for entry in found.entries], found.known) == (["2"], 1)
    assert len(read(feed(two | {"id": "1"}, one), before.marks).entries) == 2
    assert [entry.guid for entry in read(feed(one | {"title": "U"}), before.marks).entries] == ["1"]


def test_a_long_json_feed_keeps_its_newest() -> None:
    items = [{"id": str(day), "date_published": f"2026-11-{day:02}T00:00:00Z"} for day in range(1, 21)]
    for order in (items, items[::-1]):
        found = read(json.dumps({"items": order}).encode(), max_items=2)
        assert {entry.guid for entry in found.entries} == {"19", "20"}


def test_what_was_left_is_read_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crawler.parse.feeds.FIRST_BATCH", BATCH)
    count = 2 * BATCH + 10
    body = rss(*(item(number) for number in range(count)))
    seen: list[Entry] = []
    whole, marks = read(body), b""
    for left in (count - BATCH, count - 2 * BATCH, 0):
        found = read(body, marks, seconds=0.0)
        assert found.left == left
        assert ("left for the next time" in found.problem) == bool(left)
        seen += found.entries
        marks = found.marks
    assert tuple(seen) == whole.entries


def test_repairing_gives_what_can_be_had() -> None:
    broken = "<item><title>A & B</title><guid>1</guid></item>"
    found = read(rss(item(5), broken, item(6)), repair=True)
    assert found.problem.startswith("damaged")
    assert {entry.guid for entry in found.entries} >= {"id-5", "1", "id-6"}


def test_long_documents_with_little_that_is_new_are_read_here() -> None:
    items = [item(number) for number in range(1500)]
    before = read(rss(*items[1:]))
    assert parse_if_cheap(rss(*items), url=URL, now=NOW) is None
    found = parse_if_cheap(rss(*items), url=URL, now=NOW, known=before.marks)
    assert found is not None
    assert [entry.guid for entry in found.entries] == ["id-0"]


def test_scanning_stops_at_what_only_attackers_write() -> None:
    deep = b"<rss>" + b"<a>" * (DEEPEST + 1) + b"</a>" * (DEEPEST + 1) + b"</rss>"
    assert scan(deep, most=MOST).too_deep
    assert scan(b"<rss>" + b"<a>" * 200_000, most=MOST).too_deep
    assert scan(b"<rss>" + b"<a/>" * 50 + b"</rss>", most=20).unfinished
    assert scan(b"<rss><a></rss>", most=MOST).fault
    assert scan(b'<?xml version="1.0" encoding="none"?><rss/>', most=MOST).fault
    assert read(deep).problem == "refused: its elements are nested too deep"


def test_every_byte_between_items_stays() -> None:
    body = b"<rss><a/> <item>1</item>\n<b/><item/><!-- c --><item>3</item> </rss>"
    found = scan(body, most=MOST).items
    assert [body[one.start : one.end] for one in found] == [b"<item>1</item>", b"<item/>", b"<item>3</item>"]
    assert without(body, found, {0, 2}) == b"<rss><a/> \n<b/><item/><!-- c --> </rss>"
    assert without(body, found, ()) == body


def test_nothing_is_known_at_first() -> None:
    body = rss(item(1))
    assert unchanged(body, scan(body, most=MOST).items, b"", URL) == set()


def test_the_namespaces_are_those_of_the_parser() -> None:
    assert {space.lower() for space, prefix in _FeedParserMixin.namespaces.items() if not prefix} == FEED_SPACES


def test_a_channel_remembers_its_items(web: Web, run_collect: Collect, sqlite_archive: Archive, clock: Clock) -> None:
    source = make_source(("feed", f"{web.url}/rss"))
    web.replies["/rss"] = Reply(rss(*(item(number, web.url) for number in range(1, 6))))
    assert run_collect(source).new_articles == 5
    changed = item(3, web.url).replace("Report 3:", "Corrected report 3:")
    web.replies["/rss"] = Reply(rss(item(0, web.url), item(1, web.url), changed))
    clock.forward(minutes=30)
    report = run_collect(source, everything=True)
    assert (report.new_articles, report.known_entries, report.gaps) == (1, 2, 0)
    with sqlite_archive.read() as connection:
        rows = connection.execute(sa.select(articles.c.url, articles.c.version)).all()
        [(marks, state)] = connection.execute(sa.select(channels.c["items"], channels.c.state)).all()
    assert {row.url.rpartition("/")[2]: row.version for row in rows} == {n: 2 if n == "3" else 1 for n in "012345"}
    assert (len(marks), state) == (3 * MARK_BYTES, "ok")


def test_a_document_without_anything_new_is_no_gap(
    web: Web, run_collect: Collect, sqlite_archive: Archive, clock: Clock
) -> None:
    source = make_source(("feed", f"{web.url}/rss"))
    web.replies["/rss"] = Reply(rss(item(1, web.url), item(2, web.url)))
    run_collect(source)
    web.replies["/rss"] = Reply(rss(item(1, web.url), item(2, web.url), head="<lastBuildDate>now</lastBuildDate>"))
    clock.forward(minutes=30)
    report = run_collect(source, everything=True)
    assert (report.new_articles, report.known_entries, report.gaps) == (0, 2, 0)
    with sqlite_archive.read() as connection:
        assert connection.execute(sa.select(channels.c.state)).scalar_one() == "ok"


def _plain(body: bytes, content_type: str) -> Any:
    return feedparser.parse(io.BytesIO(body), response_headers={"content-type": content_type or "application/xml"})


def _holds(expression: str, result: Any) -> bool:
    try:
        return bool(eval(expression, {"__builtins__": {}}, dict(result)))
    except (LookupError, AttributeError, TypeError, NameError, ValueError):
        return False


@pytest.mark.corpus
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_corpus_with_half_of_the_items_known() -> None:
    corpus = os.environ.get("CEASEWIRE_CORPUS")
    if not corpus:
        pytest.skip("CEASEWIRE_CORPUS is not set")
    folder, chance = Path(corpus) / "feeds", random.Random(7)
    same = total = held = expected = 0
    for line in (folder / "index.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        body = (folder / row["file"]).read_bytes()
        kind = next((value for name, value in row["http_headers"].items() if name.lower() == "content-type"), "")
        whole = read(body, content_type=kind)
        marks = [whole.marks[at : at + MARK_BYTES] for at in range(0, len(whole.marks), MARK_BYTES)]
        known = {mark for mark in marks if chance.random() < 0.5}
        rest = read(body, b"".join(known), content_type=kind)
        left = [one for mark, one in zip(marks, whole.entries, strict=False) if mark not in known]
        total += 1
        same += all(one in rest.entries for one in left) and rest.known + len(rest.entries) == len(whole.entries)
        expression = row["feedparser_expect_expression"]
        if expression and not re.search(r"entries\[[^0]|len\(", expression) and _holds(expression, _plain(body, kind)):
            items = scan(body, most=MOST).items
            expected += 1
            held += _holds(expression, _plain(without(body, items, range(1, len(items))), kind))
    assert total > 400
    assert same / total >= 0.995
    assert (expected > 100, held) == (True, expected)
