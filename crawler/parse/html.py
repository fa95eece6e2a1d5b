"""Bytes of an HTML page -> text and tree. Pure."""

from __future__ import annotations

import re

import lxml.etree
import lxml.html
from w3lib.encoding import html_body_declared_encoding, http_content_type_encoding, resolve_encoding

_XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_SAMPLE = 100_000


def decode_html(body: bytes, content_type: str = "") -> str:
    """Text of a page: by its byte order mark, what header and document declare, else what fits.

    A declared encoding that does not fit the bytes loses against UTF-8 that does: servers add wrong headers more
    often than chance gives valid UTF-8.
    """
    for mark, codec in ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if body.startswith(mark):
            return body[len(mark) :].decode(codec, "replace")
    declared = [http_content_type_encoding(content_type), html_body_declared_encoding(body)]
    names = [name for one in declared if one and (name := resolve_encoding(one))]
    for name in dict.fromkeys(["utf-8", *names]):
        try:
            return body.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
    return body.decode(_guess(body, names), "replace")


def _guess(body: bytes, declared: list[str]) -> str:
    """The encoding that loses least: a declared one with few bad places, else what a detector says."""
    for name in [*declared, "utf-8"]:
        text = body[:_SAMPLE].decode(name, "replace")
        if text.count("\ufffd") <= 1 + len(text) // 500:
            return name
    from charset_normalizer import from_bytes

    best = from_bytes(body[:_SAMPLE]).best()
    return best.encoding if best is not None else (declared or ["utf-8"])[0]


def html_tree(text: str) -> lxml.html.HtmlElement | None:
    """The tree of a page, or None when there is nothing in it."""
    text = _XML_DECLARATION.sub("", text.replace("\0", ""))
    try:
        return lxml.html.document_fromstring(text, parser=lxml.html.HTMLParser(no_network=True))
    except (lxml.etree.LxmlError, ValueError):
        return None
