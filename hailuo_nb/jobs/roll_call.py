"""Asking after many predictions in one request.

In comes a job whose poll is due; out goes its prediction, asked for by itself or, where many are out, together with up
to a hundred that were made about the same time: the service's list of predictions says of each what its own address
says. What the list says of the others is kept for when their poll is due, and wakes those that are done.

A list is believed once it has named a prediction and said of it what its own address says; one that lacks ours, or
tells otherwise, is not asked again in this kernel. Whatever takes longer than nearly all before it is now and then
asked for by itself, so that a list which lags can hide nothing for long. A list is never reason to send anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from hailuo_nb import errors
from hailuo_nb.jobs.job import Job
from hailuo_nb.jobs.pace import LAST, SHARED
from hailuo_nb.wavespeed.prediction import Prediction

if TYPE_CHECKING:
    from hailuo_nb.wavespeed.client import Client

# Below this, asking for each by itself is about as cheap, and needs no list that can be believed.
FEWEST = 4
# One page of the service's list, with a little room for predictions that are somebody else's.
MOST = 90
# Those a little older than the one that is due are likely to be due as well.
OLDER = 10
# Calls are so far apart, or this share of what the clips have taken so far: a hundred clips, each with a look of its
# own in mind, would else call all the time.
CALL_GAP_S, CALL_GAP_SHARE = 0.1, 0.01
# A look costs the kernel a fraction of a millisecond, whoever asked: where very many are out each is looked at less
# often, so that all of them together make at most 62 looks a second. Between the two numbers that sets in.
FEW, MANY, CROWD_S = 100, 200, 0.016
# So often one that is late is asked for by itself, and so often in a row the list must have been behind it.
CHECK_GAP_S, MOST_BEHIND = 10.0, 3
AROUND = timedelta(milliseconds=2)
# These say that the list itself is not to be had; other trouble is the network's, and passes.
NO_LIST = (errors.NotFound, errors.RequestRefused, errors.AccessDenied, errors.AnswerUnreadable)


@dataclass(frozen=True)
class Told:
    """What the service said of a prediction, and when."""

    prediction: Prediction
    at: float


class RollCall:
    """The jobs of one kernel that are out, by what is known of them; on the background thread only."""

    def __init__(self) -> None:
        self._out: dict[str, Job] = {}
        # By model, of all that were out since none was.
        self._made: dict[str, dict[str, datetime]] = {}
        self._told: dict[str, Told] = {}
        self._begun: set[str] = set()
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._is_believed: bool | None = None
        self._next_call = self._next_check = 0.0
        self._behind = 0

    def join(self, job: Job) -> None:
        """Take a job in that is followed from now on."""
        self._out[str(job.prediction_id)] = job

    def leave(self, job: Job) -> None:
        """Forget a job that is not followed any more."""
        self._out.pop(str(job.prediction_id), None)
        self._told.pop(str(job.prediction_id), None)
        if not self._out:
            self._made.clear()

    def heard(self, job: Job, prediction: Prediction) -> None:
        """Remember when the service made a job's prediction, by its own clock."""
        if prediction.created_utc is not None:
            self._made.setdefault(job.row.model_id, {})[prediction.id] = prediction.created_utc

    def told(self, job: Job) -> Told | None:
        """Give what a call for others said of a job since it was last asked for, once."""
        return self._told.pop(str(job.prediction_id), None) if self._is_believed else None

    @property
    def share(self) -> float:
        """How much of a look's cost is one clip's, by how many are out and were; see `hailuo_nb.jobs.pace.expect`."""
        if len(self._out) >= FEWEST:
            return SHARED if self._is_believed else 1.0
        return LAST if any(len(made) >= FEWEST for made in self._made.values()) else 1.0

    @property
    def crowd_gap_s(self) -> float:
        """The shortest pause between two looks at the same one, by how many are out."""
        out = len(self._out)
        return out * CROWD_S * min(max(out - FEW, 0) / (MANY - FEW), 1.0)

    async def ask(
        self, client: Client, job: Job, age_s: float, *, is_late: bool
    ) -> tuple[Prediction, list[Job]]:
        """Ask how a job's prediction is doing.

        Parameters
        ----------
        client : Client
            The service's.
        job : Job
            One that has joined.
        age_s : float
            How long ago it was sent.
        is_late : bool
            Whether it takes longer than nearly all before it.

        Returns
        -------
        tuple of Prediction and list of Job
            How it is doing, and which others are done besides.
        """
        id_ = str(job.prediction_id)
        done: list[Job] = []
        if id_ in self._asking:
            await asyncio.wait({self._asking[id_]})
        elif self._is_believed is not False:
            done = await self._call_round(client, job, age_s)
        told = self._told.pop(id_, None)
        if told is not None and self._is_believed and not (is_late and self._is_time_to_check(told)):
            return told.prediction, done
        prediction = await client.result(id_)
        self.heard(job, prediction)
        if told is not None:
            self._compare(told.prediction, prediction)
        return prediction, done if self._is_believed else []

    def _is_time_to_check(self, told: Told) -> bool:
        """Tell whether what the list says of a late one is to be made sure of, now and then."""
        is_time = not told.prediction.is_final and told.at >= self._next_check
        if is_time:
            self._next_check = told.at + CHECK_GAP_S
        return is_time

    def _compare(self, listed: Prediction, asked: Prediction) -> None:
        """Believe the list, or not, by what it said of a prediction a moment before that was asked for itself."""
        if listed.is_final == asked.is_final:
            self._is_believed, self._behind = True, 0
            return
        # It may have ended in that moment; not each time.
        self._behind += 1
        if listed.is_final or self._behind >= MOST_BEHIND:
            self._is_believed = False

    async def _call_round(self, client: Client, job: Job, age_s: float) -> list[Job]:
        """Ask after a job and those around it; gives those of them that are done."""
        ids = self._around(job)
        if len(ids) < FEWEST:
            return []
        loop = asyncio.get_running_loop()
        at = max(loop.time(), self._next_call)
        self._next_call = at + max(CALL_GAP_S, CALL_GAP_SHARE * age_s)
        task = loop.create_task(self._read(client, job.row.model_id, ids, at - loop.time()))
        self._asking |= dict.fromkeys(ids, task)
        try:
            await task
        finally:
            for id_ in ids:
                self._asking.pop(id_, None)
        return [self._out[id_] for id_ in ids if self._is_done(id_)]

    def begun(self) -> list[Job]:
        """Give, once, those that the list says are worked on, and whose rows do not say so yet."""
        if not self._is_believed:
            return []
        jobs = [self._out.get(id_) for id_ in self._begun]
        self._begun.clear()
        return [job for job in jobs if job is not None and job.status == "submitted"]

    def _is_done(self, id_: str) -> bool:
        told = self._told.get(id_)
        return told is not None and told.prediction.is_final and id_ in self._out

    def _around(self, job: Job) -> Sequence[str]:
        """Give the ids of those made about the same time by the same model, in that order, this one among them.

        Those that have ended stand between them in the service's list, and count for its page.
        """
        made, mine = self._made.get(job.row.model_id, {}), str(job.prediction_id)
        if mine not in made:
            return ()
        ordered = sorted(made, key=lambda id_: (made[id_], id_))
        place = ordered.index(mine)
        first = max(0, min(place - OLDER, len(ordered) - MOST))
        return [id_ for id_ in ordered[first : first + MOST] if id_ in self._out]

    async def _read(self, client: Client, model: str, ids: Sequence[str], wait_s: float) -> None:
        """Read the page of the list that holds these, once it is time."""
        loop, made = asyncio.get_running_loop(), self._made[model]
        created_after, created_before = made[ids[0]] - AROUND, made[ids[-1]] + AROUND
        await asyncio.sleep(wait_s)
        try:
            listed = await client.recent(
                model=model,
                created_after=created_after,
                created_before=created_before,
                include_inputs=False,
            )
        except NO_LIST:
            self._is_believed = False
            return
        told = {prediction.id: Told(prediction, loop.time()) for prediction in listed}
        if not told.keys() >= set(ids):
            self._is_believed = False
        elif self._is_believed is not False:
            self._told |= {id_: told[id_] for id_ in ids if id_ in self._out}
            # Noted here, where it is heard: at each look, all of a thousand would have to be looked through.
            self._begun |= {id_ for id_ in ids if told[id_].prediction.status == "processing"}
