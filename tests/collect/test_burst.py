"""The promise of the poll intervals, on simulated feeds; `benchmarks/burst.py` prints the figures of many more."""

from __future__ import annotations

from benchmarks.burst import CONTROLLERS, Feed, feeds, fixed, shortfall, simulate


def test_our_controller_misses_a_fraction_of_what_others_miss() -> None:
    """At most a tenth of Miniflux's entry frequency and a fifth of every 15 min, with fewer requests than that."""
    several = list(feeds(30, 7))
    names = ("ceasewire, 2 min agreed with the source", "every 15 min", "Miniflux, entry frequency")
    results = {name: simulate(several, 7, CONTROLLERS[name]) for name in names}
    assert results["every 15 min"].missed > 200
    assert shortfall(results, 30 * 7) == ""


def test_the_simulation_counts_what_rolls_out_of_the_window() -> None:
    """An item a minute for a day, a window of ten, asked every 15 and every 5 minutes."""
    feed = Feed(10, [float(minute) for minute in range(1440)])
    quarter, five = simulate([feed], 1, fixed(15)), simulate([feed], 1, fixed(5))
    assert quarter.missed == quarter.items // 15 * 5
    assert five.missed == 0
    assert 92 <= quarter.requests <= 96
    assert max(five.delays) < 5 < max(quarter.delays) < 10
