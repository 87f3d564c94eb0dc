"""Clips that follow each other, each from where the one before ends.

In come the steps of a film; out goes one batch in their order. A frame is known by its clip and time, and a clip by its
request, so every step's request is known before the first clip is made: all rows are written down, priced and weighed
at once, as those of any cell. What is new is only that a later job waits in the background for its picture
(`hailuo_nb.jobs.starting`). So a chain that is run again costs nothing, and one whose kernel died goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hailuo_nb import errors
from hailuo_nb.catalog.imageref import ImageRef
from hailuo_nb.catalog.quotes import table_quote
from hailuo_nb.catalog.variants import Variant
from hailuo_nb.errors import InvalidRequest
from hailuo_nb.jobs.files import clip_file
from hailuo_nb.jobs.job import Job
from hailuo_nb.jobs.recipes import identity_text
from hailuo_nb.ledger.reserving import is_to_send
from hailuo_nb.ledger.rows import ClipRow, NewClip
from hailuo_nb.media.image import frame_label
from hailuo_nb.prompts.grammar import split_cell
from hailuo_nb.session.asking import asked_from, name_of, read_usd, tags_of, whole
from hailuo_nb.session.batch import Batch
from hailuo_nb.session.limits import Terms
from hailuo_nb.session.plan import Asked, Wanted, wanted_clips

if TYPE_CHECKING:
    from pandas import DataFrame

    from hailuo_nb.session.session import Cell, Session

OF_A_STEP = ("prompt", "variant", "duration", "image", "fit", "expand", "go_fast", "inputs", "raw")
OF_THE_FIRST = frozenset({"image", "fit"})
DEAD_ENDS = frozenset({"failed", "abandoned"})


def chain(
    session: Session,
    steps: Sequence[object],
    variant: object = None,
    *,
    name: str | None = None,
    tags: str | Sequence[str] = (),
    dry_run: bool = False,
    offline: bool = False,
    wait: bool | None = None,
    yes: bool = False,
    max_cost: object = None,
    max_clips: int | None = None,
    **shared: Any,
) -> Batch | DataFrame:
    """Make the clips of a chain that do not exist yet; see `hailuo_nb.notebook.api.chain`."""
    most = None if max_clips is None else whole(max_clips, "max_clips")
    asked = asked_steps(session, steps, variant, shared)
    if dry_run:
        return preview(session, asked, name=name_of(name), max_clips=most)
    terms = Terms(
        yes=yes,
        max_cost=None if max_cost is None else read_usd(max_cost, "max_cost"),
        max_clips=most,
        offline=offline,
        is_headless=session.is_headless(),
    )
    batch = make(session, asked, name=name_of(name), tags=tags_of(tags), cell=session.where(), terms=terms)
    if terms.is_headless if wait is None else wait:
        batch.wait()
    return batch


def make(
    session: Session,
    steps: Sequence[Asked],
    *,
    name: str | None = None,
    tags: Sequence[str] = (),
    cell: Cell | None = None,
    terms: Terms | None = None,
) -> Batch:
    """Link the steps and make them as one batch, under all limits at once.

    Raises
    ------
    InvalidRequest
        With every fault of every step, before anything is written.
    LimitReached
        The whole chain is above a limit; nothing is sent.
    """
    terms = terms or Terms()
    linked, note = linked_steps(session, steps, name, may_ask=not terms.offline)
    batch = session.make(Asked("", (), steps=linked), name=name, tags=tags, cell=cell, terms=terms)
    return replace(batch, notes=(*batch.notes, *([note] if note else [])))


def preview(
    session: Session, steps: Sequence[Asked], *, name: str | None = None, max_clips: int | None = None
) -> DataFrame:
    """Give what a chain would make and cost, as a DataFrame; nothing is sent or written."""
    linked, _ = linked_steps(session, steps, name, may_ask=session.key() is not None)
    return session.preview(Asked("", (), steps=linked), max_clips=max_clips)


# -- reading steps


def asked_steps(
    session: Session, steps: object, variant: object = None, shared: Mapping[str, Any] | None = None
) -> tuple[Asked, ...]:
    """Read steps as Python gives them: texts, tuples, mappings.

    Parameters
    ----------
    session : Session
        Gives the folder that paths start from.
    steps : sequence
        In their order.
    variant : str or sequence of str, optional
        For the first step, or for the first and for the others.
    shared : Mapping, optional
        Options for every step that does not say otherwise; a picture is for the first step.

    Raises
    ------
    InvalidRequest
        With every fault of every step.
    """
    if isinstance(steps, str | bytes | Mapping) or not isinstance(steps, Sequence):
        raise InvalidRequest('A chain takes its steps as a list, as ["a fox wakes", "it runs off"].')
    if not steps:
        raise InvalidRequest("This chain has no steps; give it at least one text.")
    names = _variants(variant)
    read: list[Asked] = []
    faults: list[str] = []
    for number, step in enumerate(steps):
        common = {
            key: value for key, value in (shared or {}).items() if number == 0 or key not in OF_THE_FIRST
        }
        try:
            options = {**common, **_options_of(step)}
            named = options.pop("variant", names[number] if number < len(names) else None)
            asked = asked_from(session.folder, "", options.pop("prompt", ""), named, **options)
            read.append(asked if named else replace(asked, variants=()))
        except InvalidRequest as error:
            faults += [f"step {number + 1}: {fault}" for fault in error.faults]
    if faults:
        raise InvalidRequest("; ".join(faults), faults=tuple(faults))
    return tuple(read)


def cell_steps(asked: Asked) -> tuple[Asked, ...]:
    """Part the text of a cell into steps at its ``---`` lines; its variants are for the first step and the others."""
    names = _variants(asked.variants)
    return tuple(
        replace(
            asked,
            text=text,
            image=asked.image if number == 0 else None,
            variants=names[number : number + 1],
        )
        for number, text in enumerate(split_cell(asked.text, raw=asked.raw) or [""])
    )


def _variants(variant: object) -> tuple[str, ...]:
    """Give the variant of the first step, and that of the second where it is named too."""
    given = [variant] if isinstance(variant, str) else [] if variant is None else variant
    if not isinstance(given, Sequence) or len(given) > 2 or not all(isinstance(each, str) for each in given):
        raise InvalidRequest(
            "A chain takes one variant for its first step and one for the others, as t2v-pro and i2v-pro; a step may "
            "name its own."
        )
    return tuple(str(each) for each in given)


def _options_of(step: object) -> dict[str, Any]:
    """Read one step: a text; a mapping; or a tuple of a text and whatever else, told apart by its type."""
    if isinstance(step, str):
        return {"prompt": step}
    if isinstance(step, Mapping):
        return _known_options(step)
    if not isinstance(step, tuple | list) or not step or not isinstance(step[0], str):
        raise InvalidRequest(_what_a_step_is(step))
    options: dict[str, Any] = {"prompt": step[0]}
    for more in step[1:]:
        found = _option(more)
        if twice := sorted(options.keys() & found.keys()):
            raise InvalidRequest(f"{twice[0]} is given twice; drop one")
        options |= found
    return options


def _option(value: object) -> dict[str, Any]:
    """Read what stands behind a step's text: a variant, seconds, or a mapping of options."""
    if isinstance(value, str):
        return {"variant": value}
    if isinstance(value, int) and not isinstance(value, bool):
        return {"duration": value}
    if isinstance(value, Mapping):
        return _known_options(value)
    raise InvalidRequest(
        f"behind its text stand a variant, seconds or a mapping of options, not a {type(value).__name__}"
    )


def _known_options(given: Mapping[Any, Any]) -> dict[str, Any]:
    for key in given:
        if key not in OF_A_STEP:
            near = get_close_matches(str(key), OF_A_STEP, 1)
            hint = f'did you mean "{near[0]}"?' if near else f"it takes {', '.join(OF_A_STEP)}"
            raise InvalidRequest(f'a step has no option "{str(key)[:40]}"; {hint}')
    return dict(given)


def _what_a_step_is(step: object) -> str:
    if isinstance(step, Job | Batch):
        return 'a clip is where a step starts: write {"prompt": "what happens next", "image": it}'
    return (
        'a step is a text, a tuple as ("it runs off", "i2v-pro"), or a mapping as {"prompt": "it runs off", '
        f'"duration": 10}}, not a {type(step).__name__}'
    )


# -- linking them


def linked_steps(
    session: Session, steps: Sequence[Asked], name: str | None, *, may_ask: bool
) -> tuple[tuple[Asked, ...], str]:
    """Let each step without a picture of its own start from the end of the one before.

    Returns
    -------
    tuple of (steps, note)
        Up to a step that ended for good without a clip: those behind it cannot be made, and the note says so.
    """

    def find(known: str) -> Variant:
        return session.variant(known, may_ask=may_ask)

    linked: list[Asked] = []
    end: ImageRef | None = None
    for number, step in enumerate(steps, start=1):
        image = step.image if step.image is not None else end
        known = linked[-1].variants[0] if linked else session.settings().variant
        variants = step.variants or (_starting_from(find, known) if image is not None else known,)
        linked.append(replace(step, image=image, variants=variants))
        if number == len(steps):
            break
        try:
            (clip,), _ = wanted_clips(linked[-1], find=find, quote=table_quote, most=1)
        except (InvalidRequest, errors.TooManyClips):
            # It is told by name when the whole chain is checked; until then anything stands for its end.
            end = ImageRef.of_clip("unknown", None, "the step before")
            continue
        end, row = _end_of(session, clip, name)
        if row is not None and row.status in DEAD_ENDS and not is_to_send(row):
            return tuple(linked), _dead_end(number, len(steps), row)
    return tuple(linked), ""


def _starting_from(find: Callable[[str], Variant], name: str) -> str:
    """Give the variant of the same family and quality that takes a picture, or the name itself where none is known."""
    for known in (name, name.replace("t2v", "i2v"), name.replace("text-to", "image-to")):
        try:
            variant = find(known)
        except InvalidRequest:
            continue
        if variant.takes_image:
            return variant.name
    return name


def _end_of(session: Session, clip: Wanted, name: str | None) -> tuple[ImageRef, ClipRow | None]:
    """Give the last frame of a clip that may not exist yet, and its row where there is one."""
    service, request = session.service_name(), clip.request
    take = clip.take if session.settings().cache else _free_take(session, service, request.hash)
    row = session.ledger.find([(service, request.hash, take)])[0] if session.has_ledger() else None
    identity = identity_text(service, request.hash, take, row.attempt if row is not None else 1)
    new = NewClip(service, request.hash, request.variant, request.model_id, request.prompt, take, name=name)
    file = Path(row.path).name if row is not None and row.path else clip_file(row or new)
    return ImageRef.of_clip(identity, None, frame_label(file, None)), row


def _free_take(session: Session, service: str, request_hash: str) -> int:
    """Give the first take that is not on disk: with ``cache=False`` that is the one to be made."""
    if not session.has_ledger():
        return 1
    rows = session.ledger.rows(request_hash=request_hash, service=service, statuses={"completed"})
    taken = {row.take for row in rows}
    return next(take for take in range(1, len(taken) + 2) if take not in taken)


def _dead_end(number: int, count: int, row: ClipRow) -> str:
    """Say which steps are left out, and how they can be made after all."""
    behind = f"Step {count} is" if number + 1 == count else f"Steps {number + 1} to {count} are"
    how = "failed; %hailuo retry" if row.status == "failed" else "was given up; %hailuo resend"
    return f"{behind} not sent: step {number} {how} {row.id} makes it again at its price, then run this once more."
