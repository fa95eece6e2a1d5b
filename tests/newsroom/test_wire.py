"""What goes over the wire: conditional requests, HEAD, keep-alive, compression, and every fault."""

from __future__ import annotations

import gzip
import http.client
import json
from dataclasses import replace
from pathlib import Path

import feedparser
import pytest

from alerts.newsroom import Fault, Newsroom, NewsroomError
from tests.newsroom.conftest import ANCHOR, ARABIC, OUTLETS, RUSSIAN, STRIKE, exchange, get

CHANNELS = [(outlet.id, outlet.channels[0].path) for outlet in OUTLETS]

DOCUMENTS = [*CHANNELS, ("map", "/sitemaps/news.xml.gz"), ("rss", "/news/talks-resume")]


@pytest.mark.parametrize(("outlet", "path"), DOCUMENTS)
def test_unchanged_documents_answer_304_until_they_change(newsroom: Newsroom, outlet: str, path: str) -> None:
    url = newsroom.url(outlet, path)
    first = get(url)
    assert first.status == 200
    again = get(url, headers=first.validators)
    assert (again.status, again.body) == (304, b"")
    assert again.validators == first.validators

    old = newsroom.outlet(outlet).articles[-1]
    newsroom.correct(outlet, replace(old, title=f"{old.title} (again)"), at=ANCHOR)
    assert get(url, headers=first.validators).status == 200


@pytest.mark.parametrize(
    ("outlet", "names"),
    [
        ("rss", {"If-None-Match", "If-Modified-Since"}),
        ("map", {"If-None-Match"}),
        ("json", {"If-Modified-Since"}),
        ("atom", {"If-None-Match"}),
    ],
)
def test_outlets_differ_in_their_validators(newsroom: Newsroom, outlet: str, names: set[str]) -> None:
    answer = get(newsroom.url(outlet, newsroom.outlet(outlet).channels[0].path))
    assert set(answer.validators) == names
    assert answer.headers.get("etag", "").startswith("W/") is (outlet == "atom")


def test_entity_tag_decides_alone_when_both_validators_are_sent(newsroom: Newsroom) -> None:
    url = newsroom.url("rss", "/rss.xml")
    both = get(url).validators
    assert get(url, headers=both | {"If-None-Match": '"other"'}).status == 200
    assert get(url, headers=both | {"If-Modified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"}).status == 304
    assert get(url, headers={"If-Modified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"}).status == 200
    assert get(url, headers={"If-Modified-Since": "yesterday"}).status == 200
    assert get(url, headers={"If-None-Match": f'"a", {both["If-None-Match"]}'}).status == 304


def test_head_announces_what_get_sends(newsroom: Newsroom) -> None:
    url = newsroom.url("rss", "/rss.xml")
    head, whole = get(url, method="HEAD"), get(url)
    assert head.body == b""
    assert int(head.headers["content-length"]) == len(whole.body)
    assert {k: v for k, v in head.headers.items() if k != "date"} == {
        k: v for k, v in whole.headers.items() if k != "date"
    }


def test_one_connection_serves_many_requests(newsroom: Newsroom) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", newsroom.ports["rss"], timeout=10)
    try:
        sockets = set()
        for path in ("/rss.xml", "/news/market-strike", "/nowhere"):
            connection.request("GET", path)
            sockets.add(connection.sock)
            connection.getresponse().read()
        assert len(sockets) == 1
    finally:
        connection.close()


def test_compressed_for_those_who_take_it(newsroom: Newsroom) -> None:
    url = newsroom.url("full", "/feed/")
    plain, packed = get(url), get(url, headers={"Accept-Encoding": "gzip, br"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body


def test_other_methods_are_refused(newsroom: Newsroom) -> None:
    assert get(newsroom.url("rss", "/rss.xml"), method="DELETE").status == 501


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault.NOT_MODIFIED, 304),
        (Fault.TOO_MANY, 429),
        (Fault.UNAVAILABLE, 503),
        (Fault.FORBIDDEN, 403),
        (Fault.NOT_FOUND, 404),
        (Fault.GONE, 410),
        (Fault.SERVER_ERROR, 500),
    ],
)
def test_status_faults_meet_only_their_target(newsroom: Newsroom, fault: Fault, status: int) -> None:
    newsroom.fault("rss", "feed", fault, retry_after=120)
    answer = get(newsroom.url("rss", "/rss.xml"))
    assert answer.status == status
    assert answer.headers["retry-after"] == "120"
    assert get(newsroom.url("rss", "/news/market-strike")).status == 200
    assert get(newsroom.url("json", "/feed.json")).status == 200
    newsroom.clear("rss")
    assert get(newsroom.url("rss", "/rss.xml")).status == 200


def test_retry_after_may_be_a_date_or_absent(newsroom: Newsroom) -> None:
    newsroom.fault("rss", "feed", Fault.TOO_MANY, retry_after="Tue, 05 May 2026 13:00:00 GMT", times=1)
    assert get(newsroom.url("rss", "/rss.xml")).headers["retry-after"] == "Tue, 05 May 2026 13:00:00 GMT"
    newsroom.fault("rss", "feed", Fault.TOO_MANY, times=1)
    assert "retry-after" not in get(newsroom.url("rss", "/rss.xml")).headers


@pytest.mark.parametrize(("fault", "status"), [(Fault.MOVED, 301), (Fault.FOUND, 302)])
def test_redirects_lead_to_the_same_document(newsroom: Newsroom, fault: Fault, status: int) -> None:
    url = newsroom.url("rss", "/rss.xml")
    whole = get(url)
    newsroom.fault("rss", "/rss.xml", fault)
    answer = get(url)
    assert (answer.status, answer.headers["location"]) == (status, newsroom.url("rss", "/moved/rss.xml"))
    assert get(answer.headers["location"]).body == whole.body
    newsroom.fault("rss", "/rss.xml", fault, location=url)  # a loop
    assert get(url).headers["location"] == url


def test_truncated_breaks_its_promise_and_cut_off_keeps_it(newsroom: Newsroom) -> None:
    url = newsroom.url("rss", "/rss.xml")
    whole = get(url)
    newsroom.fault("rss", "feed", Fault.TRUNCATED)
    short = get(url, headers=whole.validators)
    assert int(short.headers["content-length"]) == len(whole.body) == 2 * len(short.body) + len(whole.body) % 2
    newsroom.fault("rss", "feed", Fault.CUT_OFF)
    cut = get(url)
    assert int(cut.headers["content-length"]) == len(cut.body) == len(short.body)
    assert feedparser.parse(cut.body).bozo


@pytest.mark.parametrize(
    ("outlet", "path", "declared", "real", "words"),
    [
        ("atom", "/atom.xml", "utf-8", "windows-1256", ARABIC.title),
        ("rdf", "/index.rdf", "cp1251", "utf-8", RUSSIAN.title),
    ],
)
def test_wrong_encoding(newsroom: Newsroom, outlet: str, path: str, declared: str, real: str, words: str) -> None:
    newsroom.fault(outlet, "feed", Fault.WRONG_ENCODING)
    answer = get(newsroom.url(outlet, path))
    assert answer.headers["content-type"].endswith(f"charset={declared}")
    assert f'encoding="{declared}"'.encode() in answer.body
    assert words in answer.body.decode(real)
    assert words not in answer.body.decode(declared, "replace")


def test_slow_and_trickled_answers_are_right_in_the_end(newsroom: Newsroom) -> None:
    url = newsroom.url("rss", "/robots.txt")
    whole = get(url)
    for fault in (Fault.SLOW, Fault.TRICKLE):
        newsroom.fault("rss", "robots", fault, seconds=0.01)
        assert get(url).body == whole.body


def test_reset_sends_nothing_at_all(newsroom: Newsroom) -> None:
    newsroom.fault("rss", "*", Fault.RESET, times=1)
    with pytest.raises(ConnectionResetError):
        exchange(newsroom.url("rss", "/rss.xml"))
    assert newsroom.log[-1].status == 0
    assert get(newsroom.url("rss", "/rss.xml")).status == 200


def test_a_page_where_the_feed_was(newsroom: Newsroom) -> None:
    newsroom.fault("rss", "feed", Fault.HTML)
    answer = get(newsroom.url("rss", "/rss.xml"))
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.body.startswith(b"<!doctype html>")


def test_a_burst_pushes_everything_known_out_of_the_window(newsroom: Newsroom) -> None:
    url = newsroom.url("json", "/feed.json")
    before = get(url)
    newsroom.fault("json", "feed", Fault.ROLLED_OVER)
    answer = get(url, headers=before.validators)
    assert answer.status == 200
    items = json.loads(answer.body)["items"]
    assert [item["id"] for item in items] == ["json/bulletin-003", "json/bulletin-002", "json/bulletin-001"]
    assert all(item["date_published"] > json.loads(before.body)["items"][0]["date_published"] for item in items)
    assert get(url, headers=answer.validators).status == 304
    page = get(items[0]["url"])
    assert page.status == 200
    assert items[0]["title"] in page.body.decode()


def test_faults_end_after_so_many_requests_and_the_path_beats_the_kind(newsroom: Newsroom) -> None:
    url = newsroom.url("rss", "/rss.xml")
    newsroom.fault("*", "feed", Fault.SERVER_ERROR)
    newsroom.fault("rss", "/rss.xml", Fault.GONE, times=2)
    assert [get(url).status for _ in range(3)] == [410, 410, 500]
    newsroom.clear()
    assert get(url).status == 200


def test_unknown_targets_and_outlets_are_refused(newsroom: Newsroom) -> None:
    with pytest.raises(NewsroomError, match="'feeds' is nothing that can fail"):
        newsroom.fault("rss", "feeds", Fault.GONE)
    with pytest.raises(NewsroomError, match="no outlet 'rsss'"):
        newsroom.fault("rsss", "feed", Fault.GONE)


def test_control_file_switches_faults_while_it_runs(tmp_path: Path) -> None:
    control = tmp_path / "faults.yaml"
    with Newsroom(tmp_path, ANCHOR, outlets=OUTLETS, control=control) as newsroom:
        url = newsroom.url("rss", "/rss.xml")
        assert get(url).status == 200
        control.write_text("faults:\n- {outlet: rss, target: feed, fault: too-many, retry_after: '60'}\n")
        assert (get(url).status, get(url).headers["retry-after"]) == (429, "60")
        control.write_text("faults:\n- {outlet: rss, target: feed, fault: to-many}\n")
        assert get(url).status == 200
        control.unlink()
        assert get(url).status == 200
    rows = [row for row in (tmp_path / "requests.log").read_text().splitlines() if "faults were not read" in row]
    assert len(rows) == 1
    assert "fault is 'to-many' (expected not-modified, too-many," in rows[0]


def test_articles_appear_change_and_go(newsroom: Newsroom) -> None:
    url = newsroom.url("full", "/feed/")
    known = get(url).validators
    newsroom.withdraw("full", "talks-resume")
    assert get(newsroom.url("full", "/news/talks-resume")).status == 404
    withdrawn = get(url, headers=known)
    assert b"talks-resume" not in withdrawn.body
    # An old article published late moves Last-Modified all the same.
    page = newsroom.publish("full", OUTLETS[0].articles[1], at=ANCHOR)
    again = get(url, headers={"If-Modified-Since": withdrawn.headers["last-modified"]})
    assert b"talks-resume" in again.body
    assert get(page).status == 200
    with pytest.raises(NewsroomError, match="publishes no 'nothing'"):
        newsroom.withdraw("full", "nothing")


def test_log_remembers_every_request_with_its_headers(newsroom: Newsroom) -> None:
    assert not newsroom.log
    tag = get(newsroom.url("rss", "/rss.xml")).validators
    get(newsroom.url("rss", "/rss.xml"), headers=tag)
    get(newsroom.url("map", STRIKE.path), method="HEAD")
    assert [(row.outlet, row.method, row.path, row.status) for row in newsroom.log] == [
        ("rss", "GET", "/rss.xml", 200),
        ("rss", "GET", "/rss.xml", 304),
        ("map", "HEAD", "/news/market-strike", 200),
    ]
    assert newsroom.log[1].headers["if-none-match"] == tag["If-None-Match"]
    assert newsroom.log[0].at <= newsroom.log[1].at
