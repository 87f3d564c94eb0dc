"""Several kernels on one ledger: watched, taken over, never both at work."""

from __future__ import annotations

from collections.abc import Callable

from jobs_world import World

from hailuo_nb import errors

Open = Callable[..., World]


def test_another_kernel_s_job_is_watched(world: World, open_world: Open) -> None:
    """The second kernel shows the progress of the first one's job and does nothing itself."""
    other = open_world(kernel="k2", service=world.service)
    (job,) = world.ask("a fox")
    world.until(lambda: job.status == "submitted")
    (joined,) = other.ask("a fox")
    world.finish(job, joined)
    assert joined.status == "completed"
    assert joined.result() == job.result()
    assert other.worker.calls == ["poster"]
    assert len(world.service.posts) == 1


def test_a_killed_kernel_s_jobs_are_taken_over_at_once(world: World, open_world: Open) -> None:
    """Those who watch see that the owner is gone, and go on."""
    other = open_world(kernel="k2", service=world.service)
    jobs = world.ask("a fox", "an owl", "a hare")
    world.until(lambda: all(job.status in {"submitted", "processing"} for job in jobs))
    watching = other.resume()
    world.run(5)
    world.kill()
    killed_at = world.loop.now_s
    other.until(lambda: all(other.row(job).owner == "k2" for job in watching))
    assert world.loop.now_s - killed_at < 2
    other.finish(*watching)
    assert {job.status for job in watching} == {"completed"}
    assert len(world.service.posts) == 3


def test_a_killed_kernel_s_unsent_clips_are_not_sent(world: World, open_world: Open) -> None:
    """Whoever watched them is told to run the cell."""
    world.ask("a fox", held="needs a yes")
    world.run(0.1)
    other = open_world(kernel="k2", service=world.service)
    (joined,) = other.ask("a fox")
    other.run(5)
    assert not joined.done()
    world.kill()
    other.finish(joined)
    assert isinstance(joined.exception(), errors.ConfirmationNeeded)
    (mine,) = other.ask("a fox")
    other.finish(mine)
    assert (mine.status, len(world.service.posts)) == ("completed", 1)


def test_watching_many_jobs_is_two_calls(world: World, open_world: Open) -> None:
    """However many jobs of others are watched, the ledger is asked for all of them at once."""
    other = open_world(kernel="k2", service=world.service)
    jobs = world.ask(*(f"fox {n}" for n in range(30)))
    world.until(lambda: all(job.status in {"submitted", "processing"} for job in jobs))
    asked: list[int] = []
    own = other.ledger.own

    def counting(ids: object) -> object:
        asked.append(len(list(ids)))  # type: ignore[call-overload]
        return own(ids)  # type: ignore[arg-type]

    other.resume()
    other.run(1)
    other.ledger.own = counting  # type: ignore[method-assign,assignment]
    other.run(5)
    assert set(asked) == {30}
    assert len(asked) <= 10


def test_a_closed_kernel_tells_who_waits(world: World, open_world: Open) -> None:
    """Ending the session leaves every clip to the next one, and nobody waits for ever."""
    jobs = world.ask("a fox", "an owl")
    world.until(lambda: all(job.status in {"submitted", "processing"} for job in jobs))
    world.close()
    assert all("takes clip" in str(job.exception()) for job in jobs)
    other = open_world(kernel="k2", service=world.service)
    taken = other.resume()
    assert len(taken) == 2
    other.finish(*taken)
    assert {job.status for job in taken} == {"completed"}
    world.ledger = type(world.ledger).open(world.folder / "hailuo" / "ledger.db", kernel="k9")


def test_closing_waits_for_the_answer_of_a_submit(world: World, open_world: Open) -> None:
    """What is being posted gets its moment, so that its id is written down."""
    (job,) = world.ask("a fox")
    world.until(lambda: job.status == "submitting")
    world.loop.run_until_complete(world.runner.aclose())
    assert world.row(job).prediction_id in world.service.books
    assert job.done()


def test_closing_does_not_wait_for_a_submit_that_hangs(world: World) -> None:
    """A submit without an answer is left to the next session to find."""
    world.service.submit_s = 1000.0
    (job,) = world.ask("a fox")
    world.until(lambda: job.status == "submitting")
    began = world.loop.now_s
    world.loop.run_until_complete(world.runner.aclose())
    assert world.loop.now_s - began < 5
    assert job.done()


def test_this_kernel_says_that_it_lives(world: World) -> None:
    """Every 10 s, for where locks do not reach."""
    beats: list[float] = []
    world.ledger.beat = lambda: beats.append(world.loop.now_s)  # type: ignore[method-assign]
    world.ask("a fox", held="needs a yes")
    world.run(35)
    assert len(beats) == 3
