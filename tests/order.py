"""Which tests share a process, and which begin first, when pytest-xdist runs the suite.

Tests of a file stay together, because they share what is dear to make: a demo that has run, loaded rule packs, a
process that forks. xdist's own groups are no help: it hangs their names on an attribute that pytest has no more, so
that marks have no effect. What takes longest begins first: at the end both processes have something short to do.
"""

from __future__ import annotations

from typing import Any

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # it brings no types

TOGETHER = (
    ("tests/rules/test_packs.py", "tests/rules/test_shipped_packs.py", "tests/newsroom/test_expected_flags.py"),
    (
        "tests/delivery/test_kills.py",
        "tests/delivery/test_mailbox.py",
        "tests/delivery/test_routes.py",
        "tests/delivery/test_machine.py",
    ),
)
"""Files that share as well."""

APART = ("tests/e2e/", "tests/config/test_schedule_runs.py")
"""Files whose tests share nothing and take long: each is handed out by itself."""

FIRST = (
    "tests/e2e/",
    "tests/newsroom/test_demo.py",
    "tests/delivery/",
    "tests/rules/",
    "tests/collect/",
    "tests/tuning/",
    "tests/cli/",
    "tests/archive/",
    "tests/ledger/",
)
"""What takes longest: long tests before long folders."""


def unit_of(nodeid: str) -> str:
    """Tests with the same unit run in one process, one after the other."""
    file = nodeid.partition("::")[0]
    if file.startswith(APART):
        return nodeid
    return next((files[0] for files in TOGETHER if file in files), file)


def place_of(nodeid: str) -> int:
    """Where a test stands in the order: lower is earlier."""
    unit = unit_of(nodeid)
    return next((place for place, first in enumerate(FIRST) if unit.startswith(first)), len(FIRST))


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # see its import
    """Hands out units in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)


def scheduler(config: Any, log: Any) -> Scheduling:
    """What xdist asks to hand out tests; it would begin with the files that have most of them."""
    config.option.loadscopereorder = False
    return Scheduling(config, log)
