"""Variants: what one types, and what the service publishes about it.

In comes a name or an entry of the service's list of models; out goes a `Variant` with its inputs (JSON
Schema), picture size, lengths, prices and typical time. Next: `hailuo_nb.catalog.request.build`, which
checks a request against it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from functools import cache
from importlib import resources
from typing import Any

from hailuo_nb.catalog.values import shown
from hailuo_nb.errors import InvalidRequest, UnknownVariant

__all__ = ["Price", "Variant", "all_variants", "find", "from_service", "looks_like_model_id"]

# A segment starts with a letter or digit, so that no name can climb out of the service's path with "..".
_MODEL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*){1,5}")
_SIZES = {
    "480p": (854, 480),
    "512p": (910, 512),
    "720p": (1280, 720),
    "768p": (1366, 768),
    "1080p": (1920, 1080),
}
# What a schema may say here. Anything else a service might publish is left out: a reference could reach for
# the network, a pattern could take for ever, and the service checks the rest itself.
_LIMITS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_COUNTS = ("minLength", "maxLength", "minItems", "maxItems")
_KEYWORDS = frozenset({"type", "description", "default", "enum", *_LIMITS, *_COUNTS})
_TYPES = ("string", "integer", "number", "boolean", "array", "object")
# What is asked for in these does not change a price; everything else might.
_CONTENT = frozenset({"prompt", "negative_prompt", "seed", "image"})
_MOST_LENGTHS = 120


@dataclass(frozen=True)
class Price:
    """One line of the price table.

    Parameters
    ----------
    usd : Decimal
        US dollars for one clip.
    when : tuple of (str, object)
        The inputs that select this price, as ``(("duration", 10),)``; None means "not given".
    source : str
        Where the price was read.
    as_of : str
        The day it was read, as an ISO date.
    """

    usd: Decimal
    when: tuple[tuple[str, object], ...]
    source: str
    as_of: str


@dataclass(frozen=True)
class Variant:
    """What one types, and what is known about it.

    Parameters
    ----------
    name : str
        What one types: ``t2v-pro``, or the full model id where there is no short name.
    model_id : str
        The service's own name.
    title : str
        For people.
    kind : str
        ``text-to-video``, ``image-to-video``, ...
    schema : Mapping
        JSON Schema of the inputs. Read it, do not change it.
    picture : str
        ``768p``, ``1080p``, ...; empty when not known.
    size : tuple of int or None
        Width and height of a clip in pixels with the default inputs.
    lengths_s : tuple of int
        The lengths it makes, in seconds, the default first; empty when not known.
    prices : tuple of Price
        The dated price table.
    typical_s : tuple of float or None
        What a clip usually takes, from and to, in seconds.
    typical_source : str
        Where that was read.
    """

    name: str
    model_id: str
    title: str
    kind: str
    schema: Mapping[str, Any] = field(hash=False)
    picture: str
    size: tuple[int, int] | None
    lengths_s: tuple[int, ...]
    prices: tuple[Price, ...] = field(hash=False)
    typical_s: tuple[float, float] | None = None
    typical_source: str = ""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of all inputs, in the order the catalogue lists them."""
        return tuple(self.schema["properties"])

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the inputs that must be given."""
        return tuple(self.schema.get("required", ()))

    @property
    def takes_image(self) -> bool:
        """Whether it can start from a picture."""
        return self.has("image")

    @property
    def needs_image(self) -> bool:
        """Whether it cannot do without a picture."""
        return "image" in self.required

    def has(self, name: str) -> bool:
        """Whether there is an input of this name."""
        return name in self.schema["properties"]

    def default(self, name: str) -> Any:
        """Give the default of an input; None where it has none, or where there is no such input."""
        return self.schema["properties"].get(name, {}).get("default")

    def length_s(self, inputs: Mapping[str, Any]) -> int:
        """Give the seconds a clip of these inputs should last; 0 where nobody says."""
        asked = inputs.get("duration", self.default("duration"))
        if isinstance(asked, int | float) and not isinstance(asked, bool) and 0 < asked < 100_000:
            return int(asked)
        return self.lengths_s[0] if self.lengths_s else 0

    def size_for(self, inputs: Mapping[str, Any]) -> tuple[int, int] | None:
        """Give width and height in pixels of a clip of these inputs; None where nobody says.

        A clip that starts from a picture may take the picture's shape instead: measure the file.
        """
        exact = _size_of_text(inputs.get("size", self.default("size")))
        if exact:
            return exact
        resolution = inputs.get("resolution", self.default("resolution"))
        size = _SIZES.get(resolution, self.size) if isinstance(resolution, str) else self.size
        ratio = inputs.get("aspect_ratio", self.default("aspect_ratio"))
        return _shaped(size, ratio) if size and isinstance(ratio, str) else size


@cache
def all_variants() -> tuple[Variant, ...]:
    """Give every variant of the catalogue, in the order people should see them.

    Examples
    --------
    >>> [v.name for v in all_variants()][:2]
    ['t2v-standard', 't2v-pro']
    """
    text = resources.files("hailuo_nb.catalog").joinpath("variants.json").read_text("utf-8")
    return tuple(_from_data(entry) for entry in json.loads(text)["variants"])


def find(name: str) -> Variant:
    """Give the variant of this short name or full model id.

    Raises
    ------
    UnknownVariant
        The catalogue has no such name; the message names the nearest one.
    """
    by_name = _by_name()
    found = by_name.get(name) if isinstance(name, str) else None
    if found is not None:
        return found
    near = get_close_matches(str(name)[:80].lower(), by_name, n=1, cutoff=0.5)
    hint = f'did you mean "{near[0]}"?' if near else f"there are {', '.join(v.name for v in all_variants())}."
    raise UnknownVariant(f'No variant {shown(name, 80)}: {hint} Any full model id "a/b/c" works too.')


def looks_like_model_id(name: str) -> bool:
    """Whether this could be a full model id of the service, such as ``minimax/hailuo-2.3/t2v-pro``."""
    return isinstance(name, str) and len(name) <= 200 and _MODEL_ID.fullmatch(name) is not None


def from_service(entry: Mapping[str, Any], *, as_of: str | None = None) -> Variant:
    """Make a variant of an entry of the service's own list of models.

    Parameters
    ----------
    entry : Mapping
        One entry of ``GET /api/v3/models``.
    as_of : str, optional
        The day it was read, as an ISO date; today when not given.

    Returns
    -------
    Variant
        Under its short name where the catalogue has one, else under its model id.

    Raises
    ------
    InvalidRequest
        The model makes no video, or the entry cannot be understood.
    """
    if not isinstance(entry, Mapping):
        raise InvalidRequest(
            "The service's answer is not a model; try again, or take a variant of the catalogue."
        )
    model_id, kind = entry.get("model_id"), entry.get("type")
    if not isinstance(model_id, str) or not looks_like_model_id(model_id):
        raise InvalidRequest(f"The service lists a model without a usable id ({shown(model_id, 60)}).")
    if not isinstance(kind, str) or not _makes_video(kind):
        raise InvalidRequest(f"{model_id} makes no video (kind: {shown(kind)}); take one that does.")
    schema = _reduced_schema(_request_schema(entry, model_id), model_id)
    known = _by_name().get(model_id)
    day = as_of or datetime.now(UTC).date().isoformat()
    picture, size = _picture_of(schema)
    return Variant(
        name=known.name if known else model_id,
        model_id=model_id,
        title=known.title if known else model_id,
        kind=kind,
        schema=schema,
        picture=known.picture if known and not picture else picture,
        size=known.size if known and not size else size,
        lengths_s=_lengths_of(schema) or (known.lengths_s if known else ()),
        prices=_prices(entry.get("base_price"), schema, day, known),
        typical_s=known.typical_s if known else None,
        typical_source=known.typical_source if known else "",
    )


@cache
def _by_name() -> dict[str, Variant]:
    """Every variant of the catalogue by short name and by model id."""
    variants = all_variants()
    return {v.name: v for v in variants} | {v.model_id: v for v in variants}


def _from_data(entry: Mapping[str, Any]) -> Variant:
    """Make a variant of one entry of ``variants.json``."""
    schema = entry["schema"]
    typical = entry.get("typical_s")
    return Variant(
        name=entry["name"],
        model_id=entry["model_id"],
        title=entry["title"],
        kind=entry["kind"],
        schema=schema,
        picture=entry["picture"],
        size=(entry["size"][0], entry["size"][1]),
        lengths_s=_lengths_of(schema) or tuple(entry["lengths_s"]),
        prices=tuple(
            Price(
                usd=Decimal(price["usd"]),
                when=_default_inputs(schema) if price["when"] == "defaults" else tuple(price["when"].items()),
                source=price["source"],
                as_of=price["as_of"],
            )
            for price in entry["prices"]
        ),
        typical_s=(float(typical[0]), float(typical[1])) if typical else None,
        typical_source=entry.get("typical_source", ""),
    )


def _default_inputs(schema: Mapping[str, Any]) -> tuple[tuple[str, object], ...]:
    """Give the inputs under which the base price holds: everything optional at its default, or not given."""
    required = schema.get("required", ())
    return tuple(
        (name, facts.get("default"))
        for name, facts in schema["properties"].items()
        if name not in _CONTENT and not (name in required and "default" not in facts)
    )


def _prices(value: object, schema: Mapping[str, Any], day: str, known: Variant | None) -> tuple[Price, ...]:
    """Give the base price as a table of one line; an unusable one is no price, never a guess.

    Where the catalogue has the same base price, its whole table still holds.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return ()
    try:
        usd = Decimal(str(value))
    except (InvalidOperation, ValueError):
        return ()
    if not usd.is_finite() or not Decimal("0.000001") <= usd <= Decimal("100000"):
        return ()
    if known and known.prices[0].usd == usd:
        return known.prices
    return (Price(usd=usd, when=_default_inputs(schema), source="WaveSpeed's list of models", as_of=day),)


def _makes_video(kind: str) -> bool:
    """Whether this kind makes a video: ``x-to-video`` and ``video-extend`` do, ``video-to-text`` does not."""
    return kind.endswith("video") or (kind.startswith("video-") and "-to-" not in kind)


def _request_schema(entry: Mapping[str, Any], model_id: str) -> Mapping[str, Any]:
    """Find the JSON Schema of the inputs in an entry of the service's list."""
    api = entry.get("api_schema")
    schemas = api.get("api_schemas") if isinstance(api, Mapping) else None
    for item in schemas if isinstance(schemas, list) else ():
        schema = item.get("request_schema") if isinstance(item, Mapping) else None
        if isinstance(schema, Mapping) and isinstance(schema.get("properties"), Mapping):
            return schema
    raise InvalidRequest(
        f"The service does not say what {model_id} takes, so nothing can be checked or sent."
    )


def _reduced_schema(schema: Mapping[str, Any], model_id: str) -> dict[str, Any]:
    """Keep of a published schema what can be checked here, and refuse one that is no schema."""
    # A variant of the catalogue never needs it.
    import jsonschema_rs

    properties = {
        name: _reduced_property(facts)
        for name, facts in schema["properties"].items()
        if isinstance(name, str) and isinstance(facts, Mapping)
    }
    required = schema.get("required")
    names = required if isinstance(required, list) else []
    reduced = {
        "type": "object",
        "properties": properties,
        "required": [name for name in names if isinstance(name, str) and name in properties],
        "additionalProperties": False,
    }
    try:
        jsonschema_rs.Draft202012Validator(reduced)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(
            f"What the service says about the inputs of {model_id} cannot be read."
        ) from error
    return reduced


def _reduced_property(facts: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
    """Keep the known keywords of one input, and of the items of a list."""
    kept = {word: facts[word] for word in facts if word in _KEYWORDS}
    if kept.get("type") not in _TYPES:
        kept.pop("type", None)
    if isinstance(facts.get("items"), Mapping) and depth < 3:
        kept["items"] = _reduced_property(facts["items"], depth + 1)
    return kept


def _lengths_of(schema: Mapping[str, Any]) -> tuple[int, ...]:
    """Give the lengths a schema offers, in seconds, the default first."""
    facts = schema["properties"].get("duration", {})
    low, high = facts.get("minimum"), facts.get("maximum")
    offered = [value for value in facts.get("enum", ()) if _is_whole(value)]
    if not offered and _is_whole(low) and _is_whole(high) and low <= high <= low + _MOST_LENGTHS:
        offered = list(range(int(low), int(high) + 1))
    default = facts.get("default")
    first = [default] if _is_whole(default) else []
    return tuple(dict.fromkeys(int(value) for value in [*first, *offered]))


def _is_whole(value: object) -> bool:
    """Whether this is a whole number and not a truth value."""
    return isinstance(value, int) and not isinstance(value, bool)


def _picture_of(schema: Mapping[str, Any]) -> tuple[str, tuple[int, int] | None]:
    """Give the picture a schema promises by default, as words and as pixels."""
    properties = schema["properties"]
    exact = _size_of_text(properties.get("size", {}).get("default"))
    if exact:
        return f"{min(exact)}p", exact
    resolution = properties.get("resolution", {}).get("default")
    if isinstance(resolution, str) and resolution in _SIZES:
        ratio = properties.get("aspect_ratio", {}).get("default")
        size = _SIZES[resolution]
        return resolution, _shaped(size, ratio) if isinstance(ratio, str) else size
    return "", None


def _size_of_text(text: object) -> tuple[int, int] | None:
    """Read ``1280*720`` or ``1280x720``."""
    match = re.fullmatch(r"([0-9]{2,5})[*x]([0-9]{2,5})", text) if isinstance(text, str) else None
    return (int(match[1]), int(match[2])) if match else None


def _shaped(size: tuple[int, int], ratio: str) -> tuple[int, int]:
    """Give a size of about the same area and another shape, in even numbers as H.264 needs them."""
    match = re.fullmatch(r"([0-9]{1,3}):([0-9]{1,3})", ratio)
    if match is None or "0" in (match[1].strip("0") or "0", match[2].strip("0") or "0"):
        return size
    wide, high = int(match[1]), int(match[2])
    if abs(size[0] / size[1] - wide / high) < 0.01:
        return size
    width = (size[0] * size[1] * wide / high) ** 0.5
    return 2 * round(width / 2), 2 * round(width * high / wide / 2)
