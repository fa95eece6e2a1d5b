"""The starter rules flag in the sample newsroom what its writers meant to be flagged, and leave look-alikes alone."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from alerts.newsroom import Article, Outlet, load_outlets
from alerts.rules import RuleSet, Text, load_rule_set

CONFIG = Path(__file__).parents[2] / "config"
TOLD = ("event", "statement")
"""Classes that reach a desk; context is kept but is no mention of a topic by itself."""
WRITTEN_FOR = ("en", "uk", "ru", "ar", "he", "fr", "es")
"""Languages of the starter rules."""


@cache
def starter() -> RuleSet:
    rules, problems = load_rule_set(CONFIG / "rules", CONFIG / "lists", CONFIG / "filters.yaml")
    assert [str(problem) for problem in problems if not problem.warning] == []
    return rules


def flags(outlet: Outlet, article: Article) -> set[tuple[str, str, str]]:
    text = Text(
        title=article.title,
        body="\n".join(article.paragraphs),
        language=article.language or outlet.languages[0],
        source=outlet.id,
        country=outlet.country,
        authors=(article.author,),
        labels=article.labels,
    )
    return {(hit.topic, str(hit.class_), str(hit.stage or "")) for hit in starter().read(text) if hit.class_ in TOLD}


def cases(*, lookalikes: bool) -> list[object]:
    return [
        pytest.param(outlet, article, id=f"{outlet.id}/{article.id}")
        for outlet in load_outlets()
        for article in outlet.articles
        if lookalikes is not any(expect.class_ in TOLD for expect in article.expect)
        and (lookalikes or (article.language or outlet.languages[0]) in WRITTEN_FOR)
    ]


@pytest.mark.parametrize(("outlet", "article"), cases(lookalikes=False))
def test_what_was_meant_is_flagged(outlet: Outlet, article: Article) -> None:
    wanted = {(each.topic, each.class_, each.stage) for each in article.expect if each.class_ in TOLD}
    assert wanted <= flags(outlet, article)


@pytest.mark.parametrize(("outlet", "article"), cases(lookalikes=True))
def test_lookalikes_are_left_alone(outlet: Outlet, article: Article) -> None:
    assert flags(outlet, article) == set()
