"""A recipe followed where its clip is not: weighed as a cell is, sent once, and shown after that."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from session_fakes import FakeService, QuickSession

from hailuo_nb import errors
from hailuo_nb.jobs.recipes import recipe_of
from hailuo_nb.session.limits import Terms
from hailuo_nb.session.rerunning import rerun


@pytest.fixture
def recipe(session: QuickSession, service: FakeService, tmp_path: Path) -> Path:
    """Write the recipe of a second take that was made in another ledger."""
    batch = session.generate(
        "a fox", "t2v-pro", takes=2, expand=False, name="hero", tags="x", yes=True, wait=True
    )
    row = batch[1].row  # type: ignore[index]
    path = tmp_path / "fox.json"
    path.write_text(json.dumps(recipe_of(row, row.created_utc)), "utf-8")
    service.submits.clear()
    return path


def test_a_recipe_waits_for_a_yes_and_is_sent_once(
    recipe: Path, service: FakeService, open_session: type[QuickSession], tmp_path: Path
) -> None:
    """The same take of the same request, under the same limits as a cell; a second time it costs nothing."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    session = open_session(elsewhere, tier="silver", confirm_above_usd="0.10")
    with pytest.raises(errors.BudgetExceeded):
        rerun(session, recipe, Terms(max_cost=Decimal("0.48")))
    with pytest.raises(errors.ConfirmationNeeded):
        rerun(session, recipe, Terms(is_headless=True))
    assert service.submits == []
    batch = rerun(session, recipe, Terms())
    assert len(batch.held) == 1
    assert rerun(session, recipe, Terms())[0].id == batch[0].id
    assert batch.confirm(Decimal("0.49"))
    assert batch.wait(10)
    made = batch[0]
    assert (made.take, made.name, made.inputs["enable_prompt_expansion"]) == (2, "hero", False)
    assert made.row.request_hash == json.loads(recipe.read_text())["request_hash"]
    again = rerun(session, recipe, Terms(max_cost=Decimal(0), is_headless=True))
    assert ([job.id for job in again], again[0].cached) == ([made.id], True)
    assert len(service.submits) == 1


def test_what_failed_or_waits_is_not_paid_again(
    session: QuickSession, service: FakeService, recipe: Path
) -> None:
    """A clip of this ledger is joined or shown as it stands; only its button tries again."""
    second = session.ledger.rows()[1]
    ledger = session.ledger
    with ledger._database.write() as connection:
        connection.exec_driver_sql(
            "UPDATE clips SET status = 'failed', path = NULL WHERE id = ?", (second.id,)
        )
    batch = rerun(session, recipe, Terms(yes=True))
    assert [(job.id, job.status) for job in batch] == [(second.id, "failed")]
    assert service.submits == []


def test_without_a_key_it_is_simulated_and_says_so(
    recipe: Path, open_session: type[QuickSession], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recipe of a real clip makes a simulated one where there is no key; nothing is sent anywhere else."""
    monkeypatch.delenv("WAVESPEED_API_KEY")
    (tmp_path / "elsewhere").mkdir()
    session = open_session(tmp_path / "elsewhere", tier="silver")
    batch = rerun(session, recipe, Terms())
    assert batch.service == "simulator"
    assert batch.notes == ("fox.json was made by wavespeed; this one is by simulator.",)
