"""The handle of one clip on its way.

In come ledger rows as they change (from the background thread); out go answers to whoever holds the handle: cells
that read a status or wait, and observers that draw. A handle never changes the ledger itself: what a user asks of it
(`cancel`, `retry`) is handed to the runner.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future
from decimal import Decimal
from pathlib import Path
from types import EllipsisType
from typing import Any, Protocol

from hailuo_nb import errors
from hailuo_nb.catalog.imageref import ImageRef
from hailuo_nb.catalog.request import GenerationRequest
from hailuo_nb.jobs import waiting
from hailuo_nb.jobs.files import inside
from hailuo_nb.jobs.summary import job_html
from hailuo_nb.ledger.rows import ClipRow

logger = logging.getLogger(__name__)
logger.addHandler(logging.NullHandler())

FINAL = frozenset({"completed", "failed", "cancelled", "abandoned"})
OUT = frozenset({"submitting", "unconfirmed", "submitted", "processing", "downloading"})


class Carrier(Protocol):
    """What a job asks of whoever carries it."""

    def is_here(self) -> bool:
        """Tell whether the caller is the background thread."""
        ...

    def cancel(self, job: Job) -> None:
        """Drop the job if it is unsent, hide it if it is not."""
        ...

    def rate(self, job: Job, marks: Mapping[str, Any]) -> None:
        """Write down what a person says about the clip."""
        ...

    def call(self, function: Callable[..., object], *args: object) -> None:
        """Call a function on the background thread soon."""
        ...

    def tell(self, function: Callable[[Job], object], job: Job) -> None:
        """Call a user's function on a thread where it may take its time."""
        ...

    def frame(self, job: Job, seconds: float | None) -> ImageRef:
        """Give one frame of a finished clip."""
        ...

    def animate(self, job: Job, prompt: str, variant: str, options: Mapping[str, Any]) -> Job:
        """Make a clip that starts where this one ends."""
        ...

    def next_take(self, job: Job, options: Mapping[str, Any]) -> Job:
        """Make the take after this one."""
        ...

    def promote(self, job: Job, variant: str, options: Mapping[str, Any]) -> Job:
        """Make this clip again in another variant."""
        ...


class Job:
    """One clip, from the row in the ledger to the file.

    Made by ``hn.generate`` and by ``%%hailuo``; await it, wait for it, or go on and look at it later.

    Attributes
    ----------
    cached : bool
        The clip was on disk when this cell asked for it, and cost nothing.
    poster : bytes
        A small JPEG of the clip once it is here, else empty.
    note : str
        What it is waiting for just now, in words; empty while all is well.
    """

    def __init__(
        self,
        row: ClipRow,
        folder: Path,
        name_of: Callable[[ClipRow], str],
        carrier: Carrier,
        *,
        cached: bool = False,
    ) -> None:
        self._row = row
        self._folder = folder
        # Its name is worked out when somebody asks: a cell of a hundred clips returns before anybody does.
        self._name_of = name_of
        self._file = ""
        self._carrier = carrier
        self._lock = threading.Lock()
        self._settled: Future[Path] = Future()
        self._observers: list[Callable[[Job], object]] = []
        self._callbacks: list[Callable[[Job], object]] = []
        self.cached = cached
        self.poster = b""
        self.note = ""
        self.is_held = False
        self.is_hidden = row.is_hidden
        # For the runner: what to send, by which fence it may be sent, how often it was asked for, whether anybody has
        # set out with it, and what it was settled as.
        self.request: GenerationRequest | None = None
        self.may_send = False
        self.fence: int | None = None
        self.asked = 0
        self.was_carried = False
        self.wants_cancel = False
        self.wants_file = False
        self.outputs: tuple[str, ...] = ()
        self.settled_as = ""

    # What it is

    @property
    def row(self) -> ClipRow:
        """The ledger's row as last seen."""
        return self._row

    @property
    def id(self) -> str:
        """The short id that every command takes."""
        return self._row.id

    @property
    def status(self) -> str:
        """One of the design's statuses, from ``planned`` to ``completed``."""
        return str(self._row.status)

    @property
    def name(self) -> str:
        """The name given with ``--name``, or an empty text."""
        return self._row.name or ""

    @property
    def prompt(self) -> str:
        """The prompt as it was sent."""
        return self._row.prompt

    @property
    def variant(self) -> str:
        """The variant's short name or the model's id."""
        return str(self._row.variant)

    @property
    def service(self) -> str:
        """``wavespeed`` or ``simulator``."""
        return str(self._row.service)

    @property
    def take(self) -> int:
        """The number among the clips of the same request, from 1."""
        return self._row.take

    @property
    def inputs(self) -> Mapping[str, Any]:
        """Every input as it was sent; an image by its name and identity."""
        return self._row.inputs

    @property
    def axes(self) -> Mapping[str, Any]:
        """The axis values that made this clip."""
        return self._row.axes

    @property
    def quote_usd(self) -> Decimal | None:
        """What it was said to cost before it was sent, in US dollars; None where unknown."""
        return self._row.quote_usd

    @property
    def cost_usd(self) -> Decimal | None:
        """What it cost, in US dollars; None while unknown."""
        return self._row.cost_usd

    @property
    def prediction_id(self) -> str | None:
        """The service's id, once there is one."""
        return self._row.prediction_id

    @property
    def url(self) -> str | None:
        """Where the service keeps the file for seven days, without its signature."""
        return self._row.url

    @property
    def path(self) -> Path | None:
        """The clip's file, absolute; None until it is complete."""
        return self.planned_path if self.status == "completed" else None

    @property
    def file(self) -> str:
        """Where the file is or will be, relative to the notebook's folder, with forward slashes."""
        if not self._file:
            self._file = self._name_of(self._row)
        return inside(self._row.path) or self._file

    @file.setter
    def file(self, file: str) -> None:
        self._file = file

    @property
    def planned_path(self) -> Path:
        """Where the file is or will be, absolute."""
        return self._folder / self.file

    @property
    def held_because(self) -> str:
        """Why it waits for a yes; its note may tell of something else by now."""
        error = self._settled.exception() if self.is_held and self._settled.done() else None
        return str(error) if error is not None else self.note

    @property
    def settled(self) -> Future[Path]:
        """Done when the job goes no further by itself; made anew by a retry."""
        return self._settled

    # Waiting for it

    def done(self) -> bool:
        """Tell whether it goes no further by itself."""
        return self._settled.done()

    def result(self, timeout: float | None = None) -> Path:
        """Wait for the clip and give its file.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at the most; the job goes on either way.

        Returns
        -------
        pathlib.Path
            Absolute.

        Raises
        ------
        TimeoutError
            The time is up; the job is still running.
        HailuoError
            Why there is no clip; ``error.job`` is this job.
        """
        if not self.wait(timeout):
            raise TimeoutError(
                f"Clip {self.id} is still {self.status} after {timeout:g} s; it goes on by itself. "
                f"Wait longer or look with %hailuo show {self.id}"
            )
        return self._settled.result()

    def exception(self, timeout: float | None = None) -> errors.HailuoError | None:
        """Wait, then give the error, or None where there is a clip."""
        if not self.wait(timeout):
            raise TimeoutError(f"Clip {self.id} is still {self.status}; it goes on by itself.")
        found = self._settled.exception()
        assert found is None or isinstance(found, errors.HailuoError)
        return found

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it goes no further by itself; an interrupt ends the waiting, not the job.

        Returns
        -------
        bool
            Whether it is done.
        """
        if self._carrier.is_here() and not self.done():
            raise RuntimeError(
                "Waiting for a job inside one of its observers would never end; await it instead."
            )
        return waiting.wait(self._settled, timeout)

    def __await__(self) -> Generator[Any, None, Path]:
        """Await the file; an interrupt or a cancelled task leaves the job running."""
        settled = self._settled
        if not settled.done():
            yield from waiting.until(settled).__await__()
        return settled.result()

    def add_done_callback(self, function: Callable[[Job], object]) -> None:
        """Call ``function(job)`` once it is done, or soon if it already is.

        It is called on a thread of its own, where it may wait for other jobs and make new ones.
        """
        with self._lock:
            if not self._settled.done():
                self._callbacks.append(function)
                return
        self._carrier.tell(function, self)

    def cancel(self) -> bool:
        """Drop it if it is not sent yet.

        What is sent cannot be called back: it is billed, is fetched all the same, and only hidden from the card.

        Returns
        -------
        bool
            Whether it was still unsent, as far as can be told at once.
        """
        unsent = self.status in {"planned", "cancelled"}
        self._carrier.cancel(self)
        return unsent

    def rate(self, rating: int | EllipsisType | None = ..., *, note: str | EllipsisType | None = ...) -> None:
        """Say what you think of it; on disk when this returns, and in the history.

        Parameters
        ----------
        rating : int, optional
            1 to 5 stars, or 0 for a reject; None takes the stars away. What is not given stays as it is.
        note : str, optional
            Any text; None takes it away.

        Raises
        ------
        InvalidRequest
            It is no such rating.
        """
        marks = {"rating": rating, "note": note}
        self._carrier.rate(self, {name: value for name, value in marks.items() if value is not ...})

    # Going on from it

    def frame(self, seconds: float) -> ImageRef:
        """Wait for the clip and give the frame at a time in seconds, to start another clip from."""
        self.result()
        return self._carrier.frame(self, seconds)

    def last_frame(self) -> ImageRef:
        """Wait for the clip and give its very last frame, to start another clip from."""
        self.result()
        return self._carrier.frame(self, None)

    def animate(self, prompt: str, variant: str = "i2v-pro", **options: Any) -> Job:
        """Make a clip that starts from this one's last frame; it is sent as soon as this one is there.

        Parameters
        ----------
        prompt : str
            What happens next.
        variant : str
            One that takes a picture.
        **options
            As for ``hn.generate``.
        """
        return self._carrier.animate(self, prompt, variant, options)

    def next_take(self, *, yes: bool = False, max_cost: object = None) -> Job:
        """Give the take after this one: another clip of the same words.

        It is made where there is none yet, under all limits, and shown for nothing where there is, so that running the
        same line again pays nothing.

        Parameters
        ----------
        yes : bool
            Do not ask above the confirmation limit; the budget stays.
        max_cost : Decimal, float or str, optional
            Send nothing if it costs more, in US dollars.

        Examples
        --------
        >>> second = fox[0].next_take()  # doctest: +SKIP
        """
        return self._carrier.next_take(self, {"yes": yes, "max_cost": max_cost})

    def promote(self, variant: str, **options: Any) -> Job:
        """Make this clip again in a better variant: the same words and picture, under the limits of any cell.

        There is no seed, so it is another clip of the same idea. What the variant cannot take over is left out; the
        card of ``%hailuo promote`` says so, with the difference in price.

        Parameters
        ----------
        variant : str
            As ``"t2v-pro"``.
        **options
            ``yes``, ``max_cost`` and ``offline`` as for ``hn.generate``.

        Raises
        ------
        InvalidRequest
            It is that variant already, or the variant lacks what the clip is made of.
        LimitReached
            Above a limit; nothing is sent.
        """
        return self._carrier.promote(self, variant, options)

    def __repr__(self) -> str:
        where = f" {self.path}" if self.path else ""
        return f"<Job {self.id} {self.variant} {self.status}{where}>"

    def _repr_html_(self) -> str:
        return job_html(self)

    # For the runner and for observers

    def observe(self, function: Callable[[Job], object]) -> Callable[[], None]:
        """Call ``function(job)`` on the background thread now and at every change; gives what ends that."""

        def stop() -> None:
            with self._lock:
                if function in self._observers:
                    self._observers.remove(function)

        def join() -> None:
            with self._lock:
                self._observers.append(function)
            told(function, self)

        self._carrier.call(join)
        return stop

    def show(self, row: ClipRow | None = None, **marks: object) -> None:
        """Take in a changed row or mark, and tell the observers; on the background thread only."""
        if row is not None:
            self._row = row
        for name, value in marks.items():
            setattr(self, name, value)
        with self._lock:
            observers = list(self._observers)
        for function in observers:
            told(function, self)

    def settle(self, error: errors.HailuoError | None = None) -> None:
        """Say that it goes no further by itself; on the background thread only."""
        with self._lock:
            if self._settled.done():
                return
            self.settled_as = self.status
            callbacks, self._callbacks = self._callbacks, []
            if error is None:
                self._settled.set_result(self.planned_path)
            else:
                error.job = self
                self._settled.set_exception(error)
        self.show()
        for function in callbacks:
            self._carrier.tell(function, self)

    def unsettle(self) -> None:
        """Let it be waited for again: it is about to go on."""
        with self._lock:
            if self._settled.done():
                self._settled = Future()


def told(function: Callable[[Job], object], job: Job) -> None:
    """Call somebody else's function; its failure must not stop a paid job."""
    try:
        function(job)
    except Exception:
        logger.exception("a callback of clip %s failed", job.id)
