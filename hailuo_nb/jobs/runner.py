"""Carries jobs from status to status until they go no further by themselves.

In come rows of the ledger, new from a cell or left by a kernel that died; out come `Job` handles that change as the
steps go on. A row belongs to one kernel at a time; those of another kernel are only watched, and taken over at once
when that kernel is gone.
"""

from __future__ import annotations

import base64
import logging
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any, Protocol

from hailuo_nb import errors
from hailuo_nb.catalog.imageref import ImageRef
from hailuo_nb.catalog.request import GenerationRequest
from hailuo_nb.jobs.background import BackgroundLoop
from hailuo_nb.jobs.desk import Desk
from hailuo_nb.jobs.fetch import fetch
from hailuo_nb.jobs.follow import follow
from hailuo_nb.jobs.job import FINAL, Job
from hailuo_nb.jobs.reconcile import reconcile
from hailuo_nb.jobs.send import send
from hailuo_nb.ledger.faults import FenceLost
from hailuo_nb.ledger.rows import ClipRow

logger = logging.getLogger(__name__)

Step = Callable[[Desk, Job], Awaitable[None]]
STEPS: Mapping[str, Step] = {
    "planned": send,
    "unconfirmed": reconcile,
    "submitted": follow,
    "processing": follow,
    "downloading": fetch,
}
WATCH_GAP_S = 0.5
NOT_SENT = (
    "Clip {id} was planned and not sent; run its cell again to send it, under the limits that hold then."
)
CANCELLED = "Clip {id} was cancelled before it was sent; it cost nothing."
ABANDONED = "Clip {id} was sent without an answer and then abandoned; it may have been billed."


class Home(Protocol):
    """What can be done with a finished clip; the session's side."""

    def frame(self, job: Job, seconds: float | None) -> ImageRef:
        """Give one frame of it."""
        ...

    def animate(self, job: Job, prompt: str, variant: str, options: Mapping[str, Any]) -> Job:
        """Make a clip that starts where it ends."""
        ...


class Runner:
    """Everything that is on its way in this kernel.

    Parameters
    ----------
    desk : Desk
        What the steps work with.
    loop : BackgroundLoop
        The thread they run on.
    home : Home
        What can be done with a finished clip.
    """

    def __init__(self, desk: Desk, loop: BackgroundLoop, home: Home) -> None:
        self.desk = desk
        self._loop = loop
        self._home = home
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._running: dict[str, Future[None]] = {}

    # For the session, from any thread

    def take(
        self,
        row: ClipRow,
        *,
        request: GenerationRequest | None = None,
        cached: bool = False,
        held: str = "",
        fence: int | None = None,
    ) -> Job:
        """Give the handle of a row, and carry it on unless it is final or held.

        Parameters
        ----------
        row : ClipRow
            As the ledger has it now.
        request : GenerationRequest, optional
            What to send; only a cell that was just run has it, so nothing old is sent by itself.
        cached : bool
            The clip was on disk already.
        held : str
            Why it waits for a yes; `release` lets it go. Empty when it does not.
        fence : int, optional
            The token for writing, where this kernel owns the row already.
        """
        with self._lock:
            known = self._jobs.get(row.id)
            job = known
            if job is None or job.cached != cached:
                job = Job(row, self.desk.folder, self.desk.file_of(row), self, cached=cached)
                job.poster = known.poster if known else b""
                self._jobs[row.id] = job
            if request is not None:
                job.request = request
            job.is_held = bool(held)
            job.note = held
        self._loop.call(self._start, job, row, fence)
        return job

    def known(self) -> list[Job]:
        """List every handle of this kernel, oldest first."""
        with self._lock:
            return sorted(self._jobs.values(), key=lambda job: job.row.created_utc)

    def is_held(self, clip_id: str) -> bool:
        """Tell whether a clip waits in this kernel for a yes."""
        with self._lock:
            job = self._jobs.get(clip_id)
        return job is not None and job.is_held and job.status == "planned"

    def release(self, jobs: Iterable[Job]) -> None:
        """Let held jobs go, after a yes."""
        for job in jobs:
            self._loop.call(self._released, job)

    def cancel(self, job: Job) -> None:
        """Drop the job if it is unsent, hide it if it is not."""
        self._loop.call(self._cancelled, job)

    def decide(self, job: Job, to: str, **columns: Any) -> Future[ClipRow]:
        """Give a job the status that a person decided on, and carry it on from there.

        What carries it now (looking for an unconfirmed submit) is ended first; a submit under way is not.
        """
        return self._loop.submit(self._decide(job, to, columns))

    def call(self, function: Callable[..., object], *args: object) -> None:
        """Call a function on the background thread soon."""
        self._loop.call(function, *args)

    def frame(self, job: Job, seconds: float | None) -> ImageRef:
        """Give one frame of a finished clip."""
        return self._home.frame(job, seconds)

    def animate(self, job: Job, prompt: str, variant: str, options: Mapping[str, Any]) -> Job:
        """Make a clip that starts where this one ends."""
        return self._home.animate(job, prompt, variant, options)

    def is_here(self) -> bool:
        """Tell whether the caller is the background thread."""
        return self._loop.is_here()

    # On the background thread

    def _start(self, job: Job, row: ClipRow, fence: int | None = None) -> None:
        """Take in the row and set out, if nobody carries the job already."""
        if fence is not None:
            self.desk.fences[row.id] = fence
        if row.id in self._running and not self._running[row.id].done():
            return
        if job.done() and row.status not in FINAL:
            job.unsettle()
        job.show(row)
        if job.is_held:
            job.settle(errors.ConfirmationNeeded(job.note or f"Clip {job.id} waits for a yes."))
        elif row.status in FINAL:
            self._settle(job)
        else:
            self._running[row.id] = self._loop.submit(self._carry(job))

    def _released(self, job: Job) -> None:
        if job.is_held:
            job.unsettle()
            job.show(note="")
            self._start(job, job.row)

    def _cancelled(self, job: Job) -> None:
        if job.status == "planned":
            job.wants_cancel = True
            self.desk.wake(job)
            if job.done():
                job.unsettle()
                self._start(job, job.row)
        elif job.status not in FINAL:
            job.show(
                is_hidden=True,
                note="It was sent, cannot be called back and is billed; the clip is fetched all the same.",
            )

    async def _carry(self, job: Job) -> None:
        """Take one job as far as it goes."""
        try:
            while job.status not in FINAL and not job.done():
                try:
                    await self._step(job)
                except FenceLost:
                    self.desk.fences.pop(job.id, None)
        except Exception as error:
            # A bug must surface at the card and to whoever waits, not in a thread's silence.
            logger.exception("clip %s cannot go on", job.id)
            problem = errors.HailuoError(
                f"Clip {job.id} cannot go on: {error!r}. %hailuo resume takes it up again."
            )
            job.show(note=str(problem))
            job.settle(problem)
            return
        if not job.done():
            self._settle(job)

    async def _step(self, job: Job) -> None:
        desk = self.desk
        if job.id not in desk.fences and not await self._own(job):
            await desk.sleep(WATCH_GAP_S)
            return
        if job.status == "submitting":
            text = "The kernel that sent it ended before the answer came."
            await desk.move(job, "unconfirmed", detail=text, error=text)
        elif job.status == "planned" and job.request is None and not job.wants_cancel:
            job.settle(errors.ConfirmationNeeded(NOT_SENT.format(id=job.id)))
        else:
            await STEPS[job.status](desk, job)
            self._hold_the_rest(job)

    async def _own(self, job: Job) -> bool:
        """Make the row this kernel's; False while another living kernel has it, whose progress is taken in."""
        fences = await self.desk.ask(self.desk.ledger.own, [job.id])
        row = await self.desk.row(job.id)
        if row != job.row:
            job.show(row)
        self.desk.fences.update(fences)
        return job.id in fences

    def _hold_the_rest(self, job: Job) -> None:
        """After the service said that no money is left, send nothing more of the same batch."""
        if job.row.error_kind != "InsufficientCredits" or job.status != "failed":
            return
        for other in self.known():
            if other.row.batch_id == job.row.batch_id and other.status == "planned":
                other.show(
                    is_held=True,
                    note="Not sent: no credits are left at the service. Top up, then run the cell again.",
                )
                self.desk.wake(other)

    def _settle(self, job: Job) -> None:
        """Turn a final row into the handle's result."""
        row = job.row
        if row.status == "completed":
            self._loop.submit(self._arrive(job))
        elif row.status == "failed":
            kind = getattr(errors, row.error_kind or "", errors.GenerationFailed)
            job.settle(kind(row.error or f"Clip {job.id} failed."))
        elif row.status == "cancelled":
            job.settle(errors.JobCancelled(CANCELLED.format(id=job.id)))
        else:
            job.settle(errors.SubmitUnconfirmed(ABANDONED.format(id=job.id)))

    async def _decide(self, job: Job, to: str, columns: Mapping[str, Any]) -> ClipRow:
        running = self._running.pop(job.id, None)
        if running is not None and job.status == "unconfirmed":
            running.cancel()
        if not await self._own(job):
            raise errors.LedgerError(f"Clip {job.id} belongs to another running kernel; decide there.")
        row = await self.desk.move(job, to, detail="decided by hand", **columns)
        self._start(job, row)
        return row

    async def _arrive(self, job: Job) -> None:
        """Settle a completed job: its file is here, or is said to be missing; a poster is drawn if there is none."""
        if not job.planned_path.is_file():
            text = (
                f"{job.file} is not on disk any more. %hailuo resume {job.id} fetches it again while the service keeps it."
            )
            job.show(note=text)
            job.settle(errors.DownloadFailed(text))
            return
        if not job.poster:
            try:
                made = await self.desk.work("poster", path=str(job.planned_path))
                job.show(poster=base64.b64decode(made["poster"]))
            except errors.HailuoError as error:
                job.show(note=str(error))
        job.settle()
