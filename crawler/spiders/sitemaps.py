"""News sitemaps, and index files with the documents they name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from scrapy import Request
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.answers import body_hash
from crawler.archive.channels import ChannelRow, Validators, asks_conditionally
from crawler.articles import Entry, FeedDocument
from crawler.errors import ExtractError
from crawler.extraction import FAULTS
from crawler.items import ChannelAnswer
from crawler.middlewares import ACCEPT, VALIDATORS
from crawler.parse.feeds import INLINE_BYTES, newest
from crawler.parse.sitemaps import parse_sitemap
from crawler.polling import Kind
from crawler.spiders.base import ChannelSpider, is_cut, was_held


@dataclass(slots=True)
class _Index:
    """An index file whose documents are being asked for, each conditionally.

    Attributes:
        response: the index; its status is 304 when it is as before.
        channel: what was known of the channel.
        validators: of the index itself, for the next time.
        waiting: documents without an answer yet.
        known: what was known of each document; grows into what is to be known.
        documents: what was read of those that changed.
        unchanged: how many are as they were.
    """

    response: Response
    channel: ChannelRow
    validators: Validators
    waiting: set[str]
    known: dict[str, Validators]
    documents: dict[str, FeedDocument] = field(default_factory=dict)
    unchanged: int = 0
    problems: list[str] = field(default_factory=list)


class SitemapSpider(ChannelSpider):
    """Reads sitemaps; a channel whose sitemap is an index is answered when all its documents have been asked."""

    name = "sitemaps"
    accept = "application/xml, text/xml;q=0.9, application/gzip;q=0.8, */*;q=0.5"

    async def answered(self, response: Response, channel: ChannelRow) -> AsyncIterator[Any]:
        """Turn a response into a `ChannelAnswer`, or into requests for the documents of an index."""
        answer = self.verdict(response, channel)
        if answer is not None and answer.kind is Kind.UNCHANGED and channel.documents:
            # An index may stay as it is while its documents change.
            kept = Validators(channel.etag, channel.last_modified, channel.validators_url, channel.body_hash)
            for request in self._ask_documents(response, channel, answer.validators or kept, list(channel.documents)):
                yield request
            return
        if answer is not None:
            yield answer
            return
        try:
            document = await self.document_of(response)
        except (ValueError, ExtractError, *FAULTS) as error:
            reason = f"the document could not be read: {error}"[:300]
            yield self.unusable(response, channel, Kind.FAILED, reason)
            return
        if not document.format:
            yield self.unusable(response, channel, Kind.NOT_A_FEED, document.problem)
        elif document.children:
            validators = self.validators(response) if not document.problem else Validators()
            for request in self._ask_documents(
                response, channel, validators, document.children, problem=document.problem
            ):
                yield request
        else:
            yield self.read_answer(response, channel, document)

    def _ask_documents(
        self,
        response: Response,
        channel: ChannelRow,
        validators: Validators,
        children: Sequence[str],
        *,
        problem: str = "",
    ) -> Iterator[Request]:
        stored = channel.documents or {}
        known = {child: _validators(stored.get(child, {})) for child in children}
        index = _Index(response, channel, validators, set(children), known, problems=[problem])
        asks = asks_conditionally(channel, self.run.now())
        for child in children:
            meta = {
                VALIDATORS: known[child] if asks else Validators(),
                ACCEPT: self.accept,
                "dont_obey_robotstxt": True,
            }
            kwargs = {"index": index, "child": child}
            yield self.ask(child, meta, callback=self.child, errback=self.child_failed, cb_kwargs=kwargs)

    async def child(self, response: Response, index: _Index, child: str) -> Any:
        """One document of an index."""
        before = index.known[child]
        if response.status not in (200, 304):
            index.problems.append(f"{child}: HTTP {response.status}")
        elif response.status == 304:
            index.unchanged += 1
        elif not is_cut(response) and before.body_hash == body_hash(response.body):
            index.unchanged += 1
            index.known[child] = self.validators(response)
        else:
            try:
                document = await self.document_of(response)
            except (ValueError, ExtractError, *FAULTS) as error:
                document = FeedDocument(format="", problem=str(error)[:300])
            problem = document.problem or ("cut off" if is_cut(response) else "")
            if problem:
                index.problems.append(f"{child}: {problem}")
            if document.format:
                index.documents[child] = document
            # A damaged document must be had again in any case.
            index.known[child] = Validators() if problem else self.validators(response)
        for answer in self._complete(index, child):
            yield answer

    def child_failed(self, failure: Failure) -> Iterator[ChannelAnswer]:
        """One document of an index that could not be had."""
        request = failure.request  # type: ignore[attr-defined]  # Scrapy hangs it on
        index: _Index = request.cb_kwargs["index"]
        if self.run.stopping:
            return
        held = was_held(failure)
        index.problems.append(f"{request.url}: {failure.value if held else self.trouble(failure, request.url)[0]}")
        yield from self._complete(index, request.cb_kwargs["child"])

    def _complete(self, index: _Index, child: str) -> Iterator[ChannelAnswer]:
        """The channel's answer, when this was the last of its documents."""
        index.waiting.discard(child)
        if index.waiting:
            return
        problem = "; ".join(text for text in index.problems if text)
        had = any(one.body_hash for one in index.known.values())
        if not index.documents and not had:
            yield self.unusable(index.response, index.channel, Kind.FAILED, problem or "an index without documents")
            return
        entries: dict[str, Entry] = {}
        for document in index.documents.values():
            entries.update({entry.link: entry for entry in document.entries if entry.link not in entries})
        kinds = {document.format for document in index.documents.values()}
        whole = FeedDocument(
            format="news-sitemap" if "news-sitemap" in kinds else "sitemap",
            entries=tuple(newest(list(entries.values()), self.run.options.max_items)),
            problem=problem,
            # What was not read again is known; nobody counted it, but it is about what is missing from the last count.
            known=max((index.channel.listed or 0) - len(entries), index.unchanged) if index.unchanged else 0,
        )
        answer = self.read_answer(index.response, index.channel, whole)
        answer = replace(answer, validators=replace(index.validators, documents=index.known))
        if not index.documents and not problem:
            answer = replace(answer, kind=Kind.UNCHANGED, document=None)
        yield answer

    async def document_of(self, response: Response) -> FeedDocument:
        """Read a body here, or in a worker if it is long."""
        options = self.run.options
        parse = partial(
            parse_sitemap,
            url=response.url,
            now=self.run.now(),
            max_items=options.max_items,
            max_bytes=options.max_bytes,
        )
        if len(response.body) <= INLINE_BYTES:
            return parse(response.body)
        return await self.run.extractors.call(response.url, parse, response.body)


def _validators(stored: Mapping[str, str | None]) -> Validators:
    return Validators(stored.get("etag"), stored.get("last_modified"), stored.get("url"), stored.get("body_hash"))
