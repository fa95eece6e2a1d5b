"""The answer to "why": everything known about one URL, from the channel that named it to the digest that carried it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from alerts.flags import rule_text
from alerts.ledger import schema as ledger
from alerts.ledger.stories import with_merged
from alerts.origins.names import Names
from crawler.archive import articles
from crawler.archive import schema as archive_schema
from crawler.urls import host_slot, url_key

if TYPE_CHECKING:
    from alerts.rules import RuleSet
    from crawler.archive import Archive
    from crawler.articles import Article
    from crawler.sources import Source

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the database knows of one URL.

    Attributes:
        article: None for a URL never seen; then `nearby` holds the channels of its host.
        page: page_state, page_status, page_reason, page_tries, page_url, raw_date, channel, changed_at.
        urls: every URL key that leads to the article, with how it was learnt.
        sightings: which channel named it, when.
        story: id, revision, relation, reason, the number of its articles, copies (the article that first had this
            text), origin (key and name) and origin_reason, and the stories merged into it; None before grouping.
        readings: rule set and time for each version.
        flags: every flag, withdrawn ones too.
        silent: rule id -> why it did not fire on the present text.
        digests: desk, number, slot and the states of the deliveries that carried its story.
        waiting: desks for which an item waits for the next digest.
    """

    url: str
    key: str
    article: Article | None = None
    page: Row | None = None
    urls: Sequence[Row] = ()
    sightings: Sequence[Row] = ()
    story: Row | None = None
    readings: Sequence[Row] = ()
    flags: Sequence[Row] = ()
    silent: Sequence[tuple[str, str]] = ()
    digests: Sequence[Row] = ()
    waiting: Sequence[str] = ()
    nearby: Sequence[Row] = ()


def explain_url(archive: Archive, url: str, rule_set: RuleSet, sources: Sequence[Source]) -> Answer:
    """Tell how `url` was found, grouped and read, why each rule did or did not fire, and which digest carried it."""
    key = url_key(url)
    with archive.read() as connection:
        number = articles.find_by_url(connection, url)
        article = None if number is None else articles.get_article(connection, number)
        if article is None:
            return Answer(url, key, nearby=_channels_of_host(connection, url))
        story = _story(connection, article.id, Names(sources))
        flags = _rows(
            connection, sa.select(ledger.flag).where(ledger.flag.c.article == article.id).order_by(ledger.flag.c.id)
        )
        return Answer(
            url=url,
            key=key,
            article=article,
            page=_page(connection, article.id),
            urls=_of_article(connection, archive_schema.article_url, article.id),
            sightings=_of_article(connection, archive_schema.sighting, article.id),
            story=story,
            readings=_of_article(connection, ledger.reading, article.id),
            flags=flags,
            silent=_silent(rule_set, article, sources, flags),
            digests=_digests(connection, story),
            waiting=_waiting(connection, story),
        )


def _rows(connection: sa.Connection, query: sa.Select[Any]) -> list[Row]:
    return [dict(row) for row in connection.execute(query).mappings()]


def _of_article(connection: sa.Connection, table: sa.Table, article: int) -> list[Row]:
    return _rows(connection, sa.select(table).where(table.c.article == article))


def _page(connection: sa.Connection, article: int) -> Row:
    columns = archive_schema.article.c
    wanted = (
        columns.page_state, columns.page_status, columns.page_reason, columns.page_tries, columns.page_next_try,
        columns.page_url, columns.raw_date, columns.channel, columns.changed_at,
    )  # fmt: skip
    return _rows(connection, sa.select(*wanted).where(columns.id == article))[0]


def _story(connection: sa.Connection, article: int, names: Names) -> Row | None:
    member, story = ledger.story_article, ledger.story
    size = sa.select(sa.func.count()).where(member.c.story == story.c.id).correlate(story).scalar_subquery()
    query = (
        sa.select(
            story.c.id,
            story.c.revision,
            story.c.change,
            member.c.relation,
            member.c.reason,
            size.label("articles"),
            member.c.copies,
            member.c.origin,
            member.c.origin_reason,
        )
        .join(member, member.c.story == story.c.id)
        .where(member.c.article == article)
    )
    found = _rows(connection, query)
    if not found:
        return None
    merged = [key for key in with_merged(connection, [found[0]["id"]]) if key != found[0]["id"]]
    return {**found[0], "origin_name": names.shown(found[0]["origin"] or ""), "merged": merged}


def _digests(connection: sa.Connection, story: Row | None) -> list[Row]:
    """Digests that claimed an item of the story, with the state of each delivery."""
    if story is None:
        return []
    item, digest, delivery = ledger.item, ledger.digest, ledger.delivery
    query = (
        sa.select(
            digest.c.desk, digest.c.number, digest.c.slot, item.c.revision, item.c.kind,
            delivery.c.target, delivery.c.state, delivery.c.sent_at,
        )
        .join(digest, digest.c.id == item.c.digest)
        .outerjoin(delivery, delivery.c.digest == digest.c.id)
        .where(item.c.story.in_([story["id"], *story["merged"]]))
        .order_by(digest.c.id, delivery.c.id)
    )  # fmt: skip
    return _rows(connection, query)


def _waiting(connection: sa.Connection, story: Row | None) -> list[str]:
    if story is None:
        return []
    item = ledger.item
    mine = item.c.story.in_([story["id"], *story["merged"]])
    query = sa.select(item.c.desk).where(mine, item.c.digest.is_(None)).distinct().order_by(item.c.desk)
    return list(connection.execute(query).scalars())


def _channels_of_host(connection: sa.Connection, url: str) -> list[Row]:
    """Channels on the same host: when they were asked last says whether the URL could have been seen at all."""
    host = host_slot(url)
    channel = archive_schema.channel
    query = sa.select(channel.c.id, channel.c.url, channel.c.state, channel.c.last_success, channel.c.state_reason)
    return [row for row in _rows(connection, query) if host_slot(row["url"]) == host]


def _silent(
    rule_set: RuleSet, article: Article, sources: Sequence[Source], flags: Sequence[Row]
) -> list[tuple[str, str]]:
    fired = {row["rule"] for row in flags if row["withdrawn_at"] is None}
    by_id = {source.id: source for source in sources}
    text = rule_text(article, by_id.get(article.source))
    return [(rule, reason) for rule, reason in rule_set.explain_silence(text) if rule not in fired]


def describe(answer: Answer) -> Iterator[str]:
    """The answer as lines for a person."""
    if answer.article is None:
        yield f"never seen: {answer.key}"
        for row in answer.nearby:
            state = f"{row['state']}, last read {_when(row['last_success'])} {row['state_reason']}"
            yield f"  channel {row['id']} of this host is {state}"
        if not answer.nearby:
            yield "  no channel of this host was ever asked"
        return
    article = answer.article
    yield f"article {article.id}, version {article.version}: {article.title}"
    yield f"  {article.url}"
    yield f"  source {article.source}, language {article.language or 'unknown'}, published {_when(article.published)}"
    yield f"  stored {_when(article.seen_at)}" + (", from a first fetch: read, but no item" if article.backfill else "")
    for row in answer.sightings:
        yield f"found: named by channel {row['channel']} {_when(row['seen_at'])}"
    for row in answer.urls:
        yield f"  known as {row['key']} ({row['how']})"
    if article.duplicate_of is not None:
        yield f"  its page names article {article.duplicate_of} as the original"
    yield from _describe_page(answer.page or {})
    yield from _describe_story(answer)
    yield from _describe_reading(answer)
    yield from _describe_telling(answer)


def _describe_page(page: Row) -> Iterator[str]:
    status = f", HTTP {page['page_status']}" if page.get("page_status") else ""
    reason = f": {page['page_reason']}" if page.get("page_reason") else ""
    yield f"page: {page.get('page_state')}{status} after {page.get('page_tries')} tries{reason}"


def _describe_story(answer: Answer) -> Iterator[str]:
    if answer.story is None:
        yield "story: not grouped yet"
        return
    row = answer.story
    place = f"story {row['id']}, revision {row['revision']}, {row['articles']} articles"
    yield f"{place}: this one is {row['relation']} ({row['reason']})"
    if row["copies"] not in (None, answer.article.id if answer.article else None):
        yield f"  the same text as article {row['copies']}"
    if row["origin"] is None:
        yield "  whose text it is has not been assessed yet"
    elif row["origin"].startswith("unknown:"):
        yield f"  whose text it is cannot be told: {row['origin_reason']}"
    else:
        yield f"  the text is {row['origin_name']}'s: {row['origin_reason']}"


def _describe_reading(answer: Answer) -> Iterator[str]:
    if not answer.readings:
        yield "read: not yet"
    for row in answer.readings:
        yield f"read: version {row['version']} {_when(row['at'])} by rule set {row['rule_set'][:12]}"
    for row in answer.flags:
        gone = f", withdrawn {_when(row['withdrawn_at'])}" if row["withdrawn_at"] else ""
        stage = f" {row['stage']}" if row["stage"] else ""
        yield f"flag {row['rule']}: {row['topic']}{stage}, {row['class']}, {row['severity']}{gone}"
        yield f"  {row['field']} {row['start']}-{row['end']}: {row['sentence']}"
    for rule, reason in answer.silent:
        yield f"silent {rule}: {reason}"


def _describe_telling(answer: Answer) -> Iterator[str]:
    for row in answer.digests:
        sent = f" {_when(row['sent_at'])}" if row["sent_at"] else ""
        number = f"desk {row['desk']} digest #{row['number']} ({row['kind']})"
        yield f"told: {number} to {row['target']}: {row['state']}{sent}"
    for desk in answer.waiting:
        yield f"waiting: the next digest of desk {desk}"
    if not answer.digests and not answer.waiting:
        yield "told: no digest holds it"


def _when(moment: datetime | None) -> str:
    return "never" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"
