"""The archive mailbox: whether a mail whose acceptance was never confirmed has arrived after all.

The archive address is a second recipient of the same transaction (smtp.py), so the mail server took the mail for the
reader exactly if it took it for the archive. Asked by IMAP for its Message-ID; nothing in the mailbox is changed.
"""

from __future__ import annotations

import imaplib
import ssl
from collections.abc import Iterable
from typing import TYPE_CHECKING

from alerts.errors import DeliveryError

if TYPE_CHECKING:
    from alerts.options import MailboxOptions


def arrived(options: MailboxOptions, message_ids: Iterable[str]) -> frozenset[str]:
    """Those of the Message-IDs that are in the mailbox.

    Args:
        options: server, account, folder.
        message_ids: with angle brackets.

    Raises:
        DeliveryError: the mailbox cannot be asked, so nothing is known; temporary.
        ConfigError: the password cannot be read.
    """
    password = options.secret().read()
    try:
        with _connect(options) as session:
            session.login(options.user, password)
            _check(session.select(_quoted(options.folder), readonly=True))
            return frozenset(message_id for message_id in message_ids if _has(session, message_id))
    except (imaplib.IMAP4.error, OSError) as error:
        raise _failure(options, error) from error


def probe(options: MailboxOptions) -> str:
    """Log in and open the folder, for `doctor`; says how many messages it holds.

    Raises:
        DeliveryError: it cannot be asked.
        ConfigError: the password cannot be read.
    """
    password = options.secret().read()
    try:
        with _connect(options) as session:
            session.login(options.user, password)
            (count,) = _check(session.select(_quoted(options.folder), readonly=True))
    except (imaplib.IMAP4.error, OSError) as error:
        raise _failure(options, error) from error
    return f"{_name(options)}, folder {options.folder}: {(count or b'0').decode('ascii', 'replace')} messages"


def _connect(options: MailboxOptions) -> imaplib.IMAP4:
    if options.security == "tls":
        return imaplib.IMAP4_SSL(
            options.host, options.port, ssl_context=_context(options), timeout=options.timeout_seconds
        )
    session = imaplib.IMAP4(options.host, options.port, timeout=options.timeout_seconds)
    if options.security == "starttls":
        try:
            session.starttls(_context(options))
        except BaseException:
            session.shutdown()
            raise
    return session


def _context(options: MailboxOptions) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=options.ca_file)


def _has(session: imaplib.IMAP4, message_id: str) -> bool:
    # The search is for a part of the header's text; the brackets make it the whole id.
    (found,) = _check(session.search(None, "HEADER", "Message-ID", _quoted(message_id)))
    return bool(found and found.split())


def _check(answer: tuple[str, list[bytes | None]]) -> list[bytes | None]:
    kind, data = answer
    if kind != "OK":
        raise imaplib.IMAP4.error(" ".join((part or b"").decode("utf-8", "replace") for part in data) or kind)
    return data


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _name(options: MailboxOptions) -> str:
    return f"{options.user} at {options.host}:{options.port}"


def _failure(options: MailboxOptions, error: Exception) -> DeliveryError:
    reason = f"the archive mailbox cannot be asked: {_words(error)}"
    return DeliveryError(_name(options), reason, permanent=False)


def _words(error: Exception) -> str:
    said = error.args[0] if error.args and isinstance(error.args[0], bytes) else None
    return said.decode("utf-8", "replace") if said else str(error) or type(error).__name__
