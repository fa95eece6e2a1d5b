"""One run at a time per database; the lock dies with its process."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from alerts.errors import LockHeld
from alerts.ledger.lock import run_lock
from crawler.archive import Archive, open_archive
from crawler.errors import ArchiveError

_HOLDER = (
    "import sys, time\n"
    "from alerts.ledger.lock import run_lock\n"
    "from crawler.archive import open_archive\n"
    "with run_lock(open_archive(sys.argv[1])):\n"
    "    print('held', flush=True)\n"
    "    sys.stdin.read()\n"
)


@contextmanager
def _holder(url: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until it is told to end, or killed."""
    command = [sys.executable, "-c", _HOLDER, url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        yield child
        child.kill()


def test_a_second_run_is_told_who_holds_the_lock(archive: Archive) -> None:
    with _holder(archive.url) as child:
        with pytest.raises(LockHeld, match="another run holds the lock") as caught, run_lock(archive):
            pytest.fail("two held it")
        assert f"process {child.pid} on " in caught.value.holder
        assert " since 20" in caught.value.holder


def test_the_lock_is_free_again_after_the_block(archive: Archive) -> None:
    for _ in range(2):
        with run_lock(archive):
            pass
    with pytest.raises(ZeroDivisionError), run_lock(archive):
        _ = 1 // 0
    with run_lock(archive):
        pass


def test_it_holds_against_our_own_threads_too(archive: Archive) -> None:
    with run_lock(archive), pytest.raises(LockHeld) as caught, run_lock(archive):
        pytest.fail("two held it")
    assert f"process {os.getpid()} " in caught.value.holder


def test_a_killed_holder_holds_no_more(archive: Archive) -> None:
    with _holder(archive.url) as child:
        child.send_signal(signal.SIGKILL)
        child.wait(30)
        # A server notices the broken connection in its own time.
        with run_lock(archive, wait=30):
            pass


def test_waiting_gets_the_lock_when_the_other_run_ends(archive: Archive) -> None:
    with _holder(archive.url) as child:
        assert child.stdin is not None
        ending = threading.Timer(0.3, child.stdin.close)
        ending.start()
        with run_lock(archive, wait=30):
            assert child.wait(30) == 0
        ending.join()


def test_waiting_ends(archive: Archive) -> None:
    with _holder(archive.url), pytest.raises(LockHeld), run_lock(archive, wait=0.3):
        pytest.fail("two held it")


def test_databases_have_locks_of_their_own(archive: Archive, empty_database_url: str) -> None:
    other = open_archive(empty_database_url, check_schema=False)
    with run_lock(archive), run_lock(other):
        pass
    other.close()


def test_the_lock_outlives_transactions(archive: Archive) -> None:
    with run_lock(archive):
        with archive.write():
            pass
        with pytest.raises(LockHeld), run_lock(archive):
            pytest.fail("two held it")


def _try(url: str) -> bool:
    archive = open_archive(url)
    try:
        with run_lock(archive):
            return True
    except LockHeld:
        return False
    finally:
        archive.close()


def test_a_spawned_worker_does_not_inherit_the_lock(sqlite_archive: Archive) -> None:
    context = multiprocessing.get_context("spawn")
    with run_lock(sqlite_archive):
        pool = context.Pool(1)
        assert pool.apply(_try, (sqlite_archive.url,)) is False
    # The worker still lives, the lock does not.
    assert pool.apply(_try, (sqlite_archive.url,)) is True
    pool.close()
    pool.join()


def test_a_lock_file_that_cannot_be_made_is_told(sqlite_archive: Archive) -> None:
    assert sqlite_archive.path is not None
    Path(f"{sqlite_archive.path}.lock").mkdir()
    with pytest.raises(ArchiveError, match="cannot open the lock file"), run_lock(sqlite_archive):
        pytest.fail("nothing was locked")
