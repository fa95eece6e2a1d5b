"""Processes of ours that are forked from one that has imported everything: `ceasewire`, and parts of it.

A kill, a stop or any other signal meets them as it meets every process; only the second or two of importing is not
spent each time, in which nothing could be lost. What is said about starting up is tried with real starts elsewhere.
Requests and answers are JSON, one a line; `python -m tests.forking` is the process that forks.
"""

from __future__ import annotations

import importlib
import itertools
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parent.parent
CEASEWIRE = "alerts.cli:main"
AHEAD = (
    "alerts.alerting",
    "alerts.cli.data",
    "alerts.cli.digests",
    "alerts.cli.running",
    "alerts.configuration",
    "alerts.daemon",
    "alerts.jobs",
    "alerts.operating.status",
    "crawler.collect",
    "crawler.settings",
    "crawler.spiders.pages",
    "crawler.spiders.sections",
    "crawler.spiders.sitemaps",
    "scrapy.crawler",
    "tests.collect.conftest",
)
"""Imported before the first fork. None of them may start a thread or the reactor."""


class Forked:
    """A running process, used like `subprocess.Popen`. What it says is text."""

    def __init__(self, pid: int, ended: threading.Event, codes: Mapping[int, int], folder: Path) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ended, self._codes, self._folder = ended, codes, folder

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, negative for the signal that ended it."""
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired("forked", timeout or 0)
        self.returncode = self._codes[self.pid]
        return self.returncode

    def poll(self) -> int | None:
        """Its exit code, or None while it runs."""
        return self.wait() if self._ended.is_set() else None

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait, and return what it said on standard output and standard error."""
        self.wait(timeout)
        out, err = ((self._folder / name).read_text("utf-8") for name in ("out", "err"))
        return out, err

    def send_signal(self, number: int) -> None:
        """Nothing when it has ended."""
        if not self._ended.is_set():
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


class Forking:
    """The other side: starts the process that forks, and asks it for processes."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="forked-")
        self._numbers = itertools.count(1)
        self._pids: dict[int, int] = {}
        self._codes: dict[int, int] = {}
        self._events: dict[int, threading.Event] = {}
        self._changed = threading.Condition()
        command = [sys.executable, "-m", "tests.forking"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._reader.join(30)
        self._process.stdout.close()
        self._folder.cleanup()

    def start(
        self, arguments: Sequence[str], *, call: str = CEASEWIRE, environment: Mapping[str, str] | None = None,
        stdin: str = "",
    ) -> Forked:  # fmt: skip
        """Start a process that calls a function without arguments; they are in its `sys.argv`."""
        number = next(self._numbers)
        folder = Path(self._folder.name) / str(number)
        folder.mkdir()
        (folder / "in").write_text(stdin, "utf-8")
        whole = dict(os.environ if environment is None else environment)
        request = {"number": number, "call": call, "argv": list(arguments), "env": whole, "folder": str(folder)}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        with self._changed:
            assert self._changed.wait_for(lambda: number in self._pids or self._process.poll() is not None, 60)
            return Forked(self._pids[number], self._events[number], self._codes, folder)

    def run(self, arguments: Sequence[str], *, timeout: float = 120, **more: Any) -> tuple[int, str, str]:
        """Exit code, standard output and standard error of a process that is waited for."""
        process = self.start(arguments, **more)
        out, err = process.communicate(timeout)
        return process.wait(), out, err

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            answer = json.loads(line)
            with self._changed:
                if "code" in answer:
                    self._codes[answer["pid"]] = answer["code"]
                    self._events[answer["number"]].set()
                else:
                    self._pids[answer["number"]] = answer["pid"]
                    self._events[answer["number"]] = threading.Event()
                self._changed.notify_all()


def _serve() -> dict[str, Any] | None:
    """Fork for each request, and tell of each process that ends.

    Returns:
        In a forked process, its request; in this one None, when nobody asks any more.
    """
    for name in AHEAD:
        importlib.import_module(name)
    assert threading.active_count() == 1
    assert "twisted.internet.reactor" not in sys.modules
    waker, wake = os.pipe()
    for end in (waker, wake):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    running: dict[int, int] = {}
    waiting = b""
    with selectors.DefaultSelector() as selector:
        selector.register(0, selectors.EVENT_READ)
        selector.register(waker, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                read = os.read(key.fd, 65536)
                if key.fd == waker:
                    _reap(running)
                    continue
                if not read:
                    return None
                *lines, waiting = (waiting + read).split(b"\n")
                for request in map(json.loads, lines):
                    pid = os.fork()
                    if not pid:
                        signal.set_wakeup_fd(-1)
                        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                        os.close(waker)
                        os.close(wake)
                        return dict(request)
                    running[pid] = request["number"]
                    _say({"number": request["number"], "pid": pid})


def _reap(running: dict[int, int]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        _say({"number": running.pop(pid), "pid": pid, "code": os.waitstatus_to_exitcode(status)})


def _say(answer: dict[str, int]) -> None:
    os.write(1, json.dumps(answer).encode() + b"\n")


def _become(request: dict[str, Any]) -> None:
    """In the new process: what `exec` would have done, and then the call."""
    os.setsid()
    folder = Path(request["folder"])
    for number, (name, flags) in enumerate((("in", os.O_RDONLY), ("out", os.O_WRONLY), ("err", os.O_WRONLY))):
        opened = os.open(folder / name, flags | os.O_CREAT, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, "w" if number else "r", 1) for number in range(3))
    os.environ.clear()
    os.environ |= request["env"]
    sys.argv = ["ceasewire", *request["argv"]]
    module, _, function = request["call"].partition(":")
    getattr(importlib.import_module(module), function)()


if __name__ == "__main__":
    if (mine := _serve()) is not None:
        _become(mine)
