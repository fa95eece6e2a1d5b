"""Small outlets, one of each kind of channel, and a raw HTTP client that hides nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from alerts.newsroom import Article, ChannelPlan, Format, Newsroom, Outlet, Site

ANCHOR = datetime(2026, 5, 5, 12, 30, tzinfo=UTC)

STRIKE = Article(
    id="market-strike",
    hours_ago=2.5,
    title='Shelling hits market in Ostrava-on-Sea, "dozens" hurt & <missing>',
    summary="Shells fell on a crowded market; officials count the wounded.",
    body="Shells fell on the market at noon.\n\nThe mayor said dozens of shoppers were hurt & taken to two clinics.\n\n"
    "Rescuers worked until the evening, and the square stayed closed while they searched the stalls. Traders who had "
    "come from the villages spent the night in a school, and the town hall opened a line for relatives.",
    author="Ina Moreau",
    labels=("World", "War"),
)
TALKS = Article(
    id="talks-resume",
    hours_ago=26,
    title="Talks resume in the lakeside town",
    summary="Delegations are back at the table.",
    body="The delegations are back at the table, the hosts said.\n\n"
    "Nobody expects results before the weekend. The two sides have met four times since the spring, always in the same "
    "hotel, and have so far agreed on little more than the order of the day and the seats at the table. A fifth round "
    "is planned.",
    labels=("World",),
    correction=True,
)
ARABIC = Article(
    id="souk",
    hours_ago=1,
    title="قصف سوق في المدينة القديمة",
    summary="أصيب عشرات المدنيين في قصف السوق.",
    body="أصيب عشرات المدنيين عندما سقطت قذائف على السوق القديم ظهر اليوم.\n\nوقال رئيس البلدية إن المستشفيات امتلأت "
    "بالجرحى منذ الظهيرة، ودعا سكان الأحياء المجاورة إلى التبرع بالدم في أقرب مركز. وأضاف أن فرق الإنقاذ ما زالت تعمل "
    "في المكان، وأن الشوارع المؤدية إلى السوق أغلقت حتى إشعار آخر، وأن مدرسة قريبة فتحت أبوابها للعائلات.",
    author="ليلى حداد",
    canonical="rss/market-strike",
)
RUSSIAN = Article(
    id="rynok",
    hours_ago=3,
    title="Обстрел рынка: ранены десятки людей",
    summary="Снаряды попали по рынку.",
    body="Снаряды попали по рынку в полдень.\n\nМэр сообщил, что десятки покупателей ранены — «их везут в больницы». "
    "Спасатели работали до вечера, площадь оставалась закрытой, пока они разбирали завалы между рядами. Торговцы из "
    "соседних сёл провели ночь в школе, а городские власти открыли телефонную линию для родственников.",
    copy_of="rss/market-strike",
)


def outlet(name: str, format_: Format, path: str, *articles: Article, **more: object) -> Outlet:
    """An outlet with one channel."""
    values: dict[str, object] = {
        "id": name,
        "name": f"The {name} Post",
        "languages": ("en",),
        "channels": (ChannelPlan(format_, path, window=3),),
        "articles": articles,
        "country": "GB",
    }
    values.update(more)
    return Outlet(**values)  # type: ignore[arg-type]  # a table of test values


OUTLETS = (
    outlet("rss", Format.RSS20, "/rss.xml", STRIKE, TALKS, site=Site(zone="EST")),
    outlet("full", Format.RSS20_CONTENT, "/feed/", STRIKE, TALKS, site=Site(tracking=True, gzip=True)),
    outlet("rdf", Format.RSS10, "/index.rdf", RUSSIAN, languages=("ru",), site=Site(zone="+0300", charset="cp1251")),
    outlet("atom", Format.ATOM10, "/atom.xml", ARABIC, languages=("ar",), site=Site(validators="weak-etag")),
    outlet("json", Format.JSON, "/feed.json", STRIKE, TALKS, site=Site(validators="last-modified", json_ld="graph")),
    outlet("map", Format.NEWS_SITEMAP, "/news-index.xml", STRIKE, TALKS, site=Site(validators="etag")),
    outlet("list", Format.SECTION, "/latest", STRIKE, TALKS, site=Site(json_ld="none", lang_attribute=False)),
)


@dataclass(frozen=True)
class Answer:
    """What came over the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def validators(self) -> dict[str, str]:
        names = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}
        return {asked: self.headers[sent] for sent, asked in names.items() if sent in self.headers}


def exchange(url: str, *, method: str = "GET", headers: Mapping[str, str] | None = None) -> bytes:
    """Every byte a server sends to one request, until it closes the connection."""
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc}", "Connection: close"]
    lines += [f"{name}: {text}" for name, text in (headers or {}).items()]
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        pieces = []
        while piece := connection.recv(65536):
            pieces.append(piece)
    return b"".join(pieces)


def get(url: str, *, method: str = "GET", headers: Mapping[str, str] | None = None) -> Answer:
    """One request and its parsed answer."""
    head, _, body = exchange(url, method=method, headers=headers).partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    pairs = [line.partition(": ") for line in rest]
    return Answer(int(first.split()[1]), {name.lower(): text for name, _, text in pairs}, body)


@pytest.fixture
def newsroom() -> Iterator[Newsroom]:
    with Newsroom(anchor=ANCHOR, outlets=OUTLETS) as running:
        yield running
