"""Looking back: filters as people write them, and all versions of a cell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from session_fakes import QuickSession

from hailuo_nb.errors import InvalidRequest
from hailuo_nb.session import records
from hailuo_nb.session.asking import asked_from
from hailuo_nb.session.batch import Batch
from hailuo_nb.session.session import Cell, Terms


def run(session: QuickSession, text: str, cell: str | None = "c1", **options: Any) -> Batch:
    """Run a cell to its end."""
    asked = asked_from(session.folder, "t2v-standard", text, None, **options)
    batch = session.make(asked, cell=Cell("a.ipynb", cell, text), terms=Terms(yes=True))
    assert batch.wait(30)
    return batch


@pytest.fixture
def fox(session: QuickSession) -> Batch:
    """Two clips of a cell, $0.56 together."""
    return run(session, "a fox {light: at dawn|at night}")


def test_filters_are_taken_as_people_write_them(session: QuickSession, fox: Batch) -> None:
    """Dates in words, axes by one value or several, a batch by itself or its id."""
    assert len(records.find(session, since="yesterday")) == 2
    assert len(records.find(session, since="today", until="today", status="completed")) == 2
    assert records.find(session, until="yesterday").empty
    assert records.find(session, since=datetime.now(UTC) + timedelta(hours=1)).empty
    assert list(records.find(session, axes={"light": "at dawn"}).prompt) == ["a fox at dawn"]
    assert len(records.find(session, axes={"light": ["at dawn", "at night"]})) == 2
    assert records.find(session, axes={"light": "noon"}).empty
    for batch in (fox, fox.id):
        assert list(records.find(session, batch=batch)["params.light"]) == ["at dawn", "at night"]


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"since": "soon"}, "since 'soon' is no date: write 2026-11-03"),
        ({"until": 3}, "takes a date"),
        ({"since": "today", "until": "yesterday"}, "no clip can be between"),
        ({"status": "complete"}, "did you mean completed?"),
        ({"limit": 0}, "whole number"),
    ],
)
def test_a_wrong_filter_is_one_line(session: QuickSession, filters: dict[str, Any], said: str) -> None:
    """Instead of a table in which nothing is."""
    with pytest.raises(InvalidRequest) as caught:
        records.find(session, **filters)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_versions_of_a_cell_in_their_order(session: QuickSession, fox: Batch) -> None:
    """Each version's clips with its text; what an earlier one paid costs nothing; running again adds nothing."""
    run(session, "a fox {light: at dawn|at night}")
    run(session, "a red fox {light: at dawn|at night}")
    run(session, "a fox {light: at dawn|at night}", takes=2)
    run(session, "an owl", "c2")
    frame = records.versions(session, "c1")
    assert list(frame.columns[:2]) == ["version", "cell_text"]
    assert list(frame.version) == [1, 1, 2, 2, 3, 3, 3, 3]
    assert frame.drop_duplicates("version").cell_text.tolist() == [
        "a fox {light: at dawn|at night}",
        "a red fox {light: at dawn|at night}",
        "a fox {light: at dawn|at night}",
    ]
    assert frame.cost_usd.tolist() == [0.28, 0.28, 0.28, 0.28, 0.0, 0.28, 0.0, 0.28]
    assert frame.attrs["total_usd"] == pytest.approx(6 * 0.28, abs=1e-9)
    assert frame["params.light"].tolist()[:2] == ["at dawn", "at night"]
    assert str(frame.dtypes["status"]) == "category"
    pd.testing.assert_frame_equal(frame, records.versions(session, fox))


def test_more_takes_of_the_same_text_are_the_same_version(session: QuickSession, fox: Batch) -> None:
    """Options are not what a version is told by; a clip stands once, as it was first paid."""
    run(session, "a fox {light: at dawn|at night}", takes=2)
    frame = records.versions(session, "c1")
    assert list(frame.version) == [1] * 4
    assert frame.cost_usd.tolist() == [0.28] * 4
    assert frame.id.is_unique


def test_without_an_id_it_is_the_cell_that_runs_or_the_last_one(session: QuickSession, fox: Batch) -> None:
    """Whoever asks in a cell of its own means the cell that made clips."""
    run(session, "an owl", "c2")
    session.where = lambda: Cell("a.ipynb", "c1")
    assert set(records.versions(session).prompt) == set(fox.df.prompt)
    session.where = lambda: Cell("a.ipynb", "somewhere")
    assert list(records.versions(session).prompt) == ["an owl"]


def test_a_cell_that_made_nothing_says_so(session: QuickSession) -> None:
    """In one line, whether it was named or not."""
    with pytest.raises(InvalidRequest, match="has made clips yet"):
        records.versions(session)
    run(session, "a fox", None)
    with pytest.raises(InvalidRequest, match="No cell 'c9' has made clips here"):
        records.versions(session, "c9")


def test_whatever_people_mean_becomes_a_frame(session: QuickSession, fox: Batch) -> None:
    """A batch, a job, jobs, a name, a frame, or everything."""
    named = session.generate("an owl", "t2v-standard", name="hero", wait=True)
    assert isinstance(named, Batch)
    frame = records.frame_of(session, fox)
    assert len(frame) == len(records.frame_of(session, fox[:])) == 2
    assert list(records.frame_of(session, "hero").prompt) == list(records.frame_of(session, named[0]).prompt)
    assert records.frame_of(session, frame) is frame
    assert len(records.frame_of(session)) == 3
    for wrong, said in (("nobody", "No clip here is called 'nobody'"), (3, "not a int"), ([], "not a list")):
        with pytest.raises(InvalidRequest, match=said):
            records.frame_of(session, wrong)
