"""Whoever starts the runs, the same slots are answered, each once, also across clock changes and downtime.

Cron at odd minutes, a systemd timer's grid, the daemon's trigger: all of them only say "look now". The answers come
from the real freezing over a real ledger.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import pytest
import time_machine

from alerts.daemon import SlotTrigger
from alerts.desks import Desk
from alerts.digests import make_digests
from alerts.items import start_desks
from alerts.ledger import schema
from alerts.ledger.digests import load_snapshot
from alerts.schedule import next_slots, prev_slot
from crawler.archive import Archive
from tests.ledger.world import World, desk

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
WEEKS = [
    ("spring", "Europe/Kyiv", datetime(2026, 3, 26, tzinfo=UTC)),
    ("autumn", "Europe/Kyiv", datetime(2026, 10, 22, tzinfo=UTC)),
    ("half an hour", "Australia/Lord_Howe", datetime(2026, 4, 1, tzinfo=UTC)),
]
SCHEDULES = {"work": "0 7,17 * * *", "night": "30 2,3 * * *", "often": "10 */3 * * *", "weekly": "0 9 * * MON"}
DOWN = ((30 * HOUR, 37 * HOUR), (70 * HOUR, 80 * HOUR), (100 * HOUR, 102 * HOUR))
"""Times after the week's beginning in which the machine was off; the second spans the clock changes in Kyiv."""


def cron(start: datetime) -> Iterator[datetime]:
    """One-shots at odd moments, from seconds to an hour apart."""
    chance = random.Random(6)
    now = start
    while True:
        now += timedelta(seconds=chance.choice([7, 60, 300, 1700, 3600]) * chance.random())
        yield now


def timer(start: datetime) -> Iterator[datetime]:
    """A grid of five minutes with a little delay, as systemd's timers have it."""
    chance = random.Random(7)
    while True:
        start += 5 * MINUTE
        yield start + timedelta(seconds=59 * chance.random())


def runs(ticks: Iterable[datetime], start: datetime) -> Iterator[datetime]:
    """Those of a week outside of the downtime."""
    for now in ticks:
        if now > start + 7 * DAY:
            return
        if not any(begin < now - start < end for begin, end in DOWN):
            yield now


def daemon(desks: Iterable[Desk], start: datetime) -> Iterator[datetime]:
    """`serve`: woken by its trigger alone; after downtime it looks at its start."""
    trigger = SlotTrigger(lambda: tuple(desks))
    now: datetime | None = start
    while now is not None:
        now = next((start + end for begin, end in DOWN if begin < now - start < end), now)
        with time_machine.travel(now, tick=False):
            yield datetime.now(UTC)
            now = trigger.get_next_fire_time(None, datetime.now(UTC))


def simulations() -> Iterator[object]:
    """Every starter in every week; quick ones: each starter and each week once."""
    for place, starter in enumerate(("cron", "timer", "daemon")):
        for index, (name, zone, start) in enumerate(WEEKS):
            marks = () if place == index else (pytest.mark.heavy,)
            yield pytest.param(starter, zone, start, id=f"{starter}-{name}", marks=marks)


def answers(world: World) -> dict[str, list[tuple[datetime, int]]]:
    """Of each desk the slots of its digests and how many slots each covers, in the order of the numbers."""
    found: dict[str, list[tuple[datetime, int]]] = {}
    for row in world.rows(schema.digest):
        mine = found.setdefault(row["desk"], [])
        assert row["number"] == len(mine) + 1
        mine.append((row["slot"], (load_snapshot(row["snapshot"])["late"] or {"missed": 1})["missed"]))
    return found


@pytest.mark.parametrize(("starter", "zone", "start"), list(simulations()))
def test_every_slot_of_a_week_is_answered_once(
    sqlite_archive: Archive, tmp_path: Path, starter: str, zone: str, start: datetime
) -> None:
    world = World(sqlite_archive, tmp_path)
    desks = [desk(name, schedule=rule, zone=zone) for name, rule in SCHEDULES.items()]
    configuration = world.configuration(desks)
    start_desks(sqlite_archive, desks, start)
    ticks = {"cron": cron(start), "timer": timer(start), "daemon": daemon(desks, start)}[starter]
    asked = list(runs(ticks, start))
    idle, due = random.Random(8), start
    for now in asked:
        # Most runs that find nothing due are left out: they would only take time.
        if now >= due or idle.random() < 0.02:
            make_digests(sqlite_archive, configuration, now)
            due = min(next_slots(one.schedule, zone, now, 1)[0] for one in desks)
    for one in desks:
        check(one, answers(world)[one.id], asked, start)


def check(one: Desk, answered: list[tuple[datetime, int]], asked: list[datetime], start: datetime) -> None:
    """Each slot is in one digest: the newest a run found, alone or with those before it that nobody was there for."""
    due = [slot for slot in next_slots(one.schedule, one.zone, start, 200) if slot <= asked[-1]]
    expected: dict[datetime, int] = {}
    for slot in due:
        found_by = next(now for now in asked if now >= slot)
        newest = max(other for other in due if other <= found_by)
        expected[newest] = expected.get(newest, 0) + 1
    assert answered == sorted(expected.items())
    assert sum(covered for _, covered in answered) == len(due)
    assert max(covered for _, covered in answered) > 1 or one.id != "often"


@pytest.mark.parametrize("rule", ["10 */2 * * *", "40 * * * *", "45 */1 * * *"])
def test_half_an_hour_more_or_less_skips_and_repeats_no_local_hour(rule: str) -> None:
    zone = "Australia/Lord_Howe"
    for change in (datetime(2026, 4, 4, 15, tzinfo=UTC), datetime(2026, 10, 3, 15, 30, tzinfo=UTC)):
        slots = next_slots(rule, zone, change - 6 * HOUR, 12)
        local = [slot.astimezone(ZoneInfo(zone)) for slot in slots]
        step = 2 if "/2" in rule else 1
        assert [one.hour for one in local] == [(local[0].hour + n * step) % 24 for n in range(12)]
        assert [prev_slot(rule, zone, slot + 3 * MINUTE) for slot in slots] == slots


def local_days(zone: str, first: int, last: int) -> list[date]:
    """The days a zone has had in these years: where the date line was moved, one is missing."""
    place = ZoneInfo(zone)
    begin, end = datetime(first, 1, 1, tzinfo=UTC), datetime(last + 1, 1, 1, tzinfo=UTC)
    hours = range(int((end - begin) / (6 * HOUR)))
    return sorted({(begin + n * 6 * HOUR).astimezone(place).date() for n in hours})[1:-1]


def comes_after_a_missing_day(day: date, days: list[date]) -> bool:
    """The slot of a day that the calendar left out comes right after the gap, beside the slot of that day."""
    return day > days[0] and day - DAY not in days


SAMPLED = ["Africa/Casablanca", "America/Havana", "Asia/Beirut", "Europe/Kyiv", "Pacific/Apia"]
PARTS = 16


@cache
def zones_that_differ(first: int, last: int) -> list[str]:
    """One name of each history of clock changes in these years: many names are of the same clock."""
    found: dict[tuple[object, ...], str] = {}
    begin = datetime(first, 1, 1, tzinfo=UTC)
    days = [begin + n * DAY for n in range((datetime(last + 1, 1, 2, tzinfo=UTC) - begin).days)]
    for zone in sorted(name for name in available_timezones() if "/" in name or name == "UTC"):
        place = ZoneInfo(zone)
        offsets = [day.astimezone(place).utcoffset() for day in days]
        changes = [
            (change_between(place, before, after), new)
            for (before, old), (after, new) in pairwise(zip(days, offsets, strict=True))
            if old != new
        ]
        found.setdefault((offsets[0], *changes), zone)
    return list(found.values())


def change_between(place: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The minute from which a zone's offset is another one."""
    old = before.astimezone(place).utcoffset()
    while after - before > MINUTE:
        middle = before + (after - before) / 2
        if middle.astimezone(place).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after.replace(second=0, microsecond=0)


@pytest.mark.parametrize(
    ("zone", "first", "last"),
    [
        *((zone, 2024, 2026) for zone in SAMPLED),
        ("Pacific/Apia", 2011, 2012),
    ],
)
def test_a_daily_schedule_runs_once_on_every_local_day_of_years(zone: str, first: int, last: int) -> None:
    """Also at hours that clocks skip or repeat, and where a whole day was left out."""
    run_daily(zone, first, last)


@pytest.mark.heavy
@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(PARTS))
def test_a_daily_schedule_runs_once_on_every_local_day_everywhere(part: int) -> None:
    """Every clock that is kept anywhere, before and after today."""
    zones = zones_that_differ(2005, 2037)
    assert 100 < len(zones) < 500
    for zone in zones[part::PARTS]:
        run_daily(zone, 2005, 2037)


def run_daily(zone: str, first: int, last: int) -> None:
    days = local_days(zone, first, last)
    place = ZoneInfo(zone)
    for rule in ("0 0 * * *", "30 2 * * *", "0 7 * * *"):
        before = datetime(first, 1, 1, tzinfo=place).astimezone(UTC) + DAY - MINUTE
        slots = next_slots(rule, zone, before, len(days) - 2)
        local = [slot.astimezone(place).date() for slot in slots]
        expected = [day for day in days if day >= local[0] for _ in range(1 + comes_after_a_missing_day(day, days))]
        assert local[0] <= days[1]
        assert local == expected[: len(local)] or local == days[days.index(local[0]) :][: len(local)], (zone, rule)
        assert all(one < other for one, other in pairwise(slots))
