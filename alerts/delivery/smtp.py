"""Our own SMTP dialogue over smtplib's primitives, because it has to stop before the final dot.

`Session.offer` says everything but the dot, `Session.finish` says the dot. Between the two the caller commits that the
fate of the mail is in doubt. Errors are told apart by whose they are: `RelayError` is the mail server's as a whole,
a `Refusal` or `ConnectionLostError` is one mail's.
"""

from __future__ import annotations

import logging
import smtplib
import ssl
import unicodedata
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Self

from alerts.delivery.mail import wire_address
from alerts.delivery.relay import Relay, RelayError, Security, relay_of
from alerts.delivery.steps import step
from alerts.errors import DeliveryError

if TYPE_CHECKING:
    from alerts.options import AlertsOptions

log = logging.getLogger(__name__)

_AUTHENTICATION_CODES = frozenset({530, 534, 535, 538})
_SERVICE_CLOSING = 421
_TOO_BIG = 552
_CHUNK = 64 * 1024


class ConnectionLostError(DeliveryError):
    """The connection broke, was silent too long, or what came was no SMTP."""

    def __init__(self, relay: str, reason: str) -> None:
        super().__init__(relay, reason, permanent=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the server. `code` is -1 when there was none; `text` is one printable line.

    Attributes:
        of_recipient: the address was refused (RCPT), not the mail.
    """

    code: int
    text: str
    of_recipient: bool = False


class Session:
    """One connection, which can carry many mails one after the other. Use as a context manager."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self._smtp: smtplib.SMTP | None = None
        self._carried = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def connected(self) -> bool:
        """Whether there is a connection as far as we know."""
        return self._smtp is not None and self._smtp.sock is not None

    def connect(self) -> None:
        """Connect, greet, encrypt and log in; nothing when there is a connection already.

        Raises:
            RelayError: that did not work.
        """
        if self.connected:
            return
        self.close()
        self._carried = 0
        try:
            self._open()
            self._log_in()
        except RelayError:
            self.close()
            raise
        except ssl.SSLCertVerificationError as error:
            self.close()
            reason = f"its certificate cannot be trusted: {error.verify_message}"
            raise RelayError(self.relay.name, reason, configuration=True) from error
        except smtplib.SMTPResponseException as error:
            self.close()
            raise RelayError(self.relay.name, f"{error.smtp_code} {_text(error.smtp_error)}") from error
        except (OSError, ValueError) as error:  # SMTPException and SSLError are OSErrors; ValueError: odd host names
            self.close()
            raise RelayError(self.relay.name, _reason(error)) from error
        step("mail.connected")

    def _open(self) -> None:
        relay = self.relay
        if relay.user and relay.security is Security.NONE and not _is_loopback(relay.host):
            reason = "the password is not sent without encryption: use security: starttls or tls"
            raise RelayError(relay.name, reason, configuration=True)
        # The host given here would connect within the constructor, which leaks the socket when the greeting is bad.
        if relay.security is Security.TLS:
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                local_hostname=relay.hello, timeout=relay.timeout, context=self._context()
            )
        else:
            smtp = smtplib.SMTP(local_hostname=relay.hello, timeout=relay.timeout)
        self._smtp = smtp
        # smtplib checks the certificate against this name, which its constructor would have set.
        smtp._host = relay.host  # type: ignore[attr-defined]  # noqa: SLF001 - there is no public way
        self._expect(smtp.connect(relay.host, relay.port), 220, "greeting")
        self._greet(smtp)
        if relay.security is Security.STARTTLS:
            if not smtp.has_extn("starttls"):
                reason = "it does not offer STARTTLS, and mails are not sent without encryption unless security: none"
                raise RelayError(relay.name, reason, configuration=True)
            smtp.starttls(context=self._context())
            self._greet(smtp)

    def _context(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self.relay.ca_file or None)
        except OSError as error:
            reason = f"the certificates in {self.relay.ca_file} cannot be read: {_reason(error)}"
            raise RelayError(self.relay.name, reason, configuration=True) from error

    def _greet(self, smtp: smtplib.SMTP) -> None:
        answer = smtp.ehlo()
        if answer[0] != _SERVICE_CLOSING and not 200 <= answer[0] <= 299:
            answer = smtp.helo()  # servers older than 1995, and some appliances
        self._expect(answer, 250, "EHLO")

    def _expect(self, answer: tuple[int, bytes], code: int, what: str) -> None:
        if answer[0] != code:
            raise RelayError(self.relay.name, f"{what} was answered with {_shown(answer)}")

    def _log_in(self) -> None:
        relay, smtp = self.relay, self._smtp
        if not relay.user:
            return
        assert smtp is not None
        try:
            smtp.login(relay.user, relay.password)
        except smtplib.SMTPAuthenticationError as error:
            # 4xx: its user database is away, and the password may be right.
            configuration = not 400 <= error.smtp_code <= 499
            reason = f"log-in as {relay.user} was refused: {error.smtp_code} {_text(error.smtp_error)}"
            raise RelayError(relay.name, reason, configuration=configuration) from error
        except smtplib.SMTPServerDisconnected:
            raise
        except (smtplib.SMTPException, UnicodeEncodeError) as error:
            raise RelayError(relay.name, f"cannot log in: {_reason(error)}", configuration=True) from error

    def offer(self, sender: str, recipient: str, data: bytes, copy_to: str = "") -> Reply | None:
        """Say everything but the final dot: nothing is accepted by that.

        Args:
            sender: envelope sender.
            recipient: envelope recipient.
            data: final bytes with CRLF line ends.
            copy_to: archive address that gets the mail in the same transaction; without it the mail waits.

        Returns:
            None when only the dot is missing, else the server's refusal; the connection is then fit for the next mail
            or closed.

        Raises:
            RelayError: the server wants none of our mails.
            ConnectionLostError: the connection is gone.
        """
        answer = self._begin(sender, len(data))
        if answer[0] in _AUTHENTICATION_CODES or (500 <= answer[0] <= 599 and answer[0] != _TOO_BIG):
            # What is refused is our sender address, which every mail has.
            self._reset()
            reason = f"it takes no mails from {sender}: {_shown(answer)}"
            raise RelayError(self.relay.name, reason, configuration=True)
        if not 200 <= answer[0] <= 299:
            return self._refused(answer)
        step("mail.sender")
        answer = self._ask(f"RCPT TO:<{wire_address(recipient)}>")
        if answer[0] in _AUTHENTICATION_CODES:
            self._reset()
            raise RelayError(self.relay.name, f"it wants a log-in: {_shown(answer)}", configuration=True)
        if not 200 <= answer[0] <= 299:
            return self._refused(answer, of_recipient=True)
        if copy_to:
            self._offer_copy(copy_to)
        step("mail.recipient")
        answer = self._ask("DATA")
        if answer[0] != 354:
            # 2xx is no SMTP: the server would read the mail as commands.
            return self._refused(answer)
        step("mail.data")
        self._send_body(data)
        self._carried += 1
        step("mail.body")
        return None

    def _offer_copy(self, address: str) -> None:
        answer = self._ask(f"RCPT TO:<{wire_address(address)}>")
        if not 200 <= answer[0] <= 299:
            self._reset()
            raise RelayError(self.relay.name, f"the archive address {address} was refused: {_shown(answer)}")

    def finish(self) -> Reply:
        """Send the final dot and wait for the answer: from here on the mail may be accepted.

        Raises:
            ConnectionLostError: no answer came.
        """
        smtp = self._require()
        assert smtp.sock is not None
        smtp.sock.settimeout(self.relay.dot_timeout)
        try:
            smtp.send(b".\r\n")
            step("mail.dot")
            code, text = smtp.getreply()
        except (OSError, ValueError) as error:
            self.close()
            raise ConnectionLostError(self.relay.name, _reason(error)) from error
        step("mail.reply")
        if not (200 <= code <= 299 or 400 <= code <= 599):
            self.close()
            raise ConnectionLostError(self.relay.name, f"its answer to the final dot was {_shown((code, text))}")
        if code == _SERVICE_CLOSING:
            self.close()
        else:
            smtp.sock.settimeout(self.relay.timeout)
        return Reply(code, _text(text))

    def close(self) -> None:
        """Leave politely when nothing is under way, and close the connection."""
        smtp, self._smtp = self._smtp, None
        if smtp is None:
            return
        smtp.close()

    def quit(self) -> None:
        """Say goodbye and close. An answer that does not come changes nothing."""
        if self.connected:
            try:
                self._ask("QUIT")
            except ConnectionLostError as error:
                log.debug("no answer to QUIT: %s", error)
        self.close()

    def _begin(self, sender: str, size: int) -> tuple[int, bytes]:
        try:
            answer = self._mail(sender, size)
        except ConnectionLostError:
            if not self._carried:
                raise
        else:
            if answer[0] != _SERVICE_CLOSING or not self._carried:
                return answer
        # Servers end connections that were idle or carried enough mails; that is no answer to this one.
        self.close()
        self.connect()
        return self._mail(sender, size)

    def _mail(self, sender: str, size: int) -> tuple[int, bytes]:
        option = f" SIZE={size}" if self._require().has_extn("size") else ""
        return self._ask(f"MAIL FROM:<{wire_address(sender)}>{option}")

    def _send_body(self, data: bytes) -> None:
        body = (b"." if data.startswith(b".") else b"") + data.replace(b"\n.", b"\n..")
        if not body.endswith(b"\r\n"):
            body += b"\r\n"
        smtp = self._require()
        half = len(body) // 2
        try:
            for start in range(0, len(body), _CHUNK):
                chunk = body[start : start + _CHUNK]
                if start <= half < start + len(chunk):
                    smtp.send(chunk[: half - start])
                    step("mail.half")
                    chunk = chunk[half - start :]
                smtp.send(chunk)
        except OSError as error:
            self.close()
            raise ConnectionLostError(self.relay.name, _reason(error)) from error
        if self._spoke_early(smtp):
            # Read as the answer to the dot it could pass for an acceptance.
            self.close()
            raise ConnectionLostError(self.relay.name, "it answered before the mail was complete")

    def _spoke_early(self, smtp: smtplib.SMTP) -> bool:
        assert smtp.sock is not None
        assert smtp.file is not None
        smtp.sock.settimeout(0)
        try:
            return bool(smtp.file.peek(1))
        except OSError:  # SSLWantReadError: nothing to read. A dead connection shows at the dot.
            return False
        finally:
            smtp.sock.settimeout(self.relay.timeout)

    def _refused(self, answer: tuple[int, bytes], *, of_recipient: bool = False) -> Reply:
        code = answer[0]
        if code == _SERVICE_CLOSING or not 400 <= code <= 599:
            self.close()
        else:
            self._reset()
        return Reply(code, _text(answer[1]), of_recipient=of_recipient)

    def _reset(self) -> None:
        try:
            answer = self._ask("RSET")
        except ConnectionLostError:
            return
        if answer[0] != 250:
            self.close()

    def _ask(self, command: str) -> tuple[int, bytes]:
        smtp = self._require()
        try:
            return smtp.docmd(command)
        except (OSError, ValueError) as error:
            self.close()
            raise ConnectionLostError(self.relay.name, _reason(error)) from error

    def _require(self) -> smtplib.SMTP:
        if self._smtp is None:
            raise ConnectionLostError(self.relay.name, "not connected")
        return self._smtp


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _shown(answer: tuple[int, bytes]) -> str:
    return f"{answer[0]} {_text(answer[1])}" if answer[0] > 0 else f"no SMTP reply ({_text(answer[1])})"


def _text(raw: bytes | str) -> str:
    """What the server said, as one printable line: it ends up on terminals."""
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    return " ".join("".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text).split())[:400]


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror and not isinstance(error, smtplib.SMTPException):
        return _text(error.strerror)
    return _text(str(error)) or type(error).__name__


def probe(options: AlertsOptions) -> str:
    """Connect, greet, encrypt and log in as a delivery would, and leave again without sending anything.

    Returns:
        What was reached, in one line.

    Raises:
        DeliveryError: what did not work.
    """
    relay = relay_of(options)
    with Session(relay) as session:
        session.connect()
        session.quit()
    known = f", logged in as {relay.user}" if relay.user else ""
    return f"{relay.name} takes mails ({relay.security.value}{known})"
