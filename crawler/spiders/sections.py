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
from crawler.articles import FeedDocument
from crawler.errors import ExtractError
from crawler.extraction import FAULTS
from crawler.items import ChannelAnswer
from crawler.middlewares import ACCEPT
from crawler.parse.feeds import INLINE_BYTES
from crawler.parse.sections import LAYOUT_CHANGED, Layout, parse_section
from crawler.polling import Kind
from crawler.spiders.base import ChannelSpider, header

MOST_PAGES = 5
"""Listing pages read at one poll; the next one is only asked for while nothing on the last one was known."""


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
        following = await self._following(document, 1)
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
        following = await self._following(document, page) if added else ""
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

    async def _following(self, document: FeedDocument, page: int) -> str:
        """The next listing page, if nothing on this one is in the archive yet."""
        if not document.children or page >= MOST_PAGES:
            return ""
        links = [entry.link for entry in document.entries]
        return "" if await asyncio.to_thread(self._any_known, links) else document.children[0]

    def _any_known(self, links: list[str]) -> bool:
        with self.run.archive.read() as connection:
            return any(find_by_url(connection, link) is not None for link in links)

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
