"""Which stories alert now: settle time, updates, quiet hours, silences, storms. Pure decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.alerting import HOUR, Decision, decide, is_quiet, news_since
from alerts.desks import AlertRules
from alerts.ledger.alerts import Candidate, LastAlert, Past, Silence

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RULES = AlertRules(severities=("high", "critical"))
NOTHING = Past(0, None)
ATTACK = "event civilian_attack"


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def candidate(story: int = 1, severity: str = "critical", since: float = 10, **more: Any) -> Candidate:
    """A story that became loud `since` minutes ago."""
    given: dict[str, Any] = {"facts": {ATTACK: severity}, "reach": {"outlets": 1}, "next_revision": 1}
    return Candidate(story=story, loud_since=NOW - minutes(since), **{**given, **more})


def told(ago: float, facts: Mapping[str, str], outlets: int = 1) -> LastAlert:
    return LastAlert(NOW - minutes(ago), facts, {"outlets": outlets})


def ask(*candidates: Candidate, rules: AlertRules = RULES, past: Past = NOTHING, silences: Any = ()) -> Decision:
    return decide(rules, candidates, silences, past, NOW, "Europe/Kyiv")


def test_a_loud_story_alerts_once_it_has_settled() -> None:
    assert ask(candidate(since=2)).waiting == 1
    (alert,) = ask(candidate(since=3)).alerts
    assert (alert.kind, alert.severity, alert.revision) == ("new", "critical", 1)


def test_what_is_not_loud_not_an_event_or_old_does_not_alert() -> None:
    quiet = candidate(severity="medium")
    said = candidate(facts={"statement civilian_attack": "critical"})
    old = replace(candidate(), loud_since=None)
    assert ask(quiet, said, old) == Decision()


def test_the_loudest_come_first() -> None:
    decision = ask(candidate(1, "high"), candidate(2, "critical"), candidate(3, "high"))
    assert [alert.story for alert in decision.alerts] == [2, 1, 3]


@pytest.mark.parametrize(
    ("facts", "outlets", "words"),
    [
        ({ATTACK: "high"}, 2, []),  # a copy is no update
        ({ATTACK: "high"}, 5, ["now 5 outlets"]),
        ({ATTACK: "critical"}, 1, ["now critical, was high"]),
        ({ATTACK: "high", "event ceasefire violated": "high"}, 1, ["also ceasefire · violated"]),
        ({ATTACK: "high", "statement ceasefire talks": "high"}, 1, []),
        ({}, 1, []),
    ],
)
def test_updates_tell_what_is_new(facts: dict[str, str], outlets: int, words: list[str]) -> None:
    assert news_since({ATTACK: "high"}, {"outlets": 1}, facts, {"outlets": outlets}) == words


def test_an_update_waits_for_its_time() -> None:
    risen: dict[str, Any] = {"facts": {ATTACK: "critical"}, "next_revision": 2}
    assert ask(candidate(last=told(29, {ATTACK: "high"}), **risen)).waiting == 1
    (alert,) = ask(candidate(last=told(30, {ATTACK: "high"}), **risen)).alerts
    assert (alert.kind, alert.revision, alert.change) == ("update", 2, "now critical, was high")


def test_quiet_hours_hold_what_may_not_break_through() -> None:
    rules = replace(RULES, quiet=(time(13), time(15)))  # 12:00 UTC is 14:00 in Kyiv
    decision = ask(candidate(1, "high"), candidate(2, "critical"), rules=rules)
    assert [alert.story for alert in decision.alerts] == [2]
    assert decision.waiting == 1


@pytest.mark.parametrize(
    ("begin", "end", "hour", "quiet"),
    [(22, 6, 21, False), (22, 6, 22, True), (22, 6, 3, True), (22, 6, 6, False), (1, 5, 4, True), (1, 5, 5, False)],
)
def test_quiet_hours_may_pass_midnight(begin: int, end: int, hour: int, quiet: bool) -> None:
    assert is_quiet((time(begin), time(end)), datetime(2026, 3, 1, hour, tzinfo=UTC), "UTC") is quiet


def test_quiet_hours_follow_the_clock_change() -> None:
    # 05:30 UTC is 06:30 in Paris in winter and 07:30 in summer.
    hours = (time(22), time(7))
    assert is_quiet(hours, datetime(2026, 3, 28, 5, 30, tzinfo=UTC), "Europe/Paris")
    assert not is_quiet(hours, datetime(2026, 3, 29, 5, 30, tzinfo=UTC), "Europe/Paris")


@pytest.mark.parametrize(
    ("story", "topic", "begins", "ends", "silent"),
    [
        (None, "", -60, 60, True), (1, "", -60, 60, True), (2, "", -60, 60, False),
        (None, "civilian_attack", -60, 60, True), (None, "ceasefire", -60, 60, False),
        (None, "", -60, 0, False), (None, "", 5, 60, False),
    ],
)  # fmt: skip
def test_silences_cover_a_desk_a_story_or_a_topic(
    story: int | None, topic: str, begins: int, ends: int, silent: bool
) -> None:
    silence = Silence(1, "night", story, topic, "Ana", "drill", NOW + minutes(begins), NOW + minutes(ends))
    decision = ask(candidate(1), silences=[silence])
    assert (len(decision.silenced), len(decision.alerts)) == ((1, 0) if silent else (0, 1))


def test_a_storm_is_one_message_an_hour() -> None:
    rules = replace(RULES, most_an_hour=3)
    many = [candidate(story) for story in range(1, 8)]
    decision = ask(*many, rules=rules, past=Past(1, None))
    assert [alert.story for alert in decision.alerts] == [1, 2]
    assert [alert.story for alert in decision.storm] == [3, 4, 5, 6, 7]
    again = ask(*many, rules=rules, past=Past(3, NOW - minutes(59)))
    assert (again.alerts, again.storm, again.waiting) == ((), (), 7)
    later = ask(*many, rules=rules, past=Past(3, NOW - HOUR))
    assert len(later.storm) == 7


facts = st.dictionaries(
    st.sampled_from([ATTACK, "event ceasefire violated", "statement ceasefire talks"]),
    st.sampled_from(["low", "medium", "high", "critical"]),
)


@given(
    st.lists(st.tuples(facts, st.integers(-5, 800), st.integers(1, 60)), max_size=30),
    st.integers(1, 5), st.integers(0, 8), st.one_of(st.none(), st.integers(0, 120)),
)  # fmt: skip
def test_no_story_is_told_twice_and_never_more_than_agreed(
    drawn: list[tuple[dict[str, str], int, int]], most: int, sent: int, storm: int | None
) -> None:
    candidates = [
        candidate(key, since=since, facts=known, reach={"outlets": outlets})
        for key, (known, since, outlets) in enumerate(drawn, 1)
    ]
    rules = replace(RULES, most_an_hour=most)
    past = Past(sent, None if storm is None else NOW - minutes(storm))
    decision = ask(*candidates, rules=rules, past=past)
    stories = [alert.story for alert in (*decision.alerts, *decision.storm)]
    assert len(stories) == len(set(stories))
    assert len(decision.alerts) + sent <= max(most, sent)
    if storm is not None and storm < 60:
        assert not decision.storm
    for alert in (*decision.alerts, *decision.storm):
        assert alert.severity in rules.severities
    # What was told with an alert is no news in the next minute.
    after = [
        replace(one, last=LastAlert(NOW, one.facts, one.reach), next_revision=2)
        for one in candidates
        if one.story in stories
    ]
    calm = decide(rules, after, (), NOTHING, NOW + timedelta(days=1), "UTC")
    assert calm.alerts == calm.storm == ()
