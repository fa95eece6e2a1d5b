"""Deliveries against real servers and folders: what each outcome leaves in the ledger, and what comes next."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from alerts.configuration import Configuration
from alerts.delivery import DeliveryReport, byhand, deliver, enqueue
from alerts.ledger import deliveries, schema
from crawler.archive import Archive
from tests.delivery.conftest import Authority
from tests.delivery.servers import CUT, SILENT, TAKE_AND_CUT, scripted
from tests.delivery.world import MINUTE, SLOT, configure, final_bytes, freeze, row, rows

ABC = ("a@desk.example", "b@desk.example", "c@desk.example")


def run(archive: Archive, configuration: Configuration, now: datetime = SLOT) -> DeliveryReport:
    enqueue(archive, configuration, now)
    return deliver(archive, configuration, lambda: now)


def states(archive: Archive) -> list[str]:
    return [one["state"] for one in rows(archive)]


def test_everything_is_sent_over_one_connection_and_never_again(archive: Archive, tmp_path: Path) -> None:
    with scripted() as server:
        configuration = configure(tmp_path, server.port, mail=ABC, folders=("out",))
        freeze(archive, configuration)
        assert run(archive, configuration) == DeliveryReport(sent=4)
        assert run(archive, configuration, SLOT + 30 * MINUTE) == DeliveryReport()
    assert [mail.recipients for mail in server.accepted] == [(target,) for target in ABC]
    assert server.connections == 1
    assert {mail.sender for mail in server.accepted} == {"wire@news.example"}
    for one, mail in zip(rows(archive)[1:], server.accepted, strict=True):
        assert mail.data == final_bytes(archive, one["id"])
        assert (one["state"], one["reply"], one["sent_at"], one["attempts"]) == ("sent", "250 ok", SLOT, 1)
    assert (tmp_path / "out" / "sudan-1-20260301T0700Z.eml").read_bytes() == final_bytes(
        archive, rows(archive)[0]["id"]
    )


def test_partial_recipients(archive: Archive, tmp_path: Path) -> None:
    answers = {"RCPT": lambda line: {"a": "450 grey", "b": "550 unknown"}.get(line[9], "250 ok")}
    with scripted(answers=answers) as server:
        configuration = configure(tmp_path, server.port, mail=ABC)
        freeze(archive, configuration)
        report = run(archive, configuration)
        assert (report.sent, report.failed, report.waiting, report.relay_down) == (1, 1, 1, 0)
        assert "b@desk.example failed: 550 unknown" in report.troubles[0]
        assert states(archive) == ["ready", "failed", "sent"]
        assert row(archive)["next_try"] == SLOT + 5 * MINUTE
        # Too early, then in time.
        run(archive, configuration, SLOT + 4 * MINUTE)
        assert row(archive)["attempts"] == 1
        run(archive, configuration, SLOT + 5 * MINUTE)
        assert (row(archive)["attempts"], row(archive)["next_try"]) == (2, SLOT + 20 * MINUTE)
    assert [mail.recipients for mail in server.accepted] == [("c@desk.example",)]


def test_grey_for_two_days_is_given_up_loudly(
    sqlite_archive: Archive, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with scripted(answers={"RCPT": "450 grey"}) as server:
        configuration = configure(tmp_path, server.port)
        freeze(sqlite_archive, configuration)
        now, tries = SLOT, 0
        while (found := row(sqlite_archive) if tries else None) is None or found["state"] == "ready":
            now = found["next_try"] if found else SLOT
            run(sqlite_archive, configuration, now)
            tries += 1
        assert timedelta(hours=46) < now - SLOT <= timedelta(hours=48)
    assert "given up after 48 hours: 450 grey" in caplog.records[-1].message
    assert caplog.records[-1].levelno == logging.ERROR


@pytest.mark.parametrize(
    ("answers", "state"), [({"DOT": "552 too big"}, "failed"), ({"DOT": "452 disk full"}, "ready")]
)
def test_refused_at_the_dot(sqlite_archive: Archive, tmp_path: Path, answers: dict[str, str], state: str) -> None:
    with scripted(answers=answers) as server:
        configuration = configure(tmp_path, server.port)
        freeze(sqlite_archive, configuration)
        run(sqlite_archive, configuration)
    assert (row(sqlite_archive)["state"], row(sqlite_archive)["reply"]) == (state, answers["DOT"])
    assert server.accepted == []


def test_three_refusals_in_a_row_suspend_an_address_until_a_person_retries(
    archive: Archive, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    refusing = {"RCPT": lambda line: "550 unknown" if "<a@" in line else "250 ok"}
    with scripted(answers=refusing) as server:
        configuration = configure(tmp_path, server.port, mail=ABC[:2])
        freeze(archive, configuration, slots=5)
        report = run(archive, configuration)
        assert (report.sent, report.failed) == (5, 5)
        freeze_next(archive, configuration, SLOT + 60 * MINUTE)
        report = run(archive, configuration, SLOT + 60 * MINUTE)
        assert (report.sent, report.failed, report.held) == (1, 0, 1)
    held = rows(archive)[-2]
    assert (held["state"], held["attempts"]) == ("held", 0)
    assert held["reply"] == "not tried: the address is suspended: 550 unknown"
    with archive.write() as connection:
        assert byhand.retry(connection, held["id"], SLOT + 61 * MINUTE)
    with scripted() as server:
        moved = configure(tmp_path, server.port, mail=ABC[:2])
        assert run(archive, moved, SLOT + 61 * MINUTE).sent == 1
    with archive.read() as connection:
        assert deliveries.refusals_of(connection, "a@desk.example") == 0


def freeze_next(archive: Archive, configuration: Configuration, slot: datetime) -> None:
    from alerts.digests import make_digests

    assert make_digests(archive, configuration, slot)


def test_refused_mails_say_nothing_about_their_address(sqlite_archive: Archive, tmp_path: Path) -> None:
    with scripted(answers={"DOT": "554 looks like spam"}) as server:
        configuration = configure(tmp_path, server.port)
        freeze(sqlite_archive, configuration, slots=4)
        assert run(sqlite_archive, configuration).failed == 4
    with sqlite_archive.read() as connection:
        assert deliveries.refusals_of(connection, "a@desk.example") == 0


def test_a_mail_server_that_is_away_counts_once_and_costs_no_try(
    archive: Archive, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with scripted(banner="421 too busy") as server:
        configuration = configure(tmp_path, server.port, mail=ABC, folders=("out",))
        freeze(archive, configuration)
        tried = []
        for minute in range(40):
            before = server.connections
            report = run(archive, configuration, SLOT + minute * MINUTE)
            assert (report.waiting, report.relay_down) == (3, 1)
            if server.connections > before:
                tried.append(minute)
        assert tried == [0, 1, 6, 21, 36]
        assert [one["attempts"] for one in rows(archive)] == [1, 0, 0, 0]
        # Loud when it was tried, silent while it is held.
        assert len([record for record in caplog.records if "421 too busy" in record.message]) == len(tried)
    port = configuration.settings.alerts.smtp.port if configuration.settings.alerts.smtp else 0
    with scripted() as server:
        other = configure(tmp_path, server.port, mail=ABC, folders=("out",))
        assert run(archive, other, SLOT + 40 * MINUTE).sent == 3
    with archive.read() as connection:
        assert deliveries.get_relay_hold(connection, f"127.0.0.1:{port}") is not None
        assert deliveries.get_relay_hold(connection, f"127.0.0.1:{server.port}") is None


def test_a_server_that_works_again_is_held_no_longer(sqlite_archive: Archive, tmp_path: Path) -> None:
    with scripted(banner=["421 busy", "220 fine"]) as server:
        configuration = configure(tmp_path, server.port)
        freeze(sqlite_archive, configuration)
        assert run(sqlite_archive, configuration).relay_down == 1
        assert run(sqlite_archive, configuration, SLOT + MINUTE) == DeliveryReport(sent=1)
        with sqlite_archive.read() as connection:
            assert deliveries.get_relay_hold(connection, f"127.0.0.1:{server.port}") is None


def test_a_clock_set_back_holds_nothing_for_ever(sqlite_archive: Archive, tmp_path: Path) -> None:
    with scripted(banner=["421 busy", "220 fine"], answers={"RCPT": ["450 grey", "250 ok"]}) as server:
        configuration = configure(tmp_path, server.port)
        freeze(sqlite_archive, configuration)
        assert run(sqlite_archive, configuration, SLOT + timedelta(days=400)).relay_down == 1
        assert run(sqlite_archive, configuration, SLOT + timedelta(days=300)).waiting == 1
        assert run(sqlite_archive, configuration, SLOT) == DeliveryReport(sent=1)


@pytest.mark.parametrize(
    ("smtp", "server_says", "words"),
    [
        ({"user": "wire", "password_env": "WIRE_PASSWORD"}, {"answers": {"AUTH": "535 wrong"}}, "535 wrong"),
        ({"user": "wire", "password_env": "WIRE_MISSING"}, {}, "WIRE_MISSING is not set"),
        ({"user": "wire", "password_file": "no-such-file"}, {}, "no-such-file cannot be read"),
        ({}, {"answers": {"MAIL": "550 unknown sender"}}, "550 unknown sender"),
        ({"security": "starttls"}, {}, "does not offer STARTTLS"),
        ({"security": "starttls", "ca_file": "no-ca"}, {"features": ("STARTTLS",)}, "no-ca"),
    ],
)
def test_configuration_trouble_is_loud_and_loses_nothing(
    sqlite_archive: Archive,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    smtp: dict[str, Any],
    server_says: dict[str, Any],
    words: str,
) -> None:
    monkeypatch.setenv("WIRE_PASSWORD", "geheim")
    with scripted(**{"features": ("AUTH PLAIN",), **server_says}) as server:
        configuration = configure(tmp_path, server.port, mail=ABC, **smtp)
        freeze(sqlite_archive, configuration)
        for hours in (0, 12, 24, 49, 99):
            report = run(sqlite_archive, configuration, SLOT + timedelta(hours=hours))
            assert (report.waiting, report.failed, report.relay_down) == (3, 0, 1)
            assert words in report.troubles[0]
        assert "geheim" not in caplog.text
        assert caplog.records[-1].levelno == logging.ERROR
    assert {(one["state"], one["attempts"]) for one in rows(sqlite_archive)} == {("ready", 0)}
    with scripted() as server:
        mended = configure(tmp_path, server.port, mail=ABC)
        assert run(sqlite_archive, mended, SLOT + timedelta(hours=100)).sent == 3


def test_without_a_mail_server_mails_wait(sqlite_archive: Archive, tmp_path: Path) -> None:
    configuration = configure(tmp_path, 2525)
    freeze(sqlite_archive, configuration)
    enqueue(sqlite_archive, configuration, SLOT)
    bare = configure(tmp_path, 2525, mail=(), folders=("out",), alerts={"smtp": None})
    report = deliver(sqlite_archive, bare, lambda: SLOT)
    assert (report.waiting, report.relay_down) == (1, 1)
    assert "none is configured" in report.troubles[0]


def test_over_starttls_with_a_certificate_of_our_own(
    sqlite_archive: Archive, tmp_path: Path, authority: Authority
) -> None:
    with scripted(features=("STARTTLS",), tls=authority.good) as server:
        configuration = configure(tmp_path, server.port, security="starttls", ca_file=str(authority.file))
        freeze(sqlite_archive, configuration)
        assert run(sqlite_archive, configuration) == DeliveryReport(sent=1)


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
def test_cut_before_the_dot(sqlite_archive: Archive, tmp_path: Path, verb: str) -> None:
    good = "354 go" if verb == "DATA" else "250 ok"
    with scripted(answers={verb: [CUT, good]}) as server:
        configuration = configure(tmp_path, server.port, mail=ABC[:2])
        freeze(sqlite_archive, configuration)
        report = run(sqlite_archive, configuration)
        assert (report.waiting, report.doubt, report.relay_down) == (2, 0, 1)
        assert [one["attempts"] for one in rows(sqlite_archive)] == [1, 0]
        run(sqlite_archive, configuration, SLOT + MINUTE)
        assert states(sqlite_archive) == ["ready", "sent"]
        run(sqlite_archive, configuration, SLOT + 5 * MINUTE)
        assert states(sqlite_archive) == ["sent", "sent"]
    assert len(server.accepted) == 2
    assert {one["doubts"] for one in rows(sqlite_archive)} == {0}


@pytest.mark.parametrize(("answer", "copies"), [(TAKE_AND_CUT, 2), (CUT, 1), ("what?", 1)])
def test_cut_after_the_dot_is_doubt_and_goes_out_again_with_the_same_bytes(
    archive: Archive, tmp_path: Path, answer: str, copies: int, caplog: pytest.LogCaptureFixture
) -> None:
    with scripted(answers={"DOT": [answer, "250 ok"]}) as server:
        configuration = configure(tmp_path, server.port, mail=ABC[:2])
        freeze(archive, configuration)
        report = run(archive, configuration)
        # The other mail is not risked on a server that behaves so.
        assert (report.doubt, report.waiting, report.relay_down) == (1, 1, 1)
        assert "after the final dot" in row(archive)["reply"]
        for minutes in (1, 9):
            run(archive, configuration, SLOT + minutes * MINUTE)
            assert states(archive) == ["doubt", "sent"]
        assert run(archive, configuration, SLOT + 10 * MINUTE).sent == 1
        assert states(archive) == ["sent", "sent"]
        assert row(archive)["doubts"] == 1
    copies_of_a = [mail.data for mail in server.accepted if mail.recipients == ("a@desk.example",)]
    assert len(copies_of_a) == copies
    assert set(copies_of_a) == {final_bytes(archive, row(archive)["id"])}
    assert "there may be copies" in caplog.text


def test_policy_hold_leaves_the_doubt_to_a_person(sqlite_archive: Archive, tmp_path: Path) -> None:
    with scripted(answers={"DOT": [TAKE_AND_CUT, "250 ok"]}) as server:
        configuration = configure(tmp_path, server.port, mail=ABC[:2], alerts={"resend": "hold"})
        freeze(sqlite_archive, configuration)
        run(sqlite_archive, configuration)
        report = run(sqlite_archive, configuration, SLOT + 10 * MINUTE)
        assert (report.held, report.sent) == (1, 1)
        assert "held: in doubt: lost after the final dot" in report.troubles[0]
        run(sqlite_archive, configuration, SLOT + timedelta(days=9))
        assert states(sqlite_archive) == ["held", "sent"]
        held = row(sqlite_archive)["id"]
        with sqlite_archive.write() as connection:
            assert byhand.resolve(connection, held, SLOT + timedelta(days=9), sent=True)
        assert states(sqlite_archive) == ["sent", "sent"]
    assert len(server.accepted) == 2


def test_a_slow_dot_is_doubt(sqlite_archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Ten minutes is what the protocol asks for; this test has not got them.
    monkeypatch.setattr("alerts.delivery.relay.DOT_TIMEOUT", 0.2)
    with scripted(answers={"DOT": SILENT}) as server:
        configuration = configure(tmp_path, server.port, timeout_seconds=0.2)
        freeze(sqlite_archive, configuration)
        assert run(sqlite_archive, configuration).doubt == 1
    assert "timed out" in row(sqlite_archive)["reply"]


def test_an_unwritable_folder_is_delivered_later(
    archive: Archive, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    configuration = configure(tmp_path, 2525, mail=(), folders=("out", "fine"))
    (tmp_path / "out").write_text("in the way")
    freeze(archive, configuration)
    report = run(archive, configuration)
    assert (report.sent, report.waiting, report.relay_down) == (1, 1, 0)
    assert "cannot write" in report.troubles[0]
    assert row(archive, str(tmp_path / "out"))["next_try"] == SLOT + 5 * MINUTE
    (tmp_path / "out").unlink()
    assert run(archive, configuration, SLOT + 5 * MINUTE).sent == 1
    assert sorted(path.suffix for path in (tmp_path / "out").iterdir()) == [".eml", ".html", ".txt"]


def test_damaged_bytes_stop_no_other(archive: Archive, tmp_path: Path) -> None:
    with scripted() as server:
        configuration = configure(tmp_path, server.port, mail=ABC)
        freeze(archive, configuration)
        enqueue(archive, configuration, SLOT)
        with archive.write() as connection:
            table = schema.delivery
            connection.execute(sa.update(table).where(table.c.target == ABC[0]).values(body=b"damaged"))
        report = run(archive, configuration)
    assert (report.sent, report.held) == (2, 1)
    assert "damaged" in row(archive)["reply"]


def test_it_stops_between_two_deliveries_when_asked(sqlite_archive: Archive, tmp_path: Path) -> None:
    with scripted() as server:
        configuration = configure(tmp_path, server.port, mail=ABC)
        freeze(sqlite_archive, configuration)
        enqueue(sqlite_archive, configuration, SLOT)
        report = deliver(sqlite_archive, configuration, lambda: SLOT, stopping=lambda: len(server.accepted) == 1)
        assert (report.sent, report.waiting) == (1, 2)
        assert run(sqlite_archive, configuration).sent == 2


def test_a_sender_that_wakes_up_late_does_not_send_the_dot(archive: Archive, tmp_path: Path) -> None:
    """While we say the mail, another takes our lock, settles our row and claims it: it is in `sending` again."""

    def steal(line: str) -> str:
        with archive.write() as connection:
            table = schema.delivery
            connection.execute(sa.update(table).values(attempts=2, changed_at=SLOT + MINUTE))
        return "250 ok"

    with scripted(answers={"RCPT": steal}) as server:
        configuration = configure(tmp_path, server.port)
        freeze(archive, configuration)
        run(archive, configuration)
    assert server.accepted == []
    assert len(server.unfinished) == 1
    assert (row(archive)["state"], row(archive)["attempts"]) == ("sending", 2)


def test_the_archive_address_is_in_the_same_transaction(sqlite_archive: Archive, tmp_path: Path) -> None:
    with scripted() as server:
        configuration = configure(tmp_path, server.port, alerts={"archive_address": "archive@news.example"})
        freeze(sqlite_archive, configuration)
        run(sqlite_archive, configuration)
    assert server.accepted[0].recipients == ("a@desk.example", "archive@news.example")


def test_what_a_person_may_do(archive: Archive, tmp_path: Path) -> None:
    with scripted(answers={"RCPT": "550 no"}) as server:
        configuration = configure(tmp_path, server.port, mail=ABC)
        freeze(archive, configuration)
        enqueue(archive, configuration, SLOT)
        first, second, third = (one["id"] for one in rows(archive))
        with archive.write() as connection:
            assert byhand.cancel(connection, first, SLOT)
            assert not byhand.cancel(connection, 999, SLOT)
            assert not byhand.resolve(connection, first, SLOT, sent=True)
        run(archive, configuration)
        assert states(archive) == ["cancelled", "failed", "failed"]
        with archive.write() as connection:
            assert byhand.retry(connection, first, SLOT)
            assert deliveries.drop_bodies(connection, SLOT + MINUTE) == 2
            # Without bytes there is nothing to send again.
            assert not byhand.retry(connection, second, SLOT)
            assert not byhand.retry(connection, 999, SLOT)
            assert deliveries.count_by_state(connection) == {
                deliveries.State.READY: 1,
                deliveries.State.FAILED: 2,
            }
            assert deliveries.oldest_ready(connection) == SLOT
            assert [one["id"] for one in deliveries.list_deliveries(connection, ("failed",), desk="sudan")] == [
                third,
                second,
            ]
