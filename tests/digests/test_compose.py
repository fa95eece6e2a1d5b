"""The snapshot: what of a story is written out, and what becomes of items that have nothing to show."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from alerts.digests.compose import Told
from alerts.digests.render import render
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


def test_copies_are_one_an_outlet_and_stand_with_their_origin() -> None:
    told = samples.told(1, samples.SAMPLES[0], copies=6)
    again = replace(told.articles[1], id=99, url="https://elsewhere.example/")
    (story,) = samples.snapshot([replace(told, articles=[*told.articles, again])])["stories"]
    assert (story["outlets"], story["independent"]) == (7, 2)
    first, second = story["origins"]
    assert (first["name"], first["url"], first["in"], first["more"]) == (
        "The Lanter Post", "https://lanter.example/news/1", 5, 2,
    )  # fmt: skip
    assert [copy["source"] for copy in first["carriers"]] == ["Дніпро Вість", "وكالة النبأ", "המקור"]
    assert first["carriers"][0]["url"] == "https://dniprovist.example/news/1"
    assert (second["name"], second["carriers"]) == ("El Diario de la Sierra", [])


def origins(*pairs: tuple[str, str | None]) -> Told:
    """A story with an article of each (outlet, origin)."""
    told = samples.told(1, samples.SAMPLES[0])
    articles = [
        replace(told.articles[0], id=10 + place, source=source, origin=origin, url=f"https://{source}.example/{place}")
        for place, (source, origin) in enumerate(pairs)
    ]
    return replace(told, articles=articles, flags=[replace(told.flags[0], article=10)])


def test_a_party_to_the_conflict_stands_apart_and_is_not_independent() -> None:
    told = origins(("lanter", "source:lanter"), ("orlov", "source:orlov"), ("brume", "source:orlov"))
    (story,) = samples.snapshot([told])["stories"]
    assert (story["outlets"], story["independent"]) == (3, 1)
    assert [one["name"] for one in story["origins"]] == ["The Lanter Post"]
    assert [(one["name"], one["party"], one["in"]) for one in story["parties"]] == [("Орлов Телеграф", "Orlovia", 1)]
    text = render(samples.snapshot([told])).text
    assert "3 outlets, 1 independent: The Lanter Post; party to the conflict: Орлов Телеграф (Orlovia) in Le" in text


def test_an_agency_that_is_no_source_is_named() -> None:
    told = origins(("lanter", "agency:reuters"), ("brume", "agency:reuters"), ("hamakor", "unknown:hamakor"))
    snapshot = samples.snapshot([told])
    assert "3 outlets, 1 independent: Reuters wire in 2 (The Lanter Post, Le Courrier" in render(snapshot).text
    assert "; also \u200eהמקור\u200e" in render(snapshot).text
    assert [one["source"] for one in snapshot["stories"][0]["others"]] == ["המקור"]


def test_the_only_outlet_with_anothers_text_says_so() -> None:
    assert "The Lanter Post, 06:23, text of AFP" in render(samples.snapshot([origins(("lanter", "agency:afp"))])).text
    assert "text of" not in render(samples.snapshot([origins(("lanter", "source:lanter"))])).text


def test_nothing_is_claimed_before_origins_are_known() -> None:
    (story,) = samples.snapshot([origins(("lanter", None), ("brume", None))])["stories"]
    assert (story["outlets"], story["independent"]) == (2, None)
    assert [one["source"] for one in story["others"]] == ["Le Courrier de la Brume"]


def test_the_article_in_its_own_words_leads() -> None:
    told = origins(("lanter", "source:wire"), ("wire", "source:wire"))
    flags = [replace(told.flags[0], id=place, article=10 + place) for place in range(2)]
    (story,) = samples.snapshot([replace(told, flags=flags)])["stories"]
    assert story["source"] == "Meridian Wire"


def test_of_one_outlets_versions_of_a_text_the_latest_leads() -> None:
    told = origins(("lanter", "source:lanter"), ("lanter", "source:lanter"))
    first, second = (replace(article, copies=10) for article in told.articles)
    later = replace(second, title="CORRECTED: a strike", published=second.seen_at, seen_at=LATE)
    flags = [replace(told.flags[0], id=place, article=10 + place) for place in range(2)]
    (story,) = samples.snapshot([replace(told, articles=[first, later], flags=flags)])["stories"]
    assert story["title"] == "CORRECTED: a strike"
    other_text = replace(later, copies=later.id)
    (story,) = samples.snapshot([replace(told, articles=[first, other_text], flags=flags)])["stories"]
    assert story["title"] == first.title


def test_an_update_says_what_is_new_first_and_a_new_story_what_was_corrected() -> None:
    words = "now 5 outlets, 2 independent; UN News reports it itself"
    note = "The Lanter Post corrected its report: “The toll is 11.”"
    update = samples.told(1, samples.SAMPLES[0], kind="update", change=f"{words}; {note}")
    new = samples.told(2, samples.SAMPLES[0])
    rendered = render(samples.snapshot([replace(update, notes=[note]), replace(new, notes=[note])]))
    assert f"Update: {words}; {note}\n" in rendered.text
    assert f"<b>Update:</b> {words}" in rendered.html
    assert rendered.text.count(note) == 2


def correction(change: str, **values: Any) -> Told:
    told = samples.told(7, samples.SAMPLES[0], kind="correction", change=change)
    return replace(told, flags=(), **values)


def test_corrections_tell_what_was_mailed_and_what_was_wrong() -> None:
    told = correction("told in #213; judged not relevant by Ada", mailed=("As mailed", "https://e.org/mailed"))
    snapshot = samples.snapshot([told])
    assert snapshot["corrections"] == [
        {"title": "As mailed", "url": "https://e.org/mailed", "reason": "Told in #213; judged not relevant by Ada."}
    ]
    assert snapshot["told"] == {"new": 0, "updated": 0, "corrected": 1}
    rendered = render(snapshot)
    assert rendered.text.startswith("1 corrected since #213")
    assert "As mailed: Told in #213; judged not relevant by Ada." in rendered.text


def test_a_story_is_corrected_once() -> None:
    withdrawn = replace(samples.told(7, samples.SAMPLES[0], kind="update"), flags=[])
    assert len(samples.snapshot([withdrawn, correction("told in #1; withdrawn")])["corrections"]) == 1
    assert len(samples.snapshot([withdrawn])["corrections"]) == 1


def test_a_corrected_story_may_also_have_news() -> None:
    snapshot = samples.snapshot([samples.told(7, samples.SAMPLES[0]), correction("told in #1; split")])
    assert (len(snapshot["stories"]), len(snapshot["corrections"])) == (1, 1)


def test_a_snapshot_of_the_first_format_is_still_rendered() -> None:
    snapshot = samples.snapshot(samples.stories(3))
    later = ("notes", "independent", "origins", "more_origins", "parties", "text_of", "others", "more_others")
    old = [{key: value for key, value in story.items() if key not in later} for story in snapshot["stories"]]
    assert "Missile strike" in render({**snapshot, "stories": old}).text


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
