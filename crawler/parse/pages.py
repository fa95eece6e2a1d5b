"""An article's page -> `Extraction`. Pure; runs in a worker that can be killed, for a page may take for ever."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from urllib.parse import urlsplit

import lxml.html

from crawler.articles import Extraction
from crawler.errors import ExtractError
from crawler.parse.bodies import article_text, tells_more
from crawler.parse.html import decode_html, html_tree
from crawler.parse.jsonld import Linked, read_json_ld
from crawler.parse.language import detect_language, primary
from crawler.parse.published import published_at
from crawler.parse.text import html_to_line
from crawler.parse.titles import choose_title, headings
from crawler.parse.walls import CONSENT, PAYWALL, SCRIPT_ONLY, page_problem, without_notices
from crawler.urls import clean_link

SHORTEST = 40
"""A page whose text is shorter (in characters) holds no article: a notice, a picture, a script's empty shell."""

MOST_ELEMENTS = 100_000
"""No article's page has a tenth of that; reading one that has would take minutes."""

_AUTHOR_METAS = ("author", "article:author", "dc.creator", "parsely-author", "byl", "sailthru.author")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What extraction is to know of a page beside its bytes.

    Attributes:
        url: the final URL; empty if it is not known.
        content_type: the response's header.
        languages: the configured languages; none = any.
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
    if next(islice(tree.iter(), MOST_ELEMENTS, None), None) is not None:
        raise ExtractError(request.url, f"the page has more than {MOST_ELEMENTS} elements")
    metas = _metas(tree)
    linked = read_json_ld(tree, request.url)
    canonical = _canonical(tree, request.url)
    html_language = primary(tree.get("lang") or "")
    shown = headings(tree)
    site = request.url or canonical or metas.get("og:url", "")
    title = choose_title(linked.headline, metas, tree.findtext(".//title") or "", shown, site)
    text, problem = _text(tree, metas, linked, shown, request.url)
    default = html_language or primary(linked.language)
    default = default if not request.languages or default in request.languages else request.source_language
    return Extraction(
        title=title,
        text=text,
        published=published_at(tree, linked.published, metas, request.url, request.source_language, request.now),
        authors=linked.authors or tuple(_meta_authors(metas)),
        language=detect_language(f"{title}\n{text}", request.languages, default),
        canonical=canonical,
        problem=problem,
    )


def _text(
    tree: lxml.html.HtmlElement, metas: dict[str, str], linked: Linked, shown: list[str], url: str
) -> tuple[str, str]:
    """The best text that the page gives, and why it is not the whole article.

    Raises:
        ExtractError: it gives none.
    """
    text = article_text(tree, url, shown)
    problem = page_problem(text, url, free=linked.free, tree=tree)
    if problem in (CONSENT, SCRIPT_ONLY):
        text = ""  # it is what stands there in the article's place
    elif problem == PAYWALL:
        text = without_notices(text)
    # What the page hides from readers its structured data often tells machines.
    longer = len(linked.body) > len(text) and (problem or len(text) < SHORTEST)
    if len(linked.body) >= SHORTEST and (longer or tells_more(text, linked.body)):
        text, problem = linked.body, ""
    if len(text) >= SHORTEST:
        return text, problem
    problem = problem or "the page holds no article text"
    named = (metas.get(name, "") for name in ("og:description", "description", "twitter:description"))
    lead = next((one for one in (linked.description, *map(html_to_line, named)) if len(one) >= SHORTEST), "")
    if not lead or problem == CONSENT:
        raise ExtractError(url, problem)
    return lead, f"{problem}; only its description was read"


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


def _meta_authors(metas: dict[str, str]) -> Iterable[str]:
    for name in _AUTHOR_METAS:
        value = html_to_line(metas.get(name, ""))
        if value and not value.startswith(("http://", "https://")):
            return dict.fromkeys(part for part in re.split(r"\s*[,;]\s+|\s+(?:and|und|et|y)\s+", value) if part)
    return ()
