"""The two npm packages these tests need, installed once beside them. Without node and npm the tests are skipped."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.looks.browser import find_chromium

FOLDER = Path(__file__).resolve().parent
MODULES = FOLDER / "node_modules"
_NO_NETWORK = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH", "ENOTCACHED")


def packages() -> Path:
    """The folder of the installed packages; skips the test where they cannot be had."""
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not installed: the packages of tests/looks/package.json cannot be used")
    with (FOLDER / "package-lock.json").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several processes may run tests of this folder
        _install(hashlib.sha256(lock.read()).hexdigest())
    return MODULES


def _install(wanted: str) -> None:
    stamp = MODULES / ".installed"
    if not stamp.exists() or stamp.read_text("ascii") != wanted:
        done = subprocess.run(["npm", "ci"], cwd=FOLDER, capture_output=True, text=True, check=False, timeout=150)
        if done.returncode and any(word in done.stderr for word in _NO_NETWORK):
            pytest.skip(f"npm reaches no registry: {done.stderr.strip().splitlines()[0]}")
        assert done.returncode == 0, done.stderr
        stamp.write_text(wanted, "ascii")


def need_chromium() -> None:
    """Skips the test where there is no browser to show pages with."""
    if find_chromium() is None:
        pytest.skip("Chromium is not installed; CEASEWIRE_CHROMIUM can name another browser of its kind")
