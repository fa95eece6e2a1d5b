"""The site route: every digest as pages of a static site with indexes, an Atom feed and JSON. Needs no server.

All files follow from the editions that were delivered here, so a killed run is completed by the next one, and several
desks may share one folder. An edition's own files come first, the indexes that name it last, each replaced in one step.

    index.html             every desk with its newest digests
    feed.atom stories.json the newest stories of all desks
    DESK/index.html        every digest of a desk, by month
    DESK/NUMBER.html .txt .json
    DESK/feed.atom stories.json
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from lxml import etree

from alerts.delivery.folder import file_stem, sync_folder, write_file
from alerts.delivery.steps import step
from alerts.digests import wording
from alerts.errors import DeliveryError
from alerts.routes import Route

NEWEST = 200
"""Stories in a feed: feed readers ask often, and the pages hold the rest."""
WHOLE = 20_000_000
"""Budget of a digest's page in bytes: it holds every story, because browsers cut nothing off."""
ON_FRONT = 5
"""Digests of each desk on the first page."""
_ATOM = "http://www.w3.org/2005/Atom"
_EDITION = re.compile(r"(\d+)\.json")
_BODY = re.compile(r"<body[^>]*>")
_DESK = re.compile(r"^\[[^\]]*\] ")


def write_edition(root: Path, data: bytes, domain: str) -> Path:
    """Add one digest to the site, or write it once more.

    Args:
        root: folder of the site; made if missing.
        data: JSON of ``{document, html, text}``.
        domain: ours, for the ids of the feed's entries (RFC 4151).

    Returns:
        The digest's page.

    Raises:
        DeliveryError: the folder cannot be written; temporary.
    """
    edition = json.loads(data)
    document = edition["document"]
    folder = root / folder_name(document["desk"])
    page = folder / f"{document['number']}.html"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_file(folder / f"{document['number']}.txt", edition["text"].encode("utf-8"))
        write_file(page, _with_way_back(edition["html"]).encode("utf-8"))
        write_file(folder / f"{document['number']}.json", _json(document))
        step("site.page")
        _write_indexes(root, folder, domain)
        sync_folder(folder)
        sync_folder(root)
    except OSError as error:
        place = error.filename or root
        raise DeliveryError(str(root), f"cannot write {place}: {error.strerror}", permanent=False) from error
    step("site.indexed")
    return page


def page_url(routes: Iterable[Route], desk: str, number: int) -> str:
    """Where a web server shows a digest's page; empty when no route of its desk names a site's address."""
    sites = [route.url for route in routes if route.kind == "site" and route.url]
    return f"{sites[0]}/{folder_name(desk)}/{number}.html" if sites else ""


def folder_name(desk: str) -> str:
    """A desk's folder in the site."""
    return file_stem(desk, "0", datetime(2000, 1, 1, tzinfo=UTC)).rsplit("-", 2)[0]


def _write_indexes(root: Path, folder: Path, domain: str) -> None:
    editions = _editions(folder)
    months = [
        (title, list(group))
        for title, group in groupby(
            reversed(editions), key=lambda one: wording.long_date(_slot(one), "UTC").split(" ", 2)[2]
        )
    ]
    page = _environment().get_template("desk.html.j2").render(title=editions[-1]["title"], months=months)
    write_file(folder / "index.html", page.encode("utf-8"))
    _write_stories(folder, _newest_stories([folder]), editions[-1]["title"], domain, folder.name)
    desks = [(path, _editions(path)) for path in sorted(root.iterdir()) if _is_desk(path)]
    front = [(path.name, found[-1]["title"], found[: -ON_FRONT - 1 : -1]) for path, found in desks]
    write_file(root / "index.html", _environment().get_template("front.html.j2").render(desks=front).encode("utf-8"))
    _write_stories(root, _newest_stories([path for path, _ in desks]), "Ceasewire", domain, "")


def _is_desk(path: Path) -> bool:
    return path.is_dir() and any(_EDITION.fullmatch(one.name) for one in path.iterdir())


def _editions(folder: Path) -> list[dict[str, Any]]:
    """What the indexes say of each digest in a folder, oldest first. Only those not yet listed are read."""
    listed = folder / "editions.json"
    try:
        known = {one["number"]: one for one in json.loads(listed.read_text("utf-8"))}
    except (OSError, ValueError, LookupError, TypeError):
        known = {}  # the list is only a shortcut: the digests themselves are the truth
    numbers = sorted(int(found[1]) for path in folder.iterdir() if (found := _EDITION.fullmatch(path.name)))
    missing = [number for number in numbers if number not in known]
    for number in missing:
        document = json.loads((folder / f"{number}.json").read_text("utf-8"))
        known[number] = {key: document[key] for key in ("number", "desk", "title", "slot", "subject", "counts")}
    editions = [known[number] for number in numbers]
    if missing or len(known) > len(numbers):
        write_file(listed, _json(editions))
    return editions


def _newest_stories(folders: Iterable[Path]) -> list[dict[str, Any]]:
    """The stories of the newest digests, newest digest first, each with where and when it was told."""
    found: list[dict[str, Any]] = []
    for folder in folders:
        taken = 0
        for number in sorted((one["number"] for one in _editions(folder)), reverse=True):
            document = json.loads((folder / f"{number}.json").read_text("utf-8"))
            about = {"desk": document["desk"], "digest": number, "told": document["made"]}
            found += [{**about, "page": f"{folder.name}/{number}.html", **story} for story in document["stories"]]
            taken += len(document["stories"])
            if taken >= NEWEST:
                break
    # A stable sort: within a digest the loudest stay first.
    return sorted(found, key=lambda story: str(story["told"]), reverse=True)[:NEWEST]


def _write_stories(folder: Path, stories: Sequence[Mapping[str, Any]], title: str, domain: str, desk: str) -> None:
    up = "" if not desk else "../"
    write_file(folder / "stories.json", _json([dict(story) for story in stories]))
    write_file(folder / "feed.atom", atom(stories, title, domain, desk, up))


def atom(stories: Sequence[Mapping[str, Any]], title: str, domain: str, desk: str, up: str) -> bytes:
    """The stories as an Atom feed (RFC 4287).

    Args:
        stories: as `stories.json` has them, newest first.
        title: of the feed.
        domain: for ids, which stay the same however often the feed is written (RFC 4151).
        desk: folder name of the desk; empty for the feed of all.
        up: way from the feed to the site's root.
    """
    feed = etree.Element(f"{{{_ATOM}}}feed", nsmap={None: _ATOM})
    _add(feed, "id", f"tag:{domain},2026:ceasewire/{desk or 'all'}")
    _add(feed, "title", title)
    _add(feed, "updated", str(stories[0]["told"]) if stories else "1970-01-01T00:00:00+00:00")
    author = _add(feed, "author")
    _add(author, "name", "Ceasewire")
    for story in stories:
        entry = _add(feed, "entry")
        _add(entry, "id", f"tag:{domain},2026:ceasewire/{story['desk']}/{story['story']}/{story['revision']}")
        _add(entry, "title", str(story["title"]))
        _add(entry, "updated", str(story["told"]))
        _add(entry, "link", href=str(story["url"]) or f"{up}{story['page']}")
        _add(entry, "link", rel="related", href=f"{up}{story['page']}")
        _add(entry, "category", term=str(story["severity"]))
        for mention in story["mentions"]:
            _add(entry, "category", term=wording.label(mention["topic"], mention["stages"]))
        words = [story["change"], *(proof["sentence"] for proof in story["evidence"])]
        _add(entry, "summary", "\n".join(filter(None, [f"{story['source']}:", *words])))
    return bytes(etree.tostring(feed, xml_declaration=True, encoding="utf-8", pretty_print=True))


def _add(parent: etree._Element, name: str, text: str = "", **attributes: str) -> etree._Element:
    element = etree.SubElement(parent, f"{{{_ATOM}}}{name}", attributes)
    element.text = text or None
    return element


def _with_way_back(html: str) -> str:
    """The mail's page with a link to the other digests above it; a mail's page has one body."""
    link = '<a class="t" href="index.html">All digests</a>'
    back = f'<nav class="t" style="padding:12px 16px;font:15px sans-serif">{link}</nav>'
    return _BODY.sub(lambda found: found[0] + back, html, count=1)


def _told(edition: Mapping[str, Any]) -> str:
    """A digest's subject without what its place in an index says already: its desk and number."""
    subject = str(edition["subject"]).removesuffix(f" (#{edition['number']})")
    return _DESK.sub("", subject, count=1)


def _slot(edition: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(edition["slot"])


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "replace")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("alerts.delivery"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["slot"] = lambda iso: (
        f"{wording.long_date(datetime.fromisoformat(iso), 'UTC')}, {datetime.fromisoformat(iso):%H:%M} UTC"
    )
    environment.filters["told"] = _told
    return environment
