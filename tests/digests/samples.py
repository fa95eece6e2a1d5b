"""Made-up stories in several scripts, put together by the same code that makes real digests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from alerts.desks import Desk
from alerts.digests.compose import Occasion, Told, compose
from alerts.digests.coverage import Reach, cover
from alerts.digests.render import loudest_first
from alerts.ledger.digests import ChannelState, ReadCounts
from alerts.ledger.flags import Flag
from alerts.ledger.items import Item
from alerts.ledger.stories import StoryArticle
from crawler.archive.gaps import GapRow
from crawler.errors import Problem
from crawler.sources import Channel, ChannelKind, Source

SLOT = datetime(2025, 3, 4, 5, 0, tzinfo=UTC)
ZONE = "Europe/Kyiv"
DESK = Desk(id="field", title="Field desk", schedule="0 7 * * *", zone=ZONE, routes=())

SOURCES = tuple(
    Source(
        id=key,
        name=name,
        party=party,
        languages=(language,),
        channels=(Channel(id=f"{key}:feed:1", source=key, kind=ChannelKind.FEED, url=f"https://{key}.example/rss"),),
    )
    for key, name, language, party in (
        ("lanter", "The Lanter Post", "en", None),
        ("dniprovist", "Дніпро Вість", "uk", None),
        ("alnabaa", "وكالة النبأ", "ar", None),
        ("hamakor", "המקור", "he", None),
        ("orlov", "Орлов Телеграф", "ru", "Orlovia"),
        ("brume", "Le Courrier de la Brume", "fr", None),
        ("sierra", "El Diario de la Sierra", "es", None),
        ("wire", "Meridian Wire", "en", None),
    )
)
BY_ID = {source.id: source for source in SOURCES}

# source, title, sentence, matched words, topic, stage, class, severity
Sample = tuple[str, str, str, Sequence[str], str, str | None, str, str]
SAMPLES: tuple[Sample, ...] = (
    (
        "lanter",
        "Missile strike on Veld maternity hospital kills at least 14, including newborns",
        (
            "At least 14 people were killed and 31 wounded when two missiles hit the maternity hospital in Veld "
            "shortly before dawn, regional health officials said."
        ),
        ("killed", "missiles hit the maternity hospital"),
        "civilian_attack",
        None,
        "event",
        "critical",
    ),
    (
        "alnabaa",
        "غارة جوية تستهدف سوقاً مكتظة في مدينة النهرين وتقتل 23 مدنياً",
        "قال مسعفون إن 23 مدنياً قتلوا وأصيب العشرات في غارة جوية استهدفت السوق الشعبية وسط المدينة صباح الثلاثاء.",
        ("23 مدنياً قتلوا", "غارة جوية"),
        "civilian_attack",
        None,
        "event",
        "critical",
    ),
    (
        "dniprovist",
        "Ворог обстріляв евакуаційний автобус під Лиманським, четверо загиблих",
        (
            "Російська армія обстріляла евакуаційний автобус із мирними жителями, загинули четверо людей, "
            "серед них двоє дітей."
        ),
        ("обстріляла евакуаційний автобус", "мирними жителями"),
        "civilian_attack",
        None,
        "event",
        "high",
    ),
    (
        "hamakor",
        "הפסקת האש הופרה: דיווחים על ירי ארטילרי שעות לאחר כניסתה לתוקף",
        "שעות אחדות לאחר שהפסקת האש נכנסה לתוקף דווח על הפגזה כבדה בפאתי העיר, ושני הצדדים האשימו זה את זה בהפרתה.",
        ("הפסקת האש", "בהפרתה"),
        "ceasefire",
        "violated",
        "event",
        "high",
    ),
    (
        "brume",
        "Trêve humanitaire de 72 heures : les deux parties s'accordent sur un couloir d'évacuation",
        (
            "Les deux parties ont accepté une trêve humanitaire de 72 heures et l'ouverture d'un couloir "
            "d'évacuation vers le sud, a annoncé l'émissaire."
        ),
        ("accepté une trêve humanitaire", "couloir d'évacuation"),
        "ceasefire",
        "agreed",
        "event",
        "medium",
    ),
    (
        "orlov",
        "Министерство отвергло предложение о прекращении огня",
        "В ведомстве заявили, что предложение о прекращении огня отклонено, переговоры продолжатся через неделю.",
        ("прекращении огня отклонено",),
        "ceasefire",
        "rejected",
        "event",
        "medium",
    ),
    (
        "sierra",
        "La ONU pide un alto el fuego inmediato tras el ataque a la escuela",
        "El secretario general pidió un alto el fuego inmediato y sin condiciones.",
        ("pidió un alto el fuego",),
        "ceasefire",
        "called_for",
        "event",
        "low",
    ),
    (
        "wire",
        "US has seen \u201cvery credible reports\u201d of deliberate attacks on civilians, envoy says",
        (
            "The United States has seen very credible reports of deliberate attacks on civilians, which would "
            "constitute a war crime, the envoy told reporters."
        ),
        ("very credible reports", "deliberate attacks on civilians", "war crime"),
        "civilian_attack",
        None,
        "statement",
        "high",
    ),
)


def told(number: int, sample: Sample, *, copies: int = 0, kind: str = "new", change: str = "") -> Told:
    """One claimed item out of a sample."""
    source, title, sentence, words, topic, stage, class_, severity = sample
    spans = tuple((sentence.index(word) + 200, sentence.index(word) + 200 + len(word)) for word in words)
    outlets = [source, *[other.id for other in SOURCES if other.id != source][:copies]]
    own = copies > 2  # the last of several has words of its own
    articles = [
        StoryArticle(
            story=number,
            relation="first" if not place else "copy",
            id=number * 10 + place,
            source=outlet,
            language=BY_ID[source].languages[0],
            title=title,
            url=f"https://{outlet}.example/news/{number}",
            published=SLOT - timedelta(minutes=17 * number - 3 * place + 20),
            seen_at=SLOT - timedelta(minutes=17 * number - 3 * place + 15),
            backfill=False,
            duplicate_of=None,
            copies=number * 10 + (place if own and place == copies else 0),
            origin=f"source:{outlet if own and place == copies else source}",
        )
        for place, outlet in enumerate(outlets)
    ]
    flag = Flag(
        id=number,
        article=number * 10,
        version=1,
        rule="sample",
        rule_set="0",
        topic=topic,
        class_=class_,
        stage=stage,
        severity=severity,
        tags=(),
        field="body",
        start=spans[0][0],
        end=spans[-1][1],
        sentence=sentence,
        sentence_start=200,
        terms=spans,
        at=SLOT,
    )
    item = Item(id=number, story=number, revision=1 if kind == "new" else 2, kind=kind, change=change, digest=1)
    return Told(item, articles, [flag])


def stories(count: int) -> list[Told]:
    """So many claimed items: samples in turn, later ones with a number in their title, some with copies or updates."""
    made = []
    for number in range(1, count + 1):
        sample = SAMPLES[(number - 1) % len(SAMPLES)]
        if number > len(SAMPLES):
            sample = (sample[0], f"{sample[1]} ({number})", *sample[2:])
        update = number % 11 == 4
        made.append(
            told(
                number,
                sample,
                copies=(number * 5) % 7 if number % 3 == 1 else 0,
                kind="update" if update else "new",
                change="now 3 outlets, 2 independent; now high, was medium" if update else "",
            )
        )
    return made


def reach(**changes: Any) -> Reach:
    """A collector with one failing and one silent source; `changes` replaces fields of it."""
    channels = [
        ChannelState(
            id=source.channels[0].id,
            source=source.id,
            state="ok",
            state_since=SLOT - timedelta(days=30),
            reason="",
            interval_seconds=900,
            last_success=SLOT - timedelta(minutes=6),
            last_new=SLOT - timedelta(hours=2),
        )
        for source in SOURCES
    ]
    channels[4] = replace(
        channels[4],
        state="failing",
        reason="HTTP 503 Service Unavailable",
        state_since=SLOT - timedelta(hours=30),
        last_success=SLOT - timedelta(hours=31),
    )
    channels[6] = replace(channels[6], state="slow", last_new=SLOT - timedelta(days=9))
    values = Reach(
        sources=SOURCES,
        channels=channels,
        gaps=[unfilled("brume", SLOT - timedelta(hours=6), SLOT - timedelta(hours=5))],
        counts=ReadCounts(read=1204, backfill=30, undated=12),
        problems=(),
        since=SLOT - timedelta(days=1),
    )
    return replace(values, **changes)


def unfilled(source: str, since: datetime, at: datetime) -> GapRow:
    """A possible loss that nothing could fill."""
    return GapRow(1, source, f"{source}:feed:1", since, at, "unfilled", at, None, 0, "nothing to fill it from")


def broken_rule(name: str) -> Problem:
    """An error in a rule's file that the operator chose to skip."""
    return Problem(file=f"config/rules/{name}.yaml", line=7, column=3, message="1 bracket not closed")


def snapshot(
    claimed: Sequence[Told], *, known: Reach | None = None, coverage: Mapping[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    """The snapshot of a digest that holds `claimed`; `changes` replaces fields of its occasion."""
    occasion = Occasion(
        desk=DESK,
        number=214,
        since_number=213,
        slot=SLOT,
        next_slot=SLOT + timedelta(days=1),
        missed=1,
        made=SLOT + timedelta(minutes=2),
        budget=90_000,
    )
    known = known or reach()
    return compose(replace(occasion, **changes), claimed, BY_ID, coverage or cover(known, ZONE, SLOT))


def corrections() -> list[Told]:
    """What became of two stories that were mailed before; one of them ran in Arabic."""
    reasons = ("merged into “Missile strike on Veld maternity hospital”", "judged not relevant by an analyst")
    made = []
    for number, (sample, reason) in enumerate(zip(SAMPLES[1:3], reasons, strict=True), 900):
        one = told(number, sample, kind="correction", change=reason)
        made.append(replace(one, mailed=(sample[1], f"https://{sample[0]}.example/news/{number}")))
    return made


def alert(kind: str = "new", count: int = 1, **changes: Any) -> dict[str, Any]:
    """The snapshot of an alert of the first `count` samples; `changes` replaces keys of it."""
    change = "now critical, was high; toll 14, was 11" if kind == "update" else ""
    claimed = [told(number, sample, copies=5 - number, kind=kind) for number, sample in enumerate(SAMPLES[:count], 1)]
    claimed = [replace(one, item=replace(one.item, change=change)) for one in claimed]
    values = {
        "format": 2,
        "desk": DESK.id,
        "title": DESK.title,
        "kind": kind,
        "made": SLOT.isoformat(),
        "date": "Tuesday 4 March 2025",
        "time": "07:00",
        "zone": ZONE,
        "next": "Wed 07:00",
        "most": 5,
        "shown": 5,
        "stories": loudest_first(snapshot(claimed)["stories"]),
    }
    return {**values, **changes}
