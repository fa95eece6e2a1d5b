"""The archive's tables, on SQLite and PostgreSQL alike. Migrations are made from these definitions.

Datetimes are aware UTC in Python (`UTCDateTime`). JSON columns hold small lists or objects.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UTCDateTime(sa.types.TypeDecorator[datetime]):
    """Aware UTC in and out. SQLite stores naive UTC text that sorts by time, PostgreSQL timestamptz."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Refuse naive values: a time without a zone is a bug, not a default."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}: give aware UTC")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any | None, dialect: sa.Dialect) -> datetime | None:
        """Give aware UTC back."""
        del dialect
        if value is None:
            return None
        assert isinstance(value, datetime)
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# SQLite grows rowids only for INTEGER, PostgreSQL wants BIGINT.
BigKey = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# One way into a source. The configuration is the truth for which channels exist; this is what is known of each.
channel = sa.Table(
    "channel",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # source:kind:hash of the configured URL (sources.channel_id)
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),  # feed | sitemap | section
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False, server_default="new"),  # health, see polling.Health
    sa.Column("state_since", UTCDateTime, nullable=False),
    sa.Column("state_reason", sa.Text, nullable=False, server_default=""),
    sa.Column("next_poll", UTCDateTime, nullable=False),
    sa.Column("interval_seconds", sa.Integer, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),  # in a row
    sa.Column("etag", sa.Text),  # echoed byte for byte (latin-1 text), only to `validators_url`
    sa.Column("last_modified", sa.Text),
    sa.Column("validators_url", sa.Text),  # final URL that gave the validators
    sa.Column("body_hash", sa.Text),  # sha256 of the last parsed body
    sa.Column("documents", sa.JSON),  # of an index: its documents' URLs, each with validators and hash of its own
    sa.Column("first_polled", UTCDateTime),  # first successful fetch; null before
    sa.Column("last_polled", UTCDateTime),
    sa.Column("last_success", UTCDateTime),
    sa.Column("last_new", UTCDateTime),  # last time an entry was new
    sa.Column("arrival_rate", sa.Float, nullable=False, server_default="0"),  # new entries an hour, decayed
    sa.Index(None, "next_poll"),
    sa.Index(None, "source"),
)

# Every change of a channel's health with its evidence.
channel_event = sa.Table(
    "channel_event",
    metadata,
    sa.Column("id", BigKey, primary_key=True, autoincrement=True),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("at", UTCDateTime, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("evidence", sa.JSON, nullable=False),  # status, headers that matter, error, body hash
    sa.Index(None, "channel", "id"),
)

# One host is held for all of its channels after 429 or 503.
host_hold = sa.Table(
    "host_hold",
    metadata,
    sa.Column("host", sa.Text, primary_key=True),  # host:port
    sa.Column("until", UTCDateTime, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
)

article = sa.Table(
    "article",
    metadata,
    sa.Column("id", BigKey, primary_key=True, autoincrement=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),  # canonical URL key (urls.url_key)
    sa.Column("url", sa.Text, nullable=False),  # as first given
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),  # that first brought it; "import" for imported ones
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False),  # empty when unknown
    sa.Column("published", UTCDateTime),
    sa.Column("raw_date", sa.Text, nullable=False, server_default=""),
    sa.Column("seen_at", UTCDateTime, nullable=False),
    sa.Column("changed_at", UTCDateTime, nullable=False),  # when `version` last grew
    sa.Column("authors", sa.JSON, nullable=False),
    sa.Column("labels", sa.JSON, nullable=False),
    sa.Column("text_hash", sa.Text, nullable=False),  # of folded title-less text; empty text = empty string
    sa.Column("backfill", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("duplicate_of", BigKey),  # article whose URL this page names as canonical
    sa.Column("page_state", sa.Text, nullable=False),  # articles.PageState
    sa.Column("page_tries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("page_next_try", UTCDateTime),  # only while wanted
    sa.Column("page_status", sa.Integer),  # HTTP status of the last try, null when there was no answer
    sa.Column("page_reason", sa.Text, nullable=False, server_default=""),  # why the last try gave nothing
    sa.Column("page_url", sa.Text),  # final URL of the fetched page
    sa.Index(None, "page_state", "page_next_try"),
    sa.Index(None, "text_hash"),
    sa.Index(None, "seen_at"),
    sa.Index(None, "duplicate_of"),
)

# Large texts apart, so that scans of `article` stay small.
article_text = sa.Table(
    "article_text",
    metadata,
    sa.Column("article", BigKey, primary_key=True, autoincrement=False),
    sa.Column("codec", sa.Text, nullable=False),  # zstd
    sa.Column("body", sa.LargeBinary, nullable=False),
)

# Every URL that leads to an article: the entry's, the final one, the canonical link.
article_url = sa.Table(
    "article_url",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("article", BigKey, nullable=False),
    sa.Column("how", sa.Text, nullable=False),  # entry | final | canonical
    sa.Index(None, "article"),
)

# Which channel named which article under which identity (guid, link, or title and date): any match is the same item.
sighting = sa.Table(
    "sighting",
    metadata,
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("identity", sa.Text, primary_key=True),  # g:, l: or t: and a hash
    sa.Column("article", BigKey, nullable=False),
    sa.Column("seen_at", UTCDateTime, nullable=False),
    sa.Index(None, "article"),
)
