"""The job group: every article finds one story, and later news of it moves it, on both databases."""

from __future__ import annotations

import itertools

import pytest

from alerts.ledger import schema as ledger
from alerts.stories import group_articles
from tests.ledger.world import LONG, NOW, World, middling


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
    fourth = world.article("Fourth", "Nothing is known yet of what happened there this morning.", source="wire")
    group_articles(world.archive, NOW)
    assert len({world.story_of(key) for key in (one, other, third, fourth)}) == 4
    world.change(other, duplicate_of=one)
    world.retell(fourth, "Drivers killed", LONG)
    assert group_articles(world.archive, NOW) == 2
    assert world.story_of(other) == world.story_of(one)
    assert world.story_of(fourth) == world.story_of(third)
    moves = {(row["article"], row["was"] != row["story"], row["by"]) for row in world.rows(ledger.story_move)}
    assert moves == {(other, True, ""), (fourth, True, "")}
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
    monkeypatch.setattr("alerts.stories.job.BATCH", 3)
    for number in range(10):
        world.article(f"Title {number % 4}", middling(f"Text {number % 4}"))
    assert group_articles(world.archive, NOW) == 10
    assert len({row["story"] for row in world.rows(ledger.story_article)}) == 4
