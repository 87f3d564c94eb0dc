"""The version of a cell before its text was changed."""

from __future__ import annotations

from typing import Any

import pytest
from session_fakes import FakeService, QuickSession

from hailuo_nb.session.plan import Asked
from hailuo_nb.session.session import Cell
from hailuo_nb.session.versions import previous_version


def run(session: QuickSession, text: str, cell: str = "c1", **asked: Any) -> Any:
    """Run a cell with a text, and wait for its clips."""
    batch = session.make(Asked(text, ("t2v-standard",), **asked), cell=Cell("a.ipynb", cell, text))
    batch.wait(10)
    return batch


def test_the_version_before_is_what_the_cell_made_with_another_text(
    session: QuickSession, service: FakeService
) -> None:
    """Run again unchanged it stays the same; nothing is sent or asked for it."""
    first = run(session, "a fox at {light: dawn|noon}")
    assert first.previous is None
    second = run(session, "a fox at {light: dawn|dusk}")
    sent = list(service.submits)
    for batch in (second, run(session, "a fox at {light: dawn|dusk}")):
        found = previous_version(session, batch)
        assert found is not None
        assert (found.was, found.now) == ("a fox at {light: dawn|noon}", "a fox at {light: dawn|dusk}")
        assert [job.id for job in found.batch] == [job.id for job in first]
        assert [place.axes for place in found.batch.places] == [{"light": "dawn"}, {"light": "noon"}]
        assert batch.previous == first
    assert service.submits == sent


def test_nothing_is_offered_where_the_text_is_the_same_or_nobody_knows_the_cell(
    session: QuickSession,
) -> None:
    """More takes, another cell and a call from Python have no version before."""
    run(session, "a fox")
    assert run(session, "a fox", takes=2).previous is None
    assert run(session, " a fox \n").previous is None
    assert run(session, "an owl", "c2").previous is None
    assert session.generate("an owl", "t2v-standard", wait=True).previous is None
    assert session.batch_of(session.jobs()).previous is None


def test_a_version_of_which_nothing_was_sent_is_passed_over(
    session: QuickSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was held and never confirmed: there is nothing to compare with."""
    first = run(session, "a fox")
    session.configured = lambda: {"tier": "silver", "confirm_above_usd": "0"}
    text = "a cat"
    assert session.make(Asked(text, ("t2v-standard",)), cell=Cell("a.ipynb", "c1", text)).held
    session.configured = lambda: {"tier": "silver"}
    assert run(session, "an owl").previous == first
