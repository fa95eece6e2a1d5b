"""`rules read FILE.jsonl --json` in bulk, and near misses."""

from __future__ import annotations

import json
from pathlib import Path

from alerts.rules import RuleSet, Text, load_rule_set
from alerts.tuning import bulk
from alerts.tuning.misses import NEAR, PARTLY, near_misses
from tests.cli.conftest import Ceasewire
from tests.tuning.conftest import BODIES, BROKEN, FAR_APART, TRADE, json_lines, live_flags, rows, write_lines


def rules_of(folder: Path) -> RuleSet:
    rule_set, problems = load_rule_set(folder / "rules", folder / "lists")
    assert problems == []
    return rule_set


def test_many_lines_over_processes_give_the_same_bytes_as_here(wire: Path) -> None:
    lines = [json.dumps(row) for row in rows(bulk.BATCH_LINES * (bulk.HERE + 2) + 17)]
    lines[40] = "{"
    here = list(bulk.read_lines(rules_of(wire), lines, workers=1))
    apart = list(bulk.read_lines(rules_of(wire), lines, workers=2))
    assert apart == here
    assert [answer.number for answer in here] == list(range(1, len(lines) + 1))
    assert here[40].wrong.startswith("2: not JSON")
    flagged = [json.loads(answer.line)["flags"] for answer in here if answer.line]
    assert sum(map(bool, flagged)) == sum(n % len(BODIES) in {0, 1} for n in range(len(lines)) if n != 40)


def test_a_bulk_file_gives_one_line_an_article_in_its_order(ceasewire: Ceasewire, wire: Path, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "in.jsonl", rows(30))
    file.write_text(file.read_text("utf-8").replace("\n", "\n\n", 3), "utf-8")
    done = ceasewire("--config", wire, "rules", "read", file, "--json")
    assert done.code == 0
    made = json_lines(done.out)
    assert [row["id"] for row in made] == [f"a{n}" for n in range(30)]
    flag = made[BROKEN]["flags"][0]
    assert flag["rule"] == "truce-broken"
    assert [BODIES[BROKEN][start:end] for start, end in flag["terms"]] == ["truce", "broken"]


def test_near_misses_tell_how_far_apart_and_how_far_is_allowed(ceasewire: Ceasewire, wire: Path) -> None:
    text = f"Report\n{BODIES[FAR_APART].format(n=3)}\n"
    shown = ceasewire("--config", wire, "rules", "read", "-", "--near-misses", stdin=text)
    assert "no flag" in shown.out
    assert "nearly truce-broken: " in shown.out
    assert "words apart, limit 6" in shown.out
    as_json = ceasewire("--config", wire, "rules", "read", "-", "--near-misses", "--json", stdin=text)
    [miss] = json.loads(as_json.out)["near_misses"]
    assert miss["rule"] == "truce-broken"


def test_misses_are_ranked_and_what_is_far_off_is_left_out(wire: Path) -> None:
    rule_set = rules_of(wire)
    left_out = near_misses(rule_set, Text("", BODIES[TRADE], "en"))
    assert [(miss.rule, miss.reason) for miss in left_out] == [("truce-broken", 'left out by "trade truce"')]
    one_part = Text("", "The truce holds.", "en")
    assert near_misses(rule_set, one_part) == ()
    [partly] = near_misses(rule_set, one_part, at_least=PARTLY)
    assert PARTLY <= partly.closeness < NEAR
    assert near_misses(rule_set, Text("", "Rain.", "en"), at_least=PARTLY) == ()
    assert near_misses(rule_set, Text("", BODIES[BROKEN], "en")) == ()


def test_an_article_of_the_archive_is_read_by_its_url(ceasewire: Ceasewire, read_wire: Path) -> None:
    url = f"https://paper.example/{BROKEN}"
    done = ceasewire("--config", read_wire, "rules", "read", url, "--json")
    assert done.code == 0
    assert json.loads(done.out)["id"] == url
    stored = [flag for flag in live_flags(read_wire) if flag["sentence"] == BODIES[BROKEN].format(n=BROKEN)]
    assert [{"article": stored[0]["article"], **flag} for flag in json.loads(done.out)["flags"]] == stored
    unknown = ceasewire("--config", read_wire, "rules", "read", "https://paper.example/none")
    assert (unknown.code, unknown.out) == (1, "")
    assert unknown.err.startswith("never seen: https://paper.example/none\n")


def test_rules_that_look_at_too_many_articles_are_warned_of(ceasewire: Ceasewire, read_wire: Path) -> None:
    quiet = ceasewire("--config", read_wire, "rules", "check", "--json")
    assert "busy-rule" not in quiet.out
    done = ceasewire("--config", read_wire, "rules", "check", "--archive", "--json")
    assert done.code == 0
    found = {Path(one["file"]).stem: one for one in json_lines(done.out) if one["code"] == "busy-rule"}
    text = (read_wire / "rules" / "truce-broken.yaml").read_text("utf-8").splitlines()
    busy = found["truce-broken"]
    assert text[busy["line"] - 1].startswith("find:")
    assert busy["column"] == text[busy["line"] - 1].index(": ") + 3
    assert busy["message"] == "50% of the newest 240 articles hold the rarest words of this rule"
    assert "rules explain truce-broken" in busy["hint"]
