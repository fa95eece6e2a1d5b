"""Many feeds and many runs in one process: nothing is missed, nothing piles up. The figures stand in benchmarks/."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import _feeds, collect_again, collect_mixed
from benchmarks._feeds import in_a_process, server

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(1500)]


def test_memory_stays_flat_over_two_hundred_runs(tmp_path: Path) -> None:
    with server() as ports:
        database = f"sqlite:///{tmp_path / 'again.db'}"
        figures = in_a_process("benchmarks.collect_again", database, ports.open, ports.closed, collect_again.ROUNDS)
    sizes = figures["sizes"]
    assert len(sizes) == collect_again.ROUNDS
    assert max(sizes[collect_again.WARM :]) <= 1.03 * sizes[collect_again.WARM - 1]


def test_feeds_of_every_kind_in_one_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CEASEWIRE_BENCH_FEEDS", "1000")
    with server() as ports:
        arguments = (f"sqlite:///{tmp_path / 'mixed.db'}", ports.open, ports.closed)
        in_a_process("benchmarks.collect_mixed", "first", *arguments)
        mixed = in_a_process("benchmarks.collect_mixed", "mixed", *arguments)
    shares = {what: 10 * share for what, share in collect_mixed.SHARES.items()}
    failing = shares["error"] + shares["refused"] + shares["hang"]
    assert _feeds.feeds(1) == 1000
    assert (mixed["polled"], mixed["failed"], mixed["new"]) == (1000, failing, shares["new"])
    assert mixed["unchanged"] == 1000 - failing - shares["new"]
