"""A feed's body to what it says: here, or in a worker when reading it may take long."""

from __future__ import annotations

from dataclasses import replace

from crawler.answers import Reply, read_answer, unusable
from crawler.archive.channels import ChannelRow
from crawler.discovery import read_front_page
from crawler.errors import ExtractError
from crawler.extraction import FAULTS, read_feed_safely
from crawler.items import ChannelAnswer, CollectRun
from crawler.polling import Kind

HEAD_BYTES = 64 * 1024
"""Of a page that came instead of a feed; what it names stands at its beginning."""
MOST_PROPOSED = 5
ACCEPT_FEED = (
    "application/rss+xml, application/atom+xml, application/rdf+xml, application/feed+json, "
    "application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, */*;q=0.5"
)


async def read_feed(run: CollectRun, reply: Reply, channel: ChannelRow) -> ChannelAnswer:
    """Read RSS, RDF, Atom or JSON Feed.

    Args:
        run: gives the clock, limits and workers.
        reply: with status 200.
        channel: what was known of the channel when it was asked.
    """
    try:
        document = await read_feed_safely(
            run.extractors,
            reply.body,
            url=reply.url,
            now=run.now(),
            content_type=reply.header("Content-Type") or "",
            max_items=run.options.max_items,
            known=channel.items or b"",
        )
    except (ValueError, ExtractError, *FAULTS) as error:
        reason = f"the document could not be read: {error}"[:300]
        return unusable(reply, channel, Kind.FAILED, reason, run.now())
    if not document.format:
        return _with_proposals(reply, unusable(reply, channel, Kind.NOT_A_FEED, document.problem, run.now()))
    return read_answer(reply, channel, document, run.now())


def _with_proposals(reply: Reply, answer: ChannelAnswer) -> ChannelAnswer:
    """Name the feeds that a page names which came instead of one. Nothing is changed: the operator decides."""
    if answer.kind is not Kind.NOT_A_FEED:
        return answer
    try:
        page = read_front_page(reply.body[:HEAD_BYTES], url=reply.url, content_type=reply.header("Content-Type") or "")
    except (ValueError, *FAULTS):
        return answer
    proposed = [offer.url for offer in page.feeds if offer.url != answer.channel.url][:MOST_PROPOSED]
    if not proposed:
        return answer
    reason = f"{answer.reason}; it names {', '.join(proposed)}"
    return replace(answer, reason=reason[:500], evidence={**answer.evidence, "proposed": proposed})
