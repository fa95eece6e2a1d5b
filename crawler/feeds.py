"""A feed's body to what it says: here, or in a worker when reading it may take long."""

from __future__ import annotations

from crawler.answers import Reply, read_answer, unusable
from crawler.archive.channels import ChannelRow
from crawler.errors import ExtractError
from crawler.extraction import FAULTS, read_feed_safely
from crawler.items import ChannelAnswer, CollectRun
from crawler.polling import Kind

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
        return unusable(reply, channel, Kind.NOT_A_FEED, document.problem, run.now())
    return read_answer(reply, channel, document, run.now())
