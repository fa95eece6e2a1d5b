"""The whole configuration of a desk's folder, read and checked at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from alerts.deskfiles import Known, load_desks
from alerts.desks import Desk
from alerts.options import SETTINGS, AlertsOptions, Settings, load_settings
from alerts.rules import RuleSet
from alerts.rules.loading import load_rules_and_lists
from alerts.templates import ENDING, FOLDER, UNKNOWN_TEMPLATE, Template, read_template, template_names
from crawler.configfile import files_in, nearest
from crawler.errors import ConfigError, Problem
from crawler.folder import database_url
from crawler.sources import Source, load_sources

PARTS = ("sources", "rules", "lists", "desks", FOLDER)
"""Folders of a configuration folder."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything that is configured.

    Attributes:
        folder: the configuration folder, as given.
        settings: settings.yaml.
        sources: the good ones of sources/.
        rule_set: the good rules of rules/ with their lists.
        desks: the good ones of desks/.
        problems: warnings; with ``skip_broken`` also the errors of what was left out.
        templates: those that desks name, by name.
    """

    folder: Path
    settings: Settings
    sources: tuple[Source, ...]
    rule_set: RuleSet
    desks: tuple[Desk, ...]
    problems: tuple[Problem, ...] = ()
    templates: Mapping[str, Template] = field(default_factory=dict)

    @property
    def database_url(self) -> str:
        """URL of the database; a SQLite file is absolute.

        Raises:
            ConfigError: settings.yaml names a variable for it that is not set.
        """
        return database_url(self.folder, self.settings.crawler)

    @property
    def broken_rules(self) -> tuple[str, ...]:
        """Names of the rule files that were left out, for the digest to say so."""
        files = (Path(problem.file) for problem in self.problems if not problem.warning)
        return tuple(sorted({file.stem for file in files if file.parent.name == "rules"}))


def load_configuration(folder: Path, *, skip_broken: bool = False, lint: bool = False) -> Configuration:
    """Read every file of a configuration folder.

    Args:
        folder: holds settings.yaml, sources/, rules/, lists/, desks/ and templates/.
        skip_broken: go on without the sources, rules and desks that are wrong; wrong settings always stop.
        lint: warn of rules' idle terms and exclusions too; a run from cron need not pay for that. An unknown template
            is an error then; else a warning, because a digest can do without.

    Raises:
        ConfigError: with every problem of every file.
    """
    settings, problems = load_settings(folder)
    # With wrong settings the other files are still read, so that one look shows everything.
    alerts = settings.alerts if settings is not None else None
    sources, found = load_sources(folder / "sources")
    problems += found
    topics = alerts.topics if alerts is not None else None
    rules, lists, filters = folder / "rules", folder / "lists", folder / "filters.yaml"
    rule_set, list_files, found = load_rules_and_lists(rules, lists, filters, topics=topics, lint=lint)
    problems += found
    known = replace(_known(folder, alerts, sources, rule_set, problems), lists=list_files)
    desks, found = load_desks(folder / "desks", known)
    problems += found if lint else [_mild(problem) for problem in found]
    problems += _strays(folder)
    errors = [problem for problem in problems if not problem.warning]
    if settings is None or (errors and not skip_broken):
        raise ConfigError(problems)
    templates = {desk.template: read_template(folder, desk.template) for desk in desks if desk.template}
    return Configuration(folder, settings, sources, rule_set, desks, tuple(problems), templates)


def _mild(problem: Problem) -> Problem:
    return replace(problem, warning=True) if problem.code == UNKNOWN_TEMPLATE else problem


def _known(
    folder: Path, alerts: AlertsOptions | None, sources: tuple[Source, ...], rules: RuleSet, problems: list[Problem]
) -> Known:
    """What desks may name. A broken file must not make every desk wrong that names what is in it."""
    broken = {Path(problem.file).parent.name for problem in problems if not problem.warning}
    return Known(
        topics=alerts.topics if alerts is not None else None,
        sources=None if "sources" in broken else {source.id for source in sources},
        rules={rule.id for rule in rules.rules} | {path.stem for path in files_in(folder / "rules")},
        mail_server=alerts is None or alerts.smtp is not None,
        templates=template_names(folder),
    )


def _strays(folder: Path) -> list[Problem]:
    """Files that nobody reads because their folder or name is misspelt."""
    known = {SETTINGS, "filters.yaml"}
    strays = []
    for path in files_in(folder):
        if path.name not in known:
            close = nearest(path.name, known)
            hint = f"did you mean {close}?" if close else "sources, rules, lists and desks have folders of their own"
            strays.append(Problem(str(path), 0, 0, "nobody reads this file", hint=hint, code="stray", warning=True))
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        close = nearest(path.name, PARTS) if path.is_dir() and path.name not in PARTS else ""
        if close and (files_in(path) or any(path.rglob(f"*{ENDING}"))):
            hint = f"did you mean {close}/?"
            strays.append(Problem(str(path), 0, 0, "nobody reads this folder", hint=hint, code="stray", warning=True))
    return strays
