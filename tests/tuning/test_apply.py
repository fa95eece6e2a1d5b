"""`rules apply`: the past is read again, its history kept, and nobody is told twice."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts.flags import flag_articles
from alerts.items import make_items, start_desks
from alerts.ledger import schema as ledger
from alerts.ledger.lock import run_lock
from alerts.rules import RuleSet, load_rule_set
from alerts.stories import group_articles
from alerts.tuning.rereading import RereadReport, flag_rower, reread, settle
from alerts.tuning.scan import Window
from tests.cli.conftest import Ceasewire
from tests.ledger.world import NOW, World, desk
from tests.tuning.conftest import BODIES, COUNT, FAR_APART, database, edit, json_lines, live_flags, run_jobs, table

EACH = COUNT // len(BODIES)
LATER = NOW + timedelta(hours=1)


def test_dry_run_says_what_apply_then_does_and_a_second_apply_does_nothing(
    ceasewire: Ceasewire, read_wire: Path
) -> None:
    edit(read_wire, "truce-broken", "NEAR/6", "NEAR/30")
    edit(read_wire, "market-shelled", "(market OR hospital)", "hospital")
    items, flags = table(read_wire, ledger.item), table(read_wire, ledger.flag)
    rehearsed = ceasewire("--config", read_wire, "rules", "apply", "--days", "7", "--dry-run", "--json")
    assert table(read_wire, ledger.flag) == flags
    done = ceasewire("--config", read_wire, "rules", "apply", "--days", "7", "--json")
    assert done.code == 0
    expected = {"articles": COUNT, "added": EACH, "withdrawn": EACH, "changed": 0}
    assert json_lines(rehearsed.out)[-1]["summary"] == {**expected, "dry_run": True}
    assert json_lines(done.out)[-1]["summary"] == {**expected, "dry_run": False}
    assert {flag["rule"] for flag in live_flags(read_wire)} == {"truce-broken"}
    assert len(table(read_wire, ledger.flag)) == len(flags) + EACH
    again = ceasewire("--config", read_wire, "rules", "apply", "--days", "7")
    assert again.out == "0 articles read again: flags 0 added, 0 withdrawn, 0 changed\n"
    assert run_jobs(ceasewire, read_wire) == 0
    assert table(read_wire, ledger.item) == items


def test_afterwards_the_flags_are_those_that_try_shows(ceasewire: Ceasewire, read_wire: Path) -> None:
    edit(read_wire, "truce-broken", "NEAR/6", "NEAR/30")
    assert ceasewire("--config", read_wire, "rules", "apply", "--days", "7").code == 0
    tried = json_lines(ceasewire("--config", read_wire, "rules", "try", "--all", "--json").out)[:-1]
    shown = {(row["article"], flag["rule"], flag["end"]) for row in tried for flag in row["flags"]}
    assert {(flag["article"], flag["rule"], flag["end"]) for flag in live_flags(read_wire)} == shown


def test_another_run_is_waited_for_or_named(ceasewire: Ceasewire, read_wire: Path) -> None:
    with database(read_wire) as archive, run_lock(archive):
        held = ceasewire("--config", read_wire, "rules", "apply", "--days", "7")
        assert held.code == 75
        assert ceasewire("--config", read_wire, "rules", "apply", "--days", "7", "--dry-run").code == 0
    assert ceasewire("--config", read_wire, "rules", "apply").code == 2


class Past:
    """A world on either database with one told, one silent and one far-apart article."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.folder = folder
        self.desk = desk()
        start_desks(world.archive, [self.desk], NOW - timedelta(days=1))
        self.told = world.article("Told", BODIES[0].format(n=1))
        self.far = world.article("Far", BODIES[FAR_APART].format(n=1))
        self.rain = world.article("Rain", BODIES[4].format(n=1))
        self.narrow = self.rules()
        self.wide = self.rules("NEAR/6", "NEAR/30")
        self.run(self.narrow)

    def rules(self, old: str = "", new: str = "") -> RuleSet:
        folder = self.folder.with_name(f"rules-{len(list(self.folder.parent.iterdir()))}")
        shutil.copytree(self.folder, folder)
        edit(folder, "truce-broken", old, new)
        rule_set, problems = load_rule_set(folder / "rules", folder / "lists")
        assert problems == []
        return rule_set

    def run(self, rule_set: RuleSet) -> int:
        """What `run` does."""
        archive = self.world.archive
        group_articles(archive, NOW)
        flag_articles(archive, rule_set, (), NOW)
        return make_items(archive, [self.desk], NOW)

    def apply(self, rule_set: RuleSet, at: int = 1, *, tell: bool = False) -> RereadReport:
        now = NOW + timedelta(hours=at)
        settle(self.world.archive, [self.desk], (), now)
        window = Window(NOW - timedelta(days=7), not_read_by=rule_set.hash)
        return reread(self.world.archive, flag_rower(rule_set, (), now, tell=tell), window)

    def flags(self, article: int) -> list[dict[str, Any]]:
        return [row for row in self.world.rows(ledger.flag) if row["article"] == article]


@pytest.fixture
def past(world: World, wire: Path) -> Past:
    return Past(world, wire)


@pytest.fixture
def world(archive: Any, tmp_path: Path) -> World:
    return World(archive, tmp_path)


def test_found_by_rereading_is_no_reason_to_tell_now_or_later(past: Past) -> None:
    items = past.world.items()
    assert len(items) == 1
    report = past.apply(past.wide)
    assert (report.added, report.articles) == ({"truce-broken": 1}, 3)
    assert [row["quiet"] for row in past.flags(past.far)] == [True]
    assert past.run(past.wide) == 0
    # Something else about the story makes the desk be weighed again: a flag that it does not follow.
    past.world.flag(past.far, rule="other", **{"class": "context"})
    past.run(past.wide)
    assert past.world.items() == items


def test_with_tell_the_desk_is_told_as_of_a_first_reading(past: Past) -> None:
    past.apply(past.wide, tell=True)
    assert past.run(past.wide) == 1
    stories = {row[1] for row in past.world.items()}
    assert stories == {past.world.story_of(past.told), past.world.story_of(past.far)}


def test_what_was_found_before_is_still_told_first(past: Past) -> None:
    late = past.world.article("Late", BODIES[0].format(n=77))
    flag_articles(past.world.archive, past.narrow, (), NOW)
    past.apply(past.rules("severity: high", "severity: critical"))
    assert {row[1] for row in past.world.items()} == {past.world.story_of(one) for one in (past.told, late)}


def test_history_is_kept_when_rules_come_and_go(past: Past) -> None:
    past.apply(past.wide, 1)
    gone = past.apply(past.narrow, 2)
    assert gone.withdrawn == {"truce-broken": 1}
    back = past.apply(past.wide, 3)
    assert back.added == {"truce-broken": 1}
    assert [(row["at"], row["withdrawn_at"]) for row in past.flags(past.far)] == [
        (NOW + timedelta(hours=1), NOW + timedelta(hours=2)),
        (NOW + timedelta(hours=3), None),
    ]
    # What says the same all the time was never touched.
    assert [(row["rule_set"], row["withdrawn_at"]) for row in past.flags(past.told)] == [(past.narrow.hash, None)]


def test_a_flag_that_says_something_else_is_replaced(past: Past) -> None:
    loud = past.rules("severity: high", "severity: critical")
    report = past.apply(loud)
    assert (report.changed, report.added, report.withdrawn) == ({"truce-broken": 1}, {}, {})
    old, new = past.flags(past.told)
    assert (old["severity"], old["withdrawn_at"], new["severity"], new["withdrawn_at"]) == (
        "high",
        LATER,
        "critical",
        None,
    )
    assert past.run(loud) == 0


def test_articles_that_nobody_has_read_are_left_to_run(past: Past) -> None:
    new = past.world.article("New", BODIES[0].format(n=55))
    report = past.apply(past.wide)
    assert report.articles == 3
    assert past.flags(new) == []
    assert past.run(past.wide) == 1
    assert [row["quiet"] for row in past.flags(new)] == [False]


def test_a_window_holds_only_articles_of_its_days(past: Past) -> None:
    window = Window(NOW + timedelta(days=1), not_read_by=past.wide.hash)
    report = reread(past.world.archive, flag_rower(past.wide, (), LATER, tell=False), window)
    assert report == RereadReport()
