"""What a job needs on its way: the ledger, the service, the worker process, the folder and a clock.

In come those parts from the session; every step of the walk (`send`, `follow`, `fetch`, `reconcile`) takes one desk and
one job. Tests lay their own clock and sleep on it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

from hailuo_nb import errors
from hailuo_nb.jobs.files import clip_file, inside
from hailuo_nb.jobs.gate import Gate
from hailuo_nb.jobs.job import FINAL, Job
from hailuo_nb.jobs.pace import back_off_s
from hailuo_nb.jobs.past import Past
from hailuo_nb.jobs.roll_call import RollCall
from hailuo_nb.ledger.faults import FenceLost, PathTaken, PredictionTaken, TransitionRefused
from hailuo_nb.ledger.rows import ClipRow
from hailuo_nb.ledger.store import Ledger
from hailuo_nb.settings import TIERS, Tier

if TYPE_CHECKING:
    from hailuo_nb.wavespeed.client import Client

logger = logging.getLogger(__name__)
logger.addHandler(logging.NullHandler())

P = ParamSpec("P")
T = TypeVar("T")

# The service keeps outputs, predictions and uploads this long.
KEPT_DAYS = 7


# Writing again would not help: the row is somebody else's, or is not where this kernel thinks.
LOST = (FenceLost, TransitionRefused, PredictionTaken, PathTaken)
# A service out of credits refuses the first few, and the rest of the batch is held.
SUBMITS_AT_ONCE = 4


class Service(Protocol):
    """Where predictions are made."""

    name: str
    speed: float

    async def client(self) -> Client:
        """Give the client, opening the service on first use; raises what stands in the way."""
        ...

    async def revive(self) -> None:
        """Do what can be done after a connection that never opened."""
        ...


class Worker(Protocol):
    """Does heavy things with files somewhere else."""

    def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """Do one of them, and wait for it."""
        ...


def utc_now() -> datetime:
    """Give the time, zone-aware."""
    return datetime.now(UTC)


def suspended_clock() -> float:
    """Give seconds of a clock that goes on while the machine sleeps, where there is one."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.time() if clock is None else time.clock_gettime(clock)


@dataclass
class Desk:
    """What every step of a job's walk works with.

    Attributes
    ----------
    folder : Path
        The notebook's folder; a row's `path` is relative to it.
    clips : str
        Where clips go, relative to `folder`.
    executor : Executor
        One thread for the ledger, which never is written on the loop itself.
    limits, budget : callable
        The account's rate limits and the user's budget, as they are set now.
    fingerprint : callable
        The salted fingerprint of the key.
    seal : callable
        Makes the seal over what is remembered of the service; see `hailuo_nb.jobs.prices`.
    may_cost : callable
        Asked before a submit whose live price is above its quote; gives why not, or an empty text.
    grace_s : float
        How long an unconfirmed submit is looked for.
    waiting : set of Job
        Those that wait for their turn to be sent.
    prices : dict
        Prices that were read or asked for a moment ago, by key, with the clock's time: a batch has one for all.
    """

    ledger: Ledger
    service: Service
    worker: Worker
    folder: Path
    executor: Executor
    work_executor: Executor
    clips: str = "hailuo/clips"
    limits: Callable[[], Tier] = lambda: TIERS["bronze"]
    budget: Callable[[], Decimal | None] = lambda: None
    fingerprint: Callable[[], str] = lambda: ""
    seal: Callable[[str], str] = lambda _text: ""
    may_cost: Callable[[Job, Decimal], str] = lambda _job, _usd: ""
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    now: Callable[[], datetime] = utc_now
    clock: Callable[[], float] = suspended_clock
    grace_s: float = 15 * 60.0
    fences: dict[str, int] = field(default_factory=dict)
    past: Past = field(default_factory=Past)
    rolls: RollCall = field(default_factory=RollCall)
    waiting: set[Job] = field(default_factory=set)
    prices: dict[str, tuple[float, Decimal]] = field(default_factory=dict)
    gate: Gate = field(default_factory=lambda: Gate(SUBMITS_AT_ONCE))
    _wakes: dict[str, asyncio.Event] = field(default_factory=dict)
    _uploads: dict[str, asyncio.Lock] = field(default_factory=dict)

    def file_of(self, row: ClipRow) -> str:
        """Give a clip's file relative to the notebook's folder, as it is or will be."""
        return inside(row.path) or f"{self.clips}/{clip_file(row)}"

    def forget(self, job: Job) -> None:
        """Keep nothing of a job that goes no further."""
        self.fences.pop(job.id, None)
        self._wakes.pop(job.id, None)

    # The service

    async def client(self) -> Client:
        """Give the service's client; whatever keeps it from opening is a connection that never opened."""
        try:
            return await self.service.client()
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise errors.NotConnected(f"The {self.service.name} could not be opened: {reason}.") from None

    async def revive(self, error: BaseException) -> None:
        """After a connection that never opened, do what can be done; failing at that changes nothing."""
        if isinstance(error, errors.NotConnected):
            try:
                await self.service.revive()
            except (errors.HailuoError, OSError):
                logger.info("%s is still not to be reached", self.service.name)

    def is_other_key(self, row: ClipRow) -> bool:
        """Tell whether a clip was sent with another key, so that a 401 or 404 says nothing about it."""
        return row.key_fingerprint is not None and row.key_fingerprint != self.fingerprint()

    async def pause_submits(self, seconds: float) -> None:
        """Send nothing for a while, in no kernel: the service said that it is too much."""
        fingerprint = self.fingerprint()
        await self.ask(self.ledger.pause_submits, self.service.name, seconds, key_fingerprint=fingerprint)

    async def give_turn_back(self) -> None:
        """Give back the turn of a submit whose connection never opened."""
        await self.ask(self.ledger.give_turn_back, self.service.name, key_fingerprint=self.fingerprint())

    def place_is_free(self) -> None:
        """Let who waits for its turn ask again: one clip less is out."""
        for job in list(self.waiting):
            self.wake(job)

    def uploading(self, content: str) -> asyncio.Lock:
        """Give the lock under which a picture is uploaded once, however many clips start from it."""
        return self._uploads.setdefault(content, asyncio.Lock())

    # Threads and processes

    async def ask(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a ledger call in its thread."""
        return await asyncio.get_running_loop().run_in_executor(
            self.executor, lambda: function(*args, **kwargs)
        )

    async def disk(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call that waits for the disk in some other thread."""
        return await asyncio.get_running_loop().run_in_executor(None, lambda: function(*args, **kwargs))

    async def work(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """Have the worker process do something heavy, without holding the loop."""
        return await asyncio.get_running_loop().run_in_executor(
            self.work_executor, lambda: self.worker.call(operation, **arguments)
        )

    # Pauses

    async def nap(self, job: Job, seconds: float) -> None:
        """Pause a job; `wake` ends the pause."""
        if _is_called_off(job) or seconds <= 0:
            return
        # A thousand jobs nap at once: one future each, and no task.
        event = self._wakes[job.id] = asyncio.Event()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await event.wait()
        finally:
            if self._wakes.get(job.id) is event:
                del self._wakes[job.id]

    async def unless_called_off(self, job: Job, coroutine: Coroutine[Any, Any, T]) -> T | None:
        """Do something for a job that is not sent yet; None where it was called off first."""
        if _is_called_off(job):
            coroutine.close()
            return None
        doing = asyncio.ensure_future(coroutine)
        await self._until_woken(job, doing)
        return None if doing.cancelled() else doing.result()

    def wake(self, job: Job) -> None:
        """End a job's pause or its place in the queue; on the background thread only."""
        self.gate.skip(job.id)
        if job.id in self._wakes:
            self._wakes[job.id].set()

    async def _until_woken(self, job: Job, doing: asyncio.Future[Any]) -> None:
        """Wait until something is done, or `wake` is called and it is dropped."""
        event = self._wakes[job.id] = asyncio.Event()
        waking = asyncio.ensure_future(event.wait())
        try:
            await asyncio.wait({doing, waking}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in (doing, waking):
                each.cancel()
            if self._wakes.get(job.id) is event:
                del self._wakes[job.id]
        if not doing.done():
            await asyncio.wait({doing})

    # The ledger

    async def row(self, job: Job) -> ClipRow:
        """Read a job's row, for as long as it takes."""
        return await self.surely(job, self.ledger.row, job.id)

    async def note(self, job: Job, **columns: Any) -> None:
        """Write something down beside a job's status, and show it."""
        await self.move(job, job.status, **columns)

    async def move(
        self, job: Job, to: str, *, detail: str = "", marks: dict[str, object] | None = None, **columns: Any
    ) -> ClipRow:
        """Change a job's status in the ledger, then on its handle.

        Raises
        ------
        FenceLost
            Another kernel has the job.
        """
        fence = self.fences.get(job.id)
        if fence is None:
            raise FenceLost(f"Clip {job.id} is not this kernel's, so nothing was written.")
        row = await self.surely(job, self.ledger.move, job.id, fence=fence, to=to, detail=detail, **columns)
        if to in FINAL:
            self.fences.pop(job.id, None)
        job.show(row, **(marks or {}))
        return row

    async def surely(self, job: Job, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call the ledger until it answers.

        A ledger that cannot be written just now (a full disk) is tried again until it can: what is to be written
        may be the only trace of something paid.
        """
        failures = 0
        before = job.note
        while True:
            try:
                found = await self.ask(function, *args, **kwargs)
            except LOST:
                raise
            except errors.LedgerError as error:
                failures += 1
                job.show(note=f"{error} It is tried again.")
                await self.sleep(back_off_s(failures, longest_s=10.0))
            else:
                if failures:
                    job.show(note=before)
                return found


def _is_called_off(job: Job) -> bool:
    """Tell whether an unsent job is not to be sent any more."""
    return job.status == "planned" and (job.wants_cancel or job.is_held)


def kept_until(row: ClipRow) -> datetime:
    """Give the time until which the service keeps a clip, as far as is known."""
    return row.url_expires_utc or (row.submitted_utc or row.created_utc) + timedelta(days=KEPT_DAYS)
