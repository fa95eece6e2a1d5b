"""What came of asking many channels, in few statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from crawler.archive.channels import PollRecord, is_plain, poll_values, record_poll
from crawler.archive.rows import ChannelRow
from crawler.archive.schema import channel

_KEY = "polled_channel"


def record_polls(connection: sa.Connection, polls: Iterable[tuple[ChannelRow, PollRecord]]) -> None:
    """Store what came of asking channels, as `record_poll` does for each: one statement for all that change alike.

    Args:
        connection: in a write transaction.
        polls: each channel as it was when it was asked, and what is to be stored.
    """
    alike: defaultdict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    # In one order everywhere, or two PostgreSQL workers that store the same channels can wait for each other for ever.
    for before, record in sorted(polls, key=lambda poll: poll[0].id):
        if not is_plain(before, record) or before.documents is not None:
            record_poll(connection, before, record)
            continue
        values = poll_values(before, record)
        alike[tuple(sorted(values))].append(values | {_KEY: before.id})
    for names, rows in alike.items():
        statement = sa.update(channel).where(channel.c.id == sa.bindparam(_KEY))
        connection.execute(statement.values({name: sa.bindparam(name) for name in names}), rows)
