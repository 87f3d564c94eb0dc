"""Which clips a cell wants: its text and options, multiplied out and checked.

In come prompts, variants and options as plain values; out go `Wanted` clips, each with a checked request, or one error
that names every fault. No price is paid and nothing is written here. Next: the session reserves them in the ledger.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hailuo_nb.catalog.imageref import ImageRef
from hailuo_nb.catalog.quotes import Quote
from hailuo_nb.catalog.request import GenerationRequest, build, read_value
from hailuo_nb.catalog.variants import Variant
from hailuo_nb.errors import InvalidRequest, TooManyClips
from hailuo_nb.prompts.axes import Choice, Grid, sampled
from hailuo_nb.prompts.grammar import PromptPlan, parse_cell

Image = ImageRef | None
# A cell with very many faults has one or two reasons; `InvalidRequest.faults` has them all.
MOST_LISTED = 20
STEP = "step"
"""The axis that numbers the clips of a chain."""


@dataclass(frozen=True)
class Asked:
    """What a cell, a form or a call asks for, before anything is checked.

    Attributes
    ----------
    text : str
        The prompt, or several parted by ``---``.
    variants : tuple of str
        Short names or model ids; at least one.
    durations : tuple of int or None
        Lengths in seconds; None stands for each variant's own.
    takes : int
        How many clips of each request.
    texts_as_written : Mapping[str, str]
        Other inputs as ``--set name=value`` gave them, read by each variant's schema.
    steps : tuple of Asked
        The steps of a chain, each asking for one clip; then nothing else here counts.
    """

    text: str
    variants: tuple[str, ...]
    durations: tuple[int | None, ...] = (None,)
    image: Image = None
    takes: int = 1
    vary: Mapping[str, Sequence[object]] = field(default_factory=dict)
    zips: tuple[tuple[str, ...], ...] = ()
    expand: bool | None = None
    go_fast: bool | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    texts_as_written: Mapping[str, str] = field(default_factory=dict)
    raw: bool = False
    skip_invalid: bool = False
    sample: int | None = None
    seed: int = 0
    namespace: Mapping[str, Any] | None = None
    steps: tuple[Asked, ...] = ()


@dataclass(frozen=True)
class Wanted:
    """One clip that should exist.

    Attributes
    ----------
    template : str
        The prompt as written, with its axes.
    axes : Mapping[str, str]
        The alternative it took of each axis.
    quote : Quote
        What it costs as far as is known without asking.
    """

    request: GenerationRequest
    variant: Variant
    take: int
    template: str
    axes: Mapping[str, str]
    quote: Quote


def wanted_clips(
    asked: Asked,
    *,
    find: Callable[[str], Variant],
    quote: Callable[[Variant, GenerationRequest], Quote],
    most: int,
) -> tuple[tuple[Wanted, ...], tuple[str, ...]]:
    """Multiply out and check what was asked.

    Parameters
    ----------
    asked : Asked
        What the cell says.
    find : callable
        Gives a variant by name.
    quote : callable
        Gives the price of a request.
    most : int
        ``max_clips``.

    Returns
    -------
    tuple of (clips, notes)
        The clips in the order of prompts, variants, lengths, axes and takes, and a line for each that
        ``--skip-invalid`` dropped.

    Raises
    ------
    InvalidRequest
        Naming every combination that cannot be made.
    TooManyClips
        Before any is built.
    """
    if asked.steps:
        return _wanted_steps(asked.steps, find=find, quote=quote, most=most)
    plans = _plans(asked)
    grids = _grids(plans, asked.zips)
    options = len(asked.variants) * len(asked.durations)
    total = options * sum(grid.count for grid in grids)
    chosen = total if asked.sample is None else min(asked.sample, total)
    if chosen * asked.takes > most:
        raise TooManyClips(
            f"Not sent: this cell asks for {chosen * asked.takes:,} clips and max_clips is {most}. "
            f"Drop a value, use --sample N, or allow more with --max-clips {chosen * asked.takes}."
        )
    variants = [find(name) for name in asked.variants]
    columns = [
        _Column(number, plan, grid, variant, duration)
        for number, (plan, grid) in enumerate(zip(plans, grids, strict=True), start=1)
        for variant in variants
        for duration in asked.durations
    ]
    clips: list[Wanted] = []
    faults: dict[tuple[int, str], list[Choice]] = {}
    tried: dict[int, int] = {}
    for at, choice in _chosen(columns, total, asked):
        column = columns[at]
        tried[at] = tried.get(at, 0) + 1
        try:
            request = _request(asked, column, dict(choice))
        except InvalidRequest as error:
            for fault in error.faults:
                faults.setdefault((at, fault), []).append(choice)
            continue
        price = quote(column.variant, request)
        clips += [
            Wanted(request, column.variant, take, column.plan.template, dict(choice), price)
            for take in range(1, asked.takes + 1)
        ]
    named = _named(columns, faults, tried)
    if named and not asked.skip_invalid:
        raise InvalidRequest(_listed(named), faults=named)
    if not clips:
        raise InvalidRequest("Nothing is left to make: " + _listed(named), faults=named)
    return tuple(clips), (*(f"Dropped: {fault}" for fault in named), *_about(asked.image))


def _wanted_steps(
    steps: Sequence[Asked],
    *,
    find: Callable[[str], Variant],
    quote: Callable[[Variant, GenerationRequest], Quote],
    most: int,
) -> tuple[tuple[Wanted, ...], tuple[str, ...]]:
    """Give the clips of a chain in its order, each with its step as an axis."""
    if len(steps) > most:
        raise TooManyClips(
            f"Not sent: this chain has {len(steps)} steps and max_clips is {most}. Leave some out, or allow more "
            f"with --max-clips {len(steps)}."
        )
    clips: list[Wanted] = []
    notes: dict[str, None] = {}
    faults: list[str] = []
    for number, step in enumerate(steps, start=1):
        try:
            (clip,), said = wanted_clips(step, find=find, quote=quote, most=1)
        except TooManyClips:
            faults.append(
                f"step {number}: it makes several clips; a step is one, so leave alternatives and takes out"
            )
        except InvalidRequest as error:
            faults += [f"step {number}: {fault}" for fault in error.faults]
        else:
            clips.append(replace(clip, axes={**clip.axes, STEP: str(number)}))
            notes |= dict.fromkeys(said)
    if faults:
        raise InvalidRequest(_listed(faults), faults=tuple(faults))
    return tuple(clips), tuple(notes)


def _about(image: Image) -> tuple[str, ...]:
    """Say how a picture is sent, where that is not as it is."""
    return (f"{image.label} is sent {image.note}.",) if image is not None and image.note else ()


@dataclass(frozen=True)
class _Column:
    """One prompt with one variant at one length, and every combination of its axes."""

    number: int
    plan: PromptPlan
    grid: Grid
    variant: Variant
    duration: int | None


def _plans(asked: Asked) -> Sequence[PromptPlan]:
    """Read the prompts; no text at all is one empty prompt, which some variants take beside a picture."""
    plans = parse_cell(asked.text, raw=asked.raw, vary=asked.vary or None, namespace=asked.namespace)
    return plans or (PromptPlan(""),)


def _grids(plans: Sequence[PromptPlan], zips: Sequence[Sequence[str]]) -> list[Grid]:
    """Give the combinations of each prompt; a group of ``zips`` holds for the prompts that have its axes."""
    names = [{axis.name for axis in plan.axes} for plan in plans]
    for group in zips:
        if not any(each.issuperset(group) for each in names):
            # Nowhere whole: the fullest prompt says best what is missing.
            max(plans, key=lambda plan: len({axis.name for axis in plan.axes} & set(group))).grid([group])
    return [
        plan.grid([group for group in zips if each & set(group)])
        for plan, each in zip(plans, names, strict=True)
    ]


def _chosen(columns: Sequence[_Column], total: int, asked: Asked) -> Iterator[tuple[int, Choice]]:
    """Give the combinations to make, each with the number of its column; the same ones for the same seed."""
    if asked.sample is None or asked.sample >= total:
        for at, column in enumerate(columns):
            for choice in column.grid:
                yield at, choice
        return
    ends = list(itertools.accumulate(column.grid.count for column in columns))
    for place in sampled(total, asked.sample, asked.seed):
        at = bisect_right(ends, place)
        yield at, columns[at].grid.at(place - (ends[at - 1] if at else 0))


def _request(asked: Asked, column: _Column, choice: Mapping[str, str]) -> GenerationRequest:
    variant = column.variant
    written = {name: read_value(variant, name, text) for name, text in asked.texts_as_written.items()}
    return build(
        variant,
        prompt=column.plan.prompt_for(choice) or None,
        image=asked.image,
        duration=column.duration,
        expand=asked.expand,
        go_fast=asked.go_fast,
        inputs={**written, **asked.inputs} if isinstance(asked.inputs, Mapping) else asked.inputs,
    )


def _named(
    columns: Sequence[_Column], faults: Mapping[tuple[int, str], Sequence[Choice]], tried: Mapping[int, int]
) -> tuple[str, ...]:
    """Say of each fault what it is about: the variant and prompt where there are several, and the axis values.

    What all combinations have in common is left out: it is not to blame.
    """
    many_variants = len({column.variant.name for column in columns}) > 1
    prompts = {columns[at].number for at in tried}
    whole: dict[tuple[str, str], set[int]] = {}
    for (at, fault), choices in faults.items():
        if len(choices) == tried[at]:
            whole.setdefault((columns[at].variant.name, fault), set()).add(columns[at].number)
    said: dict[str, None] = {}
    for (at, fault), choices in faults.items():
        column = columns[at]
        in_prompts = whole.get((column.variant.name, fault), set())
        where = [f"prompt {column.number}"] if len(prompts) > 1 and in_prompts != prompts else []
        where += [column.variant.name] if many_variants else []
        is_whole = len(choices) == tried[at]
        for choice in choices[:1] if is_whole else choices:
            values = [] if is_whole else [f"{name} {_short(value)}" for name, value in choice]
            label = ", ".join([*where, *values])
            said[f"{label}: {fault}" if label else fault] = None
    return tuple(said)


def _listed(faults: Sequence[str]) -> str:
    """Put faults into one line, the first of very many."""
    more = len(faults) - MOST_LISTED
    return "; ".join(faults[:MOST_LISTED]) + (f"; and {more} more" if more > 0 else "")


def _short(text: str) -> str:
    """Give a value short enough to tell it by."""
    line = " ".join(text.split())
    return line if len(line) <= 30 else line[:29] + "…"
