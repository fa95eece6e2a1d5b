"""A frozen snapshot -> subject, HTML and text. Pure and deterministic: the same snapshot gives the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
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
Page = Callable[[str, Mapping[str, Any]], str]
"""Renders the page of a name, such as ``digest.html.j2``: the built-in one, or a desk's own."""


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
        page: the digest's page in a static site.
    """

    feedback: str = ""
    unsubscribe: str = ""
    page: str = ""


NO_LINKS = ReaderLinks()


def render(snapshot: Snapshot, links: ReaderLinks = NO_LINKS, page: Page | None = None) -> Rendered:
    """Render a digest within its byte budget.

    Args:
        snapshot: what `compose` made: JSON values only.
        links: of the reader.
        page: who renders a page; `render_page` if None.

    Returns:
        Subject, HTML of at most the snapshot's `budget` bytes (as long as the head and foot alone fit), and text.
    """
    stories = loudest_first(snapshot["stories"])
    values = {**snapshot, "links": links}
    page = page or render_page
    return Rendered(
        subject=subject(snapshot),
        html=_fitting(partial(page, "digest.html.j2"), values, stories),
        text=_fitting(partial(page, "digest.txt.j2"), values, stories),
    )


def subject(snapshot: Snapshot) -> str:
    """``[desk] 4 critical, 21 high: worst headline; second (#214)``; an outage of the collector comes first."""
    parts = []
    outage = snapshot["coverage"]["outage"]
    if outage:
        parts.append(f"Collector down since {outage['since']}")
    stories = loudest_first(snapshot["stories"])
    if stories:
        loudest = [wording.clean(story["title"], _SUBJECT_HEADLINE) for story in stories[:2]]
        headlines = "; ".join(map(wording.apart, loudest))
        parts.append(f"{_loudest(snapshot['counts'])}: {headlines}")
    else:
        coverage = snapshot["coverage"]
        parts.append(
            f"No new stories, {wording.count(coverage['read'], 'article')} read "
            f"from {coverage['sources_read']} of {wording.count(coverage['sources'], 'source')}"
        )
    mark = "preview" if snapshot["preview"] else f"#{snapshot['number']}"
    return f"[{wording.apart(wording.clean(snapshot['title'], 40))}] {' · '.join(parts)} ({mark})"


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


def _fitting(part: Callable[[Mapping[str, Any]], str], snapshot: Snapshot, stories: Sequence[Mapping[str, Any]]) -> str:
    """One part of the message within the budget.

    As many stories as possible in full with a line for all the others; where even that is too much, the first
    `FULL_AT_LEAST` in full and as many lines as there is room for.
    """
    total, budget = len(stories), int(snapshot["budget"])
    stories = [{**_BEFORE_ORIGINS, **story} for story in stories]
    values = {**snapshot, "preheader": preheader(snapshot)}
    made: dict[tuple[int, int], str] = {}

    @cache
    def room(full: int, shown: int) -> int:
        text = part({**values, "sections": _sections(stories, full, shown)})
        left = budget - len(text.encode())
        if left >= 0 or not shown:
            made[full, shown] = text
        return left

    least = min(FULL_AT_LEAST, total)
    # Many stories seldom fit in full; the smaller page, without which they cannot, is made in a fraction of the time.
    if (total <= 3 * least or room(least, total) >= 0) and room(total, total) >= 0:
        return made[total, total]
    if room(least, total) >= 0:
        return made[_most(least, total, lambda full: room(full, total)), total]
    if room(least, least) >= 0:
        return made[least, _most(least, total, lambda shown: room(least, shown))]
    few = _most(0, least, lambda shown: room(shown, shown)) if room(0, 0) >= 0 else 0
    return made[few, few]


def _most(fine: int, beyond: int, room: Callable[[int], int]) -> int:
    """The largest number from `fine` up to below `beyond` that leaves room; `fine` if none does.

    Each story takes about as much as the next, so the line through the two ends nearly tells where the room ends;
    every third guess halves what is left, in case it does not.
    """
    turn = 0
    while beyond - fine > 1:
        low, high, turn = room(fine), room(beyond), turn + 1
        share = 0.5 if not turn % 3 or low < 0 or low <= high else low / (low - high)
        guess = min(max(fine + int((beyond - fine) * share), fine + 1), beyond - 1)
        if room(guess) < 0:
            beyond = guess
        elif room(guess + 1) < 0:
            return guess
        else:
            fine = guess
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


def render_page(template: str, values: Mapping[str, Any]) -> str:
    """Render one of the built-in templates.

    Args:
        template: its name, such as ``digest.html.j2``.
        values: JSON values.

    Returns:
        As `tidied`.
    """
    return tidied(template, _environment().get_template(template).render(values))


def tidied(template: str, text: str) -> str:
    """A page as it is sent.

    HTML loses its indentation, because every byte counts against the budget; text has no trailing spaces, never two
    blank lines in a row, and one newline at the end.
    """
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
    environment.filters.update(built_in_filters())
    return environment


def built_in_filters() -> dict[str, Callable[..., Any]]:
    """What templates of digests may use besides Jinja's own filters."""
    return dict(  # noqa: C408  names as a template writes them
        link=wording.safe_link,
        is_right_to_left=wording.is_right_to_left,
        direction=wording.direction,
        apart=wording.apart,
        by_stage=wording.by_stage,
        totals=wording.totals,
        label=wording.label,
        number=wording.number,
        count=wording.count,
        listed=wording.listed,
    )
