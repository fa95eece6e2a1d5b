"""Stories as people read and correct them: nothing is lost, grouping respects it, and it can be taken back."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from alerts.items import make_items, start_desks
from alerts.ledger import digests
from alerts.ledger import schema as ledger
from alerts.origins.assess import assess_origins
from alerts.origins.names import Names
from alerts.stories import group_articles
from alerts.storybook import StoryError, lines, list_stories, merge, reading, show_story, split, undo, why_together
from crawler.sources import Source
from tests.ledger.world import NOW, World, desk

ADA = ("Ada", "two villages")
ARMY = Source("army", "Army Daily", party="Northland")
WORDS = (
    "harbour crane ferry lantern anchor rope salt gull pier captain tide net barrel mast sail fog",
    "orchard ladder apple basket bee hive blossom cider autumn wasp stem cellar hedge gate goat barn",
    "glacier crevasse sledge husky summit icefall rope hut avalanche ridge snowfield moraine dawn col tarn boot",
)


def text(place: int) -> str:
    """A long text that shares no words with the others."""
    return " ".join(f"{word}{number}" for number in range(6) for word in WORDS[place].split()).capitalize() + "."


def articles(world: World) -> tuple[list[int], list[int]]:
    """Three articles, of which the second and third have one text; and the stories they are in, flagged."""
    details = [(0, "post", 3), (1, "wire", 2), (1, "echo", 1)]
    keys = [
        world.article(
            " ".join(WORDS[place].split()[:5]), text(place), source=source, seen_at=NOW - timedelta(hours=hours)
        )
        for place, source, hours in details
    ]
    for key in keys[:2]:
        world.flag(key)
    group_articles(world.archive, NOW)
    assess_origins(world.archive, world.sources.values())
    return keys, [world.story_of(key) for key in keys]


def placed(world: World) -> dict[int, tuple[int, str, int]]:
    return {row["article"]: (row["story"], row["relation"], row["copies"]) for row in world.rows(ledger.story_article)}


def view(world: World, story: int) -> str:
    names = Names([*world.sources.values(), ARMY])
    return "\n".join(lines.story_lines(show_story(world.archive, world.sources.values(), story), names))


def test_a_story_shows_why_its_articles_are_in_it_and_whose_texts_they_are(world: World) -> None:
    world.sources["echo"] = Source("echo", "Echo", party="Northland")
    (_, wire, echo), (_, story, same) = articles(world)
    assert story == same
    shown = view(world, story)
    assert "  2 outlets, 1 independent" in shown
    assert "independent: Wire, in Echo" in shown
    assert f"a{echo}  copy  Echo (party to the conflict: Northland)" in shown
    assert f"origin: Wire, same text as article {wire}, which came first" in shown
    assert "told to nobody" in shown
    made = reading.as_json(show_story(world.archive, world.sources.values(), story), Names(world.sources.values()))
    assert json.loads(json.dumps(made)) == made
    assert [one["origin"] for one in made["articles"]] == ["source:wire", "source:wire"]


def test_stories_are_listed_newest_first_flagged_ones_only_unless_asked(world: World) -> None:
    _, (post, wire, _) = articles(world)
    plain = world.article("glacier crevasse", text(2), source="wire")
    group_articles(world.archive, NOW)
    sources = list(world.sources.values())

    def listed(**choices: Any) -> list[int]:
        return [line.story for line in list_stories(world.archive, sources, 10, **choices)]

    assert listed() == [wire, post]
    assert listed(flagged=False) == [world.story_of(plain), wire, post]
    assert listed(topic="ceasefire") == []
    assert listed(topic="civilian_attack", since=NOW - timedelta(hours=2)) == [wire]
    (line, _) = list_stories(world.archive, sources, 10)
    assert (line.articles, line.reach.outlets, line.severity, line.topics) == (2, 2, "high", ("civilian_attack",))
    assert "2 outlets, 1 independent" in lines.list_line(line)


def test_merging_and_taking_it_back_leaves_everything_as_it_was(world: World) -> None:
    (first, *_), (post, wire, _) = articles(world)
    before = placed(world)
    decision = merge(world.archive, wire, post, ("Ada", "same day"), NOW)
    assert {story for story, _, _ in placed(world).values()} == {wire}
    assert placed(world)[first] == (wire, "related", first)
    assert group_articles(world.archive, NOW) == 0
    shown = view(world, post)  # of a merged story the one that has its articles is shown
    assert shown.startswith(f"story {wire}, ")
    assert f"with what was story {post}" in shown
    assert f"decision {decision}, " in shown
    assert "merged by Ada: same day, by hand" in shown
    assert undo(world.archive, decision, "Ben", NOW).startswith(f"story {post} has its 1 articles back")
    assert placed(world) == before
    assert "(undone " in view(world, post)


def test_what_was_split_stays_apart_until_it_is_taken_back(world: World) -> None:
    (_, wire, echo), (_, story, _) = articles(world)
    decision, new = split(world.archive, story, [echo], ADA, NOW)
    assert placed(world)[echo] == (new, "first", echo)
    assert placed(world)[wire] == (story, "first", wire)
    # A page that names the other as the original does not unite them again.
    world.change(echo, duplicate_of=wire)
    group_articles(world.archive, NOW)
    assert placed(world)[echo][0] == new
    found = why_together(world.archive, f"a{wire}", f"a{echo}")
    assert found.apart
    assert found.level == "copy"
    assert "a person split these stories" in "\n".join(lines.why_lines(found))
    undo(world.archive, decision, "Ben", NOW)
    assert placed(world)[echo][0] == story
    assert not why_together(world.archive, str(story), f"a{echo}").apart
    moves = world.rows(ledger.story_move)
    assert [(row["article"], row["was"], row["story"], row["by"]) for row in moves] == [
        (echo, story, new, "Ada"),
        (echo, new, story, "Ben"),
    ]


def test_merging_what_was_split_takes_the_split_back(world: World) -> None:
    (_, _, echo), (_, story, _) = articles(world)
    _, new = split(world.archive, story, [echo], ADA, NOW)
    merge(world.archive, story, new, ("Cleo", ""), NOW)
    states = [(row["kind"], row["undone_by"]) for row in world.rows(ledger.decision)]
    assert states == [("split", "Cleo"), ("merge", "")]


def test_origins_are_decided_anew_after_a_split(world: World) -> None:
    (_, wire, echo), (_, story, _) = articles(world)
    split(world.archive, story, [echo], ADA, NOW)
    assess_origins(world.archive, world.sources.values())
    origins = {row["article"]: row["origin"] for row in world.rows(ledger.story_article)}
    assert (origins[wire], origins[echo]) == ("source:wire", "source:echo")


def test_nothing_is_told_twice_through_a_merge_and_its_undoing(world: World) -> None:
    start_desks(world.archive, [desk()], NOW, since=timedelta(days=1))
    _, (post, wire, _) = articles(world)
    assert make_items(world.archive, [desk()], NOW, world.sources.values()) == 2
    decision = merge(world.archive, wire, post, ADA, NOW)
    make_items(world.archive, [desk()], NOW, world.sources.values())
    assert [(story, kind) for _, story, _, kind, _ in world.items()] == [(wire, "new")]
    undo(world.archive, decision, "Ada", NOW)
    make_items(world.archive, [desk()], NOW, world.sources.values())
    assert sorted((story, kind) for _, story, _, kind, _ in world.items()) == [(post, "new"), (wire, "new")]


def test_a_mailed_story_that_was_merged_into_one_that_waits_comes_out_as_it_was(world: World) -> None:
    start_desks(world.archive, [desk()], NOW, since=timedelta(days=1))
    (first, wire, _), (post, story, _) = articles(world)
    make_items(world.archive, [desk()], NOW, world.sources.values())
    with world.archive.write() as connection:
        slot = NOW + timedelta(hours=1)
        made = digests.create_digest(connection, "field", 1, slot, NOW, NOW)
        connection.execute(ledger.item.update().where(ledger.item.c.story == post).values(digest=made))
    before = [(key, kind) for _, key, _, kind, _ in world.items()]
    decision = merge(world.archive, story, post, ADA, NOW)
    make_items(world.archive, [desk()], NOW, world.sources.values())
    undo(world.archive, decision, "Ada", NOW)
    make_items(world.archive, [desk()], NOW, world.sources.values())
    assert [(key, kind) for _, key, _, kind, claimed in world.items() if claimed] == [(post, "new")]
    assert sorted({key for key, _ in before}) == sorted({key for _, key, _, kind, _ in world.items() if kind == "new"})
    assert {first, wire} <= set(placed(world))


def test_a_comparison_gives_reasons_for_both(world: World) -> None:
    (first, wire, echo), (post, story, _) = articles(world)
    found = why_together(world.archive, f"a{wire}", f"a{echo}")
    assert (found.level, found.stories) == ("copy", (story, story))
    assert found.reasons
    apart = why_together(world.archive, str(post), str(story))
    assert apart.level == ""
    assert apart.articles[0] == first
    assert "apart: article" in "\n".join(lines.why_lines(apart))
    by_url = why_together(world.archive, "https://wire.example/2", "https://echo.example/3")
    assert by_url.articles == (wire, echo)


def test_what_cannot_be_done_is_said(world: World) -> None:
    (first, wire, echo), (post, story, _) = articles(world)
    archive = world.archive
    lone = world.article("glacier crevasse", text(2))
    decision = merge(archive, story, post, ADA, NOW)
    undo(archive, decision, "Ada", NOW)
    wrong: list[tuple[Callable[[], object], str]] = [
        (lambda: merge(archive, story, story, ADA, NOW), "cannot be merged with itself"),
        (lambda: merge(archive, story, 999, ADA, NOW), "there is no story 999"),
        (lambda: split(archive, 999, [wire], ADA, NOW), "there is no story 999"),
        (lambda: split(archive, story, [first], ADA, NOW), f"article {first} is not in story {story}"),
        (lambda: split(archive, story, [first, lone], ADA, NOW), "are not in story"),
        (lambda: split(archive, story, [wire, echo], ADA, NOW), "one of them has to stay"),
        (lambda: split(archive, story, [], ADA, NOW), "name the articles"),
        (lambda: undo(archive, 999, "Ada", NOW), "there is no decision 999"),
        (lambda: undo(archive, decision, "Ada", NOW), "was undone before, by Ada"),
        (lambda: show_story(archive, [], 999), "there is no story 999"),
        (lambda: why_together(archive, "999", f"a{wire}"), "there is no story 999"),
        (lambda: why_together(archive, f"a{wire}", f"a{wire}"), "these are the same"),
        (lambda: why_together(archive, f"a{lone}", f"a{wire}"), "not grouped yet"),
        (lambda: why_together(archive, "https://nowhere.example/", f"a{wire}"), "no article"),
    ]
    for act, message in wrong:
        with pytest.raises(StoryError, match=message):
            act()


def test_a_decision_whose_articles_moved_on_is_left_alone(world: World) -> None:
    (_, _, echo), (post, story, _) = articles(world)
    decision, new = split(world.archive, story, [echo], ADA, NOW)
    merge(world.archive, post, new, ADA, NOW)
    with pytest.raises(StoryError, match=f"cannot be undone: article {echo} is no longer in story {new}"):
        undo(world.archive, decision, "Ada", NOW)
    with pytest.raises(StoryError, match=f"story {new} was merged into story {post}"):
        merge(world.archive, story, new, ADA, NOW)
