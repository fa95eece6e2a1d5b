"""Runs the suite as `make test`, `make test-all` and `make coverage` do: both cores, warnings as errors.

Usage: python -m tests.run [--all] [--coverage] [pytest arguments]
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MEMORY = Path("/dev/shm")
ROOM = 3 * 2**30
"""Bytes that must be free there: the tests' files take a sixth of it, the databases of a heavy run the most."""


def main(arguments: list[str]) -> int:
    """Run pytest; return its exit code, or coverage's when it was asked for and the floor is missed."""
    heavy = "--all" in arguments
    chosen = [argument for argument in arguments if argument not in {"--all", "--coverage"}]
    command = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadgroup", "-q", "--durations", "5"]
    if not heavy:
        command += ["-m", "not heavy"]
    # Apart from the ordinary run: measuring the lines doubles the CPU of the matcher's tests.
    if "--coverage" in arguments:
        command += ["--cov", "--cov-report", "term:skip-covered"]
    # Hundreds of processes are started: without bytecode each of them compiles all of our modules anew.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with _place_for_files() as place:
        return subprocess.run([*command, *chosen], cwd=ROOT, env=environment | place, check=False).returncode


@contextlib.contextmanager
def _place_for_files() -> Iterator[dict[str, str]]:
    """In memory where there is room: a PostgreSQL database of its own for each test is 500 files, ten times as cheap.

    The files are gone afterwards; run pytest itself to look at those of a test that fails.
    """
    if not (MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM):
        yield {}
        return
    # The keeper of the database server removes its own part at the same time.
    with tempfile.TemporaryDirectory(prefix="cw-", dir=MEMORY, ignore_cleanup_errors=True) as folder:
        # The server runs as another user, who must get through.
        Path(folder).chmod(0o755)
        yield {"TMPDIR": folder}


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
