"""Outlets and their articles: the values of the sample newsroom, read strictly from data/<outlet>.yaml."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from alerts.newsroom.strict import Fields, NewsroomError, read_fields

DATA = Path(__file__).parent / "data"
WINDOW = 30
"""How many articles a channel lists unless its outlet says otherwise."""


class Format(StrEnum):
    """What a channel's document looks like."""

    RSS20 = "rss20"
    RSS20_CONTENT = "rss20-content"  # the whole text in content:encoded
    RSS10 = "rss10"
    ATOM10 = "atom10"
    JSON = "json"
    NEWS_SITEMAP = "news-sitemap"  # an index; its one child is gzipped
    SECTION = "section"  # a listing page for people


KINDS = {Format.NEWS_SITEMAP: "sitemap", Format.SECTION: "section"}
ZONES = {
    "GMT": 0, "UTC": 0, "Z": 0, "WET": 0, "CET": 60, "CEST": 120, "EET": 120, "EEST": 180, "MSK": 180, "EST": -300,
    "EDT": -240, "PST": -480,
}  # fmt: skip
VALIDATORS = ("both", "etag", "weak-etag", "last-modified")
JSON_LD = ("plain", "graph", "none")


@dataclass(frozen=True, slots=True)
class ChannelPlan:
    """One channel of an outlet: which document, at which path, and how many articles it lists."""

    format: Format
    path: str
    window: int = WINDOW
    label: str = ""  # list only articles with this label

    @property
    def kind(self) -> str:
        """``feed``, ``sitemap`` or ``section``."""
        return KINDS.get(self.format, "feed")


@dataclass(frozen=True, slots=True)
class Site:
    """How an outlet's web site is built: the differences between real sites that a reader has to survive.

    Attributes:
        zone: how dates are written: a name of `ZONES` or an offset such as ``+0300``.
        charset: of pages and feeds (JSON is always UTF-8).
        charset_in_header: else only the document itself names its charset.
        lang_attribute: whether ``<html>`` says the language.
        json_ld: ``plain``, inside a ``graph``, or ``none``.
        validators: which of ETag and Last-Modified the server sends.
        tracking: feed links carry campaign parameters.
        gzip: bodies are compressed for clients that take it.
        disallow: paths that robots.txt closes.
    """

    zone: str = "GMT"
    charset: str = "utf-8"
    charset_in_header: bool = True
    lang_attribute: bool = True
    json_ld: str = "plain"
    validators: str = "both"
    tracking: bool = False
    gzip: bool = False
    disallow: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Expect:
    """A flag that the starter rules must give an article: topic and class, with the stage of a ceasefire."""

    topic: str
    class_: str
    stage: str = ""


@dataclass(frozen=True, slots=True)
class Article:
    """One written article. `copy_of` and `canonical` name another as ``outlet/article``; paragraphs by blank lines.

    `hours_ago` counts back from the newsroom's anchor; None = the outlet never says when it published it.
    """

    id: str
    hours_ago: float | None
    title: str
    summary: str
    body: str
    author: str = ""
    labels: tuple[str, ...] = ()
    language: str = ""
    copy_of: str = ""
    canonical: str = ""
    correction: bool = False
    expect: tuple[Expect, ...] = ()

    @property
    def path(self) -> str:
        """Where the outlet serves it."""
        return f"/news/{self.id}"

    @property
    def paragraphs(self) -> tuple[str, ...]:
        """The body's paragraphs, each on one line."""
        return tuple(" ".join(part.split()) for part in self.body.split("\n\n") if part.strip())


@dataclass(frozen=True, slots=True)
class Outlet:
    """An invented outlet with everything it publishes."""

    id: str
    name: str
    languages: tuple[str, ...]
    channels: tuple[ChannelPlan, ...]
    articles: tuple[Article, ...] = ()
    country: str = ""
    tier: int = 3
    party: str = ""
    homepage: str = "/"
    site: Site = field(default_factory=Site)


def load_outlets(folder: Path = DATA) -> tuple[Outlet, ...]:
    """Every outlet of `folder`, by file name. Raises NewsroomError naming the file, the place and what was expected."""
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise NewsroomError(f"{folder}: no outlet is written here (expected <outlet>.yaml files)")
    outlets = tuple(load_outlet(file) for file in files)
    check_outlets(outlets)
    return outlets


def load_outlet(file: Path) -> Outlet:
    """One outlet from its file. Raises NewsroomError."""
    top = read_fields(file)
    head = top.fields("outlet")
    articles = tuple(_article(fields) for fields in top.each("articles"))
    outlet = Outlet(
        id=head.text("id"),
        name=head.text("name"),
        languages=head.texts("languages"),
        channels=tuple(_channel(fields) for fields in head.each("channels")),
        articles=articles,
        country=head.text("country", ""),
        tier=int(head.number("tier", 3)),
        party=head.text("party", ""),
        homepage=head.text("homepage", "/"),
        site=_site(head.fields("site", optional=True)),
    )
    head.done()
    top.done()
    if outlet.id != file.stem:
        raise NewsroomError(f"{file.name}: outlet.id is {outlet.id!r}; it must be the file's name")
    return outlet


def check_outlets(outlets: Sequence[Outlet]) -> None:
    """Refuse what cannot be served: equal ids or paths, references to articles that do not exist."""
    _unique("outlet", [outlet.id for outlet in outlets])
    known = {f"{outlet.id}/{article.id}" for outlet in outlets for article in outlet.articles}
    for outlet in outlets:
        if not outlet.languages:
            raise NewsroomError(f"{outlet.id}: an outlet needs a language")
        _unique(f"{outlet.id}: article", [article.id for article in outlet.articles])
        _unique(f"{outlet.id}: channel path", [channel.path for channel in outlet.channels])
        for article in outlet.articles:
            for name, target in (("copy_of", article.copy_of), ("canonical", article.canonical)):
                if target and target not in known:
                    raise NewsroomError(f"{outlet.id}: {article.id}: {name} names {target!r}, which nobody wrote")


def _unique(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise NewsroomError(f"{what} {name!r} stands there twice")
        seen.add(name)


def _channel(fields: Fields) -> ChannelPlan:
    plan = ChannelPlan(
        format=Format(fields.choice("format", tuple(Format))),
        path=fields.path("path"),
        window=int(fields.number("window", WINDOW)),
        label=fields.text("label", ""),
    )
    kind = fields.choice("kind", ("feed", "sitemap", "section"))
    if kind != plan.kind:
        raise NewsroomError(f"{fields.where}: kind is {kind}, but {plan.format} is a {plan.kind}")
    if plan.window < 1:
        raise NewsroomError(f"{fields.where}: window must be at least 1")
    fields.done()
    return plan


def _site(fields: Fields) -> Site:
    site = Site(
        zone=fields.text("zone", "GMT"),
        charset=fields.text("charset", "utf-8"),
        charset_in_header=fields.yes("charset_in_header", default=True),
        lang_attribute=fields.yes("lang_attribute", default=True),
        json_ld=fields.choice("json_ld", JSON_LD, "plain"),
        validators=fields.choice("validators", VALIDATORS, "both"),
        tracking=fields.yes("tracking"),
        gzip=fields.yes("gzip"),
        disallow=fields.texts("disallow", optional=True),
    )
    fields.done()
    zone_minutes(site.zone, where=fields.where)
    try:
        "".encode(site.charset)
    except LookupError as error:
        raise NewsroomError(f"{fields.where}: charset: {error}") from error
    return site


def _article(fields: Fields) -> Article:
    article = Article(
        id=fields.text("id"),
        hours_ago=fields.number_or_null("hours_ago"),
        title=fields.text("title"),
        summary=fields.text("summary"),
        body=fields.text("body"),
        author=fields.text("author", ""),
        labels=fields.texts("labels", optional=True),
        language=fields.text("language", ""),
        copy_of=fields.text("copy_of", ""),
        canonical=fields.text("canonical", ""),
        correction=fields.yes("correction"),
        expect=tuple(_expect(each) for each in fields.each("expect", optional=True)),
    )
    fields.done()
    if article.hours_ago is not None and article.hours_ago < 0:
        raise NewsroomError(f"{fields.where}: hours_ago counts back from the anchor; it cannot be negative")
    if not article.paragraphs:
        raise NewsroomError(f"{fields.where}: the body is empty")
    return article


def _expect(fields: Fields) -> Expect:
    expect = Expect(
        topic=fields.choice("topic", ("civilian_attack", "ceasefire")),
        class_=fields.choice("class", ("event", "statement", "context")),
        stage=fields.text("stage", ""),
    )
    fields.done()
    return expect


def zone_minutes(zone: str, *, where: str = "zone") -> int:
    """Minutes east of UTC of a name of `ZONES` or of an offset such as ``+0530``. Raises NewsroomError."""
    if zone in ZONES:
        return ZONES[zone]
    if len(zone) == 5 and zone[0] in "+-" and zone[1:].isascii() and zone[1:].isdigit():
        minutes = int(zone[1:3]) * 60 + int(zone[3:])
        return -minutes if zone[0] == "-" else minutes
    raise NewsroomError(f"{where}: zone {zone!r} is not known (expected {', '.join(ZONES)} or +hhmm)")
