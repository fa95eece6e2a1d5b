"""`config templates`: what a desk's own template can change, and files to start with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from alerts.cli import common

_EPILOG = """\b
Examples:
  ceasewire config templates                                     pages and their blocks
  ceasewire config templates digest.html.j2 --source             the built-in page itself
  ceasewire config templates --values                            what a template can show
  ceasewire config templates --write config/templates/bulletin   files to start with
\b
Then name it in the desk's file (template: bulletin), change a block, and look:
  ceasewire digest preview DESK --template bulletin --sample 60 --html -o look.html
  ceasewire config check
"""


@click.command(epilog=_EPILOG)
@click.argument("page", required=False, default="")
@click.option("--values", is_flag=True, help="List the values and filters of templates.")
@click.option("--source", is_flag=True, help="Print the built-in PAGE.")
@click.option("--write", "folder", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
              help="Write files into FOLDER that name every block (of PAGE, or of all pages).")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def templates(
    state: common.State, page: str, *, values: bool, source: bool, folder: Path | None, as_json: bool
) -> None:
    """List the blocks of the built-in pages that a desk's template can replace, with what each of them shows."""
    from alerts.digests.blocks import BLOCKS, FILES, FILTERS, VALUES

    if page and page not in FILES:
        from crawler.configfile import nearest

        guess = nearest(page, FILES)
        known = f"Did you mean {guess!r}?" if guess else f"There are: {', '.join(FILES)}"
        raise click.BadParameter(f"there is no built-in page {page!r}. {known}", param_hint="PAGE")
    if source:
        if not page:
            raise click.UsageError("name the page whose source you want, such as digest.html.j2")
        from alerts.digests.sandbox import built_in_sources

        click.echo(built_in_sources()[page], nl=False)
    elif folder is not None:
        _write(folder, page)
    elif as_json:
        common.echo_json({"pages": FILES, "blocks": BLOCKS, "values": VALUES, "filters": FILTERS, **_own(state)})
    elif values:
        _show_values(VALUES, FILTERS)
    else:
        for file in [page] if page else FILES:
            click.echo(f"{click.style(file, bold=True)}: {FILES[file]}")
            _table(BLOCKS[file])
        _show_own(state)


def _write(folder: Path, page: str) -> None:
    from alerts.digests.blocks import starting_files

    files = {file: text for file, text in starting_files().items() if page in ("", file)}
    there = [file for file in files if (folder / file).exists()]
    if there:
        raise click.UsageError(f"{folder / there[0]} is there already; nothing was written")
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in files.items():
        (folder / file).write_text(text, "utf-8")
    click.echo(f"{len(files)} files written to {folder}; delete those that you do not need. Next:")
    click.echo(f"  template: {folder.name}                 in the file of the desk")
    click.echo(f"  ceasewire digest preview DESK --template {folder.name} --sample 60 --html -o look.html")
    click.echo("  ceasewire config check")


def _show_values(values: Mapping[str, Mapping[str, str]], filters: Mapping[str, str]) -> None:
    for name, rows in values.items():
        titles = {"digest": "In digests", "alert": "In alerts", "story": "Of a story"}
        click.echo(click.style(titles[name], bold=True))
        _table(rows)
    click.echo(click.style("Filters, besides Jinja's own", bold=True))
    _table(filters)


def _table(rows: Mapping[str, str]) -> None:
    width = max(map(len, rows))
    for name, words in rows.items():
        click.echo(f"  {name:<{width}}  {words}")
    click.echo()


def _own(state: common.State) -> dict[str, Any]:
    """Templates of the configuration in force, if there is one, with the desks that name them."""
    from alerts.deskfiles import load_desks
    from alerts.templates import template_names

    try:
        folder = state.config_folder()
    except click.UsageError:
        if state.folder is not None:
            raise
        return {"own": {}}
    desks, _ = load_desks(folder / "desks")
    return {"own": {name: [desk.id for desk in desks if desk.template == name] for name in template_names(folder)}}


def _show_own(state: common.State) -> None:
    for name, desks in _own(state)["own"].items():
        click.echo(f"templates/{name}: {'used by ' + ', '.join(desks) if desks else 'no desk names it'}")
