"""`init`, `config`, `migrate` and `doctor`: before the first run, and when something is wrong."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from alerts.cli import common
from alerts.cli.lazy import LazyGroup, Table

if TYPE_CHECKING:
    from alerts.configuration import Configuration
    from crawler.errors import Problem

CONFIG_COMMANDS: Table = {
    "check": ("alerts.cli.setup", "check", "Check every file of the configuration."),
    "templates": (
        "alerts.cli.templates",
        "templates",
        "What a desk's own template can change; files to start with.",
    ),
    "schemas": ("alerts.cli.setup", "schemas", "Write the JSON Schemas and the configuration reference."),
}


@click.command(
    epilog="\b\nExamples:\n  ceasewire init wire && ceasewire --config wire migrate && ceasewire --config wire run"
)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def init(folder: Path) -> None:
    """Write a starter configuration into FOLDER: settings, sources, lists, rules and one desk.

    Refuses a folder that already holds a settings.yaml; overwrites nothing.
    """
    if (folder / "settings.yaml").exists():
        raise click.UsageError(f"{folder}/settings.yaml is there already; nothing was written")
    from alerts.cli.schemas import localise_schemas

    starter = common.starter_folder()
    count = 0
    for source in sorted(starter.rglob("*")):
        if not source.is_file() or source.is_relative_to(starter / "var"):
            continue
        target = folder / source.relative_to(starter)
        if target.exists():
            raise click.UsageError(f"{target} is there already; nothing of it was changed")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        count += 1
    localise_schemas(folder)
    click.echo(f"{count} files written to {folder}. Next:")
    click.echo(f"  edit {folder / 'desks' / 'example.yaml'}   who reads, when, about what")
    click.echo(f"  ceasewire --config {folder} config check")
    click.echo(f"  ceasewire --config {folder} migrate")
    click.echo(f"  ceasewire --config {folder} run")


@click.group(cls=LazyGroup, table=CONFIG_COMMANDS)
def config() -> None:
    """Check the configuration; write templates of desks and JSON Schemas."""


@click.command()
@click.argument("folder", required=False, type=click.Path(file_okay=False, exists=True))
@click.pass_obj
def check(state: common.State, folder: str | None) -> int:
    """Check every file of the configuration (or of FOLDER): all errors at once, each with its place and a suggestion.

    Templates of desks are rendered on 0, 1, 60 and 500 stories and on hostile texts. Exit 78 when something is wrong.
    Warnings are shown and stop nothing.
    """
    from crawler.errors import ConfigError

    if folder is not None:
        state.folder = folder
    try:
        configuration = state.configuration(lint=True)
    except ConfigError as error:
        raise ConfigError([*error.problems, *_templates(state.config_folder())]) from error
    problems = [*configuration.problems, *_templates(configuration.folder, configuration)]
    if not all(problem.warning for problem in problems):
        raise ConfigError(problems)
    for problem in problems:
        click.echo(str(problem), err=True)
    return 0


def _templates(folder: Path, configuration: Configuration | None = None) -> list[Problem]:
    """What is wrong with the templates of desks; what renders them is only imported where there are some."""
    from alerts.templates import template_names

    if not template_names(folder):
        return []
    from alerts.digests.proving import check_templates

    if configuration is None:
        return check_templates(folder)
    return check_templates(folder, configuration.desks, configuration.settings.alerts.byte_budget)


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def schemas(folder: Path) -> None:
    """Write the JSON Schemas and the configuration reference into FOLDER (docs/schemas/, docs/configuration.md)."""
    from alerts.cli.schemas import write_schemas

    write_schemas(folder)


@click.command()
@click.pass_obj
def migrate(state: common.State) -> None:
    """Bring the database to this version's schema, or make it. Other commands refuse an old one."""
    from alerts.ledger import migrate as migrate_database

    configuration = state.configuration(skip_broken=True)
    for step in migrate_database(configuration.database_url):
        click.echo(f"applied {step}")


@click.command(epilog="\b\nExit codes: 0 fine, 69 something does not work, 78 the configuration is wrong.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a check.")
@click.pass_obj
def doctor(state: common.State, *, as_json: bool) -> int:
    """Say what is wrong: configuration, database, clock, zones, mail server, last runs, outbox, sources."""
    from alerts.operating.doctor import examine

    checks = examine(state.config_folder(), common.utc_now())
    for found in checks:
        if as_json:
            common.echo_json({"check": found.name, "ok": found.ok, "level": found.level, "detail": found.detail})
        else:
            mark = click.style({"ok": "ok  ", "warning": "note", "error": "BAD "}[found.level], bold=not found.ok)
            click.echo(f"{mark}  {found.name}: {found.detail}")
    bad = [found for found in checks if found.level == "error"]
    if not bad:
        return 0
    return common.CONFIGURATION if any(found.configuration for found in bad) else common.REFUSED
