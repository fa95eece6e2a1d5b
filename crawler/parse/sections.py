"""Listing pages of a site, read by CSS -> `FeedDocument`. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import lxml.etree
import lxml.html
from lxml.cssselect import CSSSelector

from crawler.articles import Entry, FeedDocument
from crawler.parse.dates import DateReader, settle
from crawler.parse.feeds import MAX_ITEMS, newest
from crawler.parse.html import decode_html, html_tree
from crawler.parse.language import primary
from crawler.parse.text import one_line
from crawler.urls import clean_link

LAYOUT_CHANGED = "no link was found where the links should be"


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things stand on a listing page.

    Attributes:
        links: CSS that finds the links to articles, or elements that hold one each.
        date: CSS that finds the date near a link; may be empty.
        next_page: CSS that finds the link to the next listing page; may be empty.
    """

    links: str
    date: str = ""
    next_page: str = ""


def parse_section(
    body: bytes, layout: Layout, *, url: str, now: datetime, content_type: str = "", max_items: int = MAX_ITEMS
) -> FeedDocument:
    """Read a listing page.

    Args:
        body: the page.
        layout: where things stand on it.
        url: its URL after redirects.
        now: the moment of the fetch; dates in the future become it.
        content_type: the response's header, for the encoding.
        max_items: cap on links.

    Returns:
        `format` is ``section``; `children` holds the next page. Without a link `problem` is `LAYOUT_CHANGED`.
    """
    root = html_tree(decode_html(body, content_type))
    if root is None:
        return FeedDocument(format="section", problem=LAYOUT_CHANGED)
    base = root.xpath("string(//base/@href)")
    origin = clean_link(base, url) or url if base else url
    found = [anchor for element in _select(root, layout.links) if (anchor := _anchor(element)) is not None]
    language = primary(root.get("lang") or "")
    reader = DateReader([language])
    entries: dict[str, Entry] = {}
    for anchor in found:
        link = clean_link(anchor.get("href") or "", origin)
        if not link:
            continue
        title = one_line(anchor.text_content()) or one_line(anchor.get("title") or anchor.get("aria-label") or "")
        known = entries.get(link)
        if known is not None and len(known.title) >= len(title):
            continue  # a picture and a headline often lead to the same article
        raw_date = _date_near(anchor, layout.date, found) or (known.raw_date if known else "")
        published = settle(reader.any_date(raw_date), now)
        entries[link] = Entry(link=link, title=title, published=published, raw_date=raw_date, language=language)
    kept = newest(list(entries.values()), max_items)
    return FeedDocument(
        format="section",
        title=one_line(root.findtext(".//title") or ""),
        entries=tuple(kept),
        problem="" if kept else LAYOUT_CHANGED,
        children=_next(root, layout.next_page, origin, url),
    )


def _select(element: lxml.html.HtmlElement, css: str) -> list[lxml.html.HtmlElement]:
    return list(CSSSelector(css, translator="html")(element)) if css else []


def _anchor(element: lxml.html.HtmlElement) -> lxml.html.HtmlElement | None:
    """The link itself, or the first one inside a matched element."""
    if element.tag == "a":
        return element
    return next(iter(element.iterfind(".//a[@href]")), None)


def _date_near(anchor: lxml.html.HtmlElement, css: str, anchors: list[lxml.html.HtmlElement]) -> str:
    """The date in the smallest element around a link that holds one, unless that is already other links' too."""
    if not css:
        return ""
    own = anchor.get("href")
    element: lxml.html.HtmlElement | None = anchor
    while element is not None:
        others = {one.get("href") for one in element.iter("a")} & {one.get("href") for one in anchors} - {own}
        if others:
            return ""
        for found in _select(element, css):
            return one_line(found.get("datetime") or found.get("content") or found.text_content())
        element = element.getparent()
    return ""


def _next(root: lxml.html.HtmlElement, css: str, origin: str, url: str) -> tuple[str, ...]:
    for element in _select(root, css):
        anchor = _anchor(element)
        link = clean_link((anchor if anchor is not None else element).get("href") or "", origin)
        if link and link != url:
            return (link,)
    return ()
