"""What a card says about a batch.

In comes a batch of the session, out goes a `CardView` in words a person uses, with nothing left for a view to decide.
Next: `hailuo_nb.notebook.front` hands it to the painter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache

from hailuo_nb.catalog.quotes import clips_text, quote_line, sum_usd, usd_text
from hailuo_nb.catalog.variants import Variant
from hailuo_nb.jobs.job import OUT, Job
from hailuo_nb.notebook.view import (
    Action,
    CardView,
    ClipView,
    Confirm,
    Earlier,
    Word,
    about_text,
    arrange,
    brief,
    date_text,
    file_src,
    moment_text,
    word_for,
)
from hailuo_nb.prompts.changes import Piece, changes
from hailuo_nb.session.batch import Batch, Place
from hailuo_nb.session.remaining import Outlook
from hailuo_nb.session.versions import Version

NOT_BILLED = "Nothing was billed."
MAYBE_BILLED = "It may have been billed; %hailuo balance shows what is left."
PROBABLY_REFUNDED = "WaveSpeed says that failures are refunded within 3 hours."
REFUSAL = "Whether a refused clip is billed is not documented; the bill will say."
UNCONFIRMED = (
    "It was sent and no answer came. It may be billed, is looked for, and is not sent again by itself."
)
# Of a version before, so many clips are shown: more would make a notebook heavy that is not looked into.
MOST_EARLIER = 12


@dataclass(frozen=True)
class Known:
    """What is looked up once for a card, so that drawing it asks no disk.

    Attributes
    ----------
    variants : Mapping[str, Variant]
        Every variant of the batch by name.
    speed : float
        How many times faster than the catalogue says the service works.
    outlook : Outlook or None
        How long clips take and what the account allows.
    take_usd : Mapping[str, Decimal]
        By request, what one more take costs today; without a price there is no button.
    version : Version or None
        The version of the cell before its text was changed.
    """

    variants: Mapping[str, Variant] = field(default_factory=dict)
    speed: float = 1.0
    outlook: Outlook | None = None
    take_usd: Mapping[str, Decimal] = field(default_factory=dict)
    version: Version | None = None


@dataclass(frozen=True)
class Others:
    """What a place says only in view of the others; worked out once a card, since a card may hold a thousand.

    Attributes
    ----------
    count : int
        How many places there are.
    takes : Mapping[str, int]
        By request, the last take that the batch shows.
    has_templates, has_takes : bool
        Whether the prompts were made from several texts, and whether there are further takes.
    """

    count: int
    takes: Mapping[str, int]
    has_templates: bool
    has_takes: bool

    @classmethod
    def of(cls, batch: Batch) -> Others:
        """Look at a batch."""
        jobs = batch.jobs
        takes: dict[str, int] = {}
        for job in jobs:
            takes[job.row.request_hash] = max(takes.get(job.row.request_hash, 0), job.take)
        templates = {job.row.prompt_template for job in jobs}
        return cls(len(batch), takes, len(templates) > 1, any(job.take > 1 for job in jobs))


def card_of(batch: Batch, known: Known, now: datetime | None = None) -> CardView:
    """Give the whole card of a batch.

    Parameters
    ----------
    batch : Batch
        As it is now.
    known : Known
        What was looked up for it.
    now : datetime, optional
        The time.
    """
    others = Others.of(batch)
    template = _template(batch)
    clips = tuple(
        clip_of(str(number), place, batch, known, others, is_said=bool(template))
        for number, place in _in_order(batch)
    )
    held = batch.held
    held_usd = sum_usd(job.quote_usd for job in held)
    confirm = None
    if held and held_usd is not None and not batch.is_headless:
        confirm = Confirm(label=f"Generate · {usd_text(held_usd)}", sum=str(held_usd))
    now = now or datetime.now(UTC)
    left_s = None if batch.is_headless or known.outlook is None else known.outlook.left_s(batch.jobs, now)
    pace = (
        known.outlook.pace
        if known.outlook and left_s and known.outlook.is_held_up(batch.jobs, left_s)
        else ""
    )
    notes = [*batch.notes, *([held[0].held_because] if held else [])]
    if held and left_s and pace:
        notes.append(f"It will take {about_text(left_s)} {pace}.")
    return arrange(
        CardView(
            batch=batch.id,
            clips=clips,
            headline=headline(batch),
            prompt=template,
            is_simulated=batch.service == "simulator",
            is_headless=batch.is_headless,
            note=" ".join(notes),
            confirm=confirm,
            until_ms=int((now.timestamp() + left_s) * 1000) if left_s and not held else None,
            pace=pace,
            earlier=None if batch.is_headless or known.version is None else earlier_of(known.version, known),
        )
    )


def _template(batch: Batch) -> str:
    """Give what all prompts were made from, where only axes differ; heads and captions say their values."""
    templates = {place.job.row.prompt_template for place in batch.places}
    prompts = {place.job.prompt for place in batch.places}
    if len(templates) != 1 or len(prompts) < 2 or not all(place.axes for place in batch.places):
        return ""
    return templates.pop() or ""


def _in_order(batch: Batch) -> list[tuple[int, Place]]:
    """Give the places as they are shown: a take that was added later stands beside the others of its request."""
    first: dict[tuple[str, ...], int] = {}
    numbered = list(enumerate(batch.places))
    for number, place in numbered:
        first.setdefault((place.job.row.request_hash, *place.axes.values()), number)
    return sorted(
        numbered, key=lambda each: (first[(each[1].job.row.request_hash, *each[1].axes.values())], each[0])
    )


def earlier_of(version: Version, known: Known) -> Earlier:
    """Give what stands behind the quiet line about the version before."""
    batch = version.batch
    found = _compared(version.was.strip(), version.now.strip())
    total = sum_usd(_paid_usd(job) for job in batch.jobs)
    price = " ".join(filter(None, ["simulated" if batch.service == "simulator" else "", usd_text(total)]))
    more = len(batch) - MOST_EARLIER
    others = Others.of(batch)
    clips = tuple(
        replace(
            clip_of(f"p{number}", place, batch, known, others),
            actions=(),
            cached_note="",
            cost_note="",
            is_said=bool(_template(batch)) or place.job.prompt == version.was.strip(),
        )
        for number, place in enumerate(batch.places[:MOST_EARLIER])
    )
    shown = arrange(CardView("", clips, prompt=" "))
    return Earlier(
        line=f"previous version, {moment_text(version.when)} · {price} · {found.text}",
        title=f"{version.when:%Y-%m-%d %H:%M:%S} UTC",
        was=_words(found.was),
        now=_words(found.now),
        clips=tuple(replace(clip, caption=clip.label or clip.caption) for clip in shown.clips),
        more=f"and {clips_text(more)} more: batch.previous has all of them" if more > 0 else "",
    )


# A card is drawn several times a second, and its texts do not change.
_compared = lru_cache(maxsize=64)(changes)


def _words(pieces: tuple[Piece, ...]) -> tuple[Word, ...]:
    """Give a compared text as the card shows it."""
    return tuple(Word(piece.text, piece.is_changed) for piece in pieces)


def _paid_usd(job: Job) -> Decimal | None:
    """Give what a clip cost, else what it was said to cost; nothing for one that was never sent."""
    is_unsent = job.status in {"planned", "cancelled"} or job.row.was_accepted is False
    if is_unsent or job.row.imported_utc is not None:  # somebody else paid for that one
        return Decimal(0)
    return job.quote_usd if job.cost_usd is None else job.cost_usd


def headline(batch: Batch) -> str:
    """Give the quote line: how many clips, how many are on disk, what the new ones cost, what the budget leaves."""
    if batch.is_headless:
        total = sum_usd(place.job.quote_usd for place in batch.places)
        return f"{clips_text(len(batch))} · quote {usd_text(total)}"
    fresh = [place.job.quote_usd for place in batch.places if place.is_new]
    # Of a cell only: what a command shows again was not asked for anew.
    joined = 0 if batch.id.startswith("show-") else len(_joined(batch))
    on_disk = sum(place.job.cached for place in batch.places)
    return quote_line(len(batch), on_disk, fresh, batch.budget_left_usd, joined)


def _joined(batch: Batch) -> list[Job]:
    """Give the clips that were on their way when their cell ran again; not those that stand twice in it."""
    fresh = {place.job for place in batch.places if place.is_new}
    return [
        job for job in batch.jobs if job not in fresh and not job.cached and job.status in OUT | {"completed"}
    ]


def clip_of(
    key: str, place: Place, batch: Batch, known: Known, others: Others, *, is_said: bool = False
) -> ClipView:
    """Give one place of the card."""
    job = place.job
    variant, speed = known.variants.get(job.variant), known.speed
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
        actions=_actions(job)
        or _another(job, known, others.takes, is_gathered=batch.is_gathered) + _for_the_form(job),
        is_said=is_said,
        axes=_axes(place, job, variant, size, others),
    )


def _axes(
    place: Place, job: Job, variant: Variant | None, size: tuple[int, int], others: Others
) -> dict[str, str]:
    """Give everything that may differ between clips, in the order to say it."""
    # As asked: what was measured would move clips about on the card as they arrive, and is said in a note.
    seconds = job.row.asked_duration_s or job.row.duration_s
    axes = {"variant": job.variant}
    if seconds:
        axes["length"] = f"{seconds:g} s" if seconds == int(seconds) else f"{seconds:.1f} s"
    if variant is not None and variant.picture:
        axes["size"] = variant.picture
    elif size[1] and others.count == 1:
        axes["size"] = f"{size[1]}p"
    if others.has_templates:
        axes["prompt"] = brief(job.row.prompt_template or job.prompt)
    axes |= {name: str(value) for name, value in place.axes.items()}
    if others.has_takes:
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
    """Say where the shown price comes from, while it is real money that is not billed yet; and who paid it."""
    if job.row.imported_utc is not None:
        return "imported: somebody else paid"
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


def _for_the_form(job: Job) -> tuple[Action, ...]:
    """Give the button that fills the form with what made a clip."""
    if job.status != "completed":
        return ()
    return (Action("use", "Use again", title="Fill the form with what made this clip"),)


def _another(job: Job, known: Known, takes: Mapping[str, int], *, is_gathered: bool) -> tuple[Action, ...]:
    """Give the button for one more take, on the last one of its request that is here."""
    usd = known.take_usd.get(job.row.request_hash)
    if usd is None or job.status != "completed" or job.take != takes[job.row.request_hash]:
        return ()
    price = " ".join(filter(None, ["simulated" if job.service == "simulator" else "", usd_text(usd)]))
    title = f"Makes take {job.take + 1} of the same words"
    command = "" if is_gathered else f"--takes {job.take + 1}"
    return (Action(f"take-{job.take + 1}", f"New take {price}", title=title, command=command, sum=str(usd)),)
