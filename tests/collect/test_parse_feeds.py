"""Feed documents: odd, damaged and hostile ones."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crawler.parse.feeds import parse_feed, parse_if_cheap
from tests.collect.conftest import NOW, item, rss

URL = "https://a.example/feeds/rss.xml"
NS = 'xmlns:p="http://purl.org/rss/1.0/modules/syndication/"'


def is_cheap(body: bytes) -> bool:
    return parse_if_cheap(body, url=URL, now=NOW) is not None


def read(inside: str) -> list[tuple[str, str]]:
    document = parse_feed(rss(f"<item>{inside}</item>"), url=URL, now=NOW)
    return [(entry.title, entry.link) for entry in document.entries]


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Truce &amp;amp; talks", "Truce & talks"),
        ("&lt;b&gt;Truce&lt;/b&gt; holds", "Truce holds"),
        ("<![CDATA[<script>alert(1)</script>Truce <i>holds</i>]]>", "Truce holds"),
        ("Truce\r\n\u2028 holds\u2029 on", "Truce holds on"),
        ("Truce \u202eholds\u202c on", "Truce holds on"),
        ("Fewer than 5 &lt; 10 killed", "Fewer than 5 < 10 killed"),
        ("هدنة في غزة", "هدنة في غزة"),
    ],
)
def test_titles_are_plain_text_on_one_line(title: str, expected: str) -> None:
    assert read(f"<title>{title}</title><link>https://a.example/1</link>") == [(expected, "https://a.example/1")]


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("/news/1", "https://a.example/news/1"),
        ("javascript:alert(1)", ""),
        ("java&#9;script:alert(1)", ""),
        ("data:text/html,x", ""),
        ("file:///etc/passwd", ""),
        ("https://a.example/news/1?a=1&amp;b=2", "https://a.example/news/1?a=1&b=2"),
    ],
)
def test_links(link: str, expected: str) -> None:
    assert read(f"<title>T</title><link>{link}</link>") == [("T", expected)]


@pytest.mark.parametrize("guid", ["javascript:alert(1)", "java&#9;script:alert(1)", "data:text/html,x", "vbscript:x"])
def test_a_guid_is_a_link_only_if_it_is_one(guid: str) -> None:
    assert read(f'<title>T</title><guid isPermaLink="true">{guid}</guid>') == [("T", "")]


def test_summary_keeps_paragraphs_and_no_scripts() -> None:
    html = "&lt;p&gt;One &amp;amp; two.&lt;/p&gt;&lt;style&gt;p{}&lt;/style&gt;&lt;p&gt;Three&lt;br&gt;four.&lt;/p&gt;"
    document = parse_feed(rss(f"<item><title>T</title><description>{html}</description></item>"), url=URL, now=NOW)
    assert document.entries[0].summary == "One & two.\n\nThree\n\nfour."


def test_a_guid_that_several_items_share_identifies_none() -> None:
    items = "".join(f"<item><guid>same</guid><title>{n}</title><link>https://a.example/{n}</link></item>" for n in "12")
    document = parse_feed(rss(items, "<item><guid>own</guid><title>3</title></item>"), url=URL, now=NOW)
    assert [entry.guid for entry in document.entries] == ["", "", "own"]


@pytest.mark.parametrize("oldest_first", [True, False])
def test_of_a_long_document_the_newest_items_are_read(oldest_first: bool) -> None:
    items = [item(number, date=f"Sun, 22 Nov 2026 {23 - number:02}:00:00 GMT") for number in range(10)]
    document = parse_feed(rss(*(reversed(items) if oldest_first else items)), url=URL, now=NOW, max_items=3)
    assert {entry.guid for entry in document.entries} == {"id-0", "id-1", "id-2"}
    assert document.problem == "7 items beyond the limit of 3 were not read"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_wide_encodings(encoding: str) -> None:
    text = '<?xml version="1.0" encoding="UTF-16"?>' + rss("<item><title>Перемир’я</title></item>").decode()[21:]
    if encoding == "utf-8-sig":
        text = text.replace("UTF-16", "UTF-8")
    document = parse_feed(text.encode(encoding), url=URL, now=NOW)
    assert [entry.title for entry in document.entries] == ["Перемир’я"]


HOSTILE = {
    "entities": (b'<!DOCTYPE r [<!ENTITY a "&b;">]><rss version="2.0"><channel/></rss>', "declares entities"),
    "entities behind a literal": (b'<!DOCTYPE r SYSTEM "<!--" [<!ENTITY a "&b;">]><!-- --><rss/>', "declares entities"),
    "an element in a literal": (b'<!DOCTYPE r SYSTEM "<rss>" [<!ENTITY a "&b;">]><rss/>', "declares entities"),
    "entities in UTF-16": ('\ufeff<!DOCTYPE r [<!ENTITY a "&b;">]><rss/>'.encode("utf-16-le"), "declares entities"),
    "markup in an entity": (b'<!DOCTYPE r [<!ENTITY a "<item/>">]><rss/>', "declares entities"),
    "parameter entity": (b'<!DOCTYPE r [<!ENTITY % a "b"> %a;]><rss/>', "declares entities"),
    "attribute list": (b'<!DOCTYPE r [<!ATTLIST rss a CDATA "b">]><rss/>', "declares entities"),
    "a long entity often": (
        b'<!DOCTYPE r [<!ENTITY a "' + b"b" * 200 + b'">]><rss>' + b"&a;" * 10_000 + b"</rss>",
        "declares entities",
    ),
    "many entities": (b"<!DOCTYPE r [" + b'<!ENTITY a "b">' * 301 + b"]><rss/>", "declares entities"),
    "an open declaration": (b'<!DOCTYPE r [<!ENTITY a "b"><rss/>', "declares entities"),
    "external entity": (
        b'<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]><rss><a>&a;</a></rss>',
        "declares entities",
    ),
    "nested": (rss("<item>" + "<a>" * 4000 + "</a>" * 4000 + "</item>"), "nested too deep"),
    "nested JSON": (b'{"items": ' + b"[" * 100_000, "damaged JSON"),
    "comments": (b"<!--" * 50_000, "no element"),
    "instructions": (b"<?" * 50_000, "no element"),
    "nothing": (b"  \n", "empty"),
    "HTML": (b"<!-- x --><!DOCTYPE html><html><body>rss</body></html>", "an HTML page"),
    "other XML": (b"<note><to>A</to></note>", "neither RSS"),
    "other JSON": (b'{"a": 1}', "without a list of items"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_feed_is_refused(name: str) -> None:
    body, problem = HOSTILE[name]
    document = parse_feed(body, url=URL, now=NOW)
    assert (document.format, document.entries) == ("", ())
    assert problem in document.problem


def test_a_bare_doctype_is_harmless() -> None:
    body = (
        b'<?xml version="1.0"?><!DOCTYPE rss PUBLIC "-//Netscape//DTD RSS 0.91//EN" "http://x.example/rss.dtd">'
        + rss(item(1))[21:]
    )
    document = parse_feed(body, url=URL, now=NOW)
    assert (len(document.entries), document.problem) == (1, "")


def test_short_plain_entities_are_read() -> None:
    subset = b"""<!-- names --><!ENTITY who "Mara &amp; Jo"> <!ENTITY dash '&#8211;'>"""
    body = b"<!DOCTYPE rss [" + subset + b"]>" + rss("<item><title>&who; &dash; 2 &unknown;</title></item>")[21:]
    document = parse_feed(body.replace(b" &unknown;", b""), url=URL, now=NOW)
    assert ([entry.title for entry in document.entries], document.problem) == (["Mara & Jo \u2013 2"], "")
    assert parse_feed(body, url=URL, now=NOW).problem.startswith("damaged")


def test_300_000_items_are_capped_before_they_are_read() -> None:
    body = b'<rss version="2.0"><channel>' + b"<item><title>x</title></item>" * 300_000 + b"</channel></rss>"
    assert not is_cheap(body)
    assert len(parse_feed(body, url=URL, now=NOW, max_items=50).entries) == 50


def test_what_may_take_long_goes_to_a_worker() -> None:
    assert is_cheap(rss(*(item(n) for n in range(300))))
    assert not is_cheap(rss(*(item(n) for n in range(300)))[:-20])
    assert is_cheap(rss(*(item(n) for n in range(20)))[:-20])
    assert not is_cheap(rss(*(item(n) for n in range(2000))))
    assert is_cheap(b'{"items": []}' + b" " * 40_000)


def test_json_feed_fields() -> None:
    items = [
        {
            "id": 7,
            "external_url": "/x",
            "content_text": "One.\n\nTwo.",
            "tags": ["War", " ", "War"],
            "author": {"name": "A"},
        },
        "not an item",
        {"id": "8", "title": "Later", "date_published": "2027-01-01T00:00:00Z"},
    ]
    document = parse_feed(json.dumps({"items": items, "language": "uk-UA"}).encode(), url=URL, now=NOW, max_items=2)
    first, second = document.entries
    assert (first.guid, first.link, first.content) == ("7", "https://a.example/x", "One.\n\nTwo.")
    assert (first.labels, first.authors, first.language) == (("War",), ("A",), "uk")
    assert (second.published, second.raw_date) == (NOW, "2027-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("<ttl>30</ttl>", 30),
        ("<ttl>soon</ttl>", None),
        ("", None),
        (f"<p:updatePeriod {NS}>hourly</p:updatePeriod>", 60),
        (f"<p:updatePeriod {NS}>daily</p:updatePeriod><p:updateFrequency {NS}>4</p:updateFrequency>", 360),
    ],
)
def test_ttl(head: str, expected: int | None) -> None:
    assert parse_feed(rss(item(1), head=head), url=URL, now=NOW).ttl_minutes == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Sat, 21 Nov 2026 10:00:00 CET", datetime(2026, 11, 21, 9, tzinfo=UTC)),
        ("Sat, 21 Nov 2026 10:00:00 MSK", datetime(2026, 11, 21, 7, tzinfo=UTC)),
        ("Sat, 21 Nov 2026 10:00:00 EST", datetime(2026, 11, 21, 15, tzinfo=UTC)),
        ("Sat, 21 Nov 2026 10:00:00 +0200", datetime(2026, 11, 21, 8, tzinfo=UTC)),
        ("2026-11-21T10:00:00", datetime(2026, 11, 21, 10, tzinfo=UTC)),
        ("21 листопада 2026 10:00", datetime(2026, 11, 21, 10, tzinfo=UTC)),
        ("Thu, 01 Jan 1970 00:00:00 GMT", None),
        ("yesterday", None),
        ("0000-00-00 00:00:00", None),
    ],
)
def test_dates(raw: str, expected: datetime | None) -> None:
    [entry] = parse_feed(rss(item(1, date=raw)), url=URL, now=NOW).entries
    assert (entry.published, entry.raw_date) == (expected, raw)


@pytest.mark.corpus
def test_corpus_of_real_and_odd_feeds() -> None:
    corpus = os.environ.get("CEASEWIRE_CORPUS")
    if not corpus:
        pytest.skip("CEASEWIRE_CORPUS is not set")
    folder = Path(corpus) / "feeds"
    equal = counted = 0
    for line in (folder / "index.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        document = parse_feed((folder / row["file"]).read_bytes(), url=URL, now=NOW)
        if row["expected_count"] is not None:
            counted += 1
            equal += len(document.entries) == row["expected_count"]
    assert counted > 300
    assert equal == counted


def test_a_feed_that_is_read_in_parts_comes_to_its_end() -> None:
    body = rss(*[item(number) for number in range(6)])
    document = parse_feed(body, url="http://e.example/f", now=NOW, seconds=0.0)
    assert (len(document.entries), document.left) == (1, 5)
    found = {entry.guid for entry in document.entries}
    for visit in range(5):
        document = parse_feed(body, url="http://e.example/f", now=NOW, known=document.marks, seconds=0.0)
        # What is known by now costs no time of what is not, so that each visit brings as much as the first.
        assert document.known == visit + 1
        found |= {entry.guid for entry in document.entries}
    assert document.left == 0
    assert len(found) == 6
