"""Dates as publishers write them -> aware UTC, or None. Pure; `now` is passed in."""

from __future__ import annotations

import calendar
import re
import time
import warnings
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

FUTURE_LIMIT = timedelta(minutes=10)
"""A date further ahead than this is a mistake: the article counts as published when it was first seen."""

EARLIEST_YEAR = 1990
"""Anything older is a default value of somebody's software, not a date."""

_TRUSTED_ZONES = frozenset(["GMT", "UTC", "UT", "Z", "EST", "EDT", "CST", "CDT", "MST", "MDT", "PST", "PDT"])
_ZONE_AT_END = re.compile(r"(?<![A-Za-z])([A-Za-z]{1,5})\.?\s*$")
_ISO = re.compile(r"^\d{4}-\d{2}(-\d{2})?([T ]|$)")
_MONTHS = frozenset(
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec", "am", "pm"]
)
_LONGEST = 100
_LOOSE_LANGUAGES = ("en", "uk", "ru", "ar", "he", "fr", "es", "de", "it", "pt", "tr", "fa", "pl")


def from_struct(value: time.struct_time | None) -> datetime | None:
    """A UTC struct_time as feedparser gives it; None for what is no possible date."""
    if value is None:
        return None
    try:
        return sensible(datetime.fromtimestamp(calendar.timegm(value), UTC))
    except (ValueError, OverflowError, OSError, TypeError):
        return None


class DateReader:
    """Reads the dates of one document.

    Reading a date in an unknown notation costs milliseconds, reading what is no date at all costs as much: after
    `budget` of such tries without a result the document's odd dates are left alone (they stay as written).
    """

    def __init__(self, languages: Iterable[str] = (), *, budget: int = 25) -> None:
        self._languages = list(dict.fromkeys(["en", *(code for code in languages if code in _LOOSE_LANGUAGES)]))
        if len(self._languages) == 1:
            self._languages = list(_LOOSE_LANGUAGES)
        self._budget = budget

    def feed_date(self, raw: str, parsed: time.struct_time | None) -> datetime | None:
        """The date of a feed's entry.

        Args:
            raw: the date exactly as written.
            parsed: what feedparser made of it. It reads zones such as CET, MSK or IST as UTC, so that its value
                counts only when the zone is a number or one of those it knows.
        """
        zone = _ZONE_AT_END.search(raw)
        foreign = zone is not None and zone[1].upper() not in _TRUSTED_ZONES and zone[1].lower() not in _MONTHS
        value = None if foreign else from_struct(parsed)
        return value or self.any_date(raw)

    def any_date(self, raw: str) -> datetime | None:
        """A date in nearly any notation. Without a zone it is read as UTC."""
        raw = " ".join(raw.split())
        if not raw or len(raw) > _LONGEST or not any(letter.isdigit() for letter in raw):
            return None
        value = _iso(raw) if _ISO.match(raw) else None
        value = value or _mail_date(raw)
        if value is None and self._budget > 0:
            value = _loose(raw, self._languages)
            self._budget -= value is None
        return value


def settle(value: datetime | None, now: datetime) -> datetime | None:
    """A date that lies in the future becomes `now`, the moment it was first seen."""
    return now if value is not None and value > now + FUTURE_LIMIT else value


def sensible(value: datetime) -> datetime | None:
    """Aware UTC of a date, None when it is a default value such as 1970-01-01."""
    value = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return value if value.year >= EARLIEST_YEAR else None


def _iso(raw: str) -> datetime | None:
    if re.fullmatch(r"\d{4}-\d{2}", raw):
        raw += "-01"
    try:
        return sensible(datetime.fromisoformat(raw))
    except (ValueError, OverflowError):
        return None


def _mail_date(raw: str) -> datetime | None:
    zone = _ZONE_AT_END.search(raw)
    if zone is not None and zone[1].upper() not in _TRUSTED_ZONES:
        return None
    try:
        return sensible(parsedate_to_datetime(raw))
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def _loose(raw: str, languages: list[str]) -> datetime | None:
    import dateparser  # 300 ms that most runs never need

    settings = {
        "TIMEZONE": "UTC",
        "RETURN_AS_TIMEZONE_AWARE": True,
        "DATE_ORDER": "DMY",
        "REQUIRE_PARTS": ["day", "month", "year"],  # or a bare number becomes a day of this month
        "PARSERS": ["timestamp", "absolute-time"],
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value = dateparser.parse(raw, languages=languages, settings=settings)
        except (ValueError, OverflowError, TypeError, RecursionError):
            return None
    return sensible(value) if isinstance(value, datetime) else None
