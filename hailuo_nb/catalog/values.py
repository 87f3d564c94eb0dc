"""Python values as plain JSON values, and what is wrong with those that cannot be.

In comes whatever somebody put into ``inputs``; out goes the one form that is checked, hashed and sent, or a
few words that say why there is none. Next: `hailuo_nb.catalog.checks`.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence

__all__ = ["NotPlain", "plain", "shown", "text_fault"]

_DEEPEST = 8
_LARGEST_INT = 2**63
_LARGEST_WHOLE_FLOAT = 2**53


class NotPlain(ValueError):
    """A value that JSON cannot carry; the message says why in a few words."""


def plain(value: object, depth: int = 0) -> object:
    """Give a value as JSON would carry it.

    Whole floats become integers, so that 10 and 10.0 are the same request; lists become tuples, so that a
    request can be kept frozen.

    Raises
    ------
    NotPlain
        JSON cannot carry it.
    """
    if depth > _DEEPEST:
        raise NotPlain("is nested too deeply")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _plain_text(value)
    # The abstract classes let numpy's numbers in, which come out of data frames.
    if isinstance(value, numbers.Integral):
        return _plain_integer(int(value))
    if isinstance(value, numbers.Real):
        return _plain_float(value)
    if isinstance(value, Mapping):
        return {_plain_key(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return tuple(plain(item, depth + 1) for item in value)
    raise NotPlain(f"is a {type(value).__name__}, which cannot be sent")


def text_fault(text: str) -> str | None:
    """Say what keeps a text from being sent; None when nothing does."""
    if "\0" in text:
        return "holds a NUL character; remove it"
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        return f"holds half of a character (a lone surrogate) at position {error.start}; remove it"
    return None


def shown(value: object, most: int = 40) -> str:
    """Show a value in a message: printable, on one line, and short."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _LARGEST_INT:
        return f"a number of {value.bit_length()} bits"
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, int | float | str):
        text = repr(value) if not isinstance(value, str) else f'"{value}"'
    else:
        text = f"a {type(value).__name__}"
    text = "".join(letter if letter.isprintable() else "�" for letter in text[: most + 1])
    return text if len(text) <= most else text[: most - 1] + "…"


def _plain_text(value: str) -> str:
    """Give a text as it is, if it can be sent."""
    fault = text_fault(value)
    if fault:
        raise NotPlain(fault)
    return str(value)


def _plain_integer(value: int) -> int:
    """Give an integer that every reader of JSON can hold."""
    if abs(value) >= _LARGEST_INT:
        raise NotPlain("is too large a number")
    return value


def _plain_float(value: numbers.Real) -> int | float:
    """Give a number that JSON has, whole ones as integers."""
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise NotPlain("is not a finite number")
    if number.is_integer() and abs(number) <= _LARGEST_WHOLE_FLOAT:
        return int(number)
    return number


def _plain_key(key: object) -> str:
    """Give the name of a member, if it is one."""
    if not isinstance(key, str):
        raise NotPlain("has a name that is not text")
    return _plain_text(key)
