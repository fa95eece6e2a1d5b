"""A limit on what comes before a body. Twisted has none, so a server could send headers until memory is full."""

from __future__ import annotations

from typing import Any

from twisted.python.failure import Failure
from twisted.web.client import HTTPConnectionPool

LARGEST_HEAD = 256 * 1024
"""Bytes of status lines and headers of one answer, interim answers included. Browsers stop at about as many."""

_IN_HEAD = ("STATUS", "HEADER")


class HeadTooLarge(Exception):  # noqa: N818 - reads as what happened in a reason
    """An answer's status and headers were longer than anybody needs."""


def limit_heads(pool: HTTPConnectionPool, limit: int = LARGEST_HEAD) -> None:
    """Have connections that a pool makes from now on give up on an answer whose head is too large.

    Args:
        pool: of a download handler, before its first request.
        limit: bytes.
    """
    factory: Any = pool._factory  # noqa: SLF001 - Twisted's only way to choose the protocol, and Scrapy's own

    class Limited(factory):  # type: ignore[misc]  # whatever class the pool had
        def buildProtocol(self, address: Any) -> Any:  # noqa: N802 - Twisted's name
            protocol = super().buildProtocol(address)
            _watch(protocol, limit)
            return protocol

    pool._factory = Limited  # noqa: SLF001


def _watch(protocol: Any, limit: int) -> None:
    receive = protocol.dataReceived
    counted: tuple[object, int] = (None, 0)

    def received(data: bytes) -> None:
        nonlocal counted
        parser = protocol._parser  # noqa: SLF001 - a new one for each answer; nothing else says which answer this is
        if parser is not None and parser.state in _IN_HEAD:
            counted = (parser, len(data) + (counted[1] if counted[0] is parser else 0))
            if counted[1] > limit:
                error = HeadTooLarge(f"the head of the answer has more than {limit:,} bytes")
                protocol._giveUp(Failure(error))  # type: ignore[no-untyped-call]  # Twisted  # noqa: SLF001
                return
        receive(data)

    protocol.dataReceived = received
