"""Which clips a cell wants: its text and options, multiplied out and checked.

In come prompts, variants and options as plain values; out go `Wanted` clips, each with a checked request, or one error
that names every fault. No price is paid and nothing is written here. Next: the session reserves them in the ledger.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any, TypeVar

from hailuo_nb.catalog.imageref import ImageRef
from hailuo_nb.catalog.quotes import Quote
from hailuo_nb.catalog.request import GenerationRequest, build, read_value, reworded
from hailuo_nb.catalog.variants import Variant
from hailuo_nb.errors import InvalidRequest, TooManyClips, UnknownVariant
from hailuo_nb.prompts.axes import Choice, Grid, sampled
from hailuo_nb.prompts.grammar import PromptPlan, parse, parse_cell
from hailuo_nb.session.frames import Row

T = TypeVar("T")
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
    take : int or None
        This take alone, whatever `takes` says: a clip is made again.
    texts_as_written : Mapping[str, str]
        Other inputs as ``--set name=value`` gave them, read by each variant's schema.
    rows : tuple of Row
        The rows of a DataFrame: all of the above for each of them.
    steps : tuple of Asked
        The steps of a chain, each asking for one clip; then nothing else here counts.
    """

    text: str
    variants: tuple[str, ...]
    durations: tuple[int | None, ...] = (None,)
    image: Image = None
    takes: int = 1
    take: int | None = None
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
    rows: tuple[Row, ...] = ()
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
        The clips in the order of rows, prompts, variants, lengths, axes and takes, and a line for each that
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
    prompts = _prompts(asked)
    columns = _columns(asked, prompts, find, most)
    clips: list[Wanted] = []
    faults: dict[tuple[int, str], list[Choice]] = {}
    tried: dict[int, int] = {}
    # Neither the checks of anything but the text nor the price change with it.
    known: dict[_Alike, tuple[GenerationRequest, Quote]] = {}
    for at, number in _chosen(columns, asked):
        column = columns[at]
        plan, grid = column.prompt.read()
        choice = grid.at(number)
        tried[at] = tried.get(at, 0) + 1
        alike = _alike(asked, column)
        like = known.get(alike) if alike else None
        try:
            request = _request(asked, column, plan.prompt_for(dict(choice)), like[0] if like else None)
        except InvalidRequest as error:
            for fault in error.faults:
                faults.setdefault((at, fault), []).append(choice)
            continue
        price = like[1] if like else quote(column.variant, request)
        if alike and not like:
            known[alike] = request, price
        axes = {**column.prompt.labels, **dict(choice)}
        clips += [
            Wanted(request, column.variant, take, plan.template, axes, price)
            for take in ((asked.take,) if asked.take else range(1, column.prompt.takes + 1))
        ]
        if len(clips) > most:
            raise _too_many(len(clips), most, is_least=True)
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
class _Prompt:
    """One prompt of the cell, or of one row; read when it is needed, because a sample leaves most rows out."""

    where: str
    count: int
    takes: int
    read: Callable[[], tuple[PromptPlan, Grid]]
    row: Row | None = None

    @property
    def labels(self) -> Mapping[str, str]:
        return self.row.axes if self.row is not None else {}


@dataclass(frozen=True)
class _Column:
    """One prompt with one variant at one length, and every combination of its axes."""

    prompt: _Prompt
    variant: Variant
    duration: int | None


_Alike = tuple[str, int | None]
"""What tells the requests of one cell apart besides their texts: model and length."""


def _alike(asked: Asked, column: _Column) -> _Alike | None:
    """Tell which requests differ in their text alone; None where a row brings its own picture, or inputs a text."""
    row = column.prompt.row
    inputs = asked.inputs if isinstance(asked.inputs, Mapping) else {}
    if (
        (row is not None and row.image is not None)
        or "prompt" in inputs
        or "prompt" in asked.texts_as_written
    ):
        return None
    return column.variant.model_id, column.duration


def _prompts(asked: Asked) -> list[_Prompt]:
    """Give the prompts of the cell, for each row where there are rows."""
    if not asked.rows:
        found = _read(asked)
        return [
            _Prompt(f"prompt {number}", grid.count, asked.takes, partial(_same, (plan, grid)))
            for number, (plan, grid) in enumerate(found, start=1)
        ]
    # Values are literal, so that each row has as many prompts and combinations as the first one.
    counts = [grid.count for _, grid in _read(asked, asked.rows[0])]
    return [
        _Prompt(
            f"row {row.label}" + (f", prompt {number + 1}" if len(counts) > 1 else ""),
            count,
            asked.takes if row.takes is None else row.takes,
            cache(partial(_nth, asked, row, number)),
            row,
        )
        for row in asked.rows
        for number, count in enumerate(counts)
    ]


def _same(both: tuple[PromptPlan, Grid]) -> tuple[PromptPlan, Grid]:
    """Give what was read already."""
    return both


def _nth(asked: Asked, row: Row, number: int) -> tuple[PromptPlan, Grid]:
    """Read one prompt of a row."""
    return _read(asked, row)[number]


def _read(asked: Asked, row: Row | None = None) -> list[tuple[PromptPlan, Grid]]:
    """Read the prompts; no text at all is one empty prompt, which some variants take beside a picture."""
    if row is not None and row.prompt is not None:
        plan = parse(row.prompt, raw=True)
        return [(plan, plan.grid())]
    namespace = asked.namespace
    if row is not None and namespace is not None:
        # Nobody writes to it, and a copy of thousands of names for each row would take longer than reading the row.
        namespace = ChainMap(dict(row.values), namespace)  # type: ignore[arg-type]
    plans = parse_cell(
        asked.text,
        raw=asked.raw,
        vary=asked.vary or None,
        namespace=namespace,
        row=row.texts if row is not None else None,
        where=f"row {row.label}" if row is not None else "",
    )
    return list(zip(plans, _grids(plans, asked.zips), strict=True))


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


def _columns(
    asked: Asked, prompts: Sequence[_Prompt], find: Callable[[str], Variant], most: int
) -> list[_Column]:
    """Multiply prompts by variants and lengths, unless that makes too many clips."""
    options = len(asked.variants) * len(asked.durations)
    if asked.sample is None:
        count = options * sum(prompt.count * prompt.takes for prompt in prompts)
    else:
        # Which of them a sample takes is not known yet, so that the fewest takes are counted.
        chosen = min(asked.sample, options * sum(prompt.count for prompt in prompts))
        count = chosen * min(prompt.takes for prompt in prompts)
    if count > most:
        raise _too_many(count, most)
    known = _variants(asked, find)
    return [
        _Column(prompt, known[name], duration)
        for prompt in prompts
        for name in _own(prompt.row.variant if prompt.row else None, asked.variants)
        for duration in _own(prompt.row.duration if prompt.row else None, asked.durations)
    ]


def _own(value: T | None, others: Sequence[T]) -> Sequence[T]:
    """Give what a row says itself, else what the cell says."""
    return others if value is None else (value,)


def _variants(asked: Asked, find: Callable[[str], Variant]) -> dict[str, Variant]:
    """Look up every variant once; a wrong name in a row is told with the row."""
    first = {row.variant: row.label for row in reversed(asked.rows) if row.variant is not None}
    needs_others = not asked.rows or any(row.variant is None for row in asked.rows)
    known: dict[str, Variant] = {}
    for name in dict.fromkeys([*(asked.variants if needs_others else ()), *first]):
        try:
            known[name] = find(name)
        except UnknownVariant as error:
            if name not in first:
                raise
            raise UnknownVariant(f"Row {first[name]}: {error}") from None
    return known


def _too_many(count: int, most: int, *, is_least: bool = False) -> TooManyClips:
    """Refuse before anything is built."""
    least = "at least " if is_least else ""
    return TooManyClips(
        f"Not sent: this cell asks for {least}{count:,} clips and max_clips is {most}. "
        f"Drop a value, use --sample N, or allow more with --max-clips {count}."
    )


def _chosen(columns: Sequence[_Column], asked: Asked) -> Iterator[tuple[int, int]]:
    """Give the combinations to make, each with the number of its column; the same ones for the same seed."""
    ends = list(itertools.accumulate(column.prompt.count for column in columns))
    if asked.sample is None or asked.sample >= ends[-1]:
        for at, column in enumerate(columns):
            for number in range(column.prompt.count):
                yield at, number
        return
    for place in sampled(ends[-1], asked.sample, asked.seed):
        at = bisect_right(ends, place)
        yield at, place - (ends[at - 1] if at else 0)


def _request(asked: Asked, column: _Column, prompt: str, like: GenerationRequest | None) -> GenerationRequest:
    """Build the request of one combination, or reword one that differs from it in the text alone."""
    variant, row = column.variant, column.prompt.row
    same = reworded(like, variant, prompt) if like is not None else None
    if same is not None:
        return same
    written = {name: read_value(variant, name, text) for name, text in asked.texts_as_written.items()}
    return build(
        variant,
        prompt=prompt or None,
        image=row.image() if row is not None and row.image is not None else asked.image,
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
    prompts = {columns[at].prompt.where for at in tried}
    whole: dict[tuple[str, str], set[str]] = {}
    for (at, fault), choices in faults.items():
        if len(choices) == tried[at]:
            whole.setdefault((columns[at].variant.name, fault), set()).add(columns[at].prompt.where)
    said: dict[str, None] = {}
    for (at, fault), choices in faults.items():
        column = columns[at]
        in_prompts = whole.get((column.variant.name, fault), set())
        where = [column.prompt.where] if len(prompts) > 1 and in_prompts != prompts else []
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
