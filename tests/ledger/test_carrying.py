"""What desks were told goes with stories that merge and split: no line is mailed again, what was wrong is corrected."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.ledger import schema as ledger
from alerts.ledger.decisions import add_decision, kept_apart, mark_undone
from alerts.revisions.carrying import carry_apart, carry_over
from tests.ledger.telling import TRUCE, Telling, new_story, told_story, words
from tests.ledger.world import LONG, NOW, World, desk


def unite(telling: Telling, leave: int, keep: int) -> None:
    table = ledger.story_article
    with telling.archive.write() as connection:
        connection.execute(sa.update(table).where(table.c.story == leave).values(story=keep, origin=None))
        carry_over(connection, leave, keep, NOW)


def part(telling: Telling, story: int, articles: Sequence[int]) -> int:
    table = ledger.story_article
    with telling.archive.write() as connection:
        new = new_story(connection)
        moved = sa.update(table).where(table.c.article.in_(articles))
        connection.execute(moved.values(story=new, relation="first", origin=None, copies=table.c.article))
        carry_apart(connection, story, new, NOW)
    return new


def two(telling: Telling) -> tuple[int, int]:
    """Two flagged stories of one article each."""
    texts = (words("The clinic of the lower town"), words("A convoy on the northern road"))
    keys = [telling.article(None, text, source) for text, source in zip(texts, ("post", "river"), strict=True)]
    for key in keys:
        telling.world.flag(key)
    first, second = (telling.world.story_of(key) for key in keys)
    assert first != second
    return first, second


def test_two_mailed_stories_that_are_one_are_corrected_and_not_mailed_again(both: Telling) -> None:
    keep, leave = two(both)
    assert len(both.next()) == 2
    unite(both, leave, keep)
    change = "told in #1 as a story of its own; it is the same event as “post writes The clinic of the lo”"
    assert both.next() == [(leave, "correction", change)]
    assert both.next() == []
    both.article(keep, words("A third one writes of it"), "third")
    assert both.next() == [(keep, "update", "now 3 outlets, 3 independent; Third reports it itself")]


def test_a_story_that_joins_a_mailed_one_is_an_update_of_it(telling: Telling) -> None:
    keep, _ = told_story(telling)
    other = telling.article(None, words("A convoy on the northern road"), "river")
    telling.world.flag(other, **TRUCE)
    telling.items()
    unite(telling, telling.world.story_of(other), keep)
    told = telling.next()
    assert told == [(keep, "update", "also ceasefire · agreed; now 2 outlets, 2 independent; River reports it itself")]
    assert telling.next() == []


def test_of_two_that_wait_one_is_told(telling: Telling) -> None:
    keep, leave = two(telling)
    telling.items()
    unite(telling, leave, keep)
    assert telling.next() == [(keep, "new", "")]
    assert telling.next() == []


def test_a_mailed_story_that_goes_into_one_that_waits_is_not_mailed_again(both: Telling) -> None:
    leave, _ = told_story(both, words("The clinic of the lower town"))
    other = both.article(None, words("A convoy on the northern road"), "river")
    both.world.flag(other)
    keep = both.world.story_of(other)
    both.items()
    unite(both, leave, keep)
    told = both.next()
    assert [kind for _, kind, _ in told] == ["update"]
    assert "reports it itself" in told[0][2]
    assert both.next() == []


def test_an_update_that_waits_is_said_of_the_story_that_stays(telling: Telling) -> None:
    keep, leave = two(telling)
    telling.next()
    (article,) = [row["article"] for row in telling.world.rows(ledger.story_article) if row["story"] == leave]
    telling.world.flag(article, **TRUCE)
    telling.items()
    unite(telling, leave, keep)
    told = telling.next()
    assert sorted((story, kind) for story, kind, _ in told) == [(keep, "update"), (leave, "correction")]
    assert "also ceasefire · agreed" in [change for _, _, change in told]


def test_a_mailed_story_that_was_two_is_corrected_and_neither_is_mailed_again(both: Telling) -> None:
    story, _ = told_story(both)
    other = both.article(story, words("A convoy on the northern road"), "river")
    both.world.flag(other)
    both.next()
    new = part(both, story, [other])
    ((key, kind, change),) = both.next()
    assert (key, kind) == (new, "correction")
    assert change.startswith("told in #2 together with “post writes The convoy was")
    assert both.next() == []
    both.world.flag(other, **TRUCE)
    assert both.next() == [(new, "update", "also ceasefire · agreed")]


def test_a_story_split_before_it_was_told_is_told_as_two(telling: Telling) -> None:
    article = telling.article(None, LONG, "post")
    telling.world.flag(article)
    story = telling.world.story_of(article)
    other = telling.article(story, words("A convoy on the northern road"), "river")
    telling.world.flag(other)
    telling.items()
    new = part(telling, story, [other])
    assert telling.next() == [(story, "new", ""), (new, "new", "")]


def test_a_chain_of_merges_keeps_what_was_told(telling: Telling) -> None:
    first, second = two(telling)
    telling.next()
    unite(telling, second, first)
    telling.next()
    third = telling.article(None, words("A bridge over the eastern river"), "third")
    telling.world.flag(third)
    keep = telling.world.story_of(third)
    telling.next()
    unite(telling, first, keep)
    assert [(story, kind) for story, kind, _ in telling.next()] == [(first, "correction")]
    assert telling.next() == []
    rows = {row["id"]: row["merged_into"] for row in telling.world.rows(ledger.story)}
    assert (rows[first], rows[second], rows[keep]) == (keep, keep, None)


def test_every_desk_hears_of_what_it_was_told_and_of_nothing_else(telling: Telling) -> None:
    desks = [desk(), desk("rivers", sources=("river",))]
    keep, leave = two(telling)
    telling.items(desks)
    assert len(telling.digest()) == 2
    assert telling.digest("rivers") == [(leave, "new", "")]
    unite(telling, leave, keep)
    telling.items(desks)
    assert [kind for _, kind, _ in telling.digest()] == ["correction"]
    told = telling.digest("rivers")
    # It was told of one story only: that one goes on, and more outlets carry it now.
    assert [(story, kind) for story, kind, _ in told] == [(keep, "update")]
    assert "now 2 outlets" in told[0][2]


def test_what_a_person_split_stays_apart_through_later_merges(world: World) -> None:
    one, other, third = (world.story() for _ in range(3))
    with world.archive.write() as connection:
        decision = add_decision(connection, "split", (one, other), [7], ("Ada", "two villages"), NOW)
        add_decision(connection, "merge", (one, third), [8], ("Ada", ""), NOW)
        assert kept_apart(connection, [one]) == kept_apart(connection, [other]) == {frozenset({one, other})}
        assert kept_apart(connection, [third]) == set()
        connection.execute(sa.update(ledger.story).where(ledger.story.c.id == other).values(merged_into=third))
        assert kept_apart(connection, [third]) == {frozenset({one, third})}
        mark_undone(connection, decision, "Ben", NOW)
        assert kept_apart(connection, [one, other, third]) == set()


class Random:
    """Any order of articles, flags, merges, splits and digests, with what must hold of what is told."""

    def __init__(self, telling: Telling) -> None:
        self.telling, self.world = telling, telling.world
        self.articles: list[int] = []
        self.mailed: set[int] = set()  # flagged articles of stories that a digest has told

    def where(self) -> dict[int, int]:
        return {row["article"]: row["story"] for row in self.world.rows(ledger.story_article)}

    def article(self, one: int, other: int) -> None:
        stories = sorted(set(self.where().values()))
        text = words(f"Report {self.world.written} of {len(self.articles)}")
        into = stories[one] if one < len(stories) else None
        self.articles.append(self.telling.article(into, text, f"outlet{other % 5}"))

    def flag(self, one: int, other: int) -> None:
        if self.articles:
            rule = f"rule{len(self.world.rows(ledger.flag))}"
            severity = ("low", "critical")[other % 2]
            self.world.flag(self.articles[one % len(self.articles)], rule=rule, severity=severity)

    def unite(self, one: int, other: int) -> None:
        stories = sorted(set(self.where().values()))
        if stories and stories[one % len(stories)] != stories[other % len(stories)]:
            unite(self.telling, stories[one % len(stories)], stories[other % len(stories)])

    def split(self, one: int, other: int) -> None:
        where = self.where()
        if self.articles:
            key = self.articles[(one + other) % len(self.articles)]
            if list(where.values()).count(where[key]) > 1:
                part(self.telling, where[key], [key])

    def digest(self, *_: int) -> None:
        told = self.telling.next()
        flagged = {row["article"] for row in self.world.rows(ledger.flag)}
        for story, kind, change in told:
            members = {key for key, place in self.where().items() if place == story} & flagged
            assert kind != "new" or not members & self.mailed, "a story that was mailed came as a new one"
            assert (kind == "new") == (not change)
        for story, kind, _change in told:
            if kind != "correction":
                self.mailed |= {key for key, place in self.where().items() if place == story} & flagged


TABLES = (
    ledger.item, ledger.weighed, ledger.desk_state, ledger.digest, ledger.flag, ledger.story_article, ledger.credit,
    ledger.story,
)  # fmt: skip
STEPS = st.lists(
    st.tuples(st.sampled_from(["article", "flag", "unite", "split", "digest"]), st.integers(0, 4), st.integers(0, 4)),
    max_size=14,
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps=STEPS)
def test_nothing_mailed_comes_as_new_and_nothing_comes_without_a_change(
    telling: Telling, steps: list[tuple[str, int, int]]
) -> None:
    with telling.archive.write() as connection:
        for table in TABLES:
            connection.execute(sa.delete(table))
    anything = Random(telling)
    for name, one, other in steps:
        getattr(anything, name)(one, other)
    anything.digest()
    assert telling.next() == [], "something was told although nothing changed"
