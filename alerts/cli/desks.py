"""Finding the desk that a command names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from alerts.configuration import Configuration
    from alerts.desks import Desk


def find_desk(configuration: Configuration, name: str) -> Desk:
    """The desk of that id.

    Raises:
        click.UsageError: there is none; the message names the nearest.
    """
    for desk in configuration.desks:
        if desk.id == name:
            return desk
    from crawler.configfile import nearest

    known = [desk.id for desk in configuration.desks]
    guess = nearest(name, known)
    raise click.UsageError(
        f"there is no desk {name!r}." + (f" Did you mean {guess!r}?" if guess else f" There are: {', '.join(known)}")
    )
