"""A first look at a site: which ways into it work, and the source that could be written from them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlsplit

from crawler import discovery
from crawler.articles import FeedDocument
from crawler.discovery import FrontPage, Offer
from crawler.errors import ExtractError, FetchError
from crawler.extraction import Extractors
from crawler.options import LANGUAGE_CODES, CrawlerOptions
from crawler.parse.sitemaps import parse_sitemap
from crawler.probing import Answer, Clock, Trial, fetch, try_channels
from crawler.sources import Channel, ChannelKind, Source, channel_id
from crawler.urls import clean_link, url_key

MOST_FEEDS = 3
"""Feeds proposed of one site; further ones are named."""
MOST_ASKED = 6
"""Offers of one kind that are asked for."""
MOST_SITEMAPS = 3
GUESSES_AT_A_TIME = 4
_SAME = 0.8
"""Share of common articles from which two channels are the same one in two formats."""
_INLINE_BYTES = 256 * 1024
_READ = 1_000_000
"""Bytes of a front page that are read: what it names stands in its head."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What is known of a site after a first look.

    Attributes:
        url: what was asked for, after redirects.
        homepage: front page.
        name: of the outlet.
        languages: of its articles; may be empty.
        country: by its host's ending; empty when that says nothing.
        kept: channels worth having, best first.
        left: others, with the reason in words.
    """

    url: str
    homepage: str
    name: str
    languages: tuple[str, ...]
    country: str
    kept: tuple[Trial, ...]
    left: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Look:
    """What one survey has found so far."""

    options: CrawlerOptions
    now: Clock
    say: Callable[[str], None]
    configured: Mapping[tuple[ChannelKind, str], str]
    extractors: Extractors
    trials: list[Trial] = field(default_factory=list)
    known: list[Trial] = field(default_factory=list)
    asked: bool = False
    left: list[tuple[str, str]] = field(default_factory=list)

    async def fetch(self, urls: Sequence[str], where: str = "") -> list[Answer]:
        """Ask for documents, with the pause that is kept between two requests to a host."""
        await self._pause()
        for url in urls:
            self.say(f"asking {url}" + (f" ({where})" if where else ""))
        return await fetch(urls, self.options, accept="text/html, application/xml;q=0.9, */*;q=0.8")

    async def read(self, answer: Answer) -> FeedDocument:
        """A sitemap's document, read where a hostile one costs nothing but its time."""
        if answer.status != 200:
            return FeedDocument(format="")
        parse = partial(parse_sitemap, url=answer.final_url, now=self.now(), max_bytes=self.options.max_bytes)
        if len(answer.body) <= _INLINE_BYTES:
            return parse(answer.body)
        try:
            return await self.extractors.call(answer.final_url, parse, answer.body)
        except ExtractError as error:
            return FeedDocument(format="", problem=error.reason)

    async def _pause(self) -> None:
        # Each look is a run of its own, which knows nothing of the one before.
        await asyncio.sleep(self.options.delay_seconds if self.asked else 0)
        self.asked = True

    async def ask(self, kind: ChannelKind, offers: Sequence[Offer]) -> list[Trial]:
        """Poll offers that were not asked before; those that are configured already are left out with a word."""
        new: list[Offer] = []
        known: list[Offer] = []
        had = {url_key(trial.channel.url) for trial in self.trials} | {url_key(url) for url, _ in self.left}
        for offer in offers:
            owner = self.configured.get((kind, url_key(offer.url)))
            if owner is not None:
                self.left.append((offer.url, f"configured already: source {owner}"))
                known.append(offer)
            elif url_key(offer.url) not in had:
                new.append(offer)
        for offer in new[MOST_ASKED:]:
            self.left.append((offer.url, f"not asked ({offer.where})"))
        for offer in new[:MOST_ASKED]:
            self.say(f"asking {offer.url} ({offer.where})")
        source = Source(id="survey", name="survey", languages=self.options.languages)
        pairs = [
            (source, Channel(channel_id("survey", kind, offer.url), "survey", kind, offer.url))
            # What is configured is polled beside what is new, to tell whether both list the same.
            for offer in (*new[:MOST_ASKED], *known)
        ]
        if not new:
            return []
        await self._pause()
        found = await try_channels(pairs, self.options, self.now)
        self.trials += found[: len(pairs) - len(known)]
        self.known += found[len(pairs) - len(known) :]
        found = found[: len(pairs) - len(known)]
        return [trial for trial in found if trial.works]


async def survey(
    url: str, options: CrawlerOptions, sources: Iterable[Source], *, now: Clock, say: Callable[[str], None]
) -> Survey:
    """Look at a site: its front page, robots.txt, the feeds and sitemaps they name, and the usual places.

    Args:
        url: a site's address, a feed's or a sitemap's; without a scheme https is tried, then http.
        options: the configuration's.
        sources: the configured ones; channels that they have are not proposed again.
        now: gives the current instant, aware UTC.
        say: is told what is asked, in words.

    Raises:
        FetchError: the address gave no answer, or one that is no page.
    """
    configured = {(channel.kind, url_key(channel.url)): channel.source for one in sources for channel in one.channels}
    extractors = Extractors(1, options.extract_seconds)
    try:
        return await _survey(url, _Look(options, now, say, configured, extractors))
    finally:
        await asyncio.to_thread(extractors.close)


async def _survey(url: str, look: _Look) -> Survey:
    answer = await _first_answer(url, look)
    kind = discovery.kind_of(answer.body)
    if kind is not None:
        await look.ask(kind, [Offer(answer.final_url, where="as given")])
        homepage = f"{discovery.origin(answer.final_url)}/"
        [front] = await look.fetch([homepage])
    else:
        homepage, front = answer.final_url, answer
    page = _page(front)
    await _look_for_feeds(look, page, homepage, given=kind)
    await _look_for_sitemaps(look, page, homepage)
    kept, left = choose(look.trials, look.known)
    return Survey(
        url=answer.final_url,
        homepage=homepage,
        name=page.name or discovery.plain_name(urlsplit(homepage).hostname or ""),
        languages=languages_of(kept, page.language, look.options.languages),
        country=discovery.country_of(homepage),
        kept=kept,
        left=(*left, *look.left),
    )


def choose(
    trials: Sequence[Trial], known: Sequence[Trial] = ()
) -> tuple[tuple[Trial, ...], tuple[tuple[str, str], ...]]:
    """The channels worth having, best first, and the others with the reason. Pure.

    Args:
        trials: of what might be added.
        known: of what is configured already; what lists the same adds nothing.
    """
    kept: list[Trial] = []
    left: list[tuple[str, str]] = []
    for trial in sorted(trials, key=lambda one: one.channel.kind is not ChannelKind.FEED):
        reason = _reason_against(trial, kept, known)
        if reason:
            left.append((trial.channel.url, reason))
        else:
            kept.append(trial)
    return tuple(kept), tuple(left)


def languages_of(kept: Sequence[Trial], said: str, configured: Sequence[str]) -> tuple[str, ...]:
    """Languages of a source: what its page says first, then what its articles are in. Pure.

    Texts are only told apart into configured languages, so a page that names another one is believed alone.
    """
    found = dict.fromkeys(code for trial in kept for code in trial.languages)
    if said in LANGUAGE_CODES and said not in configured:
        return (said,)
    first = (said,) if said in LANGUAGE_CODES and (said in found or not found) else ()
    return tuple(dict.fromkeys((*first, *found)))


def _reason_against(trial: Trial, kept: Sequence[Trial], known: Sequence[Trial]) -> str:
    if not trial.works:
        return trial.reason or "it holds no entries"
    is_sitemap = trial.channel.kind is ChannelKind.SITEMAP
    if is_sitemap and trial.format != "news-sitemap":
        return "a sitemap without news"
    same_kind = [other for other in kept if other.channel.kind is trial.channel.kind]
    for other in (*same_kind, *(one for one in known if one.channel.kind is trial.channel.kind)):
        if len(trial.keys & other.keys) >= max(1, _SAME * min(len(trial.keys), len(other.keys))):
            return f"lists the same articles as {other.channel.url}"
    most = 1 if is_sitemap else MOST_FEEDS
    return f"works too ({trial.entries} entries); one can be added by hand" if len(same_kind) >= most else ""


async def _first_answer(url: str, look: _Look) -> Answer:
    given = url.strip()
    wanted = [given] if "://" in given else [f"https://{given}", f"http://{given}"]
    links = [link for one in wanted if (link := clean_link(one))]
    answer = Answer(given, given, reason="that is no web address")
    for link in links:
        [answer] = await look.fetch([link])
        if answer.status == 200:
            return answer
    reason = answer.reason or f"HTTP {answer.status}"
    if reason.startswith("refused"):
        reason += "; if it is a machine of your own, list it under crawler.allow_addresses in settings.yaml"
    permanent = not links or reason.startswith("refused") or answer.status in (401, 403, 404, 410)
    raise FetchError(answer.url, reason, permanent=permanent)


def _page(front: Answer) -> FrontPage:
    if front.status != 200 or discovery.kind_of(front.body) is not None:
        return FrontPage()
    return discovery.read_front_page(front.body[:_READ], url=front.final_url, content_type=front.content_type)


async def _look_for_feeds(look: _Look, page: FrontPage, homepage: str, *, given: ChannelKind | None) -> None:
    offers = discovery.worth_asking(page.feeds)
    if given is ChannelKind.FEED:
        # A person who names one feed wants that one; the others are only named.
        look.left += [(offer.url, f"not asked ({offer.where})") for offer in offers if not _was_tried(look, offer)]
        return
    if await look.ask(ChannelKind.FEED, offers):
        return
    if any((ChannelKind.FEED, url_key(offer.url)) in look.configured for offer in offers):
        return
    usual = discovery.usual_feeds(homepage)
    for start in range(0, len(usual), GUESSES_AT_A_TIME):
        if await look.ask(ChannelKind.FEED, usual[start : start + GUESSES_AT_A_TIME]):
            break
    # Of a guess that was wrong nobody needs to hear.
    look.trials = [trial for trial in look.trials if trial.works or not _was_offered(trial, usual)]


async def _look_for_sitemaps(look: _Look, page: FrontPage, homepage: str) -> None:
    if any(trial.works and trial.channel.kind is ChannelKind.SITEMAP for trial in look.trials):
        return
    robots = f"{discovery.origin(homepage)}/robots.txt"
    [answer] = await look.fetch([robots], "named by every site")
    named = discovery.sitemaps_in_robots(answer.body, url=answer.final_url) if answer.status == 200 else ()
    offers = discovery.by_promise(discovery.distinct((*page.sitemaps, *named))) or discovery.usual_sitemaps(homepage)
    look.left += [
        (offer.url, f"not asked ({offer.where})") for offer in offers[MOST_SITEMAPS:] if offer.where != discovery.USUAL
    ]
    for offer in offers[:MOST_SITEMAPS]:
        found = await _news_sitemap(look, offer)
        if found is not None and await look.ask(ChannelKind.SITEMAP, [found]):
            return


async def _news_sitemap(look: _Look, offer: Offer) -> Offer | None:
    """The offer if it is a news sitemap or an index of such, or the one in an index of all sorts; else None.

    Looked at before it is polled: an index of a whole site's past would cost ten requests and be worth nothing.
    """
    [answer] = await look.fetch([offer.url], offer.where)
    document = await look.read(answer)
    children = [Offer(url, where=f"named by {offer.url}") for url in document.children]
    if children:
        first, *others = discovery.by_promise(children)
        alike = [child for child in others if discovery.promises_news(child.url) == discovery.promises_news(first.url)]
        offer = offer if len(alike) == len(others) else first
        [answer] = await look.fetch([first.url], first.where)
        document = await look.read(answer)
    if document.format == "news-sitemap":
        return offer
    if answer.status == 200 or offer.where != discovery.USUAL:
        look.left.append((offer.url, _why_not(answer, document)))
    return None


def _why_not(answer: Answer, document: FeedDocument) -> str:
    if answer.status != 200:
        return answer.reason or f"HTTP {answer.status}"
    return "a sitemap without news" if document.format else document.problem


def _was_tried(look: _Look, offer: Offer) -> bool:
    return any(_was_offered(trial, [offer]) for trial in look.trials)


def _was_offered(trial: Trial, offers: Iterable[Offer]) -> bool:
    return url_key(trial.channel.url) in {url_key(offer.url) for offer in offers}
