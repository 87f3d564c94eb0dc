"""What a person does about clips that went wrong: try again, adopt, give up, settle, take up.

In comes a session and a clip; out goes its handle, on its way again. Whatever costs money here is weighed against the
same limits as a cell, and is sent once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hailuo_nb import errors
from hailuo_nb.catalog.imageref import ImageRef
from hailuo_nb.catalog.quotes import usd_text
from hailuo_nb.catalog.request import GenerationRequest
from hailuo_nb.jobs import waiting
from hailuo_nb.jobs.job import Job
from hailuo_nb.ledger.rows import ClipRow, NewBatch, NewClip
from hailuo_nb.media import image
from hailuo_nb.wavespeed.prediction import Prediction

if TYPE_CHECKING:
    from hailuo_nb.session.session import Session, Terms

TRIED_AGAIN = frozenset({"failed", "unconfirmed", "abandoned"})
# Uploads live seven days; one is not relied on for its last.
UPLOAD_AGE_S = 6 * 24 * 3600.0
AROUND = timedelta(minutes=1)


def again(session: Session, job: Job, terms: Terms) -> Job:
    """Send a failed, unconfirmed or abandoned clip once more, as a new attempt at today's price.

    Raises
    ------
    InvalidRequest
        It is none of these, or its picture is not known here any more.
    KeyMissing
        It would go to WaveSpeed, and there is no key.
    LimitReached
        Above a limit; nothing is sent.
    """
    row = job.row
    if row.status not in TRIED_AGAIN:
        raise errors.InvalidRequest(
            f"Clip {job.id} is {row.status}; only what failed or got no answer is sent again."
        )
    request = request_of(session, row)
    quote = session.quote_of(session.variant(row.variant), request, row.service)
    # Nobody knows today's price: the last one is the best guess, and the live one is asked before it is sent.
    price = row.quote_usd if quote.usd is None else quote.usd
    reserved, held = session.send_again(
        _once_more(row, price),
        terms,
        lambda: session.ledger.again(
            row.id,
            quote_usd=price,
            quote_source=quote.source,
            quote_as_of=quote.as_of or None,
            budget_usd=session.settings().budget_usd,
        ),
    )
    runner = session.runner(row.service)
    made = runner.take(reserved.row, request=request, held=held, fence=reserved.fence)
    session.watch([made])
    return made


def request_of(session: Session, row: ClipRow) -> GenerationRequest:
    """Make the request of a row anew, its pictures from where they are still known."""
    inputs = {
        name: picture_of(session, row, name, value) if is_picture(value) else value
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
    _decide(session, job, "submitted", prediction_id=_checked_id(prediction_id))
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
    """Take up a prediction by its id, also one that this ledger has never seen; nothing is sent.

    Raises
    ------
    InvalidRequest
        That cannot be an id, or its model makes no video.
    NotFound
        The service has no such prediction, or no longer.
    """
    prediction_id = _checked_id(prediction_id)
    rows = session.ledger.rows(prediction_ids=[prediction_id]) if session.has_ledger() else []
    if rows:
        return session.runner(rows[0].service).take(rows[0], wants_file=True)
    service = session.service_name()
    found = session.ask(service, lambda client: client.result(prediction_id))
    inputs = _inputs_of(session, service, found)
    clip = NewClip(
        service=service,
        request_hash=hashlib.sha256(f"prediction {prediction_id}".encode()).hexdigest(),
        variant=_name_of_model(session, found.model),
        model_id=found.model or "unknown",
        prompt=str(inputs.get("prompt", "")),
        inputs=inputs,
    )
    reserved = session.ledger.take_in(
        NewBatch(), clip, prediction_id=prediction_id, submitted_utc=found.created_utc
    )
    return session.runner(service).take(reserved.row, fence=reserved.fence)


def bring_back(session: Session, job: Job) -> Job:
    """Carry a clip on, and fetch its file again where that is gone and the service still has it; nothing is sent."""
    return session.runner(job.service).take(job.row, wants_file=True)


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
    sums: dict[str, Decimal] = {}
    for bill in session.ask(service, lambda client: client.billings(list(rows))):
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


def _once_more(row: ClipRow, price: Decimal | None) -> NewClip:
    """Give what the limits look at."""
    return NewClip(
        service=row.service,
        request_hash=row.request_hash,
        take=row.take,
        variant=row.variant,
        model_id=row.model_id,
        prompt=row.prompt,
        quote_usd=price,
    )


def _checked_id(prediction_id: str) -> str:
    """Refuse what cannot be the service's id, before it is part of an address or a row."""
    text = prediction_id.strip()
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{3,127}", text):
        raise errors.InvalidRequest(f"{text[:40]!r} is neither a clip here nor the id of a prediction.")
    return text


def is_picture(value: object) -> bool:
    """Tell a picture as the ledger keeps it from an input that is a mapping by itself."""
    return (
        isinstance(value, Mapping)
        and "image" in value
        and bool({"url", "sha256", "pixels", "clip"} & value.keys())
    )


def picture_of(session: Session, row: ClipRow, name: str, stored: Mapping[str, Any]) -> ImageRef:
    """Find a row's picture again: by its address, as it was uploaded, or as a frame of a clip that is here."""
    if "url" in stored and "url_sha256" not in stored:
        return ImageRef.of_address(str(stored["url"]))
    sent = sent_address(session, row, name)
    if sent is not None:
        return ImageRef.of_address(sent)
    if "clip" in stored:
        path = session.clip_path(str(stored["clip"]))
        if path is not None:
            return image.from_clip(path, None if stored.get("at") == "last" else float(stored["at"]))
    raise errors.InvalidRequest(
        f"The picture {stored.get('image', '')} of clip {row.id} is not known here any more; run its cell again."
    )


def sent_address(session: Session, row: ClipRow, name: str) -> str | None:
    """Give the address under which a row's picture was uploaded, while the service still keeps it."""
    if not session.has_ledger():
        return None
    sent = str((session.ledger.recall(f"sent:{row.id}", UPLOAD_AGE_S) or {}).get(name, ""))
    return sent if sent.startswith(("http://", "https://")) else None


def _inputs_of(session: Session, service: str, found: Prediction) -> dict[str, Any]:
    """Give what a prediction was asked for; the service tells it among the recent ones only, if at all."""
    inputs = found.inputs
    if inputs is None and found.created_utc is not None:
        since, until = found.created_utc - AROUND, found.created_utc + AROUND
        with suppress(errors.ServiceError):
            recent = session.ask(
                service,
                lambda client: client.recent(model=found.model, created_after=since, created_before=until),
            )
            inputs = next((each.inputs for each in recent if each.id == found.id), None)
    # Whole pictures have no place in a row, and a signature none in a file.
    return {
        name: value.partition("?")[0] if isinstance(value, str) and "://" in value[:10] else value
        for name, value in (inputs or {}).items()
        if str(value)[:5].lower() != "data:"
    }


def _name_of_model(session: Session, model_id: str) -> str:
    """Give a model's short name where the catalogue has one; refuses one that makes no video."""
    try:
        return session.variant(model_id).name
    except (errors.UnknownVariant, errors.ServiceError):
        return model_id or "unknown"
