"""One look for all readers of a message; what fails once by running on is not tried again in the same run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from alerts.digests import samples
from alerts.digests import sandbox as sandboxes
from alerts.digests.alert import render_alert
from alerts.digests.looks import Looks, show_strictly
from alerts.digests.render import NO_LINKS, ReaderLinks, render
from alerts.templates import Template
from crawler.errors import ConfigError

DESK = replace(samples.DESK, template="bulletin")
LINKS = ReaderLinks(unsubscribe="https://wire.example/u/1")
DIGEST = '{% extends "ceasewire/digest.html.j2" %}\n'


def template(text: str, file: str = "digest.html.j2") -> Template:
    return Template("bulletin", Path("templates/bulletin"), {file: text})


def looks(text: str, file: str = "digest.html.j2") -> Looks:
    return Looks({"bulletin": template(text, file)})


def test_every_reader_gets_the_desks_look_with_links_of_their_own() -> None:
    shown = looks(DIGEST + "{% block head %}ours {{ links.unsubscribe }}{% endblock %}").show(
        DESK, samples.digest_of(2), render, (NO_LINKS, LINKS)
    )
    assert shown.fault is None
    assert ["ours https://wire.example/u/1" in part.html for part in shown.parts] == [False, True]
    assert all("ours" in part.html for part in shown.parts)


def test_a_look_that_fails_for_one_reader_is_used_for_none() -> None:
    text = DIGEST + "{% block head %}{% if links.unsubscribe %}{{ nothing }}{% endif %}{% endblock %}"
    shown = looks(text).show(DESK, samples.digest_of(2), render, (NO_LINKS, LINKS))
    assert shown.fault is not None
    assert (shown.fault.line, shown.fault.message) == (2, "`nothing` is not known here")
    note = "the desk&#39;s template bulletin failed, so this is the built-in one."
    assert all(note in part.html for part in shown.parts)
    # But for the note they are what a desk without a template gets.
    plain = Looks({}).show(samples.DESK, samples.digest_of(2), render, (NO_LINKS, LINKS))
    assert [len(part.html) > len(other.html) for part, other in zip(shown.parts, plain.parts, strict=True)] == [
        True
    ] * 2
    assert [part.subject for part in shown.parts] == [part.subject for part in plain.parts]


def test_an_alert_falls_back_to_the_same_bytes_as_without_a_template() -> None:
    alert = samples.alert_of("new")
    shown = looks("{{ nothing }}", "alert.html.j2").show(DESK, alert, render_alert)
    assert shown.fault is not None
    assert shown.parts == (render_alert(alert),)


def test_a_look_that_is_gone_or_too_large_is_told_of() -> None:
    gone = Looks({}).show(DESK, samples.digest_of(1), render)
    assert gone.fault is not None
    assert "no files" in gone.fault.message
    large = looks(DIGEST + "{% block head %}" + "y" * 100_000 + "{% endblock %}").show(
        DESK, samples.digest_of(1), render
    )
    assert large.fault is not None
    assert large.fault.expected == "at most 90,000"
    assert len(large.parts[0].html) < 20_000


def test_what_runs_on_without_end_is_tried_once_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandboxes, "STEPS", 10_000)
    tries = []
    page = sandboxes.Sandbox.page

    def counted(self: sandboxes.Sandbox, name: str, values: dict[str, object]) -> str:
        tries.append(name)
        return page(self, name, values)

    monkeypatch.setattr(sandboxes.Sandbox, "page", counted)
    loops = "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}"
    run = looks(DIGEST + "{% block head %}" + loops + "{% endblock %}")
    faults = [run.show(DESK, samples.digest_of(1), render).fault for _ in range(3)]
    assert tries == ["digest.html.j2"]
    assert len(set(faults)) == 1
    # Another mistake may depend on the stories, so the next digest is tried.
    run = looks(DIGEST + "{% block entry %}{{ story.nothing }}{% endblock %}")
    assert [run.show(DESK, samples.digest_of(size), render).fault is None for size in (1, 0)] == [False, True]


def test_whoever_looks_at_a_template_hears_what_is_wrong_with_it() -> None:
    with pytest.raises(ConfigError, match="`nothing` is not known here"):
        show_strictly(template("{{ nothing }}"), samples.digest_of(0))
    with pytest.raises(ConfigError, match="no files"):
        show_strictly(Template("empty", Path("templates/empty"), {}), samples.digest_of(0))
