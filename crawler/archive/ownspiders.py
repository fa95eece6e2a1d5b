"""Runs of a desk's own spiders, kept as those of channels: when, what was new, and whether that is as usual.

Such a row stands under the spider's name with the kind `spider`. Nobody asks it: its spider is started by its owner,
so `interval_seconds` is how often that was done so far, and `next_poll` when it is expected again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from crawler.archive.channels import OWN_SPIDER, PollRecord, record_poll
from crawler.archive.engine import insert_new
from crawler.archive.rows import ChannelRow, get_channel, state_of
from crawler.archive.schema import channel
from crawler.polling.deciding import next_poll
from crawler.polling.values import Decision, Kind, Limits, Outcome

FIRST_INTERVAL = timedelta(days=1)
_NEW_RUN = 0.3
"""Weight of the latest interval in the usual one."""
_NO_LIMITS = Limits(low=timedelta(minutes=1), high=timedelta(days=366), first=FIRST_INTERVAL)


@dataclass(frozen=True, slots=True)
class SpiderRun:
    """One run of a spider.

    Attributes:
        name: the spider's.
        source: id of the source whose articles it brings.
        at: when it ended, aware UTC.
        new: articles that were not there before.
        dates: when those were published, as far as they say so.
        fault: why it brought nothing, in words; empty when it went well.
    """

    name: str
    source: str
    at: datetime
    new: int = 0
    dates: tuple[datetime, ...] = ()
    fault: str = ""


def spider_channel(name: str) -> str:
    """What stands for a channel where a spider of that name brought an article."""
    return f"{OWN_SPIDER}:{name}"


def is_spider(channel_id: str) -> bool:
    """Whether a channel's id is that of an own spider."""
    return channel_id.startswith(f"{OWN_SPIDER}:")


def record_run(connection: sa.Connection, run: SpiderRun) -> None:
    """Store how a run went: health with its evidence, habit, and when the spider is expected again.

    Args:
        connection: in a write transaction.
        run: what came of it.
    """
    name = spider_channel(run.name)
    begin = {
        "id": name,
        "source": run.source,
        "kind": OWN_SPIDER,
        "url": name,
        "state_since": run.at,
        "next_poll": run.at,
        "interval_seconds": round(FIRST_INTERVAL.total_seconds()),
    }
    insert_new(connection, channel, [begin])
    connection.execute(sa.update(channel).where(channel.c.id == name).values(source=run.source))
    row = get_channel(connection, name)
    assert row is not None
    record_poll(
        connection,
        row,
        PollRecord(
            at=run.at,
            decision=_decision(row, run),
            good=not run.fault,
            new=run.new,
            evidence={"new": run.new} | ({"error": run.fault} if run.fault else {}),
        ),
    )


def _decision(row: ChannelRow, run: SpiderRun) -> Decision:
    # No window: a spider that brings only what is new leaves no gap.
    kind = Kind.FAILED if run.fault else Kind.CHANGED
    outcome = Outcome(kind, reason=run.fault, new=run.new, dates=run.dates)
    interval = _interval(row, run.at)
    decided = next_poll(state_of(row), outcome, run.at, _NO_LIMITS)
    return replace(decided, next_poll=run.at + interval, interval_seconds=round(interval.total_seconds()))


def _interval(row: ChannelRow, now: datetime) -> timedelta:
    if row.last_polled is None:
        return FIRST_INTERVAL
    passed = max(now - row.last_polled, _NO_LIMITS.low)
    if row.interval_seconds == FIRST_INTERVAL.total_seconds():
        return passed
    return timedelta(seconds=row.interval_seconds) * (1 - _NEW_RUN) + passed * _NEW_RUN
