"""What can go wrong with a server, switched on per outlet and path while it runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from alerts.newsroom import pages
from alerts.newsroom.editions import Edition
from alerts.newsroom.outlets import WINDOW, Outlet
from alerts.newsroom.render import MOVED, Document, Reply, Request, answer, channel_at, document, kind_at, overflowing
from alerts.newsroom.strict import Fields, NewsroomError, read_fields

ANY = "*"
TARGETS = ("feed", "sitemap", "section", "page", "robots", "other", ANY)


class Fault(StrEnum):
    """A way to fail; the comment says what the visitor sees."""

    NOT_MODIFIED = "not-modified"  # 304 to everybody, whatever they ask
    TOO_MANY = "too-many"  # 429, with Retry-After
    UNAVAILABLE = "unavailable"  # 503, with Retry-After
    FORBIDDEN = "forbidden"  # 403
    NOT_FOUND = "not-found"  # 404
    GONE = "gone"  # 410
    SERVER_ERROR = "server-error"  # 500
    SLOW = "slow"  # the right answer after `seconds`
    TRICKLE = "trickle"  # the right answer, 16 bytes every `seconds`
    TRUNCATED = "truncated"  # half of the announced bytes, then the connection closes
    CUT_OFF = "cut-off"  # half of the document as a complete answer
    WRONG_ENCODING = "wrong-encoding"  # other bytes than the declared charset
    MOVED = "moved"  # 301 to `location`
    FOUND = "found"  # 302 to `location`
    ROLLED_OVER = "rolled-over"  # more new articles than the window holds
    RESET = "reset"  # the connection is torn down without an answer
    HTML = "html"  # a page where the document should be


@dataclass(frozen=True, slots=True)
class Switch:
    """A fault with its details.

    Attributes:
        fault: which.
        retry_after: what Retry-After says, in seconds or as an HTTP date; empty = no such header.
        seconds: how long SLOW and TRICKLE wait.
        location: where redirects lead; empty = the same document under another path.
        times: how many requests meet it; None = until it is cleared.
    """

    fault: Fault
    retry_after: str = ""
    seconds: float = 1.0
    location: str = ""
    times: int | None = None


class FaultBoard:
    """Which faults are on. Used by many threads."""

    def __init__(self, control: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._switches: dict[tuple[str, str], Switch] = {}
        self._control = control
        self._control_stamp: tuple[int, int] = (0, 0)
        self._from_file: set[tuple[str, str]] = set()

    def switch_on(self, outlet: str, target: str, switch: Switch) -> None:
        """Let `target` (a path or one of `TARGETS`) of an outlet (or ``*``) fail. Raises NewsroomError."""
        if target not in TARGETS and not target.startswith("/"):
            raise NewsroomError(f"{target!r} is nothing that can fail (expected a path or {', '.join(TARGETS)})")
        with self._lock:
            self._switches[outlet, target] = switch

    def clear(self, outlet: str = ANY, target: str = ANY) -> None:
        """Switch off what was switched on for an outlet and a target; ``*`` = for all."""
        with self._lock:
            for key in [k for k in self._switches if outlet in {ANY, k[0]} and target in {ANY, k[1]}]:
                del self._switches[key]

    def take(self, outlet: Outlet, path: str) -> Switch | None:
        """The fault that this request meets, the most particular one first; counts it. Raises NewsroomError."""
        self._read_control()
        with self._lock:
            for target in (path, kind_at(outlet, path), ANY):
                for name in (outlet.id, ANY):
                    switch = self._switches.get((name, target))
                    if switch is not None:
                        self._count((name, target), switch)
                        return switch
        return None

    def _count(self, key: tuple[str, str], switch: Switch) -> None:
        if switch.times is None:
            return
        if switch.times > 1:
            self._switches[key] = replace(switch, times=switch.times - 1)
        else:
            del self._switches[key]

    def _read_control(self) -> None:
        """Take over the control file when it changed; its absence means no faults."""
        if self._control is None:
            return
        try:
            status = self._control.stat()
            stamp = (status.st_mtime_ns, status.st_size)
        except FileNotFoundError:
            stamp = (0, 0)
        with self._lock:
            if stamp == self._control_stamp:
                return
            self._control_stamp = stamp
            for key in self._from_file:
                self._switches.pop(key, None)
            self._from_file = set()
            if stamp != (0, 0):
                found = dict(read_control(self._control))
                self._from_file = set(found)
                self._switches.update(found)


def read_control(file: Path) -> list[tuple[tuple[str, str], Switch]]:
    """The switches a control file holds: ``faults: [{outlet: ..., target: feed, fault: gone}]``."""
    top = read_fields(file)
    found = [_control_row(fields) for fields in top.each("faults", optional=True)]
    top.done()
    return found


def _control_row(fields: Fields) -> tuple[tuple[str, str], Switch]:
    times = int(fields.number("times", 0))
    switch = Switch(
        fault=Fault(fields.choice("fault", tuple(Fault))),
        retry_after=fields.text("retry_after", ""),
        seconds=fields.number("seconds", 1.0),
        location=fields.text("location", ""),
        times=times or None,
    )
    key = (fields.text("outlet", ANY), fields.text("target", ANY))
    fields.done()
    return key, switch


def respond(edition: Edition, request: Request, switch: Switch | None) -> Reply:
    """The answer to a request under a fault, or the honest one without."""
    if switch is None:
        return answer(edition, document(edition, request.path), request)
    return _FAULTS[switch.fault](edition, request, switch)


def _status(status: int) -> Callable[[Edition, Request, Switch], Reply]:
    def fail(edition: Edition, request: Request, switch: Switch) -> Reply:
        headers = [("Content-Type", f"text/html; charset={edition.outlet.site.charset}")]
        if switch.retry_after:
            headers.append(("Retry-After", switch.retry_after))
        if status in {301, 302}:
            headers.append(("Location", switch.location or edition.url(MOVED + request.path)))
        return Reply(status, tuple(headers), b"" if status == 304 else b"<!doctype html><title>%d</title>\n" % status)

    return fail


def _slow(edition: Edition, request: Request, switch: Switch) -> Reply:
    return replace(respond(edition, request, None), delay=switch.seconds)


def _trickle(edition: Edition, request: Request, switch: Switch) -> Reply:
    return replace(respond(edition, request, None), trickle=switch.seconds)


def _truncated(edition: Edition, request: Request, switch: Switch) -> Reply:
    del switch
    reply = _unconditional(edition, request, document(edition, request.path))
    return replace(reply, keep=len(reply.body) // 2)


def _cut_off(edition: Edition, request: Request, switch: Switch) -> Reply:
    del switch
    found = document(edition, request.path)
    return _unconditional(edition, request, replace(found, body=found.body[: len(found.body) // 2]))


def _wrong_encoding(edition: Edition, request: Request, switch: Switch) -> Reply:
    del switch
    found = document(edition, request.path)
    if not found.charset:
        return answer(edition, found, request)
    other = CODE_PAGES.get(edition.outlet.languages[0], "windows-1252") if found.charset == "utf-8" else "utf-8"
    body = found.body.decode(found.charset).encode(other, "xmlcharrefreplace")
    return _unconditional(edition, request, replace(found, body=body))


def _rolled_over(edition: Edition, request: Request, switch: Switch) -> Reply:
    del switch
    channel = channel_at(edition.outlet, request.path.partition("?")[0])
    burst = overflowing(edition, channel.window if channel else WINDOW)
    return answer(burst, document(burst, request.path), request)


def _reset(edition: Edition, request: Request, switch: Switch) -> Reply:
    del edition, request, switch
    return Reply(0, reset=True)


def _html(edition: Edition, request: Request, switch: Switch) -> Reply:
    del switch
    charset = edition.outlet.site.charset
    page = pages.missing_page(edition).encode(charset, "xmlcharrefreplace")
    return _unconditional(edition, request, Document(200, "text/html", charset, page))


def _unconditional(edition: Edition, request: Request, found: Document) -> Reply:
    """A broken body is sent to everybody: a 304 would hide it."""
    plain = {key: text for key, text in request.headers.items() if key not in {"if-none-match", "if-modified-since"}}
    return answer(edition, found, replace(request, headers=plain))


CODE_PAGES = {"ru": "windows-1251", "uk": "windows-1251", "ar": "windows-1256", "he": "windows-1255"}
"""What old publishing systems in that language write while their header says UTF-8."""
_FAULTS: dict[Fault, Callable[[Edition, Request, Switch], Reply]] = {
    Fault.NOT_MODIFIED: _status(304),
    Fault.TOO_MANY: _status(429),
    Fault.UNAVAILABLE: _status(503),
    Fault.FORBIDDEN: _status(403),
    Fault.NOT_FOUND: _status(404),
    Fault.GONE: _status(410),
    Fault.SERVER_ERROR: _status(500),
    Fault.SLOW: _slow,
    Fault.TRICKLE: _trickle,
    Fault.TRUNCATED: _truncated,
    Fault.CUT_OFF: _cut_off,
    Fault.WRONG_ENCODING: _wrong_encoding,
    Fault.MOVED: _status(301),
    Fault.FOUND: _status(302),
    Fault.ROLLED_OVER: _rolled_over,
    Fault.RESET: _reset,
    Fault.HTML: _html,
}
