"""Stories as lines for a person. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from alerts.ledger.decisions import Decision
from alerts.ledger.stories import StoryArticle
from alerts.ledger.storybook import PlacedRow, Telling
from alerts.origins.names import Names
from alerts.origins.reach import Reach, Share, outlets_words
from alerts.storybook.reading import Comparison, StoryLine, StoryView

TITLE = 90


def list_line(line: StoryLine) -> str:
    """One story in a list."""
    topics = " + ".join(line.topics) or "no flag"
    loud = f"{line.severity} {topics}" if line.severity else topics
    return f"{line.story:>6}  {_when(line.when)}  {outlets_words(line.reach):<26}  {loud:<26}  {_cut(line.title)}"


def story_lines(view: StoryView, names: Names) -> Iterator[str]:
    """A story with everything that is known of it."""
    title = view.articles[0].title if view.articles else "no article left"
    yield f"story {view.row.id}, revision {view.row.revision}: {_cut(title)}"
    if view.merged:
        yield f"  with what was story {', '.join(map(str, view.merged))}"
    yield f"  {outlets_words(view.reach)}"
    yield from _reach_lines(view.reach, names)
    for words in view.notices:
        yield f"  {words}"
    yield "articles"
    for article in view.articles:
        yield from _article_lines(article, view.placed[article.id], names)
    if view.flags:
        yield "flags"
        yield from sorted(
            {f"  {flag.severity} {flag.topic} ({flag.rule}), article {flag.article}" for flag in view.flags}
        )
    yield "told" if view.told else "told to nobody"
    for one in view.told:
        yield f"  {_telling(one)}"
    if view.decisions:
        yield "by hand"
    for decision in view.decisions:
        yield f"  {_decision(decision)}"


def _reach_lines(reach: Reach, names: Names) -> Iterator[str]:
    for share in reach.origins:
        kind = f"party to the conflict: {share.party}" if share.party else "independent"
        yield f"    {kind}: {_share(share, names)}"
    for source in reach.unknown:
        yield f"    not known: {names.shown(f'source:{source}')}"


def _share(share: Share, names: Names) -> str:
    name = names.shown(share.key)
    if not share.carriers:
        return name
    where = ", ".join(names.shown(f"source:{source}") for source in share.carriers)
    return f"{name}, in {where}"


def _article_lines(article: StoryArticle, placed: PlacedRow, names: Names) -> Iterator[str]:
    key = f"source:{article.source}"
    party = f" (party to the conflict: {names.party(key)})" if names.party(key) else ""
    published = _when(article.published) if article.published else f"undated, seen {_when(article.seen_at)}"
    yield f"  a{article.id}  {placed.relation}  {names.shown(key)}{party}, {published}: {_cut(article.title)}"
    yield f"    {article.url}"
    yield f"    here: {placed.reason}{', by hand' if placed.pinned else ''}"
    if placed.origin is None:
        yield "    origin: not assessed yet"
    elif placed.origin.startswith("unknown:"):
        yield f"    origin: not known, {placed.origin_reason}"
    else:
        yield f"    origin: {names.shown(placed.origin)}, {placed.origin_reason}"


def _telling(one: Telling) -> str:
    where = f"desk {one.desk} #{one.number}" if one.number else f"desk {one.desk}, in its next digest"
    return f"{where}: {one.kind}" + (f", {one.change}" if one.change else "")


def _decision(one: Decision) -> str:
    what = f"{one.other} merged into {one.story}" if one.kind == "merge" else f"{one.other} split off {one.story}"
    note = f": {one.note}" if one.note else ""
    undone = f" (undone {_when(one.undone_at)} by {one.undone_by})" if one.undone_at else ""
    return f"decision {one.id}, {_when(one.at)} by {one.by}: {what}{note}{undone}"


def why_lines(found: Comparison) -> Iterator[str]:
    """Why two articles are one story or two."""
    one, other = found.articles
    if found.stories[0] == found.stories[1]:
        yield f"together: articles {one} and {other} are in story {found.stories[0]}"
    else:
        yield f"apart: article {one} is in story {found.stories[0]}, article {other} in story {found.stories[1]}"
    if found.apart:
        yield "  a person split these stories; grouping leaves them apart"
    yield f"  {one} was put there because: {found.placed[0]}"
    yield f"  {other} was put there because: {found.placed[1]}"
    level = {"copy": "the same text", "related": "the same event in other words"}.get(found.level, "nothing joins them")
    yield f"compared now: {level}, score {found.score:.2f}"
    for reason in found.reasons:
        yield f"  for: {reason}"
    for reason in found.against:
        yield f"  against: {reason}"


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _cut(title: str) -> str:
    line = " ".join(title.split()) or "untitled"
    return line if len(line) <= TITLE else line[: TITLE - 1].rstrip() + "…"
