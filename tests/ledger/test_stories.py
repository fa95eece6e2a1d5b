"""Grouping: what is one story, what is not, and that every article finds one."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
import sqlalchemy as sa

from alerts.ledger import schema as ledger
from alerts.ledger.stories import Candidate
from alerts.stories import WINDOW, decide, group_articles, is_boilerplate, same_text
from crawler.archive.schema import article
from tests.ledger.world import LONG, NOW, World, middling


def candidate(number: int, title: str = "A title", source: str = "post", **values: object) -> Candidate:
    given: dict[str, object] = {
        "text_hash": "h",
        "duplicate_of": None,
        "published": None,
        "seen_at": NOW,
        "story": number,
    }
    return Candidate(id=number, source=source, title=title, **{**given, **values})  # type: ignore[arg-type]  # values by name


def long_text() -> int:
    return 1000


def never() -> int:
    raise AssertionError("the length was not needed")


def test_same_title_and_text_is_one_story_however_short() -> None:
    assert "same title" in same_text(candidate(2), candidate(1, "a TITLE "), never)


def test_same_text_under_another_title_needs_another_outlet_and_length() -> None:
    other = candidate(1, "Another title")
    assert same_text(candidate(2, source="wire"), other, long_text)
    assert not same_text(candidate(2, source="wire"), other, lambda: 299)
    assert not same_text(candidate(2), other, never)


@pytest.mark.parametrize("days", [-15, 15])
def test_the_same_text_two_weeks_apart_is_a_republication(days: int) -> None:
    later = candidate(2, seen_at=NOW + timedelta(days=days))
    assert not same_text(later, candidate(1), never)
    assert same_text(candidate(2, seen_at=NOW + WINDOW), candidate(1), never)


def test_no_text_is_equal_to_nothing() -> None:
    assert not same_text(candidate(2, text_hash=""), candidate(1, text_hash=""), never)


def test_a_date_from_the_future_is_not_believed() -> None:
    odd = candidate(2, published=NOW + timedelta(days=400))
    assert same_text(odd, candidate(1), never)


def test_one_outlets_text_under_two_titles_is_its_boilerplate() -> None:
    wall = [candidate(1, "One"), candidate(2, "Two")]
    assert is_boilerplate(wall)
    assert not is_boilerplate([candidate(1, "One"), candidate(2, "ONE"), candidate(3, "Two", "wire")])
    assert decide(candidate(3, "Three", "wire"), None, wall, long_text) is None
    join = decide(candidate(3, "two", "wire"), None, wall, long_text)
    assert join is not None
    assert join.other == 2


def test_a_canonical_link_comes_before_the_text() -> None:
    join = decide(candidate(3, story=None), candidate(1, "Other"), [candidate(2)], never)
    assert join is not None
    assert (join.other, join.reason) == (1, "canonical link names article 1")


def test_every_article_gets_one_story_and_a_second_run_changes_nothing(world: World) -> None:
    for number in range(7):
        world.article(f"Title {number}")
    assert group_articles(world.archive, NOW) == 7
    before = world.rows(ledger.story_article)
    assert len({row["story"] for row in before}) == 7
    assert group_articles(world.archive, NOW) == 0
    assert world.rows(ledger.story_article) == before


def test_copies_join_the_story_of_the_first(world: World) -> None:
    first = world.article("Convoy shelled", LONG)
    copy = world.article("Drivers killed", LONG, source="wire")
    other = world.article("Convoy shelled", "Another text altogether.", source="wire")
    group_articles(world.archive, NOW)
    assert world.story_of(first) == world.story_of(copy) != world.story_of(other)
    relations = {row["article"]: (row["relation"], row["reason"]) for row in world.rows(ledger.story_article)}
    assert relations[first] == ("first", "first to tell it")
    assert relations[copy] == ("copy", f"same text as article {first}")


def test_a_canonical_target_with_a_higher_id_founds_the_story(world: World) -> None:
    copy, original = world.article("Copy"), world.article("Original", source="wire")
    world.change(copy, duplicate_of=original)
    group_articles(world.archive, NOW)
    assert world.story_of(copy) == world.story_of(original)
    assert {row["relation"] for row in world.rows(ledger.story_article) if row["article"] == original} == {"first"}


def test_two_pages_that_name_each_other_are_one_story(world: World) -> None:
    one, other = world.article("One"), world.article("Other")
    world.change(one, duplicate_of=other)
    world.change(other, duplicate_of=one)
    group_articles(world.archive, NOW)
    assert world.story_of(one) == world.story_of(other)


def test_a_chain_of_links_is_one_story(world: World) -> None:
    keys = [world.article(f"Number {number}") for number in range(4)]
    for key, target in itertools.pairwise(keys):
        world.change(key, duplicate_of=target)
    group_articles(world.archive, NOW)
    assert len({world.story_of(key) for key in keys}) == 1


def test_a_link_to_an_article_that_is_gone_harms_nothing(world: World) -> None:
    key = world.article("Alone")
    world.change(key, duplicate_of=999)
    assert group_articles(world.archive, NOW) == 1
    assert world.story_of(key)


def test_a_page_that_comes_later_joins_stories(world: World) -> None:
    one, other, third = world.article("One"), world.article("Other"), world.article("Third", LONG)
    fourth = world.article("Fourth", source="wire")
    group_articles(world.archive, NOW)
    assert len({world.story_of(key) for key in (one, other, third, fourth)}) == 4
    world.change(other, duplicate_of=one)
    with world.archive.read() as connection:
        text_hash = connection.execute(sa.select(article.c.text_hash).where(article.c.id == third)).scalar_one()
    world.change(fourth, text_hash=text_hash)
    # The link joins two; an equal hash over a stored text as short as the fourth's does not.
    assert group_articles(world.archive, NOW) == 1
    assert world.story_of(other) == world.story_of(one)
    world.change(fourth, title="THIRD")
    assert group_articles(world.archive, NOW) == 1
    assert world.story_of(fourth) == world.story_of(third)
    assert group_articles(world.archive, NOW) == 0


def test_when_stories_join_the_one_a_desk_knows_stays(world: World) -> None:
    older, told = world.article("Older"), world.article("Told")
    group_articles(world.archive, NOW)
    kept = world.story_of(told)
    row = {"desk": "field", "story": kept, "revision": 1, "kind": "new", "created_at": NOW}
    with world.archive.write() as connection:
        connection.execute(ledger.item.insert().values(row))
    world.change(told, duplicate_of=older)
    group_articles(world.archive, NOW)
    assert world.story_of(older) == world.story_of(told) == kept


def test_grouping_goes_on_in_batches(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alerts.stories.BATCH", 3)
    for number in range(10):
        world.article(f"Title {number % 4}", middling(f"Text {number % 4}"))
    assert group_articles(world.archive, NOW) == 10
    assert len({row["story"] for row in world.rows(ledger.story_article)}) == 4
