"""The webhook route: a digest as JSON by POST, signed as https://www.standardwebhooks.com describes it.

The receiver checks `webhook-signature` (HMAC-SHA256 over id, time and body with the shared secret) and drops a repeated
`webhook-id`: a delivery keeps its id however often it is tried, so a kill at any moment does no harm.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPMessage
from typing import IO
from urllib import request
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from alerts.delivery import states
from alerts.delivery.steps import step

SECONDS = 30.0
_KEY_PREFIX = "whsec_"
_REPLY_BYTES = 300
# Asked too early, too often, or at the wrong moment: the only answers of 4xx that another try can change.
_LATER = {408, 409, 423, 425, 429}


class _NoRedirects(request.HTTPRedirectHandler):
    """A signed document goes where the operator said, and nowhere else."""

    def redirect_request(
        self, req: request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """Follow none: the answer itself is the outcome."""


def post(url: str, secret: str, identity: str, data: bytes, now: datetime) -> states.Event:
    """Hand one document over.

    Args:
        url: of the receiver.
        secret: as both sides know it; with the prefix ``whsec_`` the rest is base64.
        identity: of the delivery; the same at every try.
        data: the document, JSON in UTF-8.
        now: aware UTC; signed with it, so that an old one cannot be replayed.

    Returns:
        What happened, for `states.decide`: accepted (2xx), refused for good (other 4xx, 3xx), or to be tried later.
    """
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "ceasewire",
        "Webhook-Id": identity,
        "Webhook-Timestamp": str(int(now.timestamp())),
        "Webhook-Signature": sign(secret, identity, now, data),
    }
    asked = request.Request(url, data=data, headers=headers, method="POST")  # noqa: S310 - routes.py checked the URL
    try:
        with request.build_opener(_NoRedirects).open(asked, timeout=SECONDS) as answer:
            step("webhook.answered")
            return states.Accepted(f"{answer.status} {_said(answer.read(_REPLY_BYTES))}".strip())
    except HTTPError as error:
        with error:
            step("webhook.answered")
            return judge(error.code, _said(error.read(_REPLY_BYTES)), error.headers.get("Retry-After", ""), now)
    except (URLError, OSError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        return states.Postponed(f"{urlsplit(url).hostname} cannot be reached: {reason}")


def sign(secret: str, identity: str, now: datetime, data: bytes) -> str:
    """The value of `webhook-signature`: ``v1,`` and base64 of the HMAC over ``id.seconds.body``."""
    signed = f"{identity}.{int(now.timestamp())}.".encode() + data
    return "v1," + base64.b64encode(hmac.digest(_key(secret), signed, hashlib.sha256)).decode("ascii")


def judge(code: int, text: str, retry_after: str, now: datetime) -> states.Event:
    """What an answer other than 2xx means: some are asked again, the others are final."""
    reply = f"{code} {text}".strip()
    if code >= 500 or code in _LATER:
        return states.Postponed(reply, _wait(retry_after, now))
    if 300 <= code < 400:
        return states.Refused(f"{reply}: redirects are not followed; put the final address into the desk's file")
    return states.Refused(reply)


def _key(secret: str) -> bytes:
    if secret.startswith(_KEY_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(_KEY_PREFIX), validate=True)
        except binascii.Error:
            pass  # a secret of the operator's own that only begins like one
    return secret.encode("utf-8")


def _wait(retry_after: str, now: datetime) -> timedelta:
    """Retry-After in seconds or as a date (RFC 9110, 10.2.3); nothing for what is neither."""
    if retry_after.strip().isascii() and retry_after.strip().isdigit():
        return timedelta(seconds=min(int(retry_after), 10**6))
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return timedelta()
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(timedelta(), moment - now)


def _said(body: bytes) -> str:
    return " ".join(body.decode("utf-8", "replace").split())
