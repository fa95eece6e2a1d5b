"""Clearing out: only what nothing was built on, in steps, and never what keeps an article from coming twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from alerts.operating import retention
from alerts.operating.retention import clear_out
from crawler.archive import Archive
from crawler.archive.articles import get_article, import_article
from crawler.archive.schema import channel_event
from crawler.articles import Entry
from tests.ledger.world import World

NOW = datetime(2026, 3, 1, tzinfo=UTC)
OLD = NOW - timedelta(days=400)


@pytest.fixture
def world(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(retention, "CHUNK", 3)
    return World(archive, tmp_path)


def bodies(world: World) -> dict[int, str]:
    with world.archive.read() as connection:
        articles = [get_article(connection, key) for key in range(1, world.written + 1)]
    return {article.id: article.body for article in articles if article is not None}


def test_old_texts_go_unless_something_was_built_on_them(world: World) -> None:
    plain = [world.article(f"Old {number}", seen_at=OLD) for number in range(8)]
    flagged = world.article("Flagged", seen_at=OLD)
    world.flag(flagged)
    young = world.article("Young", seen_at=NOW - timedelta(days=20))
    cleared = clear_out(world.archive, NOW, keep_texts=timedelta(days=30))
    assert cleared.texts == len(plain)
    kept = {key for key, body in bodies(world).items() if body}
    assert kept == {flagged, young}
    assert clear_out(world.archive, NOW, keep_texts=timedelta(days=30)).texts == 0


def test_a_cleared_article_is_still_known(world: World) -> None:
    key = world.article("Old", seen_at=OLD)
    clear_out(world.archive, NOW, keep_texts=timedelta(days=30))
    entry = Entry(guid="g1", link="https://post.example/1", title="Old", content="Text again.")
    with world.archive.write() as connection:
        assert import_article(connection, "post", entry, now=NOW) == (key, False)


def test_nothing_goes_by_default_and_a_stop_is_heeded(world: World) -> None:
    for number in range(8):
        world.article(f"Old {number}", seen_at=OLD)
    assert clear_out(world.archive, NOW, keep_texts=None).texts == 0
    assert clear_out(world.archive, NOW, keep_texts=timedelta(1), stopping=lambda: True).texts == 0
    assert all(bodies(world).values())


def test_old_events_go_but_the_last_word_on_a_channel_stays(world: World) -> None:
    with world.archive.write() as connection:
        for name, ages in {"a": (500, 450, 400, 390, 380), "b": (500, 3)}.items():
            for age in ages:
                at = NOW - timedelta(days=age)
                row = {"channel": name, "at": at, "state": "ok", "reason": str(age), "evidence": {}}
                connection.execute(sa.insert(channel_event).values(row))
    assert clear_out(world.archive, NOW, keep_texts=None).events == 5
    with world.archive.read() as connection:
        left = connection.execute(sa.select(channel_event.c.channel, channel_event.c.reason)).all()
    assert sorted(map(tuple, left)) == [("a", "380"), ("b", "3")]
