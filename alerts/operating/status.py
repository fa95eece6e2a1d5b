"""Status: one screen that says whether the wire works, for a person who looks once a day. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from alerts.ledger.deliveries import State
from alerts.operating.facts import WORKING
from alerts.schedule import next_slots, prev_slot

if TYPE_CHECKING:
    from alerts.configuration import Configuration
    from alerts.desks import Desk
    from alerts.ledger.template_failures import TemplateFailure
    from alerts.operating.facts import Facts

LATE = timedelta(hours=2)
"""Jobs that have not ended well for so long, and slots not answered for so long, are named as broken."""
KILLED_AFTER = timedelta(hours=6)
"""A run without an end that began so long ago was killed."""
MOST_NAMED = 6


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the screen. `level` is ok, warning or error."""

    part: str
    level: str
    text: str


def tell(facts: Facts, configuration: Configuration) -> list[Line]:
    """Put the facts into lines: collecting, flagged, waiting, sent, doubtful, broken, in this order.

    Args:
        facts: read just before.
        configuration: with its desks' schedules, and what of it is broken.
    """
    return [
        *_collecting(facts),
        *_flagged(facts),
        *_waiting(facts, configuration.desks),
        *_sent(facts, configuration.desks),
        *_doubtful(facts),
        *_broken(facts, configuration),
    ]


def _collecting(facts: Facts) -> Iterator[Line]:
    total = sum(facts.channels.values())
    if not total:
        yield Line("collecting", "warning", "nothing yet: start `ceasewire run` from cron, or `ceasewire serve`")
        return
    bad = {state: number for state, number in facts.channels.items() if state not in WORKING}
    text = f"{total - sum(bad.values())} of {total} channels work; last answer {ago(facts.last_answer, facts.at)}"
    if bad:
        text += "; " + ", ".join(f"{number} {state.replace('_', ' ')}" for state, number in bad.items())
        text += " (see `ceasewire sources list`)"
    silent = facts.last_answer is None or facts.at - facts.last_answer > LATE
    yield Line("collecting", "error" if silent else "warning" if bad else "ok", text)


def _flagged(facts: Facts) -> Iterator[Line]:
    topics = ", ".join(f"{number} {topic.replace('_', ' ')}" for topic, number in facts.flagged.items())
    text = f"{_many(facts.articles, 'article')} in 24 h; flagged: {topics or 'none'}"
    if facts.unread or facts.pages_wanted:
        text += f"; to do: {_many(facts.pages_wanted, 'page')} to fetch, {_many(facts.unread, 'article')} to read"
    yield Line("flagged", "ok", text)


def _waiting(facts: Facts, desks: Sequence[Desk]) -> Iterator[Line]:
    for desk in desks:
        slot = next_slots(desk.schedule, desk.zone, facts.at, 1)[0].astimezone(ZoneInfo(desk.zone))
        text = f"{_many(facts.items.get(desk.id, 0), 'item')} for {desk.id}, due {slot:%a %d %b %H:%M %Z}"
        yield Line("waiting", "ok", text)
    ready = facts.deliveries.get(State.READY, 0) + facts.deliveries.get(State.SENDING, 0)
    if ready:
        late = facts.oldest_ready is not None and facts.at - facts.oldest_ready > LATE
        text = f"{_many(ready, 'delivery', 'deliveries')} to send, the oldest since {ago(facts.oldest_ready, facts.at)}"
        yield Line("waiting", "warning" if late else "ok", text)
    for name, reply in facts.relays:
        yield Line("waiting", "warning", f"mail server {name} is held: {reply}")


def _sent(facts: Facts, desks: Sequence[Desk]) -> Iterator[Line]:
    for desk in desks:
        edition = facts.editions.get(desk.id)
        if edition is None:
            yield Line("sent", "ok", f"{desk.id}: no digest yet")
            continue
        slot = edition.slot.astimezone(ZoneInfo(desk.zone))
        text = f"{desk.id}: #{edition.number} for {slot:%a %d %b %H:%M %Z}, made {ago(edition.made, facts.at)}"
        yield Line("sent", "ok", text)
    yield Line("sent", "ok", f"{_many(facts.deliveries.get(State.SENT, 0), 'delivery', 'deliveries')} sent in all")


def _doubtful(facts: Facts) -> Iterator[Line]:
    told = False
    for state, advice in (
        (State.DOUBT, "nobody knows whether the reader has it"),
        (State.HELD, "a person must decide: `ceasewire outbox resolve`"),
        (State.FAILED, "refused for good"),
    ):
        number = facts.deliveries.get(state, 0)
        if number:
            told = True
            since = f", since {ago(facts.oldest_doubt, facts.at)}" if state is State.DOUBT else ""
            text = f"{_many(number, 'delivery', 'deliveries')} {state}{since}: {advice}"
            yield Line("doubtful", "warning", f"{text} (`ceasewire outbox list --state {state}`)")
    if not told:
        yield Line("doubtful", "ok", "nothing")


def _broken(facts: Facts, configuration: Configuration) -> Iterator[Line]:
    found = [
        *_broken_files(configuration),
        *_failed_jobs(facts),
        *_missed_slots(facts, configuration.desks),
        *_templates(facts, configuration.desks),
    ]
    if facts.frozen:
        text = f"{_many(facts.frozen, 'digest')} cannot be written out: see the messages of `ceasewire run -v`"
        found.append(Line("broken", "error", text))
    yield from found or [Line("broken", "ok", "nothing")]


def _broken_files(configuration: Configuration) -> Iterator[Line]:
    files = sorted({problem.file for problem in configuration.problems if not problem.warning})
    if files:
        more = f" and {len(files) - MOST_NAMED} more" if len(files) > MOST_NAMED else ""
        names = ", ".join(files[:MOST_NAMED])
        yield Line("broken", "error", f"configuration: {names}{more} (see `ceasewire config check`)")


def _failed_jobs(facts: Facts) -> Iterator[Line]:
    for job, run in facts.last.items():
        good = facts.good.get(job)
        since = "never" if good is None or good.finished_at is None else ago(good.finished_at, facts.at)
        if run.error:
            yield Line("broken", "error", f"job {job}: {_last_line(run.error)} (went well: {since})")
        elif run.finished_at is None and facts.at - run.started_at > KILLED_AFTER:
            text = f"job {job}: begun {ago(run.started_at, facts.at)} and never ended (went well: {since})"
            yield Line("broken", "warning", text)
    # Every run ends with `deliver`, so its age is the age of the last whole run.
    deliver = facts.good.get("deliver")
    if deliver is not None and deliver.finished_at is not None and facts.at - deliver.finished_at > LATE:
        text = f"the last whole run ended {ago(deliver.finished_at, facts.at)}: is cron or the daemon running?"
        yield Line("broken", "error", text)


def _missed_slots(facts: Facts, desks: Sequence[Desk]) -> Iterator[Line]:
    for desk_id, delay in slot_delays(facts, desks).items():
        if delay > LATE:
            yield Line("broken", "error", f"desk {desk_id}: its digest is {span(delay)} late")


def failing_templates(facts: Facts, desks: Sequence[Desk]) -> list[TemplateFailure]:
    """Failures of templates that their desks still name."""
    named = {desk.id: desk.template for desk in desks}
    return [failure for failure in facts.template_failures if named.get(failure.desk) == failure.template]


def _templates(facts: Facts, desks: Sequence[Desk]) -> Iterator[Line]:
    for failure in failing_templates(facts, desks):
        text = (
            f"template {failure.template} failed for {failure.message}, {ago(failure.at, facts.at)}, which went out in "
            f"the built-in look: {failure.fault} (see `ceasewire config check`)"
        )
        yield Line("broken", "error", text)


def slot_delays(facts: Facts, desks: Sequence[Desk]) -> dict[str, timedelta]:
    """How long each desk has waited for the slot that is due; zero for those that were answered. By desk."""
    delays = {}
    for desk in desks:
        answered = facts.slots.get(desk.id)
        due = prev_slot(desk.schedule, desk.zone, facts.at)
        delays[desk.id] = facts.at - due if answered is not None and answered < due else timedelta()
    return delays


def counts(lines: Sequence[Line]) -> Mapping[str, int]:
    """Lines by level."""
    return {level: sum(line.level == level for line in lines) for level in ("ok", "warning", "error")}


def ago(then: datetime | None, now: datetime) -> str:
    """``3 min ago``; ``never`` for None. Times in the future count as now."""
    return "never" if then is None else f"{span(now - then)} ago"


def span(length: timedelta) -> str:
    """A length in the largest unit that tells enough: ``40 s``, ``3 min``, ``5 h``, ``2 days``."""
    seconds = max(0, int(length.total_seconds()))
    for limit, size, unit in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds // size} {unit}"
    return f"{seconds // 86_400} days"


def _last_line(text: str) -> str:
    # A bug is recorded with its whole traceback, which says what happened at its end.
    return text.strip().splitlines()[-1][:200]


def _many(number: int, one: str, more: str = "") -> str:
    return f"{number:,} {one if number == 1 else more or f'{one}s'}"
