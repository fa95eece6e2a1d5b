"""Corrections and retractions: how outlets announce them, and what a changed article changed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.origins.notices import MOST_SHOWN, changed, figures, find_notices


@pytest.mark.parametrize(
    ("title", "body", "kind"),
    [
        ("CORRECTED: Missiles hit hospital", "Text.", "correction"),
        ("Correction: Sudan story", "Text.", "correction"),
        ("CORRECTED-(OFFICIAL)-Shells fall", "Text.", "correction"),
        ("Shells fall", "(Corrects the toll to 11)\n\nText.", "correction"),
        ("Shells fall", "Text.\nAn earlier version of this article gave a wrong toll.", "correction"),
        ("Shells fall", "Text.\nCorrection, March 4: the toll is 11.", "correction"),
        ("Shells fall", "Text.\nThis story has been corrected.", "correction"),
        ("RETRACTION: Hospital strike", "Text.", "retraction"),
        ("Shells fall", "Editor's note: This story has been retracted.", "retraction"),
        ("Rectificatif : des tirs", "Texte.", "correction"),
        ("Des tirs", "Une version précédente de cet article indiquait 14 morts.", "correction"),
        ("Des tirs", "Cet article a été retiré.", "retraction"),
        ("Fe de errores: ataque", "Texto.", "correction"),
        ("Ataque", "Una versión anterior de esta nota decía 14.", "correction"),
        ("Ataque", "Esta noticia ha sido retirada.", "retraction"),
        ("Исправлено: удар по больнице", "Текст.", "correction"),
        ("Удар", "В предыдущей версии материала говорилось о 14 погибших.", "correction"),
        ("Удар", "Материал снят с публикации.", "retraction"),
        ("Виправлено: удар по лікарні", "Текст.", "correction"),
        ("Удар", "У попередній версії статті йшлося про 14 загиблих.", "correction"),
        ("تصحيح: غارة على سوق", "نص.", "correction"),
        ("غارة", "ورد في نسخة سابقة من هذا الخبر أن العدد 14.", "correction"),
        ("תיקון: תקיפה בשוק", "טקסט.", "correction"),
        ("תקיפה", "בגרסה קודמת של הכתבה נכתב 14.", "correction"),
        ("תקיפה", "הידיעה הוסרה לאחר בדיקה.", "retraction"),
    ],
)
def test_notices(title: str, body: str, kind: str) -> None:
    assert [notice.kind for notice in find_notices(title, body)] == [kind]


@pytest.mark.parametrize(
    ("title", "body"),
    [
        ("Corrections officer killed in attack", "Text."),
        ("Forces withdrawn from town", "The army has withdrawn from the town."),
        ("Withdrawn fighters return", "Text."),
        ("Killed in strike: five", "Text."),
        ("Course correction for peace talks", "Text."),
        ("Aid falls", "Correcting for inflation, aid fell. The report was withdrawn from the court's list."),
        ("Corrected grammar helps learners", "Text."),
    ],
)
def test_look_alikes(title: str, body: str) -> None:
    assert find_notices(title, body) == ()


def test_the_notice_is_told_in_the_outlets_words() -> None:
    (notice,) = find_notices("CORRECTED: Shells fall", "(Corrects the toll to 11, not 14.)\n\nGOMA - Shells.")
    assert notice.words == "Corrects the toll to 11, not 14."


def test_a_retraction_comes_before_a_correction() -> None:
    body = "An earlier version of this story was wrong. This story has been retracted."
    assert [notice.kind for notice in find_notices("Shells fall", body)] == ["retraction", "correction"]


def test_figures_are_those_of_title_and_lead() -> None:
    assert figures("14 killed in 2025", "At least 1,200 fled, 31 were hurt (20%).\n99 more.") == (14, 31, 1200)
    assert figures("3.5 km of road", "The 5th brigade.") == ()


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (("14 dead", (14,)), ("14 DEAD!", (14,)), ""),
        (("Shells fall", (14,)), ("Shells fall", (11,)), "figures were 14, now 11"),
        (("14 dead", (14,)), ("11 dead", (11,)), "headline was “14 dead”; figures were 14, now 11"),
        (("Shells fall", ()), ("Shells fall", (11,)), ""),
        (("", ()), ("Shells fall", ()), ""),
    ],
)
def test_what_a_new_version_changed(
    before: tuple[str, tuple[int, ...]], after: tuple[str, tuple[int, ...]], words: str
) -> None:
    assert changed(before, after) == words


@settings(max_examples=60)
@given(st.text(max_size=200), st.text(max_size=400))
def test_any_text_is_read(title: str, body: str) -> None:
    for notice in find_notices(title, body):
        assert len(notice.words) <= MOST_SHOWN
        assert "\n" not in notice.words
    assert changed((title, figures(title, body)), (title, figures(title, body))) == ""
