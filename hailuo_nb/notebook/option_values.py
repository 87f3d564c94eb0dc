"""Reads the values of options, from text and from the notebook's variables.

In come an option of the table and a text or a Python value; out goes the typed value, or a `Fault` of one line
that says what the option takes. Next: `hailuo_nb.notebook.options`.
"""

from __future__ import annotations

import json
import keyword
import math
import operator
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from itertools import islice
from typing import Any, NoReturn

from hailuo_nb.analysis import dates
from hailuo_nb.notebook.option_table import Option
from hailuo_nb.notebook.option_words import NO_KEYS_HERE, shown

__all__ = ["READERS", "Fault", "from_python", "is_variable", "key_of", "variable_fault"]

_KEY_FIELD = re.compile(r"(?i)(?:\w*_)?(?:api_?key|access_?key|token|secret|password|authorization)")


class Fault(ValueError):
    """One mistake, as one line."""


def is_variable(text: str) -> bool:
    """Whether Python takes a text as the name of a variable."""
    return text.isidentifier() and not keyword.iskeyword(text)


def variable_fault(what: str, text: str, example: str) -> str:
    """Say that a text cannot name a variable."""
    got = f"; {shown(text)} is none" if text else ""
    return f"{what} needs the name of a Python variable, as {example}{got}."


def _int(option: Option, text: str) -> int:
    """Read a whole number."""
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text.strip()):
        raise Fault(_number_fault(option, text))
    return _in_range(option, int(text))


def _in_range(option: Option, number: int) -> int:
    """Check a number against the option's limits."""
    if not option.least <= number <= option.most:
        raise Fault(_number_fault(option, str(number)))
    return number


def _number_fault(option: Option, text: str) -> str:
    """Say which numbers an option takes."""
    if option.least < -1_000_000:
        limits = "a whole number"
    elif option.most >= 1_000_000:
        limits = f"a whole number from {option.least} on"
    else:
        limits = f"a whole number from {option.least} to {option.most}"
    if option.kind == "ints":
        limits = limits.replace("a whole number", "whole numbers of seconds") + " with commas between them"
    return f"{option.name} needs {limits}, as {option.example}; {shown(text)} is none."


def _ints(option: Option, text: str) -> tuple[int, ...]:
    """Read whole numbers with commas between them."""
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"[+-]?[0-9]{1,9}", part) for part in parts):
        raise Fault(_number_fault(option, text))
    return _all_ints(option, [int(part) for part in parts])


def _all_ints(option: Option, numbers: Sequence[int]) -> tuple[int, ...]:
    """Check several numbers."""
    if len(set(numbers)) < len(numbers):
        raise Fault(f"{option.name} names a value twice: name each once; more clips come from --takes.")
    return tuple(_in_range(option, number) for number in numbers)


def _usd(option: Option, text: str) -> Decimal:
    """Read a sum of dollars."""
    try:
        usd = Decimal(text.strip().removeprefix("$"))
    except InvalidOperation:
        usd = Decimal("NaN")
    if not usd.is_finite() or not 0 <= usd <= 1_000_000 or usd != round(usd, 6) or "_" in text:
        raise Fault(f"{option.name} needs US dollars, as {option.example} or 0.49; {shown(text)} is none.")
    return usd


def _text(option: Option, text: str) -> str:
    """Read a text that stays on one line."""
    if not text.isprintable():
        raise Fault(f"{option.name} holds a character that cannot be shown: take it away.")
    return text


def _label(option: Option, text: str) -> str:
    """Read a name that can be part of a file name everywhere."""
    label = _text(option, text).strip()
    if len(label) > 80:
        raise Fault(f"{option.name} has {len(label)} characters: 80 are the most.")
    if re.search(r'[/\\:*?"<>|]', label) or label.startswith("."):
        raise Fault(
            f'{option.name} {shown(label)} cannot name a file: leave out / \\ : * ? " < > | and a first dot.'
        )
    return label


def _choice(option: Option, text: str) -> str:
    """Read one of the few values that an option has."""
    if text in option.choices:
        return text
    near = get_close_matches(text.lower(), option.choices, 1)
    hint = f"did you mean {near[0]}?" if near else f"write {' or '.join(option.choices)}."
    raise Fault(f"{option.name} {shown(text)}: {hint}")


def _date(option: Option, text: str) -> str:
    """Read a date; it stays as it is written, for the session to count from its own now."""
    try:
        dates.since(text)
    except ValueError as error:
        raise Fault(f"{option.name} {shown(text)} is {error}.") from None
    return text.strip()


def _axis(option: Option, text: str) -> tuple[str, tuple[str, ...]]:
    """Read ``axis=a|b``."""
    name, equals, rest = text.partition("=")
    if not equals:
        raise Fault(
            f"{option.name} needs an axis and its values, as {option.example}; {shown(text)} is none."
        )
    values = tuple(value.strip() for value in rest.split("|"))
    if not all(values):
        raise Fault(
            f"{option.name} {key_of(option, name)} has an empty value: write one there, or take away its |."
        )
    return key_of(option, name), values


def _names(option: Option, text: str) -> tuple[str, ...]:
    """Read the names of axes with commas between them."""
    return _all_names(option, [name.strip() for name in text.split(",")], text)


def _all_names(option: Option, names: Sequence[str], written: str) -> tuple[str, ...]:
    """Check the names of axes."""
    if len(names) < 2 or not all(name.isidentifier() for name in names):
        raise Fault(
            f"{option.name} needs two or more axes, as {option.example}; {shown(written)} is none of that."
        )
    if len(set(names)) < len(names):
        raise Fault(f"{option.name} names an axis twice: name each once.")
    return tuple(names)


def _setting(option: Option, text: str) -> tuple[str, object]:
    """Read ``key=value``."""
    key, equals, value = text.partition("=")
    if not equals:
        raise Fault(
            f"{option.name} needs an input and its value, as {option.example}; {shown(text)} is none."
        )
    name = key_of(option, key)
    if _KEY_FIELD.fullmatch(name):
        raise Fault(NO_KEYS_HERE)
    return name, _json_like(option, name, value)


def key_of(option: Option, text: str) -> str:
    """Check the name before a ``=``."""
    if not text.isidentifier():
        raise Fault(f"{option.name} needs a name before the =, as {option.example}; {shown(text)} is none.")
    return text


def _json_like(option: Option, name: str, text: str) -> object:
    """Read a value as JSON would; anything that is no JSON is text."""
    python = {"True": True, "False": False, "None": None}
    if text in python:
        return python[text]
    if not text.strip():
        raise Fault(
            f'{option.name} {name} has no value: write one, or "" in single quotes for an empty text.'
        )
    try:
        value: object = json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return text
    if isinstance(value, float) and not math.isfinite(value):
        raise Fault(f"{option.name} {name} is too large a number: write a smaller one.")
    return value


def _variable(option: Option, text: str) -> str:
    """Read the name of a variable; a ``$`` before it is allowed where it is read from."""
    name = text.removeprefix("$") if option.name == "--from" else text
    if not is_variable(name):
        raise Fault(variable_fault(option.name, text, option.example))
    return name


READERS: dict[str, Callable[[Option, str], Any]] = {
    "int": _int, "ints": _ints, "usd": _usd, "text": _text, "label": _label, "choice": _choice,
    "date": _date,
    "image": _text, "path": _text, "axis": _axis, "names": _names, "setting": _setting, "variable": _variable,
}  # fmt: skip


def from_python(option: Option, value: object, key: str) -> Any:
    """Check the value of a variable as if it had been written there."""
    if value is None:
        raise Fault("it is None: give it a value, or leave the option out.")
    if option.kind in {"axis", "setting"}:
        return key, _items(value) if option.kind == "axis" else value
    if isinstance(value, os.PathLike):
        value = str(os.fspath(value))
    if isinstance(value, str):
        return READERS[option.kind](option, value) if value.strip() else _unfit(option, value)
    return _PYTHON_READERS.get(option.kind, _unfit)(option, value)


def _python_int(option: Option, value: object) -> int:
    """Take a whole number."""
    return _in_range(option, _index(option, value))


def _python_ints(option: Option, value: object) -> tuple[int, ...]:
    """Take one whole number or a list of them."""
    numbers = _items(value) if isinstance(value, Iterable) else (value,)
    return _all_ints(option, [_index(option, number) for number in numbers])


def _python_usd(option: Option, value: object) -> Decimal:
    """Take a sum of dollars."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        _unfit(option, value)
    return _usd(option, str(value))


def _python_labels(option: Option, value: object) -> list[str]:
    """Take a list of tags."""
    if not option.is_repeatable:
        _unfit(option, value)
    return [_label(option, item) if isinstance(item, str) else _unfit(option, item) for item in _items(value)]


def _python_names(option: Option, value: object) -> tuple[str, ...]:
    """Take a list of axes."""
    names = [item if isinstance(item, str) else "" for item in _items(value)]
    return _all_names(option, names, "the list")


_PYTHON_READERS: dict[str, Callable[[Option, object], Any]] = {
    "image": lambda _, value: value,
    "int": _python_int,
    "ints": _python_ints,
    "usd": _python_usd,
    "label": _python_labels,
    "names": _python_names,
}


def _unfit(option: Option, value: object) -> NoReturn:
    """Say that a variable holds something that the option cannot take."""
    if isinstance(value, str):
        what = f"holds {shown(value)}" if value.strip() else "is an empty text"
    else:
        what = f"is or holds a {type(value).__name__}"
    raise Fault(f"it {what}; give what one would write, as {option.example}.")


def _index(option: Option, value: object) -> int:
    """Take a whole number of any kind; True and False are none."""
    if isinstance(value, bool):
        _unfit(option, value)
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except Exception:  # noqa: BLE001 - TypeError for what is none; the user's own class may raise anything
        _unfit(option, value)


def _items(value: object) -> tuple[object, ...]:
    """Take the items of a list of any kind."""
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise Fault(f"it is of type {type(value).__name__}; make it a list, as ['dawn', 'dusk'].")
    if isinstance(value, set | frozenset):
        raise Fault("it is a set, which has no order of its own; give sorted(...) of it.")
    try:
        items = tuple(islice(value, 100_001))
    except Exception as error:  # noqa: BLE001 - the user's own iterator may raise anything
        raise Fault(f"its items cannot be read ({type(error).__name__}); make it a list.") from None
    if not items or len(items) > 100_000:
        raise Fault(
            "it is empty; give it values." if not items else "it has over 100,000 values; give fewer."
        )
    return items
