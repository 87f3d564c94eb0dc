"""What a person does about clips that went wrong, on a stand-in for WaveSpeed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from session_fakes import FakeService, QuickSession, until

from hailuo_nb import errors
from hailuo_nb.session import aftercare
from hailuo_nb.session.limits import Terms
from hailuo_nb.wavespeed.billing import Billing
from hailuo_nb.wavespeed.prediction import Prediction

PRO = "minimax/hailuo-2.3/t2v-pro"


def failing(service: FakeService) -> None:
    """Let every prediction fail from now on."""
    service.ends_as = lambda p: replace(p, status="failed", error="The engine stopped.", code=5000)


def made(session: QuickSession, prompt: str = "a fox", **options: Any) -> Any:
    """Make one clip and wait until it goes no further."""
    job = session.generate(prompt, options.pop("variant", "t2v-pro"), wait=False, **options)[0]
    until(job.done, "it is done")
    return job


def unconfirmed(session: QuickSession, service: FakeService) -> Any:
    """Make a clip whose submit got no answer and which nobody can find."""
    session.runner("wavespeed").desk.grace_s = 0
    service.refusals = [errors.SubmitUnconfirmed("No answer came.")]
    job = made(session)
    assert job.status == "unconfirmed"
    return job


def test_a_failure_is_not_sent_again_by_its_cell_but_by_its_button(
    session: QuickSession, service: FakeService
) -> None:
    """The cell shows it; retry makes the next attempt, at today's price, once."""
    plain = service.ends_as
    failing(service)
    job = made(session)
    assert isinstance(job.exception(1), errors.GenerationFailed)
    assert session.generate("a fox", "t2v-pro", wait=False)[0].status == "failed"
    assert len(service.submits) == 1
    service.ends_as = plain
    again = aftercare.again(session, job, Terms())
    assert again.result(10).is_file()
    assert (again.row.attempt, again.take, again.id != job.id) == (2, 1, True)
    with pytest.raises(errors.LedgerError, match="tried again already"):
        aftercare.again(session, job, Terms())
    assert len(service.submits) == 2
    assert session.generate("a fox", "t2v-pro", wait=True, max_cost=0)[0].id == again.id


def test_trying_again_keeps_to_every_limit(service: FakeService, open_session: Any) -> None:
    """The budget, --max-cost and the question hold for a button too; what was refused is given back."""
    said: dict[str, Any] = {"tier": "silver"}
    session = open_session()
    session.configured = lambda: said
    failing(service)
    job = made(session)
    with pytest.raises(errors.BudgetExceeded, match="max-cost"):
        aftercare.again(session, job, Terms(max_cost=Decimal("0.48")))
    said["budget_usd"] = "0.97"
    with pytest.raises(errors.BudgetExceeded, match="budget"):
        aftercare.again(session, job, Terms(yes=True))
    assert session.consent.since_yes_usd == Decimal("0.49")
    said["budget_usd"] = "5"
    said["confirm_above_usd"] = "0.50"
    with pytest.raises(errors.ConfirmationNeeded):
        aftercare.again(session, job, Terms(is_headless=True))
    held = aftercare.again(session, job, Terms())
    assert held.is_held
    assert len(service.submits) == 1
    assert session.batch_of([held]).confirm(Decimal("0.49"))
    until(lambda: len(service.submits) == 2, "the yes sends it")


def test_only_what_failed_is_tried_again(session: QuickSession) -> None:
    """A clip that is here or on its way is not paid again by a slip."""
    job = made(session)
    with pytest.raises(errors.InvalidRequest, match="completed"):
        aftercare.again(session, job, Terms())
    for decide in (
        lambda: aftercare.adopt(session, job, "prediction0001"),
        lambda: aftercare.abandon(session, job),
    ):
        with pytest.raises(errors.InvalidRequest, match="only an unconfirmed one"):
            decide()


def test_resend_abandon_and_adopt(session: QuickSession, service: FakeService) -> None:
    """An unconfirmed clip is sent once more, given up, or takes a prediction, as a person decides."""
    job = unconfirmed(session, service)
    assert service.submits == []
    assert session.generate("a fox", "t2v-pro", wait=False)[0].id == job.id
    assert aftercare.abandon(session, job).status == "abandoned"
    with pytest.raises(errors.InvalidRequest, match="neither a clip"):
        aftercare.adopt(session, job, "../../etc/passwd")
    service.predictions["late0001"] = Prediction("late0001", PRO, created_utc=datetime.now(UTC), inputs={})
    aftercare.adopt(session, job, " late0001 ")
    assert job.result(10).is_file()
    assert service.submits == []
    assert job.prediction_id == "late0001"


def test_resend_sends_once(session: QuickSession, service: FakeService) -> None:
    """The old row stays, since it may be billed; the new attempt is what the cell shows from then on."""
    job = unconfirmed(session, service)
    again = aftercare.again(session, job, Terms())
    assert again.result(10).is_file()
    assert len(service.submits) == 1
    assert session.ledger.row(job.id).status == "unconfirmed"


def test_a_prediction_from_elsewhere_is_taken_up_with_all_its_files(
    session: QuickSession, service: FakeService
) -> None:
    """Its words come from the recent predictions, every output is fetched, and nothing is sent."""
    urls = tuple(f"https://cdn.example/{n}.mp4?signature=s3cret" for n in (1, 2, 3))
    service.predictions["foreign01"] = Prediction(
        "foreign01",
        PRO,
        created_utc=datetime.now(UTC),
        inputs={
            "prompt": "an owl",
            "image": "https://x.example/a.png?token=s3cret",
            "mask": "data:image/png;base64,AA",
        },
    )
    service.ends_as = lambda p: replace(p, status="completed", outputs=urls)
    job = aftercare.take_up(session, "foreign01")
    assert job.result(10).is_file()
    assert (job.prompt, job.variant, job.status) == ("an owl", "t2v-pro", "completed")
    assert len(job.row.more_paths) == 2
    assert all((session.folder / path).is_file() for path in job.row.more_paths)
    assert job.inputs == {"prompt": "an owl", "image": "https://x.example/a.png"}
    assert service.submits == []
    assert aftercare.take_up(session, "foreign01").id == job.id
    for file in session.folder.rglob("*"):
        if file.is_file() and file.suffix == ".json":
            assert b"s3cret" not in file.read_bytes()


def test_what_cannot_be_taken_up(session: QuickSession, service: FakeService) -> None:
    """Unknown ids, things that are no ids, and models that make no video: one line each, and no row."""
    with pytest.raises(errors.NotFound):
        aftercare.take_up(session, "unknown0001")
    for bad in ("", "a b", "../x", "x" * 200, "<b>", "fox"):
        with pytest.raises(errors.InvalidRequest, match="neither"):
            aftercare.take_up(session, bad)
    service.predictions["image0001"] = Prediction("image0001", "acme/paint/text-to-image")
    service.listed = [{"model_id": "acme/paint/text-to-image", "type": "text-to-image"}]
    with pytest.raises(errors.InvalidRequest, match="makes no video"):
        aftercare.take_up(session, "image0001")
    assert not session.has_ledger() or session.ledger.rows() == []


def test_settle_writes_what_was_really_billed(session: QuickSession, service: FakeService) -> None:
    """Deducts less refunds, as the bill says; what it does not say stays unknown."""
    plain = service.ends_as
    paid = made(session, "one")
    failing(service)
    refunded, unbilled = made(session, "two"), made(session, "three", yes=True)
    service.ends_as = plain
    assert [job.cost_usd for job in (paid, refunded, unbilled)] == [Decimal("0.49"), None, None]
    ids = {job.id: job.prediction_id for job in (paid, refunded)}
    service.bills = [
        Billing(str(ids[paid.id]), "deduct", Decimal("0.45"), None),
        Billing(str(ids[refunded.id]), "deduct", Decimal("0.49"), None),
        Billing(str(ids[refunded.id]), "refund", Decimal("0.49"), None),
    ]
    rows = aftercare.settle(session, "wavespeed")
    assert {row.id: row.cost_usd for row in rows} == {paid.id: Decimal("0.45"), refunded.id: Decimal("0.00")}
    assert aftercare.settled_line(rows) == "2 clips settled: $0.45 billed."
    assert session.ledger.row(unbilled.id).cost_usd is None
    assert session.ledger.committed_usd("wavespeed") == Decimal("0.94"), (
        "a failure counts until the bill frees it"
    )
    assert "Nothing to settle" in aftercare.settled_line([])


def test_a_request_is_made_anew_from_its_row(session: QuickSession, service: FakeService) -> None:
    """A public picture by its address, an uploaded one by its upload, one with a signature not at all."""
    plain = service.ends_as
    failing(service)
    options: dict[str, Any] = {"variant": "i2v-pro", "yes": True}
    public = made(session, image="https://x.example/a.png", **options)
    signed = made(session, image="https://x.example/b.png?token=s3cret", **options)
    service.ends_as = plain
    assert aftercare.again(session, public, Terms(yes=True)).result(10).is_file()
    assert service.submits[-1][1]["image"] == "https://x.example/a.png"
    with pytest.raises(errors.InvalidRequest, match="run its cell again"):
        aftercare.again(session, signed, Terms(yes=True))
    assert len(service.submits) == 3


def test_inputs_that_are_mappings_are_no_pictures(session: QuickSession) -> None:
    """A model's own structured input stays what it is."""
    row = replace(made(session).row, inputs={"prompt": "x", "camera": {"pan": 1}, "list": [1, 2]})
    assert dict(aftercare.request_of(session, row).inputs) == {
        "prompt": "x",
        "camera": {"pan": 1},
        "list": [1, 2],
    }
