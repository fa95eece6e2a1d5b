"""A small steerable web server on loopback, and everything that makes one run of collecting out of it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from crawler import reactor
from crawler.archive.channels import ChannelRow, list_channels
from crawler.archive.engine import Archive
from crawler.collect import CollectReport, collect
from crawler.options import CrawlerOptions
from crawler.sources import Channel, ChannelKind, Source, channel_id

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

STORY = (
    "A market in the old town was hit by two shells on Saturday morning, the regional governor said. At least nine "
    "people were killed and thirty wounded, among them four children who had been waiting at a bus stop."
)


@dataclass
class Reply:
    """What the server answers at a path. `cut` closes the connection early, `wait` comes before the answer."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    wait: float = 0.0


@dataclass(frozen=True)
class Seen:
    """One request as it arrived; `at` is on the clock of `time.monotonic`."""

    path: str
    headers: dict[str, str]
    at: float = 0.0

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers.items() if key.lower() == name.lower()), None)


class Web:
    """One HTTP server. `replies` says what to answer; a function is asked each time."""

    def __init__(self) -> None:
        self.replies: dict[str, Reply | Callable[[Seen], Reply]] = {}
        self.seen: list[Seen] = []
        self.released = threading.Event()
        self.busiest = 0
        self._busy = 0
        self._gate = threading.Lock()
        web = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                seen = Seen(self.path, dict(self.headers.items()), time.monotonic())
                web.seen.append(seen)
                reply = web.replies.get(self.path, Reply(b"nothing here", 404))
                with web.counting():
                    reply = reply(seen) if callable(reply) else reply
                    web.released.wait(reply.wait)
                web.answer(self, reply)

            def log_message(self, *args: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @contextlib.contextmanager
    def counting(self) -> Iterator[None]:
        """How many requests waited for their answer at the same time, at most, is `busiest`."""
        with self._gate:
            self._busy += 1
            self.busiest = max(self.busiest, self._busy)
        yield
        with self._gate:
            self._busy -= 1

    def answer(self, handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        try:
            handler.send_response(reply.status)
            headers = {
                "Content-Type": "text/html; charset=utf-8",
                "Content-Length": str(len(reply.body)),
            } | reply.headers
            for name, value in headers.items():
                handler.send_header(name, value)
            handler.end_headers()
            if reply.status != 304:
                handler.wfile.write(reply.body[: reply.cut])
        except ConnectionError:
            return
        if reply.cut is not None:
            handler.close_connection = True

    def paths(self) -> list[str]:
        """The paths that were asked for, in order."""
        return [seen.path for seen in self.seen]

    def asked(self, path: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.path == path]

    def close(self) -> None:
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()


@pytest.fixture
def web() -> Iterator[Web]:
    server = Web()
    yield server
    server.close()


@dataclass
class Clock:
    """The run's clock: stands still until a test moves it."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **amount: float) -> None:
        self.now += timedelta(**amount)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make_options(**changes: Any) -> CrawlerOptions:
    """Options for loopback: no pauses, short times."""
    values = {
        "allow_addresses": ("127.0.0.0/8",),
        "delay_seconds": 0.0,
        "jitter": 0.0,
        "contact": "https://desk.example/bot",
        "extract_workers": 1,
        "feed_timeout_seconds": 5.0,
        "page_timeout_seconds": 5.0,
    }
    return CrawlerOptions.model_validate(values | changes)


def make_source(*channels: tuple[str, str] | Channel, name: str = "lanter", fetch_pages: bool = False) -> Source:
    """A source with channels given as (kind, url)."""
    made = tuple(
        one
        if isinstance(one, Channel)
        else Channel(channel_id(name, ChannelKind(one[0]), one[1]), name, ChannelKind(one[0]), one[1])
        for one in channels
    )
    return Source(id=name, name=name.title(), languages=("en",), channels=made, fetch_pages=fetch_pages)


Collect = Callable[..., CollectReport]


@pytest.fixture
def run_collect(sqlite_archive: Archive, clock: Clock) -> Collect:
    """Runs `collect` on the process's reactor, as the commands do."""

    def run(sources: Source | Sequence[Source], options: CrawlerOptions | None = None, **kwargs: Any) -> CollectReport:
        several = [sources] if isinstance(sources, Source) else list(sources)
        chosen = options or make_options()
        return reactor.run(lambda: collect(sqlite_archive, several, chosen, now=clock, **kwargs))

    return run


def channel(archive: Archive) -> ChannelRow:
    """The only channel, or the first by its id."""
    with archive.read() as connection:
        return list_channels(connection)[0]


def poll_when_due(archive: Archive, run: Collect, source: Source, clock: Clock, during: timedelta) -> list[timedelta]:
    """Collect each time the channel is due, for so long; returns the pauses between the polls."""
    pauses = []
    end = clock.now + during
    while (due := channel(archive).next_poll) <= end:
        pauses.append(due - clock.now)
        clock.now = due
        run(source)
    return pauses


def rss(*items: str, head: str = "") -> bytes:
    """An RSS 2.0 document around items."""
    inside = f"<title>T</title>{head}{''.join(items)}"
    return f'<?xml version="1.0"?><rss version="2.0"><channel>{inside}</channel></rss>'.encode()


def item(number: int, base: str = "http://127.0.0.1", date: str = "Sun, 22 Nov 2026 10:00:00 GMT") -> str:
    """One RSS item."""
    return (
        f"<item><title>Shelling in Veld, report {number}</title><link>{base}/news/{number}</link>"
        f"<guid>id-{number}</guid><pubDate>{date}</pubDate><description>Report {number}: {STORY}</description></item>"
    )


def page(title: str = "Shelling in Veld", text: str = STORY, head: str = "") -> bytes:
    """An article's page."""
    paragraphs = "".join(f"<p>{text} Paragraph {number} of the report.</p>" for number in range(4))
    return (
        f'<!doctype html><html lang="en"><head><title>{title}</title>{head}</head><body><nav><a href="/">Home</a></nav>'
        f"<article><h1>{title}</h1>{paragraphs}</article><footer>Imprint</footer></body></html>"
    ).encode()
