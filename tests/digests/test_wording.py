"""The words of a digest: directions, totals, ceasefires by stage."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.digests import wording


@pytest.mark.parametrize(
    ("text", "direction"),
    [
        ("", ""),
        ("The Lanter Post", ""),
        ("Дніпро Вість", ""),
        ("3 марта", ""),
        ("وكالة النبأ", "rtl"),
        ("23 قتيلا", "rtl"),
        ("«הארץ»", "rtl"),
        ("BBC عربي", "ltr"),
        ("\u05b8 a mark of no letter", ""),
    ],
    ids=range(9),
)
def test_a_direction_is_said_only_where_something_runs_from_right_to_left(text: str, direction: str) -> None:
    assert wording.direction(text) == direction
    assert (wording.apart(text) == text) == (direction == "")


@given(st.text())
def test_directions_follow_the_first_strong_letter_as_browsers_do(text: str) -> None:
    kinds = [kind for kind in map(unicodedata.bidirectional, text) if kind in {"L", "R", "AL"}]
    found = wording.direction(text)
    if kinds and found:
        assert found == ("ltr" if kinds[0] == "L" else "rtl")
    assert bool(found) or not {"R", "AL"} & set(kinds)


def event(*stages: str, class_: str = "event", topic: str = "ceasefire") -> dict[str, Any]:
    return {"class": class_, "mentions": [{"topic": topic, "stages": list(stages)}]}


def test_each_ceasefire_counts_once_at_its_loudest_stage_and_what_breaks_comes_first() -> None:
    told = [
        event("agreed", "talks"),
        event("violated", "in_effect"),
        event("in_effect"),
        event("in_effect"),
        event(),
        event("frozen"),
        event("collapsed", class_="context"),
        event(topic="civilian_attack"),
    ]
    assert wording.by_stage(told).replace("\u00a0", " ") == "1 violated, 2 in effect, 1 agreed, 1 frozen"
    assert wording.by_stage([]) == ""


def test_totals_name_what_there_is() -> None:
    counts = {"critical": 0, "high": 1204, "medium": 0, "low": 1, "statement": 1, "context": 3}
    assert wording.totals(counts) == "1,204 high, 1 low, 1 statement, 3 background"
    assert wording.totals(dict.fromkeys(counts, 0)) == ""
