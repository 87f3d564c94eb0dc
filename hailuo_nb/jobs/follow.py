"""From `submitted` to `downloading`: ask, at well-chosen moments, whether the prediction is done.

In comes a job with a prediction id; out it goes with the clip's address, or `failed` with the service's reason. Trouble
with asking never ends a job: the prediction goes on whether or not anybody asks.
"""

from __future__ import annotations

from datetime import timedelta

from hailuo_nb import errors
from hailuo_nb.catalog.variants import find
from hailuo_nb.jobs.desk import KEPT_DAYS, Desk
from hailuo_nb.jobs.job import Job
from hailuo_nb.jobs.pace import Expectation, back_off_s, expect, gap_s
from hailuo_nb.wavespeed.prediction import Prediction, failure

PAST_CLIPS = 50


async def follow(desk: Desk, job: Job) -> None:
    """Poll until the prediction is final; returns when the status is past `processing`."""
    expectation = await _expectation(desk, job)
    polls = failures = 0
    while job.status in {"submitted", "processing"}:
        pause = back_off_s(failures) if failures else gap_s(_elapsed_s(desk, job), polls, expectation)
        await desk.sleep(pause)
        try:
            client = await desk.service.client()
            prediction = await client.result(str(job.prediction_id))
        except (errors.ServiceError, errors.SetupError) as error:
            failures += 1
            if isinstance(error, errors.NotConnected):
                await desk.service.revive()
            if await _is_gone(desk, job, error):
                return
            job.show(note=f"{error} The clip goes on at the service; asking again.")
            continue
        failures, polls = 0, polls + 1
        if job.note:
            job.show(note="")
        await take_in(desk, job, prediction)


async def take_in(desk: Desk, job: Job, prediction: Prediction) -> None:
    """Bring a job to where its prediction is."""
    if prediction.status == "completed" and prediction.outputs:
        url = prediction.outputs[0]
        job.outputs = prediction.outputs
        await desk.move(
            job,
            "downloading",
            detail="the service has the clip",
            url=url,
            url_expires_utc=desk.now() + timedelta(days=KEPT_DAYS),
            execution_ms=prediction.execution_ms,
            marks={"full_url": url},
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
        )
    elif prediction.status == "processing" and job.status == "submitted":
        await desk.move(job, "processing", detail="the service works on it")


async def _expectation(desk: Desk, job: Job) -> Expectation | None:
    """Look up when the prediction is likely to be ready."""
    past = await desk.ask(desk.ledger.durations, job.variant, desk.service.name, PAST_CLIPS)
    try:
        typical = find(job.variant).typical_s
    except errors.UnknownVariant:
        typical = None
    return expect(past, typical, desk.service.speed)


def _elapsed_s(desk: Desk, job: Job) -> float:
    sent = job.row.submitted_utc
    return 0.0 if sent is None else max(0.0, (desk.now() - sent).total_seconds())


async def _is_gone(desk: Desk, job: Job, error: errors.HailuoError) -> bool:
    """End a job whose prediction is unknown and older than the service keeps any."""
    if not isinstance(error, errors.NotFound) or _elapsed_s(desk, job) < KEPT_DAYS * 86400:
        return False
    text = f"The service kept clip {job.id} for {KEPT_DAYS} days and no longer has it; it was billed."
    await desk.move(job, "failed", detail=text, error=text, error_kind="NotFound", was_accepted=True)
    return True
