"""Another take: one more clip of the same words.

In comes a clip that is here; out goes the job of the take after it, made under all limits, or shown for nothing where
there is one already. So a call that is run again, or a button that is pressed twice, pays once. There is no seed: a
take is the only way to another clip of the same request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hailuo_nb import errors
from hailuo_nb.catalog.quotes import Quote, usd_text
from hailuo_nb.catalog.request import GenerationRequest
from hailuo_nb.jobs.job import Job
from hailuo_nb.jobs.prices import price_key
from hailuo_nb.ledger.reserving import is_to_send
from hailuo_nb.ledger.rows import ClipRow, NewBatch, NewClip, Reserved
from hailuo_nb.session import aftercare
from hailuo_nb.session.asking import read_usd
from hailuo_nb.session.limits import Terms, check_terms

if TYPE_CHECKING:
    from hailuo_nb.session.session import Session


def next_take(session: Session, job: Job, terms: Terms) -> Job:
    """Give the take after a clip's own: made where there is none, else shown for nothing.

    Raises
    ------
    InvalidRequest
        Its picture is not known here any more.
    KeyMissing
        It would go to WaveSpeed, and there is no key.
    LimitReached
        Above a limit; nothing is sent.
    """
    return _in_a_batch(session, job, job.take + 1, terms)


def same_take(session: Session, job: Job, terms: Terms) -> Job:
    """Give a clip again: shown where it is there, joined where it is on its way, else made under all limits.

    Raises
    ------
    NotOnDisk
        With `terms.offline`, where it would have to be made.
    InvalidRequest, KeyMissing, LimitReached
        As for `next_take`.
    """
    return _in_a_batch(session, job, job.take, terms)


def asked_take(session: Session, job: Job, options: Mapping[str, Any]) -> Job:
    """Make the next take as Python asks for it; headless it is waited for, as any clip there."""
    max_cost = options.get("max_cost")
    terms = Terms(
        yes=bool(options.get("yes")),
        max_cost=None if max_cost is None else read_usd(max_cost, "max_cost"),
        is_headless=session.is_headless(),
    )
    made = next_take(session, job, terms)
    if terms.is_headless:
        made.wait()
    return made


def add_take(session: Session, batch_id: str, job: Job, take: int, shown_usd: Decimal) -> Job:
    """Make a certain take of a clip, in the batch that shows it: a button was pressed, which is the yes to its price.

    Raises
    ------
    ConfirmationNeeded
        The price is another one by now; nothing is sent.
    InvalidRequest, KeyMissing, LimitReached
        As for `next_take`.
    """
    quote = _quote_of(session, job)
    if quote.usd != shown_usd:
        raise errors.ConfirmationNeeded(
            f"Not sent: a take costs {usd_text(quote.usd)} now, not {usd_text(shown_usd)}. Press again to agree."
        )

    def reserve(clip: NewClip, budget_usd: Decimal | None) -> Reserved:
        return session.ledger.add(batch_id, clip, budget_usd=budget_usd)

    return _made(session, job, take, Terms(yes=True), quote, reserve)


def prices_of(session: Session, jobs: Sequence[Job]) -> dict[str, Decimal]:
    """Give by request what one more take costs today, as far as is known here; each price is looked up once."""
    known: dict[str, Decimal | None] = {}
    prices: dict[str, Decimal] = {}
    for job in jobs:
        key = price_key(job.service, job.row.model_id, job.inputs)
        if key not in known:
            known[key] = None
            # The variant may be gone from the service's list, or never have been in it.
            with suppress(errors.HailuoError):
                known[key] = _quote_of(session, job).usd
        usd = known[key]
        if usd is not None:
            prices[job.row.request_hash] = usd
    return prices


def _in_a_batch(session: Session, job: Job, take: int, terms: Terms) -> Job:
    """Make a take in a batch of its own."""
    where, row = session.where(), job.row
    cell = NewBatch(notebook=where.notebook, cell_id=where.id)

    def reserve(clip: NewClip, budget_usd: Decimal | None) -> Reserved:
        return session.ledger.reserve(cell, [clip], budget_usd=budget_usd)[0]

    try:
        quote = _quote_of(session, job)
    except errors.UnknownVariant:
        if take != row.take or row.status != "completed":
            raise
        # It came from where its model is known; to show it, what it was said to cost is enough.
        quote = Quote(row.quote_usd, row.quote_source or "table", row.quote_as_of or "", is_estimate=True)
    return _made(session, job, take, terms, quote, reserve)


def _made(
    session: Session,
    job: Job,
    take: int,
    terms: Terms,
    quote: Quote,
    reserve: Callable[[NewClip, Decimal | None], Reserved],
) -> Job:
    """Write the take down, under all limits where it is to be paid, and hand it to the runner."""
    clip = _clip_of(job.row, take, quote)
    budget_usd = session.settings().budget_usd
    held = ""
    if is_to_send(session.ledger.find([clip.identity])[0]):
        check_terms([clip], terms)
        # Before anything is written, so that a picture that is gone leaves no row.
        request = aftercare.request_of(session, job.row)
        reserved, held = session.send_again(clip, terms, lambda: reserve(clip, budget_usd))
    else:
        request = None
        reserved = reserve(clip, budget_usd)
    made = session.runner(job.service).take(
        reserved.row,
        request=request if reserved.is_new else None,
        cached=reserved.is_cached,
        held=held if reserved.is_new else "",
        fence=reserved.fence,
        wants_file=False if terms.offline else None,
    )
    session.watch([made])
    return made


def _quote_of(session: Session, job: Job) -> Quote:
    row = job.row
    # A picture has no part in a price.
    asked = GenerationRequest(
        row.variant, row.model_id, MappingProxyType(dict(row.inputs)), int(row.asked_duration_s or 0)
    )
    variant = session.models.variant(row.variant, row.service, may_ask=False)
    return session.quote_of(variant, asked, row.service)


def _clip_of(row: ClipRow, take: int, quote: Quote) -> NewClip:
    return NewClip(
        service=row.service,
        request_hash=row.request_hash,
        take=take,
        variant=row.variant,
        model_id=row.model_id,
        prompt=row.prompt,
        prompt_template=row.prompt_template,
        axes=row.axes,
        inputs=row.inputs,
        image=row.image,
        quote_usd=quote.usd,
        quote_source=quote.source,
        quote_as_of=quote.as_of or None,
        duration_s=row.asked_duration_s,
        name=row.name,
        tags=row.tags,
    )
