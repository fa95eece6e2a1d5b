"""The pictures of the documentation can be made again, and none is missing, left over or too large."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from tests.looks import tools
from tests.looks.pictures import PICTURES, ROOT, WANTED, make_pictures

MOST_BYTES = 2_000_000
_LINK = re.compile(r"pictures/([\w-]+\.(?:png|svg))")


def test_every_picture_is_shown_and_every_shown_one_is_there() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    shown = {name for page in pages for name in _LINK.findall(page.read_text("utf-8"))}
    there = {path.name for path in PICTURES.iterdir()}
    assert shown == there
    assert {name for name in there if name.endswith(".png")} == {wanted.name for wanted in WANTED}
    assert sum(path.stat().st_size for path in PICTURES.iterdir()) <= MOST_BYTES


@pytest.mark.heavy
@pytest.mark.timeout(420)
def test_the_pictures_can_be_made_again(tmp_path: Path) -> None:
    tools.need_chromium()
    made = {path.name: path for path in make_pictures(tmp_path / "pictures")}
    for wanted in WANTED:
        old, new = PICTURES / wanted.name, made[wanted.name]
        # Not compared to the byte: letters differ a little from machine to machine.
        for picture in (old, new):
            width, height = struct.unpack(">II", picture.read_bytes()[16:24])
            assert (width, height <= wanted.height) == (wanted.width, True)
        assert 0.5 < new.stat().st_size / old.stat().st_size < 2, "run `make pictures` and look at them"
