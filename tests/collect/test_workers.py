"""Workers that read what may take for ever: killed at their limits, and what came of it told."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator

import pytest

from crawler import extraction
from crawler.articles import FeedDocument
from crawler.errors import ExtractError
from crawler.extraction import Extractors, feed_in_time, read_feed_safely
from crawler.parse.feeds import CpuSpentError
from tests.collect.busy import burn, eat, leave, refuse
from tests.collect.conftest import NOW, item, rss

URL = "https://a.example/feeds/rss.xml"


@pytest.fixture
def extractors() -> Iterator[Extractors]:
    pool = Extractors(1, 30.0)
    yield pool
    pool.close()


def test_a_document_that_keeps_its_parser_busy_is_repaired_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extraction, "FEED_CPU_SECONDS", 0.05)
    before = signal.getsignal(signal.SIGPROF)
    assert feed_in_time(burn, b"repairable").problem == "damaged"
    assert signal.getsignal(signal.SIGPROF) == before
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)


def test_parsers_cannot_swallow_the_limit() -> None:
    assert not issubclass(CpuSpentError, Exception)


def test_one_that_never_ends_is_killed_and_the_next_is_read(extractors: Extractors) -> None:
    async def both() -> tuple[str, FeedDocument]:
        with pytest.raises(ExtractError) as caught:
            await extractors.feed(b"x", burn, URL)
        return caught.value.reason, await extractors.feed(b"repairable", burn, URL)

    reason, document = asyncio.run(both())
    assert reason == "reading it took more than 1.5 s of CPU time"
    assert document.problem == "damaged"


def test_what_ends_its_process_is_an_outcome(extractors: Extractors) -> None:
    asked: list[tuple[Callable[..., object], object]] = [(leave, "x"), (refuse, "x"), (int, "x"), (eat, 2**40)]
    reasons = []
    for future in [extractors.schedule(function, argument, feeds=True) for function, argument in asked]:
        with pytest.raises(ExtractError) as caught:
            extractors.outcome(URL, future)
        reasons.append(caught.value.reason)
    assert reasons[:2] == ["reading it ended its process (exit code 3)", "nothing in it"]
    assert reasons[2].startswith("reading it failed: ValueError: invalid literal")
    assert reasons[3].startswith("reading it failed: MemoryError")
    assert extractors.outcome(URL, extractors.schedule(eat, 100, feeds=True)) == 100


@pytest.mark.skipif(sys.platform == "win32", reason="no such limits there")
def test_feeds_have_less_memory_than_pages(extractors: Extractors) -> None:
    size = (extraction.FEED_MEMORY_LIMIT + extraction.MEMORY_LIMIT) // 2 - 2**28
    with pytest.raises(ExtractError, match="MemoryError"):
        extractors.outcome(URL, extractors.schedule(eat, size, feeds=True))


def test_small_feeds_need_no_worker_and_long_ones_get_one(
    extractors: Extractors, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[bool] = []
    schedule = Extractors.schedule

    def note(self: Extractors, *arguments: object, feeds: bool = False, seconds: float | None = None) -> object:
        started.append(feeds)
        return schedule(self, *arguments, feeds=feeds, seconds=seconds)  # type: ignore[arg-type]  # passed on as they are

    monkeypatch.setattr(Extractors, "schedule", note)
    short, long = rss(item(1)), rss(*(item(number) for number in range(900)))
    assert len(asyncio.run(read_feed_safely(extractors, short, url=URL, now=NOW)).entries) == 1
    assert started == []
    found = asyncio.run(read_feed_safely(extractors, long, url=URL, now=NOW, max_items=50))
    assert (len(found.entries), started) == (50, [True]) or started == []
