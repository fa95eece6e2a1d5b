"""The answer to "why": everything known about one URL, from the channel that named it to the digest that carried it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from alerts.flags import rule_text
from alerts.ledger import schema as ledger
from alerts.ledger.flags import live_flags_of
from alerts.ledger.stories import StoryArticle, with_merged
from alerts.matching import Chooser
from alerts.origins.names import Names
from crawler.archive import articles
from crawler.archive import schema as archive_schema
from crawler.urls import host_slot, url_key

if TYPE_CHECKING:
    from alerts.desks import Desk
    from alerts.ledger.flags import Flag
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
        desks: while the article is flagged, of every desk: desk, passes (it is told of the story by this article),
            left_out_by (keys of the desk's file) and reason (what `match` misses, or why it is told to nobody).
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
    desks: Sequence[Row] = ()
    digests: Sequence[Row] = ()
    waiting: Sequence[str] = ()
    nearby: Sequence[Row] = ()


def explain_url(
    archive: Archive, url: str, rule_set: RuleSet, sources: Sequence[Source], desks: Sequence[Desk] = ()
) -> Answer:
    """Tell how `url` was found, grouped and read, why each rule did or did not fire, and which digest carried it.

    Args:
        archive: the database.
        url: in any spelling that leads to the article.
        rule_set: the rules as they are now.
        sources: all of them.
        desks: that are to be asked whether they choose the article, as they are now.
    """
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
            desks=_choices(connection, article, sources, desks, {row["id"] for row in flags if row["quiet"]}),
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


def _choices(
    connection: sa.Connection,
    article: Article,
    sources: Sequence[Source],
    desks: Sequence[Desk],
    quiet: Collection[int],
) -> list[Row]:
    """Which desks choose the article, and why the others leave it out: by the functions that digests ask."""
    row = StoryArticle(
        0, "first", article.id, article.source, article.language, article.title, article.url, article.published,
        article.seen_at, article.backfill, article.duplicate_of, version=article.version,
    )  # fmt: skip
    flags = {flag.rule: flag for flag in sorted(live_flags_of(connection, [article.id])[article.id], key=_version)}
    if not flags or article.backfill:
        return []
    chooser = Chooser(connection, sources)
    text = rule_text(article, next((one for one in sources if one.id == article.source), None))
    found = []
    for desk in desks:
        chosen = chooser.choose(desk, {0: [row]}, {0: list(flags.values())})[0]
        keys: Sequence[str] = ()
        reason = ""
        if not chosen.but_for_match:
            keys = min((chooser.objections(desk, flag, row) for flag in flags.values()), key=len)
        elif not chosen.flags and desk.match is not None:
            keys, reason = ("match",), desk.match.queries.why_not(desk.id, text)
        elif all(flag.id in quiet for flag in chosen.flags):
            reason = "it was found by re-reading the past, which makes no news"
        found.append({"desk": desk.id, "passes": bool(chosen.flags), "left_out_by": list(keys), "reason": reason})
    return found


def _version(flag: Flag) -> tuple[int, int]:
    return flag.version, flag.id


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
    for row in answer.desks:
        reason = f": {row['reason']}" if row["reason"] else ""
        answered = "asks for it" if row["passes"] else f"left out by {', '.join(row['left_out_by'])}"
        yield f"desk {row['desk']}: {answered}{reason}"
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
