"""Reading YAML strictly: every key asked for by name, every surprise an error that says where. Knows no outlets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml


class NewsroomError(Exception):
    """The newsroom's data or folder cannot be used; the message says which file and what to do."""


class PortTakenError(NewsroomError):
    """Another program listens where an outlet of this folder has to be: try again later or with a new folder."""


def read_fields(file: Path) -> Fields:
    """The mapping a YAML file holds. Raises NewsroomError when it cannot be read, is no YAML or no mapping."""
    try:
        loader = _Loader(file.read_text(encoding="utf-8"))
        try:
            data = loader.get_single_data()
        finally:
            loader.dispose()
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise NewsroomError(f"{file.name}: {error}") from error
    return Fields(file.name, data)


class _Loader(yaml.CSafeLoader):
    """Refuses equal keys, of which YAML libraries silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:  # noqa: FBT001, FBT002  (PyYAML's signature)
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} stands there twice", key_node.start_mark
                )
            seen.add(key)
        found: dict[object, object] = super().construct_mapping(node, deep=deep)
        return found


class Fields:
    """A mapping that is read key by key and knows which keys nobody asked for."""

    def __init__(self, where: str, value: object) -> None:
        self.where = where
        if not isinstance(value, Mapping):
            raise NewsroomError(f"{where}: expected keys with values, found {_shown(value)}")
        self._values = dict(value)
        self._asked: set[str] = set()

    def _take(self, key: str, *, optional: bool) -> object:
        self._asked.add(key)
        if self._values.get(key) is None:
            if optional:
                return None
            raise NewsroomError(f"{self.where}: {key} is missing")
        return self._values[key]

    def text(self, key: str, default: str | None = None) -> str:
        """Its text without surrounding space; an empty text counts only with a default."""
        value = self._take(key, optional=default is not None)
        if value is None:
            return default or ""
        if not isinstance(value, str):
            raise NewsroomError(f"{self.where}: {key} must be text, found {_shown(value)} (put it in quotes)")
        if default is None and not value.strip():
            raise NewsroomError(f"{self.where}: {key} is empty")
        return value.strip()

    def path(self, key: str) -> str:
        """A text that begins with a slash."""
        value = self.text(key)
        if not value.startswith("/"):
            raise NewsroomError(f"{self.where}: {key} must begin with /, found {value!r}")
        return value

    def choice(self, key: str, known: Sequence[str], default: str | None = None) -> str:
        """A text that is one of `known`."""
        value = self.text(key, default)
        if value not in known:
            raise NewsroomError(f"{self.where}: {key} is {value!r} (expected {', '.join(known)})")
        return value

    def texts(self, key: str, *, optional: bool = False) -> tuple[str, ...]:
        """A list of texts."""
        value = self._take(key, optional=optional)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise NewsroomError(f"{self.where}: {key} must be a list of texts, found {_shown(value)}")
        return tuple(value)

    def number(self, key: str, default: float | None = None) -> float:
        """A number."""
        value = self._take(key, optional=default is not None)
        if value is None:
            return default or 0
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise NewsroomError(f"{self.where}: {key} must be a number, found {_shown(value)}")
        return value

    def number_or_null(self, key: str) -> float | None:
        """A number, or None where ``null`` is written; the key must be there."""
        if key in self._values and self._values[key] is None:
            self._asked.add(key)
            return None
        return self.number(key)

    def yes(self, key: str, *, default: bool = False) -> bool:
        """True or false."""
        value = self._take(key, optional=True)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise NewsroomError(f"{self.where}: {key} must be true or false, found {_shown(value)}")
        return value

    def fields(self, key: str, *, optional: bool = False) -> Fields:
        """A mapping within; an optional one that is absent has no keys."""
        value = self._take(key, optional=optional)
        return Fields(f"{self.where}: {key}", {} if value is None else value)

    def each(self, key: str, *, optional: bool = False) -> list[Fields]:
        """A list of mappings."""
        value = self._take(key, optional=optional)
        if value is None:
            return []
        if not isinstance(value, list):
            raise NewsroomError(f"{self.where}: {key} must be a list, found {_shown(value)}")
        return [Fields(f"{self.where}: {key}[{number}]{_named(each)}", each) for number, each in enumerate(value)]

    def done(self) -> None:
        """Refuse keys that nobody asked for."""
        unknown = [str(key) for key in self._values if key not in self._asked]
        if unknown:
            known = ", ".join(sorted(self._asked))
            raise NewsroomError(f"{self.where}: unknown key {unknown[0]!r} (known: {known})")


def _named(value: object) -> str:
    return f" {value['id']}" if isinstance(value, Mapping) and "id" in value else ""


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
