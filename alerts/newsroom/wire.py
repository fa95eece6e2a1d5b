"""Sockets and threads: several HTTP servers on loopback behind one accepting thread. Knows no outlets."""

from __future__ import annotations

import errno
import selectors
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import TCPServer, ThreadingMixIn
from typing import Any

from alerts.newsroom.render import Reply, Request
from alerts.newsroom.strict import PortTakenError

HOST = "127.0.0.1"
IDLE_SECONDS = 60
"""A silent connection is closed after this long."""
PIECE = 16
"""Bytes of a trickled body that are sent at once."""
Answer = Callable[[Request], Reply]


class Server(ThreadingMixIn, HTTPServer):
    """One port: a thread a connection, joined when the server is closed."""

    daemon_threads = False
    block_on_close = True
    request_queue_size = 128

    def __init__(self, port: int, answer: Answer, stopping: threading.Event) -> None:
        self.answer = answer
        self.stopping = stopping
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__((HOST, port), _Handler)

    def server_bind(self) -> None:
        """Bind without asking DNS for a name of the machine, as the base class would."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    def accept(self) -> None:
        """Take one waiting connection and serve it in a thread of its own."""
        try:
            connection, address = self.get_request()
        except OSError:
            return  # it went away while it waited
        with self._lock:
            self._connections.add(connection)
        self.process_request(connection, address)

    def shutdown_request(self, request: Any) -> None:
        """Close one connection."""
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Wake every thread that waits for its visitor."""
        with self._lock:
            for connection in self._connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError as error:
                    if error.errno not in {errno.ENOTCONN, errno.EBADF}:
                        raise

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Visitors may hang up when they like; anything else is a bug and is shown."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    wbufsize = -1  # head and body leave in one packet
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        request = Request(self.command, self.path, {key.lower(): text for key, text in self.headers.items()})
        reply = self.server.answer(request)
        if reply.delay:
            self.server.stopping.wait(reply.delay)
        if reply.reset:
            self._tear_down()
            return
        self.send_response(reply.status)
        for name, text in reply.headers:
            self.send_header(name, text)
        if reply.status != 304:
            self.send_header("Content-Length", str(len(reply.body)))
        if reply.keep is not None:
            self.close_connection = True
        self.end_headers()
        if self.command != "HEAD" and reply.status != 304:
            self._send_body(reply)

    def do_HEAD(self) -> None:
        self.do_GET()

    def _send_body(self, reply: Reply) -> None:
        if not reply.trickle:
            self.wfile.write(reply.body[: reply.keep])
            return
        for start in range(0, len(reply.body), PIECE):
            self.wfile.write(reply.body[start : start + PIECE])
            self.wfile.flush()
            if self.server.stopping.wait(reply.trickle):
                self.close_connection = True
                return

    def _tear_down(self) -> None:
        # Lingering for zero seconds makes the close a reset instead of a farewell.
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True
        self.connection.close()

    def version_string(self) -> str:
        """What the Server header says."""
        return "newsroom"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class's name)
        """Nothing on the standard error: the newsroom keeps its own log."""


class Wire:
    """The servers of all outlets and the one thread that accepts for them."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self._servers: list[Server] = []
        self._thread: threading.Thread | None = None
        self._waker: tuple[socket.socket, socket.socket] | None = None

    def open(self, answers: Mapping[str, Answer], ports: Mapping[str, int], spare: Sequence[int]) -> dict[str, int]:
        """Listen for every name: at its port, else at the first free one of `spare`, else wherever there is room.

        Returns the ports. Raises PortTakenError when a port of `ports` is in use; then nothing stays open.
        """
        left = list(spare)
        found: dict[str, int] = {}
        try:
            for name, answer in answers.items():
                server = self._listen(name, answer, ports[name]) if name in ports else self._listen_free(answer, left)
                self._servers.append(server)
                found[name] = server.server_port
        except (PortTakenError, OSError):
            self.close()
            raise
        self._waker = socket.socketpair()
        self._thread = threading.Thread(target=self._accept, name="newsroom")
        self._thread.start()
        return found

    def _listen(self, name: str, answer: Answer, port: int) -> Server:
        try:
            return Server(port, answer, self.stopping)
        except OSError as error:
            raise PortTakenError(f"port {port} of {name} is in use by another program ({error.strerror})") from error

    def _listen_free(self, answer: Answer, left: list[int]) -> Server:
        while left:
            try:
                return Server(left.pop(0), answer, self.stopping)
            except OSError as error:
                if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
                    raise
        return Server(0, answer, self.stopping)

    def _accept(self) -> None:
        assert self._waker is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._waker[0], selectors.EVENT_READ, None)
            for server in self._servers:
                selector.register(server.socket, selectors.EVENT_READ, server)
            while not self.stopping.is_set():
                for key, _ in selector.select():
                    if key.data is not None:
                        key.data.accept()

    def close(self) -> None:
        """Stop: no thread and no socket is left when it returns."""
        self.stopping.set()
        if self._waker is not None:
            self._waker[1].send(b"!")
        if self._thread is not None:
            self._thread.join()
        for server in self._servers:
            server.hang_up()
        for server in self._servers:
            server.server_close()
        for end in self._waker or ():
            end.close()
        self._servers, self._thread, self._waker = [], None, None
