"""Whose turn it is: every job once, one turn a host, never before its rest is over."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from crawler.turns import Host, Turns

JOBS = st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=30)


def test_one_host_after_the_other_in_the_order_of_their_jobs() -> None:
    turns: Turns[int] = Turns()
    for number, key in enumerate("aabca"):
        turns.add(key, number)
    assert len(turns) == 3
    taken = [turns.take(1.0) for _ in range(4)]
    assert [None if one is None else (one[0].key, one[1]) for one in taken] == [("a", 0), ("b", 2), ("c", 3), None]
    assert taken[0] is not None
    turns.done(taken[0][0], 0)
    again = turns.take(1.0)
    assert again is not None
    assert (again[0].key, again[1], again[0].waits) == ("a", 1, True)


def test_a_host_rests_and_a_job_may_come_first() -> None:
    turns: Turns[str] = Turns()
    turns.add("a", "1")
    turns.add("a", "2")
    turns.add("b", "late", at=7.0)
    host, _ = turns.take(1.0) or (Host("none"), "")
    turns.add("a", "0", first=True)
    turns.done(host, 5.0)
    assert (turns.take(4.9), turns.next_at()) == (None, 5.0)
    host, job = turns.take(5.0) or (Host("none"), "")
    assert (host.key, job, turns.next_at()) == ("a", "0", 7.0)
    assert [job for _, job in (turns.take(9.0),) if job] == ["late"]  # type: ignore[misc]


@given(JOBS, st.randoms(use_true_random=False))
def test_every_job_is_done_once_and_no_host_has_two_turns(jobs: list[tuple[str, bool]], random: object) -> None:
    choose = random.random  # type: ignore[attr-defined]
    turns: Turns[int] = Turns()
    waiting = list(enumerate(jobs))
    now, done, busy = 1.0, list[int](), dict[str, tuple[Host[int], int]]()
    rested = dict.fromkeys("abc", 0.0)
    while waiting or turns:
        now += choose()
        if waiting and choose() < 0.5:
            number, (key, first) = waiting.pop(0)
            turns.add(key, number, at=rested[key], first=first)
        taken = turns.take(now)
        if taken is not None:
            assert taken[0].key not in busy
            assert rested[taken[0].key] <= now
            busy[taken[0].key] = taken
        elif busy:
            host, number = busy.pop(min(busy))
            done.append(number)
            rested[host.key] = now + choose()
            turns.done(host, rested[host.key])
    assert sorted(done) == list(range(len(jobs)))
    assert (len(turns), turns.take(now + 9), turns.next_at()) == (0, None, None)


@given(st.lists(st.sampled_from("ab"), max_size=20))
def test_jobs_of_a_host_keep_their_order(keys: list[str]) -> None:
    turns: Turns[int] = Turns()
    for number, key in enumerate(keys):
        turns.add(key, number)
    done: dict[str, list[int]] = {"a": [], "b": []}
    while (taken := turns.take(1.0)) is not None:
        done[taken[0].key].append(taken[1])
        turns.done(taken[0], 0)
    assert done == {key: [number for number, one in enumerate(keys) if one == key] for key in "ab"}
