"""When to ask again and how a channel is: one row a situation. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from crawler.polling import (
    Arrivals,
    Decision,
    Health,
    Kind,
    Limits,
    Outcome,
    State,
    max_age_minutes,
    next_poll,
    retry_after_seconds,
)
from tests.collect.conftest import NOW

LIMITS = Limits(low=timedelta(minutes=15), high=timedelta(minutes=180), first=timedelta(minutes=60))
KNOWN = State(
    health=Health.OK,
    since=NOW - timedelta(days=30),
    reason="",
    interval_seconds=1800,
    failures=0,
    arrivals=Arrivals(1.0),
    first_polled=NOW - timedelta(days=30),
    last_success=NOW - timedelta(minutes=30),
    last_new=NOW - timedelta(hours=1),
)
NEW = State(Health.NEW, NOW, "", 900, 0)


def decide(state: State = KNOWN, limits: Limits = LIMITS, **outcome: Any) -> Decision:
    return next_poll(state, Outcome(**outcome), NOW, limits)


def minutes(decision: Decision) -> float:
    return (decision.next_poll - NOW).total_seconds() / 60


def test_first_fetch_without_news_waits_the_default() -> None:
    assert minutes(decide(NEW, kind=Kind.CHANGED, entries=20, new=20)) == 60


def test_first_fetch_learns_the_rate_from_the_entries() -> None:
    dates = tuple(NOW - timedelta(minutes=14 * number) for number in range(30))
    decision = decide(NEW, kind=Kind.CHANGED, entries=30, new=30, dates=dates)
    assert (minutes(decision), decision.health, decision.listed) == (15, Health.OK, 30)
    assert decision.arrivals.rate == pytest.approx(26 / 6)
    assert decision.habit.gap == pytest.approx(14 * 60)


@pytest.mark.parametrize(
    ("entries", "new", "expected"),
    [
        pytest.param(30, 10, 15, id="twenty an hour: as often as allowed"),
        pytest.param(100, 1, 30, id="two an hour: one poll for each"),
        pytest.param(4, 1, 30, id="two an hour, short window: a quarter of it is half an hour too"),
        pytest.param(2, 1, 15, id="a window of two: before half of it is gone"),
    ],
)
def test_interval(entries: int, new: int, expected: float) -> None:
    assert minutes(decide(kind=Kind.CHANGED, entries=entries, new=new)) == pytest.approx(expected)


def test_the_rate_decays_and_the_interval_grows_to_its_bound() -> None:
    state, waits = KNOWN, []
    for _ in range(30):
        decision = decide(state, kind=Kind.UNCHANGED)
        waits.append(minutes(decision))
        state = replace(state, arrivals=decision.arrivals, last_success=NOW - (decision.next_poll - NOW))
    assert waits == sorted(waits)
    assert waits[-1] == 180


def test_a_burst_that_begins_is_told_by_the_dates() -> None:
    """Six new items in an hour are six an hour; all of the last minutes they are many more."""
    hour_ago = replace(KNOWN, last_success=NOW - timedelta(hours=1))
    slowly = tuple(NOW - timedelta(minutes=10 * number) for number in range(6))
    just_now = tuple(NOW - timedelta(minutes=number) for number in range(6))
    often = replace(LIMITS, low=timedelta(minutes=2), agreed=True)
    undated = decide(hour_ago, often, kind=Kind.CHANGED, entries=10, new=6)
    calm = decide(hour_ago, often, kind=Kind.CHANGED, entries=10, new=6, dates=slowly)
    burst = decide(hour_ago, often, kind=Kind.CHANGED, entries=10, new=6, dates=just_now)
    assert 6 <= undated.arrivals.rate <= calm.arrivals.rate < 9 < burst.arrivals.rate < 12
    assert burst.interval_seconds <= calm.interval_seconds <= undated.interval_seconds


def test_a_burst_is_remembered_and_so_shortens_quiet_times() -> None:
    quiet = replace(KNOWN, arrivals=Arrivals(0.0, 0.0, 20.0), listed=30)
    assert minutes(decide(quiet, kind=Kind.UNCHANGED)) == 60
    assert minutes(decide(replace(quiet, listed=10), kind=Kind.UNCHANGED)) == 20
    assert minutes(decide(replace(quiet, arrivals=Arrivals()), kind=Kind.UNCHANGED)) == 180
    # Two weeks later it counts for a third.
    later = replace(quiet, last_new=NOW - timedelta(days=14), last_success=NOW - timedelta(hours=1))
    one = decide(later, kind=Kind.CHANGED, entries=30, new=1)
    assert one.arrivals.peak == pytest.approx(20 / 2.718, rel=0.01)


def test_without_validators_hourly_at_most_unless_agreed() -> None:
    often: dict[str, Any] = {"kind": Kind.CHANGED, "entries": 30, "new": 10, "validators": False}
    assert minutes(decide(**often)) == 60
    agreed = Limits(low=timedelta(minutes=2), high=LIMITS.high, first=LIMITS.first, agreed=True)
    assert minutes(decide(limits=agreed, **often)) < 15


@pytest.mark.parametrize(("asked", "expected"), [(30, 30), (1440, 60), (5, 15)])
def test_what_the_document_asks_for_is_capped(asked: int, expected: float) -> None:
    assert minutes(decide(kind=Kind.CHANGED, entries=30, new=10, asks_minutes=asked)) == expected


def test_a_gap_is_asked_again_soon() -> None:
    decision = decide(kind=Kind.CHANGED, entries=30, new=30)
    assert (decision.health, minutes(decision)) == (Health.GAP, 15)
    assert "all 30 items were new" in decision.reason
    assert decide(kind=Kind.CHANGED, entries=1, new=1).health is Health.OK
    assert decide(NEW, kind=Kind.CHANGED, entries=30, new=30).health is Health.OK


@pytest.mark.parametrize(
    ("failures", "good_ago", "expected", "health"),
    [
        (0, timedelta(hours=1), timedelta(hours=1), Health.FLAKY),
        (3, timedelta(hours=6), timedelta(hours=2.5), Health.FLAKY),
        (4, timedelta(hours=6), timedelta(hours=3), Health.FAILING),
        (2, timedelta(hours=25), timedelta(hours=2), Health.FAILING),
        (40, timedelta(days=2), timedelta(hours=6), Health.FAILING),
        (60, timedelta(days=4), timedelta(hours=24), Health.FAILING),
        (80, timedelta(days=15), timedelta(hours=24), Health.DEAD),
    ],
)
def test_back_off(failures: int, good_ago: timedelta, expected: timedelta, health: Health) -> None:
    state = replace(KNOWN, failures=failures, last_success=NOW - good_ago, failing_since=NOW - good_ago)
    decision = decide(state, kind=Kind.FAILED, reason="HTTP 500")
    assert (decision.next_poll - NOW, decision.health, decision.failures) == (expected, health, failures + 1)
    assert decision.interval_seconds == 1800
    assert (decision.reason, decision.hold_until) == ("HTTP 500", None)


def test_a_channel_that_never_worked_gets_worse_too() -> None:
    state = replace(NEW, health=Health.FAILING, failing_since=NOW - timedelta(days=15), failures=50)
    assert decide(state, kind=Kind.FAILED).health is Health.DEAD


@pytest.mark.parametrize(
    ("asked", "pause", "held"),
    [
        (7200.0, timedelta(hours=2), timedelta(hours=2)),
        (60.0, timedelta(minutes=30), timedelta(minutes=1)),
        (None, timedelta(minutes=30), timedelta(minutes=15)),
    ],
)
def test_throttled(asked: float | None, pause: timedelta, held: timedelta) -> None:
    decision = decide(kind=Kind.THROTTLED, retry_after=asked)
    assert (decision.health, decision.next_poll, decision.hold_until) == (Health.THROTTLED, NOW + pause, NOW + held)


def test_not_found_is_asked_daily() -> None:
    decision = decide(kind=Kind.NOT_FOUND)
    assert (decision.health, decision.next_poll) == (Health.FLAKY, NOW + timedelta(days=1))


def test_gone_needs_a_second_answer_a_day_later() -> None:
    first = decide(kind=Kind.GONE, reason="HTTP 410")
    assert (first.health, first.refused_for_good) == (Health.FLAKY, False)
    state = replace(KNOWN, health=first.health, reason=first.reason, gone_since=first.gone_since)
    soon = next_poll(state, Outcome(Kind.GONE, reason="HTTP 410"), NOW + timedelta(hours=1), LIMITS)
    assert (soon.health, soon.reason) == (Health.FLAKY, first.reason)
    later = next_poll(state, Outcome(Kind.GONE, reason="HTTP 410"), NOW + timedelta(hours=24), LIMITS)
    assert (later.health, later.refused_for_good) == (Health.GONE, True)
    state = replace(state, health=later.health, reason=later.reason)
    assert not next_poll(state, Outcome(Kind.GONE), NOW + timedelta(days=8), LIMITS).refused_for_good


@pytest.mark.parametrize(
    ("kind", "health"),
    [
        (Kind.BLOCKED, Health.BLOCKED),
        (Kind.NOT_A_FEED, Health.NOT_A_FEED),
        (Kind.LAYOUT_CHANGED, Health.LAYOUT_CHANGED),
    ],
)
def test_own_states(kind: Kind, health: Health) -> None:
    decision = decide(kind=kind)
    assert (decision.health, decision.refused_for_good) == (health, health is Health.BLOCKED)
    assert decision.next_poll >= NOW + timedelta(minutes=30)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("1.5", 1.5),
        ("999999", 86400.0),
        ("Sun, 22 Nov 2026 12:10:00 GMT", 600.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
        ("Tue, 24 Nov 2026 12:00:00 GMT", 86400.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("99999999999999999999", None),
    ],
)
def test_retry_after(value: str, expected: float | None) -> None:
    assert retry_after_seconds(value, NOW) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("max-age=1800", 30),
        ("public, max-age = 60", 1),
        ("max-age=0", None),
        ("s-maxage=600, Max-Age=1200", 20),
        ("s-maxage=600", None),
        ("no-cache, max-age=900", None),
        ("", None),
    ],
)
def test_max_age(value: str, expected: int | None) -> None:
    assert max_age_minutes(value) == expected
