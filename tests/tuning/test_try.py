"""`rules try` and `rules explain` on an archive."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from alerts.ledger import schema as ledger
from alerts.rules import load_rule_set
from alerts.tuning import scan as scanning
from alerts.tuning.scan import Extent, Window, extent, ranges, scan
from alerts.tuning.trying import Flagged, flag_reader, sparkline
from crawler.archive import Archive
from tests.cli.conftest import Ceasewire
from tests.ledger.world import NOW, World
from tests.tuning.conftest import BODIES, COUNT, database, edit, json_lines, live_flags, rows, table

EACH = COUNT // len(BODIES)


def tried(text: str) -> list[dict[str, object]]:
    """Flags of a try, as `live_flags` gives those of the ledger."""
    made = [{"article": row["article"], **flag} for row in json_lines(text)[:-1] for flag in row["flags"]]
    return sorted(made, key=lambda flag: (flag["article"], flag["rule"]))


def test_trying_all_rules_gives_exactly_the_flags_that_run_has_stored(ceasewire: Ceasewire, read_wire: Path) -> None:
    done = ceasewire("--config", read_wire, "rules", "try", "--all", "--json")
    assert (done.code, done.err) == (0, "")
    stored = live_flags(read_wire)
    assert len(stored) == 2 * EACH
    assert tried(done.out) == sorted(stored, key=lambda flag: (flag["article"], flag["rule"]))
    summary = json_lines(done.out)[-1]["summary"]
    assert (summary["articles"], summary["flagged"]) == (COUNT, 2 * EACH)
    assert summary["rules"] == {"market-shelled": EACH, "truce-broken": EACH}
    assert sum(summary["days"].values()) == 2 * EACH


def test_one_rule_gives_its_part_of_them_newest_first(ceasewire: Ceasewire, read_wire: Path) -> None:
    done = ceasewire("--config", read_wire, "rules", "try", "truce-broken", "--json")
    assert tried(done.out) == [flag for flag in live_flags(read_wire) if flag["rule"] == "truce-broken"]
    order = [row["article"] for row in json_lines(done.out)[:-1]]
    assert order == sorted(order, reverse=True)


def test_scans_over_processes_agree_and_end_where_they_began(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wire: Path
) -> None:
    monkeypatch.setattr(scanning, "RANGE", 20)
    monkeypatch.setattr(scanning, "FIRST_RANGE", 5)
    world = World(archive, tmp_path)
    for row in rows(120):
        world.article(row["title"], row["text"], url=f"https://post.example/{row['id']}")
    rule_set, _ = load_rule_set(wire / "rules", wire / "lists")
    window = Window(NOW.replace(hour=0))
    reach = extent(archive, window)
    assert reach.articles == 120
    late = world.article("Later", BODIES[0])
    reader = flag_reader(rule_set, (), drafts=False)
    chunks = list(scan(archive, window, reader, reach, workers=2))
    assert list(scan(archive, window, reader, reach, workers=1)) == chunks
    found = [one for chunk in chunks for one in chunk.found]
    assert all(isinstance(one, Flagged) for one in found)
    assert [one.card.title for one in found] == [f"Report {n}" for n in reversed(range(120)) if n % len(BODIES) < 2]
    assert late not in {one.card.id for one in found}
    assert sum(chunk.articles for chunk in chunks) == 120


def test_ranges_cover_every_id_once_newest_first() -> None:
    cut = list(ranges(Extent(9, 7, 2345)))
    assert cut[0] == (2246, 2346)
    assert cut[-1][0] == 7
    assert all(before[0] == after[1] for before, after in pairwise(cut))
    assert list(ranges(Extent(0, 0, -1))) == []


def test_languages_and_days_narrow_the_archive(
    ceasewire: Ceasewire, read_wire: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = ceasewire("--config", read_wire, "rules", "try", "--all", "--lang", "uk", "--json")
    assert json_lines(other.out)[-1]["summary"]["articles"] == 0
    monkeypatch.setenv("CEASEWIRE_NOW", "2100-01-01T00:00:00+00:00")
    later = ceasewire("--config", read_wire, "rules", "try", "--all", "--days", "30", "--json")
    assert json_lines(later.out)[-1]["summary"]["articles"] == 0


def test_a_query_is_tried_with_its_evidence(ceasewire: Ceasewire, read_wire: Path) -> None:
    done = ceasewire("--config", read_wire, "rules", "try", "-e", "choir SENTENCE hall", "--limit", "1")
    assert done.code == 0
    assert "The [choir] of village" in done.out
    assert f"{EACH} of {COUNT} articles flagged" in done.out
    assert "per day" in done.out


def test_a_wrong_query_is_shown_with_its_place(ceasewire: Ceasewire, read_wire: Path) -> None:
    wrong = ceasewire("--config", read_wire, "rules", "try", "-e", "choir NEAR/5\n(hall or rain)")
    assert (wrong.code, wrong.out) == (2, "")
    assert "query:2:7: error: " in wrong.err
    assert "[lowercase-operator]" in wrong.err


def test_a_rule_file_is_tried_wherever_it_stands_draft_or_not(
    ceasewire: Ceasewire, read_wire: Path, tmp_path: Path
) -> None:
    draft = tmp_path / "rain.yaml"
    draft.write_text(
        "id: rain\ntitle: Rain\ntopic: ceasefire\nclass: event\nseverity: low\nstatus: draft\nfind: rain\n", "utf-8"
    )
    done = ceasewire("--config", read_wire, "rules", "try", draft, "--json")
    assert json_lines(done.out)[-1]["summary"]["rules"] == {"rain": EACH}
    draft.write_text(draft.read_text("utf-8").replace("severity: low", "severity: loud"), "utf-8")
    broken = ceasewire("--config", read_wire, "rules", "try", draft)
    assert broken.code == 78
    assert f"{draft}:5:" in broken.err
    assert ceasewire("--config", read_wire, "rules", "try", tmp_path / "none.yaml").code == 2


def test_a_rule_that_is_not_there_is_a_wrong_call_with_the_nearest_name(ceasewire: Ceasewire, read_wire: Path) -> None:
    done = ceasewire("--config", read_wire, "rules", "try", "truce-brocken")
    assert done.code == 2
    assert "Did you mean 'truce-broken'?" in done.err
    assert ceasewire("--config", read_wire, "rules", "try").code == 2


def test_a_story_is_shown_once(ceasewire: Ceasewire, read_wire: Path) -> None:
    with database(read_wire) as archive, archive.write() as connection:
        first = min(row["story"] for row in table(read_wire, ledger.story_article))
        connection.execute(ledger.story_article.update().values(story=first))
    done = ceasewire("--config", read_wire, "rules", "try", "--all")
    assert done.out.count("the-paper") + done.out.count("import en:") == 1
    assert f"{2 * EACH} of {COUNT} articles flagged (33.3%), 1 stories" in done.out


def test_sparklines() -> None:
    assert sparkline([0, 1, 4, 8]) == "·▁▄█"
    assert len(sparkline(list(range(90)), width=60)) == 45
    assert sparkline([]) == ""


def test_explain_writes_out_brackets_lists_and_use(ceasewire: Ceasewire, read_wire: Path) -> None:
    (read_wire / "lists" / "war.yaml").write_text("en: [truce, ceasefire]\nuk: [перемир*]\n", "utf-8")
    edit(read_wire, "truce-broken", "(truce OR ceasefire) NEAR/6", "@war NEAR/6")
    shown = ceasewire("--config", read_wire, "rules", "explain", "truce-broken")
    assert shown.code == 0
    assert '@war NEAR/6 (broken OR "not honoured")' in shown.out
    assert "@war = truce, ceasefire" in shown.out
    assert "@war = перемир*" in shown.out
    assert f"({3 * EACH} of the newest {COUNT} articles)" in shown.out
    assert "desks told: night" in shown.out
    as_json = json.loads(ceasewire("--config", read_wire, "rules", "explain", "truce-broken", "--json").out)
    assert [variant["language"] for variant in as_json["variants"]] == ["en", "uk", "default"]
    of_list = ceasewire("--config", read_wire, "rules", "explain", "@war")
    assert "rules: truce-broken" in of_list.out
    assert ceasewire("--config", read_wire, "rules", "explain", "@warr").code == 2


def test_explain_needs_no_archive(ceasewire: Ceasewire, wire: Path) -> None:
    shown = ceasewire("--config", wire, "rules", "explain", "market-shelled")
    assert shown.code == 0
    assert "shell* NEAR/8 (market OR hospital)" in shown.out
    assert "looked at when a text has" in shown.out
