"""What an operator is told of a desk's template: every kind of mistake, with its place and a hint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from alerts.digests import samples
from alerts.digests.alert import alert_snapshot
from alerts.digests.coverage import Reach, cover
from alerts.digests.proving import check_templates, prove
from alerts.digests.render import render
from alerts.digests.sandbox import Sandbox
from alerts.ledger.digests import ReadCounts
from alerts.templates import LARGEST_FILE, Template, read_template, template_names
from crawler.errors import Problem

FOLDER = Path("config/templates/bulletin")
DIGEST = '{% extends "ceasewire/digest.html.j2" %}\n'
TEXT = '{% extends "ceasewire/digest.txt.j2" %}\n'
ALERT = '{% extends "ceasewire/alert.html.j2" %}\n'


def proved(file: str, text: str, sizes: tuple[int, ...] = (1,)) -> list[Problem]:
    return prove(Template("bulletin", FOLDER, {file: text}), sizes=sizes)


def only(problems: list[Problem]) -> Problem:
    assert len(problems) == 1, problems
    return problems[0]


# What is written in which file; where that is told of, and how: message, what was expected, hint.
MISTAKES = {
    "a tag that is not closed": (
        "digest.html.j2", DIGEST + "{% block head %}\n<h1>{{ title }</h1>\n{% endblock %}",
        (3, 14), "unexpected '}'", "", "",
    ),
    "a misspelt statement": (
        "digest.html.j2", DIGEST + "{% block head %}\n  {% fo a in stories %}{% endfor %}{% endblock %}",
        (3, 6), "encountered unknown tag 'fo'", "", "did you mean `for`?",
    ),
    "a block that is not closed": (
        "digest.html.j2", DIGEST + "{% block head %}\n<p>\n", (3, 1), "unexpected end of template", "", "",
    ),
    "a misspelt filter": (
        "digest.txt.j2", TEXT + "{% block head %}{{ title|uper }}{% endblock %}",
        (2, 26), "there is no filter `uper`", "", "did you mean `upper`?",
    ),
    "a misspelt value": (
        "digest.html.j2", DIGEST + "{% block head %}\n<p>{{ slto.date }}</p>{% endblock %}",
        (3, 7), "`slto` is not known here", "", "did you mean `slot`?",
    ),
    "a misspelt value of a story": (
        "alert.html.j2", ALERT + "{% block entry %}{{ story.titel }}{% endblock %}",
        (2, 27), "`titel` is not known here", "", "did you mean `title`?",
    ),
    "a misspelt block": (
        "digest.html.j2", DIGEST + "\n{% block  fooot %}{% endblock %}",
        (3, 11), "ceasewire/digest.html.j2 has no block `fooot`, so this one is never shown", "foot",
        "did you mean `foot`?",
    ),
    "a parent that is not there": (
        "digest.html.j2", '{% extends "ceasewire/digset.html.j2" %}',
        (1, 13), "there is no template file `ceasewire/digset.html.j2`", "a file of config/templates/bulletin",
        "did you mean `ceasewire/digest.html.j2`?",
    ),
    "a file that extends itself": (
        "digest.html.j2", '{% extends "digest.html.j2" %}',
        (1, 13), "this file extends itself", "", 'write {% extends "ceasewire/digest.html.j2" %}',
    ),
    "a way out": (
        "digest.html.j2", DIGEST + "{% block head %}{{ title.__class__ }}{% endblock %}",
        (2, 26), "this is not allowed in a template: access to attribute '__class__'", "", "",
    ),
    "a file outside": (
        "digest.html.j2", DIGEST + '{% block head %}{% include "../../settings.yaml" %}{% endblock %}',
        (2, 29), "there is no template file `../../settings.yaml`", "a file of config/templates/bulletin", "",
    ),
    "a loop without end": (
        "digest.html.j2",
        DIGEST + "{% block head %}\n{% for a in range(9000) %}{% for b in range(9000) %}{% endfor %}{% endfor %}"
        "{% endblock %}",
        (3, 1), "the template does too much", "", "",
    ),
    "a block in itself": (
        "digest.html.j2", DIGEST + "{% block head %}{{ self.head() }}{% endblock %}",
        (2, 1), "the template is nested without end", "", "does a block or a macro call itself",
    ),
    "a name over two lines": (
        "digest.html.j2", DIGEST + '{% block head %}{% include "no\nsuch.html.j2" %}{% endblock %}',
        (2, 1), "there is no template file `no such.html.j2`", "", "",
    ),
    "too much for the translator": (
        "digest.html.j2", "{% for a in [1] %}" * 30 + "{% endfor %}" * 30,
        (0, 0), "SyntaxError: too many statically nested blocks", "", "",
    ),
    "a division": (
        "digest.html.j2", DIGEST + "{% block head %}{{ 1 / 0 }}{% endblock %}", (2, 1), "ZeroDivisionError", "", "",
    ),
    "markup of a source": (
        "digest.html.j2", DIGEST + "{% block line %}{% endblock %}\n{% block entry %}<tr><td>{{ story.title|safe }}"
        "</td></tr>{% endblock %}",
        (3, 41), "what a source writes comes out as markup in digests (an attribute, title)", "", "take `|safe` away",
    ),
    "markup by a switch": (
        "alert.html.j2", ALERT + "{% block entry %}{% autoescape false %}<tr><td>{{ story.title }} {{ story.source }}"
        "</td></tr>{% endautoescape %}{% endblock %}",
        (2, 21), "what a source writes comes out as markup in alerts (source, title)", "", "",
    ),
    "an attribute without quotes": (
        "digest.html.j2", DIGEST + "{% block entry %}<tr><td title={{ story.title }}>{{ story.title }}</td></tr>"
        "{% endblock %}",
        (0, 0), "what a source writes comes out as markup in digests (", "", "in quotes inside of a tag",
    ),
    "a link that is none": (
        "digest.html.j2", DIGEST + '{% block entry %}<tr><td><a href="{{ story.url }}">{{ story.title }}</a></td></tr>'
        "{% endblock %}",
        (2, 44), "a link to `javascript:alert(4)` in digests", "", "write {{ story.url|link }}",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_has_its_place_and_a_hint(name: str) -> None:
    file, text, place, message, expected, hint = MISTAKES[name]
    problem = only(proved(file, text))
    assert not problem.warning
    assert (problem.file, problem.line, problem.column) == (str(FOLDER / file), *place)
    assert problem.message.startswith(message)
    assert expected in problem.expected
    assert hint in problem.hint
    if problem.line:
        shown = str(problem).splitlines()
        assert shown[0].startswith(f"{FOLDER / file}:{place[0]}:{place[1]}: error: ")
        assert shown[2] == "    " + " " * (place[1] - 1) + "^"


def test_a_page_that_cannot_be_made_small_enough() -> None:
    every = (
        "{% block stories %}{% for story in stories %}<p>"
        + "y" * 400
        + "{{ story.title }}</p>{% endfor %}{% endblock %}"
    )
    problem = only(proved("digest.html.j2", DIGEST + every, (500,)))
    assert problem.message.endswith("bytes however few stories it shows")
    assert (problem.expected, problem.code) == ("at most 90,000", "too-large")
    assert "`sections`" in problem.hint


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{% block notices %}{% endblock %}", ["the collector was down", "broken rules"]),
        ("{% block foot %}{% endblock %}", ["take themselves off"]),
        ("{% block entry %}<tr><td></td></tr>{% endblock %}", ["a story of the sample is not shown"]),
        ("stray text", ["text outside of every block is never shown"]),
    ],
)
def test_what_readers_would_miss_is_a_warning(text: str, words: list[str]) -> None:
    problems = proved("digest.html.j2", DIGEST + text)
    assert all(problem.warning for problem in problems)
    assert len(problems) == len(words)
    for problem, expected in zip(problems, words, strict=True):
        assert expected in problem.message


def test_a_file_that_nobody_reads_is_a_warning() -> None:
    problem = only(proved("digets.html.j2", "x"))
    assert problem.warning
    assert (problem.message, problem.hint) == ("nobody reads this file", "did you mean digest.html.j2?")


def test_a_good_template_has_no_problems_at_any_size() -> None:
    template = Template(
        "bulletin",
        FOLDER,
        {
            # The frame of every page is changed in one place; a part is shared; a macro is used; a block has a block.
            "page.html.j2": '{% extends "ceasewire/page.html.j2" %}{% block before %}{% include "sign.html.j2" %}'
            "{% endblock %}{% block style %}.x{color:red}{% endblock %}",
            "sign.html.j2": "The <b>river</b> desk",
            "digest.html.j2": DIGEST
            + '{% from "ceasewire/entry.html.j2" import line %}{% block entry %}{{ line(story) }}'
            "{% block mine scoped %}{% endblock %}{% endblock %}{% block head %}{{ super() }}!{% endblock %}",
            "digest.txt.j2": TEXT + "{% block head %}{{ title|upper }}{% endblock %}",
            "alert.txt.j2": "{% for story in stories %}{{ story.title }} {% endfor %}{{ links.unsubscribe }}",
        },
    )
    assert prove(template) == []


@pytest.mark.parametrize("size", samples.SIZES)
def test_the_budget_holds_whatever_a_template_makes_of_an_entry(size: int) -> None:
    text = DIGEST + "{% block entry %}<tr><td>" + "y" * 700 + "{{ super() }}</td></tr>{% endblock %}"
    page = Sandbox(Template("bulletin", FOLDER, {"digest.html.j2": text})).page
    rendered = render(samples.digest_of(size), page=page)
    assert len(rendered.html.encode()) <= 90_000
    assert rendered.html.count("y" * 700) >= min(size, 30)


def test_the_samples_have_the_shape_of_what_is_sent() -> None:
    reach = Reach(samples.SOURCES, (), (), ReadCounts(1, 0, 0), (), samples.SLOT)
    assert set(samples.digest_of(0)["coverage"]) == set(cover(reach, "UTC", samples.SLOT))
    assert set(samples.alert_of("new")) == set(alert_snapshot(samples.DESK, "new", [], samples.SLOT, most=1))
    assert samples.digest_of(60, hostile=True) == samples.digest_of(60, hostile=True)
    hostile = samples.digest_of(60, hostile=True)
    assert hostile["late"]
    assert hostile["corrections"]
    assert hostile["coverage"]["outage"]
    languages = {story["language"] for story in samples.digest_of(60)["stories"]}
    assert len(languages) == 7


def test_files_are_read_from_their_folder_only(tmp_path: Path) -> None:
    folder = tmp_path / "templates" / "bulletin"
    (folder / "parts").mkdir(parents=True)
    (folder / "digest.html.j2").write_bytes(b"\xef\xbb\xbfone\r\ntwo")
    (folder / "parts" / "sign.html.j2").write_text("s")
    (folder / ".digest.html.j2").write_text("an editor's copy")
    (folder / "notes.txt").write_text("not a template")
    (folder / "broken.html.j2").write_bytes(b"a\nb\xff")
    (folder / "large.html.j2").write_bytes(b"x" * (LARGEST_FILE + 1))
    (tmp_path / "settings.yaml").write_text("secret")
    (folder / "link.html.j2").symlink_to(tmp_path / "settings.yaml")
    template = read_template(tmp_path, "bulletin")
    assert dict(template.files) == {"digest.html.j2": "one\ntwo", "parts/sign.html.j2": "s"}
    found = {Path(problem.file).name: (problem.line, problem.column, problem.code) for problem in template.problems}
    assert found == {
        "broken.html.j2": (2, 2, "encoding"),
        "large.html.j2": (0, 0, "too-large"),
        "link.html.j2": (0, 0, "outside"),
    }
    assert template_names(tmp_path) == ("bulletin",)
    assert read_template(tmp_path, "../templates/bulletin").problems[0].code == "unknown-template"


def test_every_template_of_a_folder_is_checked_with_the_smallest_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prove, "__defaults__", (samples.DESK, 90_000, (1,)))
    for name in ("bulletin", "empty"):
        (tmp_path / "templates" / name).mkdir(parents=True)
    path = tmp_path / "templates" / "bulletin" / "digest.html.j2"
    path.write_text(DIGEST + "{% block head %}" + "y" * 30_000 + "{% endblock %}")
    large, small = (replace(samples.DESK, template="bulletin", budget=budget) for budget in (None, 20_000))
    assert [problem.code for problem in check_templates(tmp_path, [large])] == ["empty"]
    codes = {problem.file: problem.code for problem in check_templates(tmp_path, [large, small])}
    assert codes == {str(path): "too-large", str(tmp_path / "templates" / "empty"): "empty"}
