"""What a person does about clips that went wrong: try again, adopt, give up, settle, take up.

In comes a session and a clip; out goes its handle, on its way again. Whatever costs money here is weighed against the
same limits as a cell, and is sent once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hailuo_nb import errors
from hailuo_nb.catalog.imageref import ImageRef
from hailuo_nb.catalog.quotes import table_quote, usd_text
from hailuo_nb.catalog.request import GenerationRequest
from hailuo_nb.jobs import waiting
from hailuo_nb.jobs.job import Job
from hailuo_nb.ledger.rows import ClipRow, NewBatch, NewClip
from hailuo_nb.media import image

if TYPE_CHECKING:
    from hailuo_nb.session.session import Session, Terms

TRIED_AGAIN = frozenset({"failed", "unconfirmed", "abandoned"})


def again(session: Session, job: Job, terms: Terms) -> Job:
    """Send a failed, unconfirmed or abandoned clip once more, as a new attempt at today's price.

    Raises
    ------
    InvalidRequest
        It is none of these, or its picture is not known here any more.
    LimitReached
        Above a limit; nothing is sent.
    """
    row = job.row
    if row.status not in TRIED_AGAIN:
        raise errors.InvalidRequest(
            f"Clip {job.id} is {row.status}; only what failed or got no answer is sent again."
        )
    request = request_of(session, row)
    variant = session.variant(row.variant)
    quote = table_quote(variant, request)
    price = row.quote_usd if quote.usd is None else quote.usd
    held = session.weigh([price], terms, row.service)
    reserved = session.ledger.again(
        row.id,
        quote_usd=price,
        quote_source=quote.source,
        quote_as_of=quote.as_of or None,
        budget_usd=session.settings().budget_usd,
    )
    runner = session.runner(row.service)
    return runner.take(reserved.row, request=request, held=held, fence=reserved.fence)


def request_of(session: Session, row: ClipRow) -> GenerationRequest:
    """Make the request of a row anew, its pictures from where they are still known."""
    inputs = {
        name: _picture(session, row, name, value) if isinstance(value, Mapping) else value
        for name, value in row.inputs.items()
    }
    seconds = int(row.asked_duration_s or 0)
    return GenerationRequest(row.variant, row.model_id, MappingProxyType(inputs), seconds)


def adopt(session: Session, job: Job, prediction_id: str) -> Job:
    """Take a prediction for an unconfirmed clip."""
    if job.status not in {"unconfirmed", "abandoned"}:
        raise errors.InvalidRequest(
            f"Clip {job.id} is {job.status}; only an unconfirmed one adopts a prediction."
        )
    _decide(session, job, "submitted", prediction_id=prediction_id)
    return job


def abandon(session: Session, job: Job) -> Job:
    """Give up an unconfirmed clip; it may have been billed, and is not looked for any more."""
    if job.status != "unconfirmed":
        raise errors.InvalidRequest(
            f"Clip {job.id} is {job.status}; only an unconfirmed one can be given up."
        )
    _decide(session, job, "abandoned")
    return job


def take_up(session: Session, prediction_id: str) -> Job:
    """Take up a prediction by its id, also one that this ledger has never seen; nothing is sent."""
    service = session.service_name()
    rows = session.ledger.rows(prediction_ids=[prediction_id])
    runner = session.runner(service)
    if rows:
        return session.runner(rows[0].service).take(rows[0])

    async def ask() -> Any:
        return await (await runner.desk.service.client()).result(prediction_id)

    found = session.call(ask())
    inputs = dict(found.inputs or {})
    clip = NewClip(
        service=service,
        request_hash=f"{prediction_id:0>64}"[-64:],
        variant=_short_name(session, found.model),
        model_id=found.model or "unknown",
        prompt=str(inputs.get("prompt", "")),
        inputs={name: value for name, value in inputs.items() if not str(value).startswith("data:")},
    )
    reserved = session.ledger.take_in(
        NewBatch(), clip, prediction_id=prediction_id, submitted_utc=found.created_utc
    )
    return runner.take(reserved.row, fence=reserved.fence)


def settle(session: Session, service: str) -> list[ClipRow]:
    """Read the billings of everything whose real cost is not known yet, and write it down.

    Returns
    -------
    list of ClipRow
        The rows whose cost is known now.
    """
    rows = {row.prediction_id: row for row in session.ledger.unsettled(service) if row.prediction_id}
    if not rows:
        return []
    desk = session.runner(service).desk

    async def ask() -> Any:
        return await (await desk.service.client()).billings(list(rows))

    sums: dict[str, Decimal] = {}
    for bill in session.call(ask()):
        if bill.prediction_id in rows:
            clip_id = rows[bill.prediction_id].id
            signed = bill.usd if bill.kind == "deduct" else -bill.usd
            sums[clip_id] = sums.get(clip_id, Decimal(0)) + signed
    return session.ledger.set_costs({clip_id: max(Decimal(0), usd) for clip_id, usd in sums.items()})


def settled_line(rows: Sequence[ClipRow]) -> str:
    """Say in one line what settling found."""
    if not rows:
        return "Nothing to settle: every bill that the service shows is written down."
    total = sum((row.cost_usd or Decimal(0) for row in rows), Decimal(0))
    clips = "1 clip" if len(rows) == 1 else f"{len(rows)} clips"
    return f"{clips} settled: {usd_text(total)} billed."


def _decide(session: Session, job: Job, to: str, **columns: Any) -> None:
    future = session.runner(job.service).decide(job, to, **columns)
    waiting.wait(future)
    future.result()


def _picture(session: Session, row: ClipRow, name: str, stored: Mapping[str, Any]) -> ImageRef:
    """Find a row's picture again: by its address, as it was uploaded, or as a frame of a clip that is here."""
    if "url" in stored and "url_sha256" not in stored:
        return ImageRef.of_address(str(stored["url"]))
    sent = session.ledger.recall(f"sent:{row.id}", 6 * 24 * 3600.0) or {}
    if name in sent:
        return ImageRef.of_address(str(sent[name]))
    if "clip" in stored:
        path = session.clip_path(str(stored["clip"]))
        if path is not None:
            return image.from_clip(path, None if stored["at"] == "last" else float(stored["at"]))
    raise errors.InvalidRequest(
        f"The picture {stored.get('image', '')} of clip {row.id} is not known here any more; run its cell again."
    )


def _short_name(session: Session, model_id: str) -> str:
    """Give a model's short name where the catalogue has one."""
    try:
        return session.variant(model_id, ask=False).name
    except errors.HailuoError:
        return model_id or "unknown"
