"""From `submitted` to `downloading`: ask, at well-chosen moments, whether the prediction is done.

In comes a job with a prediction id; out it goes with the clip's address, or `failed` with the service's reason. Trouble
with asking never ends a job: the prediction goes on whether or not anybody asks.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from hailuo_nb import errors
from hailuo_nb.catalog.variants import find
from hailuo_nb.jobs.desk import KEPT_DAYS, Desk
from hailuo_nb.jobs.job import Job
from hailuo_nb.jobs.pace import Expectation, back_off_s, expect, gap_s
from hailuo_nb.wavespeed.prediction import Prediction, failure

PAST_CLIPS = 50
OTHER_KEY_GAP_S = 60.0
OTHER_KEY = (
    "It was sent with another key, and this one may not ask for it; it waits for that key, and is not lost."
)


async def follow(desk: Desk, job: Job) -> None:
    """Poll until the prediction is final; returns when the status is past `processing`."""
    expectation = await _expectation(desk, job)
    polls = failures = 0
    pause = gap_s(_elapsed_s(desk, job), polls, expectation)
    while job.status in {"submitted", "processing"}:
        await desk.nap(job, pause)
        try:
            client = await desk.client()
            prediction = await client.result(str(job.prediction_id))
        except (errors.ServiceError, errors.SetupError) as error:
            failures += 1
            pause = back_off_s(failures, getattr(error, "retry_after", None))
            await desk.revive(error)
            if await _is_gone(desk, job, error):
                return
            if is_foreign(desk, job, error):
                pause = max(pause, OTHER_KEY_GAP_S)
                job.show(note=OTHER_KEY)
            else:
                job.show(note=f"{error} The clip goes on at the service; asking again.")
            continue
        failures, polls = 0, polls + 1
        if job.note:
            job.show(note="")
        await take_in(desk, job, prediction)
        pause = gap_s(_elapsed_s(desk, job), polls, expectation)


async def take_in(desk: Desk, job: Job, prediction: Prediction) -> None:
    """Bring a job to where its prediction is."""
    if prediction.status == "completed":
        # Without an address yet it is asked for again there, for as long as the service keeps the clip.
        await desk.move(
            job,
            "downloading",
            detail="the service has the clip",
            url=prediction.outputs[0] if prediction.outputs else None,
            url_expires_utc=_kept_until(desk, prediction),
            execution_ms=prediction.execution_ms,
            marks={"outputs": prediction.outputs, "note": ""},
        )
    elif prediction.is_final:
        error = failure(prediction)
        await desk.move(
            job,
            "failed",
            detail=str(error),
            error=str(error),
            error_kind=type(error).__name__,
            was_accepted=True,
            execution_ms=prediction.execution_ms,
            marks={"note": ""},
        )
    elif prediction.status == "processing" and job.status == "submitted":
        await desk.move(job, "processing", detail="the service works on it")


def is_foreign(desk: Desk, job: Job, error: BaseException) -> bool:
    """Tell whether an answer is about the key and not about the clip."""
    is_about_key = isinstance(error, errors.NotFound | errors.AccessDenied)
    return is_about_key and desk.is_other_key(job.row)


def _kept_until(desk: Desk, prediction: Prediction) -> datetime:
    """Give the time until which the service keeps the file, counted from when it was made if that is told."""
    made = desk.now()
    if prediction.created_utc is not None:
        made = min(made, prediction.created_utc + timedelta(milliseconds=prediction.execution_ms or 0))
    return made + timedelta(days=KEPT_DAYS)


async def _expectation(desk: Desk, job: Job) -> Expectation | None:
    """Look up when the prediction is likely to be ready."""
    past = await desk.surely(job, desk.ledger.durations, job.variant, desk.service.name, PAST_CLIPS)
    try:
        typical = find(job.variant).typical_s
    except errors.UnknownVariant:
        typical = None
    return expect(past, typical, desk.service.speed)


def _elapsed_s(desk: Desk, job: Job) -> float:
    sent = job.row.submitted_utc or job.row.created_utc
    return max(0.0, (desk.now() - sent).total_seconds())


async def _is_gone(desk: Desk, job: Job, error: errors.HailuoError) -> bool:
    """End a job whose prediction is unknown and older than the service keeps any."""
    if not isinstance(error, errors.NotFound) or desk.is_other_key(job.row):
        return False
    if _elapsed_s(desk, job) < KEPT_DAYS * 86400:
        return False
    text = f"The service kept clip {job.id} for {KEPT_DAYS} days and no longer has it; it was billed."
    await desk.move(job, "failed", detail=text, error=text, error_kind="NotFound", was_accepted=True)
    return True
