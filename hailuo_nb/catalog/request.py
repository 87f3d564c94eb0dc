"""One clip as asked: frozen, checked, hashable, without an id.

In comes a variant and what the user asks of it; out goes a `GenerationRequest`, or an `InvalidRequest` that
names every fault. Next: `hailuo_nb.catalog.quotes`, and the ledger, which knows a clip by
`GenerationRequest.hash`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

from hailuo_nb.catalog.checks import checked_inputs, checked_prompt
from hailuo_nb.catalog.imageref import ImageRef, address_without_query
from hailuo_nb.catalog.values import plain
from hailuo_nb.catalog.variants import Variant
from hailuo_nb.errors import InvalidRequest

__all__ = ["GenerationRequest", "ImageRef", "build", "hash_of_kept", "read_value", "reworded"]

# Part of every hash. A change of it, or of the canonical text, would make every saved clip one to be paid
# anew.
_VERSION = "v1"
_written = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
# What tells a picture, as the ledger keeps it, from an input that is a mapping by itself.
_PICTURE = frozenset({"url", "sha256", "pixels", "clip"})


@dataclass(frozen=True, eq=False)
class GenerationRequest:
    """One clip as asked.

    Equal requests ask the same model for the same inputs; what a variant is called does not count.

    Parameters
    ----------
    variant : str
        What was typed: a short name or a model id.
    model_id : str
        The service's own name.
    inputs : Mapping
        Every input as sent, read-only; pictures are `ImageRef`.
    duration_s : int
        Seconds the clip should last; 0 where nobody says.
    """

    variant: str
    model_id: str
    inputs: Mapping[str, Any] = field(repr=False)
    duration_s: int = 0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, GenerationRequest):
            return NotImplemented
        return self._canonical == other._canonical

    def __hash__(self) -> int:
        return hash(self._canonical)

    @property
    def prompt(self) -> str:
        """The text, empty if there is none."""
        return str(self.inputs.get("prompt", ""))

    @property
    def image(self) -> ImageRef | None:
        """The picture it starts from."""
        found = self.inputs.get("image")
        return found if isinstance(found, ImageRef) else None

    @property
    def images(self) -> dict[str, ImageRef]:
        """Every picture it takes, by the name of its input."""
        return {name: value for name, value in self.inputs.items() if isinstance(value, ImageRef)}

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical text, as 64 hexadecimal digits."""
        return hashlib.sha256(self._canonical.encode("utf-8")).hexdigest()

    def canonical(self) -> str:
        """Give the text of its identity: compact sorted JSON, pictures by what they are, no price."""
        return self._canonical

    def ledger_inputs(self) -> dict[str, Any]:
        """Give the inputs as the ledger and the recipe keep them.

        A picture is its label and its identity. The query of an address may be a signature, so the address is
        kept without it, and a hash of the whole tells whether two are the same.
        """
        return {
            name: {"image": value.label, **_kept_identity(value)} if isinstance(value, ImageRef) else value
            for name, value in self.inputs.items()
        }

    @cached_property
    def _canonical(self) -> str:
        inputs = {
            name: plain(dict(value.identity)) if isinstance(value, ImageRef) else value
            for name, value in self.inputs.items()
        }
        return _canonical_text(self.model_id, inputs)


def build(
    variant: Variant,
    *,
    prompt: str | None,
    image: ImageRef | None = None,
    duration: int | None = None,
    expand: bool | None = None,
    go_fast: bool | None = None,
    inputs: Mapping[str, Any] | None = None,
) -> GenerationRequest:
    r"""Check everything that was asked, and freeze it.

    Parameters
    ----------
    variant : Variant
        What is asked.
    prompt : str or None
        The text; its ends are trimmed and its line ends become ``\n``.
    image : ImageRef, optional
        The picture the clip starts from.
    duration : int, optional
        Seconds. The only length a variant has is accepted, and not sent where there is no such input.
    expand : bool, optional
        Prompt expansion; the variant's default is sent when not given.
    go_fast : bool, optional
        Speed before quality; the variant's default is sent when not given.
    inputs : Mapping, optional
        Any other input of the variant.

    Raises
    ------
    InvalidRequest
        With every fault at once in ``faults``.

    Examples
    --------
    >>> from hailuo_nb.catalog.variants import find
    >>> dict(build(find("t2v-pro"), prompt="a fox").inputs)
    {'prompt': 'a fox', 'enable_prompt_expansion': True}
    """
    options: dict[str, object] = {
        "prompt": prompt,
        "image": image,
        "duration": duration,
        "enable_prompt_expansion": expand,
        "go_fast": go_fast,
    }
    sent, faults = checked_inputs(variant, options, inputs)
    if faults:
        raise InvalidRequest("; ".join(faults), faults=tuple(faults))
    return GenerationRequest(
        variant=variant.name,
        model_id=variant.model_id,
        inputs=MappingProxyType(sent),
        duration_s=variant.length_s(sent),
    )


def reworded(request: GenerationRequest, variant: Variant, prompt: str) -> GenerationRequest | None:
    """Give the same request with another text, for which nothing else is checked again.

    Parameters
    ----------
    request : GenerationRequest
        One that `build` gave.
    variant : Variant
        What it was built for.
    prompt : str
        The text, as for `build`.

    Returns
    -------
    GenerationRequest or None
        None where `build` has to say: the text has a fault, or one of the two has none.
    """
    text, faults = checked_prompt(variant, prompt)
    if faults or text is None or "prompt" not in request.inputs:
        return None
    inputs = MappingProxyType({**request.inputs, "prompt": text})
    return GenerationRequest(request.variant, request.model_id, inputs, request.duration_s)


def hash_of_kept(model_id: str, kept: Mapping[str, Any]) -> str | None:
    """Work out the hash of a request from its inputs as the ledger keeps them, to hold against what a stranger says.

    Parameters
    ----------
    model_id : str
        The service's own name.
    kept : Mapping
        As `GenerationRequest.ledger_inputs` gives them.

    Returns
    -------
    str or None
        None where it cannot be told: the address of a picture is kept without its query.
    """
    inputs: dict[str, Any] = {}
    for name, value in kept.items():
        if isinstance(value, Mapping) and "image" in value and _PICTURE & value.keys():
            if "url_sha256" in value:
                return None
            inputs[name] = plain({key: part for key, part in value.items() if key != "image"})
        else:
            inputs[name] = value
    try:
        return hashlib.sha256(_canonical_text(model_id, inputs).encode("utf-8")).hexdigest()
    except (ValueError, TypeError, RecursionError):
        return None


def _canonical_text(model_id: str, inputs: Mapping[str, Any]) -> str:
    """Write what makes a request itself: compact sorted JSON."""
    whole = {"inputs": inputs, "model": model_id, "version": _VERSION}
    return _written(whole)


def read_value(variant: Variant, name: str, text: str) -> Any:
    """Read the text of ``--set name=text`` as the type that the input has.

    What cannot be read stays text, so that `build` names it beside all other faults.
    """
    kind = variant.schema["properties"].get(name, {}).get("type")
    if kind in (None, "string"):
        return text
    if kind == "boolean":
        return {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}.get(
            text.strip().lower(), text
        )
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value


def _kept_identity(image: ImageRef) -> dict[str, object]:
    """Give what makes a picture itself, with addresses cut before the query."""
    address = image.url
    if address is None:
        return dict(image.identity)
    short = address_without_query(address)
    if short == address:
        return {"url": address}
    return {"url": short, "url_sha256": hashlib.sha256(address.encode("utf-8")).hexdigest()}
