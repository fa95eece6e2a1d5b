"""JSON Schemas and the configuration reference, made from the models that read the files.

Editors that know the yaml-language-server check and complete our YAML files with the schemas; the first line of each
file names its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from alerts.desks import DeskSection
from alerts.options import Settings
from alerts.rules.models import FiltersFile, ListFile, RuleFile
from crawler.sources import SourcesFile

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_HEAD = re.compile(r"\A# yaml-language-server: \$schema=\S*?([\w-]+\.schema\.json)[ \t]*$", re.MULTILINE)
_HIDDEN = ("title",)


@dataclass(frozen=True, slots=True)
class Described:
    """One kind of file.

    Attributes:
        name: its schema is ``<name>.schema.json``.
        files: where such files are, relative to the configuration folder.
        model: what reads one.
        about: two or three sentences for the reference.
    """

    name: str
    files: str
    model: type[BaseModel]
    about: str


KINDS: tuple[Described, ...] = (
    Described(
        "settings",
        "settings.yaml",
        Settings,
        "What is the same for all desks. Both sections and all their keys may be left out. No password stands in it: "
        "a key that ends in `_env` names an environment variable, one that ends in `_file` a file.",
    ),
    Described(
        "sources",
        "sources/*.yaml",
        SourcesFile,
        "A list of sources. How sources are spread over files is up to you; ids and channels must differ over all.",
    ),
    Described("desk", "desks/*.yaml", DeskSection, "One desk a file. What is left out does not restrict."),
    Described(
        "rule",
        "rules/*.yaml",
        RuleFile,
        "One rule a file, named after its id, with the cases that prove it. [rules.md](rules.md) has the language of "
        "`find`, `not_within` and `drop_if`.",
    ),
    Described(
        "list",
        "lists/*.yaml",
        ListFile,
        "One list a file, used as `@name` after the file's name: language codes, each with its terms. A term is a "
        "word, a phrase, a `stem*` or another `@list`; `default` serves the languages without terms of their own.",
    ),
    Described("filters", "filters.yaml", FiltersFile, "Exclusions that several rules share. The file may be absent."),
)


def write_schemas(folder: Path) -> None:
    """Write ``schemas/*.schema.json`` and ``configuration.md`` into a folder (docs/)."""
    write_json_schemas(folder / "schemas")
    (folder / "configuration.md").write_text(reference(), encoding="utf-8")


def write_json_schemas(folder: Path) -> None:
    """Write the JSON Schema of each kind of file into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        text = json.dumps(schema_of(kind), indent=2, ensure_ascii=False)
        (folder / f"{kind.name}.schema.json").write_text(text + "\n", encoding="utf-8")


def localise_schemas(folder: Path) -> None:
    """Give a configuration folder outside the repository schemas of its own: ``schemas/``, named by its YAML files."""
    write_json_schemas(folder / "schemas")
    for path in sorted(folder.rglob("*.yaml")):
        text = path.read_text("utf-8")
        up = "../" * (len(path.relative_to(folder).parts) - 1)
        head = rf"# yaml-language-server: $schema={up}schemas/\1"
        changed = _HEAD.sub(head, text, count=1)
        if changed != text:
            path.write_text(changed, encoding="utf-8")


def schema_of(kind: Described) -> dict[str, Any]:
    """The JSON Schema of one kind of file."""
    schema: dict[str, Any] = _without_titles(kind.model.model_json_schema())
    return {"$schema": _DIALECT, "title": f"Ceasewire: {kind.files}", **schema}


def _without_titles(value: Any, *, names: bool = False) -> Any:
    """A schema without pydantic's titles, which repeat the key; `names`: the keys of `value` are our own."""
    if isinstance(value, list):
        return [_without_titles(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _without_titles(item, names=key in ("properties", "$defs") and not names)
        for key, item in value.items()
        if names or key not in _HIDDEN
    }


def reference() -> str:
    """docs/configuration.md."""
    return "\n".join(_reference()) + "\n"


_INTRODUCTION = """\
# Configuration

<!-- Made by `make schemas` from the models that read the files; do not edit. -->

Everything a desk owns stands in one folder: `config/`, or the one that `--config` names. `ceasewire init DIR` writes a
first one. `ceasewire config check` reads every file and names every mistake with file, line and column. Unknown keys,
and keys that stand twice, are mistakes. The first line of each file names its JSON Schema, with which editors check and
complete while you type. File names are relative to the folder.

YAML in these files is UTF-8, with spaces and no tabs. `no`, `yes`, `on` and dates are text, so `country: NO` is Norway.
Put quotes around a text that contains `: ` or begins with one of ``@ ` % & * ! [ { " '``. Small anchors and aliases are
read; tags and merge keys (`<<`) are not.
"""


def _reference() -> Iterator[str]:
    yield from _INTRODUCTION.splitlines()
    for kind in KINDS:
        schema = schema_of(kind)
        yield ""
        yield f"## {kind.files}"
        yield ""
        yield kind.about
        root = schema["$defs"][_target(schema["items"])] if schema.get("type") == "array" else schema
        yield from _sections(root, schema.get("$defs", {}), "")


def _sections(section: dict[str, Any], known: dict[str, Any], prefix: str) -> Iterator[str]:
    """A table of a section's keys, then the sections below it; sections of one kind are written once."""
    properties: dict[str, dict[str, Any]] = section.get("properties", {})
    if properties:
        yield ""
        yield "| key | value | default | meaning |"
        yield "|---|---|---|---|"
    for name, field in properties.items():
        default = "needed" if name in section.get("required", []) else _default(field)
        # pydantic leaves a description out where the section it refers to has the same one.
        what = field.get("description") or known.get(_target(field), {}).get("description", "")
        yield f"| `{name}` | {_value(field, known)} | {default} | {what} |"
    below: dict[str, list[str]] = {}
    for name, field in properties.items():
        if "properties" in known.get(_target(field), {}):
            path = f"{prefix}.{name}" if prefix else name
            below.setdefault(_target(field), []).append(f"`{path}[]`" if _is_list(field) else f"`{path}`")
    for target, paths in below.items():
        yield ""
        yield f"### {', '.join(paths)}"
        yield ""
        yield str(known[target].get("description", ""))
        yield from _sections(known[target], known, paths[0].strip("`"))


def _alternatives(field: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = field.get("anyOf", [field])
    return [option for option in found if option.get("type") != "null"]


def _is_list(field: dict[str, Any]) -> bool:
    return any(option.get("type") == "array" for option in _alternatives(field))


def _target(field: dict[str, Any]) -> str:
    """Name of the definition that a field refers to, through lists and options; empty if none."""
    for option in _alternatives(field):
        if "$ref" in option:
            return str(option["$ref"]).rpartition("/")[2]
        inside = option.get("items", option.get("additionalProperties"))
        if isinstance(inside, dict) and (target := _target(inside)):
            return target
    return ""


def _default(field: dict[str, Any]) -> str:
    value = field.get("default")
    if value in (None, "", []):
        return ""
    return f"`{json.dumps(value, ensure_ascii=False)}`" if not isinstance(value, str) else f"`{value}`"


def _value(field: dict[str, Any], known: dict[str, Any]) -> str:
    return " or ".join(dict.fromkeys(_one_value(option, known) for option in _alternatives(field)))


def _one_value(option: dict[str, Any], known: dict[str, Any]) -> str:
    if "$ref" in option:
        target = known[str(option["$ref"]).rpartition("/")[2]]
        return "section" if "properties" in target else _one_value(target, known)
    if "enum" in option:
        return ", ".join(f"`{word}`" for word in option["enum"])
    if "const" in option:
        return f"`{option['const']}`"
    if option.get("type") == "array":
        return f"list of {_value(option.get('items', {}), known)}".replace("list of section", "list of sections")
    if option.get("type") == "object":
        inside = option.get("additionalProperties")
        return f"mapping to {_value(inside, known)}" if isinstance(inside, dict) else "mapping"
    return _WORDS.get(option.get("format", ""), _WORDS.get(str(option.get("type", "")), "any")) + _bounds(option)


_WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "`true`, `false`",
    "uri": "web address",
    "date": "date",
    "path": "file",
}


def _bounds(option: dict[str, Any]) -> str:
    words = []
    for key, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<")):
        if key in option:
            words.append(f"{sign} {option[key]:,}")
    return f" ({', '.join(words)})" if words else ""
