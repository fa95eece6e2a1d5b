"""What must hold for every channel, every answer and every setting. Pure; by property."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from crawler.polling import Arrivals, Decision, Habit, Health, Kind, Limits, Move, Outcome, State, next_poll
from crawler.polling.failover import ORDER, Way, standing_by, works
from tests.collect.conftest import NOW

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GOOD = (Kind.CHANGED, Kind.UNCHANGED)

ago = st.none() | st.integers(0, 60 * 86400).map(lambda seconds: NOW - timedelta(seconds=seconds))


@st.composite
def some_limits(draw: st.DrawFn) -> Limits:
    low = draw(st.floats(2, 10_080))
    return Limits(
        low=timedelta(minutes=low),
        high=timedelta(minutes=draw(st.floats(15, 10_080))),
        first=timedelta(minutes=draw(st.floats(2, 600))),
        agreed=draw(st.booleans()),
        jitter=draw(st.floats(0, 1)),
    )


some_state = st.builds(
    State,
    health=st.sampled_from([health for health in Health if health is not Health.PAUSED]),
    since=st.just(NOW - DAY),
    reason=st.text(max_size=20),
    interval_seconds=st.integers(0, 10**6),
    failures=st.integers(0, 1000),
    arrivals=st.builds(Arrivals, st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1e6)),
    first_polled=ago,
    last_polled=ago,
    last_success=ago,
    last_new=ago,
    name=st.text(max_size=5),
    url=st.just("https://a.example/"),
    old_url=st.sampled_from(["", "https://old.example/"]),
    habit=st.builds(Habit, st.none() | st.floats(0, 1e7), st.floats(0, 1e6)),
    listed=st.none() | st.integers(0, 3000),
    asks_minutes=st.none() | st.integers(0, 10**6),
    failing_since=ago,
    gone_since=ago,
    move=st.none() | st.builds(Move, st.just("https://b.example/"), st.just(NOW - 2 * DAY), st.integers(0, 9)),
)


@st.composite
def some_outcome(draw: st.DrawFn, kinds: Any = tuple(Kind)) -> Outcome:
    entries = draw(st.integers(0, 3000))
    dates = draw(st.lists(st.integers(0, 10**7), max_size=8))
    return Outcome(
        kind=draw(st.sampled_from(kinds)),
        retry_after=draw(st.none() | st.floats(0, 86400)),
        entries=entries,
        new=draw(st.integers(0, entries)),
        dates=tuple(NOW - timedelta(seconds=seconds) for seconds in dates),
        validators=draw(st.booleans()),
        asks_minutes=draw(st.none() | st.integers(0, 10**6)),
        moved_to=draw(st.sampled_from(["", "https://b.example/", "https://c.example/"])),
        probe=draw(st.booleans()),
        same_validators=draw(st.booleans()),
    )


@given(some_state, some_outcome(), some_limits())
def test_never_sooner_than_politeness(state: State, outcome: Outcome, limits: Limits) -> None:
    assert next_poll(state, outcome, NOW, limits).next_poll >= NOW + limits.low


@given(some_state, some_outcome(), some_limits())
def test_never_stopped_silently(state: State, outcome: Outcome, limits: Limits) -> None:
    decision = next_poll(state, outcome, NOW, limits)
    longest = max(limits.low, limits.high, 7 * DAY)
    assert decision.next_poll <= NOW + longest * (1 + limits.jitter) + timedelta(seconds=1)
    assert decision.health is not Health.PAUSED
    assert decision.url


@given(some_state, some_outcome((Kind.THROTTLED,)), some_limits())
def test_never_sooner_than_retry_after(state: State, outcome: Outcome, limits: Limits) -> None:
    decision = next_poll(state, outcome, NOW, limits)
    asked = timedelta(seconds=outcome.retry_after or 0)
    assert decision.next_poll >= NOW + asked
    assert decision.hold_until is not None
    assert NOW + asked <= decision.hold_until <= NOW + DAY
    assert decision.next_poll >= decision.hold_until


@given(some_state, some_outcome(GOOD), some_limits())
def test_the_interval_of_a_healthy_channel_is_within_its_bounds(state: State, outcome: Outcome, limits: Limits) -> None:
    decision = next_poll(state, outcome, NOW, limits)
    pause = decision.next_poll - NOW
    # What servers ask for is heard up to an hour, and never more than that.
    assert limits.low <= pause <= max(limits.low, limits.high, HOUR)
    if not outcome.validators and not limits.agreed:
        assert pause >= HOUR
    asked = decision.asks_minutes or 0
    assert pause >= min(timedelta(minutes=asked), HOUR)
    assert decision.failures == 0
    assert decision.failing_since is None


@given(some_state, some_outcome(tuple(kind for kind in Kind if kind not in GOOD)), some_limits())
def test_failures_are_counted_and_told(state: State, outcome: Outcome, limits: Limits) -> None:
    decision = next_poll(state, outcome, NOW, limits)
    assert decision.failures == state.failures + 1
    assert decision.failing_since is not None
    assert not works(decision.health)


@given(some_state, some_limits(), st.integers(1, 400))
def test_back_off_is_at_most_six_hours_for_three_days_then_a_day(state: State, limits: Limits, hours: int) -> None:
    state = replace(state, failing_since=NOW - timedelta(hours=hours), old_url="")
    pause = next_poll(state, Outcome(Kind.FAILED), NOW, limits).next_poll - NOW
    usual = max(limits.low, min(timedelta(seconds=state.interval_seconds) or limits.first, limits.high))
    assert pause <= max(usual, 6 * HOUR if hours < 72 else DAY) + timedelta(seconds=1)


@given(some_state, some_outcome(), some_limits())
def test_the_same_poll_always_gives_the_same_decision(state: State, outcome: Outcome, limits: Limits) -> None:
    first: Decision = next_poll(state, outcome, NOW, limits)
    assert next_poll(state, outcome, NOW, limits) == first


@given(st.sets(st.text(min_size=1, max_size=6), min_size=30, max_size=40))
def test_channels_do_not_march_in_step(names: set[str]) -> None:
    limits = Limits(timedelta(minutes=15), timedelta(minutes=180), HOUR, jitter=0.1)
    state = State(Health.OK, NOW, "", 3600, 0, Arrivals(1.0), NOW - DAY, NOW - HOUR, NOW - HOUR, NOW - HOUR, listed=30)
    pauses = [
        next_poll(replace(state, name=name), Outcome(Kind.UNCHANGED), NOW, limits).next_poll - NOW for name in names
    ]
    usual = timedelta(seconds=next_poll(state, Outcome(Kind.UNCHANGED), NOW, limits).interval_seconds)
    assert all(0.9 * usual - HOUR / 3600 <= pause <= 1.1 * usual + HOUR / 3600 for pause in pauses)
    assert max(pauses) - min(pauses) > 0.05 * usual


ways = st.lists(
    st.tuples(st.sampled_from(ORDER), st.sampled_from(list(Health))).map(lambda pair: Way("", pair[0], pair[1])),
    max_size=8,
).map(lambda several: [replace(way, id=str(number)) for number, way in enumerate(several)])


@given(ways)
def test_some_way_in_is_always_asked(several: list[Way]) -> None:
    found = standing_by(several)
    present = [way for way in several if way.health is not Health.PAUSED]
    assert bool(present) == any(not standby for standby in found.values())
    asked = [way for way in present if not found[way.id]]
    # Whoever stands by does so because a better kind works completely.
    for way in present:
        if found[way.id]:
            better = [one for one in asked if ORDER.index(one.kind) < ORDER.index(way.kind)]
            last = max(ORDER.index(one.kind) for one in better)
            assert all(works(one.health) for one in better if ORDER.index(one.kind) == last)
