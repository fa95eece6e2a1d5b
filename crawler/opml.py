"""OPML: subscription lists as feed readers write and read them. Pure.

Outlines may be nested; the folders around a feed become its tags. A document that declares entities is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from xml.sax.saxutils import quoteattr

import lxml.etree

from crawler.errors import CeasewireError, Problem
from crawler.parse.language import primary
from crawler.parse.text import one_line
from crawler.sources import ChannelKind, Source
from crawler.urls import clean_link

LARGEST = 20 * 2**20
"""Bytes. A list of 50,000 feeds has half of that."""
_DECLARES = re.compile(rb"<!(?:ENTITY|ELEMENT|ATTLIST|NOTATION)", re.IGNORECASE)
_DECLARED = "the document declares entities or elements of its own"
_DELETE = "delete the DOCTYPE; a subscription list needs none"


class ListError(CeasewireError):
    """A subscription list cannot be read; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """One feed of a list.

    Attributes:
        url: of the feed.
        title: as the list calls it; may be empty.
        homepage: may be empty.
        language: primary tag; may be empty.
        country: ISO 3166 alpha-2 as this project writes it; may be empty.
        folders: the outlines around it, outermost first.
        line: in the file.
    """

    url: str
    title: str = ""
    homepage: str = ""
    language: str = ""
    country: str = ""
    folders: tuple[str, ...] = ()
    line: int = 0


def read_opml(body: bytes, file: str) -> tuple[list[Subscription], list[Problem]]:
    """Read a subscription list.

    Args:
        body: the file.
        file: its name, for problems.

    Returns:
        The feeds in the order of the file, and warnings of outlines that hold no usable address.

    Raises:
        ListError: it is no OPML, too large, or declares entities; says where.
    """
    if len(body) > LARGEST:
        raise _refusal(file, f"the file has {len(body):,} bytes", expected=f"at most {LARGEST:,}")
    declared = _DECLARES.search(body)
    if declared:
        line = body.count(b"\n", 0, declared.start()) + 1
        raise _refusal(file, _DECLARED, line=line, hint=_DELETE)
    # Without a declared encoding that fits, lxml says so with a line; entities cannot be declared any more.
    parser = lxml.etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, remove_comments=True)
    try:
        root = lxml.etree.fromstring(body.strip(), parser)
    except (lxml.etree.XMLSyntaxError, ValueError) as error:
        line, column = getattr(error, "position", (0, 0))
        said = re.sub(r",? line \d+, column \d+.*", "", one_line(str(error)))
        raise _refusal(file, f"this is no good XML: {said}", line=line, column=column) from None
    # Once more on what was read: in another encoding the bytes above look different.
    about = root.getroottree().docinfo
    table = about.internalDTD
    if about.system_url or (table is not None and any(True for _ in table.iterentities())):
        raise _refusal(file, _DECLARED, line=1, hint=_DELETE)
    outlines = root.find("body")
    if root.tag != "opml" or outlines is None:
        message = f"the root element is {str(root.tag)[:40]}, not opml" if root.tag != "opml" else "it has no body"
        raise _refusal(file, message, line=root.sourceline or 1, expected="a subscription list in OPML")
    return _walk(outlines, file)


def write_opml(sources: Iterable[Source], *, title: str, now: datetime) -> str:
    """The feeds of sources as a subscription list, in folders by country. Sitemaps and sections have no place in one.

    Args:
        sources: in the order in which they are to stand.
        title: of the list.
        now: aware UTC.
    """
    folders: dict[str, list[str]] = {}
    for source in sources:
        lines = [_outline(source, channel.url) for channel in source.channels if channel.kind is ChannelKind.FEED]
        if lines:
            folders.setdefault(source.country or "International", []).extend(lines)
    body = "".join(
        f"    <outline text={quoteattr(name)}>\n{''.join(lines)}    </outline>\n"
        for name, lines in sorted(folders.items())
    )
    head = f"    <title>{_text(title)}</title>\n    <dateCreated>{format_datetime(now)}</dateCreated>\n"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<opml version="2.0">\n'
        f"  <head>\n{head}  </head>\n  <body>\n{body}  </body>\n</opml>\n"
    )


def _outline(source: Source, url: str) -> str:
    name = quoteattr(one_line(source.name))
    pairs = [("text", name), ("title", name), ("type", '"rss"'), ("xmlUrl", quoteattr(url))]
    if source.homepage:
        pairs.append(("htmlUrl", quoteattr(source.homepage)))
    if source.languages:
        pairs.append(("language", quoteattr(source.languages[0])))
    if source.country:
        pairs.append(("country", quoteattr(source.country)))
    if source.tags:
        pairs.append(("category", quoteattr(",".join(source.tags))))
    return f"      <outline {' '.join(f'{key}={value}' for key, value in pairs)}/>\n"


def _text(text: str) -> str:
    return quoteattr(one_line(text))[1:-1].replace("&apos;", "'")


def _walk(body: lxml.etree._Element, file: str) -> tuple[list[Subscription], list[Problem]]:
    found: list[Subscription] = []
    problems: list[Problem] = []
    # A stack and no recursion: the depth is the file's choice.
    stack: list[tuple[lxml.etree._Element, tuple[str, ...]]] = [(one, ()) for one in reversed(body)]
    while stack:
        element, folders = stack.pop()
        if element.tag != "outline":
            continue
        values = {str(key).lower(): one_line(str(value)) for key, value in element.attrib.items()}
        name = values.get("title") or values.get("text", "")
        address = values.get("xmlurl", "")
        if address:
            _take(address, name, values, _Place(folders, element.sourceline or 0, file), found, problems)
        inner = (*folders, name) if name else folders
        stack += [(one, inner) for one in reversed(element)]
    return found, problems


@dataclass(frozen=True, slots=True)
class _Place:
    folders: tuple[str, ...]
    line: int
    file: str


def _take(
    address: str,
    name: str,
    values: dict[str, str],
    place: _Place,
    found: list[Subscription],
    problems: list[Problem],
) -> None:
    # `feed:` is how some readers mark an address: feed://x and feed:https://x.
    plain = re.sub(r"^feed:(?://)?(?=https?:)", "", address, flags=re.IGNORECASE)
    plain = re.sub(r"^feed://", "http://", plain, flags=re.IGNORECASE)
    url = clean_link(plain)
    if not url:
        message = f"`{address[:200]}` is no web address; left out"
        problems.append(Problem(place.file, place.line, 1, message, code="address", warning=True))
        return
    folders = (*place.folders, *(part.strip() for part in values.get("category", "").split(",") if part.strip("/ ")))
    found.append(
        Subscription(
            url=url,
            title=name,
            homepage=clean_link(values.get("htmlurl", "")),
            language=primary(values.get("language", "")),
            country=values.get("country", ""),
            folders=tuple(dict.fromkeys(folders)),
            line=place.line,
        )
    )


def _refusal(
    file: str, message: str, *, line: int = 0, column: int = 0, expected: str = "", hint: str = ""
) -> ListError:
    return ListError(Problem(file, line, column if line else 0, message, expected, hint, "opml"))


def grouped(found: Sequence[Subscription]) -> list[list[Subscription]]:
    """Feeds of one outlet together: those with the same front page, or the same title and host."""
    groups: dict[str, list[Subscription]] = {}
    for one in found:
        groups.setdefault(one.homepage or one.url, []).append(one)
    return list(groups.values())
