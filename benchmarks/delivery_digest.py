"""A digest of 500 stories for 200 readers: frozen, rendered, put into the outbox and handed to a mail server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.registry import Table, benchmark

STORIES = int(os.environ.get("CEASEWIRE_BENCH_TOLD", "500"))
READERS = int(os.environ.get("CEASEWIRE_BENCH_READERS", "200"))
SOURCES = 40
WORDS = 300
SLOT = datetime(2026, 3, 1, 7, tzinfo=UTC)
SENDER = "wire@news.example"
FOR_ALL = ("freeze", "render and compose", "send", "smtplib sends the same")
"""What is measured, in this order; the first two of them are no work of a mail server."""


@benchmark("delivery-digest")
def delivery_digest() -> Table:
    """Fill a ledger, then freeze, enqueue and deliver as `run` does, and send the same mails with smtplib alone."""
    rows: list[Sequence[str]] = []
    for linked in (False, True):
        with tempfile.TemporaryDirectory() as name, sink() as (port, web):
            _in_a_process("fill", name, port, web if linked else 0)
            ours = _in_a_process("deliver", name)
            peer = _in_a_process("peer", name, port)
        if (ours["sent"], ours["told"], peer["sent"]) != (READERS, STORIES, READERS):
            raise SystemExit(f"not what was to be measured: {ours}, {peer}")
        stages = {**ours["stages"], FOR_ALL[-1]: peer["stage"]}
        rows += [_row(what, stages[what], ours if what != FOR_ALL[-1] else peer, linked=linked) for what in FOR_ALL]
        rows.append(_ratio(stages, linked=linked))
    return Table(
        f"A digest of {STORIES:,} stories for {READERS:,} readers",
        ("what", "seconds", "CPU seconds", "CPU ms a mail", "peak memory MB", "memory before MB"),
        rows,
        f"{STORIES:,} articles of about {WORDS} words from {SOURCES} sources, each with a sentence of the starter "
        "rules' own cases, were archived, grouped and flagged before by the jobs themselves. Then one process freezes "
        f"the digest, renders it, puts {READERS:,} mails with their final bytes into the outbox (SQLite, "
        "synchronous=FULL) and sends each in three transactions: claimed, in doubt before the final dot, sent. The "
        "peer is Python's smtplib: it sends the same bytes over one connection to the same server (aiosmtpd on "
        "loopback, in a process of its own) and writes nothing down. With links, every mail has those of its reader "
        "and so a body of its own.",
    )


def _row(what: str, stage: dict[str, float], run: dict[str, Any], *, linked: bool) -> Sequence[str]:
    mails = READERS if what != FOR_ALL[0] else 0
    each = f"{1000 * stage['cpu'] / mails:.1f}" if mails else "-"
    kind = ", with links" if linked else ""
    return (
        f"{what}{kind}", f"{stage['seconds']:.2f}", f"{stage['cpu']:.2f}", each, f"{run['peak']:.0f}",
        f"{run['before']:.0f}",
    )  # fmt: skip


def _ratio(stages: dict[str, dict[str, float]], *, linked: bool) -> Sequence[str]:
    """All of ours in multiples of the peer."""
    whole = {unit: sum(stages[what][unit] for what in FOR_ALL[:-1]) for unit in ("seconds", "cpu")}
    times = {unit: f"{whole[unit] / stages[FOR_ALL[-1]][unit]:.1f} x" for unit in whole}
    return (f"all of ours to smtplib{', with links' if linked else ''}", times["seconds"], times["cpu"], "", "", "")


@contextlib.contextmanager
def sink() -> Iterator[tuple[int, int]]:
    """The ports of a mail server that takes everything and keeps nothing, and of a web side that says it is well."""
    command = [sys.executable, "-m", __name__, "sink"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            mail, web = map(int, process.stdout.readline().split())
            yield mail, web
        finally:
            process.stdin.close()


def _in_a_process(*arguments: Any) -> dict[str, Any]:
    command = [sys.executable, "-m", __name__, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, Any] = json.loads(done.stdout or "{}")
    return figures


def fill(folder: Path, port: int, web: int) -> dict[str, Any]:
    """Write the configuration, archive the articles, and let the jobs make items of them."""
    from alerts.configuration import load_configuration
    from alerts.flags import flag_articles
    from alerts.items import make_items, start_desks
    from alerts.ledger import migrate
    from alerts.stories import group_articles
    from crawler.archive import open_archive
    from crawler.archive.articles import import_article
    from crawler.articles import Entry

    _configure(folder, port, web)
    configuration = load_configuration(folder)
    migrate(configuration.database_url)
    archive = open_archive(configuration.database_url)
    start_desks(archive, configuration.desks, SLOT - timedelta(days=1))
    at = SLOT - timedelta(hours=2)
    for number, (title, text) in enumerate(_articles(configuration)):
        source = f"s{number % SOURCES}"
        link = f"https://{source}.example/{at:%Y/%m/%d}/{number}"
        with archive.write() as connection:
            import_article(
                connection, source, Entry(str(number), link, title, content=text, published=at, language="en"), now=at
            )
    group_articles(archive, at)
    flag_articles(archive, configuration.rule_set, configuration.sources, at)
    make_items(archive, configuration.desks, at, configuration.sources)
    archive.close()
    return {}


def _configure(folder: Path, port: int, web: int) -> None:
    from benchmarks.try_archive import configure

    configure(folder)
    alerts: dict[str, Any] = {
        "sender": {"address": SENDER},
        "smtp": {"host": "127.0.0.1", "port": port, "security": "none"},
    }
    if web:
        alerts["web"] = {"url": f"http://127.0.0.1:{web}", "secret_file": "secret"}
        (folder / "secret").write_text("known to this benchmark alone", "utf-8")
    settings = {"crawler": {"database": "sqlite:///bench.db"}, "alerts": alerts}
    (folder / "settings.yaml").write_text(json.dumps(settings), "utf-8")
    sources = [
        {
            "id": f"s{number}", "name": f"The Paper of Town {number}", "country": "GB", "languages": ["en"],
            "channels": [{"feed": f"https://s{number}.example/rss.xml"}],
        }
        for number in range(SOURCES)
    ]  # fmt: skip
    readers = [f"reader{number}@desk.example" for number in range(READERS)]
    desk = {
        "id": "field", "title": "Field desk", "schedule": "0 7 * * *", "zone": "UTC", "routes": [{"mail": readers}],
    }  # fmt: skip
    for part, value in (("sources/all.yaml", sources), ("desks/field.yaml", desk)):
        (folder / part).parent.mkdir()
        (folder / part).write_text(json.dumps(value), "utf-8")


def _articles(configuration: Any) -> Iterator[tuple[str, str]]:
    """Title and text of stories, each with made-up words of its own around a sentence for which a rule fires."""
    from alerts.rules import Text

    chance = random.Random(9)
    word = _words(chance)
    cases = [
        case
        for rule in configuration.rule_set.rules
        for case in rule.cases
        if rule.class_ != "context" and case.kind == "flags" and case.lang in ("", "en") and case.body
    ]
    made = 0
    while made < STORIES:
        body = [" ".join(word() for _ in range(15)).capitalize() + "." for _ in range(WORDS // 15)]
        body.insert(2, chance.choice(cases).body)
        title, text = " ".join(word() for _ in range(9)).capitalize(), " ".join(body)
        # A rule may want more than the sentence alone: a case may name its language or its headline.
        if any(hit.class_ != "context" for hit in configuration.rule_set.read(Text(title, text, "en"))):
            made += 1
            yield title, text


def _words(chance: random.Random) -> Callable[[], str]:
    """Made-up words, so many that no two articles are taken for one story."""
    parts = ("ba", "cor", "del", "fin", "gra", "hol", "ist", "ken", "lor", "mun", "nar", "pel", "ros", "sta", "tor")

    def word() -> str:
        return "".join(chance.choices(parts, k=chance.randint(2, 4)))

    return word


def deliver(folder: Path) -> dict[str, Any]:
    """What `run` does from the due slot to the last mail."""
    from alerts.configuration import load_configuration
    from alerts.delivery import deliver as send
    from alerts.delivery import enqueue
    from alerts.digests import make_digests
    from alerts.ledger.digests import load_snapshot
    from alerts.ledger.lock import run_lock
    from alerts.ledger.schema import digest
    from crawler.archive import open_archive

    configuration = load_configuration(folder)
    archive = open_archive(configuration.database_url)
    before = _memory()
    stages = {}
    with run_lock(archive):
        stages["freeze"] = _timed(lambda: make_digests(archive, configuration, SLOT))
        stages["render and compose"] = _timed(lambda: enqueue(archive, configuration, SLOT))
        stages["send"] = _timed(lambda: send(archive, configuration, lambda: SLOT))
    with archive.read() as connection:
        snapshot = load_snapshot(connection.execute(digest.select()).one().snapshot)
    archive.close()
    return {
        "stages": {name: {"seconds": seconds, "cpu": cpu} for name, (seconds, cpu, _) in stages.items()},
        "sent": stages["send"][2].sent,
        "told": len(snapshot["stories"]),
        "before": before,
        "peak": _memory(),
    }


def peer(folder: Path, port: int) -> dict[str, Any]:
    """The same bytes to the same server, by the standard library."""
    import smtplib

    from alerts.ledger import deliveries
    from crawler.archive import open_archive

    archive = open_archive(f"sqlite:///{folder / 'bench.db'}")
    with archive.read() as connection:
        rows = deliveries.list_deliveries(connection, limit=10 * READERS)
        mails = [(row["target"], deliveries.delivery_bytes(connection, row["id"])) for row in rows]
    archive.close()
    before = _memory()

    def send_all() -> int:
        with smtplib.SMTP("127.0.0.1", port) as smtp:
            for target, data in mails:
                assert data is not None
                assert smtp.sendmail(SENDER, [target], data) == {}
        return len(mails)

    seconds, cpu, sent = _timed(send_all)
    return {"stage": {"seconds": seconds, "cpu": cpu}, "sent": sent, "before": before, "peak": _memory()}


def _timed(work: Callable[[], Any]) -> tuple[float, float, Any]:
    cpu, begun = time.process_time(), time.perf_counter()
    result = work()
    return time.perf_counter() - begun, time.process_time() - cpu, result


def _memory() -> float:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def _serve() -> None:
    """The sink: prints its port, ends with its standard input."""
    from aiosmtpd.smtp import SMTP

    class Taking:
        async def handle_DATA(self, _server: Any, _session: Any, _envelope: Any) -> str:  # noqa: N802 - aiosmtpd's
            return "250 taken"

    async def well(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    loop = asyncio.get_running_loop()
    mail = await loop.create_server(lambda: SMTP(Taking(), hostname="sink.example", loop=loop), "127.0.0.1", 0)
    web = await asyncio.start_server(well, "127.0.0.1", 0)
    print(*(server.sockets[0].getsockname()[1] for server in (mail, web)), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def _main(what: str, *rest: str) -> dict[str, Any]:
    folder = Path(rest[0])
    if what == "fill":
        return fill(folder, int(rest[1]), int(rest[2]))
    return peer(folder, int(rest[1])) if what == "peer" else deliver(folder)


if __name__ == "__main__":
    if sys.argv[1] == "sink":
        asyncio.run(_serve())
    else:
        print(json.dumps(_main(*sys.argv[1:])))
