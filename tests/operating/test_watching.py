"""Status, metrics and pings: what an operator and a monitoring system see of a real database."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families

from alerts.ledger import runs
from alerts.ledger import schema as ledger
from alerts.ledger.deliveries import NewDelivery, insert_delivery
from alerts.operating.facts import Facts, gather
from alerts.operating.metrics import exposition, write_textfile
from alerts.operating.ping import Watcher, ping
from alerts.operating.status import Line, span, tell
from crawler.archive import Archive
from crawler.archive.schema import channel
from crawler.errors import Problem
from tests.ledger.world import World, desk

NOW = datetime(2025, 3, 4, 12, 0, tzinfo=UTC)


@pytest.fixture
def world(archive: Archive, tmp_path: Path) -> World:
    return World(archive, tmp_path)


def add_channel(archive: Archive, name: str, state: str, answered: datetime | None) -> None:
    with archive.write() as connection:
        connection.execute(
            sa.insert(channel).values(
                id=name, source="post", kind="feed", url=f"https://{name}.example/", state=state, state_since=NOW,
                next_poll=NOW, interval_seconds=900, last_success=answered,
            )
        )  # fmt: skip


def add_digest(archive: Archive, slot: datetime, *states: str) -> None:
    with archive.write() as connection:
        digest = connection.execute(
            sa.insert(ledger.digest)
            .values(
                desk="field", number=1, slot=slot, state="enqueued", covers_from=slot, created_at=slot, snapshot=b""
            )
            .returning(ledger.digest.c.id)
        ).scalar_one()
        connection.execute(sa.insert(ledger.desk_state).values(desk="field", last_slot=slot, next_number=2))
        for number, state in enumerate(states):
            insert_delivery(
                connection, NewDelivery(digest, "mail", f"a{number}@x.org", f"<{number}@x>", b"bytes"), slot
            )
            connection.execute(
                sa.update(ledger.delivery).where(ledger.delivery.c.message_id == f"<{number}@x>").values(state=state)
            )


def finish(archive: Archive, job: str, at: datetime, error: str = "") -> None:
    with archive.write() as connection:
        runs.finish_run(connection, runs.start_run(connection, job, at), at, counts={}, error=error)


def screen(world: World, now: datetime = NOW) -> dict[str, list[Line]]:
    lines = tell(gather(world.archive, now), world.configuration([desk()]))
    found: dict[str, list[Line]] = {}
    for line in lines:
        found.setdefault(line.part, []).append(line)
    return found


def test_a_fresh_installation_says_how_to_begin(world: World) -> None:
    shown = screen(world)
    assert list(shown) == ["collecting", "flagged", "waiting", "sent", "doubtful", "broken"]
    assert "ceasewire run" in shown["collecting"][0].text
    assert [line.text for line in shown["broken"]] == ["nothing"]


def test_a_working_wire_is_one_quiet_screen(world: World) -> None:
    add_channel(world.archive, "a", "ok", NOW - timedelta(minutes=4))
    world.flag(world.article("Shelling", seen_at=NOW - timedelta(hours=1)), at=NOW - timedelta(minutes=50))
    add_digest(world.archive, datetime(2025, 3, 4, 5, tzinfo=UTC), "sent", "sent")
    finish(world.archive, "deliver", NOW - timedelta(minutes=3))
    shown = screen(world)
    assert {line.level for lines in shown.values() for line in lines} == {"ok"}
    assert shown["collecting"][0].text == "1 of 1 channels work; last answer 4 min ago"
    assert "1 article in 24 h; flagged: 1 civilian attack" in shown["flagged"][0].text
    assert shown["waiting"][0].text == "0 items for field, due Wed 05 Mar 07:00 EET"
    assert shown["sent"][0].text == "field: #1 for Tue 04 Mar 07:00 EET, made 7 h ago"
    assert shown["sent"][1].text == "2 deliveries sent in all"


def test_what_needs_somebody_is_named(world: World) -> None:
    add_channel(world.archive, "a", "blocked", NOW - timedelta(hours=5))
    add_channel(world.archive, "b", "layout_changed", None)
    add_digest(world.archive, datetime(2025, 3, 3, 5, tzinfo=UTC), "doubt", "held", "failed")
    finish(world.archive, "deliver", NOW - timedelta(hours=5))
    finish(world.archive, "group", NOW - timedelta(hours=1), error="Traceback:\n  somewhere\nValueError: odd")
    configuration = world.configuration([desk()])
    broken = Problem("rules/x.yaml", 1, 1, "wrong")
    lines = tell(gather(world.archive, NOW), replace(configuration, problems=(broken,)))
    text = "\n".join(f"{line.level} {line.part}: {line.text}" for line in lines)
    for expected in (
        "error collecting: 0 of 2 channels work; last answer 5 h ago; 1 blocked, 1 layout changed",
        "warning doubtful: 1 delivery doubt, since",
        "warning doubtful: 1 delivery held",
        "warning doubtful: 1 delivery failed",
        "error broken: configuration: rules/x.yaml",
        "error broken: job group: ValueError: odd (went well: never)",
        "error broken: the last whole run ended 5 h ago",
        "error broken: desk field: its digest is 7 h late",
    ):
        assert expected in text


@pytest.mark.parametrize(
    ("seconds", "said"), [(-5, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (172_800, "2 days")]
)
def test_spans(seconds: int, said: str) -> None:
    assert span(timedelta(seconds=seconds)) == said


def samples(facts: Facts) -> dict[tuple[str, str], float]:
    text = exposition(facts, [desk()]).decode()
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_metrics_are_read_by_the_reference_parser(world: World) -> None:
    add_channel(world.archive, "a", "ok", NOW)
    add_digest(world.archive, datetime(2025, 3, 3, 5, tzinfo=UTC), "sent", "ready")
    finish(world.archive, "collect", NOW - timedelta(minutes=2))
    finish(world.archive, "collect", NOW - timedelta(minutes=1), error="no network")
    found = samples(gather(world.archive, NOW))
    assert found["ceasewire_job_last_success_timestamp_seconds", "collect"] == (NOW - timedelta(minutes=2)).timestamp()
    assert found["ceasewire_job_failed", "collect"] == 1
    assert found["ceasewire_deliveries", "sent"] == 1
    assert found["ceasewire_deliveries", "doubt"] == 0
    assert found["ceasewire_channels", "ok"] == 1
    assert found["ceasewire_channels", "dead"] == 0
    assert found["ceasewire_slot_delay_seconds", "field"] == timedelta(hours=7).total_seconds()
    assert found["ceasewire_outbox_oldest_ready_seconds", ""] == timedelta(hours=31).total_seconds()


def test_the_textfile_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "ceasewire.prom"
    write_textfile(path, b"a 1\n")
    handle = path.open("rb")
    write_textfile(path, b"b 2\n")
    assert handle.read() == b"a 1\n"  # a reader that had it open sees the whole old file
    handle.close()
    assert path.read_bytes() == b"b 2\n"
    assert [file.name for file in tmp_path.iterdir()] == ["ceasewire.prom"]
    with pytest.raises(OSError, match="No such file"):
        write_textfile(tmp_path / "missing" / "x.prom", b"")


class _Check(BaseHTTPRequestHandler):
    asked: list[str]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        type(self).asked.append(self.path)
        self.send_response(500 if "refuse" in self.path else 200)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Nothing on standard error."""


@pytest.fixture
def check() -> Iterator[tuple[str, list[str]]]:
    """A real check service on loopback, and the paths it was asked for."""
    asked: list[str] = []
    handler = type("Check", (_Check,), {"asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/ping/key", asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_pings_say_start_and_exit_code(check: tuple[str, list[str]]) -> None:
    url, asked = check
    watcher = Watcher(url)
    watcher.start()
    watcher.end(75)
    assert asked == ["/ping/key/start", "/ping/key/75"]


def test_a_deaf_watcher_changes_nothing(check: tuple[str, list[str]], caplog: pytest.LogCaptureFixture) -> None:
    url, _ = check
    assert not ping(f"{url}/refuse", "0")
    assert not ping("http://127.0.0.1:1/secret-key", "0")
    assert "the ping to 127.0.0.1 failed" in caplog.text
    assert "secret-key" not in caplog.text
    Watcher("").end(0)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "example.org/x", "https://"])
def test_only_web_addresses_are_pinged(url: str) -> None:
    with pytest.raises(ValueError, match="http or https"):
        Watcher(url)
