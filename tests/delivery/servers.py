"""Mail servers for the tests: one that follows a script, and aiosmtpd, which records what it accepts."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from aiosmtpd.smtp import SMTP, Envelope, Session

CUT = "<cut>"
"""Instead of a reply: end the connection."""
SILENT = "<silent>"
"""Instead of a reply: say nothing until the client leaves."""
TAKE_AND_CUT = "<take and cut>"
"""At the dot: accept the mail, then end the connection without a word."""

Answer = str | list[str] | Callable[[str], str]


@dataclass(frozen=True)
class Accepted:
    """A mail that the server has taken responsibility for."""

    sender: str
    recipients: tuple[str, ...]
    data: bytes


@dataclass
class Script:
    """What the server says. Keys of `answers`: EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA, DOT, RSET, QUIT.

    A list is used up one by one, its last entry stays; a function is given the whole command line.
    """

    banner: Answer = "220 scripted"
    features: tuple[str, ...] = ()
    answers: Mapping[str, Answer] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    implicit_tls: bool = False


class ScriptedServer:
    """A raw-socket SMTP server on loopback: one connection after the other, every byte as the script says."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.accepted: list[Accepted] = []
        self.commands: list[str] = []
        self.unfinished: list[bytes] = []
        self.connections = 0
        self._left = {key: list(value) for key, value in script.answers.items() if isinstance(value, list)}
        if isinstance(script.banner, list):
            self._left["banner"] = list(script.banner)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Shutting the listener down wakes the thread that waits in accept().
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._listener.close()
        assert not self._thread.is_alive()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            with contextlib.suppress(OSError):
                self._converse(connection)

    def _converse(self, connection: socket.socket) -> None:
        line = _Line(connection)
        try:
            if self.script.implicit_tls:
                line.encrypt(self.script.tls)
            self._dialogue(line)
        finally:
            line.close()

    def _dialogue(self, line: _Line) -> None:
        if not self._say(line, self._answer("banner", self.script.banner, "")):
            return
        sender, recipients = "", list[str]()
        while command := line.read():
            text = command.decode("utf-8", "replace").strip()
            verb, blank, rest = text.partition(" ")
            verb = verb.upper()
            self.commands.append(verb + blank + rest)
            reply = self._reply(verb, text)
            if not self._say(line, reply):
                return
            if verb == "STARTTLS" and reply.startswith("220"):
                line.encrypt(self.script.tls)
            elif verb == "MAIL":
                sender, recipients = _address(text), []
            elif verb == "RCPT" and reply.startswith("2"):
                recipients.append(_address(text))
            elif verb == "DATA" and reply.startswith("354"):
                if not self._take(line, sender, recipients):
                    return
            elif verb == "QUIT":
                return

    def _take(self, line: _Line, sender: str, recipients: list[str]) -> bool:
        lines: list[bytes] = []
        while (raw := line.read()) != b".\r\n":
            if not raw:
                self.unfinished.append(b"".join(lines))
                return False
            lines.append(raw[1:] if raw.startswith(b".") else raw)
        reply = self._reply("DOT", ".")
        if reply.startswith("2") or reply == TAKE_AND_CUT:
            self.accepted.append(Accepted(sender, tuple(recipients), b"".join(lines)))
        return self._say(line, reply)

    def _reply(self, verb: str, text: str) -> str:
        if verb in self.script.answers:
            return self._answer(verb, self.script.answers[verb], text)
        if verb == "EHLO":
            lines = ["scripted", *self.script.features]
            return "\r\n".join([*(f"250-{word}" for word in lines[:-1]), f"250 {lines[-1]}"])
        return {"DATA": "354 go on", "QUIT": "221 bye", "STARTTLS": "220 go on", "AUTH": "235 ok"}.get(verb, "250 ok")

    def _answer(self, key: str, answer: Answer, text: str) -> str:
        if isinstance(answer, list):
            return self._left[key].pop(0) if len(self._left[key]) > 1 else self._left[key][0]
        return answer if isinstance(answer, str) else answer(text)

    def _say(self, line: _Line, reply: str) -> bool:
        if reply == SILENT:
            while line.read():
                pass
        if reply in (SILENT, CUT, TAKE_AND_CUT):
            return False
        line.write(reply.encode() + b"\r\n")
        return True


class _Line:
    """A connection read line by line, which can become encrypted."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._file = connection.makefile("rb")

    def read(self) -> bytes:
        return self._file.readline()

    def write(self, data: bytes) -> None:
        self._connection.sendall(data)

    def encrypt(self, context: ssl.SSLContext | None) -> None:
        assert context is not None
        self._file.close()
        self._connection = context.wrap_socket(self._connection, server_side=True)
        self._file = self._connection.makefile("rb")

    def close(self) -> None:
        self._file.close()
        self._connection.close()


def _address(command: str) -> str:
    return command.partition("<")[2].partition(">")[0]


class _CountedSMTP(SMTP):
    """aiosmtpd's protocol, which also says how many connections are open."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder, hostname="recorder.example", loop=asyncio.get_running_loop())
        self._recorder = recorder

    def connection_made(self, transport: Any) -> None:
        self._recorder.count(1)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._recorder.count(-1)


class Recorder:
    """aiosmtpd on a thread of its own; `accepted` holds every mail it said 250 to."""

    def __init__(self) -> None:
        self.accepted: list[Accepted] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.port = 0
        self._open = 0
        self._idle_now = asyncio.Event()
        self._idle_now.set()
        self._server: asyncio.Server | None = None

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        """aiosmtpd's hook: the final dot came."""
        del server, session
        assert isinstance(envelope.original_content, bytes)
        self.accepted.append(Accepted(envelope.mail_from or "", tuple(envelope.rcpt_tos), envelope.original_content))
        return "250 recorded"

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _start(self) -> None:
        self._server = await self._loop.create_server(self._protocol, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def _protocol(self) -> SMTP:
        return _CountedSMTP(self)

    def wait_until_idle(self) -> None:
        """Return when every connection has ended: what a killed client had sent is then dealt with."""
        asyncio.run_coroutine_threadsafe(self._idle(), self._loop).result(20)

    def count(self, change: int) -> None:
        """A connection began (1) or ended (-1)."""
        self._open += change
        (self._idle_now.clear if self._open else self._idle_now.set)()

    async def _idle(self) -> None:
        async with asyncio.timeout(15):
            await self._idle_now.wait()

    async def _stop(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()
        # Handlers of connections whose client was killed may still be on their way out.
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


@contextlib.contextmanager
def scripted(**script: Any) -> Iterator[ScriptedServer]:
    """A server that follows `Script(**script)`."""
    with ScriptedServer(Script(**script)) as server:
        yield server
