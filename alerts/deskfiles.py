"""Reads the files of config/desks/, one desk a file, and says what is wrong with them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from alerts.desks import Desk, DeskSection, Match
from alerts.routes import RouteSection, can_chat
from alerts.rules.list_files import ListFiles, list_files
from alerts.rules.loading import read_bare_query
from alerts.rules.queries import Queries
from alerts.schedule import night_hours
from alerts.templates import UNKNOWN_TEMPLATE
from crawler.configfile import Document, files_in, nearest, read_document, validate
from crawler.errors import Problem

if TYPE_CHECKING:
    from alerts.rules.rule import Query

CLIPPED = 102_000
"""Mail clients show no more bytes of HTML than about this."""


@dataclass(frozen=True, slots=True)
class Known:
    """What desks may refer to. None: not known, so anything may be named.

    Attributes:
        topics: of settings.yaml.
        sources: ids of config/sources/.
        rules: ids of config/rules/, those of broken files included.
        mail_server: whether settings.yaml has one.
        lists: that `match` may use; read from the folder beside desks/ if None.
        templates: names of the folders of templates/.
    """

    topics: Collection[str] | None = None
    sources: Collection[str] | None = None
    rules: Collection[str] | None = None
    mail_server: bool = True
    lists: ListFiles | None = None
    templates: Collection[str] | None = None


def load_desks(folder: Path, known: Known | None = None) -> tuple[tuple[Desk, ...], list[Problem]]:
    """Read every file of a folder.

    Args:
        folder: config/desks; folders that desks name are relative to the folder above it.
        known: what desks may refer to; anything if None.

    Returns:
        The good desks sorted by file, and what is wrong. Of two desks with one id the first stays.
    """
    loader = _Loader(folder.parent, known or Known())
    paths = files_in(folder)
    for path in paths:
        document, problems = read_document(path)
        loader.problems += problems
        if document is not None:
            loader.take(document, whole=not problems)
    if not paths:
        loader.problems.append(
            Problem(str(folder), 0, 0, "no desk is configured", "*.yaml files", code="no-desks", warning=True)
        )
    return loader.matched(), loader.problems


@dataclass(slots=True)
class _Loader:
    folder: Path
    known: Known
    desks: list[Desk] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    _places: dict[str, str] = field(default_factory=dict)
    _queries: dict[str, Query] = field(default_factory=dict)
    _known_lists: ListFiles | None = None

    def take(self, document: Document, *, whole: bool) -> None:
        section, problems = validate(document, DeskSection)
        query, found = self._query(document, section)
        if section is not None:
            problems = [*self._repeated_id(document, section), *self._unknown(document, section)]
            self.problems += [*_night_warnings(document, section), *_clipped(document, section)]
            self.problems += _unknown_template(document, section, self.known.templates)
        problems += found
        if section is not None and whole and all(problem.warning for problem in problems):
            self.desks.append(section.desk(self.folder))
            if query is not None:
                self._queries[section.id] = query
        self.problems += problems

    def matched(self) -> tuple[Desk, ...]:
        """The good desks, with their queries made into one matcher."""
        if not self._queries:
            return tuple(self.desks)
        queries = Queries(self._queries, self._lists().lists)
        texts = {name: query.text for name, query in self._queries.items()}
        return tuple(
            replace(desk, match=Match(texts[desk.id], queries)) if desk.id in texts else desk for desk in self.desks
        )

    def _query(self, document: Document, section: DeskSection | None) -> tuple[Query | None, list[Problem]]:
        """The query of `match`; that of a file whose shape is wrong is checked too, so that one look shows all."""
        text = section.match if section is not None else _raw(document, "match")
        if not isinstance(text, str) or not text:
            return None, []
        languages = section.languages if section is not None else ()
        return read_bare_query(document, ("match",), text, self._lists(), languages)

    def _lists(self) -> ListFiles:
        if self._known_lists is None:
            self._known_lists = self.known.lists or list_files(self.folder / "lists")
        return self._known_lists

    def _repeated_id(self, document: Document, section: DeskSection) -> Iterator[Problem]:
        line, column = document.position(("id",))
        here = f"{document.file}:{line}:{column}"
        first = self._places.setdefault(section.id, here)
        if first != here:
            message = f"a second desk has the id `{section.id}`"
            yield document.problem(("id",), message, hint=f"the first is in {first}", code="duplicate-id")

    def _unknown(self, document: Document, section: DeskSection) -> Iterator[Problem]:
        """Names of topics, sources and rules that are not there, and mail routes without a mail server."""
        known = self.known
        for key, what, names in (
            ("topics", "topic", known.topics),
            ("sources", "source", known.sources),
            ("rules", "rule", known.rules),
        ):
            for index, name in enumerate(getattr(section, key)):
                if names is not None and name not in names:
                    close = nearest(name, names)
                    yield document.problem(
                        (key, index),
                        f"there is no {what} `{name}`",
                        hint=f"did you mean `{close}`?" if close else "",
                        code=f"unknown-{what}",
                    )
        places: list[tuple[tuple[str | int, ...], RouteSection]] = [
            (("routes", index), route) for index, route in enumerate(section.routes)
        ]
        if section.alerts is not None:
            places += [(("alerts", "routes", index), route) for index, route in enumerate(section.alerts.routes)]
        for place, route in places:
            if route.mail is not None and not known.mail_server:
                hint = "add `smtp:` under `alerts:` in settings.yaml"
                loc = (*place, "mail")
                yield document.problem(loc, "no mail server is configured", key=True, hint=hint, code="no-mail-server")
            if route.chat is not None and not can_chat():
                hint = "pip install 'ceasewire[chat]'"
                loc = (*place, "chat")
                yield document.problem(loc, "chats need the library Apprise", key=True, hint=hint, code="no-chat")


def _night_warnings(document: Document, section: DeskSection) -> Iterator[Problem]:
    hours = night_hours(section.schedule, section.zone)
    if hours:
        times = ", ".join(f"{hour:02}:00" for hour in hours)
        message = f"slots in the hour of {times} can be skipped or repeated when {section.zone} changes its clocks"
        hint = "such a slot then comes once, up to an hour late; from 04:00 on all is plain"
        yield document.problem(("schedule",), message, hint=hint, code="night-slot", warning=True)


def _clipped(document: Document, section: DeskSection) -> Iterator[Problem]:
    if section.budget is not None and section.budget > CLIPPED and any(route.mail for route in section.routes):
        message = f"mail clients clip what is above {CLIPPED:,} bytes"
        hint = "such a digest is whole in a folder or on a site"
        yield document.problem(("budget",), message, hint=hint, code="clipped", warning=True)


def _unknown_template(document: Document, section: DeskSection, known: Collection[str] | None) -> Iterator[Problem]:
    """The desk stays: it gets the built-in look."""
    if not section.template or known is None or section.template in known:
        return
    close = nearest(section.template, known)
    hint = f"did you mean `{close}`?" if close else "make it with `ceasewire config templates --write FOLDER`"
    message = f"there is no template `{section.template}`"
    expected = f"a folder of templates/: {', '.join(sorted(known)) or 'there is none yet'}"
    yield document.problem(("template",), message, expected=expected, hint=hint, code=UNKNOWN_TEMPLATE)


def _raw(document: Document, key: str) -> object:
    data = document.data
    return data.get(key) if isinstance(data, dict) else None
