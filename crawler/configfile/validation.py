"""pydantic models against documents: every error becomes a problem at its key or value, in words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Annotated, Any, ClassVar, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, WithJsonSchema
from pydantic_core import ErrorDetails, PydanticCustomError

from crawler.configfile.document import Document, Loc, nearest
from crawler.configfile.nodes import Node
from crawler.errors import Problem

M = TypeVar("M", bound=BaseModel)

_LONGEST_LIST = 12
"""More allowed words than this are not written out in a message."""
_LONGEST_IDENTIFIER = 64
_SECRET = re.compile(r"pass(word|wd|phrase)?$|secret|token|api_?key", re.IGNORECASE)
_NO_WORD = ("dict_type", "list_type", "model_type", "tuple_type")
_OF_ANOTHER_MEMBER = ("_type", "enum", "literal_error")
_IDENTIFIER = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_WORDS = re.compile(r"[a-z0-9]+")
_NOT_IN_IDENTIFIER = re.compile(r"[^a-z0-9-]")


class Section(BaseModel):
    """Base of every configuration model: unknown keys refused, values final.

    `not_here` names keys that people try and that are refused on purpose, with the reason as a hint.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    not_here: ClassVar[dict[str, str]] = {}


def fault(
    message: str, *, expected: str = "", hint: str = "", code: str = "invalid", offset: int | None = None
) -> PydanticCustomError:
    """An error to raise in a model's validator; `validate` gives it the place of the field.

    Args:
        message: what is wrong, without a full stop.
        expected: what would have been right.
        hint: a suggestion.
        code: stable short name.
        offset: index of the wrong character in a text value, to point at it.
    """
    context = {"message": message, "expected": expected, "hint": hint, "code": code, "offset": offset}
    return PydanticCustomError("fault", "{message}", context)


def _check_identifier(name: str) -> str:
    if _IDENTIFIER.fullmatch(name) and len(name) <= _LONGEST_IDENTIFIER:
        return name
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    close = "-".join(_WORDS.findall(plain.lower()))[:_LONGEST_IDENTIFIER].rstrip("-")
    offset = next((match.start() for match in _NOT_IN_IDENTIFIER.finditer(name)), None)
    raise fault(
        "this is empty" if not name else f"`{name}` is no id",
        expected=f"lower-case letters and digits, joined by hyphens, at most {_LONGEST_IDENTIFIER}",
        hint=f"did you mean `{close}`?" if close else "",
        code="id",
        offset=offset,
    )


Identifier = Annotated[
    str,
    AfterValidator(_check_identifier),
    WithJsonSchema({"type": "string", "pattern": f"^{_IDENTIFIER.pattern}$", "maxLength": _LONGEST_IDENTIFIER}),
]
"""A name that other files and the database refer to: ``kyiv-independent``."""


def validate(document: Document, model: type[M], *, root: Loc = ()) -> tuple[M | None, list[Problem]]:
    """The document's data at `root` as a model.

    Returns:
        The model, or None and at least one problem. All problems of the data are found at once.
    """
    data: Any = document.data
    for part in root:
        data = data[part]
    if data is None:
        message = "the file holds nothing" if not root else f"`{root[-1]}` holds nothing"
        return None, [document.problem(root, message, expected=_keys_wanted(model), code="empty")]
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        errors = error.errors(include_url=False)
    known = (_problem(document, model, root, detail) for detail in _deepest(document, root, errors))
    return None, _merged(problem for problem in known if problem is not None)


def _keys_wanted(model: type[BaseModel]) -> str:
    wanted = [name for name, field in model.model_fields.items() if field.is_required()]
    return f"at least {_listed(wanted)}" if wanted else "keys and values"


def _deepest(document: Document, root: Loc, errors: list[ErrorDetails]) -> Iterator[ErrorDetails]:
    """The errors without those that another one says better."""
    places = [_place(document, root, detail) for detail in errors]
    for detail, place in zip(errors, places, strict=True):
        others = [kind["type"] for kind, other in zip(errors, places, strict=True) if other == place]
        of_union = len(root + detail["loc"]) > len(_path(document, root + detail["loc"]))
        deeper = any(len(other) > len(place) and other[: len(place)] == place for other in places)
        # pydantic counts only the good members of a list, and calls it too short when there are none.
        if deeper and detail["type"] == "too_short":
            continue
        # Members of a union that the value was never meant to be: "no text" of a mapping with a wrong key, "no mapping"
        # of a misspelt word.
        if of_union and deeper and detail["type"].endswith(_OF_ANOTHER_MEMBER):
            continue
        if of_union and detail["type"] in _NO_WORD and any(other in ("enum", "literal_error") for other in others):
            continue
        yield detail


def _place(document: Document, root: Loc, detail: ErrorDetails) -> Loc:
    path = _path(document, root + detail["loc"])
    return (*path, detail["loc"][-1]) if detail["type"] == "missing" else path


def _path(document: Document, loc: Loc) -> Loc:
    """The parts of `loc` that are members of the file's data."""
    node: Node | None = document.root
    path: list[str | int] = []
    for part in loc:
        found = node.child(part) if node is not None else None
        if found is not None:
            node = found[1]
            path.append(part)
    return tuple(path)


def _merged(problems: Iterable[Problem]) -> list[Problem]:
    """One problem where several members of a union refused one value."""
    merged: dict[tuple[int, int, str], Problem] = {}
    for problem in problems:
        place = (problem.line, problem.column, problem.message)
        same = merged.get(place)
        if same is None:
            merged[place] = problem
        elif problem.expected not in same.expected:
            merged[place] = replace(same, expected=f"{same.expected} or {problem.expected}")
    return sorted(merged.values(), key=lambda problem: (problem.line, problem.column))


def _problem(document: Document, model: type[BaseModel], root: Loc, detail: ErrorDetails) -> Problem | None:
    """The problem for one error; None for a key that is only missing because it is misspelt (it has its own)."""
    loc, kind, context = root + detail["loc"], detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(document, model, loc, detail["loc"])
    if kind == "missing":
        if _misspelt(document, model, loc, detail["loc"]):
            return None
        return _missing_key(document, model, loc, detail["loc"])
    of_key = loc[-1:] == ("[key]",)
    if kind == "fault":
        return document.problem(
            loc,
            context["message"],
            key=of_key,
            expected=context["expected"],
            hint=context["hint"],
            code=context["code"],
            offset=None if of_key else context["offset"],
        )
    if kind in ("enum", "literal_error"):
        return _not_one_of(document, loc, context, key=of_key)
    value = _value(document, loc)
    message, expected, hint = _words(kind, context, detail["msg"], value)
    return document.problem(loc, message, expected=expected, hint=hint, code=kind.replace("_", "-"))


def _unknown_key(document: Document, model: type[BaseModel], loc: Loc, inner: Loc) -> Problem:
    name = str(loc[-1])
    owners = _models_at(model, inner[:-1])
    known = list(dict.fromkeys(field for owner in owners for field in owner.model_fields))
    hint = next((owner.not_here[name] for owner in owners if issubclass(owner, Section) and name in owner.not_here), "")
    if not hint and (close := nearest(name, known)):
        hint = f"did you mean `{close}`?"
    expected = f"one of {_listed(known)}" if known and (len(known) <= _LONGEST_LIST or not hint) else ""
    code = "secret" if _SECRET.search(name) else "unknown-key"
    return document.problem(loc, f"unknown key `{name}`", key=True, expected=expected, hint=hint, code=code)


def _missing_key(document: Document, model: type[BaseModel], loc: Loc, inner: Loc) -> Problem:
    name = str(loc[-1])
    fields = (owner.model_fields.get(name) for owner in _models_at(model, inner[:-1]))
    examples = [example for field in fields if field is not None for example in field.examples or ()]
    hint = f"such as `{name}: {examples[0]}`" if examples else ""
    return document.problem(loc[:-1], f"`{name}` is missing", expected=f"the key `{name}`", hint=hint, code="missing")


def _misspelt(document: Document, model: type[BaseModel], loc: Loc, inner: Loc) -> bool:
    """Whether the missing key is there under a name that looks like it."""
    _, holder = document.node(loc[:-1])
    if holder is None or holder.kind != "mapping":
        return False
    known = {field for owner in _models_at(model, inner[:-1]) for field in owner.model_fields}
    unknown = (key.value for key, _ in holder.pairs if key.value not in known)
    return any(nearest(word, known) == loc[-1] for word in unknown)


def _not_one_of(document: Document, loc: Loc, context: dict[str, Any], *, key: bool) -> Problem:
    allowed = [word.strip("' ") for word in str(context.get("expected", "")).replace(" or ", ", ").split(", ")]
    value = loc[-2] if key else _value(document, loc)
    hint = f"did you mean `{close}`?" if isinstance(value, str) and (close := nearest(value, allowed)) else ""
    message = f"`{value}` is not allowed here" if isinstance(value, str | int | float) else _not_text(value)
    return document.problem(loc, message, key=key, expected=f"one of {_listed(allowed)}", hint=hint, code="not-allowed")


def _models_at(model: type[BaseModel], loc: Loc) -> list[type[BaseModel]]:
    """The models that may stand at `loc`: several where a union does, narrowed by the member's name in `loc`."""
    models: list[type[BaseModel]] = [model]
    for part in loc:
        below = [
            inner
            for owner in models
            if part in owner.model_fields
            for inner in _parts(owner.model_fields[str(part)].annotation)
            if isinstance(inner, type) and issubclass(inner, BaseModel)
        ]
        models = below or [owner for owner in models if owner.__name__ == part] or models
    return models


def _parts(annotation: Any) -> Iterator[Any]:
    """Every type that an annotation names, containers and unions taken apart."""
    inner = get_args(annotation)
    if not inner:
        yield annotation
    for part in inner:
        yield from _parts(part)


def _value(document: Document, loc: Loc) -> Any:
    _, node = document.node(loc)
    return node.plain() if node is not None else None


_KINDS = {"dict": "a mapping", "list": "a list", "bool": "true or false", "NoneType": "nothing"}
_WANTED = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list: [one, two], or lines that begin with `- `",
    "tuple": "a list: [one, two], or lines that begin with `- `",
    "set": "a list: [one, two], or lines that begin with `- `",
    "frozen_set": "a list: [one, two], or lines that begin with `- `",
    "dict": "a mapping: lines `key: value`",
    "model": "a mapping: lines `key: value`",
    "model_attributes": "a mapping: lines `key: value`",
    "date": "a date such as 2026-03-01",
    "date_from_datetime": "a date such as 2026-03-01",
    "datetime": "a time such as 2026-03-01T07:00:00Z",
}
_LIMITS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}
_LENGTHS = {
    "string_too_short": ("at least", "min_length", "characters"),
    "string_too_long": ("at most", "max_length", "characters"),
    "too_short": ("at least", "min_length", "members"),
    "too_long": ("at most", "max_length", "members"),
}


def _words(kind: str, context: dict[str, Any], said: str, value: Any) -> tuple[str, str, str]:
    """Message, expected and hint for pydantic's own error types."""
    stem = kind
    for ending in ("_type", "_parsing", "_from_float", "_inexact"):
        stem = stem.removesuffix(ending)
    if stem in _WANTED:
        return _wrong_type(stem, value)
    if kind in _LIMITS:
        words, name = _LIMITS[kind]
        return f"{value} is out of range", f"{words} {context[name]}", ""
    if kind in _LENGTHS:
        words, name, unit = _LENGTHS[kind]
        message = "this is empty" if value in ("", [], {}) else f"this has {_counted(len(value), unit)}"
        return message, f"{words} {_counted(context[name], unit)}", ""
    if kind == "value_error":
        return said.removeprefix("Value error, "), "", ""
    return said[:1].lower() + said[1:], "", ""


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit.removesuffix('s') if number == 1 else unit}"


def _wrong_type(stem: str, value: Any) -> tuple[str, str, str]:
    expected = _WANTED[stem]
    hint = ""
    if stem == "string" and isinstance(value, bool | int | float):
        hint = f'write it in quotes: "{str(value).lower() if isinstance(value, bool) else value}"'
    elif expected.startswith("a list") and isinstance(value, str | int | float):
        hint = f"write [{value}]"
    elif stem in ("int", "float") and isinstance(value, str) and value.strip()[:1].isdigit():
        hint = "the unit is part of the key's name; write the number alone"
    return (
        _not_text(value) if not isinstance(value, str) else f"`{value}` is not {expected.split(':')[0]}",
        expected,
        hint,
    )


def _not_text(value: Any) -> str:
    name = type(value).__name__
    if isinstance(value, bool):
        return f"`{str(value).lower()}` stands here"
    return f"{_KINDS[name]} stands here" if name in _KINDS else f"`{value}` stands here"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)
