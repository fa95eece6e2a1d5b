"""`rules`: its commands, and those that need neither texts nor an archive: `check` and `test`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from alerts.cli import common
from alerts.cli.lazy import LazyGroup, Table

if TYPE_CHECKING:
    from alerts.rules import RuleSet
    from crawler.errors import Problem


COMMANDS: Table = {
    "check": ("alerts.cli.rules", "check", "Check syntax and shape of rules and lists."),
    "test": ("alerts.cli.rules", "test", "Run the cases of rules."),
    "read": ("alerts.cli.reading", "read", "Read texts and show every flag, or what nearly fired."),
    "explain": ("alerts.cli.tuning", "explain", "Lay a rule or a list open: brackets, lists, use."),
    "try": ("alerts.cli.trying", "try_", "Show what rules or a query flag in the archive."),
    "diff": ("alerts.cli.trying", "diff", "Show what changed rules gain and lose, and why."),
    "score": ("alerts.cli.scoring", "score", "Precision and recall from labels or verdicts."),
    "label": ("alerts.cli.scoring", "label", "Record a verdict on one article."),
    "sample": ("alerts.cli.sampling", "sample", "Draw articles at random and judge them."),
    "apply": ("alerts.cli.tuning", "apply", "Read the past again with the present rules."),
}
EPILOG = """\b
Examples, in the order in which a rule goes live:
  ceasewire rules check && ceasewire rules test
  ceasewire rules try ceasefire-violated --days 30
  ceasewire rules diff --against git:HEAD --max-change 20%
  ceasewire rules score --labels labelled.jsonl --min-f1 0.85
  ceasewire rules apply --days 7 --dry-run
"""


@click.group(cls=LazyGroup, table=COMMANDS, epilog=EPILOG)
def rules() -> None:
    """Check, test, try, compare and score keyword rules."""


def load(state: common.State, *, lint: bool = False) -> tuple[RuleSet, list[Problem]]:
    """The rule set of the configuration in force (else of the starter), and what is wrong with its files."""
    from alerts.options import load_settings
    from alerts.rules import load_rule_set

    folder = state.config_folder_or_starter()
    settings, problems = load_settings(folder)
    topics = settings.alerts.topics if settings is not None else None
    rules_folder, lists, filters = folder / "rules", folder / "lists", folder / "filters.yaml"
    rule_set, found = load_rule_set(rules_folder, lists, filters, topics=topics, lint=lint)
    return rule_set, [*problems, *found]


CHECK_EPILOG = """\b
Examples:
  ceasewire rules check
  ceasewire rules check config/rules/ceasefire-violated.yaml config/lists
  ceasewire rules check --archive              also warns of rules whose words are in every tenth article
  ceasewire rules check --json                 for an editor or CI
"""
BUSY_DAYS = 30


@click.command(epilog=CHECK_EPILOG)
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--archive", "with_archive", is_flag=True, help="Also count words in the last month's articles.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a problem.")
@click.pass_obj
def check(state: common.State, paths: tuple[Path, ...], *, with_archive: bool, as_json: bool) -> int:
    """Check syntax and shape of all rules and lists, or of those in PATHS: every error at once, with its place.

    Exit 78 when something is wrong; warnings alone are exit 0. Needs no archive, unless --archive is given.
    """
    rule_set, problems = load(state, lint=True)
    if with_archive:
        problems += _busy(state, rule_set)
    wanted = {path.resolve() for path in paths}
    shown = [problem for problem in problems if not wanted or _concerns(problem, wanted)]
    for problem in sorted(shown, key=lambda one: (one.file, one.line, one.column)):
        if as_json:
            common.echo_json({name: getattr(problem, name) for name in problem.__slots__})
        else:
            click.echo(str(problem), err=True)
    return common.CONFIGURATION if any(not problem.warning for problem in shown) else 0


def _busy(state: common.State, rule_set: RuleSet) -> list[Problem]:
    """Warnings of rules that look at too many articles of the archive."""
    from alerts.cli.tuning import newest_texts
    from alerts.tuning.busy import busy_warnings

    texts = newest_texts(state.configuration(skip_broken=True), BUSY_DAYS)
    if not texts:
        click.echo(f"the archive has no article of the last {BUSY_DAYS} days", err=True)
    return list(busy_warnings(rule_set, texts))


def _concerns(problem: Problem, wanted: set[Path]) -> bool:
    file = Path(problem.file).resolve()
    return any(file == path or path in file.parents for path in wanted)


TEST_EPILOG = """\b
Examples:
  ceasewire rules test
  ceasewire rules test ceasefire-violated ceasefire-agreed
"""


@click.command(epilog=TEST_EPILOG)
@click.argument("names", nargs=-1, metavar="[RULE]...")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a failure.")
@click.pass_obj
def test(state: common.State, names: tuple[str, ...], *, as_json: bool) -> int:
    """Run the cases of every rule, or of the named ones. Never stops early; exit 1 when a case fails.

    A failure shows what was wanted, what came, and the evidence or the nearest miss ("19 words apart, limit 12").
    """
    from alerts.rules import run_cases
    from crawler.configfile import nearest

    rule_set, problems = load(state)
    known = [rule.id for rule in rule_set.rules]
    for name in names:
        if name not in known:
            guess = nearest(name, known)
            raise click.UsageError(f"there is no rule {name!r}." + (f" Did you mean {guess!r}?" if guess else ""))
    errors = [problem for problem in problems if not problem.warning]
    for problem in errors:
        click.echo(str(problem), err=True)
    report = run_cases(rule_set, only=names)
    for failure in report.failures:
        if as_json:
            common.echo_json({name: getattr(failure, name) for name in failure.__slots__})
        else:
            click.echo(str(failure))
    for note in report.notes:
        click.echo(note, err=True)
    if not as_json:
        click.echo(f"{report.passed} of {report.passed + len(report.failures)} cases pass", err=True)
    if errors:
        return common.CONFIGURATION
    return common.FINDING if report.failures else 0
