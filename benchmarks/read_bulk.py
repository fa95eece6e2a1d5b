"""Generated articles as JSON lines, read by all rules of the starter configuration: `rules read FILE.jsonl --json`."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.registry import Table, benchmark
from benchmarks.try_archive import CHARACTERS, configure, endless

ARTICLES = int(os.environ.get("CEASEWIRE_BENCH_ARTICLES", "100000"))
FEW = ARTICLES // 5
"""A shorter file, whose reading must not take less memory."""


@dataclass(frozen=True)
class Reading:
    """One command: seconds by the clock, CPU seconds of all its processes, MB of the largest, hash of what it said."""

    seconds: float
    cpu: float
    peak: float
    said: str


@benchmark("read-bulk")
def read_bulk() -> Table:
    """The same file with one process and with one for each processor; a fifth of it for its memory."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        configure(folder)
        full, part = folder / "all.jsonl", folder / "part.jsonl"
        _write(folder, full, part)
        rows = [
            (ARTICLES, "1", _read(folder, full, "--workers", "1")),
            (ARTICLES, str(os.cpu_count()), _read(folder, full)),
            (FEW, str(os.cpu_count()), _read(folder, part)),
        ]
    if rows[0][2].said != rows[1][2].said:
        raise SystemExit("one process and several do not say the same")
    return Table(
        f"`rules read FILE.jsonl --json` on {ARTICLES:,} articles",
        ("articles", "processes", "seconds", "articles a second", "CPU seconds", "peak memory MB"),
        [
            (
                f"{count:,}",
                processes,
                f"{one.seconds:.1f}",
                f"{count / one.seconds:,.0f}",
                f"{one.cpu:.1f}",
                f"{one.peak:.0f}",
            )
            for count, processes, one in rows
        ],
        f"Articles of about {CHARACTERS:,} characters, as in `try-archive`. A whole command each, with its start and "
        "the loading of the configuration; CPU of all its processes together, memory of the largest. One process and "
        "several wrote the same bytes.",
    )


def _write(folder: Path, full: Path, part: Path) -> None:
    source = endless(folder)
    with full.open("w", encoding="utf-8") as every, part.open("w", encoding="utf-8") as few:
        for number in range(ARTICLES):
            title, body = next(source)
            line = json.dumps({"id": str(number), "title": title, "text": body, "lang": "en"}) + "\n"
            every.write(line)
            if number < FEW:
                few.write(line)


def _read(folder: Path, file: Path, *options: str) -> Reading:
    command = [sys.executable, "-m", __name__, str(folder), str(file), *options]
    said = hashlib.sha256()
    begun = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        while piece := process.stdout.read(1 << 20):
            said.update(piece)
        seconds = time.perf_counter() - begun
        told = process.stderr.read().decode()
    if process.returncode:
        raise SystemExit(f"rules read: exit {process.returncode}: {told}")
    cpu, peak = map(float, told.split()[-2:])
    return Reading(seconds, cpu, peak, said.hexdigest())


def _command(folder: str, file: str, options: Sequence[str]) -> None:
    """The command in this process; at the end its CPU seconds and its largest memory on standard error."""
    import resource

    from alerts.cli import main

    sys.argv = ["ceasewire", "--config", folder, "rules", "read", file, "--json", *options]
    try:
        main()
    finally:
        used = [resource.getrusage(kind) for kind in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        cpu = sum(one.ru_utime + one.ru_stime for one in used)
        print(cpu, max(one.ru_maxrss for one in used) / 1024, file=sys.stderr, flush=True)


if __name__ == "__main__":
    _command(sys.argv[1], sys.argv[2], sys.argv[3:])
