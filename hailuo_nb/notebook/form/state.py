"""What stands in the form, as a person left it.

In come the values of the controls, or an earlier clip; out goes a frozen `FormState`, still unread. Next:
`hailuo_nb.notebook.form.reading` makes an `Asked` of it, and the samples show it as code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hailuo_nb.catalog.variants import Variant
from hailuo_nb.errors import PromptInvalid
from hailuo_nb.prompts.grammar import parse_cell

__all__ = ["OWN", "FormState", "state_of_clip"]

OWN = ("prompt", "image", "duration", "enable_prompt_expansion", "go_fast")
"""Inputs with a control of their own; any other input is a field made from its type."""


@dataclass(frozen=True)
class FormState:
    """What stands in the form.

    Attributes
    ----------
    variant : str
        A short name or a model id.
    prompt : str
        As in a cell, with ``{axes}`` and ``{{values}}``.
    image : str
        A path, a web address, or a clip for its last frame; empty for none.
    fit : str
        ``pad``, ``crop``, or empty.
    duration : int or None
        Seconds; None for the variant's own.
    takes : int
        Clips of each request.
    expand, go_fast : bool or None
        None for the variant's own.
    inputs : Mapping
        What stands in the other fields, by input: text, True or False, or None where it was not touched.
    axes : tuple of (str, str)
        Rows of the table of values: a name, and values parted by ``|``.
    name, tags : str
        The person's words; tags parted by commas.
    raw : bool
        Send the prompt as it is.
    """

    variant: str
    prompt: str = ""
    image: str = ""
    fit: str = ""
    duration: int | None = None
    takes: object = 1
    expand: bool | None = None
    go_fast: bool | None = None
    inputs: Mapping[str, object] = field(default_factory=dict)
    axes: tuple[tuple[str, str], ...] = ()
    name: str = ""
    tags: str = ""
    raw: bool = False


def state_of_clip(
    variant: Variant,
    *,
    prompt: str,
    inputs: Mapping[str, Any],
    image: str = "",
    name: str = "",
    tags: tuple[str, ...] = (),
) -> FormState:
    """Give the form that would make an earlier clip.

    Parameters
    ----------
    variant : Variant
        What it was made with.
    prompt : str
        As it was sent: none of it is read again, whatever braces it holds.
    inputs : Mapping
        Every input as the ledger keeps it.
    image : str
        What to write for its picture.
    name, tags
        The person's words for it.
    """
    stored = inputs.get("image")
    fit = stored.get("fit") if isinstance(stored, Mapping) else None
    return FormState(
        variant=variant.name,
        prompt=prompt,
        image=image,
        fit=fit if isinstance(fit, str) else "",
        duration=inputs.get("duration"),
        expand=inputs.get("enable_prompt_expansion"),
        go_fast=inputs.get("go_fast"),
        inputs={key: _shown(value) for key, value in inputs.items() if key not in OWN and variant.has(key)},
        name=name,
        tags=", ".join(tags),
        raw=not _means_itself(prompt),
    )


def _means_itself(prompt: str) -> bool:
    """Whether a prompt would be sent as it stands, without a value or an axis."""
    try:
        plans = parse_cell(prompt, namespace={})
    except PromptInvalid:
        return False
    (plan, *others) = plans
    return not others and not plan.axes and plan.prompt_for({}) == plan.template


def _shown(value: object) -> object:
    """Give an input as its field shows it."""
    import json

    if isinstance(value, bool | str):
        return value
    if isinstance(value, Mapping):
        return str(value.get("url", ""))
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return "\n".join(value)
    return json.dumps(value, ensure_ascii=False)
