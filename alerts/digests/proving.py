"""Does a desk's template work? Its files are read, and rendered with invented digests and alerts of every kind."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from alerts.desks import Desk
from alerts.digests import samples
from alerts.digests.alert import render_alert
from alerts.digests.faults import fault_of, problem_at
from alerts.digests.looks import Make, attempt
from alerts.digests.reading import Outline, outline_of, unread_files
from alerts.digests.render import BUDGET, NO_LINKS, ReaderLinks, Rendered, render
from alerts.digests.sandbox import Sandbox
from alerts.templates import Template, read_template, template_names
from crawler.errors import Problem

LINKS = ReaderLinks(
    feedback="https://wire.example/f/token", unsubscribe="https://wire.example/u/token", page="https://wire.example/d"
)
_SAFE_SCHEMES = {"", "http", "https", "mailto"}
_MARKED = re.compile(r"data-([a-z]+)")
_UNESCAPED = re.compile(r"\|\s*safe\b|autoescape\s+false")
# Which words of a template bring a marked text out.
_WORDS = {"evidence": "segments", "row": "coverage", "correction": "corrections", "reason": "reason"}


def check_templates(folder: Path, desks: Sequence[Desk] = (), budget: int = BUDGET) -> list[Problem]:
    """Everything that is wrong with the templates of a configuration folder, those included that no desk names yet.

    Args:
        folder: the configuration folder.
        desks: whose titles, zones and budgets the samples carry.
        budget: of desks without one of their own, in bytes.
    """
    found = []
    for name in template_names(folder):
        users = [desk for desk in desks if desk.template == name] or [samples.DESK]
        least = min(desk.budget or budget for desk in users)
        found += prove(read_template(folder, name), users[0], least)
    return found


def prove(
    template: Template, desk: Desk = samples.DESK, budget: int = BUDGET, sizes: Sequence[int] = samples.SIZES
) -> list[Problem]:
    """Everything that is wrong with one template; what cannot be translated is not rendered.

    Args:
        template: with its files.
        desk: whose title and zone the samples carry.
        budget: bytes of HTML, and of text.
        sizes: stories of the digests that are rendered, besides the hostile ones.
    """
    sandbox = Sandbox(template)
    problems = [*template.problems, *_files(sandbox)]
    if all(problem.warning for problem in problems):
        problems += _pages(sandbox, _trials(desk, budget, sizes))
    return list(dict.fromkeys(problems))


def _files(sandbox: Sandbox) -> Iterator[Problem]:
    template = sandbox.template
    if not template.files and not template.problems:
        hint = "make files with `ceasewire config templates --write FOLDER`"
        yield Problem(str(template.folder), 0, 0, "this template has no files", hint=hint, code="empty", warning=True)
    outlines: dict[str, Outline] = {}
    for file in template.files:
        try:
            sandbox.compile(file)
            outlines[file] = outline_of(sandbox, file)
        except Exception as error:  # noqa: BLE001  a template can make the translator itself raise anything
            yield fault_of(error, sandbox, file)
    for outline in outlines.values():
        yield from outline.problems(sandbox)
    if len(outlines) == len(template.files):
        yield from unread_files(sandbox, outlines)


@dataclass(frozen=True, slots=True)
class _Trial:
    """One rendering: what is rendered, and what must be found in it."""

    snapshot: Mapping[str, Any]
    make: Make
    links: ReaderLinks = NO_LINKS
    said: Mapping[str, str] | None = None
    hostile: bool = False


def _trials(desk: Desk, budget: int, sizes: Sequence[int]) -> Iterator[_Trial]:
    """From the smallest, so that a plain mistake is told of at once."""
    first = samples.SAMPLES[0].title
    story = {first: "a story of the sample is not shown"}
    off = {LINKS.unsubscribe: "readers cannot take themselves off: `links.unsubscribe` is not shown"}
    for size in sizes:
        links = LINKS if size == 1 else NO_LINKS
        said = {**story, **off} if size == 1 else {}
        yield _Trial(samples.digest_of(size, desk, budget=budget), render, links, said)
    yield _Trial(samples.alert_of("new", 1, desk), render_alert, LINKS, {**story, **off})
    yield _Trial(samples.alert_of("update", 1, desk), render_alert)
    yield _Trial(samples.alert_of("storm", 60, desk), render_alert)
    loss = {
        samples.OUTAGE: "readers are not told that the collector was down: `coverage.outage` is not shown",
        samples.BROKEN: "readers are not told of broken rules: `coverage.skipped_rules` is not shown",
    }
    many = 2 * len(samples.HOSTILE)
    # A preview is no digest that can be late, so both are seen.
    hostile = samples.digest_of(many, desk, budget=budget, hostile=True)
    yield _Trial(hostile, render, LINKS, loss, hostile=True)
    yield _Trial({**samples.digest_of(1, desk, budget=budget), "preview": True}, render)
    yield _Trial(samples.alert_of("storm", many, desk, hostile=True), render_alert, LINKS, hostile=True)


def _pages(sandbox: Sandbox, trials: Iterable[_Trial]) -> Iterator[Problem]:
    for trial in trials:
        parts, fault = attempt(sandbox, trial.snapshot, trial.make, (trial.links,))
        if fault is not None:
            yield fault
            return  # what comes after would say the same again
        kind = "digest" if trial.make is render else "alert"
        yield from _missing(sandbox.template, kind, parts[0], trial.said or {})
        if trial.hostile:
            yield from _let_through(sandbox.template, kind, parts[0].html)


def _missing(template: Template, kind: str, part: Rendered, said: Mapping[str, str]) -> Iterator[Problem]:
    for ending, text in (("html", part.html), ("txt", part.text)):
        for words, message in said.items():
            if words not in text:
                page = f"{kind}.{ending}.j2"
                hint = "show it, or put {{ super() }} into the block that you have replaced"
                file = _file_of(template, page)
                yield problem_at(template, file, 0, f"{page}: {message}", hint=hint, code="not-shown", warning=True)


def _file_of(template: Template, page: str) -> str:
    """The file that shapes a page; the frame of all pages where it has none of its own."""
    frame = "page.html.j2"
    return page if page in template.files else frame if frame in template.files and ".html." in page else ""


def _let_through(template: Template, kind: str, html: str) -> Iterator[Problem]:
    """Texts of sources that came out as markup, and links that are no links."""
    seen = _Seen()
    seen.feed(html)
    seen.close()
    page = f"{kind}.html.j2"
    places: dict[tuple[str, int, str], list[str]] = {}
    for field in sorted(seen.fields):
        places.setdefault(_culprit(template, field, page), []).append(field)
    for (file, line, word), fields in places.items():
        message = f"what a source writes comes out as markup in {kind}s ({', '.join(fields)})"
        hint = "take `|safe` away" if "safe" in word else "write it as {{ value }}, in quotes inside of a tag"
        yield problem_at(template, file, line, message, word=word, hint=hint, code="not-escaped")
    if seen.links:
        file = _file_of(template, page)
        hint = "write {{ story.url|link }}, which is empty for such links, and no link where it is"
        message = f"a link to `{max(seen.links)}` in {kind}s"
        line = _line_of(template, file, "url")
        yield problem_at(template, file, line, message, word="url", hint=hint, code="unsafe-link")


def _culprit(template: Template, field: str, page: str) -> tuple[str, int, str]:
    """Where the escaping was switched off; best in a line that names the field."""
    found = [
        (file, number, match[0].lstrip("| "), line)
        for file, text in template.files.items()
        for number, line in enumerate(text.split("\n"), 1)
        for match in [_UNESCAPED.search(line)]
        if match is not None
    ]
    named = [one for one in found if _WORDS.get(field, field) in one[3] or field in one[3]]
    for file, number, word, _ in named or found:
        return file, number, word
    return _file_of(template, page), 0, ""


def _line_of(template: Template, file: str, word: str) -> int:
    """The first line with a bare link in it; 0 if there is none."""
    for number, line in enumerate(template.files.get(file, "").split("\n"), 1):
        if word in line and "|link" not in line.replace(" ", ""):
            return number
    return 0


class _Seen(HTMLParser):
    """What a mail client would see that nobody wrote into the template."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: set[str] = set()
        self.links: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Marks, handlers of events and links."""
        names = dict(attrs)
        fields = {found[1] for name in names if (found := _MARKED.match(name)) is not None}
        if tag == samples.MARK or fields:
            self.fields |= fields
        elif any(name.startswith("on") for name in names):
            self.fields.add("an attribute")
        for name in ("href", "src", "action"):
            if _is_unsafe(names.get(name) or ""):
                self.links.add(str(names[name])[:60])


def _is_unsafe(link: str) -> bool:
    try:
        scheme = urlsplit(link.strip()).scheme
    except ValueError:
        return True
    return scheme.lower() not in _SAFE_SCHEMES
