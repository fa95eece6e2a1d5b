"""The pages of articles: fetched politely, read by workers; one that cannot be had is an outcome too."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.archive.articles import WantedPage
from crawler.errors import ExtractError
from crawler.items import CollectRun, PageAnswer
from crawler.middlewares import ACCEPT, THROTTLED
from crawler.parse.pages import PageRequest, extract_page
from crawler.polling import Kind, hold_seconds, retry_after_seconds
from crawler.spiders.base import WITHOUT_ROBOTS, RunSpider, header, was_held

_ACCEPT = "text/html, application/xhtml+xml;q=0.9, */*;q=0.1"
_HTML = ("text/html", "application/xhtml+xml", "text/plain", "application/xml", "text/xml")
_WORTH_ANOTHER_TRY = {408, 421, 425, 429}
_CUT = "the page was cut off"
_END, _END_WITHIN = b"</html", 1000


class PageSpider(RunSpider):
    """Fetches the pages that articles want."""

    name = "pages"

    def __init__(self, run: CollectRun, pages: list[WantedPage], **kwargs: Any) -> None:
        super().__init__(run, **kwargs)
        self.pages = pages

    async def start(self) -> Any:
        """One request a page."""
        for wanted in self.pages:
            try:
                yield self.ask(
                    wanted.url,
                    {ACCEPT: _ACCEPT},
                    callback=self.answered,
                    errback=self.failed,
                    cb_kwargs={"wanted": wanted},
                )
            except ValueError as error:
                yield PageAnswer(wanted, self.run.now(), wanted.url, reason=f"no URL: {error}"[:300], permanent=True)

    async def answered(self, response: Response, wanted: WantedPage) -> Any:
        """Turn a response into a `PageAnswer`."""
        answer = self._refusal(response, wanted)
        if answer is None:
            answer = await self._read(response, wanted)
        if not self.run.stopping or answer.extraction is not None:
            yield answer

    def failed(self, failure: Failure) -> Any:
        """A page without a response. Requests that were never made are no outcome."""
        if was_held(failure) or self.run.stopping:
            return
        request = failure.request  # type: ignore[attr-defined]  # Scrapy hangs it on
        reason, kind = self.trouble(failure, request.url)
        permanent = kind is Kind.BLOCKED or "too large" in reason or "redirections" in reason or "scheme" in reason
        # Rules of a site that are not to be had now may be had later, whatever keeps them.
        permanent = permanent and not reason.startswith(WITHOUT_ROBOTS)
        wanted: WantedPage = request.cb_kwargs["wanted"]
        yield PageAnswer(wanted, self.run.now(), request.url, reason=reason, permanent=permanent)

    def _refusal(self, response: Response, wanted: WantedPage) -> PageAnswer | None:
        """The outcome of a response that is no page; None for one that can be read."""
        now, status = self.run.now(), response.status
        if status != 200:
            permanent = 300 <= status < 500 and status not in _WORTH_ANOTHER_TRY
            asked = None
            if status in THROTTLED:
                asked = retry_after_seconds(header(response, "Retry-After") or "", now)
                asked = hold_seconds(asked)
            reason = f"HTTP {status}"
            return PageAnswer(wanted, now, response.url, status, None, reason, permanent, asked)
        kind = (header(response, "Content-Type") or "text/html").partition(";")[0].strip().lower()
        if kind not in _HTML:
            return PageAnswer(wanted, now, response.url, status, None, f"not HTML but {kind[:80]}", permanent=True)
        if self._is_cut(response) and self._has_another_try(wanted):
            return PageAnswer(wanted, now, response.url, status, None, _CUT)
        return None

    @staticmethod
    def _is_cut(response: Response) -> bool:
        """Whether less came than was announced. A page with its last tag is whole, whatever the server counted."""
        return "dataloss" in response.flags and _END not in response.body[-_END_WITHIN:].lower()

    def _has_another_try(self, wanted: WantedPage) -> bool:
        """Whether a page that fails now is asked for again; at the last try half a page is better than none."""
        options = self.run.options
        late = self.run.now() - wanted.first_wanted >= timedelta(minutes=options.page_give_up_minutes)
        return wanted.tries + 1 < options.page_tries and not late

    async def _read(self, response: Response, wanted: WantedPage) -> PageAnswer:
        now, options = self.run.now(), self.run.options
        source = self.run.sources.get(wanted.source)
        request = PageRequest(
            url=response.url,
            content_type=header(response, "Content-Type") or "",
            languages=tuple(options.languages),
            source_language=source.languages[0] if source and source.languages else "",
            now=now,
        )
        try:
            extraction = await self.run.extractors.call(response.url, extract_page, response.body, request)
        except ExtractError as error:
            return PageAnswer(wanted, now, response.url, response.status, None, error.reason, permanent=not error.late)
        if self._is_cut(response):
            extraction = replace(extraction, problem=extraction.problem or _CUT)
        return PageAnswer(wanted, now, response.url, response.status, extraction)
