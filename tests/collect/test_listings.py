"""Sitemaps and section pages over real HTTP."""

from __future__ import annotations

import gzip

from crawler.archive.articles import iter_articles
from crawler.archive.channels import list_channels
from crawler.archive.engine import Archive
from crawler.sources import Channel, ChannelKind, Source, channel_id
from tests.collect.conftest import NOW, Collect, Reply, Web, make_source

XML = {"Content-Type": "application/xml"}


def urlset(web: Web, *numbers: int) -> bytes:
    urls = "".join(
        f"<url><loc>{web.url}/news/{number}</loc><news:news><news:publication><news:name>L</news:name>"
        f"<news:language>en</news:language></news:publication><news:publication_date>2026-11-22T10:0{number}:00Z"
        f"</news:publication_date><news:title>Convoy hit, report {number}</news:title></news:news></url>"
        for number in numbers
    )
    head = '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:news="http://www.google.com/schemas/sitemap-news/0.9">'
    return f'<?xml version="1.0" encoding="UTF-8"?>{head}{urls}</urlset>'.encode()


def index(web: Web, *paths: str) -> bytes:
    maps = "".join(f"<sitemap><loc>{web.url}{path}</loc></sitemap>" for path in paths)
    return f'<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{maps}</sitemapindex>'.encode()


def titles(archive: Archive) -> list[str]:
    with archive.read() as connection:
        return [article.title for article in iter_articles(connection)]


def test_index_with_gzip(web: Web, run_collect: Collect, sqlite_archive: Archive) -> None:
    web.replies["/index.xml"] = Reply(index(web, "/a.xml.gz", "/b.xml", "/gone.xml"), headers=XML)
    web.replies["/a.xml.gz"] = Reply(gzip.compress(urlset(web, 1, 2)), headers={"Content-Type": "application/gzip"})
    web.replies["/b.xml"] = Reply(urlset(web, 2, 3), headers=XML)
    source = make_source(("sitemap", f"{web.url}/index.xml"))
    report = run_collect(source)
    assert (report.polled, report.new_articles) == (1, 3)
    assert sorted(titles(sqlite_archive)) == [f"Convoy hit, report {number}" for number in (1, 2, 3)]
    with sqlite_archive.read() as connection:
        [channel] = list_channels(connection)
    assert channel.state == "ok"
    assert channel.state_reason == f"{web.url}/gone.xml: HTTP 404"
    web.replies["/gone.xml"] = Reply(urlset(web, 4), headers=XML)
    assert run_collect(source, everything=True).new_articles == 1
    assert run_collect(source, everything=True).unchanged == 1


def test_index_and_its_documents_are_asked_conditionally(
    web: Web, run_collect: Collect, sqlite_archive: Archive
) -> None:
    web.replies["/index.xml"] = Reply(index(web, "/a.xml", "/b.xml"), headers=XML | {"ETag": '"i"'})
    web.replies["/a.xml"] = Reply(urlset(web, 1), headers=XML | {"ETag": '"a"'})
    web.replies["/b.xml"] = Reply(urlset(web, 2), headers=XML)
    source = make_source(("sitemap", f"{web.url}/index.xml"))
    assert run_collect(source).new_articles == 2
    # An index that is as before says nothing of its documents: both are asked, what has validators conditionally.
    web.replies["/index.xml"] = Reply(b"", 304)
    web.replies["/a.xml"] = Reply(b"", 304)
    before = len(web.seen)
    assert run_collect(source, everything=True).unchanged == 1
    asked = {request.path: request.header("If-None-Match") for request in web.seen[before:]}
    assert asked == {"/index.xml": '"i"', "/a.xml": '"a"', "/b.xml": None}
    web.replies["/a.xml"] = Reply(urlset(web, 1, 3), headers=XML | {"ETag": '"a2"'})
    assert run_collect(source, everything=True).new_articles == 1
    web.replies["/a.xml"] = Reply(b"", 500)
    assert run_collect(source, everything=True).new_articles == 0
    with sqlite_archive.read() as connection:
        [channel] = list_channels(connection)
    assert channel.documents is not None
    # A document that failed once keeps what was known of it.
    assert channel.documents[f"{web.url}/a.xml"]["etag"] == '"a2"'


def test_index_without_documents(web: Web, run_collect: Collect, sqlite_archive: Archive) -> None:
    web.replies["/index.xml"] = Reply(index(web, "/gone.xml"), headers=XML)
    assert run_collect(make_source(("sitemap", f"{web.url}/index.xml"))).failed == 1


def test_plain_sitemap_is_conditional(web: Web, run_collect: Collect) -> None:
    web.replies["/news.xml"] = Reply(urlset(web, 1), headers=XML | {"ETag": '"s"'})
    source = make_source(("sitemap", f"{web.url}/news.xml"))
    assert run_collect(source).new_articles == 1
    run_collect(source, everything=True)
    assert web.seen[1].header("If-None-Match") == '"s"'


def test_a_page_instead_of_a_sitemap(web: Web, run_collect: Collect, sqlite_archive: Archive) -> None:
    web.replies["/news.xml"] = Reply(b"<!doctype html><html><body>Sorry</body></html>")
    assert run_collect(make_source(("sitemap", f"{web.url}/news.xml"))).failed == 1
    with sqlite_archive.read() as connection:
        assert list_channels(connection)[0].state == "not_a_feed"


def listing(*numbers: int, following: str = "") -> bytes:
    rows = "".join(
        f'<li><a class="t" href="/news/{number}"><img src="x.png"></a>'
        f'<a class="t" href="/news/{number}">Truce {number}</a>'
        f'<time datetime="2026-11-22T1{number}:00:00Z">today</time></li>'
        for number in numbers
    )
    more = f'<a class="next" href="{following}">More</a>' if following else ""
    return f'<!doctype html><html lang="en"><body><ul>{rows}</ul>{more}</body></html>'.encode()


def section(web: Web) -> Source:
    url = f"{web.url}/world"
    kind = ChannelKind.SECTION
    channel = Channel(
        channel_id("lanter", kind, url), "lanter", kind, url, links="a.t", date="time", next_page="a.next"
    )
    return make_source(channel)


def test_section_follows_pages_until_something_is_known(
    web: Web, run_collect: Collect, sqlite_archive: Archive
) -> None:
    web.replies["/world"] = Reply(listing(1, following="/world?page=2"))
    web.replies["/world?page=2"] = Reply(listing(0, following="/world?page=3"))
    report = run_collect(section(web))
    assert (report.polled, report.new_articles) == (1, 2)
    assert web.paths() == ["/robots.txt", "/world", "/world?page=2", "/world?page=3"]
    with sqlite_archive.read() as connection:
        found = {article.title: article.published for article in iter_articles(connection)}
    assert found == {"Truce 1": NOW.replace(hour=11), "Truce 0": NOW.replace(hour=10)}
    web.replies["/world"] = Reply(listing(2, 1, following="/world?page=2"))
    web.seen.clear()
    assert run_collect(section(web), everything=True).new_articles == 1
    assert web.paths() == ["/world"]


def test_section_without_links_has_changed(web: Web, run_collect: Collect, sqlite_archive: Archive) -> None:
    web.replies["/world"] = Reply(b"<html><body><p>New design</p></body></html>")
    assert run_collect(section(web)).failed == 1
    with sqlite_archive.read() as connection:
        assert list_channels(connection)[0].state == "layout_changed"


def test_section_obeys_robots(web: Web, run_collect: Collect, sqlite_archive: Archive) -> None:
    web.replies["/robots.txt"] = Reply(b"User-agent: *\nDisallow: /", headers={"Content-Type": "text/plain"})
    web.replies["/world"] = Reply(listing(1))
    assert run_collect(section(web)).failed == 1
    assert web.paths() == ["/robots.txt"]
    with sqlite_archive.read() as connection:
        [channel] = list_channels(connection)
    assert (channel.state, channel.state_reason) == ("blocked", "robots.txt does not allow it")
