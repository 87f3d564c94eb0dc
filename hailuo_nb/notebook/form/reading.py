"""What stands in the form, read and checked field by field.

In comes a `FormState` with its variant and picture; out goes a `Reading`: an `Asked` as a cell would make it, or one
line for each field that is wrong. Next: `hailuo_nb.session.forecast` prices it, and a click makes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hailuo_nb.catalog.checks import checked_inputs
from hailuo_nb.catalog.imageref import ImageRef
from hailuo_nb.catalog.values import shown
from hailuo_nb.catalog.variants import Variant
from hailuo_nb.errors import HailuoError, InvalidRequest, PromptInvalid
from hailuo_nb.notebook.form.fields import fields_of, value_in
from hailuo_nb.notebook.form.state import FormState
from hailuo_nb.notebook.option_table import CELL_OPTIONS
from hailuo_nb.notebook.option_values import READERS, Fault
from hailuo_nb.prompts.grammar import PromptPlan, parse_cell
from hailuo_nb.session.asking import whole
from hailuo_nb.session.plan import Asked

__all__ = ["MOST_TAKES", "Picture", "Reading", "read"]

Picture = Callable[[str, str | None], ImageRef | None]
"""Gives the picture of a text and a fit."""

_LABEL = next(option for option in CELL_OPTIONS if option.name == "--name")
MOST_TAKES = next(option for option in CELL_OPTIONS if option.name == "--takes").most
# Expanding to see whether a variant takes them stops here; a cell makes at most `max_clips` anyway.
MOST_CHECKED = 200


@dataclass(frozen=True)
class Reading:
    """What the form asks for.

    Attributes
    ----------
    asked : Asked or None
        The same as a cell would ask; None where a field is wrong.
    faults : Mapping
        One line by field; an input goes by the service's name.
    name : str or None
        For the clips.
    tags : tuple of str
        For the clips.
    plans : tuple of PromptPlan
        The prompts; empty where they cannot be read.
    """

    asked: Asked | None
    faults: Mapping[str, str] = field(default_factory=dict)
    name: str | None = None
    tags: tuple[str, ...] = ()
    plans: tuple[PromptPlan, ...] = ()


def read(
    state: FormState, variant: Variant, *, picture: Picture, namespace: Mapping[str, Any] | None = None
) -> Reading:
    """Read the form.

    Parameters
    ----------
    state : FormState
        What stands there.
    variant : Variant
        What it is to be made with.
    picture : callable
        Gives the picture of a text, or raises why it cannot be used.
    namespace : Mapping, optional
        The notebook's variables for ``{{values}}``.
    """
    faults: dict[str, str] = {}
    vary = _axes(state, faults)
    plans = _plans(state, vary, namespace, faults)
    image = _image(state, variant, picture, faults)
    inputs = {
        each.name: value
        for each in fields_of(variant)
        if (value := value_in(variant, each, state.inputs.get(each.name))) is not None
    }
    takes = _takes(state.takes, faults)
    name, tags = _labels(state, faults)
    switches = {"enable_prompt_expansion": state.expand, "go_fast": state.go_fast, "duration": state.duration}
    _check(variant, plans, image, switches, inputs, faults)
    if faults:
        return Reading(None, faults, name, tags, plans)
    asked = Asked(
        text=state.prompt,
        variants=(variant.name,),
        durations=(state.duration,),
        image=image,
        takes=takes,
        vary=vary,
        expand=state.expand,
        go_fast=state.go_fast,
        inputs=inputs,
        raw=state.raw,
        namespace=namespace,
    )
    return Reading(asked, faults, name, tags, plans)


def _plans(
    state: FormState,
    vary: Mapping[str, tuple[str, ...]],
    namespace: Mapping[str, Any] | None,
    faults: dict[str, str],
) -> tuple[PromptPlan, ...]:
    """Read the prompts, with the same parser as a cell."""
    if state.raw and vary:
        faults["axes"] = "A prompt that is sent as it is has no axes: take the values away, or the tick."
        return ()
    if "axes" in faults:
        return ()
    try:
        return parse_cell(state.prompt, raw=state.raw, vary=vary or None, namespace=namespace)
    except PromptInvalid as error:
        is_table = "--vary" in error.faults[0] or any(f"no {{{name}}}" in error.faults[0] for name in vary)
        faults["axes" if is_table else "prompt"] = _in_a_form(error.faults[0])
        return ()


def _axes(state: FormState, faults: dict[str, str]) -> dict[str, tuple[str, ...]]:
    """Read the table of values, as ``--vary axis=a|b``."""
    vary: dict[str, tuple[str, ...]] = {}
    for name, values in state.axes:
        if not name.strip() and not values.strip():
            continue
        key, items = name.strip().strip("{}"), tuple(value.strip() for value in values.split("|"))
        if not key.isidentifier():
            faults.setdefault(
                "axes", f"An axis needs a name of letters, digits and _, as light, not {key!r}."
            )
        elif key in vary:
            faults.setdefault("axes", f"The axis {key} stands there twice: put its values into one row.")
        elif not all(items):
            faults.setdefault("axes", f"The axis {key} has an empty value: write values as dawn | dusk.")
        vary[key] = items
    return {} if "axes" in faults else vary


def _image(state: FormState, variant: Variant, picture: Picture, faults: dict[str, str]) -> ImageRef | None:
    """Read the picture, where the variant takes one."""
    text = state.image.strip()
    if not text or not variant.takes_image:
        return None
    try:
        return picture(text, state.fit or None)
    except HailuoError as error:
        faults["image"] = _in_a_form(str(error))
        return None


def _takes(held: object, faults: dict[str, str]) -> int:
    try:
        return whole(held, "takes", most=MOST_TAKES)
    except InvalidRequest:
        faults["takes"] = f"Takes are a whole number from 1 to {MOST_TAKES}, not {shown(held)}."
        return 1


def _labels(state: FormState, faults: dict[str, str]) -> tuple[str | None, tuple[str, ...]]:
    """Read name and tags as ``--name`` and ``--tag`` take them."""
    name, tags = state.name.strip() or None, []
    try:
        name = READERS["label"](_LABEL, name) if name else None
    except Fault as fault:
        faults["name"] = str(fault).replace("--name", "The name")
    try:
        tags = [READERS["label"](_LABEL, tag.strip()) for tag in state.tags.split(",") if tag.strip()]
    except Fault as fault:
        faults["tags"] = str(fault).replace("--name", "The tag")
    return name, tuple(dict.fromkeys(tags))


def _check(
    variant: Variant,
    plans: tuple[PromptPlan, ...],
    image: ImageRef | None,
    switches: Mapping[str, object],
    inputs: Mapping[str, object],
    faults: dict[str, str],
) -> None:
    """Hold every input against the variant, each by itself, so that each fault finds its field."""
    nothing = set(checked_inputs(variant, {}, None)[1])
    for name, value in switches.items():
        _note(faults, name, set(checked_inputs(variant, {name: value}, None)[1]) - nothing)
    for name, value in inputs.items():
        _note(faults, name, set(checked_inputs(variant, {}, {name: value})[1]) - nothing)
    for prompt in _prompts(plans):
        _note(faults, "prompt", set(checked_inputs(variant, {"prompt": prompt}, None)[1]) - nothing)
    given = {"image": image, **inputs}
    for name in variant.required:
        has_prompt = all(plan.template.strip() for plan in plans)
        is_missing = not has_prompt if name == "prompt" else given.get(name) is None
        if is_missing and name not in faults:
            faults[name] = _MISSING.get(name, f"{name} is missing: {variant.name} needs it.")


_MISSING = {
    "prompt": "Say what the clip shows: it needs a prompt.",
    "image": "It starts from a picture: drop one, or write where it is.",
}


def _prompts(plans: tuple[PromptPlan, ...]) -> list[str]:
    """Give the prompts to check, of very many the first ones."""
    found: list[str] = []
    for plan in plans:
        if not plan.template.strip():
            continue
        for expanded in plan.iter_expanded():
            if len(found) >= MOST_CHECKED:
                return found
            found.append(expanded.prompt)
    return found


def _note(faults: dict[str, str], name: str, found: set[str]) -> None:
    if found:
        faults.setdefault(name, _in_a_form(min(found)))


def _in_a_form(text: str) -> str:
    """Say the same without the options of a cell."""
    for was, now in (
        ("; --fit pad or crop helps", "; choose pad or crop beside it"),
        ("; a file goes by image= (--image in a cell)", ""),
        ("leave out one, or write", "take the row away, or write"),
        ("or leave out --vary", "or take the row away"),
        ("--vary names", "the table names"),
        ("in --vary", "in the table"),
        ("--fit", "fit"),
    ):
        text = text.replace(was, now)
    return text[:1].upper() + text[1:] if text.startswith(("the ", "there ", "it ")) else text
