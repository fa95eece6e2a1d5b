"""The crawler's parsers read from the newsroom what was written for it: zones, charsets and formats included."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from alerts.newsroom import Newsroom, Outlet, load_outlets
from alerts.newsroom.feeds import CHILD
from alerts.newsroom.outlets import ChannelPlan
from alerts.newsroom.pages import SECTION_DATE, SECTION_LINKS, SECTION_NEXT
from crawler.articles import Entry, FeedDocument
from crawler.parse.feeds import parse_feed
from crawler.parse.pages import PageRequest, extract_page
from crawler.parse.sections import Layout, parse_section
from crawler.parse.sitemaps import parse_sitemap
from crawler.urls import url_key
from tests.newsroom.conftest import ANCHOR, get

OUTLETS = load_outlets()
NOW = ANCHOR + timedelta(minutes=1)
LANGUAGES = ("en", "uk", "ru", "ar", "he", "fr", "es")


def read(url: str, channel: ChannelPlan) -> FeedDocument:
    answer = get(url)
    said = answer.headers["content-type"]
    if channel.kind == "sitemap":
        return parse_sitemap(answer.body, url=url, now=NOW)
    if channel.kind == "section":
        layout = Layout(SECTION_LINKS, SECTION_DATE, SECTION_NEXT)
        return parse_section(answer.body, layout, url=url, now=NOW, content_type=said)
    return parse_feed(answer.body, url=url, now=NOW, content_type=said)


def entries(newsroom: Newsroom, outlet: Outlet, channel: ChannelPlan) -> list[Entry]:
    found: list[Entry] = []
    urls = [newsroom.url(outlet.id, CHILD if channel.kind == "sitemap" else channel.path)]
    while urls:
        document = read(urls.pop(), channel)
        assert document.problem == ""
        found += document.entries
        urls += document.children  # older pages of a listing
    return found


def written(outlet: Outlet) -> dict[str, datetime | None]:
    return {
        article.title: None
        if article.hours_ago is None
        else (ANCHOR - timedelta(hours=article.hours_ago)).replace(microsecond=0)
        for article in outlet.articles
    }


@pytest.mark.parametrize("outlet", OUTLETS, ids=lambda outlet: outlet.id)
def test_channels_give_titles_links_and_dates_as_written(outlet: Outlet) -> None:
    with Newsroom(anchor=ANCHOR, outlets=OUTLETS) as newsroom:
        for channel in outlet.channels:
            found = entries(newsroom, outlet, channel)
            assert {entry.title: entry.published for entry in found} == written(outlet)
            keys = {url_key(newsroom.url(outlet.id, article.path)) for article in outlet.articles}
            assert {url_key(entry.link) for entry in found} == keys


@pytest.mark.parametrize("outlet", OUTLETS, ids=lambda outlet: outlet.id)
def test_pages_give_the_articles_as_written(outlet: Outlet) -> None:
    with Newsroom(anchor=ANCHOR, outlets=OUTLETS) as newsroom:
        for article in outlet.articles:
            url = newsroom.url(outlet.id, article.path)
            answer = get(url)
            request = PageRequest(url, answer.headers["content-type"], LANGUAGES, outlet.languages[0], NOW)
            page = extract_page(answer.body, request)
            assert page.title == article.title
            assert page.text.split("\n") == list(article.paragraphs)
            assert page.language == (article.language or outlet.languages[0])
            if outlet.site.json_ld != "none":
                assert page.published == written(outlet)[article.title]
                assert page.authors == ((article.author,) if article.author else ())
            assert url_key(page.canonical) == url_key(newsroom.edition(outlet.id).canonical(article))
