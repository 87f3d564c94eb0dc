"""Another take of a clip, on a stand-in for WaveSpeed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from session_fakes import FakeService, QuickSession, until

from hailuo_nb import errors
from hailuo_nb.session import takes

PRICE = Decimal("0.49")


def made(session: QuickSession) -> Any:
    """Make a batch of one clip."""
    batch = session.generate("a fox", "t2v-pro", wait=True, name="fox", tags=["best"])
    assert batch[0].result(10).is_file()
    return batch


def test_the_next_take_is_made_once_and_then_shown_for_nothing(
    session: QuickSession, service: FakeService
) -> None:
    """Running the same line again pays nothing; the one after it is another clip."""
    first = made(session)[0]
    second = first.next_take()
    assert second.result(10).is_file()
    assert (second.take, second.name, second.prompt, second.row.tags) == (2, "fox", "a fox", ("best",))
    assert first.next_take().id == second.id
    assert first.next_take().cached
    assert second.next_take(yes=True).result(10).is_file()
    assert len(service.submits) == 3


def test_a_button_pressed_twice_pays_once_and_the_batch_has_the_take(
    session: QuickSession, service: FakeService
) -> None:
    """The press names the take; the table of the batch has it at one place more."""
    batch = made(session)
    one = takes.add_take(session, batch.id, batch[0], 2, PRICE)
    other = takes.add_take(session, batch.id, batch[0], 2, PRICE)
    assert one.result(10).is_file()
    assert other.id == one.id
    assert len(service.submits) == 2
    assert batch.df["take"].tolist() == [1, 2]
    again = session.generate("a fox", "t2v-pro", takes=2, wait=True, max_cost=0)
    assert [job.id for job in again] == [batch[0].id, one.id]


def test_a_take_keeps_to_every_limit(service: FakeService, open_session: Any) -> None:
    """The press answers the question of the price; the budget, --max-cost and another price still refuse."""
    said: dict[str, Any] = {"tier": "silver", "confirm_above_usd": "0.50"}
    session = open_session()
    session.configured = lambda: said
    batch = made(session)
    with pytest.raises(errors.ConfirmationNeeded, match=r"\$0.49 now, not \$0.28"):
        takes.add_take(session, batch.id, batch[0], 2, Decimal("0.28"))
    with pytest.raises(errors.BudgetExceeded, match="max-cost"):
        batch[0].next_take(max_cost=0.48)
    assert batch[0].next_take().is_held
    said["budget_usd"] = "0.60"
    with pytest.raises(errors.BudgetExceeded, match="budget"):
        takes.add_take(session, batch.id, batch[0], 3, PRICE)
    assert len(service.submits) == 1
    said["budget_usd"] = "5"
    assert takes.add_take(session, batch.id, batch[0], 3, PRICE).result(10).is_file()


def test_prices_are_todays_and_looked_up_once(session: QuickSession, service: FakeService) -> None:
    """What the service said within the hour, else the table's; by request."""
    batch = made(session)
    assert takes.prices_of(session, batch.jobs) == {batch[0].row.request_hash: PRICE}
    assert service.asked.count("price") <= 1
    until(batch[0].done, "it is done")
