"""From `unconfirmed` back to certainty: look for the prediction of a submit that got no usable answer.

In comes a job whose POST left and whose answer did not come; out it goes as `submitted`, with the prediction that was
found, or it stays and says that it probably was not billed. Nothing here ever sends anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from hailuo_nb import errors
from hailuo_nb.jobs.desk import Desk
from hailuo_nb.jobs.job import Job
from hailuo_nb.jobs.pace import back_off_s
from hailuo_nb.ledger.rows import ClipRow
from hailuo_nb.wavespeed.prediction import Prediction

EITHER_SIDE = timedelta(minutes=10)
LONGEST_GAP_S = 30.0


async def reconcile(desk: Desk, job: Job) -> None:
    """Look for the job's prediction until it is found or the grace is over."""
    looks = 0
    while job.status == "unconfirmed":
        sent = await desk.ask(sent_utc, desk, job.row)
        is_late = (desk.now() - sent).total_seconds() > desk.grace_s
        try:
            await _look_once(desk, job, sent)
        except errors.ServiceError as error:
            if isinstance(error, errors.NotConnected):
                await desk.service.revive()
            job.show(note=f"{error} Looking again.")
            is_late = False
        if job.status != "unconfirmed":
            return
        if is_late:
            _give_up(job)
            return
        looks += 1
        await desk.sleep(back_off_s(looks, longest_s=LONGEST_GAP_S))


def sent_utc(desk: Desk, row: ClipRow) -> datetime:
    """Give the time at which the submit left, as the ledger's events tell it."""
    went = [event.at_utc for event in desk.ledger.events(row.id) if event.status == "submitting"]
    return went[-1] if went else row.moved_utc


def _give_up(job: Job) -> None:
    """Say that nothing was found in time; the row stays, and only the user can send it again."""
    text = (
        f"Clip {job.id} was sent and never answered, and the service shows no such clip: probably not billed. "
        f"%hailuo resend {job.id} sends it once more, %hailuo abandon {job.id} closes it."
    )
    job.show(note=text)
    job.settle(errors.SubmitUnconfirmed(text))


async def _look_once(desk: Desk, job: Job, sent: datetime) -> None:
    """Compare what the service has with what the ledger misses; adopt where there is no doubt."""
    if await desk.ask(_is_another_submitting, desk, job):
        return
    client = await desk.service.client()
    recent = await client.recent(
        model=job.row.model_id,
        created_after=sent - EITHER_SIDE,
        created_before=sent + EITHER_SIDE,
        include_inputs=True,
    )
    matches, missing = await desk.ask(_matches, desk, job, recent)
    place = next(i for i, row in enumerate(missing) if row.id == job.id)
    if len(matches) > len(missing):
        ids = ", ".join(p.id for p in matches)
        job.show(note=f"{len(matches)} predictions fit; choose with %hailuo adopt {job.id} ID, of {ids}")
    elif place < len(matches):
        await desk.move(
            job,
            "submitted",
            prediction_id=matches[place].id,
            submitted_utc=matches[place].created_utc or sent,
            detail="found among the recent predictions",
            marks={"note": ""},
        )


def _is_another_submitting(desk: Desk, job: Job) -> bool:
    """Tell whether another row of the same request may be about to get its answer."""
    rows = desk.ledger.rows(request_hash=job.row.request_hash, service=job.service, statuses={"submitting"})
    return any(row.id != job.id for row in rows)


def _matches(desk: Desk, job: Job, recent: list[Prediction]) -> tuple[list[Prediction], list[ClipRow]]:
    """Give the unclaimed predictions with this job's inputs, and the unconfirmed rows of its request, by age."""
    missing = desk.ledger.rows(
        request_hash=job.row.request_hash, service=job.service, statuses={"unconfirmed"}
    )
    sent_inputs = _sent_inputs(desk, job)
    missing.sort(key=lambda row: (sent_utc(desk, row), row.seq))
    if sent_inputs is None:
        return [], missing
    ids = {p.id for p in recent}
    claimed = {row.prediction_id for row in desk.ledger.rows(prediction_ids=ids, service=job.service)}
    found = [p for p in recent if p.id not in claimed and _is_same(p.inputs, sent_inputs)]
    found.sort(key=lambda p: (p.created_utc or desk.now(), p.id))
    return found, missing


def _sent_inputs(desk: Desk, job: Job) -> dict[str, Any] | None:
    """Give the inputs as they were sent; None where the picture's address is not known any more."""
    inputs = dict(job.row.inputs)
    pictures = {name for name, value in inputs.items() if isinstance(value, Mapping)}
    if pictures:
        sent = desk.ledger.recall(f"sent:{job.id}", None)
        if sent is None or not pictures <= sent.keys():
            return None
        inputs |= {name: sent[name] for name in pictures}
    return inputs


def _is_same(theirs: Mapping[str, Any] | None, ours: Mapping[str, Any]) -> bool:
    """Compare inputs; a prediction listed without its inputs is never taken for ours."""
    return theirs is not None and all(theirs.get(name) == value for name, value in ours.items())
