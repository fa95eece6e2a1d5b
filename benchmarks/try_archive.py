"""100,000 generated articles read by all rules of the starter configuration, as `rules try --all` reads them."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.registry import Table, benchmark

ARTICLES = int(os.environ.get("CEASEWIRE_BENCH_ARTICLES", "100000"))
CHARACTERS = 2000
SEED = 20
BATCH = 2000


@benchmark("try-archive")
def try_archive() -> Table:
    """Fill an archive, then scan it with one process and with one for each processor."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _configure(folder)
        _fill(folder)
        runs = [
            ("all rules, one process for each processor", _tried(folder, "--all")),
            ("one rule, one process for each processor", _tried(folder, "ceasefire-violated")),
            ("one rule, one process", _tried(folder, "ceasefire-violated", "--workers", "1")),
        ]
    if any(run["articles"] != ARTICLES or not run["flagged"] for _, run in runs):
        raise SystemExit(f"not what was to be measured: {runs}")
    return Table(
        f"`rules try` on {ARTICLES:,} articles",
        ("what", "first answer s", "seconds", "articles a second", "flagged", "peak memory MB"),
        [
            (
                what,
                f"{run['first']:.1f}",
                f"{run['seconds']:.1f}",
                f"{ARTICLES / run['seconds']:,.0f}",
                f"{run['flagged']:,}",
                f"{run['peak']:.0f}",
            )
            for what, run in runs
        ],
        f"Articles of about {CHARACTERS:,} characters: the words of the starter rules' own cases among common ones, in "
        "a SQLite file. A whole command each, its start and the loading of the configuration included; memory is that "
        "of the largest process.",
    )


def _configure(folder: Path) -> None:
    from alerts.cli.common import starter_folder

    for part in ("rules", "lists"):
        (folder / part).symlink_to(starter_folder() / part)
    (folder / "settings.yaml").write_text("crawler:\n  database: sqlite:///bench.db\n", "utf-8")


def _fill(folder: Path) -> None:
    from alerts.ledger import migrate
    from crawler.archive import open_archive
    from crawler.archive.articles import import_article
    from crawler.articles import Entry

    url = f"sqlite:///{folder / 'bench.db'}"
    migrate(url)
    archive = open_archive(url)
    now = datetime.now(UTC)
    texts = _texts(folder)
    for start in range(0, ARTICLES, BATCH):
        with archive.write() as connection:
            for n in range(start, min(start + BATCH, ARTICLES)):
                title, body = next(texts)
                entry = Entry(guid=str(n), link=f"https://bench.example/{n}", title=title, content=body, language="en")
                import_article(connection, "bench", entry, now=now - timedelta(minutes=(ARTICLES - n) / 4))
    archive.close()


def _texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Endless articles: plain sentences, and in one of five a sentence of a case."""
    from alerts.rules import load_rule_set

    rule_set, _ = load_rule_set(folder / "rules", folder / "lists")
    cases = [f"{case.title} {case.body}".strip() for rule in rule_set.rules for case in rule.cases if not case.lang]
    chooser = random.Random(SEED)
    words = _words(chooser)
    while True:
        sentences = [_sentence(chooser, words) for _ in range(CHARACTERS // 95)]
        if chooser.random() < 0.2:
            sentences[chooser.randrange(len(sentences))] = chooser.choice(cases)
        paragraphs = [" ".join(sentences[at : at + 4]) for at in range(0, len(sentences), 4)]
        yield _sentence(chooser, words), "\n\n".join(paragraphs)


def _words(chooser: random.Random) -> list[str]:
    """20,000 made-up words, used as often as words are: the n-th one n times less often than the first."""
    parts = [
        "ba",
        "cor",
        "del",
        "fin",
        "gra",
        "hol",
        "ist",
        "ken",
        "lor",
        "mun",
        "nar",
        "pel",
        "ros",
        "sta",
        "tor",
        "ven",
    ]
    return ["".join(chooser.choices(parts, k=chooser.randint(1, 4))) for _ in range(20_000)]


def _sentence(chooser: random.Random, words: Sequence[str]) -> str:
    picked = (words[int(len(words) ** chooser.random()) - 1] for _ in range(14))
    return " ".join(picked).capitalize() + "."


def _tried(folder: Path, *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", __name__, "try", str(folder), *arguments]
    begun = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        last = process.stdout.readline()
        first = time.perf_counter() - begun
        for line in process.stdout:
            before, last = last, line
    seconds = time.perf_counter() - begun
    if process.returncode:
        raise SystemExit(f"rules try: exit {process.returncode}")
    return {**json.loads(before)["summary"], "first": first, "seconds": seconds, "peak": float(last)}


def _try(folder: str, arguments: Sequence[str]) -> None:
    """The command in this process, and the memory it took as a last line."""
    import resource

    from alerts.cli import main

    sys.argv = ["ceasewire", "--config", folder, "rules", "try", *arguments, "--days", "3650", "--json"]
    try:
        main()
    finally:
        kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        print(max(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1024, flush=True)


if __name__ == "__main__":
    _try(sys.argv[2], sys.argv[3:])
