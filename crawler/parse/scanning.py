"""Where the items of a feed stand, without reading them: a strict pass over the bytes before the real parser. Pure.

The real parser takes about a millisecond an item. This pass takes a hundredth of that, tells a well-formed document
from a damaged one, stops at what only attackers write, and gives every item a mark (a hash of its bytes), so that items
which stood in the channel's last document as they are now can be cut out before the rest is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from xml.parsers import expat

from crawler.urls import clean_link, url_key

MOST_TRACES = 50
"""So many bits of text are looked for in an item before it is taken apart instead."""
MARK_BYTES = 8
NO_MARK = bytes(MARK_BYTES)
DEEPEST = 250
"""Elements inside each other. No feed has a tenth of that; parsers that walk trees fall over much more."""

_ITEMS = frozenset({"item", "entry"})
# What feedparser takes for the language of feeds itself, rather than for an extension.
FEED_SPACES = frozenset(
    {
        "",
        "http://backend.userland.com/rss",
        "http://blogs.law.harvard.edu/tech/rss",
        "http://purl.org/rss/1.0/",
        "http://my.netscape.com/rdf/simple/0.9/",
        "http://example.com/newformat#",
        "http://example.com/necho",
        "http://purl.org/echo/",
        "uri/of/echo/namespace#",
        "http://purl.org/pie/",
        "http://purl.org/atom/ns#",
        "http://www.w3.org/2005/atom",
        "http://purl.org/rss/1.0/modules/rss091#",
    }
)
_NAMES = frozenset({"guid", "id", "link", "origlink", "about", "permalink"})
_DATES = frozenset({"pubdate", "published", "updated", "date", "issued", "created", "modified"})
# They move with every comment and every view, and say nothing of the article.
_COUNTERS = frozenset(
    {
        ("http://purl.org/rss/1.0/modules/slash/", "comments"),
        ("http://purl.org/syndication/thread/1.0", "total"),
        ("http://search.yahoo.com/mrss/", "community"),
    }
)
_PARTING = "\x01"  # no XML can hold it
_TAG = re.compile(rb"<[^>]*>")
_LINK_END = re.compile(rb"[?#;&%]")


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a document.

    Attributes:
        start: offset of its first byte.
        end: offset behind its last.
        mark: what tells whether it is as it was.
        about: what its own tag says it is about (RDF), or empty.
        parts: its ids, links, titles and dates: what each is, where it starts and where it ends.
    """

    start: int
    end: int
    mark: bytes
    about: bytes
    parts: tuple[tuple[str, int, int], ...]

    def names(self, body: bytes) -> frozenset[bytes]:
        """What it may be known by: ids and links, and the title with the date, as they stand in the document."""
        title = [_inside(body[start:end]) for kind, start, end in self.parts if kind == "title"]
        dates = [_inside(body[start:end]) for kind, start, end in self.parts if kind == "date"]
        said = b"\0".join([*title, *dates]) if any(title) else b""
        return frozenset({*self.links(body), said}) - {b""}

    def links(self, body: bytes) -> list[bytes]:
        """Those of its names that may be links."""
        found = [_inside(body[start:end]) for kind, start, end in self.parts if kind == "name"]
        return [name for name in (self.about, *found) if name]


@dataclass(frozen=True, slots=True)
class Scan:
    """What the pass found.

    Attributes:
        items: outermost items in document order; of a document that is not well-formed, those before the fault.
        fault: why it is not well-formed, or empty.
        too_deep: its elements stand deeper in each other than `DEEPEST`.
        unfinished: it has more elements than the pass may look at.
    """

    items: tuple[Item, ...] = ()
    fault: str = ""
    too_deep: bool = False
    unfinished: bool = False


class _DeepError(Exception):
    """Stops the pass: its elements are nested too deep."""


class _ManyError(Exception):
    """Stops the pass: there are too many elements."""


@dataclass(slots=True)
class _Pass:
    """The state of one pass; its methods are the parser's handlers."""

    body: bytes
    context: bytes
    most: int
    parser: expat.XMLParserType
    depth: int = 0
    count: int = 0
    item_depth: int = 0
    item_start: int = 0
    nested: bool = False
    child_start: int = 0
    child_kind: str = ""
    about: bytes = b""
    parts: list[tuple[str, int, int]] = field(default_factory=list)
    moving: list[tuple[int, int]] = field(default_factory=list)
    kinds: dict[str, str] = field(default_factory=dict)
    items: list[Item] = field(default_factory=list)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        self.depth += 1
        self.count += 1
        if self.depth > DEEPEST:
            raise _DeepError
        if self.count > self.most:
            raise _ManyError
        kind = self.kinds.get(name)
        if kind is None:
            kind = self.kinds[name] = _kind(name)
        if not self.item_depth:
            if kind == "item":
                self.item_depth, self.item_start = self.depth, self.parser.CurrentByteIndex
                self.about = b" ".join(value.strip().encode() for key, value in attributes.items() if "about" in key)
        elif kind == "item":
            self.nested = True
        elif kind and self.depth == self.item_depth + 1:
            self.child_start, self.child_kind = self.parser.CurrentByteIndex, kind

    def end(self, name: str) -> None:
        """An element ends."""
        del name
        if self.item_depth:
            if self.depth == self.item_depth:
                self._item_ends()
            elif self.child_kind and self.depth == self.item_depth + 1:
                self._child_ends()
        self.depth -= 1

    def _behind(self) -> int:
        """The offset behind the element that ends just now."""
        at = self.parser.CurrentByteIndex
        return self.body.find(b">", at) + 1 if self.body.startswith(b"</", at) else at

    def _child_ends(self) -> None:
        if self.child_kind == "counter":
            self.moving.append((self.child_start, self._behind()))
        else:
            self.parts.append((self.child_kind, self.child_start, self._behind()))
        self.child_kind = ""

    def _item_ends(self) -> None:
        at, end = self.item_start, self._behind()
        said = blake2b(self.context, digest_size=MARK_BYTES)
        for begins, ends in self.moving:
            said.update(self.body[at:begins])
            at = ends
        said.update(self.body[at:end])
        # Of several items in one nobody can tell which are known: they are read every time.
        mark = NO_MARK if self.nested else said.digest()
        self.items.append(Item(self.item_start, end, mark, self.about, tuple(self.parts)))
        self.item_depth, self.nested, self.parts, self.moving = 0, False, [], []


def scan(body: bytes, context: bytes = b"", *, most: int) -> Scan:
    """Find the items of an XML document.

    Args:
        body: the document.
        context: what its items' meaning depends on beside their bytes (its URL, the media type).
        most: elements to look at; a document with more is `unfinished`.
    """
    parser = expat.ParserCreate(namespace_separator=_PARTING)
    parser.namespace_prefixes = True
    state = _Pass(body, context + _root_tag(body), most, parser)
    parser.StartElementHandler = state.start
    parser.EndElementHandler = state.end
    fault, deep, many = "", False, False
    try:
        parser.Parse(body, True)  # noqa: FBT003 - the library takes it by position only
    except _DeepError:
        deep = True
    except _ManyError:
        many = True
    except expat.ExpatError as error:
        fault = str(error)
    except (ValueError, LookupError) as error:
        fault = str(error) or "unknown encoding"
    return Scan(tuple(state.items), fault, too_deep=deep, unfinished=many)


def marks_in(marks: bytes) -> set[bytes]:
    """The marks that stand one behind the other."""
    return {marks[at : at + MARK_BYTES] for at in range(0, len(marks), MARK_BYTES)} - {NO_MARK}


def unchanged(body: bytes, items: Sequence[Item], marks: bytes, url: str) -> set[int]:
    """Which items can be cut out: they stood in the last document as they are now, and tell nothing about another one.

    An item that is known stays if one that is not known shares an id, a link or title and date with it: what a document
    says twice identifies nothing, and that only shows when both are read.

    Args:
        body: the document.
        items: where its items stand.
        marks: the marks of the channel's last document, one behind the other.
        url: of the document, for relative links.
    """
    known = marks_in(marks)
    cut = {index for index, item in enumerate(items) if item.mark in known}
    if not cut or len(cut) == len(items):
        return cut
    left = [item for index, item in enumerate(items) if index not in cut]
    names = frozenset().union(*(item.names(body) for item in left))
    links: dict[bytes, set[str]] = {}
    for link in (link for item in left for link in item.links(body)):
        links.setdefault(_stem(link), set()).add(_key(link, url))
    # To look for a few bytes in each item is much cheaper than to take it apart, which hardly any needs then; to look
    # for hundreds of them in hundreds of items is not.
    traces = {name.partition(b"\0")[0].lower() for name in names} | set(links)

    def stays(item: Item) -> bool:
        if len(traces) <= MOST_TRACES:
            text = body[item.start : item.end].lower()
            if not any(trace in text for trace in traces):
                return False
        return _shares(body, item, names, links, url)

    return {index for index in cut if not stays(items[index])}


def without(body: bytes, items: Sequence[Item], cut: Iterable[int]) -> bytes:
    """The document without some of its items, every other byte as it was."""
    pieces, at = [], 0
    for index in sorted(cut):
        pieces.append(body[at : items[index].start])
        at = items[index].end
    return b"".join([*pieces, body[at:]])


def _shares(body: bytes, item: Item, names: frozenset[bytes], links: Mapping[bytes, set[str]], url: str) -> bool:
    """Whether an item has one of the names, or a link that is one of the links (by stem and key) in other words."""
    if item.names(body) & names:
        return True
    return any(_key(link, url) in links.get(_stem(link), ()) for link in item.links(body) if _stem(link) in links)


def _stem(link: bytes) -> bytes:
    """The part of a link that is the same in every spelling of one address, absolute or not."""
    return _LINK_END.split(link, maxsplit=1)[0].rstrip(b"/").rpartition(b"/")[2].lower()


def _key(link: bytes, url: str) -> str:
    return url_key(clean_link(link.decode("utf-8", "replace"), url) or link.decode("utf-8", "replace"))


def _inside(element: bytes) -> bytes:
    """The text of an element, else of an empty one (a link of Atom) its address."""
    text = _TAG.sub(b"", element.replace(b"<![CDATA[", b"").replace(b"]]>", b"")).strip()
    if text or not element.startswith(b"<"):
        return text
    match = re.search(rb"""\bhref\s*=\s*["']([^"']*)["']""", element)
    return match[1].strip() if match else element


def _kind(name: str) -> str:
    """What an element is for, by its name as the parser gives it: space, local name and prefix, if it has them."""
    parts = name.split(_PARTING)
    space, local = (parts[0].lower(), parts[1].lower()) if len(parts) > 1 else ("", name.lower())
    ours = len(parts) < 3 or space in FEED_SPACES or "backend.userland.com/rss" in space
    if local in _ITEMS and ours:
        return "item"
    if (space, local) in _COUNTERS:
        return "counter"
    if local in _NAMES:
        return "name"
    if local == "title" and ours:
        return "title"
    return "date" if local in _DATES else ""


def _root_tag(body: bytes) -> bytes:
    """The first element's start tag: namespaces, base and language that items depend on."""
    match = re.search(rb"<[A-Za-z_]", body)
    return body[match.start() : body.find(b">", match.start()) + 1] if match else b""
