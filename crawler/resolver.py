"""The guard at connect time: names and literal addresses, on every redirect hop and for every connection.

Looking at a URL is not enough, for a name may resolve to anything and to something else a moment later. So the one
place that turns hosts into addresses for connections answers with allowed addresses only.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress, IHostnameResolver, IHostResolution
from zope.interface import implementer

from crawler.guard import address_allowed

_MOST_REFUSALS = 10_000


@implementer(IHostResolution)
class _Resolution:
    def __init__(self, name: str) -> None:
        self.name = name
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


@implementer(IHostnameResolver)
class GuardedResolver:
    """Resolves host names in daemon threads, so that a hanging name server never holds up the end of the process.

    Attributes:
        allow: exceptions of the settings, see `guard.address_allowed`.
        refusals: why a host's addresses were refused, by host name.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.allow: tuple[str, ...] = ()
        self.refusals: dict[str, str] = {}

    def resolveHostName(  # noqa: N802 - Twisted's name
        self,
        resolutionReceiver: Any,  # noqa: N803
        hostName: str,  # noqa: N803
        portNumber: int = 0,  # noqa: N803
        addressTypes: Sequence[type[IAddress]] | None = None,  # noqa: ARG002, N803
        transportSemantics: str = "TCP",  # noqa: ARG002, N803
    ) -> Any:
        """Give the receiver the allowed addresses of a host; none when there are none."""
        resolution = _Resolution(hostName)
        resolutionReceiver.resolutionBegan(resolution)

        def answer(addresses: Iterable[str]) -> None:
            if resolution.cancelled:
                return
            for address in self._allowed(hostName, list(addresses), portNumber):
                kind = IPv6Address if ":" in address else IPv4Address
                resolutionReceiver.addressResolved(kind("TCP", address, portNumber))
            resolutionReceiver.resolutionComplete()

        literal = hostName.strip("[]")
        if _is_literal(literal):
            answer([literal])
        else:
            _look_up(self._loop, hostName, answer)
        return resolution

    def _allowed(self, host: str, addresses: list[str], port: int) -> list[str]:
        kept = []
        for address in addresses:
            reason = address_allowed(address, self.allow, port)
            if not reason:
                kept.append(address)
            elif len(self.refusals) < _MOST_REFUSALS:
                self.refusals[host] = reason
        return kept


def install(allow: Sequence[str]) -> GuardedResolver:
    """Put the guard in front of every connection that the running reactor makes from now on.

    Args:
        allow: exceptions of the settings, see `guard.address_allowed`.

    Returns:
        The resolver; the one of an earlier call, if there was one.
    """
    from twisted.internet import reactor

    current: object = reactor.nameResolver
    resolver = current if isinstance(current, GuardedResolver) else GuardedResolver(asyncio.get_running_loop())
    if resolver is not current:
        reactor.installNameResolver(resolver)
    resolver.allow = tuple(allow)
    resolver.refusals.clear()
    return resolver


async def look_up(host: str) -> list[str]:
    """Every address of a host, unguarded, in the order of preference; empty when there is none.

    Looked up in a daemon thread, so that a hanging name server never holds up the end of the process.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[str]] = loop.create_future()

    def answer(addresses: Iterable[str]) -> None:
        if not found.done():
            found.set_result(list(addresses))

    _look_up(loop, host, answer)
    return await found


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _look_up(loop: asyncio.AbstractEventLoop, host: str, answer: Callable[[Iterable[str]], None]) -> None:
    def work() -> None:
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            found = []
        addresses = dict.fromkeys(str(entry[4][0]) for entry in found)
        if not loop.is_closed():
            loop.call_soon_threadsafe(answer, addresses)

    threading.Thread(target=work, name=f"look up {host}", daemon=True).start()
