"""One request asks after many: few requests, and a list that lacks, lags or is not to be had hides no clip."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from jobs_world import World

from hailuo_nb import errors
from hailuo_nb.jobs.job import Job
from hailuo_nb.jobs.roll_call import RollCall
from hailuo_nb.settings import Tier

CLIPS = 20


def made(world: World, words: str) -> list[Job]:
    """Make twenty clips of a minute each."""
    jobs = world.ask(*(f"{words} {number}" for number in range(CLIPS)))
    world.finish(*jobs)
    assert {job.status for job in jobs} == {"completed"}
    return jobs


def lateness_s(world: World, jobs: list[Job]) -> float:
    """Give the longest time from a clip being ready to its row saying so."""
    service = world.service
    late = []
    for job in jobs:
        seen = next(e.at_utc for e in world.ledger.events(job.id) if e.status == "downloading")
        late.append((seen - service.books[str(job.prediction_id)].ready).total_seconds())
    return max(late)


def test_twenty_clips_share_their_polls(world: World) -> None:
    """Twenty that are out together take a handful of requests, and none is noticed late."""
    made(world, "a fox")
    service = world.service
    service.polls.clear()
    service.lists.clear()
    jobs = made(world, "a hare")
    assert len(service.polls) + len(service.lists) < 2 * CLIPS / 2
    assert lateness_s(world, jobs) < 2.5


def test_what_a_list_tells_of_many_is_written_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """That twenty are worked on takes a few writes, and each row has it in its history."""
    made(world, "a fox")
    moves: list[str] = []
    move = world.ledger.move

    def counted(*args: Any, **changes: Any) -> Any:
        moves.append(str(changes["to"]))
        return move(*args, **changes)

    monkeypatch.setattr(world.ledger, "move", counted)
    jobs = made(world, "a hare")
    assert moves.count("processing") <= 2
    for job in jobs:
        assert "processing" in [event.status for event in world.ledger.events(job.id)]


@pytest.mark.parametrize(("out", "gap_s"), [(20, 0.0), (100, 0.0), (150, 1.2), (200, 3.2), (1000, 16.0)])
def test_a_crowd_is_looked_at_less_often(out: int, gap_s: float) -> None:
    """At most 62 looks a second, however many are out."""
    rolls = RollCall()
    for number in range(out):
        rolls.join(SimpleNamespace(prediction_id=number))  # type: ignore[arg-type]
    assert rolls.crowd_gap_s == gap_s


def test_a_clip_alone_is_asked_for_by_itself(world: World) -> None:
    """Few clips need no list."""
    (job,) = world.ask("a fox")
    world.finish(job)
    assert job.status == "completed"
    assert not world.service.lists


def test_a_list_that_lacks_a_clip_is_not_asked_again(world: World) -> None:
    """Where the list does not name what was made, each is asked for by itself, and the list left alone."""
    world.service.lists_after_s = 1e6
    jobs = made(world, "a fox")
    assert len(world.service.lists) == 1
    assert len(world.service.polls) >= CLIPS
    assert lateness_s(world, jobs) < 5


def test_a_list_that_lags_is_found_out(world: World) -> None:
    """A list that says for hours that nothing is ready costs some clips a while at first, and then no more."""
    made(world, "a fox")
    world.service.list_lags_s = 3600.0
    began = world.loop.now_s
    jobs = made(world, "a hare")
    assert world.loop.now_s - began < 240
    assert lateness_s(world, jobs) < 120
    lists = len(world.service.lists)
    jobs = made(world, "an owl")
    assert len(world.service.lists) == lists
    assert lateness_s(world, jobs) < 5


@pytest.mark.parametrize(
    "trouble",
    [
        errors.NotFound("No such call.", status_code=404),
        errors.RequestRefused("Not like this.", status_code=400),
        errors.AnswerUnreadable("That is no list."),
    ],
)
def test_a_service_without_a_list_is_polled(world: World, trouble: Exception) -> None:
    """Where there is no such call, it is tried once."""
    world.service.list_trouble = trouble
    jobs = made(world, "a fox")
    assert len(world.service.lists) == 1
    assert lateness_s(world, jobs) < 5


def test_trouble_on_the_way_to_the_list_passes(world: World) -> None:
    """A network that breaks while the list is asked for is trouble of that look alone."""
    made(world, "a fox")
    service = world.service
    service.list_trouble = errors.ConnectionLost("It broke.")
    jobs = world.ask(*(f"a hare {number}" for number in range(CLIPS)))
    world.run(70)
    service.list_trouble = None
    world.finish(*jobs)
    assert {job.status for job in jobs} == {"completed"}


def test_a_place_that_is_free_is_taken_at_once(world: World) -> None:
    """Who waits for a place does not sleep through its being free."""
    world.desk.limits = lambda: Tier(videos_per_minute=100, concurrency=2)
    world.service.generation_s = 30.0
    jobs = world.ask(*(f"a fox {number}" for number in range(6)))
    world.finish(*jobs)
    seen = sorted(
        event.at_utc for job in jobs for event in world.ledger.events(job.id) if event.status == "downloading"
    )
    sent = sorted(
        event.at_utc for job in jobs for event in world.ledger.events(job.id) if event.status == "submitting"
    )
    assert all(
        (after - before).total_seconds() < 0.5 for before, after in zip(seen[:4], sent[2:], strict=True)
    )
