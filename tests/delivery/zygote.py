"""Runs enqueue and deliver in processes that may kill themselves.

One process imports and prepares everything and forks for each run it is asked for, so that hundreds of runs cost
little. Requests and answers are JSON, one a line.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from datetime import datetime
from pathlib import Path
from typing import Self

import psycopg  # noqa: F401 - so that the forks need not
import sqlalchemy.dialects.postgresql.psycopg  # noqa: F401

from alerts import ledger
from alerts.configuration import Configuration, load_configuration
from alerts.delivery import deliver, enqueue
from alerts.delivery.steps import VARIABLE
from alerts.ledger.lock import run_lock
from crawler.archive import Archive, open_archive
from tests.delivery.servers import Recorder
from tests.delivery.world import SLOT, configure, freeze

_PASSED_ON = ("ARCHIVE_PASSWORD", "HOOK_SECRET", "CHAT_URL")
"""What a test may set in the environment of its runs."""


class Zygote:
    """The other side: starts the process and asks for runs."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.delivery.zygote"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).resolve().parents[2],
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=20)

    def run(self, url: str, folder: Path, now: datetime, kill_at: str) -> bool:
        """Run enqueue and deliver in a process of its own, at `now`.

        Returns:
            Whether it killed itself; any other failure fails the test.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | {VARIABLE: kill_at}
        request = {"url": url, "folder": str(folder), "now": now.isoformat(), "environment": environment}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert answer in (0, -signal.SIGKILL), answer
        return bool(answer)


def run_once(archive: Archive, configuration: Configuration, now: datetime) -> None:
    """What `run` does for the outbox, at `now`."""
    # PostgreSQL may take a moment to notice that the holder before us was killed.
    with run_lock(archive, wait=20):
        enqueue(archive, configuration, now)
        deliver(archive, configuration, lambda: now)


def _serve() -> None:
    for line in sys.stdin:
        child = os.fork()
        if not child:
            code = 1
            try:
                _run(**json.loads(line))
                code = 0
            except BaseException:  # noqa: BLE001 - whatever it is, this process ends here and says what it was
                traceback.print_exc()
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        print(json.dumps(os.waitstatus_to_exitcode(status)), flush=True)  # noqa: T201 - the answer


def _run(url: str, folder: str, now: str, environment: dict[str, str]) -> None:
    os.environ |= environment
    archive = open_archive(url)
    run_once(archive, load_configuration(Path(folder)), datetime.fromisoformat(now))
    archive.close()


def _warm_up() -> None:
    """One whole run, so that templates and queries are compiled before the forks."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url = f"sqlite:///{folder / 'warm.db'}"
        ledger.migrate(url)
        archive = open_archive(url)
        with Recorder() as recorder:
            configuration = configure(folder, recorder.port, folders=("out",))
            freeze(archive, configuration)
            run_once(archive, configuration, SLOT)
        archive.close()


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    _warm_up()
    _serve()
