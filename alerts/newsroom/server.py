"""The newsroom itself: start it, ask it where it is, change what it publishes, let it fail, read what it was asked."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from alerts.newsroom.anchor import Anchor, load_anchor, save_anchor
from alerts.newsroom.editions import Dated, Edition, date_articles, newest_first, whole
from alerts.newsroom.faults import ANY, Fault, FaultBoard, Switch, respond
from alerts.newsroom.outlets import Article, Outlet, check_outlets, load_outlets
from alerts.newsroom.render import Reply, Request
from alerts.newsroom.sources import source_file
from alerts.newsroom.strict import NewsroomError
from alerts.newsroom.wire import HOST, Wire

PORTS = range(20000, 32000)
"""Kept ports come from here: systems lend out higher ones for outgoing connections, where they would get lost."""
LOG = "requests.log"
SHOWN = ("if-none-match", "if-modified-since")
"""Request headers that the log file shows: they tell whether a visitor asked conditionally."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One line of the request log; header names in lower case; status 0 = torn down without an answer."""

    at: datetime
    outlet: str
    method: str
    path: str
    status: int
    headers: Mapping[str, str]

    def __str__(self) -> str:
        sent = "".join(f" {name}={self.headers[name]!r}" for name in SHOWN if name in self.headers)
        return f"{self.at:%Y-%m-%dT%H:%M:%SZ} {self.outlet} {self.method} {self.path} {self.status or 'reset'}{sent}"


class Newsroom:
    """About ten outlets on loopback ports, each a real HTTP server. Use it as a context manager.

    With a folder its anchor time and ports are kept there, so that the next newsroom of that folder serves the same
    bytes; every request is appended to ``requests.log`` in it. Without one both live as long as the object.

    Args:
        folder: where to keep anchor, ports and log; None = nowhere.
        anchor: the moment from which articles count back (aware); None = what the folder keeps, else now.
        outlets: what to publish; None = the outlets of alerts/newsroom/data.
        control: a YAML file that switches faults on while the newsroom runs (see `faults.read_control`).

    Raises:
        NewsroomError: the data or the folder cannot be used, or `anchor` is not the folder's.
    """

    def __init__(
        self,
        folder: Path | None = None,
        anchor: datetime | None = None,
        *,
        outlets: Sequence[Outlet] | None = None,
        control: Path | None = None,
    ) -> None:
        self.outlets: tuple[Outlet, ...] = tuple(load_outlets() if outlets is None else outlets)
        check_outlets(self.outlets)
        self.folder = folder
        self._identity = _identity(folder, anchor)
        self._dated = {each.id: date_articles(each, self.anchor) for each in self.outlets}
        self._touched = {each.id: _newest(self._dated[each.id], self.anchor) for each in self.outlets}
        self._board = FaultBoard(control)
        self._lock = threading.Lock()
        self._log: list[Asked] = []
        self._file: IO[str] | None = None
        self._wire: Wire | None = None

    @property
    def anchor(self) -> datetime:
        """The moment from which articles count their hours back, aware UTC."""
        return self._identity.time

    @property
    def ports(self) -> Mapping[str, int]:
        """Outlet id -> port; empty before the first start."""
        return self._identity.ports

    @property
    def log(self) -> tuple[Asked, ...]:
        """Every request since the object was made, in order."""
        with self._lock:
            return tuple(self._log)

    def start(self) -> Self:
        """Listen. Raises PortTakenError when a kept port is in use, NewsroomError when the folder cannot be written."""
        if self._wire is not None:
            raise NewsroomError("the newsroom is already running")
        wire = Wire()
        first = random.randrange(len(PORTS))  # noqa: S311  (spreads folders over ports; nothing secret)
        spare = [*PORTS[first:], *PORTS[:first]][: 20 * len(self.outlets)] if self.folder else []
        answers = {each.id: partial(self._answer, each.id) for each in self.outlets}
        ports = wire.open(answers, self.ports, spare)
        self._wire = wire
        try:
            if any(name not in self.ports for name in ports):
                # An outlet that is not served this time keeps its port for the next.
                self._identity = replace(self._identity, ports={**self.ports, **ports})
                if self.folder is not None:
                    save_anchor(self.folder, self._identity)
            if self.folder is not None:
                self._file = (self.folder / LOG).open("a", encoding="utf-8", buffering=1)
        except (NewsroomError, OSError) as error:
            self.stop()
            raise NewsroomError(f"{self.folder}: {error}") from error
        return self

    def stop(self) -> None:
        """Stop listening and hang up; no thread and no socket is left. Harmless when it does not run."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def outlet(self, name: str) -> Outlet:
        """The outlet with that id. Raises NewsroomError."""
        for each in self.outlets:
            if each.id == name:
                return each
        raise NewsroomError(f"there is no outlet {name!r} (known: {', '.join(each.id for each in self.outlets)})")

    def url(self, outlet: str, path: str = "/") -> str:
        """The absolute URL of a path of an outlet. Raises NewsroomError before the first start."""
        name = self.outlet(outlet).id
        if name not in self.ports:
            raise NewsroomError("the newsroom has no ports before it is started")
        return f"http://{HOST}:{self.ports[name]}{path}"

    def edition(self, outlet: str) -> Edition:
        """What the outlet shows at this moment."""
        found = self.outlet(outlet)
        bases = {name: f"http://{HOST}:{port}" for name, port in self.ports.items()}
        with self._lock:
            return Edition(found, bases, self._dated[outlet], self._touched[outlet])

    def publish(self, outlet: str, article: Article, at: datetime | None = None) -> str:
        """Add an article (or put another in the place of one with its id), dated `at` or now; returns its URL."""
        dated = Dated(article, whole(at or datetime.now(UTC)))
        self._change(outlet, article.id, dated)
        return self.url(outlet, article.path)

    def correct(self, outlet: str, article: Article, at: datetime | None = None) -> None:
        """Change an article's words; it keeps its date and is updated `at` or now. Raises NewsroomError."""
        old = self._get(outlet, article.id)
        self._change(outlet, article.id, replace(old, article=article, updated=whole(at or datetime.now(UTC))))

    def withdraw(self, outlet: str, article: str) -> None:
        """Take an article off the site: it leaves the feeds, its page answers 404. Raises NewsroomError."""
        self._get(outlet, article)
        self._change(outlet, article, None)

    def _get(self, outlet: str, article: str) -> Dated:
        found = self.edition(outlet).find(f"/news/{article}")
        if found is None:
            raise NewsroomError(f"{outlet} publishes no {article!r}")
        return found

    def _change(self, outlet: str, article: str, new: Dated | None) -> None:
        self.outlet(outlet)
        with self._lock:
            rest = [each for each in self._dated[outlet] if each.article.id != article]
            self._dated[outlet] = newest_first([*rest, new] if new is not None else rest)
            # Last-Modified must move at each change, even if two fall into one second or the article is an old one.
            now = whole(datetime.now(UTC))
            self._touched[outlet] = max(now, self._touched[outlet] + timedelta(seconds=1))

    def fault(
        self,
        outlet: str,
        target: str,
        fault: Fault,
        *,
        retry_after: int | str = "",
        seconds: float = 1.0,
        location: str = "",
        times: int | None = None,
    ) -> None:
        """Let a path, or all of a kind (``feed``, ``sitemap``, ``section``, ``page``, ``robots``, ``*``), fail.

        `outlet` may be ``*``. `times`: how many requests meet the fault; None = until `clear`; `Switch` has the rest.
        """
        if outlet != ANY:
            self.outlet(outlet)
        self._board.switch_on(outlet, target, Switch(fault, str(retry_after), seconds, location, times))

    def clear(self, outlet: str = ANY, target: str = ANY) -> None:
        """Switch faults off; without arguments all of them."""
        self._board.clear(outlet, target)

    def _answer(self, outlet: str, request: Request) -> Reply:
        try:
            switch = self._board.take(self.outlet(outlet), request.path)
        except NewsroomError as error:
            # A slip in the control file must not take the newsroom down; the log is where its writer looks.
            self._note(f"faults were not read: {error}")
            switch = None
        reply = respond(self.edition(outlet), request, switch)
        asked = Asked(datetime.now(UTC), outlet, request.method, request.path, reply.status, request.headers)
        with self._lock:
            self._log.append(asked)
        self._note(str(asked))
        return reply

    def _note(self, line: str) -> None:
        with self._lock:
            if self._file is not None:
                self._file.write(line.replace("\n", " ") + "\n")

    def sources_yaml(self) -> str:
        """A source file (config/sources/*.yaml) with every outlet and its channels at the ports of this newsroom."""
        return source_file([self.edition(each.id) for each in self.outlets])


def _identity(folder: Path | None, anchor: datetime | None) -> Anchor:
    kept = load_anchor(folder) if folder is not None else None
    if kept is None:
        return Anchor(whole(anchor or datetime.now(UTC)))
    if anchor is not None and whole(anchor) != kept.time:
        raise NewsroomError(f"{folder} has the anchor {kept.time.isoformat()}, not {anchor.isoformat()}")
    return kept


def _newest(dated: Sequence[Dated], anchor: datetime) -> datetime:
    return max((each.changed for each in dated if each.changed), default=anchor)
