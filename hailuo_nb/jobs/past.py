"""What to expect of a job, by how long clips like it took.

In comes a job that is followed; out goes the `Expectation` of its service, variant and length. It is looked up again
when a clip like it has ended, so that the first clips of a batch tell about the others; but not at each of a thousand.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hailuo_nb import errors
from hailuo_nb.catalog.variants import find
from hailuo_nb.jobs.job import Job
from hailuo_nb.jobs.pace import Expectation, expect

if TYPE_CHECKING:
    from hailuo_nb.jobs.desk import Desk

PAST_CLIPS = 50
FRESH_S = 0.5


@dataclass
class _Known:
    """An expectation, since when it is known, and whether a clip has ended since."""

    expectation: Expectation | None
    at: float
    is_old: bool = False


class Past:
    """The expectations of one kernel; on the background thread only."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, float | None, float], _Known] = {}

    def grew(self, job: Job) -> None:
        """Take note that a clip has ended."""
        for (variant, length_s, _), known in self._known.items():
            if (variant, length_s) == (job.variant, job.row.asked_duration_s):
                known.is_old = True

    async def expectation(self, desk: Desk, job: Job, *, share: float) -> Expectation | None:
        """Give what to expect.

        Parameters
        ----------
        desk : Desk
            Has the ledger and the service.
        job : Job
            Of what.
        share : float
            How much of a look's cost is this job's; see `hailuo_nb.jobs.pace.expect`.
        """
        length_s, now = job.row.asked_duration_s, asyncio.get_running_loop().time()
        key = (job.variant, length_s, share)
        known = self._known.get(key)
        if known is None or (known.is_old and now - known.at >= FRESH_S):
            ledger, service = desk.ledger, desk.service
            past = await desk.surely(
                job, ledger.durations, job.variant, service.name, PAST_CLIPS, asked_s=length_s
            )
            expectation = expect(past, _typical_s(job.variant), service.speed, share=share)
            known = self._known[key] = _Known(expectation, now)
        return known.expectation


def _typical_s(variant: str) -> tuple[float, float] | None:
    """Give what the catalogue says that a clip takes."""
    try:
        return find(variant).typical_s
    except errors.UnknownVariant:
        return None
