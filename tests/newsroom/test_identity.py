"""A newsroom of a folder is the same newsroom the next time, and leaves nothing behind when it stops."""

from __future__ import annotations

import json
import re
import socket
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from alerts.newsroom import Fault, Newsroom, NewsroomError, PortTakenError
from alerts.newsroom.server import PORTS
from tests.newsroom.conftest import ANCHOR, OUTLETS, get


def everything(newsroom: Newsroom) -> dict[str, bytes]:
    paths = [
        (outlet.id, path)
        for outlet in newsroom.outlets
        for path in ("/", "/robots.txt", outlet.channels[0].path, *(article.path for article in outlet.articles))
    ]
    paths.append(("map", "/sitemaps/news.xml.gz"))
    return {newsroom.url(outlet, path): get(newsroom.url(outlet, path)).body for outlet, path in paths}


def test_same_folder_serves_the_same_bytes_at_the_same_addresses(tmp_path: Path) -> None:
    with Newsroom(tmp_path, outlets=OUTLETS) as first:
        before = everything(first)
        known = get(first.url("rss", "/rss.xml")).validators
    with Newsroom(tmp_path, outlets=OUTLETS) as second:
        assert second.anchor == first.anchor
        assert everything(second) == before
        assert get(second.url("rss", "/rss.xml"), headers=known).status == 304
    assert set(first.ports.values()) <= set(PORTS)


def test_data_and_anchor_decide_the_bytes(tmp_path: Path) -> None:
    ports = {outlet.id: 20000 + number for number, outlet in enumerate(OUTLETS)}
    editions = [Newsroom(anchor=ANCHOR + timedelta(hours=hours), outlets=OUTLETS) for hours in (0, 0, 1)]
    for newsroom in editions:
        newsroom._identity = type(newsroom._identity)(newsroom.anchor, ports)
    same, again, later = [newsroom.edition("rss") for newsroom in editions]
    assert same == again
    assert later.articles[0].published == ANCHOR - timedelta(hours=1.5)
    assert same.articles[0].published == ANCHOR - timedelta(hours=2.5)


def test_a_new_outlet_gets_a_port_and_the_others_keep_theirs(tmp_path: Path) -> None:
    with Newsroom(tmp_path, ANCHOR, outlets=OUTLETS[:2]) as newsroom:
        before = dict(newsroom.ports)
    with Newsroom(tmp_path, ANCHOR, outlets=OUTLETS[:3]) as newsroom:
        assert {name: newsroom.ports[name] for name in before} == before
        assert newsroom.ports["rdf"] not in before.values()
    with Newsroom(tmp_path, ANCHOR, outlets=OUTLETS[:1]):
        pass
    assert set(json.loads((tmp_path / "newsroom.json").read_text())["ports"]) == {"rss", "full", "rdf"}


def test_a_taken_port_is_named_and_nothing_stays_open(tmp_path: Path) -> None:
    with Newsroom(tmp_path, ANCHOR, outlets=OUTLETS) as newsroom:
        ports = newsroom.ports
    with socket.create_server(("127.0.0.1", ports["json"])):
        with pytest.raises(PortTakenError, match=f"port {ports['json']} of json is in use"):
            Newsroom(tmp_path, ANCHOR, outlets=OUTLETS).start()
        with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", ports["rss"]), timeout=5):
            pass
    with Newsroom(tmp_path, outlets=OUTLETS) as newsroom:
        assert newsroom.ports == ports


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"anchor": "2026-05-05T12:00:00", "ports": {}}', '{"anchor": 3, "ports": {}}']
)
def test_a_damaged_anchor_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "newsroom.json").write_text(text)
    with pytest.raises(NewsroomError, match=r"newsroom\.json was damaged .* start over in an empty folder"):
        Newsroom(tmp_path, outlets=OUTLETS)


def test_another_anchor_for_a_folder_is_refused(tmp_path: Path) -> None:
    with Newsroom(tmp_path, ANCHOR, outlets=OUTLETS):
        pass
    with pytest.raises(NewsroomError, match="has the anchor 2026-05-05T12:30:00"):
        Newsroom(tmp_path, ANCHOR + timedelta(hours=1), outlets=OUTLETS)


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    threads = threading.active_count()
    with pytest.raises(NewsroomError, match="file"):
        Newsroom(tmp_path / "file", outlets=OUTLETS).start()
    assert threading.active_count() == threads


def test_stopping_leaves_no_thread_and_hangs_up_on_everybody() -> None:
    before = set(threading.enumerate())
    newsroom = Newsroom(anchor=ANCHOR, outlets=OUTLETS).start()
    newsroom.fault("rss", "/rss.xml", Fault.SLOW, seconds=600)
    idle = socket.create_connection(("127.0.0.1", newsroom.ports["json"]), timeout=10)
    slow = socket.create_connection(("127.0.0.1", newsroom.ports["rss"]), timeout=10)
    slow.sendall(b"GET /rss.xml HTTP/1.1\r\nHost: x\r\n\r\n")
    while not newsroom.log:
        threading.Event().wait(0.01)
    newsroom.stop()
    assert set(threading.enumerate()) == before
    with idle, slow:
        assert idle.recv(10) == b""
    with pytest.raises(ConnectionRefusedError):
        get(newsroom.url("json", "/feed.json"))
    newsroom.stop()  # harmless


def test_starting_again_keeps_addresses_and_starting_twice_is_refused() -> None:
    newsroom = Newsroom(anchor=ANCHOR, outlets=OUTLETS)
    with pytest.raises(NewsroomError, match="no ports before it is started"):
        newsroom.url("rss")
    with newsroom:
        url = newsroom.url("rss", "/rss.xml")
        with pytest.raises(NewsroomError, match="already running"):
            newsroom.start()
    with newsroom:
        assert newsroom.url("rss", "/rss.xml") == url
        assert get(url).status == 200


def test_requests_log_shows_a_person_the_304s(tmp_path: Path) -> None:
    with Newsroom(tmp_path, ANCHOR, outlets=OUTLETS) as newsroom:
        url = newsroom.url("map", "/news-index.xml")
        get(url, headers=get(url).validators)
    plain, conditional = (tmp_path / "requests.log").read_text().splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ map GET /news-index.xml 200", plain)
    assert re.fullmatch(r"\S+ map GET /news-index.xml 304 if-none-match='\"[0-9a-f]+\"'", conditional)
