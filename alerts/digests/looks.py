"""Digests and alerts in the look of their desk: its template if that works, else the built-in one, and the reason.

A template is looks only. Whatever it does wrong, the reader gets the digest, and the operator is told.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from alerts.digests.faults import fault_of, names_in
from alerts.digests.render import BUDGET, NO_LINKS, Page, ReaderLinks, Rendered, render
from alerts.digests.sandbox import OverrunError, Sandbox
from alerts.templates import UNKNOWN_TEMPLATE, Template
from crawler.errors import ConfigError, Problem

if TYPE_CHECKING:
    from alerts.configuration import Configuration
    from alerts.desks import Desk

log = logging.getLogger(__name__)
_PAGES = ("digest.html.j2", "digest.txt.j2", "alert.html.j2", "alert.txt.j2")


class Make(Protocol):
    """`render` of digests, or `render_alert`."""

    def __call__(self, snapshot: Mapping[str, Any], links: ReaderLinks, page: Page | None, /) -> Rendered:
        """Subject, HTML and text; `page` renders the pages."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as its readers see it.

    Attributes:
        parts: one for each reader's links that were asked for.
        fault: why the desk's template is not used; None when it is, or when the desk has none.
    """

    parts: tuple[Rendered, ...]
    fault: Problem | None = None


class Looks:
    """The templates of a configuration, ready to render. One object serves one run; each template is read once."""

    def __init__(self, templates: Mapping[str, Template]) -> None:
        self._templates = templates
        self._sandboxes: dict[str, Sandbox] = {}
        self._given_up: dict[str, Problem] = {}

    def show(
        self, desk: Desk, snapshot: Mapping[str, Any], make: Make, links: Sequence[ReaderLinks] = (NO_LINKS,)
    ) -> Shown:
        """Render a digest or an alert.

        Args:
            desk: whose it is.
            snapshot: JSON values.
            make: `render` or `render_alert`.
            links: of each reader; all of them get the same look.
        """
        if not desk.template:
            return Shown(tuple(make(snapshot, each, None) for each in links))
        parts, fault = self._try(desk.template, snapshot, make, links)
        if fault is None:
            return Shown(tuple(parts))
        snapshot = with_note(snapshot, desk.template)
        return Shown(tuple(make(snapshot, each, None) for each in links), fault)

    def _try(
        self, name: str, snapshot: Mapping[str, Any], make: Make, links: Sequence[ReaderLinks]
    ) -> tuple[list[Rendered], Problem | None]:
        if name in self._given_up:
            return [], self._given_up[name]
        template = self._templates.get(name)
        if template is None or not template.files:
            return [], _missing(template, name)
        sandbox = self._sandboxes.setdefault(name, Sandbox(template))
        parts, fault = attempt(sandbox, snapshot, make, links)
        if fault is not None and fault.code == OVERRUN:
            self._given_up[name] = fault  # each of them costs seconds: the other digests of this run must not wait
        return parts, fault


OVERRUN, TOO_LARGE = "overrun", "too-large"


def attempt(
    sandbox: Sandbox, snapshot: Mapping[str, Any], make: Make, links: Sequence[ReaderLinks] = (NO_LINKS,)
) -> tuple[list[Rendered], Problem | None]:
    """Render with a desk's template and no other; the problem says why that failed."""
    trace = _Trace(sandbox)
    sandbox.begin()
    try:
        parts = [make(snapshot, each, trace.page) for each in links]
    except OverrunError as error:
        fault = fault_of(error, sandbox, trace.last)
        return [], Problem(fault.file, fault.line, fault.column, fault.message, code=OVERRUN,
                           source_line=fault.source_line)  # fmt: skip
    except Exception as error:  # noqa: BLE001  a template is a program of its own: whatever it raises is its fault
        return [], fault_of(error, sandbox, trace.last, {*names_in(dict(snapshot)), *trace.names})
    for part in parts:
        fault_or_none = _over_budget(sandbox.template, snapshot, part)
        if fault_or_none is not None:
            return [], fault_or_none
    return parts, None


class _Trace:
    """Remembers what was rendered last, for errors that do not say where they stand."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.last = _PAGES[0]
        self.names: set[str] = set()

    def page(self, name: str, values: Mapping[str, Any]) -> str:
        self.last, self.names = name, set(values)
        return self._sandbox.page(name, values)


def _missing(template: Template | None, name: str) -> Problem:
    if template is not None and template.problems:
        return template.problems[0]
    folder = str(template.folder) if template is not None else name
    return Problem(folder, 0, 0, f"the template `{name}` has no files", code=UNKNOWN_TEMPLATE)


def _over_budget(template: Template, snapshot: Mapping[str, Any], part: Rendered) -> Problem | None:
    budget = int(snapshot.get("budget") or BUDGET)
    kind = "digest" if "coverage" in snapshot else "alert"
    for page, text in ((f"{kind}.html.j2", part.html), (f"{kind}.txt.j2", part.text)):
        size = len(text.encode())
        if size > budget:
            message = f"the page has {size:,} bytes however few stories it shows"
            hint = "show the stories of `sections`: they are chosen so that the page fits"
            file = template.path(page) if page in template.files else str(template.folder)
            return Problem(file, 0, 0, message, f"at most {budget:,}", hint, TOO_LARGE)
    return None


def with_note(snapshot: Mapping[str, Any], template: str) -> Mapping[str, Any]:
    """A digest that says in its foot that its desk's template was not used; alerts have no room for that."""
    if "coverage" not in snapshot:
        return snapshot
    coverage = snapshot["coverage"]
    note = {"name": "Layout", "text": f"the desk's template {template} failed, so this is the built-in one."}
    return {**snapshot, "coverage": {**coverage, "rows": [*coverage["rows"], note]}}


def show_stored(configuration: Configuration, desk_id: str, snapshot: Mapping[str, Any]) -> Rendered:
    """A frozen digest in the present look of its desk; in the built-in one if that desk is not configured any more."""
    desk = next((desk for desk in configuration.desks if desk.id == desk_id), None)
    return render(snapshot) if desk is None else show_digest(configuration, desk, snapshot)


def show_digest(configuration: Configuration, desk: Desk, snapshot: Mapping[str, Any]) -> Rendered:
    """One digest in the look of its desk; if its template fails, that is logged and the look is the built-in one."""
    shown = Looks(configuration.templates).show(desk, snapshot, render)
    if shown.fault is not None:
        log_fault(desk, f"digest {desk.id} #{snapshot['number']}", shown.fault)
    return shown.parts[0]


def show_strictly(template: Template, snapshot: Mapping[str, Any]) -> Rendered:
    """One digest in the look of a template, for whoever wants to see it or what is wrong with it.

    Raises:
        ConfigError: the template fails.
    """
    if not template.files:
        raise ConfigError([_missing(template, template.name)])
    parts, fault = attempt(Sandbox(template), snapshot, render)
    if fault is not None:
        raise ConfigError([fault])
    return parts[0]


def log_fault(desk: Desk, name: str, fault: Problem) -> None:
    """Tell the operator: file, line and reason."""
    log.error("%s: the template %s failed, so the built-in one is used: %s", name, desk.template, brief(fault))


def brief(fault: Problem) -> str:
    """``file:line:column: message`` on one line."""
    place = f"{fault.file}:{fault.line}:{fault.column}" if fault.line else fault.file
    return f"{place}: {fault.message}" + (f" ({fault.hint})" if fault.hint else "")
