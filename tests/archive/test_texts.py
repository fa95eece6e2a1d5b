"""Leads, folding and hashes of texts, and how texts are stored."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.archive import texts
from crawler.articles import LEAD_LIMIT, Entry, entry_body, fold, lead_end, text_hash
from crawler.errors import ArchiveError

LONG = "The shells fell on the market at noon, and the traders who could run ran towards the river. " * 4


@pytest.mark.parametrize(
    ("body", "lead"),
    [
        ("", ""),
        ("One line.", "One line."),
        ("First paragraph.\nSecond paragraph.", "First paragraph."),
        ("First. Still first.\n\nSecond.", "First. Still first."),
        ("Trailing space.  \n\nSecond.", "Trailing space."),
        ("Two. Sentences only. " + LONG * 2, "Two. Sentences only."),
        ("Mr. Holt met Gen. A. Varga. They agreed. " + LONG * 2, "Mr. Holt met Gen. A. Varga. They agreed."),
        ("The U.S. envoy said “Stop.” Nobody did. " + LONG * 2, "The U.S. envoy said “Stop.” Nobody did."),
        ("Що сталося? Вибух! " + LONG * 2, "Що сталося? Вибух!"),
        ("ماذا حدث؟ انفجار كبير. " + LONG * 2, "ماذا حدث؟ انفجار كبير."),
        ("Short one. " + "x" * 600, "Short one."),
        ("word " * 200, ("word " * 80).rstrip()),
        ("x" * 600, "x" * LEAD_LIMIT),
    ],
)
def test_the_lead_is_the_first_paragraph_else_two_sentences(body: str, lead: str) -> None:
    assert body[: lead_end(body)] == lead


@given(st.text(alphabet="aB .!?\n…“”", max_size=900))
def test_the_lead_is_a_prefix_of_at_most_the_limit(body: str) -> None:
    body = body.strip()
    end = lead_end(body)
    assert 0 <= end <= min(LEAD_LIMIT, len(body))
    assert (end > 0) == bool(body)
    # Never in the middle of the first paragraph while it would have fitted.
    assert "\n" not in body[:end].strip() or len(body) > LEAD_LIMIT


def test_copies_hash_equal_whatever_their_case_spaces_and_punctuation() -> None:
    assert text_hash(LONG) == text_hash(LONG.upper().replace(",", " –").replace(" ", "\n"))
    assert text_hash(LONG) != text_hash(LONG.replace("river", "bridge"))


def test_short_texts_have_no_hash() -> None:
    assert text_hash("Read more on our site.") == ""
    assert text_hash(" \n".join("." * 500)) == ""


@given(st.text())
def test_folding_is_stable(text: str) -> None:
    # NFKC after case folding can need one more round in rare scripts; what is folded twice must not change any more.
    assert fold(fold(fold(text))) == fold(fold(text))


def test_an_entrys_text_is_its_content_else_its_summary() -> None:
    assert entry_body(Entry(summary="s", content=" c\r\nd ")) == "c\nd"
    assert entry_body(Entry(summary=" s ", content="\n ")) == "s"


@given(st.text())
def test_stored_texts_come_back(text: str) -> None:
    kept = texts.storable(text)
    assert texts.unpack(*texts.pack(kept)) == kept
    assert len(kept) == len(text) - text.count("\x00")


def test_what_a_database_cannot_hold_is_replaced() -> None:
    assert texts.storable("a\x00b\ud800c") == "ab�c"


def test_an_unknown_codec_and_damage_are_told() -> None:
    codec, data = texts.pack(LONG)
    with pytest.raises(ArchiveError, match="codec 'brotli'"):
        texts.unpack("brotli", data)
    with pytest.raises(ArchiveError, match="damaged"):
        texts.unpack(codec, data[:-3] + b"\x00\x00\x00")
