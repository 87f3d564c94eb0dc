"""From a job whose picture is a frame of a clip still being made, to one that can be sent.

In comes a planned job: its row is durable, since a frame is known by its clip and time before there is one. It waits
here, in the background and at no cost, until that clip is done. Out it goes with the frame in its request, or dropped
before it was sent, with the reason. Next: `hailuo_nb.jobs.send`.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType

from hailuo_nb import errors
from hailuo_nb.catalog.imageref import ImageRef
from hailuo_nb.jobs import waiting
from hailuo_nb.jobs.desk import LOST, Desk
from hailuo_nb.jobs.job import FINAL, Job
from hailuo_nb.jobs.recipes import named_by
from hailuo_nb.jobs.send import hold
from hailuo_nb.ledger.rows import ClipRow

HandleOf = Callable[[ClipRow], Job]


def starts_from_a_clip_to_come(job: Job) -> bool:
    """Tell whether a picture of the job's request has to be made first."""
    return job.request is not None and any(image.is_to_come for image in job.request.images.values())


async def start_from_clips(desk: Desk, job: Job, handle_of: HandleOf) -> None:
    """Wait for the clips that a job starts from; returns when it has its frames, or will not be sent.

    Parameters
    ----------
    desk : Desk
        What the steps work with.
    job : Job
        A planned one that may be sent.
    handle_of : callable
        Gives the job of a row.
    """
    assert job.request is not None
    for name, image in job.request.images.items():
        if not image.is_to_come:
            continue
        other = await _clip_of(desk, image, handle_of)
        if other is None:
            await _drop(desk, job, f"{not_sent(job)}: the clip it starts from is not in this ledger.")
            return
        job.show(note=f"waits for the last frame of {called(other)}")
        if await desk.unless_called_off(job, _ended(other)) is None:
            return
        if other.status != "completed":
            await _go_without(desk, job, other)
            return
        try:
            await _put_in(desk, job, name, image, other)
        except LOST:
            raise
        except errors.HailuoError as error:
            await _drop(desk, job, f"{not_sent(job)}: {error}", error)
            return
    job.show(note="")


async def _clip_of(desk: Desk, image: ImageRef, handle_of: HandleOf) -> Job | None:
    """Find the job whose clip a frame is of: that very attempt of it."""
    wanted = named_by(dict(image.identity).get("clip"))
    if wanted is None:
        return None
    service, request_hash, take, attempt = wanted
    rows = await desk.ask(desk.ledger.rows, request_hash=request_hash, service=service)
    row = next((each for each in rows if (each.take, each.attempt) == (take, attempt)), None)
    return None if row is None else await desk.disk(handle_of, row)


async def _ended(other: Job) -> bool:
    """Wait until a job goes no further by itself; one that is taken up again meanwhile is waited for again."""
    while not other.done():
        await waiting.told(other.settled, asyncio.get_running_loop())
    return True


async def _put_in(desk: Desk, job: Job, name: str, image: ImageRef, other: Job) -> None:
    """Take the frame out of the finished clip and put it into the request, which stays the same request."""
    error = other.settled.exception()
    if isinstance(error, errors.HailuoError):  # it is complete, and its file has gone again
        raise error
    known = dict(image.identity)
    at, fit = known.get("at"), known.get("fit")
    made = await desk.work(
        "start", path=str(other.planned_path), at=None if at == "last" else at, fit=fit if fit else None
    )
    assert job.request is not None
    whole = replace(
        image,
        data=base64.b64decode(made["picture"]),
        content_type=str(made["content_type"]),
        path=other.planned_path,
    )
    inputs = MappingProxyType({**job.request.inputs, name: whole})
    job.request = replace(job.request, inputs=inputs)


async def _go_without(desk: Desk, job: Job, other: Job) -> None:
    """Say what becomes of a job when the clip it starts from does not come."""
    it, error = called(other), other.settled.exception()
    if other.status in FINAL:
        await _drop(desk, job, f"{not_sent(job)}: {_fate(other)}")
    elif other.is_held:
        # One yes lets both go.
        hold(
            job,
            errors.ConfirmationNeeded(f"{not_sent(job)}: {it}, whose end it starts from, waits for a yes."),
        )
    else:
        # It may still come: nothing is decided, and running the cell again goes on from there.
        text = f"{not_sent(job)}: {it} is {other.status}. {error or ''} Run the cell again then."
        job.show(note=text)
        job.settle(errors.JobCancelled(text))


async def _drop(desk: Desk, job: Job, text: str, error: errors.HailuoError | None = None) -> None:
    """Cancel a job before it is sent, and say why; running its cell again sends it, once it can be."""
    kind = type(error or errors.JobCancelled("")).__name__
    await desk.move(job, "cancelled", detail=text, error=text, error_kind=kind, marks={"note": ""})


def called(job: Job) -> str:
    """Say which clip is meant: its step where it is part of a chain, else its id."""
    step = job.axes.get("step", "")
    return f"step {step}" if step.isdecimal() else f"clip {job.id}"


def not_sent(job: Job) -> str:
    """Begin the sentence that says why a clip was not sent."""
    name = called(job)
    return f"{name[:1].upper()}{name[1:]} was not sent"


def _fate(other: Job) -> str:
    """Say how a clip ended that did not come."""
    it = called(other)
    if other.status == "cancelled":
        return f"{it} was not sent either." if other.row.error else f"{it} was cancelled."
    if other.status == "abandoned":
        return f"{it} was given up."
    return f"{it} failed: {other.row.error or 'no reason was given.'}"
