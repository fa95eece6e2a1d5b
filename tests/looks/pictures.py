"""Makes the pictures of docs/pictures again: the demo's digest at three widths, light and dark, and rarer sights.

Usage: python -m tests.looks.pictures [FOLDER]. Needs Chromium; takes half a minute.
"""

from __future__ import annotations

import asyncio
import base64
import os
import struct
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alerts.digests.compose import _counts
from alerts.digests.render import render
from alerts.ledger.digests import find_snapshot
from crawler.archive import open_archive
from tests.digests.scenes import SCENES
from tests.looks.browser import Browser, browsing
from tests.looks.pages import write_site

ROOT = Path(__file__).resolve().parent.parent.parent
PICTURES = ROOT / "docs" / "pictures"
NOW = "2026-03-01T18:30:00+00:00"
RIGHT_TO_LEFT = ("ar", "he")


@dataclass(frozen=True, slots=True)
class Picture:
    """A page as it is pictured: so many pixels of it from the top, at a width, light or dark."""

    page: str
    width: int
    height: int
    dark: bool = False

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.page}-{self.width}-{'dark' if self.dark else 'light'}.png"


WANTED = (
    *(
        Picture("digest", width, height, dark)
        for width, height in ((390, 1500), (768, 1300), (1280, 1100))
        for dark in (False, True)
    ),
    Picture("right-to-left", 390, 1500),
    Picture("right-to-left", 768, 1100, dark=True),
    Picture("alert", 390, 600),
    Picture("outage", 768, 1500),
    Picture("corrections", 390, 3200, dark=True),
    Picture("site", 768, 800),
)


def make_pictures(folder: Path) -> list[Path]:
    """Write all pictures into `folder`, made if missing.

    Raises:
        PageError: Chromium is missing, or a page does not fit its width.
        CalledProcessError: the demo failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="ceasewire-pictures-") as name:
        work = Path(name)
        pages = _pages(work)
        return asyncio.run(_pictured(work, pages, folder))


async def _pictured(work: Path, pages: Mapping[str, Path], folder: Path) -> list[Path]:
    made = []
    async with browsing(work / "profile") as browser:
        for wanted in WANTED:
            await browser.show(pages[wanted.page].as_uri(), width=wanted.width, dark=wanted.dark)
            png = await browser.picture(height=wanted.height)
            made.append(folder / wanted.name)
            made[-1].write_bytes(await _shrunk(browser, png))
    return made


async def _shrunk(browser: Browser, png: bytes) -> bytes:
    """The same picture in at most 256 colours: about a third of the bytes."""
    shrink = Path(__file__).with_name("shrink.js").read_text("utf-8")
    width, height, palette, indices = await browser.run(f"({shrink})('{base64.b64encode(png).decode()}')")
    pixels = base64.b64decode(indices)
    rows = b"".join(b"\0" + pixels[at : at + width] for at in range(0, len(pixels), width))
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"PLTE", base64.b64decode(palette)), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def _pages(work: Path) -> dict[str, Path]:
    snapshot = _demo(work / "demo")
    told = [story for story in snapshot["stories"] if story["language"] in RIGHT_TO_LEFT]
    counts = {"new": len(told), "updated": 0, "corrected": 0}
    from_right = {**snapshot, "title": "Middle East desk", "stories": told, "counts": _counts(told), "told": counts}
    mails = {
        "digest": render(snapshot),
        "right-to-left": render(from_right),
        "alert": SCENES["alert-update"](),
        "outage": SCENES["late-and-down"](),
        "corrections": SCENES["corrected"](),
    }
    pages = {name: work / f"{name}.html" for name in mails}
    for name, page in pages.items():
        page.write_text(mails[name].html, "utf-8")
    return {**pages, "site": write_site(work / "site")["site front"]}


def _demo(folder: Path) -> dict[str, Any]:
    """Run the demo at a fixed moment; the snapshot of its digest."""
    command = [sys.executable, "-m", "alerts.cli", "demo", str(folder)]
    environment = {**os.environ, "CEASEWIRE_NOW": NOW}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL, timeout=170)
    archive = open_archive(f"sqlite:///{folder / 'ceasewire.sqlite'}")
    try:
        with archive.read() as connection:
            snapshot = find_snapshot(connection, "demo", 1)
            assert snapshot is not None
            return snapshot
    finally:
        archive.close()


if __name__ == "__main__":
    for path in make_pictures(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURES):
        print(f"{path.stat().st_size:>9,} {path}")  # noqa: T201 - what a maintainer asked for
