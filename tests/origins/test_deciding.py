"""Whose text each article is, and how many outlets report by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.origins.credits import Credit
from alerts.origins.deciding import Member, decide
from alerts.origins.names import UNNAMED, Names
from alerts.origins.reach import Reach, news_of_reach, outlets_words, reach_of, step_of, together, told
from crawler.sources import Source

AT = datetime(2025, 3, 4, 5, tzinfo=UTC)
NAMES = Names(
    [
        *(Source(letter, f"Outlet {letter.upper()}") for letter in "abcdefgh"),
        Source("reuters", "Reuters"),
        Source("army", "Army Daily", party="Northland"),
    ]
)
WIRE = Credit("source:reuters", "whole", "(Reuters) -")


def member(number: int, source: str, copies: int = 0, minutes: int = 0, **values: Any) -> Member:
    return Member(number, source, copies or number, AT + timedelta(minutes=minutes), **values)


@dataclass
class Row:
    """An article of a story as `reach_of` sees it."""

    source: str
    origin: str | None


def keys(*members: Member) -> dict[int, str]:
    return {key: origin.key for key, origin in decide(members, NAMES).items()}


def reach(*members: Member) -> Reach:
    found = decide(members, NAMES)
    return reach_of([Row(one.source, found[one.id].key) for one in members], NAMES)


def test_own_words_are_independent() -> None:
    assert keys(member(1, "a"), member(2, "b")) == {1: "source:a", 2: "source:b"}


def test_the_first_of_equal_texts_is_the_origin_whatever_their_ids() -> None:
    found = decide([member(1, "a", 1, 30), member(2, "b", 1, 10), member(3, "c", 1, 20)], NAMES)
    assert {origin.key for origin in found.values()} == {"source:b"}
    assert "article 2, which came first, at 2025-03-04 05:10 UTC" in found[1].reason
    assert found[2].reason == "its own text, printed first"


def test_a_canonical_link_says_more_than_the_clock() -> None:
    found = decide([member(1, "a", 1, 0, duplicate_of=2), member(2, "b", 1, 50)], NAMES)
    assert {origin.key for origin in found.values()} == {"source:b"}
    assert found[1].reason == "its page names article 2 as the original"


def test_what_one_copy_says_holds_for_all() -> None:
    found = decide([member(1, "a", 1), member(2, "b", 1, 5, credits=(WIRE,)), member(3, "c", 1, 9)], NAMES)
    assert {origin.key for origin in found.values()} == {"source:reuters"}
    assert "article 2" in found[1].reason
    assert "(Reuters) -" in found[1].reason


def test_the_credited_outlet_is_the_origin_although_its_article_came_last() -> None:
    found = decide([member(1, "a", 1, credits=(WIRE,)), member(2, "reuters", 1, 60)], NAMES)
    assert found[2].key == "source:reuters"
    assert found[2].reason == "its own text, which others credit to it"


def test_copies_and_rewrites_of_one_wire_are_one_source() -> None:
    cited = Credit("source:reuters", "cited", "Reuters reported")
    members = [
        member(1, "reuters"),
        *(member(n, letter, 1, n) for n, letter in enumerate("abcd", 2)),
        member(8, "e", credits=(cited,)),
        member(9, "f"),
    ]
    found = reach(*members)
    assert (found.outlets, found.independent) == (7, 2)
    assert [(share.key, share.carriers) for share in found.origins] == [
        ("source:reuters", ("a", "b", "c", "d", "e")),
        ("source:f", ()),
    ]


def test_origins_of_origins_are_followed() -> None:
    to_a = Credit("source:a", "whole", "Source: Outlet A")
    found = decide([member(1, "a", credits=(WIRE,)), member(2, "b", credits=(to_a,))], NAMES)
    assert found[2].key == "source:reuters"
    assert found[2].reason.endswith("; the text of Outlet A is Reuters's")


def test_an_outlet_with_words_of_its_own_is_not_followed() -> None:
    to_a = Credit("source:a", "whole", "Source: Outlet A")
    assert keys(member(1, "a", credits=(WIRE,)), member(2, "a"), member(3, "b", credits=(to_a,)))[3] == "source:a"


def test_two_that_credit_each_other_are_one() -> None:
    to_a, to_b = Credit("source:a", "whole", "via A"), Credit("source:b", "whole", "via B")
    assert keys(member(1, "a", credits=(to_b,)), member(2, "b", minutes=5, credits=(to_a,))) == {
        1: "source:a",
        2: "source:a",
    }


def test_what_was_told_to_an_agency_counts_only_beside_its_text() -> None:
    quoted = Credit("source:reuters", "quoted", "told Reuters")
    assert keys(member(1, "a", credits=(quoted,)), member(2, "b")) == {1: "source:a", 2: "source:b"}
    assert keys(member(1, "a", credits=(quoted,)), member(2, "reuters"))[1] == "source:reuters"


def test_another_site_named_by_the_page_is_the_origin() -> None:
    assert keys(member(1, "a", elsewhere="site:far.example"))[1] == "site:far.example"
    assert keys(member(1, "a", elsewhere="source:a"))[1] == "source:a"


@pytest.mark.parametrize("values", [{"settled": False}, {"thin": True}])
def test_what_cannot_be_told_is_not_counted(values: dict[str, bool]) -> None:
    found = reach(member(1, "a"), member(2, "b", **values))
    assert (found.outlets, found.independent, found.unknown) == (2, 1, ("b",))


def test_unnamed_agencies_are_nobody() -> None:
    found = reach(member(1, "a"), member(2, "b", credits=(Credit(UNNAMED, "whole", "Agencies"),)))
    assert found.independent == 1


def test_a_party_to_the_conflict_is_named_and_not_independent() -> None:
    found = reach(member(1, "army"), member(2, "a", 1, 5), member(3, "b"))
    assert (found.outlets, found.independent) == (3, 1)
    assert found.origins[0].party == "Northland"
    assert outlets_words(reach(member(1, "army"), member(2, "a", 1, 5))) == "2 outlets, none independent"


def test_counts_do_not_depend_on_the_order_of_articles() -> None:
    members = [member(1, "a", 1, 9), member(2, "b", 1, 3, credits=(WIRE,)), member(3, "c", minutes=1)]
    assert keys(*members) == keys(*reversed(members))


ANY = st.builds(
    member,
    st.integers(1, 6),
    st.sampled_from(["a", "b", "c", "reuters", "army"]),
    st.just(0),
    st.integers(0, 50),
    credits=st.lists(
        st.builds(
            Credit,
            st.sampled_from(["source:a", "source:b", "source:c", "agency:afp", "name:Else", UNNAMED]),
            st.sampled_from(["whole", "part", "cited", "quoted"]),
            st.just("words"),
        ),
        max_size=2,
    ).map(tuple),
    settled=st.booleans(),
    thin=st.booleans(),
)


@settings(max_examples=60)
@given(st.lists(ANY, min_size=1, max_size=6, unique_by=lambda one: one.id), st.sampled_from(["a", "d", "e"]))
def test_a_copy_never_raises_independence(members: list[Member], source: str) -> None:
    found = decide(members, NAMES)
    assert set(found) == {one.id for one in members}
    assert all(origin.key and origin.reason for origin in found.values())
    before = reach(*members)
    original = max(members, key=lambda one: one.when)
    after = reach(*members, Member(99, source, original.copies, original.when + timedelta(hours=1)))
    known = len(before.origins) + len(before.unknown)
    assert len(after.origins) <= max(1, known)


@pytest.mark.parametrize(
    ("outlets", "step"),
    [(1, 0), (2, 2), (4, 2), (5, 5), (9, 5), (10, 10), (19, 10), (50, 50), (10_000, 1000)],
)
def test_steps(outlets: int, step: int) -> None:
    assert step_of(outlets) == step


def rows(*pairs: tuple[str, str | None]) -> Reach:
    return reach_of([Row(source, origin) for source, origin in pairs], NAMES)


def copies(*letters: str) -> Reach:
    return rows(*((letter, "source:a") for letter in letters))


def test_copies_are_news_at_steps_only() -> None:
    known = told(copies("a"))
    heard = []
    for count in range(2, 7):
        now = copies(*"abcdefgh"[:count])
        heard.append(news_of_reach(known, now, NAMES))
        known = together(known, told(now))
    assert heard == [["now 2 outlets, 1 independent"], [], [], ["now 5 outlets, 1 independent"], []]


def test_a_new_independent_source_is_news_between_steps() -> None:
    known = told(copies("a", "b"))
    now = rows(("a", "source:a"), ("b", "source:a"), ("c", "source:c"))
    assert news_of_reach(known, now, NAMES) == ["now 3 outlets, 2 independent", "Outlet C reports it itself"]
    assert news_of_reach(together(known, told(now)), now, NAMES) == []
    # It turns out to be a copy, and then not: that is not told again.
    back = together(together(known, told(now)), told(copies("a", "b", "c")))
    assert news_of_reach(back, now, NAMES) == []


def test_a_wire_that_only_others_carry_is_told_as_such() -> None:
    now = rows(("a", "source:a"), ("b", "agency:afp"))
    assert news_of_reach(told(copies("a")), now, NAMES)[1] == "Outlet B has it from AFP"


def test_an_origin_that_is_only_named_rightly_now_is_no_news() -> None:
    assert news_of_reach(told(rows(("a", None))), rows(("a", "source:a")), NAMES) == []
    assert news_of_reach(told(rows(("a", "source:a"))), rows(("a", "agency:afp")), NAMES) == []


def test_a_party_that_speaks_is_news_and_named() -> None:
    now = rows(("a", "source:a"), ("army", "source:army"))
    assert news_of_reach(told(copies("a")), now, NAMES) == [
        "now 2 outlets, 1 independent",
        "Army Daily (party to the conflict: Northland) reports it itself",
    ]


def test_what_was_never_counted_is_no_news() -> None:
    assert news_of_reach({}, copies("a", "b", "c", "d", "e"), NAMES) == []
