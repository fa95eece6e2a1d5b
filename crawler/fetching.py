"""One HTTP request for a document, as safe and as light as it can be: the transport of the feed poller.

Redirects are left to the caller, who keeps the politeness of every host on the way. aiohttp does HTTP and TLS; what it
is not asked for (cookies, proxies of the environment, a second try, a referer) is switched off.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import weakref
from collections.abc import Sequence
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Self, cast

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from crawler.answers import Reply
from crawler.guard import address_allowed
from crawler.heads import LARGEST_HEAD
from crawler.polling import Kind
from crawler.resolver import look_up
from crawler.unpacking import ACCEPTED, PackingError, TooLargeError, unpack

TOO_LARGE = "the document is too large"
_DNS_SECONDS = 300
_KEEP_SECONDS = 60.0
_LONGEST_LINE = LARGEST_HEAD // 4
_MOST_HEADERS = 1000
_REDIRECTS = {301, 302, 303, 307, 308}

# Connections that have served a request.
_used: weakref.WeakSet[Any] = weakref.WeakSet()
# Every address that the request of this context tried to connect to, each with the guard's reason against it.
_tried: ContextVar[list[str]] = ContextVar("tried")


class NoReply(Exception):  # noqa: N818 - reads as what happened
    """A request that brought no usable reply.

    Attributes:
        reason: in words, for people.
        kind: which outcome of the channel that is.
    """

    def __init__(self, reason: str, kind: Kind = Kind.FAILED) -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind = kind


class Fetcher:
    """Fetches documents, one call a request. An async context manager; must be made and used on one loop.

    Args:
        allow: exceptions of the settings, see `guard.address_allowed`.
        user_agent: sent with every request.
        seconds: from connect to last byte.
        max_bytes: the largest document, before and after unpacking.
    """

    def __init__(self, allow: Sequence[str], *, user_agent: str, seconds: float, max_bytes: int) -> None:
        self._allow = tuple(allow)
        self._headers = {"User-Agent": user_agent, "Accept-Encoding": ACCEPTED}
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._tls: ssl.SSLContext | None = None
        # A connection that will not be used again costs a file and memory while it is kept, and nobody knows whether
        # the server ends it: hosts with one feed, which most are, get a session that keeps none.
        self._keeping = self._session(keep=True)
        self._closing = self._session(keep=False)

    async def get(self, url: str, headers: Sequence[tuple[str, str]], *, keep: bool = False) -> Reply:
        """Ask for one document. A redirect is a reply too, without its body.

        Args:
            url: absolute, http or https, percent-encoded: it is sent as it is.
            headers: further ones; latin-1 text, which is sent byte for byte.
            keep: another request to the same host follows, or came before.

        Raises:
            NoReply: there is none, it is too large, or it cannot be unpacked.
        """
        tried: list[str] = []
        _tried.set(tried)
        try:
            async with asyncio.timeout(self._seconds):
                try:
                    return await self._ask(self._keeping if keep else self._closing, url, headers)
                except _StaleConnectionError:
                    return await self._ask(self._closing, url, headers)
        except TimeoutError:
            raise NoReply("no complete answer in time") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if tried and all(tried):
                raise NoReply(f"refused: {tried[-1]}", Kind.BLOCKED) from error
            raise NoReply(_words(error, url)) from error

    async def close(self) -> None:
        """Let go of all connections."""
        await self._keeping.close()
        await self._closing.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _ask(self, session: aiohttp.ClientSession, url: str, headers: Sequence[tuple[str, str]]) -> Reply:
        target = URL(url, encoded=True)
        request = session.get(
            target,
            headers=[*self._headers.items(), *headers],
            allow_redirects=False,
            ssl=self._tls_context() if target.scheme == "https" else True,
        )
        async with request as response:
            return await self._reply(response, url)

    async def _reply(self, response: aiohttp.ClientResponse, url: str) -> Reply:
        headers = response.raw_headers
        reply = Reply(response.status, url, headers)
        if redirects(reply):
            # Its body is not worth waiting for; without that the connection cannot be used again.
            response.close()
            return reply
        if (response.content_length or 0) > self._max_bytes:
            raise NoReply(TOO_LARGE)
        packed, cut = await self._body(response)
        encodings = [name for key, value in headers if key.lower() == b"content-encoding" for name in _names(value)]
        try:
            body, ends_early = unpack(packed, encodings, self._max_bytes)
        except TooLargeError as error:
            raise NoReply(str(error)) from None
        except PackingError as error:
            raise NoReply(f"the body is {error}") from None
        return Reply(response.status, url, headers, body, cut or ends_early)

    async def _body(self, response: aiohttp.ClientResponse) -> tuple[bytes, bool]:
        """The body as it travelled, and whether the connection ended before it did."""
        parts: list[bytes] = []
        size = 0
        try:
            async for part in response.content.iter_any():
                size += len(part)
                if size > self._max_bytes:
                    raise NoReply(TOO_LARGE)
                parts.append(part)
        except (aiohttp.ClientPayloadError, aiohttp.ClientConnectionError):
            if not size:
                raise
            return b"".join(parts), True
        return b"".join(parts), False

    def _session(self, *, keep: bool) -> aiohttp.ClientSession:
        # How many requests at a time, and one a host, is the caller's to decide.
        connector = aiohttp.TCPConnector(
            limit=0,
            resolver=_Resolver(),
            socket_factory=self._socket,
            force_close=not keep,
            keepalive_timeout=_KEEP_SECONDS if keep else None,
            use_dns_cache=keep,
            ttl_dns_cache=_DNS_SECONDS,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            request_class=_Request,
            middlewares=(_no_second_try,),
            auto_decompress=False,
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            max_line_size=_LONGEST_LINE,
            max_field_size=_LONGEST_LINE,
            max_headers=_MOST_HEADERS,
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
        )

    def _socket(self, address: Any) -> socket.socket:
        """The guard: a socket for exactly the address that is about to be connected to, or none."""
        family, kind, protocol, _, target = address
        reason = address_allowed(str(target[0]), self._allow, int(target[1]))
        _tried.get().append(reason)
        if reason:
            raise OSError(reason)
        return socket.socket(family, kind, protocol)

    def _tls_context(self) -> ssl.SSLContext:
        # Reading the certificates of all authorities takes time; many runs ask nothing that needs them.
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls


def redirects(reply: Reply) -> bool:
    """Whether a reply only says where to ask instead."""
    return reply.status in _REDIRECTS and bool(reply.header("Location"))


class _Resolver(AbstractResolver):
    """Names to addresses; the guard comes after it, so that an answer that changes meanwhile changes nothing."""

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002 - aiohttp's signature
    ) -> list[ResolveResult]:
        addresses = await look_up(host)
        if not addresses:
            raise OSError("no address")
        return [_result(host, address, port) for address in addresses]

    async def close(self) -> None:
        return None


def _result(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=flags)


class _Request(aiohttp.ClientRequest):
    """A request whose headers are latin-1, as they came, where aiohttp would send UTF-8."""

    stale = False
    """Its connection has served another request before, so the server may have ended it meanwhile."""

    async def send(self, conn: Any) -> aiohttp.ClientResponse:
        self.stale = conn.protocol in _used
        _used.add(conn.protocol)
        if all(value.isascii() for value in self.headers.values()):
            return await super().send(conn)
        protocol, transport = conn.protocol, conn.protocol.transport
        protocol.transport = wrapped = _Latin1(transport)
        try:
            return await super().send(conn)
        finally:
            # The head has been written; the connection may serve another request.
            if protocol.transport is wrapped:
                protocol.transport = transport


class _Latin1:
    """A transport that sends the head of one request in latin-1. The request has no body."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def write(self, data: bytes) -> None:
        self._transport.write(bytes(data).decode("utf-8").encode("latin-1", "replace"))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class _LostConnectionError(aiohttp.ClientError):
    """The server ended the connection without an answer."""


class _StaleConnectionError(aiohttp.ClientError):
    """The server had ended a kept connection before our request reached it: asking on a new one is no second try."""


async def _no_second_try(request: aiohttp.ClientRequest, handler: Any) -> aiohttp.ClientResponse:
    """Keep aiohttp from asking again when a connection is lost: the next poll is the retry."""
    try:
        return cast(aiohttp.ClientResponse, await handler(request))
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        if isinstance(request, _Request) and request.stale:
            raise _StaleConnectionError(str(error)) from error
        raise _LostConnectionError(f"the server ended the connection without an answer ({error})") from error


def _names(value: bytes) -> list[str]:
    return value.decode("latin-1").split(",")


def _words(error: Exception, url: str) -> str:
    """Why there is no reply, for people."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"no address for {URL(url, encoded=True).host}"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"the certificate is not valid: {error.certificate_error}"[:300]
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return f"no TLS connection: {error.os_error}"[:300]
    if isinstance(error, aiohttp.ClientConnectorError):
        refused = isinstance(error.os_error, ConnectionRefusedError) or "Connect call failed" in str(error.os_error)
        return "connection refused" if refused else f"no connection: {error.os_error}"[:300]
    if isinstance(error, _LostConnectionError):
        return str(error)[:300]
    if isinstance(error, aiohttp.ClientResponseError):
        return f"not HTTP: {' '.join(str(error.message).split())}"[:300]
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
