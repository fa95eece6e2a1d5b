"""config/desks/: what a desk is, and what is said about mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.deskfiles import Known, load_desks
from alerts.desks import Desk, Match
from alerts.routes import FolderRoute, MailRoute
from alerts.rules import Text
from alerts.rules.queries import Queries
from crawler.errors import Problem

GOOD = (
    "id: sudan\ntitle: Sudan\nschedule: '0 7,17 * * *'\nzone: Africa/Khartoum\nroutes:\n  - mail: [desk@example.org]\n"
)
KNOWN = Known(topics=("civilian_attack", "ceasefire"), sources={"reuters", "dabanga"}, rules={"ceasefire-violated"})


def load(folder: Path, known: Known = KNOWN, **files: str) -> tuple[tuple[Desk, ...], list[Problem]]:
    (folder / "desks").mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / "desks" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return load_desks(folder / "desks", known)


def with_lists(folder: Path) -> None:
    (folder / "lists").mkdir()
    for name, terms in {"places": "en: [Khartoum, Darfur]\nar: [دارفور]", "broken": "en: []"}.items():
        (folder / "lists" / f"{name}.yaml").write_text(f"{terms}\n", "utf-8")


def with_key(line: str) -> str:
    return f"{GOOD}{line}\n"


def replaced(key: str, line: str) -> str:
    return "".join(f"{line}\n" if row.startswith(f"{key}:") else f"{row}\n" for row in GOOD.splitlines())


def test_a_desk_with_everything(tmp_path: Path) -> None:
    text = (
        GOOD
        + "  - folder: var/outbox\n"
        + "topics: [ceasefire]\n"
        + "classes: [event]\n"
        + "rules: [ceasefire-violated]\n"
        + "severities: [high, critical]\n"
        + "languages: [en, no]\n"
        + "sources: [dabanga]\n"
        + "source_countries: [SD, NO]\n"
        + "tags: [darfur]\n"
        + "match: title:(Khartoum OR Darfur)\n"
        + "budget: 60000\n"
        + "send_empty: daily\n"
    )
    desks, problems = load(tmp_path, a=text)
    assert problems == []
    assert desks == (
        Desk(
            id="sudan",
            title="Sudan",
            schedule="0 7,17 * * *",
            zone="Africa/Khartoum",
            routes=(MailRoute(("desk@example.org",)), FolderRoute(tmp_path / "var" / "outbox")),
            topics=("ceasefire",),
            classes=("event",),
            rules=("ceasefire-violated",),
            severities=("high", "critical"),
            languages=("en", "no"),
            sources=("dabanga",),
            source_countries=("SD", "NO"),
            tags=("darfur",),
            match=Match("title:(Khartoum OR Darfur)", Queries({}, {})),
            budget=60_000,
            send_empty="daily",
        ),
    )
    assert [route.kind for route in desks[0].routes] == ["mail", "folder"]


def test_what_is_left_out_does_not_restrict(tmp_path: Path) -> None:
    (desk,), _ = load(tmp_path, a=GOOD)
    assert desk.classes == ("event", "statement")
    assert (desk.topics, desk.rules, desk.severities, desk.sources, desk.languages) == ((), (), (), (), ())
    assert (desk.match, desk.budget, desk.send_empty) == (None, None, "always")


@pytest.mark.parametrize(
    ("text", "place", "code", "words"),
    [
        (GOOD.replace("zone: Africa/Khartoum\n", ""), "1:1", "missing", "such as `zone: Europe/Kyiv`"),
        (GOOD.replace("zone:", "timezone:"), "4:1", "unknown-key", "did you mean `zone`?"),
        (replaced("zone", "zone: Khartoum"), "4:7", "schedule", "did you mean Africa/Khartoum?"),
        (replaced("zone", "zone: africa/khartoum"), "4:7", "schedule", "did you mean Africa/Khartoum?"),
        (replaced("zone", "zone: Africa/Khartum"), "4:7", "schedule", "did you mean Africa/Khartoum?"),
        (replaced("zone", "zone: CET"), "4:7", "schedule", "abbreviation"),
        (replaced("zone", "zone: EST5EDT"), "4:7", "schedule", "no time zone of a place"),
        (replaced("zone", "zone: UTC+2"), "4:7", "schedule", "an IANA name"),
        (replaced("zone", "zone: Etc/GMT-2"), "4:7", "schedule", "no time zone of a place"),
        (replaced("zone", "zone: ''"), "4:8", "schedule", "the time zone is empty"),
        (replaced("zone", "zone: 2"), "4:7", "string-type", "text"),
        (replaced("zone", "zone: ../../etc/passwd"), "4:7", "schedule", "no time zone of a place"),
        (replaced("schedule", "schedule: '0 7,25 * * *'"), "3:16", "schedule", "`25` is no hour"),
        (replaced("schedule", 'schedule: "0 7,\\x325 * * *"'), "3:16", "schedule", "`25` is no hour"),
        (replaced("schedule", "schedule: >-\n  0 7\n  * 13 *"), "5:5", "schedule", "`13` is no month"),
        (replaced("schedule", "schedule: 60 7 * * *"), "3:11", "schedule", "`60` is no minute"),
        (replaced("schedule", "schedule: 0 7 0 * *"), "3:15", "schedule", "`0` is no day of the month"),
        (replaced("schedule", "schedule: 0 7 * * 8"), "3:19", "schedule", "0 and 7 are Sunday"),
        (replaced("schedule", "schedule: 0 7 * * MON,FRY"), "3:23", "schedule", "`FRY` is no day of the week"),
        (replaced("schedule", "schedule: 0 7 30 2 *"), "3:15", "schedule", "day 30 never comes in month 2"),
        (replaced("schedule", "schedule: 0 17-7 * * *"), "3:13", "schedule", "begins with its smaller end"),
        (replaced("schedule", "schedule: 0 24 * * *"), "3:13", "schedule", "midnight is hour 0"),
        (replaced("schedule", "schedule: 0 7:30 * * *"), "3:13", "schedule", "write minute 30 and hour 7"),
        (replaced("schedule", "schedule: 0 7, * * *"), "3:15", "schedule", "nothing between commas"),
        (replaced("schedule", "schedule: 0 7 * *"), "3:18", "schedule", "the field for the day of the week is missing"),
        (replaced("schedule", "schedule: 0 0 7 * * *"), "3:11", "schedule", "leave out the field for seconds"),
        (replaced("schedule", "schedule: 0 7 * * * 1 2"), "3:21", "schedule", "this one has 7"),
        (replaced("schedule", "schedule: 07:00"), "3:11", "schedule", "write `0 7 * * *`"),
        (replaced("schedule", "schedule: '@daily'"), "3:12", "schedule", "write `0 7 * * *`"),
        (replaced("schedule", "schedule: ''"), "3:12", "schedule", "the schedule is empty"),
        (replaced("schedule", "schedule: [07:00]"), "3:11", "string-type", "a list stands here"),
        (replaced("id", "id: Sudan Desk"), "1:5", "id", "did you mean `sudan-desk`?"),
        (replaced("title", "title:"), "2:1", "string-type", "nothing stands here"),
        (GOOD.replace("routes:\n  - mail: [desk@example.org]\n", "routes: []\n"), "5:9", "too-short", "this is empty"),
        (GOOD.replace("[desk@example.org]", "desk@example.org"), "6:11", "tuple-type", "write [desk@example.org]"),
        (GOOD.replace("[desk@example.org]", "[desk]"), "6:12", "invalid", "no mail address"),
        (GOOD.replace("[desk@example.org]", "[Desk <d@e.org>]"), "6:12", "invalid", "write d@e.org alone"),
        (GOOD.replace("[desk@example.org]", "[]"), "6:11", "too-short", "this is empty"),
        (GOOD.replace("mail:", "email:"), "6:5", "unknown-key", "did you mean `mail`?"),
        (GOOD + "  - {}\n", "7:5", "route-kind", "exactly one of mail, folder, site, webhook, chat"),
        (GOOD + "  - {mail: [a@b.org], folder: x}\n", "7:5", "route-kind", "a route is of one kind"),
        (GOOD + "  - pigeon: x\n", "7:5", "unknown-key", "one of mail, folder"),
        (GOOD + "  - webhook: https://x.example\n", "7:5", "missing", "secret_env or secret_file"),
        (GOOD + "  - {webhook: 'http://x.org/', secret_env: A}\n", "7:15", "insecure", "https"),
        (GOOD + "  - {webhook: 'https://a:b@x.org/', secret_env: A}\n", "7:15", "invalid", "by the signature"),
        (GOOD + "  - {webhook: 'https://x.org', secret: hush}\n", "7:32", "secret", "`secret_env`"),
        (GOOD + "  - {folder: x, site_url: 'https://x.org'}\n", "7:5", "invalid", "`site_url` belongs to a site"),
        (GOOD + "  - {site: x, site_url: x.org}\n", "7:25", "invalid", "no address of a site"),
        (GOOD + "  - {site: x, site_url: 'https://a:b@x.org'}\n", "7:25", "invalid", "with its password"),
        (GOOD + "  - {chat: team}\n", "7:5", "missing", "url_env or url_file"),
        (GOOD + "  - {chat: team, url_env: A, secret_env: B}\n", "7:5", "invalid", "`webhook:`"),
        (GOOD + "  - {slack: team}\n", "7:6", "unknown-key", "`chat: NAME`"),
        (with_key("topics: [ceasfire]"), "7:10", "unknown-topic", "did you mean `ceasefire`?"),
        (with_key("sources: [reuter]"), "7:11", "unknown-source", "did you mean `reuters`?"),
        (with_key("rules: [ceasefire-violation]"), "7:9", "unknown-rule", "did you mean `ceasefire-violated`?"),
        (with_key("classes: [events]"), "7:11", "not-allowed", "did you mean `event`?"),
        (with_key("classes: []"), "7:10", "too-short", "this is empty"),
        (with_key("severities: [urgent]"), "7:14", "not-allowed", "one of low, medium, high, critical"),
        (with_key("languages: [ua]"), "7:13", "invalid", "did you mean `uk`?"),
        (with_key("source_countries: [UK]"), "7:20", "invalid", "did you mean GB?"),
        (with_key("countries: [SD]"), "7:1", "unknown-key", "did you mean `source_countries`?"),
        (with_key("send_empty: no"), "7:13", "not-allowed", "one of always, daily, never"),
        (with_key("recipients: [a@b.org]"), "7:1", "unknown-key", "routes: [{mail:"),
        (with_key("query: Darfur"), "7:1", "unknown-key", "did you mean `match`?"),
        (with_key("match: @places"), "7:8", "syntax", "put the text in quotes"),
        (with_key("match: ''"), "7:8", "string-too-short", "this is empty"),
        (with_key("match: [Darfur]"), "7:8", "string-type", "a list stands here"),
        (with_key("match: Darfur Khartoum"), "7:15", "adjacent-terms", "AND, OR, NEAR/n"),
        (with_key("match: '@placse'"), "7:9", "unknown-list", "did you mean @places?"),
        (with_key("match: '@broken OR Darfur'"), "7:9", "broken-list", "the list @broken is broken"),
        (with_key("match: NOT Darfur"), "7:8", "only-negative", "wanted AND NOT unwanted"),
        (with_key("match: |\n  @places AND\n    (war near peace)"), "9:10", "lowercase-operator", "NEAR/5"),
        (with_key('match: "a \\x41ND (b"'), "7:18", "unclosed-paren", "a closing bracket"),
        (with_key("budget: 19999"), "7:9", "greater-than-equal", "at least 20000"),
        (with_key("budget: 1000001"), "7:9", "less-than-equal", "at most 1000000"),
        (with_key("budget: 90 kB"), "7:9", "int-type", "a whole number"),
        (with_key("byte_budget: 90000"), "7:1", "unknown-key", "did you mean `budget`?"),
        (with_key("title: Again"), "7:1", "duplicate-key", "the first is in line 2"),
        ("- " + GOOD.replace("\n", "\n  "), "1:1", "model-type", "a list stands here"),
        ("", "1:1", "empty", "at least id, title, schedule, zone, routes"),
    ],
)
def test_what_is_wrong_and_where(tmp_path: Path, text: str, place: str, code: str, words: str) -> None:
    with_lists(tmp_path)
    desks, problems = load(tmp_path, a=text)
    assert [str(problem).partition(": error")[0] for problem in problems] == [f"{tmp_path}/desks/a.yaml:{place}"]
    assert problems[0].code == code
    assert words in str(problems[0])
    assert desks == ()


def test_ids_are_unique_over_all_files(tmp_path: Path) -> None:
    desks, problems = load(tmp_path, a=GOOD, b="# second\n" + GOOD)
    assert [desk.id for desk in desks] == ["sudan"]
    assert [(problem.code, problem.line, problem.column) for problem in problems] == [("duplicate-id", 2, 5)]
    assert problems[0].hint == f"the first is in {tmp_path}/desks/a.yaml:1:5"


def test_a_mail_route_needs_a_mail_server(tmp_path: Path) -> None:
    desks, problems = load(tmp_path, Known(mail_server=False), a=GOOD)
    assert desks == ()
    assert [(problem.code, problem.line, problem.column) for problem in problems] == [("no-mail-server", 6, 5)]


def test_nothing_known_means_anything_may_be_named(tmp_path: Path) -> None:
    desks, problems = load(tmp_path, Known(), a=with_key("rules: [whatever]\nsources: [anyone]\ntopics: [weather]"))
    assert problems == []
    assert desks[0].rules == ("whatever",)


@pytest.mark.parametrize(
    ("schedule", "zone", "warned"),
    [
        ("30 2 * * *", "Europe/Kyiv", True),
        ("0 0 * * *", "Europe/Kyiv", True),
        ("0 3,7 * * *", "America/New_York", True),
        ("0 1-9/4 * * *", "Europe/Kyiv", True),
        ("0 4 * * *", "Europe/Kyiv", False),
        ("0 7,17 * * *", "Europe/Kyiv", False),
        ("30 2 * * *", "Africa/Khartoum", False),
        ("30 2 * * *", "UTC", False),
        ("0 * * * *", "Europe/Kyiv", False),
        ("0 */2 * * *", "Europe/Kyiv", True),
    ],
)
def test_slots_at_night_are_warned_of(tmp_path: Path, schedule: str, zone: str, warned: bool) -> None:
    text = replaced("zone", f"zone: {zone}").replace("0 7,17 * * *", schedule)
    desks, problems = load(tmp_path, a=text)
    assert len(desks) == 1
    assert [(problem.code, problem.warning, problem.line) for problem in problems] == [("night-slot", True, 3)] * warned


def test_all_mistakes_of_all_files_at_once(tmp_path: Path) -> None:
    bad = replaced("zone", "zone: CET").replace("0 7,17", "0 7,25").replace("[desk@example.org]", "[x]")
    _, problems = load(tmp_path, a=bad, b=bad, c="id: [\n", d=with_key("tags: 3"))
    assert [(Path(problem.file).stem, problem.line) for problem in problems] == [
        ("a", 3),
        ("a", 4),
        ("a", 6),
        ("b", 3),
        ("b", 4),
        ("b", 6),
        ("c", 1),
        ("d", 7),
    ]


def test_no_desk_is_a_warning(tmp_path: Path) -> None:
    assert [(problem.code, problem.warning) for problem in load(tmp_path)[1]] == [("no-desks", True)]


def test_a_wrong_query_is_shown_as_those_of_rules_are(tmp_path: Path) -> None:
    with_lists(tmp_path)
    _, (problem,) = load(tmp_path, a=with_key("match: >-\n  @places\n  AND @palces"))
    assert str(problem) == (
        f"{tmp_path}/desks/a.yaml:9:7: error: there is no list @palces [unknown-list]\n"
        "      AND @palces\n"
        "          ^\n"
        "    expected: one of @broken, @places\n"
        "    hint: did you mean @places?"
    )


def test_queries_read_the_lists_in_the_article_s_language(tmp_path: Path) -> None:
    with_lists(tmp_path)
    (desk, _), problems = load(tmp_path, a=with_key("match: '@places'"), b=GOOD.replace("id: sudan", "id: all"))
    assert problems == []
    assert desk.match is not None
    ask = desk.match.queries.ask
    assert ask(Text("", "Fighting in Darfur", language="en")) == {"sudan"}
    assert ask(Text("", "القتال في دارفور", language="ar")) == {"sudan"}
    assert ask(Text("", "القتال في دارفور", language="en")) == frozenset()
    assert ask(Text("", "القتال في دارفور", language="")) == {"sudan"}


def test_a_list_without_terms_in_a_desk_s_language_is_warned_of(tmp_path: Path) -> None:
    with_lists(tmp_path)
    desks, (problem,) = load(tmp_path, a=with_key("languages: [ar, uk]\nmatch: '@places'"))
    assert len(desks) == 1
    assert (problem.warning, problem.line, problem.column) == (True, 8, 9)
    assert problem.message == "@places has no terms for `uk`"


def test_a_query_is_checked_though_other_keys_are_wrong(tmp_path: Path) -> None:
    _, problems = load(tmp_path, a=replaced("zone", "zone: CET") + "match: a b\n")
    assert [problem.line for problem in problems] == [4, 7]


def test_a_budget_that_mail_clients_clip_is_warned_of(tmp_path: Path) -> None:
    folder = GOOD.replace("mail: [desk@example.org]", "folder: out").replace("id: sudan", "id: kept")
    desks, (problem,) = load(tmp_path, a=with_key("budget: 102001"), b=f"{folder}budget: 1000000\n")
    assert [desk.budget for desk in desks] == [102_001, 1_000_000]
    assert (problem.code, problem.warning, problem.line, problem.column) == ("clipped", True, 7, 9)
