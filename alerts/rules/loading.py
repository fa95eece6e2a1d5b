"""Rule, list and filter files: read, checked in full, and made into a rule set of what is good.

A broken file never stops the others. Each problem names its file, line, column and what would have been right.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from alerts.rules.collecting import no_collecting
from alerts.rules.entries import parse_entry
from alerts.rules.lint import idle_exclusions, lint_query
from alerts.rules.list_files import ListFiles, Loc, Reading, broken_in, not_a_term, note, read_lists
from alerts.rules.lists import DEFAULT, Lists
from alerts.rules.models import CaseText, FiltersFile, RuleFile, class_of
from alerts.rules.nodes import ListRef, walk
from alerts.rules.rule import STAGED_TOPIC, TOPICS, Case, Filter, Query, Rule, Severity
from alerts.rules.ruleset import RuleSet, make_rule_set
from alerts.rules.syntax import parse
from crawler.configfile import Document, files_in, nearest, read_document, validate
from crawler.errors import Problem


def load_rule_set(
    rules_folder: Path,
    lists_folder: Path,
    filters_file: Path | None = None,
    *,
    topics: Collection[str] | None = None,
    lint: bool = True,
) -> tuple[RuleSet, list[Problem]]:
    """Read all rules with their lists and filters.

    Args:
        rules_folder: one rule a file.
        lists_folder: one list a file, named after it.
        filters_file: may be absent.
        topics: the topics that rules may name; the two of the glossary if None.
        lint: look for what is allowed but idle too, which is a third of the work and changes nothing in the set.

    Returns:
        The rule set of all good rules, and every problem of every file, sorted by place. A rule whose file, list or
        filter is broken is not in the set, and a problem names its file.
    """
    rule_set, _, problems = load_rules_and_lists(rules_folder, lists_folder, filters_file, topics=topics, lint=lint)
    return rule_set, problems


def load_rules_and_lists(
    rules_folder: Path,
    lists_folder: Path,
    filters_file: Path | None = None,
    *,
    topics: Collection[str] | None = None,
    lint: bool = True,
) -> tuple[RuleSet, ListFiles, list[Problem]]:
    """As `load_rule_set`, with all lists of the folder, for the queries of other files (`read_bare_query`)."""
    with no_collecting():
        state = Reading(tuple(topics) if topics is not None else TOPICS, lint)
        read_lists(lists_folder, state)
        rules = _read_rules(rules_folder, state)
        filters, dropped = _read_filters(filters_file, state, rules)
        kept: list[Rule] = []
        for rule in rules:
            if any(one.applies(rule) for one in dropped):
                message = "a filter that applies to this rule is broken"
                state.problems.append(Problem(rule.file, 0, 0, message, code="filter"))
            else:
                kept.append(rule)
        problems = sorted(state.problems, key=lambda problem: (problem.file, problem.line, problem.column))
        return make_rule_set(kept, state.lists, filters), state.list_files(), problems


def read_bare_query(
    document: Document, loc: Loc, text: str, lists: ListFiles, languages: Sequence[str] = ()
) -> tuple[Query | None, list[Problem]]:
    """Read a query that stands in a file of another kind, and check it as a rule's.

    Args:
        document: the file.
        loc: where the query stands in it.
        text: the query.
        lists: that it may use.
        languages: in which it will be asked; a list without terms for one of them is warned of.

    Returns:
        The query, or None if it is wrong, and what is wrong; places are lines and columns of the file.
    """
    state = Reading((), lists.lint, {name: dict(of) for name, of in lists.lists.items()}, set(lists.broken))
    query = _query(document, loc, text, state)
    if query is not None:
        wrong = len(state.problems)
        _missing_variants(document, loc, query, languages, state)
        # A rule is for the languages it names; here other terms of the query may serve the language.
        state.problems[wrong:] = [replace(problem, warning=True) for problem in state.problems[wrong:]]
        if state.lint:
            note(state, document, loc, lint_query(query.node))
    return query, state.problems


# --- queries of rules and filters ----------------------------------------------------------------------------------


def _query(document: Document, loc: Loc, text: str, state: Reading, *, entry: bool = False) -> Query | None:
    """Read one query of a file; None, and problems noted, if it is not good."""
    node, found = (parse_entry if entry else parse)(text, known_lists=state.list_names)
    if not note(state, document, loc, found) or node is None:
        return None
    query = Query(text, node)
    broken = broken_in(query, state)
    for one in broken:
        message = f"the list @{one.name} is broken, so this cannot be read"
        state.problems.append(document.problem(loc, message, offset=one.start, code="broken-list"))
    return None if broken else query


def _missing_variants(document: Document, loc: Loc, query: Query, languages: Sequence[str], state: Reading) -> bool:
    """Whether each list has terms in each language in which the query is used; problems are noted."""
    good = True
    for node in walk(query.node):
        variants = state.lists.get(node.name, {}) if isinstance(node, ListRef) else {}
        for tag in languages if variants else ():
            if tag not in variants and DEFAULT not in variants:
                name = node.name if isinstance(node, ListRef) else ""
                message = f"@{name} has no terms for `{tag}`"
                expected = f"a variant `{tag}` or `{DEFAULT}` in the list"
                state.problems.append(
                    document.problem(loc, message, offset=node.start, expected=expected, code="empty-list")
                )
                good = False
    return good


# --- rules -------------------------------------------------------------------------------------------------------


def _read_rules(folder: Path, state: Reading) -> list[Rule]:
    rules: dict[str, Rule] = {}
    for path in files_in(folder):
        document, problems = read_document(path)
        state.problems += problems
        if document is None:
            continue
        model, more = validate(document, RuleFile)
        state.problems += more
        if model is None:
            # Its queries can be checked all the same, so that one look shows everything.
            _check_raw(document, state)
            continue
        rule = _rule(document, model, state)
        if rule is None or problems:
            continue
        if rule.id in rules:
            message = f"the id `{rule.id}` is taken by {rules[rule.id].file}"
            state.problems.append(document.problem(("id",), message, hint="give it another id", code="duplicate-id"))
            continue
        rules[rule.id] = rule
        if state.lint:
            _lint(document, rule, state)
    return list(rules.values())


def _check_raw(document: Document, state: Reading) -> None:
    """The queries of a file whose shape is wrong: text found where a query belongs is read as one."""
    data = document.data
    if not isinstance(data, dict):
        return
    singles: list[tuple[Loc, object]] = [((key,), data.get(key)) for key in ("find", "drop_if")]
    languages = data.get("languages")
    if isinstance(languages, dict):
        singles += [(("languages", tag), text) for tag, text in languages.items()]
    for loc, text in singles:
        if isinstance(text, str):
            _query(document, loc, text, state)
    within = data.get("not_within")
    for at, text in enumerate(within) if isinstance(within, list) else ():
        if isinstance(text, str):
            _query(document, ("not_within", at), text, state, entry=True)


def _rule(document: Document, model: RuleFile, state: Reading) -> Rule | None:
    before = sum(not problem.warning for problem in state.problems)
    _check_names(document, model, state)
    find = _query(document, ("find",), model.find, state) if model.find is not None else None
    languages = {tag: _query(document, ("languages", tag), text, state) for tag, text in model.languages.items()}
    for tag, query in languages.items():
        if query is not None:
            _missing_variants(document, ("languages", tag), query, [tag], state)
    within = _entries(document, ("not_within",), model.not_within, state)
    drop_if = _query(document, ("drop_if",), model.drop_if, state) if model.drop_if is not None else None
    score = [
        (part.points, _query(document, ("score", at, "find"), part.find, state)) for at, part in enumerate(model.score)
    ]
    _check_score(document, model, state)
    if sum(not problem.warning for problem in state.problems) > before:
        return None
    return Rule(
        id=model.id,
        title=model.title,
        topic=model.topic,
        class_=class_of(model),
        severity=model.severity,
        find=find,
        stage=model.stage,
        tags=model.tags,
        status=model.status,
        languages={tag: query for tag, query in languages.items() if query is not None},
        not_within=within,
        drop_if=drop_if,
        score=tuple((points, query) for points, query in score if query is not None),
        at=model.at,
        note=model.note,
        cases=_cases(model),
        file=document.file,
    )


def _lint(document: Document, rule: Rule, state: Reading) -> None:
    """Warnings about a good rule."""
    singles: list[tuple[Loc, Query | None]] = [(("find",), rule.find), (("drop_if",), rule.drop_if)]
    singles += [(("languages", tag), query) for tag, query in rule.languages.items()]
    singles += [(("score", at, "find"), query) for at, (_, query) in enumerate(rule.score)]
    for loc, query in singles:
        if query is not None:
            note(state, document, loc, lint_query(query.node))
    lists = Lists(
        {
            name: {tag: tuple(one.node for one in queries) for tag, queries in of.items()}
            for name, of in state.lists.items()
        }
    )
    found = [query.node for loc, query in singles if query is not None and loc[0] != "drop_if"]
    for at in idle_exclusions(found, [query.node for query in rule.not_within], lists) if rule.not_within else ():
        message = f"`{rule.not_within[at].text}` covers nothing that the rule looks for, so it excludes nothing"
        state.problems.append(
            document.problem(("not_within", at), message, hint="remove it", code="idle-exclusion", warning=True)
        )
    if not rule.cases:
        hint = "add cases: {flags: [...], ignores: [...]}"
        state.problems.append(
            document.problem(("id",), f"rule `{rule.id}` has no cases", hint=hint, code="no-cases", warning=True)
        )


def _entries(document: Document, loc: Loc, texts: Sequence[str], state: Reading) -> tuple[Query, ...]:
    found = (_query(document, (*loc, at), text, state, entry=True) for at, text in enumerate(texts))
    good: list[Query] = []
    for at, query in enumerate(found):
        if query is not None and note(state, document, (*loc, at), not_a_term(query)):
            good.append(query)
    return tuple(good)


def _check_names(document: Document, model: RuleFile, state: Reading) -> None:
    if model.id != Path(document.file).stem:
        message = f"the file of rule `{model.id}` has another name"
        state.problems.append(
            document.problem(
                ("id",), message, expected=f"{model.id}.yaml, or `id: {Path(document.file).stem}`", code="file-name"
            )
        )
    if model.topic not in state.topics:
        close = nearest(model.topic, state.topics)
        state.problems.append(
            document.problem(
                ("topic",),
                f"`{model.topic}` is no topic",
                expected="one of " + ", ".join(state.topics),
                hint=f"did you mean `{close}`?" if close else "",
                code="unknown-topic",
            )
        )
    if model.stage is not None and model.topic != STAGED_TOPIC:
        message = f"only rules of the topic {STAGED_TOPIC} have a stage"
        state.problems.append(document.problem(("stage",), message, key=True, hint="remove it", code="stage"))


def _check_score(document: Document, model: RuleFile, state: Reading) -> None:
    most = sum(max(0, part.points) for part in model.score)
    if not isinstance(model.severity, Severity) and not model.score:
        message = "a severity by points needs `score`"
        state.problems.append(document.problem(("severity",), message, expected="one word, or `score`", code="score"))
    if not isinstance(model.severity, Severity) and not model.severity:
        state.problems.append(
            document.problem(
                ("severity",), "no severity is named", expected="low, medium, high or critical", code="score"
            )
        )
    if model.at is not None and model.at > most:
        message = f"`score` gives at most {most} points, so the rule never matches"
        state.problems.append(document.problem(("at",), message, expected=f"at most {most}", code="never-matches"))


def _cases(model: RuleFile) -> tuple[Case, ...]:
    cases: list[Case] = []
    for kind in ("flags", "ignores", "todo_flags", "todo_ignores"):
        given: tuple[str | CaseText, ...] = getattr(model.cases, kind)
        for at, one in enumerate(given):
            if isinstance(one, str):
                cases.append(Case(kind, at, body=one))
            else:
                values = one.model_dump()
                values["lang"] = one.lang or ""
                cases.append(Case(kind, at, **values))
    return tuple(cases)


# --- filters -----------------------------------------------------------------------------------------------------


def _read_filters(path: Path | None, state: Reading, rules: Sequence[Rule]) -> tuple[list[Filter], list[Filter]]:
    """The good filters, and the broken ones as far as it is known which rules they apply to."""
    if path is None or not path.exists():
        return [], []
    document, problems = read_document(path)
    model = None
    if document is not None and not problems:
        model, problems = validate(document, FiltersFile)
    state.problems += problems
    if document is None or model is None:
        return [], [Filter("", topics=state.topics)]
    good: list[Filter] = []
    broken: list[Filter] = []
    for at, entry in enumerate(model.filters):
        loc: Loc = ("filters", at)
        before = len(state.problems)
        within = _entries(document, (*loc, "not_within"), entry.not_within, state)
        drop_if = _query(document, (*loc, "drop_if"), entry.drop_if, state) if entry.drop_if is not None else None
        one = Filter(entry.id, entry.rules, entry.topics, entry.tags, within, drop_if)
        if any(other.id == entry.id for other in (*good, *broken)):
            state.problems.append(document.problem((*loc, "id"), f"the id `{entry.id}` is taken", code="duplicate-id"))
        for index, name in enumerate(entry.rules):
            if not (path.parent / "rules").is_dir() or any(rule.id == name for rule in rules):
                continue
            close = nearest(name, [rule.id for rule in rules])
            hint = f"did you mean `{close}`?" if close else ""
            state.problems.append(
                document.problem(
                    (*loc, "rules", index), f"there is no rule `{name}`", hint=hint, code="unknown-rule", warning=True
                )
            )
        fine = all(problem.warning for problem in state.problems[before:])
        (good if fine else broken).append(one)
    return good, broken
