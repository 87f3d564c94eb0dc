"""The handle as a user has it: what it tells, how it waits, whom it calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from jobs_world import World

from hailuo_nb import errors
from hailuo_nb.jobs.job import Job

CONTRACT = (
    "id status prompt variant inputs quote_usd cost_usd cached path url prediction_id done result exception wait "
    "add_done_callback frame last_frame animate cancel __await__"
)


def test_a_handle_has_all_that_was_promised(world: World) -> None:
    """Every name of the contract is there."""
    (job,) = world.ask("a fox", held="no")
    assert [name for name in CONTRACT.split() if not hasattr(job, name)] == []
    assert all(type(text) is str for text in (job.id, job.status, job.prompt, job.variant, job.service))
    assert (job.path, job.url, job.prediction_id, job.cost_usd, job.cached) == (None, None, None, None, False)


def test_paths_are_absolute(world: World) -> None:
    """What a user gets can be opened from anywhere."""
    (job,) = world.ask("a fox")
    world.finish(job)
    assert isinstance(job.path, Path)
    assert job.path.is_absolute()
    assert job.path == job.result()


def test_a_timeout_is_the_standard_one_and_leaves_the_job(world: World) -> None:
    """``result(timeout)`` raises the builtin TimeoutError and the job goes on."""
    (job,) = world.ask("a fox")
    with pytest.raises(TimeoutError, match="goes on by itself"):
        job.result(0.01)
    with pytest.raises(TimeoutError):
        job.exception(0.01)
    assert job.wait(0.01) is False
    world.finish(job)
    assert job.exception() is None


def test_an_error_carries_its_job(world: World) -> None:
    """Whoever catches it knows which clip it was."""
    world.service.answers.append("refused")
    (job,) = world.ask("a fox")
    world.finish(job)
    with pytest.raises(errors.RequestRefused) as caught:
        job.result()
    assert caught.value.job is job


def test_a_job_can_be_awaited_and_a_cancelled_wait_leaves_it(world: World) -> None:
    """Cancelling the task that awaits a job leaves the job running; many may await it."""
    (job,) = world.ask("a fox")

    async def both() -> tuple[Path, Path]:
        waiting = asyncio.ensure_future(_await(job))
        await asyncio.sleep(1.0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return await asyncio.gather(_await(job), _await(job))

    first, second = world.loop.run_until_complete(both())
    assert first == second == job.path


async def _await(job: Job) -> Path:
    return await job


def test_callbacks_and_observers_that_fail_stop_nothing(world: World) -> None:
    """A user's mistake in a callback is logged; the job and the other callbacks go on."""
    told: list[str] = []

    def fails(_job: Job) -> None:
        raise RuntimeError("a mistake")

    (job,) = world.ask("a fox")
    job.observe(fails)
    stop = job.observe(lambda j: told.append(j.status))
    job.add_done_callback(fails)
    job.add_done_callback(lambda j: told.append(f"done {j.status}"))
    world.finish(job)
    world.run(0.1)
    assert told[-1] == "done completed"
    assert "downloading" in told
    stop()
    job.add_done_callback(lambda _: told.append("late"))
    world.run(0.1)
    assert told[-1] == "late"


def test_an_observer_gets_the_present_state_first(world: World) -> None:
    """A view that joins late misses nothing."""
    (job,) = world.ask("a fox")
    world.finish(job)
    seen: list[str] = []
    job.observe(lambda j: seen.append(j.status))
    world.run(0.1)
    assert seen == ["completed"]


def test_a_cached_clip_is_another_handle_of_the_same_clip(world: World) -> None:
    """The cell that paid and the cell that shows it again each have their own handle."""
    (first,) = world.ask("a fox")
    world.finish(first)
    (second,) = world.ask("a fox")
    world.finish(second)
    assert (first.cached, second.cached) == (False, True)
    assert first.id == second.id
    assert first.result() == second.result()
    assert len(world.service.posts) == 1


def test_a_clip_shown_again_while_the_first_handle_is_still_at_it(world: World) -> None:
    """A rerun in the very moment a clip arrives does not leave its handle waiting for ever."""
    (first,) = world.ask("a fox")
    world.until(lambda: world.row(first).status == "completed")
    (second,) = world.ask("a fox")
    world.finish(first, second)
    assert first.result() == second.result()


def test_a_job_as_html_is_one_small_box(world: World) -> None:
    """Status, variant, price and a link to the file."""
    (job,) = world.ask("a fox")
    world.finish(job)
    shown = job._repr_html_()
    assert "t2v-standard" in shown
    assert "completed" in shown
    assert "$0.28" in shown
    assert f'<a href="{job.file}">' in shown
    assert len(shown) < 1000


@pytest.mark.parametrize(
    "hostile",
    ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", '"><b>', "\u202egnp.exe", "a\x1b[31mred"],
)
def test_text_never_becomes_markup(world: World, hostile: str) -> None:
    """Prompts and the service's words are escaped; control and direction characters are gone."""
    world.service.answers.append("refused")
    (job,) = world.ask(f"a fox {hostile}")
    world.finish(job)
    job.note = hostile
    shown = job._repr_html_()
    assert hostile not in shown
    assert "<script" not in shown
    assert "<img" not in shown
    assert not {"\u202e", "\x1b"} & set(shown)


def test_a_huge_prompt_makes_a_small_box(world: World) -> None:
    """Megabytes of text do not get into the notebook."""
    (job,) = world.ask("a fox", held="no")
    job.note = "x" * 10_000_000
    assert len(job._repr_html_()) < 2000


def test_a_broken_error_name_in_a_ledger_is_an_ordinary_failure(
    world: World, open_world: Callable[..., World]
) -> None:
    """A stranger's ledger may name any class, or none; it is never looked up as anything but an error."""
    world.service.answers.append("refused")
    (job,) = world.ask("a fox")
    world.finish(job)
    with world.ledger._write() as writing:
        writing.connection.exec_driver_sql("UPDATE clips SET error_kind = 'annotations'")
    other = open_world(kernel="k2", service=world.service)
    again = other.runner.take(world.row(job))
    world.finish(again)
    assert isinstance(again.exception(), errors.GenerationFailed)
