"""The `crawler:` section of settings.yaml."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from crawler.configfile import Section, fault, nearest

VERSION = "0.1"
LANGUAGES = ("en", "uk", "ru", "ar", "he", "fr", "es")
"""Languages that the shipped lists know."""

# ISO 639-1; py3langid reads nearly all of them.
_ISO_639 = """
aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo es
et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj
kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv
ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti
tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
"""
LANGUAGE_CODES = frozenset(_ISO_639.split())
_OTHER_CODES = {"ua": "uk", "iw": "he", "sp": "es", "gr": "el", "cz": "cs", "jp": "ja", "cn": "zh", "dk": "da"}


_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PASSWORD_IN_URL = re.compile(r"://[^/@]*:.*@")


def check_language(code: str) -> str:
    """A two-letter language code as it is, or a fault that names the nearest one."""
    if code in LANGUAGE_CODES:
        return code
    primary = code.lower().replace("_", "-").partition("-")[0]
    meant = _OTHER_CODES.get(primary) or (primary if primary in LANGUAGE_CODES else nearest(primary, LANGUAGE_CODES))
    hint = f"did you mean `{meant}`?" if meant else ""
    raise fault(f"`{code}` is no language code", expected="two letters of ISO 639-1, such as uk", hint=hint)


def _check_address(text: str) -> str:
    """An address, a network or ``address:port``, as guard.address_allowed reads it."""
    try:
        ipaddress.ip_network(text, strict=True)
    except ValueError as error:
        host, colon, port = text.rpartition(":")
        try:
            ipaddress.ip_address(host.strip("[]"))
            if colon and port.isdecimal() and 0 < int(port) < 65_536:
                return text
        except ValueError:
            pass
        hint = "the part behind the network's bits must be zero" if "host bits" in str(error) else ""
        hint = hint or ("write 127.0.0.1 or ::1" if text.startswith("localhost") else "")
        expected = "an address, a network such as 127.0.0.0/8, or address:port"
        raise fault(f"`{text}` is no address", expected=expected, hint=hint) from None
    return text


def _check_database(url: str) -> str:
    if _PASSWORD_IN_URL.search(url):
        hint = "put the whole URL into an environment variable and name it with `database_env`"
        raise fault("a password stands in the URL", hint=hint, code="secret")
    scheme, found, rest = url.partition("://")
    if not found or scheme not in ("sqlite", "postgresql"):
        expected = "sqlite:///FILE or postgresql://USER@HOST/NAME"
        meant = {"postgres": "postgresql", "sqlite3": "sqlite"}.get(scheme) or nearest(scheme, ("sqlite", "postgresql"))
        hint = f"did you mean {meant}://?" if meant and found else ""
        raise fault(f"`{url}` is no database that is known here", expected=expected, hint=hint)
    if scheme == "sqlite" and (not rest.startswith("/") or rest == "/"):
        raise fault("the file's name is missing", expected="sqlite:///FILE, with three slashes")
    return url


def check_variable(name: str) -> str:
    """The name of an environment variable as it is (or an empty text), or a fault.

    A wrong value may be the secret itself: it is not repeated.
    """
    if name and not _VARIABLE.fullmatch(name):
        expected = "its name, such as CEASEWIRE_DATABASE"
        raise fault("this is no name of an environment variable", expected=expected, code="secret")
    return name


def _check_user_agent(text: str) -> str:
    offset = next((index for index, letter in enumerate(text) if not " " <= letter <= "~"), None)
    if offset is not None:
        raise fault("a user agent is sent in ASCII", expected="letters without accents", offset=offset)
    return text


VariableName = Annotated[
    str, AfterValidator(check_variable), WithJsonSchema({"type": "string", "pattern": "^([A-Za-z_][A-Za-z0-9_]*)?$"})
]
LanguageCode = Annotated[
    str, AfterValidator(check_language), WithJsonSchema({"type": "string", "pattern": "^[a-z]{2}$"})
]
Number = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(strict=True, ge=1)]


class CrawlerOptions(Section):
    """How the web is asked, and where what it says is kept."""

    not_here: ClassVar[dict[str, str]] = {
        "password": "a password stands in no file; name the variable that holds the URL with `database_env`",
        "feed_timeout": "the unit is part of the name: `feed_timeout_seconds`",
        "page_timeout": "the unit is part of the name: `page_timeout_seconds`",
        "delay": "the unit is part of the name: `delay_seconds`",
    }

    database: Annotated[str, AfterValidator(_check_database)] = Field(
        "sqlite:///var/ceasewire.sqlite",
        description="Where articles and ledger are kept: `sqlite:///FILE` (relative to this folder) or "
        "`postgresql://USER@HOST/NAME`. Never with a password.",
    )
    database_env: VariableName = Field(
        "",
        description="Name of an environment variable that holds the whole database URL, password included. If it is "
        "named here, it must be set; it wins over `database`.",
    )
    contact: str = Field(
        "",
        description="A web page or mail address where the owner of a site can reach you. It is part of the user agent.",
    )
    user_agent: Annotated[str, AfterValidator(_check_user_agent)] = Field(
        "", description="The whole user agent; empty: `ceasewire/VERSION (+contact)`."
    )
    languages: tuple[LanguageCode, ...] = Field(
        LANGUAGES,
        min_length=1,
        description="Languages that the detection chooses from. Fewer are told apart better.",
    )
    robots: bool = Field(default=True, description="Obey robots.txt for article pages.")
    delay_seconds: Number = Field(1.0, description="Pause between two requests to one host and port.")
    jitter: Annotated[float, Field(strict=True, ge=0, le=1)] = Field(
        0.1, description="Share of a pause or interval, 0 to 1, by which it varies, so that channels do not march."
    )
    concurrency: Annotated[int, Field(strict=True, ge=1, le=500)] = Field(
        16, description="Requests at the same time over all hosts; one host never gets two."
    )
    feed_timeout_seconds: Positive = Field(20.0, description="Time for one feed or sitemap, from connect to last byte.")
    page_timeout_seconds: Positive = Field(20.0, description="Time for one page, from connect to last byte.")
    max_bytes: Annotated[int, Field(strict=True, ge=10_000)] = Field(
        10 * 1024 * 1024, description="Largest document in bytes, after decompression."
    )
    max_items: Count = Field(2_000, description="Entries read from one document, newest first.")
    max_redirects: Annotated[int, Field(strict=True, ge=0, le=20)] = Field(
        5, description="Redirects followed in a row."
    )
    allow_addresses: tuple[Annotated[str, AfterValidator(_check_address)], ...] = Field(
        (),
        description="Private addresses that may be fetched in spite of the guard: `127.0.0.0/8`, `127.0.0.1:8001`. "
        "For tests and for sources in your own network.",
    )
    extract_workers: Annotated[int, Field(strict=True, ge=1, le=64)] = Field(
        2, description="Processes that read article text out of pages."
    )
    extract_seconds: Positive = Field(10.0, description="Time for reading one page before its process is killed.")
    page_tries: Count = Field(3, description="Tries for one page before it is given up.")
    page_give_up_minutes: Positive = Field(30.0, description="Age of a wanted page at which it is given up.")
    backfill_hours: Number = Field(
        48.0,
        description="At a channel's first fetch, older and undated entries are archived and read but told to no desk.",
    )
    default_interval_minutes: Positive = Field(60.0, description="Poll interval of a channel of which little is known.")
    min_interval_minutes: Positive = Field(15.0, description="Shortest poll interval where a source allows no shorter.")
    max_interval_minutes: Positive = Field(180.0, description="Longest poll interval of a healthy channel.")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.min_interval_minutes <= self.default_interval_minutes <= self.max_interval_minutes:
            message = "the poll intervals are not in order"
            raise fault(message, expected="min_interval_minutes <= default_interval_minutes <= max_interval_minutes")
        if not self.user_agent:
            contact = f" (+{self.contact})" if self.contact else ""
            # The model is final for everybody else; this completes it.
            object.__setattr__(self, "user_agent", f"ceasewire/{VERSION}{contact}")
        return self
