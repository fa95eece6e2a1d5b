"""The names under which agencies and outlets are credited -> whom they mean. Pure.

A key says who an origin is: ``source:ID`` a configured source, ``agency:ID`` an agency that is none, ``site:HOST`` and
``name:WORDS`` anybody else that a credit line names, ``unknown:`` nobody in particular.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import yaml

from crawler.articles import fold

if TYPE_CHECKING:
    from crawler.sources import Source

UNNAMED = "unknown:agencies"
"""The key of a text from "news agencies" that names none of them."""
_LONGEST = 6
_SHOUTED = 5
_SKIPPED = 4
_WORD = re.compile(r"[^\W_][\w.'’״\"׳-]*")
_ELIDED = re.compile(r"(?<!\w)[dl]['’](?=\w)", re.IGNORECASE)
_HOST = re.compile(r"(?:https?://)?((?:[a-z0-9-]+\.)+[a-z]{2,})(?=[/:?#\s),;]|\.?$)", re.IGNORECASE)
_CYRILLIC_ENDING = re.compile(
    "(?:ого|ому|ої|ою|ими|ий|ій|ий|ая|ой|ый|ую|ые|ых|ів|ей|ам|ах|ом|ем|ем|а|я|и|і|ї|у|ю|е|о|ы|ь)$"
)
_STEM_FROM = 5


@cache
def data(name: str) -> Any:
    """One of the package's YAML files."""
    return yaml.safe_load(files("alerts.origins").joinpath(name).read_text(encoding="utf-8"))


class Names:
    """Looks names up. Made once of the agencies' list and the configured sources."""

    def __init__(self, sources: Iterable[Source] = ()) -> None:
        self._sources = {source.id: source for source in sources}
        self._shown: dict[str, str] = {}
        self._known: dict[str, tuple[str, bool]] = {}
        self._stems: dict[str, str] = {}
        self._hosts: dict[str, str] = {}
        self._agencies: set[str] = set()
        wording = data("wording.yaml")
        self._fillers = frozenset(wording["fillers"].split())
        for words in wording["unnamed"]:
            self._known[fold(words)] = (UNNAMED, False)
        for agency in data("agencies.yaml"):
            self._add_agency(agency)
        for source in self._sources.values():
            self._add_source(source)
        for folded, (key, shouted) in self._known.items():
            if not shouted:
                self._stems.setdefault(_stem(folded), key)

    def _add_agency(self, agency: dict[str, Any]) -> None:
        names = [agency["name"], *agency["aliases"]]
        folded = {fold(name) for name in names}
        same = next((source.id for source in self._sources.values() if _plain(source.name) in folded), "")
        key = f"source:{same}" if same else f"agency:{agency['id']}"
        self._agencies.add(key)
        self._shown.setdefault(key, agency["name"])
        for name in names:
            self._known.setdefault(fold(name), (key, name.isupper() and len(name.replace(".", "")) <= _SHOUTED))

    def _add_source(self, source: Source) -> None:
        key = f"source:{source.id}"
        self._shown[key] = source.name
        self._known.setdefault(fold(source.name), (key, source.name.isupper() and len(source.name) <= _SHOUTED))
        self._known.setdefault(_plain(source.name), (key, source.name.isupper() and len(source.name) <= _SHOUTED))
        for url in (source.homepage, *(channel.url for channel in source.channels)):
            if host := host_of(url):
                self._hosts.setdefault(host, key)

    def shown(self, key: str) -> str:
        """What a key is called; for anybody else than a source or an agency the name stands in the key."""
        kind, _, rest = key.partition(":")
        return self._shown.get(key) or ("news agencies" if kind == "unknown" else rest)

    def party(self, key: str) -> str:
        """The side that the origin is on, if it is a party to the conflict."""
        source = self._sources.get(key.removeprefix("source:")) if key.startswith("source:") else None
        return (source.party or "") if source else ""

    def is_agency(self, key: str) -> bool:
        """Whether the key is of an agency of the list."""
        return key in self._agencies or key.startswith("agency:")

    def is_own(self, key: str, source: str) -> bool:
        """Whether a key means the source itself: "BBC" and "AFP Factuel" credit nobody else in their own texts."""
        if key == f"source:{source}":
            return True
        ours, theirs = fold(self.shown(f"source:{source}")), fold(self.shown(key))
        return bool(theirs) and (f"{ours} ".startswith(f"{theirs} ") or f"{theirs} ".startswith(f"{ours} "))

    def of_host(self, url: str) -> str:
        """Whose site a URL is on: a source's key, else ``site:HOST``; empty for no URL."""
        host = host_of(url)
        return self._hosts.get(host) or (f"site:{host}" if host else "")

    def begins(self, text: str) -> tuple[str, int]:
        """The key of the known name with which a text begins, and where the name ends in it; ("", 0) for none.

        Words such as "the agency" may stand before it.
        """
        words = list(_WORD.finditer(_ELIDED.sub("  ", text[:120])))[: _LONGEST + _SKIPPED]
        for skipped in range(len(words)):
            for end in range(min(len(words), skipped + _LONGEST), skipped, -1):
                if key := self._key([word[0] for word in words[skipped:end]]):
                    return key, words[end - 1].end()
            if skipped >= _SKIPPED or words[skipped][0].casefold() not in self._fillers:
                break
        return "", 0

    def ends(self, text: str) -> tuple[str, int]:
        """The key of the known name with which a text ends, and where it begins; ("", 0) for none."""
        words = list(_WORD.finditer(text))[-_LONGEST:]
        for start in range(len(words)):
            if key := self._key([word[0] for word in words[start:]]):
                return key, words[start].start()
        return "", 0

    def whole(self, text: str) -> str:
        """The key of a text that is a known name and nothing else but fillers."""
        key, end = self.begins(text)
        return key if key and not _WORD.search(text, end) else ""

    def site(self, text: str) -> str:
        """The key of the site whose address a text begins with."""
        found = _HOST.match(text.lstrip(' \t(<[«"'))
        return self.of_host(f"https://{found[1]}") if found else ""

    def _key(self, words: list[str]) -> str:
        # A full stop or an apostrophe after the last word is the sentence's.
        said = [*words[:-1], words[-1].rstrip(".'’\"״")]
        folded = fold(" ".join(said))
        key, shouted = self._known.get(folded, ("", False))
        if key:
            return "" if shouted and not " ".join(said).isupper() else key
        return self._stems.get(_stem(folded), "") if not folded.isascii() else ""


def host_of(url: str) -> str:
    """``reuters.com`` or ``127.0.0.1:8081``: where a URL leads, without www.; empty when it is none."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower().removeprefix("www.")
    except ValueError:
        return ""


def same_site(one: str, other: str) -> bool:
    """Whether two hosts are one site: equal, or one a part of the other, or both under one name."""
    if one == other or one.endswith(f".{other}") or other.endswith(f".{one}"):
        return True
    return not _is_address(one) and _registered(one) == _registered(other)


def _is_address(host: str) -> bool:
    return host.rpartition(":")[0].replace(".", "").isdigit() or host.replace(".", "").isdigit()


def _registered(host: str) -> str:
    """The last two labels, three where the second is one like co.uk: enough to tell sites apart."""
    labels = host.split(".")
    return ".".join(labels[-3:] if len(labels) > 2 and len(labels[-2]) <= 3 and len(labels[-1]) == 2 else labels[-2:])


def _plain(name: str) -> str:
    folded = fold(name)
    return folded.removeprefix("the ")


def _stem(folded: str) -> str:
    """Words without their Cyrillic endings: names are declined."""
    return " ".join(_CYRILLIC_ENDING.sub("", word) if len(word) >= _STEM_FROM else word for word in folded.split())


def parts(text: str) -> Iterator[str]:
    """The names of a list such as ``Dana Whitlock and AFP``."""
    yield from (part.strip() for part in _joiners().split(text) if part.strip())


@cache
def _joiners() -> re.Pattern[str]:
    return re.compile(data("wording.yaml")["joiners"])
