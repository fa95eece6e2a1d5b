"""config/sources/: what a source is, and what is said about mistakes."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from crawler.errors import Problem
from crawler.sources import Channel, ChannelKind, Source, channel_id, load_sources, nearest_source

GOOD = "- id: nrk\n  name: NRK\n  country: NO\n  languages: [no]\n  channels:\n    - feed: https://nrk.example/rss\n"


def load(folder: Path, **files: str) -> tuple[tuple[Source, ...], list[Problem]]:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return load_sources(folder)


def shown(problem: Problem, folder: Path) -> str:
    return str(problem).replace(f"{folder}/", "")


def test_a_source_with_everything(tmp_path: Path) -> None:
    sources, problems = load(
        tmp_path,
        a="- id: tass\n"
        "  name: TASS\n"
        "  country: RU\n"
        "  languages: [en, ru]\n"
        "  tier: 4\n"
        "  party: Russia\n"
        "  homepage: https://tass.example\n"
        "  channels:\n"
        "    - feed: https://tass.example/rss\n"
        "      min_minutes: 2\n"
        "      max_minutes: 30\n"
        "    - sitemap: https://tass.example/news.xml.gz\n"
        "      paused: true\n"
        "    - section: https://tass.example/world\n"
        "      links: 'article h2 > a'\n"
        "      date: time\n"
        "      next_page: a[rel=next]\n"
        "  fetch_pages: false\n"
        "  checked: 2026-03-01\n"
        "  note: state agency\n",
    )
    assert problems == []
    (source,) = sources
    assert (source.id, source.tier, source.party, source.fetch_pages) == ("tass", 4, "Russia", False)
    assert (source.homepage, source.checked) == ("https://tass.example/", date(2026, 3, 1))
    feed, sitemap, section = source.channels
    assert feed == Channel(
        id=channel_id("tass", ChannelKind.FEED, "https://tass.example/rss"),
        source="tass",
        kind=ChannelKind.FEED,
        url="https://tass.example/rss",
        min_minutes=2,
        max_minutes=30,
    )
    assert (sitemap.kind, sitemap.paused) == (ChannelKind.SITEMAP, True)
    assert (section.links, section.date, section.next_page) == ("article h2 > a", "time", "a[rel=next]")
    assert len({channel.id for channel in source.channels}) == 3


def test_norway_stays_norway(tmp_path: Path) -> None:
    sources, problems = load(tmp_path, a=GOOD)
    assert problems == []
    assert (sources[0].country, sources[0].languages) == ("NO", ("no",))


def test_the_id_of_a_channel_is_stable() -> None:
    assert channel_id("nrk", ChannelKind.FEED, "https://nrk.example/rss") == "nrk:feed:76ee3c5b2921"
    assert channel_id("nrk", "feed", "https://nrk.example/rss") == "nrk:feed:76ee3c5b2921"


def test_a_paused_source_pauses_its_channels(tmp_path: Path) -> None:
    sources, _ = load(tmp_path, a=GOOD + "  paused: true\n")
    assert sources[0].paused
    assert sources[0].channels[0].paused


def test_a_source_that_only_an_own_spider_reads(tmp_path: Path) -> None:
    sources, problems = load(tmp_path, a=GOOD.partition("  channels:")[0] + "  own_spider: true\n  tags: [radio]\n")
    assert problems == []
    assert (sources[0].channels, sources[0].own_spider, sources[0].tags) == ((), True, ("radio",))


def test_texts_that_are_not_written_yet_are_read_in_place_of_files(tmp_path: Path) -> None:
    load(tmp_path, a=GOOD)
    changed = {tmp_path / "a.yaml": GOOD.replace("nrk", "vg"), tmp_path / "b.yaml": GOOD.replace("nrk.ex", "x.ex")}
    sources, problems = load_sources(tmp_path, changed)
    assert ([source.id for source in sources], problems) == (["vg", "nrk"], [])
    assert [source.id for source in load_sources(tmp_path)[0]] == ["nrk"]


def with_key(line: str) -> str:
    return f"{GOOD}  {line}\n"


def with_channel(text: str) -> str:
    return f"- id: a\n  name: A\n  languages: [en]\n  channels:\n    - {text}\n"


@pytest.mark.parametrize(
    ("text", "place", "code", "words"),
    [
        ("sources:\n  - id: a\n", "1:1", "list-type", "begin each source with `- `"),
        ("id: a\n", "1:1", "list-type", "a list of sources"),
        (GOOD.partition("  channels:")[0], "1:3", "missing", "channels: [{feed: https://"),
        ("- nrk\n", "1:3", "model-type", "a mapping"),
        (GOOD.replace("id: nrk", "id: NRK News"), "1:7", "id", "did you mean `nrk-news`?"),
        (GOOD.replace("id: nrk", "id: nrk_no"), "1:10", "id", "did you mean `nrk-no`?"),
        (GOOD.replace("id: nrk", "id: 7"), "1:7", "string-type", 'write it in quotes: "7"'),
        (GOOD.replace("id: nrk", f"id: {'a' * 65}"), "1:7", "id", "at most 64"),
        (GOOD.replace("name: NRK", "nam: NRK"), "2:3", "unknown-key", "did you mean `name`?"),
        (GOOD.replace("name: NRK", "name: ''"), "2:9", "string-too-short", "this is empty"),
        (GOOD.replace("  name: NRK\n", ""), "1:3", "missing", "`name` is missing"),
        (GOOD.replace("country: NO", "country: no"), "3:12", "invalid", "did you mean NO?"),
        (GOOD.replace("country: NO", "country: UK"), "3:12", "invalid", "did you mean GB?"),
        (GOOD.replace("country: NO", "country: Norway"), "3:12", "invalid", "two capitals of ISO 3166"),
        (GOOD.replace("country: NO", "country: false"), "3:12", "string-type", 'write it in quotes: "false"'),
        (GOOD.replace("languages: [no]", "languages: no"), "4:14", "tuple-type", "write [no]"),
        (GOOD.replace("languages: [no]", "language: no"), "4:3", "unknown-key", "It is a list"),
        (with_key("tier: 5"), "7:9", "less-than-equal", "at most 4"),
        (with_key("tier: first"), "7:9", "int-type", "a whole number"),
        (with_key("tear: 1"), "7:3", "unknown-key", "did you mean `tier`?"),
        (with_key("party: ''"), "7:10", "string-too-short", "this is empty"),
        (with_key("homepage: nrk.example"), "7:13", "invalid", "did you mean https://nrk.example?"),
        (with_key("homepage: ftp://nrk.example"), "7:13", "invalid", "no web address"),
        (with_key("url: https://nrk.example"), "7:3", "unknown-key", "did you mean `homepage`?"),
        (with_key("checked: 2026-02-30"), "7:12", "date-from-datetime-parsing", "a date such as"),
        (with_key("checked: yesterday"), "7:12", "date-from-datetime-parsing", "`yesterday` is not a date"),
        (with_key("paused: perhaps"), "7:11", "bool-parsing", "true or false"),
        (with_key("name: Again"), "7:3", "duplicate-key", "the first is in line 2"),
        (with_key("feeds: [x]"), "7:3", "unknown-key", "channels: [{feed: https://...}]"),
        ("- id: a\n  name: A\n  languages: [en]\n  channels: []\n", "4:13", "too-short", "this is empty"),
        (with_channel("https://a.example/rss"), "5:7", "model-type", "a mapping"),
        (with_channel("rss: https://a.example/rss"), "5:7", "unknown-key", "did you mean `feed`?"),
        (with_channel("{kind: feed, feed: https://a.example/}"), "5:8", "unknown-key", "write the kind as the key"),
        (with_channel("{}"), "5:7", "channel-kind", "the channel has no URL"),
        (
            with_channel("{feed: https://a.example/1, sitemap: https://a.example/2}"),
            "5:7",
            "channel-kind",
            "exactly one of feed, sitemap, section",
        ),
        (with_channel("feed: a.example/rss"), "5:13", "invalid", "did you mean https://a.example/rss?"),
        (with_channel("feed: https://u:p@a.example/"), "5:13", "secret", "channels are public"),
        (with_channel("feed: [https://a.example/]"), "5:13", "string-type", "a list stands here"),
        (with_channel("section: https://a.example/"), "5:7", "missing", "a section needs `links`"),
        (with_channel("{feed: https://a.example/, links: a}"), "5:7", "invalid", "only sections use CSS"),
        (with_channel("{section: https://a.example/, links: 'a >> b'}"), "5:48", "invalid", "no CSS selector"),
        (with_channel("{feed: https://a.example/, min_minutes: 1}"), "5:47", "greater-than-equal", "at least 2"),
        (with_channel("{feed: https://a.example/, min_minutes: 9, max_minutes: 3}"), "5:7", "invalid", "more than max"),
        (with_channel("{feed: https://a.example/, min: 9}"), "5:34", "unknown-key", ""),
    ],
)
def test_what_is_wrong_and_where(tmp_path: Path, text: str, place: str, code: str, words: str) -> None:
    sources, problems = load(tmp_path, a=text)
    assert [shown(problem, tmp_path).partition(": error: ")[0] for problem in problems] == [f"a.yaml:{place}"]
    assert problems[0].code == code
    assert words in str(problems[0])
    assert sources == ()


def test_ids_are_unique_over_all_files(tmp_path: Path) -> None:
    other = GOOD.replace("nrk.example", "other.example")
    sources, problems = load(tmp_path, a=GOOD, b="# first\n" + other)
    assert [source.channels[0].url for source in sources] == ["https://nrk.example/rss"]
    assert [shown(problem, tmp_path).splitlines()[0] for problem in problems] == [
        "b.yaml:2:7: error: a second source has the id `nrk` [duplicate-id]"
    ]
    assert problems[0].hint == f"the first is in {tmp_path}/a.yaml:1:7"


def test_a_channel_stands_once(tmp_path: Path) -> None:
    again = GOOD.replace("id: nrk", "id: two").replace("/rss", "/rss?utm_source=x")
    sources, problems = load(tmp_path, a=GOOD, b=again)
    assert [problem.code for problem in problems] == ["duplicate-channel"]
    assert (problems[0].line, problems[0].column) == (6, 13)
    assert problems[0].hint == f"the first is in {tmp_path}/a.yaml:6:13"
    assert [source.id for source in sources] == ["nrk"]


def test_one_broken_source_leaves_the_others(tmp_path: Path) -> None:
    sources, problems = load(tmp_path, a="- id: bad\n  name: 3\n" + GOOD, b=GOOD.replace("nrk", "two"), c="x: [\n")
    assert [source.id for source in sources] == ["nrk", "two"]
    assert {shown(problem, tmp_path).partition(": ")[0] for problem in problems} == {
        "a.yaml:1:3",
        "a.yaml:2:9",
        "c.yaml:1:4",
    }


def test_of_a_file_with_equal_keys_nothing_is_used(tmp_path: Path) -> None:
    sources, problems = load(tmp_path, a=with_key("name: Again") + GOOD.replace("id: nrk", "id: Two"))
    assert sources == ()
    assert [problem.code for problem in problems] == ["duplicate-key", "id"]


def test_nothing_configured_is_a_warning(tmp_path: Path) -> None:
    assert [(problem.code, problem.warning) for problem in load_sources(tmp_path)[1]] == [("no-sources", True)]
    sources, problems = load(tmp_path, a="# all of them are commented out\n# - id: a\n")
    assert (sources, [(problem.code, problem.warning) for problem in problems]) == ((), [("empty", True)])


def test_nearest_source(tmp_path: Path) -> None:
    sources, _ = load(tmp_path, a=GOOD.replace("id: nrk", "id: kyiv-independent"))
    assert nearest_source("kiev-independent", sources) == "kyiv-independent"


def test_the_shipped_sources() -> None:
    sources, problems = load_sources(Path(__file__).parent.parent.parent / "config" / "sources")
    assert problems == []
    assert len(sources) >= 40
    assert all(source.checked is None for source in sources), "nobody has probed them"
    assert all(channel.url.startswith("https://") for source in sources for channel in source.channels)
    kinds = {source.id: {channel.kind for channel in source.channels} for source in sources}
    assert {name for name in ("reuters", "ap", "business-insider") if kinds[name] == {ChannelKind.SITEMAP}} == {
        "reuters",
        "ap",
        "business-insider",
    }
    assert {source.id: source.party for source in sources}["tass"] == "Russia"
    assert {"en", "uk", "ru", "ar", "fr", "es"} <= {language for source in sources for language in source.languages}
