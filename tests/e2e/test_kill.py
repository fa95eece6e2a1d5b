"""`ceasewire run`, killed again and again at random moments: nothing lost, nothing doubled but what was in doubt."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from alerts import ledger
from alerts.delivery.steps import STEPS, VARIABLE
from alerts.ledger import deliveries, schema
from alerts.newsroom import Newsroom, load_outlets
from crawler.archive import open_archive
from crawler.archive import schema as archive_schema
from tests.delivery.servers import Recorder
from tests.forking import Forked, Forking

ROOT = Path(__file__).resolve().parents[2]
ANCHOR = datetime(2026, 3, 1, 6, 30, tzinfo=UTC)
TARGETS = ("a@desk.example", "b@desk.example")
MINUTE = timedelta(minutes=1)
HEAVY = pytest.mark.heavy
_NUMBERS = sa.select(schema.digest.c.number).order_by(schema.digest.c.id)


@dataclass(frozen=True)
class World:
    """A configuration folder with its own database. `forking`: forks its processes; None: they are started anew."""

    folder: Path
    forking: Forking | None = None

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder / 'ceasewire.db'}"

    def start(self, now: datetime, kill_at: str = "") -> Forked | subprocess.Popen[str]:
        """Start `ceasewire run` at `now`, in a process group of its own."""
        environment = {**os.environ, "CEASEWIRE_NOW": now.isoformat()}
        if kill_at:
            environment[VARIABLE] = kill_at
        arguments = ["--config", str(self.folder), "run", "--wait", "30", "--fail-if-locked"]
        if self.forking is not None:
            return self.forking.start(arguments, environment=environment)
        return subprocess.Popen(
            [sys.executable, "-m", "alerts.cli", *arguments], env=environment, cwd=ROOT, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, now: datetime) -> None:
        """A run that nobody disturbs; it must succeed."""
        process = self.start(now)
        said, complained = process.communicate(timeout=120)
        assert (process.returncode, said) == (0, ""), complained


@pytest.fixture
def newsroom() -> Iterator[Newsroom]:
    # Four outlets are enough: two feeds, a sitemap and a listing page or whatever comes first.
    with Newsroom(anchor=ANCHOR, outlets=load_outlets()[:4]) as running:
        yield running


def prepare(world: World, newsroom: Newsroom, routes: list[dict[str, Any]], port: int) -> World:
    """Migrate a world and give it the newsroom's sources, the repository's rules and one hourly desk."""
    folder = world.folder
    for part in ("rules", "lists"):
        shutil.copytree(ROOT / "config" / part, folder / part)
    if (ROOT / "config" / "filters.yaml").exists():
        shutil.copy(ROOT / "config" / "filters.yaml", folder)
    settings = {
        "crawler": {
            "database": "sqlite:///ceasewire.db",
            "allow_addresses": ["127.0.0.1"],
            "delay_seconds": 0,
            "extract_seconds": 60,
        },
        "alerts": {
            "sender": {"address": "wire@news.example"},
            "smtp": {"host": "127.0.0.1", "port": port, "security": "none"},
        },
    }
    desk = {"id": "test", "title": "Test", "schedule": "0 * * * *", "zone": "UTC", "routes": routes}
    for name in ("sources", "desks"):
        (folder / name).mkdir()
    (folder / "settings.yaml").write_text(json.dumps(settings, indent=1))
    (folder / "desks" / "test.yaml").write_text(json.dumps(desk, indent=1))
    (folder / "sources" / "newsroom.yaml").write_text(newsroom.sources_yaml())
    ledger.migrate(world.url)
    return world


def killed(world: World, now: datetime, chance: random.Random, usual_seconds: float) -> bool:
    """One run with a kill: half of them at a random moment, half at a random step of the delivery.

    Returns:
        Whether it was killed before it was through.
    """
    kill_at = chance.choice(STEPS) if chance.random() < 0.5 else ""
    process = world.start(now, kill_at)
    try:
        _, complained = process.communicate(timeout=chance.uniform(0.1, 1.1) * usual_seconds if not kill_at else 120)
    except subprocess.TimeoutExpired:
        process.kill()
        _, complained = process.communicate()
    assert process.returncode in (0, -signal.SIGKILL), complained
    return process.returncode != 0


def known(world: World) -> dict[str, Any]:
    """What the database has come to know, in words that do not depend on the order of arrival."""
    article, flag, item, member = archive_schema.article, schema.flag, schema.item, schema.story_article
    archive = open_archive(world.url)
    with archive.read() as connection:
        found: dict[str, Any] = {
            "articles": sorted(map(tuple, connection.execute(sa.select(article.c.key, article.c.page_state)))),
            "flags": sorted(
                connection.execute(
                    sa.select(article.c.key, flag.c.rule, flag.c.field, flag.c.start, flag.c.end, flag.c.sentence)
                    .join(article, article.c.id == flag.c.article)
                    .where(flag.c.withdrawn_at.is_(None))
                )
            ),
            "told": sorted(
                set(
                    connection.execute(
                        sa.select(article.c.key)
                        .join(member, member.c.article == article.c.id)
                        .join(item, item.c.story == member.c.story)
                        .where(item.c.digest.is_not(None))
                    ).scalars()
                )
            ),
            "numbers": list(
                connection.execute(sa.select(schema.digest.c.number).order_by(schema.digest.c.id)).scalars()
            ),
            "unclaimed": connection.execute(sa.select(sa.func.count()).where(item.c.digest.is_(None))).scalar_one(),
        }
    archive.close()
    return found


@pytest.mark.parametrize(
    ("kills", "seed"), [(4, 1), pytest.param(60, 2, marks=HEAVY), pytest.param(60, 3, marks=HEAVY)]
)
@pytest.mark.timeout(900)
def test_random_kills_lose_nothing(tmp_path: Path, newsroom: Newsroom, forking: Forking, kills: int, seed: int) -> None:
    """One of the long ones starts its processes anew, and so is killed while they start as well."""
    chance = random.Random(seed)
    fork = None if seed == 2 else forking
    with Recorder() as recorder:
        quiet = prepare(World(tmp_path / "quiet", fork), newsroom, [{"folder": "out"}], recorder.port)
        began = time.monotonic()
        quiet.run(ANCHOR)
        usual = time.monotonic() - began
        routes: list[dict[str, Any]] = [{"folder": "out"}, {"mail": list(TARGETS)}]
        troubled = prepare(World(tmp_path / "troubled", fork), newsroom, routes, recorder.port)
        # Twelve minutes between runs: doubts of one are settled by the next, and every fifth begins a new slot.
        now = ANCHOR
        count = 0
        for _ in range(kills):
            count += killed(troubled, now, chance, usual)
            now += 12 * MINUTE
        assert count, "no run was killed"
        # One run to clear up, and one an hour later, in a slot of its own, so that everything has had its chance.
        troubled.run(now)
        for world in (quiet, troubled):
            world.run(now + 60 * MINUTE)
        recorder.wait_until_idle()
        check(known(quiet), known(troubled))
        check_mails(troubled, recorder)


def check(quiet: dict[str, Any], troubled: dict[str, Any]) -> None:
    assert len(quiet["articles"]) > 10
    assert len(quiet["told"]) > 3
    for name in ("articles", "flags", "told"):
        assert troubled[name] == quiet[name], name
    assert troubled["numbers"] == list(range(1, len(troubled["numbers"]) + 1))
    assert troubled["unclaimed"] == 0


def check_mails(world: World, recorder: Recorder) -> None:
    archive = open_archive(world.url)
    with archive.read() as connection:
        rows = deliveries.list_deliveries(connection, limit=10_000)
        composed = {row["id"]: deliveries.delivery_bytes(connection, row["id"]) for row in rows}
        numbers = list(connection.execute(_NUMBERS).scalars())
    archive.close()
    assert [row for row in rows if row["state"] != "sent"] == []
    for target in TARGETS:
        assert sorted(row["number"] for row in rows if row["target"] == target) == sorted(numbers)
    copies = Counter((mail.recipients[0], mail.data) for mail in recorder.accepted)
    for row in rows:
        data = composed[row["id"]]
        assert data is not None
        if row["route"] == "folder":
            (file,) = (world.folder / "out").glob(f"test-{row['number']}-*.eml")
            assert file.read_bytes() == data
            continue
        # Once; after doubts perhaps once more each, with the same bytes and so the same Message-ID.
        assert 1 <= copies.pop((row["target"], data)) <= 1 + row["doubts"]
    assert not copies, "a mail was sent that is not in the ledger"
