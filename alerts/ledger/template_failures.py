"""Which desks' templates do not work: one row a desk and kind of message, until its template works again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from alerts.ledger.schema import template_failure
from crawler.archive.engine import upsert
from crawler.archive.texts import storable


@dataclass(frozen=True, slots=True)
class TemplateFailure:
    """The latest message of a desk that had to be shown in the built-in layout.

    Attributes:
        kind: digest or alert.
        message: which one, such as ``digest sudan #12``.
        fault: file, line and reason, on one line.
        since: when the first one of those in a row was made; aware UTC, as `at`.
    """

    desk: str
    kind: str
    template: str
    message: str
    fault: str
    since: datetime
    at: datetime


def note_failure(connection: sa.Connection, failure: TemplateFailure) -> None:
    """Record a failure; `since` counts only for the first of several in a row."""
    row = {
        "desk": failure.desk,
        "kind": failure.kind,
        "template": failure.template,
        "message": failure.message,
        "fault": storable(failure.fault),
        "since": failure.since,
        "at": failure.at,
    }
    upsert(connection, template_failure, [row], update=["template", "message", "fault", "at"])


def note_success(connection: sa.Connection, desk: str, kind: str) -> None:
    """The desk's template works, or it has none any more."""
    connection.execute(
        sa.delete(template_failure).where(template_failure.c.desk == desk, template_failure.c.kind == kind)
    )


def template_failures(connection: sa.Connection) -> list[TemplateFailure]:
    """All of them, by desk."""
    rows = connection.execute(sa.select(template_failure).order_by(template_failure.c.desk, template_failure.c.kind))
    return [
        TemplateFailure(row.desk, row.kind, row.template, row.message, row.fault, row.since, row.at) for row in rows
    ]
