"""What verdicts on random draws say of the rules as they are now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from alerts.flags import rule_text
from alerts.ledger import verdicts
from alerts.ledger.schema import verdict
from alerts.ledger.verdicts import Drawn, Sample
from alerts.rules import RuleSet
from alerts.tuning.scoring import Board, Judged, length_of, said_by
from crawler.archive.articles import get_articles
from crawler.sources import Source

_LABELS = {"relevant": "yes", "not": "no", "unsure": "borderline"}
_BATCH = 200


@dataclass(frozen=True, slots=True)
class Estimate:
    """The scores, and what a reader of them must know."""

    board: Board
    notes: tuple[str, ...]


def estimate(
    connection: sa.Connection, rule_set: RuleSet, sources: Iterable[Source], dimensions: Sequence[str]
) -> Estimate:
    """Score the live rules by every judged article of every random draw.

    An article of a stratum stands for (articles in the stratum) / (judged of it) articles. Verdicts that somebody
    chose to give, outside a draw, are counted in a note and in no estimate.
    """
    by_id = {source.id: source for source in sources}
    board = Board(dimensions, said_by(rule_set))
    notes = []
    for sample in verdicts.list_samples(connection):
        drawn = verdicts.drawn_articles(connection, sample.id)
        judged = verdicts.judgements(connection, sample.topic, [one.article for one in drawn])
        answered = [one for one in drawn if one.article in judged]
        counts = Counter(one.stratum for one in answered)
        notes += _missing(sample, counts, len(drawn))
        for start in range(0, len(answered), _BATCH):
            batch = {one.article: one for one in answered[start : start + _BATCH]}
            for article in get_articles(connection, list(batch)):
                hits = rule_set.read(rule_text(article, by_id.get(article.source)))
                said = tuple((hit.rule, hit.topic, hit.class_) for hit in hits)
                weight = _weight(sample, batch[article.id], counts)
                labels = {sample.topic: _LABELS[judged[article.id]]}
                board.add(Judged(labels, article.language, length_of(article.body), said, weight))
    return Estimate(board, (*notes, *_chosen(connection)))


def _weight(sample: Sample, drawn: Drawn, counts: Counter[str]) -> float:
    return sample.strata[drawn.stratum] / counts[drawn.stratum]


def _missing(sample: Sample, counts: Counter[str], drawn: int) -> list[str]:
    """Strata of which nothing is known: what they hold is in no figure."""
    name = f"draw {sample.id} ({sample.rule})"
    if not counts:
        return [f"{name}: none of {drawn} articles is judged yet"]
    notes = [
        f"{name}: nothing of the stratum `{stratum}` ({size} articles) is judged; recall is too high by what it holds"
        for stratum, size in sample.strata.items()
        if size and not counts[stratum]
    ]
    if sum(counts.values()) < drawn:
        notes.append(f"{name}: {sum(counts.values())} of {drawn} articles are judged")
    return notes


def _chosen(connection: sa.Connection) -> list[str]:
    query = sa.select(sa.func.count()).select_from(verdict).where(verdict.c.sample.is_(None))
    count = connection.execute(query).scalar_one()
    return [f"{count} verdicts given outside a random draw are kept and enter no estimate"] if count else []
