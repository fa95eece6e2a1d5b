"""Bodies are unpacked as their servers say, and never past the limit."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.unpacking import PackingError, TooLargeError, unpack

TEXT = b"A convoy was hit near the bridge. " * 200


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


PACKERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "gzip by its old name": ("x-gzip", gzip.compress),
    "gzip in two members": ("gzip", lambda body: gzip.compress(body[:99]) + gzip.compress(body[99:])),
    "gzip and rubbish": ("gzip", lambda body: gzip.compress(body) + b"\0\0rubbish"),
    "deflate": ("deflate", zlib.compress),
    "deflate without a head": ("Deflate", raw_deflate),
    "brotli": ("br", brotli.compress),
    "gzip twice": ("gzip, gzip", lambda body: gzip.compress(gzip.compress(body))),
    "brotli in gzip": ("br, gzip", lambda body: gzip.compress(brotli.compress(body))),
    "nothing": ("identity", bytes),
}


@pytest.mark.parametrize("name", PACKERS)
def test_unpacks(name: str) -> None:
    said, pack = PACKERS[name]
    assert unpack(pack(TEXT), said.split(","), len(TEXT)) == (TEXT, False)
    assert unpack(b"", said.split(","), 10) == (b"", False)


@pytest.mark.parametrize("name", [name for name in PACKERS if name not in ("nothing", "gzip and rubbish")])
def test_says_that_the_end_is_missing(name: str) -> None:
    said, pack = PACKERS[name]
    body, cut = unpack(pack(TEXT)[:-3], said.split(","), len(TEXT))
    assert cut
    assert TEXT.startswith(body)


@pytest.mark.parametrize("name", [name for name in PACKERS if name != "nothing"])
def test_never_unpacks_past_the_limit(name: str) -> None:
    said, pack = PACKERS[name]
    with pytest.raises(TooLargeError, match="too large"):
        unpack(pack(TEXT), said.split(","), len(TEXT) - 1)


@pytest.mark.parametrize(
    ("body", "said", "message"),
    [
        (b"<rss/>", "gzip", "not packed as gzip"),
        (b"<rss/>", "br", "not packed as br"),
        (b"<rss>not packed</rss>", "deflate", "not packed as deflate"),
        (b"<rss/>", "zstd", "which was not asked for"),
        (b"<rss/>", "gzip," * 4, "packed 4 times"),
    ],
)
def test_refuses_what_is_not_packed_so(body: bytes, said: str, message: str) -> None:
    with pytest.raises(PackingError, match=message):
        unpack(body, said.split(","), 1000)


@given(st.binary(max_size=300), st.sampled_from(["gzip", "deflate", "br"]), st.integers(0, 500))
def test_any_bytes_end_in_a_body_or_an_error(body: bytes, said: str, limit: int) -> None:
    try:
        unpacked, _ = unpack(body, [said], limit)
    except (TooLargeError, PackingError):
        return
    assert len(unpacked) <= limit
