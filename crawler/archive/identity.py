"""Which entries are the same article. Pure.

An article is one URL key. Inside a channel an entry may also be known by its guid, or by title and date; any match is
the same item. What a document repeats tells nothing apart and is ignored.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from crawler.archive.texts import storable
from crawler.articles import Entry, entry_body, fold, within_limits
from crawler.urls import host_slot, url_key

_AHEAD = timedelta(minutes=10)
# Not the minutes of a full hour, nor the offset of UTC.
_MIDNIGHT = re.compile(r"(?<![\d:+-])00:00")


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry, cleaned, with what it is known by.

    Attributes:
        key: what the article is unique by.
        identities: what the channel knows it by, `g:`, `l:` or `t:` and a hash.
        has_page: whether `key` is a URL that can be fetched.
    """

    entry: Entry
    key: str
    identities: tuple[str, ...]
    has_page: bool
    body: str


def article_key(url: str) -> str:
    """The canonical key of a URL as the archive stores it; empty if it is not a URL of the web."""
    url = storable(url)
    return url_key(url) if host_slot(url) else ""


def is_homepage(key: str) -> bool:
    """Whether the key is a site's root: half the web redirects there, so it is nobody's canonical URL."""
    path = key.split("://", 1)[-1].partition("/")[2]
    return not path.strip("/")


def make_drafts(channel: str, entries: Iterable[Entry], now: datetime) -> list[Draft]:
    """Clean a document's entries and tell them apart.

    Args:
        channel: the channel's id.
        entries: in any order; entries that say nothing at all are left out.
        now: dates more than ten minutes ahead of it are taken for `now`.

    Returns:
        One draft per article, sorted by key; no identity occurs twice.
    """
    cleaned = _without_repeated_guids([_clean(entry, now) for entry in entries])
    cleaned = [entry for entry in cleaned if entry.guid or entry.link or entry.title or entry_body(entry)]
    shared = _shared_links(cleaned)
    merged: dict[str, Draft] = {}
    for entry in cleaned:
        draft = _draft(channel, entry, shared)
        merged[draft.key] = _merge(merged[draft.key], draft) if draft.key in merged else draft
    counts = Counter(identity for draft in merged.values() for identity in draft.identities)
    return [
        replace(draft, identities=tuple(name for name in draft.identities if counts[name] == 1))
        for _, draft in sorted(merged.items())
    ]


def _clean(entry: Entry, now: datetime) -> Entry:
    entry = within_limits(entry)
    return replace(
        entry,
        guid=storable(entry.guid).strip(),
        link=storable(entry.link).strip(),
        title=" ".join(storable(entry.title).split()),
        summary=storable(entry.summary),
        content=storable(entry.content),
        raw_date=storable(entry.raw_date),
        authors=tuple(storable(name) for name in entry.authors),
        labels=tuple(storable(label) for label in entry.labels),
        language=storable(entry.language),
        published=now if entry.published and entry.published > now + _AHEAD else entry.published,
    )


def _without_repeated_guids(entries: Sequence[Entry]) -> list[Entry]:
    items: dict[str, set[tuple[str, str]]] = {}
    for entry in entries:
        items.setdefault(entry.guid, set()).add((article_key(entry.link), fold(entry.title)))
    return [replace(entry, guid="") if len(items[entry.guid]) > 1 else entry for entry in entries]


def _shared_links(entries: Sequence[Entry]) -> frozenset[str]:
    """Link keys under which one document lists several items, as live pages do: told apart by guid and title."""
    guids: dict[str, set[str]] = {}
    titles: dict[str, set[str]] = {}
    for entry in entries:
        if entry.guid and entry.title and (key := article_key(entry.link)):
            guids.setdefault(key, set()).add(entry.guid)
            titles.setdefault(key, set()).add(fold(entry.title))
    return frozenset(key for key in guids if min(len(guids[key]), len(titles[key])) > 1)


def _draft(channel: str, entry: Entry, shared: frozenset[str]) -> Draft:
    body = entry_body(entry)
    link = article_key(entry.link)
    guid = f"g:{_hash(entry.guid)}" if entry.guid else ""
    if link and not (link in shared and guid):
        identities = [guid, f"l:{_hash(link)}"]
        if _is_moment(entry):
            identities.append(f"t:{_hash(fold(entry.title), entry.raw_date)}")
        return Draft(entry, link, tuple(filter(None, identities)), has_page=True, body=body)
    # Nothing that could be fetched for itself: known by its guid, else by what it says.
    said = f"t:{_hash(fold(entry.title) or fold(body), entry.raw_date or str(entry.published or ''))}"
    name = guid or said
    return Draft(entry, f"entry:{_hash(channel)}:{name}", (name,), has_page=False, body=body)


def _is_moment(entry: Entry) -> bool:
    """Whether title and date name one item. A bare day does not: "Situation report" may come six times a day."""
    return bool(fold(entry.title)) and ":" in entry.raw_date and not _MIDNIGHT.search(entry.raw_date)


def _merge(first: Draft, second: Draft) -> Draft:
    kept, other = (first, second) if len(first.body) >= len(second.body) else (second, first)
    entry = replace(
        kept.entry,
        title=kept.entry.title or other.entry.title,
        published=kept.entry.published or other.entry.published,
        raw_date=kept.entry.raw_date or other.entry.raw_date,
    )
    return replace(kept, entry=entry, identities=tuple(dict.fromkeys(first.identities + second.identities)))


def _hash(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()[:32]
