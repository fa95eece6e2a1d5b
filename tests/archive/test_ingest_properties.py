"""No article doubled, none lost, in whatever order and company entries come."""

from __future__ import annotations

import itertools
from dataclasses import replace

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crawler.archive import Archive
from crawler.archive.articles import find_by_url
from crawler.archive.identity import article_key, make_drafts
from crawler.archive.schema import article, sighting
from crawler.articles import Entry, fold
from tests.archive.conftest import FEED, NOW, OTHER, OTHER_FEED, SITEMAP, SOURCE, add, check_sound, entry

_worlds = itertools.count()
_QUICK = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_CHANNELS = {FEED: SOURCE, SITEMAP: SOURCE, OTHER_FEED: OTHER}

_ITEMS = st.lists(st.integers(0, 8), max_size=8)
_DOCUMENTS = st.lists(st.tuples(st.sampled_from(sorted(_CHANNELS)), _ITEMS), max_size=6)


def _named(document: list[int], world: int) -> list[Entry]:
    return [entry(f"w{world}/{number}", raw_date=f"2026-03-01T07:00:{number:02}") for number in document]


@_QUICK
@given(_DOCUMENTS)
def test_each_item_is_one_article_under_any_order_of_documents(
    archive: Archive, documents: list[tuple[str, list[int]]]
) -> None:
    # Every example has items of its own: one database serves them all.
    world = next(_worlds)
    new: list[int] = []
    for channel, document in documents:
        added = add(archive, *_named(document, world), source=_CHANNELS[channel], channel=channel)
        assert len(added.new) + added.known == len(set(document))
        new += added.new
    published = {number for _, document in documents for number in document}
    with archive.read() as connection:
        found = [find_by_url(connection, item.link) for item in _named(sorted(published), world)]
    assert None not in found
    assert sorted(filter(None, found)) == sorted(new)
    assert len(set(new)) == len(published)


_ODD = st.builds(
    Entry,
    guid=st.sampled_from(["", "g1", "g2", "g3"]),
    link=st.sampled_from(["", "https://odd.example/1", "https://odd.example/2#x", "https://odd.example/2", "ftp://x/"]),
    title=st.sampled_from(["", "One", "Two", "two!"]),
    summary=st.sampled_from(["", "text", "another text"]),
    raw_date=st.sampled_from(["", "2026-03-01", "2026-03-01T10:11:12Z"]),
)


@_QUICK
@given(st.lists(st.lists(_ODD, max_size=6), min_size=1, max_size=4))
def test_odd_documents_lose_nothing_and_are_known_when_they_come_again(
    archive: Archive, documents: list[list[Entry]]
) -> None:
    world = next(_worlds)
    channel = f"odd:feed:{world}"
    for entries in documents:
        # Sites of its own: what an earlier example called the article behind a link would stay its title.
        document = [replace(entry, link=entry.link.replace("odd.", f"odd{world}.")) for entry in entries]
        added = add(archive, *document, channel=channel)
        assert len(added.new) + added.known == len(make_drafts(channel, document, NOW))
        again = add(archive, *reversed(document), channel=channel)
        assert again.new == ()
        with archive.read() as connection:
            links = [item.link for item in document if article_key(item.link)]
            assert all(find_by_url(connection, link) for link in links) or _are_live(document)
            stored = sa.select(article.c.title).join(sighting, sighting.c.article == article.c.id)
            titles = set(map(fold, connection.scalars(stored.where(sighting.c.channel == channel))))
        # One with a moment may be known as another's: by its title and date, under the title that this one was given.
        alone = [item for item in document if not item.link and not item.guid and ":" not in item.raw_date]
        assert {fold(item.title) for item in alone if item.title} <= titles
    check_sound(archive)


def _are_live(document: list[Entry]) -> bool:
    """Whether items share a link, so that their articles are not found by it."""
    keys = [article_key(item.link) for item in document if item.link]
    return len(set(keys)) < len(keys)


@given(st.lists(_ODD, max_size=8), st.randoms(use_true_random=False))
def test_drafts_do_not_depend_on_the_order_of_a_document(document: list[Entry], random: object) -> None:
    shuffled = list(document)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis types it as object here
    ours, theirs = make_drafts(FEED, document, NOW), make_drafts(FEED, shuffled, NOW)
    assert [(draft.key, set(draft.identities)) for draft in ours] == [
        (draft.key, set(draft.identities)) for draft in theirs
    ]
    identities = [name for draft in ours for name in draft.identities]
    assert len(identities) == len(set(identities))
