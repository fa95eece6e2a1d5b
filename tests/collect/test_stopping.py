"""Signals, kills and several runs in one process: nothing is lost, nothing is left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import threading

import psutil
import pytest
import sqlalchemy as sa

from crawler import reactor
from crawler.archive.articles import iter_articles
from crawler.archive.engine import Archive
from crawler.archive.schema import article
from crawler.collect import CollectReport, collect
from crawler.errors import StoppedError
from crawler.sources import Source
from tests.collect.conftest import Clock, Collect, Reply, Seen, Web, item, make_options, make_source, page, rss
from tests.forking import Forked, Forking

FEED = {"Content-Type": "application/rss+xml"}


def test_a_signal_stops_a_run_that_the_next_one_completes(
    web: Web, run_collect: Collect, sqlite_archive: Archive
) -> None:
    def last(seen: Seen) -> Reply:
        os.kill(os.getpid(), signal.SIGTERM)
        return Reply(rss(item(9)), headers=FEED, wait=30)

    web.replies["/0"] = Reply(rss(item(0)), headers=FEED)
    web.replies["/1"] = last
    source = make_source(("feed", f"{web.url}/0"), ("feed", f"{web.url}/1"))
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with pytest.raises(StoppedError, match="SIGTERM"):
        run_collect(source, make_options(feed_timeout_seconds=60.0))
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
    web.replies["/1"] = Reply(rss(item(1)), headers=FEED)
    run_collect(source)
    with sqlite_archive.read() as connection:
        assert len(list(iter_articles(connection))) == 2


def test_a_run_in_another_task_hears_of_the_signal(web: Web, sqlite_archive: Archive, clock: Clock) -> None:
    """As in the daemon: the signal ends its main task, and the run is in another one."""

    def answer(seen: Seen) -> Reply:
        os.kill(os.getpid(), signal.SIGINT)
        return Reply(status=500, wait=30)

    web.replies["/rss"] = answer
    source = make_source(("feed", f"{web.url}/rss"))

    async def serve() -> CollectReport:
        options = make_options(feed_timeout_seconds=60.0)
        run = asyncio.create_task(collect(sqlite_archive, [source], options, now=clock))
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return await run
        raise AssertionError

    report = reactor.run(serve)
    assert (report.stopped, report.polled) == (True, 0)


def test_several_runs_in_one_process(web: Web, run_collect: Collect) -> None:
    web.replies["/rss"] = Reply(rss(item(1)), headers=FEED | {"ETag": '"a"'})
    source = make_source(("feed", f"{web.url}/rss"))
    reports = [run_collect(source, everything=True) for _ in range(5)]
    assert [report.polled for report in reports] == [1] * 5
    assert threading.active_count() < 20


def test_another_loop_is_refused(sqlite_archive: Archive, clock: Clock, run_collect: Collect) -> None:
    run_collect(make_source())

    async def elsewhere() -> None:
        await collect(sqlite_archive, [], make_options(), now=clock)

    with pytest.raises(RuntimeError, match=r"use crawler\.reactor\.run"):
        asyncio.run(elsewhere())


def test_run_passes_on_what_a_coroutine_raises() -> None:
    async def fails() -> None:
        raise LookupError("as it is")

    with pytest.raises(LookupError, match="as it is"):
        reactor.run(fails)


def _reasons(archive: Archive) -> list[tuple[int, str, str | None]]:
    """What became of each page, for the message of a failure."""
    with archive.read() as connection:
        rows = connection.execute(sa.select(article.c.page_tries, article.c.page_state, article.c.page_reason))
        return [(row.page_tries, row.page_state, row.page_reason) for row in rows]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_process_leaves_no_article_behind(
    number: signal.Signals, web: Web, sqlite_url: str, sqlite_archive: Archive, forking: Forking
) -> None:
    items = [item(n, web.url) for n in range(8)]
    asked = threading.Semaphore(0)
    web.replies["/rss"] = Reply(rss(*items), headers=FEED)

    def answer(seen: Seen) -> Reply:
        asked.release()
        return Reply(page(title=f"Shelling in Veld {seen.path}"), wait=0.05)

    for n in range(8):
        web.replies[f"/news/{n}"] = answer

    def start() -> Forked:
        return forking.start([sqlite_url, "1", "pages", f"{web.url}/rss"], call="tests.collect.forever:main")

    first = start()
    for _ in range(3):
        assert asked.acquire(timeout=60)
    workers = psutil.Process(first.pid).children(recursive=True)
    first.send_signal(number)
    _, said = first.communicate(timeout=60)
    if number == signal.SIGTERM:
        assert "StoppedError: stopped by SIGTERM" in said.splitlines()[-1]
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert alive == []
    second = start()
    _, said = second.communicate(timeout=100)
    assert (second.returncode, said) == (0, "")
    with sqlite_archive.read() as connection:
        found = list(iter_articles(connection))
    assert len(found) == 8
    assert {one.page_state for one in found} == {"fetched"}, _reasons(sqlite_archive)


def test_guarded_resolver_looks_names_up(web: Web, run_collect: Collect) -> None:
    named = web.url.replace("127.0.0.1", "localhost")
    web.replies["/rss"] = Reply(rss(item(1)), headers=FEED)
    source: Source = make_source(("feed", f"{named}/rss"))
    assert run_collect(source).new_articles == 1
    assert run_collect(make_source(("feed", f"{named}/rss?2")), make_options(allow_addresses=())).refused == 1
