"""Which fields a variant has, by the published types of its inputs.

In comes a `Variant`; out go `Field`s in the order of its schema, for every input that has no control of its own. A new
model needs nothing here: a type that nobody foresaw is a line of JSON. Next: `hailuo_nb.notebook.form.controls` draws
them, and `hailuo_nb.notebook.form.reading` reads what stands in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hailuo_nb.catalog.checks import FORBIDDEN, is_image_input
from hailuo_nb.catalog.request import read_value
from hailuo_nb.catalog.variants import Variant
from hailuo_nb.notebook.form.state import OWN

__all__ = ["Field", "fields_of", "value_in"]

MOST_CHOICES = 40


@dataclass(frozen=True)
class Field:
    """One input of a model as a field.

    Attributes
    ----------
    name : str
        The service's name for it.
    kind : str
        ``choice``, ``switch``, ``whole``, ``number``, ``text``, ``address``, ``list`` or ``json``.
    label : str
        For people.
    help : str
        One line.
    choices : tuple
        The values of a ``choice``.
    default : object
        What the model takes where nothing is given; None where nobody says.
    is_required : bool
        Whether it has to be given.
    """

    name: str
    kind: str
    label: str
    help: str = ""
    choices: tuple[Any, ...] = ()
    default: object = None
    is_required: bool = False


def fields_of(variant: Variant) -> tuple[Field, ...]:
    """Give the fields of a variant's further inputs.

    Examples
    --------
    >>> from hailuo_nb.catalog.variants import find
    >>> fields_of(find("t2v-pro"))
    ()
    """
    properties: Mapping[str, Mapping[str, Any]] = variant.schema["properties"]
    return tuple(
        _field(name, facts, is_required=name in variant.required)
        for name, facts in properties.items()
        if name not in OWN and name not in FORBIDDEN
    )


def value_in(variant: Variant, field: Field, held: object) -> object:
    """Read what stands in a field as the value to send; None where nothing is given.

    What is no such value stays as it was typed, so that the check names it.
    """
    if field.kind in {"switch", "choice"}:
        return None if held is None or held == "" or _same(held, field.default) else held
    text = str(held).strip() if held is not None else ""
    if not text:
        return None
    if field.kind in {"text", "address"}:
        return None if text == field.default else text
    if field.kind == "list" and not text.startswith("["):
        return tuple(line.strip() for line in text.splitlines() if line.strip())
    value = read_value(variant, field.name, text)
    return None if _same(value, field.default) else value


def _field(name: str, facts: Mapping[str, Any], *, is_required: bool) -> Field:
    """Make the field of one input."""
    kind, choices = _kind(name, facts)
    help_text = " ".join(str(facts.get("description", "")).split())
    return Field(name, kind, _label(name), help_text, choices, facts.get("default"), is_required)


def _kind(name: str, facts: Mapping[str, Any]) -> tuple[str, tuple[Any, ...]]:
    """Tell how an input is asked for."""
    offered = facts.get("enum")
    if isinstance(offered, list | tuple) and all(isinstance(one, str | int | float) for one in offered):
        return "choice", tuple(offered)
    numbers = _range(facts)
    if numbers:
        return "choice", numbers
    kind = str(facts.get("type"))
    if kind == "string" and is_image_input(name):
        return "address", ()
    if kind == "array" and facts.get("items", {}).get("type", "string") != "string":
        kind = "object"
    return _KINDS.get(kind, "json"), ()


_KINDS = {"boolean": "switch", "integer": "whole", "number": "number", "string": "text", "array": "list"}


def _range(facts: Mapping[str, Any]) -> tuple[int, ...]:
    """Give every whole number that a short range allows; nothing for a long one, or none."""
    low, high = facts.get("minimum"), facts.get("maximum")
    if facts.get("type") != "integer" or not _is_whole(low) or not _is_whole(high):
        return ()
    numbers = range(int(str(low)), int(str(high)) + 1)
    return tuple(numbers) if len(numbers) <= MOST_CHOICES else ()


def _label(name: str) -> str:
    """Give an input's name as words."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _is_whole(value: object) -> bool:
    """Whether this is a whole number and not a truth value."""
    return isinstance(value, int) and not isinstance(value, bool)


def _same(held: object, default: object) -> bool:
    """Whether two values are equal, without taking 1 for true."""
    return isinstance(held, bool) == isinstance(default, bool) and held == default
