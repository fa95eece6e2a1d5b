"""robots.txt: asked for once a day over all runs, obeyed, and what happens when it cannot be had."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from crawler.archive.engine import Archive
from crawler.archive.robots import keep_robots, kept_robots
from crawler.archive.schema import article
from crawler.polling.robots import Robots, Ruling, after_answer, is_asked, ruling
from tests.collect.conftest import NOW, Clock, Collect, Reply, Web, item, make_source, page, rss

FEED = {"Content-Type": "application/rss+xml"}
TEXT = {"Content-Type": "text/plain"}
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HAD = Robots(NOW, NOW, None, b"User-agent: *\nDisallow:")
NEVER = Robots(NOW, None, NOW, None)


def publish(web: Web, *numbers: int) -> None:
    """The feed names these articles; each has its page."""
    web.replies["/rss"] = Reply(rss(*(item(number, web.url) for number in numbers)), headers=FEED)
    for number in numbers:
        web.replies[f"/news/{number}"] = Reply(page())


def states(archive: Archive) -> list[tuple[str, str]]:
    with archive.read() as connection:
        query = sa.select(article.c.page_state, article.c.page_reason).order_by(article.c.id)
        return [tuple(row) for row in connection.execute(query)]


def test_it_is_asked_for_once_a_day_over_all_runs(web: Web, run_collect: Collect, clock: Clock) -> None:
    source = make_source(("feed", f"{web.url}/rss"), fetch_pages=True)
    for number in range(1, 6):
        publish(web, number, number + 1)
        assert run_collect(source, everything=True).pages_failed == 0
        clock.forward(hours=4)
    assert len(web.asked("/robots.txt")) == 1
    assert len([path for path in web.paths() if path.startswith("/news/")]) == 6
    clock.forward(hours=4)
    publish(web, 7)
    run_collect(source, everything=True)
    assert len(web.asked("/robots.txt")) == 2


def test_what_it_forbids_stays_forbidden_in_later_runs(web: Web, run_collect: Collect, sqlite_archive: Archive) -> None:
    rules = b"\xef\xbb\xbfUser-agent: other\nDisallow: /\n\nUser-agent: Ceasewire\nDisallow: /news/\nAllow: /news/2\n"
    web.replies["/robots.txt"] = Reply(rules, headers=TEXT)
    source = make_source(("feed", f"{web.url}/rss"), fetch_pages=True)
    for number in (1, 2, 3):
        publish(web, number, number + 1)
        run_collect(source, everything=True)
    assert len(web.asked("/robots.txt")) == 1
    assert [path for path in web.paths() if path.startswith("/news/")] == ["/news/2"]
    assert [state for state, _ in states(sqlite_archive)] == ["failed", "fetched", "failed", "failed"]
    assert {reason for state, reason in states(sqlite_archive) if state == "failed"} == {"robots.txt does not allow it"}


def test_a_site_that_cannot_say_its_rules_is_left_alone(
    web: Web, run_collect: Collect, clock: Clock, sqlite_archive: Archive
) -> None:
    web.replies["/robots.txt"] = Reply(b"oops", 500)
    publish(web, 1, 2)
    source = make_source(("feed", f"{web.url}/rss"), fetch_pages=True)
    assert run_collect(source).pages_fetched == 0
    # Both pages wait for it, and it is asked once.
    assert web.paths() == ["/rss", "/robots.txt"]
    assert {state for state, _ in states(sqlite_archive)} == {"wanted"}
    web.replies["/robots.txt"] = Reply(b"", 404)
    clock.forward(minutes=20)
    assert run_collect(source).pages_fetched == 2


def test_rules_that_were_had_once_hold_while_they_cannot_be_had(web: Web, run_collect: Collect, clock: Clock) -> None:
    web.replies["/robots.txt"] = Reply(b"User-agent: *\nDisallow: /news/2", headers=TEXT)
    publish(web, 1, 2)
    source = make_source(("feed", f"{web.url}/rss"), fetch_pages=True)
    assert run_collect(source).pages_fetched == 1
    web.replies["/robots.txt"] = Reply(b"oops", 500)
    clock.forward(hours=25)
    publish(web, 3, 2)
    assert run_collect(source).pages_fetched == 1
    assert [path for path in web.paths() if path.startswith("/news/")] == ["/news/1", "/news/3"]


@pytest.mark.parametrize(
    ("kept", "after", "expected"),
    [
        pytest.param(HAD, 23.9 * HOUR, False, id="had today"),
        pytest.param(HAD, 24 * HOUR, True, id="had yesterday"),
        pytest.param(NEVER, timedelta(minutes=14), False, id="failed just now"),
        pytest.param(NEVER, timedelta(minutes=15), True, id="failed a quarter of an hour ago"),
    ],
)
def test_when_it_is_asked_for(kept: Robots, after: timedelta, expected: bool) -> None:
    assert is_asked(kept, NOW + after) is expected
    assert is_asked(None, NOW)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, Ruling.RULES),
        (404, Ruling.EVERYTHING),
        (403, Ruling.EVERYTHING),
        *((status, Ruling.NOTHING) for status in (None, 429, 500, 503)),
    ],
)
def test_what_an_answer_comes_to(status: int | None, expected: Ruling) -> None:
    assert ruling(after_answer(None, status, b"x", NOW), NOW) is expected


def test_how_long_failing_lasts() -> None:
    failing = after_answer(after_answer(HAD, None, b"", NOW + DAY), 500, b"", NOW + 2 * DAY)
    assert failing == Robots(NOW + 2 * DAY, NOW, NOW + DAY, HAD.body)
    assert ruling(failing, NOW + 29 * DAY) is Ruling.RULES
    assert ruling(failing, NOW + 30 * DAY) is Ruling.EVERYTHING
    assert ruling(NEVER, NOW + 23 * HOUR) is Ruling.NOTHING
    assert ruling(NEVER, NOW + DAY) is Ruling.EVERYTHING
    assert after_answer(failing, 200, b"y" * 10**6, NOW) == Robots(NOW, NOW, None, b"y" * 512_000)


def test_it_is_kept(archive: Archive) -> None:
    with archive.write() as connection:
        keep_robots(connection, "https://a.example", NEVER)
        keep_robots(connection, "https://a.example", HAD)
    with archive.read() as connection:
        assert kept_robots(connection, "https://a.example") == HAD
        assert kept_robots(connection, "http://a.example") is None
