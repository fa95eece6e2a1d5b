"""What a desk's template may not do: reach out of its page, read files, or run without end."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from jinja2 import TemplateNotFound, TemplateSyntaxError, UndefinedError
from jinja2.exceptions import SecurityError

from alerts.digests import sandbox as sandboxes
from alerts.digests.render import ReaderLinks, render
from alerts.digests.sandbox import OverrunError, Sandbox
from alerts.templates import Template
from tests.digests import samples

VALUES: dict[str, Any] = {
    "title": "<b>Desk</b>",
    "url": "javascript:alert(1)",
    "counts": {"high": 2},
    "list": ["a"],
    "stories": [],
    "links": ReaderLinks(),
}


def box(**files: str) -> Sandbox:
    named = {name.replace("__", "."): text for name, text in files.items()}
    return Sandbox(Template("bulletin", Path("config/templates/bulletin"), named))


def page(text: str) -> str:
    return box(digest__html__j2=text).page("digest.html.j2", VALUES)


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__ }}",
        "{{ ''['__class__'] }}",
        "{{ title['__cla' ~ 'ss__'] }}",
        "{{ ().__class__.__base__.__subclasses__() }}",
        "{{ counts.__class__.__mro__ }}",
        "{{ links.__class__.__init__.__globals__ }}",
        "{{ range.__globals__ }}",
        "{{ namespace.__init__.__globals__ }}",
        "{{ dict.mro() }}",
        "{{ self.__init__ }}",
        "{{ self._TemplateReference__context }}",
        "{% macro m() %}{% endmacro %}{{ m._environment }}",
        "{% for x in list %}{{ loop._iterable }}{% endfor %}",
        "{{ '{0.__class__}'.format(1) }}",
        "{{ '{:99999999}'.format(1) }}",
        "{{ '%s' % title }}",
        "{{ 'a'.join(list) }}",
        "{{ counts.update({'high': 3}) }}",
        "{{ list.append(1) }}",
        "{{ (1).to_bytes(99999999) }}",
        "{{ list|map(attribute='__class__')|first }}",
        "{{ list|join(attribute='__class__') }}",
        "{{ [list]|sum('__class__') }}",
    ],
)
def test_there_is_no_way_out_of_a_value(text: str) -> None:
    with pytest.raises((SecurityError, TypeError)):
        page(text)
    assert VALUES["counts"] == {"high": 2}
    assert VALUES["list"] == ["a"]


@pytest.mark.parametrize("name", ["attr", "format", "center", "indent", "random", "pprint", "tojson", "xmlattr"])
def test_filters_that_reach_grow_or_vary_are_not_there(name: str) -> None:
    with pytest.raises(TemplateSyntaxError, match=f"No filter named '{name}'"):
        page("{{ title|" + name + " }}")


@pytest.mark.parametrize("name", ["lipsum", "cycler", "joiner", "environment", "config", "request"])
def test_nothing_but_the_values_is_named(name: str) -> None:
    with pytest.raises(UndefinedError):
        page("{{ " + name + " }}")


@pytest.mark.parametrize(
    "text",
    [
        '{% include "/etc/passwd" %}',
        '{% include "../../settings.yaml" %}',
        '{% include "../other/digest.html.j2" %}',
        '{% include "ceasewire/../render.py" %}',
        '{% import "os" as os %}',
        '{% from "ceasewire/freeze.py" import x %}',
        '{% extends "file:///etc/passwd" %}',
        "{% include title %}",
    ],
)
def test_no_file_outside_of_the_template_can_be_read(text: str) -> None:
    with pytest.raises(TemplateNotFound):
        page(text)


ENDLESS = {
    "nested loops": "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
    "silent nested loops": "{% for a in range(9999) %}{% for b in range(9999) if a == -1 %}{% endfor %}{% endfor %}"
    * 9,
    "doubling": "{% set n = namespace(s='xxxx') %}{% for a in range(99) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
    "doubling sums": "{% set n = namespace(s='xxxx') %}{% for a in range(99) %}{% set n.s = n.s + n.s %}{% endfor %}",
    "doubling lists": "{% set n = namespace(s=[1]) %}{% for a in range(99) %}{% set n.s = n.s + n.s %}{% endfor %}",
    "doubling captures": "{% set a %}" + "x" * 999 + "{% endset %}" + "{% set a %}{{ a }}{{ a }}{% endset %}" * 40,
    "replacing": "{% set s = 'a' %}" + "{% set s = s|replace('a', 'aa') %}" * 40,
    "joining": "{% set s = range(9999)|join(range(9999)|join) %}",
    "a large range": "{{ range(10 ** 9)|list }}",
    "a large power": "{{ 9 ** 9 ** 9 }}",
    "a large number": "{% set n = namespace(s=9) %}{% for a in range(99) %}{% set n.s = n.s * n.s %}{% endfor %}",
    "calls that branch": "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
    "repeated text": "{% set a %}{% for i in range(9999) %}" + "x" * 9999 + "{% endfor %}{% endset %}",
}


@pytest.mark.parametrize("name", ENDLESS)
def test_what_would_take_for_ever_or_fill_the_memory_ends(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandboxes, "STEPS", 20_000)  # as the true one, in a tenth of the time
    with pytest.raises(OverrunError):
        page(ENDLESS[name])


@pytest.mark.parametrize(
    "text",
    ["{% block a %}{{ self.a() }}{% endblock %}", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
     '{% include "digest.html.j2" %}', '{% extends "digest.html.j2" %}', "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}"],
    ids=["block", "macro", "include", "extends", "brackets"],
)  # fmt: skip
def test_what_contains_itself_ends(text: str) -> None:
    limit = sys.getrecursionlimit()
    with pytest.raises(RecursionError):
        page(text)
    assert sys.getrecursionlimit() == limit


def test_time_ends_a_template_whose_steps_are_dear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandboxes, "SECONDS", 0.0)
    made = box(digest__html__j2="{% for a in range(9000) %}{{ a }}{% endfor %}")
    made.begin()
    with pytest.raises(OverrunError, match="more than 0 s"):
        made.page("digest.html.j2", VALUES)


def test_half_a_character_fails_here_and_not_when_the_mail_is_built() -> None:
    with pytest.raises(UnicodeEncodeError):
        page("{{ '\\ud800' }}")


def test_html_is_escaped_by_default_and_text_is_not() -> None:
    assert page(
        "{{ title }} {{ [title, 1]|join('<') }} {{ [title|e, '<']|join('&') }} {{ title|replace('b', '&') }}"
    ) == (
        "&lt;b&gt;Desk&lt;/b&gt; &lt;b&gt;Desk&lt;/b&gt;&lt;1 &lt;b&gt;Desk&lt;/b&gt;&amp;&lt; "
        "&lt;&amp;&gt;Desk&lt;/&amp;&gt;\n"
    )
    assert box(digest__txt__j2="{{ title }}").page("digest.txt.j2", VALUES) == "<b>Desk</b>\n"
    # A part that several pages share is HTML unless its name says otherwise.
    shared = box(digest__html__j2='{% include "sign.j2" %}', sign__j2="{{ title }}")
    assert shared.page("digest.html.j2", VALUES) == "&lt;b&gt;Desk&lt;/b&gt;\n"


def test_links_are_checked() -> None:
    links = "{{ url|link }}|{{ 'https://a.example/x'|link }}|{{ 'mailto:d@a.example'|link }}|{{ 'mailto:\"x'|link }}"
    assert page(links) == "|https://a.example/x|mailto:d@a.example|\n"


def test_what_templates_do_need_works() -> None:
    text = (
        "{% for key, value in counts.items() %}{{ loop.index }} {{ key|upper }} {{ value|number }}{% endfor %} "
        "{{ [3, 4]|sum }} {{ 2.5|round }} {{ title.lower()|striptags }} {{ 'aa bb cc'|wordwrap(10) }} "
        "{{ 3 * 4 + 2 ** 3 % 3 }} {{ list|first|default('x') }} {% set n = namespace(s=1) %}{% set n.s = 2 %}{{ n.s }}"
    )
    assert page(text) == "1 HIGH 2 7 2.0 desk aa bb cc 14 a 2\n"


@pytest.mark.parametrize("count", [0, 1, 60])
def test_an_empty_template_makes_the_same_bytes_as_none(count: int) -> None:
    snapshot = samples.snapshot(samples.stories(count))
    assert render(snapshot, page=box().page) == render(snapshot)


def test_a_layout_takes_far_fewer_steps_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandboxes, "STEPS", 2_000)
    monkeypatch.setattr(sandboxes, "STEPS_A_STORY", 200)
    snapshot = samples.snapshot(samples.stories(60))
    assert render(snapshot, page=box().page) == render(snapshot)
