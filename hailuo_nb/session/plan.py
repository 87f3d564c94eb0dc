"""Which clips a cell wants: its text and options, multiplied out and checked.

In come prompts, variants and options as plain values; out go `Wanted` clips, each with a checked request, or one error
that names every fault. No price is paid and nothing is written here. Next: the session reserves them in the ledger.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hailuo_nb.catalog.imageref import ImageRef
from hailuo_nb.catalog.quotes import Quote
from hailuo_nb.catalog.request import GenerationRequest, build, read_value
from hailuo_nb.catalog.variants import Variant
from hailuo_nb.errors import InvalidRequest, TooManyClips
from hailuo_nb.prompts.grammar import PromptPlan, parse_cell

Image = ImageRef | None


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
    variants = [find(name) for name in asked.variants]
    plans = _plans(asked)
    columns = list(itertools.product(plans, variants, asked.durations))
    total = sum(plan.grid(asked.zips).count for plan, _, _ in columns)
    chosen = total if asked.sample is None else min(asked.sample, total)
    if chosen * asked.takes > most:
        raise TooManyClips(
            f"Not sent: this cell asks for {chosen * asked.takes:,} clips and max_clips is {most}. "
            f"Drop a value, use --sample N, or allow more with --max-clips {chosen * asked.takes}."
        )
    clips: list[Wanted] = []
    faults: dict[str, None] = {}
    for place in _chosen(total, asked):
        plan, variant, duration, index = _at(columns, asked, place)
        choice = dict(plan.grid(asked.zips).at(index))
        try:
            request = _request(asked, plan, variant, duration, choice)
        except InvalidRequest as error:
            faults.update(dict.fromkeys(f"{_where(variants, variant)}{fault}" for fault in error.faults))
            continue
        price = quote(variant, request)
        clips += [
            Wanted(request, variant, take, plan.template, choice, price) for take in range(1, asked.takes + 1)
        ]
    if faults and not asked.skip_invalid:
        raise InvalidRequest("; ".join(faults), faults=tuple(faults))
    if not clips:
        raise InvalidRequest("Nothing is left to make: " + "; ".join(faults), faults=tuple(faults))
    return tuple(clips), tuple(f"Dropped: {fault}" for fault in faults)


def _plans(asked: Asked) -> Sequence[PromptPlan]:
    """Read the prompts; no text at all is one empty prompt, which some variants take beside a picture."""
    plans = parse_cell(asked.text, raw=asked.raw, vary=asked.vary or None, namespace=asked.namespace)
    return plans or (PromptPlan(""),)


def _chosen(total: int, asked: Asked) -> Iterator[int]:
    """Give the numbers of the combinations to make, the same ones for the same seed."""
    if asked.sample is None or asked.sample >= total:
        return iter(range(total))
    return iter(sorted(random.Random(asked.seed).sample(range(total), asked.sample)))  # noqa: S311 - chance, not secrecy


def _at(
    columns: Sequence[tuple[PromptPlan, Variant, int | None]], asked: Asked, place: int
) -> tuple[PromptPlan, Variant, int | None, int]:
    """Find the column a combination is in, and its number there."""
    for plan, variant, duration in columns:
        count = plan.grid(asked.zips).count
        if place < count:
            return plan, variant, duration, place
        place -= count
    raise IndexError(place)


def _request(
    asked: Asked, plan: PromptPlan, variant: Variant, duration: int | None, choice: Mapping[str, str]
) -> GenerationRequest:
    written = {name: read_value(variant, name, text) for name, text in asked.texts_as_written.items()}
    return build(
        variant,
        prompt=plan.prompt_for(choice) or None,
        image=asked.image,
        duration=duration,
        expand=asked.expand,
        go_fast=asked.go_fast,
        inputs={**written, **asked.inputs},
    )


def _where(variants: Sequence[Variant], variant: Variant) -> str:
    """Say which variant a fault is about, where there are several."""
    return f"{variant.name}: " if len(variants) > 1 else ""
