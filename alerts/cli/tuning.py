"""`rules explain`, `try`, `diff` and `apply`: rules against the archive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alerts.cli import common

if TYPE_CHECKING:
    from alerts.configuration import Configuration
    from alerts.rules import RuleSet
    from alerts.tuning.rulebook import Place
    from alerts.tuning.scan import Window
    from crawler.archive import Archive

days_option = click.option(
    "--days", type=click.IntRange(1), default=30, show_default=True, help="Articles stored in so many days."
)
languages_option = click.option(
    "--lang", "languages", multiple=True, metavar="LANG", help="Only articles in this language; may be repeated."
)
json_option = click.option("--json", "as_json", is_flag=True, help="JSON lines.")
workers_option = click.option("--workers", type=click.IntRange(1), help="Processes [default: one a processor].")


@contextmanager
def called_right() -> Iterator[None]:
    """Names that do not exist are a wrong call: exit 2."""
    from alerts.tuning.rulebook import UnknownRuleError

    try:
        yield
    except UnknownRuleError as error:
        raise click.UsageError(str(error)) from error


def configured(state: common.State) -> Configuration:
    """The configuration; only rules, lists and filters must be right.

    Raises:
        ConfigError: one of these is wrong.
    """
    from crawler.errors import ConfigError

    configuration = state.configuration(skip_broken=True)
    folder = configuration.folder
    mine = {folder / "rules", folder / "lists", folder / "filters.yaml"}
    wrong = [
        problem
        for problem in configuration.problems
        if not problem.warning and mine.intersection((path := Path(problem.file), *path.parents))
    ]
    if wrong:
        raise ConfigError(wrong)
    return configuration


def place_of(configuration: Configuration) -> Place:
    """The configuration folder, as far as rules go."""
    from alerts.tuning.rulebook import Place

    return Place(configuration.folder, tuple(configuration.settings.alerts.topics))


def window_of(days: int, languages: Sequence[str] = (), not_read_by: str = "") -> Window:
    """Articles stored in the last days."""
    from alerts.tuning.scan import Window

    since = common.utc_now() - timedelta(days=days)
    return Window(since, tuple(tag.lower() for tag in languages), not_read_by)


EXPLAIN_EPILOG = """\b
Examples:
  ceasewire rules explain ceasefire-violated --lang uk
  ceasewire rules explain @ceasefire
"""
NEWEST = 500
"""Articles by which the rarest words of a rule are found."""


@click.command(epilog=EXPLAIN_EPILOG)
@click.argument("name", metavar="RULE|@LIST")
@click.option("--lang", "languages", multiple=True, metavar="LANG", help="Only for this language; may be repeated.")
@json_option
@click.pass_obj
def explain(state: common.State, name: str, *, languages: tuple[str, ...], as_json: bool) -> int:
    """Lay a rule open: every bracket, its lists written out for each language, its rarest words, where it is used.

    A text is looked at by a rule only when it holds one of the rarest words; how many articles do is counted on the
    newest ones of the archive, if there is one.
    """
    from alerts.tuning import explaining
    from alerts.tuning.rulebook import select

    configuration = configured(state)
    rule_set = configuration.rule_set
    if name.startswith("@"):
        return _explain_list(rule_set, name[1:], as_json=as_json)
    with called_right():
        chosen = select(place_of(configuration), rule_set, [name])
    texts = newest_texts(configuration)
    for rule in chosen.rules:
        tags = [tag.lower() for tag in languages] or explaining.languages_of(chosen, rule)
        made = explaining.variants(chosen, rule, tags, texts)
        desks = explaining.desks_told(rule, configuration.desks)
        filters = [one.id for one in chosen.filters if one.applies(rule)]
        if as_json:
            common.echo_json({**explaining.as_dict(rule, made), "filters": filters, "desks": desks})
            continue
        for line in explaining.describe(rule, made, len(texts)):
            click.echo(line)
        click.echo(f"filters: {', '.join(filters) or 'none'}")
        click.echo(f"desks told: {', '.join(desks) or 'none'}")
    return 0


def _explain_list(rule_set: RuleSet, name: str, *, as_json: bool) -> int:
    from alerts.rules.nodes import show
    from alerts.tuning.explaining import list_users
    from crawler.configfile import nearest

    entries = rule_set.lists.by_name.get(name)
    if entries is None:
        guess = nearest(name, rule_set.lists.by_name)
        raise click.UsageError(f"no rule uses a list @{name}." + (f" Did you mean @{guess}?" if guess else ""))
    shown = {tag: [show(entry) for entry in group] for tag, group in entries.items()}
    users = list_users(rule_set, name)
    if as_json:
        common.echo_json({"list": name, "entries": shown, "rules": users})
        return 0
    click.echo(f"@{name}")
    for tag, words in shown.items():
        click.echo(f"  {tag}: {', '.join(words)}")
    click.echo(f"rules: {', '.join(users)}")
    return 0


def newest_texts(configuration: Configuration, days: int | None = None) -> list[Any]:
    """The newest articles of the archive (of so many days) as rules read them; none without an archive."""
    from crawler.errors import ArchiveError

    try:
        with common.open_database(configuration) as archive:
            from alerts.flags import rule_text
            from crawler.archive.articles import article_from_row, select_articles
            from crawler.archive.schema import article

            sources = {source.id: source for source in configuration.sources}
            with archive.read() as connection:
                query = select_articles() if days is None else window_of(days).narrow(select_articles())
                rows = connection.execute(query.order_by(article.c.id.desc()).limit(NEWEST)).all()
            found = map(article_from_row, rows)
            return [rule_text(one, sources.get(one.source)) for one in found]
    except ArchiveError:
        return []


APPLY_EPILOG = """\b
Examples:
  ceasewire rules apply --days 7 --dry-run     what would change
  ceasewire rules apply --days 7               change it; desks are told of nothing because of it
\b
Exit codes: 0 done, 75 another run holds the lock, 78 a rule is wrong.
"""


@click.command(epilog=APPLY_EPILOG)
@click.option("--days", type=click.IntRange(1), required=True, help="Articles stored in so many days.")
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@click.option("--tell", is_flag=True, help="Desks are told of what is found, as of articles read for the first time.")
@click.option("--wait", type=click.FloatRange(min=0), default=0.0, metavar="SECONDS", help="Wait for a run to end.")
@json_option
@click.pass_obj
def apply(state: common.State, *, days: int, dry_run: bool, tell: bool, wait: float, as_json: bool) -> int:
    """Read the past again with the present rules: flags are added and withdrawn, with their history kept.

    `run` reads only new articles with new rules; this does the rest. Desks are told of nothing because of it, now or
    later, unless --tell is given. What was told stays told. It can be killed and called again at any time.
    """
    from alerts.errors import LockHeld

    configuration = configured(state)
    with common.open_database(configuration) as archive:
        try:
            report = _apply(configuration, archive, window_of(days), (dry_run, tell, wait))
        except LockHeld as held:
            click.echo(f"ceasewire: {held}", err=True)
            return common.TEMPORARY
    rules = sorted({*report.added, *report.withdrawn, *report.changed})
    names = ("added", "withdrawn", "changed")
    counts = {name: getattr(report, name) for name in names}
    if as_json:
        for rule in rules:
            common.echo_json({"rule": rule, **{name: counts[name][rule] for name in names}})
        totals = {name: counts[name].total() for name in names}
        common.echo_json({"summary": {"articles": report.articles, **totals, "dry_run": dry_run}})
        return 0
    for rule in rules:
        click.echo(f"{rule:<32} +{counts['added'][rule]} -{counts['withdrawn'][rule]} ~{counts['changed'][rule]}")
    would = "would be " if dry_run else ""
    told = ", ".join(f"{counts[name].total()} {name}" for name in names)
    click.echo(f"{report.articles} articles {would}read again: flags {told}")
    return 0


def _apply(configuration: Configuration, archive: Archive, window: Window, how: tuple[bool, bool, float]) -> Any:
    from contextlib import nullcontext
    from dataclasses import replace

    from alerts.ledger.lock import run_lock
    from alerts.tuning.rereading import flag_rower, reread, settle

    dry_run, tell, wait = how
    now = common.utc_now()
    window = replace(window, not_read_by=configuration.rule_set.hash)
    lock = nullcontext() if dry_run else run_lock(archive, wait=wait)
    with lock, common.progress_bar() as progress:
        if not dry_run:
            settle(archive, configuration.desks, configuration.sources, now)
        rower = flag_rower(configuration.rule_set, configuration.sources, now, tell=tell)
        return reread(archive, rower, window, dry_run=dry_run, progress=progress)
