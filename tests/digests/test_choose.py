"""What is shown of a story, and marks that stay on their words through cleaning and cutting."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.digests.choose import EVIDENCE_LIMIT, choose, quote, segments
from alerts.digests.wording import clean, clock, listed, safe_link, shorten
from tests.digests import samples

BASE = samples.told(1, samples.SAMPLES[0], copies=2)
FLAG = BASE.flags[0]


def flag(**values: Any) -> Any:
    return replace(FLAG, **values)


def test_the_loudest_flag_gives_severity_and_evidence() -> None:
    loud = flag(id=2, severity="critical", sentence="Loud.", sentence_start=900)
    choice = choose(BASE.articles, [flag(severity="medium"), loud])
    assert choice is not None
    assert (choice.severity, choice.quoted) == ("critical", (loud,))


def test_an_event_makes_the_story_an_event_whatever_is_louder() -> None:
    choice = choose(BASE.articles, [flag(severity="low"), flag(id=2, class_="statement", severity="high")])
    assert choice is not None
    assert (choice.class_, choice.severity) == ("event", "high")


def test_a_sentence_of_the_text_is_quoted_before_a_headline_and_each_topic_once() -> None:
    title = flag(id=1, field="title")
    body = flag(id=2, rule="b")
    truce = flag(id=3, topic="ceasefire", stage="agreed", severity="low", sentence="Truce.", sentence_start=70)
    choice = choose(BASE.articles, [title, body, flag(id=4, start=990, sentence="Later."), truce])
    assert choice is not None
    assert [found.id for found in choice.quoted] == [2, 3]
    assert choice.marked == (title,)
    assert [(mention.topic, mention.stages) for mention in choice.mentions] == [
        ("civilian_attack", ()),
        ("ceasefire", ("agreed",)),
    ]


def test_the_original_stands_for_the_story_although_a_copy_came_first() -> None:
    copy, original = replace(BASE.articles[0], duplicate_of=11), BASE.articles[1]
    flags = [flag(id=1, article=copy.id), flag(id=2, article=original.id)]
    choice = choose([copy, original], flags)
    assert choice is not None
    assert choice.lead == original
    assert choice.quoted[0].article == original.id


def test_without_flags_there_is_nothing_to_tell() -> None:
    assert choose(BASE.articles, []) is None
    assert choose(BASE.articles, [flag(article=999)]) is None


def test_words_of_other_rules_in_the_same_sentence_are_marked_too() -> None:
    other = flag(id=2, rule="other", terms=((200, 202),))
    assert quote(FLAG, [other])[0] == (True, "At")
    assert quote(FLAG, [replace(other, article=5)])[0] == (False, "At least 14 people were ")


def test_a_sentence_without_end_is_cut_around_its_mark() -> None:
    sentence = "before " * 200 + "the strike " + "after " * 200
    at = sentence.index("strike")
    pieces = quote(flag(sentence=sentence, sentence_start=0, terms=((at, at + 6),)))
    text = "".join(piece for _, piece in pieces)
    assert (True, "strike") in pieces
    assert text.startswith("…before ")
    assert text.endswith("after…")
    assert len(text) <= EVIDENCE_LIMIT + 2


@given(st.text(max_size=60), st.lists(st.tuples(st.integers(-5, 70), st.integers(-5, 70)), max_size=4))
def test_segments_keep_the_cleaned_text_and_mark_what_was_marked(text: str, spans: list[tuple[int, int]]) -> None:
    pieces = segments(text, spans)
    assert "".join(piece for _, piece in pieces) == clean(text)
    assert all(one[0] != other[0] for one, other in itertools.pairwise(pieces))
    marked = {at for start, end in spans for at in range(max(start, 0), min(end, len(text)))}
    if not marked:
        assert not any(hit for hit, _ in pieces)
    if marked >= set(range(len(text))) and pieces:
        assert pieces == [(True, clean(text))]


def test_marks_follow_their_words_over_removed_characters() -> None:
    text = "The \u202e\u200b\r\n  shelling  \u2028 hit"
    at = text.index("shelling")
    assert segments(text, [(at, at + 8)]) == [(False, "The "), (True, "shelling"), (False, " hit")]


@given(st.text())
def test_clean_gives_one_plain_line_and_is_stable(text: str) -> None:
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert cleaned == cleaned.strip()
    assert not set(cleaned) & set("\r\n\t\x00\u2028\u2029\u202e\u2066\x85")
    cleaned.encode()


def test_clean_keeps_spelling() -> None:
    for text in ("می\u200cخواهم", "בְּרֵאשִׁית", "п’ять", "👩\u200d🚒", "e\u0301"):
        assert clean(text) == text


@pytest.mark.parametrize(("limit", "cut"), [(30, "Missile strike on hospital"), (18, "Missile strike…"), (4, "Mis…")])
def test_shorten_cuts_at_words(limit: int, cut: str) -> None:
    assert shorten("Missile strike on hospital", limit) == cut


@pytest.mark.parametrize("url", ["http://e.org", "https://e.org/а?b=1#c", "HTTPS://E.org/x"])
def test_links_to_the_web_are_kept(url: str) -> None:
    assert safe_link(url) == url


@pytest.mark.parametrize(
    "url", ["", "ftp://e.org", "https:///x", "https://e.org/a b", "https://e.org/\u0000", "http://[::1", "x" * 3000]
)
def test_other_links_are_dropped(url: str) -> None:
    assert safe_link(url) == ""


def test_times_are_named_as_the_desk_lives() -> None:
    assert clock(samples.SLOT, "Asia/Kolkata", samples.SLOT) == "10:30"
    assert clock(samples.SLOT, "America/New_York", samples.SLOT) == "00:00"
    far = samples.SLOT.replace(year=2023)
    assert clock(far, "UTC", samples.SLOT) == "4 Mar 2023"


def test_long_lists_say_how_many_more() -> None:
    assert listed(["a", "b", "c"], 2) == "a, b and 1 more"
    assert listed(["a", "b"], 2) == "a, b"
