"""The job group: every article finds one story, and later news of it moves it, on both databases."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest

from alerts.ledger import grouping
from alerts.ledger import schema as ledger
from alerts.lines import ImportedArticle
from alerts.stories import explain, group_articles, tidy_index
from alerts.stories.files import group_file
from tests.ledger.world import LONG, NOW, World, middling
from tests.stories.stream import START, Writer, stream

WRITER = Writer(seed=3, vocabulary=2_000)
TEXTS = {
    title: " ".join(WRITER.sentences(80)) for title in ("Bridge opened", "Prices fall", "Ferry sinks", "School hit")
}


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
    one, other = (world.article(title, TEXTS[title]) for title in ("Bridge opened", "Prices fall"))
    third = world.article("Third", LONG)
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


def test_own_words_are_related_and_say_why(world: World) -> None:
    first = world.article(
        "Shells hit queue at Tarvin bridge, 9 dead",
        "Shells hit the queue at the ferry bridge in Tarvin on Tuesday, killing 9 people, Mayor Oren Valk said.",
    )
    other = world.article(
        "At least 9 killed as shells hit people at Tarvin bridge",
        "Mayor Oren Valk of Tarvin said that 9 people were killed on Tuesday by shells at the ferry bridge.",
        source="wire",
        seen_at=NOW - timedelta(seconds=10),
    )
    group_articles(world.archive, NOW)
    rows = {row["article"]: row for row in world.rows(ledger.story_article)}
    assert rows[other]["story"] == rows[first]["story"]
    assert (rows[other]["relation"], rows[other]["copies"], rows[other]["matched"]) == ("related", other, first)
    assert "same names" in rows[other]["reason"]
    assert "same toll 9" in rows[other]["reason"]
    with world.archive.read() as connection:
        assert explain(connection, other, first).level == "related"
        assert explain(connection, first, 99).level == ""


def test_batches_and_single_articles_come_to_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # In a few days instead of thirty, so that every copy is within the window.
    days = stream(80, words=100, seed=4)
    planted = [replace(one, published=START + (one.published - START) / 10) for one in days]
    for one in planted:
        world.article(one.title, one.text, source=one.source, seen_at=one.published, published=one.published)
    monkeypatch.setattr("alerts.stories.job.BATCH", 7)
    assert group_articles(world.archive, planted[-1].published) == 80
    copies = {row["article"]: row["copies"] for row in world.rows(ledger.story_article)}
    found = [copies[one.id + 1] == copies[one.original + 1] for one in planted if one.kind != "first"]
    assert len(found) > 15
    assert sum(found) >= 0.9 * len(found)
    in_one_go = group_file(
        [
            ImportedArticle(f"{one.id + 1:03}", "", one.title, one.text, "en", one.published, one.source)
            for one in planted
        ]
    )
    assert {int(answer.article.id): int(answer.copies) for answer in in_one_go} == copies


def test_a_page_that_tells_something_else_leaves_the_story(world: World) -> None:
    text = TEXTS["School hit"]
    first = world.article("School hit", text)
    other = world.article("School hit", text, source="wire")
    group_articles(world.archive, NOW)
    assert world.story_of(other) == world.story_of(first)
    world.retell(other, "Ferry sinks", TEXTS["Ferry sinks"])
    assert group_articles(world.archive, NOW) == 1
    assert world.story_of(other) != world.story_of(first)
    assert group_articles(world.archive, NOW) == 0


def test_what_a_person_put_somewhere_stays_there(world: World) -> None:
    text = TEXTS["School hit"]
    first, other = world.article("School hit", text), world.article("Ferry sinks", TEXTS["Ferry sinks"], source="wire")
    group_articles(world.archive, NOW)
    there = world.story_of(other)
    with world.archive.write() as connection:
        grouping.move_articles(connection, [other], there, reason="by hand", now=NOW, by="ana", pin=True)
    world.retell(other, "School hit", text)
    world.change(other, duplicate_of=first)
    assert group_articles(world.archive, NOW) == 0
    assert world.story_of(other) == there != world.story_of(first)


def test_articles_that_belong_to_two_stories_make_one_of_them(world: World) -> None:
    one, other = world.article("Alder exchange seeks shelter", "-"), world.article("Hackers publish stolen coins", "-")
    group_articles(world.archive, NOW)
    assert world.story_of(one) != world.story_of(other)
    titles = ("Alder hackers exchange coins", "Coins of Alder exchange hackers", "Exchange coins, Alder hackers")
    between = [world.article(title, "-", source="wire") for title in titles]
    for _ in between:
        group_articles(world.archive, NOW)
    assert {world.story_of(key) for key in between} == {world.story_of(one)} == {world.story_of(other)}
    assert [(row["article"], row["was"] != row["story"]) for row in world.rows(ledger.story_move)] == [(other, True)]
    assert [row["merged_into"] for row in world.rows(ledger.story) if row["merged_into"]] == [world.story_of(one)]


def test_the_index_of_old_articles_is_forgotten_once_a_day(world: World) -> None:
    old, new = NOW - timedelta(days=40), NOW - timedelta(minutes=5)
    world.article("School hit", TEXTS["School hit"], seen_at=old)
    group_articles(world.archive, old)
    world.article("Ferry sinks", TEXTS["Ferry sinks"], seen_at=new)
    group_articles(world.archive, NOW)
    before = {table: len(world.rows(table)) for table in (ledger.text_sketch, ledger.story_term, ledger.story_core)}
    assert tidy_index(world.archive, NOW) > 30
    assert tidy_index(world.archive, NOW) == 0
    for table, count in before.items():
        assert 0 < len(world.rows(table)) < count
    again = world.article("School hit", TEXTS["School hit"], source="wire")
    group_articles(world.archive, NOW)
    assert world.story_of(again)
