"""`ceasewire sources`, as an operator meets it: real servers on loopback, real files, a real database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from alerts.newsroom import Newsroom, load_outlets
from crawler.sources import load_sources
from tests.cli.conftest import Ceasewire, Result
from tests.collect.conftest import Reply, Web, item, page, rss

OUTLETS = ("corrin-wire", "lakeshore-sentinel", "marfa-alkhabar")


@pytest.fixture
def web() -> Iterator[Web]:
    server = Web()
    yield server
    server.close()


@pytest.fixture
def newsroom() -> Iterator[Newsroom]:
    with Newsroom(outlets=[one for one in load_outlets() if one.id in OUTLETS]) as running:
        yield running


@pytest.fixture
def run(ceasewire: Ceasewire, wire: Path) -> Any:
    return lambda *arguments, stdin="": ceasewire("--config", wire, "sources", *arguments, stdin=stdin)


def rows(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.out.splitlines()]


def test_a_first_source_as_a_new_operator_adds_it(
    ceasewire: Ceasewire, wire: Path, run: Any, newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From nothing but an address: look, agree, collect, see how it goes."""
    before = (wire / "sources" / "paper.yaml").read_text()
    address = newsroom.url("corrin-wire")
    shown = run("add", address)
    assert (shown.code, "Nothing was written" in shown.err) == (0, True)
    assert "- id: corrin-wire\n  name: Corrin Wire\n  languages: [en]\n" in shown.out
    assert "feed.json: lists the same articles as" in shown.out
    assert f"asking {address}rss.xml (named by the page)" in shown.err
    assert len(list((wire / "sources").iterdir())) == 1

    monkeypatch.setattr("alerts.cli.adding.can_ask", lambda: True)
    refused = run("add", address, "--country", "gb", stdin="n\n")
    assert (refused.code, refused.out.endswith("Write this into paper.yaml? [y/N]: Nothing was written.\n")) == (
        0,
        True,
    )
    assert (wire / "sources" / "paper.yaml").read_text() == before
    added = run("add", address.removeprefix("http://"), "--country", "gb", "--tag", "wires", stdin="y\n")
    assert added.code == 0, added.err
    assert (wire / "sources" / "paper.yaml").read_text().startswith(before)
    sources, problems = load_sources(wire / "sources")
    assert problems == []
    assert (sources[1].country, sources[1].tags, sources[1].homepage) == ("GB", ("wires",), address)

    again = run("add", address)
    assert (again.code, "configured already: source corrin-wire" in again.err) == (1, True)

    assert ceasewire("--config", wire, "migrate").code == 0
    paper = wire / "sources" / "paper.yaml"
    paper.write_text(paper.read_text().replace("  tags: [wires]", "  tags: [wires]\n  fetch_pages: false"))
    assert ceasewire("--config", wire, "collect").code == 0
    [row] = rows(run("list", "--tag", "wires", "--json"))
    assert (row["source"], row["state"], row["kind"], row["failures"]) == ("corrin-wire", "ok", "feed", 0)
    table = run("list").out.splitlines()
    assert table[0].split() == ["SOURCE", "CHANNEL", "STATE", "LAST", "NEW", "HABIT", "NEXT", "POLL", "REASON"]
    assert any(line.startswith("corrin-wire  feed /rss.xml") for line in table)
    story = run("show", "corrin-wire").out
    assert "corrin-wire: Corrin Wire (GB, en, tier 3)" in story
    assert "validators  ETag" in story


def test_a_site_with_a_news_sitemap_and_one_in_arabic(wire: Path, run: Any, newsroom: Newsroom) -> None:
    assert run("add", newsroom.url("lakeshore-sentinel"), "--yes", "--file", "lakes").code == 0
    feed = newsroom.url("marfa-alkhabar") + "feed.atom"
    assert run("add", feed, "--yes", "--file", "lakes.yaml", "--id", "marfa").code == 0
    sources, problems = load_sources(wire / "sources")
    assert problems == []
    first, second = (one for one in sources if one.id != "the-paper")
    assert [channel.kind for channel in first.channels] == ["sitemap"]
    assert (second.id, second.languages, second.channels[0].url) == ("marfa", ("ar",), feed)
    assert (wire / "sources" / "lakes.yaml").read_text().startswith("# Sources of our own.\n")


def test_a_site_that_hides_its_feed(run: Any, web: Web) -> None:
    """No link in the page, no robots.txt: the usual places are tried, and what is no feed there is left out."""
    web.replies["/"] = Reply(page("Veld Daily"))
    web.replies["/feed/"] = Reply(page("Not here"))
    web.replies["/rss.xml"] = Reply(rss(item(1), item(2)), headers={"Content-Type": "text/plain"})
    found = json.loads(run("add", web.url, "--json").out)
    assert [channel["url"] for channel in found["channels"]] == [f"{web.url}/rss.xml"]
    assert found["left"] == []
    assert len(web.paths()) <= 14


def test_an_index_of_everything_is_looked_at_before_it_is_polled(run: Any, web: Web) -> None:
    news = "<n:news><n:publication_date>2026-11-22</n:publication_date><n:title>T</n:title></n:news>"
    spaces = "xmlns:n='http://www.google.com/schemas/sitemap-news/0.9'"
    children = "".join(f"<sitemap><loc>{web.url}/{name}.xml</loc></sitemap>" for name in ("a2019", "a2020", "news"))
    web.replies["/"] = Reply(page())
    web.replies["/robots.txt"] = Reply(f"Sitemap: {web.url}/all.xml\nSitemap: {web.url}/video.xml\n".encode())
    web.replies["/all.xml"] = Reply(f"<sitemapindex>{children}</sitemapindex>".encode())
    text = f"<urlset {spaces}><url><loc>{web.url}/1</loc>{news}</url></urlset>"
    web.replies["/news.xml"] = Reply(text.encode())
    found = json.loads(run("add", web.url, "--json").out)
    assert [channel["url"] for channel in found["channels"]] == [f"{web.url}/news.xml"]
    assert not {"/a2019.xml", "/a2020.xml"} & set(web.paths())


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        ("http://127.0.0.2:9/", 69, "list it under crawler.allow_addresses"),
        ("http://127.0.0.1:1/", 75, "connection refused"),
        ("file:///etc/passwd", 69, "no web address"),
        ("nothing at all", 69, "no web address"),
    ],
)
def test_an_address_that_leads_nowhere(run: Any, url: str, code: int, words: str) -> None:
    failed = run("add", url)
    assert (failed.code, words in failed.err, failed.out) == (code, True, "")


def test_a_site_without_any_way_in(run: Any, web: Web) -> None:
    web.replies["/"] = Reply(page())
    failed = run("add", web.url, "--yes")
    assert (failed.code, "no feed and no news sitemap" in failed.err) == (1, True)


def test_a_hostile_page_cannot_write_what_it_likes(wire: Path, run: Any, web: Web) -> None:
    title = 'x"&#10;- id: evil&#10;  name: \u202eE#[{&amp;'
    web.replies["/"] = Reply(page(title, head='<link rel=alternate type="application/rss+xml" href="/f#\n- id: y">'))
    web.replies["/f"] = Reply(rss(item(1)))
    assert run("add", web.url, "--yes").code == 0
    sources, problems = load_sources(wire / "sources")
    assert problems == []
    [new] = [one for one in sources if one.id != "the-paper"]
    assert new.id == "source"
    assert not {"\n", "\u202e"} & set(new.name)


@pytest.mark.parametrize("bad", ["--id=The Paper", "--id=the-paper", "--country=XX", "--language=klingon", "--tag=A b"])
def test_a_wrong_choice_changes_nothing(wire: Path, run: Any, web: Web, bad: str) -> None:
    web.replies["/"] = Reply(rss(item(1)))
    before = {path: path.read_bytes() for path in (wire / "sources").iterdir()}
    refused = run("add", web.url, "--yes", bad)
    assert refused.code == 78, refused
    assert ": error: " in refused.err
    assert {path: path.read_bytes() for path in (wire / "sources").iterdir()} == before


def test_check_polls_for_real_and_stores_nothing(ceasewire: Ceasewire, wire: Path, run: Any, web: Web) -> None:
    good = (
        f"- id: good\n  name: Good\n  languages: [en]\n  channels:\n    - feed: {web.url}/rss\n  checked:   # never\n"
    )
    ways = f"[{{feed: {web.url}/gone}}, {{sitemap: {web.url}/moved}}]"
    bad = f"- id: bad\n  name: Bad\n  languages: [uk]\n  channels: {ways}\n"
    (wire / "sources" / "more.yaml").write_text(good + bad)
    web.replies["/rss"] = Reply(rss(item(1), item(2)), headers={"ETag": '"x"'})
    web.replies["/gone"] = Reply(status=410)
    web.replies["/moved"] = Reply(status=301, headers={"Location": "/rss2"})
    web.replies["/rss2"] = Reply(rss(item(3)))
    ceasewire("--config", wire, "migrate")
    checked = run("check", "good", "bad", "--write", "--json")
    assert checked.code == 1
    found = {row["url"].rpartition("/")[2]: row for row in rows(checked)}
    assert (found["rss"]["works"], found["rss"]["entries"], found["rss"]["etag"]) == (True, 2, '"x"')
    assert (found["rss"]["format"], found["rss"]["newest"], found["rss"]["problems"]) == (
        "rss20", "2026-11-22T10:00:00+00:00", [],
    )  # fmt: skip
    assert found["gone"]["status"] == 410
    assert found["gone"]["problems"]
    assert found["moved"]["problems"]
    assert found["moved"]["final_url"] == f"{web.url}/rss2"
    assert all(row["state"] == "new" for row in rows(run("list", "--json")) if row["source"] != "the-paper")
    days = {one.id: one.checked for one in load_sources(wire / "sources")[0]}
    assert (days["good"] is not None, days["bad"]) == (True, None)
    assert "  checked: 2" in (wire / "sources" / "more.yaml").read_text()
    assert "# never" in (wire / "sources" / "more.yaml").read_text()


def test_check_of_an_address_that_is_not_configured(run: Any, web: Web) -> None:
    web.replies["/rss"] = Reply(rss(item(1)))
    fine = run("check", f"{web.url}/rss")
    assert (fine.code, "RSS 2.0, 1 entries" in fine.out, "no validators" in fine.out) == (0, True, True)
    wrong = run("check", f"{web.url}/rss", "--kind", "sitemap")
    assert (wrong.code, "problem: " in wrong.out) == (1, True)


def test_a_pause_holds_until_it_ends_and_is_told(
    ceasewire: Ceasewire, wire: Path, run: Any, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"- id: good\n  name: Good\n  languages: [en]\n  channels: [{{feed: {web.url}/rss}}]\n  fetch_pages: false\n"
    (wire / "sources" / "more.yaml").write_text(text)
    web.replies["/rss"] = Reply(rss(item(1)))
    monkeypatch.setenv("CEASEWIRE_NOW", "2026-03-01T06:00:00+00:00")
    ceasewire("--config", wire, "migrate")
    paused = run("pause", "good", "--until", "2d", "--why", "they asked", "--who", "Ines")
    assert paused.out == "good: 1 channel paused until 2026-03-03 06:00 UTC\n"
    assert ceasewire("--config", wire, "collect", "--now").code == 0
    assert web.seen == []
    [row] = rows(run("list", "good", "--json"))
    assert row["state"] == "paused"
    assert all(word in row["reason"] for word in ("Ines", "2026-03-03", "they asked"))
    assert "Ines" in run("show", "good").out

    monkeypatch.setenv("CEASEWIRE_NOW", "2026-03-03T06:01:00+00:00")
    assert ceasewire("--config", wire, "collect", "--now").code == 0
    assert web.paths() == ["/rss"]

    assert run("pause", "good").code == 0
    assert "good" in {row["source"] for row in rows(run("list", "--state", "paused", "--json"))}
    assert run("resume", "good").out == "good: 1 channel taken up again\n"
    [row] = rows(run("list", "good", "--json"))
    assert row["state"] == "ok"
    states = [event["state"] for event in json.loads(run("show", "good", "--json").out)["channels"][0]["events"]]
    assert states.count("paused") == 2
    assert run("resume", "good").code == 1


def test_resuming_what_its_file_pauses(ceasewire: Ceasewire, wire: Path, run: Any) -> None:
    ceasewire("--config", wire, "migrate")
    refused = run("resume", "the-paper")
    assert (refused.code, "delete `paused: true` there" in refused.err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "the-papr"], "Did you mean 'the-paper'?"),
        (["pause"], "name a source"),
        (["pause", "--country", "ZZ"], "no configured channel"),
        (["pause", "the-paper", "--until", "yesterday"], "no span of time"),
        (["pause", "the-paper", "--until", "2001-01-01T00:00:00Z"], "in the past"),
        (["pause", "the-paper", "--until", "2101-01-01T00:00:00"], "needs a zone"),
        (["check"], "name a source"),
        (["list", "--state", "fine"], "'fine' is not one of"),
        (["add", "x.example", "--file", "../../x.yaml"], "give its name alone"),
    ],
)
def test_wrong_calls(ceasewire: Ceasewire, wire: Path, run: Any, web: Web, arguments: list[str], words: str) -> None:
    ceasewire("--config", wire, "migrate")
    if arguments[0] == "add":
        web.replies["/"] = Reply(rss(item(1)))
        arguments = ["add", web.url, *arguments[2:]]
    wrong = run(*arguments)
    assert (wrong.code, words in wrong.err) == (2, True), wrong


LIST = b"""<opml version="2.0"><body><outline text="Levant">
<outline text="Naharnet" xmlUrl="https://nah.example/atom" htmlUrl="https://nah.example/" language="ar"/>
<outline text="Naharnet 2" xmlUrl="https://nah.example/rss" htmlUrl="https://nah.example/"/></outline>
<outline text="Again" xmlUrl="https://NAH.example/atom"/>
<outline text="Known" xmlUrl="https://paper.example/rss.xml"/>
<outline text="Bad" xmlUrl="ftp://x.example/"/>
</body></opml>"""


def test_opml_there_and_back(wire: Path, run: Any, tmp_path: Path) -> None:
    file = tmp_path / "list.opml"
    file.write_bytes(LIST)
    shown = run("import-opml", file)
    assert (shown.code, len(list((wire / "sources").iterdir()))) == (0, 1)
    done = run("import-opml", file, "--yes", "--language", "fr", "--tag", "reader")
    assert done.code == 0, done.err
    assert f"{file}:4: https://nah.example/atom: stands in line 2 too; left out" in done.err
    assert "https://paper.example/rss.xml: configured already: source the-paper" in done.err
    assert "`ftp://x.example/` is no web address" in done.err
    assert "2 new feeds of 1 sources" in done.out
    sources, problems = load_sources(wire / "sources")
    assert problems == []
    [new] = [one for one in sources if one.id != "the-paper"]
    assert (new.id, new.languages, new.tags, len(new.channels)) == ("naharnet", ("ar",), ("reader", "levant"), 2)
    assert run("import-opml", file, "--yes").out == "5 feeds, none of them new\n".replace("5", "4")

    out = tmp_path / "out.opml"
    assert run("export-opml", "-o", out).code == 0
    (wire / "sources" / "opml.yaml").unlink()
    assert run("import-opml", out, "--yes").code == 0
    [back] = [one for one in load_sources(wire / "sources")[0] if one.id != "the-paper"]
    assert [channel.url for channel in back.channels] == [channel.url for channel in new.channels]
    assert set(new.tags) <= set(back.tags)


def test_a_list_that_is_none_is_bad_input(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "list.opml"
    file.write_bytes(b"<opml>\n<body>\n<outline></body></opml>")
    refused = run("import-opml", file)
    assert (refused.code, f"{file}:3:" in refused.err) == (65, True)


def test_a_page_instead_of_a_feed_has_the_feeds_it_names_proposed(
    ceasewire: Ceasewire, wire: Path, run: Any, web: Web
) -> None:
    link = '<link rel="alternate" type="application/rss+xml" href="/feed/" title="News">'
    web.replies["/rss"] = Reply(page(head=link))
    (wire / "sources" / "more.yaml").write_text(
        f"- id: moved\n  name: Moved\n  languages: [en]\n  channels: [{{feed: {web.url}/rss}}]\n"
    )
    proposal = f"not a feed: an HTML page; it names {web.url}/feed/"
    assert f"  problem: {proposal}\n" in run("check", "moved").out
    assert rows(run("check", "moved", "--json"))[0]["proposed"] == [f"{web.url}/feed/"]
    ceasewire("--config", wire, "migrate")
    ceasewire("--config", wire, "collect")
    shown = run("show", "moved").out
    assert f"not_a_feed  {proposal}\n" in shown
    [channel] = json.loads(run("show", "moved", "--json").out)["channels"]
    assert channel["events"][0]["evidence"]["proposed"] == [f"{web.url}/feed/"]


def test_an_own_spider_stands_in_the_list(wire: Path, run: Any) -> None:
    from alerts.ledger import migrate
    from crawler.archive import open_archive
    from crawler.archive.ownspiders import SpiderRun, record_run

    url = f"sqlite:///{wire / 'wire.db'}"
    migrate(url)
    text = "- {id: council, name: Council, languages: [en], own_spider: true}\n"
    (wire / "sources" / "own.yaml").write_text(text)
    archive = open_archive(url)
    with archive.write() as connection:
        record_run(connection, SpiderRun("notices", "council", datetime(2026, 3, 1, tzinfo=UTC), new=2))
    archive.close()
    [line] = [line for line in run("list").out.splitlines() if line.startswith("council")]
    assert line.split()[:4] == ["council", "spider", "notices", "ok"]
    shown = run("show", "council").out
    assert "spider spider:notices\n" in shown
    assert "no longer in the configuration" not in shown
    assert rows(run("list", "council", "--json"))[0]["configured"] is True
