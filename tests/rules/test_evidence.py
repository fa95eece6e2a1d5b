"""Which sentence is quoted, and where everything stands in the original text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.rules import Evidence, Text
from tests.rules.samples import queries, texts, themes
from tests.rules.test_differential import quick, rule_set
from tests.rules.test_language import read


def evidence(query: str, title: str, body: str) -> Evidence:
    hit = read(query, Text(title, body))
    assert hit is not None
    return hit.evidence


@pytest.mark.parametrize(
    ("query", "title", "body", "field", "sentence"),
    [
        ("truce", "Truce", "A truce began. It holds.", "lead", "A truce began."),
        ("truce", "Truce holds", "It holds.", "title", "Truce holds"),
        (
            "truce NEAR/9 broken",
            "",
            "The truce was, they say, broken. A broken truce. More.",
            "lead",
            "A broken truce.",
        ),
        ("truce NEAR/9 broken", "", "A truce. It is broken. More.", "lead", "A truce. It is broken."),
        (
            "truce NEAR/9 broken",
            "",
            "A truce. It is broken. The truce is, they say, now broken.",
            "lead",
            "The truce is, they say, now broken.",
        ),
        ("truce AND Gaza", "Gaza", "A truce. A truce in Gaza. Gaza.", "lead", "A truce in Gaza."),
        ("truce AND Gaza", "Truce in Gaza", "A truce.\nIn Gaza.", "title", "Truce in Gaza"),
        ("truce", "", "First.\nA truce.", "body", "A truce."),
        ("truce", "Two\nlines of truce", "x", "title", "Two\nlines of truce"),
    ],
)
def test_the_sentence_quoted(query: str, title: str, body: str, field: str, sentence: str) -> None:
    found = evidence(query, title, body)
    assert (found.field, found.sentence) == (field, sentence)


def test_offsets_count_code_points_of_the_original() -> None:
    body = "𝒜𝒜 e\u0301te\u0301! Le cessez-le-feu tient\u00a0; l’HÔPITAL brûle."
    found = evidence('"cessez-le-feu" AND hopital', "", body)
    assert [body[start:end] for start, end in found.terms] == ["cessez-le-feu", "l’HÔPITAL"]
    assert body[found.sentence_start :].startswith(found.sentence)
    assert (found.start, found.end) == (found.terms[0][0], found.terms[-1][1])


def test_an_endless_sentence_is_cut_around_the_words() -> None:
    body = "word " * 400 + "the truce " + "word " * 400
    found = evidence("truce", "", body)
    assert 900 < len(found.sentence) <= 1000
    assert body[found.sentence_start : found.sentence_start + len(found.sentence)] == found.sentence
    assert found.sentence.index("truce") == found.start - found.sentence_start < 210
    assert evidence("xxx*", "", "x" * 3000).end == 3000


@quick
@given(st.data())
def test_evidence_lies_where_it_says(data: st.DataObject) -> None:
    theme = data.draw(themes())
    text = data.draw(texts(theme))
    for hit in rule_set(data.draw(queries(theme))).read(text):
        found = hit.evidence
        field = text.title if found.field == "title" else text.body
        assert field[found.sentence_start :].startswith(found.sentence)
        if found.terms:
            assert (found.start, found.end) == (found.terms[0][0], found.terms[-1][1])
            assert found.sentence_start <= found.start < found.end <= found.sentence_start + len(found.sentence)
        assert all(field[start:end].strip() for start, end in found.terms)
