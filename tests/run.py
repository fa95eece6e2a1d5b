"""Runs the suite as `make test` and `make test-all` do: both cores, coverage of this project, warnings as errors.

Usage: python -m tests.run [--all] [pytest arguments]
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str]) -> int:
    """Run pytest under coverage; return its exit code, or coverage's when the floor is missed."""
    heavy = "--all" in arguments
    chosen = [argument for argument in arguments if argument != "--all"]
    command = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadgroup", "-q", "--durations", "5"]
    if not heavy:
        command += ["-m", "not heavy"]
    if not chosen:
        command += ["--cov", "--cov-report", "term:skip-covered"]
    # Spawned extraction workers and killed processes are measured too where they end by themselves.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([*command, *chosen], cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
