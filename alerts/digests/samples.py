"""Made-up stories in several languages and scripts, put together by the code that makes real digests.

`config check` renders the templates of desks with them, and `digest preview --sample` shows them. Every outlet, place
and event is invented. Pure: the same call gives the same snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from alerts.desks import Desk
from alerts.digests.alert import alert_snapshot
from alerts.digests.compose import Occasion, Told, compose
from alerts.digests.render import BUDGET
from alerts.ledger.flags import Flag
from alerts.ledger.items import Item
from alerts.ledger.stories import StoryArticle
from crawler.sources import Source

SIZES = (0, 1, 60, 500)
"""Stories of the digests with which a template is tried."""
SLOT = datetime(2030, 5, 14, 5, 0, tzinfo=UTC)
DESK = Desk(id="sample", title="Sample desk", schedule="0 7 * * *", zone="UTC", routes=())
_LEAD, _LONGEST_SENTENCE = 40, 1_000


@dataclass(frozen=True, slots=True)
class Sample:
    """One invented story; `words` stand in `sentence` and are its evidence."""

    source: str
    title: str
    sentence: str
    words: tuple[str, ...]
    topic: str
    severity: str
    stage: str | None = None
    class_: str = "event"


def _source(key: str, name: str, language: str, party: str | None = None) -> Source:
    return Source(id=key, name=name, languages=(language,), party=party)


SOURCES = (
    _source("harbour", "The Harbour Gazette", "en"),
    _source("verba", "Вербівський вісник", "uk"),
    _source("sahil", "صحيفة الساحل", "ar"),
    _source("gesher", "קול הגשר", "he"),
    _source("colline", "Le Courrier de la Colline", "fr"),
    _source("valle", "El Eco del Valle", "es"),
    _source("heping", "河湾日报", "zh"),
    _source("ministry", "Ministry of Defence of Arvenia", "en", "Arvenia"),
)
SAMPLES = (
    Sample(
        "harbour",
        "Clinic in Old Mirrow hit during the night, nine people killed",
        "Nine people were killed when a shell hit the clinic in Old Mirrow, the town's health office said.",
        ("Nine people were killed", "hit the clinic"),
        "civilian_attack",
        "critical",
    ),
    Sample(
        "sahil",
        "مقتل ستة مدنيين في قصف على سوق بلدة النخلة",
        "قال مسعفون إن ستة مدنيين قتلوا في قصف أصاب سوق بلدة النخلة صباح اليوم.",
        ("ستة مدنيين قتلوا", "قصف"),
        "civilian_attack",
        "critical",
    ),
    Sample(
        "verba",
        "У Вербівці обстріляли школу, поранено чотирьох людей",
        "Унаслідок обстрілу школи у Вербівці поранено чотирьох людей, повідомила міська рада.",
        ("обстрілу школи", "поранено чотирьох людей"),
        "civilian_attack",
        "high",
    ),
    Sample(
        "gesher",
        "הצדדים הודיעו: הפסקת האש באזור הגשר הופרה בלילה",
        "שני הצדדים הודיעו כי הפסקת האש באזור הגשר הופרה בלילה.",
        ("הפסקת האש", "הופרה"),
        "ceasefire",
        "high",
        stage="violated",
    ),
    Sample(
        "colline",
        "Trêve de trois jours dans la vallée pour laisser passer les secours",
        "Les deux camps ont accepté une trêve de trois jours afin de laisser passer les secours.",
        ("accepté une trêve",),
        "ceasefire",
        "medium",
        stage="agreed",
    ),
    Sample(
        "valle",
        "Los alcaldes del valle piden un alto el fuego",
        "Los alcaldes del valle pidieron un alto el fuego inmediato.",
        ("pidieron un alto el fuego",),
        "ceasefire",
        "low",
        stage="called_for",
    ),
    Sample(
        "heping",
        "双方同意延长河湾地区停火一周",
        "调解人表示，双方同意将河湾地区的停火延长一周。",
        ("停火延长一周",),
        "ceasefire",
        "medium",
        stage="extended",
    ),
    Sample(
        "ministry",
        "Ministry denies that its forces fired on the clinic",
        "The ministry denied that its forces had fired on the clinic and promised to look into it.",
        ("fired on the clinic",),
        "civilian_attack",
        "high",
        class_="statement",
    ),
)
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>",
    "\"' onmouseover=alert(3) style=x:y",
    "{{ 7 * 7 }}{% raw %}{# #}",
    "Safe \u202ethgir morf\u202c \u2066left\u2069",
    "line\r\nBcc: everyone@example.org\u2028next\u2029last\x85",
    "nul \x00 bell \x07 escape \x1b[31m",
    "Z" + "\u0301" * 300 + "algo",
    "ו\u05bc\u200f<b>שלום</b>",
    "x" * 10_000,
    "half \ud83d a character",
    "&amp;&#60;i&#62;",
    "",
    "  \u200b ",
)
"""What has come out of feeds, and what somebody could put there."""
HOSTILE_LINKS = ("javascript:alert(4)", "data:text/html,<b>x", 'https://news.example/"><b onclick=x>', "", "ftp://x/y")
MARK = "cwmark"
"""Name of a tag that stands in every hostile text: where it comes out as a tag, the text was not escaped."""


@lru_cache(maxsize=16)
def digest_of(count: int, desk: Desk = DESK, *, budget: int = BUDGET, hostile: bool = False) -> dict[str, Any]:
    """The snapshot of a digest with so many stories.

    Args:
        count: of stories; every eleventh is an update, some have copies or corrections.
        desk: whose title, zone and schedule it shows.
        budget: bytes of HTML.
        hostile: with texts and links that want to break out of where they stand; also late, in an outage, and with
            corrections, so that every part of the digest is there.

    Returns:
        JSON values, shared by all callers: not to be changed.
    """
    occasion = Occasion(
        desk=desk,
        number=214,
        since_number=213,
        slot=SLOT,
        next_slot=SLOT + timedelta(days=1),
        missed=3 if hostile else 1,
        made=SLOT + timedelta(hours=2 if hostile else 0, minutes=2),
        budget=budget,
    )
    told = [_told(number, hostile=hostile) for number in range(1, count + 1)]
    if hostile:
        told.append(_correction(count + 1))
    sources = [_hostile_source(source) for source in SOURCES] if hostile else SOURCES
    return compose(occasion, told, {source.id: source for source in sources}, _coverage(hostile=hostile))


def alert_of(kind: str, count: int = 1, desk: Desk = DESK, *, hostile: bool = False) -> dict[str, Any]:
    """The snapshot of an alert.

    Args:
        kind: new, update or storm; a storm tells of `count` stories.
        count: of stories.
        desk: whose title and zone it shows.
        hostile: as for digests.
    """
    stories = digest_of(max(count, 1), desk, hostile=hostile)["stories"]
    if kind == "update":
        stories = [{**story, "kind": "update", "change": "now 3 outlets, 2 independent"} for story in stories]
    return alert_snapshot(desk, kind, stories, SLOT + timedelta(minutes=12), most=10)


def _told(number: int, *, hostile: bool) -> Told:
    sample = SAMPLES[(number - 1) % len(SAMPLES)]
    if number > len(SAMPLES):
        sample = replace(sample, title=f"{sample.title} ({number})")
    # The many of a large digest have no copies: putting those together would take longer than rendering.
    copies = (number * 5) % 7 if number % 3 == 1 and number <= SIZES[2] else 0
    change = "now 3 outlets, 2 independent" if number % 11 == 4 else ""
    note, link = "", f"https://{sample.source}.example/news/{number}"
    if hostile:
        text = HOSTILE[number % len(HOSTILE)]
        sample = replace(sample, title=f"{_mark('title')}{text}" if text.strip() else text)
        sample = _with_sentence(sample, f"{_mark('evidence')}{text[:_LONGEST_SENTENCE]}")
        change, note = (f"{_mark(name)}{text}" for name in ("change", "note"))
        link = HOSTILE_LINKS[number % len(HOSTILE_LINKS)]
    articles = _articles(number, sample, copies, link)
    kind = "update" if change else "new"
    item = Item(number, number, 2 if change else 1, kind, change, 1)
    return Told(item, articles, [_flag(number, sample)], notes=(note,) if note else ())


def _with_sentence(sample: Sample, hostile: str) -> Sample:
    return replace(sample, sentence=f"{hostile} {sample.sentence} {hostile}", words=(hostile, *sample.words))


def _articles(number: int, sample: Sample, copies: int, link: str) -> list[StoryArticle]:
    outlets = [sample.source, *[other.id for other in SOURCES if other.id != sample.source][:copies]]
    languages = {source.id: source.languages[0] for source in SOURCES}
    seen = SLOT - timedelta(minutes=17 * (number % 80) + 20)
    return [
        StoryArticle(
            story=number,
            relation="copy" if place else "first",
            id=number * 10 + place,
            source=outlet,
            language=languages[sample.source],
            title=sample.title,
            url=link,
            published=None if number % 13 == 5 else seen,
            seen_at=seen + timedelta(minutes=3 * place + 5),
            backfill=False,
            duplicate_of=None,
            copies=number * 10,
            origin=f"source:{sample.source}",
        )
        for place, outlet in enumerate(outlets)
    ]


def _flag(number: int, sample: Sample) -> Flag:
    begins = [sample.sentence.index(word) for word in sample.words]
    spans = tuple((_LEAD + at, _LEAD + at + len(word)) for at, word in zip(begins, sample.words, strict=True))
    return Flag(
        id=number,
        article=number * 10,
        version=1,
        rule="sample",
        rule_set="0",
        topic=sample.topic,
        class_=sample.class_,
        stage=sample.stage,
        severity=sample.severity,
        tags=(),
        field="body",
        start=spans[0][0],
        end=spans[-1][1],
        sentence=sample.sentence,
        sentence_start=_LEAD,
        terms=spans,
        at=SLOT,
    )


def _correction(number: int) -> Told:
    item = Item(number, number, 2, "correction", f"{_mark('reason')}judged not relevant", 1)
    return Told(item, (), (), mailed=(f"{_mark('correction')}a headline", HOSTILE_LINKS[0]))


def _mark(field: str) -> str:
    return f"<{MARK} data-{field}>"


def _hostile_source(source: Source) -> Source:
    party = f"{_mark('party')}{source.party}" if source.party else None
    return replace(source, name=f"{_mark('source')}{source.name}", party=party)


def _coverage(*, hostile: bool) -> Mapping[str, Any]:
    """As `coverage.cover` makes it."""
    rows: Sequence[tuple[str, str]] = (
        ("Articles", "1,204 read, 12 of them undated"),
        ("Silent", "El Eco del Valle (since 5 May)"),
        ("Gaps", "Le Courrier de la Colline (01:00 to 02:00)"),
    )
    if hostile:
        rows = [(f"{_mark('row')}{name}", f"{_mark('row')}{text}") for name, text in rows]
    return {
        "since": "Mon 05:00",
        "read": 1204,
        "sources": len(SOURCES),
        "sources_read": len(SOURCES) - 1,
        "outage": {"since": OUTAGE} if hostile else None,
        "skipped_rules": [BROKEN] if hostile else [],
        "rows": [{"name": name, "text": text} for name, text in rows],
    }


OUTAGE, BROKEN = "Mon 22:10", "broken-rule"
"""What only the part of a digest says that tells of an outage, and of broken rules."""
