"""Several processes on one database, and processes that die in the middle."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random

import sqlalchemy as sa

from crawler.archive import Archive, open_archive
from crawler.archive.articles import EntriesAdded, add_entries, pages_wanted, store_page
from crawler.archive.schema import article, article_url, host_hold, sighting
from crawler.articles import Extraction
from tests.archive.conftest import FEED, NOW, OTHER, OTHER_FEED, SITEMAP, SOURCE, add, check_sound, entry, rows
from tests.forking import Forking

WORKERS = 3
DOCUMENTS = 12
ITEMS = 40


def archiving() -> None:
    """In a process: archive overlapping documents in an order of our own, and store pages; say how many were new.

    Arguments: database and number of the worker.
    """
    url, worker = sys.argv[1], int(sys.argv[2])
    archive = open_archive(url)
    random = Random(worker)
    new = 0
    for _ in range(DOCUMENTS):
        document = [entry(str(number)) for number in random.sample(range(ITEMS), 15)]
        with archive.write() as connection:
            added = add_entries(connection, SOURCE, f"lanter-post:feed:{worker}", document, now=NOW, first_fetch=False)
        new += len(added.new)
        with archive.read() as connection:
            wanted = pages_wanted(connection, NOW, limit=3)
        for page in wanted:
            with archive.write() as connection:
                store_page(connection, page.article, page.url, 200, Extraction(text="x" * 50), now=NOW)
    archive.close()
    sys.stdout.write(str(new))


def test_processes_that_archive_the_same_articles_at_once(archive: Archive, forking: Forking) -> None:
    working = [forking.start([archive.url, str(n)], call=f"{__name__}:archiving") for n in range(WORKERS)]
    said = [process.communicate(timeout=120) for process in working]
    assert [process.wait() for process in working] == [0] * WORKERS, said
    counts = [int(out) for out, _ in said]
    stored = rows(archive, article)
    assert sum(counts) == len(stored) == ITEMS
    assert len(rows(archive, article_url)) == ITEMS
    assert {row.version for row in stored} <= {1, 2}
    assert {row.channel for row in rows(archive, sighting)} == {f"lanter-post:feed:{n}" for n in range(WORKERS)}
    check_sound(archive)


def _add_meanwhile(archive: Archive, work: Callable[[sa.Connection], None]) -> EntriesAdded:
    """Archive entry `a` while another transaction has done `work` but not yet committed it."""
    with ThreadPoolExecutor(1) as pool:
        with archive.write() as connection:
            work(connection)
            adding = pool.submit(add, archive, entry("a"))
            blocked = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            while not connection.scalar(blocked):
                assert not adding.done()
        return adding.result(30)


def test_an_article_that_another_worker_is_just_storing_is_known(postgres_archive: Archive) -> None:
    def store(connection: sa.Connection) -> None:
        add_entries(connection, SOURCE, SITEMAP, [entry("a")], now=NOW, first_fetch=False)

    added = _add_meanwhile(postgres_archive, store)
    assert (added.new, added.known) == ((), 1)
    assert len(rows(postgres_archive, article)) == 1
    assert {row.channel for row in rows(postgres_archive, sighting)} == {FEED, SITEMAP}
    check_sound(postgres_archive)


def test_a_url_that_another_worker_is_just_giving_to_an_article_is_that_article(postgres_archive: Archive) -> None:
    (moved,) = add(postgres_archive, entry("b")).new

    def store(connection: sa.Connection) -> None:
        store_page(connection, moved, entry("a").link, 200, Extraction(text="x" * 50), now=NOW)

    added = _add_meanwhile(postgres_archive, store)
    assert (added.new, added.known) == ((), 1)
    assert [row.id for row in rows(postgres_archive, article)] == [moved]
    check_sound(postgres_archive)


def test_an_original_that_comes_while_its_copy_is_stored_stays_the_original(postgres_archive: Archive) -> None:
    (copy,) = add(postgres_archive, entry("b"), source=OTHER, channel=OTHER_FEED).new

    def store(connection: sa.Connection) -> None:
        store_page(connection, copy, entry("b").link, 200, Extraction(canonical=entry("a").link), now=NOW)

    (original,) = _add_meanwhile(postgres_archive, store).new
    assert {row.id: row.duplicate_of for row in rows(postgres_archive, article)} == {copy: original, original: None}
    check_sound(postgres_archive)


def test_a_kill_in_the_middle_of_a_transaction_leaves_nothing_and_blocks_nobody(archive: Archive) -> None:
    script = (
        "import sys, time; from tests.archive.conftest import *\n"
        "from crawler.archive import open_archive\n"
        "archive = open_archive(sys.argv[1])\n"
        "with archive.write() as connection:\n"
        "    entries = [entry(str(number), content='text ' * 2000) for number in range(400)]\n"
        "    add_entries(connection, SOURCE, FEED, entries, now=NOW, first_fetch=False)\n"
        "    print('written', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, archive.url], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "written\n"
        child.send_signal(signal.SIGKILL)
        child.wait(30)
    with archive.write() as connection:
        assert connection.execute(sa.select(article)).all() == []
        connection.execute(sa.insert(host_hold).values(host="h:80", until=NOW, reason=""))
        if archive.dialect == "sqlite":
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    assert len(rows(archive, host_hold)) == 1
