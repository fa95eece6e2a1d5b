"""Items: a desk is told of every story it follows, once, and again only when something is new."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from threading import Thread
from time import sleep
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.items import make_items, start_desks
from alerts.ledger import digests as digest_queries
from alerts.ledger import items as queries
from alerts.ledger import schema as ledger
from alerts.ledger.flags import Flag
from alerts.ledger.stories import StoryArticle
from alerts.matching import objections
from alerts.revisions.facts import facts_of, merged, news
from alerts.stories import group_articles
from crawler.archive import Archive
from crawler.archive import schema as archive_schema
from tests.ledger.world import NOW, World, desk, middling

ATTACK = {"rule": "attack"}
TRUCE = {"rule": "truce", "topic": "ceasefire", "stage": "agreed", "severity": "medium"}


def claim(archive: Archive, name: str = "field", number: int = 1) -> list[queries.Item]:
    with archive.write() as connection:
        slot = NOW + timedelta(hours=number)
        return queries.claim_items(
            connection, name, digest_queries.create_digest(connection, name, number, slot, NOW, NOW)
        )


# Pure decisions


def flag(**values: Any) -> Flag:
    given_: dict[str, Any] = {
        "id": 1, "article": 1, "version": 1, "rule": "attack", "rule_set": "one", "topic": "civilian_attack",
        "class_": "event", "stage": None, "severity": "high", "tags": ("sea",), "field": "body", "start": 0, "end": 1,
        "sentence": "", "sentence_start": 0, "terms": (), "at": NOW,
    }  # fmt: skip
    return Flag(**{**given_, **values})


ARTICLE = StoryArticle(1, "first", 1, "post", "en", "Title", "https://e.org/", None, NOW, False, None)


@pytest.mark.parametrize(
    ("choices", "wanted"),
    [
        ({}, True),
        ({"topics": ("civilian_attack",)}, True),
        ({"topics": ("ceasefire",)}, False),
        ({"classes": ("statement",)}, False),
        ({"rules": ("attack", "truce")}, True),
        ({"rules": ("truce",)}, False),
        ({"severities": ("critical",)}, False),
        ({"severities": ("high", "critical")}, True),
        ({"languages": ("en",)}, True),
        ({"languages": ("fr",)}, False),
        ({"sources": ("wire",)}, False),
        ({"source_countries": ("GB",)}, True),
        ({"source_countries": ("FR",)}, False),
        ({"tags": ("land", "sea")}, True),
        ({"tags": ("land",)}, False),
        ({"topics": ("civilian_attack",), "languages": ("fr",)}, False),
    ],
)
def test_every_choice_of_a_desk_counts(choices: dict[str, Any], wanted: bool) -> None:
    left_out_by = objections(desk(**choices), flag(), ARTICLE, "GB")
    assert left_out_by == (() if wanted else tuple(choices)[-1:])


def test_context_is_told_only_to_desks_that_ask() -> None:
    assert objections(desk(), flag(class_="context"), ARTICLE, None) == ("classes",)
    assert objections(desk(classes=("context",)), flag(class_="context"), ARTICLE, None) == ()


def test_an_article_of_unknown_language_is_not_lost() -> None:
    unknown = StoryArticle(1, "first", 1, "post", "", "Title", "https://e.org/", None, NOW, False, None)
    assert objections(desk(languages=("fr",)), flag(), unknown, None) == ()


def test_a_source_without_a_country_is_of_no_chosen_country() -> None:
    assert objections(desk(source_countries=("GB",)), flag(), ARTICLE, None) == ("source_countries",)


@pytest.mark.parametrize(
    ("flags", "change"),
    [
        ([{}], ""),
        ([{"rule": "another"}], ""),
        ([{"severity": "low"}], ""),
        ([{"class_": "statement"}], ""),
        ([{"severity": "critical"}], "now critical, was high"),
        ([{}, {"topic": "ceasefire"}], "also ceasefire"),
        ([{}, {"topic": "ceasefire", "stage": "in_effect"}], "also ceasefire · in effect"),
        ([{"severity": "critical"}, {"topic": "ceasefire"}], "now critical, was high; also ceasefire"),
        ([], ""),
    ],
)
def test_what_is_news(flags: list[dict[str, Any]], change: str) -> None:
    assert news(facts_of([flag()]), facts_of([flag(**values) for values in flags])) == change


def test_another_stage_of_a_ceasefire_is_news() -> None:
    before = facts_of([flag(topic="ceasefire", stage="agreed")])
    assert news(before, facts_of([flag(topic="ceasefire", stage="violated")])) == "also ceasefire · violated"


def test_a_fact_that_goes_and_comes_again_is_no_news() -> None:
    told = merged(facts_of([flag(severity="critical")]), facts_of([flag(severity="low")]))
    assert told == facts_of([flag(severity="critical")])
    assert news(told, facts_of([flag(severity="critical")])) == ""


# On the database


def test_a_flagged_story_becomes_an_item_of_every_matching_desk_once(world: World) -> None:
    story, truce = world.story(ATTACK), world.story(TRUCE)
    world.story()
    desks = [desk(), desk("truces", topics=("ceasefire",))]
    assert make_items(world.archive, desks, NOW) == 3
    assert world.items() == [
        ("field", story, 1, "new", False),
        ("field", truce, 1, "new", False),
        ("truces", truce, 1, "new", False),
    ]
    assert make_items(world.archive, desks, NOW) == 0


def test_backfill_and_context_make_no_item(world: World) -> None:
    old = world.story(ATTACK, backfill=True)
    context = world.story({"class": "context"})
    assert make_items(world.archive, [desk()], NOW) == 0
    assert make_items(world.archive, [desk("all", classes=("event", "context"))], NOW) == 1
    assert world.items() == [("all", context, 1, "new", False)]
    fresh = world.article("Title 0", middling("Text number 1"), source="wire")
    world.flag(fresh)
    group_articles(world.archive, NOW)
    assert world.story_of(fresh) == old
    assert make_items(world.archive, [desk()], NOW) == 1  # the fresh copy of an old story is news


def test_countries_come_from_the_sources(world: World) -> None:
    world.story(ATTACK)
    choosy = [desk(source_countries=("GB",))]
    assert make_items(world.archive, [desk("other", source_countries=("FR",))], NOW, world.sources.values()) == 0
    assert make_items(world.archive, choosy, NOW, world.sources.values()) == 1


def test_a_severer_flag_after_the_digest_is_an_update(world: World) -> None:
    story = world.story(ATTACK)
    make_items(world.archive, [desk()], NOW)
    claim(world.archive)
    world.flag(1, rule="massacre", severity="critical")
    assert make_items(world.archive, [desk()], NOW) == 1
    assert world.items() == [("field", story, 1, "new", True), ("field", story, 2, "update", False)]
    assert world.rows(ledger.item)[1]["change"] == "now critical, was high"
    assert world.rows(ledger.story)[0]["revision"] == 2
    assert make_items(world.archive, [desk()], NOW) == 0


def test_a_second_rule_that_says_the_same_is_no_update(world: World) -> None:
    world.story(ATTACK)
    make_items(world.archive, [desk()], NOW)
    claim(world.archive)
    world.flag(1, rule="strike")
    assert make_items(world.archive, [desk()], NOW) == 0
    assert len(world.items()) == 1


def test_news_before_the_digest_needs_no_second_item(world: World) -> None:
    story = world.story(ATTACK)
    make_items(world.archive, [desk()], NOW)
    world.flag(1, rule="truce", topic="ceasefire", stage="violated")
    make_items(world.archive, [desk()], NOW)
    assert world.items() == [("field", story, 1, "new", False)]
    claim(world.archive)
    world.flag(1, rule="massacre", severity="critical")
    make_items(world.archive, [desk()], NOW)
    world.flag(1, rule="talks", topic="ceasefire", stage="talks")
    assert make_items(world.archive, [desk()], NOW) == 1
    assert world.items() == [("field", story, 1, "new", True), ("field", story, 2, "update", False)]
    assert world.rows(ledger.item)[1]["change"] == "now critical, was high; also ceasefire · talks"


def test_an_update_is_told_only_to_desks_that_follow_what_is_new(world: World) -> None:
    story = world.story(ATTACK, TRUCE)
    desks = [desk("attacks", topics=("civilian_attack",)), desk("truces", topics=("ceasefire",)), desk()]
    make_items(world.archive, desks, NOW)
    for name in ("attacks", "truces", "field"):
        claim(world.archive, name)
    world.flag(1, rule="broken", topic="ceasefire", stage="violated", severity="high")
    assert make_items(world.archive, desks, NOW) == 2
    assert [row for row in world.items() if not row[4]] == [
        ("truces", story, 2, "update", False),
        ("field", story, 2, "update", False),
    ]
    changes = {row["desk"]: row["change"] for row in world.rows(ledger.item) if row["revision"] == 2}
    assert changes == {
        "truces": "now high, was medium; also ceasefire · violated",
        "field": "also ceasefire · violated",
    }
    assert make_items(world.archive, desks, NOW) == 0


def test_a_withdrawn_flag_makes_no_item(world: World) -> None:
    world.story(ATTACK)
    world.withdraw(1)
    assert make_items(world.archive, [desk()], NOW) == 0


def test_flags_before_the_story_are_found_after_it(world: World) -> None:
    key = world.article("Flagged first")
    world.flag(key)
    assert make_items(world.archive, [desk()], NOW) == 0
    group_articles(world.archive, NOW)
    assert make_items(world.archive, [desk()], NOW) == 1


def test_a_new_desk_begins_at_its_last_slot(world: World) -> None:
    world.story(ATTACK, seen_at=NOW - timedelta(hours=5))
    fresh = world.story(ATTACK, seen_at=NOW - timedelta(seconds=20))
    assert make_items(world.archive, [desk()], NOW) == 1
    assert world.items() == [("field", fresh, 1, "new", False)]
    assert world.rows(ledger.desk_state) == [
        {"desk": "field", "last_slot": NOW - timedelta(minutes=1), "next_number": 1, "alerts_since": None}
    ]


def test_since_makes_the_newest_slot_due_and_reaches_back(world: World) -> None:
    world.story(ATTACK, seen_at=NOW - timedelta(hours=25))
    inside = world.story(ATTACK, seen_at=NOW - timedelta(hours=23))
    weekly = desk("weekly", schedule="0 7 * * 2")
    assert start_desks(world.archive, [desk(), weekly], NOW, timedelta(hours=24)) == ["field", "weekly"]
    assert start_desks(world.archive, [desk(), weekly], NOW, timedelta(days=400)) == []
    make_items(world.archive, [desk(), weekly], NOW)
    assert world.items() == [("field", inside, 1, "new", False), ("weekly", inside, 1, "new", False)]
    starts = {row["desk"]: row["last_slot"] for row in world.rows(ledger.desk_state)}
    assert starts["field"] == NOW - timedelta(days=1, minutes=1)
    assert starts["weekly"] == NOW - timedelta(days=7, minutes=1)


def test_weighing_goes_on_in_batches(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alerts.items.BATCH", 2)
    for _ in range(5):
        world.story(ATTACK)
    assert make_items(world.archive, [desk(), desk("other")], NOW) == 10
    assert len(world.items()) == 10


def test_an_item_claimed_while_it_is_weighed_becomes_an_update(postgres_archive: Archive, tmp_path: Path) -> None:
    """Two connections: a digest has claimed the item, but not committed, when the severer flag is weighed."""
    world = World(postgres_archive, tmp_path)
    story = world.story(ATTACK)
    make_items(world.archive, [desk()], NOW)
    world.flag(1, rule="massacre", severity="critical")
    weighing = Thread(target=make_items, args=(world.archive, [desk()], NOW))
    with world.archive.write() as connection:
        digest = digest_queries.create_digest(connection, "field", 1, NOW, NOW, NOW)
        assert len(queries.claim_items(connection, "field", digest)) == 1
        weighing.start()
        while not waiting_for_a_lock(world.archive):
            assert weighing.is_alive()
            sleep(0.02)
    weighing.join()
    assert world.items() == [("field", story, 1, "new", True), ("field", story, 2, "update", False)]


def waiting_for_a_lock(archive: Archive) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with archive.read() as connection:
        return bool(connection.execute(sa.text(query)).scalar_one())


SEVERITY = st.sampled_from(["low", "medium", "high", "critical"])
STEP = st.one_of(
    st.tuples(st.just("article"), st.booleans()),
    st.tuples(st.just("flag"), st.integers(0, 5), SEVERITY, st.sampled_from(["civilian_attack", "ceasefire"])),
    st.tuples(st.just("withdraw"), st.integers(0, 5)),
    st.tuples(st.just("items")),
    st.tuples(st.just("claim")),
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(STEP, max_size=14))
def test_never_twice_and_never_lost(sqlite_archive: Archive, tmp_path: Path, steps: list[tuple[Any, ...]]) -> None:
    """Whatever happens in whatever order: every fact a desk follows is in an item, and no item says only old things."""
    world = World(sqlite_archive, tmp_path)
    with world.archive.write() as connection:
        for table in (ledger.item, ledger.weighed, ledger.desk_state, ledger.digest, ledger.flag, ledger.story_article):
            connection.execute(table.delete())
        connection.execute(ledger.story.delete())
        for table in archive_schema.metadata.sorted_tables:
            connection.execute(table.delete())
    desks = [desk(), desk("truces", topics=("ceasefire",))]
    start_desks(world.archive, desks, NOW, timedelta(hours=24))
    articles: list[int] = []
    for number, (kind, *details) in enumerate(steps):
        if kind == "article":
            articles.append(world.article(f"Title {number}", backfill=details[0]))
        elif kind == "items":
            group_articles(world.archive, NOW)
            make_items(world.archive, desks, NOW)
        elif kind == "claim":
            for one in desks:
                claim(world.archive, one.id, number + 1)
        elif articles:
            key = articles[details[0] % len(articles)]
            if kind == "flag":
                world.flag(key, rule=f"rule {number}", severity=details[1], topic=details[2])
            else:
                world.withdraw(key)
    group_articles(world.archive, NOW)
    make_items(world.archive, desks, NOW)
    assert make_items(world.archive, desks, NOW) == 0
    check_invariants(world)


def check_invariants(world: World) -> None:
    items = world.rows(ledger.item)
    told = [(row["desk"], row["story"], row["revision"]) for row in items]
    assert len(told) == len(set(told))
    open_ = [(row["desk"], row["story"]) for row in items if row["digest"] is None]
    assert len(open_) == len(set(open_))
    assert all((row["kind"] == "new") == (row["change"] == "") for row in items)
    fresh = {row["id"] for row in world.rows(archive_schema.article) if not row["backfill"]}
    expected = set()
    for row in world.rows(ledger.flag):
        if row["article"] in fresh and row["withdrawn_at"] is None:
            story = world.story_of(row["article"])
            expected.add(("field", story))
            if row["topic"] == "ceasefire":
                expected.add(("truces", story))
    assert expected <= {(row["desk"], row["story"]) for row in items}
