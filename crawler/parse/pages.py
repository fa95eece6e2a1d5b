"""An article's page -> `Extraction`. Pure; runs in a worker that can be killed, for a page may take for ever."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import lxml.html

from crawler.articles import Extraction
from crawler.errors import ExtractError
from crawler.parse.dates import DateReader, settle
from crawler.parse.html import decode_html, html_tree
from crawler.parse.jsonld import Linked, read_json_ld
from crawler.parse.language import detect_language, primary
from crawler.parse.text import clean, html_to_line, one_line
from crawler.urls import clean_link

SHORTEST = 40
"""A page whose text is shorter (in characters) holds no article: a notice, a picture, a script's empty shell."""

_DATE_METAS = (
    "article:published_time", "og:article:published_time", "datepublished", "date", "dc.date", "dc.date.issued",
    "dcterms.created", "parsely-pub-date", "sailthru.date", "pubdate", "publishdate", "article.published",
)  # fmt: skip
_SHORTEST_HEADING = 12
_AUTHOR_METAS = ("author", "article:author", "dc.creator", "parsely-author", "byl", "sailthru.author")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What extraction is to know of a page beside its bytes.

    Attributes:
        url: the final URL.
        content_type: the response's header.
        languages: the configured languages.
        source_language: the answer when the text does not say.
        now: the moment of the fetch, aware UTC.
    """

    url: str
    content_type: str
    languages: tuple[str, ...]
    source_language: str
    now: datetime


def extract_page(body: bytes, request: PageRequest) -> Extraction:
    """Read an article out of its page.

    Args:
        body: the page, decompressed.
        request: what else is known.

    Returns:
        The article: title, date and authors from JSON-LD first, then from the page's head; its text.

    Raises:
        ExtractError: there is no article text in it.
    """
    tree = html_tree(decode_html(body, request.content_type))
    if tree is None:
        raise ExtractError(request.url, "the page is empty")
    metas = _metas(tree)
    linked = read_json_ld(tree, request.url)
    canonical = _canonical(tree, request.url)
    html_language = primary(tree.get("lang") or "")
    text = _text(tree, request.url) or linked.body
    if len(text) < SHORTEST and len(linked.body) > len(text):
        text = linked.body
    if len(text) < SHORTEST:
        raise ExtractError(request.url, "the page holds no article text")
    title = linked.headline or _page_title(tree, metas)
    default = html_language or primary(linked.language)
    default = default if default in request.languages else request.source_language
    return Extraction(
        title=title,
        text=text,
        published=_published(linked, metas, request),
        authors=linked.authors or tuple(_meta_authors(metas)),
        language=detect_language(f"{title}\n{text}", request.languages, default),
        canonical=canonical,
    )


def _text(tree: lxml.html.HtmlElement, url: str) -> str:
    """The article's paragraphs, one a line."""
    import trafilatura  # 270 ms; only workers pay for it

    found = trafilatura.extract(tree, url=url, fast=True, include_comments=False, include_tables=False)
    lines = [text for line in clean(found or "").split("\n") if (text := one_line(line))]
    headings = {one_line(heading.text_content()).casefold() for heading in tree.iter("h1")}
    # The headline is the title; as the first paragraph it would be the lead.
    while len(lines) > 1 and lines[0].casefold() in headings:
        del lines[0]
    return "\n".join(lines)


def _metas(tree: lxml.html.HtmlElement) -> dict[str, str]:
    """The head's named values by lower-case name; the first of equal names."""
    found: dict[str, str] = {}
    for meta in tree.iter("meta"):
        name = (meta.get("property") or meta.get("name") or meta.get("itemprop") or "").strip().lower()
        value = (meta.get("content") or "").strip()
        if name and value:
            found.setdefault(name, value)
    return found


def _canonical(tree: lxml.html.HtmlElement, url: str) -> str:
    """The canonical link; a link to a site's front page is a mistake that would join every article into one."""
    for link in tree.iter("link"):
        if "canonical" in (link.get("rel") or "").lower().split():
            found = clean_link(link.get("href") or "", url)
            if urlsplit(found).path.strip("/") or not urlsplit(url).path.strip("/"):
                return found
    return ""


def _page_title(tree: lxml.html.HtmlElement, metas: dict[str, str]) -> str:
    names = ("og:title", "twitter:title", "dc.title", "title")
    title = next((html_to_line(metas[name]) for name in names if metas.get(name)), "")
    title = title or one_line(tree.findtext(".//title") or "")
    headings = [one_line(heading.text_content()) for heading in tree.iter("h1")]
    for heading in headings:
        # The head often adds the outlet's name to what the heading says.
        if len(heading) >= _SHORTEST_HEADING and heading.casefold() in title.casefold():
            return heading
    if not title and len(headings) == 1:
        return headings[0]
    head, mark, _ = title.rpartition(" | ")
    return head if mark and len(head) > len(title) // 2 else title


def _published(linked: Linked, metas: dict[str, str], request: PageRequest) -> datetime | None:
    reader = DateReader([request.source_language], budget=3)
    for raw in (linked.published, *(metas.get(name, "") for name in _DATE_METAS)):
        value = reader.any_date(raw)
        if value is not None:
            return settle(value, request.now)
    return None


def _meta_authors(metas: dict[str, str]) -> Iterable[str]:
    for name in _AUTHOR_METAS:
        value = html_to_line(metas.get(name, ""))
        if value and not value.startswith(("http://", "https://")):
            return dict.fromkeys(part for part in re.split(r"\s*[,;]\s+|\s+(?:and|und|et|y)\s+", value) if part)
    return ()
