"""Text as publishers write it -> plain text that is safe to store, match and print. Pure.

Stored text has no control characters, no bidirectional embeddings (they can turn a line of a mail around) and no lone
surrogates, so that every offset counted in it is the same in Python, in the database and in a mail.
"""

from __future__ import annotations

import re

import lxml.etree
import lxml.html

_DROPPED = dict.fromkeys(
    [
        *(code for code in range(0x20) if chr(code) not in "\t\n\r\x1c\x1d\x1e\x1f\x0b\x0c"),
        *range(0x7F, 0x85),
        *range(0x86, 0xA0),
        *range(0x202A, 0x202F),  # bidirectional embeddings and overrides
        *range(0x2066, 0x206A),  # bidirectional isolates
        0xFEFF,
        0xFFFE,
        0xFFFF,
        *range(0xD800, 0xE000),
    ]
)

_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "br",
        "center",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "tr",
        "ul",
    ]
)
_SKIPPED = frozenset(
    [
        "script",
        "style",
        "template",
        "iframe",
        "object",
        "embed",
        "noscript",
        "svg",
        "math",
        "canvas",
        "head",
        "title",
        "textarea",
        "select",
    ]
)
_BREAK = "\x1e"  # cannot be in the input any more when it is used
_LONGEST = 2_000_000


def clean(text: str) -> str:
    """Drop what must never be stored: control characters, bidirectional controls, lone surrogates."""
    return text.translate(_DROPPED)


def one_line(text: str) -> str:
    """`clean`, with every run of white space (line and paragraph separators too) as one space."""
    return " ".join(clean(text).split())


def paragraphs(text: str, *, separator: str = "\n\n") -> str:
    """Plain text with paragraphs, found at blank lines, each on one line and joined by `separator`."""
    parts = re.split(r"\n[ \t\r]*\n", clean(text).replace("\r\n", "\n").replace("\u2029", "\n\n"))
    return separator.join(line for line in (" ".join(part.split()) for part in parts) if line)


def html_to_text(markup: str, *, separator: str = "\n\n") -> str:
    """Plain text of an HTML fragment: blocks become paragraphs; scripts, styles and comments vanish.

    Never raises: what cannot be parsed gives what could be read of it.
    """
    if "<" not in markup and "&" not in markup:
        return paragraphs(markup, separator=separator)
    markup = clean(markup[:_LONGEST]).replace(_BREAK, " ")
    parser = lxml.html.HTMLParser(remove_comments=True, remove_pis=True, no_network=True, huge_tree=False)
    try:
        root = lxml.html.document_fromstring(f"<div>{markup}</div>", parser=parser)
    except (lxml.etree.LxmlError, ValueError):
        return paragraphs(re.sub(r"<[^>]*>", " ", markup), separator=separator)
    pieces = _pieces(root)
    lines = (" ".join(line.split()) for line in "".join(pieces).split(_BREAK))
    return separator.join(line for line in lines if line)


def html_to_line(markup: str) -> str:
    """Plain text of an HTML fragment on one line, as for titles."""
    return one_line(html_to_text(markup, separator=" "))


def _pieces(root: lxml.html.HtmlElement) -> list[str]:
    """The text of a tree in document order with `_BREAK` around blocks; walks without recursion."""
    pieces: list[str] = []
    skipped_until: lxml.html.HtmlElement | None = None
    for event, element in lxml.etree.iterwalk(root, events=("start", "end")):
        tag = element.tag if isinstance(element.tag, str) else ""
        if skipped_until is not None:
            if event == "end" and element is skipped_until:
                skipped_until = None
                pieces.append(element.tail or "")
            continue
        if event == "start":
            if tag in _SKIPPED:
                skipped_until = element
                continue
            if tag in _BLOCKS:
                pieces.append(_BREAK)
            pieces.append(element.text or "")
        else:
            if tag in _BLOCKS:
                pieces.append(_BREAK)
            pieces.append(element.tail or "")
    return pieces
