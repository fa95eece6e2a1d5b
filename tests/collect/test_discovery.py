"""What a page and robots.txt say about the ways into a site; OPML lists."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from crawler.discovery import (
    Offer,
    by_promise,
    country_of,
    kind_of,
    plain_name,
    read_front_page,
    sitemaps_in_robots,
    usual_feeds,
    worth_asking,
)  # fmt: skip
from crawler.opml import ListError, grouped, read_opml, write_opml
from crawler.sources import Channel, ChannelKind, Source

URL = "https://paper.example/en/"
PAGE = b"""<!doctype html><html lang="uk-UA"><head><title>Home | The Paper</title>
<base href="https://paper.example/base/">
<link rel="alternate" type="application/rss+xml" title="News &amp; more" href="../rss.xml">
<link rel="ALTERNATE stylesheet" type="application/atom+xml; charset=utf-8" href="//feeds.paper.example/atom">
<link rel="alternate" type="application/rss+xml" href="https://paper.example/rss.xml#again">
<link rel="alternate" type="application/json" href="/wp-json/wp/v2/posts">
<link rel="alternate" type="application/json" href="/feed.json">
<link rel="alternate" type="application/feed+json" href="/f">
<link rel="alternate" type="text/xml" href="/hreflang.xml">
<link rel="alternate" hreflang="fr" href="/fr/">
<link rel="alternate" type="application/rss+xml" title="The Paper &raquo; Comments Feed" href="/comments/feed/">
<link rel="alternate" type="application/rss+xml" href="javascript:alert(1)">
<link rel="alternate" type="application/rss+xml" href="file:///etc/passwd">
<link rel="sitemap" type="application/xml" href="/map.xml">
</head><body><a href="/world.rss">World</a> <a href="/about/rss">About RSS</a>
<a href="https://other.example/feed/">Other</a></body></html>"""


def test_a_page_names_its_feeds() -> None:
    page = read_front_page(PAGE, url=URL)
    assert (page.name, page.language) == ("The Paper", "uk")
    assert page.feeds[0] == Offer("https://paper.example/rss.xml", "News & more", "named by the page")
    assert [offer.url.removeprefix("https://") for offer in worth_asking(page.feeds)] == [
        "paper.example/rss.xml", "feeds.paper.example/atom", "paper.example/feed.json", "paper.example/f",
        "paper.example/world.rss",
    ]  # fmt: skip
    assert [offer.url for offer in page.sitemaps] == ["https://paper.example/map.xml"]


def test_a_page_without_anything() -> None:
    page = read_front_page(b"", url="https://www.paper.example/x")
    assert (page.feeds, page.sitemaps) == ((), ())
    assert read_front_page(b"<p>x</p>", url="https://www.paper.example/x").name == "paper.example"


def test_a_page_of_ten_thousand_feeds() -> None:
    links = "".join(f'<link rel="alternate" type="application/rss+xml" href="/{n}">' for n in range(10_000))
    assert len(read_front_page(f"<html><head>{links}</head></html>".encode(), url=URL).feeds) == 200


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("The Paper", "The Paper"),
        ("World news and much more today | The Paper", "The Paper"),
        ("The Paper - Home", "The Paper"),
        (
            "Paper: News, sport and opinion from all over the world",
            "Paper: News, sport and opinion from all over the world",
        ),
        ("Українська правда — останні новини України та світу", "Українська правда"),
        ("RSS", "RSS"),
        ("  ", ""),
        ("a\u202eb\nc", "ab c"),
    ],
)
def test_names_out_of_titles(title: str, name: str) -> None:
    assert plain_name(title) == name


def test_robots_names_sitemaps_news_first() -> None:
    robots = (
        b"User-agent: *\nDisallow: /x\nSitemap: https://paper.example/archive/2019.xml\n"
        b"sitemap : /sitemap.xml\nSITEMAP:https://cdn.example/news-sitemap.xml.gz\nSitemap: file:///etc/passwd\n"
    )
    assert [offer.url for offer in sitemaps_in_robots(robots, url="https://paper.example/robots.txt")] == [
        "https://cdn.example/news-sitemap.xml.gz",
        "https://paper.example/sitemap.xml",
        "https://paper.example/archive/2019.xml",
    ]
    assert by_promise(()) == ()


def test_usual_places_are_on_the_site_itself() -> None:
    assert {offer.url.partition("/")[2].partition("/")[2].partition("/")[0] for offer in usual_feeds(URL)} == {
        "paper.example"
    }


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<?xml version='1.0'?>\n<!-- x --><rss version='2.0'>", ChannelKind.FEED),
        (b"\xef\xbb\xbf<feed xmlns='http://www.w3.org/2005/Atom'>", ChannelKind.FEED),
        (b"<rdf:RDF xmlns:rdf='x'>", ChannelKind.FEED),
        (b'{"version": "https:\\/\\/jsonfeed.org\\/version\\/1.1"}', ChannelKind.FEED),
        (b'{"version": 3}', None),
        (b"<urlset xmlns='x'>", ChannelKind.SITEMAP),
        (b"<sitemapindex>", ChannelKind.SITEMAP),
        (b"\x1f\x8b\x08", ChannelKind.SITEMAP),
        (b"<!DOCTYPE html><html><rss></rss>", None),
        (b"", None),
    ],
)
def test_kinds_of_documents(body: bytes, kind: ChannelKind | None) -> None:
    assert kind_of(body) is kind


@pytest.mark.parametrize(
    ("host", "country"),
    [
        ("pravda.com.ua", "UA"),
        ("bbc.co.uk", "GB"),
        ("x.io", ""),
        ("x.com", ""),
        ("127.0.0.1", ""),
        ("x.su", "RU"),
        ("972.me", ""),
    ],
)
def test_countries_of_hosts(host: str, country: str) -> None:
    assert country_of(f"https://{host}/") == country


LIST = b"""<?xml version="1.0" encoding="utf-8"?>
<opml version="2.0"><head><title>x</title></head><body>
<outline text="Middle East"><outline text="Lebanon">
  <outline text="Naharnet" title="Naharnet EN" type="rss" xmlUrl="https://nah.example/feed.atom"
    htmlUrl="https://nah.example/" language="en-US" category="/agencies/x, radio"/>
</outline>
  <outline text="no address"/>
  <outline text="a folder and a feed" xmlurl="feed://b.example/rss">
    <outline text="inner" xmlUrl="feed:https://c.example/1"/></outline>
</outline>
<outline text="bad" xmlUrl="javascript:alert(1)"/>
<outline text="Naharnet" xmlUrl="https://nah.example/feed.atom?utm_source=x" htmlUrl="https://nah.example/"/>
</body></opml>"""


def test_a_list_is_read_with_its_folders() -> None:
    found, problems = read_opml(LIST, "list.opml")
    assert [(one.url, one.title, one.language) for one in found] == [
        ("https://nah.example/feed.atom", "Naharnet EN", "en"),
        ("http://b.example/rss", "a folder and a feed", ""),
        ("https://c.example/1", "inner", ""),
        ("https://nah.example/feed.atom?utm_source=x", "Naharnet", ""),
    ]
    assert found[0].folders == ("Middle East", "Lebanon", "/agencies/x", "radio")
    assert found[2].folders == ("Middle East", "a folder and a feed")
    assert [str(problem).partition(" [")[0] for problem in problems] == [
        "list.opml:11:1: warning: `javascript:alert(1)` is no web address; left out"
    ]
    assert [len(group) for group in grouped(found)] == [2, 1, 1]


ENTITY = b'<?xml version="1.0"?><!DOCTYPE opml [<!ENTITY a "aaaa">]><opml><body><outline text="&a;"/></body></opml>'


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<opml><body><outline text='a'></body></opml>", "list.opml:1:38: error: this is no good XML"),
        (b"", "no good XML"),
        (b"hello", "no good XML"),
        (b"<rss></rss>", "the root element is rss, not opml"),
        (b"<opml><head/></opml>", "it has no body"),
        (ENTITY, "list.opml:1: error: the document declares entities|list.opml:1:0: error: the document declares"),
        (ENTITY.decode().encode("utf-16"), "the document declares entities"),
        (
            b'<!DOCTYPE o SYSTEM "file:///etc/passwd"><opml><body><outline text="&x;"/></body></opml>',
            "declares entities",
        ),
        (b"<opml><body>" + b"<outline>" * 100_000, "no good XML"),
        (b"<opml>" + b" " * (21 * 2**20), "20,971,520"),
    ],
    ids=["torn", "empty", "text", "rss", "no body", "entities", "entities in UTF-16", "external", "deep", "large"],
)
def test_what_is_no_list(body: bytes, words: str) -> None:
    with pytest.raises(ListError, match=words):
        read_opml(body, "list.opml")


def test_a_list_that_was_written_is_read_again() -> None:
    def source(name: str, country: str, *kinds: str, homepage: str = "", tags: tuple[str, ...] = ()) -> Source:
        channels = tuple(
            Channel(f"{name}{n}", name, ChannelKind(kind), f"https://{name}.example/{n}?a=1&b=2")
            for n, kind in enumerate(kinds)
        )
        title = f'{name} & "Söhne" <b>'
        return Source(name, title, country, ("uk", "en"), homepage=homepage, channels=channels, tags=tags)

    sources = [
        source("a", "UA", "feed", "sitemap", "feed", homepage="https://a.example/", tags=("radio", "kyiv")),
        source("b", "", "feed"),
        source("c", "UA", "sitemap"),
    ]
    text = write_opml(sources, title="<mine> & yours", now=datetime(2026, 3, 1, tzinfo=UTC))
    found, problems = read_opml(text.encode(), "x")
    assert problems == []
    assert [(one.url, one.country, one.language, one.folders) for one in found] == [
        ("https://b.example/0?a=1&b=2", "", "uk", ("International",)),
        ("https://a.example/0?a=1&b=2", "UA", "uk", ("UA", "radio", "kyiv")),
        ("https://a.example/2?a=1&b=2", "UA", "uk", ("UA", "radio", "kyiv")),
    ]
    assert found[0].title == 'b & "Söhne" <b>'
    assert "<title>&lt;mine&gt; &amp; yours</title>" in text
