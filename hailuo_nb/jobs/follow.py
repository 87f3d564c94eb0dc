"""From `submitted` to `downloading`: ask, at well-chosen moments, whether the prediction is done.

In comes a job with a prediction id; out it goes with the clip's address, or `failed` with the service's reason. Trouble
with asking never ends a job: the prediction goes on whether or not anybody asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from hailuo_nb import errors
from hailuo_nb.jobs.desk import KEPT_DAYS, Desk
from hailuo_nb.jobs.job import Job
from hailuo_nb.jobs.pace import back_off_s, gap_s
from hailuo_nb.wavespeed.prediction import Prediction, failure

OTHER_KEY_GAP_S = 60.0
OTHER_KEY = (
    "It was sent with another key, and this one may not ask for it; it waits for that key, and is not lost."
)


async def follow(desk: Desk, job: Job) -> None:
    """Poll until the prediction is final; returns when the status is past `processing`."""
    looks = _Looks(desk, job)
    desk.rolls.join(job)
    try:
        await looks.plan()
        while job.status in {"submitted", "processing"}:
            await desk.nap(job, looks.pause_s)
            prediction = await _look(desk, job, looks)
            if prediction is not None:
                await take_in(desk, job, prediction, not_before=looks.last_utc)
                if not prediction.is_final:
                    await looks.saw()
    finally:
        desk.rolls.leave(job)


class _Looks:
    """When a job is looked at, and how that went."""

    def __init__(self, desk: Desk, job: Job) -> None:
        self._desk, self._job = desk, job
        self._polls = 0
        self.failures = 0
        self.last_utc: datetime | None = None
        self.pause_s = 0.0
        self.is_late = False

    async def saw(self, seconds_ago: float = 0.0) -> None:
        """Plan the next look after one that found it still going."""
        self.failures, self._polls = 0, self._polls + 1
        self.last_utc = self._desk.now() - timedelta(seconds=seconds_ago)
        await self.plan(seconds_ago)

    async def plan(self, seconds_ago: float = 0.0) -> None:
        """Place the next look, by what is known by now."""
        desk, job = self._desk, self._job
        known = await desk.past.expectation(desk, job, share=desk.rolls.share)
        elapsed_s = _elapsed_s(desk, job)
        self.is_late = known is not None and known.is_known and elapsed_s > known.late_s
        gap = gap_s(max(0.0, elapsed_s - seconds_ago), self._polls, known)
        self.pause_s = (max(gap, desk.rolls.crowd_gap_s) if gap else 0.0) - seconds_ago


async def _look(desk: Desk, job: Job, looks: _Looks) -> Prediction | None:
    """Look once; None where that failed, or where a call for others has said that it is too early."""
    told = desk.rolls.told(job)
    if told is not None:
        if told.prediction.is_final:
            return told.prediction
        await looks.saw(asyncio.get_running_loop().time() - told.at)
        if looks.pause_s > 0:
            return None
    try:
        client = await desk.client()
        prediction, done = await desk.rolls.ask(client, job, _elapsed_s(desk, job), is_late=looks.is_late)
    except (errors.ServiceError, errors.SetupError) as error:
        looks.failures += 1
        looks.pause_s = back_off_s(looks.failures, getattr(error, "retry_after", None))
        await desk.revive(error)
        if await _is_gone(desk, job, error):
            return None
        if is_foreign(desk, job, error):
            looks.pause_s = max(looks.pause_s, OTHER_KEY_GAP_S)
            job.show(note=OTHER_KEY)
        else:
            job.show(note=f"{error} The clip goes on at the service; asking again.")
        return None
    for other in done:
        desk.wake(other)
    await _begun(desk, desk.rolls.begun())
    if job.note:
        job.show(note="")
    return prediction


async def _begun(desk: Desk, jobs: Sequence[Job]) -> None:
    """Write down in one go which jobs the service works on by now, and show it."""
    fences = {job.id: desk.fences[job.id] for job in jobs if job.id in desk.fences}
    if len(fences) < 2:
        return
    known = {job.id: job for job in jobs}
    with suppress(errors.LedgerError):  # each writes it down by itself then
        for row in await desk.ask(desk.ledger.begun, fences):
            if known[row.id].status == "submitted":
                known[row.id].show(row)


async def take_in(
    desk: Desk, job: Job, prediction: Prediction, *, not_before: datetime | None = None
) -> None:
    """Bring a job to where its prediction is; `not_before` is when it was last seen going."""
    if prediction.status == "completed":
        # Without an address yet it is asked for again there, for as long as the service keeps the clip.
        await desk.move(
            job,
            "downloading",
            detail="the service has the clip",
            url=prediction.outputs[0] if prediction.outputs else None,
            url_expires_utc=_kept_until(desk, prediction),
            execution_ms=prediction.execution_ms,
            **_ready(desk, job, prediction, not_before),
            marks={"outputs": prediction.outputs, "note": ""},
        )
        desk.past.grew(job)
        desk.place_is_free()
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


def _ready(desk: Desk, job: Job, prediction: Prediction, not_before: datetime | None) -> dict[str, datetime]:
    """Say when the clip was ready, between the last look and this one, so that the past is not made of looks.

    How long it ran tells that, where it began at once; else the middle is as good as any.
    """
    sent, now = job.row.submitted_utc, desk.now()
    if not_before is None or sent is None or not sent <= not_before <= now:
        return {}
    ran_until = sent + timedelta(milliseconds=prediction.execution_ms or 0)
    is_told = not_before <= ran_until <= now
    return {"generated_utc": ran_until if is_told else not_before + (now - not_before) / 2}


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
