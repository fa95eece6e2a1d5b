"""The behaviour of a good feed reader, row by row, against a server that logs every request: asking."""

from __future__ import annotations

import gzip
import itertools
from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from crawler import reactor
from crawler.answers import body_hash
from crawler.archive.articles import iter_articles
from crawler.archive.engine import Archive, open_archive
from crawler.archive.schema import channel as table
from crawler.collect import collect
from crawler.sources import Channel, ChannelKind, Source, channel_id
from tests.collect.conftest import (
    NOW,
    Clock,
    Collect,
    Reply,
    Seen,
    Web,
    channel,
    item,
    make_options,
    make_source,
    poll_when_due,
    rss,
)

FEED = {"Content-Type": "application/rss+xml"}
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TWICE = "<sy:updateFrequency>2</sy:updateFrequency>"


@pytest.fixture
def source(web: Web) -> Source:
    return make_source(("feed", f"{web.url}/rss"))


def test_first_fetch_is_one_unconditional_get(web: Web, source: Source, run_collect: Collect) -> None:
    web.replies["/rss"] = Reply(rss(item(1)), headers=FEED | {"ETag": '"a"'})
    run_collect(source)
    [request] = web.seen
    assert {"if-none-match", "if-modified-since"}.isdisjoint(name.lower() for name in request.headers)


def test_both_validators_are_echoed_byte_for_byte_to_the_url_that_gave_them(
    web: Web, source: Source, run_collect: Collect, sqlite_archive: Archive
) -> None:
    etag, modified = 'W/"weird \' \xe4\xff ,;"', "Sun Nov 22 12:00:00 2026 (nobody's format)"
    web.replies["/rss"] = Reply(status=302, headers={"Location": "/final"})
    web.replies["/final"] = Reply(rss(item(1)), headers=FEED | {"ETag": etag, "Last-Modified": modified})
    run_collect(source)
    run_collect(source, everything=True)
    first, second = web.asked("/rss")[1], web.asked("/final")[1]
    assert (first.header("If-None-Match"), first.header("If-Modified-Since")) == (None, None)
    assert (second.header("If-None-Match"), second.header("If-Modified-Since")) == (etag, modified)
    assert channel(sqlite_archive).validators_url == f"{web.url}/final"


def test_validators_are_saved_with_the_articles_or_not_at_all(
    web: Web, source: Source, run_collect: Collect, sqlite_archive: Archive
) -> None:
    web.replies["/rss"] = Reply(rss(item(1)), headers=FEED | {"ETag": '"a"'})
    trigger = "CREATE TRIGGER full BEFORE INSERT ON article BEGIN SELECT RAISE(FAIL, 'disk full'); END"
    with sqlite_archive.write() as connection:
        connection.execute(sa.text(trigger))
    with pytest.raises(Exception, match="disk full"):
        run_collect(source)
    assert (channel(sqlite_archive).etag, channel(sqlite_archive).next_poll) == (None, NOW)
    with sqlite_archive.write() as connection:
        connection.execute(sa.text("DROP TRIGGER full"))
    assert run_collect(source).new_articles == 1
    assert web.seen[1].header("If-None-Match") is None


@pytest.mark.parametrize("answer", [Reply(status=304), Reply(b"<not even a feed", headers=FEED)], ids=["304", "equal"])
def test_unchanged_is_a_success_without_parsing(
    answer: Reply, web: Web, source: Source, run_collect: Collect, clock: Clock, sqlite_archive: Archive
) -> None:
    web.replies["/rss"] = Reply(rss(item(1)), headers=FEED | {"ETag": '"a"'})
    run_collect(source)
    web.replies["/rss"] = answer
    if answer.status == 200:
        # What was read before: a body that could not be read again tells that nobody tries.
        with sqlite_archive.write() as connection:
            connection.execute(table.update().values(body_hash=body_hash(answer.body)))
    clock.forward(hours=4)
    report = run_collect(source)
    assert (report.unchanged, report.failed) == (1, 0)
    row = channel(sqlite_archive)
    assert (row.state, row.failures, row.last_success) == ("ok", 0, clock.now)


@pytest.mark.parametrize(("minutes", "fewest", "most"), [(None, 4, 5), (5, 20, 60)], ids=["hourly", "agreed"])
def test_a_server_without_validators_is_asked_hourly_unless_agreed(
    minutes: int | None, fewest: int, most: int, web: Web, run_collect: Collect, clock: Clock, sqlite_archive: Archive
) -> None:
    numbers = itertools.count(100)

    def answer(_: Seen) -> Reply:
        # Each time six of its thirty items are new, so it would be worth asking often.
        last = next(numbers) * 6
        return Reply(rss(*(item(last - number) for number in range(30))), headers=FEED)

    web.replies["/rss"] = answer
    kind, url = ChannelKind.FEED, f"{web.url}/rss"
    source = make_source(Channel(channel_id("lanter", kind, url), "lanter", kind, url, min_minutes=minutes))
    run_collect(source)
    pauses = poll_when_due(sqlite_archive, run_collect, source, clock, 4 * HOUR)
    assert fewest <= len(pauses) <= most
    assert min(pauses) >= (HOUR if minutes is None else timedelta(minutes=5))


def test_ten_restarts_in_a_minute_cause_no_request(web: Web, source: Source, clock: Clock, sqlite_url: str) -> None:
    """Each with an archive opened anew, as a process that is started again and again."""
    web.replies["/rss"] = Reply(rss(item(1, web.url)), headers=FEED | {"ETag": '"a"'})
    web.replies["/gone"] = Reply(status=404)
    both = make_source(("feed", f"{web.url}/rss"), ("feed", f"{web.url}/gone"))
    for _ in range(10):
        archive = open_archive(sqlite_url)
        reactor.run(partial(collect, archive, [both], make_options(), now=clock))
        archive.close()
        clock.forward(seconds=6)
    assert sorted(web.paths()) == ["/gone", "/rss"]


@pytest.mark.parametrize(
    ("headers", "head", "expected"),
    [
        pytest.param({"Cache-Control": "max-age=2400"}, "", 40, id="Cache-Control"),
        pytest.param({}, "<ttl>30</ttl>", 30, id="ttl"),
        pytest.param({}, "<ttl>1440</ttl>", 60, id="a ttl of a day"),
        pytest.param({"Cache-Control": "max-age=604800"}, "", 60, id="Cache-Control of a week"),
        pytest.param(
            {},
            "<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>2</sy:updateFrequency>",
            30,
            id="sy:update",
        ),
        pytest.param({}, "<sy:updatePeriod>weekly</sy:updatePeriod>", 60, id="sy:update of a week"),
        pytest.param({"Cache-Control": "no-cache, max-age=2400"}, "", 15, id="no-cache"),
    ],
)
def test_what_is_asked_for_is_a_lower_bound_of_at_most_an_hour(
    headers: dict[str, str], head: str, expected: int, web: Web, source: Source, run_collect: Collect, clock: Clock,
    sqlite_archive: Archive,
) -> None:  # fmt: skip
    def document(first: int) -> bytes:
        body = rss(*(item(first + number) for number in range(20)), head=head)
        return body.replace(b"<rss ", b'<rss xmlns:sy="http://purl.org/rss/1.0/modules/syndication/" ')

    web.replies["/rss"] = Reply(document(0), headers=FEED | headers | {"ETag": '"a"'})
    run_collect(source)
    clock.forward(minutes=60)
    web.replies["/rss"] = Reply(document(15), headers=FEED | headers | {"ETag": '"b"'})
    run_collect(source, everything=True)
    assert channel(sqlite_archive).next_poll - clock.now == timedelta(minutes=expected)
    # It holds for what has not changed since, too.
    web.replies["/rss"] = Reply(status=304, headers={})
    clock.forward(minutes=60)
    run_collect(source)
    assert channel(sqlite_archive).next_poll - clock.now >= timedelta(minutes=expected)


def test_sizes_count_after_decompression_and_the_newest_items_are_read(
    web: Web, source: Source, run_collect: Collect, clock: Clock, sqlite_archive: Archive
) -> None:
    bomb = gzip.compress(b"<rss>" + b" " * (11 * 2**20))
    web.replies["/rss"] = Reply(bomb, headers=FEED | {"Content-Encoding": "gzip"})
    run_collect(source)
    assert channel(sqlite_archive).state_reason.startswith("the document is too large")
    options = make_options()
    assert (options.max_bytes, options.max_items) == (10 * 2**20, 2_000)
    dated = [item(number, date=f"Sun, 22 Nov 2026 10:{59 - number:02}:00 GMT") for number in range(60)]
    web.replies["/rss"] = Reply(rss(*reversed(dated)), headers=FEED)
    assert run_collect(source, make_options(max_items=50), everything=True).new_articles == 50
    with sqlite_archive.read() as connection:
        found = {article.url.rpartition("/")[2] for article in iter_articles(connection)}
    assert found == {str(number) for number in range(50)}


def test_a_host_is_asked_by_one_connection_with_a_pause_honestly_and_without_cookies(
    web: Web, run_collect: Collect
) -> None:
    paths = [f"/{number}" for number in range(4)]
    for path in paths:
        web.replies[path] = Reply(rss(item(int(path[1:]))), headers=FEED | {"Set-Cookie": "a=b; Path=/"}, wait=0.01)
    source = make_source(*(("feed", f"{web.url}{path}") for path in paths))
    run_collect(source, make_options(delay_seconds=0.2, jitter=0.1))
    assert sorted(web.paths()) == paths
    assert web.busiest == 1
    # The server sees a request a moment after it was made, hence a little less than the pause.
    assert all(after.at - before.at >= 0.19 for before, after in itertools.pairwise(web.seen))
    for seen in web.seen:
        assert seen.header("User-Agent") == "ceasewire/0.1 (+https://desk.example/bot)"
        assert seen.header("Cookie") is None
        assert seen.header("Referer") is None
