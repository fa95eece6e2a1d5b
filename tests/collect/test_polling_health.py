"""States, habits, gaps, moves, distrust and fail-over: one row a situation. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from crawler.polling import (
    Decision,
    Habit,
    Health,
    Kind,
    Move,
    NoteKind,
    Outcome,
    State,
    challenge,
    kind_of_status,
    next_poll,
)
from crawler.polling.failover import Way, standing_by, works
from crawler.polling.gaps import is_given_up, reaches_back
from crawler.polling.health import first_habit
from crawler.polling.trust import is_distrusted, is_probe_due
from tests.collect.conftest import NOW
from tests.collect.test_polling import KNOWN, LIMITS, decide

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HOURLY = replace(KNOWN, habit=Habit(3600.0, 7 * 86400.0))


@pytest.mark.parametrize(
    ("habit", "silent", "expected"),
    [
        pytest.param(3600.0, 4.9 * HOUR, Health.OK, id="hourly, nearly five hours"),
        pytest.param(3600.0, 5.1 * HOUR, Health.SLOW, id="hourly, more than five hours"),
        pytest.param(86400.0, 4.9 * DAY, Health.OK, id="daily, nearly five days"),
        pytest.param(86400.0, 5.1 * DAY, Health.SLOW, id="daily, more than five days"),
        pytest.param(60.0, 2.9 * HOUR, Health.OK, id="every minute: nobody is slow before three hours"),
        pytest.param(60.0, 3.1 * HOUR, Health.SLOW, id="every minute, three hours"),
        pytest.param(None, 6.9 * DAY, Health.OK, id="nothing known, nearly a week"),
        pytest.param(None, 7.1 * DAY, Health.SLOW, id="nothing known, a week"),
    ],
)
def test_slow_is_five_times_the_usual_gap(habit: float | None, silent: timedelta, expected: Health) -> None:
    state = replace(KNOWN, habit=Habit(habit, 86400.0 if habit else 0.0), last_new=NOW - silent)
    assert decide(state, kind=Kind.UNCHANGED).health is expected
    assert decide(state, kind=Kind.CHANGED, entries=9).health is expected
    assert decide(state, kind=Kind.CHANGED, entries=9, new=1).health is Health.OK


def test_a_channel_that_never_had_anything_new_is_slow_too() -> None:
    state = replace(KNOWN, last_new=None, first_polled=NOW - 8 * DAY)
    decision = decide(state, kind=Kind.UNCHANGED)
    assert (decision.health, decision.reason) == (Health.SLOW, "nothing new since 2026-11-14 12:00 UTC")


def test_the_habit_counts_a_night_for_as_long_as_it_lasts() -> None:
    """Twenty items a quarter of an hour apart, then eight hours of nothing, day after day."""
    state, now = replace(KNOWN, last_new=NOW), NOW
    for _ in range(14):
        for wait in [timedelta(minutes=45)] * 20 + [9 * HOUR]:
            now += wait
            decision = next_poll(state, Outcome(Kind.CHANGED, entries=30, new=1), now, LIMITS)
            state = replace(state, habit=decision.habit, last_new=now, last_success=now)
    assert state.habit.gap is not None
    # A night of nine hours is nothing unusual for it, a day of silence is.
    assert 9 * 3600 < 5 * state.habit.gap < 24 * 3600
    assert state.habit.weight == pytest.approx(7 * 86400)


def test_an_outage_is_no_habit() -> None:
    state = replace(HOURLY, failures=3, last_new=NOW - 5 * DAY)
    assert decide(state, kind=Kind.CHANGED, entries=30, new=3).habit == HOURLY.habit
    assert decide(replace(state, failures=0), kind=Kind.CHANGED, entries=30, new=3).habit != HOURLY.habit


@pytest.mark.parametrize(
    ("hours_ago", "expected"),
    [
        pytest.param([], None, id="undated"),
        pytest.param([1], None, id="one"),
        pytest.param([0, 1, 2, 3, 4], 3600.0, id="hourly"),
        pytest.param([0, 1, 2, 3, 4, 9000], 3600.0, id="hourly, and something old pinned on top"),
        pytest.param([5, 5, 5], None, id="all at once"),
    ],
)
def test_a_first_document_tells_the_habit(hours_ago: list[float], expected: float | None) -> None:
    assert first_habit([NOW - timedelta(hours=ago) for ago in hours_ago]).gap == expected


def test_a_gap_needs_a_full_window_of_unknown_items() -> None:
    state = replace(KNOWN, listed=30)
    assert decide(state, kind=Kind.CHANGED, entries=30, new=30).health is Health.GAP
    assert decide(state, kind=Kind.CHANGED, entries=30, new=29).health is Health.OK
    assert decide(state, kind=Kind.CHANGED, entries=3, new=3).health is Health.OK  # was emptied, is filled anew
    assert decide(state, kind=Kind.CHANGED, entries=15, new=15).health is Health.GAP


@pytest.mark.parametrize(
    ("older", "expected"),
    [
        pytest.param([], False, id="nothing"),
        pytest.param([False, False], False, id="all from within"),
        pytest.param([True, False, False], False, id="one pinned on top proves nothing"),
        pytest.param([False, False, True], True, id="the last one is older"),
        pytest.param([True, True, True, False], True, id="three are older"),
    ],
)
def test_a_back_fill_must_reach_behind_the_gap(older: list[bool], expected: bool) -> None:
    assert reaches_back(older) is expected


def test_a_gap_is_given_up_after_six_hours() -> None:
    assert not is_given_up(NOW, NOW + 5.9 * HOUR)
    assert is_given_up(NOW, NOW + 6 * HOUR)


NEW_HOME = "https://a.example/new"


def moving(state: State, at: datetime, **outcome: Any) -> tuple[State, Decision]:
    values: dict[str, Any] = {"kind": Kind.UNCHANGED, "moved_to": NEW_HOME} | outcome
    decision = next_poll(state, Outcome(**values), at, LIMITS)
    followed = replace(
        state,
        health=decision.health,
        url=decision.url,
        old_url=decision.old_url,
        move=decision.move,
        failures=decision.failures,
        last_success=at,
    )
    return followed, decision


AT_OLD = replace(KNOWN, url="https://a.example/old")


def test_three_equal_answers_over_a_day_move_a_channel() -> None:
    state, decision = moving(AT_OLD, NOW)
    assert (decision.health, state.url, state.move) == (Health.MOVED, AT_OLD.url, Move(NEW_HOME, NOW, 1))
    assert decision.reason == f"moved for good to {NEW_HOME} (answered 1 times since 2026-11-22 12:00 UTC)"
    for hours in (1, 2, 3):
        state, decision = moving(state, NOW + hours * HOUR)
        assert (state.url, decision.notes) == (AT_OLD.url, ())
    state, decision = moving(state, NOW + DAY)
    assert (state.url, state.old_url, state.move) == (NEW_HOME, AT_OLD.url, None)
    [note] = decision.notes
    assert (note.kind, note.evidence) == (NoteKind.MOVE, {"from": AT_OLD.url, "to": NEW_HOME, "answers": 5})
    # Asked there from now on, it goes on saying that the source's file names another address.
    _, decision = moving(state, NOW + DAY + HOUR, moved_to="")
    assert (decision.health, decision.notes) == (Health.MOVED, ())
    assert decision.reason == f"is asked at {NEW_HOME}, was {AT_OLD.url}"


@pytest.mark.parametrize(
    ("between", "moved"),
    [
        pytest.param({"moved_to": ""}, False, id="answered at its old place meanwhile"),
        pytest.param({"moved_to": "https://b.example/"}, False, id="led elsewhere meanwhile"),
        pytest.param({"kind": Kind.NOT_A_FEED}, False, id="no feed there meanwhile"),
        pytest.param({"kind": Kind.FAILED, "moved_to": ""}, True, id="a time-out says nothing"),
        pytest.param({"kind": Kind.CHANGED, "entries": 9, "new": 1}, True, id="items overlap"),
    ],
)
def test_what_interrupts_a_move(between: dict[str, Any], moved: bool) -> None:
    state, _ = moving(AT_OLD, NOW)
    state, _ = moving(state, NOW + 12 * HOUR, **between)
    state, _ = moving(state, NOW + DAY)
    state, _ = moving(state, NOW + DAY + HOUR)
    assert (state.url == NEW_HOME) is moved


def test_a_target_that_lists_other_items_is_not_believed() -> None:
    state = AT_OLD
    for day in range(5):
        state, _ = moving(state, NOW + day * DAY, kind=Kind.CHANGED, entries=9, new=9)
    assert state.url == AT_OLD.url


def test_a_new_address_that_fails_is_left_again() -> None:
    state = replace(AT_OLD, url=NEW_HOME, old_url=AT_OLD.url)
    for _ in range(4):
        state, decision = moving(state, NOW, kind=Kind.NOT_FOUND, moved_to="")
        assert (state.url, decision.notes) == (NEW_HOME, ())
    state, decision = moving(state, NOW, kind=Kind.NOT_FOUND, moved_to="")
    assert (state.url, state.old_url) == (AT_OLD.url, "")
    assert [note.kind for note in decision.notes] == [NoteKind.MOVE]


@pytest.mark.parametrize(
    ("body_ago", "new_ago", "usual", "expected"),
    [
        pytest.param(2 * DAY, 2 * DAY, 3600.0, True, id="hourly, silent for two days"),
        pytest.param(23 * HOUR, 23 * HOUR, 3600.0, False, id="silent for less than a day"),
        pytest.param(2 * DAY, 2 * DAY, 86400.0, False, id="daily: two days are nothing"),
        pytest.param(5 * DAY, 5 * DAY, 86400.0, True, id="daily, silent for five days"),
        pytest.param(HOUR, 9 * DAY, 3600.0, False, id="had the whole document an hour ago"),
        pytest.param(25 * HOUR, 9 * DAY, None, True, id="once a day"),
        pytest.param(None, 9 * DAY, None, True, id="never known to have sent one"),
        pytest.param(None, None, None, False, id="never had"),
    ],
)
def test_when_unchanged_is_put_to_the_test(
    body_ago: timedelta | None, new_ago: timedelta | None, usual: float | None, expected: bool
) -> None:
    due = is_probe_due(
        last_body=None if body_ago is None else NOW - body_ago,
        last_new=None if new_ago is None else NOW - new_ago,
        habit=Habit(usual, 0),
        now=NOW,
    )
    assert due is expected


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        pytest.param({"same_validators": True, "new": 3}, True, id="new items under the same validators"),
        pytest.param({"new": 3}, True, id="undated: nothing says that they are of this minute"),
        pytest.param({"new": 1, "dates": (NOW - HOUR,)}, True, id="published before the last 304"),
        pytest.param({"new": 1, "dates": (NOW - timedelta(minutes=1),)}, False, id="published just now"),
        pytest.param({"kind": Kind.UNCHANGED}, False, id="the same body"),
        pytest.param({"new": 3, "probe": False}, False, id="no probe"),
    ],
)
def test_who_is_not_believed_any_more(outcome: dict[str, Any], expected: bool) -> None:
    state = replace(KNOWN, last_polled=NOW - timedelta(minutes=30))
    values: dict[str, Any] = {"kind": Kind.CHANGED, "entries": 30, "probe": True} | outcome
    decision = decide(state, **values)
    assert decision.distrust is expected
    assert [note.kind for note in decision.notes] == ([NoteKind.VALIDATORS] if expected else [])


def test_distrust_ends_after_a_month() -> None:
    assert is_distrusted(NOW, NOW + 29 * DAY)
    assert not is_distrusted(NOW, NOW + 30 * DAY)
    assert not is_distrusted(None, NOW)


F1, F2 = Way("f1", "feed", Health.OK), Way("f2", "feed", Health.NEW)
MAP, SECTION = Way("m", "sitemap", Health.OK), Way("s", "section", Health.OK)


def ill(way: Way, health: Health = Health.FLAKY) -> Way:
    return replace(way, health=health)


@pytest.mark.parametrize(
    ("ways", "asked"),
    [
        pytest.param([F1, F2, MAP, SECTION], {"f1", "f2"}, id="feeds work"),
        pytest.param([F1, ill(F2), MAP, SECTION], {"f1", "f2", "m"}, id="one of two feeds fails"),
        pytest.param([ill(F1), MAP, SECTION], {"f1", "m"}, id="the feed fails"),
        pytest.param([ill(F1), ill(MAP), SECTION], {"f1", "m", "s"}, id="both fail"),
        pytest.param([F1, ill(MAP), SECTION], {"f1"}, id="what stands by may be as it likes"),
        pytest.param([ill(F1), SECTION], {"f1", "s"}, id="no sitemap"),
        pytest.param([MAP, SECTION], {"m"}, id="no feed, as at Reuters and AP"),
        pytest.param([SECTION], {"s"}, id="only a section"),
        pytest.param([ill(F1, Health.PAUSED), MAP, SECTION], {"m"}, id="the feed is paused"),
        pytest.param([ill(F1, Health.SLOW), MAP], {"f1", "m"}, id="a feed that says nothing any more"),
        pytest.param([ill(F1, Health.GAP), MAP], {"f1"}, id="a gap is filled otherwise"),
        pytest.param([], set(), id="nothing"),
    ],
)
def test_who_is_asked(ways: list[Way], asked: set[str]) -> None:
    found = standing_by(ways)
    assert {name for name, standby in found.items() if not standby} == asked
    assert set(found) == {way.id for way in ways if way.health is not Health.PAUSED}


def test_every_state_either_works_or_not() -> None:
    working = {health for health in Health if works(health)}
    assert working == {Health.NEW, Health.OK, Health.GAP, Health.MOVED}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, Kind.BLOCKED) for status in (401, 402, 403, 451)),
        *((status, Kind.THROTTLED) for status in (429, 503)),
        *((status, Kind.FAILED) for status in (400, 500, 502, 999)),
        (404, Kind.NOT_FOUND),
        (410, Kind.GONE),
    ],
)
def test_what_a_status_means(status: int, kind: Kind) -> None:
    assert kind_of_status(status) is kind


PAGE = b"<!DOCTYPE html><html><head><title>Just a moment...</title><script>window._cf_chl_opt={}</script></head></html>"


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ({"cf-mitigated": "challenge"}, b"", "a challenge page (cf-mitigated: challenge)"),
        ({}, PAGE, "a challenge page (_cf_chl_opt)"),
        (
            {},
            b"<!-- x --><html><script src='https://geo.captcha-delivery.com/c.js'></script></html>",
            "captcha-delivery",
        ),
        ({}, b"<html><body>An ordinary page about a captcha</body></html>", ""),
        ({}, b"<?xml version='1.0'?><rss><channel><item>_cf_chl_opt</item></channel></rss>", ""),
        ({"cf-mitigated": "none"}, b"", ""),
    ],
)
def test_challenge_pages(headers: dict[str, str], body: bytes, expected: str) -> None:
    found = challenge(headers, body)
    assert expected in found
    assert bool(found) is bool(expected)
