"""What a template's mistake is and where it stands, in words of somebody who writes templates."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from types import TracebackType

from jinja2 import TemplateNotFound, TemplateSyntaxError, UndefinedError
from jinja2.exceptions import SecurityError

from alerts.digests.sandbox import BUILT_IN, OverrunError, Sandbox, built_in_sources
from alerts.digests.wording import clean
from alerts.templates import Template
from crawler.configfile import nearest
from crawler.errors import Problem

_LONGEST_MESSAGE = 300
_QUOTED = re.compile(r"'([^']+)'")
_NO_FILTER = re.compile(r"No (filter|test) named '([^']+)'")
_NO_ATTRIBUTE = re.compile(r"has no attribute '([^']+)'")
_UNDEFINED = re.compile(r"^'([^']+)' is undefined")
_STATEMENT = re.compile(r"\{[%{#]")


def fault_of(error: Exception, sandbox: Sandbox, page: str, names: Iterable[str] = ()) -> Problem:
    """Put what a template raised into a problem at its file and line.

    Args:
        error: as raised by one of the sandbox's methods.
        sandbox: of the template.
        page: that was rendered, for errors that stand nowhere.
        names: that the template could have used, for suggestions.
    """
    template = sandbox.template
    file, line = _place(error, template)
    if not file:
        file = page if page in template.files else next(iter(template.files), "")
    said, expected, hint, word = _words(error, sandbox, names)
    message = clean(said, _LONGEST_MESSAGE)  # it may quote what the template made
    code = "syntax" if isinstance(error, TemplateSyntaxError) else "template"
    return problem_at(template, file, line, message, word=word, expected=expected, hint=hint, code=code)


def problem_at(  # noqa: PLR0913  the fields of a Problem, most of them by name
    template: Template,
    file: str,
    line: int,
    message: str,
    *,
    word: str = "",
    expected: str = "",
    hint: str = "",
    code: str = "template",
    warning: bool = False,
) -> Problem:
    """A problem of one of a template's files; `word` is what the caret shall point at in that line."""
    text = template.files.get(file, "")
    lines = text.split("\n")
    shown = lines[line - 1] if 0 < line <= len(lines) else ""
    column = _column(shown, word) if shown else 0
    where = template.path(file) if file else str(template.folder)
    return Problem(where, line, column, message, expected, hint, code, source_line=shown, warning=warning)


def _column(line: str, word: str) -> int:
    """Where a word stands, else the line's first statement, else its first letter; 1-based."""
    if word:
        whole = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", line)
        if whole is not None:
            return whole.start() + 1
    found = _STATEMENT.search(line)
    return (found.start() if found is not None else len(line) - len(line.lstrip())) + 1


def _place(error: Exception, template: Template) -> tuple[str, int]:
    """File and line: where a syntax error was found, else the innermost place in one of the template's own files."""
    by_path = {template.path(file): file for file in template.files}
    if isinstance(error, TemplateSyntaxError):
        return by_path.get(error.filename or "", ""), error.lineno
    places = []
    step: TracebackType | None = error.__traceback__
    while step is not None:
        file = by_path.get(step.tb_frame.f_code.co_filename)
        if file is not None:
            places.append((file, step.tb_lineno))
        step = step.tb_next
    if places and isinstance(error, RecursionError):
        return Counter(places).most_common(1)[0][0]  # what is done again and again, not where that happened to end
    return places[-1] if places else ("", 0)


def _words(error: Exception, sandbox: Sandbox, names: Iterable[str]) -> tuple[str, str, str, str]:
    """Message, expected, hint, and the word to point at."""
    said = str(error) or type(error).__name__
    match error:
        case TemplateSyntaxError():
            return _syntax(error, sandbox)
        case TemplateNotFound():
            return _not_found(error, sandbox.template)
        case UndefinedError():
            return _undefined(said, names)
        case SecurityError():
            return f"this is not allowed in a template: {said.rstrip('.')}", "", "", _last_quoted(said)
        case OverrunError():
            return said, "", "", ""
        case RecursionError():
            hint = "does a block or a macro call itself, or a file extend itself?"
            return "the template is nested without end", "", hint, ""
        case UnicodeEncodeError():
            return "half a character: a text that cannot be sent", "", "", ""
        case _:
            return f"{type(error).__name__}: {said}", "", "", ""


def _last_quoted(said: str) -> str:
    quoted = _QUOTED.findall(said)
    return quoted[0] if quoted else ""


def _syntax(error: TemplateSyntaxError, sandbox: Sandbox) -> tuple[str, str, str, str]:
    said = (error.message or "syntax error").rstrip(".")
    missing = _NO_FILTER.search(said)
    if missing is not None:
        kind, name = missing.groups()
        known = sorted(sandbox.filters) if kind == "filter" else []
        close = nearest(name, known)
        return f"there is no {kind} `{name}`", "", f"did you mean `{close}`?" if close else "", name
    word = _last_quoted(said)
    close = nearest(word, _STATEMENTS) if "unknown tag" in said else ""
    return said[:1].lower() + said[1:], "", f"did you mean `{close}`?" if close else "", word


_STATEMENTS = (
    "extends", "block", "endblock", "if", "elif", "else", "endif", "for", "endfor", "set", "endset", "macro",
    "endmacro", "call", "endcall", "filter", "endfilter", "include", "import", "from", "with", "endwith", "raw",
    "endraw",
)  # fmt: skip


def _not_found(error: TemplateNotFound, template: Template) -> tuple[str, str, str, str]:
    name = str(error.name)
    known = [*template.files, *(f"{BUILT_IN}{one}" for one in built_in_sources())]
    close = nearest(name, known)
    hint = f"did you mean `{close}`?" if close else ""
    expected = f"a file of {template.folder}, or `{BUILT_IN}` and the name of a built-in one"
    return f"there is no template file `{name}`", expected, hint, name


def _undefined(said: str, names: Iterable[str]) -> tuple[str, str, str, str]:
    missing = _UNDEFINED.search(said) or _NO_ATTRIBUTE.search(said)
    if missing is None:
        return said.rstrip("."), "", "", ""
    name = missing[1]
    close = nearest(name, names)
    hint = f"did you mean `{close}`?" if close else "`ceasewire config templates --values` lists what there is"
    return f"`{name}` is not known here", "", hint, name


def names_in(value: object) -> set[str]:
    """Every key of a value and of what is in it: the names that a template can use."""
    if isinstance(value, dict):
        return {str(key) for key in value}.union(*(names_in(inner) for inner in value.values()))
    if isinstance(value, list | tuple):
        return set().union(*(names_in(inner) for inner in value))
    return set()
