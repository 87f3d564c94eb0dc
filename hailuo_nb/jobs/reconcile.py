"""From `unconfirmed` back to certainty: look for the prediction of a submit that got no usable answer.

In comes a job whose POST left and whose answer did not come; out it goes as `submitted`, with the prediction that was
found, or it stays and says what a person can do about it. Nothing here ever sends anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hailuo_nb import errors
from hailuo_nb.jobs.desk import Desk
from hailuo_nb.jobs.job import Job
from hailuo_nb.jobs.pace import back_off_s
from hailuo_nb.jobs.send import sent_mark
from hailuo_nb.ledger.faults import PredictionTaken
from hailuo_nb.ledger.rows import ClipRow
from hailuo_nb.ledger.store import Ledger
from hailuo_nb.wavespeed.prediction import Prediction

EITHER_SIDE = timedelta(minutes=10)
LONGEST_GAP_S = 30.0
MOST_LISTED = 8
LOOKING = "It was sent and no answer came; the service's recent predictions are searched for it."
CLOSES = "%hailuo abandon {id} closes it."
NOTHING = (
    "Clip {id} was sent and never answered, and the service shows no such clip: probably not billed. "
    "%hailuo resend {id} sends it once more, " + CLOSES
)
SEVERAL = (
    "Clip {id} was sent and never answered, and {count} predictions may be it: choose with "
    "%hailuo adopt {id} ID, of {ids}; " + CLOSES
)
OTHER_KEY = (
    "Clip {id} was sent with another key and never answered; with that key, %hailuo resume {id} looks for it. "
    + CLOSES
)


@dataclass(frozen=True)
class _Found:
    """What one look found: predictions that are this request's, others that may be, and rows that miss theirs."""

    matches: Sequence[Prediction]
    maybe: Sequence[Prediction]
    missing: Sequence[ClipRow]


async def reconcile(desk: Desk, job: Job) -> None:
    """Look for the job's prediction until it is found or the grace is over."""
    looks = 0
    job.show(note=LOOKING)
    while job.status == "unconfirmed":
        sent = await desk.ask(sent_utc, desk.ledger, job.row)
        is_late = (desk.now() - sent).total_seconds() > desk.grace_s
        ending = ""
        try:
            ending = await _look_once(desk, job, sent)
        except PredictionTaken:
            # Another row of the same request was faster: the next look finds what is left.
            pass
        except (errors.ServiceError, errors.SetupError) as error:
            await desk.revive(error)
            job.show(note=f"{error} Looking again.")
        if job.status != "unconfirmed":
            return
        if ending and (is_late or desk.is_other_key(job.row)):
            job.show(note=ending)
            job.settle(errors.SubmitUnconfirmed(ending))
            return
        looks += 1
        await desk.nap(job, back_off_s(looks, longest_s=LONGEST_GAP_S))


def sent_utc(ledger: Ledger, row: ClipRow) -> datetime:
    """Give the time at which the submit left, as the ledger's events tell it."""
    went = [e.at_utc for e in ledger.events(row.id) if e.event == "status" and e.status == "submitting"]
    return went[-1] if went else row.moved_utc


async def _look_once(desk: Desk, job: Job, sent: datetime) -> str:
    """Compare what the service has with what the ledger misses; adopt where there is no doubt.

    Gives what to say if this was the last look; empty where it was none.
    """
    answer = await desk.ask(desk.ledger.recall, f"answer:{job.id}")
    if isinstance(answer, Mapping):
        await _adopt(
            desk, job, str(answer.get("prediction_id")), sent, "its answer had come to another kernel"
        )
        return ""
    if desk.is_other_key(job.row):
        return OTHER_KEY.format(id=job.id)
    client = await desk.client()
    recent = await client.recent(
        model=job.row.model_id,
        created_after=sent - EITHER_SIDE,
        created_before=sent + EITHER_SIDE,
        include_inputs=True,
    )
    found = await desk.ask(_compare, desk, job, recent)
    if found is None:
        return ""
    place = next((i for i, row in enumerate(found.missing) if row.id == job.id), len(found.missing))
    if len(found.matches) <= len(found.missing):
        if place < len(found.matches):
            match = found.matches[place]
            await _adopt(desk, job, match.id, match.created_utc or sent, "found among the recent predictions")
            return ""
        if not found.maybe:
            return NOTHING.format(id=job.id)
    several = [*found.matches, *found.maybe]
    ids = ", ".join(each.id for each in several[:MOST_LISTED]) + (
        " ..." if len(several) > MOST_LISTED else ""
    )
    text = SEVERAL.format(id=job.id, count=len(several), ids=ids)
    job.show(note=text)
    return text


async def _adopt(desk: Desk, job: Job, prediction_id: str, sent: datetime, detail: str) -> None:
    await desk.move(
        job,
        "submitted",
        prediction_id=prediction_id,
        submitted_utc=sent,
        detail=detail,
        marks={"note": ""},
    )


def _compare(desk: Desk, job: Job, recent: list[Prediction]) -> _Found | None:
    """Hold the recent predictions against the rows; None while another row may be about to get its answer.

    The order of reading matters. A row that was submitting when the list was made has written down its id before it
    stopped being so: first see that none is submitting any more, then read which ids are taken.
    """
    ledger, row = desk.ledger, job.row

    def of_request(status: str) -> list[ClipRow]:
        return ledger.rows(statuses={status}, service=row.service, request_hash=row.request_hash)

    if any(other.id != row.id for other in of_request("submitting")):
        return None
    missing = [each for each in of_request("unconfirmed") if not desk.is_other_key(each)]
    # Takes of one request may have uploaded their picture twice, to two addresses: those are told apart by it.
    sent_as = ledger.recall(f"sent:{row.id}")
    missing = [each for each in missing if ledger.recall(f"sent:{each.id}") == sent_as]
    missing.sort(key=lambda each: (sent_utc(ledger, each), each.seq))
    ids = [prediction.id for prediction in recent]
    claimed = {each.prediction_id for each in ledger.rows(prediction_ids=ids, service=row.service)}
    free = [prediction for prediction in recent if prediction.id not in claimed]
    free.sort(key=lambda prediction: (prediction.created_utc or desk.now(), prediction.id))
    sent = _sent_inputs(ledger, row)
    matches = [each for each in free if sent is not None and _is_same(each.inputs, sent)]
    maybe = [each for each in free if each.inputs is None or (sent is None and _may_be(each.inputs, row))]
    return _Found(matches, maybe, missing)


def _sent_inputs(ledger: Ledger, row: ClipRow) -> dict[str, Any] | None:
    """Give the inputs as they were sent; None where the picture's address is not known any more."""
    inputs = dict(row.inputs)
    pictures = {name for name, value in inputs.items() if isinstance(value, Mapping)}
    if pictures:
        sent = ledger.recall(f"sent:{row.id}")
        if not isinstance(sent, Mapping) or not pictures <= sent.keys():
            return None
        inputs |= {name: _Picture(str(sent[name])) for name in pictures}
    return inputs


@dataclass(frozen=True)
class _Picture:
    """A picture's address as it is kept: whole, or its hash."""

    mark: str

    def is_same(self, theirs: object) -> bool:
        return isinstance(theirs, str) and self.mark in {theirs, sent_mark(theirs)}


def _is_same(theirs: Mapping[str, Any] | None, ours: Mapping[str, Any]) -> bool:
    """Compare inputs; a prediction listed without its inputs is never taken for ours."""
    return theirs is not None and all(
        value.is_same(theirs.get(name)) if isinstance(value, _Picture) else theirs.get(name) == value
        for name, value in ours.items()
    )


def _may_be(theirs: Mapping[str, Any], row: ClipRow) -> bool:
    """Compare all but the pictures, where nobody knows what was sent of those."""
    return all(
        theirs.get(name) == value for name, value in row.inputs.items() if not isinstance(value, Mapping)
    )
