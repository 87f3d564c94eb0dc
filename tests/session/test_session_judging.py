"""Stars, notes, votes, rankings and measures, through the session; a stand-in service, nothing paid."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from session_fakes import FakeService, QuickSession, until

from hailuo_nb.errors import ClipInvalid, InvalidRequest
from hailuo_nb.ledger.store import Ledger
from hailuo_nb.media.measures import MEASURES, VERSION
from hailuo_nb.session import judging
from hailuo_nb.session.batch import Batch
from hailuo_nb.session.sheet import axes_of

Open = Callable[..., QuickSession]


@pytest.fixture
def batch(session: QuickSession) -> Batch:
    """Give four finished clips of one prompt: two lights in two variants."""
    made = session.generate(
        "a fox {light: at dawn|at night}", ["t2v-standard", "t2v-pro"], wait=True, yes=True
    )
    assert isinstance(made, Batch)
    return made


def test_stars_and_notes_are_in_the_history_at_once(session: QuickSession, batch: Batch) -> None:
    """By job, id, batch or DataFrame; what is not given stays, None takes away."""
    batch[0].rate(4, note="crisp")
    judging.rate(session, batch[1].id, 0)
    judging.rate(session, batch[0], note=None)
    frame = session.history().set_index("id")
    assert frame.loc[batch[0].id, "rating"] == 4
    assert frame.isna().loc[batch[0].id, "note"]
    assert frame.loc[batch[1].id, "rating"] == 0
    judging.rate(session, session.history(), 3, "all alike")
    assert set(session.history()["rating"]) == {3}
    until(lambda: batch[0].row.rating == 3, "the handle shows it too")
    judging.rate(session, batch, None)
    assert session.history()["rating"].isna().all()
    assert set(session.history()["note"]) == {"all alike"}


@pytest.mark.parametrize("rating", [6, -1, 2.5, "good"])
def test_other_ratings_are_refused(session: QuickSession, batch: Batch, rating: Any) -> None:
    """And nothing is written."""
    with pytest.raises(InvalidRequest, match="1 to 5 stars"):
        batch[0].rate(rating)
    assert session.history()["rating"].isna().all()


def test_what_names_no_clip_is_told(
    session: QuickSession, batch: Batch, open_session: Open, tmp_path: Path
) -> None:
    """One line each."""
    (tmp_path / "empty").mkdir()
    cases: list[tuple[QuickSession, Any, str]] = [
        (session, "zzzz", "No clip's id begins"),
        (session, 3, "not by a int"),
        (session, [], "no clips in that"),
        (session, session.history()[["prompt"]], "no column id"),
        (open_session(tmp_path / "empty"), None, "no clips here yet"),
    ]
    for asked, what, said in cases:
        with pytest.raises(InvalidRequest, match=said):
            judging.clips_of(asked, what)
    with pytest.raises(InvalidRequest, match="rating from 0"):
        judging.rate(session, batch)
    with pytest.raises(InvalidRequest, match="which clip"):
        judging.rate(session, None, 3)


def test_votes_and_ratings_survive_a_killed_kernel(
    session: QuickSession, batch: Batch, open_session: Open, tmp_path: Path
) -> None:
    """Another session on the same folder sees all of it and goes on with the ballot; nobody closed the first."""
    ballot = judging.ballot(session, batch, "variant", seed=9)
    pair = ballot.next_pair()
    assert pair is not None
    assert judging.path_of(session, ballot.clip(pair.left)).is_file()
    ballot.answer(pair.left, "left", voter="Ann")
    batch[2].rate(5, note="this one")
    other = open_session(tmp_path, tier="silver")
    again = judging.ballot(other, by="variant")
    assert (again.id, again.given) == (ballot.id, 1)
    frame = other.history().set_index("id")
    assert frame["wins"].sum() == frame["losses"].sum() == 1
    assert frame.loc[batch[2].id, "note"] == "this one"


def test_a_ranking_of_a_batch(session: QuickSession, batch: Batch) -> None:
    """By variant, by axis, and with the words of what is wrong."""
    variants = {job.id: job.variant for job in batch}
    ballot = judging.ballot(session, batch, "variant", seed=1, votes=16)
    while (pair := ballot.next_pair()) is not None:
        ballot.answer(pair.left, "left" if variants[ballot.clip(pair.left)] == "t2v-pro" else "right")
    frame = judging.rank(session, ballot)
    assert list(frame.index) == ["t2v-pro", "t2v-standard"]
    assert list(frame["rank"]) == [1, 2]
    assert list(frame["wins"]) == [16, 0]
    by_light = judging.rank(session, batch, "light")
    assert by_light["votes"].sum() == 0
    with pytest.raises(InvalidRequest, match="did you mean light"):
        judging.rank(session, batch, "lights")


def test_clips_are_measured_behind_everything_else_and_once(session: QuickSession, batch: Batch) -> None:
    """Without anybody asking; what a kernel did not come to is measured when the history is asked for it."""

    def measured() -> bool:
        frame = session.history()
        return "m.motion_px" in frame and bool(frame["m.motion_px"].notna().all())

    until(measured, "all four are measured")
    asked: list[str] = []
    call = session._worker.call
    session._worker.call = lambda operation, **rest: (asked.append(operation), call(operation, **rest))[1]  # type: ignore[method-assign]
    frame = judging.with_measures(session, session.history)
    assert asked == []
    assert [f"m.{name}" for name in MEASURES if f"m.{name}" not in frame] == []
    assert frame.attrs["unmeasured"] == []
    session.ledger.set_measures(batch[0].id, {}, version=VERSION - 1)
    frame = judging.with_measures(session, session.history)
    assert asked == ["measure"]
    assert frame["m.motion_px"].notna().all()


def test_a_clip_that_cannot_be_measured_is_named(session: QuickSession, batch: Batch) -> None:
    """The others are measured all the same."""
    until(lambda: session.ledger.unmeasured(VERSION) == [], "the background is done")
    for job in batch:
        session.ledger.set_measures(job.id, {}, version=VERSION - 1)
    path = batch[0].path
    assert path is not None
    path.unlink()
    frame = judging.with_measures(session, session.history)
    assert len(frame.attrs["unmeasured"]) == 1
    assert "%hailuo resume" in frame.attrs["unmeasured"][0]
    assert frame["m.motion_px"].notna().sum() == 3


def test_an_empty_history_has_its_measures_too(open_session: Open, service: FakeService) -> None:
    """Columns to work with, and nothing started."""
    empty = open_session()
    empty.ledger.rows()
    frame = judging.with_measures(empty, empty.history)
    assert "m.cuts" in frame
    assert service.asked == []


class SheetWorker:
    """Cuts no frames and draws no pages, but keeps what it was asked."""

    def __init__(self) -> None:
        self.page: dict[str, Any] = {}
        self.broken: set[str] = set()

    def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """Answer with the smallest picture."""
        if operation == "sheet":
            self.page = arguments["page"]
        elif Path(arguments["path"]).name in self.broken:
            raise ClipInvalid("It does not play.")
        buffer = io.BytesIO()
        Image.new("RGB", (1, 1)).save(buffer, "PNG")
        return {operation: base64.b64encode(buffer.getvalue()).decode()}

    def close(self) -> None:
        """End nothing."""


@pytest.fixture
def worker(session: QuickSession, batch: Batch) -> SheetWorker:
    """Give a worker that notes what is drawn."""
    until(lambda: session.ledger.unmeasured(VERSION) == [], "the background is done")
    made = SheetWorker()
    session._worker = made  # type: ignore[assignment]
    return made


def heads(page: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Give the heads of columns and rows."""
    (band,) = page["bands"]
    return band["columns"], [row["head"] for row in band["rows"]]


def test_a_sheet_stands_by_axes(batch: Batch, worker: SheetWorker) -> None:
    """The last axis across, the others down; another one on request; money only when asked."""
    batch.sheet()
    assert heads(worker.page) == (["at dawn", "at night"], ["t2v-standard", "t2v-pro"])
    assert worker.page["title"] == "a fox {light}"
    captions = [cell["captions"] for row in worker.page["bands"][0]["rows"] for cell in row["cells"]]
    assert captions == [[""]] * 4
    batch.sheet(2, x="variant", money=True, title="Foxes")
    assert heads(worker.page) == (["t2v-standard", "t2v-pro"], ["at dawn", "at night"])
    assert worker.page["title"] == "Foxes"
    assert worker.page["bands"][0]["rows"][0]["cells"][1]["captions"] == ["$0.49"]


def test_one_axis_flows(session: QuickSession, batch: Batch, worker: SheetWorker) -> None:
    """Each clip with its value below; what all share stands above."""
    judging.sheet_of(session, [batch[0], batch[1]])
    cells = [cell for row in worker.page["bands"][0]["rows"] for cell in row["cells"]]
    differing = [name for name in ("light", "variant") if axes_of(batch[0])[name] != axes_of(batch[1])[name]]
    assert [cell["captions"] for cell in cells] == [
        [axes_of(job)[differing[0]]] for job in (batch[0], batch[1])
    ]


def test_a_broken_or_missing_clip_keeps_its_place(
    batch: Batch, worker: SheetWorker, session: QuickSession
) -> None:
    """With a word in it."""
    path = batch[0].path
    assert path is not None
    worker.broken = {path.name}
    batch.sheet()
    words = [cell["words"] for row in worker.page["bands"][0]["rows"] for cell in row["cells"]]
    assert sorted(words) == [[""], [""], [""], ["its file cannot be read"]]


def test_wide_sheets_wrap(batch: Batch, worker: SheetWorker) -> None:
    """Two strips of 12 frames do not fit beside each other: two bands, heads repeated."""
    batch.sheet(12)
    assert [band["columns"] for band in worker.page["bands"]] == [["at dawn"], ["at night"]]
    assert worker.page["strip"][0] < 2400


def test_a_sheet_is_saved_and_shows_itself(batch: Batch, worker: SheetWorker, tmp_path: Path) -> None:
    """As a PNG and nothing else."""
    made = batch.sheet()
    assert made._repr_png_() == made.png
    assert made.save(tmp_path / "foxes.png").read_bytes() == made.png
    with pytest.raises(InvalidRequest, match=r"foxes\.png"):
        made.save(tmp_path / "foxes.jpg")


@pytest.mark.parametrize(("options", "said"), [({"frames": 0}, "1 to 24"), ({"x": "mood"}, "variant, light")])
def test_sheets_that_cannot_be_are_told(
    batch: Batch, worker: SheetWorker, options: dict[str, Any], said: str
) -> None:
    """Before anything is cut."""
    with pytest.raises(InvalidRequest, match=said):
        batch.sheet(**options)
    assert worker.page == {}


def test_the_ledger_is_the_only_place_of_votes(session: QuickSession, batch: Batch) -> None:
    """A ballot handed out twice is one."""
    first, second = (judging.ballot(session, batch, "clip", seed=2) for _ in range(2))
    assert first.id == second.id
    assert isinstance(session.ledger, Ledger)
    assert len(session.ledger.ballots()) == 1
