"""The commands of a working day on a small configuration: import, run, why, export, digests, outbox, schedule."""

from __future__ import annotations

import csv
import email
import email.policy
import io
import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Ceasewire

NOW = "2026-03-02T06:00:00+00:00"
LATER = "2026-03-02T07:05:00+00:00"
ARTICLES = [
    {
        "url": "https://paper.example/a", "title": "Dawn in Veld", "lang": "en", "source": "the-paper",
        "published": "2026-03-02T05:00:00Z",
        "text": "The mayor spoke. The truce was broken at dawn when mortars shelled the market, he said.",
    },
    {
        "url": "https://paper.example/b", "title": "Steel tariffs return", "lang": "en", "source": "the-paper",
        "text": "The trade truce was broken on Friday, ministers said.",
    },
    {"id": "note-1", "title": "=cmd|calc", "text": "A truce was broken near the river.", "lang": "en"},
]  # fmt: skip


def lines(*rows: object) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first `filled` is kept for the tests after it."""
    return tmp_path_factory.mktemp("filled") / "wire"


@pytest.fixture
def filled(ceasewire: Ceasewire, migrated: Path, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration folder with three articles imported and read, an hour before the desk's slot."""
    monkeypatch.setenv("CEASEWIRE_NOW", NOW)
    file = tmp_path / "articles.jsonl"
    file.write_text(lines(*ARTICLES), "utf-8")
    if not kept.exists():
        shutil.copytree(fill(ceasewire, migrated, file), kept)
    shutil.rmtree(migrated)
    shutil.copytree(kept, migrated)
    return migrated


def fill(ceasewire: Ceasewire, wire: Path, file: Path) -> Path:
    assert ceasewire("--config", wire, "run").code == 0
    imported = ceasewire("--config", wire, "import", file)
    assert imported.out == "3 new articles, 0 known ones\n"
    assert ceasewire("--config", wire, "run").code == 0
    return wire


def test_importing_again_changes_nothing(ceasewire: Ceasewire, filled: Path, tmp_path: Path) -> None:
    again = ceasewire("--config", filled, "import", tmp_path / "articles.jsonl")
    assert again.out == "0 new articles, 3 known ones\n"


@pytest.mark.parametrize(
    ("line", "place", "said"),
    [
        ('{"id": 1', ":2:", "not JSON"),
        ('{"title": "x"}', ":2:1:", "neither `url` nor `id`"),
        ('{"id": "x"}', ":2:1:", "neither `title` nor `text`"),
        ('{"id": "x", "titel": "t"}', ":2:1:", "did you mean `title`?"),
        ('{"id": "x", "title": "t", "published": "yesterday"}', ":2:1:", "ISO 8601"),
        ('{"id": "x", "title": "t", "published": "2026-03-02T05:00:00"}', ":2:1:", "add its zone"),
        ('["x"]', ":2:1:", "expected an object"),
        ('{"id": "x", "title": 3}', ":2:1:", "expected a string"),
    ],
)
def test_a_bad_line_is_exit_65_and_nothing_is_stored(
    ceasewire: Ceasewire, filled: Path, line: str, place: str, said: str
) -> None:
    good = json.dumps({"id": "new", "title": "New"})
    refused = ceasewire("--config", filled, "import", "-", stdin=f"{good}\n{line}\n")
    assert refused.code == 65
    assert place in refused.err
    assert said in refused.err
    exported = ceasewire("--config", filled, "export", "--all").out
    assert len(exported.splitlines()) == 3


def test_export_gives_articles_with_their_flags(ceasewire: Ceasewire, filled: Path) -> None:
    rows = [json.loads(line) for line in ceasewire("--config", filled, "export", "--text").out.splitlines()]
    assert [row["title"] for row in rows] == ["Dawn in Veld", "=cmd|calc"]
    flags = {flag["rule"]: flag for flag in rows[0]["flags"]}
    assert set(flags) == {"truce-broken", "market-shelled"}
    assert flags["truce-broken"]["stage"] == "violated"
    for flag in flags.values():
        for start, end in flag["terms"]:
            assert rows[0]["text"][start:end].lower() in flag["sentence"].lower()


def test_export_as_csv_is_safe_in_a_spreadsheet(ceasewire: Ceasewire, filled: Path, tmp_path: Path) -> None:
    file = tmp_path / "flags.csv"
    assert ceasewire("--config", filled, "export", "--format", "csv", "-o", file).code == 0
    rows = list(csv.DictReader(io.StringIO(file.read_text("utf-8"))))
    assert [row["rule"] for row in rows] == ["market-shelled", "truce-broken", "truce-broken"]
    assert rows[-1]["title"] == "'=cmd|calc"


def test_a_slot_gives_one_digest_in_the_folder_and_never_a_second(
    ceasewire: Ceasewire, filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = filled / "out"
    assert not outbox.exists()
    shown = ceasewire("--config", filled, "digest", "preview", "night")
    assert "Dawn in Veld" in shown.out
    assert "Steel tariffs" not in shown.out
    monkeypatch.setenv("CEASEWIRE_NOW", LATER)
    for _ in range(2):
        ran = ceasewire("--config", filled, "run")
        assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert sorted(file.suffix for file in outbox.iterdir()) == [".eml", ".html", ".txt"]
    message = email.message_from_bytes(next(outbox.glob("*.eml")).read_bytes(), policy=email.policy.default)
    assert "[Night desk] 1 critical" in message["Subject"]
    body = message.get_body(("plain",))
    assert body is not None
    assert "mortars shelled the market" in body.get_content().replace("*", "")
    listed = ceasewire("--config", filled, "digest", "list", "night", "--json").out.splitlines()
    assert len(listed) == 1
    number = json.loads(listed[0])["number"]
    assert "Dawn in Veld" in ceasewire("--config", filled, "digest", "show", "night", str(number)).out
    assert "<html" in ceasewire("--config", filled, "digest", "show", "night", str(number), "--html").out
    assert ceasewire("--config", filled, "digest", "show", "night", "99").code == 1


def test_why_tells_the_whole_way_of_a_url(ceasewire: Ceasewire, filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = ceasewire("--config", filled, "why", "https://paper.example/a").out
    assert "waiting: the next digest of desk night" in before
    monkeypatch.setenv("CEASEWIRE_NOW", LATER)
    ceasewire("--config", filled, "run")
    told = ceasewire("--config", filled, "why", "https://paper.example/a?utm_source=x").out
    for part in ("Dawn in Veld", "flag truce-broken", "flag market-shelled", "told: desk night digest #1", "sent"):
        assert part in told
    silent = ceasewire("--config", filled, "why", "https://paper.example/b").out
    assert "silent truce-broken" in silent
    assert "trade truce" in silent
    answer = json.loads(ceasewire("--config", filled, "why", "https://paper.example/a", "--json").out)
    assert {flag["rule"] for flag in answer["flags"]} == {"truce-broken", "market-shelled"}
    unknown = ceasewire("--config", filled, "why", "https://paper.example/never")
    assert unknown.code == 1
    assert "never seen" in unknown.out


def test_the_outbox_can_be_read_and_decided_by_hand(
    ceasewire: Ceasewire, filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CEASEWIRE_NOW", LATER)
    ceasewire("--config", filled, "run")
    row = json.loads(ceasewire("--config", filled, "outbox", "list", "--json").out)
    assert (row["state"], row["desk"], row["number"]) == ("sent", "night", 1)
    assert "night #1" in ceasewire("--config", filled, "outbox", "list").out
    # A folder's files can be asked for again; what was sent can not be cancelled.
    assert ceasewire("--config", filled, "outbox", "cancel", str(row["id"])).code == 1
    assert ceasewire("--config", filled, "outbox", "resolve", str(row["id"])).code == 2
    assert ceasewire("--config", filled, "outbox", "resolve", "999", "--sent").code == 1
    assert ceasewire("--config", filled, "outbox", "retry", "999").code == 1


def test_schedule_shows_slots_in_the_desks_zone(
    ceasewire: Ceasewire, wire: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CEASEWIRE_NOW", "2026-03-28T12:00:00+00:00")
    shown = ceasewire("--config", wire, "schedule", "next", "night", "-n", "2").out.splitlines()
    assert shown == [
        "Sun 2026-03-29 07:00 BST   2026-03-29 06:00 UTC",
        "Mon 2026-03-30 07:00 BST   2026-03-30 06:00 UTC",
    ]
    wrong = ceasewire("--config", wire, "schedule", "next", "nihgt")
    assert wrong.code == 2
    assert "Did you mean 'night'?" in wrong.err


def test_a_dry_run_shows_and_changes_nothing(
    ceasewire: Ceasewire, filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CEASEWIRE_NOW", LATER)
    shown = ceasewire("--config", filled, "run", "--dry-run")
    assert shown.code == 0
    assert "Dawn in Veld" in shown.out
    assert not (filled / "out").exists()
    assert ceasewire("--config", filled, "digest", "list").out == ""


def test_skip_broken_goes_on_and_the_digest_names_the_rule(
    ceasewire: Ceasewire, filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CEASEWIRE_NOW", LATER)
    rule = filled / "rules" / "market-shelled.yaml"
    rule.write_text(rule.read_text("utf-8").replace("NEAR/8", "NEER/8"), "utf-8")
    refused = ceasewire("--config", filled, "run")
    assert refused.code == 78
    assert "market-shelled.yaml:6:" in refused.err
    assert not (filled / "out").exists()
    ceasewire("--config", filled, "run", "--skip-broken")
    written = next((filled / "out").glob("*.txt")).read_text("utf-8")
    assert "market-shelled" in written


def test_a_run_leaves_silently_while_another_holds_the_lock(ceasewire: Ceasewire, filled: Path) -> None:
    from alerts.ledger.lock import run_lock
    from crawler.archive import open_archive

    archive = open_archive(f"sqlite:///{filled / 'wire.db'}")
    try:
        with run_lock(archive, wait=0):
            quiet = ceasewire("--config", filled, "run")
            assert (quiet.code, quiet.out, quiet.err) == (0, "", "")
            loud = ceasewire("--config", filled, "run", "--fail-if-locked")
            assert loud.code == 75
            assert "another run holds the lock" in loud.err
    finally:
        archive.close()
