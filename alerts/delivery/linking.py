"""Links of readers back to us: made only while somebody answers them, because a dead link is worse than none."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib import request
from urllib.error import HTTPError, URLError

from alerts.digests.render import ReaderLinks
from alerts.links import Signer, local_part, placeholder
from crawler.errors import ConfigError

if TYPE_CHECKING:
    from alerts.options import AlertsOptions

log = logging.getLogger(__name__)

SECONDS = 5.0


def signer_of(options: AlertsOptions) -> Signer | None:
    """What signs readers' links; None when no web side is configured, or nothing answers at its address now."""
    if options.web is None:
        return None
    try:
        signer = Signer(options.web.secret().read())
    except (ConfigError, ValueError) as error:
        log.error("mails go without links: %s", error)
        return None
    if reason := unreachable(options.web.url):
        url = options.web.url
        log.warning("mails go without links: %s does not answer (%s); is `serve --http` running?", url, reason)
        return None
    return signer


def unreachable(url: str) -> str:
    """Why the web side cannot be reached at its address; empty when it answers, be it that something is broken."""
    try:
        asked = request.Request(f"{url}/healthz", headers={"User-Agent": "ceasewire"})  # noqa: S310 - see options.py
        with request.urlopen(asked, timeout=SECONDS) as answer:  # noqa: S310 - the operator's own URL
            answer.read(200)
    except HTTPError as error:
        with error:
            return "" if error.code == 503 else f"{error.code}"
    except (URLError, OSError, ValueError) as error:
        return str(getattr(error, "reason", error))
    return ""


def links_of(base: str, message_id: str) -> ReaderLinks:
    """Links with a placeholder for the token, for a message that is rendered once for all its readers.

    Args:
        base: address of the web side.
        message_id: of any of its deliveries: they are equally long.
    """
    blank = placeholder(local_part(message_id))
    return ReaderLinks(feedback=f"{base}/f/{blank}", unsubscribe=f"{base}/u/{blank}")
