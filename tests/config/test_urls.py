"""When two URLs are the same article, and when they must not be."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.urls import LONGEST_KEY, LONGEST_URL, clean_link, host_slot, url_alias, url_key

EQUAL = [
    ("HTTPS://News.Example.ORG/A", "https://news.example.org/A"),
    ("http://example.org:80/a", "http://example.org/a"),
    ("https://example.org:443/a", "https://example.org/a"),
    ("https://example.org", "https://example.org/"),
    ("https://example.org./a", "https://example.org/a"),
    ("https://user:secret@example.org/a", "https://example.org/a"),
    ("https://example.org/a?", "https://example.org/a"),
    ("https://example.org/a#comments", "https://example.org/a"),
    ("https://example.org/a#:~:text=ceasefire", "https://example.org/a"),
    ("https://example.org/./a/../b", "https://example.org/b"),
    ("https://example.org/a/%2e%2e/b", "https://example.org/b"),
    ("https://example.org/../../b", "https://example.org/b"),
    ("https://example.org/%7euser", "https://example.org/~user"),
    ("https://example.org/%41bc", "https://example.org/Abc"),
    ("https://example.org/%e2%82%ac", "https://example.org/%E2%82%AC"),
    ("https://example.org/новости", "https://example.org/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D0%B8"),
    ("https://example.org/a b", "https://example.org/a%20b"),
    ("https://bücher.example/a", "https://xn--bcher-kva.example/a"),
    ("https://BÜCHER.example/a", "https://xn--bcher-kva.example/a"),
    ("https://приклад.укр/a", "https://xn--80aikifvh.xn--j1amh/a"),
    ("https://example。org/a", "https://example.org/a"),
    ("https://[2001:DB8:0:0::1]/a", "https://[2001:db8::1]/a"),
    ("https:\\\\example.org\\a", "https://example.org/a"),
    ("https:/example.org/a", "https://example.org/a"),
    ("  https://example.org/a \n", "https://example.org/a"),
    ("https://exam\tple.org/a", "https://example.org/a"),
    ("https://example.org/\u202ea", "https://example.org/a"),
    ("https://example.org/a?b=2&a=1", "https://example.org/a?a=1&b=2"),
    ("https://example.org/a?id=7&&x=1&", "https://example.org/a?id=7&x=1"),
    ("https://example.org/a?q=x%20y", "https://example.org/a?q=x+y"),
    ("https://example.org/a?q=%7e", "https://example.org/a?q=~"),
    ("https://example.org/a?id=7&amp;utm_source=rss", "https://example.org/a?id=7"),
    ("https://example.org/a?id=7&amp;page=2", "https://example.org/a?id=7&page=2"),
    ("https://example.org/a?utm_source=rss&utm_medium=feed&UTM_Campaign=x", "https://example.org/a"),
    ("https://example.org/a?at_medium=RSS&at_campaign=KARANGA", "https://example.org/a"),
    ("https://example.org/a?fbclid=IwAR0", "https://example.org/a"),
    ("https://example.org/a?gclid=1&dclid=2&msclkid=3&yclid=4&twclid=5", "https://example.org/a"),
    ("https://example.org/a?mc_cid=1&mc_eid=2", "https://example.org/a"),
    ("https://example.org/a?igshid=1&igsh=2", "https://example.org/a"),
    ("https://example.org/a?cmp=share_btn_tw", "https://example.org/a"),
    ("https://example.org/a?CMP=Share_iOSApp_Other", "https://example.org/a"),
    ("https://example.org/a?ref=rss", "https://example.org/a"),
    ("https://example.org/a?ref=RSS", "https://example.org/a"),
    ("https://example.org/a?outputType=amp", "https://example.org/a"),
    ("https://example.org/a?amp", "https://example.org/a"),
    ("https://example.org/a?xtor=RSS-3208", "https://example.org/a"),
    ("https://example.org/a?_ga=1.2&_gl=x&_hsenc=y&mkt_tok=z", "https://example.org/a"),
    ("https://example.org/a?utm%5Fsource=x", "https://example.org/a"),
    ("https://example.org/a;jsessionid=0A1B?id=3", "https://example.org/a?id=3"),
    ("https://example.org/a?PHPSESSID=abc&id=3", "https://example.org/a?id=3"),
    ("https://www.nytimes.com/a.html?smid=tw-share&partner=rss&emc=rss", "https://www.nytimes.com/a.html"),
    ("https://www.dw.com/en/a/a-1?maca=en-rss-en-all-1573-rdf", "https://www.dw.com/en/a/a-1"),
    ("https://www.businessinsider.com/a?r=US&IR=T", "https://www.businessinsider.com/a"),
    ("https://www.aljazeera.com/news/a?traffic_source=rss", "https://www.aljazeera.com/news/a"),
]

DIFFERENT = [
    ("https://example.org/a", "http://example.org/a"),
    ("https://example.org/a", "https://www.example.org/a"),
    ("https://example.org/a", "https://example.org/a/"),
    ("https://example.org/a", "https://example.org/A"),
    ("https://example.org/a", "https://example.org:8443/a"),
    ("https://example.org/a?id=1", "https://example.org/a?id=2"),
    ("https://example.org/a?id=1", "https://example.org/a?id=01"),
    ("https://example.org/?p=123", "https://example.org/?p=124"),
    ("https://example.org/a?cid=1", "https://example.org/a?cid=2"),
    ("https://example.org/a?ref=12", "https://example.org/a?ref=13"),
    ("https://example.org/a?source=kyiv", "https://example.org/a?source=odesa"),
    ("https://example.org/a?r=US", "https://example.org/a"),
    ("https://example.org/a?x=1&x=2", "https://example.org/a?x=2&x=1"),
    ("https://example.org/a?x", "https://example.org/a?x="),
    ("https://example.org/a?x=a%2Bb", "https://example.org/a?x=a+b"),
    ("https://example.org/a?x=a%26b", "https://example.org/a?x=a&b"),
    ("https://example.org/a%2Fb", "https://example.org/a/b"),
    ("https://example.org/a#!/news/1", "https://example.org/a#!/news/2"),
    ("https://example.org/a//b", "https://example.org/a/b"),
    ("https://example.org/new%20s", "https://example.org/news"),
    ("https://example.org/a?utm=1", "https://example.org/a"),
    ("https://example.org/a?id=1;b=2", "https://example.org/a?id=1"),
    ("https://example.org/a.", "https://example.org/a"),
    ("https://example.org/a...", "https://example.org/a"),
]

ALIKE = [
    ("http://example.org/a", "https://example.org/a"),
    ("https://www.example.org/a/", "https://example.org/a"),
    ("https://m.example.org/a", "https://www.example.org/a"),
    ("https://amp.example.org/a", "https://example.org/a"),
    ("https://www.m.example.org/a", "https://example.org/a"),
    ("https://example.org/a/amp/", "https://example.org/a"),
    ("https://example.org/a.amp", "https://example.org/a"),
    ("https://example.org/a/index.html", "https://example.org/a"),
    ("https://example.org//a//b", "https://example.org/a/b"),
    ("https://example.org/", "http://www.example.org"),
    ("https://example.org/a#!x", "https://example.org/a"),
]


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_equal(one: str, other: str) -> None:
    assert url_key(one) == url_key(other) == url_key(other.strip())
    assert url_alias(one) == url_alias(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different(one: str, other: str) -> None:
    assert url_key(one) != url_key(other)


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_alike(one: str, other: str) -> None:
    assert url_key(one) != url_key(other)
    assert url_alias(one) == url_alias(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://example.org/a?id=1", "https://example.org/a?id=2"),
        ("https://m.org/a", "https://org/a"),
        ("https://example.org:8001/a", "https://example.org:8002/a"),
        ("https://news.example.org/a", "https://example.org/a"),
        ("https://example.org/amp-blog", "https://example.org/blog"),
    ],
)
def test_not_even_alike(one: str, other: str) -> None:
    assert url_alias(one) != url_alias(other)


def test_the_tables_are_large_enough() -> None:
    assert len(EQUAL) + len(DIFFERENT) >= 40


@pytest.mark.parametrize(
    ("url", "slot"),
    [
        ("https://Example.org/a", "example.org:443"),
        ("http://example.org", "example.org:80"),
        ("http://127.0.0.1:8001/x", "127.0.0.1:8001"),
        ("http://[::1]:8001/x", "[::1]:8001"),
        ("https://bücher.example/", "xn--bcher-kva.example:443"),
        ("ftp://example.org/", ""),
        ("nothing", ""),
    ],
)
def test_host_slot(url: str, slot: str) -> None:
    assert host_slot(url) == slot


BASE = "https://example.org/news/feed.xml"


@pytest.mark.parametrize(
    ("raw", "link"),
    [
        ("https://example.org/a", "https://example.org/a"),
        ("HTTP://Example.org", "http://example.org/"),
        ("//cdn.example.org/a", "https://cdn.example.org/a"),
        ("/a?b=1", "https://example.org/a?b=1"),
        ("a/b", "https://example.org/news/a/b"),
        ("../a", "https://example.org/a"),
        ("?p=3", "https://example.org/news/feed.xml?p=3"),
        ("https://example.org/a b?q=ü#ö", "https://example.org/a%20b?q=%C3%BC#%C3%B6"),
        ("https://example.org/a%20b%E2", "https://example.org/a%20b%E2"),
        ("https://example.org/100%", "https://example.org/100%25"),
        ("https://example.org/a?x=1&amp;y=2", "https://example.org/a?x=1&y=2"),
        ("https://example.org/a?x=1&#38;y=2", "https://example.org/a?x=1&y=2"),
        ("https://example.org/a?a=1&copy=2", "https://example.org/a?a=1&copy=2"),
        ("https://user:pw@example.org/a", "https://example.org/a"),
        ("https://example.org\\@evil.example/a", "https://example.org/@evil.example/a"),
        (" https://exa\nmple.org/a\u2028", "https://example.org/a"),
        (
            "https://fa.example.org/خبر\u200cنامه",
            "https://fa.example.org/%D8%AE%D8%A8%D8%B1%E2%80%8C%D9%86%D8%A7%D9%85%D9%87",
        ),
        ("", ""),
        ("   ", ""),
        ("javascript:alert(1)", ""),
        ("JavaScript:alert(1)", ""),
        ("java&#9;script:alert(1)", ""),
        ("java\tscript:alert(1)", ""),
        ("&#106;avascript:alert(1)", ""),
        ("\x01javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("file:///etc/passwd", ""),
        ("ftp://example.org/a", ""),
        ("s3://bucket/a", ""),
        ("mailto:a@example.org", ""),
        ("https://", ""),
        ("https:///", ""),
        ("https://exa mple.org/", ""),
        ("https://example.org:0/", ""),
        ("https://example.org:99999/", ""),
        ("https://example.org:port/", ""),
        ("https://[::1/a", ""),
        ("https://[fe80::1%25eth0]/a", ""),
        ("https://exam<ple.org/", ""),
        ("https://%65xample.org/", ""),
        ("https://example.org/" + "a" * LONGEST_URL, ""),
    ],
)
def test_clean_link(raw: str, link: str) -> None:
    assert clean_link(raw, BASE) == link


def test_a_relative_link_needs_a_base() -> None:
    assert clean_link("/a") == ""
    assert clean_link("www.example.org/a") == ""


def test_a_link_of_any_length_has_a_short_key_of_its_own() -> None:
    long = "https://example.org/" + "a" * 3_000
    assert len(url_key(long)) <= LONGEST_KEY
    assert url_key(long) != url_key(long + "b")
    assert url_key(long).startswith("https://example.org/")
    assert url_key(url_key(long)) == url_key(long)
    assert url_key("x" * 5_000) != url_key("x" * 5_001)


def test_what_is_no_web_address_is_its_own_key() -> None:
    assert url_key("tag:example.org,2026:1") == "tag:example.org,2026:1"
    assert url_key(" urn:uuid:1\n") == url_alias("urn:uuid:1") == "urn:uuid:1"


_PIECES = st.text(st.sampled_from("aZ09%41~/.&=?#!+;:@[]\\ äж\t'"), max_size=30)
_URLS = st.builds("{}{}{}".format, st.sampled_from(["https://", "http:/", "HTTPS:\\\\", ""]), _PIECES, _PIECES)
_IDS = st.text(string.ascii_letters + string.digits + "-_", min_size=1, max_size=12)
_NAMES = st.sampled_from(["id", "p", "article", "story", "cid", "sid", "v", "page", "q", "n", "ref_id", "newsid"])


@given(_URLS | st.text(max_size=60))
def test_a_key_is_its_own_key(url: str) -> None:
    assert url_key(url_key(url)) == url_key(url)
    assert len(url_key(url)) <= LONGEST_KEY


@given(_URLS | st.text(max_size=60))
def test_a_clean_link_is_clean(url: str) -> None:
    link = clean_link(url, BASE)
    assert clean_link(link) == link
    assert not link or (link.startswith(("http://", "https://")) and link.isascii() and link.isprintable())


@given(_PIECES)
def test_cleaning_changes_no_article(rest: str) -> None:
    url = f"https://example.org/{rest}"
    assert url_key(clean_link(url)) == url_key(url)


@given(_IDS, _IDS, _NAMES)
def test_ids_are_never_merged(one: str, other: str, name: str) -> None:
    for form in ("https://example.org/news/{}", "https://example.org/{}.html", "https://example.org/n?" + name + "={}"):
        keys = url_key(form.format(one)), url_key(form.format(other))
        assert (keys[0] == keys[1]) == (one == other)


@given(st.permutations(["id=7", "utm_source=rss", "b=x+y", "fbclid=1", "page=2", "ref=rss"]))
def test_order_and_tracking_do_not_matter(parameters: list[str]) -> None:
    assert url_key("https://example.org/a?" + "&".join(parameters)) == "https://example.org/a?b=x+y&id=7&page=2"


@given(_URLS)
def test_equal_keys_have_equal_aliases(url: str) -> None:
    assert url_alias(url_key(url)) == url_alias(url)
