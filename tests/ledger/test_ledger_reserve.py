"""What the ledger says to a cell's clips: new, cached, joined, failed; and within which budget."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from hailuo_nb.errors import BudgetExceeded, LedgerError
from hailuo_nb.ledger.rows import ClipRow, NewBatch, NewClip
from hailuo_nb.ledger.store import Ledger

Open = Callable[..., Ledger]
Make = Callable[..., NewClip]
Carry = Callable[..., ClipRow]
TO_COMPLETED = ("submitting", "submitted", "processing", "downloading", "completed")


def one(ledger: Ledger, clip: NewClip, budget: str | None = None):
    """Reserve one clip."""
    return ledger.reserve(NewBatch(), [clip], budget_usd=None if budget is None else Decimal(budget))[0]


def test_a_clip_that_never_was_is_new_and_planned(ledger: Ledger, clip: Make) -> None:
    """Its row is there, this kernel owns it, and nothing was spent."""
    got = one(ledger, clip())
    assert (got.is_new, got.is_cached, got.is_joined) == (True, False, False)
    assert ("planned", ledger.kernel, got.fence) == (got.row.status, got.row.owner, got.row.fence)
    assert [got.row] == ledger.rows()
    assert [event.status for event in ledger.events(got.row.id)] == ["planned"]


def test_a_completed_clip_is_shown_for_nothing(ledger: Ledger, clip: Make, carry: Carry) -> None:
    """Showing it again is an event of its row with what was not paid; the row does not change."""
    row = carry(ledger, clip(), *TO_COMPLETED, path="hailuo/clips/fox.mp4")
    for _ in range(2):
        got = one(ledger, clip())
        assert (False, True, row) == (got.is_new, got.is_cached, got.row)
        assert Decimal("0.49") == got.saved_usd
    reused = [event for event in ledger.events(row.id) if event.event == "reused"]
    assert [Decimal("0.49")] * 2 == [event.saved_usd for event in reused]
    assert [row] == ledger.rows()


@pytest.mark.parametrize(
    "statuses",
    [
        ("submitting",),
        ("submitting", "unconfirmed"),
        ("submitting", "submitted"),
        ("submitting", "submitted", "processing"),
        ("submitting", "submitted", "downloading"),
    ],
    ids=lambda statuses: statuses[-1],
)
def test_what_is_out_is_joined_and_never_paid_again(
    ledger: Ledger, clip: Make, carry: Carry, statuses: tuple[str, ...]
) -> None:
    """Running the cell again while its clip is on its way, or may be, gives the same row."""
    row = carry(ledger, clip(), *statuses)
    got = one(ledger, clip())
    assert (False, True, row.id, statuses[-1]) == (got.is_new, got.is_joined, got.row.id, got.row.status)
    assert len(ledger.rows()) == 1


@pytest.mark.parametrize(
    ("statuses", "is_new"),
    [
        (("cancelled",), True),
        (("submitting", "failed"), True),
        (("submitting", "submitted", "failed"), False),
        (("submitting", "unconfirmed", "abandoned"), False),
    ],
    ids=["cancelled", "refused", "failed", "abandoned"],
)
def test_only_what_was_surely_not_accepted_is_sent_again(
    ledger: Ledger, clip: Make, carry: Carry, statuses: tuple[str, ...], is_new: bool
) -> None:
    """Any other failure comes back as it is and waits for its button."""
    row = carry(ledger, clip(), *statuses, error="no")
    got = one(ledger, clip(prompt_template="a {x: fox}"))
    assert row.id == got.row.id
    assert is_new == got.is_new
    assert not got.is_joined
    assert not got.is_cached
    assert ("planned" if is_new else statuses[-1]) == got.row.status
    assert (None if is_new else "no") == got.row.error
    assert got.fence == (row.fence + 1 if is_new else None)
    assert len(ledger.rows()) == 1


def test_a_planned_row_in_living_hands_is_joined(open_ledger: Open, clip: Make) -> None:
    """A second kernel does not send what the first is about to send."""
    first, second = open_ledger(), open_ledger()
    mine = one(first, clip())
    theirs = one(second, clip())
    again = one(first, clip())
    assert (mine.is_new, theirs.is_new, theirs.is_joined) == (True, False, True)
    assert theirs.fence is None
    assert (False, True, mine.fence) == (again.is_new, again.is_joined, again.fence)


def test_a_planned_row_that_was_let_go_is_taken_up(open_ledger: Open, clip: Make) -> None:
    """It gets the words, axes and price of the cell that asks now, and keeps its id."""
    first, second = open_ledger(), open_ledger()
    old = one(first, clip(name="old"))
    first.release([old.row.id])
    got = one(second, clip(name="new", quote_usd=Decimal("0.60"), axes={"light": "dawn"}))
    assert (True, old.row.id, "new") == (got.is_new, got.row.id, got.row.name)
    assert (Decimal("0.60"), {"light": "dawn"}) == (got.row.quote_usd, got.row.axes)
    assert got.row == second.row(old.row.id)


def test_services_and_takes_are_clips_of_their_own(ledger: Ledger, clip: Make) -> None:
    """The same request at another service, or another take of it, is another row."""
    wanted = [clip(), clip(take=2), clip(service="wavespeed")]
    got = ledger.reserve(NewBatch(), wanted)
    assert [each.is_new for each in got] == [True] * 3
    assert len({each.row.id for each in got}) == 3


def test_equal_requests_in_one_cell_are_one_row_shown_at_each_place(ledger: Ledger, clip: Make) -> None:
    """It is sent once, counted once, and keeps each place's axes."""
    wanted = [clip(axes={"a": "1"}), clip("other"), clip(axes={"a": "2"})]
    batch, got = ledger.reserve_batch(NewBatch(), wanted, budget_usd=Decimal("0.98"))
    assert [each.is_new for each in got] == [True, True, False]
    assert got[0].row == got[2].row
    assert [got[0].row.id, got[1].row.id] == [row.id for row in ledger.rows(batch=batch)]
    places = ledger.places(batch)
    assert [place.shown for place in places] == ["new", "new", "repeat"]
    assert [place.axes for place in places] == [{"a": "1"}, {}, {"a": "2"}]


def test_an_older_attempt_that_is_there_comes_before_a_newer_that_is_not(
    ledger: Ledger, clip: Make, carry: Carry
) -> None:
    """A first submit that turned up after all is shown, and not the second that failed."""
    lost = carry(ledger, clip(), "submitting", "unconfirmed")
    retry = ledger.again(lost.id, quote_usd=Decimal("0.49"))
    assert retry.fence is not None
    for status in ("submitting", "submitted", "failed"):
        ledger.move(retry.row.id, fence=retry.fence, to=status)
    assert lost.id == one(ledger, clip()).row.id
    for status in ("submitted", "downloading", "completed"):
        ledger.move(lost.id, fence=lost.fence, to=status)
    assert (True, lost.id) == ((got := one(ledger, clip())).is_cached, got.row.id)


def test_the_budget_counts_what_is_planned_out_unconfirmed_and_completed(
    ledger: Ledger, clip: Make, carry: Carry
) -> None:
    """One clip of each is four times the price, and nothing is written when the fifth goes over."""
    one(ledger, clip("planned"))
    carry(ledger, clip("out"), "submitting", "submitted")
    carry(ledger, clip("unconfirmed"), "submitting", "unconfirmed")
    carry(ledger, clip("completed"), *TO_COMPLETED)
    assert Decimal("1.96") == ledger.committed_usd("simulator")
    with pytest.raises(BudgetExceeded, match=r"\$0.49 and the \$1.96 already"):
        one(ledger, clip("fifth"), "2.44")
    assert len(ledger.rows()) == 4
    assert one(ledger, clip("fifth"), "2.45").is_new


def test_the_budget_does_not_count_what_was_never_sent_or_never_accepted(
    ledger: Ledger, clip: Make, carry: Carry
) -> None:
    """Cancelled, refused and given-up clips leave room; a failure may be billed until the billing says otherwise."""
    carry(ledger, clip("cancelled"), "cancelled")
    carry(ledger, clip("refused"), "submitting", "failed")
    carry(ledger, clip("abandoned"), "submitting", "unconfirmed", "abandoned")
    assert ledger.committed_usd("simulator") == 0
    failed = carry(ledger, clip("failed"), "submitting", "submitted", "failed")
    assert Decimal("0.49") == ledger.committed_usd("simulator")
    assert failed.cost_usd is None
    ledger.set_cost(failed.id, Decimal(0))
    assert ledger.committed_usd("simulator") == 0


def test_each_service_has_the_budget_to_itself(ledger: Ledger, clip: Make) -> None:
    """What was simulated takes nothing from real money."""
    one(ledger, clip(), "0.50")
    assert one(ledger, clip(service="wavespeed"), "0.50").is_new


def test_joined_and_cached_clips_ask_nothing_of_the_budget(ledger: Ledger, clip: Make, carry: Carry) -> None:
    """A rerun works whatever the budget became."""
    carry(ledger, clip("done"), *TO_COMPLETED)
    carry(ledger, clip("out"), "submitting")
    got = ledger.reserve(NewBatch(), [clip("done"), clip("out")], budget_usd=Decimal(0))
    assert [each.is_cached for each in got] == [True, False]


def test_an_unknown_price_keeps_no_budget(ledger: Ledger, clip: Make) -> None:
    """With a budget it is refused with a way out; without one it is taken."""
    with pytest.raises(BudgetExceeded, match="price of 1 clip is unknown"):
        one(ledger, clip(quote_usd=None), "100")
    assert one(ledger, clip(quote_usd=None)).row.quote_usd is None


def test_what_a_dead_kernel_planned_gives_its_room_back(open_ledger: Open, clip: Make) -> None:
    """Nothing was sent for it, and it is sent only by running its cell."""
    dead = open_ledger()
    row = one(dead, clip(), "0.50").row
    dead._locks._mine.release()  # what the system does when a process dies
    alive = open_ledger()
    assert alive.committed_usd("simulator") == 0
    assert one(alive, clip("other"), "0.50").is_new
    assert ((left := alive.row(row.id)).owner, left.status) == (None, "planned")


def test_a_live_price_within_the_budget_replaces_the_quote(ledger: Ledger, clip: Make) -> None:
    """Over it, the whole call is refused and the old quotes stay."""
    ids = [each.row.id for each in ledger.reserve(NewBatch(), [clip("a"), clip("b")])]
    got = ledger.requote(dict.fromkeys(ids, Decimal("0.50")), budget_usd=Decimal("1.00"))
    assert [(Decimal("0.50"), "service")] * 2 == [(row.quote_usd, row.quote_source) for row in got]
    with pytest.raises(BudgetExceeded, match=r"\$0.02 more than quoted"):
        ledger.requote(dict.fromkeys(ids, Decimal("0.51")), budget_usd=Decimal("1.00"))
    assert Decimal("1.00") == ledger.committed_usd("simulator")


@pytest.mark.parametrize("statuses", [("submitting", "submitted", "failed"), ("submitting", "unconfirmed")])
def test_again_plans_one_more_attempt_and_leaves_the_old_row(
    ledger: Ledger, clip: Make, carry: Carry, statuses: tuple[str, ...]
) -> None:
    """The button makes attempt 2, under the budget, once, however often it is pressed."""
    old = carry(ledger, clip(tags=("x",)), *statuses)
    with pytest.raises(BudgetExceeded):
        ledger.again(old.id, quote_usd=Decimal("0.49"), budget_usd=Decimal("0.97"))
    got = ledger.again(old.id, quote_usd=Decimal("0.49"), budget_usd=Decimal("0.98"))
    assert (got.row.attempt, got.row.status, got.is_new, got.row.tags) == (2, "planned", True, ("x",))
    assert old == ledger.row(old.id)
    assert [got.row] == ledger.rows(batch=old.batch_id)
    with pytest.raises(LedgerError, match=f"already as {got.row.id}"):
        ledger.again(old.id, quote_usd=Decimal("0.49"))


def test_a_completed_clip_is_not_tried_again(ledger: Ledger, clip: Make, carry: Carry) -> None:
    """More of the same is another take."""
    row = carry(ledger, clip(), *TO_COMPLETED)
    with pytest.raises(LedgerError, match="is completed"):
        ledger.again(row.id, quote_usd=Decimal("0.49"))


def test_a_prediction_from_elsewhere_gets_a_row_once(ledger: Ledger, clip: Make, carry: Carry) -> None:
    """A pasted id is followed like any other; the second time its row comes back."""
    carry(ledger, clip(), "submitting", "submitted", "failed")
    first = ledger.take_in(NewBatch(), clip(), prediction_id="p1")
    assert (
        first.row.status,
        first.row.prediction_id,
        first.row.attempt,
        first.row.was_accepted,
    ) == ("submitted", "p1", 2, True)
    assert first.row == ledger.row(first.row.id)
    assert first.row.id == ledger.take_in(NewBatch(), clip("unknown"), prediction_id="p1").row.id


def test_a_batch_knows_the_version_of_its_cell_before(ledger: Ledger, clip: Make) -> None:
    """Run again unchanged, the version before stays what it was; going back is a new version."""

    def run(text: str, cell: str | None = "c1") -> str:
        asked = NewBatch(notebook="/home/somebody/a.ipynb", cell_id=cell, cell_text=text)
        return ledger.reserve_batch(asked, [clip(text)])[0]

    first = run("a fox")
    second, repeated = run("a red fox"), run("a red fox")
    back = run("a fox")
    run("elsewhere", cell="c2")
    previous = [ledger.batch(each).previous for each in (first, second, repeated, back)]
    assert [None, first, first, repeated] == previous
    assert back == ledger.latest_version_of_cell("a.ipynb", "c1")
    assert ledger.batch(first).notebook == "a.ipynb"
    assert ledger.batch(run("x", cell=None)).previous is None


def test_what_was_hidden_shows_again_when_a_cell_asks(ledger: Ledger, clip: Make, carry: Carry) -> None:
    """Cancelling what was sent hides it; running its cell brings it back."""
    row = carry(ledger, clip(), "submitting", "submitted")
    ledger.rate(row.id, is_hidden=True)
    assert not one(ledger, clip()).row.is_hidden
    assert not ledger.row(row.id).is_hidden


def test_an_empty_cell_makes_an_empty_batch(ledger: Ledger) -> None:
    """No clips, no rows, no failure."""
    batch, got = ledger.reserve_batch(NewBatch(), [], budget_usd=Decimal(0))
    assert got == []
    assert ledger.rows(batch=batch) == []


def test_find_answers_as_reserve_would_and_writes_nothing(ledger: Ledger, clip: Make, carry: Carry) -> None:
    """A dry run sees what is on disk."""
    row = carry(ledger, clip(), *TO_COMPLETED)
    events = ledger.events(row.id)
    assert [row, None] == ledger.find([clip().identity, clip("new").identity])
    assert events == ledger.events(row.id)


def test_a_thousand_clips_are_exact_to_the_cent(ledger: Ledger, clip: Make) -> None:
    """A thousand times $0.19 is $190.00, and not a hair more."""
    wanted = [clip(str(n), quote_usd=Decimal("0.19")) for n in range(1000)]
    assert len({each.row.id for each in ledger.reserve(NewBatch(), wanted, budget_usd=Decimal(190))}) == 1000
    assert str(ledger.committed_usd("simulator")) == "190.00"
