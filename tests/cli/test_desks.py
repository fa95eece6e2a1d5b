"""Desks through real runs: what each choice takes, to whom it goes, how long it may be; and their commands."""

from __future__ import annotations

import email
import email.policy
import json
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.cli.conftest import DESK, Ceasewire, Result
from tests.delivery.servers import CUT, Recorder, Script, ScriptedServer

NOW = "2026-03-02T06:00:00+00:00"
LATER = "2026-03-02T07:05:00+00:00"
SOURCES = """\
- id: the-paper
  name: The Paper
  country: GB
  tier: 2
  languages: [en]
  homepage: https://paper.example/
  paused: true
  channels: [{feed: https://paper.example/rss.xml}]
- id: dabanga
  name: Dabanga
  country: SD
  tier: 2
  languages: [ar, en]
  homepage: https://dabanga.example/
  paused: true
  channels: [{feed: https://dabanga.example/rss.xml}]
"""
FINDING = """\
id: finding
title: Findings
topic: civilian_attack
class: statement
severity: medium
tags: [courts]
find: tribunal
note: For tests.
cases: {flags: [The tribunal ruled.], ignores: [The market opened.]}
"""
PLACES = "en: [Khartoum, Darfur]\nar: [الخرطوم]\n"


def article(name: str, text: str, source: str = "the-paper", lang: str = "en") -> dict[str, str]:
    # No number and no word of one is in another: grouping would take them for the same event.
    words = " ".join(f"{name[:4]}{letter}{name[-3:]}" for letter in "abcdefghijklmnopqrstuvwxyzabcdefghij")
    url = f"https://{source}.example/{name}"
    return {"url": url, "title": f"{name} {name}ville", "text": f"{text} {words}", "lang": lang, "source": source}


ARTICLES = [
    article("khartoum", "Mortars shelled the market of Khartoum."),
    article("darfur", "The truce in Darfur was broken.", "dabanga"),
    article("kyiv", "A hospital in Kyiv was shelled overnight."),
    article("court", "The tribunal ruled on Darfur."),
    article("arabic", "tribunal: الخرطوم", "dabanga", "ar"),
]
EVERY = ["arabic", "court", "darfur", "khartoum", "kyiv"]
CHOICES = {
    "every": ("", EVERY),
    "topic": ("topics: [ceasefire]", ["darfur"]),
    "class": ("classes: [statement]", ["arabic", "court"]),
    "rule": ("rules: [market-shelled]", ["khartoum", "kyiv"]),
    "severity": ("severities: [critical, medium]", ["arabic", "court", "khartoum", "kyiv"]),
    "country": ("source_countries: [SD]", ["arabic", "darfur"]),
    "source": ("sources: [the-paper]", ["court", "khartoum", "kyiv"]),
    "language": ("languages: [ar]", ["arabic"]),
    "tag": ("tags: [courts]", ["arabic", "court"]),
    "place": ('match: "@places"', ["arabic", "court", "darfur", "khartoum"]),
    "apart": ("classes: [event]\nmatch: |\n  @places\n  AND NOT source:dabanga", ["khartoum"]),
    "nowhere": ("match: title:Nowhere\nsend_empty: never", None),
    "silence": ("match: title:Nowhere\nsend_empty: daily", []),
}


@dataclass(frozen=True, slots=True)
class Wire:
    """A configuration folder with its command line, and a migrated database."""

    folder: Path
    call: Ceasewire
    patch: pytest.MonkeyPatch

    def __call__(self, *arguments: str | Path, at: str = LATER) -> Result:
        self.patch.setenv("CEASEWIRE_NOW", at)
        return self.call("--config", self.folder, *arguments)

    def desk(self, name: str, lines: str = "", routes: str = "  - folder: out") -> None:
        text = DESK.replace("id: night", f"id: {name}").replace("  - folder: out", routes)
        (self.folder / "desks" / f"{name}.yaml").write_text(f"{text}{lines}\n", "utf-8")

    def mail_server(self, port: int) -> None:
        smtp = f"  smtp: {{host: 127.0.0.1, port: {port}, security: none, timeout_seconds: 5}}\n"
        settings = self.folder / "settings.yaml"
        settings.write_text(settings.read_text("utf-8").partition("  smtp:")[0] + smtp, "utf-8")

    def fill(self, articles: list[dict[str, str]]) -> None:
        """Store and read the articles an hour before the desks' slot."""
        file = self.folder.parent / "articles.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in articles), "utf-8")
        assert self("import", file, at=NOW).code == 0
        assert self("run", at=NOW).code == 0

    def stories(self, desk: str) -> list[str] | None:
        """First words of the titles that the desk's first digest told on its site; None without a digest."""
        file = self.folder / "www" / desk / "1.json"
        if not file.exists():
            return None
        return sorted(story["title"].split()[0] for story in json.loads(file.read_text("utf-8"))["stories"])


@pytest.fixture
def wiring(ceasewire: Ceasewire, wire: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> Wire:
    shutil.copyfile(sqlite_template, wire / "wire.db")
    (wire / "sources" / "paper.yaml").write_text(SOURCES, "utf-8")
    (wire / "rules" / "finding.yaml").write_text(FINDING, "utf-8")
    (wire / "lists" / "places.yaml").write_text(PLACES, "utf-8")
    return Wire(wire, ceasewire, monkeypatch)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with Recorder() as server:
        yield server


def parsed(data: bytes) -> EmailMessage:
    return email.message_from_bytes(data, policy=email.policy.default)


def test_every_choice_of_a_desk_through_a_run(wiring: Wire) -> None:
    for name, (lines, _) in CHOICES.items():
        wiring.desk(name, lines, routes="  - site: www")
    assert wiring("config", "check").code == 0
    wiring.fill(ARTICLES)
    shown = {name: wiring("digest", "preview", name, at=NOW).out for name in ("place", "nowhere")}
    assert [word for word in EVERY if f"{word} {word}ville" in shown["place"]] == CHOICES["place"][1]
    assert "ville" not in shown["nowhere"]
    assert wiring("run").code == 0
    assert {name: wiring.stories(name) for name in CHOICES} == {name: told for name, (_, told) in CHOICES.items()}
    why = wiring("why", "https://the-paper.example/kyiv").out
    assert "desk rule: asks for it\n" in why
    assert "desk tag: left out by tags\n" in why
    assert "desk place: left out by match: " in why
    assert json.loads(wiring("why", "https://the-paper.example/kyiv", "--json").out)["desks"][0]["desk"] == "apart"


def test_a_budget_of_the_desk_s_own(wiring: Wire) -> None:
    wiring.desk("brief", "budget: 20000", routes="  - folder: out/brief\n  - site: www")
    wiring.desk("whole", routes="  - folder: out/whole\n  - site: www")
    wiring.fill([article(f"{letter * 7}", "Mortars shelled the market.") for letter in "abcdefghijklmnop"])
    assert wiring("run").code == 0
    sizes = {name: len(next((wiring.folder / "out" / name).glob("*.html")).read_bytes()) for name in ("brief", "whole")}
    assert sizes["brief"] <= 20_000 < sizes["whole"]
    assert len(wiring.stories("brief") or ()) == len(wiring.stories("whole") or ()) == 16


def test_a_test_mail_is_the_next_digest_and_leaves_nothing_behind(wiring: Wire, recorder: Recorder) -> None:
    wiring.mail_server(recorder.port)
    settings = wiring.folder / "settings.yaml"
    settings.write_text(settings.read_text("utf-8") + "  archive_address: proof@example.org\n", "utf-8")
    wiring.desk("night", routes="  - mail: [ana@example.org, Ben@example.org]\n  - mail: [ben@example.org]")
    wiring.fill(ARTICLES)
    sent = wiring("digest", "send-test", "night", at=NOW)
    assert (sent.code, sent.err) == (0, "")
    assert [line.split(":")[0] for line in sent.out.splitlines()] == [
        "sent to ana@example.org",
        "sent to ben@example.org",
    ]
    row = json.loads(wiring("digest", "send-test", "night", "--to", "me@example.org", "--json", at=NOW).out)
    assert (row["to"], row["sent"], row["reply"]) == ("me@example.org", True, "250 recorded")
    assert [mail.recipients for mail in recorder.accepted] == [
        ("ana@example.org",),
        ("ben@example.org",),
        ("me@example.org",),
    ]
    mails = [parsed(mail.data) for mail in recorder.accepted]
    assert mails[2]["Message-ID"] == row["message_id"]
    assert mails[0]["Subject"] == row["subject"]
    assert mails[0]["Subject"].startswith("[test] [Night desk] 2 critical")
    assert wiring("outbox", "list").out == wiring("digest", "list").out == ""
    assert wiring("run").code == 0
    delivered = [parsed(mail.data) for mail in recorder.accepted[3:]]
    assert [mail["To"] for mail in delivered] == ["ana@example.org", "Ben@example.org"]
    assert all(f"{word}ville" in delivered[0].as_string() for word in EVERY)
    identities = {mail["Message-ID"] for mail in (*mails, *delivered)}
    assert len(identities) == 5


@pytest.mark.parametrize(
    ("answers", "code", "said"),
    [
        ({"RCPT": "550 no such user"}, 69, "550 no such user"),
        ({"RCPT": ["550 no such user", "450 greylisted"]}, 69, "450 greylisted"),
        ({"DATA": "250 what"}, 75, "250 what"),
        ({"DOT": "451 try later"}, 75, "451 try later"),
        ({"DOT": CUT}, 75, "it may arrive all the same"),
        ({"RCPT": ["421 too busy", "250 ok"]}, 75, "421 too busy"),
        ({"MAIL": "550 not from you"}, 78, "takes no mails from"),
        ({"DATA": CUT}, 75, "127.0.0.1"),
    ],
    ids=["refused", "both", "odd", "later", "cut-at-the-dot", "busy", "sender", "cut"],
)
def test_what_a_server_refuses_is_told_by_the_exit_code(
    wiring: Wire, answers: dict[str, str], code: int, said: str
) -> None:
    with ScriptedServer(Script(answers=answers)) as server:
        wiring.mail_server(server.port)
        tried = wiring("digest", "send-test", "night", "--to", "a@example.org", "--to", "b@example.org")
    assert tried.code == code, tried.err
    assert said in tried.err


def test_a_test_mail_without_a_server_or_a_reader(wiring: Wire) -> None:
    none = wiring("digest", "send-test", "night", "--to", "me@example.org")
    assert none.code == 78
    assert "no mail server is configured" in none.err
    nobody = wiring("digest", "send-test", "night")
    assert nobody.code == 2
    assert "--to" in nobody.err
    wrong = wiring("digest", "send-test", "night", "--to", "me at example")
    assert (wrong.code, "no mail address" in wrong.err) == (2, True)
    assert wiring("digest", "send-test", "nigth", "--to", "me@example.org").code == 2
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    wiring.mail_server(port)
    away = wiring("digest", "send-test", "night", "--to", "me@example.org")
    assert away.code == 75
    assert f"127.0.0.1:{port}" in away.err


def test_an_export_is_what_was_delivered(wiring: Wire, recorder: Recorder) -> None:
    wiring.mail_server(recorder.port)
    wiring.desk("night", routes="  - mail: [ana@example.org]\n  - folder: out\n  - site: www")
    wiring.fill(ARTICLES)
    assert wiring("run").code == 0
    files = {file.suffix: file.read_bytes() for file in (wiring.folder / "out").iterdir()}
    out = wiring.folder / "file"
    for form, suffix in (("html", ".html"), ("text", ".txt"), ("eml", ".eml")):
        wrote = wiring("digest", "export", "night", "1", "--format", form, "-o", out)
        assert (wrote.code, wrote.out, wrote.err) == (0, "", "")
        assert out.read_bytes() == files[suffix]
    mailed = wiring("digest", "export", "night", "1", "--format", "eml", "--to", "Ana@example.org", "-o", out)
    assert (mailed.code, out.read_bytes()) == (0, recorder.accepted[0].data)
    document = json.loads((wiring.folder / "www" / "night" / "1.json").read_text("utf-8"))
    exported = wiring("digest", "export", "night", "1", "--json")
    assert json.loads(exported.out) == document
    # When the delivered bytes have gone, what was frozen is shown again.
    assert wiring("run", at="2026-04-20T00:00:00+00:00").code == 0
    for form, suffix in (("html", ".html"), ("text", ".txt"), ("eml", ".eml")):
        anew = wiring("digest", "export", "night", "1", "--format", form, "--to", str(wiring.folder / "out"), "-o", out)
        assert (anew.code, "made anew" in anew.err) == (0, True)
        assert out.read_bytes() == files[suffix]
    assert wiring("digest", "export", "night", "1", "--json").out == exported.out
    for arguments in (("night", "99"), ("nobody", "1"), ("night", "1", "--to", "x@example.org")):
        missing = wiring("digest", "export", *arguments)
        assert (missing.code, missing.out) == (1, "")
        assert "there is no digest" in missing.err


def test_schedules_of_all_desks(wiring: Wire) -> None:
    wiring.desk("cairo", "send_empty: daily")
    file = wiring.folder / "desks" / "cairo.yaml"
    file.write_text(file.read_text("utf-8").replace("Europe/London", "Africa/Cairo"), "utf-8")
    database = (wiring.folder / "wire.db").rename(wiring.folder / "aside.db")
    before = wiring("schedule", "list")
    assert before.code == 0
    assert "no last slots are known" in before.err
    assert before.out.count("last none yet") == 2
    database.rename(wiring.folder / "wire.db")
    wiring.fill([])
    assert wiring("schedule", "list", at="2026-03-28T05:30:00+00:00").out.splitlines() == [
        "cairo  0 7 * * *  Africa/Cairo  (sends empty ones: daily)",
        "  next Sun 2026-03-29 07:00 EET, 2026-03-29 05:00 UTC",
        "  last Mon 2026-03-02 07:00 EET, 2026-03-02 05:00 UTC, due now",
        "night  0 7 * * *  Europe/London  (sends empty ones: always)",
        "  next Sat 2026-03-28 07:00 GMT, 2026-03-28 07:00 UTC",
        "  last Sun 2026-03-01 07:00 GMT, 2026-03-01 07:00 UTC, due now",
    ]
    rows = [json.loads(line) for line in wiring("schedule", "list", "--json", at=NOW).out.splitlines()]
    assert [(row["desk"], row["zone"], row["due"]) for row in rows] == [
        ("cairo", "Africa/Cairo", False),
        ("night", "Europe/London", False),
    ]
    assert (rows[1]["next"], rows[1]["last_local"]) == ("2026-03-02T07:00:00+00:00", "2026-03-01T07:00:00+00:00")
