"""Submits without an answer: found again, told apart, listed, or said to be probably not billed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from jobs_world import World, request_for

from hailuo_nb import errors
from hailuo_nb.catalog.imageref import ImageRef

Open = Callable[..., World]


def test_one_lost_answer_is_found(world: World) -> None:
    """The one unclaimed prediction with these inputs is adopted, and nothing is sent again."""
    world.service.answers.append("lost")
    (job,) = world.ask("a fox")
    world.finish(job)
    assert (job.status, len(world.service.posts)) == ("completed", 1)
    assert job.prediction_id in world.service.books


def test_one_that_was_never_accepted_is_said_to_be_probably_not_billed(world: World) -> None:
    """After the grace, counted from the submit, the row stays and the next step is named."""
    world.service.answers.append("nothing")
    (job,) = world.ask("a fox")
    world.finish(job)
    assert isinstance(job.exception(), errors.SubmitUnconfirmed)
    assert "probably not billed" in str(job.exception())
    assert f"%hailuo resend {job.id}" in job.note
    assert 15 * 60 < world.loop.now_s < 16 * 60
    assert (world.row(job).status, world.row(job).owner) == ("unconfirmed", None)
    assert len(world.service.posts) == 1


def test_several_lost_takes_are_told_apart(world: World) -> None:
    """Takes of one request, sent at once and all unanswered, each adopt one prediction."""
    world.service.answers.extend(["lost"] * 4)
    jobs = world.ask("a fox", takes=4)
    world.finish(*jobs)
    assert {job.status for job in jobs} == {"completed"}
    assert {job.prediction_id for job in jobs} == set(world.service.books)
    assert len(world.service.posts) == 4


def test_fewer_predictions_than_rows_are_adopted_in_order(world: World) -> None:
    """Of three unanswered takes two were accepted: two rows adopt them, the third is probably not billed."""
    world.service.answers.extend(["lost", "nothing", "lost"])
    jobs = world.ask("a fox", takes=3)
    world.finish(*jobs)
    assert sorted(job.status for job in jobs) == ["completed", "completed", "unconfirmed"]
    assert {job.prediction_id for job in jobs} - {None} == set(world.service.books)


def test_more_predictions_than_rows_are_listed(world: World) -> None:
    """Where another notebook asked for the same, nobody can tell: the ids are named, none is adopted."""
    world.service.accept("minimax/hailuo-2.3/t2v-standard", request_for("a fox").inputs)
    world.service.answers.append("lost")
    (job,) = world.ask("a fox")
    world.finish(job)
    assert job.status == "unconfirmed"
    assert all(known in job.note for known in world.service.books)
    assert f"%hailuo adopt {job.id}" in str(job.exception())
    assert "probably not billed" not in job.note


def test_without_inputs_nothing_is_adopted(world: World) -> None:
    """A list that does not say what was asked for is shown, and left to the person."""
    world.service.tells_inputs = False
    world.service.answers.append("lost")
    (job,) = world.ask("a fox")
    world.finish(job)
    assert job.status == "unconfirmed"
    assert next(iter(world.service.books)) in job.note
    assert "probably not billed" not in job.note
    decided = world.runner.decide(job, "submitted", prediction_id=next(iter(world.service.books)))
    world.until(decided.done)
    assert not job.done()
    world.finish(job)
    assert job.status == "completed"


def test_another_request_is_never_adopted(world: World) -> None:
    """Predictions of the same model with other words are somebody else's."""
    world.service.accept("minimax/hailuo-2.3/t2v-standard", request_for("an owl").inputs)
    world.service.answers.append("nothing")
    (job,) = world.ask("a fox")
    world.finish(job)
    assert "probably not billed" in job.note


def test_a_late_list_is_waited_for(world: World) -> None:
    """A prediction that the service lists only after minutes is found within the grace."""
    world.service.lists_after_s = 600.0
    world.service.answers.append("lost")
    (job,) = world.ask("a fox")
    world.finish(job)
    assert job.status == "completed"


def test_a_neighbour_whose_answer_is_on_its_way_keeps_its_prediction(world: World) -> None:
    """While another take is being sent nobody adopts: the new prediction is that take's."""
    world.service.answers.extend(["nothing", "ok"])
    first, second = world.ask("a fox", takes=2)
    world.finish(first, second)
    assert (first.status, second.status) == ("unconfirmed", "completed")
    assert len(world.service.books) == 1


def test_a_killed_kernel_s_submit_is_found_by_the_next(world: World, open_world: Open) -> None:
    """A kernel that dies with the submit on its way leaves a row that the next one clears up."""
    (job,) = world.ask("a fox")
    world.until(lambda: len(world.service.books) == 1)
    assert world.row(job).status == "submitting"
    world.kill()
    other = open_world(kernel="k2", service=world.service)
    (taken,) = other.resume()
    other.finish(taken)
    assert (taken.status, len(world.service.posts)) == ("completed", 1)


def test_days_later_it_is_looked_for_once(world: World, open_world: Open) -> None:
    """The grace counts from the submit, so a late resume looks once and says what it found."""
    (job,) = world.ask("a fox")
    world.until(lambda: world.row(job).status == "submitting")
    world.kill()
    world.service.books.clear()
    world.clock.skipped_s += 86400
    other = open_world(kernel="k2", service=world.service)
    (taken,) = other.resume()
    began = world.loop.now_s
    other.finish(taken)
    assert "probably not billed" in taken.note
    assert world.loop.now_s - began < 5
    again = other.runner.take(other.row(taken))
    assert again is taken
    assert not again.done()
    other.finish(again)


def test_under_another_key_it_is_not_looked_for(world: World, open_world: Open) -> None:
    """Another account's list proves nothing about a submit: the job says which key it needs."""
    world.ask("a fox")
    world.until(lambda: len(world.service.books) == 1)
    world.kill()
    world.service.key = "key-b"
    other = open_world(kernel="k2", service=world.service)
    (taken,) = other.resume()
    other.finish(taken)
    assert "another key" in taken.note
    assert "not billed" not in taken.note
    world.service.key = "key-a"
    again = other.runner.take(other.row(taken))
    other.finish(again)
    assert again.status == "completed"


@pytest.mark.parametrize("query", ["", "?X-Signature=abc"])
def test_an_uploaded_picture_is_part_of_what_is_compared(world: World, query: str) -> None:
    """What was sent is compared with its picture, also where the address had a signature that is not kept."""
    world.service.upload_query = query
    world.service.answers.append("lost")
    image = ImageRef(
        "file", (("sha256", "ab"), ("fit", None)), "fox.png", data=b"png", content_type="image/png"
    )
    (job,) = world.ask("a fox", image=image)
    world.finish(job)
    assert (job.status, len(world.service.posts)) == ("completed", 1)


def test_another_picture_is_another_clip(world: World) -> None:
    """The same words over another picture are not adopted."""
    image = ImageRef(
        "file", (("sha256", "ab"), ("fit", None)), "fox.png", data=b"png", content_type="image/png"
    )
    request = request_for("a fox", "i2v-standard", image)
    world.service.accept(
        request.model_id, dict(request.inputs) | {"image": "https://files.test/up/other.png"}
    )
    world.service.answers.append("nothing")
    (job,) = world.ask("a fox", image=image)
    world.finish(job)
    assert "probably not billed" in job.note


def test_an_id_that_another_clip_has_is_not_taken_twice(world: World) -> None:
    """A service that answers two submits with one id leaves the second unconfirmed."""
    (first,) = world.ask("a fox")
    world.finish(first)
    made = next(iter(world.service.books.values()))
    world.service.accept = lambda *_: made  # type: ignore[method-assign]
    (second,) = world.ask("an owl")
    world.finish(second)
    assert second.status == "unconfirmed"
    assert first.prediction_id == made.id


def test_abandoned_is_over(world: World) -> None:
    """A person gives an unanswered clip up while it is being looked for."""
    world.service.answers.append("nothing")
    (job,) = world.ask("a fox")
    world.until(lambda: job.status == "unconfirmed")
    decided = world.runner.decide(job, "abandoned")
    world.until(decided.done)
    world.finish(job)
    assert (job.status, world.row(job).status) == ("abandoned", "abandoned")
    assert isinstance(job.exception(), errors.SubmitUnconfirmed)
    assert not world.runner._running
