"""100, 1,000 and 10,000 rules on documents of 4 KB: ours beside what else one could build a matcher from."""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from alerts.rules import Text
from benchmarks.registry import Table, benchmark
from benchmarks.rules_peers.filters import OneRegularExpression, Tantivy, YaraX
from benchmarks.rules_peers.ours import Ours, listed, questions
from benchmarks.rules_peers.peer import Peer, Task
from benchmarks.rules_peers.scanners import AhoCorasick, Hyperscan
from benchmarks.rules_peers.workload import SEED, Entry, make_language, make_lists, make_rules, make_texts

T = TypeVar("T")
SIZES = (100, 1_000, 10_000)
LEARNED = 1_500
"""Documents read before anything is measured; matcher and peers learn from them how rare words are."""
MEASURED = {100: 400, 1_000: 300, 10_000: 120}
TURN = 10
"""Documents an engine reads before it is another one's turn: noise of the machine then hits all alike."""


@dataclass(frozen=True)
class Engine:
    """How to build one, and with how much it can be bothered."""

    name: str
    build: Callable[[Task], Peer]
    turn: int = TURN
    most_rules: int = SIZES[-1]
    every: int = 1
    """Reads in one turn of so many."""


@dataclass
class Figures:
    """What was measured of one engine."""

    built: dict[int, float] = field(default_factory=dict)
    speeds: dict[int, list[float]] = field(default_factory=dict)
    wrong: dict[int, tuple[int, int]] = field(default_factory=dict)

    def speed(self, size: int) -> float:
        """Documents a CPU second."""
        return statistics.median(self.speeds[size])


OURS = "Ceasewire: fields, scopes, evidence"
MAIN = "pyahocorasick + Python evaluation"
ENGINES = (
    Engine(MAIN, AhoCorasick),
    Engine("hyperscan literals + Python evaluation", Hyperscan),
    Engine("yara-x, no NEAR, no SENTENCE (1)", YaraX),
    Engine("tantivy, batches of 100, no NEAR, no SENTENCE (1)", Tantivy, turn=100, every=10),
    Engine("one compiled `re` a rule, no SENTENCE (1)", OneRegularExpression, turn=2, most_rules=1_000, every=5),
)


@benchmark("rules-speed")
def rules_speed() -> Table:
    """All engines, every size, interleaved; ours must find what the exact ones find."""
    language = make_language(random.Random(SEED))
    lists, rules = make_lists(language), make_rules(language, SIZES[-1])
    learned, texts = make_texts(language, LEARNED, 1), make_texts(language, max(MEASURED.values()), 2)
    figures = {name: Figures() for name in (OURS, *(engine.name for engine in ENGINES))}
    hits: dict[int, float] = {}
    for size in SIZES:
        hits[size] = _measure(size, rules[:size], lists, learned, texts[: MEASURED[size]], figures)
    return Table(
        "Rules read: documents of 4 KB a CPU second on one core",
        (
            "engine",
            *(f"{size:,} rules" for size in SIZES),
            *(f"ours is, at {size:,}" for size in SIZES),
            f"{SIZES[0]:,} -> {SIZES[-1]:,} costs",
            f"building {SIZES[-1]:,}, s",
            "wrong hits",
        ),
        [_row(name, figures) for name in figures],
        _notes(texts, hits),
    )


def _measure(
    size: int,
    rules: Sequence[Entry],
    lists: dict[str, tuple[str, ...]],
    learned: Sequence[Text],
    texts: Sequence[Text],
    figures: dict[str, Figures],
) -> float:
    """Build every engine for so many rules, let them take turns; returns the hits a document."""
    seconds, ours = _timed(lambda: Ours(rules, lists))
    figures[OURS].built[size] = seconds
    ours.hits(learned)
    task = Task(questions(rules), listed(lists), learned)
    engines: list[tuple[Engine, Peer]] = []
    for engine in ENGINES:
        if size <= engine.most_rules:
            figures[engine.name].built[size], built = _timed(partial(engine.build, task))
            engines.append((engine, built))
    gc.collect()
    gc.freeze()
    wanted: list[set[int]] = []
    for number, start in enumerate(range(0, len(texts), TURN)):
        turn = texts[start : start + TURN]
        seconds, found = _timed(partial(ours.hits, turn))
        figures[OURS].speeds.setdefault(size, []).append(len(turn) / seconds)
        wanted += found
        for engine, peer in engines if number % 2 else reversed(engines):
            if (number + 1) % engine.every == 0:
                _one_turn(engine, peer, texts[: start + TURN], wanted, size, figures[engine.name])
    gc.unfreeze()
    return sum(map(len, wanted)) / len(texts)


def _one_turn(
    engine: Engine, peer: Peer, read: Sequence[Text], wanted: Sequence[set[int]], size: int, figures: Figures
) -> None:
    """One engine reads the last documents that ours has read; its hits are compared."""
    turn = read[-engine.turn :]
    seconds, found = _timed(lambda: peer.hits(turn))
    figures.speeds.setdefault(size, []).append(len(turn) / seconds)
    extra, total = figures.wrong.get(size, (0, 0))
    for mine, theirs in zip(wanted[-len(turn) :], found, strict=True):
        if mine - theirs:
            raise SystemExit(f"{engine.name} misses rules {mine - theirs}")
        extra, total = extra + len(theirs - mine), total + len(mine)
    if extra and engine.name in (ENGINES[0].name, ENGINES[1].name):
        raise SystemExit(f"{engine.name} finds {extra} more than ours")
    figures.wrong[size] = extra, total


def _row(name: str, figures: dict[str, Figures]) -> tuple[str, ...]:
    mine, one = figures[OURS], figures[name]
    done = [size for size in SIZES if size in one.speeds]
    speeds = [f"{one.speed(size):,.0f}" if size in done else "not tried" for size in SIZES]
    ratios = [f"{_ratio(mine, one, size):.2f} x" if size in done and one is not mine else "" for size in SIZES]
    cost = f"{one.speed(SIZES[0]) / one.speed(SIZES[-1]):.1f} x" if SIZES[-1] in done else ""
    built = f"{one.built[SIZES[-1]]:.1f}" if SIZES[-1] in one.built else ""
    extra, total = map(sum, zip(*one.wrong.values(), strict=True)) if one.wrong else (0, 0)
    return name, *speeds, *ratios, cost, built, f"{extra / total:+.0%}" if extra else "none"


def _ratio(mine: Figures, other: Figures, size: int) -> float:
    """How much faster ours is: the median over turns where both read the same documents, else of the medians."""
    pairs = list(zip(mine.speeds[size], other.speeds[size], strict=False))
    if len(mine.speeds[size]) == len(other.speeds[size]):
        return statistics.median(one / another for one, another in pairs)
    return mine.speed(size) / other.speed(size)


def _notes(texts: Sequence[Text], hits: dict[int, float]) -> str:
    mean = statistics.mean(len(text.title) + len(text.body) for text in texts)
    per = ", ".join(f"{hits[size]:.1f} with {size:,}" for size in SIZES)
    return f"""Generated rules and documents (mean {mean:,.0f} characters), one seed. Hits a document: {per}.
Every engine reads the same documents, {TURN} at a time in turns, after {LEARNED:,} others; medians of CPU time.
Ours finds and cuts out the evidence of every hit, the others only say yes or no. The hits of the first two peers were
equal to ours on every document measured. Peers get the parsed queries, so building ours includes parsing and theirs
does not. An `re` a rule is not tried with {SIZES[-1]:,} rules: it would take minutes for ten documents.

(1) Leaves out NOT, `not_within`, `drop_if`, fields and ATLEAST as well, hence the wrong hits; it misses none.

What ours is linear in: cutting and looking up, in the words of a document, whatever the number of rules; a word never
met before costs once what its spelling costs; looking at rules, in those whose rarest required words occur; evaluating,
in the occurrences of the words of those rules of which everything required occurs; evidence, in the hits; building and
memory, in the terms of all rules. So what grows with the number of rules is what they have to do with a document."""


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    begun = time.process_time()
    result = work()
    return time.process_time() - begun, result
