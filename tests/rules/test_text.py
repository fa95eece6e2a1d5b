from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alerts.rules.lead import lead_end
from alerts.rules.sentences import sentence_ends
from alerts.rules.text import exact, fold, paragraphs, places, readings, words
from crawler.articles import lead_end as lead_end_of_the_archive


def cut(text: str) -> list[str]:
    return [("~" if joined else "") + text[start:end] for start, end, joined in words(text)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("The cease-fire’s end", ["The", "cease", "~fire’s", "end"]),
        ("'quoted' it's l'école", ["quoted", "it's", "l'école"]),
        ("Israel–Hamas—war", ["Israel", "~Hamas", "war"]),
        ('כטב"ם "כטב" בית־חולים', ['כטב"ם', "כטב", "בית", "~חולים"]),
        ("перемир’я перемирʼя ʼлапкиʼ", ["перемир’я", "перемирʼя", "лапки"]),
        ("و\u0650قف \u200fهدنة،", ["و\u0650قف", "هدنة"]),
        ("e\u0301cole 𝒜bc x\u00ady", ["e\u0301cole", "𝒜bc", "x\u00ady"]),
        ("3,000 U.S. AT&T #Mariupol a_b", ["3", "000", "U", "S", "AT", "T", "Mariupol", "a", "b"]),
        ("-- ' \" & ...", []),
        ("post-cease-fire a--b", ["post", "~cease", "~fire", "a", "b"]),
        ("停火。", ["停火"]),
    ],
)
def test_words(text: str, wanted: list[str]) -> None:
    assert cut(text) == wanted


@given(st.one_of(st.text(max_size=60), st.text(alphabet="aB 'ʼ’-\"אב.é", max_size=60)))
@example("0ʻʻ0")
def test_words_lie_in_the_text_in_order(text: str) -> None:
    assert [(start, end) for start, end, _ in words(text)] == places(text)
    last = 0
    for start, end, _ in words(text):
        assert last <= start < end <= len(text)
        assert text[start].isalnum()
        last = end


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        ("École", "ecole"),
        ("e\u0301cole", "ecole"),
        ("AÑO", "año"),
        ("n\u0303", "ñ"),
        ("Ёлка", "елка"),
        ("й", "й"),
        ("и\u0306", "й"),
        ("Їжак", "їжак"),
        ("за\u0301мок", "замок"),
        ("перемир’я", "перемир'я"),
        ("ＡＢＣ１２", "abc12"),
        ("ﬁre", "fire"),
        ("Straße", "strasse"),
        ("İstanbul", "istanbul"),
        ("Łódź", "lodz"),
        ("اَلْمَدَنِيِّينَ", "المدنيين"),
        ("هـــدنة", "هدنه"),
        ("أإآٱ", "اااا"),
        ("مبنى", "مبني"),
        ("ﻻ", "لا"),
        ("٣٤", "34"),
        ("שָׁלוֹם", "שלום"),
        ("כטב״ם", 'כטב"ם'),
        ("x\u00ady\u200d", "xy"),
        ("𝒜b", "ab"),
    ],
)
def test_folding(word: str, wanted: str) -> None:
    assert fold(word) == wanted


@given(st.text(min_size=1, max_size=12))
def test_folding_is_final(word: str) -> None:
    assert fold(fold(word)) == fold(word) or not word.isalnum()


def test_as_written_keeps_case_and_accents() -> None:
    assert exact("Hôpital") == "Hôpital"
    assert exact("Ho\u0302pital") == "Hôpital"
    assert exact("d’État\u200d") == "d'État"


@pytest.mark.parametrize(
    ("word", "form"),
    [
        ("والهدنة", "هدنه"),
        ("وبالمستشفى", "مستشفي"),
        ("للمدنيين", "مدنيين"),
        ("للمدنيين", "المدنيين"),
        ("فكالقصف", "قصف"),
        ("ובהפצצה", "הפצצה"),
        ("שבבית", "בית"),
        ("l'hôpital", "hopital"),
        ("qu'attentat", "attentat"),
        ("Russia's", "russia"),
    ],
)
def test_further_readings(word: str, form: str) -> None:
    assert form in readings(fold(word))


@pytest.mark.parametrize(
    ("word", "form"), [("перемир'я", "я"), ("o'brien", "brien"), ("וו", ""), ("הב", ""), ("ולבב", "")]
)
def test_what_is_no_reading(word: str, form: str) -> None:
    assert form not in readings(fold(word))


def split(text: str) -> list[str]:
    ends = sentence_ends(text)
    return [text[start:end].strip() for start, end in zip([0, *ends], ends, strict=False)]


@pytest.mark.parametrize(
    "sentences",
    [
        ["Dr. J. Smith of the U.S. Army spoke.", "He left."],
        ["“We fight!” he said.", "“Stop!”", "They did not."],
        ["It was hit at 5 p.m. Monday.", "No. 5 Hospital burned."],
        ["He came from the U.S.", "The army left."],
        ["It ended... and began.", "Then… silence.", "Why?"],
        ["В 2022 г. Россия напала на ул. Мира.", "Это подтвердил В. Зеленский."],
        ["Удар по вул. Шевченка, буд. 5.", "Загинуло 5 тис. людей.", "Чому?"],
        ["هل هذا صحيح؟", "نعم.", "قال د. أحمد ذلك."],
        ["המתקפה נמשכת.", "למה?", "כי כן!"],
        ["M. Dupont et Mme. Roy sont là.", "« Assez ! »", "Il part."],
        ["EE.UU. pidió calma al Sr. Ruiz.", "¿Cuándo?", "¡Ahora!"],
        ["停火。", "开始！"],
        ["Reuters.com said so.", "See x.y for more."],
    ],
)
def test_sentences(sentences: list[str]) -> None:
    assert split(" ".join(sentences)) == sentences


@given(st.text(alphabet=st.sampled_from('aB .!?…؟"”) 1\u3002'), max_size=60))
def test_sentences_tile_the_paragraph(text: str) -> None:
    ends = sentence_ends(text)
    assert ends[-1] == len(text)
    assert ends == sorted(set(ends))


def test_paragraphs_are_lines() -> None:
    assert list(paragraphs("a\n\nb\r\nc\u2029d")) == [(0, "a"), (3, "b"), (6, "c"), (8, "d")]
    assert list(paragraphs("")) == []


@given(st.text(alphabet=st.sampled_from("aB. \n!ñ،؟"), max_size=900).map(lambda text: text * 3))
def test_the_lead_is_that_of_the_archive(body: str) -> None:
    assert lead_end(body) == lead_end_of_the_archive(body)


def test_the_lead_of_long_texts_is_that_of_the_archive() -> None:
    for body in ("Word " * 200, "He met J. Smith of the U.S. there. " * 40, "x" * 900, "First. Second. " + "y " * 400):
        assert lead_end(body) == lead_end_of_the_archive(body) <= 400
