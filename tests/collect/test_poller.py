"""The feed poller against real servers: turns, request heads, lost connections, batches."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from crawler.archive.channels import (
    ChannelRow,
    PollRecord,
    channel_events,
    list_channels,
    record_poll,
    sync_channels,
)
from crawler.archive.engine import Archive
from crawler.archive.outcomes import record_polls
from crawler.archive.rows import state_of
from crawler.archive.schema import channel
from crawler.archive.writer import Writer
from crawler.batches import SECONDS, Batches
from crawler.errors import StoppedError
from crawler.extraction import Extractors
from crawler.items import ChannelAnswer, CollectReport, CollectRun
from crawler.pipelines import channel_limits, channel_outcome, poll_record
from crawler.polling import Kind, next_poll
from tests.collect.conftest import NOW, Clock, Collect, Reply, Seen, Web, item, make_options, make_source, rss
from tests.collect.hostile import FEED_HEAD, Peer, say

FEED = {"Content-Type": "application/rss+xml"}


def reason(archive: Archive) -> str:
    with archive.read() as connection:
        [row] = list_channels(connection)
    return row.state_reason


def test_a_lost_connection_is_not_tried_again(run_collect: Collect, sqlite_archive: Archive) -> None:
    with Peer(say()) as peer:
        assert run_collect(make_source(("feed", f"{peer.url}/rss"))).failed == 1
        assert len(peer.asked) == 1
    assert "ended the connection without an answer" in reason(sqlite_archive)


def test_a_connection_that_was_ended_while_it_was_kept_is_replaced(run_collect: Collect) -> None:
    """A server may give up a kept connection in the very moment in which it is used again."""
    whole = rss(item(1))
    answer = FEED_HEAD + f"Content-Length: {len(whole)}\r\n\r\n".encode() + whole
    asked: list[bytes] = []

    def once(connection: socket.socket) -> None:
        connection.sendall(answer)
        asked.append(connection.recv(65_536))  # the next request, and no answer to it

    with Peer(once) as peer:
        report = run_collect(make_source(("feed", f"{peer.url}/a"), ("feed", f"{peer.url}/b")))
        assert (report.polled, report.failed) == (2, 0)
        first, lost, again = (head.split()[1] for head in (peer.asked[0], asked[0], peer.asked[1]))
    assert {first, lost} == {b"/a", b"/b"}
    assert lost == again


def test_odd_validators_travel_over_a_shared_connection(web: Web, run_collect: Collect) -> None:
    tags = [f'"\xe9\xff{number}"' for number in range(3)]
    for number, tag in enumerate(tags):
        web.replies[f"/{number}"] = Reply(rss(item(number)), headers=FEED | {"ETag": tag})
    source = make_source(*[("feed", f"{web.url}/{number}") for number in range(3)])
    assert run_collect(source).failed == 0
    assert run_collect(source, everything=True).failed == 0
    assert [web.asked(f"/{number}")[1].header("If-None-Match") for number in range(3)] == tags


NO_ADDRESSES = [
    "http://[::1",
    "http://host:99999/",
    "http://a b/",
    "http://host:port/",
    "http://..",
    "http://ho\x01st/",
]


def test_redirects_to_what_is_no_address(web: Web, run_collect: Collect, sqlite_archive: Archive) -> None:
    for number, location in enumerate(NO_ADDRESSES):
        web.replies[f"/{number}"] = Reply(status=302, headers={"Location": location})
    source = make_source(*[("feed", f"{web.url}/{number}") for number in range(len(NO_ADDRESSES))])
    report = run_collect(source)
    assert (report.polled, report.failed) == (len(NO_ADDRESSES), len(NO_ADDRESSES))


def test_what_is_no_http_is_said_so(run_collect: Collect, sqlite_archive: Archive) -> None:
    with Peer(say(b"220 mail.example ESMTP\r\n\r\n")) as peer:
        assert run_collect(make_source(("feed", f"{peer.url}/rss"))).failed == 1
    assert "not HTTP" in reason(sqlite_archive)


def test_too_large_is_seen_before_it_is_read(run_collect: Collect, sqlite_archive: Archive) -> None:
    with Peer(say(FEED_HEAD, b"Content-Length: 99999999\r\n\r\n")) as peer:
        options = make_options(feed_timeout_seconds=30.0)
        assert run_collect(make_source(("feed", f"{peer.url}/rss")), options).failed == 1
    assert reason(sqlite_archive) == "the document is too large"


def test_request_heads_are_honest_and_short(run_collect: Collect) -> None:
    with Peer(say(FEED_HEAD, b"Set-Cookie: id=1\r\nContent-Length: 0\r\n\r\n")) as peer:
        source = make_source(("feed", f"{peer.url}/a%20b?x=%2f&y"), ("feed", f"{peer.url}/c"))
        run_collect(source)
        first, second = (head.decode().split("\r\n") for head in sorted(peer.asked))
    assert (first[0], second[0]) == ("GET /a%20b?x=%2f&y HTTP/1.1", "GET /c HTTP/1.1")
    names = {line.partition(":")[0] for line in first[1:] if line}
    assert names <= {"Host", "User-Agent", "Accept", "Accept-Encoding", "Connection"}
    assert not any(line.startswith("Cookie") for line in first + second)


def test_feeds_of_one_host_share_a_connection(web: Web, run_collect: Collect, monkeypatch: pytest.MonkeyPatch) -> None:
    accepted: list[object] = []
    accept = web.server.get_request

    def count() -> tuple[socket.socket, object]:
        accepted.append(1)
        return accept()

    monkeypatch.setattr(web.server, "get_request", count)
    for number in range(5):
        web.replies[f"/{number}"] = Reply(rss(item(number)), headers=FEED)
    run_collect(make_source(*[("feed", f"{web.url}/{number}") for number in range(5)]))
    assert (len(web.seen), len(accepted), web.busiest) == (5, 1, 1)


def test_redirects_wait_for_the_turn_of_the_host_they_lead_to(run_collect: Collect) -> None:
    with contextlib.closing(Web()) as first, contextlib.closing(Web()) as second:
        for number in range(4):
            first.replies[f"/{number}"] = Reply(status=302, headers={"Location": f"{second.url}/{number}"})
            second.replies[f"/{number}"] = Reply(rss(item(number)), headers=FEED, wait=0.05)
        others = [("feed", f"{second.url}/{number}?own") for number in range(4)]
        for number in range(4):
            second.replies[f"/{number}?own"] = Reply(rss(item(10 + number)), headers=FEED, wait=0.05)
        source = make_source(*[("feed", f"{first.url}/{number}") for number in range(4)], *others)
        report = run_collect(source)
        assert (report.polled, report.new_articles, second.busiest) == (8, 8, 1)


def test_two_requests_of_a_host_are_apart(web: Web, run_collect: Collect) -> None:
    begun: list[float] = []

    def answer(seen: Seen) -> Reply:
        begun.append(time.monotonic())
        return Reply(status=302, headers={"Location": "/b"}) if seen.path == "/a" else Reply(rss(item(1)), headers=FEED)

    web.replies["/a"] = web.replies["/b"] = web.replies["/c"] = answer
    source = make_source(("feed", f"{web.url}/a"), ("feed", f"{web.url}/c"))
    run_collect(source, make_options(delay_seconds=0.3))
    assert len(begun) == 3
    # A server sees the first request later than it left; half the pause is enough to tell.
    assert all(later - earlier > 0.15 for earlier, later in pairwise(begun))


def test_no_more_tasks_than_requests_at_a_time(run_collect: Collect) -> None:
    tasks: list[int] = []
    with Peer(say(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"), host="0.0.0.0") as peer:
        source = make_source(*[("feed", f"http://127.0.1.{number}:{peer.port}/rss") for number in range(1, 61)])
        options = make_options(concurrency=3)
        report = run_collect(source, options, progress=lambda *_: tasks.append(len(asyncio.all_tasks())))
    assert (report.polled, len(tasks)) == (60, 60)
    assert max(tasks) < 15


def test_unchanged_feeds_stay_stored_when_a_signal_stops_the_run(
    web: Web, run_collect: Collect, sqlite_archive: Archive, clock: Clock
) -> None:
    same = Reply(rss(item(1)), headers=FEED | {"ETag": '"a"'})
    web.replies = {"/same": same, "/last": same}
    with contextlib.closing(Web()) as other:
        other.replies["/last"] = same
        source = make_source(("feed", f"{web.url}/same"), ("feed", f"{other.url}/last"))
        run_collect(source)
        clock.forward(hours=5)
        web.replies["/same"] = Reply(status=304)

        def stop(_: Seen) -> Reply:
            # Asked is not read: on a busy machine the signal could come before its answer did.
            until = time.monotonic() + 10
            while _polled(sqlite_archive)["same"] != clock.now and time.monotonic() < until:
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGTERM)
            return Reply(status=304, wait=30)

        other.replies["/last"] = stop
        with pytest.raises(StoppedError):
            run_collect(source, make_options(feed_timeout_seconds=60.0))
    assert _polled(sqlite_archive) == {"same": clock.now, "last": NOW}


def _polled(archive: Archive) -> dict[str, datetime | None]:
    """When each channel was polled last, by the last part of its URL."""
    with archive.read() as connection:
        return {row.url.rpartition("/")[2]: row.last_polled for row in list_channels(connection)}


def test_an_archive_that_cannot_be_written_ends_an_unchanged_sweep(
    web: Web, run_collect: Collect, sqlite_archive: Archive
) -> None:
    web.replies["/rss"] = Reply(rss(item(1)), headers=FEED | {"ETag": '"a"'})
    source = make_source(("feed", f"{web.url}/rss"))
    run_collect(source)
    web.replies["/rss"] = Reply(status=304)
    with sqlite_archive.write() as connection:
        trigger = "CREATE TRIGGER full BEFORE UPDATE ON channel BEGIN SELECT RAISE(FAIL, 'disk full'); END"
        connection.execute(sa.text(trigger))
    with pytest.raises(sa.exc.SQLAlchemyError, match="disk full"):
        run_collect(source, everything=True)


def prepared(archive: Archive) -> list[ChannelRow]:
    """Three channels that have been had before; what is known of them differs."""
    source = make_source(*[("feed", f"https://a.example/{name}") for name in ("one", "two", "three")])
    with archive.write() as connection:
        sync_channels(connection, [source], NOW - timedelta(hours=9))
        had = NOW - timedelta(hours=3)
        values = {"etag": '"a"', "body_hash": "0", "first_polled": had, "last_polled": had, "last_success": had}
        connection.execute(sa.update(channel).values(state="ok", validators_url=channel.c.url, **values))
        worse = sa.update(channel).where(channel.c.url.endswith("two"))
        connection.execute(worse.values(state="flaky", state_reason="HTTP 500", failures=2, failing_since=had))
        return list_channels(connection)


def unchanged(row: ChannelRow, asks_minutes: int | None = None) -> ChannelAnswer:
    return ChannelAnswer(row, NOW, Kind.UNCHANGED, 304, asks_minutes=asks_minutes, evidence={"status": 304})


def outcome(row: ChannelRow, number: int) -> tuple[ChannelRow, PollRecord]:
    answer = unchanged(row, None if number else 30)
    decision = next_poll(state_of(row), channel_outcome(answer), NOW, channel_limits(None, make_options()))
    return row, poll_record(answer, decision, new=0)


def test_a_batch_stores_what_single_polls_store(archive: Archive) -> None:
    rows = prepared(archive)
    outcomes = [outcome(row, number) for number, row in enumerate(rows)]

    def stored(store: Callable[[sa.Connection], None]) -> list[tuple[object, ...]]:
        with archive.write() as connection, connection.begin_nested() as savepoint:
            store(connection)
            found = [tuple(row) for row in connection.execute(sa.select(channel).order_by(channel.c.id))]
            savepoint.rollback()
        return found

    def singly(connection: sa.Connection) -> None:
        for before, record in outcomes:
            record_poll(connection, before, record)

    together = stored(lambda connection: record_polls(connection, outcomes))
    assert together == stored(singly)
    with archive.write() as connection:
        record_polls(connection, outcomes)
        after = list_channels(connection)
        notes = channel_events(connection)
    assert [(row.state, row.failures, row.last_polled, row.etag) for row in after] == [("ok", 0, NOW, '"a"')] * 3
    assert [(note.channel, note.state) for note in notes if note.at == NOW] == [(flaky(rows), "ok")]


def make_run(archive: Archive, writer: Writer) -> CollectRun:
    source = make_source()
    return CollectRun(
        archive, writer, make_options(), {source.id: source}, {}, Extractors(1, 1.0), lambda: NOW, lambda _: ""
    )


def test_what_comes_while_a_batch_is_stored_is_stored_too(sqlite_archive: Archive) -> None:
    rows = prepared(sqlite_archive)

    async def go() -> CollectReport:
        with Writer(sqlite_archive) as writer:
            run = CollectRun(
                sqlite_archive, writer, make_options(), {}, {}, Extractors(1, 1.0), lambda: NOW, lambda _: ""
            )
            busy = threading.Event()
            async with Batches(run) as batches:
                writer.put(lambda _: busy.wait(30))
                await batches.add(unchanged(rows[0]))
                await asyncio.sleep(2 * SECONDS)
                assert batches.waiting == []
                await batches.add(unchanged(rows[1]))
                asyncio.get_running_loop().call_later(0.05, busy.set)
            assert (run.errors, run.bugs) == ([], [])
            return run.report

    assert asyncio.run(go()).polled == 2
    with sqlite_archive.read() as connection:
        assert [row.last_polled == NOW for row in list_channels(connection)] == [True, True, False]


def test_a_bug_costs_a_batch_one_outcome(sqlite_archive: Archive) -> None:
    rows = prepared(sqlite_archive)
    odd = replace(rows[1], state="no such state")

    async def go() -> CollectRun:
        with Writer(sqlite_archive) as writer:
            run = make_run(sqlite_archive, writer)
            async with Batches(run) as batches:
                for row in (rows[0], odd, rows[2]):
                    await batches.add(unchanged(row))
            return run

    run = asyncio.run(go())
    assert (run.report.polled, run.errors, [type(bug) for bug in run.bugs]) == (2, [], [ValueError])
    with sqlite_archive.read() as connection:
        assert [row.last_polled == NOW for row in list_channels(connection)] == [True, False, True]


def flaky(rows: list[ChannelRow]) -> str:
    [one] = [row.id for row in rows if row.state == "flaky"]
    return one


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A TLS server for localhost that answers a feed, with a certificate of its own making."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = tmp_path / "server.pem", tmp_path / "server.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    with contextlib.closing(Web()) as web:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, private)
        web.server.socket = context.wrap_socket(web.server.socket, server_side=True)
        web.replies["/rss"] = Reply(rss(item(1)), headers=FEED)
        yield f"https://localhost:{web.server.server_port}/rss", certificate


def test_certificates_are_verified(
    secure: tuple[str, Path], run_collect: Collect, sqlite_archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, certificate = secure
    source = make_source(("feed", url))
    assert run_collect(source).failed == 1
    assert "certificate is not valid" in reason(sqlite_archive)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert run_collect(source, everything=True).new_articles == 1
    wrong = url.replace("localhost", "127.0.0.1")
    assert run_collect(make_source(("feed", wrong))).failed == 1
