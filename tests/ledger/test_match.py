"""`match`: a desk is told by articles for which its query holds; nothing comes twice or gets lost when it changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from alerts.desks import Desk
from alerts.digests import make_digests, preview
from alerts.digests.freeze import preview_snapshot
from alerts.items import make_items, start_desks
from alerts.ledger import digests as digest_queries
from alerts.ledger import schema as ledger
from alerts.origins.assess import assess_origins
from alerts.rules.nodes import Word
from alerts.rules.queries import Queries
from alerts.rules.rule import Query
from alerts.rules.syntax import parse
from alerts.why import describe, explain_url
from tests.ledger.telling import Telling, words
from tests.ledger.world import NOW, World, asking, desk, middling

DAY = timedelta(days=1)
KHARTOUM = middling("Shells fell on a market in Khartoum")
KYIV = middling("Shells fell on a market in Kyiv")


def place(query: str, **choices: Any) -> Desk:
    return asking({"field": query}, **choices)[0]


class Desking:
    """One world through which a desk's jobs run, each time with the configuration given."""

    def __init__(self, telling: Telling, *desks: Desk) -> None:
        self.telling = telling
        self.world = telling.world
        self.now = NOW
        start_desks(self.world.archive, desks, NOW, DAY)

    def items(self, *desks: Desk) -> int:
        sources = tuple(self.world.sources.values())
        assess_origins(self.world.archive, sources)
        return make_items(self.world.archive, desks, self.now, sources)

    def digest(self, *desks: Desk) -> list[dict[str, Any]]:
        """What the digests of the slot say, those of desks by id one after the other; the next slot is a day later."""
        configuration = self.world.configuration(desks)
        shown = [preview_snapshot(self.world.archive, configuration, one, self.now) for one in desks]
        made = make_digests(self.world.archive, configuration, self.now)
        with self.world.archive.read() as connection:
            rows = connection.execute(sa.select(ledger.digest.c.snapshot).where(ledger.digest.c.id.in_(made)))
            found = [digest_queries.load_snapshot(data) for data in rows.scalars()]
        # A preview shows what is then sent.
        assert [one["stories"] for one in shown] == [one["stories"] for one in found]
        self.now += DAY
        return found

    def flagged(self, text: str, story: int | None = None, source: str = "post", **flag: Any) -> tuple[int, int]:
        """(story, article) of a flagged article of that text."""
        key = self.telling.article(story, text, source, seen_at=self.now - timedelta(seconds=30))
        self.world.flag(key, at=self.now, **flag)
        return self.world.story_of(key), key


def told(snapshot: dict[str, Any]) -> list[int]:
    return sorted(story["story"] for story in snapshot["stories"])


@contextmanager
def texts_read() -> Iterator[list[int]]:
    """Ids of the articles whose texts are read from the database meanwhile."""
    found: list[int] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        if "article_text.body" in statement and statement.lstrip().startswith("SELECT"):
            values = parameters.values() if isinstance(parameters, dict) else parameters
            found.extend(value for value in values if isinstance(value, int))

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)


def test_a_story_qualifies_by_its_matching_articles_alone(both: Telling) -> None:
    sudan = place("Khartoum OR Darfur")
    desking = Desking(both, sudan)
    story, _ = desking.flagged(KHARTOUM, severity="medium")
    desking.flagged(middling("A summary of all wars"), story, severity="critical")
    desking.flagged(KYIV)
    assert desking.items(sudan) == 1
    (snapshot,) = desking.digest(sudan)
    (entry,) = snapshot["stories"]
    # The loud article of the story is not about the place, so it makes the story no louder for this desk.
    assert (entry["story"], entry["severity"], entry["title"]) == (story, "medium", "post writes Shells fell on a mar")
    assert entry["outlets"] == 1


def test_desks_are_asked_together_and_no_text_is_read_twice_or_in_vain(both: Telling) -> None:
    desks = asking({"sudan": "Khartoum", "ukraine": "Kyiv", "quiet": "Nowhere"}, languages=("en",))
    desks.append(desk("all", languages=("en",)))
    desking = Desking(both, *desks)
    _, khartoum = desking.flagged(KHARTOUM)
    _, kyiv = desking.flagged(KYIV)
    background = both.article(None, words("Khartoum background"), "post", seen_at=NOW - timedelta(seconds=30))
    both.world.flag(background, **{"class": "context"})
    french = both.article(None, words("Khartoum encore"), "post", seen_at=NOW - timedelta(seconds=30), language="fr")
    both.world.flag(french)
    both.article(None, words("Khartoum has no flag"), "post")
    old = both.article(None, words("Khartoum long ago"), "post", backfill=True)
    both.world.flag(old)
    assess_origins(both.archive, tuple(both.world.sources.values()))
    with texts_read() as read:
        assert make_items(both.archive, desks, NOW, tuple(both.world.sources.values())) == 4
        configuration = both.world.configuration(desks)
        for one in desks:
            preview(both.archive, configuration, one, NOW)
        assert len(make_digests(both.archive, configuration, NOW)) == 4
    assert sorted(read) == [khartoum, kyiv]
    by_desk: dict[str, list[int]] = {}
    for row in both.world.rows(ledger.item):
        by_desk.setdefault(row["desk"], []).append(row["story"])
    stories = [both.world.story_of(khartoum), both.world.story_of(kyiv)]
    assert by_desk == {"all": stories, "sudan": stories[:1], "ukraine": stories[1:]}


def test_an_edited_text_is_asked_anew(telling: Telling) -> None:
    sudan = place("Khartoum")
    desking = Desking(telling, sudan)
    _, article = desking.flagged(KYIV)
    assert desking.items(sudan) == 0
    telling.world.retell(article, "Shelling", KHARTOUM)
    telling.world.flag(article, version=2)
    assert desking.items(sudan) == 1


def test_what_waits_is_told_though_the_query_has_changed(both: Telling) -> None:
    before, after = place("Khartoum"), place("Kyiv")
    desking = Desking(both, before)
    first, _ = desking.flagged(KHARTOUM)
    assert desking.items(before) == 1
    second, _ = desking.flagged(KYIV)
    third, _ = desking.flagged(words("Khartoum again"))
    assert desking.items(after) == 1
    (snapshot,) = desking.digest(after)
    assert told(snapshot) == [first, second]
    assert snapshot["corrections"] == []
    # What was never to be told is not told because the query has changed back.
    assert desking.items(before) == 0
    assert third not in told(desking.digest(before)[0])


def test_a_change_of_the_query_mails_nothing_again_and_corrects_nothing(telling: Telling) -> None:
    khartoum, kyiv, every = place("Khartoum"), place("Kyiv"), desk()
    desking = Desking(telling, khartoum)
    story, _ = desking.flagged(KHARTOUM)
    other, _ = desking.flagged(KYIV)
    desking.items(khartoum)
    assert told(desking.digest(khartoum)[0]) == [story]
    for changed in (kyiv, every, khartoum, kyiv):
        assert desking.items(changed) == 0
        (snapshot,) = desking.digest(changed)
        assert (told(snapshot), snapshot["corrections"]) == ([], [])
    # News of a story that the desk does not ask for any more: neither an update nor a correction of what it was told.
    desking.flagged(words("Khartoum worse"), story, "wire", severity="critical")
    assert desking.items(kyiv) == 0
    assert desking.digest(kyiv)[0]["corrections"] == []
    # Asked for again, it is told what is new since, once; the story that it never was told of comes as new.
    desking.flagged(words("Khartoum and still"), story, "gazette", severity="critical")
    desking.flagged(words("Kyiv again"), other, "wire")
    assert desking.items(every) == 2
    (snapshot,) = desking.digest(every)
    assert sorted((one["story"], one["kind"]) for one in snapshot["stories"]) == [(story, "update"), (other, "new")]
    assert desking.items(every) == 0


def test_what_no_longer_matches_by_itself_is_taken_back(telling: Telling) -> None:
    sudan = place("Khartoum")
    desking = Desking(telling, sudan)
    story, article = desking.flagged(KHARTOUM)
    desking.flagged(words("Of other places"), story, "wire")
    waits, waiting = desking.flagged(words("Khartoum or so it seemed"))
    assert desking.items(sudan) == 2
    telling.world.retell(waiting, "Nowhere", words("It was not there"))
    telling.world.flag(waiting, version=2)
    assert desking.items(sudan) == 0
    (snapshot,) = desking.digest(sudan)
    assert told(snapshot) == [story]
    assert [correction["title"] for correction in snapshot["corrections"]] == ["Nowhere"]
    # The query is the same, but the article that it held for is flagged no more.
    telling.world.withdraw(article)
    assert desking.items(sudan) == 1
    (correction,) = desking.digest(sudan)[0]["corrections"]
    assert "no longer what this desk asks for" in correction["reason"]
    assert waits != story


def test_a_change_of_a_list_is_a_change_of_the_query() -> None:
    def version(text: str, *terms: str) -> str:
        lists = {"places": {"en": [Query(term, Word(text=term)) for term in terms]}}
        node, _ = parse(text)
        assert node is not None
        return Queries({"a": Query(text, node), "b": Query("x", Word(text="x"))}, lists).version("a")

    assert version("@places", "Khartoum") == version("@places", "Khartoum")
    assert version("@places", "Khartoum") != version("@places", "Darfur")
    assert version("Khartoum", "Khartoum") == version("Khartoum", "Darfur")


def test_a_story_that_was_wrong_is_still_corrected(telling: Telling) -> None:
    sudan = place("Khartoum")
    desking = Desking(telling, sudan)
    _, article = desking.flagged(KHARTOUM)
    desking.items(sudan)
    desking.digest(sudan)
    telling.world.withdraw(article)
    assert desking.items(sudan) == 1
    (correction,) = desking.digest(sudan)[0]["corrections"]
    assert "no longer flagged" in correction["reason"]


def test_why_says_what_a_desk_is_told_by(world: World) -> None:
    desks = asking({"place": "Khartoum AND market", "source": "source:dabanga", "louder": "Khartoum"})
    desks[2] = replace(desks[2], severities=("critical",))
    start_desks(world.archive, desks, NOW, DAY)
    market = world.story({}, source="dabanga", text=KHARTOUM, url="https://a.example/market")
    road = world.story({}, text=words("The road to Khartoum"), url="https://a.example/road")
    world.story({"quiet": True}, source="dabanga", text=KYIV, url="https://a.example/quiet")
    world.story({}, backfill=True, text=KHARTOUM, url="https://a.example/old")
    sources = tuple(world.sources.values())
    make_items(world.archive, desks, NOW, sources)
    assert [(one, story) for one, story, *_ in world.items()] == [("place", market), ("source", market)]
    rule_set = world.configuration(desks).rule_set

    def told_by(name: str) -> dict[str, str]:
        answer = explain_url(world.archive, f"https://a.example/{name}", rule_set, sources, desks)
        lines = [line.removeprefix("desk ") for line in describe(answer) if line.startswith("desk ")]
        return {desk: words for desk, _, words in (line.partition(": ") for line in lines)}

    assert told_by("market") == {"place": "asks for it", "source": "asks for it", "louder": "left out by severities"}
    assert told_by("road") == {
        "place": "left out by match: needs market: not in the text",
        "source": "left out by match: needs source:dabanga",
        "louder": "left out by severities",
    }
    assert told_by("quiet")["source"] == "asks for it: it was found by re-reading the past, which makes no news"
    assert told_by("old") == {}
    assert road != market


def test_what_the_source_is_can_be_asked(world: World) -> None:
    told_of = world.story({}, source="dabanga")
    world.story({}, source="times")
    (near,) = asking({"field": "source:dabanga AND country:GB AND url:dabanga"})
    start_desks(world.archive, [near], NOW, DAY)
    assert make_items(world.archive, [near], NOW, world.sources.values()) == 1
    assert [story for _, story, *_ in world.items()] == [told_of]
