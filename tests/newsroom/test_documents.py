"""Each document is what its format promises, read by parsers that are not ours."""

from __future__ import annotations

import calendar
import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import feedparser
import pytest
import trafilatura
from lxml import etree, html

from alerts.newsroom import Article, Newsroom
from alerts.newsroom.pages import SECTION_DATE, SECTION_LINKS, SECTION_NEXT
from tests.newsroom.conftest import ANCHOR, ARABIC, RUSSIAN, STRIKE, TALKS, get

STRIKE_AT = ANCHOR - timedelta(hours=2.5)
NAMES = {
    "s": "http://www.sitemaps.org/schemas/sitemap/0.9",
    "news": "http://www.google.com/schemas/sitemap-news/0.9",
}


def parsed(newsroom: Newsroom, outlet: str) -> Any:
    found = newsroom.outlet(outlet)
    answer = get(newsroom.url(outlet, found.channels[0].path))
    assert answer.status == 200
    feed = feedparser.parse(answer.body, response_headers={"content-type": answer.headers["content-type"]})
    assert not feed.bozo, feed.get("bozo_exception")
    return feed


def moment(parts: Any) -> datetime:
    return datetime.fromtimestamp(calendar.timegm(parts), UTC)


@pytest.mark.parametrize(("outlet", "version"), [("rss", "rss20"), ("full", "rss20")])
def test_rss20(newsroom: Newsroom, outlet: str, version: str) -> None:
    feed = parsed(newsroom, outlet)
    assert feed.version == version
    assert feed.feed.title == f"The {outlet} Post"
    first, second = feed.entries
    assert first.title.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">") == STRIKE.title
    assert first.author == "Ina Moreau"
    assert [tag.term for tag in first.tags] == ["World", "War"]
    assert moment(first.published_parsed) == STRIKE_AT
    assert "officials count the wounded" in first.summary
    assert second.link.startswith(newsroom.url(outlet, "/news/talks-resume"))


def test_rss20_dates_are_written_in_the_outlets_zone(newsroom: Newsroom) -> None:
    assert parsed(newsroom, "rss").entries[0].published == "Tue, 05 May 2026 05:00:00 EST"


def test_full_text_in_content_encoded_with_campaign_links(newsroom: Newsroom) -> None:
    first = parsed(newsroom, "full").entries[0]
    assert html.fromstring(f"<div>{first.content[0].value}</div>").xpath("//p/text()") == list(STRIKE.paragraphs)
    assert first.link == newsroom.url("full", "/news/market-strike?utm_source=rss&utm_medium=feed")
    assert first.id == "full:market-strike"


def test_rss10_in_its_old_charset(newsroom: Newsroom) -> None:
    answer = get(newsroom.url("rdf", "/index.rdf"))
    assert answer.headers["content-type"] == "application/rdf+xml; charset=cp1251"
    assert RUSSIAN.title in answer.body.decode("cp1251")
    feed = feedparser.parse(answer.body, response_headers={"content-type": answer.headers["content-type"]})
    assert feed.version == "rss10"
    assert feed.entries[0].title == RUSSIAN.title
    assert feed.entries[0].updated == "2026-05-05T12:30:00+03:00"


def test_atom(newsroom: Newsroom) -> None:
    feed = parsed(newsroom, "atom")
    assert feed.version == "atom10"
    assert feed.feed.language == "ar"
    assert feed.entries[0].title == ARABIC.title
    assert feed.entries[0].id == "tag:atom.example,2026:souk"
    assert moment(feed.entries[0].published_parsed) == ANCHOR - timedelta(hours=1)


def test_json_feed(newsroom: Newsroom) -> None:
    answer = get(newsroom.url("json", "/feed.json"))
    assert answer.headers["content-type"] == "application/feed+json; charset=utf-8"
    feed = json.loads(answer.body)
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert [item["id"] for item in feed["items"]] == ["json/market-strike", "json/talks-resume"]
    assert feed["items"][0]["authors"] == [{"name": "Ina Moreau"}]
    assert feed["items"][1]["date_published"] == "2026-05-04T10:30:00Z"
    assert feed["items"][1]["date_modified"] == "2026-05-04T10:42:00Z"


def test_news_sitemap_is_an_index_with_a_gzipped_child(newsroom: Newsroom) -> None:
    index = etree.fromstring(get(newsroom.url("map", "/news-index.xml")).body)
    (child,) = index.xpath("//s:loc/text()", namespaces=NAMES)
    answer = get(str(child))
    assert answer.headers["content-type"] == "application/gzip"
    urls = etree.fromstring(gzip.decompress(answer.body))
    assert urls.xpath("//s:url/s:loc/text()", namespaces=NAMES) == [
        newsroom.url("map", "/news/market-strike"),
        newsroom.url("map", "/news/talks-resume"),
    ]
    assert urls.xpath("//news:title/text()", namespaces=NAMES) == [STRIKE.title, TALKS.title]
    assert urls.xpath("//news:publication_date/text()", namespaces=NAMES)[0] == "2026-05-05T10:00:00Z"
    assert urls.xpath("//news:language/text()", namespaces=NAMES) == ["en", "en"]


def test_section_lists_teasers_and_leads_to_older_ones(newsroom: Newsroom) -> None:
    for number in range(3):
        newsroom.publish("list", Article(f"more-{number}", 0, f"More {number}", "Short.", "Text.", labels=("World",)))
    links: list[str] = []
    path = "/latest"
    while path:
        page = html.fromstring(get(newsroom.url("list", path)).body)
        assert len(page.cssselect(SECTION_LINKS)) == len(page.cssselect(SECTION_DATE))
        links += [str(link.get("href")) for link in page.cssselect(SECTION_LINKS)]
        path = next((str(link.get("href")) for link in page.cssselect(SECTION_NEXT)), "")
    assert sorted(links) == sorted(
        ["/news/more-0", "/news/more-1", "/news/more-2", "/news/market-strike", "/news/talks-resume"]
    )


@pytest.mark.parametrize("outlet", ["rss", "full", "rdf", "atom", "json", "map", "list"])
def test_article_text_can_be_extracted_and_nothing_else(newsroom: Newsroom, outlet: str) -> None:
    for article in newsroom.outlet(outlet).articles:
        answer = get(newsroom.url(outlet, article.path))
        assert answer.headers["content-type"].startswith("text/html")
        text = trafilatura.extract(answer.body, fast=True, include_comments=False)
        assert text is not None
        rows = [row for row in text.split("\n") if row.strip()]
        assert [row for row in rows if row in article.paragraphs] == list(article.paragraphs)
        assert all(other.title not in text for other in newsroom.outlet(outlet).articles if other != article)
        assert "cookie" not in text.lower()


def test_json_ld_plain_in_a_graph_and_absent(newsroom: Newsroom) -> None:
    def found(outlet: str) -> list[Any]:
        page = html.fromstring(get(newsroom.url(outlet, "/news/market-strike")).body)
        return [json.loads(str(text)) for text in page.xpath("//script[@type='application/ld+json']/text()")]

    (plain,) = found("rss")
    assert plain["headline"] == STRIKE.title
    assert plain["datePublished"] == "2026-05-05T05:00:00-05:00"
    assert plain["author"][0]["name"] == "Ina Moreau"
    (graph,) = found("json")
    assert [part["@type"] for part in graph["@graph"]] == ["NewsMediaOrganization", "NewsArticle"]
    assert found("list") == []


def test_page_language_direction_and_canonical(newsroom: Newsroom) -> None:
    page = html.fromstring(get(newsroom.url("atom", "/news/souk")).body)
    assert (page.get("lang"), page.get("dir")) == ("ar", "rtl")
    assert page.xpath("//link[@rel='canonical']/@href") == [newsroom.url("rss", "/news/market-strike")]
    page = html.fromstring(get(newsroom.url("list", "/news/market-strike")).body)
    assert (page.get("lang"), page.get("dir")) == (None, None)
    assert page.xpath("//link[@rel='canonical']/@href") == [newsroom.url("list", "/news/market-strike")]


def test_correction_shows_when_it_was_made(newsroom: Newsroom) -> None:
    page = html.fromstring(get(newsroom.url("rss", "/news/talks-resume")).body)
    assert page.xpath("//p[@class='dates']/time/@datetime") == [
        "2026-05-04T05:30:00-05:00",
        "2026-05-04T05:42:00-05:00",
    ]


def test_homepage_lets_its_feed_be_discovered(newsroom: Newsroom) -> None:
    page = html.fromstring(get(newsroom.url("atom")).body)
    assert page.xpath("//link[@type='application/atom+xml']/@href") == ["/atom.xml"]


def test_robots(newsroom: Newsroom) -> None:
    answer = get(newsroom.url("map", "/robots.txt"))
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.body.decode().splitlines() == [
        "User-agent: *",
        "Disallow: /search",
        f"Sitemap: {newsroom.url('map', '/news-index.xml')}",
    ]


def test_unknown_paths_are_404_pages(newsroom: Newsroom) -> None:
    for path in ("/nowhere", "/news/nothing", "/latest/more", "/moved/nowhere", "/news/?page=x"):
        answer = get(newsroom.url("list", path))
        assert (answer.status, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert answer.validators == {}
