"""Clips and numbers by two axes: the table that a person would draw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from clip_ledger import write_ledger

from hailuo_nb.analysis.history import history
from hailuo_nb.analysis.pivots import PivotFrame, pivot, varying
from hailuo_nb.errors import InvalidRequest
from hailuo_nb.ledger.store import Ledger


@pytest.fixture
def frames(tmp_path: Path) -> dict[str, pd.DataFrame]:
    """Give 12 simulated clips of 3 lights, 2 cameras and 2 variants, one failed; and all of them with 2 real ones."""
    write_ledger(tmp_path, 14, real=2)
    with Ledger.open(tmp_path / "hailuo" / "ledger.db") as ledger:
        return {"simulated": history(ledger, service="simulator"), "all": history(ledger)}


def test_clips_by_two_axes(frames: dict[str, pd.DataFrame]) -> None:
    """Heads in the order in which they were asked for, without params., and every clip in its cell."""
    frame = frames["simulated"]
    made = pivot(frame, rows="light", columns="camera")
    assert isinstance(made, PivotFrame)
    assert (list(made.index), made.index.name) == (["dawn", "noon", "night"], "light")
    assert (list(made.columns), made.columns.name) == (["[Pan left]", "[Push in]"], "camera")
    cell = frame[(frame["params.light"] == "noon") & (frame["params.camera"] == "[Push in]")]
    assert set(made.loc["noon", "[Push in]"]) == set(cell["id"])
    assert sum(len(clips) for line in made.to_numpy() for clips in line) == 12


def test_what_varies_is_taken_when_nothing_is_named(frames: dict[str, pd.DataFrame]) -> None:
    """The first axis down, the second across."""
    assert varying(frames["simulated"]) == ["params.light", "params.camera", "variant"]
    made = pivot(frames["simulated"])
    assert (made.index.name, made.columns.name) == ("light", "camera")


def test_money_is_added_up_to_the_cent_and_times_are_averaged(frames: dict[str, pd.DataFrame]) -> None:
    """Numbers are numbers, NA where there are none, and the prefix may be written."""
    made = pivot(frames["simulated"], rows="params.light", columns="variant", values="cost_usd")
    assert made.loc["dawn"].tolist() == [0.56, 0.98]
    assert made.loc["noon"].tolist() == [0.56, 0.49]  # one of them failed: nobody knows its cost
    assert pivot(frames["simulated"], "light", values="run_s")["all"].tolist() == [9.5, 9.5, 9.5]
    assert pivot(frames["simulated"], "light", values="count")["all"].tolist() == [4, 4, 4]
    dearest = pivot(frames["simulated"], "light", values="cost_usd", how="max")
    assert dearest["all"].tolist() == [0.49] * 3
    assert type(made.sum()) is pd.Series
    assert type(made * 2) is pd.DataFrame


def test_several_axes_on_one_side(frames: dict[str, pd.DataFrame]) -> None:
    """Nested, in their order."""
    made = pivot(frames["simulated"], rows=["light", "camera"], columns="variant", values="count")
    assert list(made.index)[:2] == [("dawn", "[Pan left]"), ("dawn", "[Push in]")]
    assert list(made.index.names) == ["light", "camera"]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a misspelt axis": ({"rows": "lihgt"}, "did you mean light?"),
    "an unknown axis": ({"rows": "zzzzz"}, "its axes are light, camera"),
    "the same twice": ({"rows": "light", "columns": "light"}, "name two different ones"),
    "no such column": ({"rows": "light", "values": "cost"}, "did you mean cost_usd?"),
    "no such way": ({"rows": "light", "values": "run_s", "how": "add"}, "sum, mean"),
    "both moneys": ({"rows": "light", "values": "cost_usd"}, "not added up"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_pivot_is_one_line(frames: dict[str, pd.DataFrame], case: str) -> None:
    """It says what to write instead."""
    options, said = WRONG[case]
    with pytest.raises(InvalidRequest) as caught:
        pivot(frames["all"], **options)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_both_moneys_can_stand_side_by_side(frames: dict[str, pd.DataFrame]) -> None:
    """With the service as an axis nothing is added up."""
    made = pivot(frames["all"], rows="variant", columns="service", values="cost_usd")
    assert made.loc["t2v-standard", "wavespeed"] == 0.56
    assert pd.isna(made.loc["t2v-pro", "wavespeed"])


def test_nothing_to_arrange_says_so(frames: dict[str, pd.DataFrame]) -> None:
    """No clips, or all alike."""
    with pytest.raises(InvalidRequest, match="no clips to arrange"):
        pivot(frames["all"].head(0))
    with pytest.raises(InvalidRequest, match="Nothing varies"):
        pivot(frames["all"].head(1))
