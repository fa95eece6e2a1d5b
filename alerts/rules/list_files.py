"""List files, and what the reading of all files keeps on its way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from alerts.rules.entries import parse_entry
from alerts.rules.lexer import QueryProblem
from alerts.rules.lint import shadowed_terms
from alerts.rules.lists import Lists
from alerts.rules.models import ListFile
from alerts.rules.nodes import META_FIELDS, And, Field, ListRef, Not, Word, walk
from alerts.rules.rule import Query
from crawler.configfile import Document, files_in, read_document, validate
from crawler.errors import Problem

Loc = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class ListFiles:
    """The lists of a folder, for who reads queries of other files.

    Attributes:
        lists: the good ones: name -> language -> entries.
        broken: names of the others.
        lint: whether to look for what is allowed but idle.
    """

    lists: Mapping[str, Mapping[str, tuple[Query, ...]]] = field(default_factory=dict)
    broken: frozenset[str] = frozenset()
    lint: bool = False


@dataclass
class Reading:
    """What has been read so far."""

    topics: tuple[str, ...]
    lint: bool = True
    lists: dict[str, dict[str, tuple[Query, ...]]] = field(default_factory=dict)
    broken_lists: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    @property
    def list_names(self) -> list[str]:
        """Every list that has a file, good or broken."""
        return sorted({*self.lists, *self.broken_lists})

    def list_files(self) -> ListFiles:
        """The lists as far as they have been read."""
        return ListFiles(dict(self.lists), frozenset(self.broken_lists), self.lint)


def note(state: Reading, document: Document, loc: Loc, found: Sequence[QueryProblem]) -> bool:
    """Turn problems of a query into problems of its file; true if none is an error."""
    for one in found:
        state.problems.append(
            document.problem(
                loc,
                one.message,
                offset=one.offset,
                expected=one.expected,
                hint=one.hint,
                code=one.code,
                warning=one.warning,
            )
        )
    return all(one.warning for one in found)


def list_files(folder: Path) -> ListFiles:
    """The lists of a folder alone. What is wrong with them is for `load_rule_set` to say."""
    state = Reading((), lint=False)
    read_lists(folder, state)
    return state.list_files()


def read_lists(folder: Path, state: Reading) -> None:
    """Read every list of the folder into the state; broken ones by name only."""
    documents: dict[str, tuple[Document, ListFile]] = {}
    for path in files_in(folder):
        document, problems = read_document(path)
        state.problems += problems
        model = None
        if document is not None and not problems:
            model, problems = validate(document, ListFile)
            state.problems += problems
        if path.stem in documents or path.stem in state.broken_lists:
            state.problems.append(
                Problem(
                    str(path), 0, 0, f"there are two files for @{path.stem}", "one file a list", code="duplicate-id"
                )
            )
            model = None
        if document is None or model is None:
            state.broken_lists.add(path.stem)
            documents.pop(path.stem, None)
        else:
            documents[path.stem] = document, model
    known = sorted({*documents, *state.broken_lists})
    for name, (document, model) in documents.items():
        entries = _list_entries(document, model, known, state)
        if entries is None:
            state.broken_lists.add(name)
        else:
            state.lists[name] = entries
    _refuse_cycles({name: document for name, (document, _) in documents.items()}, state)
    _spread_broken(state)


def _list_entries(
    document: Document, model: ListFile, known: Sequence[str], state: Reading
) -> dict[str, tuple[Query, ...]] | None:
    good = True
    variants: dict[str, tuple[Query, ...]] = {}
    if not model.root:
        state.problems.append(
            document.problem((), "this list is empty", expected="terms by language", code="empty-list")
        )
        good = False
    for tag, texts in model.root.items():
        if not texts:
            message = f"the variant `{tag}` has no entries"
            hint = "remove the key, or add terms"
            state.problems.append(document.problem((tag,), message, key=True, hint=hint, code="empty-list"))
            good = False
        queries: list[Query] = []
        for at, text in enumerate(texts):
            node, found = parse_entry(text, known_lists=known)
            if node is not None:
                query = Query(text, node)
                found += not_a_term(query)
                queries.append(query)
            good = (not found or note(state, document, (tag, at), found)) and good
        variants[tag] = tuple(queries)
        if state.lint:
            _lint(document, tag, queries, texts, state)
    return variants if good else None


def _lint(document: Document, tag: str, queries: Sequence[Query], texts: Sequence[str], state: Reading) -> None:
    """Warn of entries of one variant that another one finds anyway."""
    nodes = [replace(query.node, start=at) for at, query in enumerate(queries) if isinstance(query.node, Word)]
    for problem in shadowed_terms(nodes) if len(queries) == len(texts) else ():
        note(state, document, (tag, problem.offset), [replace(problem, offset=0)])


def not_a_term(query: Query) -> list[QueryProblem]:
    """Conditions of a whole article have no place in a list, which stands for a word."""
    for node in walk(query.node):
        if isinstance(node, And | Not) or (isinstance(node, Field) and node.name in META_FIELDS):
            what = f"{node.name}:" if isinstance(node, Field) else "AND" if isinstance(node, And) else "NOT"
            hint = "write it in the rule; here NEAR, SENTENCE, OR and NOT WITHIN are fine"
            return [QueryProblem(node.start, "boolean-inside-near", f"{what} cannot stand in a list", "a term", hint)]
    return []


def _refuse_cycles(documents: dict[str, Document], state: Reading) -> None:
    lists = Lists(
        {
            name: {tag: tuple(q.node for q in one) for tag, one in variants.items()}
            for name, variants in state.lists.items()
        }
    )
    for name in list(state.lists):
        way = lists.cycle(name)
        if way:
            message = "this list includes itself: " + " > ".join("@" + one for one in way)
            state.problems.append(
                documents[name].problem((), message, hint="remove one of the includes", code="list-cycle")
            )
            state.broken_lists.add(name)
    for name in state.broken_lists:
        state.lists.pop(name, None)


def _spread_broken(state: Reading) -> None:
    """A list that includes a broken one is no better than that."""
    while True:
        hurt = {
            name
            for name, variants in state.lists.items()
            if any(broken_in(query, state) for queries in variants.values() for query in queries)
        }
        if not hurt:
            return
        for name in hurt:
            state.broken_lists.add(name)
            del state.lists[name]


def broken_in(query: Query, state: Reading) -> list[ListRef]:
    """The places where a query uses a broken list."""
    if not state.broken_lists:
        return []
    return [node for node in walk(query.node) if isinstance(node, ListRef) and node.name in state.broken_lists]
