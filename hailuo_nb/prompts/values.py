"""The sandbox that works out one ``{{expression}}``, and Python values as text.

In come the source between the braces and the notebook's variables; out goes text, which nobody reads again,
or `ValueFault` with one line that says what to do. jinja2 sees this one expression and nothing else of the
prompt. Next: `hailuo_nb.prompts.grammar`, which knows the place and draws the caret.

The sandbox is closed to modules, to the standard library's functions and to attributes that begin with an
underscore, and what it makes is bounded: a prompt can come from a file that somebody else wrote.
"""

from __future__ import annotations

import operator
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, time, timedelta, tzinfo
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction
from functools import lru_cache, wraps
from itertools import islice
from types import BuiltinFunctionType, ModuleType
from typing import Any, TypeVar
from uuid import UUID

from jinja2 import StrictUndefined, Template, meta, nodes
from jinja2.exceptions import SecurityError, TemplateSyntaxError, UndefinedError
from jinja2.parser import Parser
from jinja2.runtime import Context, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from hailuo_nb.prompts.places import one_line

T = TypeVar("T")

__all__ = ["ValueFault", "as_text", "as_texts", "evaluate", "item_text", "value_of"]

_LONGEST_SOURCE = 2_000
_LONGEST_TEXT = 100_000
_MOST_ITEMS = 10_000
_LARGEST_ARGUMENT = 10_000
_MOST_BITS = 10_000

_DATA_TYPES = (str, int, float, complex, dict, list, tuple, set, frozenset, range)
_DATA_CLASSES = (Decimal, Fraction, UUID, date, time, timedelta, tzinfo)
# Methods whose result can be far larger than what they are given, and which prompts do not need.
_REFUSED_METHODS = frozenset({"expandtabs", "translate", "format", "format_map", "maketrans", "to_bytes"})
# `random` is left out on purpose: another value in every run would pay for another clip in every run.
_FILTERS = (
    "abs", "attr", "batch", "capitalize", "center", "count", "d", "default", "dictsort", "first",
    "float", "groupby", "indent", "int", "items", "join", "last", "length", "list", "lower", "map",
    "max", "min", "reject", "rejectattr", "replace", "reverse", "round", "select", "selectattr",
    "slice", "sort", "string", "sum", "title", "tojson", "trim", "truncate", "unique", "upper",
    "wordcount", "wordwrap",
)  # fmt: skip
# Here a number among the arguments is a value and not a width or a count.
_FREE_ARGUMENTS = frozenset({"abs", "d", "default", "float", "int", "max", "min", "string", "sum"})
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_UNDEFINED_NAME = re.compile(r"'([^']+)' is undefined")


class ValueFault(ValueError):
    """A value that cannot stand in a prompt; the message is one line that says what to do."""


def evaluate(source: str, namespace: Mapping[str, Any]) -> str:
    """Work out one expression over the notebook's variables.

    Parameters
    ----------
    source : str
        What stands between ``{{`` and ``}}``.
    namespace : Mapping
        The notebook's variables.

    Returns
    -------
    str
        The value as text.

    Raises
    ------
    ValueFault
        It cannot be read, uses what is not there or not allowed, is too large, or fails.

    Examples
    --------
    >>> evaluate("animal|upper", {"animal": "fox"})
    'FOX'
    """
    return _worked_out(source, lambda: as_text(_value(source, namespace), source.strip()), namespace)


def value_of(source: str, namespace: Mapping[str, Any]) -> object:
    """Work out one expression as `evaluate` does, and give the value itself: a picture, a job."""
    return _worked_out(source, lambda: _value(source, namespace), namespace)


def _worked_out(source: str, work: Callable[[], T], namespace: Mapping[str, Any]) -> T:
    """Do the work, and say in one line whatever goes wrong with it."""
    if not source.strip():
        raise ValueFault(
            "There is nothing between {{ and }}: name a variable, or write \\{{ for plain braces."
        )
    if len(source) > _LONGEST_SOURCE:
        raise ValueFault("This {{ }} is too long: work the value out in a Python cell and name it here.")
    try:
        return work()
    except ValueFault:
        raise
    except UndefinedError as error:
        raise ValueFault(_undefined(error, namespace)) from None
    except TemplateSyntaxError as error:
        raise ValueFault(
            f"{{{{{one_line(source, 60)}}}}} is no expression: {one_line(error.message or '')}"
        ) from None
    except SecurityError as error:
        reason = one_line(str(error)).rstrip(".")
        raise ValueFault(
            f"Not allowed in {{{{ }}}}: {reason}. Work it out in a Python cell and name it."
        ) from None
    # The user's own objects may raise anything; exit() in an expression must not end the kernel.
    except (Exception, SystemExit) as error:  # noqa: BLE001
        raise ValueFault(f"{{{{{one_line(source, 60)}}}}} fails: {_described(error)}") from None


def as_text(value: object, name: str = "") -> str:
    """Give a value as it stands in a prompt.

    Parameters
    ----------
    value : object
        Text, a number, or an object whose ``str()`` is the same in every run.
    name : str
        What the user calls it, for the message.

    Raises
    ------
    ValueFault
        None, a list, or an object whose text changes from run to run.
    """
    what = one_line(name, 60) or "the value"
    if isinstance(value, str):
        text = str.__str__(value)
    else:
        _refuse_shapeless(value, what)
        text = str(value)
    if len(text) > _LONGEST_TEXT:
        raise ValueFault(f"{what} is {len(text):,} characters long; a prompt holds 2,000.")
    if not isinstance(value, str) and _ADDRESS.search(text):
        raise ValueFault(
            f"{what} is a {type(value).__name__} without a text of its own: it would read differently, "
            "and be paid again, in every run. Name one of its attributes."
        )
    return text


def as_texts(values: object, name: str) -> tuple[str, ...]:
    """Give the values of an axis as texts.

    Raises
    ------
    ValueFault
        Not a list, an empty one, or one with a value that cannot stand in a prompt.
    """
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise ValueFault(f"The axis {name} needs a list of values, such as ['dawn', 'dusk'].")
    if isinstance(values, set | frozenset):
        raise ValueFault(f"The axis {name} is a set, which has no order of its own: give sorted(...) of it.")
    try:
        listed = list(islice(values, 100_001))
    except Exception as error:  # noqa: BLE001 - the user's own iterator may raise anything
        raise ValueFault(f"The values of the axis {name} cannot be read: {_described(error)}") from None
    if not listed:
        raise ValueFault(f"The axis {name} has no values: give it one or more, or leave it out.")
    if len(listed) > 100_000:
        raise ValueFault(f"The axis {name} has over 100,000 values: give fewer.")
    return tuple(item_text(item, f"{name}[{place}]") for place, item in enumerate(listed))


def item_text(item: object, name: str) -> str:
    """Give one value of an axis or a column as text, whatever its own ``str()`` does.

    Raises
    ------
    ValueFault
        It cannot stand in a prompt.
    """
    try:
        return as_text(item, name)
    except ValueFault:
        raise
    except Exception as error:  # noqa: BLE001 - the user's own str() may raise anything
        raise ValueFault(f"{name} cannot be read as text: {_described(error)}") from None


def _refuse_shapeless(value: object, what: str) -> None:
    """Refuse what has a text that nobody wants in a prompt."""
    if value is None:
        raise ValueFault(f"{what} is None: give it a value, or write {{{{{what}|default('...', true)}}}}.")
    if isinstance(value, list | tuple):
        short = what if what.isidentifier() else "..."
        raise ValueFault(
            f"{what} is a {type(value).__name__} of {len(value)}: choose one ({short}[0]), join them "
            f"({short}|join(', ')), or sweep them with {{axis}} and --vary axis=$name."
        )
    if isinstance(value, set | frozenset | bytes | bytearray | memoryview | Iterator | ModuleType):
        raise ValueFault(
            f"{what} is a {type(value).__name__}, which is not a text: make it one in a Python cell."
        )


def _described(error: BaseException) -> str:
    """Put an error of somebody else's code on one line; its own text may fail too."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - a broken __str__ is no reason to lose the class
        text = ""
    return one_line(f"{type(error).__name__}: {text}" if text else type(error).__name__, 200)


def _undefined(error: UndefinedError, namespace: Mapping[str, Any]) -> str:
    """Say which name is missing, and the nearest one that is there."""
    message = one_line(str(error), 200)
    missing = _UNDEFINED_NAME.fullmatch(message)
    if missing is None:
        return f"{message[:1].upper()}{message[1:]}: check the name after the dot or in the brackets."
    names = [name for name in namespace if isinstance(name, str) and not name.startswith("_")]
    near = get_close_matches(missing[1], names, 1)
    hint = f"did you mean {near[0]}?" if near else "run the cell that sets it first."
    return f"{missing[1]} is not defined in this notebook: {hint}"


def _value(source: str, namespace: Mapping[str, Any]) -> object:
    """Work out the Python value of an expression."""
    sandbox, compiled, asked = _compiled(source)
    sandbox.made = 0
    # Only the names that are used are handed over: a notebook holds thousands, and some are not even text.
    context = compiled.new_context({name: namespace[name] for name in asked if name in namespace})
    for _ in compiled.root_render_func(context):
        pass
    value = context.vars["result"]
    return str(value) if isinstance(value, Undefined) else value


# Compiling takes 2.7 ms, and a sweep has the same expression in each of hundreds of prompts.
@lru_cache(maxsize=256)
def _compiled(source: str) -> tuple[_Sandbox, Template, frozenset[str]]:
    """Compile an expression in a sandbox of its own, and find the names it uses."""
    sandbox = _Sandbox()
    parser = Parser(sandbox, source, state="variable")
    parsed = parser.parse_expression()
    if not parser.stream.eos:
        raise TemplateSyntaxError(
            "there is more after the end of the expression", parser.stream.current.lineno
        )
    body: list[nodes.Node] = [nodes.Assign(nodes.Name("result", "store"), parsed, lineno=1)]
    template = nodes.Template(body, lineno=1)
    template.set_environment(sandbox)
    if any(name.name == "self" for name in template.find_all(nodes.Name)):
        raise ValueFault("self means something else inside {{ }}: give your variable another name.")
    asked = frozenset(meta.find_undeclared_variables(template))
    return sandbox, sandbox.from_string(template), asked


class _Sandbox(ImmutableSandboxedEnvironment):
    """jinja2's sandbox, closed further and with a bound on everything that it makes."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(undefined=StrictUndefined, cache_size=0)
        self.globals = {"range": _bounded_range, "dict": dict}
        self.made = 0
        guarded = {name: self._guarded(name, self.filters[name]) for name in _FILTERS}
        self.filters = {**guarded, "join": self._join, "replace": self._replace}
        self.binop_table = {
            **self.default_binop_table,
            "+": self._add,
            "*": self._multiply,
            "**": self._power,
            "%": self._modulo,
        }

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Close modules, and methods that can make far more than they are given."""
        if isinstance(obj, ModuleType) or (isinstance(obj, str | bytes | int) and attr in _REFUSED_METHODS):
            return False
        return super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """Close ``str.format`` too, however it is reached: its widths have no bound."""
        if super().wrap_str_format(value) is None:
            return None
        raise SecurityError("str.format has no bound; use ~ or the filters")

    def is_safe_callable(self, obj: Any) -> bool:
        """Allow methods of plain data and the notebook's own functions; not those of the standard library."""
        if obj is _bounded_range or obj is dict:
            return True
        owner = getattr(obj, "__self__", None)
        if isinstance(owner, _DATA_TYPES + _DATA_CLASSES):
            return super().is_safe_callable(obj)
        if isinstance(obj, BuiltinFunctionType) and owner is not None and not isinstance(owner, ModuleType):
            home = type(owner).__module__
        else:
            home = getattr(obj, "__module__", None) or type(obj).__module__
        return not _is_closed(home) and super().is_safe_callable(obj)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 - as jinja2 has it
        """Call within the bounds."""
        owner = getattr(__obj, "__self__", None)
        name = getattr(__obj, "__name__", "")
        if isinstance(__obj, Undefined):
            return __obj()  # raises, with the name that is missing
        if not __self.is_safe_callable(__obj):
            raise SecurityError(f"calling {one_line(str(name or type(__obj).__name__), 60)}")
        if isinstance(owner, str) and name == "join" and len(args) == 1:
            return __self._join(args[0], owner)
        if isinstance(owner, str) and name == "replace" and len(args) >= 2:
            return __self._replace(owner, *args)
        if isinstance(owner, str | bytes):
            _check_arguments(args, kwargs)
        return __self._counted(super().call(__context, __obj, *args, **kwargs))

    def _guarded(self, name: str, apply: Callable[..., Any]) -> Callable[..., Any]:
        """Make a filter whose arguments and result are within bounds."""

        @wraps(apply)
        def bounded(*args: Any, **kwargs: Any) -> Any:
            # The first arguments may be jinja2's own context; numbers among the rest are widths and counts.
            if name not in _FREE_ARGUMENTS:
                _check_arguments(args[1:], kwargs)
            return self._counted(apply(*args, **kwargs))

        return bounded

    def _counted(self, made: Any) -> Any:
        """Add what was made to the expression's account."""
        if isinstance(made, str | bytes | list | tuple | dict | set | frozenset):
            self.made += len(made)
            if self.made > 10 * _LONGEST_TEXT:
                raise ValueFault(
                    "This {{ }} makes too much: work the value out in a Python cell and name it."
                )
        return made

    def _join(self, values: Iterable[Any], by: str = "", attribute: str | int | None = None) -> str:
        """Join texts, stopping at the bound instead of after it."""
        if attribute is not None:
            values = (self.getitem(value, attribute) for value in values)
        texts: list[str] = []
        separator = as_text(by, "the separator")
        total = 0
        for value in values:
            text = value if isinstance(value, str) else str(value)
            total += len(text) + len(separator)
            if total > _LONGEST_TEXT or len(texts) > _MOST_ITEMS:
                raise ValueFault(
                    "This {{ }} joins too much: work the value out in a Python cell and name it."
                )
            texts.append(text)
        return str(self._counted(separator.join(texts)))

    def _replace(self, text: Any, old: str, new: str, count: int | None = None) -> str:
        """Replace text, after working out how long the result will be."""
        whole, was, becomes = str(text), str(old), str(new)
        times = whole.count(was) if count is None else min(count, whole.count(was))
        if len(whole) + times * len(becomes) > _LONGEST_TEXT:
            raise ValueFault(
                "This {{ }} makes too long a text: work the value out in a Python cell and name it."
            )
        return str(self._counted(whole.replace(was, becomes, -1 if count is None else count)))

    def _add(self, left: Any, right: Any) -> Any:
        """Add; texts and lists are counted."""
        return self._counted(left + right)

    def _multiply(self, left: Any, right: Any) -> Any:
        """Multiply; a repeated text or list is measured before it is made."""
        for repeated, times in ((left, right), (right, left)):
            if isinstance(repeated, str | bytes | list | tuple) and isinstance(times, int):
                if len(repeated) * times > _LONGEST_TEXT:
                    raise ValueFault(
                        "This {{ }} repeats too much: work the value out in a Python cell and name it."
                    )
                return self._counted(left * right)
        if isinstance(left, int) and isinstance(right, int):
            _check_bits(left.bit_length() + right.bit_length())
        return left * right

    def _power(self, left: Any, right: Any) -> Any:
        """Raise to a power; the size of a whole number is worked out before it is made."""
        if isinstance(left, int) and isinstance(right, int) and abs(left) > 1:
            _check_bits(left.bit_length() * max(0, right))
        return operator.pow(left, right)

    def _modulo(self, left: Any, right: Any) -> Any:
        """Take the remainder; the widths of ``'%9d' % x`` have no bound, so that is closed."""
        if isinstance(left, str | bytes):
            raise ValueFault("'...' % value is closed in {{ }}: join with ~ instead, as {{ 'a ' ~ animal }}.")
        return left % right


def _bounded_range(*args: int) -> range:
    """Give a range of bounded length."""
    numbers = range(*args)
    if numbers and abs(numbers[-1] - numbers[0]) // abs(numbers.step) >= _MOST_ITEMS:
        raise ValueFault(f"range() in {{{{ }}}} gives at most {_MOST_ITEMS:,} numbers.")
    return numbers


def _check_arguments(args: Iterable[Any], kwargs: Mapping[str, Any]) -> None:
    """Refuse widths and counts that nobody means."""
    for value in (*args, *kwargs.values()):
        if isinstance(value, int) and abs(value) > _LARGEST_ARGUMENT:
            raise ValueFault(
                f"{one_line(str(value)[:30])} is too large here: {_LARGEST_ARGUMENT:,} is the most."
            )


def _check_bits(bits: int) -> None:
    """Refuse whole numbers that take for ever to work out."""
    if bits > _MOST_BITS:
        raise ValueFault("This number is too large: work it out in a Python cell and name it.")


def _is_closed(module: object) -> bool:
    """Whether the functions of a module are closed to prompts."""
    top = str(module).partition(".")[0]
    return top in sys.stdlib_module_names or top in {"IPython", "ipykernel", "hailuo_nb", "jinja2"}
