"""A configuration folder as far as the crawler reads it: its section of settings.yaml, and the sources."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from crawler.configfile import read_document, validate
from crawler.errors import ConfigError, Problem
from crawler.options import CrawlerOptions
from crawler.sources import Source, load_sources

SETTINGS = "settings.yaml"
SOURCES = "sources"


@dataclass(frozen=True, slots=True)
class CrawlerFolder:
    """What the crawler needs of a configuration folder.

    Attributes:
        folder: as given.
        options: the `crawler:` section.
        sources: the good ones.
        problems: warnings, and the errors of sources that were left out.
    """

    folder: Path
    options: CrawlerOptions
    sources: tuple[Source, ...]
    problems: tuple[Problem, ...] = ()

    @property
    def database_url(self) -> str:
        """URL of the database; see `database_url`."""
        return database_url(self.folder, self.options)


def read_folder(folder: Path, *, skip_broken: bool = False) -> CrawlerFolder:
    """Read the crawler's part of a configuration folder; rules and desks are not looked at.

    Args:
        folder: holds settings.yaml and sources/.
        skip_broken: go on without the sources that are wrong; wrong settings always stop.

    Raises:
        ConfigError: with every problem that was found.
    """
    options, problems = _options(folder / SETTINGS)
    sources, found = load_sources(folder / SOURCES)
    problems += found
    errors = [problem for problem in problems if not problem.warning]
    if options is None or (errors and not skip_broken):
        raise ConfigError(problems)
    return CrawlerFolder(folder, options, sources, tuple(problems))


def database_url(folder: Path, options: CrawlerOptions) -> str:
    """URL of the database; a SQLite file's path is made absolute, from the configuration folder.

    Raises:
        ConfigError: the settings name a variable for it that is not set.
    """
    url = options.database
    if options.database_env:
        url = os.environ.get(options.database_env, "")
        if not url:
            message = f"the environment variable {options.database_env} is not set"
            hint = "it must hold the database URL"
            raise ConfigError([Problem(str(folder / SETTINGS), 0, 0, message, hint=hint, code="secret")])
    scheme, _, path = url.partition(":///")
    return f"sqlite:///{folder.absolute() / path}" if scheme == "sqlite" else url


def _options(path: Path) -> tuple[CrawlerOptions | None, list[Problem]]:
    document, problems = read_document(path)
    if document is None or problems:
        return None, problems
    data = document.data
    if data is not None and not isinstance(data, dict):
        return None, [document.problem((), "settings stand here as `key: value`", code="model-type")]
    if not data or data.get("crawler") is None:
        return CrawlerOptions(), []
    return validate(document, CrawlerOptions, root=("crawler",))
