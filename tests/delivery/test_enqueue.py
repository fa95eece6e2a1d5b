"""From a frozen digest to deliveries with final bytes: once, whole, and each target apart."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from alerts.delivery import deliver, enqueue
from alerts.delivery.mail import parts_of
from alerts.ledger import deliveries, schema
from alerts.ledger.digests import find_snapshot
from crawler.archive import Archive
from crawler.archive.texts import pack_bytes
from tests.delivery.test_mail import read
from tests.delivery.world import MINUTE, SLOT, configure, final_bytes, freeze, row, rows


def states_of_digests(archive: Archive) -> list[str]:
    with archive.read() as connection:
        return list(connection.execute(sa.select(schema.digest.c.state).order_by(schema.digest.c.id)).scalars())


def test_one_delivery_for_each_target_with_the_digest_in_it(archive: Archive, tmp_path: Path) -> None:
    mail = ("a@desk.example", "b@desk.example", "A@desk.example")
    configuration = configure(tmp_path, 2525, mail=mail, folders=("out", "out"))
    freeze(archive, configuration)
    assert enqueue(archive, configuration, SLOT + MINUTE) == 3
    found = rows(archive)
    folder = str(tmp_path.absolute() / "out")
    assert [(one["route"], one["target"]) for one in found] == [
        ("folder", folder),
        ("mail", "a@desk.example"),
        ("mail", "b@desk.example"),
    ]
    assert {(one["state"], one["number"], one["slot"], one["attempts"]) for one in found} == {("ready", 1, SLOT, 0)}
    with archive.read() as connection:
        snapshot = find_snapshot(connection, "sudan", 1)
    assert snapshot is not None
    for one in found:
        message = read(final_bytes(archive, one["id"]))
        assert message["Message-ID"] == one["message_id"]
        assert message["Date"].datetime == SLOT + MINUTE
        assert "[Sudan]" in message["Subject"]
        assert snapshot["slot"]["time"] in parts_of(final_bytes(archive, one["id"]))[1]
    assert states_of_digests(archive) == ["enqueued"]


def test_again_does_nothing(archive: Archive, tmp_path: Path) -> None:
    configuration = configure(tmp_path, 2525)
    freeze(archive, configuration)
    assert enqueue(archive, configuration, SLOT) == 1
    before = rows(archive), final_bytes(archive, 1)
    assert enqueue(archive, configuration, SLOT + MINUTE) == 0
    assert (rows(archive), final_bytes(archive, 1)) == before


def test_several_at_once_make_each_delivery_once(archive: Archive, tmp_path: Path) -> None:
    configuration = configure(tmp_path, 2525, mail=("a@desk.example", "b@desk.example"))
    freeze(archive, configuration, slots=3)
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: enqueue(archive, configuration, SLOT), range(4)))
    assert sum(made) == len(rows(archive)) == 6
    assert states_of_digests(archive) == ["enqueued"] * 3


def test_a_digest_that_cannot_be_rendered_waits_and_stops_no_other(
    sqlite_archive: Archive, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    configuration = configure(tmp_path, 2525)
    freeze(sqlite_archive, configuration, slots=3)
    with sqlite_archive.write() as connection:
        for number, snapshot in ((1, b"damaged"), (2, pack_bytes(b'{"format": 1}'))):
            table = schema.digest
            connection.execute(sa.update(table).where(table.c.number == number).values(snapshot=snapshot))
    assert enqueue(sqlite_archive, configuration, SLOT) == 1
    assert [one["number"] for one in rows(sqlite_archive)] == [3]
    assert states_of_digests(sqlite_archive) == ["frozen", "frozen", "enqueued"]
    assert "sudan #1 cannot be rendered" in caplog.text
    assert deliver(sqlite_archive, replace(configuration, desks=()), lambda: SLOT - MINUTE).frozen == 2


def test_a_digest_of_a_desk_that_is_gone_waits(
    sqlite_archive: Archive, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    configuration = configure(tmp_path, 2525)
    freeze(sqlite_archive, configuration)
    with caplog.at_level(logging.ERROR):
        assert enqueue(sqlite_archive, replace(configuration, desks=()), SLOT) == 0
    assert "no such desk is configured" in caplog.text
    assert enqueue(sqlite_archive, configuration, SLOT) == 1


def test_a_target_that_cannot_be_addressed_fails_alone(sqlite_archive: Archive, tmp_path: Path) -> None:
    configuration = configure(tmp_path, 2525, mail=("a@desk.example",))
    desk = configuration.desks[0]
    (route,) = desk.routes
    assert route.kind == "mail"
    wide = replace(desk, routes=(replace(route, to=("jürgen@desk.example", "a@desk.example")),))
    freeze(sqlite_archive, configuration)
    assert enqueue(sqlite_archive, replace(configuration, desks=(wide,)), SLOT) == 2
    assert row(sqlite_archive)["state"] == "ready"
    failed = row(sqlite_archive, "jürgen@desk.example")
    assert failed["state"] == "failed"
    assert "only ASCII" in failed["reply"]
    with sqlite_archive.read() as connection:
        assert not deliveries.has_bytes(connection, failed["id"])
