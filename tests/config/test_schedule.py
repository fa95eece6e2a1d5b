"""Slots: the same answer for cron, daemon and a person, also on the days on which clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from cronsim import CronSim
from hypothesis import given
from hypothesis import strategies as st

from alerts.schedule import check_cron, check_zone, missed_slots, next_slots, prev_slot

ZONES = [
    "UTC",
    "Europe/Kyiv",
    "America/New_York",
    "Africa/Khartoum",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Asia/Gaza",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Asia/Yangon",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "America/Santiago",
    "Pacific/Chatham",
    "Antarctica/Troll",
    "America/Havana",
]
RULES = [
    "0 7,17 * * *",
    "30 2 * * *",
    "0 0 * * *",
    "15 3 * * *",
    "59 23 * * *",
    "0 7 * * MON-FRI",
    "0 6 1 * *",
    "*/20 * * * *",
    "5 * * * *",
    "0 */3 * * *",
    "0,30 1-3 * * *",
    "0 9 * * MON#1",
    "0 9 L * *",
]
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_slot_includes_its_own_instant() -> None:
    slot = utc("2026-07-01T04:00:00")  # 07:00 in Kyiv
    rule = ("0 7,17 * * *", "Europe/Kyiv")
    assert prev_slot(*rule, slot) == slot
    assert prev_slot(*rule, slot - timedelta(microseconds=1)) == utc("2026-06-30T14:00:00")
    assert prev_slot(*rule, slot + timedelta(hours=9, minutes=59)) == slot
    assert next_slots(*rule, slot, 2) == [utc("2026-07-01T14:00:00"), utc("2026-07-02T04:00:00")]
    assert next_slots(*rule, slot - timedelta(microseconds=1), 1) == [slot]


def test_summer_time_moves_the_slot_in_utc_only() -> None:
    slots = next_slots("0 7 * * *", "Europe/Kyiv", utc("2026-03-27T12:00:00"), 3)
    assert slots == [utc("2026-03-28T05:00:00"), utc("2026-03-29T04:00:00"), utc("2026-03-30T04:00:00")]
    slots = next_slots("0 7 * * *", "Europe/Kyiv", utc("2026-10-23T12:00:00"), 3)
    assert slots == [utc("2026-10-24T04:00:00"), utc("2026-10-25T05:00:00"), utc("2026-10-26T05:00:00")]


def test_a_skipped_time_comes_right_after_the_gap() -> None:
    # In Kyiv 03:00 becomes 04:00 on 29 March 2026: 03:30 does not exist.
    rule = ("30 3 * * *", "Europe/Kyiv")
    assert next_slots(*rule, utc("2026-03-28T12:00:00"), 2) == [utc("2026-03-29T01:00:00"), utc("2026-03-30T00:30:00")]
    assert prev_slot(*rule, utc("2026-03-29T00:59:59")) == utc("2026-03-28T01:30:00")
    assert prev_slot(*rule, utc("2026-03-29T01:00:00")) == utc("2026-03-29T01:00:00")


def test_a_repeated_time_comes_once_and_a_restart_between_does_not_matter() -> None:
    # In Kyiv 04:00 becomes 03:00 on 25 October 2026: 03:30 comes at 00:30 and at 01:30 UTC.
    rule = ("30 3 * * *", "Europe/Kyiv")
    first = utc("2026-10-25T00:30:00")
    for minutes in range(0, 180, 7):
        now = first + timedelta(minutes=minutes)
        assert prev_slot(*rule, now) == first
        assert next_slots(*rule, now, 1) == [utc("2026-10-26T01:30:00")]


def test_missed_slots() -> None:
    rule = ("0 7,17 * * *", "Europe/Kyiv")
    last = utc("2026-07-01T04:00:00")
    assert missed_slots(*rule, last, last) == 0
    assert missed_slots(*rule, last, utc("2026-07-01T13:59:59")) == 0
    assert missed_slots(*rule, last, utc("2026-07-01T14:00:00")) == 1
    assert missed_slots(*rule, last, utc("2026-07-03T06:00:00")) == 4
    assert missed_slots(*rule, last, last - timedelta(days=1)) == 0, "a clock that was set back"
    assert missed_slots("* * * * *", "UTC", last, last + timedelta(days=365)) == 10_000


@given(st.sampled_from(RULES), st.sampled_from(ZONES), MOMENTS)
def test_prev_and_next_are_neighbours(rule: str, zone: str, now: datetime) -> None:
    before, after = prev_slot(rule, zone, now), next_slots(rule, zone, now, 1)[0]
    assert before <= now < after
    assert prev_slot(rule, zone, before) == before
    assert prev_slot(rule, zone, after) == after
    assert prev_slot(rule, zone, after - timedelta(microseconds=1)) == before
    assert next_slots(rule, zone, before, 1) == [after]
    assert missed_slots(rule, zone, before, after) == 1
    assert before.tzinfo is UTC


def _changes(zone: str) -> tuple[date, ...]:
    """Local days of 2026 before which the zone's clocks change."""
    place = ZoneInfo(zone)
    noons = [datetime(2026, 1, 1, 12, tzinfo=place) + timedelta(days=day) for day in range(365)]
    return tuple(one.date() for one, other in pairwise(noons) if one.utcoffset() != other.utcoffset())


@cache
def _zones_that_change() -> dict[tuple[object, ...], str]:
    """One zone for each way to change the clocks."""
    found: dict[tuple[object, ...], str] = {}
    for zone in sorted(available_timezones()):
        if "/" in zone and (days := _changes(zone)):
            found.setdefault((ZoneInfo(zone).utcoffset(datetime(2026, 1, 1)), *days), zone)
    return found


@pytest.mark.parametrize("time", ["0 0", "30 0", "30 1", "0 2", "30 2", "30 3", "0 7"])
def test_a_daily_schedule_runs_once_on_every_local_day_in_every_zone(time: str) -> None:
    assert len(_zones_that_change()) > 20
    for zone in _zones_that_change().values():
        place = ZoneInfo(zone)
        for change in _changes(zone):
            first = change - timedelta(days=1)
            start = datetime(first.year, first.month, first.day, tzinfo=place).astimezone(UTC) - timedelta(seconds=1)
            slots = next_slots(f"{time} * * *", zone, start, 4)
            local = [slot.astimezone(place).date() for slot in slots]
            assert local == [first + timedelta(days=day) for day in range(4)], zone
            assert [prev_slot(f"{time} * * *", zone, slot) for slot in slots] == slots


@given(st.sampled_from(RULES), MOMENTS)
def test_without_clock_changes_it_is_plain_cron(rule: str, now: datetime) -> None:
    plain = CronSim(rule, now.replace(tzinfo=None))
    assert [slot.replace(tzinfo=None) for slot in next_slots(rule, "UTC", now, 3)] == [next(plain) for _ in range(3)]


@pytest.mark.parametrize("rule", RULES)
def test_good_rules(rule: str) -> None:
    assert check_cron(rule) is None


_PARTS = (
    ["0", "59", "*", "*/7", "5-9", "0,30", "60", "5-", "-1", "", "1,,2", "1-2-3", "*/0", "x", "0/5"],
    ["0", "23", "*", "*/5", "7-9", "7,17", "24", "9-7", "7:30", "*/*", "٧"],
    ["1", "31", "30", "29", "*", "L", "LW", "*/2", "0", "32", "W"],
    ["1", "2", "FEB", "*", "feb-apr", "*/3", "0", "13", "FEBR"],
    ["0", "7", "MON", "*", "MON-FRI", "5L", "MON#5", "MON#6", "8", "SUN-MON", "FRY"],
)
_RULES_OF_ANY_KIND = st.tuples(*map(st.sampled_from, _PARTS)).map(" ".join) | st.text("01*/,-L# @:", max_size=20)


@given(_RULES_OF_ANY_KIND)
def test_a_rule_is_refused_or_has_slots(rule: str) -> None:
    """Nothing that passes the check raises later, when a digest is due."""
    fault = check_cron(rule)
    if fault is None:
        now = utc("2026-03-01T00:00:00")
        assert prev_slot(rule, "Europe/Kyiv", now) <= now
        assert len(next_slots(rule, "Europe/Kyiv", now, 1)) == 1
    else:
        assert 0 <= fault.offset <= len(rule)
        assert fault.message


@pytest.mark.parametrize("zone", ["Europe/Kyiv", "Europe/Kiev", "America/Argentina/Buenos_Aires", "UTC", "Asia/Gaza"])
def test_good_zones(zone: str) -> None:
    assert check_zone(zone) is None


@pytest.mark.parametrize(
    "zone", ["CET", "EST5EDT", "GMT", "Etc/GMT+3", "Europe", "Europe/Atlantis", "posix/Europe/Kyiv"]
)
def test_zones_that_are_no_place(zone: str) -> None:
    assert check_zone(zone) is not None


def test_what_the_caller_did_wrong() -> None:
    with pytest.raises(ValueError, match="naive"):
        prev_slot("0 7 * * *", "UTC", datetime(2026, 1, 1))
    with pytest.raises(ValueError, match="naive"):
        next_slots("0 7 * * *", "UTC", datetime(2026, 1, 1), 1)
    with pytest.raises(ValueError, match="Atlantis"):
        prev_slot("0 7 * * *", "Europe/Atlantis", utc("2026-01-01T00:00:00"))
    with pytest.raises(ValueError, match="hour"):
        prev_slot("0 25 * * *", "UTC", utc("2026-01-01T00:00:00"))
