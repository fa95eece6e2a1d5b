"""Entries into articles: one article for one document, whatever its channels call it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from crawler.archive import Archive
from crawler.archive.articles import find_by_url, get_article, import_article, iter_articles, pages_wanted, store_page
from crawler.archive.ingest import MOST_CHANGES
from crawler.archive.schema import article, article_url, sighting
from crawler.articles import MOST_NAME, MOST_NAMES, MOST_TEXT, MOST_TITLE, Article, Entry, Extraction, PageState
from tests.archive.conftest import FEED, NOW, OTHER, OTHER_FEED, SITEMAP, SOURCE, add, check_sound, entry, rows


def _only(archive: Archive) -> Article:
    with archive.read() as connection:
        (one,) = iter_articles(connection)
    return one


def test_an_entry_becomes_an_article_whose_page_is_wanted(archive: Archive) -> None:
    given = entry("a", authors=("A. Reporter",), labels=("World",), link="https://lanter.example/news/a?utm_source=rss")
    added = add(archive, given)
    stored = _only(archive)
    assert added.new == (stored.id,)
    assert (stored.url, stored.key) == (given.link, "https://lanter.example/news/a")
    assert (stored.title, stored.body, stored.lead_end) == ("Title a", "Summary of a.", len("Summary of a."))
    assert (stored.source, stored.language, stored.version) == (SOURCE.id, "en", 1)
    assert (stored.published, stored.seen_at) == (NOW, NOW)
    assert (stored.authors, stored.labels) == (("A. Reporter",), ("World",))
    assert (stored.page_state, stored.backfill, stored.duplicate_of) == (PageState.WANTED, False, None)
    with archive.read() as connection:
        assert [page.article for page in pages_wanted(connection, NOW)] == [stored.id]


def test_the_same_document_again_is_known(archive: Archive) -> None:
    document = [entry(name) for name in "abc"]
    first = add(archive, *document)
    again = add(archive, *reversed(document), now=NOW + timedelta(hours=1))
    assert (len(first.new), first.known) == (3, 0)
    assert (again.new, again.known, again.changed) == ((), 3, ())
    check_sound(archive)


@pytest.mark.parametrize(
    "again",
    [
        entry("a", link="https://lanter.example/news/a-new-slug", title="New headline"),
        entry("a", guid="other guid", title="New headline"),
        entry("a", guid="", link="https://lanter.example/news/a?session=2", summary="More."),
        entry("a", link="https://lanter.example/news/a#comments"),
    ],
    ids=["same guid", "same link", "same title and moment", "same key"],
)
def test_any_match_is_the_same_item(archive: Archive, again: Entry) -> None:
    add(archive, entry("a"))
    assert add(archive, again).new == ()
    with archive.read() as connection:
        assert find_by_url(connection, again.link) == _only(archive).id
    check_sound(archive)


def test_a_bare_day_and_a_title_do_not_make_the_same_item(archive: Archive) -> None:
    report = [entry(name, guid="", title="Situation report", raw_date="2026-03-01") for name in ("morning", "evening")]
    assert len(add(archive, report[0]).new + add(archive, report[1]).new) == 2


def test_a_guid_that_a_document_repeats_tells_nothing(archive: Archive) -> None:
    document = [entry(name, guid="https://lanter.example/") for name in "abc"]
    assert len(add(archive, *document).new) == 3
    assert add(archive, *document).known == 3
    assert not any(row.identity.startswith("g:") for row in rows(archive, sighting))


def test_items_of_a_live_page_under_one_link_are_all_kept(archive: Archive) -> None:
    document = [entry(name, link=f"https://lanter.example/live#{name}", content=f"{name} happened") for name in "abc"]
    assert len(add(archive, *document).new) == 3
    assert add(archive, *document[1:], entry("d", link="https://lanter.example/live#d")).known == 2
    with archive.read() as connection:
        assert {stored.body for stored in iter_articles(connection)} >= {"a happened", "b happened", "c happened"}


def test_a_link_listed_twice_is_one_article_with_the_longer_text(archive: Archive) -> None:
    link = "https://lanter.example/news/a"
    add(archive, Entry(link=link, title="Title"), Entry(link=link, summary="A teaser."))
    assert (_only(archive).title, _only(archive).body) == ("Title", "A teaser.")


def test_odd_entries_are_kept_too(archive: Archive) -> None:
    document = [
        Entry(title="A title and nothing else"),
        Entry(summary="A text and nothing else"),
        Entry(guid="only-a-guid"),
        Entry(link="https://lanter.example/only-a-link"),
        Entry(link="mailto:desk@lanter.example", title="A link that is none"),
    ]
    assert len(add(archive, *document, Entry()).new) == 5
    assert add(archive, *document).known == 5
    with archive.read() as connection:
        assert len(pages_wanted(connection, NOW)) == 1


def test_two_items_without_link_that_share_a_guid_are_two(archive: Archive) -> None:
    document = [Entry(guid="x", title="First"), Entry(guid="x", title="Second")]
    assert len(add(archive, *document).new) == 2
    assert add(archive, *document).known == 2


def test_another_channel_of_the_same_article_is_a_sighting(archive: Archive) -> None:
    add(archive, entry("a"))
    added = add(archive, entry("a", guid="other"), channel=SITEMAP)
    assert (added.new, added.known) == ((), 1)
    assert {row.channel for row in rows(archive, sighting)} == {FEED, SITEMAP}


def test_identities_of_one_channel_mean_nothing_in_another(archive: Archive) -> None:
    add(archive, Entry(guid="17", title="Ours", link="https://lanter.example/17"))
    added = add(
        archive, Entry(guid="17", title="Theirs", link="https://veld.example/17"), source=OTHER, channel=OTHER_FEED
    )
    assert len(added.new) == 1


def test_hostile_text_is_stored(archive: Archive) -> None:
    add(archive, entry("a", title="NUL \x00 and \ud800", summary="\x00", authors=("\x00",), guid="\x00g"))
    assert _only(archive).title == "NUL and �"


def test_a_very_long_link_is_stored_and_found(archive: Archive) -> None:
    link = "https://lanter.example/news/" + "long-" * 1500
    add(archive, entry("a", link=link))
    assert add(archive, entry("a", guid="other", link=link)).known == 1


def test_times_ahead_of_ours_are_taken_for_now(archive: Archive) -> None:
    add(archive, entry("soon", published=NOW + timedelta(minutes=9)), entry("late", published=NOW + timedelta(days=9)))
    with archive.read() as connection:
        by_title = {stored.title: stored.published for stored in iter_articles(connection)}
    assert by_title == {"Title soon": NOW + timedelta(minutes=9), "Title late": NOW}


@pytest.mark.parametrize(("first_fetch", "expected"), [(True, {"old", "undated"}), (False, set())])
def test_old_and_undated_entries_of_a_first_fetch_are_back_fill(
    archive: Archive, first_fetch: bool, expected: set[str]
) -> None:
    hours = {"old": 48.1, "young": 47.9}
    document = [entry(name, title=name, published=NOW - timedelta(hours=age)) for name, age in hours.items()]
    add(archive, *document, entry("undated", title="undated", published=None, raw_date=""), first_fetch=first_fetch)
    with archive.read() as connection:
        assert {stored.title for stored in iter_articles(connection) if stored.backfill} == expected


def test_an_article_without_page_follows_its_entry(archive: Archive) -> None:
    add(archive, entry("a"))
    later = NOW + timedelta(hours=1)
    changed = add(archive, entry("a", title="Toll rises", summary="Nine are dead."), now=later)
    stored = _only(archive)
    assert changed.changed == (stored.id,)
    assert (stored.title, stored.body, stored.version) == ("Toll rises", "Nine are dead.", 2)
    assert rows(archive, article)[0].changed_at == later


def test_an_entry_that_says_less_takes_nothing_away(archive: Archive) -> None:
    add(archive, entry("a"))
    assert add(archive, entry("a", title="", summary="")).changed == ()
    assert (_only(archive).title, _only(archive).body) == ("Title a", "Summary of a.")


def test_a_second_channel_only_fills_gaps(archive: Archive) -> None:
    add(archive, entry("a", summary=""), channel=SITEMAP)
    add(archive, entry("a", title="Worded otherwise", summary="A teaser."))
    assert (_only(archive).title, _only(archive).body, _only(archive).version) == ("Title a", "A teaser.", 2)
    add(archive, entry("a", title="Worded otherwise", summary="Another teaser."))
    assert _only(archive).version == 2


def test_an_entry_that_always_changes_is_not_followed_for_ever(archive: Archive) -> None:
    for number in range(MOST_CHANGES + 10):
        add(archive, entry("a", summary=f"{number} readers"))
    assert _only(archive).version == 1 + MOST_CHANGES
    assert _only(archive).body == f"{MOST_CHANGES} readers"


def test_languages_come_from_the_entry_else_from_a_source_that_has_one(archive: Archive) -> None:
    add(archive, entry("a", language="fr"))
    add(archive, entry("b"), source=replace(SOURCE, languages=("uk", "ru")))
    with archive.read() as connection:
        assert [stored.language for stored in iter_articles(connection)] == ["fr", ""]


def test_a_source_whose_pages_are_not_fetched_wants_none(archive: Archive) -> None:
    add(archive, entry("a"), source=replace(SOURCE, fetch_pages=False))
    assert _only(archive).page_state is PageState.NONE


def test_importing_keeps_the_given_text_and_wants_no_page(archive: Archive) -> None:
    given = entry("a", content="Full text.\nSecond paragraph.", language="he")
    with archive.write() as connection:
        found, is_new = import_article(connection, "elsewhere", given, now=NOW, backfill=True)
        assert import_article(connection, "elsewhere", given, now=NOW) == (found, False)
        with pytest.raises(ValueError, match="neither id"):
            import_article(connection, "elsewhere", Entry(), now=NOW)
    stored = _only(archive)
    assert (is_new, stored.id, stored.body, stored.language) == (True, found, given.content, "he")
    assert (stored.page_state, stored.backfill) == (PageState.NONE, True)
    assert add(archive, entry("a")).known == 1


def test_articles_are_found_as_people_spell_urls(archive: Archive) -> None:
    add(archive, entry("a"))
    expected = _only(archive).id
    with archive.read() as connection:
        for url in (
            "https://www.lanter.example/news/a/",
            "http://lanter.example/news/a?utm_medium=x",
            "lanter.example/news/a",
        ):
            assert find_by_url(connection, url) == expected
        for url in ("https://lanter.example/news/b", "", "https://[broken", "lanter"):
            assert find_by_url(connection, url) is None
        assert get_article(connection, expected + 1) is None


def test_iterating_goes_through_all_batches_in_order(archive: Archive) -> None:
    add(archive, *(entry(f"{number:04}") for number in range(1_201)))
    with archive.read() as connection:
        ids = [stored.id for stored in iter_articles(connection)]
        assert [stored.id for stored in iter_articles(connection, ids[599])] == ids[600:]
        assert list(iter_articles(connection, since=NOW + timedelta(seconds=1))) == []
    assert len(ids) == 1_201
    assert ids == sorted(set(ids))
    assert len(rows(archive, article_url)) == 1_201


def test_fields_without_end_are_cut_and_what_rules_may_read_is_kept(archive: Archive) -> None:
    title = "Shelling in Veld " * 60_000
    many = ("Mara " * 10_000, *map(str, range(1000)))
    hostile = entry(title=title, raw_date="x" * 10_000, authors=many, labels=("l" * 10_000,) * 99)
    assert len(add(archive, hostile, entry("b", link="https://lanter.example/" + "x" * 9000)).new) == 2
    with archive.read() as connection:
        linkless, cut = iter_articles(connection)
    assert len(cut.title) <= MOST_TITLE
    assert cut.title.endswith("Veld…")
    assert cut.body.startswith("Shelling in Veld Shelling")
    assert MOST_TEXT - 1 <= len(cut.body) <= MOST_TEXT
    assert (len(cut.authors), max(map(len, cut.authors)) <= MOST_NAME) == (MOST_NAMES, True)
    assert (len(cut.labels), max(map(len, cut.labels)) <= MOST_NAME) == (MOST_NAMES, True)
    assert (linkless.title, linkless.url, linkless.body) == ("Title b", "", "Summary of b.")
    # The same items again, longer still, are known.
    again = add(archive, replace(hostile, title=title + "x"), entry("b", link="https://lanter.example/" + "x" * 9000))
    assert (again.new, again.known) == ((), 2)


def test_a_page_s_title_has_an_end_too(archive: Archive) -> None:
    [article] = add(archive, entry(title="")).new
    with archive.write() as connection:
        found = Extraction(title="Veld " * 1000, text="Text.", authors=("A" * 1000,) * 100)
        store_page(connection, article, "https://lanter.example/news/a", 200, found, now=NOW)
    stored = _only(archive)
    assert (len(stored.title) <= MOST_TITLE, len(stored.authors), len(stored.authors[0])) == (True, 50, MOST_NAME)
