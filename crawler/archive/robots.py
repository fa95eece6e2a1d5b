"""What sites' robots.txt files said, kept from one run to the next."""

from __future__ import annotations

from dataclasses import asdict

import sqlalchemy as sa

from crawler.archive.engine import upsert
from crawler.archive.schema import robots
from crawler.polling.robots import Robots


def kept_robots(connection: sa.Connection, origin: str) -> Robots | None:
    """What is known of the robots.txt of ``scheme://host[:port]``."""
    row = connection.execute(sa.select(robots).where(robots.c.origin == origin)).first()
    return None if row is None else Robots(row.asked_at, row.fetched_at, row.failing_since, row.body)


def keep_robots(connection: sa.Connection, origin: str, kept: Robots) -> None:
    """Keep it, in a write transaction."""
    values = asdict(kept)
    upsert(connection, robots, [{"origin": origin, **values}], list(values))
