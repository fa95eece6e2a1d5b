"""What a server's reply says about a channel: pure, and the same for the feed poller and for Scrapy's spiders."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from crawler.archive.channels import ChannelRow, Validators
from crawler.articles import FeedDocument, is_over
from crawler.items import ChannelAnswer
from crawler.polling import Kind, challenge, kind_of_status, max_age_minutes, retry_after_seconds

_PERMANENT_REDIRECTS = {301, 308}
_EVIDENCE_HEADERS = ("Content-Type", "ETag", "Last-Modified", "Retry-After", "Location", "Server")
_MAY_ASK = {Kind.BLOCKED, Kind.THROTTLED, Kind.FAILED}
"""Statuses that challenge pages come with; a page that was not found may hold a script of a gatekeeper too."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server sent at the end of all redirects.

    Attributes:
        status: HTTP status.
        url: final URL.
        headers: as sent, in order, the same name perhaps more than once.
        body: unpacked.
        cut: the connection ended before the document did.
        redirects: statuses of the redirects that led here.
    """

    status: int
    url: str
    headers: Sequence[tuple[bytes, bytes]] = ()
    body: bytes = b""
    cut: bool = False
    redirects: tuple[int, ...] = ()

    def header(self, name: str) -> str | None:
        """A header as latin-1 text, so that it can be echoed byte for byte; None without one. The last one counts."""
        wanted = name.lower().encode("ascii")
        values = [value for key, value in self.headers if key.lower() == wanted]
        return values[-1].decode("latin-1") if values else None

    def plain_headers(self) -> dict[str, str]:
        """Every header, by its name in lower case; values of the same name joined."""
        found: dict[str, str] = {}
        for key, value in self.headers:
            name, text = key.decode("latin-1").lower(), value.decode("latin-1")
            found[name] = f"{found[name]}, {text}" if name in found else text
        return found

    @property
    def moved_to(self) -> str:
        """The final URL when only permanent redirects led there, else empty."""
        return self.url if self.redirects and _PERMANENT_REDIRECTS.issuperset(self.redirects) else ""


def body_hash(body: bytes) -> str:
    """What tells an equal body."""
    return hashlib.sha256(body).hexdigest()


def evidence(reply: Reply) -> dict[str, Any]:
    """What proves an outcome: status, final URL and the headers that matter."""
    found: dict[str, Any] = {"status": reply.status, "url": reply.url}
    found.update({name.lower(): value[:300] for name in _EVIDENCE_HEADERS if (value := reply.header(name))})
    return found


def verdict(reply: Reply, channel: ChannelRow, now: datetime) -> ChannelAnswer | None:
    """The outcome as far as status and hash tell it; None when the body must be read.

    Args:
        reply: what the server sent.
        channel: what was known of the channel when it was asked.
        now: aware UTC.
    """
    status = reply.status
    plain = ChannelAnswer(
        channel, now, Kind.FAILED, status, f"HTTP {status}", moved_to=reply.moved_to, evidence=evidence(reply)
    )
    if status == 304:
        if channel.body_hash is None and channel.etag is None and channel.last_modified is None:
            return replace(plain, reason="HTTP 304 although nothing was ever had")
        return replace(plain, kind=Kind.UNCHANGED, reason="", asks_minutes=_asked_minutes(reply))
    if status == 200:
        if reply.cut or channel.body_hash is None or channel.body_hash != body_hash(reply.body):
            return None
        had = validators(reply)
        return replace(plain, kind=Kind.UNCHANGED, reason="", validators=had, asks_minutes=_asked_minutes(reply))
    kind = kind_of_status(status)
    asks = challenge(reply.plain_headers(), reply.body) if kind in _MAY_ASK else ""
    if asks:
        return replace(plain, kind=Kind.BLOCKED, reason=f"HTTP {status}: {asks}")
    if kind is Kind.THROTTLED:
        return replace(plain, kind=kind, retry_after=retry_after_seconds(reply.header("Retry-After") or "", now))
    return replace(plain, kind=kind)


def validators(reply: Reply) -> Validators:
    """What the next request is to echo. A document that was cut off must be had again in any case."""
    if reply.cut:
        return Validators()
    etag, modified = reply.header("ETag"), reply.header("Last-Modified")
    return Validators(etag, modified, reply.url if etag or modified else None, body_hash(reply.body))


def read_answer(reply: Reply, channel: ChannelRow, document: FeedDocument, now: datetime) -> ChannelAnswer:
    """The outcome of a document that was read.

    Args:
        reply: what the server sent.
        channel: what was known of the channel when it was asked.
        document: what the body says.
        now: aware UTC.
    """
    problems = [document.problem] if document.problem else []
    if reply.cut:
        problems.insert(0, "the document was cut off")
    over = sum(map(is_over, document.entries))
    if over:
        problems.append(f"{over} items have fields too long to be kept, which were cut")
    return ChannelAnswer(
        channel,
        now,
        Kind.CHANGED,
        reply.status,
        "; ".join(problems),
        document,
        # What was left for the next time must be had then even if it has not changed.
        Validators() if document.left else validators(reply),
        asks_minutes=max([one for one in (document.ttl_minutes, _asked_minutes(reply)) if one], default=None),
        moved_to=reply.moved_to,
        evidence=evidence(reply) | {"body": body_hash(reply.body), "format": document.format},
    )


def unusable(reply: Reply, channel: ChannelRow, kind: Kind, reason: str, now: datetime) -> ChannelAnswer:
    """The outcome of a document that is not what it should be; the validators stay as they are.

    Args:
        reply: what the server sent.
        channel: what was known of the channel when it was asked.
        kind: what is wrong with the document, unless it is a challenge page.
        reason: in words.
        now: aware UTC.
    """
    asks = challenge(reply.plain_headers(), reply.body)
    if asks:
        kind, reason = Kind.BLOCKED, asks
    proof = evidence(reply) | {"body": body_hash(reply.body)}
    return ChannelAnswer(channel, now, kind, reply.status, reason, evidence=proof)


def _asked_minutes(reply: Reply) -> int | None:
    """For how long the headers say that the document need not be asked for again."""
    return max_age_minutes(reply.header("Cache-Control") or "")
