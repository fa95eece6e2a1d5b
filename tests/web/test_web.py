"""The web side against a real server and a real database: health, metrics, verdicts, unsubscribing, refusals."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.delivery import enqueue
from alerts.desks import Desk
from alerts.digests import make_digests
from alerts.items import make_items
from alerts.ledger import deliveries
from alerts.ledger import schema as ledger
from alerts.links import Signer, local_part, placeholder
from alerts.options import AlertsOptions, Settings, WebOptions
from alerts.routes import FolderRoute, MailRoute
from alerts.web.app import Site, serving
from crawler.archive import Archive
from tests.ledger.world import NOW, World, desk

SECRET = "a secret of sixteen letters and more"
READERS = ("ana@desk.example", "ben@desk.example")


class Wire:
    """A world with a desk of two readers, and the web side in front of it."""

    def __init__(self, archive: Archive, folder: Path, url: str) -> None:
        self.world = World(archive, folder)
        self.archive = archive
        routes = (MailRoute(READERS), FolderRoute(folder / "out"))
        self.desk: Desk = replace(desk(), routes=routes)
        self.url = url

    def configuration(self) -> Any:
        web = WebOptions(url=self.url, secret_env="READER_SECRET")
        settings = Settings(alerts=AlertsOptions(web=web))
        return self.world.configuration([self.desk], settings=settings)

    def send(self) -> None:
        make_items(self.archive, [self.desk], NOW)
        assert make_digests(self.archive, self.configuration(), NOW)
        enqueue(self.archive, self.configuration(), NOW)

    def mails(self) -> dict[str, EmailMessage]:
        """The final bytes by target."""
        with self.archive.read() as connection:
            rows = deliveries.list_deliveries(connection)
            found = {row["target"]: deliveries.delivery_bytes(connection, row["id"]) for row in rows}
        return {target: message_from_bytes(data or b"", policy=policy.default) for target, data in found.items()}


def body(mail: EmailMessage, kind: str = "html") -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READER_SECRET", SECRET)


def talk(archive: Archive, folder: Path, requests: Any) -> Any:
    """Run `requests(wire, session, base)` with the web side up on a port of its own."""

    async def run() -> Any:
        wire = Wire(archive, folder, "http://127.0.0.1:1")
        site = Site(archive, wire.configuration, lambda: NOW)
        async with serving(site, "127.0.0.1", 0) as port, aiohttp.ClientSession() as session:
            wire.url = f"http://127.0.0.1:{port}"
            return await requests(wire, session)

    return asyncio.run(run())


async def filled(wire: Wire) -> dict[str, EmailMessage]:
    story = {"rule": "attack", "severity": "high"}
    make_items(wire.archive, [wire.desk], NOW.replace(hour=1))
    wire.world.story(story)
    await asyncio.to_thread(wire.send)
    return wire.mails()


def test_each_reader_has_links_of_their_own_and_files_have_none(archive: Archive, tmp_path: Path) -> None:
    async def requests(wire: Wire, session: aiohttp.ClientSession) -> None:
        mails = await filled(wire)
        links = {}
        for reader in READERS:
            (link,) = set(re.findall(r"http://127[^\"]+/f/[^\"]+", body(mails[reader])))
            links[reader] = link
            assert link in body(mails[reader], "plain")
            assert mails[reader]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
            assert re.fullmatch(rf"<{wire.url}/u/[^>]+>", str(mails[reader]["List-Unsubscribe"]))
        assert len(set(links.values())) == 2
        (other,) = set(mails) - set(READERS)
        assert "/f/" not in body(mails[other])
        assert mails[other]["List-Unsubscribe"] is None

    talk(archive, tmp_path, requests)


def test_looking_changes_nothing_and_a_post_keeps_the_verdict(archive: Archive, tmp_path: Path) -> None:
    async def requests(wire: Wire, session: aiohttp.ClientSession) -> None:
        mails = await filled(wire)
        (link,) = set(re.findall(r"http://127[^\"]+/f/[^\"]+", body(mails[READERS[0]])))
        async with session.get(link) as answer:
            assert answer.status == 200
            assert "Title 0" in await answer.text()
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert wire.world.rows(ledger.verdict) == []
        for judgement, code in (("not", 200), ("delete", 400), ("relevant", 200)):
            async with session.post(link, data={"judgement": judgement}) as answer:
                assert answer.status == code
        rows = wire.world.rows(ledger.verdict)
        assert [(row["judgement"], row["by"], row["topic"], row["article"], row["at"]) for row in rows] == [
            ("not", READERS[0], "civilian_attack", 1, NOW),
            ("relevant", READERS[0], "civilian_attack", 1, NOW),
        ]
        # An article that the digest did not tell of, and tokens that were not made by us.
        other = wire.world.article("Not told")
        token = urlsplit(link).path.split("/")[2]
        for path in (f"/f/{token}/{other}", f"/f/{token[:-1]}x/1", f"/f/{token}/1/2", "/f/x/1", "/", "/f/%00/1"):
            async with session.post(wire.url + path, data={"judgement": "not"}) as answer:
                assert answer.status in {404, 405}
        assert len(wire.world.rows(ledger.verdict)) == 2

    talk(archive, tmp_path, requests)


def test_one_click_takes_a_reader_off_that_desk_alone(archive: Archive, tmp_path: Path) -> None:
    async def requests(wire: Wire, session: aiohttp.ClientSession) -> None:
        mails = await filled(wire)
        link = str(mails[READERS[0]]["List-Unsubscribe"]).strip("<>")
        async with session.get(link) as answer:
            assert "Stop these mails?" in await answer.text()
        assert wire.world.rows(ledger.unsubscribed) == []
        async with session.post(link, data={"List-Unsubscribe": "One-Click"}) as answer:
            page = await answer.text()
            assert answer.status == 200
        (row,) = wire.world.rows(ledger.unsubscribed)
        assert (row["desk"], row["address"], row["how"]) == ("field", READERS[0], "link")
        (undo,) = re.findall(r'action="([^"]+)"', page)
        off = [place[1] for place in _places(wire)]
        assert off == [READERS[1], str(tmp_path / "out")]
        async with session.post(link.rpartition("/")[0] + "/" + undo) as answer:
            assert "back on the list" in await answer.text()
        assert wire.world.rows(ledger.unsubscribed) == []

    talk(archive, tmp_path, requests)


def _places(wire: Wire) -> list[tuple[str, str, str]]:
    from alerts.delivery.enqueue import _Enqueuing

    return _Enqueuing(wire.archive, wire.configuration(), NOW)._places(
        wire.desk, wire.desk.routes, lambda route: (NOW, route)
    )


def test_without_a_reachable_server_there_are_no_links(
    archive: Archive, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wire = Wire(archive, tmp_path, "http://127.0.0.1:1")
    asyncio.run(filled(wire))
    for mail in wire.mails().values():
        assert "127.0.0.1:1" not in body(mail) + body(mail, "plain")
        assert mail["List-Unsubscribe"] is None
    assert "mails go without links" in caplog.text


def test_health_and_metrics(archive: Archive, tmp_path: Path) -> None:
    async def requests(wire: Wire, session: aiohttp.ClientSession) -> None:
        async with session.get(f"{wire.url}/healthz") as answer:
            assert answer.status == 200
            told = await answer.json()
        assert told["status"] == "ok"
        assert {line["part"] for line in told["lines"]} >= {"collecting", "doubtful", "broken"}
        async with session.get(f"{wire.url}/metrics") as answer:
            assert "ceasewire_channels{" in await answer.text()
        await filled(wire)
        with wire.archive.write() as connection:
            connection.execute(ledger.digest.update().values(state="frozen"))
        async with session.get(f"{wire.url}/healthz") as answer:
            assert (answer.status, (await answer.json())["status"]) == (503, "failing")
        async with session.post(f"{wire.url}/u/x", data=b"x" * 100_000) as answer:
            assert answer.status in {404, 413}

    talk(archive, tmp_path, requests)


@given(st.from_regex(r"[a-z0-9-]{1,32}\.[0-9T]{14}Z\.[0-9a-f]{16}", fullmatch=True), st.text(min_size=16))
def test_only_our_own_tokens_are_read(identity: str, other: str) -> None:
    signer = Signer(SECRET)
    token = signer.token(identity)
    assert signer.identity_of(token) == identity
    assert len(token) == len(placeholder(identity))
    assert signer.identity_of(token[:-1] + ("-" if token[-1] != "-" else "_")) is None
    if other != SECRET:
        assert Signer(other).identity_of(token) is None
    assert signer.identity_of("x" + token) is None


@given(st.text())
def test_any_text_is_refused_quietly(token: str) -> None:
    assert Signer(SECRET).identity_of(token) is None


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="16 characters"):
        Signer("short")
    assert local_part("<a.b.c@x.org>") == "a.b.c"
