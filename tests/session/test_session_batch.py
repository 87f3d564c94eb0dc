"""The batch as people use it: a sequence, waited for, iterated, cancelled, shown."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from typing import Any

import pytest
from session_fakes import FakeService, QuickSession, until

from hailuo_nb import errors
from hailuo_nb.wavespeed.prediction import Prediction


class Gate:
    """Lets predictions end one by one, by their prompts."""

    def __init__(self, service: FakeService) -> None:
        self.open: set[str] = set()
        self._done = service.ends_as
        service.ends_as = self._ends

    def _ends(self, prediction: Prediction) -> Prediction:
        inputs = prediction.inputs or {}
        return (
            self._done(prediction)
            if inputs["prompt"] in self.open
            else replace(prediction, status="processing")
        )


def strangers() -> list[threading.Thread]:
    """List the threads that belong to no pool and to no loop of ours."""
    return [each for each in threading.enumerate() if not each.name.startswith(("asyncio_", "hailuo-"))]


@pytest.fixture
def gate(service: FakeService) -> Gate:
    """Hold every prediction back until its prompt is let through."""
    return Gate(service)


def foxes(session: QuickSession, count: int = 3, **options: Any) -> Any:
    """Make a few cheap clips."""
    names = [str(number) for number in range(count)]
    return session.generate("fox {x}", "t2v-standard", vary={"x": names}, yes=True, wait=False, **options)


def test_it_is_a_sequence(session: QuickSession) -> None:
    """Length, index, slice, iteration, membership and equality by id."""
    batch = foxes(session, name="foxes")
    assert len(batch) == 3
    assert batch[-1] is list(batch)[2]
    assert batch[:2] == [batch[0], batch[1]]
    assert batch[1] in batch
    assert batch.index(batch[1]) == 1
    assert batch != foxes(session)
    assert len({batch, batch}) == 1
    with pytest.raises(IndexError):
        batch[3]


def test_as_completed_gives_each_as_it_is_done(session: QuickSession, gate: Gate) -> None:
    """In the order of their ends, not of the cell, and without threads of its own."""
    batch = foxes(session)
    arriving = batch.as_completed(timeout=10)
    gate.open.add("fox 2")
    assert next(arriving).prompt == "fox 2"
    threads = strangers()
    gate.open.add("fox 0")
    assert next(arriving).prompt == "fox 0"
    impatient = batch.as_completed(timeout=0.01)
    assert {next(impatient).prompt, next(impatient).prompt} == {"fox 0", "fox 2"}
    with pytest.raises(TimeoutError, match="go on"):
        next(impatient)
    assert strangers() == threads
    gate.open.add("fox 1")
    assert [job.prompt for job in arriving] == ["fox 1"]


def test_async_for(session: QuickSession, gate: Gate) -> None:
    """Inside a running loop the same order comes without stopping it; leaving early stops no job."""
    batch = foxes(session)

    async def take() -> list[str]:
        gate.open.add("fox 1")
        found = []
        async for job in batch:
            found.append(job.prompt)
            gate.open.add("fox 0")
            if len(found) == 2:
                break
        return found

    assert asyncio.run(take()) == ["fox 1", "fox 0"]
    gate.open.add("fox 2")
    assert batch.wait(10)


def test_wait_comes_back_when_time_is_up(session: QuickSession, gate: Gate) -> None:
    """The time is for all of them together, and the jobs go on."""
    batch = foxes(session)
    assert not batch.wait(0.05)
    assert not batch.done()
    gate.open |= {"fox 0", "fox 1", "fox 2"}
    assert batch.wait(10)
    assert batch.done()
    assert batch.first_error() is None


def test_waiting_inside_an_observer_is_refused(session: QuickSession, gate: Gate) -> None:
    """It would never end."""
    batch = foxes(session)
    caught: list[BaseException] = []

    def look(_: object) -> None:
        try:
            batch.wait(0.1)
        except RuntimeError as error:
            caught.append(error)

    stop = batch.observe(look)
    until(lambda: caught, "the observer is told")
    stop()


def test_a_held_batch_is_not_waited_for(session: QuickSession) -> None:
    """A click cannot arrive while a cell blocks: every way to wait says so at once."""
    batch = session.generate("fox {x}", "t2v-pro", vary={"x": ["1", "2", "3"]})
    for wait in (batch.wait, batch.as_completed, lambda: asyncio.run(_first(batch)), batch[0].result):
        with pytest.raises(errors.ConfirmationNeeded):
            wait()


async def _first(batch: Any) -> Any:
    return [job async for job in batch]


def test_cancel_says_what_became_of_each(service: FakeService, open_session: Any, gate: Gate) -> None:
    """What is unsent is dropped and free; what is sent is billed and fetched; nothing else is claimed."""
    session = open_session(videos_per_minute=1)
    batch = foxes(session)
    until(lambda: batch[0].status in {"submitted", "processing"}, "the first is sent")
    said = batch.cancel()
    assert said == (
        "2 clips were dropped before they were sent; they cost nothing. "
        "1 was sent already: it cannot be called back, is billed, and is fetched all the same."
    )
    assert sorted(job.status for job in batch)[0] == "cancelled"
    gate.open |= {"fox 0", "fox 1", "fox 2"}
    assert batch.wait(10)
    assert sorted(job.status for job in batch) == ["cancelled", "cancelled", "completed"]
    assert batch.cancel() == "There is nothing to cancel: no clip is waiting or out."
    assert isinstance(batch.first_error(), errors.JobCancelled)


def test_cancelling_a_held_batch(session: QuickSession, service: FakeService) -> None:
    """The answer "not now" drops all of it; the next cell begins with a clean sum."""
    batch = session.generate("fox {x}", "t2v-pro", vary={"x": ["1", "2", "3"]})
    assert batch.cancel() == "3 clips were dropped before they were sent; they cost nothing."
    assert not batch.held
    assert {job.status for job in batch} == {"cancelled"}
    assert not session.generate("a fox", "t2v-pro", wait=False).held


def test_the_frame_of_clips_that_were_looked_up(session: QuickSession) -> None:
    """Their own rows in the order shown, with the column `cached` too."""
    batch = foxes(session)
    assert batch.wait(10)
    shown = session.batch_of([batch[2], batch[0]])
    assert list(shown.df["prompt"]) == ["fox 2", "fox 0"]
    assert list(shown.df["cached"]) == [False, False]
    # Measures of its clips come whenever nothing else is to be done.
    one, other = ({name for name in each.df.columns if not name.startswith("m.")} for each in (batch, shown))
    assert one == other
    assert shown.df.attrs["total_usd"] == pytest.approx(0.56)


def test_repr_and_html(session: QuickSession) -> None:
    """One line of text; HTML in which nobody's words become markup."""
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    batch = session.generate(f"{evil} {{x: 1|2}}", "t2v-standard", wait=True, name=evil)
    assert repr(batch).startswith("<Batch ")
    assert repr(batch).endswith(": 2 clips, 2 completed>")
    html = batch._repr_html_()
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html
    assert "$0.28" in html
    many = session.batch_of(list(foxes(session, 3)) * 20)
    assert "and 36 more" in many._repr_html_()
    assert repr(session.batch_of([])).endswith("0 clips, nothing in it>")


def test_shown_as_text_where_nobody_draws(session: QuickSession, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a front end a display is one line."""
    foxes(session)._ipython_display_()
    assert capsys.readouterr().out.startswith("<Batch ")
