"""Templates of desks as an operator meets them: written, named, checked, looked at, and failing in the night."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from alerts.digests import samples
from alerts.digests.blocks import BLOCKS, FILES, FILTERS, VALUES, starting_files
from alerts.digests.proving import prove
from alerts.digests.reading import outline_of
from alerts.digests.render import built_in_filters
from alerts.digests.sandbox import Sandbox
from alerts.templates import Template
from tests.cli.conftest import DESK, Ceasewire

DOCS = Path(__file__).parents[2] / "docs" / "templates.md"
BEFORE, NOW, LATER = "2026-03-02T05:00:00+00:00", "2026-03-02T06:00:00+00:00", "2026-03-02T07:05:00+00:00"
DIGEST = '{% extends "ceasewire/digest.html.j2" %}\n'
ARTICLE = {
    "url": "https://paper.example/a", "title": "Dawn in Veld", "lang": "en", "source": "the-paper",
    "published": "2026-03-02T05:30:00Z",
    "text": "The mayor spoke. The truce was broken at dawn when mortars shelled the market, he said.",
}  # fmt: skip


@pytest.fixture
def dressed(wire: Path) -> Path:
    """The configuration folder, whose desk names a template; its folder is there and empty."""
    desk = DESK + "template: bulletin\nalerts:\n  settle_minutes: 0\n  routes: [{folder: alerts}]\n"
    (wire / "desks" / "night.yaml").write_text(desk, "utf-8")
    (wire / "templates" / "bulletin").mkdir(parents=True)
    return wire


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / "templates" / "bulletin" / name.replace("__", ".")).write_text(text, "utf-8")


def test_a_template_that_is_not_there_is_told_with_its_place(ceasewire: Ceasewire, dressed: Path) -> None:
    (dressed / "templates" / "bulletin").rename(dressed / "templates" / "buletin")
    checked = ceasewire("--config", dressed, "config", "check")
    assert checked.code == 78
    assert "desks/night.yaml:7:11: error: there is no template `bulletin` [unknown-template]" in checked.err
    assert "    template: bulletin\n              ^\n" in checked.err
    assert "hint: did you mean `buletin`?" in checked.err
    # Looks are no reason to keep a digest back.
    assert ceasewire("--config", dressed, "schedule", "next", "night").code == 0


def test_a_misspelt_folder_of_templates_is_told(ceasewire: Ceasewire, dressed: Path) -> None:
    (dressed / "templates").rename(dressed / "template")
    (dressed / "template" / "bulletin" / "digest.html.j2").write_text(DIGEST)
    checked = ceasewire("--config", dressed, "config", "check")
    assert "hint: did you mean templates/?" in checked.err


def test_check_renders_templates_and_exits_78(ceasewire: Ceasewire, dressed: Path) -> None:
    write(dressed, digest__html__j2=DIGEST + "{% block head %}\n  {{ titel }}\n{% endblock %}")
    checked = ceasewire("--config", dressed, "config", "check")
    assert checked.code == 78
    assert "templates/bulletin/digest.html.j2:3:6: error: `titel` is not known here [template]" in checked.err
    # Beside the mistakes of other files.
    (dressed / "rules" / "truce-broken.yaml").write_text("id: [")
    both = ceasewire("--config", dressed, "config", "check")
    assert both.code == 78
    assert "truce-broken.yaml" in both.err
    assert "`titel` is not known here" in both.err
    (dressed / "rules" / "truce-broken.yaml").unlink()
    write(dressed, digest__html__j2=DIGEST + "{% block foot %}{% endblock %}")
    warned = ceasewire("--config", dressed, "config", "check")
    assert warned.code == 0
    assert "warning: digest.html.j2: readers cannot take themselves off" in warned.err


def outbox(folder: Path, name: str, ending: str) -> list[str]:
    return [path.read_text("utf-8") for path in sorted((folder / name).glob(f"*{ending}"))]


def broken(ceasewire: Ceasewire, folder: Path) -> list[str]:
    """What `status`, `metrics` and `doctor` say of the templates."""
    lines = [json.loads(line) for line in ceasewire("--config", folder, "status", "--json").out.splitlines()]
    rows = [line for line in ceasewire("--config", folder, "metrics").out.splitlines() if "template" in line]
    found = [json.loads(line) for line in ceasewire("--config", folder, "doctor", "--json").out.splitlines()]
    return [
        *[line["text"] for line in lines if line.get("part") == "broken" and "template" in line["text"]],
        *[row for row in rows if not row.startswith("#")],
        *[f"{one['level']}: {one['detail']}" for one in found if one["check"] == "template bulletin"],
    ]


FAULT = "templates/bulletin/digest.html.j2:3:46: `nothing` is not known here"


@pytest.fixture
def night(ceasewire: Ceasewire, dressed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A desk whose template works on most days, and an article of the outlet that breaks it; its alert is out."""
    odd = "{% if story.source == 'The Paper' %}{{ story.nothing }}{% endif %}"
    entry = "{% block entry %}{{ super() }}\n" + odd + "{% endblock %}"
    loops = "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}"
    alert = '{% extends "ceasewire/alert.txt.j2" %}\n{% block head %}' + loops + "{% endblock %}"
    write(dressed, digest__html__j2=DIGEST + entry, alert__txt__j2=alert)
    file = tmp_path / "articles.jsonl"
    file.write_text(json.dumps(ARTICLE), "utf-8")
    monkeypatch.setenv("CEASEWIRE_NOW", BEFORE)
    for command in (["migrate"], ["run"]):
        assert ceasewire("--config", dressed, *command).code == 0
    monkeypatch.setenv("CEASEWIRE_NOW", NOW)
    assert ceasewire("--config", dressed, "import", file).code == 0
    ran = ceasewire("--config", dressed, "run")
    assert ran.code == 0
    assert "alert.txt.j2:2:1: the template does too much" in ran.err
    monkeypatch.setenv("CEASEWIRE_NOW", LATER)
    return dressed


def test_a_template_that_fails_in_the_night_keeps_nothing_back(ceasewire: Ceasewire, night: Path) -> None:
    """Real runs to folders: alert and digest come in the built-in look, and the operator is told wherever they look."""
    ran = ceasewire("--config", night, "run")
    assert ran.code == 0
    (alert,) = outbox(night, "alerts", ".txt")
    assert "Alert for Night desk" in alert
    (html,), (text,) = outbox(night, "out", ".html"), outbox(night, "out", ".txt")
    assert "Dawn in Veld" in html
    assert "the desk's template bulletin failed, so this is the built-in one." in text
    assert " ERROR " in ran.err
    assert FAULT in ran.err
    told = broken(ceasewire, night)
    assert "alert.txt.j2:2:1" in told[0]
    assert FAULT in told[1]
    assert 'ceasewire_template_failed{desk="night"} 1.0' in told
    assert [line for line in told if line.startswith("warning: digest night #1 went out in the built-in look")]
    assert ceasewire("--config", night, "run").err == ""


def test_a_mended_template_is_used_again_and_nobody_complains(
    ceasewire: Ceasewire, night: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ceasewire("--config", night, "run")
    (first,) = outbox(night, "out", ".html")
    write(night, digest__html__j2=DIGEST + "{% block head %}<h1>Our own head</h1>{% endblock %}")
    (night / "templates" / "bulletin" / "alert.txt.j2").unlink()
    monkeypatch.setenv("CEASEWIRE_NOW", LATER.replace("03-02", "03-03"))
    assert ceasewire("--config", night, "run").err == ""
    frozen, second = outbox(night, "out", ".html")
    assert frozen == first
    assert "Our own head" in second
    assert "Our own head" in ceasewire("--config", night, "digest", "show", "night", "2", "--html").out
    told = broken(ceasewire, night)
    assert [line for line in told if "digest" in line] == []
    assert "ok: works, for night" in told


def test_preview_in_a_look_and_with_invented_stories(ceasewire: Ceasewire, dressed: Path, tmp_path: Path) -> None:
    write(dressed, digest__html__j2=DIGEST + "{% block head %}<h1>Our own head</h1>{% endblock %}")
    page = tmp_path / "look.html"
    look = ["digest", "preview", "night", "--sample", "3", "--html"]
    assert ceasewire("--config", dressed, *look, "--template", "bulletin", "-o", page).code == 0
    assert "Our own head" in page.read_text("utf-8")
    assert samples.SAMPLES[0].title in ceasewire("--config", dressed, *look).out
    unknown = ceasewire("--config", dressed, *look, "--template", "buletin")
    assert unknown.code == 78
    assert "did you mean `bulletin`?" in unknown.err
    write(dressed, digest__html__j2=DIGEST + "{% block head %}{{ tilte }}{% endblock %}")
    failed = ceasewire("--config", dressed, *look, "--template", "bulletin")
    assert failed.code == 78
    assert "digest.html.j2:2:20: error: `tilte` is not known here" in failed.err


def test_files_to_start_with_are_written_once_and_change_nothing(ceasewire: Ceasewire, dressed: Path) -> None:
    folder = dressed / "templates" / "new"
    written = ceasewire("--config", dressed, "config", "templates", "--write", folder)
    assert written.code == 0
    assert "template: new" in written.out
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    assert prove(Template("new", folder, starting_files()), sizes=(1,)) == []
    again = ceasewire("--config", dressed, "config", "templates", "--write", folder)
    assert again.code == 2
    assert "nothing was written" in again.err
    one = ceasewire("--config", dressed, "config", "templates", "digest.txt.j2", "--write", dressed / "one")
    assert (one.code, [path.name for path in (dressed / "one").iterdir()]) == (0, ["digest.txt.j2"])


def test_the_list_of_blocks_says_what_each_shows(ceasewire: Ceasewire, dressed: Path) -> None:
    listed = ceasewire("--config", dressed, "config", "templates").out
    for words in ("digest.html.j2: the digest, HTML part", "  coverage  ", "templates/bulletin: used by night"):
        assert words in listed
    assert "  story.url  " in ceasewire("--config", dressed, "config", "templates", "--values").out
    source = ceasewire("--config", dressed, "config", "templates", "alert.txt.j2", "--source").out
    assert "{% block head %}" in source
    told = json.loads(ceasewire("--config", dressed, "config", "templates", "--json").out)
    assert told["own"] == {"bulletin": ["night"]}
    wrong = ceasewire("--config", dressed, "config", "templates", "digest.htm.j2")
    assert wrong.code == 2
    assert "Did you mean 'digest.html.j2'?" in wrong.err


def test_the_lists_name_what_there_is() -> None:
    sandbox = Sandbox(Template("none", Path("none"), {}))
    for file, blocks in BLOCKS.items():
        outline = outline_of(sandbox, file)
        frame = set(BLOCKS["page.html.j2"]) if outline.extends else set()
        assert outline.blocks - frame == set(blocks), file
    digest, alert = samples.digest_of(60), samples.alert_of("new")
    for kind, snapshot, added in (("digest", digest, {"sections", "preheader"}), ("alert", alert, {"preheader"})):
        named = {name for name in VALUES[kind] if not name.startswith("links.")}
        assert named == set(snapshot) | added
    assert set(VALUES["story"]) == {f"story.{name}" for name in digest["stories"][0]}
    assert set(FILTERS) == {*built_in_filters(), "wordwrap"}


def test_the_tutorial_does_what_it_says(ceasewire: Ceasewire, wire: Path) -> None:
    """Every file of docs/templates.md is written as it stands there, checked and looked at."""
    text = DOCS.read_text("utf-8")
    files = re.findall(r"```jinja\n\{# (config/\S+) #\}\n(.*?)```", text, re.DOTALL)
    assert len(files) >= 3
    for name, content in files:
        path = wire / Path(name).relative_to("config")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    (wire / "desks" / "night.yaml").write_text(DESK + "template: bulletin\n", "utf-8")
    checked = ceasewire("--config", wire, "config", "check")
    assert (checked.code, checked.err) == (0, "")
    html = ceasewire("--config", wire, "digest", "preview", "night", "--sample", "3", "--html").out
    plain = ceasewire("--config", wire, "digest", "preview", "night", "--sample", "3").out
    assert "River Desk" in html
    assert "RIVER DESK" in plain
    for rows in (*BLOCKS.values(), *VALUES.values(), FILTERS):
        assert [name for name in rows if f"`{name}`" not in text] == []
