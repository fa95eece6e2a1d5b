"""What spiders hand to the pipeline, and what one run of collecting shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any

from crawler.archive.articles import WantedPage
from crawler.archive.channels import ChannelRow, Validators
from crawler.archive.engine import Archive
from crawler.archive.writer import Writer
from crawler.articles import Extraction, FeedDocument
from crawler.extraction import Extractors
from crawler.options import CrawlerOptions
from crawler.polling import Kind
from crawler.sources import Channel, Source

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class ChannelAnswer:
    """What one channel answered.

    Attributes:
        channel: what was known of it when it was asked.
        at: when the answer was complete, aware UTC.
        kind: the verdict.
        status: HTTP status; None without an answer.
        reason: in words; empty when all is well.
        document: what was read, for `Kind.CHANGED`.
        validators: for the next request; None keeps the stored ones.
        retry_after: seconds the server asked for, or None.
        asks_minutes: lower bound of the interval that headers or document ask for, or None.
        moved_to: final address, when only permanent redirects led there.
        evidence: what proves it: status, headers that matter, error, body hash.
    """

    channel: ChannelRow
    at: datetime
    kind: Kind
    status: int | None = None
    reason: str = ""
    document: FeedDocument | None = None
    validators: Validators | None = None
    retry_after: float | None = None
    asks_minutes: int | None = None
    moved_to: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PageAnswer:
    """What one article's page came to.

    Attributes:
        wanted: the page that was asked for.
        at: when, aware UTC.
        url: final URL.
        status: HTTP status; None without an answer.
        extraction: what was read; None when the page could not be had.
        reason: why not.
        permanent: asking again cannot help.
        retry_after: seconds the server asked all of its host to wait, or None.
    """

    wanted: WantedPage
    at: datetime
    url: str
    status: int | None = None
    extraction: Extraction | None = None
    reason: str = ""
    permanent: bool = False
    retry_after: float | None = None


@dataclass(slots=True)
class CollectReport:
    """What one run of collecting did. Counts, but for `stopped`.

    Attributes:
        polled: channels that were asked.
        unchanged: of them, how many had nothing to say (304, or the same bytes).
        failed: of them, how many gave nothing usable.
        refused: channels that newly refuse us (gone, blocked).
        gaps: channels whose whole window was new.
        new_articles: articles that were not there before.
        known_entries: entries that were.
        pages_fetched: pages that were read.
        pages_failed: pages that could not be had, this time or for good.
        stopped: it was asked to stop before it was done.
    """

    polled: int = 0
    unchanged: int = 0
    failed: int = 0
    refused: int = 0
    gaps: int = 0
    new_articles: int = 0
    known_entries: int = 0
    pages_fetched: int = 0
    pages_failed: int = 0
    stopped: bool = False


@dataclass(slots=True)
class CollectRun:
    """One run of collecting: what its crawls share. Nothing in it must survive; all that must is in the archive.

    Attributes:
        held: until when hosts (host:port) are left alone.
        last_asked: when each host was last asked (clock of `time.monotonic`), over all crawls of the run.
        let_go: stops the crawl under way.
        stopping: it was asked to stop; no new request is made.
        errors: what the archive refused; ends the run.
        bugs: what went wrong in our own code; the run goes on without that answer.
        refusal: why the guard refused a host, or empty.
    """

    archive: Archive
    writer: Writer
    options: CrawlerOptions
    sources: Mapping[str, Source]
    channels: Mapping[str, Channel]
    extractors: Extractors
    now: Callable[[], datetime]
    refusal: Callable[[str], str]
    progress: Progress | None = None
    report: CollectReport = field(default_factory=CollectReport)
    held: dict[str, datetime] = field(default_factory=dict)
    last_asked: dict[str, float] = field(default_factory=dict)
    let_go: Callable[[], None] | None = None
    stopping: bool = False
    errors: list[Exception] = field(default_factory=list)
    bugs: list[BaseException] = field(default_factory=list)
    total: int = 0
    done: int = 0

    def hold(self, host: str, seconds: float) -> None:
        """Leave a host (host:port) alone from now on; the archive hears of it with the answer."""
        until = self.now() + timedelta(seconds=seconds)
        self.held[host] = max(until, self.held.get(host, until))

    def step(self, what: str) -> None:
        """One channel or page is done."""
        self.done += 1
        if self.progress is not None:
            self.progress(self.done, self.total, what)


class Noting:
    """A block whose bugs are noted, so that one channel that meets one does not keep the others from being asked."""

    def __init__(self, bugs: list[BaseException]) -> None:
        self._bugs = bugs

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, Exception):
            self._bugs.append(error)
            return True
        return False
