"""Which rules are meant: those of the configuration, a file, a query, another folder, a commit. No database."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from alerts.rules import Rule, RuleSet, load_rule_set
from alerts.tuning.parts import only
from crawler.configfile import nearest
from crawler.errors import CeasewireError, ConfigError, Problem

QUERY = "query"
"""Id of the rule that a bare query is read as."""


class UnknownRuleError(CeasewireError):
    """There is no rule, revision or folder of that name: the command was called wrongly."""


@dataclass(frozen=True, slots=True)
class Place:
    """A configuration folder as far as rules are concerned."""

    folder: Path
    topics: tuple[str, ...] | None = None

    def load(self) -> tuple[RuleSet, list[Problem]]:
        """All rules of the folder, and what is wrong with its files."""
        return self.load_from(self.folder / "rules")

    def load_from(self, rules: Path) -> tuple[RuleSet, list[Problem]]:
        """The rules of another folder with the lists and filters of this one."""
        lists, filters = self.folder / "lists", self.folder / "filters.yaml"
        return load_rule_set(rules, lists, filters, topics=self.topics, lint=False)


def select(place: Place, loaded: RuleSet, names: Sequence[str]) -> RuleSet:
    """The rules that a person named: ids, or files of rules that may be drafts or stand anywhere.

    Raises:
        UnknownRuleError: neither.
        ConfigError: a file that is wrong.
    """
    files = [name for name in names if loaded.rule(name) is None and _is_file(name)]
    ids = [name for name in names if name not in files]
    rules = [_named(loaded, name) for name in ids]
    if not files:
        return only(loaded, rules)
    if not ids:
        return from_files(place, [Path(name) for name in files])
    raise UnknownRuleError("name ids of rules or files of rules, not both at once")


def _is_file(name: str) -> bool:
    return name.endswith((".yaml", ".yml")) or os.sep in name


def _named(loaded: RuleSet, name: str) -> Rule:
    rule = loaded.rule(name)
    if rule is None:
        guess = nearest(name, [one.id for one in loaded.rules])
        raise UnknownRuleError(f"there is no rule {name!r}." + (f" Did you mean {guess!r}?" if guess else ""))
    return rule


def from_files(place: Place, files: Sequence[Path]) -> RuleSet:
    """Rules out of single files, with the lists and filters of `place`.

    Raises:
        UnknownRuleError: a file is not there.
        ConfigError: a file is wrong; problems name it as it was given.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        given = {}
        for file in files:
            if not file.is_file():
                raise UnknownRuleError(f"{file}: there is no such file")
            copy = folder / file.name
            if str(copy) in given:
                raise UnknownRuleError(f"{file}: another file of that name was given too")
            shutil.copyfile(file, copy)
            given[str(copy)] = str(file)
        rule_set, problems = place.load_from(folder)
        _refuse_broken(problems, given, lambda problem: replace(problem, file=given[problem.file]))
    kept = [replace(rule, file=given.get(rule.file, rule.file)) for rule in rule_set.rules]
    return only(rule_set, kept)


def from_query(place: Place, query: str) -> RuleSet:
    """One rule that is a bare query, checked as a rule file is.

    Raises:
        ConfigError: the query is wrong; places are lines and columns of the query.
    """
    topic = (place.topics or ("civilian_attack",))[0]
    head = f"id: {QUERY}\ntitle: Query\ntopic: {topic}\nclass: event\nseverity: low\nfind: |2-\n"
    lines = query.strip().splitlines() or [""]
    before = head.count("\n")

    def moved(problem: Problem) -> Problem:
        source = problem.source_line[2:] if problem.line > before else query.strip()
        return replace(
            problem,
            file=QUERY,
            line=max(1, problem.line - before),
            column=max(1, problem.column - 2) if problem.line > before else 1,
            source_line=source,
        )

    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / f"{QUERY}.yaml"
        file.write_text(head + "".join(f"  {line}\n" for line in lines), "utf-8")
        rule_set, problems = place.load_from(Path(name))
        _refuse_broken(problems, {str(file): QUERY}, moved)
    return rule_set


def _refuse_broken(problems: Iterable[Problem], files: Collection[str], told: Callable[[Problem], Problem]) -> None:
    wrong = [told(problem) for problem in problems if problem.file in files and not problem.warning]
    if wrong:
        raise ConfigError(wrong)


def from_git(place: Place, revision: str) -> tuple[RuleSet, list[Problem]]:
    """The rules as a commit has them.

    Raises:
        UnknownRuleError: the folder is in no repository, or the revision is not in it.
    """
    if revision.startswith("-"):
        raise UnknownRuleError(f"{revision!r} is no revision")
    top = Path(_git(place.folder, "rev-parse", "--show-toplevel").decode().strip())
    inside = place.folder.resolve().relative_to(top.resolve())
    parts = [inside / part for part in ("rules", "lists", "filters.yaml")]
    listed = _git(top, "ls-tree", "-r", "-z", "--name-only", revision, "--", *map(str, parts)).decode().split("\0")
    if not any(listed):
        raise UnknownRuleError(f"{revision} has no rules in {place.folder}")
    with tempfile.TemporaryDirectory() as name:
        for path in filter(None, listed):
            file = Path(name) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(_git(top, "cat-file", "blob", f"{revision}:{path}"))
        return Place(Path(name) / inside, place.topics).load()


def _git(folder: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=False)  # noqa: S603, S607 - fixed words, and git as the analyst has it
    except FileNotFoundError:
        raise UnknownRuleError("git is not installed") from None
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip().splitlines() or ["git failed"]
        raise UnknownRuleError(f"git: {words[0].removeprefix('fatal: ')}")
    return done.stdout


def changed(old: RuleSet, new: RuleSet) -> tuple[str, ...]:
    """Ids of rules that may read differently: their own words, a list they use or a filter differs."""
    ids = {rule.id for rule in (*old.rules, *new.rules)}
    return tuple(sorted(name for name in ids if _decides(old, name) != _decides(new, name)))


def _decides(rule_set: RuleSet, name: str) -> object:
    """Everything that decides over a rule's flags, for comparing."""
    rule = rule_set.rule(name)
    if rule is None:
        return None
    filters = [one for one in rule_set.filters if one.applies(rule)]
    queries = [*rule.queries(), *(query for one in filters for query in one.not_within)]
    queries += [one.drop_if for one in filters if one.drop_if is not None]
    used = rule_set.lists.used_by([query.node for query in queries])
    return (
        rule.canonical(),
        [one.canonical() for one in filters],
        [(name, rule_set.lists.by_name.get(name)) for name in used],
    )
