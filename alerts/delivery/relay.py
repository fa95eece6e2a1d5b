"""The mail server that takes our mails, as the settings describe it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from alerts.errors import DeliveryError
from crawler.errors import ConfigError

if TYPE_CHECKING:
    from alerts.options import AlertsOptions

DOT_TIMEOUT = 600.0
"""Seconds to wait for the answer to the final dot (RFC 5321, 4.5.3.2.6): given up too early, a mail goes out twice."""


class Security(StrEnum):
    """How the connection is encrypted. Certificates are always verified."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


@dataclass(frozen=True, slots=True)
class Relay:
    """The mail server that takes our mails.

    Attributes:
        hello: the name we greet with.
        user, password: empty for none.
        ca_file: certificates to trust instead of the system's; empty for those.
        timeout: seconds to wait for each answer.
        dot_timeout: seconds to wait for the answer to the final dot, after which servers scan and store (RFC 5321
            asks for ten minutes).
    """

    host: str
    port: int
    hello: str
    security: Security = Security.STARTTLS
    user: str = ""
    password: str = ""
    ca_file: str = ""
    timeout: float = 30
    dot_timeout: float = 600

    @property
    def name(self) -> str:
        """``host:port``."""
        return f"{self.host}:{self.port}"


class RelayError(DeliveryError):
    """The mail server as a whole cannot be used. `configuration`: trying again does not help until a person acts."""

    def __init__(self, relay: str, reason: str, *, configuration: bool = False) -> None:
        self.configuration = configuration
        super().__init__(relay, reason, permanent=False)


def relay_of(options: AlertsOptions) -> Relay:
    """The configured mail server with its password.

    Raises:
        RelayError: there is none, or its password cannot be read: nothing can be sent until a person acts.
    """
    smtp = options.smtp
    if smtp is None:
        raise RelayError("mail server", "none is configured (settings.yaml, alerts: smtp:)", configuration=True)
    try:
        password = smtp.password() if smtp.user else ""
    except ConfigError as error:
        raise RelayError(f"{smtp.host}:{smtp.port}", str(error), configuration=True) from error
    return Relay(
        host=smtp.host,
        port=smtp.port,
        hello=options.domain,
        security=Security(smtp.security),
        user=smtp.user,
        password=password,
        ca_file=str(smtp.ca_file or ""),
        timeout=smtp.timeout_seconds,
        dot_timeout=max(DOT_TIMEOUT, smtp.timeout_seconds),
    )
