"""`ceasewire` itself: global options, the list of commands, and how an error becomes an exit code."""

from __future__ import annotations

import gc
import sys

import click

from alerts.cli.common import State, exit_code_of, set_up_logging
from alerts.cli.lazy import LazyGroup, Table

GARBAGE_AFTER = 200_000
"""New objects after which garbage is looked for. What modules and files are read into stays: to look through it for
garbage each time it has grown by 700 objects, as is usual, takes a tenth of a short command's time."""
COMMANDS: Table = {
    "init": ("alerts.cli.setup", "init", "Write a starter configuration into a folder."),
    "config": ("alerts.cli.setup", "config", "Check the configuration; write templates and JSON Schemas."),
    "migrate": ("alerts.cli.setup", "migrate", "Bring the database to this version's schema."),
    "status": ("alerts.cli.upkeep", "status", "One screen: is everything working, what waits, what is broken."),
    "doctor": ("alerts.cli.setup", "doctor", "Say what is wrong with this installation."),
    "run": ("alerts.cli.running", "run", "Do everything that is due, once: what cron calls."),
    "collect": ("alerts.cli.running", "collect", "Ask the channels that are due and fetch wanted pages."),
    "serve": ("alerts.cli.running", "serve", "Run as a daemon: everything that is due, when it is due."),
    "digest": ("alerts.cli.digests", "digest", "Preview, list, show and export digests; send one to try."),
    "alerts": ("alerts.cli.alerting", "alerts", "List alerts; silence them for a while."),
    "outbox": ("alerts.cli.outbox", "outbox", "List deliveries; retry, cancel or settle them."),
    "readers": ("alerts.cli.readers", "readers", "Who took themselves off; put them back."),
    "schedule": ("alerts.cli.schedules", "schedule", "Show when digests are due."),
    "sources": ("alerts.cli.sources", "sources", "List, check, add, pause and exchange sources."),
    "rules": ("alerts.cli.rules", "rules", "Check, test, try, compare and score keyword rules."),
    "stories": ("alerts.cli.stories", "stories", "Show, explain and correct which articles tell the same story."),
    "parse": ("alerts.cli.parsing", "parse", "Read pages or feeds from files and show what would be stored."),
    "why": ("alerts.cli.data", "why", "Tell everything known about one URL."),
    "import": ("alerts.cli.data", "import_", "Read articles from a JSON Lines file into the archive."),
    "export": ("alerts.cli.data", "export", "Write articles and their flags as JSON Lines or CSV."),
    "backup": ("alerts.cli.upkeep", "backup", "Copy the database, or prove that a copy is whole."),
    "metrics": ("alerts.cli.upkeep", "metrics", "Print the figures that a monitoring system watches."),
    "demo": ("alerts.cli.demo", "demo", "Collect a sample newsroom on this machine and write its digest."),
}


EPILOG = """\b
Examples:
  ceasewire init wire            a folder with settings, sources, rules and a desk
  ceasewire --config wire migrate
  ceasewire --config wire run    collect, flag, write and send what is due; again and again from cron
  ceasewire why https://news.example/article
"""


class _Root(LazyGroup):
    """The group of all commands."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command. A reader that went away (`| head`) is no error; click would make it exit 1."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            return exit_code_of(error)


@click.group(cls=_Root, table=COMMANDS, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    "config_folder",
    type=click.Path(file_okay=False, path_type=str),
    envvar="CEASEWIRE_CONFIG",
    help="Folder with settings.yaml, sources/, rules/, lists/ and desks/ [default: ./config, else .].",
)
@click.option("-v", "--verbose", count=True, help="Say what is done (-v) or everything (-vv), on standard error.")
@click.option("--log", "log_format", type=click.Choice(["text", "json"]), default="text", help="Format of log lines.")
@click.version_option(package_name="ceasewire", prog_name="ceasewire")
@click.pass_context
def cli(ctx: click.Context, config_folder: str | None, verbose: int, log_format: str) -> None:
    """Collect news, flag attacks on civilians and ceasefires, send digests on schedule."""
    set_up_logging(verbose, log_format)
    ctx.obj = State(folder=config_folder, verbose=verbose)


def main() -> None:
    """Run one command and leave with its exit code. Quiet on success; errors go to standard error."""
    gc.set_threshold(GARBAGE_AFTER)
    try:
        result = cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("stopped", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except Exception as error:  # noqa: BLE001 - the one place where any error becomes a message and an exit code
        sys.exit(exit_code_of(error))
    sys.exit(result if isinstance(result, int) else 0)
