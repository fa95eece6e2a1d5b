"""Conditions on what describes an article: source, country, url, author, lang, label."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from alerts.rules.nodes import Phrase, Word
from alerts.rules.terms import expression
from alerts.rules.values import Text

_HOST = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^/?#@]*@)?([^/?#:]+)", re.IGNORECASE)


def condition(field: str, atom: Word | Phrase) -> Callable[[Text], bool]:
    """What `source:`, `country:` or `lang:` with this word asks of a text: the whole value, wildcards allowed."""
    written = atom.text if isinstance(atom, Word) else " ".join(word.text for word in atom.words)
    pattern = re.compile(expression(written.casefold().strip()), re.DOTALL)
    if field == "source":
        return lambda text: any(pattern.fullmatch(name) for name in _source_names(text))
    if field == "country":
        return lambda text: pattern.fullmatch(text.country.casefold()) is not None
    return lambda text: pattern.fullmatch(primary_tag(text.language)) is not None


def primary_tag(language: str) -> str:
    """`en` of `en-GB`; empty for an unknown language."""
    tag = language.casefold().replace("_", "-").split("-", 1)[0].strip()
    return "" if tag == "und" else tag


def _source_names(text: Text) -> Iterable[str]:
    """The source's id, its host, and every domain above that: `www.reuters.com`, `reuters.com`, `com`."""
    if text.source:
        yield text.source.casefold()
    host = _HOST.match(text.url)
    if host:
        labels = host.group(1).casefold().rstrip(".").split(".")
        for at in range(max(1, len(labels) - 1)):
            yield ".".join(labels[at:])


SAID: dict[str, Callable[[Text], Sequence[str]]] = {
    "url": lambda text: (text.url,),
    "author": lambda text: text.authors,
    "label": lambda text: text.labels,
}
"""Fields that hold words: a term of theirs may stand anywhere in one of the values."""
