"""What a digest says of its own reach."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from alerts.digests.coverage import Reach, cover, outage, skipped_rules
from alerts.ledger.digests import ChannelState, ReadCounts
from crawler.errors import Problem
from tests.digests import samples

NOW = samples.SLOT


def rows(reach: Reach) -> dict[str, str]:
    return {row["name"]: row["text"] for row in cover(reach, samples.ZONE, NOW)["rows"]}


def channels(**values: Any) -> list[ChannelState]:
    return [replace(state, **values) for state in samples.reach().channels]


def test_figures_and_rows_of_an_ordinary_day() -> None:
    coverage = cover(samples.reach(), samples.ZONE, NOW)
    assert (coverage["read"], coverage["sources"], coverage["sources_read"]) == (1204, 8, 7)
    assert coverage["outage"] is None
    found = rows(samples.reach())
    assert found["Failing"] == "Орлов Телеграф (HTTP 503 Service Unavailable; last read Mon 00:00)"
    assert found["Silent"] == "El Diario de la Sierra (nothing new since 23 Feb 2025)"
    assert found["Gaps"].endswith("1 source: Le Courrier de la Brume (01:00 to 02:00)")
    assert found["Articles"].startswith("1,204 read, 12 of them undated; 30 came with a source's first visit")


def test_many_gaps_of_a_source_are_one_entry() -> None:
    ago = [NOW - timedelta(hours=hours) for hours in (9, 8, 7, 6, 5)]
    gaps = [samples.unfilled("brume", before, after) for before, after in itertools.pairwise(ago)]
    known = samples.reach(gaps=[*gaps, samples.unfilled("gone", NOW, NOW)])
    text = rows(known)["Gaps"]
    assert text.startswith("articles may have been missed between two visits at 1 source: Le Courrier de la Brume (")
    assert text.endswith(" and 1 more)")


def test_when_all_is_well_there_is_one_row() -> None:
    fine = channels(state="ok", last_success=NOW - timedelta(minutes=5))
    found = rows(samples.reach(channels=fine, gaps=[], counts=ReadCounts(5, 0, 0)))
    assert found == {"Articles": "5 read"}


def test_a_source_is_read_if_one_of_its_channels_is() -> None:
    source = samples.SOURCES[0]
    second = replace(source.channels[0], id="lanter:sitemap:1")
    known = replace(samples.reach(), sources=[replace(source, channels=(*source.channels, second))])
    broken = [replace(known.channels[0], state="failing"), replace(known.channels[0], id=second.id)]
    assert cover(replace(known, channels=broken), "UTC", NOW)["sources_read"] == 1
    assert cover(replace(known, channels=broken[:1]), "UTC", NOW)["sources_read"] == 0


def test_paused_sources_and_channels_are_not_counted() -> None:
    known = samples.reach()
    paused = [replace(source, paused=True) for source in known.sources[:3]]
    assert cover(replace(known, sources=[*paused, *known.sources[3:]]), "UTC", NOW)["sources"] == 5


def test_sources_that_were_never_asked_are_named() -> None:
    assert "The Lanter Post (not asked yet)" in rows(samples.reach(channels=[]))["Failing"]
    assert "more" in rows(samples.reach(channels=[], sources=samples.SOURCES * 3))["Failing"]


@pytest.mark.parametrize(("hours", "down"), [(2.9, False), (3.1, True)])
def test_the_collector_is_down_when_no_channel_at_all_was_read(hours: float, down: bool) -> None:
    quiet = channels(last_success=NOW - timedelta(hours=hours), interval_seconds=900)
    assert (outage(quiet, NOW) is not None) is down
    assert outage([*quiet, replace(quiet[0], last_success=NOW)], NOW) is None


def test_rarely_polled_channels_are_no_outage() -> None:
    assert outage(channels(last_success=NOW - timedelta(hours=5), interval_seconds=10_800), NOW) is None


def test_an_outage_from_the_first_day_counts_from_the_first_try() -> None:
    since = NOW - timedelta(hours=4)
    assert outage(channels(last_success=None, state_since=since), NOW) == since
    assert outage([], NOW) is None


def test_channels_that_are_no_longer_configured_keep_nothing_alive() -> None:
    known = samples.reach(channels=channels(last_success=NOW - timedelta(hours=9)))
    stray = replace(known.channels[0], id="old:feed:1", last_success=NOW)
    assert cover(replace(known, channels=[*known.channels, stray]), "UTC", NOW)["outage"] == {"since": "Mon 20:00"}


def test_skipped_rules_are_named_and_warnings_are_not() -> None:
    problems = [
        samples.broken_rule("ceasefire-violated"),
        samples.broken_rule("ceasefire-violated"),
        Problem("config/lists/cues.yaml", 1, 1, "empty"),
        Problem("config/rules/fine.yaml", 1, 1, "shadowed", warning=True),
        Problem("config/sources/africa.yaml", 1, 1, "broken"),
    ]
    assert skipped_rules(problems) == ["ceasefire-violated", "list cues"]
    assert rows(samples.reach(problems=problems))["Sources skipped because of errors"] == "africa"


def test_an_own_spider_counts_by_its_own_habit() -> None:
    """It runs when its owner starts it, so it need not have run since the digest before."""
    source = replace(samples.SOURCES[0], channels=(), own_spider=True)
    state = replace(samples.reach().channels[0], id="spider:council", source=source.id, state="ok")
    state = replace(state, interval_seconds=86_400)
    known = replace(samples.reach(), sources=[source], gaps=[], since=NOW - timedelta(hours=1))
    ran = [replace(state, last_success=NOW - timedelta(days=days)) for days in (1, 3)]
    assert cover(replace(known, channels=ran[:1]), "UTC", NOW)["sources_read"] == 1
    late = cover(replace(known, channels=ran[1:]), samples.ZONE, NOW)
    # Late is the spider; the collector is not down for it.
    assert (late["sources_read"], late["outage"]) == (0, None)
    failing = rows(replace(known, channels=ran[1:]))["Failing"]
    assert failing.startswith(f"{source.name} (its spider did not run since; last read ")
    assert rows(replace(known, channels=[]))["Failing"] == f"{source.name} (its spider has not run yet)"
    slow = [replace(ran[0], state="slow")]
    assert rows(replace(known, channels=slow))["Silent"].startswith(f"{source.name} (nothing new since ")
