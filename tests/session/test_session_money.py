"""Real money, on a stand-in for WaveSpeed: what is asked about, what is refused, what is counted and given back."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from session_fakes import FakeService, QuickSession, until

from hailuo_nb import errors
from hailuo_nb.catalog.quotes import sum_usd, usd_text
from hailuo_nb.session.limits import Terms


def make(session: QuickSession, prompt: str, *, headless: bool = False, **options: Any) -> Any:
    """Make clips as a cell would; `t2v-pro` costs $0.49."""
    session.is_headless = lambda: headless
    return session.generate(prompt, options.pop("variant", "t2v-pro"), wait=False, **options)


def rows(session: QuickSession) -> int:
    """Count the ledger's rows."""
    return len(session.ledger.rows()) if session.has_ledger() else 0


def test_small_sums_go_without_a_question_until_they_add_up(
    session: QuickSession, service: FakeService
) -> None:
    """A "Run all" over three cheap cells asks at the third, although each alone is below the limit."""
    first, second = make(session, "one"), make(session, "two")
    assert not first.held
    assert not second.held
    third = make(session, "three")
    assert len(third.held) == 1
    assert "$0.98 sent since the last yes" in third[0].note
    until(lambda: len(service.submits) == 2, "the first two are sent")
    with pytest.raises(errors.ConfirmationNeeded, match="yes"):
        third.wait()
    assert third[0].status == "planned"


def test_a_yes_to_the_sum_shown_sends_it_and_begins_anew(session: QuickSession, service: FakeService) -> None:
    """The button repeats the sum; another sum says yes to nothing; the sum counts from there."""
    batch = make(session, "a {x} fox", vary={"x": [*"abc"]})
    assert [job.is_held for job in batch] == [True] * 3
    for wrong in (Decimal("1.46"), Decimal("0"), Decimal("14.70")):
        assert not batch.confirm(wrong)
    assert service.submits == []
    assert batch.confirm(Decimal("1.47"))
    assert not batch.confirm(Decimal("1.47")), "a second click finds nothing to say yes to"
    assert batch.wait(10)
    assert len(service.submits) == 3
    assert not make(session, "two more {x}", vary={"x": [*"ab"]}).held
    assert make(session, "one too many").held


def test_two_clicks_at_once_are_one_yes(session: QuickSession, service: FakeService) -> None:
    """Two front ends show the same card; one of them says yes."""
    batch = make(session, "a {x} fox", vary={"x": [*"abc"]})
    answers: list[bool] = []
    clicks = [
        threading.Thread(target=lambda: answers.append(batch.confirm(Decimal("1.47")))) for _ in range(4)
    ]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join()
    assert sorted(answers) == [False, False, False, True]
    assert batch.wait(10)
    assert len(service.submits) == 3


def test_yes_answers_for_the_cell_and_begins_anew(session: QuickSession) -> None:
    """--yes is the answer to the question, for this cell and what went before."""
    make(session, "one")
    assert not make(session, "a {x} fox", vary={"x": [*"abc"]}, yes=True).held
    assert session.consent.since_yes_usd == 0
    assert not make(session, "two {x}", vary={"x": [*"ab"]}).held


def test_yes_never_lifts_the_budget(open_session: Any, service: FakeService) -> None:
    """The budget is another limit: nothing is written and nothing sent, and the sum asked about is given back."""
    session = open_session(budget_usd="0.98", tier="silver")
    batch = make(session, "one")
    assert batch.budget_left_usd == Decimal("0.49")
    with pytest.raises(errors.BudgetExceeded, match=r"\$0\.98"):
        make(session, "a {x} fox", vary={"x": [*"ab"]}, yes=True)
    assert rows(session) == 1
    assert session.consent.since_yes_usd == Decimal("0.49")
    with pytest.raises(errors.BudgetExceeded):
        make(session, "a {x} fox", vary={"x": [*"ab"]})
    assert rows(session) == 1
    assert not make(session, "two").held, "what was refused does not count against the confirmation"


def test_a_yes_to_a_card_does_not_lift_a_budget_that_was_lowered_since(
    service: FakeService, open_session: Any
) -> None:
    """Between the card and the click the user may have set a budget; it holds."""
    settings: dict[str, Any] = {"tier": "silver"}
    session = open_session()
    session.configured = lambda: settings
    batch = make(session, "a {x} fox", vary={"x": [*"abc"]})
    settings["budget_usd"] = "1.00"
    assert not batch.confirm(Decimal("1.47"))
    until(lambda: "budget" in batch[0].note, "the card says why")
    assert service.submits == []


def test_headless_refuses_before_there_is_a_row(session: QuickSession, service: FakeService) -> None:
    """Nobody can be asked, so it fails, and names the way out; --yes goes."""
    with pytest.raises(errors.ConfirmationNeeded, match="add --yes"):
        make(session, "a {x} fox", vary={"x": [*"abc"]}, headless=True)
    assert not session.has_ledger()
    assert not (session.folder / "hailuo").exists()
    make(session, "a {x} fox", vary={"x": [*"abc"]}, headless=True, yes=True).wait(10)
    assert len(service.submits) == 3


def test_cancelled_clips_are_given_back(service: FakeService, open_session: Any) -> None:
    """A clip that was dropped unsent cost nothing, so it does not bring the question nearer."""
    session = open_session(tier="silver")
    service.is_reachable = False
    batch = make(session, "a {x} fox", vary={"x": [*"ab"]})
    assert session.consent.since_yes_usd == Decimal("0.98")
    assert batch.cancel() == "2 clips were dropped before they were sent; they cost nothing."
    assert session.consent.since_yes_usd == 0
    assert not make(session, "another {x}", vary={"x": [*"ab"]}).held


def test_refused_clips_are_given_back(session: QuickSession, service: FakeService) -> None:
    """What the service refused was not billed, and does not count as sent."""
    service.refusals = [errors.RequestRefused("It does not like it.", status_code=400)]
    batch = make(session, "a fox")
    assert isinstance(batch[0].exception(10), errors.RequestRefused)
    assert session.consent.since_yes_usd == 0


def test_two_threads_cannot_both_go_below_the_limit(session: QuickSession) -> None:
    """Of many cells at once, only as many go as fit below the limit together."""
    batches: list[Any] = []
    threads = [
        threading.Thread(target=lambda n=n: batches.append(make(session, f"fox {n}"))) for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(batch.held) for batch in batches) == [0, 0, 1, 1, 1, 1]


def test_two_threads_asking_for_the_same_clip_pay_and_count_once(
    session: QuickSession, service: FakeService
) -> None:
    """The second joins the first; its sum is given back."""
    batches: list[Any] = []
    threads = [threading.Thread(target=lambda: batches.append(make(session, "a fox"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({batch[0].id for batch in batches}) == 1
    assert all(batch.wait(10) for batch in batches)
    assert len(service.submits) == 1
    assert session.consent.since_yes_usd <= Decimal("0.49")


def test_max_cost(session: QuickSession, service: FakeService) -> None:
    """Above the cell's own limit nothing is sent; at it, everything; what is on disk costs nothing."""
    with pytest.raises(errors.BudgetExceeded, match=r"\$0\.98 is over this cell's limit of \$0\.97"):
        make(session, "a {x} fox", vary={"x": [*"ab"]}, max_cost=0.97)
    assert not session.has_ledger()
    make(session, "a {x} fox", vary={"x": [*"ab"]}, max_cost="$0.98").wait(10)
    assert not make(session, "a {x} fox", vary={"x": [*"ab"]}, max_cost=0).held
    assert len(service.submits) == 2
    for wrong in ("two", -1, float("nan"), True, object()):
        with pytest.raises(errors.InvalidRequest, match="max_cost"):
            make(session, "b", max_cost=wrong)


def test_an_unknown_price(session: QuickSession, service: FakeService) -> None:
    """Where nobody says the price, limits cannot be kept: --max-cost refuses, else it waits for a yes."""
    odd = {"variant": "wan-t2v", "duration": 10}
    with pytest.raises(errors.BudgetExceeded, match="unknown"):
        make(session, "a fox", max_cost=5, **odd)
    with pytest.raises(errors.ConfirmationNeeded, match="not known"):
        make(session, "a fox", headless=True, **odd)
    assert not session.has_ledger()
    batch = make(session, "a fox", **odd)
    assert batch.held
    assert batch.new_usd is None
    assert not batch.confirm(Decimal(0))
    assert service.submits == []
    # As soon as the service says it, it is a price like others.
    service.prices["alibaba/wan-2.6/text-to-video"] = Decimal("0.75")
    again = make(session, "a fox", **odd)
    assert again[0] is batch[0]
    assert again.wait(10)
    assert again[0].row.quote_usd == Decimal("0.75")


def test_a_budget_refuses_an_unknown_price(open_session: Any, service: FakeService) -> None:
    """A budget that could be broken unseen is none."""
    session = open_session(budget_usd=100)
    with pytest.raises(errors.BudgetExceeded, match="unknown"):
        make(session, "a fox", variant="wan-t2v", duration=10, yes=True)
    assert rows(session) == 0


def test_a_live_price_above_the_quote_holds(session: QuickSession, service: FakeService) -> None:
    """The price grew past the limit between quote and submit: the card shows the new sum, and asks for that."""
    service.prices["minimax/hailuo-2.3/t2v-pro"] = Decimal("1.20")
    batch = make(session, "a fox")
    assert not batch.held, "the cell goes by the dated table"
    with pytest.raises(errors.ConfirmationNeeded, match=r"rose from \$0\.49 to \$1\.20"):
        batch[0].result(10)
    assert service.submits == []
    with pytest.raises(errors.ConfirmationNeeded):
        batch.wait(10)
    assert not batch.confirm(Decimal("0.49")), "a yes to the old price is none"
    assert batch.confirm(Decimal("1.20"))
    assert batch[0].result(10).is_file()
    assert batch[0].cost_usd == Decimal("1.20")


def test_a_small_rise_goes_and_counts(session: QuickSession, service: FakeService) -> None:
    """Below the limit nobody is asked, and the real price is what counts from then on."""
    service.prices["minimax/hailuo-2.3/t2v-pro"] = Decimal("0.60")
    batch = make(session, "a fox")
    assert batch.wait(10)
    assert batch[0].quote_usd == Decimal("0.60")
    assert session.consent.since_yes_usd == Decimal("0.60")
    # The next cell has the live price at hand.
    assert make(session, "another fox").held
    assert service.asked.count("price") == 1


def test_a_live_price_over_the_budget_holds(open_session: Any, service: FakeService) -> None:
    """The budget is kept at the live price too, even after a yes."""
    session = open_session(budget_usd="0.55", tier="silver")
    service.prices["minimax/hailuo-2.3/t2v-pro"] = Decimal("0.60")
    batch = make(session, "a fox", yes=True)
    assert isinstance(batch[0].exception(10), errors.BudgetExceeded)
    assert service.submits == []


def test_no_credits_hold_the_rest(session: QuickSession, service: FakeService) -> None:
    """After "insufficient credits" the rest of the batch is not sent, and says what to do."""
    service.refusals = [errors.InsufficientCredits("No money left; top up.") for _ in range(4)]
    batch = make(session, "a {x} fox", vary={"x": [str(n) for n in range(12)]}, yes=True)
    until(batch.done, "nobody waits for ever")
    assert service.submits == []
    failed = [job for job in batch if job.status == "failed"]
    assert 1 <= len(failed) <= 4
    # One that had just got its turn is called off, and is planned again in a moment.
    until(lambda: len(batch.held) == 12 - len(failed), "all the others are held")
    assert "credits" in batch.held[0].note
    with pytest.raises(errors.ConfirmationNeeded, match="credits"):
        batch.wait()
    # Topped up: the same cell sends all of it, each once.
    assert make(session, "a {x} fox", vary={"x": [str(n) for n in range(12)]}, yes=True).wait(10)
    assert len(service.submits) == 12


def test_nothing_held_survives_a_restart(service: FakeService, open_session: Any) -> None:
    """A planned clip of a kernel that is gone is sent by running its cell again, and by nothing else."""
    first = open_session(tier="silver")
    held = make(first, "a {x} fox", vary={"x": [*"abc"]})
    first.close()
    second = open_session(tier="silver")
    second.resume()
    shown = second.batch_of(second.jobs()[::-1])
    until(shown.done, "it is known that these are not sent")
    assert isinstance(shown[0].exception(1), errors.ConfirmationNeeded)
    assert not held.confirm(Decimal("1.47"))
    assert service.submits == []
    again = make(second, "a {x} fox", vary={"x": [*"abc"]})
    assert len(again.held) == 3
    assert again.confirm(Decimal("1.47"))
    assert again.wait(10)
    assert len(service.submits) == 3


def test_looking_at_held_clips_does_not_send_them(session: QuickSession, service: FakeService) -> None:
    """%hailuo show, jobs and history are looks; only a yes sends."""
    batch = make(session, "a {x} fox", vary={"x": [*"abc"]})
    for look in (
        lambda: session.jobs(limit=5),
        lambda: [session.job(batch[0].id)],
        lambda: session.jobs_of_batch(batch.id),
        session.resume,
        lambda: [*session.batch_of(session.jobs_of_batch(batch.id))],
    ):
        assert all(job.is_held for job in look())
    assert len(batch.held) == 3
    assert service.submits == []
    assert batch.confirm(Decimal("1.47"))
    assert batch.wait(10)


def test_simulated_money_is_never_asked_about(open_session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell for thousands of simulated dollars asks nothing, headless or not."""
    session = open_session(service="simulator", confirm_above_usd=0)
    monkeypatch.setattr("hailuo_nb.session.services.Simulator.ensure", _fails)
    batch = make(session, "a fox", headless=True)
    assert not batch.held
    assert isinstance(batch[0].exception(10), errors.SetupError)


def _fails(_: object) -> str:
    raise errors.SetupError("The simulator did not start: no. Run the cell again.")


def test_each_service_has_a_budget_of_its_own(
    open_session: Any, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Simulated dollars never eat the real budget."""
    monkeypatch.setattr("hailuo_nb.session.services.Simulator.ensure", _fails)
    settings: dict[str, Any] = {"budget_usd": "0.50", "tier": "silver", "service": "simulator"}
    session = open_session()
    session.configured = lambda: settings
    make(session, "a fox")
    with pytest.raises(errors.BudgetExceeded):
        make(session, "another {x} fox", vary={"x": [*"ab"]})
    settings["service"] = "wavespeed"
    assert session.budget_left("wavespeed") == Decimal("0.50")
    assert make(session, "a fox").wait(10)
    assert len(service.submits) == 1


@given(st.lists(st.sampled_from(["0.19", "0.28", "0.33", "0.49", "0.56"]), max_size=50))
def test_sums_are_exact(prices: list[str]) -> None:
    """Cents add up to the cent, in whatever order and number."""
    cents = sum(int(Decimal(price) * 100) for price in prices)
    assert sum_usd(Decimal(price) for price in prices) == Decimal(cents) / 100


def test_a_thousand_clips_at_nineteen_cents(open_session: Any, service: FakeService) -> None:
    """A thousand clips at $0.19 are $190.00: quoted, reserved, in the table and in the budget."""
    session = open_session(budget_usd="190.00")
    service.is_reachable = False
    options: dict[str, Any] = {
        "variant": "fast",
        "image": "https://example.com/a.png",
        "vary": {"x": [str(n) for n in range(1000)]},
        "max_clips": 1000,
    }
    assert session.generate("fox {x}", dry_run=True, **options).attrs["new_usd"] == 190.0
    batch = make(session, "fox {x}", yes=True, max_cost="190", **options)
    assert usd_text(batch.new_usd) == "$190.00"
    assert batch.budget_left_usd == 0
    assert session.ledger.committed_usd("wavespeed") == Decimal("190.00")
    with pytest.raises(errors.BudgetExceeded):
        make(session, "one more", variant="t2v-standard", yes=True)


def test_terms_are_off_by_default() -> None:
    """Nothing is agreed to unless somebody says so."""
    assert Terms() == Terms(yes=False, max_cost=None, max_clips=None, offline=False, is_headless=False)
