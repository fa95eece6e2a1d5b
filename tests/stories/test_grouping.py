"""What must hold of grouping, whatever the articles; and how much of a stream's planted copies it finds."""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.lines import ImportedArticle
from alerts.stories.files import Grouped, group_file
from alerts.stories.placing import WINDOW
from alerts.stories.related import SPAN
from alerts.stories.sketch import RUN, common, runs, same_text
from alerts.stories.words import read, stem
from tests.stories.stream import Planted, Writer, stream

DAY = datetime(2026, 2, 10, tzinfo=UTC)
WRITER = Writer(seed=5, vocabulary=400)
TITLES = [WRITER.title() for _ in range(6)]
TEXTS = [" ".join(WRITER.sentences(60)) for _ in range(6)]


@st.composite
def articles(draw: st.DrawFn) -> list[ImportedArticle]:
    """A few articles out of few titles and texts, so that many of them have something in common."""
    count = draw(st.integers(1, 12))
    found = []
    for number in range(count):
        hours = draw(st.none() | st.integers(0, 24 * 40))
        text = draw(st.sampled_from(["", *TEXTS]))
        cut = draw(st.sampled_from([1.0, 0.5, 0.3]))
        title = draw(st.sampled_from(TITLES if not text else ["", *TITLES]))
        published = None if hours is None else DAY + timedelta(hours=hours)
        words = text.split()
        body = " ".join(words[: round(cut * len(words))])
        found.append(ImportedArticle(f"a{number:02}", "", title, body, "en", published, ""))
    return found


@settings(max_examples=60, deadline=None)
@given(articles(), st.randoms(use_true_random=False))
def test_the_order_of_the_file_changes_nothing(given_: list[ImportedArticle], chance: random.Random) -> None:
    expected = {answer.article.id: (answer.story, answer.copies) for answer in group_file(given_)}
    shuffled = given_.copy()
    chance.shuffle(shuffled)
    answers = group_file(shuffled)
    assert [answer.article for answer in answers] == shuffled
    assert {answer.article.id: (answer.story, answer.copies) for answer in answers} == expected


@settings(max_examples=100, deadline=None)
@given(articles())
def test_stories_and_copy_groups_are_sound(given_: list[ImportedArticle]) -> None:
    answers = {answer.article.id: answer for answer in group_file(given_)}
    for answer in answers.values():
        first = answers[answer.story]
        assert first.story == first.article.id
        original = answers[answer.copies]
        assert original.copies == original.article.id
        assert original.story == answer.story
        assert (answer.relation == "copy") == (answer.copies != answer.article.id)
        assert answer.reason
        _in_time(answer, first, original)


def _in_time(answer: Grouped, first: Grouped, original: Grouped) -> None:
    mine, its, theirs = (each.article.published for each in (answer, original, first))
    if mine and its:
        # A copy is found by a text of its group, which is within the window of the group's first.
        assert abs(mine - its) <= 2 * WINDOW
    if mine and theirs and answer.relation == "related":
        assert abs(mine - theirs) <= SPAN


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=200), st.integers(0, 150), st.integers(8, 60))
def test_an_excerpt_is_found_by_the_runs_of_the_whole(words: list[str], start: int, size: int) -> None:
    excerpt = words[start : start + size]
    assert len(runs(words)) <= max(1, len(words))
    if len(words) - RUN + 1 <= 64 and len(excerpt) >= RUN:
        assert runs(excerpt) <= runs(words)


@given(st.lists(st.sampled_from("abcd"), max_size=30), st.lists(st.sampled_from("abcd"), max_size=30))
def test_words_in_common_stand_in_pieces_of_both(one: list[str], other: list[str]) -> None:
    marked = common(one, other)
    assert len(marked) == len(one)
    pieces = {tuple(other[place : place + 3]) for place in range(len(other) - 2)}
    for place, mark in enumerate(marked):
        inside = any(
            tuple(one[at : at + 3]) in pieces for at in range(max(0, place - 2), place + 1) if at + 3 <= len(one)
        )
        assert bool(mark) == inside


def test_runs_have_the_same_numbers_in_every_process() -> None:
    words = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    assert sorted(runs(words)) == [37626400296293, 60101828730983]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("strikes", "strike"),
        ("killed", "killing"),
        ("харькове", "харькова"),
        ("المدينة", "مدينة"),
        ("בירושלים", "לירושלים"),
    ],
)
def test_endings_and_prefixes_make_no_other_word(one: str, other: str) -> None:
    assert stem(one) == stem(other)


def test_markup_and_addresses_are_no_words() -> None:
    text = read(
        "Q&amp;A: Osk&#39;s mayor", "See https://osk.example/a?b=1 or write to @osk #news. 12:30 on 1,200 boats"
    )
    assert text.title == ("q", "a", "osk", "s", "mayor")
    assert "https" not in text.words
    assert {"12:30", "1,200"} <= text.numbers


def test_names_are_what_is_written_as_names() -> None:
    text = read(
        "Shells Hit Queue In Tarvin", "Shells fell on Tarvin on Tuesday. Mayor Oren Valk said 9 people were killed."
    )
    assert {"tarvin", "oren", "valk"} <= text.names
    assert not {"shell", "tuesday", "queue"} & text.names
    assert text.tolls == {"9"}
    assert text.days == {1}


def test_the_same_source_needs_titles_that_agree() -> None:
    text = " ".join(WRITER.sentences(60))
    one, other = read("Alder bridge opened", text), read("Wheat prices fall", text)
    assert same_text(one, other, one_outlet=False)
    assert not same_text(one, other, one_outlet=True)
    assert same_text(one, read("Alder bridge is opened", text), one_outlet=True)


def check_stream(planted: list[Planted]) -> None:
    lines = [ImportedArticle(str(one.id), "", one.title, one.text, "", one.published, one.source) for one in planted]
    answers = {int(answer.article.id): answer for answer in group_file(lines)}
    found: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    for one in planted:
        if one.kind != "first":
            asked[one.kind] += 1
            found[one.kind] += answers[one.id].copies == answers[one.original].copies
    shares = {kind: found[kind] / asked[kind] for kind in asked}
    assert min(shares.values()) > 0.93, shares
    originals: dict[str, set[int]] = {}
    for one in planted:
        originals.setdefault(answers[one.id].story, set()).add(one.original)
    assert sum(len(those) > 1 for those in originals.values()) <= len(planted) / 1000


def test_a_stream_of_planted_copies() -> None:
    check_stream(list(stream(600, words=150)))


@pytest.mark.heavy
@pytest.mark.timeout(1200)
def test_a_long_stream_of_planted_copies() -> None:
    check_stream(list(stream(50_000, words=200)))


@pytest.mark.corpus
@pytest.mark.skipif("CEASEWIRE_CORPUS" not in os.environ, reason="CEASEWIRE_CORPUS is not set")
def test_pairs_of_real_articles() -> None:
    folder = Path(os.environ["CEASEWIRE_CORPUS"]) / "stories"
    rows = [json.loads(line) for line in (folder / "docs.jsonl").read_text("utf-8").splitlines()]
    pairs = [json.loads(line) for line in (folder / "pairs.jsonl").read_text("utf-8").splitlines()]
    lines = [ImportedArticle(r["id"], "", r["title"], r["text"], r["lang"], _when(r["published"]), "") for r in rows]
    answers = {answer.article.id: answer for answer in group_file(lines)}

    def joined(relation: str, level: str) -> float:
        both = [(answers[p["a"]], answers[p["b"]]) for p in pairs if p["relation"] == relation]
        return sum(bool(getattr(a, level) == getattr(b, level)) for a, b in both) / len(both)

    assert joined("same_text", "copies") >= 0.93
    assert joined("same_story", "story") >= 0.4
    assert joined("different", "story") <= 0.03


def _when(written: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
