"""Credit lines in seven languages, and words that look like them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alerts.origins.credits import KINDS, find_credits
from alerts.origins.names import UNNAMED, Names, data, same_site
from crawler.sources import Channel, ChannelKind, Source

SOURCES = (
    Source("ap", "Associated Press", homepage="https://apnews.example/"),
    Source("plain", "The River Post", homepage="https://www.plain.example/news"),
    Source("rivne", "Рівнинська правда", party="Ukraine"),
    Source(
        "hills",
        "Hill Radio",
        channels=(Channel("hills:feed:1", "hills", ChannelKind.FEED, "https://feeds.hills.example/rss"),),
    ),
    Source("tass", "TASS", party="Russia"),
    Source("factuel", "AFP Factuel"),
)
NAMES = Names(SOURCES)


def keys(body: str, *authors: str, source: str = "outlet") -> list[tuple[str, str]]:
    return [(credit.key, credit.kind) for credit in find_credits(source, body, authors, NAMES)]


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ("KYIV, March 3 (Reuters) - Two missiles hit the town.", "agency:reuters"),
        ("AP - Two missiles hit the town.", "source:ap"),
        ("MOSCOW, March 3. /TASS/. Two missiles hit the town.", "source:tass"),
        ("By A. PERSON\nKHARTOUM (AP) — Shells fell.", "source:ap"),
        ("(Corrects the toll.)\n\nKHARTOUM (Reuters) - Shells fell.", "agency:reuters"),
        ("Madrid, 9 may (EFE).- El gobierno anunció", "agency:efe"),
        ("PARIS, 3 mars (AFP) – Des tirs ont", "agency:afp"),
        ("КИЕВ, 3 мар – РИА Новости. Удар пришелся", "agency:ria"),
        ("Киев. 3 марта. ИНТЕРФАКС-УКРАИНА - Удар", "agency:interfax-ukraine"),
        ("القاهرة (رويترز) - قال شهود", "agency:reuters"),
        ("غزة - رويترز: قال شهود", "agency:reuters"),
        ("غزة (أ ف ب) - قال شهود", "agency:afp"),
        ("PORT SUDAN (The River Post) - Shells fell.", "source:plain"),
    ],
)
def test_datelines(body: str, key: str) -> None:
    assert keys(body) == [(key, "whole")]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Read the original article on The Long Letter.", ("name:The Long Letter", "whole")),
        ("Read the full story at River Post", ("source:plain", "whole")),
        ("This article was originally published by Hill Radio.", ("source:hills", "whole")),
        ("Source: Reuters", ("agency:reuters", "whole")),
        ("Source: https://www.plain.example/2025/03/x", ("source:plain", "whole")),
        ("Source: https://elsewhere.example/x", ("site:elsewhere.example", "whole")),
        ("© 2025 Agence France-Presse", ("agency:afp", "whole")),
        ("(Reporting by A Person in Goma; Editing by B Person)", ("agency:reuters", "whole")),
        ("The Associated Press contributed to this report.", ("source:ap", "part")),
        ("With reporting by AFP.", ("agency:afp", "part")),
        ("(With Reuters inputs)", ("agency:reuters", "part")),
        ("Le texte (avec AFP)", ("agency:afp", "part")),
        ("Lire l'article original sur Le Carnet", ("name:Le Carnet", "whole")),
        ("Cet article a été publié initialement sur Le Carnet.", ("name:Le Carnet", "whole")),
        ("Con información de EFE y Reuters", ("agency:efe", "part")),
        ("Fuente: EFE", ("agency:efe", "whole")),
        ("EFE", ("agency:efe", "whole")),
        ("Publicado originalmente en La Vereda Nueva.", ("name:La Vereda Nueva", "whole")),
        ("Источник: Рейтер", ("agency:reuters", "whole")),
        ("По материалам Интерфакса", ("agency:interfax", "whole")),
        ("Об этом сообщает ТАСС.", ("source:tass", "whole")),
        ("Джерело: Рівнинська правда", ("source:rivne", "whole")),
        ("За матеріалами Рівнинської правди", ("source:rivne", "whole")),
        ("Про це повідомляє Укрінформ.", ("agency:ukrinform", "whole")),
        ("المصدر: رويترز", ("agency:reuters", "whole")),
        ("وكالات", (UNNAMED, "whole")),
        ("סוכנויות הידיעות", (UNNAMED, "whole")),
        ("מקור: רויטרס", ("agency:reuters", "whole")),
        ("(רויטרס)", ("agency:reuters", "whole")),
        ("Agencias", (UNNAMED, "whole")),
    ],
)
def test_lines_at_the_end(line: str, expected: tuple[str, str]) -> None:
    assert keys(f"A first paragraph that says what happened, at some length.\n{line}")[0] == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("The market was shelled, Reuters reported on Monday.", ("agency:reuters", "cited")),
        ("Ринок обстріляли, повідомляє Рівнинська правда.", ("source:rivne", "cited")),
        ("Рынок обстрелян, сообщает со ссылкой на Рейтер", ("agency:reuters", "cited")),
        ("Des tirs, selon l'agence AFP, ont touché le marché", ("agency:afp", "cited")),
        ("El mercado fue atacado, informó la agencia EFE", ("agency:efe", "cited")),
        ("قُصف السوق، نقلا عن وكالة رويترز", ("agency:reuters", "cited")),
        ("השוק הופגז, כך דיווחה סוכנות הידיעות רויטרס", ("agency:reuters", "cited")),
        ("x" * 500 + " A nurse told AFP that the ward was hit.", ("agency:afp", "quoted")),
    ],
)
def test_what_another_reported(body: str, expected: tuple[str, str]) -> None:
    assert keys(body) == [expected]


@pytest.mark.parametrize(
    ("authors", "expected"),
    [
        (("Corrin Person",), []),
        (("Reuters",), [("agency:reuters", "whole")]),
        (("Reuters", "AP"), [("agency:reuters", "whole"), ("source:ap", "whole")]),
        (("Corrin Person and AFP",), [("agency:afp", "part")]),
        (("Le Carnet avec AFP",), [("agency:afp", "part")]),
        (("Agencies",), [(UNNAMED, "whole")]),
        (("Agencies, Reuters",), [("agency:reuters", "whole")]),
        (("سلمى, رويترز",), [("agency:reuters", "part")]),
    ],
)
def test_bylines(authors: tuple[str, ...], expected: list[tuple[str, str]]) -> None:
    assert keys("Text that says nothing of it.", *authors) == expected


@pytest.mark.parametrize(
    "body",
    [
        "The army reported five dead on Monday.",
        "By Friday (Thursday) - the truce was over.",
        "He read the original story to his son in the village.",
        "Photo: AP",
        "По данным полиции, погибли пятеро.",
        "The source: a spring above the village - was dry.",
        "A source said the ap was broken. Pa said so too.",
        "The committee contributed to this report on water.",
        "Officials told reporters that the road was open.",
        "GOMA, Congo (March 3) - Shells fell.",
        "La source : un puits.",
    ],
)
def test_what_only_looks_like_a_credit(body: str) -> None:
    assert keys(body) == []


def test_an_outlet_is_not_credited_by_itself() -> None:
    assert keys("Paris (AFP) - Text.\nSource: AFP", source="factuel") == []
    assert keys("KHARTOUM (AP) - Text.", "Associated Press", source="ap") == []
    assert keys("KHARTOUM (AP) - Text.", source="plain") == [("source:ap", "whole")]


def test_a_credit_is_quoted_in_the_words_of_the_text() -> None:
    (credit,) = find_credits("outlet", "Text.\nWith reporting by  AFP.", (), NAMES)
    assert credit.words == "With reporting by AFP"


def test_the_strongest_of_several_comes_first_and_names_come_once() -> None:
    found = keys("GOMA (Reuters) - A man told AFP so.\nReuters contributed. Source: Reuters")
    assert found == [("agency:reuters", "whole"), ("agency:afp", "quoted")]


@settings(max_examples=60)
@given(st.text(max_size=300), st.lists(st.text(max_size=30), max_size=3))
@example("(" * 300, ["(" * 30])
@example("a " * 150 + "reported", [""])
def test_any_text_is_read(body: str, authors: list[str]) -> None:
    for credit in find_credits("outlet", body, authors, NAMES):
        assert credit.kind in KINDS
        assert "\n" not in credit.words
        assert len(credit.words) <= 120


def test_the_list_of_agencies_is_sound() -> None:
    rows = data("agencies.yaml")
    assert len({row["id"] for row in rows}) == len(rows)
    for row in rows:
        for name in [row["name"], *row["aliases"]]:
            scripts = {unicodedata.name(letter).split()[0] for letter in name if letter.isalpha()}
            assert len(scripts) == 1, f"{name} mixes {scripts}"
    named = [name.casefold() for row in rows for name in [row["name"], *row["aliases"]]]
    assert sorted(set(named)) == sorted(named)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("news.example", "m.news.example", True),
        ("a.news.example", "b.news.example", True),
        ("news.example", "other.example", False),
        ("one.co.uk", "two.co.uk", False),
        ("m.one.co.uk", "www2.one.co.uk", True),
        ("127.0.0.1:8001", "127.0.0.1:8002", False),
        ("127.0.0.1:8001", "127.0.0.1:8001", True),
    ],
)
def test_sites(one: str, other: str, same: bool) -> None:
    assert same_site(one, other) is same
