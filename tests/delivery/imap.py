"""A real IMAP server (Twisted's) over a folder of mails, in a process of its own: `python -m tests.delivery.imap DIR`.

Every file of the folder is a message of INBOX. Prints its port, and ends with its standard input.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from io import BytesIO
from pathlib import Path
from typing import Any

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import IRealm, Portal
from twisted.internet import protocol, stdio
from twisted.mail import imap4
from zope.interface import implementer

PASSWORD = "open sesame"


@contextmanager
def imap_server(folder: Path) -> Iterator[int]:
    """Serve the folder as the INBOX of every user with `PASSWORD`; yields the port."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.delivery.imap", str(folder)]
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield int(process.stdout.readline())
        process.stdin.close()
        process.wait(10)


@implementer(imap4.IMessage, imap4.IMessagePart)
class Message:
    """One mail."""

    def __init__(self, uid: int, data: bytes) -> None:
        self._uid, self._data, self._mail = uid, data, message_from_bytes(data)

    def getUID(self) -> int:
        return self._uid

    def getFlags(self) -> list[str]:
        return []

    def getInternalDate(self) -> str:
        return "01-Mar-2026 07:00:00 +0000"

    def getHeaders(self, negate: bool, *names: Any) -> dict[str, str]:
        wanted = {(name.decode() if isinstance(name, bytes) else name).lower() for name in names}
        return {key.lower(): str(value) for key, value in self._mail.items() if (key.lower() in wanted) != negate}

    def getBodyFile(self) -> BytesIO:
        return BytesIO(self._data)

    def getSize(self) -> int:
        return len(self._data)

    def isMultipart(self) -> bool:
        return False

    def getSubPart(self, part: int) -> Any:
        raise IndexError(part)


@implementer(imap4.IMailbox, imap4.IMailboxInfo)
class Inbox:
    """The folder's files as messages, in the order of their names."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _files(self) -> list[Path]:
        return sorted(self._folder.iterdir())

    def getFlags(self) -> list[str]:
        return []

    def getHierarchicalDelimiter(self) -> str:
        return "/"

    def getUIDValidity(self) -> int:
        return 1

    def getUIDNext(self) -> int:
        return len(self._files()) + 1

    def getUID(self, message: int) -> int:
        return message

    def getMessageCount(self) -> int:
        return len(self._files())

    def getRecentCount(self) -> int:
        return 0

    def getUnseenCount(self) -> int:
        return 0

    def isWriteable(self) -> bool:
        return False

    def destroy(self) -> None:
        """Kept."""

    def requestStatus(self, names: Any) -> Any:
        return imap4.statusRequestHelper(self, names)

    def addListener(self, listener: Any) -> None:
        """Nobody is told of new mails."""

    def removeListener(self, listener: Any) -> None:
        """See `addListener`."""

    def addMessage(self, *_: Any) -> None:
        raise imap4.ReadOnlyMailbox

    def expunge(self) -> None:
        raise imap4.ReadOnlyMailbox

    def store(self, *_: Any) -> None:
        raise imap4.ReadOnlyMailbox

    def fetch(self, messages: Any, uid: bool) -> list[tuple[int, Message]]:
        files = self._files()
        messages.last = len(files)
        return [(n, Message(n, path.read_bytes())) for n, path in enumerate(files, 1) if n in messages]


class Server(imap4.IMAP4Server):
    """Twisted's server with a search for headers that works."""

    def search_HEADER(self, query: list[Any], identity: int, message: Message) -> bool:
        # Twisted's own compares bytes with text here.
        name, value = (part.decode() if isinstance(part, bytes) else part for part in (query.pop(0), query.pop(0)))
        return value.lower() in message.getHeaders(False, name).get(name.lower(), "").lower()


@implementer(IRealm)
class Realm:
    """Everybody's account is the one inbox."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def requestAvatar(self, who: bytes, mind: object, *interfaces: Any) -> tuple[Any, Any, Any]:
        account = imap4.MemoryAccountWithoutNamespaces(who.decode())
        account.addMailbox("INBOX", Inbox(self._folder))
        return imap4.IAccount, account, lambda: None


def main(folder: Path) -> None:
    """Serve until standard input ends."""
    from twisted.internet import reactor as installed

    reactor: Any = installed  # a module that stands for an object
    checker: Any = InMemoryUsernamePasswordDatabaseDontUse()
    checker.addUser(b"archive", PASSWORD.encode())
    realm: Any = Realm(folder)
    portal = Portal(realm, [checker])

    class Factory(protocol.Factory):
        def buildProtocol(self, address: object) -> Any:
            server: Any = Server(contextFactory=None)
            server.portal = portal
            server.factory = self
            return server

    class Parent(protocol.Protocol):
        def connectionLost(self, reason: object = None) -> None:
            reactor.stop()

    listening = reactor.listenTCP(0, Factory(), interface="127.0.0.1")
    start: Any = stdio.StandardIO
    start(Parent())
    sys.stdout.write(f"{listening.getHost().port}\n")
    sys.stdout.flush()
    reactor.run()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
