"""Metrics in the text format of Prometheus: as a file for the node exporter's textfile collector, or over HTTP."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from alerts.ledger.deliveries import State
from alerts.operating.status import failing_templates, slot_delays
from crawler.polling import Health

if TYPE_CHECKING:
    from pathlib import Path

    from alerts.desks import Desk
    from alerts.operating.facts import Facts


def exposition(facts: Facts, desks: Sequence[Desk]) -> bytes:
    """Every metric as text. All are gauges: they are read from the database, which outlives every process.

    Args:
        facts: read just before.
        desks: whose slots are watched.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Facts(facts, desks))
    return generate_latest(registry)


def write_textfile(path: Path, text: bytes) -> None:
    """Replace the file in one step, as the textfile collector needs it.

    Raises:
        OSError: the folder cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(text)
        # The exporter runs as another user.
        part.chmod(0o644)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


class _Facts(Collector):
    def __init__(self, facts: Facts, desks: Sequence[Desk]) -> None:
        self._facts = facts
        self._desks = desks

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """All families."""
        facts = self._facts
        yield from self._jobs()
        yield from self._outbox()
        yield _by_label(
            "ceasewire_channels",
            "Channels by health state.",
            "state",
            dict.fromkeys(map(str, Health), 0.0) | dict(facts.channels),
        )
        delays = {desk: delay.total_seconds() for desk, delay in slot_delays(facts, self._desks).items()}
        yield _by_label("ceasewire_slot_delay_seconds", "How long a due digest has not been made.", "desk", delays)
        items = {desk.id: 0 for desk in self._desks} | dict(facts.items)
        yield _by_label("ceasewire_items_unclaimed", "Items that wait for the next digest.", "desk", items)
        yield _by_label(
            "ceasewire_articles_flagged_24h", "Articles flagged in the last 24 hours.", "topic", facts.flagged
        )
        yield _single("ceasewire_articles_24h", "Articles archived in the last 24 hours.", facts.articles)
        yield _single("ceasewire_articles_unread", "Articles the rules have not read yet.", facts.unread)
        yield _single("ceasewire_pages_wanted", "Articles whose page is still to be fetched.", facts.pages_wanted)
        yield _single("ceasewire_digests_frozen", "Digests whose deliveries could not be made yet.", facts.frozen)
        failing = {failure.desk for failure in failing_templates(facts, self._desks)}
        templates = {desk.id: float(desk.id in failing) for desk in self._desks if desk.template}
        yield _by_label(
            "ceasewire_template_failed", "1 if the latest message had to use the built-in look.", "desk", templates
        )
        yield _single("ceasewire_observed_timestamp_seconds", "When these figures were read.", facts.at.timestamp())

    def _jobs(self) -> Iterator[GaugeMetricFamily]:
        ends = {job: _instant(run.finished_at) for job, run in self._facts.good.items()}
        yield _by_label("ceasewire_job_last_success_timestamp_seconds", "When a job last went well.", "job", ends)
        failed = {job: float(bool(run.error)) for job, run in self._facts.last.items()}
        yield _by_label("ceasewire_job_failed", "1 if the latest run of a job failed.", "job", failed)

    def _outbox(self) -> Iterator[GaugeMetricFamily]:
        facts = self._facts
        states = dict.fromkeys(map(str, State), 0.0) | {str(state): n for state, n in facts.deliveries.items()}
        yield _by_label("ceasewire_deliveries", "Deliveries by state.", "state", states)
        waited = 0.0 if facts.oldest_ready is None else (facts.at - facts.oldest_ready).total_seconds()
        yield _single("ceasewire_outbox_oldest_ready_seconds", "Age of the oldest delivery to send.", max(0.0, waited))
        yield _single("ceasewire_relays_held", "Mail servers that are held after failures.", len(facts.relays))


def _by_label(name: str, words: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words, labels=[label])
    for key, value in sorted(values.items()):
        family.add_metric([str(key)], value)
    return family


def _single(name: str, words: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, words, value=value)


def _instant(moment: datetime | None) -> float:
    return 0.0 if moment is None else moment.timestamp()
