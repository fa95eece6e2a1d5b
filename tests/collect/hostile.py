"""What attackers run: servers that answer bytes of their own making, machines that must never be reached, and DNS."""

from __future__ import annotations

import contextlib
import itertools
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

import psutil
import sqlalchemy as sa

from crawler.archive.channels import ChannelRow, list_channels
from crawler.archive.engine import Archive
from crawler.archive.schema import article
from crawler.options import LANGUAGES
from crawler.parse.language import detect_language
from tests.collect.conftest import Web, rss

Answer = Callable[[socket.socket], None]
"""Writes to a connection whose request has been read; the connection is closed when it returns."""

FEED = {"Content-Type": "application/rss+xml"}
FEED_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\n"


class Peer:
    """A TCP server that answers each connection with whatever `answer` writes. `asked` holds the request heads."""

    def __init__(self, answer: Answer, host: str = "127.0.0.1", port: int = 0) -> None:
        self._answer = answer
        self._listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        self._closing = threading.Event()
        self.asked: list[bytes] = []
        self.port: int = self._listener.getsockname()[1]
        self.address = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        self.url = f"http://{self.address}"
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        self.asked.append(b"")
        number = len(self.asked) - 1
        # The visitor hangs up as soon as it has seen enough: that is what the tests are about.
        with connection, contextlib.suppress(OSError):
            connection.settimeout(20)
            head = b""
            while b"\r\n\r\n" not in head and (data := connection.recv(65_536)):
                head += data
            self.asked[number] = head
            self._answer(connection)

    def close(self) -> None:
        # `shutdown` wakes the thread that waits in `accept`; `close` alone does not on Linux.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(timeout=5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def say(*parts: bytes) -> Answer:
    """An answer of exactly these bytes."""
    return lambda connection: connection.sendall(b"".join(parts))


def document(body: bytes, *headers: bytes) -> Answer:
    """A good HTTP answer with a feed's type around any body."""
    extra = b"".join(header + b"\r\n" for header in headers)
    return say(FEED_HEAD, extra, b"Content-Length: %d\r\n\r\n" % len(body), body)


def endlessly(head: bytes, part: bytes, pause: float = 0.0) -> Answer:
    """An answer that never ends: `part` again and again, with a pause between two."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(part)
            time.sleep(pause)

    return answer


class Names:
    """A name server on UDP whose answers change: each query of a name gets the next of its answers, the last for ever.

    Only A records are answered; `queries` counts them.
    """

    def __init__(self, answers: dict[str, Sequence[Sequence[str]]]) -> None:
        self._answers = {name: itertools.chain(given, itertools.repeat(given[-1])) for name, given in answers.items()}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.queries: list[str] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                query, peer = self._socket.recvfrom(512)
            except OSError:
                return
            if not query:
                return
            name, end = _read_name(query, 12)
            wants_a = struct.unpack_from(">H", query, end)[0] == 1
            addresses: Sequence[str] = next(self._answers[name]) if wants_a and name in self._answers else ()
            if wants_a:
                self.queries.append(name)
            head = query[:2] + struct.pack(">HHHHH", 0x8180, 1, len(addresses), 0, 0)
            records = b"".join(
                b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 0, 4) + socket.inet_aton(address) for address in addresses
            )
            self._socket.sendto(head + query[12 : end + 4] + records, peer)

    def look_up(self, host: str) -> list[str]:
        """Ask this server over UDP, as a stub resolver does."""
        labels = b"".join(bytes([len(label)]) + label.encode() for label in host.rstrip(".").split("."))
        query = struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", 1, 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(5)
            asking.sendto(query, self._socket.getsockname())
            answer = asking.recv(512)
        count = struct.unpack_from(">H", answer, 6)[0]
        return [socket.inet_ntoa(answer[-16 * (number + 1) :][12:16]) for number in reversed(range(count))]

    def getaddrinfo(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """`socket.getaddrinfo` of a machine whose name server this is; literal addresses go to the original."""

        def look_up(host: Any, port: Any, *arguments: Any, **options: Any) -> Any:
            name = host.decode() if isinstance(host, bytes) else host
            if not isinstance(name, str) or not name.endswith(".example"):
                return original(host, port, *arguments, **options)
            found = self.look_up(name)
            if not found:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return [entry for address in found for entry in original(address, port, *arguments, **options)]

        return look_up

    def close(self) -> None:
        # Wake the thread that waits for a datagram.
        with contextlib.suppress(OSError):
            self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join(timeout=5)
        self._socket.close()


def _read_name(message: bytes, position: int) -> tuple[str, int]:
    labels = []
    while length := message[position]:
        labels.append(message[position + 1 : position + 1 + length].decode())
        position += 1 + length
    return ".".join(labels), position + 1


@contextlib.contextmanager
def names(answers: dict[str, Sequence[Sequence[str]]]) -> Iterator[Names]:
    """A running name server."""
    server = Names(answers)
    try:
        yield server
    finally:
        server.close()


def only(web: Web) -> tuple[str, ...]:
    """Settings that allow the attacker's address and port and nothing else."""
    return (web.url.removeprefix("http://"),)


def linking(*links: str) -> bytes:
    """A feed whose entries link there."""
    return rss(*(f"<item><title>Report {n}</title><link>{link}</link></item>" for n, link in enumerate(links)))


def channel_of(archive: Archive) -> ChannelRow:
    with archive.read() as connection:
        [row] = list_channels(connection)
    return row


def pages_of(archive: Archive) -> list[tuple[str, str, str]]:
    """URL, page state and reason of each article."""
    with archive.read() as connection:
        rows = connection.execute(sa.select(article.c.url, article.c.page_state, article.c.page_reason))
        return [(row.url, row.page_state, row.page_reason) for row in rows]


MEMORY = 24 * 2**20
"""Bytes by which an attack may make the collector grow."""


@contextlib.contextmanager
def watching() -> Iterator[Callable[[], int]]:
    """By how many bytes this process grew at most inside the block."""
    # What the first article of a process loads is no attack: the model that tells languages apart has 100 MB.
    detect_language("The truce was broken at dawn, officials said.", LANGUAGES)
    process = psutil.Process()
    before = most = process.memory_info().rss
    done = threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.wait(0.01):
            most = max(most, process.memory_info().rss)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield lambda: most - before
    finally:
        done.set()
        thread.join()
