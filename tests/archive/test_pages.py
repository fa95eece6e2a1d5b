"""Pages wanted, stored and given up; final and canonical URLs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crawler.archive import Archive
from crawler.archive.articles import fail_page, find_by_url, get_article, pages_wanted, store_page
from crawler.archive.schema import article, article_text, article_url
from crawler.articles import Article, Extraction, PageState
from tests.archive.conftest import NOW, OTHER, OTHER_FEED, SITEMAP, add, check_sound, entry, rows

TEXT = "The market was hit at noon. Nine people died. " * 8
COPY = "THE MARKET was hit at noon – nine people died. " * 8


def _store(archive: Archive, found: int, extraction: Extraction, url: str = "https://lanter.example/news/a") -> Article:
    with archive.write() as connection:
        store_page(connection, found, url, 200, extraction, now=NOW + timedelta(minutes=1))
    return _get(archive, found)


def _get(archive: Archive, found: int) -> Article:
    with archive.read() as connection:
        stored = get_article(connection, found)
    assert stored is not None
    return stored


def _fail(archive: Archive, found: int, minutes: float, *, permanent: bool = False) -> bool:
    with archive.write() as connection:
        return fail_page(
            connection,
            found,
            status=503,
            reason="HTTP 503",
            permanent=permanent,
            now=NOW + timedelta(minutes=minutes),
        )


def _wanted(archive: Archive, minutes: float) -> list[int]:
    with archive.read() as connection:
        return [page.tries for page in pages_wanted(connection, NOW + timedelta(minutes=minutes))]


def test_the_pages_text_replaces_a_shorter_one_as_a_new_version(archive: Archive) -> None:
    (found,) = add(archive, entry("a", published=None)).new
    day_before = NOW - timedelta(days=1)
    given = Extraction(title="Ours", text=TEXT, authors=("A. B.",), language="fr", published=day_before)
    stored = _store(archive, found, given)
    assert (stored.body, stored.title, stored.version) == (TEXT.strip(), "Title a", 2)
    assert (stored.authors, stored.language, stored.published) == (("A. B.",), "fr", day_before)
    assert stored.page_state is PageState.FETCHED
    row = rows(archive, article)[0]
    assert (row.page_status, row.page_tries, row.page_next_try, row.changed_at) == (
        200, 1, None, NOW + timedelta(minutes=1),
    )  # fmt: skip
    assert _wanted(archive, 60 * 24) == []


def test_a_page_that_says_less_changes_nothing_but_is_fetched(archive: Archive) -> None:
    (found,) = add(archive, entry("a", content=TEXT)).new
    stored = _store(archive, found, Extraction(text="Please accept our cookies."))
    assert (stored.body, stored.version, stored.page_state) == (TEXT.strip(), 1, PageState.FETCHED)
    assert rows(archive, article)[0].changed_at == NOW


def test_entries_no_longer_change_an_article_with_its_pages_text(archive: Archive) -> None:
    (found,) = add(archive, entry("a")).new
    _store(archive, found, Extraction(text=TEXT))
    assert add(archive, entry("a", title="New", summary="New")).changed == ()
    assert _get(archive, found).body == TEXT.strip()


@pytest.mark.parametrize(
    ("entry_title", "page_title", "kept"),
    [
        ("", "Market hit", "Market hit"),
        ("Market hit", "Market hit: live updates", "Market hit"),
        ("Market hit at no…", "Market hit at noon", "Market hit at noon"),
        ("Market hit at...", "market hit at noon", "market hit at noon"),
        ("Wait…", "Another story", "Wait…"),
        ("Market hit", "", "Market hit"),
    ],
)
def test_the_entrys_title_stays_unless_it_is_missing_or_cut(
    sqlite_archive: Archive, entry_title: str, page_title: str, kept: str
) -> None:
    (found,) = add(sqlite_archive, entry("a", title=entry_title)).new
    stored = _store(sqlite_archive, found, Extraction(title=page_title))
    assert (stored.title, stored.version) == (kept, 1 if kept == entry_title else 2)


def test_dates_ahead_of_ours_on_a_page_are_not_believed(sqlite_archive: Archive) -> None:
    (found,) = add(sqlite_archive, entry("a", published=None)).new
    assert _store(sqlite_archive, found, Extraction(published=NOW + timedelta(days=1))).published is None


def test_three_tries_then_the_entrys_text_stays(archive: Archive) -> None:
    (found,) = add(archive, entry("a")).new
    assert not _fail(archive, found, 0)
    assert (_wanted(archive, 1), _wanted(archive, 2)) == ([], [1])
    assert not _fail(archive, found, 2)
    assert (_wanted(archive, 9), _wanted(archive, 10)) == ([], [2])
    assert _fail(archive, found, 10)
    stored = _get(archive, found)
    assert (stored.page_state, stored.body, stored.version) == (PageState.FAILED, "Summary of a.", 1)
    row = rows(archive, article)[0]
    assert (row.page_tries, row.page_status, row.page_reason) == (3, 503, "HTTP 503")
    assert _wanted(archive, 60 * 24 * 365) == []


def test_a_refusal_for_good_is_the_last_try(archive: Archive) -> None:
    (found,) = add(archive, entry("a")).new
    assert _fail(archive, found, 0, permanent=True)
    assert _wanted(archive, 60 * 24) == []


def test_a_page_that_was_wanted_long_ago_gets_one_try_and_no_loop(archive: Archive) -> None:
    (found,) = add(archive, entry("a")).new
    assert _wanted(archive, 60 * 24) == [0]
    assert _fail(archive, found, 30)
    assert _wanted(archive, 60 * 48) == []
    # Told twice, because another worker had it too: still given up, nothing counted again.
    assert _fail(archive, found, 31)
    assert rows(archive, article)[0].page_tries == 1


def test_a_failed_article_follows_its_entry_again(archive: Archive) -> None:
    (found,) = add(archive, entry("a")).new
    _fail(archive, found, 0, permanent=True)
    assert add(archive, entry("a", summary="Now twelve.")).changed == (found,)


def test_an_article_that_is_gone_is_nobodys_error(archive: Archive) -> None:
    assert _fail(archive, 999, 0)
    with archive.write() as connection:
        store_page(connection, 999, "https://x.example/", 200, Extraction(text=TEXT), now=NOW)
    assert rows(archive, article_text) == []


def test_pages_come_longest_waiting_first_and_limited(archive: Archive) -> None:
    first = add(archive, entry("z")).new[0]
    second = add(archive, entry("a"), now=NOW + timedelta(seconds=1)).new[0]
    with archive.read() as connection:
        later = NOW + timedelta(minutes=1)
        assert [page.article for page in pages_wanted(connection, later)] == [first, second]
        assert [page.article for page in pages_wanted(connection, later, limit=1)] == [first]


def test_final_and_canonical_urls_lead_to_the_article(archive: Archive) -> None:
    (found,) = add(archive, entry("a")).new
    final, canonical = "https://lanter.example/n/1", "https://lanter.example/news/2026/a"
    _store(archive, found, Extraction(text=TEXT, canonical=canonical), final)
    with archive.read() as connection:
        assert find_by_url(connection, final) == find_by_url(connection, canonical) == found
    assert add(archive, entry("b", guid="b", link=canonical), channel=SITEMAP).known == 1
    assert add(archive, entry("c", guid="c", link=final), source=OTHER, channel=OTHER_FEED).known == 1
    check_sound(archive)


def test_a_page_that_names_another_article_as_canonical_is_its_duplicate(archive: Archive) -> None:
    (original,) = add(archive, entry("a")).new
    (copy,) = add(archive, entry("b", link="https://veld.example/b"), source=OTHER, channel=OTHER_FEED).new
    stored = _store(
        archive, copy, Extraction(canonical="https://lanter.example/news/a?utm_source=x"), "https://veld.example/b"
    )
    assert stored.duplicate_of == original
    check_sound(archive)


def test_the_copy_may_come_before_its_original(archive: Archive) -> None:
    (copy,) = add(archive, entry("b", link="https://veld.example/b"), source=OTHER, channel=OTHER_FEED).new
    _store(archive, copy, Extraction(canonical="https://lanter.example/news/a"), "https://veld.example/b")
    added = add(archive, entry("a"))
    assert len(added.new) == 1
    assert _get(archive, copy).duplicate_of == added.new[0]
    with archive.read() as connection:
        assert find_by_url(connection, "https://lanter.example/news/a") == added.new[0]
    assert add(archive, entry("a"), channel=SITEMAP).known == 1
    check_sound(archive)


def test_a_redirect_to_another_article_makes_a_duplicate(archive: Archive) -> None:
    original, moved = add(archive, entry("a"), entry("b")).new
    assert _store(archive, moved, Extraction(text=TEXT)).duplicate_of == original


def test_chains_and_circles_of_canonical_links_end_at_one_article(archive: Archive) -> None:
    first, second, third = add(archive, *(entry(name) for name in "abc")).new
    url = "https://lanter.example/news/"
    _store(archive, third, Extraction(canonical=f"{url}b"), f"{url}c")
    _store(archive, second, Extraction(canonical=f"{url}a"), f"{url}b")
    _store(archive, first, Extraction(canonical=f"{url}c"), f"{url}a")
    assert [_get(archive, found).duplicate_of for found in (first, second, third)] == [None, first, first]


@pytest.mark.parametrize("shared", ["https://lanter.example/", "https://lanter.example/consent"])
def test_pages_that_all_lead_to_one_place_are_not_copies_of_each_other(archive: Archive, shared: str) -> None:
    found = add(archive, *(entry(name, title=f"{name} is on fire") for name in ("Odvar", "Lentz"))).new
    for name, number in zip(("Odvar", "Lentz"), found, strict=True):
        _store(archive, number, Extraction(text=f"What burns is {name}. " * 20, canonical=shared), shared)
    assert [_get(archive, number).duplicate_of for number in found] == [None, None]


@pytest.mark.parametrize(
    ("title", "text", "copy"),
    [("Other words", COPY, True), ("MARKET HIT!", "Short.", True), ("Other words", "Own text. " * 40, False)],
    ids=["same text", "same title", "neither"],
)
def test_two_copies_of_an_original_we_do_not_have(archive: Archive, title: str, text: str, copy: bool) -> None:
    original = "https://agency.example/wire/1"
    first = add(archive, entry("a", title="Market hit")).new[0]
    second = add(archive, entry("b", title=title, link="https://veld.example/b"), source=OTHER, channel=OTHER_FEED).new[
        0
    ]
    _store(archive, first, Extraction(text=TEXT, canonical=original))
    stored = _store(archive, second, Extraction(text=text, canonical=original), "https://veld.example/b")
    assert stored.duplicate_of == (first if copy else None)
    assert {row.how for row in rows(archive, article_url)} == {"entry", "canonical"}
