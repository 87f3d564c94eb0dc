"""What a card says about a batch.

In comes a batch of the session, out goes a `CardView` in words a person uses, with nothing left for a view to decide.
Next: `hailuo_nb.notebook.front` hands it to the painter.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from hailuo_nb.catalog.quotes import sum_usd, usd_text
from hailuo_nb.catalog.variants import Variant
from hailuo_nb.jobs.job import Job
from hailuo_nb.notebook.view import (
    Action,
    CardView,
    ClipView,
    Confirm,
    arrange,
    date_text,
    file_src,
    word_for,
)
from hailuo_nb.session.batch import Batch, Place

NOT_BILLED = "Nothing was billed."
MAYBE_BILLED = "It may have been billed; %hailuo balance shows what is left."
PROBABLY_REFUNDED = "WaveSpeed says that failures are refunded within 3 hours."
REFUSAL = "Whether a refused clip is billed is not documented; the bill will say."
UNCONFIRMED = (
    "It was sent and no answer came. It may be billed, is looked for, and is not sent again by itself."
)


def card_of(batch: Batch, variants: Mapping[str, Variant], speed: float) -> CardView:
    """Give the whole card of a batch.

    Parameters
    ----------
    batch : Batch
        As it is now.
    variants : Mapping[str, Variant]
        Every variant of the batch by name.
    speed : float
        How many times faster than the catalogue says the service works.
    """
    clips = tuple(
        clip_of(str(number), place, batch, variants.get(place.job.variant), speed)
        for number, place in enumerate(batch.places)
    )
    held = batch.held
    held_usd = sum_usd(job.quote_usd for job in held)
    confirm = None
    if held and held_usd is not None and not batch.is_headless:
        confirm = Confirm(label=f"Generate · {usd_text(held_usd)}", sum=str(held_usd))
    return arrange(
        CardView(
            batch=batch.id,
            clips=clips,
            headline=headline(batch),
            is_simulated=batch.service == "simulator",
            is_headless=batch.is_headless,
            note=" ".join([*batch.notes, *([held[0].note] if held else [])]),
            confirm=confirm,
        )
    )


def headline(batch: Batch) -> str:
    """Give the quote line: how many clips, how many are on disk, what the new ones cost, what the budget leaves."""
    if batch.is_headless:
        total = sum_usd(place.job.quote_usd for place in batch.places)
        return f"{_clips(len(batch))} · quote {usd_text(total)}"
    fresh = [place.job for place in batch.places if place.is_new]
    cached = sum(place.job.cached for place in batch.places)
    parts = [_clips(len(batch))]
    if cached:
        parts.append(f"{cached} on disk")
    if fresh:
        parts.append(_new_clips(fresh))
    elif cached == len(batch):
        parts.append("nothing to pay")
    if batch.budget_left_usd is not None:
        parts.append(f"budget left {usd_text(batch.budget_left_usd)}")
    return " · ".join(parts)


def clip_of(key: str, place: Place, batch: Batch, variant: Variant | None, speed: float) -> ClipView:
    """Give one place of the card."""
    job = place.job
    row = job.row
    size = (row.width, row.height) if row.width and row.height else _promised_size(job, variant)
    sent = row.submitted_utc
    finished = row.finished_utc
    typical = variant.typical_s if variant else None
    return ClipView(
        key=key,
        id=job.id,
        name=job.name,
        file=job.file,
        src=file_src(job.file),
        variant=job.variant,
        prompt=job.prompt,
        status=job.status,
        word=word_for(job.status, is_queued=not job.is_held and job.status == "planned" and not job.done()),
        started_ms=int(sent.timestamp() * 1000) if sent else None,
        elapsed_s=(finished - sent).total_seconds() if sent and finished else None,
        typical_s=(typical[0] / speed, typical[1] / speed) if typical else None,
        price=usd_text(job.quote_usd),
        cost_note=_cost_note(job),
        is_simulated=job.service == "simulator",
        is_cached=job.cached,
        cached_note=_cached_note(job),
        width=size[0],
        height=size[1],
        error=_error(job),
        hint=_hint(job),
        prediction_id=job.prediction_id or "",
        note=_odd_size(job, variant),
        actions=_actions(job),
        axes=_axes(place, job, variant, size, batch),
    )


def _axes(
    place: Place, job: Job, variant: Variant | None, size: tuple[int, int], batch: Batch
) -> dict[str, str]:
    """Give everything that may differ between clips, in the order to say it."""
    asked = job.row.asked_duration_s
    seconds = job.row.duration_s or asked
    axes = {"variant": job.variant}
    if seconds:
        axes["length"] = f"{seconds:g} s" if seconds == int(seconds) else f"{seconds:.1f} s"
    if variant is not None and variant.picture:
        axes["size"] = variant.picture
    elif size[1]:
        axes["size"] = f"{size[1]}p"
    axes |= {name: str(value) for name, value in place.axes.items()}
    if any(each.job.take > 1 for each in batch.places):
        axes["take"] = str(job.take)
    return axes


def _promised_size(job: Job, variant: Variant | None) -> tuple[int, int]:
    return (variant.size_for(job.inputs) or (0, 0)) if variant else (0, 0)


def _odd_size(job: Job, variant: Variant | None) -> str:
    """Say where the file is not what the catalogue promises; that is no failure."""
    row = job.row
    if variant is None or job.status != "completed" or not row.width or not row.duration_s:
        return ""
    promised = variant.size_for(job.inputs)
    found = []
    if promised and promised != (row.width, row.height) and not variant.takes_image:
        found.append(f"{row.width}x{row.height} instead of {promised[0]}x{promised[1]}")
    if row.asked_duration_s and abs(row.duration_s - row.asked_duration_s) > 0.5:
        found.append(f"{row.duration_s:.1f} s instead of {row.asked_duration_s:g} s")
    return "The service made " + " and ".join(found) + "." if found else ""


def _cost_note(job: Job) -> str:
    """Say where the shown price comes from, while it is real money that is not billed yet."""
    if job.status != "completed" or job.service == "simulator" or job.cached:
        return ""
    return (
        f"billed {usd_text(job.cost_usd)}" if job.row.price_source == "billing" else "quoted, not billed yet"
    )


def _cached_note(job: Job) -> str:
    made = job.row.finished_utc
    return f"made {date_text(made)}, not paid again" if job.cached and made else ""


def _error(job: Job) -> str:
    if job.status in {"failed", "unconfirmed", "downloading", "cancelled"} and job.row.error:
        return job.row.error
    return ""


def _hint(job: Job) -> str:
    """Say whether it was billed and what to do, or what it waits for."""
    if job.status == "failed":
        return _failure_hint(job)
    if job.status == "unconfirmed":
        return job.note or UNCONFIRMED
    if job.status == "cancelled":
        return f"{NOT_BILLED} Running the cell again sends it."
    if job.status == "planned" and job.done() and not job.is_held:
        return job.note or "It was planned and not sent. Running its cell again sends it, under the limits."
    return "" if job.is_held else job.note  # what a held one waits for stands above all


def _failure_hint(job: Job) -> str:
    """Say whether a failed clip was billed, as far as anybody knows."""
    if job.row.was_accepted is False:
        return f"{NOT_BILLED} Running the cell again sends it once more."
    if job.service == "simulator":
        return "Simulated money only."
    if job.row.price_source == "billing":
        return f"The bill says {usd_text(job.cost_usd)}."
    return REFUSAL if job.row.error_kind == "ContentRejected" else PROBABLY_REFUNDED


def _actions(job: Job) -> tuple[Action, ...]:
    """Give the buttons that mean something now; each says what it costs."""
    price = usd_text(job.quote_usd)
    if job.status == "planned" and not job.is_held and not job.done():
        title = "Not sent yet: cancelling costs nothing"
        return (Action("cancel", "Cancel", title=title, command=f"%hailuo cancel {job.id}"),)
    if job.status == "failed" and job.row.was_accepted is not False:
        return (Action("retry", f"Try again {price}", command=f"%hailuo retry {job.id}"),)
    if job.status == "unconfirmed" and job.done():
        return (
            Action("resend", f"Send once more {price}", command=f"%hailuo resend {job.id}"),
            Action(
                "abandon", "Close it", title="It may have been billed", command=f"%hailuo abandon {job.id}"
            ),
        )
    return ()


def _clips(count: int) -> str:
    return "1 clip" if count == 1 else f"{count} clips"


def _new_clips(fresh: list[Job]) -> str:
    """Say ``8 new at $0.28 = $2.24``, or the sum alone where prices differ."""
    total = sum_usd(job.quote_usd for job in fresh)
    prices: set[Decimal | None] = {job.quote_usd for job in fresh}
    if len(fresh) == 1:
        return f"1 new at {usd_text(total)}"
    if len(prices) == 1:
        return f"{len(fresh)} new at {usd_text(prices.pop())} = {usd_text(total)}"
    return f"{len(fresh)} new = {usd_text(total)}"
