"""Strategies: texts and queries in seven languages that meet often enough to be worth comparing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from hypothesis import strategies as st

from alerts.rules.nodes import And, AtLeast, Field, Near, Node, Not, Or, Phrase, Scope, Within, Word
from alerts.rules.values import Text


@dataclass(frozen=True)
class Theme:
    """Words of texts, and words of queries that have a chance to meet them."""

    words: tuple[str, ...]
    patterns: tuple[str, ...]
    exact: tuple[str, ...]


THEMES = (
    Theme(
        ("attack", "attacks", "Attacked", "truce", "cease", "fire", "ceasefire", "UN", "un", "Russia's"),
        (
            "attack",
            "attack*",
            "at?ack*",
            "truce",
            "cease",
            "fire",
            "ceasefire",
            "cease-fire",
            "ceas*",
            "Russia",
            "u.n.",
        ),
        ("UN", "Attacked", "cease-fire", "Russia"),
    ),
    Theme(
        ("l'hôpital", "école", "e\u0301cole", "año", "перемир’я", "обстріл", "обстрілу", "Ёлка", "𝒜b", "12", "U.S"),
        (
            "hopital",
            "Hôpital",
            "école",
            "año",
            "ano",
            "перемир'я",
            "обстр*",
            "обстр?лу",
            "елка",
            "𝒜b",
            "12",
            "ab",
            "u.s.",
        ),
        ("école", "hôpital", "Ёлка"),
    ),
    Theme(
        ("هدنة", "والهدنة", "للمدنيين", "مدنيين", "وَقْف", "הפצצה", "ובהפצצה", 'שבכטב"ם', 'כטב"ם', "בית", "חולים"),
        ("هدنة", "الهدنة", "مدني*", "المدنيين", "وقف", "قف", "הפצצה", 'כטב"ם', "בית־חולים", "חולים", "הפצ*"),
        ("هدنة", "בית"),
    ),
)
SEPARATORS = [" "] * 9 + [
    "-",
    "-",
    ", ",
    ". ",
    ". ",
    "! ",
    "\n",
    "'",
    "—",
    "؟ ",
    "... ",
    '" ',
    " (",
    "\u00ad",
    "–",
    "־",
    " Mr. ",
]


@cache
def themes() -> st.SearchStrategy[Theme]:
    return st.sampled_from(THEMES)


@st.composite
def written(draw: st.DrawFn, theme: Theme, size: int) -> str:
    """A text of the theme's words and odd separators, sometimes with anything at all in it."""
    pieces = draw(st.lists(st.tuples(st.sampled_from(theme.words), st.sampled_from(SEPARATORS)), max_size=size))
    text = "".join(word + separator for word, separator in pieces)
    if draw(st.integers(0, 5)) == 0:
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.text(max_size=8)) + text[at:]
    return text


SOURCES = [("reuters", "https://www.reuters.com/world-news/a"), ("tass", ""), ("x", "http://apnews.com:80/b"), ("", "")]


@cache
def texts(theme: Theme, size: int = 30) -> st.SearchStrategy[Text]:
    return st.builds(
        lambda title, body, origin, language: Text(
            title, body, language, origin[0], "UA", origin[1], ("Ann Smith",), ("Breaking news", "World sport")
        ),
        written(theme, 6),
        written(theme, size),
        st.sampled_from(SOURCES),
        st.sampled_from(["", "en"]),
    )


@cache
def words(theme: Theme) -> st.SearchStrategy[Node]:
    plain = st.sampled_from(theme.patterns).map(Word)
    return st.one_of(plain, plain, plain, st.sampled_from(theme.exact).map(lambda text: Word(text, exact=True)))


@cache
def phrases(theme: Theme) -> st.SearchStrategy[Node]:
    sizes = st.lists(st.sampled_from(theme.patterns), min_size=2, max_size=2)
    return sizes.map(lambda row: Phrase(tuple(Word(text) for text in row)))


@cache
def spans(theme: Theme, depth: int) -> st.SearchStrategy[Node]:
    """Queries that may stand inside NEAR."""
    atom = st.one_of(words(theme), words(theme), words(theme), phrases(theme))
    if depth == 0:
        return atom
    inner = spans(theme, depth - 1)
    pair = st.tuples(inner, inner)
    return st.one_of(
        atom,
        pair.map(Or),
        pair.map(And),
        st.builds(Near, inner, inner, st.integers(1, 9), st.booleans()),
        st.builds(Near, inner, inner, st.integers(1, 9)),
        st.builds(Scope, inner, inner, st.sampled_from(["sentence", "paragraph"])),
        st.builds(Within, inner, inner),
        st.builds(AtLeast, st.integers(1, 3), inner),
        st.builds(Field, st.sampled_from(["title", "lead", "body", "text"]), atom),
    )


@cache
def meta() -> st.SearchStrategy[Node]:
    return st.sampled_from(
        [
            Field("source", Word("reuters.com")),
            Field("source", Or((Word("tass*"), Word("apnews.com")))),
            Field("label", Word("sport")),
            Field("label", Phrase((Word("breaking"), Word("news")))),
            Field("url", Word("world-news")),
            Field("country", Word("ua")),
            Field("author", Word("smith")),
            Field("lang", Word("en")),
        ]
    )


@cache
def queries(theme: Theme) -> st.SearchStrategy[Node]:
    """Whole queries: never only negative."""
    part = spans(theme, 2)
    some = st.lists(part, min_size=1, max_size=3)
    refused = st.lists(st.one_of(words(theme), phrases(theme), spans(theme, 1), meta()).map(Not), max_size=1)
    joined = st.tuples(some, refused, st.lists(meta(), max_size=1)).map(lambda t: _all([*t[0], *t[1], *t[2]]))
    either = st.lists(st.one_of(joined, joined, meta()), min_size=2, max_size=3).map(lambda many: Or(tuple(many)))
    return st.one_of(part, joined, either)


def _all(items: list[Node]) -> Node:
    return items[0] if len(items) == 1 else And(tuple(items))
