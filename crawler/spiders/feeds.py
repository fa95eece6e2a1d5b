"""Feeds: several hundred channels in one crawl, each asked once and conditionally."""

from __future__ import annotations

from functools import partial

from scrapy.http import Response

from crawler.archive.channels import ChannelRow
from crawler.articles import FeedDocument
from crawler.errors import ExtractError
from crawler.extraction import FAULTS
from crawler.items import ChannelAnswer
from crawler.parse.feeds import is_cheap, parse_feed
from crawler.polling import Kind
from crawler.spiders.base import ChannelSpider, header


class FeedSpider(ChannelSpider):
    """Reads RSS, RDF, Atom and JSON Feed."""

    name = "feeds"
    accept = (
        "application/rss+xml, application/atom+xml, application/rdf+xml, application/feed+json, "
        "application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, */*;q=0.5"
    )

    async def read(self, response: Response, channel: ChannelRow) -> ChannelAnswer:
        """Read a feed."""
        try:
            document = await self.document_of(response)
        except (ValueError, ExtractError, *FAULTS) as error:
            return self.unusable(response, channel, Kind.FAILED, f"the document could not be read: {error}"[:300])
        if not document.format:
            return self.unusable(response, channel, Kind.NOT_A_FEED, document.problem)
        return self.read_answer(response, channel, document)

    async def document_of(self, response: Response) -> FeedDocument:
        """Read a body here, or in a worker if it is long."""
        parse = partial(
            parse_feed,
            url=response.url,
            now=self.run.now(),
            content_type=header(response, "Content-Type") or "",
            max_items=self.run.options.max_items,
        )
        if is_cheap(response.body):
            return parse(response.body)
        return await self.run.extractors.call(response.url, parse, response.body)
