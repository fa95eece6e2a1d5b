"""A desk's own Scrapy project with the add-on's one line, run as `scrapy crawl` in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from scrapy import Spider
from scrapy.settings import Settings
from scrapy.utils.test import get_crawler

from crawler.addon import ArticlePipeline, CeasewireAddon, entry_of
from crawler.archive import open_archive
from crawler.archive.articles import iter_articles
from crawler.archive.channels import list_channels
from crawler.archive.migrating import migrate
from crawler.archive.schema import article
from crawler.errors import ConfigError
from crawler.sources import Source
from tests.collect.conftest import STORY, Reply, Web, page
from tests.collect.hostile import Peer, say

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "sources.md"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
# What a project might have set for itself, and what must not open a hole.
OWN_SETTINGS = """
HTTPPROXY_ENABLED = True
DOWNLOAD_HANDLERS = {"file": "scrapy.core.downloader.handlers.file.FileDownloadHandler"}
ITEM_PIPELINES = {"desk.pipelines.Shout": 100}
"""
PIPELINE = """\
class Shout:
    def process_item(self, item):
        if "title" in item:
            item["title"] = item["title"].upper()
        return item
"""
# The spider of the documentation, led astray.
SPIDER = """\
import scrapy
from desk.spiders.council import Council


class Astray(Council):
    name = "astray"

    def parse(self, response):
        yield from super().parse(response)
        for target in {targets!r}:
            yield scrapy.Request(target, self.parse_notice)
        yield {{"weather": "fine"}}
"""


def blocks(language: str) -> list[str]:
    """The code blocks of docs/sources.md in one language."""
    return [part.partition("```")[0] for part in DOCS.read_text().split(f"```{language}\n")[1:]]


@pytest.fixture
def web() -> Iterator[Web]:
    server = Web()
    yield server
    server.close()


def write_project(folder: Path, web: Web, targets: list[str]) -> None:
    host = web.url.removeprefix("http://")
    [_, source], [settings, spider] = blocks("yaml"), blocks("python")
    files = {
        "config/settings.yaml": "crawler:\n  database: sqlite:///wire.db\n  delay_seconds: 0\n"
        f"  extract_workers: 1\n  allow_addresses: ['{host}']\n",
        "config/sources/own.yaml": source,
        "project/scrapy.cfg": "[settings]\ndefault = desk.settings\n",
        "project/desk/__init__.py": "",
        "project/desk/settings.py": settings + OWN_SETTINGS,
        "project/desk/pipelines.py": PIPELINE,
        "project/desk/spiders/__init__.py": "",
        "project/desk/spiders/council.py": spider.replace("https://council.example", web.url),
        "project/desk/spiders/astray.py": SPIDER.format(targets=targets),
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    migrate(f"sqlite:///{folder / 'config' / 'wire.db'}")


def crawl(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scrapy", "crawl", *arguments]
    return subprocess.run(
        command,
        cwd=folder / "project",
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_project_with_one_line_more(tmp_path: Path, web: Web) -> None:
    short = '<a class=notice href="/short">Water is off on Monday</a>'
    links = f'{short}{short}<a class=read href="/long">Read</a>'
    web.replies["/notices"] = Reply(f"<p>{links}<a class=read href='/closed'>Closed</a></p>".encode())
    web.replies["/robots.txt"] = Reply(b"User-agent: *\nDisallow: /closed\n", headers={"Content-Type": "text/plain"})
    web.replies["/long"] = Reply(page("Market shelled"))
    web.replies["/closed"] = Reply(page("Closed"))
    with Peer(say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), host="127.0.0.2") as inside:
        web.replies["/hop"] = Reply(status=302, headers={"Location": f"{inside.url}/x"})
        targets = [f"{inside.url}/direct", f"{web.url}/hop", "file:///etc/passwd", "data:text/html,hello"]
        write_project(tmp_path, web, targets)
        done = crawl(tmp_path, "astray", http_proxy=inside.url)
        assert inside.asked == []
    assert done.returncode == 0, done.stderr
    assert "127.0.0.2 is not on the public internet (loopback)" in done.stderr
    assert web.asked("/closed") == []
    assert web.asked("/long")[0].header("User-Agent") == "ceasewire/0.1"
    archive = open_archive(f"sqlite:///{tmp_path / 'config' / 'wire.db'}")
    with archive.read() as connection:
        rows = connection.execute(sa.select(article).order_by(article.c.url)).all()
        bodies = {one.url: one.body for one in iter_articles(connection)}
        [spider] = list_channels(connection)
    archive.close()
    assert [(row.url.removeprefix(web.url), row.title, row.page_state) for row in rows] == [
        ("/long", "Market shelled", "none"),
        ("/short", "WATER IS OFF ON MONDAY", "wanted"),
    ]
    assert {row.channel for row in rows} == {"spider:astray"}
    assert (spider.id, spider.source, spider.state) == ("spider:astray", "veld-council", "ok")
    assert spider.last_success == spider.last_new
    assert {row.source for row in rows} == {"veld-council"}
    assert (rows[0].language, rows[0].labels) == ("en", ["notice"])
    assert STORY in bodies[rows[0].url]
    assert "'ceasewire/articles_new': 2" in done.stderr
    assert "'ceasewire/articles_known': 1" in done.stderr


def test_a_source_that_is_not_there(tmp_path: Path, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    write_project(tmp_path, web, [])
    crawler = get_crawler(Spider, {"CEASEWIRE_CONFIG": str(tmp_path / "config")})
    crawler.spider = Spider(name="council", source="veld-counsil")
    with pytest.raises(ConfigError, match="did you mean `veld-council`"):
        ArticlePipeline.from_crawler(crawler).open_spider()
    monkeypatch.delenv("CEASEWIRE_CONFIG", raising=False)
    with pytest.raises(ConfigError, match="no configuration folder is named"):
        CeasewireAddon().update_settings(Settings())


@pytest.mark.heavy
def test_what_is_wrong_is_said_before_anything_is_asked(tmp_path: Path, web: Web) -> None:
    write_project(tmp_path, web, [])
    spider = tmp_path / "project" / "desk" / "spiders" / "council.py"
    spider.write_text(spider.read_text().replace('"veld-council"', '"veld-counsil"'))
    done = crawl(tmp_path, "council")
    assert "did you mean `veld-council`?" in done.stderr
    assert web.seen == []


def test_values_of_items() -> None:
    source = Source(id="x", name="X", languages=("en",), homepage="https://x.example/")
    entry = entry_of(
        {
            "url": ["/a?b=1"],
            "title": ["<b>A</b> &amp; <script>alert(1)</script>B"],
            "text": ["One.", "Two <p>three</p>"],
            "published": datetime(2026, 2, 1, 12),
            "authors": "Ines",
            "labels": ["x", "x", "y\u202e"],
            "id": 7,
            "language": "en-GB",
        },
        source,
        NOW,
    )
    assert (entry.link, entry.title, entry.guid, entry.language) == ("https://x.example/a?b=1", "A & B", "7", "en")
    assert entry.content == "One.\n\nTwo\n\nthree"
    assert entry.published == datetime(2026, 2, 1, 12, tzinfo=UTC)
    assert (entry.authors, entry.labels) == (("Ines",), ("x", "y"))
    later = entry_of({"url": "javascript:alert(1)", "published": "2027-01-01T00:00:00Z"}, source, NOW)
    assert (later.link, later.published, later.raw_date) == ("", NOW, "2027-01-01T00:00:00Z")
