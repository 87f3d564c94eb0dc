"""A chosen draft made again in a better variant.

In comes a clip and the name of a variant; out goes a batch of one, under all limits of a cell, which says what it costs
more than the draft and what could not be taken over. There is no seed: it is the same words and the same picture, not
the same pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hailuo_nb.catalog.imageref import ImageRef
from hailuo_nb.catalog.quotes import table_quote, usd_text
from hailuo_nb.catalog.values import shown
from hailuo_nb.catalog.variants import Variant
from hailuo_nb.errors import InvalidRequest
from hailuo_nb.jobs.job import Job
from hailuo_nb.jobs.recipes import named_by
from hailuo_nb.ledger.reserving import is_to_send
from hailuo_nb.ledger.rows import ClipRow
from hailuo_nb.media import image
from hailuo_nb.session import aftercare
from hailuo_nb.session.asking import read_usd
from hailuo_nb.session.batch import Batch
from hailuo_nb.session.limits import Terms
from hailuo_nb.session.plan import Asked, wanted_clips

if TYPE_CHECKING:
    from hailuo_nb.session.session import Session

# What the service may be asked for by an option of its own; everything else goes by its name.
OWN = {"enable_prompt_expansion": "expand", "go_fast": "go_fast"}


def promote(session: Session, job: Job, to: str, terms: Terms) -> Batch:
    """Make a clip's request again with another variant.

    Parameters
    ----------
    session : Session
        Makes it.
    job : Job
        The draft.
    to : str
        The better variant.
    terms : Terms
        Under which limits.

    Raises
    ------
    InvalidRequest
        It is that variant already, or cannot be made so.
    LimitReached
        Above a limit; nothing is sent.
    """
    row = job.row
    variant = session.variant(to, may_ask=not terms.offline)
    if variant.model_id == row.model_id:
        raise InvalidRequest(f"Clip {job.id} is {variant.name} already; another take of it is a new clip.")
    asked, left = promoted(session, row, variant)
    _make_sure_of_picture(session, job, asked)
    batch = session.make(asked, name=row.name, tags=row.tags, cell=session.where(), terms=terms)
    notes = (*batch.notes, _difference(job, batch[0]), *left)
    return replace(batch, notes=notes)


def promote_job(session: Session, job: Job, to: str, options: Mapping[str, Any]) -> Job:
    """Do it for ``job.promote(...)``, with what `Terms` takes as ``yes`` and ``max_cost``."""
    unknown = sorted(options.keys() - {"yes", "max_cost", "offline"})
    if unknown:
        raise InvalidRequest(f"promote takes yes, max_cost and offline, not {unknown[0]}.")
    most = options.get("max_cost")
    terms = Terms(
        yes=bool(options.get("yes")),
        max_cost=None if most is None else read_usd(most, "max_cost"),
        offline=bool(options.get("offline")),
        is_headless=session.is_headless(),
    )
    return promote(session, job, to, terms)[0]


def promoted(session: Session, row: ClipRow, variant: Variant) -> tuple[Asked, tuple[str, ...]]:
    """Give what a row asks for as another variant would, and a line for everything that it cannot take."""
    left: list[str] = []
    options: dict[str, Any] = {}
    inputs: dict[str, Any] = {}
    for name, value in row.inputs.items():
        if name == "prompt":
            continue
        if not variant.has(name) and not (name == "duration" and value in variant.lengths_s):
            left.append(_left_out(variant, name, value))
        elif name == "duration":
            options |= _length(variant, value, left)
        elif name == "image":
            options["image"] = picture_of(session, row, name)
        elif aftercare.is_picture(value):
            inputs[name] = picture_of(session, row, name)
        elif name in OWN:
            options[OWN[name]] = value
        else:
            inputs[name] = value
    return Asked(row.prompt, (variant.name,), inputs=inputs, raw=True, **options), tuple(left)


def picture_of(session: Session, row: ClipRow, name: str) -> ImageRef:
    """Give a row's picture with the identity it has, so that the same clip is found again whatever is left of it.

    Its bytes come from the clip it is a frame of, from the file beside the notebook if that still is the same one, or
    from where it was uploaded within the last days.
    """
    stored: Mapping[str, Any] = row.inputs[name]
    label, fit = str(stored.get("image", "picture")), stored.get("fit")
    if "clip" in stored:
        at = None if stored.get("at") == "last" else float(stored["at"])
        kept = ImageRef.of_clip(str(stored["clip"]), at, label, fit if isinstance(fit, str) else None)
        if named_by(stored["clip"]) is not None:
            return kept
    elif "url" in stored:
        return aftercare.picture_of(session, row, name, stored)
    else:
        kind = "sha256" if "sha256" in stored else "pixels"
        identity = ((kind, stored[kind]), ("fit", fit))
        kept = ImageRef("file" if kind == "sha256" else "drawn", identity, label)
    return _same_file(session.folder, kept, fit) or replace(
        kept, uploaded=aftercare.sent_address(session, row, name)
    )


def _make_sure_of_picture(session: Session, job: Job, asked: Asked) -> None:
    """Refuse what would be sent without its picture; a clip that is there already needs none."""
    picture = asked.image
    if picture is None or picture.is_to_come or picture.url or picture.data or picture.uploaded:
        return
    (clip,), _ = wanted_clips(asked, find=session.variant, quote=table_quote, most=1)
    row = session.ledger.find([(session.service_name(), clip.request.hash, clip.take)])[0]
    if is_to_send(row):
        raise InvalidRequest(
            f"The picture {picture.label} of clip {job.id} is not here any more, nor at the service; put it beside the "
            "notebook again, or run a cell with it."
        )


def _same_file(folder: Path, kept: ImageRef, fit: object) -> ImageRef | None:
    """Read the file of that name beside the notebook; None where it is gone or another one by now."""
    if kept.kind != "file" or "/" in kept.label or "\\" in kept.label:
        return None
    try:
        found = image.from_path(folder / kept.label, fit if isinstance(fit, str) else None)
    except InvalidRequest:
        return None
    return found if found == kept else None


def _length(variant: Variant, value: object, left: list[str]) -> dict[str, Any]:
    """Take a length over where the variant makes it."""
    if value in variant.lengths_s:
        return {"durations": (value,)}
    lengths = " or ".join(map(str, sorted(variant.lengths_s)))
    left.append(f"Not taken over: {value} s; {variant.name} makes {lengths} s.")
    return {}


def _left_out(variant: Variant, name: str, value: object) -> str:
    """Say what a variant has no use for."""
    if name == "duration":
        lengths = " or ".join(map(str, sorted(variant.lengths_s)))
        return f"Not taken over: {value} s; {variant.name} makes {lengths} s."
    if aftercare.is_picture(value) and isinstance(value, Mapping):
        return f"Not taken over: the picture {value.get('image', '')}; {variant.name} takes none."
    return f"Not taken over: {name} {shown(value)}; {variant.name} has no such input."


def _difference(draft: Job, better: Job) -> str:
    """Say what the better one costs beside the draft."""
    old, new = draft.quote_usd, better.quote_usd
    if old is None or new is None:
        return f"{better.variant} for {usd_text(new)}; the draft was {usd_text(old)}."
    gap = new - old
    how = f"{usd_text(abs(gap))} {'more' if gap > 0 else 'less'} than" if gap != Decimal(0) else "as much as"
    return f"{better.variant} for {usd_text(new)}: {how} the draft in {draft.variant} ({usd_text(old)})."
