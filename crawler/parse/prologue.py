"""What stands before a document's first element, and what must not reach a parser because of it. Pure."""

from __future__ import annotations

import re

_DECLARATION_PARTS = re.compile(rb"""[>\[]|"[^"]*"|'[^']*'""")
_ROOT = re.compile(rb"<[A-Za-z_]")
_XML_ENCODING = re.compile(r"""(<\?xml[^>]*?)\s+encoding=["'][^"']*["']""")
_PLAIN_ENTITY = re.compile(rb"""<!ENTITY\s+([A-Za-z_][\w.-]{0,50})\s+(?:"([^"<%]{0,200})"|'([^'<%]{0,200})')\s*>""")
_CHARACTER = re.compile(rb"&(?:#[0-9]{1,7}|#x[0-9a-fA-F]{1,6}|amp|lt|gt|quot|apos);")
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_LONGEST_DECLARATION = 4096
_LONGEST_SUBSET = 65_536
_MOST_ENTITIES = 300
_MOST_GROWTH = 65_536
"""Bytes by which short entities may make a document longer. Bombs want to be a thousand times their size."""


def as_ascii_superset(body: bytes) -> bytes:
    """UTF-16 and UTF-32 documents as UTF-8, so that checks of the bytes see what the parser will see."""
    head = body[:4]
    if b"\0" not in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return body
    if head.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")) or head.count(0) == 3:
        codec = "utf-32" if b"\xff" in head else ("utf-32-le" if head[0] else "utf-32-be")
    else:
        codec = "utf-16" if b"\xff" in head else ("utf-16-le" if head[0] else "utf-16-be")
    text = body.decode(codec, "replace")
    return _XML_ENCODING.sub(r"\1", text, count=1).encode("utf-8", "replace")


def find_root(body: bytes) -> tuple[int | None, str]:
    """Where the first element begins, and why the document is refused before it.

    One pass, for the parsers' own patterns take minutes on a document of nothing but opened comments. A bare DOCTYPE is
    harmless (RSS 0.91 asks for one); one with declarations of its own is how entity bombs are made.

    Returns:
        The offset, or None without an element; and ``entities``, ``unclosed`` or empty.
    """
    position = 0
    while (start := body.find(b"<", position)) >= 0:
        kind = next((name for name in (b"<!--", b"<?", b"<!") if body.startswith(name, start)), b"")
        if kind == b"<!":
            position, subset = _skip_declaration(body, start + 2)
            if subset:
                return None, "entities"
        elif kind:
            end = body.find(b"-->" if kind == b"<!--" else b"?>", start + len(kind))
            if end < 0:
                return None, "unclosed"
            position = end + 2
        elif _ROOT.match(body, start):
            return start, ""
        else:
            position = start + 1
    return None, ""


def without_plain_entities(body: bytes) -> bytes | None:
    """A document whose own entities are short plain texts, with the texts in their places; None for any other one.

    Nothing is ever looked up, and no entity may name another one: what is left to expand cannot grow.
    """
    opened = body.find(b"[", body.find(b"<!DOCTYPE"))
    closed = body.find(b"]", opened, opened + _LONGEST_SUBSET)
    end = body.find(b">", closed)
    if min(opened, closed, end) < 0 or body[closed + 1 : end].strip():
        return None
    subset = body[opened + 1 : closed]
    found = _PLAIN_ENTITY.findall(subset)
    rest = _COMMENT.sub(b"", _PLAIN_ENTITY.sub(b"", subset)).strip()
    texts = {name: _CHARACTER.sub(b"", one or other) for name, one, other in found}
    if rest or len(found) > _MOST_ENTITIES or any(b"&" in text for text in texts.values()):
        return None
    values = {name: one or other for name, one, other in found}
    head, tail = body[:opened], body[end:]
    growth = 0
    for name, value in values.items():
        growth += tail.count(b"&" + name + b";") * len(value)
        if growth > _MOST_GROWTH:
            return None
        tail = tail.replace(b"&" + name + b";", value)
    return head.rstrip() + tail


def _skip_declaration(body: bytes, position: int) -> tuple[int, bool]:
    """The end of a ``<!`` declaration, quotes respected, and whether it has declarations inside."""
    for match in _DECLARATION_PARTS.finditer(body, position, position + _LONGEST_DECLARATION):
        if match[0] == b">":
            return match.end(), False
        if match[0] == b"[":
            return match.end(), True
    return min(position + _LONGEST_DECLARATION, len(body)), False
