"""Bodies as they travel to bodies as they are meant: gzip, deflate and Brotli, never past a limit. Pure.

A few kilobytes can unpack to gigabytes, so every step asks for no more than may be kept, and looks whether more waits.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import brotli

ACCEPTED = "gzip, deflate, br"
"""For Accept-Encoding."""

_MOST_LAYERS = 3


class TooLargeError(ValueError):
    """The unpacked body would be larger than allowed."""


class PackingError(ValueError):
    """The body is not packed as its server says."""


def unpack(body: bytes, encodings: Sequence[str], limit: int) -> tuple[bytes, bool]:
    """Unpack a body.

    Args:
        body: as it travelled, at most `limit` long.
        encodings: in the order in which the server applied them; unknown ones are an error.
        limit: the largest size in bytes, of every layer.

    Returns:
        The body, and whether it ends before its packing says that it does.

    Raises:
        TooLargeError: it is larger.
        PackingError: it is not packed so, damaged, or packed in a way that was not asked for.
    """
    names = [name for name in (one.strip().lower() for one in encodings) if name and name != "identity"]
    if len(names) > _MOST_LAYERS:
        raise PackingError(f"packed {len(names)} times")
    cut = False
    for name in reversed(names):
        if not body:
            return body, cut
        make = _UNPACKERS.get(name)
        if make is None:
            raise PackingError(f"packed as {name[:40]!r}, which was not asked for")
        try:
            body, whole = make(body, limit)
        except (zlib.error, brotli.error) as error:
            raise PackingError(f"not packed as {name}: {error}") from error
        cut = cut or not whole
    return body, cut


def _gzip(body: bytes, limit: int) -> tuple[bytes, bool]:
    """One member or several; what follows the last one and is none is left aside, as browsers do."""
    parts: list[bytes] = []
    room = limit
    while True:
        part, whole, rest = _inflate(body, zlib.MAX_WBITS | 16, room)
        parts.append(part)
        room -= len(part)
        if not whole or not rest.startswith(b"\x1f\x8b"):
            return b"".join(parts), whole
        body = rest


def _deflate(body: bytes, limit: int) -> tuple[bytes, bool]:
    """With a zlib head as the standard wants it, or without one as many servers send it."""
    try:
        part, whole, _ = _inflate(body, zlib.MAX_WBITS, limit)
    except zlib.error:
        part, whole, _ = _inflate(body, -zlib.MAX_WBITS, limit)
    return part, whole


def _inflate(body: bytes, window: int, limit: int) -> tuple[bytes, bool, bytes]:
    unpacker = zlib.decompressobj(window)
    part = unpacker.decompress(body, limit + 1)
    _check(part, limit)
    return part, unpacker.eof, unpacker.unused_data


def _brotli(body: bytes, limit: int) -> tuple[bytes, bool]:
    unpacker = brotli.Decompressor()
    parts = [unpacker.process(body, output_buffer_limit=limit + 1)]
    size = len(parts[0])
    while size <= limit and not unpacker.can_accept_more_data() and not unpacker.is_finished():
        parts.append(unpacker.process(b"", output_buffer_limit=limit + 1 - size))
        size += len(parts[-1])
    return _check(b"".join(parts), limit), unpacker.is_finished()


def _check(part: bytes, limit: int) -> bytes:
    if len(part) > limit:
        raise TooLargeError("the document is too large when it is unpacked")
    return part


_UNPACKERS = {"gzip": _gzip, "x-gzip": _gzip, "deflate": _deflate, "br": _brotli}
