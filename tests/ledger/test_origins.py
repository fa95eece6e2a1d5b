"""Origins in the database: what is read again, what is decided anew, and that desks hear of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from alerts.ledger import schema as ledger
from alerts.origins.assess import assess_origins
from alerts.stories import group_articles
from crawler.archive.articles import store_page
from crawler.archive.schema import article, article_url
from crawler.articles import Extraction
from crawler.sources import Source
from tests.ledger.world import LONG, NOW, World, middling

REUTERS = Source("reuters", "Reuters", homepage="https://reuters.example/")


def assess(world: World) -> int:
    group_articles(world.archive, NOW)
    return assess_origins(world.archive, [*world.sources.values(), REUTERS])


def origins(world: World) -> dict[int, str]:
    return {row["article"]: row["origin"] for row in world.rows(ledger.story_article)}


def same_text(world: World, key: int, of: int) -> None:
    """Have an article grouped as a copy of another's text."""
    table = ledger.story_article
    with world.archive.write() as connection:
        connection.execute(sa.update(table).where(table.c.article == key).values(copies=of, origin=None))


def page(world: World, key: int, title: str, text: str) -> None:
    with world.archive.write() as connection:
        store_page(connection, key, f"https://post.example/{key}", 200, Extraction(title=title, text=text), now=NOW)


def test_every_grouped_article_gets_an_origin_once(world: World) -> None:
    first = world.article("Shells fall", LONG, seen_at=NOW - timedelta(hours=2))
    copy = world.article("Shells fall", LONG, source="echo", seen_at=NOW - timedelta(hours=1))
    wire = world.article(
        "A clinic is hit", f"GOMA (Reuters) - {middling('The clinic of the lower town was hit')}", source="echo"
    )
    group_articles(world.archive, NOW)
    same_text(world, copy, first)
    assert assess(world) == len({world.story_of(key) for key in (first, copy, wire)})
    assert origins(world) == {first: "source:post", copy: "source:post", wire: "source:reuters"}
    reasons = {row["article"]: row["origin_reason"] for row in world.rows(ledger.story_article)}
    assert f"article {first}, which came first" in reasons[copy]
    assert "(Reuters) -" in reasons[wire]
    assert assess(world) == 0


def test_many_articles_are_read_batch_by_batch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alerts.origins.assess.BATCH", 2)
    keys = [world.article(f"Title {place}") for place in range(5)]
    assert assess(world) == 5
    assert origins(world) == dict.fromkeys(keys, "source:post")


def test_an_awaited_page_decides_when_it_comes(world: World) -> None:
    key = world.article("Shells fall", LONG)
    world.change(key, page_state="wanted")
    assess(world)
    assert origins(world) == {key: "unknown:post"}
    page(world, key, "Shells fall", f"GOMA (Reuters) - {LONG}")
    assert assess(world) == 1
    assert origins(world) == {key: "source:reuters"}
    # What its page brought is no change of the report.
    assert world.rows(ledger.credit)[0]["changes"] == []


def test_a_page_that_brings_nothing_settles_it_too(world: World) -> None:
    key = world.article("Shells fall", LONG)
    world.change(key, page_state="wanted")
    assess(world)
    world.change(key, page_state="failed")
    assert assess(world) == 1
    assert origins(world) == {key: "source:post"}


def test_a_title_alone_says_nothing(world: World) -> None:
    key = world.article("Shells fall", "Short.")
    assess(world)
    assert origins(world) == {key: "unknown:post"}


def test_a_changed_report_is_remembered(world: World) -> None:
    key = world.article("14 killed in Goma", f"At least 14 people died. {LONG}")
    assess(world)
    page(world, key, "14 killed in Goma", f"At least 11 people died. {LONG} This article has been corrected.")
    assert assess(world) == 1
    (row,) = world.rows(ledger.credit)
    assert row["changes"] == []  # the title still says 14, and nothing replaced it
    assert row["notices"] == [["correction", "This article has been corrected."]]
    with world.archive.write() as connection:
        connection.execute(sa.update(article).values(title="11 killed in Goma", version=3))
    assess(world)
    (row,) = world.rows(ledger.credit)
    assert row["changes"] == [[3, "headline was “14 killed in Goma”"]]
    assert row["version"] == 3


def test_a_canonical_link_to_another_site_is_the_origin(world: World) -> None:
    near, far, known = (world.article(f"Title {place}") for place in range(3))
    rows = [(near, "https://www.post.example/a"), (far, "https://far.example/b"), (known, "https://reuters.example/c")]
    with world.archive.write() as connection:
        connection.execute(
            sa.insert(article_url), [{"key": url, "article": key, "how": "canonical"} for key, url in rows]
        )
    assess(world)
    assert origins(world) == {near: "source:post", far: "site:far.example", known: "source:reuters"}


def test_an_assessment_has_desks_weighed_again(world: World) -> None:
    key = world.article("Shells fall", LONG)
    assess(world)
    before = world.rows(ledger.story)[0]["assessment"]
    world.article("Shells fall", LONG, source="echo")
    assess(world)
    story = next(row for row in world.rows(ledger.story) if row["id"] == world.story_of(key))
    assert story["assessment"] == before + 1
