"""What workers are asked to do in tests. Workers import this module, so it imports little itself."""

from __future__ import annotations

import os

from crawler.articles import FeedDocument
from crawler.errors import ExtractError


def burn(body: bytes, *, seconds: float, repair: bool = False) -> FeedDocument:
    """Never ends, but for b"repairable" documents that were made whole."""
    assert seconds < 1
    while not (repair and body == b"repairable"):
        pass
    return FeedDocument(format="rss", problem="damaged")


def leave(_: str) -> None:
    os._exit(3)


def eat(size: int) -> int:
    return len(bytearray(size))


def refuse(name: str) -> None:
    raise ExtractError(name, "nothing in it")
