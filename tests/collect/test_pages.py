"""Article pages over real HTTP: fetched, extracted in workers, or recorded as not to be had."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa

from crawler.archive.articles import iter_articles
from crawler.archive.engine import Archive
from crawler.archive.schema import article as articles
from tests.collect.conftest import STORY, Clock, Collect, Reply, Seen, Web, item, make_options, make_source, page, rss

LINKED = """<script type="application/ld+json">{"@context": "https://schema.org", "@graph": [{"@type": "WebSite",
"name": "Lanter"}, {"@type": ["NewsArticle"], "headline": "Market hit", "datePublished": "2026-11-21T08:00:00+02:00",
"author": [{"@type": "Person", "name": "Mara Lind"}]}]}</script>"""

SCRIPT_ONLY = b"<!doctype html><html><head><title>App</title></head><body><div id=root></div><script>go()</script>"


def row(archive: Archive) -> Any:
    with archive.read() as connection:
        return connection.execute(sa.select(articles)).one()


def test_page_text_replaces_the_summary(web: Web, run_collect: Collect, sqlite_archive: Archive) -> None:
    web.replies["/rss"] = Reply(rss(item(1, web.url)))
    canonical = f'<link rel="canonical" href="{web.url}/news/1-final">'
    web.replies["/news/1"] = Reply(page(head=LINKED + canonical))
    report = run_collect(make_source(("feed", f"{web.url}/rss"), fetch_pages=True))
    assert (report.new_articles, report.pages_fetched, report.pages_failed) == (1, 1, 0)
    with sqlite_archive.read() as connection:
        [found] = iter_articles(connection)
    assert found.title == "Shelling in Veld, report 1"
    assert found.body.count("\n") == 3
    assert "Imprint" not in found.body
    assert (found.page_state, found.language, found.authors) == ("fetched", "en", ("Mara Lind",))
    assert web.asked("/robots.txt")
    assert run_collect(make_source(("feed", f"{web.url}/rss"), fetch_pages=True)).pages_fetched == 0
    assert len(web.asked("/news/1")) == 1


def test_a_stub_keeps_the_longer_text_and_says_why(web: Web, run_collect: Collect, sqlite_archive: Archive) -> None:
    web.replies["/rss"] = Reply(rss(item(1, web.url)))
    stub = "<article><p>A market was hit on Saturday.</p><p>Subscribe to continue reading.</p></article>"
    web.replies["/news/1"] = Reply(f"<html><body>{stub}</body></html>".encode())
    run_collect(make_source(("feed", f"{web.url}/rss"), fetch_pages=True))
    stored = row(sqlite_archive)
    assert (stored.page_state, stored.page_reason) == ("failed", "paywall: the page shows only the beginning")
    with sqlite_archive.read() as connection:
        [found] = iter_articles(connection)
    assert found.body == f"Report 1: {STORY}"
    web.replies["/rss"] = Reply(rss(item(2, web.url)))
    web.replies["/news/2"] = Reply(f"<html><body>{stub.replace('on Saturday.', STORY * 2)}</body></html>".encode())
    run_collect(make_source(("feed", f"{web.url}/rss"), fetch_pages=True), everything=True)
    with sqlite_archive.read() as connection:
        query = sa.select(articles.c.page_state, articles.c.page_reason).order_by(articles.c.id)
        states = connection.execute(query).all()
        *_, last = iter_articles(connection)
    assert tuple(states[-1]) == ("fetched", "paywall: the page shows only the beginning")
    assert last.body == f"A market was hit {STORY * 2}"


def test_pictures_are_never_fetched(web: Web, run_collect: Collect) -> None:
    web.replies["/rss"] = Reply(rss(item(1, web.url)))
    picture = f'<img src="{web.url}/big.jpg"><picture><source srcset="{web.url}/p.webp"></picture>'
    head = f'<meta property="og:image" content="{web.url}/og.jpg"><link rel="stylesheet" href="{web.url}/a.css">'
    web.replies["/news/1"] = Reply(page(text=f"{picture}{STORY}", head=head))
    report = run_collect(make_source(("feed", f"{web.url}/rss"), fetch_pages=True))
    assert report.pages_fetched == 1
    assert sorted(web.paths()) == ["/news/1", "/robots.txt", "/rss"]


@dataclass
class Trouble:
    """What the server answers for the page, and what becomes of it."""

    answer: Reply | Callable[[Seen], Reply]
    reason: str
    status: int | None
    state: str = "failed"
    options: dict[str, Any] = field(default_factory=dict)
    robots: str = ""


TROUBLES = {
    "not found": Trouble(Reply(b"gone", 404), "HTTP 404", 404),
    "gone": Trouble(Reply(b"gone", 410), "HTTP 410", 410),
    "server error": Trouble(Reply(b"oops", 502), "HTTP 502", 502, "wanted"),
    "too many requests": Trouble(Reply(status=429), "HTTP 429", 429, "wanted"),
    "robots": Trouble(Reply(page()), "robots.txt", None, robots="User-agent: ceasewire\nDisallow: /news/"),
    "script only": Trouble(Reply(SCRIPT_ONLY), "script-only page", 200),
    "not HTML": Trouble(Reply(b"%PDF", headers={"Content-Type": "application/pdf"}), "application/pdf", 200),
    "slow": Trouble(Reply(page(), wait=20), "in time", None, "wanted", {"page_timeout_seconds": 0.3}),
    "huge": Trouble(Reply(b"x" * 20_000), "too large", None, options={"max_bytes": 10_000}),
    "to another machine": Trouble(
        Reply(status=302, headers={"Location": "http://[::1]:9/"}), "refused: ::1 is not on the public", None
    ),
    "to nowhere": Trouble(
        Reply(status=302, headers={"Location": "http://nowhere.invalid/"}), "no address", None, "wanted"
    ),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_trouble(name: str, web: Web, run_collect: Collect, sqlite_archive: Archive) -> None:
    trouble = TROUBLES[name]
    web.replies["/rss"] = Reply(rss(item(1, web.url)))
    web.replies["/news/1"] = trouble.answer
    if trouble.robots:
        web.replies["/robots.txt"] = Reply(trouble.robots.encode(), headers={"Content-Type": "text/plain"})
    options = make_options(**trouble.options)
    report = run_collect(make_source(("feed", f"{web.url}/rss"), fetch_pages=True), options)
    stored = row(sqlite_archive)
    assert (stored.page_state, stored.page_status) == (trouble.state, trouble.status), stored.page_reason
    assert trouble.reason in stored.page_reason
    assert (report.pages_fetched, report.pages_failed) == (0, 1)
    with sqlite_archive.read() as connection:
        [kept] = iter_articles(connection)
    assert kept.body.startswith("Report 1: A market in the old town")
    assert bool(web.asked("/news/1")) is not bool(trouble.robots)


def test_a_page_is_given_up_after_its_tries(
    web: Web, clock: Any, run_collect: Collect, sqlite_archive: Archive
) -> None:
    web.replies["/rss"] = Reply(rss(item(1, web.url)))
    web.replies["/news/1"] = Reply(status=500)
    source = make_source(("feed", f"{web.url}/rss"), fetch_pages=True)
    for _ in range(4):
        run_collect(source)
        clock.forward(minutes=9)
    assert len(web.asked("/news/1")) == 3
    assert (row(sqlite_archive).page_state, row(sqlite_archive).page_tries) == ("failed", 3)


def test_extraction_that_takes_too_long_is_killed_and_tried_again(
    web: Web, run_collect: Collect, sqlite_archive: Archive, clock: Clock
) -> None:
    web.replies["/rss"] = Reply(rss(item(1, web.url)))
    web.replies["/news/1"] = Reply(page(text="A long text about the market in Veld. " * 20_000))
    options = make_options(extract_seconds=0.05)
    source = make_source(("feed", f"{web.url}/rss"), fetch_pages=True)
    run_collect(source, options)
    stored = row(sqlite_archive)
    assert (stored.page_state, stored.page_reason) == ("wanted", "reading it took longer than 0.05 s")
    # Perhaps only this machine was busy.
    clock.forward(minutes=2)
    web.replies["/news/1"] = Reply(page())
    run_collect(source)
    assert row(sqlite_archive).page_state == "fetched"


def test_a_page_that_is_cut_off_is_had_again_and_half_of_it_is_better_than_none(
    web: Web, run_collect: Collect, sqlite_archive: Archive, clock: Clock
) -> None:
    whole = page()
    half = Reply(whole, cut=whole.index(b"Paragraph 2"))
    web.replies["/rss"] = Reply(rss(item(1, web.url), item(2, web.url)))
    web.replies["/news/1"] = web.replies["/news/2"] = half
    source = make_source(("feed", f"{web.url}/rss"), fetch_pages=True)
    run_collect(source)
    web.replies["/news/2"] = Reply(whole)
    for minutes in (2, 8, 8):
        clock.forward(minutes=minutes)
        run_collect(source)
    with sqlite_archive.read() as connection:
        stored = connection.execute(sa.select(articles).order_by(articles.c.id)).all()
        bodies = [article.body for article in iter_articles(connection)]
    assert [(one.page_state, one.page_tries, one.page_reason) for one in stored] == [
        ("fetched", 3, "the page was cut off"), ("fetched", 2, ""),
    ]  # fmt: skip
    assert ["Paragraph 1" in body and "Paragraph 3" not in body for body in bodies] == [True, False]
    assert len(web.asked("/news/1")) == 3


def test_a_page_with_its_last_tag_is_whole_whatever_the_server_counted(
    web: Web, run_collect: Collect, sqlite_archive: Archive
) -> None:
    web.replies["/rss"] = Reply(rss(item(1, web.url)))
    web.replies["/news/1"] = Reply(page() + b" " * 10, cut=len(page()))
    run_collect(make_source(("feed", f"{web.url}/rss"), fetch_pages=True))
    assert (row(sqlite_archive).page_state, row(sqlite_archive).page_reason) == ("fetched", "")
