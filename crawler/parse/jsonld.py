"""What a page says about its article in JSON-LD. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import lxml.html

from crawler.parse.text import html_to_line, html_to_text

_ARTICLE = re.compile(r"(?:^|/)(?:\w*News\w*|\w*Article|BlogPosting|LiveBlogPosting|Report|DiscussionForumPosting)$")
_NOT_ARTICLE = frozenset({"NewsMediaOrganization"})
_CONTROLS = re.compile(r"[\x00-\x1f]+")
_TRAILING_COMMA = re.compile(r",\s*([}\]])")
_TAG = re.compile(r"<[a-zA-Z/][^<>]*>")
_DEEPEST = 12
_MOST_NODES = 5000


@dataclass(frozen=True, slots=True)
class Linked:
    """The fields of interest, as written; empty where the page does not say."""

    headline: str = ""
    published: str = ""
    authors: tuple[str, ...] = ()
    body: str = ""
    language: str = ""
    urls: tuple[str, ...] = field(default=())
    description: str = ""
    free: bool | None = None
    """Whether the whole text is shown to everybody; None when the page does not say."""


def read_json_ld(root: lxml.html.HtmlElement, url: str) -> Linked:
    """The article of a page. Of several the one that names the page's own URL, else the first with a headline."""
    found = [_linked(node) for data in _documents(root) for node in _nodes(data) if _is_article(node)]
    found = [one for one in found if one.headline or one.body or one.published]
    for one in found:
        if any(_same(url, other) for other in one.urls):
            return one
    return next((one for one in found if one.headline), found[0] if found else Linked())


def _same(one: str, other: str) -> bool:
    def bare(url: str) -> str:
        return re.sub(r"^https?://(www\.)?", "", url.split("#", maxsplit=1)[0].split("?", maxsplit=1)[0]).rstrip("/")

    return bare(one) == bare(other)


def _documents(root: lxml.html.HtmlElement) -> Iterator[Any]:
    for script in root.iter("script"):
        if "ld+json" not in (script.get("type") or "").lower():
            continue
        text = (script.text or "").strip()
        for form in (text, _TRAILING_COMMA.sub(r"\1", _CONTROLS.sub(" ", text)).strip("; ")):
            try:
                yield json.loads(form, strict=False)
            except (ValueError, RecursionError):
                continue
            break


def _nodes(data: Any) -> Iterator[dict[str, Any]]:
    """Every object of a document, outer ones first."""
    level, count = [data], 0
    for _ in range(_DEEPEST):
        following: list[Any] = []
        for value in level:
            count += 1
            if count > _MOST_NODES:
                return
            if isinstance(value, dict):
                yield value
                following.extend(value.values())
            elif isinstance(value, list):
                following.extend(value)
        level = following


def _is_article(node: dict[str, Any]) -> bool:
    types = node.get("@type")
    names = types if isinstance(types, list) else [types]
    return any(isinstance(name, str) and name not in _NOT_ARTICLE and _ARTICLE.search(name) for name in names)


def _linked(node: dict[str, Any]) -> Linked:
    page = node.get("mainEntityOfPage")
    urls = [node.get("url"), node.get("@id"), page, page.get("@id") if isinstance(page, dict) else None]
    return Linked(
        headline=html_to_line(_string(node.get("headline")) or _string(node.get("name"))),
        published=_string(node.get("datePublished")),
        authors=tuple(dict.fromkeys(_names(node.get("author")))),
        body=_body(_string(node.get("articleBody"))),
        language=_string(node.get("inLanguage")),
        urls=tuple(one for one in urls if isinstance(one, str)),
        description=html_to_line(_string(node.get("description"))),
        free={"true": True, "false": False}.get(str(node.get("isAccessibleForFree")).strip().lower()),
    )


def _body(text: str) -> str:
    """The paragraphs of an `articleBody`, one a line: it is plain text with line breaks, or HTML after all."""
    if not _TAG.search(text):
        text = text.strip().replace("\r\n", "\n").replace("\n", "<br>")
    return html_to_text(text, separator="\n")


def _string(value: Any) -> str:
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict):
        value = value.get("@value") or value.get("name")
    return value if isinstance(value, str) else ""


def _names(value: Any) -> Iterator[str]:
    for one in value if isinstance(value, list) else [value]:
        name = html_to_line(_string(one.get("name") if isinstance(one, dict) else one))
        if name and not name.startswith(("http://", "https://")):
            yield name
