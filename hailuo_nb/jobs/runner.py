"""Carries jobs from status to status until they go no further by themselves.

In come rows of the ledger, new from a cell or left by a kernel that died; out come `Job` handles that change as the
steps go on. A row belongs to one kernel at a time; those of another kernel are only watched, and taken over at once
when that kernel is gone.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import threading
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from hailuo_nb import errors
from hailuo_nb.catalog.imageref import ImageRef
from hailuo_nb.catalog.quotes import usd_text
from hailuo_nb.catalog.request import GenerationRequest
from hailuo_nb.jobs.background import BackgroundLoop
from hailuo_nb.jobs.desk import LOST, Desk, kept_until
from hailuo_nb.jobs.fetch import fetch
from hailuo_nb.jobs.follow import follow
from hailuo_nb.jobs.job import FINAL, OUT, Job, told
from hailuo_nb.jobs.measuring import Measuring
from hailuo_nb.jobs.pace import back_off_s
from hailuo_nb.jobs.reconcile import reconcile
from hailuo_nb.jobs.send import hold, send
from hailuo_nb.jobs.starting import start_from_clips, starts_from_a_clip_to_come
from hailuo_nb.ledger.faults import FenceLost, TransitionRefused
from hailuo_nb.ledger.rows import ClipRow

logger = logging.getLogger(__name__)
logger.addHandler(logging.NullHandler())

T = TypeVar("T")
Step = Callable[[Desk, Job], Awaitable[None]]
STEPS: Mapping[str, Step] = {
    "planned": send,
    "unconfirmed": reconcile,
    "submitted": follow,
    "processing": follow,
    "downloading": fetch,
}
ON_ITS_WAY = frozenset({"submitting", "submitted", "processing", "downloading"})
WATCH_GAP_S = 0.5
BEAT_GAP_S = 10.0
# What is being posted when the session ends gets this long for its answer.
LAST_ANSWER_S = 3.0
NOT_SENT = (
    "Clip {id} was planned and not sent; run its cell again to send it, under the limits that hold then."
)
CANCELLED = "Clip {id} was cancelled before it was sent; it cost nothing."
ABANDONED = "Clip {id} was sent without an answer and then abandoned; it may have been billed."
HIDDEN = "It was sent, cannot be called back and is billed; the clip is fetched all the same."
NO_CREDITS = "Not sent: no credits are left at the service. Top up, then run the cell again."
ENDED = "This session ended; %hailuo resume {id} takes clip {id} up again."
MISSING = "{file} is not on disk any more. %hailuo resume {id} fetches it again while the service keeps it."
MISSING_FOR_GOOD = (
    "{file} is not on disk any more, and the service kept it until {until:%d %b %Y}. "
    "A new clip of it is another take, for {price}."
)
MISSING_IMPORT = (
    "{file} is not on disk any more. Import its pack again; a new clip of it is another take, for {price}."
)


class Loop(Protocol):
    """A thread on which coroutines and functions are run."""

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine there."""
        ...

    def call(self, function: Callable[..., object], *args: object) -> None:
        """Call a function there soon."""
        ...

    def is_here(self) -> bool:
        """Tell whether the caller is that thread."""
        ...

    def close(self) -> None:
        """End it."""
        ...


class Home(Protocol):
    """What can be done with a finished clip; the session's side."""

    def job(self, id_: str) -> Job:
        """Give the handle of a clip, of whichever service."""
        ...

    def frame(self, job: Job, seconds: float | None) -> ImageRef:
        """Give one frame of it."""
        ...

    def animate(self, job: Job, prompt: str, variant: str, options: Mapping[str, Any]) -> Job:
        """Make a clip that starts where it ends."""
        ...

    def next_take(self, job: Job, options: Mapping[str, Any]) -> Job:
        """Make the take after it."""
        ...

    def promote(self, job: Job, variant: str, options: Mapping[str, Any]) -> Job:
        """Make it again in another variant."""
        ...


class Runner:
    """Everything that is on its way in this kernel.

    Parameters
    ----------
    desk : Desk
        What the steps work with.
    loop : Loop
        The thread they run on, which others may use too.
    home : Home
        What can be done with a finished clip.
    callbacks : Loop, optional
        The thread for what users want called; closed with the runner.
    """

    def __init__(self, desk: Desk, loop: Loop, home: Home, *, callbacks: Loop | None = None) -> None:
        self.desk = desk
        self._loop = loop
        self._home = home
        self._callbacks = callbacks or BackgroundLoop("hailuo-callbacks", gather_s=0.0)
        self._lock = threading.Lock()
        # Handles live as long as somebody has them; what is on its way or held has this runner.
        self._jobs: weakref.WeakValueDictionary[str, Job] = weakref.WeakValueDictionary()
        self._kept: set[Job] = set()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._pending: dict[str, list[tuple[Job, ClipRow, int | None]]] = {}
        self._watched: dict[str, tuple[Job, asyncio.Future[None]]] = {}
        self._watcher: asyncio.Task[None] | None = None
        self._heart: asyncio.Task[None] | None = None
        self._measuring = Measuring(desk, self._is_busy)
        self._is_closing = False

    # For the session, from any thread

    def take(
        self,
        row: ClipRow,
        *,
        request: GenerationRequest | None = None,
        cached: bool = False,
        held: str = "",
        fence: int | None = None,
        wants_file: bool | None = None,
    ) -> Job:
        """Give the handle of a row, and carry it on unless it is final or held.

        Parameters
        ----------
        row : ClipRow
            As the ledger has it now.
        request : GenerationRequest, optional
            What to send; only a cell that was just run, or a button, has it, so nothing old is sent by itself.
        cached : bool
            The clip was on disk already.
        held : str
            Why it waits for a yes; `release` lets it go. Empty when it does not.
        fence : int, optional
            The token for writing, where this kernel owns the row already.
        wants_file : bool, optional
            A completed clip whose file has gone is fetched again; when not given, a cached one is.
        """
        with self._lock:
            job = self._jobs.get(row.id)
            if job is None or (cached and not job.cached):
                poster = job.poster if job else b""
                job = Job(row, self.desk.folder, self.desk.file_of, self, cached=cached)
                job.poster = poster
                self._jobs[row.id] = job
            self._kept.add(job)
            job.wants_file = job.wants_file or (cached if wants_file is None else wants_file)
            if request is not None:
                job.request, job.fence = request, fence
                job.asked += 1
                job.wants_cancel = job.is_hidden = False
                job.is_held, job.may_send, job.note = bool(held), not held, held
            is_missing = row.status == "completed" and job.done() and not job.planned_path.is_file()
            if row.status in OUT or is_missing or (request is not None and not held):
                # At once, so that whoever waits from now on does not get what came of it the last time.
                job.unsettle()
        self._loop.call(self._start, job, row, fence)
        return job

    def known(self) -> list[Job]:
        """List the handles of this kernel, oldest first."""
        with self._lock:
            return sorted(self._jobs.values(), key=lambda job: job.row.seq)

    def is_held(self, clip_id: str) -> bool:
        """Tell whether a clip waits in this kernel for a yes."""
        with self._lock:
            job = self._jobs.get(clip_id)
        return job is not None and job.is_held and job.status == "planned"

    def release(self, jobs: Iterable[Job]) -> None:
        """Let held jobs go, after a yes."""
        for job in jobs:
            with self._lock:
                job.is_held, job.may_send, job.note = False, True, ""
                job.unsettle()
            self._loop.call(self._start, job, job.row)

    def cancel(self, job: Job) -> None:
        """Drop the job if it is unsent, hide it if it is not."""
        self._loop.call(self._cancelled, job)

    def decide(self, job: Job, to: str, **columns: Any) -> Future[ClipRow]:
        """Give a job the status that a person decided on, and carry it on from there.

        What carries it now (looking for an unconfirmed submit) is ended first; a submit under way is not.
        """
        return self._loop.submit(self._decide(job, to, columns))

    def rate(self, job: Job, marks: Mapping[str, Any]) -> None:
        """Write down what a person says about a clip, at once, and show it."""
        row = self.desk.ledger.rate(job.id, **marks)
        self._loop.call(self._rated, job, row)

    def call(self, function: Callable[..., object], *args: object) -> None:
        """Call a function on the background thread soon."""
        self._loop.call(function, *args)

    def tell(self, function: Callable[[Job], object], job: Job) -> None:
        """Call a user's function on a thread where it may take its time."""
        self._callbacks.call(told, function, job)

    def frame(self, job: Job, seconds: float | None) -> ImageRef:
        """Give one frame of a finished clip."""
        return self._home.frame(job, seconds)

    def animate(self, job: Job, prompt: str, variant: str, options: Mapping[str, Any]) -> Job:
        """Make a clip that starts where this one ends."""
        return self._home.animate(job, prompt, variant, options)

    def next_take(self, job: Job, options: Mapping[str, Any]) -> Job:
        """Make the take after it."""
        return self._home.next_take(job, options)

    def promote(self, job: Job, variant: str, options: Mapping[str, Any]) -> Job:
        """Make a clip again in another variant."""
        return self._home.promote(job, variant, options)

    def is_here(self) -> bool:
        """Tell whether the caller is the background thread."""
        return self._loop.is_here()

    def close(self, timeout: float = LAST_ANSWER_S + 5.0) -> None:
        """Stop carrying: answers under way are waited for shortly, then whoever waits for a job is told."""
        with suppress(errors.HailuoError, TimeoutError):
            self._loop.submit(self.aclose()).result(timeout)
        self._callbacks.close()

    # On the background thread

    async def aclose(self) -> None:
        """End every step; what was on its way stays in the ledger for the next session."""
        self._is_closing = True
        helpers = [helper for helper in (self._watcher, self._heart) if helper is not None]
        for helper in helpers:
            helper.cancel()
        with self._lock:
            jobs = [*self._kept, *self._jobs.values()]
        self._pending.clear()
        tasks = dict(self._running)
        posting = [job for job in jobs if job.status == "submitting" and job.id in tasks]
        for clip_id in tasks.keys() - {job.id for job in posting}:
            tasks[clip_id].cancel()
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*map(_answered, posting)), LAST_ANSWER_S)
        for job in posting:
            tasks[job.id].cancel()
        await asyncio.gather(*tasks.values(), *helpers, self._measuring.close(), return_exceptions=True)
        for job in dict.fromkeys(jobs):
            job.settle(errors.HailuoError(ENDED.format(id=job.id)))

    def _rated(self, job: Job, row: ClipRow) -> None:
        """Show a row that was marked, and once more behind whoever set out just before with the row as it was."""
        job.show(row)
        carried = self._running.get(job.id)
        if carried is not None and row.status in FINAL:
            carried.add_done_callback(lambda _: job.show(replace(job.row, rating=row.rating, note=row.note)))

    def _start(self, job: Job, row: ClipRow, fence: int | None = None) -> None:
        """Set out with a job, or wait until who carries it now has ended."""
        if self._is_closing:
            job.settle(errors.HailuoError(ENDED.format(id=job.id)))
            return
        if row.id in self._running:
            # Whoever carries it may be about to end, so this is looked at again then.
            self._pending.setdefault(row.id, []).append((job, row, fence))
            if job.status != "planned":
                self.desk.wake(job)
            return
        with self._lock:
            self._kept.add(job)
        self._running[row.id] = asyncio.get_running_loop().create_task(self._carry(job, row, fence))
        if self._heart is None:
            self._heart = asyncio.get_running_loop().create_task(self._beat())

    async def _carry(self, job: Job, row: ClipRow, fence: int | None) -> None:
        """Take one job as far as it goes."""
        asked = job.asked
        try:
            if row.status not in FINAL and (fence is None or job.was_carried):
                # The row was read by another thread, and may be older than what this one knows. One that this kernel
                # has just written, and nobody has carried yet, is as it was written: its fence keeps all others off.
                row = await self.desk.row(job)
            job.was_carried = True
            if fence is not None and (row.owner, row.fence) == (self.desk.ledger.kernel, fence):
                self.desk.fences[row.id] = fence
            await self._take_up(job, row)
            while not job.done():
                await self._go_on(job)
        except asyncio.CancelledError:
            # Whoever ended it starts it again, if anybody does.
            self._pending.pop(job.id, None)
            raise
        except Exception as error:
            # A bug must surface at the card and to whoever waits, not in a thread's silence.
            logger.exception("clip %s cannot go on", job.id)
            problem = errors.HailuoError(
                f"Clip {job.id} cannot go on: {_short(error)}. %hailuo resume {job.id} takes it up again."
            )
            job.show(note=str(problem))
            job.settle(problem)
        finally:
            try:
                await self._give_back(job)
            finally:
                self._running.pop(job.id, None)
                self._put_down(job, asked)

    async def _give_back(self, job: Job) -> None:
        """Let another kernel have the row, unless it waits here for a yes."""
        if job.is_held and job.status == "planned":
            return
        if job.id in self.desk.fences:
            with suppress(errors.LedgerError, RuntimeError):
                await self.desk.ask(self.desk.ledger.release, [job.id])
        self.desk.forget(job)

    def _put_down(self, job: Job, asked: int) -> None:
        """Keep no more of a job than its handle, and go on where something came meanwhile."""
        pending = self._pending.pop(job.id, [])
        with self._lock:
            if job.asked == asked and not (job.is_held and job.status == "planned"):
                self._kept.discard(job)
                if job.status in FINAL:
                    job.request = None
        for other, row, fence in pending:
            if not other.done():
                self._start(other, row, fence)

    async def _take_up(self, job: Job, row: ClipRow) -> None:
        """Look at the row as it is now, and let the job be waited for again if it goes on from there."""
        is_over = row.status in FINAL and row.status == job.settled_as
        if row.status == "completed" and is_over:
            is_over = await self.desk.disk((self.desk.folder / self.desk.file_of(row)).is_file)
        if row.status == "planned":
            is_over = not (job.may_send or job.wants_cancel)
        job.show(row, is_hidden=row.is_hidden)
        if not is_over:
            job.unsettle()
        if row.status == "planned" and job.is_held:
            job.settle(errors.ConfirmationNeeded(job.note or f"Clip {job.id} waits for a yes."))

    async def _go_on(self, job: Job) -> None:
        """Take one step; what the ledger refuses is looked at again."""
        try:
            await self._step(job)
        except FenceLost:
            self.desk.fences.pop(job.id, None)
            await self.desk.sleep(WATCH_GAP_S)
        except TransitionRefused:
            before = job.status
            job.show(await self.desk.row(job))
            if job.status == before:
                raise
        except LOST:
            raise
        except errors.LedgerError as error:
            job.show(note=f"{error} It is tried again.")
            await self.desk.nap(job, back_off_s(3))

    async def _step(self, job: Job) -> None:
        desk = self.desk
        if job.status in FINAL:
            await self._end(job)
        elif job.id not in desk.fences and not await self._own(job):
            await self._stand_by(job)
        elif job.status in FINAL:
            # As the row is now; the next step sees to it.
            return
        elif job.status == "submitting":
            text = "The kernel that sent it ended before the answer came."
            await desk.move(job, "unconfirmed", detail=text, error=text)
        elif job.status == "planned" and not self._may_send(job) and not job.wants_cancel:
            job.settle(errors.ConfirmationNeeded(NOT_SENT.format(id=job.id)))
        elif job.status == "planned" and starts_from_a_clip_to_come(job) and not job.wants_cancel:
            await start_from_clips(desk, job, self._handle)
        elif job.status in STEPS:
            await STEPS[job.status](desk, job)
            self._hold_the_rest(job)
            if job.status == "completed":
                self._measuring.want(job)

    def _is_busy(self) -> bool:
        """Tell whether a clip is on its way to this kernel, or being finished."""
        with self._lock:
            return any(job.status in ON_ITS_WAY for job in self._kept)

    def _handle(self, row: ClipRow) -> Job:
        """Give the job of a row, which another one starts from."""
        if row.service != self.desk.service.name:
            return self._home.job(row.id)
        with self._lock:
            known = self._jobs.get(row.id)
        return known or self.take(row, wants_file=True)

    def _may_send(self, job: Job) -> bool:
        """Tell whether a cell or a button asked for this very attempt, and nothing holds it."""
        is_this = job.fence is not None and job.fence == self.desk.fences.get(job.id)
        return job.request is not None and job.may_send and is_this

    async def _own(self, job: Job) -> bool:
        """Make the row this kernel's; False while another living kernel has it, whose progress is taken in."""
        fences = await self.desk.ask(self.desk.ledger.own, [job.id])
        self.desk.fences.update(fences)
        row = await self.desk.row(job)
        if row != job.row:
            job.show(row)
        return job.id in fences

    async def _stand_by(self, job: Job) -> None:
        """Watch a row that is not this kernel's until something about it changes."""
        if job.status in FINAL:
            return
        if job.status == "planned" and job.row.owner is None:
            job.settle(errors.ConfirmationNeeded(NOT_SENT.format(id=job.id)))
            return
        job.show(note="another notebook's kernel works on it")
        changed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._watched[job.id] = (job, changed)
        if self._watcher is None or self._watcher.done():
            self._watcher = asyncio.get_running_loop().create_task(self._watch())
        try:
            await changed
        finally:
            self._watched.pop(job.id, None)
        job.show(note="")

    async def _watch(self) -> None:
        """Look after all rows of other kernels at once, in two calls."""
        desk = self.desk
        while self._watched:
            await desk.sleep(WATCH_GAP_S)
            ids = list(self._watched)
            try:
                desk.fences.update(await desk.ask(desk.ledger.own, ids))
                rows = await desk.ask(desk.ledger.rows, ids=ids)
            except errors.LedgerError:
                continue
            for row in rows:
                job, changed = self._watched.get(row.id, (None, None))
                if job is None or changed is None or changed.done():
                    continue
                if row != job.row:
                    job.show(row)
                if row.id in desk.fences or row.status in FINAL or row.owner is None:
                    changed.set_result(None)

    async def _beat(self) -> None:
        """Say that this kernel lives, where locks do not reach."""
        while True:
            await self.desk.sleep(BEAT_GAP_S)
            with suppress(errors.LedgerError):
                await self.desk.ask(self.desk.ledger.beat)

    def _cancelled(self, job: Job) -> None:
        if job.status in {"planned", "submitting"}:
            # A submit under way may still turn out not to have been accepted; then it is dropped.
            job.wants_cancel = True
        if job.status == "planned":
            # Not held any more, even where whoever carries it has not come to hold it yet.
            job.is_held = False
            self.desk.wake(job)
            if job.done():
                job.unsettle()
                self._start(job, job.row)
        elif job.status not in FINAL:
            job.show(is_hidden=True, note=HIDDEN)
            self._loop.submit(self._hide(job))

    async def _hide(self, job: Job) -> None:
        with suppress(errors.LedgerError):
            await self.desk.ask(self.desk.ledger.rate, job.id, is_hidden=True)

    def _hold_the_rest(self, job: Job) -> None:
        """After the service said that no money is left, send nothing more."""
        if job.row.error_kind != "InsufficientCredits" or job.status != "failed":
            return
        for other in self.known():
            if other.status == "planned" and other.may_send:
                hold(other, errors.InsufficientCredits(NO_CREDITS))
                self.desk.wake(other)

    async def _decide(self, job: Job, to: str, columns: Mapping[str, Any]) -> ClipRow:
        running = self._running.get(job.id)
        if running is not None and job.status in {"unconfirmed", "abandoned"}:
            # Of an abandoned one only the last steps of giving it up are under way.
            if job.status == "unconfirmed":
                running.cancel()
            await asyncio.wait({running})
        elif running is not None:
            raise errors.LedgerError(f"Clip {job.id} is {job.status} just now: nothing changed. Look again.")
        try:
            if not await self._own(job):
                raise errors.LedgerError(f"Clip {job.id} belongs to another running kernel; decide there.")
            row = await self.desk.move(job, to, detail="decided by hand", **columns)
            job.unsettle()
            return row
        finally:
            self._start(job, job.row)

    # The end of a job

    async def _end(self, job: Job) -> None:
        """Turn a final row into the handle's result."""
        row = job.row
        if row.status == "completed":
            await self._arrive(job)
        elif row.status == "failed":
            kind = getattr(errors, row.error_kind or "", None)
            if not (isinstance(kind, type) and issubclass(kind, errors.HailuoError)):
                kind = errors.GenerationFailed
            job.settle(kind(row.error or f"Clip {job.id} failed."))
        elif row.status == "cancelled":
            job.settle(errors.JobCancelled(row.error or CANCELLED.format(id=job.id)))
        else:
            job.settle(errors.SubmitUnconfirmed(ABANDONED.format(id=job.id)))

    async def _arrive(self, job: Job) -> None:
        """Settle a completed job whose file is here; else fetch it again, or say that it is missing."""
        if not await self.desk.disk(job.planned_path.is_file):
            await self._miss(job)
            return
        if not job.poster:
            try:
                made = await self.desk.work("poster", path=str(job.planned_path))
                job.show(poster=base64.b64decode(made["poster"]))
            except (errors.HailuoError, OSError, ValueError) as error:
                job.show(note=str(error))
        job.settle()

    async def _miss(self, job: Job) -> None:
        """Fetch a finished clip whose file has gone again, while the service keeps it and somebody wants it."""
        desk, until = self.desk, kept_until(job.row)
        price = usd_text(job.quote_usd)
        if job.row.imported_utc is not None:
            text = MISSING_IMPORT.format(file=job.file, price=price)
        elif desk.now() >= until or job.prediction_id is None:
            text = MISSING_FOR_GOOD.format(file=job.file, until=until, price=price)
        elif not job.wants_file:
            text = MISSING.format(file=job.file, id=job.id)
        elif await self._own(job):
            if job.status == "completed":
                await desk.move(job, "downloading", detail="its file is not on disk any more")
            return
        else:
            await self._stand_by(job)
            await desk.sleep(WATCH_GAP_S)
            return
        job.show(note=text)
        job.settle(errors.DownloadFailed(text))


async def _answered(job: Job) -> None:
    """Wait until a job's submit has its answer, and that is written down."""
    answered = asyncio.Event()

    def look(changed: Job) -> None:
        if changed.status != "submitting":
            answered.set()

    stop = job.observe(look)
    try:
        await answered.wait()
    finally:
        stop()


def _short(error: BaseException) -> str:
    """Give an error in one line."""
    text = str(error).splitlines()
    return f"{type(error).__name__}: {text[0][:200]}" if text else type(error).__name__
