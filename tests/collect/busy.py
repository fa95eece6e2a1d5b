"""What workers are asked to do in tests. Workers import this module, so it imports little itself."""

from __future__ import annotations

import os
import time
from datetime import datetime

from crawler.articles import FeedDocument
from crawler.errors import ExtractError
from crawler.looking import Answer, Thing, empty_page


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


def answer(thing: Thing, _: datetime) -> Answer:
    """What becomes of a file is its name."""
    if thing.name == "dies":
        os._exit(4)
    if thing.name == "lasts":
        time.sleep(60)
    if thing.name == "raises":
        raise SyntaxError("odd")
    return empty_page(thing, "") | {"title": f"read {thing.name}"}
