"""The state machine: what each event makes of a delivery, and what can never happen."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.delivery import states
from alerts.delivery.states import (
    Cancel,
    Claimed,
    DotNext,
    DoubtPolicy,
    Event,
    Hold,
    Lost,
    Orphaned,
    RelayTrouble,
    Replied,
    Resolve,
    Retry,
    Unwritable,
    Written,
    WrongStateError,
    decide,
)
from alerts.ledger.deliveries import FINAL, LONGEST_WAIT, Delivery, RelayHold, State

NOW = datetime(2026, 3, 1, 7, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
READY = Delivery(1, 1, None, "mail", "a@desk.example", "<1@x>", State.READY, 0, 0, NOW, "", NOW, NOW, None)
SENDING = decide(READY, Claimed(), NOW)
DOUBT = decide(SENDING, DotNext(), NOW)


def test_the_good_way() -> None:
    assert (SENDING.state, SENDING.attempts) == (State.SENDING, 1)
    assert DOUBT.state is State.DOUBT
    sent = decide(DOUBT, Replied(250, "2.0.0 queued as 17"), NOW + MINUTE)
    assert (sent.state, sent.sent_at, sent.reply) == (State.SENT, NOW + MINUTE, "250 2.0.0 queued as 17")


@pytest.mark.parametrize("before", [SENDING, DOUBT], ids=["before the dot", "at the dot"])
def test_4xx_waits_longer_each_time_and_fails_after_48_hours(before: Delivery) -> None:
    waits = []
    attempts = 0
    while True:
        attempts += 1
        after = decide(replace(before, attempts=attempts), Replied(450, "grey"), NOW)
        if after.state is State.FAILED:
            break
        assert after.state is State.READY
        waits.append((after.next_try - NOW) / MINUTE)
    assert waits[:6] == [5, 15, 30, 60, 120, 120]
    assert set(waits[6:]) == {120}
    assert 46 * 60 < sum(waits) <= 48 * 60
    assert after.reply == "given up after 48 hours: 450 grey"


@pytest.mark.parametrize("before", [SENDING, DOUBT])
def test_5xx_fails(before: Delivery) -> None:
    after = decide(before, Replied(550, "no such user"), NOW)
    assert (after.state, after.reply, after.sent_at) == (State.FAILED, "550 no such user", None)


def test_lost_before_the_dot_is_ready_and_lost_after_it_stays_in_doubt() -> None:
    before = decide(SENDING, Lost("cut"), NOW)
    assert (before.state, before.next_try, before.attempts) == (State.READY, NOW + 5 * MINUTE, 1)
    after = decide(DOUBT, Lost("cut"), NOW)
    assert (after.state, after.next_try) == (State.DOUBT, DOUBT.next_try)
    assert "after the final dot" in after.reply


@pytest.mark.parametrize(("code", "state"), [(-1, State.READY), (250, State.READY), (354, State.READY)])
def test_odd_answers_before_the_dot_accept_nothing(code: int, state: State) -> None:
    assert decide(SENDING, Replied(code, "odd"), NOW).state is state


@pytest.mark.parametrize("code", [-1, 100, 354, 999])
def test_odd_answers_to_the_dot_leave_the_doubt(code: int) -> None:
    after = decide(DOUBT, Replied(code, "odd"), NOW)
    assert (after.state, after.next_try) == (State.DOUBT, DOUBT.next_try)


def test_relay_trouble_costs_no_try() -> None:
    after = decide(SENDING, RelayTrouble("down"), NOW)
    assert (after.state, after.attempts, after.next_try) == (State.READY, 0, NOW)


def test_an_orphan_before_the_dot_is_ready_at_once() -> None:
    for policy in DoubtPolicy:
        after = decide(SENDING, Orphaned(policy), NOW)
        assert (after.state, after.next_try, after.doubts) == (State.READY, NOW, 0)


def test_a_doubt_is_settled_after_ten_minutes_by_policy() -> None:
    for policy in DoubtPolicy:
        assert decide(DOUBT, Orphaned(policy), NOW + 9 * MINUTE) == DOUBT
    resent = decide(DOUBT, Orphaned(DoubtPolicy.RESEND), NOW + 10 * MINUTE)
    assert (resent.state, resent.doubts, resent.next_try) == (State.READY, 1, NOW + 10 * MINUTE)
    held = decide(DOUBT, Orphaned(DoubtPolicy.HOLD), NOW + 10 * MINUTE)
    assert (held.state, held.doubts) == (State.HELD, 1)


def test_a_clock_set_back_does_not_keep_a_doubt_for_ever() -> None:
    assert decide(DOUBT, Orphaned(DoubtPolicy.RESEND), NOW - timedelta(days=400)).state is State.READY


def test_a_server_that_never_answers_the_dot_does_not_cause_endless_copies() -> None:
    delivery, now, dots = READY, NOW, 0
    while delivery.state is State.READY:
        delivery = decide(decide(decide(delivery, Claimed(), now), DotNext(), now), Lost("silent"), now)
        dots += 1
        now += timedelta(hours=1)
        delivery = decide(delivery, Orphaned(DoubtPolicy.RESEND), now)
    assert (delivery.state, dots) == (State.HELD, states.RESENDS)


def test_folders() -> None:
    folder = replace(SENDING, route="folder", target="out")
    written = decide(folder, Written("out/x.eml"), NOW)
    assert (written.state, written.sent_at) == (State.SENT, NOW)
    stuck = decide(replace(folder, attempts=500), Unwritable("disk full"), NOW)
    assert (stuck.state, stuck.next_try) == (State.READY, NOW + 120 * MINUTE)


def test_what_a_person_may_do() -> None:
    failed = decide(SENDING, Replied(550, "no"), NOW)
    held = decide(READY, Hold("suspended"), NOW)
    sent = decide(DOUBT, Replied(250, "ok"), NOW)
    cancelled = decide(READY, Cancel(), NOW)
    for delivery in (READY, failed, held, cancelled):
        again = decide(delivery, Retry(), NOW + MINUTE)
        assert (again.state, again.attempts, again.next_try) == (State.READY, 0, NOW + MINUTE)
    for delivery in (READY, failed, held):
        assert decide(delivery, Cancel(), NOW).state is State.CANCELLED
    assert decide(DOUBT, Resolve(sent=True), NOW).state is State.SENT
    assert decide(DOUBT, Resolve(sent=False), NOW).state is State.READY
    assert decide(held, Resolve(sent=True), NOW).state is State.SENT
    for delivery, event in (
        (sent, Retry()),
        (sent, Cancel()),
        (sent, Resolve(sent=False)),
        (SENDING, Retry()),
        (SENDING, Cancel()),
        (DOUBT, Retry()),
        (DOUBT, Cancel()),
        (READY, Resolve(sent=True)),
        (cancelled, Cancel()),
    ):
        with pytest.raises(WrongStateError, match=f"delivery 1 is {delivery.state}: cannot"):
            decide(delivery, event, NOW)


def test_a_relay_is_asked_after_1_5_and_15_minutes() -> None:
    hold: RelayHold | None = None
    waits = []
    for _ in range(5):
        hold = states.hold_relay(hold, "mail.example:25", "refused", NOW)
        waits.append((hold.next_try - NOW) / MINUTE)
    assert waits == [1, 5, 15, 15, 15]


EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.just(Claimed()),
    st.just(DotNext()),
    st.builds(Replied, st.sampled_from([-1, 220, 250, 354, 421, 450, 550, 552, 999]), st.text(max_size=20)),
    st.builds(Lost, st.text(max_size=20)),
    st.builds(RelayTrouble, st.text(max_size=20)),
    st.builds(Orphaned, st.sampled_from(DoubtPolicy)),
    st.just(Written("x.eml")),
    st.builds(Unwritable, st.text(max_size=20)),
    st.builds(states.Accepted, st.text(max_size=700)),
    st.builds(states.Refused, st.text(max_size=20)),
    st.builds(states.Postponed, st.text(max_size=20), st.timedeltas(timedelta(), timedelta(days=400))),
    st.just(states.Found()),
    st.builds(Hold, st.text(max_size=700)),
    st.just(Retry()),
    st.just(Cancel()),
    st.builds(Resolve, st.booleans()),
)


@settings(deadline=None)
@given(st.lists(st.tuples(EVENTS, st.integers(-60, 10_000)), max_size=40))
def test_no_sequence_of_events_loses_a_delivery_or_sends_a_sent_one(steps: list[tuple[Event, int]]) -> None:
    delivery, now = READY, NOW
    dots = 0
    for event, minutes in steps:
        now += minutes * MINUTE
        try:
            after = decide(delivery, event, now)
        except WrongStateError:
            continue
        dots += isinstance(event, DotNext)
        # Its identity and its bytes' name never change.
        assert (after.id, after.message_id, after.target) == (delivery.id, delivery.message_id, delivery.target)
        # Only an answer, a written file or a person says that it arrived; nothing leaves `sent`.
        if after.state is State.SENT:
            assert isinstance(event, Resolve | Written | states.Accepted | states.Found) or (
                isinstance(event, Replied) and 200 <= event.code <= 299
            )
            assert after.sent_at is not None
        assert delivery.state is not State.SENT or after == delivery
        # The way to the dot leads over a committed doubt, and a doubt never silently becomes one that was not sent.
        assert after.state is not State.DOUBT or delivery.state in (State.SENDING, State.DOUBT)
        if (
            delivery.state is State.DOUBT
            and after.state is State.READY
            and not isinstance(event, Replied | states.Postponed)
        ):
            assert after.doubts == delivery.doubts + 1
        assert after.attempts >= 0
        assert len(after.reply) <= 600
        if after.state is State.READY and after != delivery:
            assert after.next_try <= now + LONGEST_WAIT
        delivery = after
    # Whatever happened, what is not final can still be claimed or settled: no row is stuck.
    if delivery.state not in FINAL:
        later = now + timedelta(days=1)
        event = Claimed() if delivery.state is State.READY else Orphaned(DoubtPolicy.RESEND)
        assert decide(delivery, event, later) != delivery
    assert dots <= len(steps)
