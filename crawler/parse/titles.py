"""Which of the headlines that a page gives is its article's, and without the site's name. Pure.

A page says its headline up to five times: in JSON-LD, for social networks (twice), in its title, and as the heading
that readers see. What JSON-LD and social networks are told alike is the headline; else the heading, when another one
says the same. The title often carries the site's name or is worded for search engines.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import lxml.html

from crawler.parse.text import html_to_line, one_line

_SEPARATOR = re.compile(r"\s+[|·•»«–—:/-]+\s+|\s*[|]\s*|\s*::\s*|\s+(?=\[)")
_WORDS = re.compile(r"\w+")
_SHORTEST_PART = 12
"""Characters. A shorter heading inside a title may be a section's name ("Sport") rather than the headline."""
_SHORTEST_NAME = 3
_SHORTEST_LABEL = 5
_LONGEST_NAME = 6
"""Words. Longer parts that begin with the host's name are no name of a site."""
_HEADINGS = 20


@dataclass(frozen=True, slots=True)
class Site:
    """What a site is called: its own name for itself, if it gives one, and its host's labels, squeezed."""

    names: frozenset[str]
    labels: frozenset[str]

    @classmethod
    def of(cls, url: str, *names: str) -> Site:
        """Of a page's URL and what the page says its site is called."""
        try:
            host = (urlsplit(url).hostname or "").removeprefix("www.")
        except ValueError:
            host = ""
        parts = host.split(".")
        labels = {_squeezed(label) for label in (host, *(".".join(parts[:-cut]) for cut in (1, 2)), *parts[:-1])}
        return cls(
            names=frozenset(filter(None, map(_squeezed, names))),
            labels=frozenset(label for label in labels if len(label) >= _SHORTEST_NAME),
        )

    def is_named(self, text: str) -> bool:
        """Whether a text is nothing but the site's name."""
        squeezed = _squeezed(text)
        if squeezed in self.names or squeezed in self.labels:
            return True
        if len(squeezed) >= _SHORTEST_NAME and any(squeezed in name for name in self.names):
            return True
        begins = any(len(label) >= _SHORTEST_LABEL and squeezed.startswith(label) for label in self.labels)
        return begins and len(_WORDS.findall(text)) <= _LONGEST_NAME


def headings(tree: lxml.html.HtmlElement) -> list[str]:
    """The page's first-level headings, each once, on one line."""
    found = dict.fromkeys(one_line(heading.text_content()) for heading in _first(tree.iter("h1")))
    return [heading for heading in found if heading]


def _first(elements: Iterable[lxml.html.HtmlElement]) -> list[lxml.html.HtmlElement]:
    return [element for _, element in zip(range(_HEADINGS), elements, strict=False)]


def choose_title(headline: str, metas: dict[str, str], title: str, shown: Sequence[str], url: str) -> str:
    """The article's headline.

    Args:
        headline: of JSON-LD; may be empty, as all of these.
        metas: the head's named values.
        title: of the title element.
        shown: the first-level headings, in order.
        url: of the page; its host is one of the site's names.

    Returns:
        One line; empty when the page gives none.
    """
    return unicodedata.normalize("NFC", _choose(headline, metas, title, shown, url))


def _choose(headline: str, metas: dict[str, str], title: str, shown: Sequence[str], url: str) -> str:
    named = (html_to_line(metas.get(name, "")) for name in ("og:title", "twitter:title", "dc.title", "title"))
    said = [one for one in (headline, *named, one_line(title)) if one]
    site = Site.of(url, metas.get("og:site_name", ""), metas.get("application-name", ""))
    heads = [without_site(one, site, [*said, *shown]) for one in said]
    if not heads:
        return shown[0] if len(shown) == 1 else ""
    folded = [_folded(one) for one in heads]
    if headline and len(heads) > 1 and folded[0] == folded[1]:
        return heads[0]
    shown = [heading for heading in shown if not site.is_named(heading)]
    for heading in shown:
        if _folded(heading) in folded:
            return heading
    for heading in shown:
        before, part, after = folded[0].partition(_folded(heading))
        if part and (len(heading) >= _SHORTEST_PART or site.is_named(before + after)):
            return heading
    return heads[0]


def without_site(title: str, site: Site, others: Iterable[str] = ()) -> str:
    """A title without the site's name before or after it.

    Only what is known to be no part of the headline goes: the site's name, or what another wording of the same
    headline does without.

    Args:
        title: as written.
        site: what the site is called.
        others: the page's other headlines.
    """
    bare = {_folded(one) for one in others if one != title} - {""}
    while True:
        shorter = _shorter(title, site, bare)
        if not shorter:
            return title
        title = shorter


def _shorter(title: str, site: Site, bare: set[str]) -> str:
    for match in _SEPARATOR.finditer(title):
        head, tail = title[: match.start()].strip(), title[match.end() :].strip()
        for kept, gone in ((head, tail), (tail, head)):
            # Of "Sport - Site" neither is a headline; half of the words must be left or another source must agree.
            if kept and (_folded(kept) in bare or (site.is_named(gone) and len(kept) > len(gone) // 2)):
                return kept
        # "Headline | Section | Site": what stands between two bars and before the site's name is its section.
        if "|" in match[0] and "|" in tail and site.is_named(tail.rpartition("|")[2]) and len(head) > len(tail):
            return head
    return ""


def _folded(text: str) -> str:
    return " ".join(_WORDS.findall(text.casefold()))


def _squeezed(text: str) -> str:
    return "".join(_WORDS.findall(text.casefold())).replace("_", "")
