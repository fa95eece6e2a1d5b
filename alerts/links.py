"""Links of readers back to us: signed, so that nobody acts in another's name, and worth nothing to anybody else. Pure.

A link names one delivery, and so one reader of one message. It never expires: a digest is read weeks later, too.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

_MAC_BYTES = 16
_MAC_LETTERS = 22
_PURPOSE = b"ceasewire reader link v1:"


class Signer:
    """Makes and reads tokens with one secret key."""

    def __init__(self, secret: str) -> None:
        """Args: secret: at least 16 characters; whoever has it can act for every reader."""
        if len(secret) < 16:
            raise ValueError("the secret of reader links needs at least 16 characters")
        self._key = secret.encode("utf-8")

    def token(self, identity: str) -> str:
        """The token of a delivery.

        Args:
            identity: local part of its Message-ID: letters, digits, hyphens and full stops.
        """
        mac = hmac.digest(self._key, _PURPOSE + identity.encode("utf-8"), hashlib.sha256)[:_MAC_BYTES]
        return f"{identity}.{base64.urlsafe_b64encode(mac).decode('ascii').rstrip('=')}"

    def identity_of(self, token: str) -> str | None:
        """The identity that a token was made for; None when it was not made by us."""
        identity = token[: -_MAC_LETTERS - 1]
        genuine = self.token(identity).encode("ascii", "replace")
        return identity if identity and hmac.compare_digest(genuine, token.encode("utf-8", "replace")) else None


def placeholder(identity: str) -> str:
    """What stands for the token of any delivery of a message while it is rendered once for all: of the same length.

    Args:
        identity: of one of the deliveries; those of one message differ in letters, not in length.
    """
    return "0" * (len(identity) + 1 + _MAC_LETTERS)


def local_part(message_id: str) -> str:
    """The identity of a delivery: what stands before the @ of its Message-ID."""
    return message_id.strip("<>").rpartition("@")[0]
