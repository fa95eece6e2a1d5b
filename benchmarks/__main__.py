"""`python -m benchmarks [NAME ...]`: run the benchmarks (all, if none is named) and write RESULTS.md.

Results of benchmarks that were not run stay in the file.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import platform
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import benchmarks
from benchmarks.registry import BENCHMARKS, Table

RESULTS = Path(__file__).with_name("RESULTS.md")
HEAD = (
    "# Results\n\nWritten by `make bench`. Figures of different machines cannot be compared; those of one table can.\n"
)


def main(names: list[str]) -> int:
    for module in pkgutil.iter_modules(benchmarks.__path__):
        if not module.name.startswith("_"):
            importlib.import_module(f"benchmarks.{module.name}")
    unknown = sorted(set(names) - set(BENCHMARKS))
    if unknown:
        print(f"unknown: {', '.join(unknown)}; known: {', '.join(sorted(BENCHMARKS))}", file=sys.stderr)
        return 2
    sections = read_sections(RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else "")
    for name in names or sorted(BENCHMARKS):
        print(f"{name} ...", flush=True)
        table = BENCHMARKS[name]()
        print(table.markdown())
        sections[name] = section(name, table)
        RESULTS.write_text(HEAD + "".join(f"\n{sections[key]}" for key in sorted(sections)), encoding="utf-8")
    return 0


def section(name: str, table: Table) -> str:
    machine = f"{os.cpu_count()} CPUs, {platform.machine()}, Python {platform.python_version()}"
    return f"<!-- {name} -->\n{table.markdown()}\nMeasured on {datetime.now(UTC):%Y-%m-%d}: {machine}.\n"


def read_sections(text: str) -> dict[str, str]:
    parts = re.split(r"^(?=<!-- [\w-]+ -->$)", text, flags=re.MULTILINE)[1:]
    return {part[5 : part.index(" -->")]: part.rstrip() + "\n" for part in parts}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
