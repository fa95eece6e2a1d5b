"""The snapshot: what of a story is written out, and what becomes of items that have nothing to show."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.digests import samples

LATE = samples.SLOT + timedelta(hours=1)


def test_a_source_that_is_a_party_is_named_as_one() -> None:
    (story,) = samples.snapshot([samples.told(1, samples.SAMPLES[5])])["stories"]
    assert (story["source"], story["party"]) == ("Орлов Телеграф", "Orlovia")


def test_a_source_that_is_no_longer_configured_goes_by_its_id() -> None:
    told = samples.stories(1)[0]
    told = replace(told, articles=[replace(told.articles[0], source="gone")])
    (story,) = samples.snapshot([told])["stories"]
    assert (story["source"], story["party"]) == ("gone", "")


def test_copies_are_one_an_outlet_and_the_rest_is_counted() -> None:
    told = samples.told(1, samples.SAMPLES[0], copies=6)
    again = replace(told.articles[1], id=99, url="https://elsewhere.example/")
    (story,) = samples.snapshot([replace(told, articles=[*told.articles, again])])["stories"]
    assert story["outlets"] == 7
    assert [copy["source"] for copy in story["copies"]] == ["Дніпро Вість", "وكالة النبأ", "המקור", "Орлов Телеграф"]
    assert story["more_copies"] == 2


def test_times_that_nobody_said_are_times_of_being_seen() -> None:
    told = samples.stories(1)[0]
    undated = replace(told, articles=[replace(told.articles[0], published=None)])
    future = replace(told, articles=[replace(told.articles[0], published=LATE + timedelta(days=900))])
    assert samples.snapshot([undated])["stories"][0]["when"] == "undated, seen 06:28"
    assert samples.snapshot([future])["stories"][0]["when"] == "06:28"


def test_a_very_long_title_is_cut_and_loses_its_marks() -> None:
    told = samples.told(1, ("lanter", "word " * 200, *samples.SAMPLES[0][2:]))
    (story,) = samples.snapshot([told])["stories"]
    assert len(story["title"]) <= 300
    assert story["headline"] == [[False, story["title"]]]


def test_the_loudest_come_first_then_those_with_more_outlets_then_the_latest() -> None:
    sample, quiet = samples.SAMPLES[0], samples.SAMPLES[4]
    told = [
        samples.told(1, quiet, copies=5),
        samples.told(4, sample),
        samples.told(3, sample),
        samples.told(5, sample, copies=3),
    ]
    assert [story["story"] for story in samples.snapshot(told)["stories"]] == [5, 3, 4, 1]


def test_an_item_without_flags_is_a_correction_unless_its_story_was_joined_to_another() -> None:
    told = replace(samples.stories(1)[0], flags=[])
    snapshot = samples.snapshot([told, replace(told, articles=[])])
    assert snapshot["stories"] == []
    assert [correction["url"] for correction in snapshot["corrections"]] == ["https://lanter.example/news/1"]


def test_a_first_digest_and_a_preview_are_never_late() -> None:
    assert samples.snapshot([], made=LATE)["late"] == {"due": "07:00", "made": "08:00", "missed": 1}
    assert samples.snapshot([], made=LATE, since_number=None)["late"] is None
    assert samples.snapshot([], made=LATE, preview=True)["late"] is None
    assert samples.snapshot([])["late"] is None


def test_counts_are_of_events_by_severity_and_of_other_classes() -> None:
    counts = samples.snapshot(samples.stories(8))["counts"]
    assert counts == {"critical": 2, "high": 2, "medium": 2, "low": 1, "statement": 1, "context": 0}
