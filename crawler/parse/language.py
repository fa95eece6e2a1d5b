"""Which language a text is in, among the configured ones. Pure, but for the model that is read once."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

CONFIDENT = 0.6
"""Below this the source's own language is the better guess (six words are right 99.7 % of the time above it)."""

_ENOUGH = 20_000  # characters; more changes no answer

# Threads that begin at the same time would each read the model, and hold a hundred megabytes for it.
_reading = threading.Lock()


def primary(tag: str) -> str:
    """The primary subtag of a language tag in lower case: ``en-GB`` -> ``en``; empty for what is no tag."""
    head = tag.strip().replace("_", "-").split("-", 1)[0].lower()
    return head if head.isalpha() and 2 <= len(head) <= 3 else ""


def detect_language(text: str, languages: Iterable[str], default: str = "") -> str:
    """The language of a text.

    Args:
        text: plain text; a title is enough.
        languages: primary tags of the configured languages; those the model does not know are left out.
        default: the answer when the text is empty or the model is not confident.

    Returns:
        A primary tag, or `default`.
    """
    wanted = tuple(sorted({primary(tag) for tag in languages} - {""}))
    if not any(letter.isalpha() for letter in text):
        return default
    with _reading:
        identifier = _identifier(wanted)
    if identifier is None:
        return default
    found, confidence = identifier.classify(text[:_ENOUGH])
    return str(found) if confidence >= CONFIDENT else default


@lru_cache(maxsize=8)
def _identifier(languages: tuple[str, ...]) -> Any | None:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # 100 ms and 20 MB that many commands never need

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    known = [code for code in languages if code in identifier.labels]
    if languages and len(known) < 2:
        return None  # nothing to choose between: the source's language it is
    identifier.set_languages(known or None)
    return identifier
