"""The ledger's tables: what was read by which rules, and what was told to whom and why; beside the archive's."""

from __future__ import annotations

import sqlalchemy as sa

from crawler.archive.schema import BigKey, UTCDateTime
from crawler.archive.schema import metadata as archive_metadata

metadata = sa.MetaData(naming_convention=archive_metadata.naming_convention)

# Articles that tell the same event.
story = sa.Table(
    "story",
    metadata,
    sa.Column("id", BigKey, primary_key=True, autoincrement=True),
    sa.Column("revision", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", UTCDateTime, nullable=False),
    sa.Column("changed_at", UTCDateTime, nullable=False),
    sa.Column("text_hash", sa.Text, nullable=False),  # of the article that founded it; joins identical texts
    sa.Column("change", sa.Text, nullable=False, server_default=""),  # what the latest revision brought
    sa.Column("merged_into", BigKey),  # the story that took its articles, when none is left here
    # Grows when its outlets, its origins or their corrections changed: desks are then weighed against it again.
    sa.Column("assessment", sa.Integer, nullable=False, server_default="0"),
    sa.Index(None, "text_hash"),
    sa.Index(None, "merged_into"),
)

story_article = sa.Table(
    "story_article",
    metadata,
    sa.Column("article", BigKey, primary_key=True, autoincrement=False),
    sa.Column("story", BigKey, nullable=False),
    sa.Column("relation", sa.Text, nullable=False),  # first | copy | related
    sa.Column("reason", sa.Text, nullable=False),  # why it was put there
    sa.Column("at", UTCDateTime, nullable=False),
    sa.Column("copies", BigKey, nullable=False),  # the article that first had this text, maybe itself
    sa.Column("matched", BigKey),  # the article it was compared with; null for the first of a story
    sa.Column("score", sa.Float),  # copy: share of the shorter text that both have; related: points
    sa.Column("version", sa.Integer, nullable=False),  # of the article when it was placed
    sa.Column("pinned", sa.Boolean, nullable=False, server_default=sa.false()),  # by a person: grouping leaves it there
    sa.Column("origin", sa.Text),  # whose text it is (alerts/origins/names.py); null = its story must be assessed
    sa.Column("origin_reason", sa.Text, nullable=False, server_default=""),
    sa.Index(None, "story"),
    sa.Index(None, "copies"),
    sa.Index(
        "ix_story_article_unassessed",
        "story",
        sqlite_where=sa.text("origin IS NULL"),
        postgresql_where=sa.text("origin IS NULL"),
    ),
)

# What an article says of its origin and of corrections, and what its later versions changed.
credit = sa.Table(
    "credit",
    metadata,
    sa.Column("article", BigKey, primary_key=True, autoincrement=False),
    sa.Column("version", sa.Integer, nullable=False),  # of the article that was read for it
    sa.Column("settled", sa.Boolean, nullable=False),  # its page had come, or was given up
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("figures", sa.JSON, nullable=False),  # numbers in title and lead, to see when they change
    sa.Column("credits", sa.JSON, nullable=False),  # [[key, kind, words], ..]
    sa.Column("notices", sa.JSON, nullable=False),  # [[kind, words], ..]: corrections and retractions it announces
    sa.Column("changes", sa.JSON, nullable=False),  # [[version, words], ..]: what its later versions changed
)

# Merges and splits by hand: grouping keeps apart what a person split, and each can be undone.
decision = sa.Table(
    "decision",
    metadata,
    sa.Column("id", BigKey, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.Text, nullable=False),  # merge (`other` into `story`) | split (`other` out of `story`)
    sa.Column("story", BigKey, nullable=False),
    sa.Column("other", BigKey, nullable=False),
    sa.Column("articles", sa.JSON, nullable=False),  # that were moved
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("at", UTCDateTime, nullable=False),
    sa.Column("undone_at", UTCDateTime),
    sa.Column("undone_by", sa.Text, nullable=False, server_default=""),
    sa.Index(None, "story"),
    sa.Index(None, "other"),
)

# Articles that went from one story to another, and why. Rows are only added.
story_move = sa.Table(
    "story_move",
    metadata,
    sa.Column("id", BigKey, primary_key=True, autoincrement=True),
    sa.Column("article", BigKey, nullable=False),
    sa.Column("was", BigKey, nullable=False),  # the story it left
    sa.Column("story", BigKey, nullable=False),  # the one it went to
    sa.Column("relation", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("by", sa.Text, nullable=False, server_default=""),  # the person; empty when grouping did it
    sa.Column("at", UTCDateTime, nullable=False),
    sa.Index(None, "article"),
    sa.Index(None, "was"),
    sa.Index(None, "story"),
)

# What a new article must match to be related to a story: the words, names and numbers of its first articles.
story_core = sa.Table(
    "story_core",
    metadata,
    sa.Column("story", BigKey, primary_key=True, autoincrement=False),
    sa.Column("since", UTCDateTime, nullable=False),  # when its first and its latest article came out
    sa.Column("until", UTCDateTime, nullable=False),
    sa.Column("features", sa.LargeBinary, nullable=False),  # zstd of JSON, see alerts/stories/related.py
    sa.Index(None, "until"),
)

# Which recent stories have a rare word. Pairs in the order of the key and nothing else: half the size on SQLite.
story_term = sa.Table(
    "story_term",
    metadata,
    sa.Column("term", BigKey, primary_key=True, autoincrement=False),  # hash of the folded word
    sa.Column("story", BigKey, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

# How many articles had a word in title or lead; word 0 counts the articles.
story_word = sa.Table(
    "story_word",
    metadata,
    sa.Column("word", BigKey, primary_key=True, autoincrement=False),  # hash, as story_term.term
    sa.Column("articles", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)

# Which recent texts have a run of eight words: a sample of the runs, a few texts each (alerts/stories/sketch.py).
text_sketch = sa.Table(
    "text_sketch",
    metadata,
    sa.Column("run", BigKey, primary_key=True, autoincrement=False),  # hash of the eight words
    sa.Column("article", BigKey, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

# The rules at one version, so that every flag can be read again.
rule_set = sa.Table(
    "rule_set",
    metadata,
    sa.Column("hash", sa.Text, primary_key=True),
    sa.Column("first_used", UTCDateTime, nullable=False),
    sa.Column("rules", sa.Integer, nullable=False),
    sa.Column("source", sa.LargeBinary, nullable=False),  # zstd of the files that made it, as JSON
)

# The record that a rule set has read one version of an article.
reading = sa.Table(
    "reading",
    metadata,
    sa.Column("article", BigKey, primary_key=True, autoincrement=False),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("rule_set", sa.Text, nullable=False),
    sa.Column("at", UTCDateTime, nullable=False),
)

flag = sa.Table(
    "flag",
    metadata,
    sa.Column("id", BigKey, primary_key=True, autoincrement=True),
    sa.Column("article", BigKey, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("rule_set", sa.Text, nullable=False),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("class", sa.Text, nullable=False),
    sa.Column("stage", sa.Text),  # ceasefire only
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("tags", sa.JSON, nullable=False),
    sa.Column("field", sa.Text, nullable=False),  # title | lead | body; lead and body offsets count in the body
    sa.Column("start", sa.Integer, nullable=False),
    sa.Column("end", sa.Integer, nullable=False),
    sa.Column("sentence", sa.Text, nullable=False),
    sa.Column("sentence_start", sa.Integer, nullable=False),
    sa.Column("terms", sa.JSON, nullable=False),  # [[start, end], ..] in the field
    sa.Column("at", UTCDateTime, nullable=False),
    sa.Column("withdrawn_at", UTCDateTime),  # a later reading of the article no longer gives it
    # Found by re-reading the past (`rules apply`): shown and counted, but by itself no reason to tell a desk.
    sa.Column("quiet", sa.Boolean, nullable=False, server_default=sa.false()),
    # With `at`, because a rule set may come back after another one's reading withdrew its flags.
    sa.UniqueConstraint("article", "version", "rule", "rule_set", "at"),
    sa.Index(None, "rule", "article"),
)

# An analyst's judgement: is the article about the topic? Rows are never changed; a person's last word counts.
verdict = sa.Table(
    "verdict",
    metadata,
    sa.Column("id", BigKey, primary_key=True, autoincrement=True),
    sa.Column("article", BigKey, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("judgement", sa.Text, nullable=False),  # relevant | not | unsure
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("at", UTCDateTime, nullable=False),
    sa.Column("sample", BigKey),  # the random draw that asked; null for a judgement somebody chose to give
    sa.Index(None, "article", "topic"),
)

# A random draw of articles to judge a rule by, with what is needed to weigh the answers.
sample = sa.Table(
    "sample",
    metadata,
    sa.Column("id", BigKey, primary_key=True, autoincrement=True),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("rule_set", sa.Text, nullable=False),
    sa.Column("seed", sa.Integer, nullable=False),
    sa.Column("since", UTCDateTime, nullable=False),
    sa.Column("at", UTCDateTime, nullable=False),
    sa.Column("strata", sa.JSON, nullable=False),  # stratum -> articles in it, of which some were drawn
)

sample_article = sa.Table(
    "sample_article",
    metadata,
    sa.Column("sample", BigKey, primary_key=True, autoincrement=False),
    sa.Column("article", BigKey, primary_key=True, autoincrement=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("stratum", sa.Text, nullable=False),  # fired | near | far
    sa.Column("position", sa.Integer, nullable=False),  # order in which it is asked for
    sa.Index(None, "article"),
)

# What a desk is to be told of a story: one per desk, story and revision.
item = sa.Table(
    "item",
    metadata,
    sa.Column("id", BigKey, primary_key=True, autoincrement=True),
    sa.Column("desk", sa.Text, nullable=False),
    sa.Column("story", BigKey, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),  # new | update | correction
    sa.Column("created_at", UTCDateTime, nullable=False),
    sa.Column("change", sa.Text, nullable=False, server_default=""),  # what an update brought, in words; empty for new
    sa.Column("digest", BigKey),  # null until a digest claims it
    sa.UniqueConstraint("desk", "story", "revision"),
    sa.Index(None, "desk", "digest"),
)

# Stories a desk has been weighed against, so that "no item for this desk" is a row and not a question asked anew.
weighed = sa.Table(
    "weighed",
    metadata,
    sa.Column("desk", sa.Text, primary_key=True),
    sa.Column("story", BigKey, primary_key=True, autoincrement=False),
    sa.Column("flags", sa.Integer, nullable=False),  # flags it ever had; a count, because ids can commit out of order
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("facts", sa.JSON, nullable=False),  # what the desk was told: "class topic stage" -> severity
    sa.Column("objections", sa.Integer, nullable=False, server_default="0"),  # withdrawn flags and verdicts against it
    sa.Column("assessment", sa.Integer, nullable=False, server_default="0"),  # the story's when it was weighed
    sa.Column("reach", sa.JSON, nullable=False, server_default="{}"),  # outlets, origins and notices it was told
)

desk_state = sa.Table(
    "desk_state",
    metadata,
    sa.Column("desk", sa.Text, primary_key=True),
    sa.Column("last_slot", UTCDateTime, nullable=False),
    sa.Column("next_number", sa.Integer, nullable=False, server_default="1"),
    sa.Column("alerts_since", UTCDateTime),  # its alerts begin with items made after this; null before it had any
)

digest = sa.Table(
    "digest",
    metadata,
    sa.Column("id", BigKey, primary_key=True, autoincrement=True),
    sa.Column("desk", sa.Text, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("slot", UTCDateTime, nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # frozen (snapshot taken) | enqueued (deliveries inserted)
    sa.Column("covers_from", UTCDateTime, nullable=False),
    sa.Column("created_at", UTCDateTime, nullable=False),
    sa.Column("snapshot", sa.LargeBinary, nullable=False),  # zstd of JSON: everything the templates see
    sa.UniqueConstraint("desk", "slot"),
    sa.UniqueConstraint("desk", "number"),
)

# An immediate message about one story to one desk; or (kind storm, story 0) about all that came too fast.
alert = sa.Table(
    "alert",
    metadata,
    sa.Column("id", BigKey, primary_key=True, autoincrement=True),
    sa.Column("desk", sa.Text, nullable=False),
    sa.Column("story", BigKey, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),  # new | update | storm
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("change", sa.Text, nullable=False, server_default=""),  # what an update brings, in words
    sa.Column("state", sa.Text, nullable=False),  # decided | enqueued | gathered (into a storm) | silenced | withdrawn
    sa.Column("storm", BigKey),  # the alert of kind storm that tells of this one
    sa.Column("facts", sa.JSON, nullable=False),  # what the desk was told with it, as in `weighed`
    sa.Column("reach", sa.JSON, nullable=False),
    sa.Column("at", UTCDateTime, nullable=False),
    sa.UniqueConstraint("desk", "story", "kind", "revision"),
    sa.Index(None, "desk", "at"),
    sa.Index(None, "state"),
)

# No alerts for a while, and who wanted it so. A row is ended by moving `until`; it is never deleted.
silence = sa.Table(
    "silence",
    metadata,
    sa.Column("id", BigKey, primary_key=True, autoincrement=True),
    sa.Column("desk", sa.Text, nullable=False),
    sa.Column("story", BigKey),  # null: every story
    sa.Column("topic", sa.Text, nullable=False, server_default=""),  # empty: every topic
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", UTCDateTime, nullable=False),
    sa.Column("until", UTCDateTime, nullable=False),
    sa.Index(None, "desk", "until"),
)

# Readers who took themselves off a desk's mails; its file still names them.
unsubscribed = sa.Table(
    "unsubscribed",
    metadata,
    sa.Column("desk", sa.Text, primary_key=True),
    sa.Column("address", sa.Text, primary_key=True),  # case folded
    sa.Column("at", UTCDateTime, nullable=False),
    sa.Column("how", sa.Text, nullable=False),
)

# The outbox: one digest or alert on one route to one target.
delivery = sa.Table(
    "delivery",
    metadata,
    sa.Column("id", BigKey, primary_key=True, autoincrement=True),
    sa.Column("digest", BigKey),
    sa.Column("alert", BigKey),
    sa.Column("route", sa.Text, nullable=False),  # mail | folder
    sa.Column("target", sa.Text, nullable=False),  # address, or folder
    sa.Column("message_id", sa.Text, nullable=False, unique=True),
    sa.Column("body", sa.LargeBinary),  # zstd of the final bytes; dropped 30 days after the final state
    sa.Column("state", sa.Text, nullable=False),  # ready | sending | doubt | sent | failed | held | cancelled
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("doubts", sa.Integer, nullable=False, server_default="0"),  # times the fate after the dot stayed unknown
    sa.Column("next_try", UTCDateTime, nullable=False),
    sa.Column("reply", sa.Text, nullable=False, server_default=""),
    sa.Column("created_at", UTCDateTime, nullable=False),
    sa.Column("changed_at", UTCDateTime, nullable=False),
    sa.Column("sent_at", UTCDateTime),
    sa.CheckConstraint("(digest IS NULL) <> (alert IS NULL)", name="one_origin"),
    sa.UniqueConstraint("digest", "target"),
    sa.UniqueConstraint("alert", "target"),
    sa.Index(None, "state", "next_try"),
)

recipient = sa.Table(
    "recipient",
    metadata,
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),  # ok | suspended
    sa.Column("refusals", sa.Integer, nullable=False, server_default="0"),  # 5xx in a row
    sa.Column("reply", sa.Text, nullable=False, server_default=""),
)

# A mail server that could not be used: it is held as a whole, so that its deliveries lose no tries.
relay = sa.Table(
    "relay",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),  # host:port
    sa.Column("failures", sa.Integer, nullable=False),  # in a row
    sa.Column("next_try", UTCDateTime, nullable=False),
    sa.Column("reply", sa.Text, nullable=False, server_default=""),
)

# A desk whose template fails: its messages have the built-in look until it works again.
template_failure = sa.Table(
    "template_failure",
    metadata,
    sa.Column("desk", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),  # digest | alert
    sa.Column("template", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("fault", sa.Text, nullable=False),
    sa.Column("since", UTCDateTime, nullable=False),
    sa.Column("at", UTCDateTime, nullable=False),
)

# One execution of one job.
run = sa.Table(
    "run",
    metadata,
    sa.Column("id", BigKey, primary_key=True, autoincrement=True),
    sa.Column("job", sa.Text, nullable=False),
    sa.Column("started_at", UTCDateTime, nullable=False),
    sa.Column("finished_at", UTCDateTime),
    sa.Column("ok", sa.Boolean),
    sa.Column("counts", sa.JSON, nullable=False),
    sa.Column("error", sa.Text, nullable=False, server_default=""),
    sa.Index(None, "job", "id"),
)
