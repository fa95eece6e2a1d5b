"""When an article was published, as its page says. Pure."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta

import lxml.html

from crawler.parse.dates import DateReader, settle
from crawler.parse.text import one_line

_METAS = (
    "article:published_time", "og:article:published_time", "datepublished", "date", "dc.date", "dc.date.issued",
    "dcterms.created", "parsely-pub-date", "sailthru.date", "pubdate", "publishdate", "article.published",
)  # fmt: skip
_MARKED = "//*[@itemprop='datePublished' or @pubdate]"
_NEAR_HEADING = "(//h1)[1]/following::time[@datetime]"
_ANYWHERE = "//time[@datetime]"
_ELSEWHERE = "//aside | //nav | //footer | //*[self::h2 or self::h3 or self::h4][.//a[@href]]/.."
"""Where other articles are announced, with their dates; the parts of a page that hold its own headline aside."""
_TRIES = 3
_DAY = timedelta(days=1)


def published_at(
    tree: lxml.html.HtmlElement, said: str, metas: dict[str, str], url: str, language: str, now: datetime
) -> datetime | None:
    """When the article was published, aware UTC; None when the page gives no date.

    What is meant for machines counts first, then the times marked up in the page, then what stands in its text, which
    gives no more than a day (midnight UTC).

    Args:
        tree: the page.
        said: the date of its structured data, as written.
        metas: the head's named values.
        url: of the page; some hold a date.
        language: the source's, for months in words.
        now: the moment of the fetch; dates in the future become it.
    """
    reader = DateReader([language], budget=_TRIES)
    for raw in (said, *(metas.get(name, "") for name in _METAS)):
        value = reader.any_date(raw)
        if value is not None:
            return settle(value, now)
    own = _without_teasers(tree)
    for raw in _marked(own):
        value = reader.any_date(raw)
        if value is not None:
            return settle(value, now)
    return _in_text(own, url, now)


def _without_teasers(tree: lxml.html.HtmlElement) -> lxml.html.HtmlElement:
    """A copy of the page without what announces other articles: their dates are not this one's."""
    own = deepcopy(tree)
    for part in own.xpath(_ELSEWHERE):
        holds_headline = next(part.iter("h1"), None) is not None
        if not holds_headline and part.getparent() is not None and part.tag not in ("body", "main"):
            part.drop_tree()
    return own


def _marked(tree: lxml.html.HtmlElement) -> Iterator[str]:
    for path in (_MARKED, _NEAR_HEADING, _ANYWHERE):
        for element in tree.xpath(path)[:1]:
            yield one_line(element.get("datetime") or element.get("content") or element.text_content())


def _in_text(tree: lxml.html.HtmlElement, url: str, now: datetime) -> datetime | None:
    import htmldate  # comes with the extractor; only workers pay for it

    logging.getLogger("htmldate").setLevel(logging.CRITICAL)
    latest = (now + _DAY).strftime("%Y-%m-%d")
    found = htmldate.find_date(tree, original_date=True, url=url or None, max_date=latest)
    return settle(datetime.fromisoformat(found).replace(tzinfo=UTC), now) if found else None
