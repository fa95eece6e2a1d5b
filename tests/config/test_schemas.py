"""docs/schemas/ and docs/configuration.md say what the models say; every shipped file names and keeps its schema."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from alerts.cli.schemas import KINDS, localise_schemas, reference, schema_of, write_schemas
from crawler.configfile import read_document
from crawler.configfile.reading import parse_document

ROOT = Path(__file__).parent.parent.parent
CONFIG = ROOT / "config"
SCHEMAS = ROOT / "docs" / "schemas"
FILES = sorted(path for path in CONFIG.rglob("*.yaml") if "var" not in path.relative_to(CONFIG).parts)
KIND_OF = {"sources": "sources", "desks": "desk", "rules": "rule", "lists": "list"}


def kind_of(path: Path) -> str:
    return KIND_OF.get(path.parent.name, path.stem)


def wrong(schema: dict[str, Any], value: Any, root: dict[str, Any]) -> str:
    """The first thing that is wrong with a value: as much of JSON Schema as our schemas use; empty if nothing."""
    unknown = set(schema) - {
        "$schema", "$defs", "$ref", "title", "description", "default", "examples", "format", "type", "enum", "const",
        "pattern", "minLength", "maxLength", "minItems", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
        "anyOf", "oneOf", "items", "properties", "required", "additionalProperties", "propertyNames",
    }  # fmt: skip
    assert not unknown, f"this check does not know {unknown}"
    if "$ref" in schema:
        return wrong(root["$defs"][schema["$ref"].rpartition("/")[2]], value, root)
    for key in ("anyOf", "oneOf"):
        if key in schema:
            good = sum(not wrong(option, value, root) for option in schema[key])
            if good == 0 or (key == "oneOf" and good > 1):
                return f"{value!r} matches {good} of {key}"
    return _wrong_kind(schema, value) or _wrong_inside(schema, value, root)


def _wrong_kind(schema: dict[str, Any], value: Any) -> str:
    kinds: dict[str, tuple[type, ...]] = {
        "object": (dict,), "array": (list,), "string": (str,), "integer": (int,), "number": (int, float),
        "boolean": (bool,), "null": (type(None),),
    }  # fmt: skip
    if "type" in schema:
        kind = schema["type"]
        if not isinstance(value, kinds[kind]) or (isinstance(value, bool) and kind != "boolean"):
            return f"{value!r} is no {kind}"
    if value not in schema.get("enum", [value]) or value != schema.get("const", value):
        return f"{value!r} is not allowed"
    if isinstance(value, str):
        if not re.search(schema.get("pattern", ""), value):
            return f"{value!r} does not match {schema['pattern']}"
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            return f"{value!r} has the wrong length"
    if isinstance(value, int | float) and not (
        schema.get("minimum", value) <= value <= schema.get("maximum", value)
        and schema.get("exclusiveMinimum", value - 1) < value < schema.get("exclusiveMaximum", value + 1)
    ):
        return f"{value!r} is out of range"
    return ""


def _wrong_inside(schema: dict[str, Any], value: Any, root: dict[str, Any]) -> str:
    if isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            return "too short"
        return next((found for item in value if (found := wrong(schema.get("items", {}), item, root))), "")
    if not isinstance(value, dict):
        return ""
    missing = [key for key in schema.get("required", []) if key not in value]
    if missing:
        return f"{missing[0]} is missing"
    for key, inner in value.items():
        below = schema.get("properties", {}).get(key, schema.get("additionalProperties", {}))
        if below is False:
            return f"{key} is unknown"
        if below is not True and (found := wrong(below, inner, root)):
            return f"{key}: {found}"
        if "propertyNames" in schema and wrong(schema["propertyNames"], key, root):
            return f"{key} is no allowed key"
    return ""


def test_schemas_and_reference_are_up_to_date(tmp_path: Path) -> None:
    write_schemas(tmp_path)
    fresh = {path.relative_to(tmp_path): path.read_text("utf-8") for path in tmp_path.rglob("*.*")}
    kept = {path.relative_to(ROOT / "docs"): path.read_text("utf-8") for path in SCHEMAS.glob("*.json")}
    kept[Path("configuration.md")] = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    assert fresh == kept, "run `make schemas`"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CONFIG)))
def test_every_shipped_file_names_its_schema_and_keeps_it(path: Path) -> None:
    head = path.read_text("utf-8").splitlines()[0]
    named = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", head)
    assert named, head
    schema_path = (path.parent / named[1]).resolve()
    assert schema_path == SCHEMAS / f"{kind_of(path)}.schema.json"
    document, problems = read_document(path)
    assert problems == []
    assert document is not None
    schema = json.loads(schema_path.read_text("utf-8"))
    assert wrong(schema, document.data, schema) == ""


def test_there_are_files_of_each_shipped_kind() -> None:
    assert {kind_of(path) for path in FILES} >= {"settings", "sources", "desk", "rule", "list"}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("settings", "crawlr: {}"),
        ("settings", "crawler: {delay_seconds: 1s}"),
        ("settings", "crawler: {languages: [english]}"),
        ("settings", "alerts: {smtp: {host: h, password: x}}"),
        ("settings", "alerts: {resend: never}"),
        ("settings", "alerts: {topics: []}"),
        ("sources", "id: a"),
        ("sources", "- id: a"),
        ("sources", "- {id: A, name: A, languages: [en], channels: [{feed: 'https://a.example'}]}"),
        ("sources", "- {id: a, name: A, languages: [en], channels: [{feed: a.example}]}"),
        ("sources", "- {id: a, name: A, languages: [en], channels: [{paused: true}]}"),
        ("sources", "- {id: a, name: A, languages: [en], country: Norway, channels: [{feed: 'https://a.example'}]}"),
        ("desk", "{id: a, title: A, zone: UTC, routes: [{folder: x}]}"),
        ("desk", "{id: a, title: A, zone: UTC, schedule: '0 7 * * *', routes: []}"),
        ("desk", "{id: a, title: A, zone: UTC, schedule: '0 7 * * *', routes: [{folder: x, mail: [a@b.c]}]}"),
        ("rule", "{id: a}"),
        ("rule", "{id: a, title: A, topic: t, severity: loud, class: event, find: x}"),
        ("rule", "{id: a, title: A, topic: t, severity: low, class: event, find: x, finds: y}"),
        ("list", "[a, b]"),
        ("list", "{en: a}"),
        ("filters", "{filters: [{drop_if: x}]}"),
    ],
)
def test_schemas_refuse_what_the_models_refuse(kind: str, text: str) -> None:
    described = next(one for one in KINDS if one.name == kind)
    document, problems = parse_document(text, "f.yaml")
    assert problems == []
    assert document is not None
    schema = schema_of(described)
    assert wrong(schema, document.data, schema) != ""


def test_the_reference_names_every_key() -> None:
    text = reference()
    for kind in KINDS:
        schema = schema_of(kind)
        sections = [schema, *schema.get("$defs", {}).values()]
        keys = {key for section in sections for key in section.get("properties", {})}
        assert all(f"| `{key}` |" in text for key in keys)


def test_every_key_is_explained_unless_its_name_is(tmp_path: Path) -> None:
    for kind in KINDS:
        if kind.name in ("settings", "sources", "desk"):
            schema = schema_of(kind)
            known = schema.get("$defs", {})
            for section in [schema, *known.values()]:
                for field in section.get("properties", {}).values():
                    target = known.get(str(field.get("$ref", "")).rpartition("/")[2], {})
                    assert field.get("description") or target.get("description")


def test_a_folder_elsewhere_gets_schemas_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "desks").mkdir()
    for name in ("settings.yaml", "desks/example.yaml"):
        (tmp_path / name).write_text((CONFIG / name).read_text("utf-8"), encoding="utf-8")
    localise_schemas(tmp_path)
    for name in ("settings.yaml", "desks/example.yaml"):
        first, _, rest = (tmp_path / name).read_text("utf-8").partition("\n")
        assert ((tmp_path / name).parent / first.rpartition("=")[2]).resolve().is_file()
        assert rest == (CONFIG / name).read_text("utf-8").partition("\n")[2]
    before = (tmp_path / "settings.yaml").read_text("utf-8")
    localise_schemas(tmp_path)
    assert (tmp_path / "settings.yaml").read_text("utf-8") == before
