"""The shape of rule, list and filter files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field, RootModel, create_model, model_validator

from alerts.rules.rule import RuleClass, Severity, Stage, Status
from crawler.configfile import Identifier, Section, fault

Line = Annotated[str, Field(min_length=1)]


def _check_tag(tag: str) -> str:
    if tag.isascii() and tag.isalpha() and tag.islower() and len(tag) in (2, 3):
        return tag
    raise fault(f"`{tag}` is no language", expected="a language tag such as en, uk or ar", code="language")


def _check_variant(tag: str) -> str:
    return tag if tag == "default" else _check_tag(tag)


Language = Annotated[str, AfterValidator(_check_tag)]
Variant = Annotated[str, AfterValidator(_check_variant)]


class CaseText(Section):
    """A text of a case: at least a title or a body."""

    title: str = ""
    body: str = ""
    lang: Language | None = None
    source: str = ""
    country: str = ""
    url: str = ""
    authors: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _has_text(self) -> CaseText:
        if not (self.title.strip() or self.body.strip()):
            raise fault("this case has no text", expected="title, body or both", code="missing")
        return self


class Cases(Section):
    """Texts that the rule must flag (`flags`) and must not (`ignores`); `todo_` ones are known gaps."""

    flags: tuple[Line | CaseText, ...] = ()
    ignores: tuple[Line | CaseText, ...] = ()
    todo_flags: tuple[Line | CaseText, ...] = ()
    todo_ignores: tuple[Line | CaseText, ...] = ()


class ScorePart(Section):
    """Points that a rule gets when `find` holds."""

    points: int
    find: Line


class _RuleFields(Section):
    id: Identifier = Field(description="Name of the rule; the file is named after it.")
    title: Line = Field(description="What it finds, for people.")
    topic: str = Field(description="A topic of the settings.")
    stage: Stage | None = Field(None, description="How far the ceasefire is; only for that topic.")
    severity: Severity | dict[Severity, int] = Field(
        description="How loudly desks are told; or points from which each word holds, with `score`."
    )
    tags: tuple[Identifier, ...] = Field((), description="Free words; desks and filters.yaml may name them.")
    status: Status = Field(Status.LIVE, description="Draft rules are tested and previewed but flag nothing.")
    find: Line | None = Field(None, description="The query (docs/rules.md).")
    languages: dict[Language, Line] = Field(
        default_factory=dict, description="A find of its own for articles in a language."
    )
    not_within: tuple[Line, ...] = Field((), description="Mentions inside these do not count; others still do.")
    drop_if: Line | None = Field(None, description="A query that drops the whole article.")
    score: tuple[ScorePart, ...] = Field((), description="Points on top of `find`.")
    at: int | None = Field(None, description="Fewest points for a flag.")
    note: str = Field("", description="Why the rule is as it is.")
    cases: Cases = Field(default_factory=Cases, description="Texts it must flag and must not.")

    @model_validator(mode="after")
    def _has_find(self) -> _RuleFields:
        if self.find is None and not self.languages:
            raise fault("`find` is missing", expected="the key `find`, or `languages`", code="missing")
        return self


if TYPE_CHECKING:

    class RuleFile(_RuleFields):
        """A rule file. Its key `class` is a word of Python's and cannot be written as a field."""

else:
    RuleFile = create_model(
        "RuleFile",
        __base__=_RuleFields,
        __doc__="A rule file: config/rules/<id>.yaml.",
        **{"class": (RuleClass, Field(description="What the flags are: event, statement or context."))},
    )


def class_of(file: RuleFile) -> RuleClass:
    """The value of the key `class`."""
    found: Any = getattr(file, "class")
    assert isinstance(found, RuleClass)
    return found


class ListFile(RootModel[dict[Variant, tuple[Line, ...]]]):
    """A list file: config/lists/<name>.yaml; terms by language, `default` for the languages without their own."""


class FilterEntry(Section):
    """Exclusions for all rules with one of the ids, topics or tags."""

    id: Identifier = Field(description="Name of the filter.")
    rules: tuple[Identifier, ...] = Field((), description="Ids of rules it applies to.")
    topics: tuple[str, ...] = Field((), description="Topics it applies to.")
    tags: tuple[Identifier, ...] = Field((), description="Tags it applies to.")
    not_within: tuple[Line, ...] = Field((), description="As in a rule.")
    drop_if: Line | None = Field(None, description="As in a rule.")
    note: str = Field("", description="Why the filter is there.")

    @model_validator(mode="after")
    def _does_something(self) -> FilterEntry:
        if not (self.rules or self.topics or self.tags):
            raise fault("this filter applies to no rule", expected="rules, topics or tags", code="missing")
        if not self.not_within and self.drop_if is None:
            raise fault("this filter excludes nothing", expected="not_within or drop_if", code="missing")
        return self


class FiltersFile(Section):
    """config/filters.yaml."""

    filters: tuple[FilterEntry, ...] = Field((), description="Exclusions shared by rules.")
