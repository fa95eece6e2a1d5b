"""What chats get: one line a story that says what it is, in whichever direction its headline runs."""

from __future__ import annotations

from alerts.digests.brief import chat_lines
from alerts.digests.render import render
from tests.digests.scenes import corrected


def lines() -> list[str]:
    snapshot = corrected()
    found: list[str] = chat_lines(snapshot, render(snapshot))["lines"]
    return found


def test_a_line_says_severity_and_class() -> None:
    words = [line.split(" ", 2)[:2] for line in lines()]
    assert words[0] == ["CRITICAL", "Missile"]
    assert ["HIGH,", "statement:"] in words


def test_a_headline_from_right_to_left_leaves_the_rest_of_its_line_in_place() -> None:
    arabic = next(line for line in lines() if "وكالة النبأ" in line)
    assert arabic.startswith("CRITICAL \u200eغارة")
    assert arabic.endswith("(\u200eوكالة النبأ\u200e) https://alnabaa.example/news/2")
