"""A sweep as a person would write it down, and every rule for running it again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from session_fakes import FakeService, QuickSession, until

from hailuo_nb import errors
from hailuo_nb.session import aftercare

SWEEP: dict[str, Any] = {
    "variant": ["i2v-standard", "fast"],
    "duration": [6, 10],
    "takes": 2,
    "image": "https://example.com/pond.png",
    "max_clips": 32,
    "yes": True,
}
TEXT = "A {animal: fox|owl} at {light: dawn|dusk}"
# Two variants, two lengths, two axes and two takes, by the price list: variant, seconds, animal, light, take, dollars.
BY_HAND = """
i2v-standard  6 fox dawn 1 0.28
i2v-standard  6 fox dawn 2 0.28
i2v-standard  6 fox dusk 1 0.28
i2v-standard  6 fox dusk 2 0.28
i2v-standard  6 owl dawn 1 0.28
i2v-standard  6 owl dawn 2 0.28
i2v-standard  6 owl dusk 1 0.28
i2v-standard  6 owl dusk 2 0.28
i2v-standard 10 fox dawn 1 0.56
i2v-standard 10 fox dawn 2 0.56
i2v-standard 10 fox dusk 1 0.56
i2v-standard 10 fox dusk 2 0.56
i2v-standard 10 owl dawn 1 0.56
i2v-standard 10 owl dawn 2 0.56
i2v-standard 10 owl dusk 1 0.56
i2v-standard 10 owl dusk 2 0.56
fast          6 fox dawn 1 0.19
fast          6 fox dawn 2 0.19
fast          6 fox dusk 1 0.19
fast          6 fox dusk 2 0.19
fast          6 owl dawn 1 0.19
fast          6 owl dawn 2 0.19
fast          6 owl dusk 1 0.19
fast          6 owl dusk 2 0.19
fast         10 fox dawn 1 0.32
fast         10 fox dawn 2 0.32
fast         10 fox dusk 1 0.32
fast         10 fox dusk 2 0.32
fast         10 owl dawn 1 0.32
fast         10 owl dawn 2 0.32
fast         10 owl dusk 1 0.32
fast         10 owl dusk 2 0.32
"""
TOTAL_USD = Decimal("10.80")


def by_hand() -> list[tuple[str, float, str, str, int, float, str]]:
    """Read the table above, with the prompt that each row says."""
    rows = [line.split() for line in BY_HAND.strip().splitlines()]
    return [
        (variant, float(seconds), animal, light, int(take), float(usd), f"A {animal} at {light}")
        for variant, seconds, animal, light, take, usd in rows
    ]


def told(frame: Any, price: str = "quote_usd") -> list[tuple[str, float, str, str, int, float, str]]:
    """Read the same columns out of a frame."""
    columns = ["variant", "duration_s", "params.animal", "params.light", "take", price, "prompt"]
    return [tuple(row) for row in frame[columns].astype(object).itertuples(index=False)]


def test_a_sweep_is_what_a_person_would_write_down(session: QuickSession, service: FakeService) -> None:
    """Rows, columns and prices, in the dry run and in the table of the clips; each is sent once."""
    dry = session.generate(TEXT, dry_run=True, **SWEEP)
    assert told(dry) == by_hand()
    assert set(dry["status"]) == {"new"}
    assert Decimal(str(dry.attrs["new_usd"])) == TOTAL_USD
    batch = session.generate(TEXT, wait=True, **SWEEP)
    assert batch.new_usd == TOTAL_USD
    frame = batch.df
    # The stand-in's files all last 6 s, so the length is the one that was asked for.
    frame["duration_s"] = [row.asked_duration_s for row in (job.row for job in batch)]
    assert told(frame) == told(frame, "cost_usd") == by_hand()
    assert set(frame["prompt_template"]) == {TEXT}
    assert frame["id"].is_unique
    assert frame["path"].is_unique
    assert not frame["cached"].any()
    assert Decimal(str(frame.attrs["total_usd"])) == TOTAL_USD
    assert len(service.submits) == 32


def test_dropping_an_alternative_reruns_nothing(session: QuickSession, service: FakeService) -> None:
    """Nor does turning axes, options or prompts round: a clip is known by what it asks."""
    made = {job.id for job in session.generate(TEXT, wait=True, **SWEEP)}
    fewer: list[tuple[str, dict[str, Any]]] = [
        ("A {animal: fox} at {light: dawn|dusk}", SWEEP),
        ("A {animal: owl|fox} at {light: dusk|dawn}", SWEEP),
        ("A fox at dawn\n---\nA {animal: owl} at dusk", SWEEP | {"variant": "fast", "duration": [10, 6]}),
        (TEXT, SWEEP | {"takes": 1, "variant": ["fast", "i2v-standard"]}),
    ]
    for text, options in fewer:
        batch = session.generate(text, wait=True, max_cost=0, **options)
        assert {job.id for job in batch} <= made
        assert batch.new_usd == 0
        frame = batch.df
        assert (frame["cost_usd"] == 0).all()
        assert list(frame["saved_usd"]) == list(frame["quote_usd"])
        assert frame["cached"].all()
    assert len(service.submits) == 32


def test_raising_the_takes_makes_only_the_further_ones(session: QuickSession, service: FakeService) -> None:
    """From two to four makes two more; going back to one shows the first."""
    first = session.generate("a fox", "t2v-standard", takes=2, wait=True)
    more = session.generate("a fox", "t2v-standard", takes=4, yes=True, wait=True)
    assert [job.take for job in more] == [1, 2, 3, 4]
    assert [job.id for job in more][:2] == [job.id for job in first]
    assert more.new_usd == Decimal("0.56")
    assert len({job.path for job in more}) == 4
    assert list(more.df["cost_usd"]) == [0, 0, 0.28, 0.28]
    assert list(more.df["saved_usd"]) == [0.28, 0.28, 0, 0]
    assert session.generate("a fox", "t2v-standard", wait=True)[0].id == first[0].id
    assert len(service.submits) == 4


def test_what_waits_for_a_yes_is_still_to_be_paid(service: FakeService, open_session: Any) -> None:
    """A dry run counts it as new, once, and takes it from the budget once."""
    session = open_session(tier="silver", budget_usd=5)
    batch = session.generate("a {x: fox|owl|elk}", "t2v-pro", wait=False)
    assert len(batch.held) == 3
    dry = session.generate("a {x: fox|owl|hare}", "t2v-pro", dry_run=True)
    assert set(dry["status"]) == {"new"}
    assert dry.attrs["new_usd"] == 1.47
    assert "budget left $3.04" in repr(dry), "5.00 less the elk that waits too, and these three"


# Section 4.7 of the design, a line for each: what the clip was, and what its cell does when it is run again.


def completed(session: QuickSession, service: FakeService) -> Any:
    """Make a clip."""
    return session.generate("a fox", "t2v-pro", wait=True)[0]


def out(session: QuickSession, service: FakeService) -> Any:
    """Send a clip that is still being made."""
    plain, service.ends_as = service.ends_as, lambda p: replace(p, status="processing")
    job = session.generate("a fox", "t2v-pro", wait=False)[0]
    until(lambda: job.status == "processing", "it is being made")
    service.ends_as = plain
    return job


def unconfirmed(session: QuickSession, service: FakeService) -> Any:
    """Send a clip that gets no answer and that nobody can find."""
    session.runner("wavespeed").desk.grace_s = 0
    service.refusals = [errors.SubmitUnconfirmed("No answer came.")]
    return settled(session.generate("a fox", "t2v-pro", wait=False)[0])


def abandoned(session: QuickSession, service: FakeService) -> Any:
    """Give up such a clip."""
    return settled(aftercare.abandon(session, unconfirmed(session, service)))


def refused(session: QuickSession, service: FakeService) -> Any:
    """Have a request refused for good: surely not accepted."""
    service.refusals = [errors.RequestRefused("No.", status_code=400)]
    return settled(session.generate("a fox", "t2v-pro", wait=False)[0])


def failed(session: QuickSession, service: FakeService) -> Any:
    """Have a clip fail after it was accepted."""
    plain, service.ends_as = service.ends_as, lambda p: replace(p, status="failed", error="It stopped.")
    job = settled(session.generate("a fox", "t2v-pro", wait=False)[0])
    service.ends_as = plain
    return job


def cancelled(session: QuickSession, service: FakeService) -> Any:
    """Cancel a clip that waits for a yes."""
    batch = session.generate("a {x: fox|owl|elk}", "t2v-pro", wait=False)
    batch.cancel()
    return settled(batch[0])


def planned(session: QuickSession, service: FakeService) -> Any:
    """Leave a clip that waits for a yes where it is."""
    return session.generate("a {x: fox|owl|elk}", "t2v-pro", wait=False)[0]


def settled(job: Any) -> Any:
    """Wait until a job goes no further."""
    until(job.done, "it is settled")
    return job


RERUNS: dict[str, tuple[Callable[..., Any], str, int, str]] = {
    # was: (how it came about, its status, POSTs of the second run, status after it)
    "completed: shown, free": (completed, "completed", 0, "completed"),
    "out: joined, never paid again": (out, "processing", 0, "completed"),
    "unconfirmed: joined, never paid again": (unconfirmed, "unconfirmed", 0, "unconfirmed"),
    "abandoned: waits for its button": (abandoned, "abandoned", 0, "abandoned"),
    "refused: surely not accepted, sent again": (refused, "failed", 1, "completed"),
    "failed: waits for its button": (failed, "failed", 0, "failed"),
    "cancelled: sent": (cancelled, "cancelled", 1, "completed"),
    "planned: sent": (planned, "planned", 1, "completed"),
}


@pytest.mark.parametrize("rule", RERUNS)
def test_the_rules_for_running_a_cell_again(session: QuickSession, service: FakeService, rule: str) -> None:
    """One line of the design each; the dry run says beforehand whether it would be paid."""
    make, before, posts, after = RERUNS[rule]
    job = make(session, service)
    assert job.status == before
    sent = len(service.submits)
    dry = session.generate("a fox", "t2v-pro", dry_run=True)
    assert (dry["status"][0] == "new") == (posts > 0)
    again = session.generate("a fox", "t2v-pro", wait=False, yes=True)[0]
    until(lambda: again.done() and again.status == after, f"it is {after}")
    assert len(service.submits) - sent == posts
    assert again.id == job.id, "what was surely not accepted is not written down twice"
    frame = session.generate("a fox", "t2v-pro", offline=True, wait=False).df
    assert len(frame) == 1
    if before == "completed":
        assert (frame["cost_usd"][0], frame["saved_usd"][0]) == (0, 0.49)


def test_a_moved_file_is_fetched_again_and_the_moved_one_is_left_alone(
    session: QuickSession, service: FakeService
) -> None:
    """The clip is where the table says; what the user put elsewhere is the user's."""
    job = session.generate("a fox", "t2v-pro", wait=True)[0]
    kept = job.path.rename(session.folder / "best.mp4")
    again = session.generate("a fox", "t2v-pro", wait=True, max_cost=0)[0]
    assert again.path == job.planned_path
    assert again.path.read_bytes() == kept.read_bytes()
    assert len(service.submits) == 1


def test_a_file_that_nobody_has_any_more_is_clearly_missing(
    session: QuickSession, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the service's seven days: its name, until when it was kept, and that a take is the way to another one."""
    job = session.generate("a fox", "t2v-pro", wait=True)[0]
    job.path.unlink()
    session.runner("wavespeed").desk.now = lambda: datetime.now(UTC) + timedelta(days=30)
    again = session.generate("a fox", "t2v-pro", wait=True, max_cost=0)
    with pytest.raises(
        errors.DownloadFailed, match=r"not on disk any more, and the service kept it until .*take"
    ):
        again[0].result(10)
    assert again[0].status == "completed"
    assert list(again.df["cost_usd"]) == [0]
    assert len(service.submits) == 1


def test_offline_fetches_nothing_either(session: QuickSession, service: FakeService) -> None:
    """On a plane a missing file is told at once, instead of being waited for; back at home it is fetched."""
    job = session.generate("a fox", "t2v-pro", wait=True)[0]
    job.path.unlink()
    asked = list(service.asked)
    service.is_reachable = False
    missing = session.generate("a fox", "t2v-pro", offline=True, wait=True)[0]
    with pytest.raises(errors.DownloadFailed, match=r"not on disk any more. %hailuo resume"):
        missing.result(10)
    assert service.asked == asked
    service.is_reachable = True
    assert session.generate("a fox", "t2v-pro", wait=True)[0].result(10).is_file()
    assert len(service.submits) == 1
