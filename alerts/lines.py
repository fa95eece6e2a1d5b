"""Articles as JSON Lines: one object a line, checked, with the column of what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from crawler.errors import CeasewireError

KEYS = ("id", "url", "title", "text", "lang", "published", "source")


class LineError(CeasewireError):
    """A line of a JSON Lines file is no article."""


@dataclass(frozen=True, slots=True)
class ImportedArticle:
    """One line of a file of articles. `id` is as written; `url` is empty when the line has none."""

    id: str
    url: str
    title: str
    text: str
    language: str
    published: datetime | None
    source: str


def parse_line(line: str, number: int, *, strict: bool) -> ImportedArticle:
    """Read one JSON line.

    Args:
        line: the JSON text.
        number: its 1-based number, the id of a line that has none.
        strict: refuse unknown keys and lines without url or id; otherwise further keys are passed over.

    Raises:
        LineError: with the column and what was expected.
    """
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise LineError(f"{error.colno}: not JSON: {error.msg}") from error
    if not isinstance(row, dict):
        raise LineError('1: expected an object such as {"id": .., "title": .., "text": ..}')
    if strict:
        _refuse_unknown(row)
    name = row.get("id", row.get("url", number if not strict else None))
    if name is None or name == "":
        raise LineError("1: neither `url` nor `id`: give one, so that the article can be told from others")
    if not row.get("title") and not row.get("text"):
        raise LineError("1: neither `title` nor `text`: there is nothing to read")
    return ImportedArticle(
        id=str(name),
        url=_text(row, "url"),
        title=_text(row, "title"),
        text=_text(row, "text"),
        language=_text(row, "lang").lower(),
        published=_moment(row, strict=strict),
        source=_text(row, "source"),
    )


def _refuse_unknown(row: dict[str, Any]) -> None:
    for key in row:
        if key not in KEYS:
            from crawler.configfile import nearest  # brings pydantic along, which reading articles does not need

            guess = nearest(key, KEYS)
            hint = f"did you mean `{guess}`?" if guess else f"known are {', '.join(KEYS)}"
            raise LineError(f"1: unknown key `{key}`: {hint}")


def _text(row: dict[str, Any], key: str) -> str:
    value = row.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise LineError(f"1: `{key}` is {type(value).__name__}, expected a string")
    return value


def _moment(row: dict[str, Any], *, strict: bool) -> datetime | None:
    """`published` as aware UTC. Reading in bulk takes ranges for unknown; importing refuses them."""
    written = row.get("published")
    if not written:
        return None
    try:
        moment = datetime.fromisoformat(str(written))
    except ValueError as error:
        if not strict:
            return _mail_date(str(written))
        raise LineError(f"1: `published` is {written!r}, expected ISO 8601 such as 2026-03-01T07:00:00Z") from error
    if moment.tzinfo is None:
        if strict:
            raise LineError(f"1: `published` is {written!r}: add its zone, such as Z or +02:00")
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)


def _mail_date(written: str) -> datetime | None:
    """A date as feeds write it, ``Tue, 05 Jul 2022 18:48:28 GMT``; None for anything else."""
    try:
        moment = parsedate_to_datetime(written)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def read_articles(stream: Iterable[str], name: str) -> tuple[list[ImportedArticle], list[str]]:
    """Read every line, strictly.

    Returns:
        The articles, and a message ``name:line:column: what is wrong`` for every wrong line.
    """
    found, problems = [], []
    for number, line in enumerate(stream, 1):
        if not line.strip():
            continue
        try:
            found.append(parse_line(line, number, strict=True))
        except LineError as error:
            problems.append(f"{name}:{number}:{error}")
    return found, problems
