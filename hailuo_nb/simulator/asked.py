"""What a submit asks for: its inputs checked as the service checks them, and the magic words of its prompt.

In comes a request body and a variant of the catalogue, out go the inputs as billed, a price, and how it is to
end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from hailuo_nb.catalog.variants import Variant
from hailuo_nb.simulator.answers import TASK_ERRORS, Refusal

__all__ = ["fate", "inputs_as_billed", "inputs_as_sent", "price_micro"]

_WORDS = re.compile(r"\[simulate:\s*(?P<verb>[a-z]+)\s*(?P<rest>[^\]]*)\]", re.IGNORECASE)
_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


def inputs_as_sent(variant: Variant, body: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what the model knows, dropping other keys in silence as the service is reported to.

    Raises
    ------
    Refusal
        400, naming every missing or invalid input.
    """
    properties = variant.schema["properties"]
    inputs = {name: value for name, value in body.items() if name in properties and value is not None}
    faults = [
        f"missing required parameter: {name}"
        for name in variant.schema.get("required", ())
        if not _is_given(inputs, name)
    ]
    faults += [
        f"invalid parameter {name}: {fault}"
        for name, value in inputs.items()
        if (fault := _fault(properties[name], value))
    ]
    if faults:
        raise Refusal(400, "; ".join(faults))
    return inputs


def _is_given(inputs: Mapping[str, Any], name: str) -> bool:
    """Whether a required input says anything."""
    return inputs.get(name) not in (None, "")


def _fault(schema: Mapping[str, Any], value: Any) -> str | None:
    """Tell what is wrong with one value, by the parts of JSON Schema that the service uses.

    The jsonschema package would take most of the server's starting time.
    """
    kind = str(schema.get("type"))
    if kind in _TYPES and (
        not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")
    ):
        return f"must be {kind}"
    if "enum" in schema and value not in schema["enum"]:
        return "must be one of " + ", ".join(map(str, schema["enum"]))
    if isinstance(value, str) and len(value) > schema.get("maxLength", len(value)):
        return f"must be at most {schema['maxLength']} characters"
    if isinstance(value, int | float) and not isinstance(value, bool):
        if value < schema.get("minimum", value):
            return f"must be at least {schema['minimum']}"
        if value > schema.get("maximum", value):
            return f"must be at most {schema['maximum']}"
    return None


def inputs_as_billed(variant: Variant, sent: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in the defaults of what was not sent."""
    properties = variant.schema["properties"]
    defaults = {name: schema["default"] for name, schema in properties.items() if "default" in schema}
    return {**defaults, **sent}


def price_micro(variant: Variant, billed: Mapping[str, Any]) -> int:
    """Give the price in micro-dollars.

    Where the catalogue has no price for these inputs, its first one is scaled by the clip's length: the dollars are
    simulated, and a simulator has to ask for something.
    """
    fits = [price for price in variant.prices if all(billed.get(name) == value for name, value in price.when)]
    if fits:
        usd = max(fits, key=lambda price: len(price.when)).usd
    else:
        usd = variant.prices[0].usd if variant.prices else Decimal("0.25")
        usd = (
            usd
            * variant.length_s(billed)
            / (variant.lengths_s[0] if variant.lengths_s else variant.length_s(billed))
        )
    return int((usd * 1_000_000).to_integral_value())


def fate(prompt: str) -> dict[str, Any]:
    """How the magic words of a prompt want it to end.

    Returns
    -------
    dict
        Empty, or with ``status``, ``code`` and ``error`` (how it ends), ``shown`` (its status while it runs), and
        ``run_s`` (how long it takes).

    Raises
    ------
    Refusal
        ``[simulate: refuse 400]``.
    """
    wanted: dict[str, Any] = {}
    for match in _WORDS.finditer(prompt):
        verb, rest = match["verb"].lower(), match["rest"].strip()
        number, _, words = rest.partition(" ")
        if verb == "fail" and number.isdecimal():
            code = int(number)
            wanted |= {
                "status": "failed",
                "code": code,
                "error": words.strip() or TASK_ERRORS.get(code, "The task failed."),
            }
        elif verb in ("cancelled", "timeout"):
            wanted |= {
                "status": verb,
                "code": None,
                "error": f"The task was {verb}." if verb == "cancelled" else TASK_ERRORS[5004],
            }
        elif verb == "status" and rest:
            wanted["shown"] = rest
        elif verb == "takes" and re.fullmatch(r"\d+(\.\d+)?", rest):
            wanted["run_s"] = float(rest)
        elif verb == "refuse" and re.fullmatch(r"[45]\d\d", number):
            raise Refusal(int(number), words.strip() or "Simulated refusal.")
    return wanted
