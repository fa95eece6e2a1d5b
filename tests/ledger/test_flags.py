"""Readings and flags on real rules: read once, re-read when the text changes, provable from the stored text."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from alerts.flags import FlagReport, flag_articles, rule_text
from alerts.ledger import flags as queries
from alerts.ledger import schema as ledger
from alerts.rules import RuleSet, from_source, load_rule_set
from alerts.stories import group_articles
from crawler.archive.articles import get_article, store_page
from crawler.archive.texts import unpack_bytes
from crawler.articles import Extraction
from crawler.sources import Source
from tests.ledger.world import NOW, World

SHELLED = "Shells hit a hospital in Veld.\n\nThe truce held elsewhere, and nobody was hurt there."
RULES = {
    "hospital": "topic: civilian_attack\nclass: event\nseverity: high\nfind: 'hit NEAR/3 hospital'\n",
    "truce": "topic: ceasefire\nstage: in_effect\nclass: event\nseverity: low\nfind: 'truce ONEAR/3 held'\n",
    "british": "topic: ceasefire\nstage: talks\nclass: context\nseverity: low\nfind: 'country:GB AND truce'\n",
}


@pytest.fixture
def rule_set(tmp_path: Path) -> RuleSet:
    folder = tmp_path / "rules"
    folder.mkdir()
    for name, rest in RULES.items():
        head = f"id: {name}\ntitle: {name}\nstatus: live\n"
        (folder / f"{name}.yaml").write_text(head + rest)
    made, problems = load_rule_set(folder, tmp_path / "lists")
    assert not [problem for problem in problems if not problem.warning]
    return made


def flag_all(world: World, rule_set: RuleSet, hours: int = 0) -> FlagReport:
    return flag_articles(world.archive, rule_set, world.sources.values(), NOW + timedelta(hours=hours))


def live(world: World, article: int) -> dict[str, queries.Flag]:
    group_articles(world.archive, NOW)
    story = world.story_of(article)
    with world.archive.read() as connection:
        return {flag.rule: flag for flag in queries.live_flags(connection, [story])[story]}


def test_every_article_is_read_once(world: World, rule_set: RuleSet) -> None:
    world.article("Strike", SHELLED)
    world.article("Weather", "It rained.")
    seen: list[tuple[int, int, str]] = []
    report = flag_articles(world.archive, rule_set, world.sources.values(), NOW, lambda *step: seen.append(step))
    assert report == FlagReport(read=2, flagged=1, flags=3, withdrawn=0)
    assert seen[-1] == (2, 2, "flag")
    assert [(row["article"], row["version"], row["rule_set"]) for row in world.rows(ledger.reading)] == [
        (1, 1, rule_set.hash),
        (2, 1, rule_set.hash),
    ]
    assert flag_all(world, rule_set, 1) == FlagReport()


def test_a_flag_can_be_proved_from_the_stored_text(world: World, rule_set: RuleSet) -> None:
    key = world.article("Strike", SHELLED)
    flag_all(world, rule_set)
    flag = live(world, key)["hospital"]
    with world.archive.read() as connection:
        stored = get_article(connection, key)
    assert stored is not None
    assert stored.body[flag.sentence_start :].startswith(flag.sentence)
    assert flag.sentence == "Shells hit a hospital in Veld."
    assert [stored.body[start:end] for start, end in flag.terms] == ["hit", "hospital"]
    assert (flag.topic, flag.class_, flag.stage, flag.severity) == ("civilian_attack", "event", None, "high")


def test_the_rule_set_is_kept_once_and_reads_again_alike(world: World, rule_set: RuleSet) -> None:
    for number in range(2):
        key = world.article(f"Strike {number}", SHELLED)
        flag_all(world, rule_set)
    (row,) = world.rows(ledger.rule_set)
    assert (row["hash"], row["rules"]) == (rule_set.hash, 3)
    again = from_source(unpack_bytes(row["source"]))
    with world.archive.read() as connection:
        stored = get_article(connection, key)
    assert stored is not None
    text = rule_text(stored, world.sources["post"])
    assert again.hash == rule_set.hash
    assert again.read(text) == rule_set.read(text)


def test_a_changed_text_is_read_again_and_what_is_gone_is_withdrawn(world: World, rule_set: RuleSet) -> None:
    key = world.article("Strike", SHELLED)
    flag_all(world, rule_set)
    longer = "Correction: shells hit no clinic.\n\nThe truce held elsewhere, and nobody was hurt there. " * 3
    with world.archive.write() as connection:
        store_page(connection, key, "https://post.example/1", 200, Extraction(text=longer), now=NOW)
    assert flag_all(world, rule_set, 1) == FlagReport(read=1, flagged=1, flags=2, withdrawn=1)
    found = live(world, key)
    assert set(found) == {"truce", "british"}
    assert found["truce"].version == 2
    with world.archive.read() as connection:
        withdrawn = {flag.rule: at for flag, at in queries.flags_of_article(connection, key) if at is not None}
    assert withdrawn == {"hospital": NOW + timedelta(hours=1)}


def test_a_page_without_news_is_not_read_again(world: World, rule_set: RuleSet) -> None:
    key = world.article("Strike", SHELLED)
    flag_all(world, rule_set)
    with world.archive.write() as connection:
        store_page(connection, key, "https://post.example/1", 200, Extraction(text=SHELLED), now=NOW)
    assert flag_all(world, rule_set, 1).read == 0


def test_a_source_that_is_gone_is_read_without_a_country(world: World, rule_set: RuleSet) -> None:
    key = world.article("Strike", SHELLED)
    report = flag_articles(world.archive, rule_set, [Source(id="other", name="Other", country="GB")], NOW)
    assert report.read == 1
    assert set(live(world, key)) == {"hospital", "truce"}


def test_reading_goes_on_in_batches(world: World, rule_set: RuleSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alerts.flags.BATCH", 3)
    for number in range(8):
        world.article(f"Strike {number}", SHELLED)
    assert flag_all(world, rule_set).read == 8
    assert len(world.rows(ledger.flag)) == 24


def test_a_late_commit_with_a_lower_id_is_read(world: World, rule_set: RuleSet) -> None:
    """Ids say nothing about the order of commits: the next job begins at the first unread article again."""
    early, late = world.article("One", SHELLED), world.article("Two", SHELLED)
    with world.archive.write() as connection:
        queries.add_reading(connection, late, 1, rule_set.hash, NOW)
    assert flag_all(world, rule_set).read == 1
    assert [row["article"] for row in world.rows(ledger.reading)] == [early, late]


def test_two_jobs_at_once_store_a_reading_once(world: World, rule_set: RuleSet) -> None:
    key = world.article("Strike", SHELLED)
    with world.archive.write() as connection:
        assert queries.add_reading(connection, key, 1, rule_set.hash, NOW)
        assert not queries.add_reading(connection, key, 1, rule_set.hash, NOW)
