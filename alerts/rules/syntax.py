"""The query parser: hand-written, one function per level of precedence, every error with a place and a hint.

From loosest to tightest: OR, AND, NOT, SENTENCE and PARAGRAPH, NEAR and ONEAR, NOT WITHIN, field and ATLEAST, atoms.
AND and OR never mix on one level, so nobody has to know which of them would win.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence

from alerts.rules.hints import (
    LOWERCASE,
    LOWERCASE_BETWEEN,
    LOWERCASE_COUNTED,
    OPERATOR_LIKE,
    between_terms,
    bracketing,
    named,
    proper,
)
from alerts.rules.lexer import Kind, QueryProblem, Token, tokenise
from alerts.rules.meaning import check_meaning, is_sound
from alerts.rules.nodes import (
    FIELDS,
    MAX_DISTANCE,
    And,
    AtLeast,
    Field,
    ListRef,
    Near,
    Node,
    Not,
    Or,
    Phrase,
    Scope,
    Within,
    Word,
    phrase,
)

MAX_DEPTH = 60
"""Deepest nesting of brackets, fields and NOT."""

_LEAVES = frozenset((Kind.WORD, Kind.PHRASE, Kind.LIST))
_CLOSING = frozenset((Kind.END, Kind.CLOSE))
_JOINTS = frozenset(("AND", "OR"))
_TERM = 'a word, a "phrase", an @list or an opening bracket'


class _StopError(Exception):
    """Reading cannot go on; the problem is already noted."""


def parse(query: str, *, known_lists: Iterable[str] | None = None) -> tuple[Node | None, list[QueryProblem]]:
    """Read one query.

    Args:
        query: the text, comments and line breaks included.
        known_lists: names that `@name` may use; None leaves lists unchecked.

    Returns:
        The tree, or None when an error stopped the reading, and every problem by offset. A tree that comes with
        errors is good for nothing but further checks.
    """
    tokens, problems = tokenise(query, MAX_DISTANCE)
    names = None if known_lists is None else tuple(known_lists)
    parser = _Parser(query, tokens, problems, names)
    try:
        node = parser.whole()
    except _StopError:
        node = None
    if node is not None and parser.doubtful:
        problems.extend(check_meaning(node, names))
    problems.sort(key=lambda problem: problem.offset)
    return node, problems


class _Parser:
    """One pass over the tokens; `_at` is the next one.

    Attributes:
        doubtful: whether the tree can be wrong at all: a term that is not sound, or NOT, NOT WITHIN, a field.
    """

    def __init__(
        self, query: str, tokens: list[Token], problems: list[QueryProblem], lists: Sequence[str] | None
    ) -> None:
        self.doubtful = False
        self._lists = lists
        self._query = query
        self._tokens = tokens
        self._problems = problems
        self._at = 0
        self._depth = 0
        self._open: list[Token] = []
        self._outside: dict[int, tuple[int, int]] = {}  # of a bracketed node, by id: where its brackets stand

    # --- helpers -----------------------------------------------------------------------------------------------

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._tokens[self._at]
        self._at += token.kind is not Kind.END
        return token

    def _is(self, *operators: str, ahead: int = 0) -> bool:
        # The last token is the end, which nothing goes beyond.
        token = self._tokens[self._at + ahead] if ahead <= 0 else self._tokens[self._at : self._at + ahead + 1][-1]
        return token.kind is Kind.OPERATOR and token.value in operators

    def _note(self, offset: int, code: str, message: str, expected: str = "", hint: str = "") -> None:
        # The lexer has said it already when a quote is open: what follows is its consequence.
        if not any(problem.code == "unclosed-quote" for problem in self._problems):
            self._problems.append(QueryProblem(offset, code, message, expected, hint))

    def _fail(self, offset: int, code: str, message: str, expected: str = "", hint: str = "") -> _StopError:
        self._note(offset, code, message, expected, hint)
        return _StopError()

    def _deeper(self, read: Callable[[], Node]) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._fail(
                self._next.start, "too-deep", f"more than {MAX_DEPTH} levels of brackets", "a flatter query"
            )
        node = read()
        self._depth -= 1
        return node

    # --- levels ------------------------------------------------------------------------------------------------

    def whole(self) -> Node:
        """The whole query."""
        if self._next.kind is Kind.END:
            raise self._fail(0, "ends-early", "the query is empty", _TERM)
        node = self._boolean()
        token = self._next
        if token.kind is Kind.CLOSE:
            raise self._fail(
                token.start, "stray-paren", "this bracket closes nothing", "", "remove it, or open one before it"
            )
        return node

    def _boolean(self) -> Node:
        """OR and AND on one level: parsed as AND before OR, reported when both stand here."""
        start = self._next.start
        nodes: list[Node] = []
        operators: list[Token] = []
        while not self._terms(nodes, operators):
            nodes.append(self._negation())
            operator = self._joint()
            if operator is None:
                break
            operators.append(operator)
        signs = {operator.value for operator in operators}
        if len(signs) < 2:
            if not signs:
                return nodes[0]
            kind = Or if "OR" in signs else And
            return kind(tuple(nodes), start=start if kind is Or else nodes[0].start, end=nodes[-1].end)
        self._mixed(nodes, operators)
        groups = [[nodes[0]]]
        for operator, node in zip(operators, nodes[1:], strict=True):
            if operator.value == "OR":
                groups.append([node])
            else:
                groups[-1].append(node)
        parts = [one[0] if len(one) == 1 else And(tuple(one), start=one[0].start, end=one[-1].end) for one in groups]
        return Or(tuple(parts), start=start, end=nodes[-1].end)

    def _terms(self, nodes: list[Node], operators: list[Token]) -> bool:
        """Read terms with AND or OR between them: most do not need every level. True if the row ends with the last."""
        tokens = self._tokens
        while True:
            token = tokens[self._at]
            if token.kind not in _LEAVES:
                return False
            after = tokens[self._at + 1]
            more = after.kind is Kind.OPERATOR
            if after.value not in _JOINTS if more else after.kind not in _CLOSING:
                return False
            if token.kind is Kind.WORD and token.value[0] in "aAoOnN" and OPERATOR_LIKE.fullmatch(token.value):
                return False
            nodes.append(self._term(token))
            if not more:
                return True
            operators.append(after)
            self._at += 1

    def _term(self, token: Token) -> Word | Phrase | ListRef:
        """The word, phrase or list that stands here."""
        self._at += 1
        kind, value, start, end, exact, _ = token
        if kind is Kind.WORD:
            if not is_sound(value, exact):
                self.doubtful = True
            return Word(value, exact, start=start, end=end)
        if kind is Kind.LIST:
            if self._lists is not None and value not in self._lists:
                self.doubtful = True
            return ListRef(value, start=start, end=end)
        node = phrase(value, start + 1 + exact, exact=exact, start=start, end=end)
        if not node.words or not all(is_sound(one.text, exact) for one in node.words):
            self.doubtful = True
        return node

    def _joint(self) -> Token | None:
        """The AND or OR that comes next; two terms side by side are reported and read as AND."""
        token = self._tokens[self._at]
        if token.kind is Kind.OPERATOR and token.value in _JOINTS:
            self._at += 1
            return token
        if token.kind in _CLOSING:
            return None
        if token.kind is Kind.WORD and not token.exact and LOWERCASE.fullmatch(token.value):
            upper = token.value.upper()
            self._lowercase(token, "AND NOT" if upper == "NOT" else upper)
            self._take()
            return Token(Kind.OPERATOR, "OR" if upper == "OR" else "AND", token.start, token.end)
        raise self._side_by_side(token)

    def _negation(self) -> Node:
        token = self._next
        lower = token.kind is Kind.WORD and not token.exact and token.value in ("not", "Not")
        if lower or (token.kind is Kind.OPERATOR and token.value == "NOT"):
            if lower:
                self._lowercase(token, "NOT")
            self._take()
            if self._is("NOT"):
                raise self._fail(self._next.start, "operator-needs-term", "NOT stands twice", _TERM, "remove both")
            self.doubtful = True
            item = self._deeper(self._scope)
            return Not(item, start=token.start, end=item.end)
        return self._scope()

    def _scope(self) -> Node:
        left = self._near()
        while self._is("SENTENCE", "PARAGRAPH"):
            operator = self._take()
            right = self._near()
            unit = "sentence" if operator.value == "SENTENCE" else "paragraph"
            left = Scope(left, right, unit, start=left.start, end=right.end)  # type: ignore[arg-type]  # one of two
        return left

    def _near(self) -> Node:
        left = self._guard()
        while self._is("NEAR", "ONEAR"):
            operator = self._take()
            if self._is("NOT"):
                raise self._fail(
                    self._next.start,
                    "boolean-inside-near",
                    f"NOT cannot stand inside {operator.value}",
                    _TERM,
                    "write AND NOT outside it, or NOT WITHIN to drop single mentions",
                )
            right = self._guard()
            left = Near(left, right, operator.number, operator.value == "ONEAR", start=left.start, end=right.end)
        return left

    def _guard(self) -> Node:
        left = self._unary()
        if self._is("NOT") and self._is("WITHIN", ahead=1):
            self._take()
            self._take()
            self.doubtful = True
            right = self._unary()
            return Within(left, right, start=left.start, end=right.end)
        return left

    def _unary(self) -> Node:
        token = self._next
        if token.kind is Kind.FIELD:
            return self._field(self._take())
        if self._is("ATLEAST"):
            self._take()
            item = self._deeper(self._unary)
            return AtLeast(token.number, item, start=token.start, end=item.end)
        return self._atom()

    def _field(self, token: Token) -> Node:
        if token.value not in FIELDS:
            close = difflib.get_close_matches(token.value.lower(), FIELDS, 1, 0.6)
            hint = (
                f"did you mean {close[0]}:?"
                if close
                else f'to search for these words, write "{token.value}:..." in quotes'
            )
            self._note(
                token.start, "unknown-field", f"there is no field `{token.value}:`", "one of " + ", ".join(FIELDS), hint
            )
        self.doubtful = True
        item = self._deeper(self._unary)
        return Field(token.value, item, start=token.start, end=item.end)

    def _atom(self) -> Node:
        token = self._next
        match token.kind:
            case Kind.OPEN:
                return self._deeper(self._brackets)
            case Kind.PHRASE | Kind.LIST:
                return self._term(token)
            case Kind.WORD:
                if not token.exact and OPERATOR_LIKE.fullmatch(token.value):
                    self._lowercase(token, proper(token.value))
                    raise _StopError
                return self._term(token)
            case _:
                raise self._no_term(token)

    def _brackets(self) -> Node:
        opening = self._take()
        if self._next.kind is Kind.CLOSE:
            raise self._fail(opening.start, "empty-parens", "there is nothing between these brackets", _TERM)
        self._open.append(opening)
        node = self._boolean()
        closing = self._take()
        if closing.kind is not Kind.CLOSE:
            count = len(self._open)
            hint = f"{count} bracket{'s' * (count > 1)} not closed"
            raise self._fail(opening.start, "unclosed-paren", "this bracket is not closed", "a closing bracket", hint)
        self._open.pop()
        self._outside[id(node)] = (opening.start, closing.end)
        return node

    # --- what goes wrong ---------------------------------------------------------------------------------------

    def _no_term(self, token: Token) -> _StopError:
        """An operator, a bracket or the end stands where a term must."""
        before = self._tokens[self._at - 1] if self._at else None
        after = f" after {named(before)}" if before is not None and before.kind in (Kind.OPERATOR, Kind.FIELD) else ""
        if token.kind is Kind.END:
            hint = f"remove {named(before)} or add what it applies to" if before is not None else ""
            return self._fail(token.start, "ends-early", f"the query ends{after}", _TERM, hint)
        if token.kind is Kind.CLOSE:
            if before is None:
                return self._fail(token.start, "stray-paren", "this bracket closes nothing", _TERM, "remove it")
            return self._fail(token.start, "operator-needs-term", f"nothing stands{after} before this bracket", _TERM)
        if token.kind is Kind.COLON:
            return self._fail(
                token.start,
                "unknown-field",
                "this colon belongs to no field",
                "a field such as title:",
                "write the field and its colon without a space",
            )
        if token.value == "WITHIN":
            return self._fail(
                token.start, "operator-needs-term", "WITHIN stands alone", _TERM, "did you mean NOT WITHIN?"
            )
        hint = "remove one of the two operators" if after else f"remove {named(token)} or put a term before it"
        return self._fail(token.start, "operator-needs-term", f"{named(token)} needs a term before it", _TERM, hint)

    def _side_by_side(self, token: Token) -> _StopError:
        """Two terms without an operator between them; the hint guesses what was meant."""
        if token.kind is Kind.COLON:
            return self._no_term(token)
        if token.kind is Kind.WORD and not token.exact:
            text = token.value
            if LOWERCASE_COUNTED.fullmatch(text) or LOWERCASE_BETWEEN.fullmatch(text):
                self._lowercase(token, proper(text))
                return _StopError()
        hint = between_terms(token, self._tokens[self._at - 1])
        expected = "AND, OR, NEAR/n or another operator"
        return self._fail(token.start, "adjacent-terms", "two terms stand side by side", expected, hint)

    def _lowercase(self, token: Token, wanted: str) -> None:
        self._note(
            token.start,
            "lowercase-operator",
            f"operators are written in capitals: `{token.value}`",
            wanted,
            f'did you mean {wanted}? (to search for the word, write "{token.value}" in quotes)',
        )

    def _mixed(self, nodes: list[Node], operators: list[Token]) -> None:
        """AND and OR on one level: offer both bracketings."""
        terms = [self._short(node) for node in nodes]
        signs = [operator.value for operator in operators]
        second = next(operator for operator in operators if operator.value != signs[0])
        first_and = bracketing(terms, signs, "AND")
        first_or = bracketing(terms, signs, "OR")
        self._note(
            second.start,
            "mixed-and-or",
            "AND and OR stand on one level",
            "brackets that say which belongs together",
            f"did you mean {first_and} or {first_or}?",
        )

    def _short(self, node: Node) -> str:
        start, end = self._outside.get(id(node), (node.start, node.end))
        text = " ".join(self._query[start:end].split())
        return text if len(text) <= 30 else text[:27] + "..."
