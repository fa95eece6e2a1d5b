"""Digests and alerts as readers meet them, each by a name: for golden files, the mail clients' lint and the browser."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from alerts.digests.alert import render_alert
from alerts.digests.compose import Told
from alerts.digests.render import ReaderLinks, Rendered, render
from tests.digests import samples

LINKS = ReaderLinks(
    feedback="https://desk.example/f/token",
    unsubscribe="https://desk.example/u/token",
    page="https://www.desk.example/field/214.html",
)
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>",
    'Attack" onmouseover="steal()',
    "Strike\r\nBcc: everyone@example.org",
    "Strike\u2028Second line\u2029third\x85fourth",
    "Safe \u202ethgir morf\u202c \u2066left\u2069 text",
    "{{ 7 * 7 }}{% raw %}",
    "Z" + "\u0301" * 500 + "algo",
    "nul \x00 bell \x07 escape \x1b[31m",
    "lone \ud83d surrogate",
    "\U000e0041\U000e0042hidden tags",
    "\u05b8\u064b marks of no letter",
    "x" * 5000,
    "",
    "   \u200b  ",
)


def titled(number: int, title: str) -> Told:
    """An attack under any title."""
    sample = ("lanter", title, "They bombed it.", ("bombed",), "civilian_attack", None, "event", "critical")
    return samples.told(number, sample)


def late_and_down() -> dict[str, Any]:
    """A snapshot made after the collector stood still, slots were missed and a rule could not be read."""
    down = [replace(state, last_success=samples.SLOT - timedelta(hours=9)) for state in samples.reach().channels]
    return samples.snapshot(
        samples.stories(3),
        known=samples.reach(channels=down, problems=[samples.broken_rule("ceasefire-violated")]),
        made=samples.SLOT + timedelta(hours=2, minutes=40),
        missed=3,
    )


def of_source(*sources: str, count: int = 24) -> dict[str, Any]:
    """Only stories that these sources told first."""
    return samples.snapshot([one for one in samples.stories(count) if one.articles[0].source in sources])


def corrected() -> dict[str, Any]:
    """Every class, an update, corrections."""
    return samples.snapshot([*samples.stories(len(samples.SAMPLES)), *samples.corrections()])


SCENES: Mapping[str, Callable[[], Rendered]] = {
    "0": lambda: render(samples.snapshot([])),
    "1": lambda: render(samples.snapshot(samples.stories(1))),
    "60": lambda: render(samples.snapshot(samples.stories(60))),
    "500": lambda: render(samples.snapshot(samples.stories(500)), LINKS),
    "late-and-down": lambda: render(late_and_down()),
    "right-to-left": lambda: render(of_source("alnabaa", "hamakor")),
    "cyrillic": lambda: render(of_source("dniprovist", "orlov")),
    "hostile": lambda: render(samples.snapshot([titled(number, words) for number, words in enumerate(HOSTILE, 1)])),
    "corrected": lambda: render(corrected(), LINKS),
    "alert": lambda: render_alert(samples.alert()),
    "alert-update": lambda: render_alert(samples.alert("update"), LINKS),
    "storm": lambda: render_alert(samples.alert("storm", 8)),
}
