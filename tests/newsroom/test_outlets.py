"""The strict loader, and what the written outlets must have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import trafilatura
from lxml import html

from alerts.newsroom import Format, Newsroom, NewsroomError, load_outlets
from alerts.newsroom.outlets import load_outlet, zone_minutes
from alerts.newsroom.pages import SECTION_DATE, SECTION_LINKS
from crawler.sources import ChannelKind, load_sources
from tests.newsroom.conftest import ANCHOR, get

GOOD = """\
outlet:
  id: small
  name: The Small Paper
  country: GB
  languages: [en, fr]
  party: null
  channels: [{kind: feed, format: rss20, path: /rss.xml}, {kind: section, format: section, path: /all, window: 2}]
  site: {zone: "+0530", validators: etag, disallow: [/news/b]}
articles:
  - {id: a, hours_ago: 1, title: A, summary: S, body: "one\\n\\ntwo", labels: [World], expect: []}
  - {id: b, hours_ago: null, title: B, summary: S, body: x, canonical: small/a, correction: true,
     expect: [{topic: ceasefire, class: event, stage: violated}]}
"""


def load(folder: Path, text: str) -> None:
    (folder / "small.yaml").write_text(text, encoding="utf-8")
    load_outlets(folder)


def test_a_file_becomes_an_outlet(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(GOOD, encoding="utf-8")
    outlet = load_outlet(tmp_path / "small.yaml")
    assert (outlet.name, outlet.tier, outlet.party, outlet.languages) == ("The Small Paper", 3, "", ("en", "fr"))
    assert [(c.kind, c.format, c.window) for c in outlet.channels] == [
        ("feed", Format.RSS20, 30),
        ("section", Format.SECTION, 2),
    ]
    assert outlet.site.disallow == ("/news/b",)
    first, second = outlet.articles
    assert first.paragraphs == ("one", "two")
    assert (second.hours_ago, second.correction, second.expect[0].stage) == (None, True, "violated")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("country: GB", "country: no", "outlet: country must be text, found False (put it in quotes)"),
        ("  name: The Small Paper\n", "", "small.yaml: outlet: name is missing"),
        ("languages:", "langages:", "outlet: languages is missing"),
        ("party: null", "partie: x", "outlet: unknown key 'partie' (known: channels, country, homepage, id,"),
        ("format: rss20,", "format: rss2,", "channels[0]: format is 'rss2' (expected rss20, rss20-content, rss10,"),
        ("kind: feed", "kind: section", "channels[0]: kind is section, but rss20 is a feed"),
        ("path: /all", "path: all", "channels[1]: path must begin with /, found 'all'"),
        ("path: /all", "path: /rss.xml", "small: channel path '/rss.xml' stands there twice"),
        ("window: 2", "window: 0", "channels[1]: window must be at least 1"),
        ('zone: "+0530"', "zone: XYZ", "outlet: site: zone 'XYZ' is not known"),
        ("site: {", "site: {charset: utf-9, ", "outlet: site: charset: unknown encoding: utf-9"),
        ("hours_ago: 1", "hours_ago: -1", "articles[0] a: hours_ago counts back from the anchor"),
        ("hours_ago: 1", "hours_ago: soon", "articles[0] a: hours_ago must be a number, found 'soon'"),
        ("hours_ago: null, ", "", "articles[1] b: hours_ago is missing"),
        ("id: b", "id: a", "small: article 'a' stands there twice"),
        ("id: b", "id: b, id: c", "key 'id' stands there twice"),
        ("title: A", "title: 1984", "articles[0] a: title must be text, found 1984"),
        ("summary: S, body: x", 'summary: "", body: x', "articles[1] b: summary is empty"),
        ("labels: [World]", "labels: World", "articles[0] a: labels must be a list of texts, found 'World'"),
        ("correction: true", "correction: maybe", "articles[1] b: correction must be true or false, found 'maybe'"),
        ("expect: []", "expect: none", "articles[0] a: expect must be a list, found 'none'"),
        ("class: event", "class: rumour", "articles[1] b: expect[0]: class is 'rumour' (expected event,"),
        ("canonical: small/a", "canonical: other/a", "small: b: canonical names 'other/a', which nobody wrote"),
        ("id: small", "id: large", "outlet.id is 'large'; it must be the file's name"),
        ("outlet:\n", "outlet: {\n", "small.yaml: while parsing"),
        ("languages: [en, fr]", "languages: []", "small: an outlet needs a language"),
    ],
)
def test_every_slip_is_named_with_its_place(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(NewsroomError) as caught:
        load(tmp_path, GOOD.replace(old, new))
    assert message in str(caught.value)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(NewsroomError, match="no outlet is written here"):
        load_outlets(tmp_path)
    with pytest.raises(NewsroomError, match="expected keys with values, found 'just text'"):
        load(tmp_path, "just text")
    (tmp_path / "small.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(NewsroomError, match=r"small\.yaml"):
        load_outlets(tmp_path)


@pytest.mark.parametrize(("zone", "minutes"), [("GMT", 0), ("MSK", 180), ("-0330", -210), ("+0545", 345)])
def test_zones(zone: str, minutes: int) -> None:
    assert zone_minutes(zone) == minutes


def test_undated_articles_have_no_date_anywhere(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(GOOD, encoding="utf-8")
    with Newsroom(anchor=ANCHOR, outlets=load_outlets(tmp_path)) as newsroom:
        feed = get(newsroom.url("small", "/rss.xml")).body
        assert feed.count(b"<item>") == 2
        assert feed.count(b"<pubDate>") == 1
        listing = html.fromstring(get(newsroom.url("small", "/all")).body)
        assert len(listing.cssselect(SECTION_LINKS)) == 2
        assert len(listing.cssselect(SECTION_DATE)) == 1
        page = html.fromstring(get(newsroom.url("small", "/news/b")).body)
        assert page.cssselect("article.story time") == []
        assert page.xpath("//meta[contains(@property, '_time')]") == []
        (story,) = [json.loads(str(text)) for text in page.xpath("//script[@type]/text()")]
        assert not {"datePublished", "dateModified"} & set(story)


def test_the_written_newsroom_has_what_the_demo_promises() -> None:
    outlets = load_outlets()
    assert len(outlets) >= 10
    assert sum(len(outlet.articles) for outlet in outlets) >= 75
    assert {language for outlet in outlets for language in outlet.languages} == {
        "en", "uk", "ru", "ar", "he", "fr", "es",
    }  # fmt: skip
    assert {channel.format for outlet in outlets for channel in outlet.channels} == set(Format)
    only = [{channel.kind for channel in outlet.channels} for outlet in outlets]
    assert {"sitemap"} in only
    assert {"section"} in only
    articles = [article for outlet in outlets for article in outlet.articles]
    assert any(article.copy_of for article in articles)
    assert any(article.correction for article in articles)
    assert sum(not article.expect for article in articles) >= 10  # look-alikes
    assert {outlet.site.json_ld for outlet in outlets} == {"plain", "graph", "none"}
    assert {outlet.site.validators for outlet in outlets} == {"both", "etag", "weak-etag", "last-modified"}


def test_the_written_articles_come_out_of_their_pages_as_they_were_written() -> None:
    with Newsroom() as newsroom:
        for outlet in newsroom.outlets:
            for article in outlet.articles:
                body = get(newsroom.url(outlet.id, article.path)).body
                text = trafilatura.extract(body, fast=True, include_comments=False)
                assert (text or "").split("\n") == list(article.paragraphs), f"{outlet.id}/{article.id}"


def test_sources_file_is_a_configuration_of_the_crawler(tmp_path: Path) -> None:
    with Newsroom(anchor=ANCHOR) as newsroom:
        (tmp_path / "newsroom.yaml").write_text(newsroom.sources_yaml(), encoding="utf-8")
        sources, problems = load_sources(tmp_path)
        assert problems == []
        assert [source.id for source in sources] == [outlet.id for outlet in newsroom.outlets]
        for source, outlet in zip(sources, newsroom.outlets, strict=True):
            assert source.party == (outlet.party or None)
            assert source.homepage == newsroom.url(outlet.id)
            for channel, plan in zip(source.channels, outlet.channels, strict=True):
                assert (channel.kind.value, channel.url) == (plan.kind, newsroom.url(outlet.id, plan.path))
                assert (channel.links == SECTION_LINKS) is (channel.kind is ChannelKind.SECTION)
                assert get(channel.url).status == 200
