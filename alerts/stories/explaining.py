"""Why two articles are one text, one event or neither: what grouping would say of them today."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from alerts.ledger import grouping as queries
from alerts.ledger import grouping_index
from alerts.ledger.grouping_index import ALL
from alerts.stories.placing import WINDOW, in_window, one_outlet
from alerts.stories.related import GAP, Rarity, compare, found_core
from alerts.stories.sketch import same_text, series_differ
from alerts.stories.stored import subject_of
from alerts.stories.words import headline_window, number_of, read


@dataclass(frozen=True, slots=True)
class Explanation:
    """What two articles have in common.

    Attributes:
        level: copy, related, or empty for neither.
        score: copy: share of the shorter text that both have; else how alike what they tell is, 0 to 1; -1 when
            something rules it out.
        reasons: for it, in words.
        against: against it, in words.
    """

    level: str
    score: float
    reasons: tuple[str, ...]
    against: tuple[str, ...]


def explain(connection: sa.Connection, one: int, other: int) -> Explanation:
    """Compare two articles of the archive as grouping does, each by itself and not with its whole story.

    Args:
        connection: a reading one.
        one: the id of an article.
        other: the one it is compared with.
    """
    found = {article.id: article for article in queries.texts_of(connection, [one, other])}
    if len(found) < 2:
        return Explanation("", -1, (), ("there are no two such articles",))
    subjects = [subject_of(found[key]) for key in (one, other)]
    texts = [read(subject.title, subject.body) for subject in subjects]
    if other == found[one].duplicate_of or one == found[other].duplicate_of:
        return Explanation("copy", 1, ("one names the other as the original (canonical link)",), ())
    times = subjects[0].when, subjects[1].when
    if in_window(*times, WINDOW if all(text.has_body for text in texts) else headline_window(texts[0])):
        same_source = one_outlet(subjects[0].source, subjects[1].source)
        copied = same_text(*texts, one_outlet=same_source, far=not in_window(*times, GAP))
        if copied is not None:
            return Explanation("copy", round(copied.share, 3), (copied.reason.replace("{}", str(other)),), ())
    terms = texts[0].terms.keys() | texts[1].terms.keys()
    counts = grouping_index.word_counts(connection, [ALL, *map(number_of, terms)])
    rarity = Rarity(counts.get(ALL, 0), {term: counts.get(number_of(term), 0) for term in terms})
    core = found_core(other, texts[1], subjects[1].when)
    likeness = compare(texts[0], subjects[0].when, core, rarity)
    against = likeness.against
    if not likeness.same and likeness.score >= 0:
        against = (*against, "too little in common")
    if series_differ(*texts):
        against = (*against, "another part of a series")
    return Explanation(
        "related" if likeness.same else "", round(likeness.score, 3), likeness.reasons, tuple(dict.fromkeys(against))
    )
