"""What all spiders share: requests with everything a run needs, and what an error means."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
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

from crawler.archive.channels import ChannelRow, Validators, request_validators
from crawler.articles import FeedDocument
from crawler.items import ChannelAnswer, CollectRun
from crawler.middlewares import ACCEPT, VALIDATORS, Held
from crawler.polling import Kind, challenge, kind_of_status, max_age_minutes, retry_after_seconds
from crawler.urls import host_slot

_PERMANENT_REDIRECTS = {301, 308}
_EVIDENCE_HEADERS = ("Content-Type", "ETag", "Last-Modified", "Retry-After", "Location", "Server")
_MAY_ASK = {Kind.BLOCKED, Kind.THROTTLED, Kind.FAILED}
"""Statuses that challenge pages come with; a page that was not found may hold a script of a gatekeeper too."""
_ROBOTS = "robots.txt does not allow it"


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
        error = failure.value
        host = urlsplit(url).hostname or ""
        if isinstance(error, CannotResolveHostError):
            refusal = self.run.refusal(host)
            return (f"refused: {refusal}", Kind.BLOCKED) if refusal else (f"no address for {host}", Kind.FAILED)
        if isinstance(error, IgnoreRequest):
            words = str(error) or type(error).__name__
            if "robots" in words.lower():
                return _ROBOTS, Kind.BLOCKED
            return words[:300], Kind.FAILED
        return _words(error), Kind.FAILED


def was_held(failure: Failure) -> bool:
    """Whether a request was never made, because of its host or because the run stops."""
    return isinstance(failure.value, Held)


def _words(error: BaseException | None) -> str:
    if isinstance(error, DownloadTimeoutError):
        return "no complete answer in time"
    if isinstance(error, DownloadCancelledError):
        return "the document is too large"
    if isinstance(error, DownloadConnectionRefusedError):
        return "connection refused"
    reasons = getattr(getattr(error, "__cause__", None), "reasons", None)
    inner = "; ".join(str(reason.getErrorMessage()) for reason in reasons) if reasons else str(error)
    return f"{type(error).__name__}: {inner}"[:300]


def header(response: Response, name: str) -> str | None:
    """A header as latin-1 text, so that it can be echoed byte for byte; None without one."""
    value = response.headers.get(name)
    return value.decode("latin-1") if value is not None else None


def evidence(response: Response) -> dict[str, Any]:
    """What proves an outcome: status, final URL and the headers that matter."""
    found: dict[str, Any] = {"status": response.status, "url": response.url}
    found.update({name.lower(): value[:300] for name in _EVIDENCE_HEADERS if (value := header(response, name))})
    return found


def plain_headers(response: Response) -> dict[str, str]:
    """Every header, by its name in lower case."""
    return {
        name.decode("latin-1").lower(): b", ".join(values).decode("latin-1")
        for name, values in response.headers.items()
    }


def asked_minutes(response: Response) -> int | None:
    """For how long the headers say that the document need not be asked for again."""
    return max_age_minutes(header(response, "Cache-Control") or "")


def moved_to(response: Response) -> str:
    """The final URL when only permanent redirects led there, else empty."""
    reasons = response.meta.get("redirect_reasons") or []
    return response.url if reasons and all(reason in _PERMANENT_REDIRECTS for reason in reasons) else ""


def is_cut(response: Response) -> bool:
    """Whether the connection ended before the document did."""
    return "dataloss" in response.flags or "partial" in response.flags


def body_hash(body: bytes) -> str:
    """What tells an equal body."""
    return hashlib.sha256(body).hexdigest()


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

    async def answered(self, response: Response, channel: ChannelRow) -> Any:
        """Turn a response into a `ChannelAnswer`."""
        answer = self.verdict(response, channel)
        if answer is not None:
            yield answer
            return
        yield await self.read(response, channel)

    async def read(self, response: Response, channel: ChannelRow) -> ChannelAnswer:
        """Read the body of a good answer."""
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
        status, now = response.status, self.run.now()
        plain = ChannelAnswer(
            channel,
            now,
            Kind.FAILED,
            status,
            f"HTTP {status}",
            moved_to=moved_to(response),
            evidence=evidence(response),
        )
        if status == 304:
            if channel.body_hash is None and channel.etag is None and channel.last_modified is None:
                return replace(plain, reason="HTTP 304 although nothing was ever had")
            return replace(plain, kind=Kind.UNCHANGED, reason="", asks_minutes=asked_minutes(response))
        if status == 200:
            same = (
                channel.body_hash is not None and not is_cut(response) and channel.body_hash == body_hash(response.body)
            )
            if not same:
                return None
            asks_minutes = asked_minutes(response)
            validators = self.validators(response)
            return replace(plain, kind=Kind.UNCHANGED, reason="", validators=validators, asks_minutes=asks_minutes)
        kind = kind_of_status(status)
        asks = challenge(plain_headers(response), response.body) if kind in _MAY_ASK else ""
        if asks:
            return replace(plain, kind=Kind.BLOCKED, reason=f"HTTP {status}: {asks}")
        if kind is Kind.THROTTLED:
            asked = retry_after_seconds(header(response, "Retry-After") or "", now)
            return replace(plain, kind=kind, retry_after=asked)
        return replace(plain, kind=kind)

    def validators(self, response: Response) -> Validators:
        """What the next request is to echo. A document that was cut off must be had again in any case."""
        if is_cut(response):
            return Validators()
        etag, modified = header(response, "ETag"), header(response, "Last-Modified")
        return Validators(etag, modified, response.url if etag or modified else None, body_hash(response.body))

    def read_answer(self, response: Response, channel: ChannelRow, document: FeedDocument) -> ChannelAnswer:
        """The outcome of a document that was read."""
        problems = [document.problem] if document.problem else []
        if is_cut(response):
            problems.insert(0, "the document was cut off")
        max_age = asked_minutes(response)
        return ChannelAnswer(
            channel,
            self.run.now(),
            Kind.CHANGED,
            response.status,
            "; ".join(problems),
            document,
            self.validators(response),
            asks_minutes=max([one for one in (document.ttl_minutes, max_age) if one], default=None),
            moved_to=moved_to(response),
            evidence=evidence(response) | {"body": body_hash(response.body), "format": document.format},
        )

    def unusable(self, response: Response, channel: ChannelRow, kind: Kind, reason: str) -> ChannelAnswer:
        """The outcome of a document that is not what it should be; the validators stay as they are."""
        proof = evidence(response) | {"body": body_hash(response.body)}
        asks = challenge(plain_headers(response), response.body)
        if asks:
            kind, reason = Kind.BLOCKED, asks
        return ChannelAnswer(channel, self.run.now(), kind, response.status, reason, evidence=proof)
