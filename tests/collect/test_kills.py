"""kill -9 at any moment while feeds are collected that go on publishing: in the end everything is there, once."""

from __future__ import annotations

import random
import threading

import pytest
import sqlalchemy as sa

from crawler.archive.engine import Archive
from crawler.archive.schema import article, channel, sighting
from tests.collect.conftest import Reply, Seen, Web, item, rss
from tests.forking import Forked, Forking

FEEDS = 4
WINDOW = 60


class Press:
    """Feeds that publish two items at each request, each named once; every tenth answer comes slowly."""

    def __init__(self, web: Web) -> None:
        self.published = [0] * FEEDS
        self.answered = threading.Semaphore(0)
        for number in range(FEEDS):
            web.replies[f"/rss/{number}"] = self.answer

    def answer(self, seen: Seen) -> Reply:
        number = int(seen.path.rpartition("/")[2])
        self.published[number] += 2
        last = self.published[number]
        shown = [item(number * 100_000 + n) for n in range(max(last - WINDOW, 0), last)]
        self.answered.release()
        slow = 0.05 if last % 20 == 0 else 0.0
        return Reply(rss(*reversed(shown)), headers={"ETag": f'"{number}-{last}"'}, wait=slow)


@pytest.mark.parametrize("kills", [3, pytest.param(40, marks=[pytest.mark.heavy, pytest.mark.timeout(1200)])])
def test_what_was_published_is_archived_once(
    kills: int, web: Web, sqlite_url: str, sqlite_archive: Archive, forking: Forking
) -> None:
    press, draw = Press(web), random.Random(kills)

    def start(rounds: int) -> Forked:
        feeds = [f"{web.url}/rss/{number}" for number in range(FEEDS)]
        return forking.start([sqlite_url, str(rounds), "feeds", *feeds], call="tests.collect.forever:main")

    for _ in range(kills):
        process = start(1000)
        # At most ten rounds: the window holds what two publish at each request of thirty.
        for _ in range(draw.randint(1, 10 * FEEDS)):
            assert press.answered.acquire(timeout=60)
        threading.Event().wait(draw.uniform(0, 0.05))
        process.kill()
        process.communicate(timeout=60)
    last = start(1)
    _, said = last.communicate(timeout=100)
    assert (last.returncode, said) == (0, "")
    expected = {f"id-{n * 100_000 + m}" for n, count in enumerate(press.published) for m in range(count)}
    with sqlite_archive.read() as connection:
        urls = connection.execute(sa.select(article.c.url)).scalars().all()
        lost = connection.execute(
            sa.select(sa.func.count())
            .select_from(article)
            .where(~sa.exists().where(sighting.c.article == article.c.id))
        ).scalar_one()
        rows = connection.execute(sa.select(channel.c.etag, channel.c.state, channel.c.url)).all()
    assert sorted(urls) == sorted(f"http://127.0.0.1/news/{name.removeprefix('id-')}" for name in expected)
    assert lost == 0
    # The validators are of the last document that was stored, never of one that was not.
    assert {row.etag for row in rows} == {f'"{number}-{count}"' for number, count in enumerate(press.published)}
    assert {row.state for row in rows} == {"ok"}
