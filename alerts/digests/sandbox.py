"""The environment in which a desk's template runs: it sees the digest's values and nothing else, and it ends.

A template is written by an operator who trusts us to deliver, so what matters is the careless one: a loop in a loop, a
text doubled until memory is full. Everything that grows is counted, in steps that are the same on every machine.
"""

from __future__ import annotations

import textwrap
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from types import CodeType
from typing import Any

from jinja2 import BaseLoader, BytecodeCache, Environment, PackageLoader, StrictUndefined, TemplateNotFound, nodes
from jinja2.bccache import Bucket
from jinja2.compiler import CodeGenerator, Frame
from jinja2.environment import TemplateModule
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS
from jinja2.runtime import BlockReference, Context, LoopContext, Macro, TemplateReference
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from markupsafe import Markup, escape

from alerts.digests import wording
from alerts.digests.render import ReaderLinks, Section, built_in_filters, tidied
from alerts.templates import Template

BUILT_IN = "ceasewire/"
"""What stands before the name of a built-in template where a desk's file of the same name extends it."""
SECONDS = 20.0
"""CPU time of everything that is rendered for one digest. Steps end a template long before."""
STEPS, STEPS_A_STORY = 200_000, 2_000
"""One page may take so many; the built-in ones take about 40 a story."""
LETTERS, LETTERS_A_STORY = 2_000_000, 10_000
"""Length of the longest text; the built-in HTML has about 1,000 letters a story."""
_LETTERS_A_STEP, _MEMBERS_A_STEP = 64, 16
_STEPS_A_LOOK = 128
_LONGEST_RANGE = 10_000
_LARGEST_NUMBER = 10**18
_MOST_PLACES = 12

# Filters that neither grow without measure nor reach beyond their value; `random` would make each copy differ.
_FILTERS = (
    "abs", "capitalize", "d", "default", "dictsort", "e", "escape", "first", "float", "groupby", "int",
    "items", "last", "length", "list", "lower", "map", "max", "min", "reject", "rejectattr", "reverse", "safe",
    "select", "selectattr", "sort", "string", "striptags", "title", "trim", "truncate", "unique", "upper",
    "urlencode", "wordcount",
)  # fmt: skip
_TEXT_METHODS = frozenset({
    "capitalize", "casefold", "count", "endswith", "find", "isalnum", "isalpha", "isdecimal", "isdigit", "islower",
    "isspace", "isupper", "lower", "lstrip", "partition", "removeprefix", "removesuffix", "rfind", "rpartition",
    "rsplit", "rstrip", "split", "splitlines", "startswith", "strip", "swapcase", "title", "upper",
})  # fmt: skip
_METHODS: tuple[tuple[type, frozenset[str]], ...] = (
    (str, _TEXT_METHODS),
    (dict, frozenset({"get", "items", "keys", "values"})),
    (list, frozenset({"count", "index"})),
    (tuple, frozenset({"count", "index", "grouper", "list"})),
)
# What Jinja and we put before a template; none of them leads anywhere else.
_OPEN = (Namespace, LoopContext, Macro, TemplateModule, TemplateReference, BlockReference, Section, ReaderLinks)


class OverrunError(RuntimeError):
    """A template did more than any layout of a digest needs."""


class Sandbox:
    """Renders the pages of one desk's template; what it lacks is taken from the built-in ones.

    Not for two threads at once: they wait for each other.
    """

    def __init__(self, template: Template) -> None:
        self.template = template
        self._environment = _Environment(template)
        self._lock = threading.Lock()
        self._end = 0.0
        self.begin()

    def begin(self) -> None:
        """A new digest: its CPU time counts from here."""
        self._end = time.thread_time() + SECONDS

    def page(self, name: str, values: Mapping[str, Any]) -> str:
        """Render a page.

        Args:
            name: such as ``digest.html.j2``.
            values: JSON values; the number of ``stories`` says how much work is right.

        Raises:
            Exception: whatever the template raises; `faults.fault_of` puts it into words.
        """
        stories = len(values.get("stories", ()))
        with self._lock:
            meter = _Meter(STEPS + STEPS_A_STORY * stories, LETTERS + LETTERS_A_STORY * stories, self._end)
            self._environment.meter = meter
            text = self._environment.get_template(name).render(values)
        text.encode("utf-8")  # a lone surrogate must fail here, not when the mail is built
        return tidied(name, text)

    def parse(self, name: str) -> nodes.Template:
        """The syntax tree of one of its files, or of a built-in one."""
        self._environment.meter = _Meter(STEPS, LETTERS, float("inf"))
        source, filename, _ = self._environment.loaded(name)
        return self._environment.parse(source, name, filename)

    def compile(self, name: str) -> None:
        """Have a file translated, so that its mistakes are raised here.

        Raises:
            jinja2.TemplateSyntaxError: it has one.
            RecursionError: it is nested too deeply.
        """
        self._environment.meter = _Meter(STEPS, LETTERS, float("inf"))
        self._environment.get_template(name)

    @property
    def filters(self) -> Iterable[str]:
        """Names of the filters that a template may use."""
        return self._environment.filters


class _Meter:
    """Counts what one page costs."""

    __slots__ = ("_end", "_look", "letters", "steps")

    def __init__(self, steps: int, letters: int, end: float) -> None:
        self.steps = steps
        self.letters = letters
        self._end = end
        self._look = steps

    def spend(self, steps: int) -> None:
        self.steps -= steps
        if self.steps < 0:
            raise OverrunError("the template does too much: a loop in a loop, or a loop over a large range?")
        if self.steps <= self._look:
            self._look = self.steps - _STEPS_A_LOOK
            if time.thread_time() > self._end:
                raise OverrunError(f"the template takes more than {SECONDS:.0f} s")

    def check(self, made: str | list[Any] | tuple[Any, ...]) -> None:
        """What was made is not too large, and paid for."""
        if isinstance(made, str):
            self.check_letters(len(made))
        elif len(made) > self.letters:
            raise OverrunError(f"the template makes a list of more than {self.letters:,} members")
        else:
            self.spend(len(made) // _MEMBERS_A_STEP)

    def check_letters(self, letters: int) -> None:
        if letters > self.letters:
            raise OverrunError(f"the template makes a text of more than {self.letters:,} letters")
        self.spend(letters // _LETTERS_A_STEP)


class _Generator(CodeGenerator):
    """Writes out our own steps directly, and measures texts that are put together with ``~``."""

    def visit_Call(  # type: ignore[override]  # noqa: N802  its decorator takes options by name only; Jinja's name
        self, node: nodes.Call, frame: Frame, **options: Any
    ) -> None:
        if isinstance(node.node, nodes.EnvironmentAttribute):
            self.write(f"environment.{node.node.name}()")
        else:
            super().visit_Call(node, frame, **options)

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802  Jinja's name
        self.write("environment.measured(")
        super().visit_Concat(node, frame)
        self.write(")")


class _Loader(BaseLoader):
    """The files of a template, then the built-in ones; all of them are in memory, so no name leads anywhere else."""

    def __init__(self, template: Template) -> None:
        self._template = template

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        del environment
        built_in = built_in_sources()
        if template in self._template.files:
            return self._template.files[template], self._template.path(template), lambda: True
        name = template.removeprefix(BUILT_IN)
        if name in built_in:
            return built_in[name], f"{BUILT_IN}{name}", lambda: True
        raise TemplateNotFound(template)


@cache
def built_in_sources() -> Mapping[str, str]:
    """Names and texts of the built-in templates."""
    loader = PackageLoader("alerts.digests")
    plain = Environment(autoescape=True)
    return {name: loader.get_source(plain, name)[0] for name in sorted(loader.list_templates())}


class _BuiltInCode(BytecodeCache):
    """The built-in templates are translated once, however many desks extend them."""

    def __init__(self) -> None:
        self._code: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        code = self._code.get((bucket.key, bucket.checksum))
        if code is not None:
            bucket.code = code

    def dump_bytecode(self, bucket: Bucket) -> None:
        if bucket.code is not None and bucket.code.co_filename.startswith(BUILT_IN):
            self._code[bucket.key, bucket.checksum] = bucket.code


_BUILT_IN_CODE = _BuiltInCode()


class _Environment(ImmutableSandboxedEnvironment):
    code_generator_class = _Generator
    intercepted_binops = frozenset({"*", "**", "%", "+"})

    def __init__(self, template: Template) -> None:
        super().__init__(
            loader=_Loader(template),
            autoescape=lambda name: name is None or not name.endswith(".txt.j2"),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            auto_reload=False,
            bytecode_cache=_BUILT_IN_CODE,
        )
        self.meter = _Meter(STEPS, LETTERS, float("inf"))
        self.globals = {"range": _range, "dict": dict, "namespace": Namespace}
        self.filters = {name: self._watched(FILTERS[name]) for name in _FILTERS}
        self.filters |= {name: self._watched(made) for name, made in built_in_filters().items()}
        self.filters |= {"link": _safe_link, "join": self._join, "replace": self._replace, "round": _round}
        self.filters |= {"sum": _sum, "wordwrap": _wrapped}

    def loaded(self, name: str) -> tuple[str, str, Callable[[], bool]]:
        """Text and shown name of a file."""
        assert isinstance(self.loader, _Loader)
        return self.loader.get_source(self, name)

    # What may be touched

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Only what a layout needs: a closed list, because an open one has to be complete."""
        del value
        for kind, allowed in _METHODS:
            if isinstance(obj, kind):
                return attr in allowed
        return isinstance(obj, _OPEN) and not attr.startswith("_")

    def wrap_str_format(self, value: Any) -> None:
        """``format`` is not among the methods of a text: it can be told to fill any width."""
        del value

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Keys come before methods: what a template names is nearly always a value of the digest."""
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    # What may grow

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        """Each turn of a loop, each call of a macro, each block and each file that is begun is a step."""
        tree = super()._parse(source, name, filename)
        begun: list[nodes.Template | nodes.For | nodes.Macro | nodes.CallBlock | nodes.Block] = [tree]
        for kind in (nodes.For, nodes.Macro, nodes.CallBlock, nodes.Block):
            begun += tree.find_all(kind)
        for node in begun:
            node.body.insert(0, nodes.ExprStmt(_step(node), lineno=node.lineno))
            if isinstance(node, nodes.For) and node.test is not None:
                node.test = nodes.And(_step(node), node.test, lineno=node.lineno)
        tree.set_environment(self)
        return tree

    def step(self) -> bool:
        """One step; called by what `_parse` puts into the code. True, so that it can stand before a condition."""
        self.meter.spend(1)
        return True

    def measured(self, text: str) -> str:
        """The text, once it is known not to be too long."""
        self.meter.check(text)
        return text

    def concat(self, pieces: Iterable[str]) -> str:
        """Put a page, a block or a macro together."""
        kept, length = [], 0
        for piece in pieces:
            length += len(piece)
            if length > self.meter.letters:
                break
            kept.append(piece)
        self.meter.check_letters(length)
        return "".join(kept)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Sums of texts and lists are measured; products and powers are for small numbers."""
        if operator == "+":
            result = super().call_binop(context, operator, left, right)
            if isinstance(result, str | list | tuple):
                self.meter.check(result)
            else:
                _small(result)
            return result
        for side in (left, right):
            if not isinstance(side, int | float):
                raise SecurityError(f"`{operator}` is for numbers only")
            _small(side, 1000 if operator == "**" else _LARGEST_NUMBER)
        return super().call_binop(context, operator, left, right)

    def _watched(self, made: Callable[..., Any]) -> Callable[..., Any]:
        """A filter whose result is measured."""

        def watched(*arguments: Any, **named: Any) -> Any:
            result = made(*arguments, **named)
            if isinstance(result, str | list | tuple):
                self.meter.check(result)
            return result

        passed = getattr(made, "jinja_pass_arg", None)
        if passed is not None:
            watched.jinja_pass_arg = passed  # type: ignore[attr-defined]  # how Jinja knows what a filter wants
        return watched

    def _join(self, values: Iterable[Any], d: str = "", attribute: str | None = None) -> str:
        values = list(values)
        if attribute is not None:
            values = [self.getattr(value, attribute) for value in values]
        texts = [value if isinstance(value, str) else str(value) for value in values]
        if any(isinstance(text, Markup) for text in (*texts, d)):
            return Markup(self.concat(_joined([escape(text) for text in texts], escape(d))))  # noqa: S704  escaped above
        return self.concat(_joined(texts, d))

    def _replace(self, value: object, old: str, new: str, count: int = -1) -> str:
        text = value if isinstance(value, str) else str(value)
        if isinstance(text, Markup):
            old, new = escape(old), escape(new)
        elif isinstance(old, Markup) or isinstance(new, Markup):
            text = escape(text)
        self.meter.check_letters(len(text) + text.count(old) * len(new))
        return text.replace(old, new, count)


def _step(node: nodes.Node) -> nodes.Call:
    return nodes.Call(nodes.EnvironmentAttribute("step"), [], [], None, None, lineno=node.lineno)


def _joined(texts: Iterable[str], between: str) -> Iterable[str]:
    for place, text in enumerate(texts):
        if place:
            yield between
        yield text


def _small(number: Any, most: float = _LARGEST_NUMBER) -> None:
    if isinstance(number, int | float) and not -most <= number <= most:
        raise OverrunError(f"a number beyond {most:,}")


def _range(*arguments: int) -> range:
    made = range(*arguments)
    if len(made) > _LONGEST_RANGE:
        raise OverrunError(f"a range of more than {_LONGEST_RANGE:,} numbers")
    return made


def _round(value: float, places: int = 0) -> float:
    return round(value, max(-_MOST_PLACES, min(places, _MOST_PLACES)))


def _sum(values: Iterable[Any], attribute: str | None = None) -> float:
    numbers: list[float] = [value[attribute] if attribute is not None else value for value in values]
    return sum(numbers)


def _wrapped(text: str, width: int = 72) -> str:
    """Lines of at most `width` letters; paragraphs stay apart."""
    lines = str(text).split("\n")
    return "\n".join("\n".join(textwrap.wrap(line, max(width, 10), break_on_hyphens=False)) for line in lines)


def _safe_link(url: str) -> str:
    """As `wording.safe_link`, and mailto for what a desk writes itself."""
    if url.startswith("mailto:") and not any(ord(letter) <= 32 or letter in '"<>`' for letter in url):
        return url
    return wording.safe_link(url)
