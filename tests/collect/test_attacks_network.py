"""Attacks on where the collector goes and how long it stays there, each tried on `collect` with real servers.

The attacker's server is 127.0.0.1 at one port, which the settings allow; everything else on this machine stands for
the operator's own network. Nothing there may see so much as a connection.
"""

from __future__ import annotations

import html
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from crawler.archive.articles import iter_articles
from crawler.archive.channels import list_channels
from crawler.archive.engine import Archive
from tests.collect.conftest import Collect, Reply, Seen, Web, make_options, make_source
from tests.collect.hostile import FEED, Names, Peer, channel_of, linking, names, only, pages_of, say

PICTURE, HAD = Reply(b"\x89PNG", headers={"Content-Type": "image/png"}), "not HTML but image/png"
"""A page that is had without starting a worker to read it, and what is said of it."""
INSIDE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\nsecret"


@pytest.fixture
def inside() -> Iterator[Peer]:
    """A machine of the operator's own network."""
    with Peer(say(INSIDE), host="127.0.0.2") as peer:
        yield peer


SPELLINGS = {
    "dotted": "127.0.0.2",
    "decimal": "2130706434",
    "hexadecimal": "0x7f000002",
    "hexadecimal parts": "0x7f.0.0.0x2",
    "octal": "0177.0.0.02",
    "octal number": "017700000002",
    "two parts": "127.2",
    "mapped": "[::ffff:127.0.0.2]",
    "mapped in hexadecimal": "[::ffff:7f00:2]",
    "written out": "[0:0:0:0:0:ffff:7f00:0002]",
    "compatible": "[::127.0.0.2]",
    "through NAT64": "[64:ff9b::7f00:2]",
    "through 6to4": "[2002:7f00:2::]",
    "full-width digits": "１２７.０.０.２",
    "circled digits": "①②⑦.⓪.⓪.②",
    "ideographic stops": "127。0。0。2",
    "escaped": "%31%32%37.0.0.2",
    "with a user name": "news.example@127.0.0.2",
    "final dot": "127.0.0.2.",
    "zero": "0.0.0.0",
    "loopback of version 6": "[::1]",
    "link-local with a zone": "[fe80::1%25lo]",
    "metadata of a cloud": "169.254.169.254",
    "broadcast": "255.255.255.255",
    "this machine's name": "localhost",
    "a name below localhost": "news.localhost",
}


@pytest.mark.parametrize("how", ["link", "redirect"])
def test_literal_addresses(how: str, web: Web, inside: Peer, run_collect: Collect, sqlite_archive: Archive) -> None:
    links = {name: f"http://{host}:{inside.port}/{number}" for number, (name, host) in enumerate(SPELLINGS.items())}
    if how == "redirect":
        for number, link in enumerate(links.values()):
            location = link.encode().decode("latin-1")
            web.replies[f"/to/{number}"] = Reply(status=302, headers={"Location": location})
        given = [f"{web.url}/to/{number}" for number in range(len(links))]
    else:
        given = list(links.values())
    web.replies["/rss"] = Reply(linking(*given), headers=FEED)
    run_collect(
        make_source(("feed", f"{web.url}/rss"), fetch_pages=True),
        make_options(allow_addresses=only(web), page_timeout_seconds=3.0),
    )
    assert inside.asked == []
    outcomes = pages_of(sqlite_archive)
    # What is no URL at all has no page; everything else was refused and says so.
    assert {state for _, state, _ in outcomes} <= {"failed", "wanted", "none"}
    said = {reason for _, state, reason in outcomes if state != "none"}
    assert "" not in said
    assert any("127.0.0.2 is not on the public internet (loopback)" in reason for reason in said)
    assert sum("is not on the public internet" in reason for _, _, reason in outcomes) >= 15, outcomes


@pytest.mark.parametrize("kind", ["feed", "sitemap", "section"])
def test_a_channel_that_leads_inside(
    kind: str, web: Web, inside: Peer, run_collect: Collect, sqlite_archive: Archive
) -> None:
    """By configuration, by a redirect, by an index's documents and by a next page."""
    web.replies["/moved"] = Reply(status=301, headers={"Location": f"{inside.url}/x"})
    index = f"<sitemapindex><sitemap><loc>{inside.url}/child.xml</loc></sitemap></sitemapindex>".encode()
    listing = b"<a class=s href=/1>One</a><a rel=next href='%s/2'>more</a>" % inside.url.encode()
    web.replies["/leads"] = Reply(
        {"sitemap": index, "section": listing}.get(kind, b""), headers={"Content-Type": "x/y"}
    )
    urls = [f"{inside.url}/{kind}", f"{web.url}/moved"] + ([f"{web.url}/leads"] if kind != "feed" else [])
    channels = make_source(*((kind, url) for url in urls)).channels
    changed = tuple(
        replace(one, links="a.s", next_page="a[rel=next]") if kind == "section" else one for one in channels
    )
    report = run_collect(
        replace(make_source(), channels=changed), make_options(allow_addresses=only(web), robots=False)
    )
    assert inside.asked == []
    with sqlite_archive.read() as connection:
        states = {row.url: (row.state, row.state_reason) for row in list_channels(connection)}
    for url in urls[:2]:
        assert states[url] == ("blocked", "refused: 127.0.0.2 is not on the public internet (loopback)")
    assert report.polled == len(urls)


def test_robots_that_lead_inside(web: Web, inside: Peer, run_collect: Collect, sqlite_archive: Archive) -> None:
    web.replies["/robots.txt"] = Reply(status=302, headers={"Location": f"{inside.url}/robots.txt"})
    web.replies["/news/1"] = PICTURE
    web.replies["/rss"] = Reply(linking(f"{web.url}/news/1"), headers=FEED)
    run_collect(make_source(("feed", f"{web.url}/rss"), fetch_pages=True), make_options(allow_addresses=only(web)))
    assert inside.asked == []
    assert web.asked("/news/1") == []
    [(_, state, reason)] = pages_of(sqlite_archive)
    assert state == "wanted"
    refused = "refused: 127.0.0.2 is not on the public internet (loopback)"
    assert reason == f"robots.txt ({inside.url}/robots.txt): {refused}"


def test_a_proxy_of_the_environment_is_not_used(
    web: Web, inside: Peer, run_collect: Collect, monkeypatch: pytest.MonkeyPatch, sqlite_archive: Archive
) -> None:
    """A proxy would resolve names where the guard cannot look."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, inside.url)
    web.replies["/rss"] = Reply(linking(f"{web.url}/1"), headers=FEED)
    run_collect(make_source(("feed", f"{web.url}/rss")), make_options(allow_addresses=only(web)))
    assert inside.asked == []
    assert channel_of(sqlite_archive).state == "ok"


@pytest.fixture
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    """A name server with the test's answers, asked over UDP by every look-up of this process."""
    with names(request.param) as server:
        monkeypatch.setattr(socket, "getaddrinfo", server.getaddrinfo(socket.getaddrinfo))
        yield server


GOOD, BAD = ["127.0.0.1"], ["127.0.0.2"]


@pytest.mark.parametrize(
    "zone",
    [
        {"news.example": [GOOD, BAD]},
        {"news.example": [GOOD, GOOD, BAD]},
        {"news.example": [BAD, GOOD]},
        {"news.example": [GOOD, BAD, GOOD, BAD, GOOD, BAD, GOOD, BAD]},
        {"news.example": [[*BAD, *GOOD]]},
        {"news.example": [[*GOOD, *BAD]]},
    ],
    ids=["second", "third", "first", "every other", "both, bad first", "both, bad last"],
    indirect=True,
)
def test_names_whose_addresses_change(zone: Names, web: Web, run_collect: Collect, sqlite_archive: Archive) -> None:
    """The same port of the inside machine is what the changing name means to reach."""
    port = web.server.server_port
    with Peer(say(INSIDE), host="127.0.0.2", port=port) as inside:
        base = f"http://news.example:{port}"
        web.replies["/rss"] = Reply(linking(f"{base}/1", f"{base}/hop"), headers=FEED)
        web.replies["/1"] = web.replies["/2"] = PICTURE
        web.replies["/hop"] = Reply(status=302, headers={"Location": f"{base}/2"})
        source = make_source(("feed", f"{base}/rss"), fetch_pages=True)
        options = make_options(allow_addresses=only(web), robots=False)
        for _ in range(3):
            run_collect(source, options, everything=True)
        assert inside.asked == []
    assert zone.queries, "nothing was looked up: the test tests nothing"
    said = {channel_of(sqlite_archive).state_reason, *(reason for _, _, reason in pages_of(sqlite_archive))}
    assert web.seen or any("127.0.0.2 is not on the public internet" in reason for reason in said)


def test_a_name_that_is_only_inside(
    run_collect: Collect, monkeypatch: pytest.MonkeyPatch, sqlite_archive: Archive
) -> None:
    addresses = [["10.0.0.7", "192.168.1.1", "169.254.169.254", "127.0.0.1", "0.0.0.0"]]
    with names({"intranet.example": addresses}) as server:
        monkeypatch.setattr(socket, "getaddrinfo", server.getaddrinfo(socket.getaddrinfo))
        run_collect(make_source(("feed", "http://intranet.example/rss")), make_options(allow_addresses=()))
    row = channel_of(sqlite_archive)
    assert (row.state, "is not on the public internet" in row.state_reason) == ("blocked", True)


SCHEMES = (
    "file:///etc/passwd", "ftp://127.0.0.2/x", "s3://bucket/key", "data:text/html,<p>x</p>", "gopher://127.0.0.2/1",
    "javascript:alert(1)", "java\tscript:alert(1)", "blob:http://x.example/1", "jar:http://x.example!/", "//", "http://",
    "FILE:///etc/passwd", "feed://127.0.0.2/x", "view-source:http://127.0.0.2/", "unix:/var/run/x.sock",
)  # fmt: skip


def test_other_schemes(web: Web, inside: Peer, run_collect: Collect, sqlite_archive: Archive) -> None:
    """As links of entries they are no links; a redirect to one is an outcome; nothing is read from disk."""
    for number, link in enumerate(SCHEMES):
        web.replies[f"/to/{number}"] = Reply(status=302, headers={"Location": link.replace("\t", "")})
    links = [*(html.escape(link) for link in SCHEMES), *(f"{web.url}/to/{number}" for number in range(len(SCHEMES)))]
    web.replies["/rss"] = Reply(linking(*links), headers=FEED)
    run_collect(
        make_source(("feed", f"{web.url}/rss"), fetch_pages=True), make_options(allow_addresses=only(web), robots=False)
    )
    assert inside.asked == []
    outcomes = pages_of(sqlite_archive)
    assert len(outcomes) == len(links)
    assert {state for url, state, _ in outcomes if not url} == {"none"}
    assert all(url.startswith(web.url) for url, state, _ in outcomes if state != "none")
    assert {state for url, state, _ in outcomes if url.startswith(web.url)} == {"failed"}, outcomes
    with sqlite_archive.read() as connection:
        texts = " ".join(one.body + one.title for one in iter_articles(connection))
    assert "root:" not in texts


def test_robots_rules_that_take_for_ever_to_match(web: Web, run_collect: Collect, sqlite_archive: Archive) -> None:
    rule = b"Disallow: /" + b"*a" * 60 + b"*b$\n"
    web.replies["/robots.txt"] = Reply(b"User-agent: *\n" + rule * 3, headers={"Content-Type": "text/plain"})
    path = "/" + "a" * 3000
    web.replies[path] = PICTURE
    web.replies["/rss"] = Reply(linking(f"{web.url}{path}"), headers=FEED)
    run_collect(make_source(("feed", f"{web.url}/rss"), fetch_pages=True), make_options())
    assert [reason for _, _, reason in pages_of(sqlite_archive)] == [HAD]


def redirects(web: Web, hops: int) -> None:
    for number in range(hops):
        web.replies[f"/hop/{number}"] = Reply(status=302, headers={"Location": f"/hop/{number + 1}"})
    web.replies[f"/hop/{hops}"] = Reply(linking(f"{web.url}/1"), headers=FEED)


@pytest.mark.parametrize(("hops", "state"), [(5, "ok"), (6, "flaky")])
def test_five_redirects_are_followed(
    hops: int, state: str, web: Web, run_collect: Collect, sqlite_archive: Archive
) -> None:
    redirects(web, hops)
    run_collect(make_source(("feed", f"{web.url}/hop/0")))
    assert channel_of(sqlite_archive).state == state
    assert len(web.seen) <= 6


def test_redirects_to_ever_new_places(web: Web, run_collect: Collect, sqlite_archive: Archive) -> None:
    def further(seen: Seen) -> Reply:
        path = f"{seen.path}x"
        web.replies[path] = further
        return Reply(status=307, headers={"Location": path})

    web.replies["/r"] = web.replies["/page"] = further
    web.replies["/rss"] = Reply(linking(f"{web.url}/page"), headers=FEED)
    run_collect(
        make_source(("feed", f"{web.url}/rss"), ("feed", f"{web.url}/r"), fetch_pages=True), make_options(robots=False)
    )
    assert len(web.seen) <= 1 + 6 + 6
    assert [(state, "redirections" in reason) for _, state, reason in pages_of(sqlite_archive)] == [("failed", True)]
