"""One line in the settings of a Scrapy project, and its spiders get our guard, our archive and our pipeline.

    ADDONS = {"crawler.addon.CeasewireAddon": 100}

docs/sources.md says what a spider yields. What protects this machine cannot be switched off by the project; what is
only manners (delays, robots.txt, the user agent) can.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from crawler.articles import Entry
from crawler.errors import ConfigError, ExtractError, Problem

if TYPE_CHECKING:
    import sqlalchemy as sa
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.settings import BaseSettings

    from crawler.archive import Archive
    from crawler.archive.writer import Writer
    from crawler.folder import CrawlerFolder
    from crawler.resolver import GuardedResolver
    from crawler.sources import Source

log = logging.getLogger(__name__)

FOLDER = "CEASEWIRE_CONFIG"
"""Setting, or environment variable, that names the configuration folder."""
_GUARD = "cmdline"
"""Priority of what a project cannot change: above its settings and above those of a spider."""
_TEXTS = ("text", "body", "content")


class CeasewireAddon:
    """Changes a Scrapy project's settings so that its spiders fetch through the guard and fill the archive."""

    def update_settings(self, settings: BaseSettings) -> None:
        """Scrapy's way of asking an add-on what it wants.

        Raises:
            ConfigError: no configuration folder is named, or what is in it is wrong.
        """
        options = folder_of(settings).options
        guard: dict[str, Any] = {
            "DOWNLOADER": "crawler.middlewares.PoliteDownloader",
            "DOWNLOAD_HANDLERS": dict.fromkeys(settings.getwithbase("DOWNLOAD_HANDLERS"))
            | dict.fromkeys(("http", "https"), "crawler.middlewares.StoppableHandler"),
            # A proxy would resolve names where the guard cannot look; both others open a port on this machine.
            "HTTPPROXY_ENABLED": False,
            "REMOTE_CONTROL_ENABLED": False,
            "TELNETCONSOLE_ENABLED": False,
            "DOWNLOADER_MIDDLEWARES": dict(settings.getdict("DOWNLOADER_MIDDLEWARES"))
            | {"crawler.addon.GuardMiddleware": 10},
            "ITEM_PIPELINES": dict(settings.getdict("ITEM_PIPELINES")) | {"crawler.addon.ArticlePipeline": 900},
        }
        manners = {
            "USER_AGENT": options.user_agent,
            "ROBOTSTXT_OBEY": options.robots,
            "ROBOTSTXT_USER_AGENT": options.user_agent.partition("/")[0] or None,
            "CONCURRENT_REQUESTS": options.concurrency,
            "CONCURRENT_REQUESTS_PER_DOMAIN": 1,
            "DOWNLOAD_DELAY": options.delay_seconds,
            "DOWNLOAD_MAXSIZE": options.max_bytes,
            "DOWNLOAD_TIMEOUT": options.page_timeout_seconds,
            "DOWNLOAD_VERIFY_CERTIFICATES": True,
            "REDIRECT_MAX_TIMES": options.max_redirects,
            "COOKIES_ENABLED": False,
        }
        for name, value in guard.items():
            settings.set(name, value, priority=_GUARD)
        for name, value in manners.items():
            settings.set(name, value, priority="addon")


def folder_of(settings: BaseSettings) -> CrawlerFolder:
    """The configuration folder that a Scrapy project works with.

    Raises:
        ConfigError: none is named, or what is in it is wrong.
    """
    from crawler.folder import read_folder

    named = settings.get(FOLDER) or os.environ.get(FOLDER)
    if not named:
        hint = f'{FOLDER} = "/path/to/config" in the settings of the project, or as an environment variable'
        raise ConfigError([Problem("settings.py", 0, 0, "no configuration folder is named", hint=hint)])
    return read_folder(Path(str(named)).expanduser(), skip_broken=True)


class GuardMiddleware:
    """Schemes and politeness slots of every request, and the guard before its connection, on each redirect hop too."""

    def __init__(self, crawler: Crawler) -> None:
        self._allow = folder_of(crawler.settings).options.allow_addresses
        self._resolver: GuardedResolver | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> GuardMiddleware:
        """Scrapy's way of making one."""
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        """Refuse what is not fetched, and make sure that the guard stands."""
        from twisted.internet import reactor

        from crawler.guard import scheme_allowed
        from crawler.middlewares import Refused
        from crawler.resolver import install
        from crawler.urls import host_slot

        reason = scheme_allowed(request.url)
        if reason:
            raise Refused(reason)
        # Looked at before every request: whatever put another resolver there meanwhile, it would not be ours.
        if self._resolver is None or reactor.nameResolver is not self._resolver:
            self._resolver = install(self._allow)
        request.meta["download_slot"] = host_slot(request.url)
        request.meta.pop("proxy", None)

    def process_exception(self, request: Request, exception: Exception) -> None:
        """Say that it was the guard, where Scrapy would only say that a name could not be resolved."""
        del exception
        refusals = self._resolver.refusals if self._resolver is not None else {}
        reason = refusals.get(urlsplit(request.url).hostname or "")
        if reason:
            log.warning("refused %s: %s", request.url, reason)


class ArticlePipeline:
    """Stores every article that a spider yields, at once and as a transaction of its own."""

    def __init__(self, crawler: Crawler) -> None:
        from crawler.extraction import Extractors

        self._crawler = crawler
        self._folder = folder_of(crawler.settings)
        self._sources = {source.id: source for source in self._folder.sources}
        options = self._folder.options
        self._extractors = Extractors(options.extract_workers, options.extract_seconds)
        self._first = False
        self._new = 0
        self._dates: list[datetime] = []
        self._stored: dict[str, int] = {}
        self._archive: Archive | None = None
        self._writer: Writer | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> ArticlePipeline:
        """Scrapy's way of making one."""
        return cls(crawler)

    @property
    def channel(self) -> str:
        """What stands for a channel where an own spider brought an article."""
        from crawler.archive.ownspiders import spider_channel

        return spider_channel(self._name)

    @property
    def _name(self) -> str:
        return str(getattr(self._crawler.spider, "name", "own"))

    def open_spider(self) -> None:
        """Open the archive, and see that the spider's source is known.

        Raises:
            ConfigError: the spider names no source of config/sources/.
            ArchiveError: the database cannot be used.
        """
        from crawler.archive import open_archive
        from crawler.archive.writer import Writer

        named = getattr(self._crawler.spider, "source", None)
        if named is not None:
            self._source(str(named))
        self._archive = open_archive(self._folder.database_url)
        with self._archive.read() as connection:
            # As at a channel's first fetch: what is old then must not flood a desk.
            self._first = not _has_brought(connection, self.channel)
        self._writer = Writer(self._archive)

    async def close_spider(self) -> None:
        """Write what waits and let go of the workers."""
        await asyncio.to_thread(self._extractors.close)
        if self._archive is not None and self._writer is not None:
            await self._note_run(self._writer)
            await asyncio.to_thread(self._writer.close)
            self._archive.close()

    async def _note_run(self, writer: Writer) -> None:
        """Keep how the run went, so that a spider that breaks, or brings nothing any more, is noticed."""
        from crawler.archive.ownspiders import SpiderRun, record_run

        most = max(self._stored, key=self._stored.__getitem__, default="")
        named = str(getattr(self._crawler.spider, "source", "") or most)
        if not named:
            return
        dates = tuple(self._dates)
        run = SpiderRun(self._name, named, datetime.now(UTC), self._new, dates, "" if self._stored else self._fault())
        await writer.submit(partial(record_run, run=run))

    def _fault(self) -> str:
        """What kept a run that stored nothing from it; empty if nothing is known to have."""
        assert self._crawler.stats is not None
        stats = self._crawler.stats.get_stats()
        raised = sorted(name.partition("/")[2] for name in stats if name.startswith("spider_exceptions/"))
        raised = [name for name in raised if name != "count"]
        if raised:
            return f"the spider raised {', '.join(raised)}"[:300]
        return "" if stats.get("response_received_count") else "no page was answered"

    async def process_item(self, item: Any) -> Any:
        """Store an item if it is an article; others are left to the project's own pipelines."""
        from itemadapter import ItemAdapter

        values = {name: value for name, value in ItemAdapter(item).items() if value not in (None, "", [])}
        if not ({"url", "response"} & values.keys()):
            log.info("left alone: an item of %s without `url` or `response`", self._name)
            return item
        source = self._source(str(values.get("source") or getattr(self._crawler.spider, "source", "") or ""))
        entry = await self._entry(values, source)
        if not entry.link:
            log.warning("left out: %r is no web address", values.get("url"))
            return item
        await self._store(entry, source)
        return item

    async def _entry(self, values: Mapping[str, Any], source: Source) -> Entry:
        from crawler.pipelines import with_languages

        now = datetime.now(UTC)
        response: Response | None = values.get("response")
        read = await self._extracted(response, source, now) if response is not None else {}
        entry = entry_of({**read, **values}, source, now)
        return with_languages([entry], source, self._folder.options)[0]

    async def _extracted(self, response: Response, source: Source, now: datetime) -> dict[str, Any]:
        """What a page says, read in a worker that can be killed; nothing but its address if it cannot be read."""
        from crawler.parse.pages import PageRequest, extract_page

        kind = (response.headers.get("Content-Type") or b"").decode("latin-1")
        languages = tuple(self._folder.options.languages)
        request = PageRequest(response.url, kind, languages, source.languages[0] if source.languages else "", now)
        found: dict[str, Any] = {"url": response.url}
        try:
            page = await self._extractors.call(response.url, extract_page, response.body, request)
        except ExtractError as error:
            log.warning("%s: %s", response.url, error.reason)
            return found
        text = page.text.replace("\n", "\n\n")
        found |= {"title": page.title, "text": text, "published": page.published, "authors": page.authors}
        return found | {"language": page.language}

    async def _store(self, entry: Entry, source: Source) -> None:
        from crawler.archive.articles import add_entries

        # Its text was had here: the page is only fetched by a later run where it was not.
        own = replace(source, fetch_pages=source.fetch_pages and not entry.content)
        store = partial(
            add_entries,
            source=own,
            channel=self.channel,
            entries=[entry],
            now=datetime.now(UTC),
            first_fetch=self._first,
            backfill_hours=self._folder.options.backfill_hours,
        )
        assert self._writer is not None
        added = await self._writer.submit(store)
        self._new += len(added.new)
        self._dates += added.dates
        self._stored[source.id] = self._stored.get(source.id, 0) + 1
        stats = self._crawler.stats
        if stats is not None:
            stats.inc_value("ceasewire/articles_new" if added.new else "ceasewire/articles_known")

    def _source(self, name: str) -> Source:
        """The configured source of that id.

        Raises:
            ConfigError: there is none; says which was probably meant.
        """
        if name in self._sources:
            return self._sources[name]
        from crawler.sources import nearest_source

        close = nearest_source(name, self._folder.sources)
        hint = f"did you mean `{close}`?" if close else "add it to sources/ with `own_spider: true`"
        message = f"no source has the id `{name}`" if name else "it names no source"
        expected = 'the attribute `source = "an-id"` of the spider, or `source` in the item'
        raise ConfigError([Problem(f"spider {self._name}", 0, 0, message, expected, hint, "unknown-source")])


def entry_of(values: Mapping[str, Any], source: Source, now: datetime) -> Entry:
    """An item's values as an entry. Lists, as item loaders make them, count as their parts. Pure.

    Args:
        values: `url`, `title`, `text` (or `body`, `content`), `summary`, `published`, `authors`, `labels`, `language`,
            `id`; all but `url` may be missing. A time without a zone is UTC.
        source: whose article it is.
        now: aware UTC; dates in the future become it.
    """
    from crawler.parse.dates import DateReader, settle
    from crawler.parse.language import primary
    from crawler.parse.text import html_to_line
    from crawler.urls import clean_link

    published = values.get("published")
    if isinstance(published, datetime):
        published = published if published.tzinfo is not None else published.replace(tzinfo=UTC)
    raw_date = published.isoformat() if isinstance(published, datetime) else _text(published)
    said = published.astimezone(UTC) if isinstance(published, datetime) else None
    date = said or DateReader(source.languages).any_date(raw_date)
    text = next((found for name in _TEXTS if (found := _paragraphs(values.get(name)))), "")
    return Entry(
        guid=_text(values.get("id") or values.get("guid")),
        link=clean_link(_text(values.get("url")), source.homepage),
        title=html_to_line(_text(values.get("title"))),
        summary=_paragraphs(values.get("summary")),
        content=text,
        published=settle(date, now),
        raw_date=raw_date,
        authors=_words(values.get("authors")),
        labels=_words(values.get("labels")),
        language=primary(_text(values.get("language"))),
    )


def _paragraphs(value: Any) -> str:
    """A text, or a list of its paragraphs, as paragraphs; tags in it are read as tags."""
    from crawler.parse.text import html_to_text, paragraphs

    parts = value if isinstance(value, list | tuple) else [value]
    texts = [str(part) for part in parts if part is not None]
    plain = (html_to_text(text) if "</" in text or "<p>" in text else paragraphs(text) for text in texts)
    return "\n\n".join(text for text in plain if text)


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " ".join(str(part).strip() for part in value if part is not None)
    return "" if value is None else str(value).strip()


def _words(value: Any) -> tuple[str, ...]:
    from crawler.parse.text import one_line

    parts = value if isinstance(value, list | tuple | set | frozenset) else [value] if value else []
    return tuple(dict.fromkeys(word for part in parts if (word := one_line(str(part)))))


def _has_brought(connection: sa.Connection, channel: str) -> bool:
    import sqlalchemy

    from crawler.archive.schema import sighting

    query = sqlalchemy.select(sighting.c.channel).where(sighting.c.channel == channel).limit(1)
    return connection.execute(query).first() is not None
