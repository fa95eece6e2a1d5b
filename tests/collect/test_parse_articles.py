"""Titles, bodies, dates and walls of article pages."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import lxml.html
import pytest

from crawler.errors import ExtractError
from crawler.parse.bodies import completed, tells_more
from crawler.parse.pages import PageRequest, extract_page
from crawler.parse.published import published_at
from crawler.parse.titles import Site, choose_title, headings, without_site
from crawler.parse.walls import CONSENT, PAYWALL, SCRIPT_ONLY
from tests.collect.conftest import NOW, STORY, page

URL = "https://www.lanterpost.example/news/1"
HEADLINE = "Shelling hits a market in Veld"
PARAGRAPHS = [
    f"{name} said on Saturday that the market in the old town had been hit by two shells." for name in "ABCDEFGH"
]


def request(url: str = URL) -> PageRequest:
    return PageRequest(url=url, content_type="text/html", languages=("en", "uk"), source_language="en", now=NOW)


def tree(html: str) -> lxml.html.HtmlElement:
    return lxml.html.document_fromstring(html)


@pytest.mark.parametrize(
    ("headline", "og", "title", "shown", "expected"),
    [
        ("", "", f"{HEADLINE} - The Lanter Post", [HEADLINE], HEADLINE),
        ("", "", f"{HEADLINE} | World | Lanter Post", [], HEADLINE),
        ("", "", f"Lanter Post: live :: {HEADLINE}", [], HEADLINE),
        ("", f"{HEADLINE} - lanterpost.example", "", [], HEADLINE),
        ("", "", f"The Lanter Post — {HEADLINE}", [], HEADLINE),
        ("Market hit", "Market hit", "", [HEADLINE], "Market hit"),
        (f"{HEADLINE} | World", HEADLINE, "", [], HEADLINE),
        ("Market in Veld hit: live", HEADLINE, "", ["Live", HEADLINE], HEADLINE),
        ("Market in Veld hit: live", "Two shells", "", [HEADLINE], "Market in Veld hit: live"),
        ("", f"Veld: {HEADLINE}", "", [HEADLINE], HEADLINE),
        ("", "", "Veld | Lanter Post", ["Veld"], "Veld"),
        ("", "", "A truce - or a pause - in Veld", [], "A truce - or a pause - in Veld"),
        ("", "", "", [HEADLINE], HEADLINE),
        ("", "", "", [HEADLINE, "More"], ""),
        ("", "", "The Lanter Post", ["The Lanter Post"], "The Lanter Post"),
    ],
)
def test_titles(headline: str, og: str, title: str, shown: list[str], expected: str) -> None:
    metas = {"og:title": og, "og:site_name": "The Lanter Post"}
    assert choose_title(headline, metas, title, shown, URL) == expected


@pytest.mark.parametrize(
    ("url", "named", "other"),
    [
        ("https://www.bbc.example/x", "BBC", "Market"),
        ("https://lanterpost.example/x", "Lanter Post Online", "Lanter"),
        ("https://en.veldnews.example/x", "VeldNews", "Veld"),
        ("https://news.a.co.example/x", "News", "Talks"),
        ("not a URL", "Post", "Lanter"),
        ("http://[", "Post", "Lanter"),
    ],
)
def test_names_of_a_site(url: str, named: str, other: str) -> None:
    site = Site.of(url, "Post")
    assert site.is_named(named)
    assert not site.is_named(other)


def test_a_headline_is_never_cut_to_nothing() -> None:
    assert without_site("Post | Post", Site.of(URL, "Post")) == "Post"


def test_headings_are_lines() -> None:
    assert headings(tree("<h1> A\n<b>b</b></h1><h1></h1><h1>A b</h1><h1>C</h1>")) == ["A b", "C"]


def test_letters_are_stored_in_one_spelling() -> None:
    assert choose_title("", {}, "Обстріл на Запоріжжі: третій день", [], URL).count("\u0439") == 1


def chunks(*groups: list[str], make: str = "body") -> str:
    return "".join(f'<div class="{make}">{"".join(f"<p>{text}</p>" for text in group)}</div>' for group in groups)


def test_text_cut_into_several_containers_is_one_text() -> None:
    html = f"<article>{chunks(PARAGRAPHS[:3], PARAGRAPHS[3:6], PARAGRAPHS[6:])}</article>"
    assert completed(PARAGRAPHS[:3], tree(html)) == PARAGRAPHS
    assert completed([*PARAGRAPHS[:2], *PARAGRAPHS[6:]], tree(html)) == PARAGRAPHS


@pytest.mark.parametrize(
    "more",
    [
        chunks(PARAGRAPHS[3:], make="teaser"),
        chunks(["Short caption."]),
        chunks([f'<a href="/2">{PARAGRAPHS[5]}</a>']),
        f"</article><article>{chunks(PARAGRAPHS[3:])}",
        chunks(["  "]),
    ],
    ids=["other make", "short", "links", "other article", "empty"],
)
def test_what_is_left_out_with_reason_stays_out(more: str) -> None:
    html = f"<article>{chunks(PARAGRAPHS[:3])}{more}</article>"
    assert completed(PARAGRAPHS[:3], tree(html)) == PARAGRAPHS[:3]


def test_one_witness_is_none() -> None:
    assert completed(PARAGRAPHS[:1], tree(chunks(PARAGRAPHS))) == PARAGRAPHS[:1]


def test_paragraphs_with_line_breaks_are_not_doubled() -> None:
    joined = f"{PARAGRAPHS[0]}<br>{PARAGRAPHS[1]}"
    html = chunks([joined, *PARAGRAPHS[2:5]])
    assert completed(PARAGRAPHS[:5], tree(html)) == PARAGRAPHS[:5]


def test_what_tells_more_of_the_same() -> None:
    whole = "\n".join(PARAGRAPHS)
    assert tells_more("\n".join(PARAGRAPHS[:3]), whole)
    assert not tells_more("\n".join(PARAGRAPHS[:7]), whole)
    assert tells_more(whole.replace("\n", " "), whole)
    assert not tells_more("Something else that is said here and nowhere else, in some words more. " * 3, whole)


def test_a_whole_text_in_json_ld_leads_over_the_beginning_in_the_page() -> None:
    whole = "\n".join(f"{STORY} Part {number} of the whole report." for number in range(8))
    linked = json.dumps({"@type": "NewsArticle", "headline": "Market hit", "articleBody": whole})
    head = f'<script type="application/ld+json">{linked}</script>'
    html = f"<html><head>{head}</head><body><article><p>{STORY} Part 0 of the whole report.</p></article></body></html>"
    assert extract_page(html.encode(), request()).text == whole


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<meta itemprop="datePublished" content="2026-11-20T08:00:00+02:00">', datetime(2026, 11, 20, 6, tzinfo=UTC)),
        ('<span itemprop="datePublished">20 November 2026 08:00 GMT</span>', datetime(2026, 11, 20, 8, tzinfo=UTC)),
        (
            '<time datetime="2020-01-01">x</time><h1>A</h1><time datetime="2026-11-20">x</time>',
            datetime(2026, 11, 20, tzinfo=UTC),
        ),
        ('<time datetime="2026-11-20T10:00Z">x</time>', datetime(2026, 11, 20, 10, tzinfo=UTC)),
        ('<time datetime="2027-01-01">x</time>', NOW),
        ("<p>Published: 20 November 2026</p><p>Text</p>", datetime(2026, 11, 20, tzinfo=UTC)),
        ("<p>No date here</p>", None),
        ('<h1>A</h1><div><h3><a href="/2">B</a></h3><time datetime="2026-11-20">x</time></div>', None),
        ('<h1>A</h1><p>Text</p><footer><time datetime="2026-11-20">20.11.2026</time></footer>', None),
    ],
    ids=["machine", "words", "heading", "time", "future", "text", "none", "teaser", "footer"],
)
def test_dates_of_pages(html: str, expected: datetime | None) -> None:
    assert published_at(tree(f"<html><body>{html}</body></html>"), "", {}, URL, "en", NOW) == expected


def lead(text: str) -> str:
    return f'<meta property="og:description" content="{text}">'


@pytest.mark.parametrize(
    "notice",
    [
        "Subscribe to continue reading.",
        "Already a subscriber? Log in",
        "Article réservé aux abonnés",
        "Um weiterzulesen, bitte anmelden",
        "Доступно по подписке",
        "Матеріал лише для передплатників",
        "للمشتركين فقط",
        "למנויים בלבד",
    ],
)
def test_a_stub_before_a_paywall(notice: str) -> None:
    html = f"<html><body><article><h1>Market hit</h1><p>{STORY}</p><p>{notice}</p></article></body></html>"
    found = extract_page(html.encode(), request())
    assert (found.text, found.problem) == (STORY, PAYWALL)


def test_a_stub_that_only_structured_data_admits() -> None:
    linked = json.dumps({"@type": "NewsArticle", "headline": "Market hit", "isAccessibleForFree": "False"})
    head = f'<script type="application/ld+json">{linked}</script>'
    assert extract_page(page(head=head)[:-1], request()).problem == ""
    html = f"<html><head>{head}</head><body><article><p>{STORY}</p></article></body></html>"
    assert extract_page(html.encode(), request()).problem == PAYWALL


def test_a_long_article_may_speak_of_subscriptions() -> None:
    notice = "<p>The paper's readers must subscribe to read its archive, the owner said.</p>"
    html = page(text=STORY * 4).decode().replace("</article>", f"{notice}</article>")
    found = extract_page(html.encode(), request())
    assert found.problem == ""
    assert "must subscribe to read" in found.text


WALL = (
    "<h1>Before you continue</h1><p>We and our partners use cookies to process personal data on your device.</p>"
    "<p>You may accept all cookies or manage your consent choices at any time in our privacy settings.</p>"
)


@pytest.mark.parametrize("url", [URL, "https://consent.lanterpost.example/collect?done=1"])
def test_a_consent_wall_is_not_taken_for_the_article(url: str) -> None:
    with pytest.raises(ExtractError, match="consent wall"):
        extract_page(f"<html><head>{lead(STORY)}</head><body>{WALL}</body></html>".encode(), request(url))


def test_an_article_about_consent_is_one() -> None:
    text = "A court ruled that the site's cookies need consent under the privacy law. The owner spoke of a blow."
    html = page(text=STORY).decode().replace("<article>", f"<article><p>{text}</p>")
    assert extract_page(html.encode(), request()).problem == ""


SHELL = '<script src="/app.js"></script><div id="root"></div><noscript>Please enable JavaScript.</noscript>'


@pytest.mark.parametrize(
    "body", [SHELL, "<p>You need to enable JavaScript to run this app and read the news.</p>"], ids=["shell", "notice"]
)
def test_a_page_that_a_script_fills_gives_its_description(body: str) -> None:
    found = extract_page(f"<html><head>{lead(STORY)}</head><body>{body}</body></html>".encode(), request())
    assert found.text == STORY
    assert found.problem.startswith(SCRIPT_ONLY)


def test_a_page_that_a_script_fills_and_that_describes_nothing() -> None:
    with pytest.raises(ExtractError, match="script-only"):
        extract_page(f"<html><body>{SHELL}</body></html>".encode(), request())


def test_walls_are_told_apart() -> None:
    assert len({PAYWALL, CONSENT, SCRIPT_ONLY}) == 3
