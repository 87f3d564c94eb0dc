"""What a cell gets back: its jobs, in order.

In come the handles of `hailuo_nb.jobs` with what the cell asked; out go waiting, a DataFrame and a summary. The
notebook draws a batch; here it only knows that it can be shown.
"""

from __future__ import annotations

import asyncio
import html
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, overload

from hailuo_nb import errors
from hailuo_nb.catalog.quotes import sum_usd
from hailuo_nb.jobs import waiting
from hailuo_nb.jobs.job import Job
from hailuo_nb.jobs.summary import job_html

if TYPE_CHECKING:
    from pandas import DataFrame

    from hailuo_nb.session.sheet import Sheet

# Dropping an unsent clip is one write in the background; a busy disk may make it wait.
CANCEL_WAIT_S = 2.0
MOST_LINES = 24


@dataclass(frozen=True)
class Place:
    """One place of a batch: which job stands there and what made it.

    Attributes
    ----------
    job : Job
        Equal requests in one cell are one job at several places.
    axes : Mapping[str, str]
        The axis values of this place, variant and length included where they vary.
    is_new : bool
        This cell pays for it; else it was on disk, on its way, or had failed before.
    """

    job: Job
    axes: Mapping[str, str]
    is_new: bool = True


class Home(Protocol):
    """What a batch asks of its session."""

    def frame_of(self, batch: Batch) -> DataFrame:
        """Give the batch's history."""
        ...

    def confirm(self, batch: Batch, shown_usd: Decimal) -> bool:
        """Say yes to the sum that was shown."""
        ...

    def sheet_of(self, batch: Batch, **options: Any) -> Sheet:
        """Put the batch on one contact sheet."""
        ...

    def show(self, batch: Batch) -> bool:
        """Show the batch's card; False where nobody draws."""
        ...

    def previous_of(self, batch: Batch) -> Batch | None:
        """Give the version of the batch's cell before its text was changed."""
        ...

    def compare(self, batch: Batch, *, x: str | None, y: str | None) -> Any:
        """Give what shows the batch side by side."""
        ...


@dataclass(frozen=True, eq=False)
class Batch(Sequence[Job]):
    """The jobs of one cell, as a sequence.

    Attributes
    ----------
    id : str
        The batch's id in the ledger.
    places : tuple of Place
        In the order of the cell.
    name : str
        What ``--name`` said, or an empty text.
    service : str
        ``wavespeed`` or ``simulator``.
    budget_left_usd : Decimal or None
        What the budget leaves after this batch; None without a budget.

    Examples
    --------
    >>> batch = hn.generate("a fox {light: at dawn|at night}", "t2v-standard")  # doctest: +SKIP
    >>> batch.wait()  # doctest: +SKIP
    >>> batch.df[["variant", "prompt", "cost_usd"]]  # doctest: +SKIP
    >>> async for job in batch:  # as they arrive  # doctest: +SKIP
    ...     print(job.path)
    """

    id: str
    places: tuple[Place, ...]
    home: Home = field(repr=False)
    name: str = ""
    service: str = ""
    is_headless: bool = False
    budget_left_usd: Decimal | None = None
    notes: tuple[str, ...] = ()

    @cached_property
    def jobs(self) -> tuple[Job, ...]:
        """The jobs, each once, in the order of their first places."""
        return tuple(dict.fromkeys(place.job for place in self.places))

    @property
    def new_usd(self) -> Decimal | None:
        """What the new clips of this batch were quoted, in US dollars; None where one price is unknown."""
        fresh = dict.fromkeys(place.job for place in self.places if place.is_new)
        return sum_usd(job.quote_usd for job in fresh)

    @property
    def held(self) -> tuple[Job, ...]:
        """The jobs that wait for a yes."""
        return tuple(job for job in self.jobs if job.is_held and job.status == "planned")

    @property
    def df(self) -> DataFrame:
        """The batch's rows as `hailuo_nb.analysis.history` gives them, with ``cached``."""
        return self.home.frame_of(self)

    @property
    def is_gathered(self) -> bool:
        """Whether these are clips that were looked up, and no cell of the ledger."""
        return self.id.startswith("show-")

    @property
    def previous(self) -> Batch | None:
        """What the cell made before its text was changed; None where there is nothing. It costs nothing."""
        return self.home.previous_of(self)

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, index: int) -> Job: ...
    @overload
    def __getitem__(self, index: slice) -> list[Job]: ...
    def __getitem__(self, index: int | slice) -> Job | list[Job]:
        if isinstance(index, slice):
            return [place.job for place in self.places[index]]
        return self.places[index].job

    def done(self) -> bool:
        """Tell whether no job goes further by itself."""
        return all(job.done() for job in self.jobs)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until no job goes further by itself; an interrupt ends the waiting, not the jobs.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at the most.

        Returns
        -------
        bool
            Whether all are done.

        Raises
        ------
        ConfirmationNeeded
            The batch waits for a yes: at once, since no click arrives while a cell blocks.
        """
        self._refuse_if_held()
        until = None if timeout is None else time.monotonic() + timeout
        are_done = all(
            job.wait(None if until is None else max(0.0, until - time.monotonic())) for job in self.jobs
        )
        # The live price may have grown past a limit meanwhile, or the credits may have run out.
        self._refuse_if_held()
        return are_done

    def as_completed(self, timeout: float | None = None) -> Iterator[Job]:
        """Give each job as soon as it is done, in that order.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait for each next one.

        Raises
        ------
        ConfirmationNeeded
            The batch waits for a yes: at once.
        TimeoutError
            The next one was not done in time; the jobs go on.
        """
        self._refuse_if_held()
        arrivals: waiting.Arrivals[Job] = waiting.Arrivals()
        jobs = self.jobs
        for job in jobs:
            job.add_done_callback(arrivals.put)
        return (arrivals.take(timeout) for _ in jobs)

    async def __aiter__(self) -> AsyncIterator[Job]:
        """Give each job as soon as it is done; ``async for job in batch``."""
        self._refuse_if_held()
        loop = asyncio.get_running_loop()
        left = {waiting.told(job.settled, loop): job for job in self.jobs}
        while left:
            done, _ = await asyncio.wait(left, timeout=waiting.WAKE_S, return_when=asyncio.FIRST_COMPLETED)
            for ready in [each for each in left if each in done]:
                yield left.pop(ready)

    def cancel(self) -> str:
        """Drop what is unsent and say what became of the rest, once that is known."""
        unsent = [job for job in self.jobs if job.status == "planned"]
        for job in self.jobs:
            if not job.done() or job.is_held:
                job.cancel()
        until = time.monotonic() + CANCEL_WAIT_S
        while any(job.status == "planned" for job in unsent) and time.monotonic() < until:
            # A pause that lets the notebook's own tasks go on.
            waiting.wait(Future(), 0.01)
        return _what_became(self.jobs, unsent)

    def _refuse_if_held(self) -> None:
        """Refuse to wait for what only a yes can set going."""
        held = self.held
        if held:
            some = "1 clip waits" if len(held) == 1 else f"{len(held)} clips wait"
            raise errors.ConfirmationNeeded(
                f"{some} for a yes: {held[0].held_because} Click the card's button, or run the cell with --yes.",
                job=held[0],
            )

    def confirm(self, usd: Decimal) -> bool:
        """Say yes to exactly the sum shown; False if it is no longer the sum."""
        return self.home.confirm(self, usd)

    def compare(self, *, x: str | None = None, y: str | None = None) -> Any:
        """Show the clips side by side and in step; ``hn.compare`` takes other collections of clips too.

        Parameters
        ----------
        x, y : str, optional
            The axes to lay out as columns and as rows.
        """
        return self.home.compare(self, x=x, y=y)

    def sheet(self, frames: int = 4, *, x: str | None = None, money: bool = False, title: str = "") -> Sheet:
        """Put frames of every clip on one picture, by axes, for papers, issues and chat.

        Parameters
        ----------
        frames : int
            How many of each clip: the first, the last, and those evenly between.
        x : str, optional
            The axis that stands across; the others go down.
        money : bool
            Whether to say what each clip cost.
        title : str
            What stands above; the prompt when not given.

        Returns
        -------
        Sheet
            It shows itself as the last line of a cell, small; ``.save("foxes.png")`` writes all of it to a file.
        """
        return self.home.sheet_of(self, frames=frames, x=x, money=money, title=title)

    def observe(self, function: Callable[[Job], object]) -> Callable[[], None]:
        """Observe every job; gives what ends that."""
        stops = [job.observe(function) for job in self.jobs]

        def stop() -> None:
            for each in stops:
                each()

        return stop

    def first_error(self) -> errors.HailuoError | None:
        """Give the error of the first job that has one, without waiting."""
        found = (job.settled.exception() for job in self.jobs if job.done())
        return next((error for error in found if isinstance(error, errors.HailuoError)), None)

    def __repr__(self) -> str:
        return f"<Batch {self._summary()}>"

    def _repr_html_(self) -> str:
        lines = "".join(job_html(place.job) + "<br>" for place in self.places[:MOST_LINES])
        more = len(self) - MOST_LINES
        rest = f"<div>and {more} more</div>" if more > 0 else ""
        return f"<div><div>{html.escape(self._summary())}</div>{lines}{rest}</div>"

    def _summary(self) -> str:
        """Say how many clips there are and how they stand."""
        counts: dict[str, int] = {}
        for job in self.jobs:
            counts[job.status] = counts.get(job.status, 0) + 1
        said = ", ".join(f"{n} {status}" for status, n in counts.items())
        clips = "1 clip" if len(self) == 1 else f"{len(self)} clips"
        return f"{self.name or self.id}: {clips}, {said or 'nothing in it'}"

    def _ipython_display_(self) -> None:
        if not self.home.show(self):
            print(repr(self))  # noqa: T201 - IPython asks for a display, and nobody draws here

    def __hash__(self) -> int:
        return hash(self.id)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Batch) and other.id == self.id


def _what_became(jobs: Sequence[Job], unsent: Sequence[Job]) -> str:
    """Say what cancelling did, by the statuses that the ledger has now."""
    dropped = sum(job.status == "cancelled" for job in unsent)
    waiting_still = sum(job.status == "planned" for job in unsent)
    sent = sum(job.status not in {"planned", "cancelled", "completed", "failed", "abandoned"} for job in jobs)
    simulated = " in simulated dollars" if jobs and jobs[0].service == "simulator" else ""
    said = []
    if dropped == 1:
        said.append("1 clip was dropped before it was sent; it cost nothing.")
    elif dropped:
        said.append(f"{dropped} clips were dropped before they were sent; they cost nothing.")
    if waiting_still:
        said.append(f"{waiting_still} unsent could not be dropped yet: another kernel or a busy disk.")
    if sent == 1:
        said.append(
            f"1 was sent already: it cannot be called back, is billed{simulated}, and is fetched all the same."
        )
    elif sent:
        said.append(
            f"{sent} were sent already: they cannot be called back, are billed{simulated}, "
            "and are fetched all the same."
        )
    return " ".join(said) or "There is nothing to cancel: no clip is waiting or out."
