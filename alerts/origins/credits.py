"""Credit lines: what a text says of where it comes from. Pure.

Datelines ("KYIV (Reuters) -"), bylines ("Dana Whitlock and AFP"), and lines such as "Source: ..." or "With reporting
by ..." in seven languages. The patterns are data (credits.yaml); here is where they are looked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from alerts.origins.names import UNNAMED, Names, data, parts

KINDS = ("whole", "part", "cited", "quoted")
"""Strongest first."""
LEAD = 400
_TAIL = 600
_SHORT = 160
_PARAGRAPHS_WITH_DATELINE = 3
_NAME_LENGTH = 60
_WORDS_SHOWN = 120
_NAME = r"(?P<name>\S[^\n]{1,90})"
_SPACES = re.compile(r"[^\S\n]+")
_NAME_END = re.compile(r"\s*[.;!?()\[\]|\n«»“”،,]|\s[-–—]\s|:\s|$")
# "KYIV, March 3 (Reuters) -" and its like; "3 марта. /ТАСС/."; "AP -"; "القاهرة - رويترز:".
_DATELINES = tuple(
    re.compile(pattern)
    for pattern in (
        r"^[^()\n]{0,90}[(\[](?P<name>[^()\[\]\n]{2,40})[)\]]\s*[-–—.:،]",
        r"^[^/\n]{0,60}/\s?(?P<name>[^/\n]{2,30})\s?/",
        r"^(?P<name>[^\n–—:-]{2,30})\s+[-–—]\s",
        (
            r"^(?:[^\n.:]{2,40}[.,]?\s+[-–—]\s+|(?:[^\n.]{2,30}\.\s+){1,3})"
            r"(?P<name>[^\n.:–—(-]{2,30}(?:-[^\n.:–—( ]{2,20})?)\s*[.:–—(\n-]"
        ),
    )
)
_ENDINGS = re.compile(r"(?:[(\[](?P<inside>[^()\[\]\n]{2,60})[)\]]|\s[-–—]\s?(?P<after>[^\n–—-]{2,40}))\W*$")
# Reuters signs its reports in this way, and outlets that print them leave it in.
_SIGNED = re.compile(r"\breporting by [^\n]{3,160}?[;,.]?\s*\b(?:writing|editing) by\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Credit:
    """What an article says of its origin.

    Attributes:
        key: who is credited (see `names`); never the article's own source.
        kind: whole, part, cited or quoted (see credits.yaml).
        words: how it says so, on one line.
    """

    key: str
    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class _Pattern:
    kind: str
    where: str
    names: str
    before: bool
    expression: re.Pattern[str]


def find_credits(source: str, body: str, authors: Sequence[str], names: Names) -> tuple[Credit, ...]:
    """Every credit of a text to somebody else, the strongest first, one for each name.

    Args:
        source: id of the outlet that prints it.
        body: its text, paragraphs by newlines.
        authors: as the page or the feed names them.
        names: known ones.
    """
    body = _SPACES.sub(" ", body)
    found: dict[str, Credit] = {}
    for credit in (*_bylines(authors, names), *_datelines(body, names), *_lines(body, names), *_phrases(body, names)):
        if not names.is_own(credit.key, source):
            known = found.get(credit.key)
            if known is None or KINDS.index(credit.kind) < KINDS.index(known.kind):
                found[credit.key] = credit
    # "Agencies" beside a named one says nothing more.
    if len(found) > 1:
        found.pop(UNNAMED, None)
    return tuple(sorted(found.values(), key=lambda credit: KINDS.index(credit.kind)))


def _bylines(authors: Sequence[str], names: Names) -> Iterator[Credit]:
    """A byline of agencies alone makes the text theirs; beside a person or the outlet they are contributors."""
    named = [(part, names.whole(part)) for author in authors for part in parts(author)]
    alone = all(key for _, key in named)
    for part, key in named:
        if key:
            yield Credit(key, "whole" if alone else "part", _shown(f"byline {part}"))


def _datelines(body: str, names: Names) -> Iterator[Credit]:
    for paragraph in body.split("\n", _PARAGRAPHS_WITH_DATELINE)[:_PARAGRAPHS_WITH_DATELINE]:
        for expression in _DATELINES:
            found = expression.match(paragraph[:200])
            if found is None:
                continue
            keys = [key for part in parts(found["name"]) if (key := names.whole(part))]
            if keys:
                yield from (Credit(key, "whole", _shown(f"dateline {found[0]}")) for key in keys)
                return


def _lines(body: str, names: Names) -> Iterator[Credit]:
    """Short lines that are names, and names in brackets or after a dash at the end of the text."""
    paragraphs = [line.strip() for line in body.split("\n") if line.strip()]
    for line in paragraphs:
        if len(line) <= _NAME_LENGTH:
            yield from (Credit(key, "whole", _shown(line)) for key in _all_named(line, names))
    ending = _ENDINGS.search(paragraphs[-1][-100:]) if paragraphs else None
    if ending:
        yield from (
            Credit(key, "whole", _shown(ending[0])) for key in _all_named(ending["inside"] or ending["after"], names)
        )
    if _SIGNED.search(body[-_TAIL:]):
        signed = _SIGNED.search(body[-_TAIL:])
        key = names.whole("Reuters")
        if signed and key:
            yield Credit(key, "whole", _shown(signed[0]))


def _all_named(text: str, names: Names) -> list[str]:
    """The keys of a list of names; empty when anything else stands among them."""
    keys = [names.whole(part) for part in parts(text.strip(" ()[]–—-.\t"))]
    return keys if keys and all(keys) else []


def _phrases(body: str, names: Names) -> Iterator[Credit]:
    tail = body[-_TAIL:]
    short = [line for line in body[: -_TAIL or None].split("\n") if 2 < len(line) <= _SHORT]
    lines = [*short, *tail.split("\n")] if len(body) > _TAIL else body.split("\n")
    zones = {"line": lines, "lead": [body[:LEAD]], "text": [body]}
    for pattern in _patterns():
        for zone in zones[pattern.where]:
            for match in pattern.expression.finditer(zone):
                for key, words in _credited(pattern, zone, match, names):
                    yield Credit(key, pattern.kind, _shown(words.rstrip(" .,;:")))


def _credited(pattern: _Pattern, zone: str, match: re.Match[str], names: Names) -> Iterator[tuple[str, str]]:
    if pattern.before:
        before = zone[max(0, match.start() - _NAME_LENGTH) : match.start()].rstrip()
        key, start = names.ends(before)
        if key and _suits(pattern, key, names):
            yield key, f"{before[start:]} {match[0].strip()}"
        return
    after = match["name"]
    phrase = zone[match.start() : match.start("name")]
    key, end = names.begins(after)
    if key and _suits(pattern, key, names):
        yield key, phrase + after[:end]
        for part in list(parts(_cut(after[end:])))[:2]:
            more = names.whole(part)
            if more and _suits(pattern, more, names):
                yield more, phrase + after[:end] + after[end:].partition(part)[0] + part
    elif not key and pattern.names == "any" and (other := _somebody(after, names)):
        yield other, phrase + after[:_NAME_LENGTH]


def _cut(text: str) -> str:
    """The rest of a list of names: up to the end of the sentence."""
    return re.split(r"[.;\n()]", text[:_NAME_LENGTH], maxsplit=1)[0]


def _suits(pattern: _Pattern, key: str, names: Names) -> bool:
    return pattern.names != "agencies" or (names.is_agency(key) and key != UNNAMED)


def _somebody(text: str, names: Names) -> str:
    """The key of a site or of a name that is not known; empty when the words look like no name."""
    if site := names.site(text):
        return site
    end = _NAME_END.search(text)
    name = " ".join(text[: end.start() if end else _NAME_LENGTH].split())
    first = name[:1]
    letters = first.isalpha() and not first.islower()
    return f"name:{name}" if letters and len(name) <= _NAME_LENGTH and len(name.split()) <= 6 else ""


def _shown(words: str) -> str:
    line = " ".join(words.split())
    return line if len(line) <= _WORDS_SHOWN else line[: _WORDS_SHOWN - 1] + "…"


@cache
def _patterns() -> tuple[_Pattern, ...]:
    made = []
    for row in data("credits.yaml"):
        words: str = row["pattern"]
        before = words.startswith("{BEFORE}")
        source = words.removeprefix("{BEFORE}")
        if source.endswith("{NAME}"):
            # What stands there may hold the next phrase: "reports with reference to ...".
            source = source.replace("{NAME}", f"(?={_NAME})")
        source = source.replace("{NAME}", _NAME)
        start = "" if before or source.startswith(("^", r"\b", "(?:©")) else r"(?<!\w)"
        expression = re.compile(start + source, re.IGNORECASE)
        made.append(_Pattern(row["kind"], row["where"], row["names"], before, expression))
    return tuple(made)
