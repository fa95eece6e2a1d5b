"""Pages, sections, sitemaps, encodings and languages, without a network."""

from __future__ import annotations

import gzip
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import lxml.html
import pytest

from crawler.errors import ExtractError
from crawler.parse.html import decode_html
from crawler.parse.jsonld import read_json_ld
from crawler.parse.language import detect_language, primary
from crawler.parse.pages import PageRequest, extract_page
from crawler.parse.sections import LAYOUT_CHANGED, Layout, parse_section
from crawler.parse.sitemaps import MAX_CHILDREN, parse_sitemap
from crawler.parse.text import html_to_text, one_line
from tests.collect.conftest import NOW, STORY, page

LANGUAGES = ("en", "uk", "ru", "ar", "he", "fr", "es")
URL = "https://a.example/news/1"


def request(url: str = URL, content_type: str = "text/html") -> PageRequest:
    return PageRequest(url=url, content_type=content_type, languages=LANGUAGES, source_language="en", now=NOW)


def linked(**fields: object) -> str:
    return f'<script type="application/ld+json">{json.dumps({"@type": "NewsArticle", **fields})}</script>'


def test_json_ld_leads() -> None:
    head = linked(headline="Market hit &amp; burnt", datePublished="2026-11-21T08:00:00+02:00", author="Mara Lind")
    head += '<meta property="og:title" content="Market hit &amp; burnt - A"><meta name="author" content="Other">'
    found = extract_page(page(head=head), request())
    assert (found.title, found.authors) == ("Market hit & burnt", ("Mara Lind",))
    assert found.published == datetime(2026, 11, 21, 6, tzinfo=UTC)
    assert found.text.split("\n")[0] == f"{STORY} Paragraph 0 of the report."
    assert found.language == "en"


def test_without_json_ld_the_head_says_it() -> None:
    head = (
        '<meta property="og:title" content="Shelling in Veld - The Lanter Post">'
        '<meta property="article:published_time" content="2026-11-21T08:00:00Z">'
        '<meta name="author" content="Mara Lind, Jo Amsel">'
    )
    found = extract_page(page(head=head), request())
    assert found.title == "Shelling in Veld"
    assert (found.published, found.authors) == (datetime(2026, 11, 21, 8, tzinfo=UTC), ("Mara Lind", "Jo Amsel"))


def test_text_only_in_json_ld() -> None:
    body = (
        f"<html><head>{linked(headline='Market hit', articleBody=STORY)}</head><body><div id=app></div></body></html>"
    )
    assert extract_page(body.encode(), request()).text == STORY


@pytest.mark.parametrize(
    "body", [b"", b"   ", b"<html></html>", b"\x00\x01\x02", b"<html><body><p>Sorry.</p></body></html>"]
)
def test_pages_without_an_article(body: bytes) -> None:
    with pytest.raises(ExtractError):
        extract_page(body, request())


def test_a_page_of_nothing_but_elements_is_refused() -> None:
    with pytest.raises(ExtractError, match="more than 100000 elements"):
        extract_page(b"<p>" * 100_001, request())


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("/news/1-final", "https://a.example/news/1-final"),
        ("https://b.example/x", "https://b.example/x"),
        ("https://a.example/", ""),
        ("javascript:void(0)", ""),
    ],
)
def test_canonical(link: str, expected: str) -> None:
    assert extract_page(page(head=f'<link rel="canonical" href="{link}">'), request()).canonical == expected


@pytest.mark.parametrize(
    "text",
    [
        '{"@type": "NewsArticle", "headline": "Market hit",}',
        '{"@type": "NewsArticle", "headline": "Market\n hit"};',
        '[{"@type": "Organization"}, {"@type": "https://schema.org/ReportageNewsArticle", "headline": "Market hit"}]',
        '{"@graph": [{"@type": "WebPage", "name": "x"}, {"@type": ["Thing", "Article"], "headline": "Market hit"}]}',
    ],
)
def test_json_ld_as_it_is_found(text: str) -> None:
    root = lxml.html.document_fromstring(f'<html><script type="application/ld+json">{text}</script></html>')
    assert read_json_ld(root, URL).headline == "Market hit"


def test_json_ld_of_the_page_itself_leads_among_several() -> None:
    others = [{"@type": "NewsArticle", "headline": f"Other {n}", "url": f"https://a.example/{n}"} for n in range(3)]
    mine = {"@type": "NewsArticle", "headline": "Mine", "mainEntityOfPage": {"@id": "https://www.a.example/news/1/"}}
    root = lxml.html.document_fromstring(f'<script type="application/ld+json">{json.dumps([*others, mine])}</script>')
    assert read_json_ld(root, URL).headline == "Mine"


@pytest.mark.parametrize("depth", [50, 20_000])
def test_json_ld_without_end(depth: int) -> None:
    text = '{"a":' * depth + "1" + "}" * depth
    root = lxml.html.document_fromstring(f'<script type="application/ld+json">{text}</script><p>x</p>')
    assert read_json_ld(root, URL).headline == ""


@pytest.mark.parametrize(
    ("codec", "header", "meta"),
    [
        ("cp1251", "text/html; charset=windows-1251", ""),
        ("cp1251", "text/html", '<meta charset="windows-1251">'),
        ("cp1251", "text/html; charset=utf-8", ""),
        ("utf-8", "text/html; charset=iso-8859-1", ""),
        ("utf-8-sig", "", ""),
        ("utf-16", "", ""),
        ("koi8-r", "text/html; charset=koi8-r", ""),
    ],
)
def test_encodings(codec: str, header: str, meta: str) -> None:
    text = f"<html><head>{meta}</head><body><p>{'Обстрел рынка в старом городе, есть раненые. ' * 20}</p></body></html>"
    assert decode_html(text.encode(codec), header) == text


@pytest.mark.parametrize(
    ("text", "default", "expected"),
    [
        ("Ceasefire talks resume after a week of strikes", "fr", "en"),
        ("Удар по лікарні у Вельді, є поранені", "ru", "uk"),
        ("وقف إطلاق النار في المدينة", "en", "ar"),
        ("הפסקת אש נכנסה לתוקף", "en", "he"),
        ("123 456", "es", "es"),
        ("", "es", "es"),
        ("ok", "fr", "fr"),
    ],
)
def test_languages(text: str, default: str, expected: str) -> None:
    assert detect_language(text, LANGUAGES, default) == expected


def test_one_language_leaves_nothing_to_choose() -> None:
    assert detect_language("Cessez-le-feu dans la ville", ("en",), "en") == "en"


@pytest.mark.parametrize(
    ("tag", "expected"), [("en-GB", "en"), ("zh_TW", "zh"), ("", ""), ("x", ""), ("*", ""), ("UK", "uk")]
)
def test_primary(tag: str, expected: str) -> None:
    assert primary(tag) == expected


def test_html_to_text() -> None:
    assert html_to_text("<p>A<script>x</script> b<!-- c --></p>tail<ul><li>1</li><li>2</li></ul>&nbsp;end") == (
        "A b\n\ntail\n\n1\n\n2\n\nend"
    )
    assert html_to_text("plain\n\ntext\nline") == "plain\n\ntext line"
    assert html_to_text("<div>" * 100_000 + "deep") in ("deep", "")
    assert one_line("a\x00\ud800b\u2029c") == "ab c"


NEWS = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:n="http://www.google.com/schemas/sitemap-news/0.9"'


def test_news_block() -> None:
    url = (
        "<url><loc> /news/1 </loc><lastmod>2026-11-22T11:00:00Z</lastmod><n:news><n:publication>"
        "<n:language>uk-UA</n:language></n:publication><n:title>Удар &amp; наслідки</n:title>"
        "<n:publication_date>2026-11-22T10:00:00+02:00</n:publication_date><n:keywords>war, veld</n:keywords>"
        "</n:news></url>"
    )
    document = parse_sitemap(f"<urlset {NEWS}>{url}</urlset>".encode(), url="https://a.example/s.xml", now=NOW)
    [entry] = document.entries
    assert (document.format, entry.link, entry.title) == ("news-sitemap", URL, "Удар & наслідки")
    assert (entry.published, entry.language) == (datetime(2026, 11, 22, 8, tzinfo=UTC), "uk")
    assert (entry.updated, entry.labels) == (datetime(2026, 11, 22, 11, tzinfo=UTC), ("war", "veld"))


def test_damaged_sitemap_gives_what_can_be_had() -> None:
    body = f"<urlset {NEWS}><url><loc>/news/1</loc></url><url><loc>/news/2</loc>".encode()
    document = parse_sitemap(body, url="https://a.example/s.xml", now=NOW)
    assert [entry.link for entry in document.entries] == ["https://a.example/news/1", "https://a.example/news/2"]
    assert document.problem.startswith("damaged")


def test_long_sitemap_keeps_the_newest() -> None:
    urls = "".join(f"<url><loc>/news/{n}</loc><lastmod>2026-11-{n:02}</lastmod></url>" for n in range(1, 21))
    document = parse_sitemap(f"<urlset {NEWS}>{urls}</urlset>".encode(), url="https://a.example/", now=NOW, max_items=2)
    assert [entry.link for entry in document.entries] == ["https://a.example/news/19", "https://a.example/news/20"]


def test_index_names_those_changed_last() -> None:
    maps = "".join(f"<sitemap><loc>/{n}.xml</loc><lastmod>2026-11-{n:02}</lastmod></sitemap>" for n in range(1, 21))
    document = parse_sitemap(f"<sitemapindex {NEWS}>{maps}</sitemapindex>".encode(), url="https://a.example/", now=NOW)
    assert document.children[0] == "https://a.example/20.xml"
    assert (len(document.children), document.problem) == (MAX_CHILDREN, "10 of its 20 documents were not read")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (gzip.compress(b"x" * 50_000), "more than 10000 bytes"),
        (b"\x1f\x8bnot gzip", "damaged gzip"),
        (b'<!DOCTYPE u [<!ENTITY a "b">]><urlset/>', "declares entities"),
        (b"<html/>", "root element is html"),
        (b"", "not a feed"),
    ],
    # A gzip file holds the time at which it was made: it would be another test in each process.
    ids=["bomb", "damaged", "entities", "html", "empty"],
)
def test_what_is_no_sitemap(body: bytes, problem: str) -> None:
    document = parse_sitemap(body, url=URL, now=NOW, max_bytes=10_000)
    assert (document.format, document.entries) == ("", ())
    assert problem in document.problem


def test_gzip_that_was_cut_off() -> None:
    urls = "".join(f"<url><loc>/news/{n}</loc></url>" for n in range(500))
    body = gzip.compress(f"<urlset {NEWS}>{urls}</urlset>".encode())
    assert parse_sitemap(body[:-30], url=URL, now=NOW).entries


def test_section_takes_holders_of_links_and_leaves_other_dates_alone() -> None:
    body = b"""<html><head><base href="https://a.example/sub/"></head><body><time>2020-01-01</time>
    <article><h2><a href="one">One</a></h2><time datetime="2026-11-22T09:00:00Z">x</time></article>
    <article><h2><a href="javascript:x()">Bad</a></h2></article>
    <article><h2><a href="two" title="Two"></a></h2></article></body></html>"""
    document = parse_section(body, Layout("article h2", "time"), url="https://a.example/", now=NOW)
    assert [(entry.link, entry.title, entry.published) for entry in document.entries] == [
        ("https://a.example/sub/one", "One", datetime(2026, 11, 22, 9, tzinfo=UTC)),
        ("https://a.example/sub/two", "Two", None),
    ]


def test_section_without_links() -> None:
    assert parse_section(b"", Layout("a"), url=URL, now=NOW).problem == LAYOUT_CHANGED
    assert parse_section(b"<p>x</p>", Layout("a"), url=URL, now=NOW).problem == LAYOUT_CHANGED


@pytest.mark.corpus
@pytest.mark.heavy
def test_corpus_of_real_pages() -> None:
    corpus = os.environ.get("CEASEWIRE_CORPUS")
    if not corpus:
        pytest.skip("CEASEWIRE_CORPUS is not set")
    folder = Path(corpus) / "extraction"
    empty = total = 0
    for line in (folder / "index.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        total += 1
        try:
            extract_page(gzip.decompress((folder / row["file"]).read_bytes()), request(url=row["url"] or URL))
        except ExtractError:
            empty += 1
    assert empty / total < 0.02
