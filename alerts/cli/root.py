"""`ceasewire` itself: global options, the list of commands, and how an error becomes an exit code."""

from __future__ import annotations

import importlib
import sys

import click

from alerts.cli.common import State, exit_code_of, set_up_logging

# Name -> (module, attribute, one line of help). A module is imported when its command is called or its help is read.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "init": ("alerts.cli.setup", "init", "Write a starter configuration into a folder."),
    "config": ("alerts.cli.setup", "config", "Check the configuration; write its JSON Schemas."),
    "migrate": ("alerts.cli.setup", "migrate", "Bring the database to this version's schema."),
    "doctor": ("alerts.cli.setup", "doctor", "Say what is wrong with this installation."),
    "run": ("alerts.cli.running", "run", "Do everything that is due, once: what cron calls."),
    "collect": ("alerts.cli.running", "collect", "Ask the channels that are due and fetch wanted pages."),
    "serve": ("alerts.cli.running", "serve", "Run as a daemon: everything that is due, when it is due."),
    "digest": ("alerts.cli.digests", "digest", "Preview, list and show digests."),
    "outbox": ("alerts.cli.outbox", "outbox", "List deliveries; retry, cancel or settle them."),
    "schedule": ("alerts.cli.digests", "schedule", "Show when digests are due."),
    "rules": ("alerts.cli.rules", "rules", "Check, test and try keyword rules."),
    "why": ("alerts.cli.data", "why", "Tell everything known about one URL."),
    "import": ("alerts.cli.data", "import_", "Read articles from a JSON Lines file into the archive."),
    "export": ("alerts.cli.data", "export", "Write articles and their flags as JSON Lines or CSV."),
    "demo": ("alerts.cli.demo", "demo", "Collect a sample newsroom on this machine and write its digest."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are needed, so that `--help` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order in which a person meets them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module that holds the command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table above, importing none of them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest command in the message when there is none of that name."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from crawler.configfile import nearest

            guess = nearest(args[0], COMMANDS)
            ctx.fail(f"No such command {args[0]!r}." + (f" Did you mean {guess!r}?" if guess else ""))
        return super().resolve_command(ctx, args)


EPILOG = """\b
Examples:
  ceasewire init wire            a folder with settings, sources, rules and a desk
  ceasewire --config wire migrate
  ceasewire --config wire run    collect, flag, write and send what is due; again and again from cron
  ceasewire why https://news.example/article
"""


@click.group(cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
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
