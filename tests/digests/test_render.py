"""Rendering: golden parts, the byte budget, hostile words, directions, determinism."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from alerts.digests.render import FULL_AT_LEAST, LINES_AT_LEAST, loudest_first, render
from tests.digests import samples
from tests.digests.scenes import HOSTILE, SCENES, corrected

GOLDEN = Path(__file__).parent / "golden"


class Checker(HTMLParser):
    """Collects tags and attributes, and refuses tags that are not closed in order."""

    VOID = frozenset({"meta", "br", "hr"})

    def __init__(self, document: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(document)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"an attribute twice in {tag}"
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    def links(self) -> list[str]:
        return [attributes["href"] or "" for tag, attributes in self.tags if tag == "a"]


@pytest.mark.parametrize("name", list(SCENES))
def test_golden(name: str) -> None:
    """To renew after a wanted change: delete the folder `golden` and run this test once; then read the difference."""
    rendered = SCENES[name]()
    written = {f"{name}.html": rendered.html, f"{name}.txt": f"Subject: {rendered.subject}\n\n{rendered.text}"}
    if not (GOLDEN / f"{name}.html").exists():
        GOLDEN.mkdir(exist_ok=True)
        for file, content in written.items():
            (GOLDEN / file).write_bytes(content.encode())
        pytest.fail(f"golden {name} was missing and is written now: read it")
    for file, content in written.items():
        assert content == (GOLDEN / file).read_bytes().decode(), file


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(SCENES)


@pytest.mark.parametrize("count", [0, 1, 60, 500])
def test_every_part_stays_in_its_budget(count: int) -> None:
    rendered = render(samples.snapshot(samples.stories(count)))
    assert len(rendered.html.encode()) <= 90_000
    assert len(rendered.text.encode()) <= 90_000


@pytest.mark.parametrize("budget", [12_000, 30_000, 60_000, 90_000])
def test_a_tight_budget_is_used_and_not_exceeded(budget: int) -> None:
    html = render(samples.snapshot(samples.stories(200), budget=budget)).html
    assert budget - 2_000 < len(html.encode()) <= budget


def test_a_digest_comes_even_when_its_head_alone_is_over_the_budget() -> None:
    rendered = render(samples.snapshot(samples.stories(3), budget=100))
    assert "and 2 more" in rendered.text
    assert "Coverage" in rendered.html


def test_what_is_not_shown_is_counted() -> None:
    html = render(samples.snapshot(samples.stories(500))).html
    shown = html.count("text-decoration:none")
    evidence = html.count('class="q"')
    hidden = sum(int(found.replace(",", "")) for found in re.findall(r"and ([\d,]+) more", html))
    assert evidence >= FULL_AT_LEAST
    assert shown + hidden == 500


def test_every_section_keeps_headlines_although_the_first_alone_would_fill_the_mail() -> None:
    html = render(samples.snapshot(samples.stories(600))).html
    for section in html.split("<h2")[2:6]:
        assert section.count("text-decoration:none") >= LINES_AT_LEAST
        assert " more</td>" in section


def test_rendering_a_stored_snapshot_gives_the_same_bytes() -> None:
    snapshot = samples.snapshot(samples.stories(40))
    assert render(json.loads(json.dumps(snapshot))) == render(snapshot)


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_titles_change_nothing_but_the_title(words: str) -> None:
    sample = ("lanter", words, "They bombed it.", ("bombed",), "civilian_attack", None, "event", "critical")
    evil = samples.told(1, sample)
    plain = Checker(render(samples.snapshot([samples.told(1, ("lanter", "A title", *sample[2:]))])).html)
    rendered = render(samples.snapshot([evil]))
    checked = Checker(rendered.html)
    assert [tag for tag, _ in checked.tags] == [tag for tag, _ in plain.tags]
    assert [list(attributes) for _, attributes in checked.tags] == [list(attributes) for _, attributes in plain.tags]
    for part in (rendered.subject, rendered.html.replace("\n", ""), rendered.text.replace("\n", "")):
        assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]", part)
    assert "\n" not in rendered.subject
    assert len(rendered.subject) < 250
    rendered.html.encode()


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "java\tscript:alert(1)", "data:text/html,x", "https://", "http://e.org/\nX: y", "//e.org/"],
)
def test_no_link_leads_anywhere_but_the_web(url: str) -> None:
    told = samples.stories(1)[0]
    told = replace(told, articles=[replace(article, url=url) for article in told.articles])
    rendered = render(samples.snapshot([told]))
    assert Checker(rendered.html).links() == []
    assert "alert" not in rendered.text
    assert "Missile strike" in rendered.text


def test_links_survive_the_escaping() -> None:
    told = samples.stories(1)[0]
    url = "https://e.org/a?b=1&c=%22x%22&d='y'"
    told = replace(told, articles=[replace(told.articles[0], url=url)])
    assert Checker(render(samples.snapshot([told])).html).links() == [url]


def test_subject_names_the_loudest_first() -> None:
    subject = render(samples.snapshot(samples.stories(8))).subject
    assert subject.startswith("[Field desk] 2 critical, 2 high: Missile strike on Veld")
    assert subject.endswith("مدنياً\u200e (#214)")


def test_subject_of_statements_only() -> None:
    rendered = render(samples.snapshot([samples.told(1, samples.SAMPLES[7])]))
    assert rendered.subject.startswith("[Field desk] 1 statement: US has seen")
    assert "STATEMENTS (1)" in rendered.text


def test_an_empty_digest_states_its_coverage() -> None:
    rendered = render(samples.snapshot([]))
    assert rendered.subject == "[Field desk] No new stories, 1,204 articles read from 7 of 8 sources (#214)"
    assert "1,204 articles were read since Mon 07:00" in rendered.html


def test_an_outage_comes_first_in_the_subject() -> None:
    rendered = SCENES["late-and-down"]()
    assert rendered.subject.startswith("[Field desk] Collector down since Mon 22:00 · 2 critical")
    for part in (rendered.html, rendered.text):
        assert "Due 07:00, sent 09:40. 2 earlier digests never went out" in part
        assert "ceasefire-violated" in part


def test_the_first_line_is_the_preheader_in_both_parts() -> None:
    rendered = render(samples.snapshot(samples.stories(12)))
    line = "11 new, 1 updated since #213 · 1,204 articles read from 7 of 8 sources"
    assert rendered.text.split("\n")[0] == line
    body = rendered.html[rendered.html.index("<body") :]
    assert re.sub("<[^>]+>", "", body).strip().startswith(line)


def test_right_to_left_stories_stand_on_the_right_and_name_their_language() -> None:
    html = render(samples.snapshot([samples.told(1, samples.SAMPLES[1])])).html
    assert '<td align="right"' in html
    assert html.count('dir="rtl" lang="ar"') == 2  # headline and proof
    assert 'align="right"' not in render(samples.snapshot([samples.told(1, samples.SAMPLES[0])])).html


def test_matched_words_are_marked_in_both_parts() -> None:
    rendered = render(samples.snapshot([samples.told(1, samples.SAMPLES[0])]))
    marked = re.findall(r'<b class="h"[^>]*>([^<]+)</b>', rendered.html)
    assert marked == ["killed", "missiles hit the maternity hospital"]
    assert "*missiles hit the maternity hospital*" in rendered.text


def test_without_styles_both_parts_tell_all_of_it_in_the_same_order() -> None:
    snapshot = corrected()
    rendered = render(snapshot)
    for part in ("".join(Checker(rendered.html).words), rendered.text.replace("*", "").replace("\u200e", "")):
        words, place = "".join(part.split()).casefold(), 0
        for story in loudest_first(snapshot["stories"]):
            sentences = ["".join(text for _, text in piece["segments"]) for piece in story["evidence"]]
            for said in (story["title"], story["source"], story["when"], *sentences):
                place = words.find("".join(said.split()).casefold(), place)
                assert place >= 0, said
        for said in ("Corrections", snapshot["corrections"][0]["reason"], "Coverage", "Failing:", "Next digest:"):
            place = words.find("".join(said.split()).casefold(), place)
            assert place >= 0, said


def test_html_uses_nothing_that_mail_clients_strip_or_load() -> None:
    html = render(samples.snapshot(samples.stories(60))).html
    tags = {tag for tag, _ in Checker(html).tags}
    known = "html head meta title style body div table tr td h1 h2 h3 a b span"
    assert tags <= set(known.split())
    assert "url(" not in html
    assert "@import" not in html


def test_secondary_text_is_not_lighter_than_it_may_be() -> None:
    """WCAG contrast of every colour on its background, in the light and in the dark look."""
    html = SCENES["late-and-down"]().html + render(samples.snapshot(samples.stories(60))).html
    light = {
        colour
        for _, attributes in Checker(html).tags
        for colour in re.findall(r"(?:^|;)color:(#[0-9a-f]{6})", attributes.get("style") or "")
    }
    assert "#475467" in light
    for colour in light:
        assert min(contrast(colour, back) for back in ("#ffffff", "#f5f6f8")) >= 4.5, colour
    for colour in ("#f2f4f7", "#a9b4c4", "#d5dbe5", "#ff9c8f", "#fdb27a", "#f0cb6a", "#a4bcfd"):
        assert colour in html
        assert min(contrast(colour, back) for back in ("#151a21", "#1e252f")) >= 4.5, colour


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("count", [0, 1, 2, 40])
def test_a_head_that_is_larger_than_the_budget_still_comes(count: int) -> None:
    snapshot = samples.snapshot(samples.stories(count), budget=1_000)
    rendered = render(snapshot)
    assert "Field desk" in rendered.html
    assert samples.SAMPLES[0][1] not in rendered.html
