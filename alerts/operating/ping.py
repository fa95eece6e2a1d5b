"""Pings in the convention of Healthchecks: somebody else notices when this machine falls silent."""

from __future__ import annotations

import logging
from urllib import request
from urllib.error import URLError
from urllib.parse import urlsplit, urlunsplit

log = logging.getLogger(__name__)

SECONDS = 10.0
MOST_BYTES = 10_000
"""What the convention's server keeps of a message."""


class Watcher:
    """Somebody who expects to hear of every run. A ping that fails is logged and changes nothing."""

    def __init__(self, url: str) -> None:
        """Watch by the check at `url`; empty pings nobody.

        Raises:
            ValueError: it is not http or https with a host; says so.
        """
        parts = urlsplit(url)
        if url and (parts.scheme not in {"http", "https"} or not parts.hostname):
            raise ValueError("a ping needs an http or https address")
        self._url = url

    def start(self) -> None:
        """A run has begun: it holds the lock."""
        if self._url:
            ping(self._url, "start")

    def end(self, code: int) -> None:
        """It ended with this exit code."""
        if self._url:
            ping(self._url, str(code))


def ping(url: str, step: str, message: str = "") -> bool:
    """Tell the check at `url` one step: ``start`` or an exit code.

    Returns:
        Whether it answered with success within ten seconds.
    """
    parts = urlsplit(url)
    address = urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{step}"))
    body = message.encode("utf-8")[:MOST_BYTES]
    try:
        asked = request.Request(address, data=body, headers={"User-Agent": "ceasewire"})  # noqa: S310 - Watcher checks it
        with request.urlopen(asked, timeout=SECONDS) as answer:  # noqa: S310 - the operator's own URL, checked
            answer.read(200)
    except (URLError, OSError, ValueError) as error:
        # The path of such a URL is its secret.
        log.warning("the ping to %s failed: %s", parts.hostname, error)
        return False
    return True
