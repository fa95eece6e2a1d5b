"""Writing into config/sources/: new sources behind those that are there, every comment kept, never an invalid file."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

from crawler.configfile import Document, files_in, parse_document, read_document
from crawler.configfile.nodes import Node
from crawler.configfile.writing import replace_file, scalar
from crawler.errors import ConfigError, Problem
from crawler.sources import ChannelKind, load_sources

OWN = "own.yaml"
"""Where a source goes that fits into none of the files that are there."""

_HEAD = "# Sources of our own.\n"
_SECOND_LEVELS = frozenset({"com", "co", "org", "net", "gov", "ac", "edu", "www"})


@dataclass(frozen=True, slots=True)
class DraftChannel:
    """A channel to be written, with a remark for the operator behind it."""

    kind: ChannelKind
    url: str
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """A source to be written; `sources.SourceSection` says what the fields mean."""

    id: str
    name: str
    channels: tuple[DraftChannel, ...]
    languages: tuple[str, ...]
    country: str = ""
    tier: int = 3
    party: str = ""
    homepage: str = ""
    tags: tuple[str, ...] = ()
    checked: date | None = None
    note: str = ""


def draft_yaml(draft: Draft) -> str:
    """A source as it stands in a file of config/sources/."""
    pairs = [
        ("id", scalar(draft.id)),
        ("name", scalar(draft.name)),
        ("country", scalar(draft.country)),
        ("languages", f"[{', '.join(map(scalar, draft.languages))}]"),
        ("tier", str(draft.tier)),
        ("party", scalar(draft.party) if draft.party else ""),
        ("homepage", scalar(draft.homepage) if draft.homepage else ""),
        ("tags", f"[{', '.join(map(scalar, draft.tags))}]" if draft.tags else ""),
    ]
    lines = [f"{key}: {value}" for key, value in pairs if value not in ("", '""')]
    lines.append("channels:")
    for channel in draft.channels:
        remark = f"  # {channel.remark}" if channel.remark else ""
        lines.append(f"  - {channel.kind}: {scalar(channel.url)}{remark}")
    lines.append(f"checked: {draft.checked or ''}".rstrip())
    if draft.note:
        lines.append(f"note: {scalar(draft.note)}")
    return "".join(f"{'  ' if number else '- '}{line}\n" for number, line in enumerate(lines))


def file_for(folder: Path, country: str) -> Path:
    """The file of a sources folder in which most sources of a country stand, else `OWN`."""
    counts: Counter[Path] = Counter()
    for path in files_in(folder):
        document, _ = read_document(path)
        data = document.data if document is not None else None
        for source in data if isinstance(data, list) else ():
            if country and isinstance(source, dict) and source.get("country") == country:
                counts[path] += 1
    return max(counts, key=lambda path: (counts[path], path.name == OWN)) if counts else folder / OWN


def add_drafts(folder: Path, path: Path, drafts: Sequence[Draft]) -> None:
    """Write sources behind those of a file, which is made if it is not there.

    Args:
        folder: config/sources.
        path: a file in it.
        drafts: new sources.

    Raises:
        ConfigError: the file is wrong already, or would become so (an id that is taken, a channel that stands
            elsewhere); nothing was written.
        OSError: it cannot be written; the old file is untouched.
    """
    before = _text_of(path)
    block = "\n".join(map(draft_yaml, drafts))
    _write(folder, path, _appended(path, before, block))


def note_checked(folder: Path, working: Iterable[str], day: date) -> list[str]:
    """Write a day into the key `checked` of sources, and change nothing else.

    Args:
        folder: config/sources.
        working: ids of the sources that were found working.
        day: when.

    Returns:
        The ids of those whose file is laid out so that it must be done by hand.

    Raises:
        ConfigError: a file would become wrong; nothing of it was written.
        OSError: a file cannot be written.
    """
    wanted = set(working)
    left = set(wanted)
    for path in files_in(folder):
        document, problems = read_document(path)
        if document is None or problems or document.root is None or document.root.kind != "sequence":
            continue
        text, done = _with_days(document, wanted, day)
        if done and text != document.text:
            _write(folder, path, _with_mark(path, text))
        left -= done
    return sorted(left)


def _text_of(path: Path) -> str:
    """The text of a file without its byte order mark; that of a new file if it is not there."""
    if not path.exists():
        return _HEAD
    document, problems = read_document(path)
    if document is None or problems:
        raise ConfigError(problems)
    return document.text


def _with_mark(path: Path, text: str) -> str:
    """The text with a byte order mark if the file that is there has one."""
    marked = path.exists() and path.read_bytes().startswith(b"\xef\xbb\xbf")
    return f"\ufeff{text}" if marked else text


def _appended(path: Path, before: str, block: str) -> str:
    document, _ = parse_document(before, str(path))
    root = document.root if document is not None else None
    indent = ""
    if root is not None and root.kind == "sequence":
        if before[root.start] == "[":
            hint = "name another file with --file, or write its list as lines that begin with `- `"
            raise ConfigError(
                [Problem(str(path), 1, 1, "nothing can be added to a list in brackets", hint=hint, code="flow-list")]
            )
        indent = " " * (document.position(())[1] - 1 if document is not None else 0)
    newline = "\r\n" if "\r\n" in before else "\n"
    lines = [f"{indent}{line}" if line else "" for line in block.split("\n")]
    gap = "" if not before.strip() else newline if before.endswith(("\n", "\r")) else newline * 2
    return _with_mark(path, before + gap + newline.join(lines))


def _write(folder: Path, path: Path, text: str) -> None:
    """Replace a file of the folder if all of the folder reads as well as before."""
    _, before = load_sources(folder)
    _, after = load_sources(folder, {path: text.removeprefix("\ufeff")})
    known = Counter(_plain(problem) for problem in before)
    new = [problem for problem in after if not problem.warning and _plain(problem) not in known]
    if new:
        raise ConfigError(new)
    replace_file(path, text)


def _plain(problem: Problem) -> tuple[str, str, str]:
    """What is wrong, wherever it has moved to."""
    return problem.file, problem.message, problem.source_line


def _with_days(document: Document, wanted: set[str], day: date) -> tuple[str, set[str]]:
    """The document's text with the day in it, and the ids for which that was possible."""
    assert document.root is not None
    edits: list[tuple[int, int, str]] = []
    done = set()
    for source in document.root.items:
        found = source.child("id")
        if found is None or found[1].plain() not in wanted:
            continue
        edit = _day_edit(document.text, source, day)
        if edit is not None:
            edits.append(edit)
            done.add(str(found[1].plain()))
    text = document.text
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text, done


def _day_edit(text: str, source: Node, day: date) -> tuple[int, int, str] | None:
    """What to put where; None for a source in braces that has no such key yet."""
    found = source.child("checked")
    if found is not None:
        key, value = found
        if value.value or value.style:
            return value.start, value.end, str(day)
        assert key is not None
        colon = text.index(":", key.end)
        return colon + 1, colon + 1, f" {day}"
    if text[source.start] == "{":
        return None
    # Above the channels, where the shipped files have it too; never before the first key, which tells one the source.
    key = next((key for key, _ in source.pairs[1:] if key.value == "channels"), source.pairs[-1][0])
    line = text.rfind("\n", 0, key.start) + 1
    column = key.start - line
    newline = "\r\n" if "\r\n" in text else "\n"
    return key.start, key.start, f"checked: {day}{newline}{' ' * column}"


def free_id(known: Container[str], wanted: str) -> str:
    """An id like the wanted one that is not known: itself, else with the first free number behind it."""
    if wanted not in known:
        return wanted
    return next(name for number in range(2, 100_000) if (name := f"{wanted[:58]}-{number}") not in known)


def id_of(name: str, homepage: str) -> str:
    """An id for a source: its name in lower-case letters without accents, else its host's own part. Pure."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain.replace("'", ""))
    words = words[1:] if words[:1] == ["the"] and len(words) > 1 else words
    # A name in other letters would leave scraps.
    telling = sum(map(len, words)) >= max(2, sum(letter.isalnum() for letter in name) / 2)
    if not telling:
        labels = (urlsplit(homepage).hostname or "").split(".")
        words = [label for label in labels[:-1] if label not in _SECOND_LEVELS and not label.isdigit()] or ["source"]
    return re.sub(r"[^a-z0-9]+", "-", "-".join(words))[:64].strip("-") or "source"


def tag_of(text: str) -> str:
    """A tag made of a folder's name; empty when nothing of it can stand in one. Pure."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall(r"[a-z0-9]+", plain))[:64].strip("-")
