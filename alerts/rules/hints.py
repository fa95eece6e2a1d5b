"""What a person probably meant who wrote something that is not a query."""

from __future__ import annotations

import re

from alerts.rules.lexer import Kind, Token

LOWERCASE = re.compile(r"(and|or|not)", re.IGNORECASE)
LOWERCASE_COUNTED = re.compile(r"(near|onear|atleast)(/?[0-9]+)", re.IGNORECASE)
OPERATOR_LIKE = re.compile(f"{LOWERCASE.pattern}|{LOWERCASE_COUNTED.pattern}", re.IGNORECASE)
LOWERCASE_BETWEEN = re.compile(r"(near|onear|atleast|sentence|paragraph|within)", re.IGNORECASE)
OTHER_PRODUCTS = {
    "&&": "AND",
    "&": "AND",
    "+": "AND",
    "||": "OR",
    "|": "OR",
    ",": "OR",
    "!": "AND NOT",
    "-": "AND NOT",
}
DISTANCE_LIKE = re.compile(r"(w|n|adj|~|/|near[~:=-]?)/?([0-9]+)|(pre|p)/([0-9]+)", re.IGNORECASE)


def bracketing(terms: list[str], signs: list[str], tight: str) -> str:
    """The flat row of terms with brackets around what `tight` ties together."""
    groups = [[terms[0]]]
    for sign, term in zip(signs, terms[1:], strict=True):
        if sign == tight:
            groups[-1].append(term)
        else:
            groups.append([term])
    loose = "OR" if tight == "AND" else "AND"
    return f" {loose} ".join(one[0] if len(one) == 1 else "(" + f" {tight} ".join(one) + ")" for one in groups)


def proper(text: str) -> str:
    """How an operator written in small letters is written."""
    counted = LOWERCASE_COUNTED.fullmatch(text)
    if counted:
        return f"{counted.group(1).upper()}/{counted.group(2).lstrip('/')}"
    upper = text.upper()
    return {"NEAR": "NEAR/5", "ONEAR": "ONEAR/5", "ATLEAST": "ATLEAST/2", "WITHIN": "NOT WITHIN"}.get(upper, upper)


def named(token: Token | None) -> str:
    """A token as a message names it."""
    if token is None:
        return ""
    if token.kind is Kind.FIELD:
        return f"`{token.value}:`"
    if token.kind is not Kind.OPERATOR:
        return f"`{token.value}`"
    return f"{token.value}/{token.number}" if token.number else token.value


def between_terms(token: Token, before: Token) -> str:
    """The hint for a token that stands side by side with the term before it."""
    text = token.value
    if token.kind is Kind.OPERATOR:
        wanted = {
            "NOT": "did you mean AND NOT?",
            "WITHIN": "did you mean NOT WITHIN?",
            "ATLEAST": "put AND or OR before it",
        }
        return wanted.get(text, "put brackets around what belongs together")
    if token.kind is Kind.WORD and not token.exact:
        distance = DISTANCE_LIKE.fullmatch(text)
        if distance:
            return f"did you mean ONEAR/{distance[4]}?" if distance[3] else f"did you mean NEAR/{distance[2]}?"
        if text in OTHER_PRODUCTS:
            return f"did you mean {OTHER_PRODUCTS[text]}?"
        if text[0] in "-!" and len(text) > 1:
            return f"did you mean AND NOT {text[1:]}?"
    if before.kind is Kind.WORD and before.value.endswith((",", ";")):
        return f"did you mean {before.value[:-1]} OR {text}?"
    if before.kind is Kind.WORD and token.kind is Kind.WORD:
        return f'for the phrase write "{before.value} {text}", else put AND or OR between them'
    return "put AND, OR or NEAR/5 between them"
