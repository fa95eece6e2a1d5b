"""Listing pages of sites without a feed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from typing import Any

from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.archive.articles import find_by_url
from crawler.archive.channels import ChannelRow
from crawler.archive.gaps import older_entries, open_gap_since
from crawler.articles import FeedDocument
from crawler.errors import ExtractError
from crawler.extraction import FAULTS
from crawler.items import ChannelAnswer
from crawler.middlewares import ACCEPT
from crawler.parse.feeds import INLINE_BYTES
from crawler.parse.sections import LAYOUT_CHANGED, Layout, parse_section
from crawler.polling import Kind
from crawler.polling.gaps import reaches_back
from crawler.spiders.base import ChannelSpider, header

MOST_PAGES = 5
"""Listing pages read at one poll; the next one is only asked for while nothing on the last one was known."""
MOST_PAGES_OF_A_GAP = 10
"""While the source has a gap: then pages are asked for until they list what was there before it."""


class SectionSpider(ChannelSpider):
    """Reads listing pages by the CSS of their channels."""

    name = "sections"
    accept = "text/html, application/xhtml+xml;q=0.9, */*;q=0.5"
    robots = True

    async def answered(self, response: Response, channel: ChannelRow) -> AsyncIterator[Any]:
        """Turn a listing page into a `ChannelAnswer`, or go on to the next one."""
        answer = self.verdict(response, channel)
        if answer is not None:
            yield answer
            return
        try:
            document = await self.document_of(response, channel)
        except (ValueError, ExtractError, *FAULTS) as error:
            reason = f"the page could not be read: {error}"[:300]
            yield self.unusable(response, channel, Kind.FAILED, reason)
            return
        if document.problem == LAYOUT_CHANGED:
            yield self.unusable(response, channel, Kind.LAYOUT_CHANGED, document.problem)
            return
        answer = self.read_answer(response, channel, document)
        following = await self._following(answer, document, 1)
        if following:
            yield self._ask_next(following, answer, 1)
        else:
            yield answer

    async def more(self, response: Response, answer: ChannelAnswer, page: int) -> Any:
        """A further listing page; without it the answer so far stands."""
        document = None
        if response.status == 200:
            try:
                document = await self.document_of(response, answer.channel)
            except (ValueError, ExtractError, *FAULTS):
                document = None
        if document is None or answer.document is None:
            yield answer
            return
        known = {entry.link for entry in answer.document.entries}
        added = tuple(entry for entry in document.entries if entry.link not in known)
        answer = replace(answer, document=replace(answer.document, entries=answer.document.entries + added))
        following = await self._following(answer, document, page) if added else ""
        if following:
            yield self._ask_next(following, answer, page)
        else:
            yield answer

    def more_failed(self, failure: Failure) -> Any:
        """A further listing page that could not be had."""
        if not self.run.stopping:
            yield failure.request.cb_kwargs["answer"]  # type: ignore[attr-defined]  # Scrapy hangs it on

    def _ask_next(self, url: str, answer: ChannelAnswer, page: int) -> Any:
        kwargs = {"answer": answer, "page": page + 1}
        return self.ask(url, {ACCEPT: self.accept}, callback=self.more, errback=self.more_failed, cb_kwargs=kwargs)

    async def _following(self, answer: ChannelAnswer, document: FeedDocument, page: int) -> str:
        """The next listing page, if it is to be asked for too.

        Args:
            answer: with the entries of all pages so far.
            document: the last page.
            page: its number.
        """
        if not document.children:
            return ""
        goes_on = await asyncio.to_thread(self._goes_on, answer, document, page)
        return document.children[0] if goes_on else ""

    def _goes_on(self, answer: ChannelAnswer, document: FeedDocument, page: int) -> bool:
        with self.run.archive.read() as connection:
            since = open_gap_since(connection, answer.channel.source)
            if since is not None and answer.document is not None:
                older = older_entries(connection, answer.document.entries, since)
                return page < MOST_PAGES_OF_A_GAP and not reaches_back(older)
            links = (entry.link for entry in document.entries)
            return page < MOST_PAGES and not any(find_by_url(connection, link) is not None for link in links)

    async def document_of(self, response: Response, channel: ChannelRow) -> FeedDocument:
        """Read a body here, or in a worker if it is long."""
        configured = self.run.channels[channel.id]
        parse = partial(
            parse_section,
            layout=Layout(configured.links, configured.date, configured.next_page),
            url=response.url,
            now=self.run.now(),
            content_type=header(response, "Content-Type") or "",
            max_items=self.run.options.max_items,
        )
        if len(response.body) <= INLINE_BYTES:
            return parse(response.body)
        return await self.run.extractors.call(response.url, parse, response.body)
