"""Feeds over real HTTP: what is asked, what is stored, what a second run asks."""

from __future__ import annotations

import contextlib
import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from crawler.archive.articles import iter_articles
from crawler.archive.channels import list_channels
from crawler.archive.engine import Archive
from crawler.archive.schema import article as articles
from crawler.errors import ArchiveError
from tests.collect.conftest import NOW, STORY, Clock, Collect, Reply, Seen, Web, item, make_options, make_source, rss

FEED = {"Content-Type": "application/rss+xml"}


def test_first_fetch_archives_entries(web: Web, run_collect: Collect, sqlite_archive: Archive) -> None:
    web.replies["/rss"] = Reply(rss(item(1), item(2)), headers={"ETag": '"a1"'} | FEED)
    report = run_collect(make_source(("feed", f"{web.url}/rss")))
    assert (report.polled, report.new_articles, report.failed) == (1, 2, 0)
    [request] = web.asked("/rss")
    assert request.header("If-None-Match") is None
    assert request.header("User-Agent") == "ceasewire/0.1 (+https://desk.example/bot)"
    assert request.header("Cookie") is None
    assert web.paths() == ["/rss"]
    with sqlite_archive.read() as connection:
        found = list(iter_articles(connection))
        [channel] = list_channels(connection)
    assert [one.title for one in found] == ["Shelling in Veld, report 1", "Shelling in Veld, report 2"]
    assert [one.language for one in found] == ["en", "en"]
    assert (channel.etag, channel.state, channel.first_polled) == ('"a1"', "ok", NOW)


def test_validators_are_echoed_byte_for_byte(web: Web, run_collect: Collect, clock: Clock) -> None:
    etag, modified = 'W/"ab\xe9, \\x"', "sat, 21-Nov-2026 oddly written"

    def answer(seen: Seen) -> Reply:
        if seen.header("If-None-Match"):
            return Reply(status=304)
        return Reply(rss(item(1)), headers={"ETag": etag, "Last-Modified": modified} | FEED)

    web.replies["/rss"] = answer
    source = make_source(("feed", f"{web.url}/rss"))
    run_collect(source)
    clock.forward(hours=4)
    report = run_collect(source)
    again = web.asked("/rss")[1]
    assert (again.header("If-None-Match"), again.header("If-Modified-Since")) == (etag, modified)
    assert (report.polled, report.unchanged, report.new_articles, report.known_entries) == (1, 1, 0, 0)


def test_nothing_is_asked_before_it_is_due(web: Web, run_collect: Collect, clock: Clock) -> None:
    web.replies["/rss"] = Reply(rss(item(1)), headers={"ETag": '"a"'} | FEED)
    source = make_source(("feed", f"{web.url}/rss"))
    for _ in range(10):
        run_collect(source)
    assert len(web.seen) == 1
    assert run_collect(source, everything=True).polled == 1
    assert web.seen[1].header("If-None-Match") == '"a"'


def test_validators_go_only_to_the_url_that_gave_them(web: Web, run_collect: Collect) -> None:
    web.replies["/rss"] = Reply(status=302, headers={"Location": "/a"})
    web.replies["/a"] = web.replies["/b"] = Reply(rss(item(1)), headers={"ETag": '"a"'} | FEED)
    source = make_source(("feed", f"{web.url}/rss"))
    run_collect(source)
    run_collect(source, everything=True)
    assert [web.asked("/rss")[1].header("If-None-Match"), web.asked("/a")[1].header("If-None-Match")] == [None, '"a"']
    web.replies["/rss"] = Reply(status=302, headers={"Location": "/b"})
    run_collect(source, everything=True)
    assert web.asked("/b")[0].header("If-None-Match") is None


def test_an_equal_body_is_not_read_again(web: Web, run_collect: Collect, sqlite_archive: Archive) -> None:
    web.replies["/rss"] = Reply(rss(item(1)), headers=FEED)
    source = make_source(("feed", f"{web.url}/rss"))
    run_collect(source)
    report = run_collect(source, everything=True)
    assert (report.unchanged, report.known_entries) == (1, 0)
    web.replies["/rss"] = Reply(rss(item(2), item(1)), headers=FEED)
    report = run_collect(source, everything=True)
    assert (report.unchanged, report.known_entries, report.new_articles) == (0, 1, 1)


def test_a_document_that_was_cut_off_is_had_again(web: Web, run_collect: Collect, sqlite_archive: Archive) -> None:
    whole = rss(item(1), item(2))
    web.replies["/rss"] = Reply(
        whole, headers={"ETag": '"a"'} | FEED, cut=whole.index(b"<item><title>Shelling in Veld, report 2")
    )
    source = make_source(("feed", f"{web.url}/rss"))
    assert run_collect(source).new_articles == 1
    web.replies["/rss"] = Reply(whole, headers={"ETag": '"a"'} | FEED)
    assert run_collect(source, everything=True).new_articles == 1
    assert web.seen[1].header("If-None-Match") is None


def test_gone_twice_a_day_apart_is_refused_for_good(
    web: Web, run_collect: Collect, clock: Clock, sqlite_archive: Archive
) -> None:
    web.replies["/rss"] = Reply(status=410)
    source = make_source(("feed", f"{web.url}/rss"))
    assert run_collect(source).refused == 0
    assert run_collect(source, everything=True).refused == 0
    clock.forward(hours=24)
    assert run_collect(source).refused == 1
    with sqlite_archive.read() as connection:
        [channel] = list_channels(connection)
    assert (channel.state, channel.next_poll) == ("gone", clock.now + timedelta(days=7))


def test_a_window_without_a_known_item_is_a_gap(web: Web, run_collect: Collect, sqlite_archive: Archive) -> None:
    web.replies["/rss"] = Reply(rss(item(1), item(2)), headers=FEED)
    source = make_source(("feed", f"{web.url}/rss"))
    assert run_collect(source).gaps == 0
    web.replies["/rss"] = Reply(rss(item(8), item(9)), headers=FEED)
    assert run_collect(source, everything=True).gaps == 1
    with sqlite_archive.read() as connection:
        [channel] = list_channels(connection)
    assert (channel.state, channel.interval_seconds) == ("gap", 900 * 4)  # without validators hourly at most


def test_old_and_undated_entries_of_a_first_fetch_are_back_fill(
    web: Web, run_collect: Collect, sqlite_archive: Archive
) -> None:
    old = item(1, date="Thu, 19 Nov 2026 10:00:00 GMT")
    undated = item(2, date="")
    future = item(3, date="Sun, 22 Nov 2026 18:00:00 GMT")
    web.replies["/rss"] = Reply(rss(old, undated, future), headers=FEED)
    run_collect(make_source(("feed", f"{web.url}/rss")))
    with sqlite_archive.read() as connection:
        found = list(iter_articles(connection))
        raw = connection.scalars(sa.select(articles.c.raw_date).order_by(articles.c.id)).all()
    assert [one.backfill for one in found] == [True, True, False]
    assert found[2].published == NOW
    assert raw[2] == "Sun, 22 Nov 2026 18:00:00 GMT"


RDF = f"""<?xml version="1.0"?><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="https://a.example/"><title>A</title></channel>
<item rdf:about="https://a.example/1"><title>Truce holds in Veld</title><link>https://a.example/1</link>
<dc:date>2026-11-22T11:00:00+01:00</dc:date><dc:creator>Mara Lind</dc:creator><description>{STORY}</description>
</item></rdf:RDF>"""
ATOM = f"""<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>A</title><entry>
<id>tag:a.example,1</id><title type="html">Truce &lt;b&gt;holds&lt;/b&gt; in Veld</title>
<link href="https://a.example/1"/><author><name>Mara Lind</name></author><published>2026-11-22T10:00:00Z</published>
<updated>2026-11-22T10:30:00Z</updated><content type="html">&lt;p&gt;{STORY}&lt;/p&gt;</content></entry></feed>"""
JSON = json.dumps(
    {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "A",
        "items": [
            {
                "id": "1",
                "url": "https://a.example/1",
                "title": "Truce holds in Veld",
                "content_html": f"<p>{STORY}</p><script>x()</script>",
                "date_published": "2026-11-22T12:00:00+02:00",
                "authors": [{"name": "Mara Lind"}],
            }
        ],
    }
)


@pytest.mark.parametrize("body", [RDF, ATOM, JSON], ids=["rss10", "atom", "json"])
def test_formats(body: str, web: Web, run_collect: Collect, sqlite_archive: Archive) -> None:
    web.replies["/feed"] = Reply(body.encode(), headers={"Content-Type": "application/octet-stream"})
    run_collect(make_source(("feed", f"{web.url}/feed")))
    with sqlite_archive.read() as connection:
        [found] = iter_articles(connection)
    assert (found.title, found.body) == ("Truce holds in Veld", STORY)
    assert (found.url, found.authors) == ("https://a.example/1", ("Mara Lind",))
    assert found.published == NOW - timedelta(hours=2)


def test_a_long_document_is_read_by_a_worker(web: Web, run_collect: Collect) -> None:
    items = "".join(item(number) for number in range(1200))
    assert len(items) > 256 * 1024
    web.replies["/rss"] = Reply(rss(items), headers=FEED)
    report = run_collect(make_source(("feed", f"{web.url}/rss")), make_options(max_items=1000))
    assert report.new_articles == 1000


def test_hundreds_of_channels_in_one_run_and_progress(web: Web, run_collect: Collect) -> None:
    for number in range(120):
        web.replies[f"/{number}"] = Reply(rss(item(number)), headers=FEED)
    source = make_source(*[("feed", f"{web.url}/{number}") for number in range(120)])
    steps: list[tuple[int, int, str]] = []
    report = run_collect(source, progress=lambda *step: steps.append(step))
    assert (report.polled, report.new_articles) == (120, 120)
    assert steps[-1] == (120, 120, "channels")
    assert sorted(web.paths()) == sorted(f"/{number}" for number in range(120))


def test_one_host_gets_one_request_at_a_time(web: Web, run_collect: Collect) -> None:
    for number in range(8):
        web.replies[f"/{number}"] = Reply(rss(item(number)), headers=FEED, wait=0.02)
    with contextlib.closing(Web()) as other:
        other.replies["/x"] = Reply(rss(item(9)), headers=FEED)
        source = make_source(("feed", f"{other.url}/x"), *[("feed", f"{web.url}/{number}") for number in range(8)])
        assert run_collect(source).new_articles == 9
    assert web.busiest == 1


def test_paused_channels_are_not_asked(web: Web, run_collect: Collect) -> None:
    from dataclasses import replace

    source = replace(make_source(("feed", f"{web.url}/rss")), paused=True)
    assert run_collect(source, everything=True).polled == 0
    assert web.seen == []


def test_an_archive_that_cannot_be_written_ends_the_run(
    web: Web, run_collect: Collect, sqlite_archive: Archive
) -> None:
    web.replies["/rss"] = Reply(rss(item(1)), headers=FEED)
    source = make_source(("feed", f"{web.url}/rss"))
    with sqlite_archive.write() as connection:
        connection.execute(
            sa.text("CREATE TRIGGER full BEFORE INSERT ON article BEGIN SELECT RAISE(FAIL, 'disk full'); END")
        )
    with pytest.raises((ArchiveError, sa.exc.SQLAlchemyError), match="disk full"):
        run_collect(source)
    with sqlite_archive.write() as connection:
        connection.execute(sa.text("DROP TRIGGER full"))
    assert run_collect(source).new_articles == 1


def test_scrapy_leaves_the_root_logger_alone(web: Web, run_collect: Collect, capfd: pytest.CaptureFixture[str]) -> None:
    import logging

    before = list(logging.getLogger().handlers)
    web.replies["/rss"] = Reply(rss(item(1), item(2, web.url)), headers=FEED)
    run_collect(make_source(("feed", f"{web.url}/rss"), ("feed", "http://127.0.0.1:9/refused"), fetch_pages=True))
    assert logging.getLogger().handlers == before
    assert capfd.readouterr() == ("", "")


def test_fields_that_were_cut_are_told(web: Web, run_collect: Collect, sqlite_archive: Archive) -> None:
    long = item(1).replace("Shelling in Veld, report 1", "Shelling in Veld " * 1000)
    web.replies["/rss"] = Reply(rss(long, item(2)), headers=FEED)
    assert run_collect(make_source(("feed", f"{web.url}/rss"))).new_articles == 2
    with sqlite_archive.read() as connection:
        [channel] = list_channels(connection)
    assert (channel.state, channel.state_reason) == ("ok", "1 items have fields too long to be kept, which were cut")
