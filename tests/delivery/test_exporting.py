"""A digest as a file, on both databases: which delivered copy is taken, and what is made when none is kept."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from alerts.delivery.enqueue import enqueue
from alerts.delivery.exporting import Format, export_digest
from alerts.delivery.mail import parts_of
from alerts.digests import make_digests
from alerts.digests.render import render
from alerts.items import make_items, start_desks
from alerts.ledger import deliveries, digests
from alerts.ledger import schema as ledger
from alerts.options import Secret
from alerts.routes import MailRoute, SiteRoute, WebhookRoute
from crawler.archive import Archive
from tests.ledger.world import NOW, World, desk

HOOK = "https://desk.example.org/hook"


def test_the_copy_that_was_delivered_is_taken(archive: Archive, tmp_path: Path) -> None:
    world = World(archive, tmp_path)
    routes = (WebhookRoute(HOOK, Secret("HOOK")), SiteRoute(Path("/www")), MailRoute(("a@b.org", "c@d.org")))
    one = desk(routes=routes)
    start_desks(world.archive, [one], NOW, timedelta(days=1))
    world.story({})
    make_items(world.archive, [one], NOW, world.sources.values())
    configuration = world.configuration([one])
    make_digests(world.archive, configuration, NOW)
    assert enqueue(world.archive, configuration, NOW) == 4
    bodies = {}
    with world.archive.read() as connection:
        for row in deliveries.deliveries_of(connection, one.id, 1):
            bodies[row.target] = deliveries.delivery_bytes(connection, row.id) or b""

    def exported(form: Format, to: str = "", number: int = 1) -> tuple[bytes, str] | None:
        options = configuration.settings.alerts
        with world.archive.read() as connection:
            found = export_digest(connection, (one.id, number), form, render, options, to=to)
        return None if found is None else (found.data, found.target)

    assert list(bodies) == [HOOK, "site:/www", "a@b.org", "c@d.org"]
    assert exported("json") == (bodies[HOOK], HOOK)
    assert exported("json", to="site:/www") == (bodies[HOOK], "site:/www")
    assert exported("eml") == (bodies["a@b.org"], "a@b.org")
    assert exported("eml", to="C@D.org") == (bodies["c@d.org"], "c@d.org")
    html, text = (part.replace("\r\n", "\n").encode() for part in parts_of(bodies["a@b.org"]))
    assert exported("html") == (html, "a@b.org")
    assert exported("text", to="site:/www") == (text, "site:/www")
    assert exported("eml", to=HOOK) is None
    assert exported("html", number=2) is None
    with world.archive.write() as connection:
        connection.execute(ledger.delivery.update().values(body=None))
    assert exported("eml", to="c@d.org") == (bodies["c@d.org"], "")
    assert exported("html") == (html, "")
    assert exported("json") == (bodies[HOOK], "")
    with world.archive.read() as connection:
        assert digests.last_slots(connection) == {one.id: NOW - timedelta(minutes=1)}
