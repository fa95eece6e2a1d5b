"""The error tree. Errors are told apart by what the caller can do about them.

CeasewireError
    ConfigError     a file of ours is wrong: show the problems, exit 78, change nothing
    FetchError      a server did not give what was asked; `permanent` says whether asking again can help
    ExtractError    bytes were had but hold no usable article: keep the entry's own text
    ArchiveError    the database cannot be used as it is: read-only, full, damaged (exit 74)
        ArchiveAwayError  its server cannot be reached, or went away: try again later (exit 75)
        ArchiveBusyError  another writer got in the way: try again (exit 75)
        SchemaError     it has an older or newer schema: `ceasewire migrate`, exit 78
    StoppedError    a signal ended the run; the next one goes on
"""

from __future__ import annotations

import signal
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong at one place of one configuration file.

    Attributes:
        file: path as the user would type it.
        line: 1-based line; 0 when the problem is the whole file.
        column: 1-based column in code points; 0 when unknown.
        message: what is wrong, in one sentence without a full stop.
        expected: what would have been right, in words; may be empty.
        hint: a suggestion such as ``did you mean `title`?``; may be empty.
        code: stable short name such as ``unknown-key``.
        source_line: the text of the line, for the caret; may be empty.
        warning: true for lint that does not stop anything.
    """

    file: str
    line: int
    column: int
    message: str
    expected: str = ""
    hint: str = ""
    code: str = "invalid"
    source_line: str = ""
    warning: bool = False

    def __str__(self) -> str:
        """``file:line:column: message`` with the line, a caret, what was expected and the hint below it."""
        place = self.file if not self.line else f"{self.file}:{self.line}:{self.column}"
        kind = "warning" if self.warning else "error"
        rows = [f"{place}: {kind}: {self.message} [{self.code}]"]
        if self.source_line:
            rows.append(f"    {self.source_line.rstrip()}")
            if self.column:
                lead = "".join("\t" if letter == "\t" else " " for letter in self.source_line[: self.column - 1])
                rows.append(f"    {lead}^")
        if self.expected:
            rows.append(f"    expected: {self.expected}")
        if self.hint:
            rows.append(f"    hint: {self.hint}")
        return "\n".join(rows)


class CeasewireError(Exception):
    """Anything this project raises on purpose."""


class ConfigError(CeasewireError):
    """One or more configuration files are wrong. Carries every problem found, sorted by place."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(sorted(problems, key=lambda p: (p.file, p.line, p.column)))
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @property
    def file(self) -> str:
        """The file of the first problem."""
        return self.problems[0].file if self.problems else ""

    @property
    def line(self) -> int:
        """The line of the first problem, 1-based."""
        return self.problems[0].line if self.problems else 0

    @property
    def column(self) -> int:
        """The column of the first problem, 1-based, in code points."""
        return self.problems[0].column if self.problems else 0


class FetchError(CeasewireError):
    """A server did not give what was asked for."""

    def __init__(self, url: str, reason: str, *, permanent: bool) -> None:
        self.url = url
        self.reason = reason
        self.permanent = permanent
        super().__init__(f"{url}: {reason}")


class ExtractError(CeasewireError):
    """A page holds no article that could be read, or reading it took too long.

    `late`: only time ran out, which on a machine with less to do it may not.
    """

    def __init__(self, url: str, reason: str, *, late: bool = False) -> None:
        self.url = url
        self.reason = reason
        self.late = late
        super().__init__(f"{url}: {reason}")


class ArchiveError(CeasewireError):
    """The database cannot be used as it is."""


class ArchiveAwayError(ArchiveError):
    """The database's server cannot be reached now, or went away in between."""


class ArchiveBusyError(ArchiveError):
    """Another writer got in the way; the same work can be tried again."""


class SchemaError(ArchiveError):
    """The database's schema is not the one this version was written for."""


class StoppedError(CeasewireError):
    """A signal ended the run before it was done. Nothing is lost: the next run goes on.

    Attributes:
        signum: the signal, for the exit code 128 + signum.
    """

    def __init__(self, signum: int) -> None:
        self.signum = signum
        super().__init__(f"stopped by {signal.Signals(signum).name}")
