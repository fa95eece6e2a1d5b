"""Texts and bytes as the database holds them: compressed, with the codec named in the row."""

from __future__ import annotations

import re

import zstandard

from crawler.errors import ArchiveError

CODEC = "zstd"
_LEVEL = 6
_LARGEST = 256 * 1024 * 1024
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def pack(text: str) -> tuple[str, bytes]:
    """Compress a text.

    Returns:
        The codec's name and the bytes.
    """
    return CODEC, pack_bytes(text.encode("utf-8"))


def unpack(codec: str, data: bytes) -> str:
    """Give the text back.

    Raises:
        ArchiveError: an unknown codec, or bytes that are not what `pack` made.
    """
    if codec != CODEC:
        raise ArchiveError(f"a text is stored with codec {codec!r}, which this version does not know")
    return unpack_bytes(data).decode("utf-8")


def pack_bytes(data: bytes) -> bytes:
    """Compress bytes (zstd, with their size and a checksum)."""
    return zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(data)


def unpack_bytes(data: bytes) -> bytes:
    """Give the bytes back.

    Raises:
        ArchiveError: damaged.
    """
    try:
        return zstandard.ZstdDecompressor().decompress(data, max_output_size=_LARGEST)
    except zstandard.ZstdError as error:
        raise ArchiveError(f"a stored text is damaged: {error}") from error


def storable(text: str) -> str:
    """The text without what a database cannot hold: NUL is dropped, lone surrogates become U+FFFD."""
    return _UNSTORABLE.sub(lambda found: "" if found[0] == "\x00" else "�", text)
