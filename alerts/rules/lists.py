"""Named lists of terms, with a variant per language, that may include each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from alerts.rules.nodes import ListRef, Node, compound, walk

DEFAULT = "default"
"""The variant for languages that have none of their own."""

Entries = Mapping[str, tuple[Node, ...]]
"""Language -> entries of a list."""


@dataclass(frozen=True)
class Lists:
    """All lists by name.

    A list is read in the article's language; in its default variant if it has none in that language; in every variant
    at once if the article's language is unknown (the empty string).
    """

    by_name: Mapping[str, Entries] = field(default_factory=dict)

    def entries(self, name: str, language: str) -> tuple[Node, ...]:
        """The entries as written; an included list is an entry of its own."""
        variants = self.by_name.get(name, {})
        if language:
            return variants.get(language, variants.get(DEFAULT, ()))
        return tuple(dict.fromkeys(entry for one in variants.values() for entry in one))

    def languages(self) -> frozenset[str]:
        """Every language that some list has a variant for."""
        return frozenset(tag for variants in self.by_name.values() for tag in variants if tag != DEFAULT)

    def used_by(self, nodes: list[Node]) -> tuple[str, ...]:
        """The names of the lists that the queries use, directly or through other lists; sorted."""
        waiting = list(nodes)
        found: set[str] = set()
        while waiting:
            for node in walk(waiting.pop()):
                if isinstance(node, ListRef) and node.name not in found:
                    found.add(node.name)
                    waiting += [entry for one in self.by_name.get(node.name, {}).values() for entry in compound(one)]
        return tuple(sorted(found))

    def cycle(self, name: str) -> tuple[str, ...]:
        """The way from a list back to itself through what it includes; empty if there is none."""
        trail: list[tuple[str, ...]] = [(name,)]
        seen: set[str] = set()
        while trail:
            way = trail.pop()
            for entry in (one for variant in self.by_name.get(way[-1], {}).values() for one in compound(variant)):
                for node in walk(entry):
                    if isinstance(node, ListRef):
                        if node.name == name:
                            return (*way, name)
                        if node.name not in seen:
                            seen.add(node.name)
                            trail.append((*way, node.name))
        return ()
