"""`rules check`, `rules test` and `rules read` as an analyst meets them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Ceasewire, fresh

SEED = (
    "Envoy alleges crimes\n"
    'The United States has seen "very credible reports of deliberate attacks on civilians", its envoy said.\n\n'
    "Hospitals, apartment buildings and an orphanage were bombed. A second planned ceasefire in Mariupol was not "
    "honoured, the city council said."
)
LOOK_ALIKE = (
    "Trade truce holds\n"
    "The trade truce between the two economies holds, and the minister recovers from a heart attack.\n"
)


def test_the_shipped_rules_flag_the_seed_text_with_the_right_sentences(tmp_path: Path) -> None:
    done = fresh("rules", "read", "--json", "-", stdin=SEED, folder=tmp_path)
    assert done.code == 0
    flags = json.loads(done.out)["flags"]
    body = SEED.partition("\n")[2]
    for flag in flags:
        text = SEED.partition("\n")[0] if flag["field"] == "title" else body
        assert flag["sentence"] in text
        for start, end in flag["terms"]:
            assert flag["start"] <= start < end <= flag["end"]
    by_topic = {topic: [flag for flag in flags if flag["topic"] == topic] for topic in ("civilian_attack", "ceasefire")}
    assert any("were bombed" in flag["sentence"] for flag in by_topic["civilian_attack"])
    assert any("credible reports" in flag["sentence"] for flag in by_topic["civilian_attack"])
    violated = [flag for flag in by_topic["ceasefire"] if flag["stage"] == "violated"]
    assert ["not honoured" in flag["sentence"] for flag in violated] == [True]


def test_the_shipped_rules_are_silent_on_a_look_alike(tmp_path: Path) -> None:
    file = tmp_path / "look-alike.txt"
    file.write_text(LOOK_ALIKE, "utf-8")
    done = fresh("rules", "read", file, "--json", folder=tmp_path)
    flags = [flag for flag in json.loads(done.out)["flags"] if flag["class"] != "context"]
    assert flags == []


def test_reading_for_a_person_marks_the_words(ceasewire: Ceasewire, wire: Path) -> None:
    done = ceasewire("--config", wire, "rules", "read", "-", stdin="News\nThe truce was broken at dawn.\n")
    assert "truce-broken" in done.out
    assert "The [truce] was [broken] at dawn." in done.out


def test_lines_are_read_in_order_and_a_bad_one_is_named(ceasewire: Ceasewire, wire: Path) -> None:
    rows = ['{"id": "a", "title": "Truce broken", "text": ""}', "{", '{"id": "b", "title": "Rain"}']
    done = ceasewire("--config", wire, "rules", "read", "-", "--jsonl", "--json", stdin="\n".join(rows))
    assert done.code == 65
    assert [json.loads(line)["id"] for line in done.out.splitlines()] == ["a", "b"]
    assert "-:2:" in done.err


def test_check_shows_all_problems_with_exit_78(ceasewire: Ceasewire, wire: Path) -> None:
    assert ceasewire("--config", wire, "rules", "check").code == 0
    rule = wire / "rules" / "truce-broken.yaml"
    rule.write_text(rule.read_text("utf-8").replace("NEAR/6", "near/6").replace("severity: high", "severity: loud"))
    refused = ceasewire("--config", wire, "rules", "check")
    assert refused.code == 78
    assert "lowercase-operator" in refused.err
    assert "severity" in refused.err
    assert ceasewire("--config", wire, "rules", "check", wire / "rules" / "market-shelled.yaml").code == 0
    as_json = ceasewire("--config", wire, "rules", "check", "--json")
    assert {json.loads(line)["code"] for line in as_json.out.splitlines()} >= {"lowercase-operator"}


def test_test_runs_every_case_and_names_the_one_that_fails(ceasewire: Ceasewire, wire: Path) -> None:
    assert ceasewire("--config", wire, "rules", "test").code == 0
    rule = wire / "rules" / "truce-broken.yaml"
    rule.write_text(rule.read_text("utf-8").replace("was broken at dawn", "held at dawn"))
    failed = ceasewire("--config", wire, "rules", "test")
    assert failed.code == 1
    assert "truce-broken" in failed.out
    assert "3 of 4 cases pass" in failed.err
    assert ceasewire("--config", wire, "rules", "test", "market-shelled").code == 0
    unknown = ceasewire("--config", wire, "rules", "test", "market-sheled")
    assert unknown.code == 2
    assert "market-shelled" in unknown.err
