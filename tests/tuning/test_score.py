"""`rules score` and `rules label`: figures that can be checked by hand."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from alerts.cli.common import starter_folder
from alerts.ledger import schema as ledger
from alerts.tuning.scoring import Board, Judged, Score, wilson
from tests.cli.conftest import Ceasewire
from tests.tuning.conftest import BODIES, BROKEN, SHELLED, json_lines, table, write_lines

URL = "https://paper.example/one"


def labelled(n: int, body: str, label: str, **more: Any) -> dict[str, Any]:
    return {"id": f"l{n}", "lang": "en", "title": "", "text": body, "labels": {"ceasefire": label}, **more}


def scores(text: str) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["by"], row["group"]): row for row in json_lines(text)}


def test_wilson_intervals_are_the_published_ones() -> None:
    # Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    for hits, cases, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        found = wilson(hits / cases, cases)
        assert found == pytest.approx((low, high), abs=5e-5)


def test_counts_shares_and_f1() -> None:
    score = Score()
    for label, flagged, times in (("yes", True, 8), ("yes", False, 2), ("no", True, 4), ("no", False, 86)):
        for _ in range(times):
            score.add(label, flagged=flagged, weight=1)
    score.add("borderline", flagged=True, weight=1)
    score.add("borderline", flagged=False, weight=1)
    assert (score.tp, score.fp, score.fn, score.tn) == (8, 4, 2, 86)
    assert score.precision.value == pytest.approx(8 / 12)
    assert score.recall.value == pytest.approx(0.8)
    assert score.f1.value == pytest.approx(16 / 22)
    low, high = wilson(8 / 14, 14)
    assert (score.f1.low, score.f1.high) == pytest.approx((2 * low / (1 + low), 2 * high / (1 + high)))
    assert score.as_dict()["borderline_flagged"] == 0.5


def test_equal_weights_change_no_share_and_unequal_ones_widen_intervals() -> None:
    plain, heavy, mixed = Score(), Score(), Score()
    for at, flagged in enumerate([True] * 6 + [False] * 6):
        plain.add("yes", flagged=flagged, weight=1)
        heavy.add("yes", flagged=flagged, weight=50)
        mixed.add("yes", flagged=flagged, weight=50 if at % 6 == 0 else 1)
    assert heavy.recall == plain.recall
    assert mixed.recall.value == plain.recall.value
    assert mixed.recall.low < plain.recall.low


def test_context_never_counts_as_its_topic() -> None:
    board = Board(["topic", "class", "rule"], [("past", "ceasefire", "context"), ("now", "ceasefire", "event")])
    board.add(Judged({"ceasefire": "yes"}, "en", "full", (("past", "ceasefire", "context"),)))
    found = {key: score.tp for key, score in board.rows()}
    assert found["topic", "ceasefire", "ceasefire"] == 0
    assert found["class", "ceasefire", "context"] == 1
    assert found["rule", "ceasefire", "past"] == 1
    assert found["rule", "ceasefire", "now"] == 0


def test_a_labelled_file_is_scored_and_gated(ceasewire: Ceasewire, wire: Path, tmp_path: Path) -> None:
    lines = [
        labelled(1, BODIES[BROKEN], "yes"),
        labelled(2, "The two armies laid down their arms.", "yes", length="full"),
        labelled(3, BODIES[SHELLED], "no"),
        labelled(4, "The truce of 1920 was broken, he recalled.", "no", lang="fr"),
        labelled(5, BODIES[BROKEN], "borderline"),
    ]
    file = write_lines(tmp_path / "labels.jsonl", lines)
    done = ceasewire(
        "--config", wire, "rules", "score", "--labels", file, "--by", "language,length,language+length", "--json"
    )
    assert (done.code, done.err) == (0, "")
    found = scores(done.out)
    whole = found["topic", "ceasefire"]
    assert [whole[name] for name in ("tp", "fp", "fn", "tn")] == [1, 1, 1, 1]
    assert whole["borderline_flagged"] == 1
    assert found["language", "fr"]["fp"] == 1
    assert found["length", "full"]["fn"] == 1
    assert found["language+length", "en short"]["tp"] == 1
    shown = ceasewire("--config", wire, "rules", "score", "--labels", file)
    assert "P 0.500 [" in shown.out
    assert "borderline 1 of 1 flagged (100%)" in shown.out
    assert ceasewire("--config", wire, "rules", "score", "--labels", file, "--min-f1", "0.5").code == 0
    low = ceasewire("--config", wire, "rules", "score", "--labels", file, "--min-f1", "0.6")
    assert low.code == 1
    assert "ceasefire" in low.err
    assert ceasewire("--config", wire, "rules", "score", "--labels", file, "--by", "langage").code == 2


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ('{"id": "x", "text": "a", "labels": {"ceasefire": "maybe"}}', "'maybe', expected yes, no, borderline"),
        ('{"id": "x", "text": "a", "labels": {"truce": "yes"}}', "'truce', which is no topic"),
        ('{"id": "x", "text": "a"}', "no `labels`"),
        ("[]", "expected an object"),
        ('{"id": "x", "labels": {"ceasefire": "yes"}}', "nothing to read"),
    ],
)
def test_a_wrong_line_is_named_and_exit_is_65(
    ceasewire: Ceasewire, wire: Path, tmp_path: Path, wrong: str, said: str
) -> None:
    file = write_lines(tmp_path / "labels.jsonl", [labelled(1, BODIES[BROKEN], "yes")])
    file.write_text(f"{file.read_text('utf-8')}\n{wrong}\n", "utf-8")
    done = ceasewire("--config", wire, "rules", "score", "--labels", file, "--json")
    assert done.code == 65
    assert f"{file}:3:1: " in done.err
    assert said in done.err
    assert scores(done.out)["topic", "ceasefire"]["tp"] == 1


def test_a_verdict_is_recorded_and_the_topic_asked_for_when_it_is_not_clear(
    ceasewire: Ceasewire, read_wire: Path
) -> None:
    url = next(row["url"] for row in table(read_wire, _articles()) if row["title"] == "Report 0")
    first = ceasewire("--config", read_wire, "rules", "label", url, "not", "--by", "ana", "--json")
    assert (first.code, json_lines(first.out)[0]["topic"]) == (0, "ceasefire")
    rain = next(row["url"] for row in table(read_wire, _articles()) if row["title"] == "Report 4")
    asked = ceasewire("--config", read_wire, "rules", "label", rain, "not")
    assert asked.code == 2
    assert "it has no flag" in asked.err
    assert ceasewire("--config", read_wire, "rules", "label", rain, "not", "--topic", "ceasefire").code == 0
    assert ceasewire("--config", read_wire, "rules", "label", rain, "not", "--topic", "cease").code == 2
    assert ceasewire("--config", read_wire, "rules", "label", "https://x.example/", "not").code == 1
    assert [row["by"] == "ana" for row in table(read_wire, ledger.verdict)] == [True, False]
    told = ceasewire("--config", read_wire, "rules", "score")
    assert "2 verdicts given outside a random draw are kept and enter no estimate" in told.err
    assert told.out == ""


def _articles() -> Any:
    from crawler.archive.schema import article

    return article


@pytest.mark.corpus
def test_the_shipped_rules_are_scored_on_the_corpus(ceasewire: Ceasewire) -> None:
    corpus = os.environ.get("CEASEWIRE_CORPUS")
    if not corpus:
        pytest.skip("CEASEWIRE_CORPUS is not set")
    file = Path(corpus) / "detection" / "dev.jsonl"
    done = ceasewire("--config", starter_folder(), "rules", "score", "--labels", file, "--json", "--min-f1", "0.5")
    assert (done.code, done.err) == (0, "")
    assert {row["topic"] for row in json_lines(done.out)} == {"civilian_attack", "ceasefire"}
