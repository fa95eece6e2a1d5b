"""Slots: the due times of a desk's schedule. Pure; `now` is passed in.

A schedule is a cron rule of five fields (minute, hour, day of month, month, day of week) read in an IANA zone by
cronsim, which follows Debian's cron at clock changes: a slot in a skipped hour comes once, after it; a slot in a
repeated hour comes once. Slots are aware UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import dropwhile, islice, takewhile
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cronsim import CronSim, CronSimError

_MOST_MISSED = 10_000
_FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")
_ALLOWED = (
    "0 to 59",
    "0 to 23",
    "1 to 31, L or LW",
    "1 to 12, or JAN to DEC",
    "0 to 7 (0 and 7 are Sunday), or SUN to SAT",
)
_PROBES = ("0", "0", "1", "1", "0")
_NAMES = {
    "@daily": "0 7 * * *",
    "@midnight": "0 7 * * *",
    "@hourly": "0 * * * *",
    "@weekly": "0 7 * * MON",
    "@monthly": "0 7 1 * *",
    "@yearly": "0 7 1 1 *",
    "@annually": "0 7 1 1 *",
}
_CLOCK = re.compile(r"([01]?\d|2[0-3])[:.]([0-5]\d)")
_NIGHT = range(4)
"""Local hours in which nearly all zones change their clocks."""


@dataclass(frozen=True, slots=True)
class CronFault:
    """What is wrong with a cron rule: the offset of the wrong part, what it is, what was expected, a suggestion."""

    offset: int
    message: str
    expected: str = ""
    hint: str = ""


def check_cron(cron: str) -> CronFault | None:
    """What is wrong with a cron rule, or None."""
    fields = [(match.start(), match[0]) for match in re.finditer(r"\S+", cron)]
    if len(fields) != len(_FIELDS):
        return _wrong_count(cron, fields)
    for index, (offset, text) in enumerate(fields):
        fault = _check_field(index, offset, text)
        if fault is not None:
            return fault
    try:
        next(CronSim(cron, datetime(2024, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration):
        offset, text = fields[2]
        return CronFault(offset, f"day {text} never comes in month {fields[3][1]}", "a day that the month has")
    return None


def _wrong_count(cron: str, fields: list[tuple[int, str]]) -> CronFault:
    expected = "five fields: minute hour day-of-month month day-of-week, such as `0 7,17 * * *`"
    clock = _CLOCK.fullmatch(cron.strip())
    if clock:
        return CronFault(0, "a clock time is no cron rule", expected, f"write `{int(clock[2])} {int(clock[1])} * * *`")
    if cron.strip() in _NAMES:
        return CronFault(0, f"{cron.strip()} says no hour", expected, f"write `{_NAMES[cron.strip()]}`")
    if not fields:
        return CronFault(0, "the schedule is empty", expected)
    message = f"a cron rule has five fields, this one has {len(fields)}"
    if len(fields) < len(_FIELDS):
        return CronFault(len(cron.rstrip()), message, expected, f"the field for the {_FIELDS[len(fields)]} is missing")
    hint = "leave out the field for seconds" if len(fields) == len(_FIELDS) + 1 else ""
    return CronFault(0 if hint else fields[len(_FIELDS)][0], message, expected, hint)


def _check_field(index: int, offset: int, text: str) -> CronFault | None:
    """The first wrong part of one field; parts are separated by commas."""
    at = offset
    for part in text.split(","):
        if not _reads(index, part):
            what = f"`{part}`" if part else "nothing between commas"
            expected = f"{_ALLOWED[index]}; or *, a-b, */n"
            return CronFault(at, f"{what} is no {_FIELDS[index]}", expected, _hint(index, part))
        at += len(part) + 1
    return None


def _reads(index: int, part: str) -> bool:
    fields = list(_PROBES)
    fields[index] = part
    if index == 2:
        fields[3] = "*"
    try:
        CronSim(" ".join(fields), datetime(2024, 1, 1, tzinfo=UTC))
    except CronSimError:
        return False
    return bool(part)


def _hint(index: int, part: str) -> str:
    clock = _CLOCK.fullmatch(part)
    if clock:
        return f"write minute {int(clock[2])} and hour {int(clock[1])}"
    first, dash, last = part.partition("-")
    if dash and first.isdecimal() and last.isdecimal() and int(first) > int(last):
        return "a range begins with its smaller end; write two ranges with a comma"
    if index == 1 and part == "24":
        return "midnight is hour 0"
    return ""


def check_zone(zone: str) -> CronFault | None:
    """What is wrong with the name of a time zone, or None. Only IANA names of a place (and UTC) are good."""
    expected = "an IANA name such as Europe/Kyiv or UTC"
    if not zone:
        return CronFault(0, "the time zone is empty", expected)
    if zone == "UTC" or ("/" in zone and not zone.startswith(("Etc/", "posix/", "right/")) and zone in _zone_names()):
        return None
    from difflib import get_close_matches

    folded = {name.casefold(): name for name in _zone_names() if "/" in name and not name.startswith("Etc/")}
    wanted = zone.casefold().replace(" ", "_")
    by_city = next((name for name in sorted(folded.values()) if name.rpartition("/")[2].casefold() == wanted), "")
    close = folded.get(wanted) or by_city or next((folded[m] for m in get_close_matches(wanted, folded, n=1)), "")
    hint = (
        f"did you mean {close}?" if close else "a place's name, not an abbreviation or an offset: those ignore summer"
    )
    return CronFault(0, f"`{zone}` is no time zone of a place", expected, hint)


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones())


def prev_slot(cron: str, zone: str, now: datetime) -> datetime:
    """The newest slot that is not after `now`, aware UTC; a slot includes its own instant.

    Raises:
        ValueError: `now` has no zone, the rule or the zone is wrong, or there is no slot in 50 years.
    """
    cron = _countable(cron, zone)
    margin = _margin(cron)
    # In reverse, cronsim leaves out the instant it starts from, and it does not know in which of two equal hours it
    # starts: so it only finds a safe beginning, and slots are always those that it gives forwards.
    before = next(_simulated(cron, zone, now - margin + timedelta(microseconds=1), reverse=True), None)
    newest = None
    for slot in _simulated(cron, zone, (before or now) - margin - timedelta(microseconds=1), reverse=False):
        if slot > now:
            break
        newest = slot
    if newest is None:
        raise ValueError(f"{cron!r} has no slot within 50 years")
    return newest


def next_slots(cron: str, zone: str, now: datetime, n: int) -> list[datetime]:
    """The next `n` slots after `now` (its own instant excluded), aware UTC, oldest first. Raises as `prev_slot`."""
    return list(islice(_after(cron, zone, now), n))


def missed_slots(cron: str, zone: str, last: datetime, now: datetime) -> int:
    """How many slots lie after `last` and not after `now` (at most 10,000). Raises as `prev_slot`."""
    return sum(1 for _ in takewhile(lambda slot: slot <= now, islice(_after(cron, zone, last), _MOST_MISSED)))


def _after(cron: str, zone: str, now: datetime) -> Iterator[datetime]:
    cron = _countable(cron, zone)
    slots = _simulated(cron, zone, now - _margin(cron), reverse=False)
    return dropwhile(lambda slot: slot <= now, slots)


def _margin(cron: str) -> timedelta:
    """How much earlier to begin, so that a start inside a repeated hour cannot lose or repeat a slot.

    cronsim counts rules with fixed minutes and hours in local time without telling the two equal hours apart; a day
    covers every change of a clock there has been. Other rules it counts in absolute time.
    """
    minute, hour = [*cron.split(), "", ""][:2]
    return timedelta(0) if minute.startswith("*") or hour.startswith("*") else timedelta(hours=25)


def _countable(cron: str, zone: str) -> str:
    """The same rule in words that cronsim counts rightly in this zone.

    It counts ``*`` hours in steps of absolute hours; where clocks change by half an hour (Lord Howe) they land in the
    middle of a local hour, behind its slot. As ``0-23`` hours are counted in local time.
    """
    minute, hour, *rest = [*cron.split(), "", ""]
    if minute.startswith("*") or not hour.startswith("*") or not _changes_by_part_of_an_hour(zone):
        return cron
    return " ".join([minute, f"0-23{hour[1:]}", *rest]).strip()


@cache
def _changes_by_part_of_an_hour(zone: str) -> bool:
    try:
        place = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        return False  # told of where the rule is counted
    offsets = [datetime(2026, month, 1, 12, tzinfo=place).utcoffset() for month in range(1, 13)]
    return any((one - offsets[0]) % timedelta(hours=1) for one in offsets if one is not None and offsets[0] is not None)


def _simulated(cron: str, zone: str, start: datetime, *, reverse: bool) -> Iterator[datetime]:
    if start.tzinfo is None:
        raise ValueError(f"naive datetime {start!r}: give aware UTC")
    try:
        place = ZoneInfo(zone)
        simulation = CronSim(cron, start.astimezone(place), reverse=reverse)
    except (ZoneInfoNotFoundError, CronSimError) as error:
        raise ValueError(f"{cron!r} in {zone!r}: {error}") from error
    return (local.astimezone(UTC) for local in simulation)


def night_hours(cron: str, zone: str) -> list[int]:
    """Local hours 0 to 3 in which the rule has slots, in a zone that changes its clocks; else nothing.

    There a slot can fall into an hour that is skipped or comes twice.
    """
    if not _changes_clocks(zone):
        return []
    hour_field = cron.split()[1]
    if hour_field == "*" or hour_field.startswith("*/1"):
        return []  # every hour: none of them is special
    hours = {local.hour for local in _one_year(f"0 {hour_field} * * *")}
    return sorted(hours.intersection(_NIGHT))


def _one_year(cron: str) -> Iterator[datetime]:
    start = datetime(2026, 1, 1, tzinfo=UTC) - timedelta(microseconds=1)
    for slot in CronSim(cron, start):
        if slot >= start + timedelta(days=1, microseconds=1):
            return
        yield slot


def _changes_clocks(zone: str) -> bool:
    place = ZoneInfo(zone)
    offsets = {datetime(2026, month, 1, 12, tzinfo=place).utcoffset() for month in range(1, 13)}
    return len(offsets) > 1
