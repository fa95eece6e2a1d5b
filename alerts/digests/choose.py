"""What a digest shows of each story: which article, which flags, which words are marked, in which order. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from alerts.digests.wording import CLASSES, SEVERITIES, clean, clean_letters
from alerts.ledger.flags import Flag, Span
from alerts.ledger.stories import StoryArticle

EVIDENCE_LIMIT = 420
"""Longest shown sentence in code points; a longer one (a text without full stops) is cut around the first mark."""
EVIDENCE_BEFORE = 120
MOST_EVIDENCE = 2
"""One sentence per topic, at most this many: what fits a phone's screen."""
MOST_STAGES = 2
Segments = list[tuple[bool, str]]


@dataclass(frozen=True, slots=True)
class Mention:
    """A topic that a story reports, with its stages, the loudest first."""

    topic: str
    stages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """How a story is told.

    Attributes:
        lead: the article that stands for the story; its evidence is quoted and its headline linked.
        severity: the highest of the story's flags.
        class_: event if anything happened, else statement, else context.
        mentions: what it is about, the loudest first.
        quoted: flags whose sentences are shown, the one of the shown severity first.
        marked: flags whose words are in the lead's title.
    """

    lead: StoryArticle
    severity: str
    class_: str
    mentions: tuple[Mention, ...]
    quoted: tuple[Flag, ...]
    marked: tuple[Flag, ...]


def choose(articles: Sequence[StoryArticle], flags: Sequence[Flag]) -> Choice | None:
    """Decide how to tell a story.

    Args:
        articles: of the story, the one that founded it first.
        flags: live flags on them that the desk asked for.

    Returns:
        None when no flag is left: there is nothing to prove.
    """
    by_id = {article.id: article for article in articles}
    loud = sorted((flag for flag in flags if flag.article in by_id), key=_loudness)
    if not loud:
        return None
    places = {article.id: place for place, article in enumerate(articles)}

    def standing(flag: Flag) -> tuple[int, bool, bool, bool, int]:
        article = by_id[flag.article]
        copied = article.origin is not None and article.origin != f"source:{article.source}"
        return (
            _loudness(flag)[0],
            article.duplicate_of is not None,
            copied,
            _superseded(article, articles),
            places[flag.article],
        )

    lead = by_id[min(loud, key=standing).article]
    own_first = sorted(loud, key=lambda flag: (_loudness(flag)[0], flag.article != lead.id, *_loudness(flag)[1:]))
    return Choice(
        lead=lead,
        severity=loud[0].severity,
        class_=min((flag.class_ for flag in loud), key=CLASSES.index),
        mentions=_mentions(loud),
        quoted=_quoted(own_first),
        marked=tuple(flag for flag in loud if flag.article == lead.id and flag.field == "title"),
    )


def _superseded(article: StoryArticle, articles: Sequence[StoryArticle]) -> bool:
    """Whether its outlet has brought the same text again later: a corrected one should be told, not the first."""
    return any(
        other.source == article.source and other.copies == article.copies and when(other) > when(article)
        for other in articles
        if article.copies and other.id != article.id
    )


def _loudness(flag: Flag) -> tuple[int, int, bool, int, int]:
    """Sort key: severity, class, sentences of the text before headlines (which are shown anyway), early ones first."""
    return (
        SEVERITIES.index(flag.severity),
        CLASSES.index(flag.class_),
        flag.field == "title",
        flag.start,
        flag.id,
    )


def _mentions(loud: Sequence[Flag]) -> tuple[Mention, ...]:
    stages: dict[str, list[str]] = {}
    for flag in loud:
        found = stages.setdefault(flag.topic, [])
        if flag.stage and flag.stage not in found:
            found.append(flag.stage)
    return tuple(Mention(topic, tuple(found[:MOST_STAGES])) for topic, found in stages.items())


def _quoted(flags: Sequence[Flag]) -> tuple[Flag, ...]:
    """The best sentence of the text for each topic; titles are not quoted, they are marked where they stand."""
    chosen: list[Flag] = []
    for flag in flags:
        told = any(flag.topic == other.topic or flag.sentence == other.sentence for other in chosen)
        if flag.field != "title" and not told and len(chosen) < MOST_EVIDENCE:
            chosen.append(flag)
    return tuple(chosen)


def quote(flag: Flag, others: Sequence[Flag] = ()) -> Segments:
    """The flag's sentence in segments ``(is a matched word, text)``, cleaned and cut to a length that can be read.

    Args:
        flag: whose sentence.
        others: further flags of the same article; their words are marked too where the sentence is the same.
    """
    spans = list(flag.terms) or [(flag.start, flag.end)]
    for other in others:
        if other.article == flag.article and other.field != "title" and other.sentence_start == flag.sentence_start:
            spans.extend(other.terms)
    return _window(segments(flag.sentence, [(a - flag.sentence_start, b - flag.sentence_start) for a, b in spans]))


def headline(article: StoryArticle, marked: Sequence[Flag]) -> Segments:
    """The article's title in segments, matched words marked."""
    return segments(article.title, [span for flag in marked for span in flag.terms])


def segments(text: str, spans: Sequence[Span]) -> Segments:
    """Clean `text` and split it at the marks.

    Args:
        text: as stored.
        spans: offsets in `text`; they may overlap, be out of order or lie outside of it.

    Returns:
        ``(is a matched word, text)``; joined, the texts are `clean(text)`. Marks with only a space between are one.
    """
    marked = {at for start, end in spans for at in range(max(start, 0), min(end, len(text)))}
    letters = [(at in marked, letter) for at, letter in clean_letters(text)]
    for place in range(1, len(letters) - 1):
        if letters[place][1] == " ":
            letters[place] = (letters[place - 1][0] and letters[place + 1][0], " ")
    pieces: Segments = []
    for hit, letter in letters:
        if pieces and pieces[-1][0] == hit:
            pieces[-1] = (hit, pieces[-1][1] + letter)
        else:
            pieces.append((hit, letter))
    return pieces


def _window(pieces: Segments) -> Segments:
    """At most `EVIDENCE_LIMIT` letters: from a little before the first mark on, with an ellipsis where it was cut."""
    if sum(len(text) for _, text in pieces) <= EVIDENCE_LIMIT:
        return pieces
    kept: Segments = []
    if pieces and not pieces[0][0] and len(pieces) > 1:
        before = pieces[0][1]
        if len(before) > EVIDENCE_BEFORE:
            tail = before[-EVIDENCE_BEFORE:]
            before = "…" + (tail[tail.find(" ") + 1 :] if " " in tail.rstrip() else tail)
        kept.append((False, before))
        pieces = pieces[1:]
    room = EVIDENCE_LIMIT - sum(len(text) for _, text in kept)
    for hit, text in pieces:
        if len(text) >= room:
            cut = text[:room]
            space = cut.rfind(" ")
            kept.append((hit, (cut[:space] if space > 0 else cut) + "…"))
            break
        kept.append((hit, text))
        room -= len(text)
    return kept


def excerpt(body: str, limit: int = 240) -> str:
    """The beginning of a text, shown where only the headline was matched."""
    return clean(body[: limit * 4], limit)


def outlets(articles: Sequence[StoryArticle]) -> int:
    """How many sources carry a story."""
    return len({article.source for article in articles})


def when(article: StoryArticle) -> datetime:
    """When an article was published; when it was first seen if nobody said, or said a time still to come."""
    published = article.published
    return article.seen_at if published is None or published > article.seen_at else published
