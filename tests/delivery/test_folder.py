"""The folder route: three files, whole or not there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from alerts.delivery.folder import file_stem, write_files
from alerts.delivery.mail import build
from alerts.errors import DeliveryError
from tests.delivery.test_mail import LETTER, SLOT

DATA = build(replace(LETTER, html="<p>Удар</p>\n<p>.</p>\n" * 30, text="Hit: Ж\n\n.\n"))


def test_the_files_are_the_final_bytes_and_what_a_reader_sees_of_them(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    assert write_files(folder, "sudan-1-x", DATA) == folder / "sudan-1-x.eml"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "sudan-1-x.eml": DATA,
        "sudan-1-x.html": ("<p>Удар</p>\n<p>.</p>\n" * 30).encode(),
        "sudan-1-x.txt": "Hit: Ж\n\n.\n".encode(),
    }


def test_what_a_killed_run_left_is_written_over(tmp_path: Path) -> None:
    (tmp_path / ".x.html.tmp").write_bytes(b"half")
    (tmp_path / "x.txt").write_bytes(b"old")
    for _ in range(2):
        write_files(tmp_path, "x", DATA)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["x.eml", "x.html", "x.txt"]
        assert (tmp_path / "x.eml").read_bytes() == DATA


def test_what_cannot_be_written_is_tried_later(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    with pytest.raises(DeliveryError, match="cannot write") as caught:
        write_files(in_the_way, "x", DATA)
    assert not caught.value.permanent
    (tmp_path / "out" / "x.html").mkdir(parents=True)
    with pytest.raises(DeliveryError, match=r"x\.html"):
        write_files(tmp_path / "out", "x", DATA)
    # No .eml: the edition is not complete. And no rubbish.
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["x.html", "x.txt"]


def test_names() -> None:
    assert file_stem("sudan", "12", SLOT) == "sudan-12-20260301T0700Z"
    odd = {file_stem(name, "1", SLOT) for name in ("../../etc/passwd", "a/b", "a b", ".hidden", "ü", "é")}
    assert len(odd) == 6
    assert not any("/" in name or name.startswith(".") for name in odd)
