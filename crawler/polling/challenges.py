"""Pages that ask whether we are human. We are not, and say so: no evasion, the channel is blocked. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

_HEADERS = (("cf-mitigated", "challenge"), ("x-amzn-waf-action", "captcha"), ("x-amzn-waf-action", "challenge"))
# What the pages of the usual gatekeepers load. Ordinary pages behind them hold other scripts of theirs, not these.
_MARKS = re.compile(
    rb"/cdn-cgi/challenge-platform/h/|cf-browser-verification|_cf_chl_opt|_Incapsula_Resource\?SWU|"
    rb"captcha-delivery\.com|"
    rb"px-captcha|/_sec/cp_challenge|awsWafCookieDomainList|ddos-guard/js-challenge|sgcaptcha|/\.well-known/ddosg",
    re.IGNORECASE,
)
_HTML = re.compile(rb"\s*(?:<!--.*?-->\s*)?<(?:!doctype\s+html|html|head|body|script)\b", re.IGNORECASE | re.DOTALL)
_HEAD = 30_000


def challenge(headers: Mapping[str, str], body: bytes) -> str:
    """Why an answer is a challenge and no document; empty if it is none.

    Args:
        headers: names in lower case.
        body: its beginning is enough.
    """
    for name, value in _HEADERS:
        if headers.get(name, "").lower() == value:
            return f"a challenge page ({name}: {value})"
    head = body[:_HEAD].removeprefix(b"\xef\xbb\xbf")
    if not _HTML.match(head[:2_000]):
        return ""
    mark = _MARKS.search(head)
    return f"a challenge page ({mark[0].decode('ascii')})" if mark else ""
