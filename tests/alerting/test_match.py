"""Alerts obey the choice of digests: only flags that the desk chose, its `match` included, make a story loud."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts.desks import Desk
from alerts.stories import group_articles
from crawler.archive import Archive
from tests.alerting.test_job import MINUTE, Watch
from tests.ledger.telling import Telling, words
from tests.ledger.world import NOW, asking

HOUR = timedelta(hours=1)


class Watching:
    """A desk with a query that is told at once; stories are put together by hand."""

    def __init__(self, archive: Archive, folder: Path, query: str, **choices: Any) -> None:
        self.watch = Watch(archive, folder)
        self.telling = Telling(self.watch.world)
        self.ask(query, **choices)

    def ask(self, query: str, **choices: Any) -> Desk:
        """From now on the desk asks for this."""
        (desk,) = asking({"field": query}, **choices)
        self.watch.desk = replace(desk, alerts=self.watch.desk.alerts)
        return self.watch.desk

    def flagged(self, text: str, at: datetime, story: int | None = None, source: str = "post", **flag: Any) -> int:
        """The story of a critical article."""
        key = self.telling.article(story, words(text), source, seen_at=at)
        self.watch.world.flag(key, **{"severity": "critical", "at": at, **flag})
        return self.watch.world.story_of(key)


@pytest.fixture
def watching(archive: Archive, tmp_path: Path) -> Watching:
    return Watching(archive, tmp_path, "Khartoum")


def test_what_the_desk_does_not_ask_for_is_not_loud(watching: Watching) -> None:
    watching.flagged("Kyiv", NOW)
    story = watching.flagged("Khartoum quieter", NOW, severity="high")
    watching.flagged("Summary of wars", NOW, story, "wire")
    assert watching.watch.run(NOW + 5 * MINUTE) == 0
    assert [row[1] for row in watching.watch.world.items()] == [story]
    watching.flagged("Khartoum hospital", NOW + 5 * MINUTE, story, "gazette")
    assert watching.watch.run(NOW + 6 * MINUTE) == 0  # it settles from the flag on that the desk asks for
    assert watching.watch.run(NOW + 8 * MINUTE) == 1


def test_a_story_that_was_loud_for_others_is_fresh_for_the_desk(watching: Watching) -> None:
    story = watching.flagged("Kyiv", NOW)
    watching.watch.run(NOW + HOUR)
    watching.flagged("Khartoum", NOW + 20 * HOUR, story, "wire")
    assert watching.watch.run(NOW + 20 * HOUR + 5 * MINUTE) == 1
    (mail,) = watching.watch.mails()
    assert mail["Subject"] == "[Field] CRITICAL: wire writes Khartoum. khartoum0"


def test_an_edit_makes_no_old_story_fresh(sqlite_archive: Archive, tmp_path: Path) -> None:
    watch = Watching(sqlite_archive, tmp_path, "Khartoum").watch
    assert watch.desk.alerts is not None
    told_by_digest = replace(watch.desk, alerts=replace(watch.desk.alerts, severities=("low",)))
    watch.desk, alerting = told_by_digest, watch.desk
    key = watch.world.article("Khartoum", words("Khartoum edited"), seen_at=NOW)
    watch.world.flag(key, severity="critical", at=NOW)
    group_articles(watch.world.archive, NOW)
    watch.run(NOW + MINUTE)
    watch.desk = alerting
    watch.world.retell(key, "Khartoum", words("Khartoum edited again"))
    watch.world.flag(key, severity="critical", version=2, at=NOW + 13 * HOUR)
    assert watch.run(NOW + 13 * HOUR + 5 * MINUTE) == 0


def test_no_update_about_what_is_asked_for_no_more(sqlite_archive: Archive, tmp_path: Path) -> None:
    watching = Watching(sqlite_archive, tmp_path, "Khartoum")
    story = watching.flagged("Khartoum", NOW)
    assert watching.watch.run(NOW + 5 * MINUTE) == 1
    watching.ask("Kyiv")
    for number in range(6):
        watching.flagged(f"Khartoum number {number}", NOW + HOUR, story, f"outlet-{number}")
    assert watching.watch.run(NOW + HOUR + 5 * MINUTE) == 0
    watching.ask("Khartoum")
    watching.flagged("Khartoum at last", NOW + 2 * HOUR, story, "gazette")
    assert watching.watch.run(NOW + 2 * HOUR + 5 * MINUTE) == 1
    assert "update" in watching.watch.mails()[-1]["Subject"]


def test_choices_by_country_alert_too(sqlite_archive: Archive, tmp_path: Path) -> None:
    watching = Watching(sqlite_archive, tmp_path, "country:GB", source_countries=("GB",))
    watching.flagged("Anywhere", NOW)
    assert watching.watch.run(NOW + 5 * MINUTE) == 1
