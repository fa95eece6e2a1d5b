"""Freezing on both databases: one digest a slot, every item in exactly one, numbers without a gap."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import sqlalchemy as sa

from alerts.digests import make_digests, preview
from alerts.digests.freeze import empty_is_due
from alerts.digests.render import render
from alerts.items import make_items, start_desks
from alerts.ledger import digests as queries
from alerts.ledger import items as item_queries
from alerts.ledger import schema as ledger
from crawler.archive import Archive
from crawler.archive.schema import gap
from crawler.errors import Problem
from tests.ledger.world import NOW, World, desk

DAY = timedelta(days=1)
ATTACK = {"rule": "attack"}


def begin(world: World, **choices: Any) -> None:
    """Start the desk so that the slot before NOW is due."""
    start_desks(world.archive, [desk(**choices)], NOW, DAY)


def tell(world: World, now: datetime = NOW) -> int:
    """One more story, weighed."""
    story = world.story(ATTACK, seen_at=now - timedelta(seconds=30))
    make_items(world.archive, [desk()], now)
    return story


def freeze(world: World, now: datetime = NOW, **choices: Any) -> list[int]:
    return make_digests(world.archive, world.configuration([desk(**choices)]), now)


def snapshot(world: World, number: int) -> dict[str, Any]:
    with world.archive.read() as connection:
        found = queries.find_snapshot(connection, "field", number)
    assert found is not None
    return found


def stories(world: World, number: int) -> list[int]:
    return [story["story"] for story in snapshot(world, number)["stories"]]


def test_one_digest_a_slot_with_everything_unclaimed(world: World) -> None:
    begin(world)
    told = [tell(world), tell(world)]
    assert len(freeze(world)) == 1
    assert freeze(world) == []
    assert sorted(stories(world, 1)) == told
    assert all(claimed for *_, claimed in world.items())
    later = tell(world, NOW + DAY)
    assert len(freeze(world, NOW + DAY)) == 1
    assert stories(world, 2) == [later]
    rows = world.rows(ledger.digest)
    assert [(row["number"], row["slot"], row["state"], row["covers_from"]) for row in rows] == [
        (1, NOW - timedelta(minutes=1), "frozen", NOW - DAY - timedelta(minutes=1)),
        (2, NOW + DAY - timedelta(minutes=1), "frozen", NOW - timedelta(minutes=1)),
    ]
    assert snapshot(world, 2)["since_number"] == 1


def test_a_gap_is_told_once_and_only_when_it_could_not_be_filled(world: World) -> None:
    begin(world)
    hour = timedelta(hours=1)
    row = {"source": "post", "channel": "post:feed:1", "since": NOW - 9 * hour, "at": NOW - 8 * hour}
    states = [("open", None), ("filled", NOW - 7 * hour), ("unfilled", NOW - 2 * hour)]
    with world.archive.write() as connection:
        connection.execute(sa.insert(gap), [row | {"state": state, "settled_at": at} for state, at in states])
    told = []
    for day in range(2):
        tell(world, NOW + day * DAY)
        freeze(world, NOW + day * DAY)
        names = {line["name"]: line["text"] for line in snapshot(world, day + 1)["coverage"]["rows"]}
        told.append(names.get("Gaps", ""))
    assert told[0].startswith("articles may have been missed between two visits at 1 source: ")
    assert told[0].count(" to ") == 1
    assert told[1] == ""


def test_a_new_desk_is_told_at_its_next_slot(world: World) -> None:
    story = tell(world)
    assert freeze(world) == []
    assert len(freeze(world, NOW + DAY)) == 1
    assert stories(world, 1) == [story]


def test_several_missed_slots_give_one_digest_that_says_so(world: World) -> None:
    begin(world)
    freeze(world)
    story = tell(world)
    late = NOW + 3 * DAY + timedelta(hours=2, minutes=39)
    assert len(freeze(world, late)) == 1
    assert stories(world, 2) == [story]
    assert snapshot(world, 2)["late"] == {"due": "07:00", "made": "09:40", "missed": 3}
    assert "Due 07:00, sent 09:40. 2 earlier digests never went out" in render(snapshot(world, 2)).text


def test_a_clock_set_back_and_a_changed_schedule_repeat_nothing(world: World) -> None:
    begin(world)
    assert len(freeze(world)) == 1
    tell(world)
    assert freeze(world, NOW - timedelta(hours=5)) == []
    assert freeze(world, NOW, schedule="30 6 * * *") == []
    assert freeze(world, NOW, schedule="0 7 * * *", zone="Europe/Athens") == []
    assert len(freeze(world, NOW + timedelta(minutes=30), schedule="30 7 * * *")) == 1


@pytest.mark.parametrize(
    ("send_empty", "hours", "due"),
    [("always", 1, True), ("never", 24, False), ("daily", 1, False), ("daily", 19, True)],
)
def test_when_an_empty_digest_is_due(send_empty: str, hours: int, due: bool) -> None:
    assert empty_is_due(desk(send_empty=send_empty), NOW + timedelta(hours=hours), NOW) is due


def test_an_empty_slot_that_is_not_sent_is_answered_all_the_same(world: World) -> None:
    begin(world)
    assert freeze(world, send_empty="never") == []
    assert freeze(world, send_empty="always") == []
    story = tell(world)
    assert len(freeze(world, NOW + DAY, send_empty="never")) == 1
    assert [row["number"] for row in world.rows(ledger.digest)] == [1]
    assert stories(world, 1) == [story]


def test_an_empty_digest_still_comes(world: World) -> None:
    begin(world)
    assert len(freeze(world)) == 1
    assert render(snapshot(world, 1)).subject == "[Field] No new stories, 0 articles read from 0 of 0 sources (#1)"


def test_a_preview_claims_nothing_and_shows_what_the_digest_will(world: World) -> None:
    begin(world)
    tell(world)
    configuration = world.configuration([desk()])
    shown = preview(world.archive, configuration, desk(), NOW)
    assert shown.subject.endswith("(preview)")
    assert not any(claimed for *_, claimed in world.items())
    assert world.rows(ledger.digest) == []
    freeze(world)
    sent = render(snapshot(world, 1))
    assert shown.text.split("HIGH (1)")[1] == sent.text.split("HIGH (1)")[1]
    assert "No new stories" in preview(world.archive, configuration, desk(), NOW).text
    assert "No new stories" in preview(world.archive, configuration, desk("unknown"), NOW).text


def test_a_flag_withdrawn_before_the_digest_is_a_correction(world: World) -> None:
    begin(world)
    tell(world)
    world.withdraw(1)
    freeze(world)
    assert stories(world, 1) == []
    assert "CORRECTIONS" in render(snapshot(world, 1)).text


def test_a_story_proved_by_its_headline_shows_the_beginning_of_its_text(world: World) -> None:
    begin(world)
    world.story({"field": "title", "sentence": "Title 0", "terms": [[0, 5]], "end": 5})
    make_items(world.archive, [desk()], NOW)
    freeze(world)
    (story,) = snapshot(world, 1)["stories"]
    assert story["headline"] == [[True, "Title"], [False, " 0"]]
    assert story["evidence"][0]["segments"][0][1].startswith("Text number 1. It is told here")


def test_a_broken_rule_is_named(world: World) -> None:
    begin(world)
    problem = Problem("config/rules/truce.yaml", 3, 1, "1 bracket not closed")
    make_digests(world.archive, world.configuration([desk()], problems=(problem,)), NOW)
    assert "1 rule skipped because of errors: truce." in render(snapshot(world, 1)).text


def test_a_failure_in_the_middle_claims_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(world)
    tell(world)

    def fails(*_: object) -> None:
        raise RuntimeError("in the middle")

    with monkeypatch.context() as patch:
        patch.setattr("alerts.ledger.digests.move_desk", fails)
        with pytest.raises(RuntimeError):
            freeze(world)
    assert not any(claimed for *_, claimed in world.items())
    assert world.rows(ledger.digest) == []
    assert len(freeze(world)) == 1


def test_lists_of_digests_carry_the_states_of_their_deliveries(world: World) -> None:
    begin(world)
    (digest,) = freeze(world)
    values = {"digest": digest, "route": "mail", "message_id": "<1>", "state": "sent", "next_try": NOW}
    with world.archive.write() as connection:
        connection.execute(
            ledger.delivery.insert().values(**values, target="a@b.example", created_at=NOW, changed_at=NOW)
        )
    with world.archive.read() as connection:
        (row,) = queries.list_digests(connection)
        assert queries.list_digests(connection, "other") == []
        assert queries.find_snapshot(connection, "field", 2) is None
    assert (row["desk"], row["number"], row["state"], row["deliveries"]) == ("field", 1, "frozen", {"sent": 1})


def test_an_item_that_commits_late_is_in_the_next_digest(postgres_archive: Archive, tmp_path: Path) -> None:
    """The trap of watermarks: an item with a lower id becomes visible after a higher one was claimed."""
    world = World(postgres_archive, tmp_path)
    begin(world)
    first, second = world.story(ATTACK), world.story(ATTACK)
    with world.archive.write() as slow:
        assert item_queries.add_item(slow, "field", (first, 1), "new", "", NOW)
        with world.archive.write() as quick:
            assert item_queries.add_item(quick, "field", (second, 1), "new", "", NOW)
        assert len(freeze(world)) == 1
        assert stories(world, 1) == [second]
    assert len(freeze(world, NOW + DAY)) == 1
    assert stories(world, 2) == [first]


def test_runs_at_once_make_one_digest(world: World) -> None:
    begin(world)
    told = [tell(world) for _ in range(3)]
    configuration = world.configuration([desk()])
    made: list[int] = []
    threads = [Thread(target=lambda: made.extend(make_digests(world.archive, configuration, NOW))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert sorted(stories(world, 1)) == told
