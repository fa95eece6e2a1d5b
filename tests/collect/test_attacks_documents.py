"""Attacks by what a document says, each tried on `collect` with a real server: what becomes of the channel and its
articles, and that nothing of this machine or its network is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from crawler.archive.articles import iter_articles
from crawler.archive.engine import Archive
from crawler.articles import Article
from tests.collect.conftest import NOW, Collect, Reply, Web, item, make_options, make_source, page, rss
from tests.collect.hostile import FEED, MEMORY, Peer, channel_of, linking, pages_of, say, watching

GOOD = item(1)


def dtd(declarations: str, title: str = "&x;", root: str = "rss", encoding: str = "utf-8") -> bytes:
    """A feed with declarations of its own."""
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?>\n<!DOCTYPE {root} {declarations}>\n<rss version="2.0"><channel>'
        f"<item><title>{title}</title><link>http://127.0.0.1/1</link></item></channel></rss>"
    )
    return text.encode(encoding)


LAUGHS = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(9))
ENTITIES: dict[str, Callable[[str], bytes]] = {
    "a billion laughs": lambda inside: dtd(f'[<!ENTITY l0 "lol">{LAUGHS}]', "&l9;"),
    "a long one, often": lambda inside: dtd(f'[<!ENTITY x "{"x" * 50_000}">]', "&x;" * 5000),
    "of itself": lambda inside: dtd('[<!ENTITY x "&y;"><!ENTITY y "&x;">]'),
    "a file": lambda inside: dtd('[<!ENTITY x SYSTEM "file:///etc/passwd">]'),
    "a machine inside": lambda inside: dtd(f'[<!ENTITY x SYSTEM "{inside}/secret">]'),
    "a parameter": lambda inside: dtd(f'[<!ENTITY % p SYSTEM "{inside}/p.dtd"> %p;]'),
    "in UTF-16": lambda inside: dtd('[<!ENTITY x SYSTEM "file:///etc/passwd">]', encoding="utf-16"),
    "behind a comment": lambda inside: (
        b"<!-- " + b"x" * 200_000 + b" -->" + dtd(f'[<!ENTITY l0 "lol">{LAUGHS}]', "&l9;")[39:]
    ),
}


@pytest.fixture
def inside() -> Iterator[Peer]:
    """A machine of the operator's own network."""
    with Peer(say(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret"), host="127.0.0.2") as peer:
        yield peer


@pytest.mark.parametrize("kind", ["feed", "sitemap"])
def test_entities(kind: str, web: Web, inside: Peer, run_collect: Collect, sqlite_archive: Archive) -> None:
    channels = []
    for number, make in enumerate(ENTITIES.values()):
        body = make(inside.url)
        codec = "utf-16" if body.startswith(b"\xff\xfe") else "utf-8"
        if kind == "sitemap":
            text = body.decode(codec).replace("rss", "urlset").replace("channel", "url").replace("title", "loc")
            body = text.encode(codec)
        web.replies[f"/{number}"] = Reply(body, headers=FEED)
        channels.append((kind, f"{web.url}/{number}"))
    with watching() as most:
        report = run_collect(make_source(*channels))
    assert (report.polled, report.failed, report.new_articles) == (len(ENTITIES), len(ENTITIES), 0)
    assert inside.asked == []
    assert most() < MEMORY


@pytest.mark.parametrize(
    "declaration",
    ['SYSTEM "{}/feed.dtd"', 'PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" "{}/rss-0.91.dtd"'],
    ids=["of its own", "as RSS 0.91 asks for"],
)
def test_a_document_type_elsewhere_is_never_fetched(
    declaration: str, web: Web, inside: Peer, run_collect: Collect, sqlite_archive: Archive
) -> None:
    web.replies["/rss"] = Reply(dtd(declaration.format(inside.url), "A &amp; B"), headers=FEED)
    run_collect(make_source(("feed", f"{web.url}/rss")))
    assert inside.asked == []
    with sqlite_archive.read() as connection:
        assert [one.title for one in iter_articles(connection)] == ["A & B"]


def test_includes_and_style_sheets_are_text(
    web: Web, inside: Peer, run_collect: Collect, sqlite_archive: Archive
) -> None:
    head = f'<?xml-stylesheet href="{inside.url}/s.xsl"?>'
    include = f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{inside.url}/i" parse="text"/>'
    body = rss(f"<item><title>One{include}</title><link>http://127.0.0.1/1</link></item>")
    web.replies["/rss"] = Reply(body.replace(b"<rss", head.encode() + b"<rss"), headers=FEED)
    run_collect(make_source(("feed", f"{web.url}/rss")))
    assert inside.asked == []
    assert channel_of(sqlite_archive).state == "ok"


@dataclass
class Size:
    """A document that costs more than it is worth, and how many articles must be had of it (None: any number)."""

    body: Callable[[], bytes]
    articles: int | None = None
    kind: str = "feed"


DATES = (
    "99999999999999999999", "Sun, 31 Feb 2026 25:61:61 GMT", "0000-00-00T00:00:00Z", "-1", "1e308", "NaN", "T",
    "Mon, 1 Jan 0001 00:00:00 +9999", "9999-12-31T23:59:59-23:59", "10000-01-01", "<b>2026-11-22</b>", "٢٠٢٦-٠١-٠١",
    "Thu, 01 Jan 1970 00:00:00 " + "0" * 10_000, "2026-11-22T10:00:00" + ":00" * 10_000, "\u202e2026",
    "tomorrow",
)  # fmt: skip


def many(part: bytes, count: int) -> bytes:
    """A part as often as wanted, with its number in it."""
    return b"".join(part.replace(b"#", b"%d" % number) for number in range(count))


def one_item(inner: str) -> bytes:
    return rss(f"<item><guid>1</guid>{inner}</item>")


def dated() -> bytes:
    return rss(
        *(f"<item><title>T{n}</title><guid>{n}</guid><pubDate>{d}</pubDate></item>" for n, d in enumerate(DATES))
    )


ITEM = b"<item><title>T #</title><guid>#</guid></item>"
JSON_HEAD = b'{"version": "https://jsonfeed.org/version/1.1", "items": ['
SIZES = {
    "300,000 items": Size(lambda: b"<rss><channel>" + many(ITEM, 170_000), 50),
    "dates that never were": Size(dated, len(DATES)),
    "200,000 levels": Size(lambda: b"<rss><channel><item>" + b"<a>" * 200_000),
    "100,000 references": Size(lambda: one_item(f"<title>{'&amp;#x41;' * 100_000}</title>"), 1),
}
MORE_SIZES = {
    "300,000 empty items": Size(lambda: rss("<item/>" * 300_000)),
    "200,000 items of JSON": Size(lambda: JSON_HEAD + many(b'{"id": "#", "title": "T"},', 200_000) + b"{}]}", 50),
    "100,000 URLs": Size(
        lambda: b"<urlset>" + many(b"<url><loc>http://127.0.0.1/#</loc></url>", 100_000), 50, "sitemap"
    ),
    "100,000 sitemaps": Size(
        lambda: b"<sitemapindex>" + b"<sitemap><loc>http://127.0.0.1:1/x</loc></sitemap>" * 100_000, 0, "sitemap"
    ),
    "200,000 levels that end": Size(lambda: b"<rss>" + b"<a>" * 200_000 + b"</a>" * 200_000 + b"</rss>"),
    "200,000 levels of JSON": Size(lambda: b'{"items": ' + b"[" * 200_000, 0),
    "200,000 levels of a sitemap": Size(lambda: b"<urlset>" + b"<url>" * 200_000, None, "sitemap"),
    "200,000 levels in a summary": Size(lambda: one_item(f"<description>{'&lt;b&gt;' * 100_000}</description>")),
    "100,000 attributes": Size(lambda: b"<rss " + many(b"a#='1' ", 100_000) + b"><channel/></rss>"),
    "100,000 name spaces": Size(lambda: b"<rss " + many(b"xmlns:a#='u#' ", 60_000) + b"/>"),
    "nothing but opened comments": Size(lambda: b"<!--" * 300_000),
    "nothing but angle brackets": Size(lambda: b"<rss>" + b"<" * 1_000_000),
    "a text section without end": Size(lambda: b"<rss><channel><item><title><![CDATA[" + b"]]" * 500_000),
    "a title of many elements": Size(lambda: one_item(f"<title>{'<b>x</b> ' * 100_000}</title>")),
    "100,000 categories": Size(lambda: one_item(f"<title>T</title>{'<category>c</category>' * 100_000}")),
    "a number of a million digits": Size(lambda: JSON_HEAD + b'{"id": ' + b"9" * 1_000_000 + b"}]}"),
}


@pytest.mark.parametrize("name", [*SIZES, *(pytest.param(name, marks=pytest.mark.heavy) for name in MORE_SIZES)])
def test_documents_that_cost_more_than_they_are_worth(
    name: str, web: Web, run_collect: Collect, sqlite_archive: Archive
) -> None:
    size = (SIZES | MORE_SIZES)[name]
    web.replies["/doc"] = Reply(size.body(), headers={"Content-Type": "application/xml"})
    web.replies["/good"] = Reply(rss(GOOD), headers=FEED)
    sources = [
        make_source((size.kind, f"{web.url}/doc"), name="hostile"),
        make_source(("feed", f"{web.url}/good"), name="paper"),
    ]
    options = make_options(max_items=50, extract_seconds=20.0, page_tries=1)
    report = run_collect(sources, options)
    assert report.polled == 2
    with sqlite_archive.read() as connection:
        had = list(iter_articles(connection))
    # Whatever became of the hostile one, the other was read in the same run.
    assert [one.source for one in had].count("paper") == 1
    if size.articles is not None:
        assert [one.source for one in had].count("hostile") == size.articles
    assert all(one.published is None or one.published <= NOW + timedelta(minutes=10) for one in had)


BODIES = {
    "levels": b"<div>" * 200_000,
    "tags": b"<p" * 500_000,
    "comments": b"<!--" * 300_000,
    "attributes": b"<a " + b"x=1 " * 300_000,
    "zeros": b"\x00" * 1_000_000,
    "ampersands": b"&" * 1_000_000,
}


@pytest.mark.parametrize(
    "names", [["levels"], pytest.param(list(BODIES), marks=pytest.mark.heavy)], ids=["levels", "all of them"]
)
def test_pages_that_cost_more_than_they_are_worth(
    names: list[str], web: Web, run_collect: Collect, sqlite_archive: Archive
) -> None:
    for name in names:
        web.replies[f"/{name}"] = Reply(b"<html><body>" + BODIES[name])
    web.replies["/good"] = Reply(page())
    web.replies["/rss"] = Reply(linking(*(f"{web.url}/{name}" for name in ("good", *names))), headers=FEED)
    options = make_options(robots=False, extract_seconds=20.0, page_tries=1)
    report = run_collect(make_source(("feed", f"{web.url}/rss"), fetch_pages=True), options)
    outcomes = {url.removeprefix(f"{web.url}/"): (state, reason) for url, state, reason in pages_of(sqlite_archive)}
    assert outcomes.pop("good") == ("fetched", "")
    assert {state for state, _ in outcomes.values()} <= {"failed", "fetched"}
    assert report.pages_fetched + report.pages_failed == len(names) + 1


def entry(link: str = "http://127.0.0.1/1", title: str = "T", guid: str = "", body: str = "") -> str:
    given = f"<guid>{guid}</guid>" if guid else ""
    return f"<item><title>{title}</title><link>{link}</link>{given}<description>{body}</description></item>"


def collected(body: bytes, web: Web, run_collect: Collect, archive: Archive) -> list[Article]:
    web.replies["/rss"] = Reply(body, headers=FEED)
    run_collect(make_source(("feed", f"{web.url}/rss")))
    with archive.read() as connection:
        return list(iter_articles(connection))


TITLES = {
    "<![CDATA[<script>alert(1)</script>Shelling]]>": "Shelling",
    "&lt;script&gt;alert(1)&lt;/script&gt;Shelling": "Shelling",
    "&lt;img src=x onerror=alert(1)&gt;Shelling": "Shelling",
    "&lt;style&gt;p{}&lt;/style&gt;Shelling &amp;amp; fire": "Shelling & fire",
    "Shelling&#13;&#10;Bcc: all@desk.example": "Shelling Bcc: all@desk.example",
    "Shelling\u2028Subject: x\u2029y\x85z": "Shelling Subject: x y…z",
    "\u202eevil\u202c \u2066in\u2069 \u200fdisguise\ufeff": "evil in \u200fdisguise",
    "&#8238;evil&#8236;": "evil",
}


def test_titles_are_one_plain_line(web: Web, run_collect: Collect, sqlite_archive: Archive) -> None:
    body = rss(*(entry(f"http://127.0.0.1/{n}", title) for n, title in enumerate(TITLES)))
    had = collected(body, web, run_collect, sqlite_archive)
    assert {one.url.rpartition("/")[2]: one.title for one in had} == {str(n): t for n, t in enumerate(TITLES.values())}


def test_links_and_names_that_are_none(web: Web, run_collect: Collect, sqlite_archive: Archive) -> None:
    links = (
        "javascript:alert(1)", "java&#9;script:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x",
        "&#x20;javascript:alert(1)", "file:///etc/passwd", "feed:javascript:x",
    )  # fmt: skip
    guids = (
        "data:text/html,&lt;script&gt;", "javascript:alert(1)", "file:///etc/passwd", "'; DROP TABLE article; --",
        "../../x", "%00", "{{7*7}}", "a" * 100_000,
    )  # fmt: skip
    body = rss(*(entry(link, f"T{n}", guid) for n, (link, guid) in enumerate(zip(links, guids, strict=True))))
    had = collected(body, web, run_collect, sqlite_archive)
    assert {one.title for one in had} == {f"T{n}" for n in range(len(links))}
    assert {one.url for one in had} == {""}
    assert all(len(one.key) <= 2_000 for one in had)


def test_html_becomes_text(web: Web, run_collect: Collect, sqlite_archive: Archive) -> None:
    markup = (
        "<p>Nine dead<script>alert(1)</script></p><iframe src=http://127.0.0.2/></iframe><svg onload=alert(1)></svg>"
        "<a href='javascript:x'>in Veld</a><style>x</style><!-- hidden --><template>no</template><object data=x>"
    )
    [one] = collected(rss(entry(body=f"<![CDATA[{markup}]]>")), web, run_collect, sqlite_archive)
    assert "Nine dead" in one.body
    assert "in Veld" in one.body
    assert not {"<", "alert", "javascript", "hidden"} & {
        word for word in ("<", "alert", "javascript", "hidden") if word in one.body
    }


def test_who_names_others_articles_as_its_own(web: Web, run_collect: Collect, sqlite_archive: Archive) -> None:
    """A hostile feed that lists another source's URL, with another text, changes nothing of that article."""
    web.replies["/paper"] = Reply(rss(entry("http://127.0.0.1/1", "True", "g1", "What was said.")), headers=FEED)
    web.replies["/thief"] = Reply(rss(entry("http://127.0.0.1/1", "False", "g1", "What was not.")), headers=FEED)
    run_collect(make_source(("feed", f"{web.url}/paper"), name="paper"))
    both = [make_source(("feed", f"{web.url}/{name}"), name=name) for name in ("paper", "thief")]
    run_collect(both, everything=True)
    with sqlite_archive.read() as connection:
        assert [(one.source, one.title, one.body) for one in iter_articles(connection)] == [
            ("paper", "True", "What was said.")
        ]
