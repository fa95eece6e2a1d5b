"""Desks: who reads, about what, when, and by which routes; and the shape of their files (deskfiles.py reads them)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import time
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from alerts.routes import Route, RouteSection
from alerts.rules.queries import Queries
from alerts.schedule import CronFault, check_cron, check_zone
from crawler.configfile import Identifier, Section, fault
from crawler.options import LanguageCode
from crawler.sources import CountryCode

Class = Literal["event", "statement", "context"]
Severity = Literal["low", "medium", "high", "critical"]
SendEmpty = Literal["always", "daily", "never"]
_HOURS = re.compile(r"((?:[01]\d|2[0-3]):[0-5]\d)-((?:[01]\d|2[0-3]):[0-5]\d)")


@dataclass(frozen=True, slots=True)
class AlertRules:
    """When a desk is told at once; `quiet` are local times, its end is not quiet any more."""

    severities: tuple[str, ...] = ("critical",)
    settle_minutes: int = 3
    update_minutes: int = 30
    most_an_hour: int = 10
    quiet: tuple[time, time] | None = None
    through_quiet: tuple[str, ...] = ("critical",)
    routes: tuple[Route, ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """A desk's query.

    Attributes:
        text: as written.
        queries: those of all desks, which are asked together; the desk's id is the key of its own.
    """

    text: str
    queries: Queries = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Desk:
    """Readers with a schedule. An empty tuple asks for no restriction; the file's models describe the rest.

    Attributes:
        match: None asks for no restriction either.
        budget: bytes of the digest's HTML; None: as the settings say.
        template: name of a folder of templates/; empty: the built-in look.
    """

    id: str
    title: str
    schedule: str
    zone: str
    routes: tuple[Route, ...]
    topics: tuple[str, ...] = ()
    classes: tuple[str, ...] = ("event", "statement")
    rules: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    source_countries: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    match: Match | None = None
    budget: int | None = None
    send_empty: SendEmpty = "always"
    alerts: AlertRules | None = None
    template: str = ""


def _raise(found: CronFault | None) -> None:
    if found is not None:
        raise fault(found.message, expected=found.expected, hint=found.hint, offset=found.offset, code="schedule")


def _check_schedule(cron: str) -> str:
    _raise(check_cron(cron))
    return " ".join(cron.split())


def _check_zone(zone: str) -> str:
    _raise(check_zone(zone))
    return zone


def _check_quiet(hours: str) -> str:
    if hours:
        _quiet_hours(hours)
    return hours


def _quiet_hours(hours: str) -> tuple[time, time]:
    found = _HOURS.fullmatch(hours)
    if found is None:
        raise fault(f"`{hours}` is no span of hours", expected="such as 22:00-06:00, in the desk's zone")
    begin, end = time.fromisoformat(found[1]), time.fromisoformat(found[2])
    if begin == end:
        raise fault("the quiet hours begin when they end", hint="a desk without `alerts:` is never alerted")
    return begin, end


class AlertSection(Section):
    """When a desk is told of a story at once, before its digest."""

    not_here: ClassVar[dict[str, str]] = {
        "quiet_hours": "did you mean `quiet`?",
        "severity": "did you mean `severities`?",
    }

    severities: tuple[Severity, ...] = Field(
        ("critical",), min_length=1, description="Events of these severities alert; statements and background never do."
    )
    settle_minutes: Annotated[int, Field(strict=True, ge=0, le=60)] = Field(
        3, description="Wait so long after the first flag, so that copies and other reports join the story."
    )
    update_minutes: Annotated[int, Field(strict=True, ge=5, le=1440)] = Field(
        30, description="At most one update about a story in this time; the rest waits for the digest."
    )
    most_an_hour: Annotated[int, Field(strict=True, ge=1, le=1000)] = Field(
        10, description="What comes faster is gathered into one storm message, at most once an hour."
    )
    quiet: Annotated[str, AfterValidator(_check_quiet)] = Field(
        "", description="Hours without alerts in the desk's zone; they follow when it ends.", examples=["22:00-06:00"]
    )
    through_quiet: tuple[Severity, ...] = Field(("critical",), description="Severities that quiet hours do not hold.")
    routes: tuple[RouteSection, ...] = Field(
        (), description="Ways out of alerts, but no site; left out: the desk's mail, webhook and chat routes."
    )

    @model_validator(mode="after")
    def _no_site(self) -> Self:
        if any(route.site is not None for route in self.routes):
            raise fault("a site holds digests, not alerts", hint="its digests tell of every alert")
        return self

    def rules(self, folder: Path) -> AlertRules:
        """The rules as the other modules use them; `folder` is the configuration folder."""
        return AlertRules(
            severities=self.severities,
            settle_minutes=self.settle_minutes,
            update_minutes=self.update_minutes,
            most_an_hour=self.most_an_hour,
            quiet=_quiet_hours(self.quiet) if self.quiet else None,
            through_quiet=self.through_quiet,
            routes=tuple(route.route(folder) for route in self.routes),
        )


class DeskSection(Section):
    """A desk: who reads, about what, when, and how it reaches them. What is left out does not restrict."""

    not_here: ClassVar[dict[str, str]] = {
        "timezone": "did you mean `zone`?",
        "tz": "did you mean `zone`?",
        "cron": "did you mean `schedule`?",
        "countries": "did you mean `source_countries`?",
        "query": "did you mean `match`?",
        "find": "did you mean `match`?",
        "byte_budget": "did you mean `budget`?",
        "recipients": "write `routes: [{mail: [desk@example.org]}]`",
        "to": "write `routes: [{mail: [desk@example.org]}]`",
    }

    id: Identifier = Field(
        description="Short name, never changed: it stands in subjects and the ledger.", examples=["sudan"]
    )
    title: str = Field(min_length=1, max_length=200, description="As the digest's head shows it.")
    topics: tuple[str, ...] = Field((), description="Topics of settings.yaml; all if left out.")
    classes: tuple[Class, ...] = Field(
        ("event", "statement"),
        min_length=1,
        description="`event`: it happened or is alleged; `statement`: findings, accusations; `context`: background.",
    )
    rules: tuple[str, ...] = Field((), description="Only flags of these rules.")
    severities: tuple[Severity, ...] = Field((), description="Only flags of these severities.")
    languages: tuple[LanguageCode, ...] = Field((), description="Only articles in these languages.")
    sources: tuple[str, ...] = Field((), description="Only these sources.")
    source_countries: tuple[CountryCode, ...] = Field((), description="Only sources from these countries.")
    tags: tuple[str, ...] = Field((), description="Only flags of rules with one of these tags.")
    match: Annotated[str, Field(min_length=1)] | None = Field(
        None,
        description="Only articles for which this query of the rule language (docs/rules.md) holds; lists are those of "
        "lists/.",
        examples=['"@places_sudan"', "title:(Khartoum OR Darfur)"],
    )
    schedule: Annotated[str, AfterValidator(_check_schedule)] = Field(
        description="Slots as a cron rule: minute, hour, day of month, month, day of week.", examples=["0 7,17 * * *"]
    )
    zone: Annotated[str, AfterValidator(_check_zone)] = Field(
        description="IANA time zone in which the schedule is read.", examples=["Europe/Kyiv"]
    )
    routes: tuple[RouteSection, ...] = Field(min_length=1, description="Ways out.", examples=["[{folder: var/outbox}]"])
    send_empty: SendEmpty = Field(
        "always",
        description="A digest without a story still says what was read: at every slot, once a day, or never.",
    )
    budget: Annotated[int, Field(strict=True, ge=20_000, le=1_000_000)] | None = Field(
        None,
        description="Largest HTML of this desk's digests in bytes; left out: `byte_budget` of settings.yaml (90,000). "
        "Mail clients clip above 102,000.",
    )
    template: str = Field(
        "",
        description="Folder of templates/ with the desk's own look (docs/templates.md); left out: the built-in one.",
        examples=["bulletin"],
    )
    alerts: AlertSection | None = Field(None, description="Immediate messages; none if left out.")

    def desk(self, folder: Path) -> Desk:
        """The desk as the other modules use it; `folder` is the configuration folder."""
        routes = tuple(route.route(folder) for route in self.routes)
        alerts = self.alerts.rules(folder) if self.alerts else None
        if alerts is not None and not alerts.routes:
            alerts = replace(alerts, routes=tuple(route for route in routes if route.kind not in {"folder", "site"}))
        return Desk(
            id=self.id,
            title=self.title,
            schedule=self.schedule,
            zone=self.zone,
            routes=routes,
            alerts=alerts,
            topics=self.topics,
            classes=self.classes,
            rules=self.rules,
            severities=self.severities,
            languages=self.languages,
            sources=self.sources,
            source_countries=self.source_countries,
            tags=self.tags,
            budget=self.budget,
            send_empty=self.send_empty,
            template=self.template,
        )
