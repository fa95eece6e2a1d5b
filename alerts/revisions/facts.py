"""What is news about a story's flags and its reports' corrections for a desk that was told some of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from alerts.origins.names import Names

if TYPE_CHECKING:
    from alerts.ledger.flags import Flag
    from alerts.ledger.origins import CreditRow
    from alerts.ledger.stories import StoryArticle

SEVERITIES = ("low", "medium", "high", "critical")


def facts_of(flags: Iterable[Flag]) -> dict[str, str]:
    """``class topic stage`` -> highest severity."""
    facts: dict[str, str] = {}
    for flag in flags:
        key = f"{flag.class_} {flag.topic} {flag.stage or ''}".strip()
        facts[key] = max(flag.severity, facts.get(key, flag.severity), key=SEVERITIES.index)
    return facts


def merged(before: Mapping[str, str], facts: Mapping[str, str]) -> dict[str, str]:
    """Everything a desk has been told, so that a fact that comes, goes and comes again is told once."""
    keys = sorted({*before, *facts})
    return {key: max((f[key] for f in (before, facts) if key in f), key=SEVERITIES.index) for key in keys}


def news(before: Mapping[str, str], facts: Mapping[str, str]) -> str:
    """What is new for a desk that was told `before`, in words; empty when nothing is.

    A higher severity than any told, a topic or a stage not told. That a second rule says the same is no news.
    """
    if not before or not facts:
        return "reported again" if facts else ""
    changes = []
    loudest = [max(known.values(), key=SEVERITIES.index) for known in (before, facts)]
    if SEVERITIES.index(loudest[1]) > SEVERITIES.index(loudest[0]):
        changes.append(f"now {loudest[1]}, was {loudest[0]}")
    told = {tuple(key.split(" ")[1:]) for key in before}
    topics = {subject[0] for subject in told}
    more = sorted({tuple(key.split(" ")[1:]) for key in facts} - told)
    changes.extend(
        f"also {' · '.join(subject).replace('_', ' ')}"
        for subject in more
        if subject[0] not in topics or len(subject) > 1
    )
    return "; ".join(changes)


def notices_of(
    articles: Iterable[StoryArticle], said: Mapping[int, CreditRow], names: Names
) -> dict[str, tuple[str, str]]:
    """Corrections of a story's reports: a key that stays the same -> (correction or retraction, words).

    Args:
        articles: of the story.
        said: what each of them says of itself.
        names: to name their outlets.
    """
    found: dict[str, tuple[str, str]] = {}
    for article in articles:
        row = said.get(article.id)
        if row is None:
            continue
        outlet = names.shown(f"source:{article.source}")
        for kind, words in row.notices:
            # Copies repeat the notice with the text: it is told once, in the words that came first.
            verb = "has withdrawn its report" if kind == "retraction" else "corrected its report"
            found.setdefault(f"{kind} {article.copies or article.id}", (kind, f"{outlet} {verb}: “{words}”"))
        for version, words in row.changes:
            key = f"changed {article.copies or article.id} {version if article.copies in (0, article.id) else 'copy'}"
            found.setdefault(key, ("correction", f"{outlet} changed its report: {words}"))
    return found


def unheard(notices: Mapping[str, tuple[str, str]], before: Mapping[str, Any], kind: str) -> list[str]:
    """The words of the notices of a kind that a desk was not told of; none where notices were not counted then."""
    if not before:
        return []
    known = set(before.get("notices", ()))
    return [words for key, (of_kind, words) in notices.items() if of_kind == kind and key not in known]


def objection(
    flags: Sequence[Flag], articles: Iterable[StoryArticle], against: Mapping[tuple[int, str], tuple[str, ...]]
) -> str:
    """Why a story that a desk was told of was wrong, in words; empty while something of it stands.

    Args:
        flags: that the desk would be told of now.
        articles: of the story.
        against: (article, topic) -> who judged it not relevant.
    """
    if not flags:
        return "no longer flagged: its text or the rules have changed"
    groups = {article.id: article.copies or article.id for article in articles}
    judged = {(groups[article], topic): who for (article, topic), who in against.items() if article in groups}
    if any((groups[flag.article], flag.topic) not in judged for flag in flags):
        return ""
    people = sorted({name for flag in flags for name in judged[groups[flag.article], flag.topic]})
    return f"judged not relevant by {', '.join(people)}"
