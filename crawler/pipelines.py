"""The one way into the archive: every answer of a channel and every page in a transaction of its own.

The writer puts what waits at the same time into one commit; until that is done nothing counts as stored, so a kill at
any moment leaves either all of an answer in the archive (articles, validators, next poll) or nothing of it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from scrapy.crawler import Crawler

from crawler.archive.articles import EntriesAdded, add_entries, fail_page, store_page
from crawler.archive.channels import ChannelRow, PollRecord, hold_host, is_probe, record_poll
from crawler.archive.gaps import fill_gaps, open_gap
from crawler.archive.rows import state_of
from crawler.articles import Entry
from crawler.errors import ArchiveError
from crawler.items import ChannelAnswer, CollectRun, PageAnswer
from crawler.middlewares import run_of
from crawler.options import CrawlerOptions
from crawler.parse.language import detect_language
from crawler.polling import SHORTEST_AGREED, Decision, Health, Kind, Limits, Outcome, next_poll
from crawler.polling.trust import is_distrusted
from crawler.sources import Channel, Source
from crawler.urls import host_slot

HTTP_OK, HTTP_NOT_MODIFIED = 200, 304

FIRST_READING = timedelta(days=1)
_NOTHING = EntriesAdded((), 0)


class ArchivePipeline:
    """Stores what spiders yield."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> ArchivePipeline:
        """Scrapy's way of making one."""
        return cls(crawler)

    async def process_item(self, item: Any) -> Any:
        """Store one answer and count it."""
        run = run_of(self._crawler)
        if run is not None:
            await store_item(run, item)
        return item


async def store_item(run: CollectRun, item: Any) -> None:
    """Store the answer of a channel or a page, and count it when that is committed; nothing else is done with others.

    An archive that cannot be written ends the run.
    """
    if run.errors:
        return
    try:
        if isinstance(item, ChannelAnswer):
            await _store_channel(run, item)
        elif isinstance(item, PageAnswer):
            await _store_page(run, item)
    except (ArchiveError, sa.exc.SQLAlchemyError) as error:
        # Going on would fetch what cannot be kept. `collect` raises it.
        run.errors.append(error)
        run.stopping = True


async def _store_channel(run: CollectRun, answer: ChannelAnswer) -> None:
    if answer.document is not None:
        # In a thread: the first call reads the language models, and requests under way would run out of time.
        entries = await asyncio.to_thread(
            with_languages, answer.document.entries, run.sources[answer.channel.source], run.options
        )
        answer = replace(answer, document=replace(answer.document, entries=entries))
    limits = channel_limits(run.channels.get(answer.channel.id), run.options)
    store = partial(
        store_answer,
        answer=answer,
        source=run.sources[answer.channel.source],
        limits=limits,
        backfill_hours=run.options.backfill_hours,
    )
    decision, added = await run.writer.submit(store)
    report = run.report
    report.polled += 1
    report.unchanged += answer.kind is Kind.UNCHANGED
    report.failed += answer.kind not in (Kind.CHANGED, Kind.UNCHANGED)
    report.refused += decision.refused_for_good
    report.gaps += decision.health is Health.GAP
    report.new_articles += len(added.new)
    report.known_entries += added.known + unchanged_items(answer)
    run.step("channels")


async def _store_page(run: CollectRun, answer: PageAnswer) -> None:
    await run.writer.submit(partial(store_page_answer, answer=answer, options=run.options))
    run.report.pages_fetched += answer.extraction is not None
    run.report.pages_failed += answer.extraction is None
    run.step("pages")


def with_languages(entries: Sequence[Entry], source: Source, options: CrawlerOptions) -> tuple[Entry, ...]:
    """Entries with the language their text is in; publishers often name the one their software came with."""
    default = source.languages[0] if source.languages else ""
    return tuple(
        replace(
            entry,
            language=detect_language(
                f"{entry.title}\n{entry.content or entry.summary}",
                options.languages,
                entry.language if entry.language in (source.languages or options.languages) else default,
            ),
        )
        for entry in entries
    )


def channel_limits(channel: Channel | None, options: CrawlerOptions) -> Limits:
    """The bounds of a channel's poll interval, its own before the settings'. No agreement goes below two minutes."""
    low = channel.min_minutes if channel is not None else None
    high = channel.max_minutes if channel is not None else None
    return Limits(
        low=timedelta(minutes=options.min_interval_minutes)
        if low is None
        else max(timedelta(minutes=low), SHORTEST_AGREED),
        high=timedelta(minutes=high or options.max_interval_minutes),
        first=timedelta(minutes=options.default_interval_minutes),
        agreed=low is not None,
        jitter=options.jitter,
    )


def store_answer(
    connection: sa.Connection, *, answer: ChannelAnswer, source: Source, limits: Limits, backfill_hours: float
) -> tuple[Decision, EntriesAdded]:
    """Store a channel's answer: entries, validators, health, gaps and next poll, all or nothing.

    Args:
        connection: in a write transaction.
        answer: what the channel answered.
        source: its source.
        limits: bounds of the interval.
        backfill_hours: at a first fetch, older entries are back-fill.
    """
    row = answer.channel
    added = _NOTHING
    entries: Sequence[Entry] = ()
    if answer.document is not None:
        entries = answer.document.entries
        added = add_entries(
            connection,
            source,
            row.id,
            entries,
            now=answer.at,
            first_fetch=is_first_reading(row, answer.at),
            backfill_hours=math.ceil(backfill_hours),
        )
    decision = next_poll(state_of(row), channel_outcome(answer, added), answer.at, limits)
    record_poll(connection, row, poll_record(answer, decision, new=len(added.new)))
    if decision.hold_until is not None:
        for host in {host_slot(row.url), host_slot(str(answer.evidence.get("url") or row.url))}:
            hold_host(connection, host, decision.hold_until, decision.reason)
    if decision.health is Health.GAP:
        open_gap(connection, row, answer.at)
    if entries:
        fill_gaps(connection, row, entries, len(added.new), answer.at)
    return decision, added


def is_first_reading(row: ChannelRow, now: datetime) -> bool:
    """Whether what a channel lists may be older than our knowing it: its first document, however long reading it takes.

    After a day it is over, for a document that is never read to its end would go on for ever.
    """
    return row.first_polled is None or (row.unread > 0 and now - row.first_polled < FIRST_READING)


def poll_record(answer: ChannelAnswer, decision: Decision, *, new: int) -> PollRecord:
    """What is to be stored of an answer and the decision after it."""
    return PollRecord(
        at=answer.at,
        decision=decision,
        good=answer.kind in (Kind.CHANGED, Kind.UNCHANGED),
        new=new,
        validators=answer.validators,
        body=answer.status == HTTP_OK,
        items=(answer.document.marks or None) if answer.document is not None else None,
        unread=answer.document.left if answer.document is not None else None,
        evidence=answer.evidence,
    )


def unchanged_items(answer: ChannelAnswer) -> int:
    """How many items of the document were not even read, for they stood in the one before as they are."""
    return answer.document.known if answer.document is not None else 0


def store_page_answer(connection: sa.Connection, *, answer: PageAnswer, options: CrawlerOptions) -> None:
    """Store what a page came to: its text, or why it could not be had.

    Args:
        connection: in a write transaction.
        answer: what the page came to.
        options: how often and how long a page is tried.
    """
    article = answer.wanted.article
    if answer.extraction is not None:
        store_page(connection, article, answer.url, answer.status, answer.extraction, now=answer.at)
        return
    fail_page(
        connection,
        article,
        status=answer.status,
        reason=answer.reason,
        permanent=answer.permanent,
        now=answer.at,
        tries_limit=options.page_tries,
        give_up_minutes=math.ceil(options.page_give_up_minutes),
    )
    if answer.retry_after:
        until = answer.at + timedelta(seconds=answer.retry_after)
        hold_host(connection, host_slot(answer.url), until, answer.reason)


def channel_outcome(answer: ChannelAnswer, added: EntriesAdded = _NOTHING) -> Outcome:
    """What came of a poll, for the decision.

    Args:
        answer: of the channel.
        added: what became of its entries.
    """
    row = answer.channel
    dates = added.dates
    if row.first_polled is None and answer.document is not None:
        dates = tuple(entry.published for entry in answer.document.entries if entry.published is not None)
    validators = answer.validators
    return Outcome(
        kind=answer.kind,
        status=answer.status,
        reason=answer.reason,
        retry_after=answer.retry_after,
        entries=len(added.new) + added.known + unchanged_items(answer),
        new=len(added.new),
        dates=dates,
        unread=answer.document.left if answer.document is not None else 0,
        validators=_gives_validators(answer),
        asks_minutes=answer.asks_minutes,
        moved_to=answer.moved_to,
        probe=answer.status == HTTP_OK and is_probe(row, answer.at),
        same_validators=validators is not None
        and (validators.etag, validators.last_modified) == (row.etag, row.last_modified),
    )


def _gives_validators(answer: ChannelAnswer) -> bool:
    """Whether the server lets us ask conditionally, in a way that can be believed."""
    if is_distrusted(answer.channel.distrusted_since, answer.at):
        return False
    if answer.status == HTTP_NOT_MODIFIED:
        return True
    validators = answer.validators
    return validators is not None and (validators.url is not None or validators.documents is not None)
