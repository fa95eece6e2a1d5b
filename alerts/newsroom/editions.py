"""What an outlet shows at one moment: its dated articles, newest first, and the URLs they have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from alerts.newsroom.outlets import Article, ChannelPlan, Outlet, zone_minutes

CORRECTED_AFTER = timedelta(minutes=12)
"""An article written as a correction was changed this long after it appeared (never after the anchor)."""
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Dated:
    """An article with the times at which it appeared and was last changed (aware UTC, whole seconds).

    `published` is None where the outlet never says it.
    """

    article: Article
    published: datetime | None
    updated: datetime | None = None

    @property
    def changed(self) -> datetime | None:
        """The later of both times, as far as the outlet tells them."""
        return max((when for when in (self.published, self.updated) if when is not None), default=None)


@dataclass(frozen=True, slots=True)
class Edition:
    """One outlet as a visitor sees it.

    Attributes:
        outlet: who it is and how its site is built.
        bases: outlet id -> ``http://127.0.0.1:port`` of every outlet, for links across outlets.
        articles: newest first.
        touched: when anything of it last changed; Last-Modified of every document.
    """

    outlet: Outlet
    bases: Mapping[str, str]
    articles: tuple[Dated, ...]
    touched: datetime

    def url(self, path: str) -> str:
        """The absolute URL of a path of this outlet."""
        return self.bases[self.outlet.id] + path

    def canonical(self, article: Article) -> str:
        """The URL that the article's page names as canonical: its own, or another outlet's."""
        if not article.canonical:
            return self.url(article.path)
        outlet, _, name = article.canonical.partition("/")
        return f"{self.bases[outlet]}/news/{name}"

    def language(self, article: Article) -> str:
        """The article's language, else the outlet's first."""
        return article.language or self.outlet.languages[0]

    def listed(self, channel: ChannelPlan, page: int = 1) -> tuple[Dated, ...]:
        """What a channel's document holds (`page` counts from 1; only listing pages have more than one)."""
        matching = [each for each in self.articles if not channel.label or channel.label in each.article.labels]
        return tuple(matching[(page - 1) * channel.window : page * channel.window])

    def find(self, path: str) -> Dated | None:
        """The article served at `path`, or None."""
        return next((each for each in self.articles if each.article.path == path), None)

    def rfc822(self, when: datetime) -> str:
        """``Tue, 05 May 2026 14:03:00 +0300``, with the outlet's zone as it writes it."""
        there = self._local(when)
        zone = self.outlet.site.zone
        day = f"{DAYS[there.weekday()]}, {there.day:02} {MONTHS[there.month - 1]} {there.year}"
        return f"{day} {there:%H:%M:%S} {'GMT' if zone == 'Z' else zone}"

    def iso(self, when: datetime) -> str:
        """``2026-05-05T14:03:00+03:00``, or with ``Z`` where the outlet writes that."""
        text = self._local(when).isoformat()
        return text.removesuffix("+00:00") + "Z" if self.outlet.site.zone in {"Z", "GMT"} else text

    def shown(self, when: datetime) -> str:
        """``05.05.2026 14:03`` in the outlet's zone, for people."""
        return f"{self._local(when):%d.%m.%Y %H:%M}"

    def _local(self, when: datetime) -> datetime:
        return when.astimezone(timezone(timedelta(minutes=zone_minutes(self.outlet.site.zone))))


def date_articles(outlet: Outlet, anchor: datetime) -> tuple[Dated, ...]:
    """The outlet's articles with their times, newest first; equal times by id, so that the order never varies."""
    return newest_first(_date(article, anchor) for article in outlet.articles)


def newest_first(articles: Iterable[Dated]) -> tuple[Dated, ...]:
    """Sorted as outlets list them: undated ones last."""
    return tuple(sorted(articles, key=_place))


def _place(dated: Dated) -> tuple[bool, float, str]:
    return dated.published is None, -dated.published.timestamp() if dated.published else 0.0, dated.article.id


def _date(article: Article, anchor: datetime) -> Dated:
    if article.hours_ago is None:
        return Dated(article, None)
    published = whole(anchor - timedelta(hours=article.hours_ago))
    return Dated(article, published, min(published + CORRECTED_AFTER, anchor) if article.correction else None)


def whole(when: datetime) -> datetime:
    """The same moment in UTC without fractions of a second: HTTP and RFC 822 dates have none."""
    return when.astimezone(UTC).replace(microsecond=0)
