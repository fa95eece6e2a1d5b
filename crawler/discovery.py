"""Which ways into a site there are: from the bytes of its pages and of robots.txt, and by what sites usually do. Pure.

Nothing here is believed: what is found is asked for before it is proposed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from crawler.parse.html import decode_html, html_tree
from crawler.parse.language import primary
from crawler.parse.text import one_line
from crawler.sources import COUNTRY_CODES, ChannelKind
from crawler.urls import clean_link, url_key

MOST_LINKS = 200
"""Feeds or sitemaps taken from one document; a page with more is no front page."""

USUAL = "a usual place"

_FEED_TYPES = frozenset(
    {
        "application/rss+xml",
        "application/atom+xml",
        "application/rdf+xml",
        "application/feed+json",
        "application/x-rss+xml",
        "text/rss+xml",
        "text/rss",
        "text/atom",
    }
)
_MAYBE_TYPES = frozenset({"application/xml", "text/xml", "application/json"})
_FEED_WORD = re.compile(r"rss|atom|feed|rdf", re.IGNORECASE)
# Comments, single categories of a shop, oEmbed: offered by content systems on every page, and no news.
_NO_NEWS = re.compile(r"comment|oembed|wp-json|xmlrpc|/rsd|opensearch|podcast|/author/", re.IGNORECASE)
_FEED_ENDINGS = (".rss", ".rdf", ".atom", "/rss.xml", "/atom.xml", "/feed.xml", "/feed.json", "/feed", "/feed/")
_USUAL_FEEDS = (
    "/feed/", "/rss", "/rss.xml", "/feed.xml", "/atom.xml", "/index.xml", "/rss/news", "/en/rss", "/feed.json",
    "/feeds/posts/default",
)  # fmt: skip
_USUAL_SITEMAPS = ("/news-sitemap.xml", "/sitemap-news.xml", "/sitemap_news.xml", "/sitemap.xml")
_SITEMAP_LINE = re.compile(r"^\s*sitemap\s*:\s*(\S+)", re.IGNORECASE | re.MULTILINE)
_SITEMAP_ROOT = re.compile(rb"<(?:\w+:)?(?:urlset|sitemapindex)[\s>]")
_FEED_ROOT = re.compile(rb"<(?:\w+:)?(?:rss|feed|RDF)[\s>]")
_HTML_ROOT = re.compile(rb"<(?:!doctype\s+html|html)[\s>]", re.IGNORECASE)
_NEWS_WORD = re.compile(r"news|latest|recent|48h", re.IGNORECASE)
_OLD_WORD = re.compile(r"archive|video|image|photo|author|tag|categor|product|page|19\d\d|20\d\d", re.IGNORECASE)
_TITLE_PARTS = re.compile(r"\s+[|–—·•:»-]+\s+")
_HOME_WORDS = frozenset(
    {"home", "homepage", "home page", "front page", "news", "latest news", "rss", "feed", "welcome"}
)
_COUNTRY_OF_ENDING = {"UK": "GB", "SU": "RU"}
# Endings that are sold for what they look like: they say nothing about a country.
_SOLD = """
AC AI AM BZ CC CO FM GG IM IO IS LA LY ME NU PW SH SO ST TK TO TV VC WS
"""
_SOLD_ENDINGS = frozenset(_SOLD.split())


@dataclass(frozen=True, slots=True)
class Offer:
    """A URL that may be a channel, what its page calls it, and where it was found (in words)."""

    url: str
    title: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True)
class FrontPage:
    """What a page says about its site. Empty where it says nothing.

    Attributes:
        name: of the outlet.
        language: primary tag.
        feeds: that the page names, in its order.
        sitemaps: that the page names.
    """

    name: str = ""
    language: str = ""
    feeds: tuple[Offer, ...] = ()
    sitemaps: tuple[Offer, ...] = ()


def read_front_page(body: bytes, *, url: str, content_type: str = "") -> FrontPage:
    """Read the page of a site: its name, its language, and the feeds and sitemaps it names.

    Args:
        body: HTML.
        url: where it came from after redirects; relative links count from it.
        content_type: the response's header, for the encoding.
    """
    root = html_tree(decode_html(body, content_type))
    if root is None:
        return FrontPage()
    base = clean_link(root.xpath("string(//base/@href)"), url) or url
    feeds, sitemaps = [], []
    for link in root.iter("link"):
        target = clean_link(link.get("href") or "", base)
        rel = (link.get("rel") or "").lower().split()
        kind = (link.get("type") or "").partition(";")[0].strip().lower()
        offer = Offer(target, one_line(link.get("title") or "")[:200], "named by the page")
        if target and "sitemap" in rel:
            sitemaps.append(offer)
        elif target and "alternate" in rel and _is_feed_link(kind, target):
            feeds.append(offer)
    for anchor in root.iter("a"):
        target = clean_link(anchor.get("href") or "", base)
        if target and _looks_like_feed(target) and _same_site(target, url):
            feeds.append(Offer(target, one_line(anchor.text_content())[:200], "linked by the page"))
    language = primary(root.get("lang") or "") or primary(_meta(root, "og:locale").replace("_", "-"))
    return FrontPage(_name(root, url), language, distinct(feeds), distinct(sitemaps))


def kind_of(body: bytes) -> ChannelKind | None:
    """Which kind of channel a document is by its beginning; None for a page or anything else."""
    head = body[:20_000].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"\x1f\x8b") or _SITEMAP_ROOT.search(head):
        return ChannelKind.SITEMAP
    if head.startswith(b"{"):
        return ChannelKind.FEED if b"jsonfeed.org/version" in head.replace(b"\\/", b"/") else None
    return ChannelKind.FEED if _FEED_ROOT.search(head) and not _HTML_ROOT.match(head) else None


def sitemaps_in_robots(body: bytes, *, url: str) -> tuple[Offer, ...]:
    """The sitemaps that robots.txt names, those that look like news first."""
    text = body[:500_000].decode("utf-8", "replace")
    found = (clean_link(match[1], url) for match in _SITEMAP_LINE.finditer(text))
    return by_promise(distinct(Offer(link, where="named by robots.txt") for link in found if link))


def usual_feeds(url: str) -> tuple[Offer, ...]:
    """Where sites usually have their feed."""
    return tuple(Offer(origin(url) + path, where=USUAL) for path in _USUAL_FEEDS)


def usual_sitemaps(url: str) -> tuple[Offer, ...]:
    """Where sites usually have their news sitemap."""
    return tuple(Offer(origin(url) + path, where=USUAL) for path in _USUAL_SITEMAPS)


def by_promise(offers: Iterable[Offer]) -> tuple[Offer, ...]:
    """Sitemaps in the order in which they are worth asking: news, then unnamed ones, then archives and pictures."""
    return tuple(sorted(offers, key=lambda offer: _promise(urlsplit(offer.url).path)))


def promises_news(url: str) -> bool:
    """Whether a sitemap is named like one of news."""
    return _promise(urlsplit(url).path) == 0


def worth_asking(offers: Iterable[Offer]) -> tuple[Offer, ...]:
    """Feeds without those of comments, single authors and machine interfaces."""
    return tuple(offer for offer in offers if not _NO_NEWS.search(f"{offer.url} {offer.title}"))


def distinct(offers: Iterable[Offer]) -> tuple[Offer, ...]:
    """The offers without repeated URLs, at most `MOST_LINKS`; the first one stays."""
    found: dict[str, Offer] = {}
    for offer in offers:
        found.setdefault(url_key(offer.url), offer)
        if len(found) == MOST_LINKS:
            break
    return tuple(found.values())


def origin(url: str) -> str:
    """Scheme, host and port of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def country_of(url: str) -> str:
    """The country that a host's ending names, or an empty string: ``.ua`` is Ukraine's, ``.io`` nobody's."""
    ending = (urlsplit(url).hostname or "").rpartition(".")[2].upper()
    if ending in _SOLD_ENDINGS:
        return ""
    ending = _COUNTRY_OF_ENDING.get(ending, ending)
    return ending if ending in COUNTRY_CODES else ""


def plain_name(title: str) -> str:
    """The outlet's part of a document's title: ``World | The Paper`` and ``The Paper - Home`` are The Paper."""
    parts = [part for part in _TITLE_PARTS.split(one_line(title)) if part.strip()]
    telling = [part for part in parts if part.casefold() not in _HOME_WORDS]
    if not telling:
        return one_line(title)[:100]
    # Outlets put their name last behind a page's title, and first before a slogan.
    return min(telling, key=lambda part: (len(part.split()), len(part))).strip()[:100]


def _promise(path: str) -> int:
    if _NEWS_WORD.search(path):
        return 0
    return 2 if _OLD_WORD.search(path) else 1


def _is_feed_link(kind: str, target: str) -> bool:
    return kind in _FEED_TYPES or (kind in _MAYBE_TYPES and bool(_FEED_WORD.search(urlsplit(target).path)))


def _looks_like_feed(target: str) -> bool:
    """Whether a link in a page's text leads to a document that is named like a feed, not to a page about feeds."""
    path = urlsplit(target).path.lower()
    return path.endswith(
        (".rss", ".rdf", "/rss.xml", "/atom.xml", "/feed.xml", "/feed.json", "/feed", "/feed/", ".atom")
    )


def _same_site(target: str, url: str) -> bool:
    hosts = [(urlsplit(one).hostname or "").removeprefix("www.") for one in (target, url)]
    return hosts[0] == hosts[1] or hosts[0].endswith(f".{hosts[1]}")


def _meta(root: object, name: str) -> str:
    path = "string(//meta[@property=$name or @name=$name]/@content)"
    return one_line(str(root.xpath(path, name=name)))  # type: ignore[attr-defined]  # lxml's element


def _name(root: object, url: str) -> str:
    said = _meta(root, "og:site_name") or _meta(root, "application-name")
    title = one_line(str(root.xpath("string(//title)")))  # type: ignore[attr-defined]  # lxml's element
    return said[:100] or plain_name(title) or (urlsplit(url).hostname or "").removeprefix("www.")
