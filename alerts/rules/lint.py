"""What is not wrong but probably not meant: terms that add nothing, exclusions that cannot fire, busy rules."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from alerts.rules.lexer import QueryProblem
from alerts.rules.lists import Lists
from alerts.rules.nodes import ListRef, Node, Not, Or, Phrase, Within, Word, children, walk
from alerts.rules.ruleset import RuleSet
from alerts.rules.terms import expression, is_wild, patterns
from alerts.rules.text import readings
from alerts.rules.values import Text

COMMON_SHARE = 0.10
"""A rule whose words stand in more of the texts than this is looked at for too many of them."""


def shadowed_terms(alternatives: Sequence[Node]) -> list[QueryProblem]:
    """Single words of an OR, or of a list, that another one of it finds anyway."""
    words = [node for node in alternatives if isinstance(node, Word)]
    single = [(node, found[0]) for node in words if len(found := _patterns(node)) == 1]
    wild = [(node, pattern, re.compile(expression(pattern), re.DOTALL)) for node, pattern in single if is_wild(pattern)]
    problems: list[QueryProblem] = []
    first: dict[tuple[str, bool], Word] = {}
    for node, pattern in single:
        same = first.setdefault((pattern, node.exact), node)
        if same is not node:
            problems.append(_shadowed(node, same))
        elif not is_wild(pattern) and not node.exact:
            cover = next((other for other, _, found in wild if not other.exact and found.fullmatch(pattern)), None)
            problems += [_shadowed(node, cover)] if cover is not None else []
    return problems


def _shadowed(node: Word, cover: Word) -> QueryProblem:
    stands = "stands here twice" if node.text == cover.text else f"is found by `{cover.text}` anyway"
    message = f"`{node.text}` {stands}"
    return QueryProblem(node.start, "shadowed-term", message, "", f"remove `{node.text}`", warning=True)


def _patterns(word: Word) -> tuple[str, ...]:
    return patterns(word.text, as_written=word.exact)


def lint_query(node: Node) -> list[QueryProblem]:
    """Warnings about one query, taken by itself."""
    return [problem for one in walk(node) if isinstance(one, Or) for problem in shadowed_terms(one.items)]


def idle_exclusions(finds: Sequence[Node], excluded: Sequence[Node], lists: Lists) -> list[int]:
    """The places, among the exclusions, of those that can cover nothing that the queries look for."""
    wanted = {pattern for find in finds for pattern in _looked_for(find, lists)}
    return [at for at, node in enumerate(excluded) if not _may_meet(wanted, set(_looked_for(node, lists)))]


def _looked_for(node: Node, lists: Lists, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """Every pattern a query looks for, in any language; what NOT refuses is not looked for."""
    match node:
        case Word() | Phrase():
            for word in (node,) if isinstance(node, Word) else node.words:
                yield from patterns(word.text)
        case ListRef() if node.name not in seen:
            for entry in lists.entries(node.name, ""):
                yield from _looked_for(entry, lists, seen | {node.name})
        case Not():
            return
        case Within():
            yield from _looked_for(node.left, lists, seen)
        case _:
            for child in children(node):
                yield from _looked_for(child, lists, seen)


def _may_meet(one: set[str], other: set[str]) -> bool:
    """Whether some word can match a pattern of each side; when in doubt, yes."""
    if one & other:
        return True
    wild = [pattern for pattern in one | other if is_wild(pattern)]
    plain = [reading for pattern in one | other if not is_wild(pattern) for reading in readings(pattern)]
    if len(plain) != len(set(plain)):
        return True
    if any(re.fullmatch(expression(pattern), word, re.DOTALL) for pattern in wild for word in plain):
        return True
    stems = [re.split(r"[*?]", pattern)[0] for pattern in wild]
    return any(a != b and (a.startswith(b) or b.startswith(a)) for a in stems for b in stems)


def busy_rules(rule_set: RuleSet, texts: Iterable[Text]) -> Mapping[str, float]:
    """Live rules whose rarest required words stand in more than 10 % of the texts, with that share.

    Give the last month's articles: such a rule costs time with each of them, and most likely lacks a second condition.
    """
    seen: Counter[str] = Counter()
    total = 0
    for text in texts:
        total += 1
        prepared = rule_set.prepared(text.language)
        seen.update(prepared.rules[at].id for at in prepared.matcher.looked_at(text))
    return {rule: count / total for rule, count in sorted(seen.items()) if count > COMMON_SHARE * total}
