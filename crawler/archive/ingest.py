"""Entries into articles: nothing a channel said is lost, nothing is stored twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crawler.archive import texts
from crawler.archive.engine import insert_for, insert_new, upsert
from crawler.archive.identity import Draft, make_drafts
from crawler.archive.schema import UTCDateTime, article, article_text, article_url, sighting
from crawler.articles import Entry, PageState, text_hash

if TYPE_CHECKING:
    from crawler.sources import Source

IMPORTED = "import"
"""What stands for a channel where articles came from a file."""

MOST_CHANGES = 24
"""An entry that changes at every fetch (a counter, an advertisement) is not followed for ever."""

_CHUNK = 500
_PASSES = 4


@dataclass(frozen=True, slots=True)
class EntriesAdded:
    """What came of a document's entries.

    Attributes:
        new: ids of the articles that were not there before.
        known: how many entries the archive already had.
        changed: ids of known articles whose title or text the entry changed.
        dates: when the new ones were published, aware UTC, as far as they say so.
    """

    new: tuple[int, ...]
    known: int
    changed: tuple[int, ...] = ()
    dates: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True)
class _Arrival:
    """What is the same for all entries of one document."""

    source: str
    channel: str
    language: str
    fetch_pages: bool
    now: datetime
    backfill_before: datetime | None  # entries older than this, or undated, are back-fill; None: no entry is
    backfill_all: bool = False


@dataclass(frozen=True, slots=True)
class _Owner:
    """Which article a key or an identity leads to."""

    article: int
    how: str
    source: str


def add_entries(
    connection: sa.Connection,
    source: Source,
    channel: str,
    entries: Sequence[Entry],
    *,
    now: datetime,
    first_fetch: bool,
    backfill_hours: float = 48,
) -> EntriesAdded:
    """Archive the entries of one document as articles whose page is wanted.

    Args:
        connection: in a write transaction; the channel's poll belongs into the same one.
        source: gives id, the language of entries that name none (if it has only one), and whether pages are fetched.
        channel: id of the channel that was asked.
        entries: of the document, in any order.
        now: aware UTC.
        first_fetch: the channel was never had before: old and undated entries are back-fill.
        backfill_hours: what "old" means then.
    """
    return _add(
        connection,
        _Arrival(
            source=source.id,
            channel=channel,
            language=source.languages[0] if len(source.languages) == 1 else "",
            fetch_pages=source.fetch_pages,
            now=now,
            backfill_before=now - timedelta(hours=backfill_hours) if first_fetch else None,
        ),
        entries,
    )


def import_article(
    connection: sa.Connection, source: str, entry: Entry, *, now: datetime, backfill: bool = False
) -> tuple[int, bool]:
    """Archive one article that comes with its text from elsewhere; its page is never fetched.

    Args:
        connection: in a write transaction.
        source: id of a source, or any name.
        entry: id as `guid`, text as `content`; must hold something.
        now: aware UTC.
        backfill: true if no desk is to be told of it.

    Returns:
        Its id, and whether it is new.

    Raises:
        ValueError: the entry is empty.
    """
    arrival = _Arrival(
        source, IMPORTED, entry.language, fetch_pages=False, now=now, backfill_before=None, backfill_all=backfill
    )
    added = _add(connection, arrival, [entry])
    if added.new:
        return added.new[0], True
    drafts = make_drafts(IMPORTED, [entry], now)
    if not drafts:
        raise ValueError("an article to import has neither id, URL, title nor text")
    return _match(connection, arrival, drafts)[drafts[0].key], False


def _add(connection: sa.Connection, arrival: _Arrival, entries: Sequence[Entry]) -> EntriesAdded:
    waiting = make_drafts(arrival.channel, entries, arrival.now)
    known: dict[str, tuple[Draft, int]] = {}
    new: list[int] = []
    fresh: list[Draft] = []
    # A second pass is only needed where another worker stored the same article at this very moment.
    for _ in range(_PASSES):
        matches = _match(connection, arrival, waiting)
        known |= {draft.key: (draft, matches[draft.key]) for draft in waiting if draft.key in matches}
        inserted = _insert(connection, arrival, [draft for draft in waiting if draft.key not in matches])
        new += inserted.values()
        fresh += [draft for draft in waiting if draft.key in inserted]
        waiting = [draft for draft in waiting if draft.key not in known and draft.key not in inserted]
        if not waiting:
            break
    _note_sightings(connection, arrival, known.values())
    changed = _follow_changes(connection, arrival, known.values())
    dates = tuple(draft.entry.published for draft in fresh if draft.entry.published is not None)
    return EntriesAdded(tuple(sorted(new)), len(known), changed, dates)


def _match(connection: sa.Connection, arrival: _Arrival, drafts: Sequence[Draft]) -> dict[str, int]:
    """Which drafts are known articles: by URL first, then by what the channel calls them."""
    owners = _owners(connection, [draft.key for draft in drafts])
    matches = {key: owner.article for key, owner in owners.items() if not _is_original(owner, arrival)}
    claimed = set(matches.values())
    sighted = _sighted(connection, arrival.channel, [name for draft in drafts for name in draft.identities])
    for draft in drafts:
        if draft.key in owners:
            continue
        # An article that this document also lists under its own URL is not this one.
        found = [sighted[name] for name in draft.identities if name in sighted and sighted[name] not in claimed]
        if found:
            matches[draft.key] = found[0]
            claimed.add(found[0])
    return matches


def _is_original(owner: _Owner, arrival: _Arrival) -> bool:
    """Whether the key is so far only what another source's copy names as canonical: here comes the original."""
    return owner.how == "canonical" and owner.source != arrival.source


def _owners(connection: sa.Connection, keys: Sequence[str]) -> dict[str, _Owner]:
    query = sa.select(article_url.c.key, article_url.c.article, article_url.c.how, article.c.source).join_from(
        article_url, article, article.c.id == article_url.c.article
    )
    return {
        row.key: _Owner(row.article, row.how, row.source)
        for chunk in _chunks(keys)
        for row in connection.execute(query.where(article_url.c.key.in_(chunk)))
    }


def _sighted(connection: sa.Connection, channel: str, identities: Sequence[str]) -> dict[str, int]:
    query = sa.select(sighting.c.identity, sighting.c.article).where(sighting.c.channel == channel)
    return {
        row.identity: row.article
        for chunk in _chunks(identities)
        for row in connection.execute(query.where(sighting.c.identity.in_(chunk)))
    }


def _insert(connection: sa.Connection, arrival: _Arrival, drafts: Sequence[Draft]) -> dict[str, int]:
    """Store new articles. What another worker has stored meanwhile is missing from the result."""
    if not drafts:
        return {}
    statement = insert_for(connection, article).on_conflict_do_nothing().returning(article.c.key, article.c.id)
    rows = connection.execute(statement, [_article_row(arrival, draft) for draft in drafts])
    ids: dict[str, int] = {row.key: row.id for row in rows}
    for key in _claim_keys(connection, arrival, ids):
        connection.execute(sa.delete(article).where(article.c.id == ids.pop(key)))
    stored = [draft for draft in drafts if draft.key in ids]
    bodies = []
    for draft in stored:
        codec, body = texts.pack(draft.body)
        bodies.append({"article": ids[draft.key], "codec": codec, "body": body})
    insert_new(connection, article_text, bodies)
    _note_sightings(connection, arrival, [(draft, ids[draft.key]) for draft in stored])
    return ids


def _article_row(arrival: _Arrival, draft: Draft) -> dict[str, Any]:
    entry = draft.entry
    wanted = draft.has_page and arrival.fetch_pages
    old = arrival.backfill_before is not None and (entry.published is None or entry.published < arrival.backfill_before)
    return {
        "key": draft.key,
        "url": entry.link,
        "source": arrival.source,
        "channel": arrival.channel,
        "version": 1,
        "title": entry.title,
        "language": entry.language or arrival.language,
        "published": entry.published,
        "raw_date": entry.raw_date,
        "seen_at": arrival.now,
        "changed_at": arrival.now,
        "authors": list(entry.authors),
        "labels": list(entry.labels),
        "text_hash": text_hash(draft.body),
        "backfill": arrival.backfill_all or old,
        "page_state": PageState.WANTED.value if wanted else PageState.NONE.value,
        "page_next_try": arrival.now if wanted else None,
    }


def _claim_keys(connection: sa.Connection, arrival: _Arrival, ids: dict[str, int]) -> list[str]:
    """Have the keys lead to the new articles; a copy that named one as canonical becomes its duplicate.

    Returns:
        Keys that lead to another article already.
    """
    insert_new(connection, article_url, [{"key": key, "article": ids[key], "how": "entry"} for key in ids])
    lost = []
    for key, owner in _owners(connection, list(ids)).items():
        if owner.article == ids[key]:
            continue
        if not _is_original(owner, arrival):
            lost.append(key)
            continue
        connection.execute(sa.update(article_url).where(article_url.c.key == key).values(article=ids[key], how="entry"))
        connection.execute(
            sa.update(article)
            .where((article.c.id == owner.article) | (article.c.duplicate_of == owner.article))
            .values(duplicate_of=ids[key])
        )
    return lost


def _note_sightings(connection: sa.Connection, arrival: _Arrival, pairs: Iterable[tuple[Draft, int]]) -> None:
    pairs = list(pairs)
    insert_new(
        connection,
        sighting,
        [
            {"channel": arrival.channel, "identity": name, "article": found, "seen_at": arrival.now}
            for draft, found in pairs
            for name in draft.identities
        ],
    )
    # A known item under a new URL: that URL leads to it from now on.
    insert_new(
        connection, article_url, [{"key": draft.key, "article": found, "how": "entry"} for draft, found in pairs]
    )


def _follow_changes(
    connection: sa.Connection, arrival: _Arrival, pairs: Iterable[tuple[Draft, int]]
) -> tuple[int, ...]:
    """Bring articles that have no page's text up to what their entry says now."""
    drafts = {found: draft for draft, found in pairs}
    differing = [
        found
        for found, now in _followed(connection, sorted(drafts)).items()
        if _says(arrival, drafts[found], now) != now
    ]
    if not differing:
        return ()
    # Seen without a lock, since hardly any differ. Those are looked at again once nobody else can change them.
    connection.execute(
        sa.select(article.c.id).where(article.c.id.in_(differing)).order_by(article.c.id).with_for_update()
    )
    changed = []
    for found, now in _followed(connection, differing).items():
        said = _says(arrival, drafts[found], now)
        if said != now:
            _change(connection, arrival, found, said, drafts[found].entry.published)
            changed.append(found)
    return tuple(changed)


@dataclass(frozen=True, slots=True)
class _Wording:
    """What an article says, and which channel's word counts."""

    channel: str
    title: str
    body: str


def _followed(connection: sa.Connection, articles: Sequence[int]) -> dict[int, _Wording]:
    query = (
        sa.select(article.c.id, article.c.channel, article.c.title, article_text.c.codec, article_text.c.body)
        .join_from(article, article_text, article_text.c.article == article.c.id)
        .where(article.c.page_state != PageState.FETCHED.value, article.c.version <= MOST_CHANGES)
        .order_by(article.c.id)
    )
    return {
        row.id: _Wording(row.channel, row.title, texts.unpack(row.codec, row.body))
        for chunk in _chunks(articles)
        for row in connection.execute(query.where(article.c.id.in_(chunk)))
    }


def _says(arrival: _Arrival, draft: Draft, now: _Wording) -> _Wording:
    if now.channel == arrival.channel:
        return _Wording(now.channel, draft.entry.title or now.title, draft.body or now.body)
    # Two channels that word one article differently would change it back and forth: the first one leads.
    return _Wording(now.channel, now.title or draft.entry.title, now.body or draft.body)


def _change(
    connection: sa.Connection, arrival: _Arrival, found: int, said: _Wording, published: datetime | None
) -> None:
    connection.execute(
        sa.update(article)
        .where(article.c.id == found)
        .values(
            title=said.title,
            text_hash=text_hash(said.body),
            version=article.c.version + 1,
            changed_at=arrival.now,
            published=sa.func.coalesce(article.c.published, sa.bindparam("published_now", published, UTCDateTime)),
        )
    )
    codec, packed = texts.pack(said.body)
    upsert(connection, article_text, [{"article": found, "codec": codec, "body": packed}], ["codec", "body"])


def _chunks(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK))
