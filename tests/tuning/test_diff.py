"""`rules diff`: gained and lost, each with its reason; the gate."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from alerts.rules import load_rule_set
from alerts.tuning.difference import kind_of
from alerts.tuning.rulebook import changed
from tests.cli.conftest import Ceasewire
from tests.tuning.conftest import BODIES, COUNT, edit, json_lines

EACH = COUNT // len(BODIES)


def test_nothing_differs_from_what_has_read_the_archive(ceasewire: Ceasewire, read_wire: Path) -> None:
    done = ceasewire("--config", read_wire, "rules", "diff", "--max-change", "0%")
    assert (done.code, done.out) == (0, "no rule differs\n")


def test_gained_and_lost_articles_come_with_the_reason_of_the_silent_side(
    ceasewire: Ceasewire, read_wire: Path
) -> None:
    edit(read_wire, "truce-broken", "NEAR/6", "NEAR/30")
    edit(read_wire, "market-shelled", "find: 'shell* NEAR/8 (market OR hospital)'", "find: 'shell* NEAR/8 hospital'")
    done = ceasewire("--config", read_wire, "rules", "diff", "--json")
    *changes, last = json_lines(done.out)
    gained = [row for row in changes if row["change"] == "gained"]
    lost = [row for row in changes if row["change"] == "lost"]
    assert {row["rule"] for row in gained} == {"truce-broken"}
    assert all("words apart, limit 6" in row["reason"] for row in gained)
    assert len(gained) == len(lost) == EACH
    assert {row["reason"] for row in lost} == {"needs hospital: not in the text"}
    assert all("shelled" in row["sentence"] for row in lost)
    summary = last["summary"]
    assert summary["all"] == {"before": 2 * EACH, "after": 2 * EACH, "gained": EACH, "lost": EACH}
    assert summary["rules"]["truce-broken"] == {"before": EACH, "after": 2 * EACH, "gained": EACH, "lost": 0}
    assert [row["articles"] for row in summary["reasons"]] == [EACH, EACH]


def test_the_gate_looks_at_each_rule_and_at_all_together(ceasewire: Ceasewire, read_wire: Path) -> None:
    edit(read_wire, "truce-broken", "NEAR/6", "NEAR/30")
    over = ceasewire("--config", read_wire, "rules", "diff", "--max-change", "20%")
    assert over.code == 1
    assert "truce-broken: changed by 100%, more than 20%" in over.err
    assert "the changed rules together: changed by 100%, more than 20%" in over.err
    assert ceasewire("--config", read_wire, "rules", "diff", "--max-change", "100%").code == 0
    assert ceasewire("--config", read_wire, "rules", "diff", "market-shelled", "--max-change", "0").code == 0
    assert ceasewire("--config", read_wire, "rules", "diff", "--max-change", "many").code == 2


def test_against_another_folder_and_a_rule_that_is_new(ceasewire: Ceasewire, read_wire: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(read_wire, other)
    (other / "rules" / "market-shelled.yaml").unlink()
    done = ceasewire("--config", read_wire, "rules", "diff", "--against", other)
    assert done.code == 0
    assert "+ market-shelled  before: the rule is new" in done.out
    assert f"+{EACH} -0" in done.out
    back = ceasewire("--config", other, "rules", "diff", "market-shelled", "--against", read_wire, "--json")
    assert {row["reason"] for row in json_lines(back.out)[:-1]} == {"the rule is gone"}
    assert ceasewire("--config", read_wire, "rules", "diff", "--against", tmp_path / "none").code == 2


def test_a_named_draft_counts_as_if_it_were_live(ceasewire: Ceasewire, read_wire: Path) -> None:
    edit(read_wire, "truce-broken", "severity: high", "severity: high\nstatus: draft")
    without = ceasewire("--config", read_wire, "rules", "diff", "--json")
    assert {row["reason"] for row in json_lines(without.out)[:-1]} == {"the rule is a draft now"}
    named = ceasewire("--config", read_wire, "rules", "diff", "truce-broken", "--json")
    assert json_lines(named.out)[:-1] == []


def test_against_a_commit(ceasewire: Ceasewire, read_wire: Path) -> None:
    def git(*words: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=A", "-c", "user.email=a@example.org", *words], cwd=read_wire, check=True
        )

    git("init", "-q")
    git("add", "rules")
    git("commit", "-q", "-m", "First")
    edit(read_wire, "truce-broken", "NEAR/6", "NEAR/30")
    done = ceasewire("--config", read_wire, "rules", "diff", "--against", "git:HEAD", "--json")
    assert json_lines(done.out)[-1]["summary"]["rules"]["truce-broken"]["gained"] == EACH
    wrong = ceasewire("--config", read_wire, "rules", "diff", "--against", "git:nowhere")
    assert wrong.code == 2
    assert "nowhere" in wrong.err
    assert ceasewire("--config", read_wire, "rules", "diff", "--against", "git:--help").code == 2


def test_only_what_decides_over_flags_makes_a_rule_differ(wire: Path, tmp_path: Path) -> None:
    before, _ = load_rule_set(wire / "rules", wire / "lists", wire / "filters.yaml")
    edit(wire, "truce-broken", "note: For tests.", "note: Another word.")
    after, _ = load_rule_set(wire / "rules", wire / "lists", wire / "filters.yaml")
    assert changed(before, after) == ()
    (wire / "filters.yaml").write_text("filters:\n- {id: one, topics: [ceasefire], not_within: [tax truce]}\n", "utf-8")
    filtered, problems = load_rule_set(wire / "rules", wire / "lists", wire / "filters.yaml")
    assert [problem for problem in problems if not problem.warning] == []
    assert changed(after, filtered) == ("truce-broken",)


def test_reasons_are_counted_by_kind() -> None:
    assert kind_of("a and b are 19 words apart, limit 12") == kind_of("a and b are 7 words apart, limit 12")
    assert kind_of('refused: "tax" is in the text') == kind_of('refused: "price" is in the text')
    assert kind_of("needs a: not in the text") != kind_of("needs b: not in the text")
    assert kind_of("20 points, needs 60") == "points, needs 60"
