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
SENTENCES = 50_000


@benchmark("try-archive")
def try_archive() -> Table:
    """Fill an archive, then scan it with all rules and with one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        configure(folder)
        _fill(folder)
        runs = [
            ("all rules", _tried(folder, "--all")),
            ("one rule", _tried(folder, "ceasefire-violated")),
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
        "a SQLite file, read by one process for each processor. A whole command each, its start and the loading of the "
        "configuration included; memory is that of the largest process.",
    )


def configure(folder: Path) -> None:
    from alerts.cli.common import starter_folder

    for part in ("rules", "lists", "filters.yaml"):
        (folder / part).symlink_to(starter_folder() / part)
    (folder / "settings.yaml").write_text("crawler:\n  database: sqlite:///bench.db\n", "utf-8")


def _fill(folder: Path) -> None:
    """Straight into the tables: storing articles is not what is measured."""
    import sqlalchemy as sa

    from alerts.ledger import migrate
    from crawler.archive import open_archive, texts
    from crawler.archive.schema import article, article_text

    url = f"sqlite:///{folder / 'bench.db'}"
    migrate(url)
    archive = open_archive(url)
    now = datetime.now(UTC)
    written = endless(folder)
    for start in range(1, ARTICLES + 1, BATCH):
        rows, bodies = [], []
        for n in range(start, min(start + BATCH, ARTICLES + 1)):
            title, body = next(written)
            at = now - timedelta(minutes=(ARTICLES - n) / 4)
            rows.append(
                {
                    "id": n, "key": f"https://bench.example/{n}", "url": f"https://bench.example/{n}",
                    "source": "bench", "channel": "import", "title": title, "language": "en", "seen_at": at,
                    "changed_at": at, "authors": [], "labels": [], "text_hash": str(n), "page_state": "none",
                }
            )  # fmt: skip
            codec, packed = texts.pack(body)
            bodies.append({"article": n, "codec": codec, "body": packed})
        with archive.write() as connection:
            connection.execute(sa.insert(article), rows)
            connection.execute(sa.insert(article_text), bodies)
    archive.close()


def endless(folder: Path) -> Iterator[tuple[str, str]]:
    """Endless articles: plain sentences, and in one of five a sentence of a case."""
    from alerts.rules import load_rule_set

    rule_set, _ = load_rule_set(folder / "rules", folder / "lists", lint=False)
    cases = [f"{case.title} {case.body}".strip() for rule in rule_set.rules for case in rule.cases if not case.lang]
    chooser = random.Random(SEED)
    words = _words(chooser)
    plain = [_sentence(chooser, words) for _ in range(SENTENCES)]
    count = CHARACTERS // (sum(map(len, plain)) // SENTENCES)
    while True:
        sentences = chooser.choices(plain, k=count)
        if chooser.random() < 0.2:
            sentences[chooser.randrange(count)] = chooser.choice(cases)
        paragraphs = [" ".join(sentences[at : at + 4]) for at in range(0, count, 4)]
        yield chooser.choice(plain), "\n\n".join(paragraphs)


def _words(chooser: random.Random) -> list[str]:
    """20,000 made-up words."""
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
    """Few words are used often and most seldom, as in any language."""
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
