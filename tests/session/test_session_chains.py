"""Chains on a stand-in for WaveSpeed: what is sent when, what is weighed, and what becomes of the rest."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from session_fakes import FakeService, QuickSession, until

from hailuo_nb import errors
from hailuo_nb.jobs.recipes import identity_of
from hailuo_nb.session import aftercare, chains
from hailuo_nb.session.batch import Batch
from hailuo_nb.session.limits import Terms
from hailuo_nb.wavespeed.prediction import Prediction

Open = Callable[..., QuickSession]
STORY = ["a fox wakes", "it runs to the river", "it swims across"]


def chain(session: QuickSession, steps: Any = STORY, *args: Any, **options: Any) -> Batch:
    """Make a chain of which every clip may be sent."""
    made = chains.chain(session, steps, *args, **({"yes": True} | options))
    assert isinstance(made, Batch)
    return made


def asked(service: FakeService) -> list[tuple[str, str]]:
    """Give what was submitted: model and prompt."""
    return [(model.rpartition("/")[2], inputs["prompt"]) for model, inputs in service.submits]


class Gate:
    """Lets predictions be completed one by one."""

    def __init__(self, service: FakeService) -> None:
        self.open: set[str] = set()
        done = service.ends_as
        service.ends_as = lambda p: done(p) if (p.inputs or {}).get("prompt") in self.open else p


def failing(prompt: str, service: FakeService) -> None:
    """Let the service fail one prompt."""
    done = service.ends_as

    def ends(prediction: Prediction) -> Prediction:
        if (prediction.inputs or {}).get("prompt") != prompt:
            return done(prediction)
        return replace(prediction, status="failed", error="The fox would not wake.", outputs=())

    service.ends_as = ends


def test_each_step_starts_from_the_end_of_the_one_before(session: QuickSession, service: FakeService) -> None:
    """Three clips in order; what is sent of the later ones is the last frame of the one before."""
    batch = chain(session, name="fox")
    assert batch.wait(20)
    assert [job.status for job in batch] == ["completed"] * 3
    assert asked(service) == [
        ("t2v-standard", STORY[0]),
        ("i2v-standard", STORY[1]),
        ("i2v-standard", STORY[2]),
    ]
    assert [place.axes["step"] for place in batch.places] == ["1", "2", "3"]
    for before, after in pairwise(batch):
        picture = after.inputs["image"]
        assert (picture["clip"], picture["at"]) == (identity_of(before.row), "last")
        assert picture["image"] == f"{Path(before.file).name}, last frame"
    assert len({inputs.get("image") for _, inputs in service.submits}) == 3


def test_the_cell_returns_at_once_and_later_steps_wait_unsent(
    session: QuickSession, service: FakeService
) -> None:
    """Every row is written down first; a later one says what it waits for, and costs nothing yet."""
    gate = Gate(service)
    batch = chain(session)
    assert [row.status for row in session.ledger.rows()].count("planned") >= 2
    until(lambda: len(service.submits) == 1, "the first step is sent")
    until(lambda: batch[1].note, "the second says what it waits for")
    assert (batch[1].status, batch[2].status) == ("planned", "planned")
    assert batch[1].note == "waits for the last frame of step 1"
    assert session.ledger.committed_usd("wavespeed") == Decimal("0.84")
    gate.open.add(STORY[0])
    until(lambda: len(service.submits) == 2, "the second step is sent")
    assert batch[2].status == "planned"
    gate.open |= set(STORY)
    assert batch.wait(20)


def test_run_again_a_chain_costs_nothing(open_session: Open, service: FakeService) -> None:
    """The same clips, in this kernel and in the next."""
    first = chain(open_session(tier="silver"))
    first.wait(20)
    paths = [job.path for job in first]
    for session in (first.home, open_session(tier="silver")):
        again = chain(session, max_cost=0, yes=False)  # type: ignore[arg-type]
        assert again.wait(20)
        assert [job.cached for job in again] == [True] * 3
        assert [job.path for job in again] == paths
        assert again.new_usd == 0
    assert len(service.submits) == 3


def test_a_further_step_pays_for_itself_only(session: QuickSession, service: FakeService) -> None:
    """What is there is shown; an altered step makes everything behind it new."""
    chain(session).wait(20)
    longer = chain(session, [*STORY, "it shakes itself dry"], max_cost="0.28")
    assert longer.wait(20)
    assert [job.cached for job in longer] == [True, True, True, False]
    other = chain(session, [STORY[0], "it sleeps on", STORY[2]], max_cost="0.56")
    assert other.wait(20)
    assert [job.cached for job in other] == [True, False, False]
    assert len(service.submits) == 6


def test_a_step_that_fails_takes_those_behind_it_along_by_name(
    session: QuickSession, service: FakeService
) -> None:
    """Nothing is sent for them; each says which step it was, and running it again offers the way on."""
    failing(STORY[0], service)
    batch = chain(session)
    assert batch.wait(20)
    assert [job.status for job in batch] == ["failed", "cancelled", "cancelled"]
    said = [str(job.exception()) for job in batch]
    assert said[1].startswith("Step 2 was not sent: step 1 failed: ")
    assert "would not wake" in said[1]
    assert said[2] == "Step 3 was not sent: step 2 was not sent either."
    assert isinstance(batch[1].exception(), errors.JobCancelled)
    assert len(service.submits) == 1
    again = chain(session)
    assert len(again) == 1
    note = f"step 1 failed; %hailuo retry {again[0].id} makes it again at its price, then run this once more."
    assert again.notes == (f"Steps 2 to 3 are not sent: {note}",)
    assert len(service.submits) == 1


def test_after_a_retry_the_chain_goes_on_from_the_new_attempt(
    session: QuickSession, service: FakeService
) -> None:
    """The frame is the new clip's, so the steps behind it are those that were not sent."""
    done = service.ends_as
    failing(STORY[0], service)
    batch = chain(session)
    batch.wait(20)
    service.ends_as = done
    aftercare.again(session, batch[0], Terms(yes=True)).result(20)
    again = chain(session, max_cost="0.56")
    assert again.wait(20)
    assert [job.status for job in again] == ["completed"] * 3
    assert again[1].inputs["image"]["clip"].endswith(":t1:a2")
    assert [prompt for _, prompt in asked(service)] == [STORY[0], *STORY]


def test_what_was_refused_before_it_was_accepted_is_sent_again_with_all_behind_it(
    session: QuickSession, service: FakeService
) -> None:
    """A refusal is no bill: running the chain again sends all three."""
    service.refusals.append(errors.RequestRefused("Not today."))
    batch = chain(session)
    batch.wait(20)
    assert [job.status for job in batch] == ["failed", "cancelled", "cancelled"]
    again = chain(session)
    assert again.wait(20)
    assert [job.id for job in again] == [job.id for job in batch]
    assert [job.status for job in again] == ["completed"] * 3
    assert len(service.submits) == 3


def test_the_whole_chain_is_weighed_at_once(open_session: Open, service: FakeService, tmp_path: Path) -> None:
    """Over the budget, --max-cost or max_clips nothing is written, not even the first step; nobody is asked twice."""
    session = open_session(tier="silver", budget_usd="0.80")
    for options, error in (
        ({}, errors.BudgetExceeded),
        ({"max_cost": "0.83"}, errors.BudgetExceeded),
        ({"max_clips": 2}, errors.TooManyClips),
        ({"offline": True}, errors.NotOnDisk),
    ):
        with pytest.raises(error, match=r"Not sent|not on disk"):
            chain(session, **options)  # type: ignore[arg-type]
    assert session.ledger.rows() == []
    assert service.submits == []


def test_a_chain_over_the_confirmation_limit_waits_whole_and_one_yes_sends_it(
    open_session: Open, service: FakeService
) -> None:
    """The sum that is shown is that of all steps."""
    session = open_session(tier="silver", confirm_above_usd="0.50")
    batch = chain(session, yes=False)
    assert len(batch.held) == 3
    with pytest.raises(errors.ConfirmationNeeded):
        batch.wait(5)
    assert service.submits == []
    assert not batch.confirm(Decimal("0.28"))
    assert batch.confirm(Decimal("0.84"))
    assert batch.wait(20)
    assert [job.status for job in batch] == ["completed"] * 3


def test_where_a_live_price_holds_one_step_those_behind_it_are_held_too(
    session: QuickSession, service: FakeService
) -> None:
    """Waiting for the chain says so at once instead of for ever, and one yes lets all go."""
    service.prices["minimax/hailuo-2.3/t2v-standard"] = Decimal("5.00")
    batch = chain(session, yes=False)
    until(lambda: len(batch.held) == 3, "all three are held")
    with pytest.raises(errors.ConfirmationNeeded):
        batch.wait(5)
    assert "Step 2 was not sent: step 1, whose end it starts from, waits for a yes" in batch[1].note
    assert batch.confirm(Decimal("5.56"))
    assert batch.wait(20)
    assert [job.status for job in batch] == ["completed"] * 3


def test_cancelling_drops_what_waits_and_costs_nothing(session: QuickSession, service: FakeService) -> None:
    """The first is sent and comes; the others were not, and say that they were cancelled."""
    gate = Gate(service)
    batch = chain(session)
    until(lambda: len(service.submits) == 1 and batch[1].note, "the second waits")
    assert "2 clips were dropped" in batch.cancel()
    assert [job.status for job in batch[1:]] == ["cancelled", "cancelled"]
    gate.open |= set(STORY)
    batch[0].result(20)
    assert len(service.submits) == 1
    assert session.ledger.committed_usd("wavespeed") == Decimal("0.28")


def test_a_step_that_goes_unanswered_keeps_those_behind_it_planned(
    session: QuickSession, service: FakeService
) -> None:
    """It may still turn up: nothing behind it is sent or given up, and the money is not held for ever."""
    service.refusals.append(errors.SubmitUnconfirmed("No answer."))
    session.runner("wavespeed").desk.grace_s = 0.0
    batch = chain(session)
    assert batch.wait(20)
    assert [job.status for job in batch] == ["unconfirmed", "planned", "planned"]
    assert str(batch[1].exception()).startswith("Step 2 was not sent: step 1 is unconfirmed.")
    until(lambda: session.ledger.committed_usd("wavespeed") == Decimal("0.28"), "the rest is let go")
    assert service.submits == []


def test_a_kernel_that_died_in_the_middle_is_taken_up_where_it_was(
    open_session: Open, service: FakeService
) -> None:
    """The first step is out when the session ends; the next one joins it and pays for the others only."""
    gate = Gate(service)
    first = open_session(tier="silver")
    batch = chain(first)
    until(lambda: len(service.submits) == 1, "the first step is sent")
    first.close()
    assert [job.status for job in batch[1:]] == ["planned", "planned"]
    gate.open |= set(STORY)
    again = chain(open_session(tier="silver"))
    assert again.wait(20)
    assert [job.id for job in again] == [job.id for job in batch]
    assert [prompt for _, prompt in asked(service)] == STORY


def test_without_the_cache_a_chain_is_made_anew_from_its_first_step(
    open_session: Open, service: FakeService
) -> None:
    """Every step is another clip, and each starts from the new one before it."""
    session = open_session(tier="silver", cache=False)
    first, second = chain(session), None
    first.wait(20)
    second = chain(session)
    assert second.wait(20)
    assert {job.id for job in first}.isdisjoint(job.id for job in second)
    assert second[1].inputs["image"]["clip"] == identity_of(second[0].row)
    assert len(service.submits) == 6


def test_steps_may_be_texts_tuples_and_mappings(session: QuickSession, service: FakeService) -> None:
    """Variant, seconds and any option of their own; a picture of its own starts a step anew."""
    steps = [
        ("a fox wakes", "t2v-pro"),
        ("it runs", 10, "i2v-standard"),
        {"prompt": "it swims", "variant": "fast", "go_fast": False},
        ("a bear watches", {"image": "https://example.com/bear.png", "duration": 6}),
        "it goes home",
    ]
    batch = chain(session, steps)
    assert batch.wait(20)
    assert [job.variant for job in batch] == ["t2v-pro", "i2v-standard", "fast", "fast", "fast"]
    assert [inputs.get("duration") for _, inputs in service.submits if "duration" in inputs] != []
    assert batch[1].inputs["duration"] == 10
    assert batch[2].inputs["go_fast"] is False
    assert batch[3].inputs["image"]["url"] == "https://example.com/bear.png"
    assert batch[4].inputs["image"]["clip"] == identity_of(batch[3].row)


@pytest.mark.parametrize(
    ("variant", "made"),
    [
        (None, ["t2v-standard", "i2v-standard"]),
        ("t2v-pro", ["t2v-pro", "i2v-pro"]),
        (["t2v-standard", "fast-pro"], ["t2v-standard", "fast-pro"]),
        ("fast", None),
        ("wan-t2v", ["wan-t2v", "wan-i2v"]),
        ("alibaba/wan-2.6/text-to-video", ["wan-t2v", "wan-i2v"]),
    ],
)
def test_what_follows_a_text_to_video_variant_is_the_one_of_its_quality_that_takes_a_picture(
    session: QuickSession, variant: Any, made: list[str] | None
) -> None:
    """Unless one is named."""
    if made is None:
        with pytest.raises(errors.InvalidRequest, match="step 1: the image is missing"):
            chains.chain(session, STORY[:2], variant, dry_run=True)
    else:
        assert list(chains.chain(session, STORY[:2], variant, dry_run=True)["variant"]) == made


def test_a_dry_run_tells_the_whole_price_and_writes_nothing(session: QuickSession, tmp_path: Path) -> None:
    """A row for each step, with its sum."""
    table = chains.chain(session, STORY, dry_run=True)
    assert list(table["quote_usd"]) == [0.28, 0.28, 0.28]
    assert list(tmp_path.iterdir()) == []


def test_every_fault_of_every_step_is_told_by_name(session: QuickSession, service: FakeService) -> None:
    """At once, before anything is written."""
    steps = [
        ("a fox", 7),
        ("it {runs|swims}", "i2v-standard"),
        ("it waits", "t2v-pro"),
        {"prompt": "it sleeps", "length": 6},
        5,
    ]
    with pytest.raises(errors.InvalidRequest) as caught:
        chain(session, steps)
    assert 'step 4: a step has no option "length"' in str(caught.value)
    assert "step 5: a step is a text, a tuple" in str(caught.value)
    with pytest.raises(errors.InvalidRequest) as caught:
        chain(session, steps[:3])
    said = caught.value.faults
    assert said[0].startswith("step 1: t2v-standard makes 6 or 10 s, not 7")
    assert said[1] == "step 2: it makes several clips; a step is one, so leave alternatives and takes out"
    assert said[2].startswith("step 3: t2v-pro takes no image")
    assert not session.has_ledger()


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ("a fox", "takes its steps as a list"),
        ([], "has no steps"),
        ([""], "step 1: the prompt is missing"),
        ([("a fox", 6, 10)], "step 1: duration is given twice"),
        ([("a fox", 2.5)], "not a float"),
        ([("a fox", True)], "not a bool"),
        ([{"prompt": 5}], "step 1: The prompt is a int"),
    ],
)
def test_what_is_no_chain_is_refused(session: QuickSession, steps: Any, words: str) -> None:
    """One line that says what to write."""
    with pytest.raises(errors.InvalidRequest) as caught:
        chain(session, steps)
    assert words in str(caught.value)


PARTS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 12),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["t2v-pro", "i2v-standard", "a fox"]),
    st.dictionaries(st.sampled_from([*chains.OF_A_STEP, "x"]), st.one_of(st.integers(), st.text(max_size=5))),
)


@given(
    st.one_of(PARTS, st.lists(st.one_of(PARTS, st.lists(PARTS, max_size=4), st.tuples(PARTS)), max_size=4))
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_steps_are_nothing_but_a_refusal_comes_of_nonsense(
    session: QuickSession, steps: Any
) -> None:
    """A table or one of our own errors."""
    with suppress(errors.HailuoError):
        assert len(chains.chain(session, steps, dry_run=True)) == len(steps)


def test_a_clip_still_on_its_way_can_be_started_from_without_waiting(
    session: QuickSession, service: FakeService
) -> None:
    """``image=job`` and ``job.animate(...)`` return at once; the second clip is sent when the first is there."""
    gate = Gate(service)
    first = session.generate("a fox wakes", "t2v-pro", yes=True)[0]
    until(lambda: len(service.submits) == 1, "the first is sent")
    second = first.animate("it runs", yes=True)
    third = session.generate("it sleeps", "fast", image=first, yes=True)[0]
    until(lambda: second.note and third.note, "both wait")
    assert second.note == f"waits for the last frame of clip {first.id}"
    gate.open |= {"a fox wakes", "it runs", "it sleeps"}
    assert second.result(20).is_file()
    assert third.result(20).is_file()
    assert len(service.submits) == 3
    assert service.asked.count("upload") == 1


def test_two_cells_run_at_once_from_two_threads_pay_once(session: QuickSession, service: FakeService) -> None:
    """The same chain twice at the same time: each step is one clip."""
    made: list[Batch] = []
    threads = [threading.Thread(target=lambda: made.append(chain(session))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for batch in made:
        assert batch.wait(20)
        assert [job.status for job in batch] == ["completed"] * 3
    assert len(service.submits) == 3
