"""`rules try` and `rules diff`: what rules flag in the archive, and what a change of them gains and loses."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alerts.cli import common
from alerts.cli.reading import marked, show_hit
from alerts.cli.tuning import (
    called_right,
    configured,
    days_option,
    json_option,
    languages_option,
    place_of,
    window_of,
    workers_option,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from alerts.configuration import Configuration
    from alerts.rules import RuleSet
    from alerts.tuning.difference import Balance, Compared
    from alerts.tuning.rulebook import Place
    from alerts.tuning.scan import Window
    from alerts.tuning.trying import Card, Flagged, Tally
    from crawler.archive import Archive

SHOWN = 20
limit_option = click.option(
    "--limit", type=click.IntRange(0), metavar="N", help=f"Show so many [default: {SHOWN}, with --json all]."
)

TRY_EPILOG = """\b
RULE is the id of a rule, live or draft, or a rule file, wherever it stands.
\b
Examples:
  ceasewire rules try ceasefire-violated --days 30
  ceasewire rules try drafts/new-rule.yaml --lang uk
  ceasewire rules try -e '@ceasefire NEAR/5 (talks OR negotiat*)' --json
  ceasewire rules try --all --days 7 --limit 0        counts only
"""


@click.command("try", epilog=TRY_EPILOG)
@click.argument("names", nargs=-1, metavar="[RULE]...")
@click.option("-e", "--query", help="Try this query instead of a rule.")
@click.option("--all", "everything", is_flag=True, help="Try all live rules.")
@days_option
@languages_option
@limit_option
@workers_option
@json_option
@click.pass_obj
def try_(state: common.State, /, names: tuple[str, ...], **options: Any) -> int:
    """Show what RULE or a query flags in the archive, newest first: articles with evidence, counts, volume per day.

    Reads with the matcher that `run` uses, so the flags are those it would store; stores nothing. Articles count that
    were stored in --days. A story told by several articles is shown once.
    """
    from alerts.tuning.trying import Tally, flag_reader

    if bool(names) + (options["query"] is not None) + options["everything"] != 1:
        raise click.UsageError("name a rule or a rule file, or give one query with -e, or --all")
    configuration = configured(state)
    rule_set = _tried(configuration, names, options["query"])
    if rule_set is None:
        return common.USAGE
    reader = flag_reader(rule_set, configuration.sources, drafts=not options["everything"])
    window = window_of(options["days"], options["languages"])
    tally = Tally()
    with common.open_database(configuration) as archive:
        show = _Shower(archive, tally, as_json=options["as_json"], limit=options["limit"])
        _scan(archive, window, reader, show.chunk, options["workers"])
    if options["as_json"]:
        common.echo_json({"summary": _summary(tally, window)})
    else:
        _show_summary(tally, window, show.hidden)
    return 0


def _tried(configuration: Configuration, names: tuple[str, ...], query: str | None) -> RuleSet | None:
    """The rules meant; None for a query that is wrong, after saying so."""
    from alerts.tuning.rulebook import from_query, select
    from crawler.errors import ConfigError

    if query is not None:
        try:
            return from_query(place_of(configuration), query)
        except ConfigError as error:
            click.echo(str(error), err=True)
            return None
    if not names:
        return configuration.rule_set
    with called_right():
        return select(place_of(configuration), configuration.rule_set, names)


def _scan(archive: Archive, window: Window, reader: Any, take: Callable[[Any], None], workers: int | None) -> None:
    """Scan the window with a progress bar, and hand each range's answer on as it comes."""
    from alerts.tuning.scan import extent, scan

    reach, done = extent(archive, window), 0
    with common.progress_bar() as progress:
        for chunk in scan(archive, window, reader, reach, workers=workers or 0):
            take(chunk)
            done += chunk.articles
            if progress is not None:
                progress(done, reach.articles, "articles")


class _Shower:
    """Prints flagged articles as they come, one of each story."""

    def __init__(self, archive: Archive, tally: Tally, *, as_json: bool, limit: int | None) -> None:
        self._archive = archive
        self._tally = tally
        self._as_json = as_json
        self._left = limit if limit is not None else None if as_json else SHOWN
        self.hidden = 0

    def chunk(self, chunk: Any) -> None:
        """Count and print one range."""
        from alerts.tuning.trying import stories_of

        self._tally.add(chunk)
        found: tuple[Flagged, ...] = chunk.found
        if not found:
            return
        with self._archive.read() as connection:
            stories = stories_of(connection, [one.card.id for one in found])
        for one in found:
            story = stories.get(one.card.id)
            known = story in self._tally.stories
            if story is not None:
                self._tally.stories.add(story)
            if self._left == 0 or (known and not self._as_json):
                self.hidden += not known
                continue
            if self._left is not None:
                self._left -= 1
            self._print(one, story)
        sys.stdout.flush()

    def _print(self, one: Flagged, story: int | None) -> None:
        if self._as_json:
            common.echo_json({**one.as_dict(), "story": story})
            return
        _show_card(one.card)
        for hit in one.hits:
            show_hit(hit)


def _show_card(card: Card, before: str = "") -> None:
    day = f"{card.day:%Y-%m-%d}"
    click.echo(f"{before}{day} {card.source} {card.language or '?'}: {click.style(card.title, bold=True)}")
    click.echo(f"  {card.url or f'article {card.id}, imported without a URL'}")


def _summary(tally: Tally, window: Window) -> dict[str, Any]:
    earlier, days = tally.volume(window.since, common.utc_now())
    return {
        "articles": tally.articles,
        "flagged": tally.flagged,
        "stories": len(tally.stories),
        "rules": dict(sorted(tally.rules.items())),
        "languages": dict(sorted(tally.languages.items())),
        "days": {day.isoformat(): count for day, count in days},
        "earlier": earlier,
    }


def _show_summary(tally: Tally, window: Window, hidden: int) -> None:
    from alerts.tuning.trying import sparkline

    if hidden:
        click.echo(f"... and {hidden} more (--limit N shows more, --json all)")
    share = f" ({tally.flagged / tally.articles:.1%})" if tally.articles else ""
    stories = f", {len(tally.stories)} stories" if tally.stories else ""
    click.echo(f"{tally.flagged} of {tally.articles} articles flagged{share}{stories}")
    if not tally.flagged:
        return
    for rule, count in tally.rules.most_common() if len(tally.rules) > 1 else ():
        click.echo(f"  {count:>7} {rule}")
    earlier, days = tally.volume(window.since, common.utc_now())
    counts = [count for _, count in days]
    click.echo(f"per day {days[0][0]} {sparkline(counts)} {days[-1][0]}, most {max(counts)}")
    if earlier:
        click.echo(f"{earlier} are dated earlier")


DIFF_EPILOG = """\b
--against is what the rules in the configuration are compared with:
  live          the rules that read the newest article of the archive [default]
  git:REF       the configuration as a commit has it, such as git:HEAD or git:main
  FOLDER        another configuration folder
\b
Examples:
  ceasewire rules diff                                     what the next `run` would do otherwise
  ceasewire rules diff ceasefire-violated --against git:HEAD~1
  ceasewire rules diff --against git:main --max-change 20%   as a gate in CI
\b
Exit codes: 0 fine, 1 --max-change was exceeded, 2 no such rule or revision, 78 a rule is wrong.
"""


@click.command(epilog=DIFF_EPILOG)
@click.argument("names", nargs=-1, metavar="[RULE]...")
@click.option("--against", default="live", show_default=True, metavar="live|git:REF|FOLDER", help="The old side.")
@click.option(
    "--max-change",
    metavar="PERCENT",
    help="Exit 1 if a rule of both sides, or the changed rules together, gain and lose more than this share.",
)
@days_option
@languages_option
@limit_option
@workers_option
@json_option
@click.pass_obj
def diff(state: common.State, /, names: tuple[str, ...], **options: Any) -> int:
    """Show which articles changed rules gain (+) and lose (-), each with the reason of the side that is silent.

    Only rules are read whose words, lists or filters differ. A rule that is named counts even if it is a draft, and may
    be a file.
    """
    from alerts.tuning.difference import Balance, comparer

    limit = _percent(options["max_change"])
    configuration = configured(state)
    balance = Balance()
    with common.open_database(configuration) as archive, called_right():
        old, new = _sides(configuration, archive, names, options["against"])
        shower = _DiffShower(balance, as_json=options["as_json"], limit=options["limit"])
        if old.rules or new.rules:
            reader = comparer(old, new, configuration.sources, drafts=bool(names))
            _scan(archive, window_of(options["days"], options["languages"]), reader, shower.chunk, options["workers"])
    both = {rule.id for rule in old.rules} & {rule.id for rule in new.rules}
    every = sorted({rule.id for rule in (*old.rules, *new.rules)})
    over = [] if limit is None else balance.over(limit, both)
    if options["as_json"]:
        common.echo_json({"summary": _diff_summary(balance, every, over)})
    else:
        _show_diff(balance, every, shower.hidden)
    for rule in over:
        share = balance.share(rule)
        told = f"{share:.0%}" if share != float("inf") else "from nothing"
        click.echo(f"{rule or 'the changed rules together'}: changed by {told}, more than {limit:.0%}", err=True)
    return common.FINDING if over else 0


def _percent(written: str | None) -> float | None:
    if written is None:
        return None
    try:
        value = float(written.strip().removesuffix("%"))
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise click.BadParameter(f"{written!r} is no share: write 20%", param_hint="--max-change")
    return value / 100


def _sides(
    configuration: Configuration, archive: Archive, names: tuple[str, ...], against: str
) -> tuple[RuleSet, RuleSet]:
    """The rules of the old and of the new side that may read differently, of those named."""
    from alerts.tuning.parts import only
    from alerts.tuning.rulebook import changed, select

    place = place_of(configuration)
    old, new = _old_side(place, archive, against), configuration.rule_set
    if names:
        known = [name for name in names if new.rule(name) is None and old.rule(name) is not None]
        new = select(place, new, [name for name in names if name not in known])
        wanted = {rule.id for rule in new.rules} | set(known)
        old = only(old, [rule for rule in old.rules if rule.id in wanted])
    differing = set(changed(old, new))
    sides = (only(side, [rule for rule in side.rules if rule.id in differing]) for side in (old, new))
    return next(sides), next(sides)


def _old_side(place: Place, archive: Archive, against: str) -> RuleSet:
    from alerts.ledger.flags import rule_set_in_force
    from alerts.rules import from_source
    from alerts.tuning.rulebook import Place, UnknownRuleError, from_git
    from crawler.errors import CeasewireError

    if against == "live":
        with archive.read() as connection:
            stored = rule_set_in_force(connection)
        if stored is None:
            raise UnknownRuleError("no article has been read yet: run `ceasewire run`, or compare --against git:HEAD")
        try:
            return from_source(stored[1])
        except ValueError as error:
            raise CeasewireError(f"{error}; compare --against git:REF") from error
    if against.startswith("git:"):
        return _sound(*from_git(place, against.removeprefix("git:")), against)
    folder = Path(against)
    if not (folder / "rules").is_dir():
        raise UnknownRuleError(f"{against}: neither live nor git:REF, and no folder with rules/ in it")
    return _sound(*Place(folder, place.topics).load(), against)


def _sound(rule_set: RuleSet, problems: Iterable[Any], name: str) -> RuleSet:
    """The old side with a word on rules of it that are left out because they are wrong."""
    wrong = sorted({Path(problem.file).name for problem in problems if not problem.warning})
    if wrong:
        click.echo(f"{name}: left out because they are wrong: {', '.join(wrong)}", err=True)
    return rule_set


class _DiffShower:
    """Prints changes as they come."""

    def __init__(self, balance: Balance, *, as_json: bool, limit: int | None) -> None:
        self._balance = balance
        self._as_json = as_json
        self._left = limit if limit is not None else None if as_json else SHOWN
        self.hidden = 0

    def chunk(self, chunk: Any) -> None:
        """Count and print one range."""
        self._balance.add(chunk)
        for one in chunk.found:
            if one.changes and self._left == 0:
                self.hidden += 1
            elif one.changes:
                self._left = None if self._left is None else self._left - 1
                self._print(one)
        sys.stdout.flush()

    def _print(self, one: Compared) -> None:
        if self._as_json:
            for row in one.rows():
                common.echo_json(row)
            return
        _show_card(one.card)
        for change in one.changes:
            sign, silent = ("+", "before") if change.gained else ("-", "now")
            click.echo(f"  {sign} {click.style(change.rule, bold=True)}  {silent}: {change.reason}")
            evidence = change.evidence
            click.echo(f"      {evidence.field}: {marked(evidence.sentence, evidence.sentence_start, evidence.terms)}")


def _diff_summary(balance: Balance, rules: list[str], over: list[str]) -> dict[str, Any]:
    counts = {
        rule: {name: getattr(balance, name)[rule] for name in ("before", "after", "gained", "lost")}
        for rule in ["", *rules]
    }
    reasons = [
        {"rule": rule, "change": "gained" if gained else "lost", "reason": reason, "articles": count}
        for (rule, gained, reason), count in sorted(balance.reasons.items(), key=lambda one: (-one[1], one[0]))
    ]
    return {
        "articles": balance.articles,
        "all": counts.pop(""),
        "rules": counts,
        "reasons": reasons,
        "over": [rule or "all" for rule in over],
    }


def _show_diff(balance: Balance, rules: list[str], hidden: int) -> None:
    if not rules:
        click.echo("no rule differs")
        return
    if hidden:
        click.echo(f"... and {hidden} more articles (--limit N shows more, --json all)")
    click.echo(f"{len(rules)} rules differ; {balance.articles} articles read")
    for rule in ["", *rules]:
        numbers = f"+{balance.gained[rule]} -{balance.lost[rule]}"
        click.echo(f"  {numbers:<12} {rule or 'any of them'}: {balance.before[rule]} before, {balance.after[rule]} now")
        for (name, gained, reason), count in balance.reasons.most_common():
            if name == rule:
                click.echo(f"      {'+' if gained else '-'}{count} {reason}")
