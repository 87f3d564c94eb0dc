"""The user's limits: what one cell may cost, and what may go without another yes.

In come prices and `Terms`; out goes leave to send, a reason to wait for a yes, or a `LimitReached`. The budget is the
ledger's to keep, in the transaction that writes the rows. Next: the session asks here before there is a row.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from hailuo_nb import errors
from hailuo_nb.catalog.quotes import sum_usd, usd_text
from hailuo_nb.jobs.job import Job
from hailuo_nb.ledger.rows import NewClip


@dataclass(frozen=True)
class Terms:
    """Under which limits a cell may send.

    Attributes
    ----------
    yes : bool
        The confirmation is given; it never lifts the budget.
    max_cost : Decimal or None
        The most this cell's new clips may cost.
    max_clips : int or None
        The most clips of this cell; the setting when not given.
    offline : bool
        Only what is on disk.
    is_headless : bool
        Nobody is there to confirm.
    """

    yes: bool = False
    max_cost: Decimal | None = None
    max_clips: int | None = None
    offline: bool = False
    is_headless: bool = False


def check_terms(paid: Sequence[NewClip], terms: Terms) -> None:
    """Refuse what is over the cell's own limits, before anything is written.

    Raises
    ------
    NotOnDisk
        With ``--offline``, for clips that are not here.
    BudgetExceeded
        Over ``--max-cost``, or nobody knows.
    """
    if not paid:
        return
    if terms.offline:
        is_one = len(paid) == 1
        raise errors.NotOnDisk(
            f"{clips_text(len(paid))} of this cell {'is' if is_one else 'are'} not on disk, and --offline sends "
            f"nothing: {paid[0].variant} {paid[0].prompt[:60]!r}. Leave --offline out to make "
            f"{'it' if is_one else 'them'} for {usd_text(sum_usd(clip.quote_usd for clip in paid))}."
        )
    check_max_cost([clip.quote_usd for clip in paid], terms)


def check_max_cost(prices: Sequence[Decimal | None], terms: Terms) -> None:
    """Refuse a sum over ``--max-cost``, or one that nobody knows."""
    if terms.max_cost is None:
        return
    total = sum_usd(prices)
    if total is None:
        raise errors.BudgetExceeded(
            "Not sent: the price of a clip is unknown, so --max-cost cannot be kept. Ask with %hailuo quote."
        )
    if total > terms.max_cost:
        raise errors.BudgetExceeded(
            f"Not sent: {usd_text(total)} is over this cell's limit of {usd_text(terms.max_cost)}. "
            "Raise --max-cost or drop a take."
        )


@dataclass(frozen=True)
class Leave:
    """The answer to one cell.

    Attributes
    ----------
    reason : str
        Why its new clips wait for a yes; empty where they may go.
    ticket : int or None
        The sum that is counted for it until its clips are written down.
    is_yes : bool
        The cell itself brought the yes.
    """

    reason: str = ""
    ticket: int | None = None
    is_yes: bool = False


@dataclass
class _Counted:
    """One clip that went without a yes."""

    usd: Decimal
    job: Job | None = None

    @property
    def is_sent(self) -> bool:
        """Whether it was sent, or may be without a further yes."""
        if self.job is None:
            return True
        status, was_accepted = self.job.status, self.job.row.was_accepted
        if status == "planned":
            return not self.job.is_held
        return status != "cancelled" and not (status == "failed" and was_accepted is False)


class Consent:
    """What this kernel has sent, and is about to send, since somebody last said yes.

    The sum is kept clip by clip, so that one that was cancelled or refused before it cost anything is given back. Any
    thread may ask; of two that ask at once, the second sees what the first was given leave for.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._tickets: dict[int, Decimal] = {}
        self._clips: dict[str, _Counted] = {}

    @property
    def since_yes_usd(self) -> Decimal:
        """The sum since the last yes, in US dollars."""
        with self._lock:
            return self._sum()

    def ask(self, prices: Sequence[Decimal | None], terms: Terms, limit_usd: Decimal) -> Leave:
        """Weigh the prices of a cell's new clips.

        Raises
        ------
        ConfirmationNeeded
            A yes is needed and nobody is there to give it.
        """
        if not prices:
            return Leave()
        if terms.yes:
            return Leave(is_yes=True)
        total = sum_usd(prices)
        with self._lock:
            before = self._sum()
            if total is not None and before + total <= limit_usd:
                ticket = next(self._numbers)
                self._tickets[ticket] = total
                return Leave(ticket=ticket)
        reason = _reason(prices, total, before, limit_usd)
        if terms.is_headless:
            raise errors.ConfirmationNeeded(
                f"Not sent: {reason} Nobody can be asked here: add --yes to the cell (yes=True in Python)."
            )
        return Leave(reason)

    def give_back(self, leave: Leave) -> None:
        """Forget a cell for which nothing was written after all."""
        with self._lock:
            self._tickets.pop(leave.ticket or 0, None)

    def use(self, leave: Leave, prices: Mapping[str, Decimal | None]) -> None:
        """Count the clips that were written down for a cell, by id, in place of its sum; or begin anew after a yes."""
        with self._lock:
            self._tickets.pop(leave.ticket or 0, None)
            if leave.is_yes:
                self._clips.clear()
            elif not leave.reason:
                self._clips |= {clip_id: _Counted(usd or Decimal(0)) for clip_id, usd in prices.items()}

    def watch(self, jobs: Sequence[Job]) -> None:
        """Look at what becomes of counted clips from now on."""
        with self._lock:
            for job in jobs:
                if job.id in self._clips:
                    self._clips[job.id].job = job

    def may_rise(self, job: Job, usd: Decimal, limit_usd: Decimal) -> bool:
        """Tell whether a clip may go at a higher price than was counted, and count it so."""
        with self._lock:
            known = self._clips.get(job.id)
            # After a yes a clip is not counted, but what it costs beyond that yes is.
            counted = known.usd if known is not None else (job.quote_usd or Decimal(0))
            more = usd - counted
            if self._sum() + more > limit_usd:
                return False
            self._clips[job.id] = _Counted((known.usd if known is not None else Decimal(0)) + more, job)
            return True

    def say_yes(self) -> None:
        """Begin anew: everything up to now was agreed to."""
        with self._lock:
            self._clips.clear()

    def _sum(self) -> Decimal:
        self._clips = {clip_id: each for clip_id, each in self._clips.items() if each.is_sent}
        clips = sum((each.usd for each in self._clips.values()), Decimal(0))
        return clips + sum(self._tickets.values(), Decimal(0))


def clips_text(count: int) -> str:
    """Give ``1 clip`` or ``3 clips``."""
    return "1 clip" if count == 1 else f"{count} clips"


def _reason(
    prices: Sequence[Decimal | None], total: Decimal | None, before: Decimal, limit_usd: Decimal
) -> str:
    """Say why a cell has to wait for a yes."""
    if total is None:
        unknown = clips_text(sum(price is None for price in prices))
        return f"The price of {unknown} is not known, so only --yes sends this cell."
    with_before = f", with {usd_text(before)} sent since the last yes," if before else ""
    return (
        f"{clips_text(len(prices))} for {usd_text(total)}{with_before} is over the {usd_text(limit_usd)} that may go "
        "without a yes (confirm_above_usd)."
    )
