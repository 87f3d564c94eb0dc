"""The main job: from what a cell asks for to its batch, under all limits.

In comes `Asked` with the terms it is under; it is multiplied out, checked and priced, weighed, written down in one
transaction, and only then handed to the runner. Out goes a `Batch`; `preview` stops before anything is written.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from hailuo_nb import errors
from hailuo_nb.analysis.preview import preview_frame
from hailuo_nb.catalog.quotes import Quote
from hailuo_nb.catalog.request import GenerationRequest
from hailuo_nb.catalog.variants import Variant
from hailuo_nb.jobs.prices import price_key
from hailuo_nb.jobs.runner import Runner
from hailuo_nb.ledger.reserving import is_to_send
from hailuo_nb.ledger.rows import ClipRow, NewBatch, NewClip, Reserved
from hailuo_nb.session.batch import Batch, Place
from hailuo_nb.session.cloned import files_gone, made_elsewhere, without_key
from hailuo_nb.session.limits import Leave, Terms, check_terms
from hailuo_nb.session.plan import Asked, Wanted, wanted_clips
from hailuo_nb.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pandas import DataFrame

    from hailuo_nb.session.session import Session

logger = logging.getLogger(__name__)
logger.addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Cell:
    """Where a request comes from: the notebook's file, the cell's id and its text, and the variable it fills."""

    notebook: str | None = None
    id: str | None = None
    text: str | None = None
    variable: str | None = None

    @property
    def options(self) -> dict[str, str]:
        """What of it the ledger keeps beside its own columns."""
        return {"variable": self.variable} if self.variable else {}


@dataclass(frozen=True)
class _Order:
    """What one cell asks for, priced, and under which settings, terms and service it is weighed."""

    clips: Sequence[Wanted]
    new: Sequence[NewClip]
    paid: Sequence[NewClip]
    terms: Terms
    now: Settings
    service: str


def make(
    session: Session,
    asked: Asked,
    *,
    name: str | None = None,
    tags: Sequence[str] = (),
    cell: Cell | None = None,
    terms: Terms | None = None,
) -> Batch:
    """Make the clips that do not exist yet, and give all of them; see `Session.make`."""
    terms, cell, now = terms or Terms(), cell or Cell(), session.settings()
    folder = session.home(now)
    service, elsewhere, clips, notes = _planned(session, asked, now, terms)
    new = [_new_clip(clip, service, name, tags) for clip in clips]
    order = _Order(clips, new, _to_pay(session, new, service), terms, now, service)
    check_terms(order.paid, terms)
    if order.paid and elsewhere:
        raise errors.KeyMissing(without_key(order.paid))
    if order.paid:
        session.make_sure_of_key(service, terms)
    batch = NewBatch(
        notebook=cell.notebook, cell_id=cell.id, cell_text=cell.text, options=cell.options, name=name
    )
    fetches = not (terms.offline or elsewhere)
    batch_id, places = _written_down(session, order, batch, fetches=fetches)
    notes = notes if fetches else (*notes, *files_gone(places))
    logger.debug("batch %s in %s: %d places", batch_id, folder, len(places))
    return Batch(
        batch_id,
        places,
        session,
        name=name or "",
        service=service,
        is_headless=terms.is_headless,
        budget_left_usd=session.budget_left(service, now),
        notes=notes,
    )


def preview(
    session: Session, asked: Asked, *, max_clips: int | None = None, is_live: bool = False
) -> DataFrame:
    """Give prompts, prices and what is on disk as a DataFrame; see `Session.preview`."""
    now = session.settings()
    service = session.service_name(now)
    may_ask = service == "wavespeed" and session.key() is not None
    clips, notes = _wanted(
        session, asked, now, service, max_clips, may_ask=may_ask, is_live=is_live and may_ask
    )
    service = made_elsewhere(session, clips, now, service, is_offline=False) or service
    if not now.cache:
        clips = _further_takes(session, clips, service)
    new = [_new_clip(clip, service, None, ()) for clip in clips]
    # What waits here for a yes is still to be paid.
    found = _rows_of(session, new)
    held = {row.id: row.quote_usd or Decimal(0) for row in found if row and session.is_held(row, service)}
    rows = [None if row is None or row.id in held else row for row in found]
    left = session.budget_left(service, now)
    left = None if left is None else left + sum(held.values())
    return preview_frame(new, rows, budget_left_usd=left, is_headless=session.is_headless(), notes=notes)


# What is wanted, and what of it is to be paid


def _planned(
    session: Session, asked: Asked, now: Settings, terms: Terms
) -> tuple[str, str, tuple[Wanted, ...], tuple[str, ...]]:
    """Give the service of a cell, again where it is not the one that the next clip would go to, clips and notes."""
    service = session.service_name(now)
    other = "simulator" if service == "wavespeed" else "wavespeed"
    try:
        clips, notes = _to_make(session, asked, now, service, terms)
    except errors.UnknownVariant:
        # A model that only the other service has, in a ledger that came from where there was a key.
        if now.service != "auto" or not session.has_ledger() or not (terms.offline or other == "wavespeed"):
            raise
        with suppress(errors.UnknownVariant):
            clips, notes = _to_make(session, asked, now, other, replace(terms, offline=True))
            if made_elsewhere(session, clips, now, service, is_offline=terms.offline):
                return other, other, clips, notes
        raise
    elsewhere = made_elsewhere(session, clips, now, service, is_offline=terms.offline)
    if elsewhere:
        clips, notes = _to_make(session, asked, now, elsewhere, terms)
    return elsewhere or service, elsewhere, clips, notes


def _to_make(
    session: Session, asked: Asked, now: Settings, service: str, terms: Terms
) -> tuple[tuple[Wanted, ...], tuple[str, ...]]:
    """Give the clips a cell wants, and a note for each that was dropped."""
    # Where a limit has to be kept, a price that nobody here knows is asked for even in the simulator.
    has_limit = terms.max_cost is not None or now.budget_usd is not None
    may_ask = not terms.offline and (
        service != "wavespeed" or now.service != "auto" or session.key() is not None
    )
    clips, notes = _wanted(
        session,
        asked,
        now,
        service,
        terms.max_clips,
        may_ask=may_ask,
        may_price=may_ask and (has_limit or service == "wavespeed"),
    )
    if not now.cache and not terms.offline:
        clips = _further_takes(session, clips, service)
    return clips, notes


def _wanted(
    session: Session,
    asked: Asked,
    now: Settings,
    service: str,
    max_clips: int | None,
    *,
    may_ask: bool,
    may_price: bool = False,
    is_live: bool = False,
) -> tuple[tuple[Wanted, ...], tuple[str, ...]]:
    """Multiply out and price what was asked; each price is looked up once."""
    prices: dict[str, Quote] = {}
    models = session.models

    def find(name: str) -> Variant:
        return models.variant(name, service, may_ask=may_ask)

    def quote(variant: Variant, request: GenerationRequest) -> Quote:
        key = price_key(service, variant.model_id, request.inputs)
        if key not in prices:
            prices[key] = (
                models.asked_price(variant, request, service)
                if is_live
                else models.quote(variant, request, service, may_ask=may_price)
            )
        return prices[key]

    return wanted_clips(asked, find=find, quote=quote, most=max_clips or now.max_clips)


def _further_takes(session: Session, clips: Sequence[Wanted], service: str) -> tuple[Wanted, ...]:
    """Go on to takes that are not on disk yet: what ``cache=False`` asks for.

    There is no other way to another clip of the same words, since a take is part of what a clip is. What is on
    its way, or had failed, stands where it stood: no setting pays for that twice.
    """
    on_disk = {clip.request.hash: _takes_on_disk(session, clip.request.hash, service) for clip in clips}
    moved: dict[tuple[str, int], int] = {}
    for clip in sorted(clips, key=lambda each: each.take):
        asked = (clip.request.hash, clip.take)
        if asked not in moved:
            taken = on_disk[clip.request.hash]
            moved[asked] = next(take for take in range(1, len(taken) + 2) if take not in taken)
            taken.add(moved[asked])
    return tuple(replace(clip, take=moved[clip.request.hash, clip.take]) for clip in clips)


def _takes_on_disk(session: Session, request_hash: str, service: str) -> set[int]:
    if not session.has_ledger():
        return set()
    rows = session.ledger.rows(request_hash=request_hash, service=service, statuses={"completed"})
    return {row.take for row in rows}


def _rows_of(session: Session, new: Sequence[NewClip]) -> list[ClipRow | None]:
    """Give what the ledger has of each clip; nothing where there is no ledger."""
    if not session.has_ledger():
        return [None] * len(new)
    return session.ledger.find([clip.identity for clip in new])


def _to_pay(session: Session, new: Sequence[NewClip], service: str) -> list[NewClip]:
    """Give the clips that this cell would send, each once."""
    distinct = list({clip.identity: clip for clip in reversed(new)}.values())[::-1]
    return [
        clip
        for clip, row in zip(distinct, _rows_of(session, distinct), strict=True)
        if is_to_send(row) or session.is_held(row, service)
    ]


# Weighed and written down


def _written_down(
    session: Session, order: _Order, batch: NewBatch, *, fetches: bool
) -> tuple[str, tuple[Place, ...]]:
    """Weigh the order, write its rows in one transaction, and hand them to the runner."""
    service, consent = order.service, session.consent
    is_money = service == "wavespeed"
    prices = [clip.quote_usd for clip in order.paid] if is_money else []
    leave = consent.ask(prices, order.terms, order.now.confirm_above_usd)
    with _given_back(session, leave):
        runner = session.runner(service)
        batch_id, reserved = session.ledger.reserve_batch(batch, order.new, budget_usd=order.now.budget_usd)
        session.models.write_down(session.ledger)
        held = leave.reason or _late_reason(session, order, reserved)
        mine = {
            each.row.id: clip.quote_usd
            for clip, each in zip(order.new, reserved, strict=True)
            if each.is_new or session.is_held(each.row, service)
        }
    if is_money:
        consent.use(leave, {} if held else mine)
    places = tuple(
        _placed(runner, clip, each, held=held, fetches=fetches)
        for clip, each in zip(order.clips, reserved, strict=True)
    )
    consent.watch([place.job for place in places if place.is_new])
    return batch_id, places


@contextmanager
def _given_back(session: Session, leave: Leave) -> Iterator[None]:
    """Forget what was counted for a cell if nothing is written for it after all."""
    try:
        yield
    except BaseException:
        session.consent.give_back(leave)
        raise


def _late_reason(session: Session, order: _Order, reserved: Sequence[Reserved]) -> str:
    """Weigh clips that became this cell's to send while it was reserved: another kernel died just then."""
    known = {clip.identity for clip in order.paid}
    late = [
        clip
        for clip, each in zip(order.new, reserved, strict=True)
        if each.is_new and clip.identity not in known
    ]
    if not late:
        return ""
    try:
        check_terms([*order.paid, *late], order.terms)
        if order.service != "wavespeed":
            return ""
        leave = session.consent.ask(
            [clip.quote_usd for clip in late], order.terms, order.now.confirm_above_usd
        )
    except errors.LimitReached as error:
        return str(error)
    # They are counted by their rows in a moment, as all of the cell's.
    session.consent.give_back(leave)
    return leave.reason


def _placed(runner: Runner, clip: Wanted, reserved: Reserved, *, held: str, fetches: bool) -> Place:
    """Hand one row to the runner, with what to send where it is this cell's to send."""
    is_mine = reserved.is_new or (reserved.is_joined and runner.is_held(reserved.row.id))
    job = runner.take(
        reserved.row,
        request=clip.request if is_mine else None,
        cached=reserved.is_cached,
        held=held if is_mine else "",
        fence=reserved.fence,
        wants_file=None if fetches else False,
    )
    return Place(job, dict(clip.axes), is_mine)


def _new_clip(clip: Wanted, service: str, name: str | None, tags: Sequence[str]) -> NewClip:
    request = clip.request
    return NewClip(
        service=service,
        request_hash=request.hash,
        take=clip.take,
        variant=request.variant,
        model_id=request.model_id,
        prompt=request.prompt,
        prompt_template=clip.template,
        axes=clip.axes,
        inputs=request.ledger_inputs(),
        image=request.image.label if request.image else None,
        quote_usd=clip.quote.usd,
        quote_source=clip.quote.source,
        quote_as_of=clip.quote.as_of,
        duration_s=float(request.duration_s) if request.duration_s else None,
        name=name,
        tags=tuple(tags),
    )
