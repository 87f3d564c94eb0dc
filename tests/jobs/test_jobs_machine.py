"""Any order of submits, lost answers, kills, resumes and cancels: three books that must agree.

Hypothesis plays user, network and power cut; the service keeps its own books. After every step nothing may have been
accepted twice for one row; at the end of time every accepted prediction is known to the ledger, and every row has a
next step.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from jobs_world import VirtualLoop, World, request_for, virtual_loop

from hailuo_nb import errors
from hailuo_nb.jobs.job import FINAL, Job

ANSWERS = st.lists(
    st.sampled_from(["ok", "ok", "ok", "lost", "nothing", "unsent", "429", "refused", "credits"]), max_size=4
)
PROMPTS = st.sampled_from(["a fox", "an owl", "a hare"])


class Jobs(RuleBasedStateMachine):
    """One folder, one service, and one kernel after the other."""

    @initialize()
    def begin(self) -> None:
        """Open the first kernel."""
        self.folder = tempfile.TemporaryDirectory()
        self.loops = virtual_loop()
        self.loop: VirtualLoop = self.loops.__enter__()
        self.kernels = 1
        self.world = World(Path(self.folder.name), self.loop, kernel="k1")
        self.service = self.world.service
        self.jobs: dict[str, Job] = {}
        self.resent = 0

    @rule(prompt=PROMPTS, takes=st.integers(1, 3), answers=ANSWERS, held=st.booleans())
    def run_cell(self, prompt: str, takes: int, answers: list[str], held: bool) -> None:
        """Run a cell, new or again."""
        self.service.answers.extend(answers)
        for job in self.world.ask(prompt, takes=takes, held="needs a yes" if held else ""):
            self.jobs[job.id] = job

    @rule(seconds=st.sampled_from([0.0, 0.05, 0.11, 0.25, 1.0, 20.0, 70.0]))
    def wait(self, seconds: float) -> None:
        """Let some time pass, so that the next thing happens in the middle of something."""
        self.world.run(seconds)

    @rule()
    def kill(self) -> None:
        """Kill the kernel and start another, which takes up what is out."""
        self.world.kill()
        self.kernels += 1
        self.world = World(Path(self.folder.name), self.loop, kernel=f"k{self.kernels}", service=self.service)
        self.jobs = {job.id: job for job in self.world.resume()}

    @rule()
    def close(self) -> None:
        """End the kernel properly and start another."""
        self.world.close()
        self.kernels += 1
        self.world = World(Path(self.folder.name), self.loop, kernel=f"k{self.kernels}", service=self.service)
        self.jobs = {job.id: job for job in self.world.resume()}

    @precondition(lambda self: self.jobs)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """Cancel a job, sent or not."""
        self.jobs[data.draw(st.sampled_from(sorted(self.jobs)))].cancel()

    @precondition(lambda self: self.jobs)
    @rule(data=st.data())
    def say_yes(self, data: st.DataObject) -> None:
        """Confirm a held job."""
        job = self.jobs[data.draw(st.sampled_from(sorted(self.jobs)))]
        if job.is_held and job.status == "planned":
            self.world.runner.release([job])

    @rule(up=st.booleans())
    def network(self, up: bool) -> None:
        """Take the network away or give it back."""
        self.service.is_up = up

    @rule()
    def resume(self) -> None:
        """Take up what is out, as often as somebody likes."""
        for job in self.world.resume():
            self.jobs[job.id] = job

    @rule(
        bad=st.sampled_from([b"<html>", b"", errors.DownloadFailed("the disk is full"), OSError(28, "full")])
    )
    def spoil_a_download(self, bad: Any) -> None:
        """Let the next download come to nothing."""
        self.service.downloads.append(bad)

    @invariant()
    def nothing_is_accepted_twice(self) -> None:
        """For each clip at most one submit may have been accepted, since nobody asked for a second one here."""
        if not hasattr(self, "world"):
            return
        for prompt in ("a fox", "an owl", "a hare"):
            rows = self.rows_of(prompt)
            assert len(self.service.accepted_for(prompt)) <= len(rows)
            assert {row.attempt for row in rows} <= {1}

    def rows_of(self, prompt: str) -> list[Any]:
        """Give a prompt's rows."""
        return self.world.ledger.rows(request_hash=request_for(prompt).hash, service="wavespeed")

    def teardown(self) -> None:
        """Let everything come to its end, and compare the books."""
        if not hasattr(self, "world"):
            return
        try:
            self.compare()
        finally:
            self.world.close()
            self.loops.__exit__(None, None, None)
            self.folder.cleanup()

    def compare(self) -> None:
        """At the end of time: every accepted prediction is known, every row has a next step."""
        self.service.is_up = True
        self.service.answers.clear()
        self.service.downloads.clear()
        jobs = self.world.resume()
        self.world.finish(*jobs, *self.jobs.values(), at_most_s=40 * 60.0)
        rows = self.world.ledger.rows()
        known = {row.prediction_id for row in rows if row.prediction_id}
        assert known == set(self.service.books)
        for row in rows:
            assert row.status in FINAL | {"planned", "unconfirmed"}
            if row.status == "completed":
                assert (Path(self.folder.name) / str(row.path)).read_bytes().startswith(b"CLIP")
            if row.status == "unconfirmed":
                job = next(job for job in jobs if job.id == row.id)
                assert f"%hailuo resend {row.id}" in str(job.exception())


Jobs.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestJobs = Jobs.TestCase
TestJobs.__doc__ = "Whatever happens in whatever order, the books agree."
