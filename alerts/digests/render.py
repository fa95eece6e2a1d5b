"""A frozen snapshot -> subject, HTML and text. Pure and deterministic: the same snapshot gives the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from alerts.digests import wording

BUDGET = 90_000
"""Bytes of HTML: mail clients clip longer messages at about 102 kB."""
FULL_AT_LEAST = 30
"""So many entries keep their evidence before one-liners are dropped for want of room."""
LINES_AT_LEAST = 5
"""So many headlines of each section are kept before the rest of a louder section is listed."""
_SUBJECT_HEADLINE = 70
Snapshot = Mapping[str, Any]
# What stories of format 1 lack: they were frozen before origins were counted.
_BEFORE_ORIGINS: Mapping[str, Any] = {
    "notes": (),
    "independent": None,
    "origins": (),
    "more_origins": 0,
    "parties": (),
    "text_of": "",
    "others": (),
    "more_others": 0,
}
Part = Callable[[Mapping[str, Any]], str]


@dataclass(frozen=True, slots=True)
class Rendered:
    """One digest, ready to be put into a message: `subject` is one line, `text` ends with a newline."""

    subject: str
    html: str
    text: str


@dataclass(frozen=True, slots=True)
class Section:
    """Stories under one heading: `full` with their evidence, `lines` as headlines, `more` not shown at all."""

    key: str
    title: str
    total: int
    full: tuple[Mapping[str, Any], ...]
    lines: tuple[Mapping[str, Any], ...]
    more: int


@dataclass(frozen=True, slots=True)
class ReaderLinks:
    """Links of one reader back to us; empty ones are left out.

    Attributes:
        feedback: what stands before ``/ARTICLE`` in the link that judges an article.
        unsubscribe: the link that takes the reader off.
    """

    feedback: str = ""
    unsubscribe: str = ""


NO_LINKS = ReaderLinks()


def render(snapshot: Snapshot, links: ReaderLinks = NO_LINKS) -> Rendered:
    """Render a digest within its byte budget.

    Args:
        snapshot: what `compose` made: JSON values only.
        links: of the reader.

    Returns:
        Subject, HTML of at most the snapshot's `budget` bytes (as long as the head and foot alone fit), and text.
    """
    stories = loudest_first(snapshot["stories"])
    values = {**snapshot, "links": links}
    return Rendered(
        subject=subject(snapshot), html=_fitting(_html, values, stories), text=_fitting(_text, values, stories)
    )


def subject(snapshot: Snapshot) -> str:
    """``[desk] 4 critical, 21 high: worst headline; second (#214)``; an outage of the collector comes first."""
    parts = []
    outage = snapshot["coverage"]["outage"]
    if outage:
        parts.append(f"Collector down since {outage['since']}")
    stories = loudest_first(snapshot["stories"])
    if stories:
        headlines = "; ".join(wording.shorten(story["title"], _SUBJECT_HEADLINE) for story in stories[:2])
        parts.append(f"{_loudest(snapshot['counts'])}: {headlines}")
    else:
        coverage = snapshot["coverage"]
        parts.append(
            f"No new stories, {wording.count(coverage['read'], 'article')} read "
            f"from {coverage['sources_read']} of {wording.count(coverage['sources'], 'source')}"
        )
    mark = "preview" if snapshot["preview"] else f"#{snapshot['number']}"
    return wording.clean(f"[{wording.shorten(snapshot['title'], 40)}] {' · '.join(parts)} ({mark})")


def _loudest(counts: Mapping[str, int]) -> str:
    """The two loudest severities of events; without any, how many statements or background stories."""
    loud = [word for word in wording.SEVERITIES if counts.get(word)][:2]
    if loud:
        return wording.tally(counts, loud)
    if counts.get("statement"):
        return wording.count(counts["statement"], "statement")
    return wording.count(counts.get("context", 0), "background story", "background stories")


def loudest_first(stories: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """A snapshot's stories in the order in which they are told."""
    return sorted(stories, key=_loudness)


def _loudness(story: Mapping[str, Any]) -> tuple[int, int, int]:
    """Sort key: loudest first, events before statements, then as the snapshot has them."""
    return wording.CLASSES.index(story["class"]), wording.SEVERITIES.index(story["severity"]), story["rank"]


def _fitting(part: Part, snapshot: Snapshot, stories: Sequence[Mapping[str, Any]]) -> str:
    """One part of the message within the budget.

    As many stories as possible in full with a line for all the others; where even that is too much, the first
    `FULL_AT_LEAST` in full and as many lines as there is room for.
    """
    total, budget = len(stories), int(snapshot["budget"])

    stories = [{**_BEFORE_ORIGINS, **story} for story in stories]

    def made(full: int, shown: int) -> str:
        return part({**snapshot, "sections": _sections(stories, full, shown), "preheader": preheader(snapshot)})

    def fits(full: int, shown: int) -> bool:
        return len(made(full, shown).encode()) <= budget

    least = min(FULL_AT_LEAST, total)
    if fits(total, total):
        return made(total, total)
    if fits(least, total):
        return made(_most(least, total, lambda full: fits(full, total)), total)
    if fits(least, least):
        return made(least, _most(least, total, lambda shown: fits(least, shown)))
    few = _most(0, least, lambda shown: fits(shown, shown))
    return made(few, few)


def _most(fine: int, beyond: int, fits: Callable[[int], bool]) -> int:
    """The largest number from `fine` (which fits) up to below `beyond` (which does not) for which `fits` holds."""
    while beyond - fine > 1:
        middle = (fine + beyond) // 2
        if fits(middle):
            fine = middle
        else:
            beyond = middle
    return fine


def _sections(stories: Sequence[Mapping[str, Any]], full: int, shown: int) -> tuple[Section, ...]:
    """The stories under their headings, `full` of them in full and `shown` at all."""
    groups: dict[tuple[str, str], list[int]] = {}
    for at, story in enumerate(stories):
        groups.setdefault(_heading(story), []).append(at)
    in_full, in_all = _chosen(stories, groups.values(), full, shown)
    return tuple(
        Section(
            key=key,
            title=title,
            total=len(members),
            full=tuple(stories[at] for at in members if at in in_full),
            lines=tuple(stories[at] for at in members if at in in_all and at not in in_full),
            more=sum(at not in in_all for at in members),
        )
        for (key, title), members in groups.items()
    )


def _chosen(
    stories: Sequence[Mapping[str, Any]], groups: Iterable[Sequence[int]], full: int, shown: int
) -> tuple[frozenset[int], frozenset[int]]:
    """Which stories (by place) are shown in full, and which at all.

    Room is given by severity over all classes, so that a long tail of minor events never hides a critical statement;
    but a few headlines of every section come before the long tail of the loudest one.
    """
    loudest = sorted(range(len(stories)), key=lambda at: wording.SEVERITIES.index(stories[at]["severity"]))
    first = [at for members in groups for at in members[:LINES_AT_LEAST]]
    order = list(dict.fromkeys([*loudest[:full], *first, *loudest]))
    return frozenset(loudest[:full]), frozenset(order[:shown])


def _heading(story: Mapping[str, Any]) -> tuple[str, str]:
    """(key for colours, words): events stand under their severity, other classes under a heading of their own."""
    title = wording.CLASS_TITLES.get(story["class"])
    return (story["class"], title) if title else (story["severity"], story["severity"].capitalize())


def preheader(snapshot: Snapshot) -> str:
    """The line mail clients show beside the subject: what is new since the digest before, and the coverage."""
    coverage, told = snapshot["coverage"], snapshot["told"]
    news = wording.tally(told, ("new", "updated", "corrected")) or "nothing new"
    since = f" since #{snapshot['since_number']}" if snapshot["since_number"] else ""
    return (
        f"{news[0].upper()}{news[1:]}{since} · {wording.count(coverage['read'], 'article')} read "
        f"from {coverage['sources_read']} of {wording.count(coverage['sources'], 'source')}"
    )


def _html(values: Mapping[str, Any]) -> str:
    return render_page("digest.html.j2", values)


def _text(values: Mapping[str, Any]) -> str:
    return render_page("digest.txt.j2", values)


def render_page(template: str, values: Mapping[str, Any]) -> str:
    """Render one of the built-in templates.

    Args:
        template: its name. HTML loses its indentation, because every byte counts against the budget; text has no
            trailing spaces, never two blank lines in a row, and one newline at the end.
        values: JSON values.
    """
    text = _environment().get_template(template).render(values)
    if template.endswith(".html.j2"):
        lines = [line.strip() for line in text.split("\n")]
        return "\n".join(line for line in lines if line) + "\n"
    lines = [line.rstrip() for line in text.strip().split("\n")]
    return "\n".join(line for before, line in pairwise(["", *lines]) if line or before) + "\n"


@cache
def _environment() -> Environment:
    """Both templates' environment: autoescape for HTML, undefined names are errors, only the words a digest needs."""
    environment = Environment(
        loader=PackageLoader("alerts.digests"),
        autoescape=select_autoescape(enabled_extensions=("html.j2",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        link=wording.safe_link,
        is_right_to_left=wording.is_right_to_left,
        label=wording.label,
        number=wording.number,
        count=wording.count,
        listed=wording.listed,
    )
    return environment
