"""What a job needs on its way: the ledger, the service, the worker process, the folder and a clock.

In come those parts from the session; every step of the walk (`send`, `follow`, `fetch`, `reconcile`) takes one desk and
one job. Tests lay their own clock and sleep on it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, ParamSpec, Protocol, TypeVar

from hailuo_nb import errors
from hailuo_nb.jobs.files import clip_file
from hailuo_nb.jobs.job import Job
from hailuo_nb.jobs.pace import back_off_s
from hailuo_nb.ledger.faults import FenceLost, PathTaken, PredictionTaken, TransitionRefused
from hailuo_nb.ledger.rows import ClipRow
from hailuo_nb.ledger.store import Ledger
from hailuo_nb.media.worker import MediaWorker
from hailuo_nb.settings import TIERS, Tier
from hailuo_nb.wavespeed.client import Client

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
    may_cost : callable
        Asked before a submit whose live price is above its quote; gives why not, or an empty text.
    grace_s : float
        How long an unconfirmed submit is looked for.
    """

    ledger: Ledger
    service: Service
    worker: MediaWorker
    folder: Path
    executor: Executor
    work_executor: Executor
    clips: str = "hailuo/clips"
    limits: Callable[[], Tier] = lambda: TIERS["bronze"]
    budget: Callable[[], Decimal | None] = lambda: None
    fingerprint: Callable[[], str] = lambda: ""
    may_cost: Callable[[Job, Decimal], str] = lambda _job, _usd: ""
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    now: Callable[[], datetime] = utc_now
    clock: Callable[[], float] = suspended_clock
    grace_s: float = 15 * 60.0
    fences: dict[str, int] = field(default_factory=dict)
    few_at_once: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(SUBMITS_AT_ONCE))
    _wakes: dict[str, asyncio.Event] = field(default_factory=dict)

    def file_of(self, row: ClipRow) -> str:
        """Give a clip's file relative to the notebook's folder, as it is or will be."""
        return row.path or f"{self.clips}/{clip_file(row)}"

    def longer_files(self, row: ClipRow) -> list[str]:
        """Give further names, for the case that another clip has the first."""
        return [f"{self.clips}/{clip_file(row, letters)}" for letters in (12, 16, 64)]

    async def ask(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a ledger call in its thread."""
        return await asyncio.get_running_loop().run_in_executor(
            self.executor, lambda: function(*args, **kwargs)
        )

    async def work(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """Have the worker process do something heavy, without holding the loop."""
        return await asyncio.get_running_loop().run_in_executor(
            self.work_executor, lambda: self.worker.call(operation, **arguments)
        )

    async def nap(self, job: Job, seconds: float) -> None:
        """Pause a job that is not sent yet; `wake` ends the pause."""
        event = self._wakes.setdefault(job.id, asyncio.Event())
        event.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), seconds)

    def wake(self, job: Job) -> None:
        """End a job's nap; on the background thread only."""
        if job.id in self._wakes:
            self._wakes[job.id].set()

    async def row(self, clip_id: str) -> ClipRow:
        """Read one row."""
        return (await self.ask(self.ledger.rows, ids=[clip_id]))[0]

    async def note(self, job: Job, **columns: Any) -> None:
        """Write something down beside a job's status, and show it."""
        await self.move(job, job.status, **columns)

    async def move(
        self, job: Job, to: str, *, detail: str = "", marks: dict[str, object] | None = None, **columns: Any
    ) -> ClipRow:
        """Change a job's status in the ledger, then on its handle.

        A ledger that cannot be written just now (a full disk) is tried again until it can: what is to be written
        may be the only trace of something paid.

        Raises
        ------
        FenceLost
            Another kernel has the job.
        """
        failures = 0
        while True:
            try:
                row = await self.ask(
                    self.ledger.move, job.id, fence=self.fences[job.id], to=to, detail=detail, **columns
                )
            except LOST:
                raise
            except errors.LedgerError as error:
                failures += 1
                job.show(note=f"{error} It is tried again.")
                await self.sleep(back_off_s(failures, longest_s=10.0))
            else:
                job.show(row, **(marks or {}))
                return row
