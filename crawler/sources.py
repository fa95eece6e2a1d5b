"""Sources and their channels: the files of config/sources/.

A file is a list of sources. What a channel is, what may stand in it and what it means is said once, in the models here;
docs/schemas/ and docs/configuration.md are made from them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, ConfigDict, Field, RootModel, WithJsonSchema, model_validator

from crawler.configfile import (
    Document,
    Identifier,
    Section,
    fault,
    files_in,
    nearest,
    parse_document,
    read_document,
    validate,
)
from crawler.errors import Problem
from crawler.options import LanguageCode
from crawler.urls import clean_link, url_key

# ISO 3166-1 alpha-2, and XK, which it reserves for users and news uses for Kosovo.
_ISO_3166 = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD
CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF
GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN
KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA
NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI
SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI
VN VU WF WS XK YE YT ZA ZM ZW
"""
COUNTRY_CODES = frozenset(_ISO_3166.split())
_OTHER_COUNTRIES = {"UK": "GB", "EN": "GB", "EL": "GR", "USA": "US", "GER": "DE", "SU": "RU"}


class ChannelKind(StrEnum):
    """How a channel is read."""

    FEED = "feed"
    SITEMAP = "sitemap"
    SECTION = "section"


@dataclass(frozen=True, slots=True)
class Channel:
    """One way into a source.

    Attributes:
        id: stable; made of source, kind and configured URL.
        source: id of the source.
        kind: feed, sitemap or section.
        url: absolute http(s) URL.
        min_minutes: shortest poll interval that the source allows; None for the settings' own.
        max_minutes: longest poll interval; None for the settings' own.
        links: CSS of the links to articles (sections only).
        date: CSS of an article's date in the listing (sections only); may be empty.
        next_page: CSS of the link to the next page (sections only); may be empty.
        paused: not polled.
    """

    id: str
    source: str
    kind: ChannelKind
    url: str
    min_minutes: int | None = None
    max_minutes: int | None = None
    links: str = ""
    date: str = ""
    next_page: str = ""
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """An outlet or organisation. `country` is empty for international ones; the file's models describe the rest."""

    id: str
    name: str
    country: str = ""
    languages: tuple[str, ...] = ()
    tier: int = 3
    party: str | None = None
    homepage: str = ""
    channels: tuple[Channel, ...] = ()
    fetch_pages: bool = True
    paused: bool = False
    checked: date | None = None
    note: str = ""
    tags: tuple[str, ...] = ()
    own_spider: bool = False


def check_country(code: str) -> str:
    """A country code as it is, or a fault that names the right one."""
    if code in COUNTRY_CODES:
        return code
    upper = code.upper()
    meant = _OTHER_COUNTRIES.get(upper) or (upper if upper in COUNTRY_CODES else "")
    hint = f"did you mean {meant}?" if meant else "leave the key out for an international organisation"
    raise fault(f"`{code}` is no country code", expected="two capitals of ISO 3166, such as UA", hint=hint)


def check_url(url: str) -> str:
    """An absolute http(s) URL in the form in which it is fetched, or a fault."""
    cleaned = clean_link(url)
    if not cleaned:
        hint = f"did you mean https://{url}?" if "://" not in url and clean_link(f"https://{url}") else ""
        raise fault(f"`{url}` is no web address", expected="a URL that begins with https:// or http://", hint=hint)
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise fault("a user name or password stands in the URL", hint="channels are public; delete it", code="secret")
    return cleaned


def _check_selector(css: str) -> str:
    import cssselect

    try:
        cssselect.parse(css)
    except cssselect.SelectorError as error:
        words = str(error)
        at = words.rpartition(" at ")[2].rstrip(">")
        offset = int(at) if at.isdecimal() else None
        raise fault(f"this is no CSS selector: {words}", expected="such as `article h2 a`", offset=offset) from None
    return css


CountryCode = Annotated[str, AfterValidator(check_country), WithJsonSchema({"type": "string", "pattern": "^[A-Z]{2}$"})]
WebAddress = Annotated[
    str, AfterValidator(check_url), WithJsonSchema({"type": "string", "format": "uri", "pattern": "^https?://"})
]
Selector = Annotated[str, Field(min_length=1), AfterValidator(_check_selector)]
Minutes = Annotated[int, Field(strict=True, ge=1, le=10_080)]


class ChannelSection(Section):
    """One channel: exactly one of `feed`, `sitemap` and `section`, with its URL."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [kind.value]} for kind in ChannelKind]})

    not_here: ClassVar[dict[str, str]] = {
        "url": "write the kind as the key: `feed: https://...`, `sitemap: ...` or `section: ...`",
        "kind": "write the kind as the key: `feed: https://...`, `sitemap: ...` or `section: ...`",
        "rss": "did you mean `feed`?",
        "atom": "did you mean `feed`?",
    }

    feed: WebAddress | None = Field(None, description="RSS, Atom, RDF or JSON Feed.")
    sitemap: WebAddress | None = Field(None, description="News sitemap, or an index of them; may be gzipped.")
    section: WebAddress | None = Field(None, description="Listing page without a feed; needs `links`.")
    links: Selector | None = Field(None, description="CSS of the links to articles. Sections only.")
    date: Selector | None = Field(None, description="CSS of an article's date, inside its link's block. Sections only.")
    next_page: Selector | None = Field(None, description="CSS of the link to the next page. Sections only.")
    min_minutes: Annotated[Minutes, Field(ge=2)] | None = Field(
        None, description="Shortest poll interval, where the source allows a shorter one than the settings."
    )
    max_minutes: Minutes | None = Field(None, description="Longest poll interval.")
    paused: bool = Field(default=False, description="Not polled.")

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        given = [kind for kind in ChannelKind if getattr(self, kind) is not None]
        if len(given) != 1:
            message = "a channel is of one kind" if given else "the channel has no URL"
            raise fault(message, expected="exactly one of feed, sitemap, section", code="channel-kind")
        if given[0] is ChannelKind.SECTION and self.links is None:
            raise fault("a section needs `links`", expected="the CSS of the links to articles", code="missing")
        if given[0] is not ChannelKind.SECTION:
            extra = [name for name in ("links", "date", "next_page") if getattr(self, name) is not None]
            if extra:
                raise fault(f"`{extra[0]}` has no meaning in a {given[0]}", hint="only sections use CSS")
        if self.min_minutes and self.max_minutes and self.min_minutes > self.max_minutes:
            raise fault("min_minutes is more than max_minutes")
        return self

    def channel(self, source: str, *, paused: bool) -> Channel:
        """The channel as the crawler uses it."""
        kind = next(kind for kind in ChannelKind if getattr(self, kind) is not None)
        url: str = getattr(self, kind)
        return Channel(
            id=channel_id(source, kind, url),
            source=source,
            kind=kind,
            url=url,
            min_minutes=self.min_minutes,
            max_minutes=self.max_minutes,
            links=self.links or "",
            date=self.date or "",
            next_page=self.next_page or "",
            paused=self.paused or paused,
        )


class SourceSection(Section):
    """One source."""

    not_here: ClassVar[dict[str, str]] = {
        "url": "did you mean `homepage`? The ways in stand under `channels`",
        "feeds": "write `channels: [{feed: https://...}]`",
        "language": "did you mean `languages`? It is a list: `languages: [en]`",
    }

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": ["channels"]},
                {"required": ["own_spider"], "properties": {"own_spider": {"const": True}}},
            ]
        }
    )

    id: Identifier = Field(description="Short name, never changed: articles, rules and desks refer to it.")
    name: str = Field(min_length=1, max_length=200, description="As a digest shows it.")
    country: CountryCode = Field(
        "",
        validate_default=False,
        description="ISO 3166 alpha-2; exiled media count to the country they left.",
    )
    languages: tuple[LanguageCode, ...] = Field(min_length=1, description="Languages it writes in; ISO 639-1.")
    tier: Annotated[int, Field(strict=True, ge=1, le=4)] = Field(
        3,
        description="1 agency or international body, 2 large outlet, 3 local or specialised, 4 party or aggregator.",
    )
    party: str | None = Field(
        None, min_length=1, description="The side in a conflict that it is or belongs to, such as Russia."
    )
    homepage: WebAddress = Field("", validate_default=False, description="Its front page.")
    tags: tuple[Identifier, ...] = Field((), description="Words of your own to list and pause sources by.")
    channels: tuple[ChannelSection, ...] = Field(
        (),
        min_length=1,
        validate_default=False,
        description="Ways in. Feeds come first, then sitemaps, then sections: while one fails the next carries on. "
        "At least one, unless `own_spider` is true.",
    )
    own_spider: bool = Field(
        default=False,
        description="A Scrapy spider of your own reads it (docs/sources.md), beside the channels or instead of them.",
    )
    fetch_pages: bool = Field(
        default=True,
        description="Fetch the articles' pages; `false` where permission is required for more than the entry.",
    )
    paused: bool = Field(default=False, description="None of its channels is polled.")
    checked: date | None = Field(None, description="Day on which `sources check` last found it working.")
    note: str = Field("", description="For the next operator.")

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        if not self.channels and not self.own_spider:
            hint = "such as `channels: [{feed: https://news.example/rss}]`"
            raise fault("`channels` is missing", expected="the key `channels`", hint=hint, code="missing")
        return self

    def source(self) -> Source:
        """The source as the crawler uses it."""
        return Source(
            id=self.id,
            name=self.name,
            country=self.country,
            languages=self.languages,
            tier=self.tier,
            party=self.party,
            homepage=self.homepage,
            channels=tuple(channel.channel(self.id, paused=self.paused) for channel in self.channels),
            fetch_pages=self.fetch_pages,
            paused=self.paused,
            checked=self.checked,
            note=self.note,
            tags=self.tags,
            own_spider=self.own_spider,
        )


class SourcesFile(RootModel[tuple[SourceSection, ...]]):
    """A file of config/sources/: a list of sources."""


def channel_id(source: str, kind: ChannelKind | str, url: str) -> str:
    """``source:kind:hash``: stable while source, kind and configured URL stay."""
    return f"{source}:{kind}:{hashlib.sha256(url.encode()).hexdigest()[:12]}"


def load_sources(folder: Path, instead: Mapping[Path, str] | None = None) -> tuple[tuple[Source, ...], list[Problem]]:
    """Read every file of a folder.

    Args:
        folder: config/sources.
        instead: texts to read in place of files, or of files that are not there yet: what if they were written?

    Returns:
        The good sources in the order of files and lines, and what is wrong with the others. Of two sources with one id
        the first stays.
    """
    loader = _Loader()
    instead = instead or {}
    paths = sorted({*files_in(folder), *instead})
    for path in paths:
        changed = instead.get(path)
        document, problems = read_document(path) if changed is None else parse_document(changed, str(path))
        loader.problems += problems
        if document is not None:
            # A file with a key that stands twice is checked to the end, but nothing of it is used.
            loader.take(document, whole=not problems)
    if not paths:
        loader.problems.append(
            Problem(str(folder), 0, 0, "no source is configured", "*.yaml files", code="no-sources", warning=True)
        )
    return tuple(loader.sources), loader.problems


class _Loader:
    """Takes documents one by one and remembers where each id and each channel was first seen."""

    def __init__(self) -> None:
        self.sources: list[Source] = []
        self.problems: list[Problem] = []
        self._ids: dict[str, str] = {}
        self._channels: dict[tuple[ChannelKind, str], str] = {}

    def take(self, document: Document, *, whole: bool) -> None:
        data = document.data
        if data is None:
            self.problems.append(document.problem((), "the file holds no source", code="empty", warning=True))
        elif not isinstance(data, list):
            hint = "begin each source with `- `"
            self.problems.append(document.problem((), "a list of sources stands here", hint=hint, code="list-type"))
        else:
            for index in range(len(data)):
                self._take_source(document, index, whole=whole)

    def _take_source(self, document: Document, index: int, *, whole: bool) -> None:
        section, problems = validate(document, SourceSection, root=(index,))
        if section is not None:
            problems = [*self._repeated_id(document, index, section.id), *self._repeated(document, index, section)]
        self.problems += problems
        if section is not None and whole and not problems:
            self.sources.append(section.source())

    def _repeated_id(self, document: Document, index: int, name: str) -> Iterable[Problem]:
        line, column = document.position((index, "id"))
        first = self._ids.setdefault(name, f"{document.file}:{line}:{column}")
        if first != f"{document.file}:{line}:{column}":
            message = f"a second source has the id `{name}`"
            yield document.problem((index, "id"), message, hint=f"the first is in {first}", code="duplicate-id")

    def _repeated(self, document: Document, index: int, section: SourceSection) -> Iterable[Problem]:
        for number, part in enumerate(section.channels):
            channel = part.channel(section.id, paused=False)
            loc = (index, "channels", number, str(channel.kind))
            line, column = document.position(loc)
            here = f"{document.file}:{line}:{column}"
            first = self._channels.setdefault((channel.kind, url_key(channel.url)), here)
            if first != here:
                hint = f"the first is in {first}"
                yield document.problem(loc, "this channel stands twice", hint=hint, code="duplicate-channel")


def nearest_source(name: str, sources: Iterable[Source]) -> str:
    """The source id that `name` was probably meant to be, or an empty string."""
    return nearest(name, [source.id for source in sources])
