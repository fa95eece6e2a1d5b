"""Reading the past again with the present rules: flags are added and withdrawn, and nobody is told twice.

What was found before is first weighed for every desk, as `run` would do it. Flags that re-reading adds are then quiet:
digests show them, but they are no reason to tell a desk (unless that is asked for).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from alerts.desks import Desk
from alerts.flags import flag_rows, rule_text
from alerts.items import make_items
from alerts.ledger import flags as queries
from alerts.ledger.flags import Flag
from alerts.rules import RuleSet
from alerts.stories import group_articles
from alerts.tuning.scan import Chunk, Window, extent, scan
from crawler.archive import Archive
from crawler.articles import Article
from crawler.sources import Source

Row = Mapping[str, Any]
_CARRIED = (
    "topic", "stage", "severity", "field", "start", "end", "sentence", "sentence_start",
)  # fmt: skip
"""Columns of a flag that its attribute of the same name holds; if they are equal, it says the same."""


@dataclass(frozen=True, slots=True)
class Reread:
    """One article read again: its flags as rows."""

    article: int
    version: int
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class FlagRower:
    """Reads an article into rows of flags; travels to worker processes."""

    rule_set: RuleSet
    sources: Mapping[str, Source]
    now: datetime
    quiet: bool

    def __call__(self, article: Article) -> Reread:
        """All flags of the live rules."""
        hits = self.rule_set.read(rule_text(article, self.sources.get(article.source)))
        rows = flag_rows(article, hits, self.rule_set.hash, self.now)
        return Reread(article.id, article.version, tuple({**row, "quiet": self.quiet} for row in rows))


def flag_rower(rule_set: RuleSet, sources: Iterable[Source], now: datetime, *, tell: bool) -> FlagRower:
    """A reader with the live rules; with `tell` desks may be told of what it finds, as of a first reading."""
    return FlagRower(rule_set, {source.id: source for source in sources}, now, not tell)


@dataclass
class RereadReport:
    """What changed, by rule; `changed` counts flags whose evidence, severity or the like is another now."""

    articles: int = 0
    added: Counter[str] = field(default_factory=Counter)
    withdrawn: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one article's flags.

    Attributes:
        rows: to be inserted.
        withdraw: ids of flags that no longer hold.
        added: rules that flag it now and did not.
        gone: rules that flagged it and do not now.
        changed: rules whose flag says something else now.
    """

    rows: tuple[Row, ...] = ()
    withdraw: tuple[int, ...] = ()
    added: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


def decide(live: Sequence[Flag], read: Reread) -> Decision:
    """Compare the flags that hold with those just read. A flag that says the same stays as it is, its rule set too."""
    rows = {row["rule"]: row for row in read.rows}
    current = {flag.rule: flag for flag in live if flag.version == read.version}
    before = {flag.rule for flag in live}
    same = {rule for rule, flag in current.items() if rule in rows and _says(flag, rows[rule])}
    new = [rule for rule in rows if rule not in same]
    withdraw = [flag.id for flag in live if flag.rule not in rows]
    withdraw += [flag.id for rule, flag in current.items() if rule in rows and rule not in same]
    return Decision(
        rows=tuple(rows[rule] for rule in new),
        withdraw=tuple(sorted(withdraw)),
        added=tuple(rule for rule in new if rule not in before),
        gone=tuple(sorted(before - set(rows))),
        changed=tuple(rule for rule in new if rule in before),
    )


def _says(flag: Flag, row: Row) -> bool:
    lists = list(flag.tags) == list(row["tags"]) and [list(term) for term in flag.terms] == row["terms"]
    return lists and flag.class_ == row["class"] and all(getattr(flag, name) == row[name] for name in _CARRIED)


def settle(archive: Archive, desks: Sequence[Desk], sources: Iterable[Source], now: datetime) -> None:
    """Tell desks of what was found so far, as `run` would: what comes after is by re-reading only."""
    group_articles(archive, now)
    make_items(archive, desks, now, sources)


def reread(
    archive: Archive,
    rower: FlagRower,
    window: Window,
    *,
    dry_run: bool = False,
    progress: Callable[[int, int, str], None] | None = None,
) -> RereadReport:
    """Read articles of the window again that another rule set has read, and bring their flags up to date.

    Each range is one transaction, so a kill loses nothing and the next call goes on. Articles that nobody has read yet
    are left to `run`.

    Args:
        archive: the database; the caller holds its run lock unless `dry_run`.
        rower: reads with the present rules.
        window: which articles; `not_read_by` is the hash of these rules.
        dry_run: count only.
        progress: called with (done, total, what).
    """
    report = RereadReport()
    reach = extent(archive, window)
    for chunk in scan(archive, window, rower, reach):
        _take(archive, rower, chunk, report, dry_run=dry_run)
        report.articles += chunk.articles
        if progress is not None:
            progress(report.articles, reach.articles, "read again")
    return report


def _take(archive: Archive, rower: FlagRower, chunk: Chunk[Reread], report: RereadReport, *, dry_run: bool) -> None:
    rule_set, now = rower.rule_set, rower.now
    with archive.read() if dry_run else archive.write() as connection:
        live = queries.live_flags_of(connection, [one.article for one in chunk.found])
        if not dry_run and chunk.found:
            queries.store_rule_set(connection, rule_set.hash, len(rule_set.rules), rule_set.source, now)
        for one in chunk.found:
            decision = decide(live[one.article], one)
            if not dry_run:
                if not queries.read_again(connection, one.article, one.version, rule_set.hash, now):
                    continue
                queries.withdraw(connection, decision.withdraw, now)
                queries.add_flags(connection, decision.rows)
            report.added.update(decision.added)
            report.withdrawn.update(decision.gone)
            report.changed.update(decision.changed)
