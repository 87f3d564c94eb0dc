"""A row through its statuses: what is allowed, stamped, refused and fenced."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from itertools import product

import pytest
from ledger_clips import planned

from hailuo_nb.errors import LedgerError
from hailuo_nb.ledger.faults import FenceLost, PathTaken, PredictionTaken, TransitionRefused
from hailuo_nb.ledger.rows import ClipRow, NewClip
from hailuo_nb.ledger.status import ALLOWED, FINAL, STATUSES, is_allowed
from hailuo_nb.ledger.store import Ledger

Open = Callable[..., Ledger]
Make = Callable[..., NewClip]
Carry = Callable[..., ClipRow]

TO: dict[str, tuple[str, ...]] = {
    "planned": (),
    "submitting": ("submitting",),
    "unconfirmed": ("submitting", "unconfirmed"),
    "submitted": ("submitting", "submitted"),
    "processing": ("submitting", "submitted", "processing"),
    "downloading": ("submitting", "submitted", "processing", "downloading"),
    "completed": ("submitting", "submitted", "processing", "downloading", "completed"),
    "failed": ("submitting", "submitted", "failed"),
    "cancelled": ("cancelled",),
    "abandoned": ("submitting", "unconfirmed", "abandoned"),
}


def test_the_table_names_every_status_and_no_other() -> None:
    """A status that the table forgets would be a dead end by accident."""
    assert set(STATUSES) == set(ALLOWED)
    assert set().union(*ALLOWED.values()) <= set(STATUSES)
    assert set(TO) == set(STATUSES)


def test_nothing_that_may_have_been_accepted_goes_back_to_planned() -> None:
    """The only ways to planned are from what surely was not sent."""
    back = {old for old, new in product(STATUSES, ["planned"]) if is_allowed(old, new, was_accepted=None)}
    assert {"planned", "submitting", "cancelled"} == back
    assert is_allowed("failed", "planned", was_accepted=False)
    assert not is_allowed("failed", "planned", was_accepted=True)


@pytest.mark.parametrize(("old", "new"), sorted(product(STATUSES, STATUSES)))
def test_a_row_goes_only_where_the_table_lets_it(
    ledger: Ledger, clip: Make, carry: Carry, old: str, new: str
) -> None:
    """Every pair of statuses, written by a real ledger."""
    row = carry(ledger, clip(), *TO[old])
    fence = row.fence if old == "planned" else ledger.own([row.id])[row.id]
    if is_allowed(old, new, was_accepted=row.was_accepted):
        assert new == ledger.move(row.id, fence=fence, to=new).status
    else:
        with pytest.raises(TransitionRefused, match=f"is {old} and cannot become {new}"):
            ledger.move(row.id, fence=fence, to=new)
    assert (new if is_allowed(old, new, was_accepted=row.was_accepted) else old) == ledger.row(row.id).status


def test_each_step_is_stamped_and_told(ledger: Ledger, clip: Make, clock: Callable[[], float]) -> None:
    """Times come from the ledger's clock, and the row that `move` gives is the row that is stored."""
    clip_id, fence = planned(ledger, clip())
    row = ledger.row(clip_id)
    for status in TO["completed"]:
        clock.now += 10
        row = ledger.move(clip_id, fence=fence, to=status, detail=f"now {status}")
    seconds = [
        (moment - row.created_utc).total_seconds()
        for moment in (row.submitted_utc, row.started_utc, row.generated_utc, row.finished_utc)
        if moment is not None
    ]
    assert seconds == [20, 30, 40, 50]
    assert row == ledger.row(clip_id)
    assert (row.owner, row.was_accepted) == (None, True)
    told = [(event.status, event.detail) for event in ledger.events(clip_id)]
    assert [("planned", "")] + [(status, f"now {status}") for status in TO["completed"]] == told


def test_what_one_answer_told_of_many_is_one_write(
    ledger: Ledger, clip: Make, carry: Carry, clock: Callable[[], float]
) -> None:
    """Rows that wait for it move to processing; one that went on, or is another's, is left as it is."""
    waiting = [carry(ledger, clip(name), *TO["submitted"]) for name in "ab"]
    further = carry(ledger, clip("c"), *TO["submitted"], "downloading")
    lost = carry(ledger, clip("d"), *TO["submitted"])
    clock.now += 10
    fences = {row.id: row.fence for row in (*waiting, further)} | {lost.id: lost.fence - 1, "nobody": 1}
    moved = ledger.begun(fences)
    assert {row.id for row in moved} == {row.id for row in waiting}
    for row in moved:
        assert row == ledger.row(row.id)
        assert (row.status, row.started_utc) == ("processing", row.moved_utc)
        assert [event.status for event in ledger.events(row.id)][-1] == "processing"
    assert [ledger.row(row.id) for row in (further, lost)] == [further, lost]
    assert ledger.begun(fences) == []


def test_a_completed_clip_costs_its_quote_until_the_billing_answers(
    ledger: Ledger, clip: Make, carry: Carry
) -> None:
    """The source of the cost tells which it is."""
    row = carry(ledger, clip(), *TO["completed"])
    assert (Decimal("0.49"), "quote") == (row.cost_usd, row.price_source)
    assert [row] == carry_unsettled(ledger)
    billed = ledger.set_cost(row.id, Decimal("0.441"))
    assert (Decimal("0.441"), "billing") == (billed.cost_usd, billed.price_source)
    assert Decimal("0.441") == ledger.committed_usd("simulator")


def carry_unsettled(ledger: Ledger) -> list[ClipRow]:
    """Give every finished row, with a prediction id put in where the walk made none."""
    return [row for row in ledger.rows() if row.price_source != "billing"]


def test_only_finished_rows_that_no_billing_told_are_unsettled(
    ledger: Ledger, clip: Make, carry: Carry
) -> None:
    """Settling asks for these, and for nothing twice."""
    done = carry(ledger, clip("a"), *TO["submitted"], prediction_id="p1")
    for status in ("downloading", "completed"):
        done = ledger.move(done.id, fence=done.fence, to=status)
    carry(ledger, clip("b"), *TO["submitted"], prediction_id="p2")
    carry(ledger, clip("c"), "submitting", "failed")
    assert [done] == ledger.unsettled("simulator")
    ledger.set_costs({done.id: Decimal("0.49"), "nobody": Decimal(1)})
    assert ledger.unsettled("simulator") == []


def test_a_failure_costs_nothing_anybody_knows(ledger: Ledger, clip: Make, carry: Carry) -> None:
    """Its cost is unknown, not nought; whether it may be billed depends on how far it came."""
    refused = carry(ledger, clip("a"), "submitting", "failed", error="bad")
    failed = carry(ledger, clip("b"), *TO["failed"])
    assert (refused.cost_usd, failed.cost_usd) == (None, None)
    assert (refused.was_accepted, failed.was_accepted) == (False, True)


def test_a_file_that_vanished_is_fetched_again_without_a_new_bill(
    ledger: Ledger, clip: Make, carry: Carry, clock: Callable[[], float]
) -> None:
    """Cost and finish stay what they were."""
    row = carry(ledger, clip(), *TO["completed"], path="hailuo/clips/a.mp4")
    ledger.set_cost(row.id, Decimal("0.40"))
    clock.now += 1000
    fence = ledger.own([row.id])[row.id]
    ledger.move(row.id, fence=fence, to="downloading")
    again = ledger.move(row.id, fence=fence, to="completed")
    assert (Decimal("0.40"), "billing") == (again.cost_usd, again.price_source)
    assert (row.finished_utc, row.generated_utc) == (again.finished_utc, again.generated_utc)


def test_the_expected_status_is_checked_first(ledger: Ledger, clip: Make) -> None:
    """A job that believes the row elsewhere changes nothing."""
    clip_id, fence = planned(ledger, clip())
    with pytest.raises(TransitionRefused, match="is planned, not submitted"):
        ledger.move(clip_id, fence=fence, to="cancelled", from_={"submitted"})
    assert ledger.row(clip_id).status == "planned"


def test_a_wrong_fence_writes_nothing(ledger: Ledger, clip: Make) -> None:
    """Neither an old token nor one from the future is enough."""
    clip_id, fence = planned(ledger, clip())
    before = ledger.row(clip_id), ledger.events(clip_id)
    for wrong in (fence - 1, fence + 1):
        with pytest.raises(FenceLost, match=clip_id):
            ledger.move(clip_id, fence=wrong, to="submitting")
    assert before == (ledger.row(clip_id), ledger.events(clip_id))


def test_a_final_status_lets_go_of_the_row(ledger: Ledger, clip: Make, carry: Carry) -> None:
    """A late write of the job that finished it is refused."""
    for status in FINAL:
        row = carry(ledger, clip(status), *TO[status])
        with pytest.raises(FenceLost):
            ledger.move(row.id, fence=row.fence, to=status, error="late")


def test_staying_writes_columns_and_tells_only_what_has_words(
    ledger: Ledger, clip: Make, carry: Carry
) -> None:
    """A download that is tried again notes its error without a new status."""
    row = carry(ledger, clip(), *TO["downloading"])
    before = len(ledger.events(row.id))
    row = ledger.move(row.id, fence=row.fence, to="downloading", error="disk full")
    assert ("disk full", before) == (row.error, len(ledger.events(row.id)))
    ledger.move(row.id, fence=row.fence, to="downloading", detail="again")
    assert before + 1 == len(ledger.events(row.id))


def test_every_settable_column_is_stored_as_it_was_given(ledger: Ledger, clip: Make) -> None:
    """What goes in comes out, but for what must not be kept."""
    clip_id, fence = planned(ledger, clip())
    when = datetime(2026, 11, 22, 10, 0, 0, 123000, tzinfo=UTC)
    given = {
        "prediction_id": "p1",
        "url": "https://user:pw@cdn.example/a/b.mp4?signature=secret#x",
        "url_expires_utc": when,
        "path": "hailuo/clips/a.mp4",
        "more_paths": ("hailuo/clips/a-o2.mp4",),
        "sha256": "0" * 64,
        "bytes": 4_200_000,
        "duration_s": 5.875,
        "width": 1920,
        "height": 1080,
        "fps": 24.0,
        "codec": "h264",
        "frames": 141,
        "has_audio": False,
        "execution_ms": 41234,
        "error": "x" * 10_000_000,
        "key_fingerprint": "abc",
    }
    row = ledger.move(clip_id, fence=fence, to="submitting", **given)
    assert row == ledger.row(clip_id)
    assert row.url == "https://cdn.example/a/b.mp4"
    assert len(row.error or "") == 4000
    for name in given.keys() - {"url", "error"}:
        assert given[name] == getattr(row, name), name


def test_what_the_ledger_says_itself_cannot_be_set(ledger: Ledger, clip: Make) -> None:
    """Owner, fence, identity and quote are not a job's to write, nor is an invented status."""
    clip_id, fence = planned(ledger, clip())
    for wrong in ("owner", "request_hash", "quote_usd", "seq", "service"):
        with pytest.raises(LedgerError, match=wrong):
            ledger.move(clip_id, fence=fence, to="submitting", **{wrong: 1})
    with pytest.raises(LedgerError, match="status done"):
        ledger.move(clip_id, fence=fence, to="done")
    with pytest.raises(LedgerError, match="no clip nobody"):
        ledger.move("nobody", fence=fence, to="submitting")


def test_one_prediction_and_one_file_belong_to_one_clip(ledger: Ledger, clip: Make, carry: Carry) -> None:
    """Another row that claims them changes nothing; another service has its own predictions."""
    carry(ledger, clip("a"), "submitting", "submitted", prediction_id="p1", path="hailuo/clips/a.mp4")
    other = carry(ledger, clip("b"), "submitting", "unconfirmed")
    with pytest.raises(PredictionTaken):
        ledger.move(other.id, fence=other.fence, to="submitted", prediction_id="p1")
    with pytest.raises(PathTaken):
        ledger.move(other.id, fence=other.fence, to="submitted", path="hailuo/clips/a.mp4")
    assert other == ledger.row(other.id)
    carry(ledger, clip("a", service="wavespeed"), "submitting", "submitted", prediction_id="p1")


def test_text_that_no_file_can_hold_is_made_fit(ledger: Ledger, clip: Make) -> None:
    """A service may answer with half a surrogate pair."""
    clip_id, fence = planned(ledger, clip("b"))
    row = ledger.move(clip_id, fence=fence, to="submitting", error="no \ud800", detail="\udfff")
    assert row.error == "no ?"
