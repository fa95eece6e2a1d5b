"""Webhook, chat and site, each against something real: an HTTP server, Apprise, files on disk."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import feedparser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.delivery import enqueue, states, webhook
from alerts.delivery.mail import parts_of
from alerts.delivery.outbox import deliver
from alerts.delivery.site import write_edition
from alerts.digests.brief import fit_lines
from alerts.ledger.digests import store_snapshot
from crawler.archive import Archive
from tests.delivery.world import MINUTE, SLOT, configure_routes, final_bytes, freeze, rows
from tests.delivery.zygote import Zygote, run_once
from tests.digests import samples

SECRET = "whsec_" + base64.b64encode(b"known to both sides").decode()


class Receiver:
    """A real HTTP server that records what it is sent; answers with `answers` in turn, then with 204."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                code, headers = receiver.answers.pop(0) if receiver.answers else (204, {})
                self.send_response(code)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                """Nothing on standard error."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture(scope="module")
def _running() -> Iterator[Receiver]:
    running = Receiver()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOOK_SECRET", SECRET)
        patch.setenv("CHAT_URL", f"json://127.0.0.1:{running.port}/room")
        yield running
    running.close()


@pytest.fixture
def receiver(_running: Receiver) -> Receiver:
    _running.got.clear()
    _running.answers.clear()
    return _running


def hook(receiver: Receiver) -> dict[str, Any]:
    return {"webhook": f"http://127.0.0.1:{receiver.port}/in", "secret_env": "HOOK_SECRET"}


CHAT = {"chat": "team", "url_env": "CHAT_URL"}


def is_genuine(headers: dict[str, str], body: bytes) -> bool:
    """The receiver's own check, as the standard describes it."""
    signed = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
    expected = base64.b64encode(hmac.digest(b"known to both sides", signed, hashlib.sha256)).decode()
    return headers["webhook-signature"] == f"v1,{expected}"


def test_a_webhook_gets_the_signed_document(archive: Archive, tmp_path: Path, receiver: Receiver) -> None:
    configuration = configure_routes(tmp_path / "config", [hook(receiver)])
    freeze(archive, configuration)
    run_once(archive, configuration, SLOT)
    ((headers, body),) = receiver.got
    assert is_genuine(headers, body)
    assert not is_genuine(headers, body + b" ")
    document = json.loads(body)
    assert document["type"] == "ceasewire.digest/1"
    assert (document["desk"], document["number"], document["slot"]) == ("sudan", 1, SLOT.isoformat())
    (row,) = rows(archive)
    assert row["state"] == "sent"
    assert headers["webhook-id"] == row["message_id"].strip("<>")


def test_an_unwilling_webhook_is_asked_again_with_the_same_id(
    archive: Archive, tmp_path: Path, receiver: Receiver
) -> None:
    configuration = configure_routes(tmp_path / "config", [hook(receiver)])
    freeze(archive, configuration)
    receiver.answers = [(503, {"Retry-After": "1200"}), (429, {}), (500, {})]
    run_once(archive, configuration, SLOT)
    (row,) = rows(archive)
    assert row["state"] == "ready"
    assert row["next_try"] == SLOT + timedelta(minutes=20)  # longer than our own five minutes
    run_once(archive, configuration, SLOT + 19 * MINUTE)
    assert len(receiver.got) == 1
    for minutes in (20, 60, 120):
        run_once(archive, configuration, SLOT + minutes * MINUTE)
    assert rows(archive)[0]["state"] == "sent"
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    assert len({body for _, body in receiver.got}) == 1
    assert all(is_genuine(headers, body) for headers, body in receiver.got)


@pytest.mark.parametrize(("code", "said"), [(410, "410"), (401, "401"), (302, "redirects are not followed")])
def test_a_refusal_is_final(sqlite_archive: Archive, tmp_path: Path, receiver: Receiver, code: int, said: str) -> None:
    configuration = configure_routes(tmp_path / "config", [hook(receiver)])
    freeze(sqlite_archive, configuration)
    receiver.answers = [(code, {"Location": f"http://127.0.0.1:{receiver.port}/elsewhere"})]
    run_once(sqlite_archive, configuration, SLOT)
    (row,) = rows(sqlite_archive)
    assert row["state"] == "failed"
    assert said in row["reply"]
    assert len(receiver.got) == 1


def test_a_receiver_that_is_away_is_tried_again(sqlite_archive: Archive, tmp_path: Path, receiver: Receiver) -> None:
    nobody = {"webhook": "http://127.0.0.1:1/in", "secret_env": "HOOK_SECRET"}
    configuration = configure_routes(tmp_path / "config", [nobody])
    freeze(sqlite_archive, configuration)
    run_once(sqlite_archive, configuration, SLOT)
    (row,) = rows(sqlite_archive)
    assert row["state"] == "ready"
    assert "127.0.0.1 cannot be reached" in row["reply"]


@pytest.mark.parametrize(
    ("header", "minutes"),
    [("600", 10), ("Sun, 01 Mar 2026 07:30:00 GMT", 30), ("Sun, 01 Mar 2026 06:00:00 GMT", 0), ("soon", 0), ("", 0)],
)
def test_retry_after_is_seconds_or_a_date(header: str, minutes: int) -> None:
    assert webhook.judge(429, "", header, SLOT) == states.Postponed("429", timedelta(minutes=minutes))


def test_a_missing_secret_waits_for_the_operator(
    sqlite_archive: Archive, tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration = configure_routes(tmp_path / "config", [hook(receiver), CHAT])
    freeze(sqlite_archive, configuration)
    monkeypatch.delenv("HOOK_SECRET")
    monkeypatch.delenv("CHAT_URL")
    run_once(sqlite_archive, configuration, SLOT)
    assert {row["state"] for row in rows(sqlite_archive)} == {"ready"}
    assert all("is not set" in row["reply"] for row in rows(sqlite_archive))
    assert receiver.got == []
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    run_once(sqlite_archive, configuration, SLOT + 5 * MINUTE)
    assert len(receiver.got) == 1


def test_a_chat_gets_a_few_lines_through_apprise(archive: Archive, tmp_path: Path, receiver: Receiver) -> None:
    pytest.importorskip("apprise", reason="the extra ceasewire[chat] is not installed")
    configuration = configure_routes(tmp_path / "config", [CHAT])
    freeze(archive, configuration)
    receiver.answers = [(500, {})]
    run_once(archive, configuration, SLOT)
    (row,) = rows(archive)
    assert row["state"] == "ready"
    assert "JSON did not take it" in row["reply"]
    run_once(archive, configuration, SLOT + 5 * MINUTE)
    assert rows(archive)[0]["state"] == "sent"
    message = json.loads(receiver.got[-1][1])
    assert message["title"].startswith("[Sudan] ")
    assert message["message"].endswith("0 articles read from 0 of 0 sources")


@given(st.lists(st.text(max_size=60).map(lambda text: text.replace("\n", " ")), min_size=1, max_size=40),
       st.integers(80, 2000))  # fmt: skip
def test_lines_are_whole_and_fit(lines: list[str], limit: int) -> None:
    text = fit_lines(lines, limit)
    assert len(text) <= limit
    shown = text.split("\n")
    if shown != lines:
        kept = len(shown) - 2
        assert shown[:kept] == lines[:kept]
        assert shown[-2] == f"and {len(lines) - 1 - kept} more"
        assert shown[-1] == lines[-1]


def edition(number: int, desk: str = "sudan", stories: int = 2, title: str = "Market <shelled> & burnt") -> bytes:
    made = datetime(2026, 1, 31, 7, tzinfo=UTC) + timedelta(days=number)
    story = {
        "revision": 1, "kind": "new", "change": "", "title": title, "url": "https://paper.example/a", "language": "en",
        "source": "The Paper", "party": "", "severity": "high", "class": "event", "outlets": 1,
        "mentions": [{"topic": "civilian_attack", "stages": []}],
        "evidence": [{"rule": "r", "sentence": "Shells hit the market."}],
    }  # fmt: skip
    document = {
        "desk": desk, "title": desk.title(), "number": number, "slot": made.isoformat(), "made": made.isoformat(),
        "subject": f"[{desk}] <b>{number}</b>", "counts": {"high": stories},
        "stories": [{**story, "story": number * 1000 + key} for key in range(stories)],
    }  # fmt: skip
    pages = {"html": f"<html><body class='b'><p>Digest {number}</p></body></html>", "text": f"Digest {number}\n"}
    return json.dumps({"document": document, **pages}).encode()


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_site_has_pages_indexes_feeds_and_json(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        write_edition(tmp_path, edition(number), "news.example")
    write_edition(tmp_path, edition(1, desk="Gaza desk"), "news.example")
    front = (tmp_path / "index.html").read_text("utf-8")
    assert front.index("sudan/3.html") < front.index("sudan/2.html")
    assert "&lt;b&gt;3&lt;/b&gt;" in front
    index = (tmp_path / "sudan/index.html").read_text("utf-8")
    assert [index.index(words) for words in ("February 2026", "3.html", "2.html", "1.html")] == sorted(
        index.index(words) for words in ("February 2026", "3.html", "2.html", "1.html")
    )
    assert 'href="index.html">All digests</a></nav><p>Digest 2</p>' in (tmp_path / "sudan/2.html").read_text("utf-8")
    feed = feedparser.parse((tmp_path / "feed.atom").read_bytes())
    assert not feed.bozo
    assert len(feed.entries) == 8
    assert len({entry.id for entry in feed.entries}) == 8
    assert feed.entries[0].title == "Market <shelled> & burnt"
    assert feed.entries[0].id == "tag:news.example,2026:ceasewire/sudan/3000/1"
    assert {tag.term for tag in feed.entries[0].tags} == {"high", "Attack on civilians"}
    assert len(json.loads((tmp_path / "sudan/stories.json").read_bytes())) == 6


def test_writing_again_changes_nothing_and_heals(tmp_path: Path) -> None:
    for number in (1, 2):
        write_edition(tmp_path, edition(number), "news.example")
    before = files(tmp_path)
    write_edition(tmp_path, edition(2), "news.example")
    assert files(tmp_path) == before
    (tmp_path / "sudan/editions.json").write_text("{broken")
    (tmp_path / "index.html").unlink()
    write_edition(tmp_path, edition(1), "news.example")
    assert files(tmp_path) == before


def test_a_feed_holds_the_newest_stories_only(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        write_edition(tmp_path, edition(number, stories=120), "news.example")
    found = json.loads((tmp_path / "stories.json").read_bytes())
    assert len(found) == 200
    assert {story["digest"] for story in found} == {2, 3}


def test_mails_lead_to_the_page_that_holds_every_story(sqlite_archive: Archive, tmp_path: Path) -> None:
    site = {"site": "www", "site_url": "https://www.desk.example/told/"}
    configuration = configure_routes(tmp_path / "config", [{"mail": ["a@desk.example"]}, site])
    freeze(sqlite_archive, configuration)
    with sqlite_archive.write() as connection:
        store_snapshot(connection, 1, samples.snapshot(samples.stories(60), budget=8_000))
    assert enqueue(sqlite_archive, configuration, SLOT) == 2
    mail, page = (final_bytes(sqlite_archive, row["id"]) for row in rows(sqlite_archive))
    for part in parts_of(mail):
        assert "https://www.desk.example/told/field/214.html" in part
        assert " more" in part
    place = write_edition(tmp_path / "www", page, "news.example")
    assert place == tmp_path / "www/field/214.html"
    written = place.read_text("utf-8")
    assert written.count('class="q"') == 60
    assert " more" not in written
    assert "in the browser" not in written


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_unwritable_site_waits(sqlite_archive: Archive, tmp_path: Path) -> None:
    configuration = configure_routes(tmp_path / "config", [{"site": "www"}])
    (tmp_path / "config/www").mkdir(mode=0o500)
    freeze(sqlite_archive, configuration)
    run_once(sqlite_archive, configuration, SLOT)
    assert rows(sqlite_archive)[0]["state"] == "ready"


KILLS = [
    ("site", "site.page", 0, 0), ("site", "site.indexed", 0, 0), ("hook", "deliver.claimed", 0, 1),
    ("hook", "webhook.answered", 1, 2), ("chat", "deliver.claimed", 0, 1), ("chat", "chat.doubt", 0, 1),
    ("chat", "chat.answered", 1, 2),
]  # fmt: skip


@pytest.mark.parametrize(("route", "kill_at", "before", "after"), KILLS, ids=[kill[1] + kill[0] for kill in KILLS])
def test_a_kill_loses_nothing(
    sqlite_url: str, sqlite_archive: Archive, tmp_path: Path, receiver: Receiver, zygote: Zygote, *, route: str,
    kill_at: str, before: int, after: int,
) -> None:  # fmt: skip
    routes: dict[str, dict[str, Any]] = {"site": {"site": "www"}, "hook": hook(receiver), "chat": CHAT}
    if route == "chat":
        pytest.importorskip("apprise", reason="the extra ceasewire[chat] is not installed")
    configuration = configure_routes(tmp_path / "config", [routes[route]])
    freeze(sqlite_archive, configuration)
    assert zygote.run(sqlite_url, tmp_path / "config", SLOT, kill_at)
    assert len(receiver.got) == before
    doubtful = rows(sqlite_archive)[0]["state"] == "doubt"
    assert doubtful == kill_at.startswith("chat.")
    for minutes in (1, 12, 24):
        run_once(sqlite_archive, configuration, SLOT + minutes * MINUTE)
    (row,) = rows(sqlite_archive)
    assert (row["state"], row["doubts"]) == ("sent", int(doubtful))
    # Twice only where a kill came after the answer: a webhook's receiver knows the id, a chat's reader sees the doubt.
    assert len(receiver.got) == after
    assert len({body for _, body in receiver.got}) <= 1
    if route == "site":
        assert {"index.html", "sudan/1.html", "sudan/index.html", "feed.atom"} <= set(files(tmp_path / "config/www"))


def test_every_route_gets_its_own_delivery(sqlite_archive: Archive, tmp_path: Path, receiver: Receiver) -> None:
    routes = [{"folder": "www"}, {"site": "www"}, hook(receiver), CHAT]
    configuration = configure_routes(tmp_path / "config", routes)
    freeze(sqlite_archive, configuration)
    assert enqueue(sqlite_archive, configuration, SLOT) == 4
    report = deliver(sqlite_archive, configuration, lambda: SLOT)
    assert report.sent == 4
    assert len({row["target"] for row in rows(sqlite_archive)}) == 4
