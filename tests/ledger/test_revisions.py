"""A story comes back to a desk when its reach or its reports changed, and says what; and when it was wrong."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from alerts.items import CORRECTED_WITHIN
from alerts.ledger import schema as ledger
from tests.ledger.telling import Telling, told_story, words
from tests.ledger.world import LONG, NOW


def test_copies_bring_a_story_back_at_steps_only(both: Telling) -> None:
    story, _ = told_story(both)
    told = []
    for place in range(2, 7):
        both.article(story, LONG, f"echo{place}", copy=True)
        told.append(both.next())
    assert told == [
        [(story, "update", "now 2 outlets, 1 independent")],
        [],
        [],
        [(story, "update", "now 5 outlets, 1 independent")],
        [],
    ]
    assert both.world.rows(ledger.story)[0]["revision"] == 3


def test_several_copies_at_once_are_one_update(telling: Telling) -> None:
    story, _ = told_story(telling)
    for place in range(2, 8):
        telling.article(story, LONG, f"echo{place}", copy=True)
    assert telling.next() == [(story, "update", "now 7 outlets, 1 independent")]


def test_a_source_that_reports_itself_brings_it_back_between_steps(telling: Telling) -> None:
    story, _ = told_story(telling)
    telling.article(story, LONG, "echo", copy=True)
    assert telling.next()
    telling.article(story, words("The river people say so themselves"), "river")
    assert telling.next() == [(story, "update", "now 3 outlets, 2 independent; River reports it itself")]
    telling.article(story, words("An army says it was not there"), "army")
    change = "now 4 outlets, 2 independent; Army Daily (party to the conflict: Northland) reports it itself"
    assert telling.next() == [(story, "update", change)]
    assert telling.next() == []


def test_a_wire_reprinted_by_another_outlet_is_no_source_of_its_own(telling: Telling) -> None:
    article = telling.article(None, f"GOMA (Reuters) - {LONG}", "post")
    telling.world.flag(article)
    story = telling.world.story_of(article)
    telling.next()
    telling.article(story, words("(Reuters) - The same in other words"), "echo")
    telling.article(story, words("Told anew. Reuters reported on Monday"), "river")
    assert telling.next() == [(story, "update", "now 3 outlets, 1 independent")]


def test_reach_that_grows_before_the_digest_is_no_update(telling: Telling) -> None:
    article = telling.article(None, LONG, "post")
    telling.world.flag(article)
    story = telling.world.story_of(article)
    telling.items()
    telling.article(story, words("The river people say so themselves"), "river")
    assert telling.next() == [(story, "new", "")]
    assert telling.next() == []


def test_what_a_first_fetch_brings_is_no_news(telling: Telling) -> None:
    story, _ = told_story(telling)
    for place in range(6):
        telling.article(story, LONG, f"echo{place}", copy=True, backfill=True)
    assert telling.next() == []


def test_reach_alone_never_brings_up_what_was_before_the_desk(telling: Telling) -> None:
    article = telling.article(None, LONG, "post", seen_at=NOW - timedelta(days=3))
    telling.world.flag(article)
    story = telling.world.story_of(article)
    assert telling.items() == 0
    telling.article(story, LONG, "echo", copy=True)
    assert telling.next() == []


def test_a_correction_brings_a_story_back_with_its_words_once(telling: Telling) -> None:
    story, article = told_story(telling)
    with telling.archive.write() as connection:
        connection.execute(
            sa.update(ledger.credit).values(notices=[["correction", "The toll is 11."]], changes=[[2, "figures"]])
        )
        connection.execute(sa.update(ledger.story_article).values(origin=None))
    change = "Post corrected its report: “The toll is 11.”; Post changed its report: figures"
    assert telling.next() == [(story, "update", change)]
    # A copy that repeats the notice says nothing new.
    copy = telling.article(story, LONG, "echo", copy=True)
    telling.items()
    with telling.archive.write() as connection:
        connection.execute(
            sa.update(ledger.credit)
            .where(ledger.credit.c.article == copy)
            .values(notices=[["correction", "The toll is 11."]])
        )
        connection.execute(sa.update(ledger.story_article).values(origin=None))
    assert telling.next() == [(story, "update", "now 2 outlets, 1 independent")]
    assert article != copy


def test_a_retraction_goes_to_the_corrections(telling: Telling) -> None:
    story, _ = told_story(telling)
    with telling.archive.write() as connection:
        connection.execute(sa.update(ledger.credit).values(notices=[["retraction", "This story is withdrawn."]]))
        connection.execute(sa.update(ledger.story_article).values(origin=None))
    change = "told in #1; Post has withdrawn its report: “This story is withdrawn.”"
    assert telling.next() == [(story, "correction", change)]
    assert telling.next() == []


def verdict(telling: Telling, article: int, judgement: str, by: str = "Ada") -> None:
    row = {"article": article, "version": 1, "topic": "civilian_attack", "judgement": judgement, "by": by, "at": NOW}
    with telling.archive.write() as connection:
        connection.execute(sa.insert(ledger.verdict), [row])


def test_a_story_judged_wrong_is_corrected_once_and_then_left_alone(both: Telling) -> None:
    story, article = told_story(both)
    verdict(both, article, "not")
    assert both.next() == [(story, "correction", "told in #1; judged not relevant by Ada")]
    verdict(both, article, "not", "Ben")
    both.article(story, LONG, "echo", copy=True)
    assert both.next() == []
    # A second opinion brings it back.
    verdict(both, article, "relevant", "Cleo")
    verdict(both, article, "not", "Dan")
    told = both.next()
    assert [(key, kind) for key, kind, _ in told] == [(story, "update")]
    assert told[0][2].startswith("reported again")


def test_a_readers_click_takes_nothing_from_other_readers(telling: Telling) -> None:
    story, article = told_story(telling)
    verdict(telling, article, "not", "reader@desk.example")
    assert telling.next() == []
    telling.article(story, LONG, "echo", copy=True)
    assert telling.next() == [(story, "update", "now 2 outlets, 1 independent")]


def test_a_verdict_on_one_of_two_reports_leaves_the_story(telling: Telling) -> None:
    story, article = told_story(telling)
    other = telling.article(story, words("The river people say so themselves"), "river")
    telling.world.flag(other)
    telling.next()
    verdict(telling, article, "not")
    assert telling.next() == []


def test_a_story_that_is_no_longer_flagged_is_corrected_once(telling: Telling) -> None:
    story, article = told_story(telling)
    telling.world.withdraw(article)
    change = "told in #1; no longer flagged: its text or the rules have changed"
    assert telling.next() == [(story, "correction", change)]
    assert telling.next() == []
    telling.world.flag(article, version=100)
    assert telling.next() == [(story, "update", "reported again")]
    telling.world.withdraw(article)
    telling.next()


def test_old_stories_are_not_corrected(telling: Telling) -> None:
    _, article = told_story(telling)
    with telling.archive.write() as connection:
        connection.execute(sa.update(ledger.digest).values(created_at=NOW - CORRECTED_WITHIN - timedelta(minutes=1)))
    telling.world.withdraw(article)
    assert telling.next() == []


def test_what_no_digest_told_is_not_corrected(telling: Telling) -> None:
    article = telling.article(None, LONG, "post")
    telling.world.flag(article)
    telling.items()
    telling.world.withdraw(article)
    assert [kind for _, kind, _ in telling.next()] == ["new"]  # the digest itself says what became of it
