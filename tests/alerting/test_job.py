"""Alerts from flags to delivered bytes, on both databases: once each, threaded, and never what was withdrawn."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from alerts.alerting import make_alerts
from alerts.delivery import enqueue
from alerts.delivery.outbox import deliver
from alerts.desks import AlertRules, Desk
from alerts.items import make_items
from alerts.ledger import alerts as queries
from alerts.ledger import deliveries
from crawler.archive import Archive
from tests.ledger.world import NOW, World, desk

ATTACK = {"rule": "attack", "severity": "critical"}
MINUTE = timedelta(minutes=1)


class Watch:
    """A world whose desk wants alerts into a folder."""

    def __init__(self, archive: Archive, folder: Path, **rules: Any) -> None:
        from alerts.routes import FolderRoute

        routes = (FolderRoute(folder / "alerts"),)
        self.world = World(archive, folder)
        self.desk: Desk = replace(desk(), alerts=AlertRules(routes=routes, **rules))
        self.folder = folder / "alerts"
        make_items(archive, [self.desk], NOW - timedelta(hours=1))
        self.run(NOW - timedelta(hours=1))

    def run(self, now: datetime) -> int:
        """Items, alerts, deliveries at `now`; returns how many alerts were decided."""
        archive, sources = self.world.archive, tuple(self.world.sources.values())
        configuration = self.world.configuration([self.desk])
        make_items(archive, [self.desk], now, sources)
        made = make_alerts(archive, [self.desk], now, sources)
        enqueue(archive, configuration, now)
        deliver(archive, configuration, lambda: now)
        return made

    def mails(self) -> list[EmailMessage]:
        """What was delivered, oldest first."""
        files = sorted(self.folder.glob("*.eml"), key=lambda path: int(path.name.split("-")[2]))
        return [message_from_bytes(path.read_bytes(), policy=policy.default) for path in files]

    def states(self) -> list[tuple[str, str]]:
        with self.world.archive.read() as connection:
            return [(row["kind"], row["state"]) for row in reversed(queries.list_alerts(connection))]


@pytest.fixture
def watch(archive: Archive, tmp_path: Path) -> Watch:
    return Watch(archive, tmp_path)


def test_a_critical_story_alerts_once(watch: Watch) -> None:
    story = watch.world.story(ATTACK)
    assert watch.run(NOW + 2 * MINUTE) == 0
    assert watch.run(NOW + 3 * MINUTE) == 1
    for minutes in (4, 40, 400, 4000):
        assert watch.run(NOW + minutes * MINUTE) == 0
    (mail,) = watch.mails()
    assert mail["Subject"] == "[Field] CRITICAL: Title 0"
    assert mail["References"] == f"<story.{story}@localhost>"
    html = mail.get_body(("html",))
    assert html is not None
    assert "Text of it." in html.get_content()
    assert "next digest, " in html.get_content()
    with watch.world.archive.read() as connection:
        (row,) = deliveries.list_deliveries(connection)
    assert (row["desk"], row["state"], row["number"]) == ("field", "sent", None)


def test_a_quieter_story_alerts_when_it_rises_and_updates_stay_in_its_thread(watch: Watch) -> None:
    high = {"rule": "attack", "severity": "high"}
    key = watch.world.article("Shelling in Veld", source="paper")
    watch.world.flag(key, **high)
    from alerts.stories import group_articles

    group_articles(watch.world.archive, NOW)
    assert watch.run(NOW + 5 * MINUTE) == 0
    watch.world.flag(key, **ATTACK | {"rule": "worse", "at": NOW + 10 * MINUTE})
    assert watch.run(NOW + 14 * MINUTE) == 1
    truce = {"rule": "truce", "topic": "ceasefire", "stage": "collapsed", "severity": "critical"}
    watch.world.flag(key, **truce, at=NOW + 20 * MINUTE)
    assert watch.run(NOW + 25 * MINUTE) == 0  # at most one update in half an hour
    assert watch.run(NOW + 44 * MINUTE) == 1
    first, second = watch.mails()
    assert first["References"] == second["References"]
    assert second["Subject"] == "[Field] CRITICAL, update: also ceasefire · collapsed: Shelling in Veld"


def test_a_desk_that_asks_for_alerts_now_is_not_told_of_yesterday(archive: Archive, tmp_path: Path) -> None:
    world = World(archive, tmp_path)
    make_items(archive, [desk()], NOW - timedelta(hours=2))
    world.story(ATTACK)
    make_items(archive, [desk()], NOW + MINUTE)
    late = Watch.__new__(Watch)
    late.world, late.folder = world, tmp_path / "alerts"
    late.desk = replace(desk(), alerts=AlertRules())
    assert late.run(NOW + 30 * MINUTE) == 0
    assert late.run(NOW + 40 * MINUTE) == 0


def test_what_is_withdrawn_before_it_is_sent_is_not_sent(watch: Watch) -> None:
    key = watch.world.article("Shelling")
    watch.world.flag(key, **ATTACK)
    from alerts.stories import group_articles

    group_articles(watch.world.archive, NOW)
    make_items(watch.world.archive, [watch.desk], NOW)
    assert make_alerts(watch.world.archive, [watch.desk], NOW + 5 * MINUTE, watch.world.sources.values()) == 1
    watch.world.withdraw(key)
    watch.run(NOW + 6 * MINUTE)
    assert watch.mails() == []
    assert watch.states() == [("new", "withdrawn")]


def test_silenced_stories_are_kept_and_only_what_is_new_after_them_alerts(watch: Watch) -> None:
    with watch.world.archive.write() as connection:
        number = queries.add_silence(
            connection,
            {"desk": "field", "story": None, "topic": "", "by": "Ana", "reason": "drill", "at": NOW - MINUTE,
             "until": NOW + timedelta(days=9)},
        )  # fmt: skip
    watch.world.story(ATTACK)
    assert watch.run(NOW + 5 * MINUTE) == 0
    assert watch.states() == [("new", "silenced")]
    with watch.world.archive.write() as connection:
        assert queries.end_silence(connection, number, NOW + 6 * MINUTE)
        assert not queries.end_silence(connection, number, NOW + 7 * MINUTE)
    assert watch.run(NOW + 60 * MINUTE) == 0
    assert watch.mails() == []


def test_a_storm_is_one_mail(archive: Archive, tmp_path: Path) -> None:
    watch = Watch(archive, tmp_path, most_an_hour=2)
    for _ in range(9):
        watch.world.story(ATTACK)
    assert watch.run(NOW + 5 * MINUTE) == 3
    assert watch.run(NOW + 6 * MINUTE) == 0
    first, second, storm = watch.mails()
    assert storm["Subject"] == "[Field] STORM: 7 stories: Title 2"
    assert {first["Subject"], second["Subject"]} == {"[Field] CRITICAL: Title 0", "[Field] CRITICAL: Title 1"}
    text = storm.get_body(("plain",))
    assert text is not None
    assert all(f"Title {number}" in text.get_content() for number in range(2, 9))
    assert watch.run(NOW + 90 * MINUTE) == 0
    assert watch.states().count(("new", "enqueued")) == 2
    assert watch.states().count(("new", "gathered")) == 7


def test_the_digest_still_tells_of_what_alerted(watch: Watch) -> None:
    watch.world.story(ATTACK)
    watch.run(NOW + 5 * MINUTE)
    assert [(story, kind, claimed) for _, story, _, kind, claimed in watch.world.items()] == [(1, "new", False)]
