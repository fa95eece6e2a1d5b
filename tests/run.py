"""Runs the suite as `make test`, `make test-all` and `make coverage` do: both cores, warnings as errors.

Usage: python -m tests.run [--all] [--coverage] [pytest arguments]
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


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
    # Spawned extraction workers and killed processes are measured too where they end by themselves.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([*command, *chosen], cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
