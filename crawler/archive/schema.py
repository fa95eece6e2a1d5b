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
    # Since migration 0002:
    sa.Column("usual_gap_seconds", sa.Float),  # its habit: time between new entries, a long one counting more
    sa.Column("gap_weight_seconds", sa.Float, nullable=False, server_default="0"),  # observed time behind that figure
    sa.Column("listed", sa.Integer),  # entries in the last document
    sa.Column("asks_minutes", sa.Integer),  # lower bound of the interval that the last document asked for
    sa.Column("last_body", UTCDateTime),  # last time the server sent a whole document and not "unchanged"
    sa.Column("distrusted_since", UTCDateTime),  # it said "unchanged" of a document that had changed
    sa.Column("failing_since", UTCDateTime),  # first failure in a row; null while all is well
    sa.Column("gone_since", UTCDateTime),  # first 410 in a row
    sa.Column("moved_to", sa.Text),  # where permanent redirects lead, as long as they lead there
    sa.Column("moved_since", UTCDateTime),
    sa.Column("moved_answers", sa.Integer, nullable=False, server_default="0"),  # how often that was answered
    sa.Column("old_url", sa.Text),  # what `url` was before it was replaced; null while it is the configured one
    sa.Column("standby", sa.Boolean, nullable=False, server_default=sa.false()),  # a better channel is at work
    sa.Column("burst", sa.Float, nullable=False, server_default="0"),  # see polling.Arrivals
    sa.Column("peak_rate", sa.Float, nullable=False, server_default="0"),
    sa.Column("items", sa.LargeBinary),  # marks of the items in the last document, 8 bytes each
    # Since migration 0003:
    sa.Column("unread", sa.Integer, nullable=False, server_default="0"),  # items of it that wait for the next poll
    sa.Index(None, "next_poll"),
    sa.Index(None, "source"),
)

# Every change of a channel's health, and what else was decided about it, with the evidence.
channel_event = sa.Table(
    "channel_event",
    metadata,
    sa.Column("id", BigKey, primary_key=True, autoincrement=True),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("at", UTCDateTime, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("evidence", sa.JSON, nullable=False),  # status, headers that matter, error, body hash
    sa.Column("kind", sa.Text, nullable=False, server_default="health"),  # channels.EventKind
    sa.Index(None, "channel", "id"),
)

# A full window without a known entry: some may have been missed. Back-filled from the source's other channels.
gap = sa.Table(
    "gap",
    metadata,
    sa.Column("id", BigKey, primary_key=True, autoincrement=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),  # whose window it was
    sa.Column("since", UTCDateTime, nullable=False),  # its last good answer before
    sa.Column("at", UTCDateTime, nullable=False),  # when the window was found to be all new
    sa.Column("state", sa.Text, nullable=False),  # open | filled | unfilled
    sa.Column("settled_at", UTCDateTime),
    sa.Column("filled_by", sa.Text),  # the channel whose document reaches back before the gap
    sa.Column("found", sa.Integer, nullable=False, server_default="0"),  # articles that only the back-fill brought
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Index(None, "state"),
    sa.Index(None, "settled_at"),
)

# Channels that a person paused. One that the configuration pauses has no row here.
pause = sa.Table(
    "pause",
    metadata,
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("at", UTCDateTime, nullable=False),
    sa.Column("until", UTCDateTime),  # null: until somebody resumes it
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
)

# What each site's robots.txt said, so that it is asked for once a day and not once a run.
robots = sa.Table(
    "robots",
    metadata,
    sa.Column("origin", sa.Text, primary_key=True),  # scheme://host[:port]
    sa.Column("asked_at", UTCDateTime, nullable=False),  # last try
    sa.Column("fetched_at", UTCDateTime),  # last answer that counts; null before
    sa.Column("failing_since", UTCDateTime),  # first try in a row without such an answer
    sa.Column("body", sa.LargeBinary),  # of that answer; null where there is no such file
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
