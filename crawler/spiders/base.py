"""What all spiders share: requests with everything a run needs, and what an error means."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from scrapy import Request, Spider
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadTimeoutError,
    IgnoreRequest,
)
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler import answers
from crawler.answers import Reply
from crawler.archive.channels import ChannelRow, Validators, request_validators
from crawler.articles import FeedDocument
from crawler.items import ChannelAnswer, CollectRun
from crawler.middlewares import ACCEPT, VALIDATORS, Held
from crawler.polling import Kind
from crawler.robots import Unreachable
from crawler.urls import host_slot

TOO_LARGE = "the document is too large"
_ROBOTS = "robots.txt does not allow it"
WITHOUT_ROBOTS = "robots.txt ("


class RunSpider(Spider):
    """A spider of ours: part of one run, started by `crawler.collect`."""

    name = "run"

    def __init__(self, run: CollectRun, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.run = run

    def ask(self, url: str, meta: Mapping[str, Any], **kwargs: Any) -> Request:
        """A request in the politeness slot of its host and port."""
        return Request(url, dont_filter=True, meta={"download_slot": host_slot(url), **meta}, **kwargs)

    def trouble(self, failure: Failure, url: str) -> tuple[str, Kind]:
        """Why a request gave no response, in words, and what kind of outcome that is."""
        return trouble(failure, url, self.run.refusal)


def trouble(failure: Failure, url: str, refusal: Callable[[str], str]) -> tuple[str, Kind]:
    """Why a request gave no response, in words, and what kind of outcome that is.

    Args:
        failure: as Scrapy hands it to an errback.
        url: that was asked.
        refusal: gives the guard's reason against a host, or an empty string.
    """
    error = failure.value
    if isinstance(error, Unreachable):
        return _without_robots(error, refusal)
    host = urlsplit(url).hostname or ""
    if isinstance(error, CannotResolveHostError):
        refused = refusal(host)
        return (f"refused: {refused}", Kind.BLOCKED) if refused else (f"no address for {host}", Kind.FAILED)
    if isinstance(error, IgnoreRequest):
        words = str(error) or type(error).__name__
        if "robots" in words.lower():
            return _ROBOTS, Kind.BLOCKED
        if "DOWNLOAD_MAXSIZE" in words:
            return TOO_LARGE, Kind.FAILED
        return words[:300], Kind.FAILED
    return _words(error), Kind.FAILED


def _without_robots(error: Unreachable, refusal: Callable[[str], str]) -> tuple[str, Kind]:
    """Why robots.txt, and so nothing else of the site, could be had; names where it led if that is elsewhere."""
    if error.cause is None:
        return str(error), Kind.FAILED
    failure = Failure(error.cause)  # type: ignore[no-untyped-call]  # Twisted
    words, kind = trouble(failure, error.url, refusal)
    if kind is Kind.BLOCKED and not error.elsewhere:
        # The site itself is refused, whatever is asked of it.
        return words, kind
    return f"{WITHOUT_ROBOTS}{error.url[:200]}): {words}", Kind.FAILED


def was_held(failure: Failure) -> bool:
    """Whether a request was never made, because of its host or because the run stops."""
    return isinstance(failure.value, Held)


def _words(error: BaseException | None) -> str:
    if isinstance(error, DownloadTimeoutError):
        return "no complete answer in time"
    if isinstance(error, DownloadCancelledError):
        return TOO_LARGE
    if isinstance(error, DownloadConnectionRefusedError):
        return "connection refused"
    reasons = getattr(getattr(error, "__cause__", None), "reasons", None)
    inner = "; ".join(str(reason.getErrorMessage()) for reason in reasons) if reasons else str(error)
    return f"{type(error).__name__}: {inner}"[:300]


def header(response: Response, name: str) -> str | None:
    """A header as latin-1 text, so that it can be echoed byte for byte; None without one."""
    value = response.headers.get(name)
    return value.decode("latin-1") if value is not None else None


def is_cut(response: Response) -> bool:
    """Whether the connection ended before the document did."""
    return "dataloss" in response.flags or "partial" in response.flags


def reply_of(response: Response) -> Reply:
    """Scrapy's response as what outcomes are made of."""
    return Reply(
        status=response.status,
        url=response.url,
        headers=[(name, value) for name, values in response.headers.items() for value in values],
        body=response.body,
        cut=is_cut(response),
        redirects=tuple(response.meta.get("redirect_reasons") or ()),
    )


class ChannelSpider(RunSpider):
    """Asks channels; the subclass says what a good answer means."""

    name = "channel"
    accept = "*/*"
    robots = False

    def __init__(self, run: CollectRun, channels: list[ChannelRow], **kwargs: Any) -> None:
        super().__init__(run, **kwargs)
        self.channels = channels

    async def start(self) -> Any:
        """One request a channel, with its validators."""
        for channel in self.channels:
            validators = request_validators(channel, self.run.now())
            meta = {VALIDATORS: validators, ACCEPT: self.accept, "dont_obey_robotstxt": not self.robots}
            kwargs = {"channel": channel}
            yield self.ask(channel.url, meta, callback=self.answered, errback=self.failed, cb_kwargs=kwargs)

    def answered(self, response: Response, channel: ChannelRow) -> AsyncIterator[Any]:
        """Turn a response into a `ChannelAnswer`, or into more requests."""
        raise NotImplementedError

    def failed(self, failure: Failure) -> Any:
        """A channel without a response. Requests that were never made are no outcome."""
        if was_held(failure) or self.run.stopping:
            return
        request = failure.request  # type: ignore[attr-defined]  # Scrapy hangs it on
        channel: ChannelRow = request.cb_kwargs["channel"]
        reason, kind = self.trouble(failure, request.url)
        proof = {"url": request.url, "error": reason}
        yield ChannelAnswer(channel, self.run.now(), kind, reason=reason, evidence=proof)

    def verdict(self, response: Response, channel: ChannelRow) -> ChannelAnswer | None:
        """The outcome as far as status and hash tell it; None when the body must be read."""
        return answers.verdict(reply_of(response), channel, self.run.now())

    def validators(self, response: Response) -> Validators:
        """What the next request is to echo. A document that was cut off must be had again in any case."""
        return answers.validators(reply_of(response))

    def read_answer(self, response: Response, channel: ChannelRow, document: FeedDocument) -> ChannelAnswer:
        """The outcome of a document that was read."""
        return answers.read_answer(reply_of(response), channel, document, self.run.now())

    def unusable(self, response: Response, channel: ChannelRow, kind: Kind, reason: str) -> ChannelAnswer:
        """The outcome of a document that is not what it should be; the validators stay as they are."""
        return answers.unusable(reply_of(response), channel, kind, reason, self.run.now())
