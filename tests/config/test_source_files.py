"""Writing into config/sources/: comments stay, files stay valid, names are good."""

from __future__ import annotations

import stat
from datetime import date
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from crawler.configfile import parse_document
from crawler.configfile.writing import replace_file, scalar
from crawler.errors import ConfigError
from crawler.sourcefiles import (
    Draft,
    DraftChannel,
    add_drafts,
    draft_yaml,
    file_for,
    free_id,
    id_of,
    note_checked,
    tag_of,
)
from crawler.sources import ChannelKind, load_sources

FILE = """\
# yaml-language-server: $schema=../../docs/schemas/sources.schema.json
# The north.   Two spaces  stay.

- id: nrk   # the first
  name: "NRK: news"
  country: NO
  languages: [no]
  channels:
    # the big one
    - feed: https://nrk.example/rss
  checked:    # by hand
  note: >
    folded
    text
- {id: vg, name: VG, country: NO, languages: [no], channels: [{feed: https://vg.example/rss}]}
# the end
"""


def draft(key: str = "dag", **changes: object) -> Draft:
    values: dict[str, object] = {
        "id": key, "name": key.title(), "country": "NO", "languages": ("no",),
        "channels": (DraftChannel(ChannelKind.FEED, f"https://{key}.example/rss", "RSS 2.0, 30 entries"),),
    }  # fmt: skip
    return Draft(**(values | changes))  # type: ignore[arg-type]


def test_a_new_source_stands_behind_the_others_and_every_byte_before_it_stays(tmp_path: Path) -> None:
    file = tmp_path / "north.yaml"
    file.write_text(FILE)
    add_drafts(tmp_path, file, [draft(homepage="https://dag.example/", tags=("radio",), checked=date(2026, 3, 1))])
    assert file.read_text() == FILE + (
        "\n- id: dag\n  name: Dag\n  country: NO\n  languages: [no]\n  tier: 3\n  homepage: https://dag.example/\n"
        "  tags: [radio]\n  channels:\n    - feed: https://dag.example/rss  # RSS 2.0, 30 entries\n"
        "  checked: 2026-03-01\n"
    )
    sources, problems = load_sources(tmp_path)
    assert ([source.id for source in sources], problems) == (["nrk", "vg", "dag"], [])
    assert sources[2].tags == ("radio",)


@pytest.mark.parametrize(
    "before",
    [
        "",
        "# only a remark",
        "# a\n\n",
        FILE.rstrip("\n"),
        FILE.replace("\n", "\r\n"),
        "\ufeff" + FILE,
        "  - id: nrk\n    name: N\n    languages: [no]\n    channels:\n      - feed: https://nrk.example/rss\n",
        "---\n- id: nrk\n  name: N\n  languages: [no]\n  channels: [{feed: https://nrk.example/rss}]\n",
    ],
    ids=["empty", "comment", "blank lines", "no last break", "CRLF", "byte order mark", "indented", "document start"],
)
def test_any_layout_can_be_added_to(tmp_path: Path, before: str) -> None:
    file = tmp_path / "north.yaml"
    file.write_bytes(before.encode())
    known = {source.id for source in load_sources(tmp_path)[0]}
    add_drafts(tmp_path, file, [draft(), draft("aft")])
    sources, problems = load_sources(tmp_path)
    assert [problem for problem in problems if not problem.warning] == []
    assert {source.id for source in sources} == known | {"dag", "aft"}
    assert file.read_bytes().startswith(before.encode())
    assert ("\r\n" in before) == (b"\r\n" in file.read_bytes())


def test_a_file_that_is_not_there_is_made(tmp_path: Path) -> None:
    add_drafts(tmp_path / "sources", tmp_path / "sources" / "own.yaml", [draft()])
    assert (tmp_path / "sources" / "own.yaml").read_text().startswith("# Sources of our own.\n\n- id: dag\n")


@pytest.mark.parametrize(
    ("file", "new", "words"),
    [
        ("north.yaml", draft("nrk"), "a second source has the id `nrk`"),
        ("other.yaml", draft("nrk"), "a second source has the id `nrk`"),
        (
            "other.yaml",
            draft(channels=(DraftChannel(ChannelKind.FEED, "https://nrk.example/rss?utm_source=x"),)),
            "twice",
        ),
        ("north.yaml", draft(country="XX"), "`XX` is no country code"),
        ("north.yaml", draft(languages=("klingon",)), "no language code"),
        ("north.yaml", draft(channels=()), "holds nothing|missing|a list|NoneType|nothing stands"),
        ("brackets.yaml", draft(), "a list in brackets"),
        ("broken.yaml", draft(), "is not closed"),
    ],
    ids=["id", "id elsewhere", "channel elsewhere", "country", "language", "no channel", "brackets", "broken"],
)
def test_what_would_be_wrong_is_not_written(tmp_path: Path, file: str, new: Draft, words: str) -> None:
    (tmp_path / "north.yaml").write_text(FILE)
    if file == "brackets.yaml":
        (tmp_path / file).write_text("[{id: a, name: A, languages: [en], channels: [{feed: https://a.example/}]}]\n")
    if file == "broken.yaml":
        (tmp_path / file).write_text("- id: 'a\n")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ConfigError, match=words):
        add_drafts(tmp_path, tmp_path / file, [new])
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_another_file_that_is_broken_does_not_hold_up_this_one(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("- id: 'a\n")
    add_drafts(tmp_path, tmp_path / "own.yaml", [draft()])
    assert [source.id for source in load_sources(tmp_path)[0]] == ["dag"]


def test_replacing_keeps_permissions_and_links(tmp_path: Path) -> None:
    real, link = tmp_path / "real" / "a.yaml", tmp_path / "a.yaml"
    replace_file(real, "one\n")
    assert stat.S_IMODE(real.stat().st_mode) == 0o644
    real.chmod(0o600)
    link.symlink_to(real)
    replace_file(link, "two\n")
    assert (link.is_symlink(), real.read_text(), stat.S_IMODE(real.stat().st_mode)) == (True, "two\n", 0o600)
    assert [path.name for path in real.parent.iterdir()] == ["a.yaml"]


def test_a_file_that_cannot_be_replaced_is_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("one\n")

    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        replace_file(file, "two\n")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.yaml": "one\n"}


def test_the_day_of_a_check_is_all_that_changes(tmp_path: Path) -> None:
    (tmp_path / "north.yaml").write_text(FILE + "- id: aft\n  name: A\n  languages: [no]\n  checked: 2025-01-01 # old\n"
                                         "  channels:\n    - feed: https://aft.example/\n"
                                         "- id: bt\n  name: B\n  languages: [da]\n  # ways in\n"
                                         "  channels:\n    - feed: https://bt.example/\n")  # fmt: skip
    before = (tmp_path / "north.yaml").read_text()
    left = note_checked(tmp_path, ["nrk", "aft", "bt", "vg"], date(2026, 3, 1))
    assert left == ["vg"]
    after = (tmp_path / "north.yaml").read_text()
    assert after == (
        before.replace("checked:    # by hand", "checked: 2026-03-01    # by hand")
        .replace("checked: 2025-01-01 # old", "checked: 2026-03-01 # old")
        .replace("  # ways in\n  channels", "  # ways in\n  checked: 2026-03-01\n  channels")
    )
    assert {source.id: source.checked for source in load_sources(tmp_path)[0]} == {
        "nrk": date(2026, 3, 1), "vg": None, "aft": date(2026, 3, 1), "bt": date(2026, 3, 1),
    }  # fmt: skip


def test_the_file_in_which_most_of_a_country_stands(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(FILE)
    (tmp_path / "b.yaml").write_text(FILE.partition("- {id")[0].replace("nrk", "tv2"))
    (tmp_path / "c.yaml").write_text("- country: [NO]\n- just text\n")
    assert file_for(tmp_path, "NO").name == "a.yaml"
    assert file_for(tmp_path, "DK").name == "own.yaml"
    assert file_for(tmp_path, "").name == "own.yaml"


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=30))
def test_any_text_is_read_back_as_it_was_written(text: str) -> None:
    for layout in (f"- {scalar(text)}\n", f"- [{scalar(text)}]\n"):
        document, problems = parse_document(layout, "x")
        assert problems == []
        assert document is not None
        assert document.data in ([text], [[text]])


ODD = (
    "no", "7", "null", "a: b", "a #b", "[x]", "- x", "'", '"', "*a", "&a", "!x", "@x", "%", "1.5", "a,b", "{",
    "2026-01-01", "true", "", " x", "x ", "#", "?", "|", ">", "`", "a\nb", "a\n- b",
)  # fmt: skip


@pytest.mark.parametrize("text", ODD)
def test_what_would_mean_something_else_is_quoted(text: str) -> None:
    document, _ = parse_document(f"- {scalar(text)}\n", "x")
    assert document is not None
    assert document.data == [text]


def test_what_needs_no_quotes_gets_none() -> None:
    for text in ("The Paper", "https://a.example/x?y=1&z=2#!top", "Українська правда", "Naharnet (Lebanon)", "El País"):
        assert scalar(text) == text


def test_a_hostile_name_stays_a_name() -> None:
    text = draft_yaml(draft(name='x"\n- id: evil', note="a: b # c"))
    [source] = yaml.safe_load(text)
    assert (source["id"], source["name"], source["note"]) == ("dag", 'x"\n- id: evil', "a: b # c")


@pytest.mark.parametrize(
    ("name", "homepage", "wanted"),
    [
        ("The Kyiv Independent", "https://kyivindependent.com/", "kyiv-independent"),
        ("El País", "https://elpais.com/", "el-pais"),
        ("Українська правда", "https://www.pravda.com.ua/", "pravda"),
        ("مرفأ الخبر", "https://marfa.example/", "marfa"),
        ("ТСН 24", "https://tsn.ua/", "tsn"),
        ("The", "https://the.example/", "the"),
        ("+972 Magazine", "https://www.972mag.com/", "972-magazine"),
        ("", "https://news.sky.com/", "news-sky"),
        ("خبر", "http://127.0.0.1:8000/", "source"),
        ("O'Hara's Post", "https://x.example/", "oharas-post"),
        ("x" * 90, "https://x.example/", "x" * 64),
    ],
)
def test_ids(name: str, homepage: str, wanted: str) -> None:
    assert id_of(name, homepage) == wanted


def test_an_id_that_is_taken_gets_a_number() -> None:
    assert free_id({"a", "a-2"}, "a") == "a-3"
    assert free_id({"a"}, "b") == "b"
    assert len(free_id({"x" * 64}, "x" * 64)) <= 64


@pytest.mark.parametrize(
    ("folder", "tag"), [("Middle East", "middle-east"), ("Südost / Asien", "sudost-asien"), ("Світ", "")]
)
def test_tags_of_folders(folder: str, tag: str) -> None:
    assert tag_of(folder) == tag
