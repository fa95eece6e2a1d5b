"""`rules sample`: random draws within strata, judged by table or by key, weighed by `rules score`."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from alerts.ledger import schema as ledger
from alerts.tuning.sampling import STRATA, Urn, shares, ticket_hash
from alerts.tuning.scan import Chunk
from tests.cli.conftest import Ceasewire
from tests.tuning.conftest import BODIES, COUNT, json_lines, table

EACH = COUNT // len(BODIES)


@pytest.mark.parametrize(
    ("size", "population", "expected"),
    [
        (40, {"fired": 900, "near": 900, "far": 9000}, {"fired": 20, "near": 12, "far": 8}),
        (40, {"fired": 5, "near": 900, "far": 9000}, {"fired": 5, "near": 27, "far": 8}),
        (40, {"fired": 0, "near": 3, "far": 9000}, {"fired": 0, "near": 3, "far": 37}),
        (40, {"fired": 4, "near": 5, "far": 6}, {"fired": 4, "near": 5, "far": 6}),
        (1, {"fired": 4, "near": 5, "far": 6}, {"fired": 1, "near": 0, "far": 0}),
    ],
)
def test_small_strata_leave_their_part_to_others(
    size: int, population: dict[str, int], expected: dict[str, int]
) -> None:
    assert shares(size, population) == expected


def test_a_draw_does_not_depend_on_how_the_archive_was_cut() -> None:
    tickets = [(ticket_hash(7, "draw", n), n, 1, list(STRATA)[n % 3]) for n in range(300)]
    whole, cut = Urn(12), Urn(12)
    whole.add(Chunk(300, tuple(tickets)))
    for at in range(290, -1, -10):
        cut.add(Chunk(10, tuple(tickets[at : at + 10])))
    assert whole.draw(7) == cut.draw(7)
    assert len(whole.draw(7)) == 12
    assert whole.draw(7) != whole.draw(8)


def test_every_article_of_a_stratum_is_drawn_equally_often() -> None:
    seen: Counter[int] = Counter()
    for seed in range(400):
        urn = Urn(10)
        urn.add(Chunk(40, tuple((ticket_hash(seed, "draw", n), n, 1, "far") for n in range(40))))
        seen.update(article for article, _, _ in urn.draw(seed))
    # 400 draws of 10 out of 40: 100 expected each, standard deviation under 9.
    assert len(seen) == 40
    assert 60 < min(seen.values()) <= max(seen.values()) < 140


def test_a_table_goes_out_and_comes_back_and_weighs(ceasewire: Ceasewire, read_wire: Path, tmp_path: Path) -> None:
    out = tmp_path / "judge.tsv"
    done = ceasewire("--config", read_wire, "rules", "sample", "truce-broken", "--n", "30", "--seed", "5", "--out", out)
    assert done.code == 0
    [draw] = table(read_wire, ledger.sample)
    # Near: the truce that stands too far from `broken`, and the trade truce.
    assert draw["strata"] == {"fired": EACH, "near": 2 * EACH, "far": 3 * EACH}
    assert (draw["seed"], draw["topic"]) == (5, "ceasefire")
    head, *lines = out.read_text("utf-8").splitlines()
    assert head.split("\t")[-1] == "verdict"
    assert len(lines) == 30
    assert all(word not in head for word in STRATA)
    # The analyst says: each truce that was broken is one, however it was put; the trade truce is none.
    judged = [f"{line}{'r' if 'truce' in line and 'trade' not in line else 'not'}" for line in lines]
    out.write_text("\n".join([head, *judged]) + "\n", "utf-8")
    taken = ceasewire("--config", read_wire, "rules", "sample", "--in", out, "--by", "ana", "--json")
    assert json_lines(taken.out) == [{"verdicts": 30}]
    scored = ceasewire("--config", read_wire, "rules", "score", "--by", "topic", "--json")
    [row] = json_lines(scored.out)
    assert (row["tp"], row["fp"]) == (EACH, 0)
    assert row["tp"] + row["fp"] + row["fn"] + row["tn"] == pytest.approx(COUNT)
    far_apart, trade = (sum(word in line for line in lines) for word in ("patience", "trade truce"))
    assert row["fn"] == pytest.approx(2 * EACH * far_apart / (far_apart + trade), abs=0.01)
    assert scored.err == ""


def test_a_wrong_table_stores_nothing(ceasewire: Ceasewire, read_wire: Path, tmp_path: Path) -> None:
    out = tmp_path / "judge.tsv"
    ceasewire("--config", read_wire, "rules", "sample", "truce-broken", "--n", "6", "--out", out)
    head, *lines = out.read_text("utf-8").splitlines()
    stranger = re.sub(r"^1\t1\t\d+", "1\t1\t99999", lines[0])
    out.write_text("\n".join([head, f"{lines[1]}r", f"{lines[2]}perhaps", f"{stranger}n"]) + "\n", "utf-8")
    done = ceasewire("--config", read_wire, "rules", "sample", "--in", out)
    assert done.code == 65
    assert f"{out}:3:7: 'perhaps' is no verdict" in done.err
    assert "did not draw article 99999" in done.err
    assert table(read_wire, ledger.verdict) == []
    (tmp_path / "other.tsv").write_text("a\tb\n", "utf-8")
    assert ceasewire("--config", read_wire, "rules", "sample", "--in", tmp_path / "other.tsv").code == 65


def test_what_is_not_judged_is_said_and_a_draw_goes_on(ceasewire: Ceasewire, read_wire: Path) -> None:
    first = ceasewire("--config", read_wire, "rules", "sample", "truce-broken", "--n", "6", "--json")
    draw = json_lines(first.out)[0]
    assert len(draw["open"]) == 6
    again = ceasewire("--config", read_wire, "rules", "sample", "--resume", str(draw["sample"]))
    assert len(again.out.splitlines()) == 7
    told = ceasewire("--config", read_wire, "rules", "score")
    assert "none of 6 articles is judged yet" in told.err
    assert ceasewire("--config", read_wire, "rules", "sample", "--resume", "99").code == 2
    assert ceasewire("--config", read_wire, "rules", "sample").code == 2


def test_one_key_judges_one_article_on_a_terminal(read_wire: Path) -> None:
    command = [Path(sys.executable).with_name("ceasewire"), "--config", read_wire, "rules", "sample", "truce-broken"]
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*map(str, command), "--n", "5", "--by", "ana"], stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True
    ) as process:
        os.close(theirs)
        # An unknown key is passed over.
        for keys in ("r", "xn", "s", "q"):
            read_until(ours, "q quit ")
            os.write(ours, keys.encode())
        said = read_until(ours, None)
    os.close(ours)
    assert process.returncode == 0
    assert "2 judged; 3 left" in said
    assert [row["judgement"] for row in table(read_wire, ledger.verdict)] == ["relevant", "not"]


def read_until(terminal: int, words: str | None) -> str:
    """What a program writes until it asks, or until it ends."""
    said = ""
    while words is None or words not in said:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # Linux says so when the other side is closed
            piece = b""
        if not piece:
            assert words is None, said
            break
        said += piece.decode(errors="replace")
    return said
