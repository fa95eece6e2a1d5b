"""Feeds over real HTTP: one run, its requests and what the archive holds afterwards."""

from __future__ import annotations

from crawler.archive.articles import iter_articles
from crawler.archive.channels import list_channels
from crawler.archive.engine import Archive
from tests.collect.conftest import Collect, Reply, Web, item, make_source, rss


def test_first_fetch_archives_entries(web: Web, run_collect: Collect, sqlite_archive: Archive) -> None:
    web.replies["/rss"] = Reply(rss(item(1), item(2)), headers={"ETag": '"a1"', "Content-Type": "application/rss+xml"})
    report = run_collect(make_source(("feed", f"{web.url}/rss")))
    assert (report.polled, report.new_articles, report.failed) == (1, 2, 0)
    assert web.asked("/rss")[0].header("If-None-Match") is None
    assert web.asked("/rss")[0].header("User-Agent") == "ceasewire/0.1 (+https://desk.example/bot)"
    with sqlite_archive.read() as connection:
        titles = [article.title for article in iter_articles(connection)]
        [channel] = list_channels(connection)
    assert titles == ["Shelling in Veld, report 1", "Shelling in Veld, report 2"]
    assert (channel.etag, channel.state) == ('"a1"', "ok")
