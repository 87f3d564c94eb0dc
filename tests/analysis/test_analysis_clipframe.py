"""The type of the history's frames: a DataFrame like any other, as long as it holds clips."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from clip_ledger import write_ledger

from hailuo_nb.analysis.clipframe import ClipFrame, is_clips
from hailuo_nb.analysis.history import history
from hailuo_nb.ledger.store import Ledger


@pytest.fixture
def frame(tmp_path: Path) -> pd.DataFrame:
    """Give the history of 14 clips, two of them real."""
    write_ledger(tmp_path, 14, real=2)
    with Ledger.open(tmp_path / "hailuo" / "ledger.db") as ledger:
        return history(ledger)


STAYS: dict[str, Any] = {
    "rows chosen": lambda df: df[df["cost_usd"] > 0.3],
    "sorted": lambda df: df.sort_values("prompt"),
    "the first": lambda df: df.head(3),
    "joined": lambda df: pd.concat([df.head(2), df.tail(2)]),
    "a column more": lambda df: df.assign(score=1),
    "merged": lambda df: df.merge(pd.DataFrame({"id": df["id"], "score": 2}), on="id"),
    "copied": copy.deepcopy,
    "pickled": lambda df: pickle.loads(pickle.dumps(df)),
}
GOES: dict[str, Any] = {
    "columns chosen": lambda df: df[["variant", "cost_usd"]],
    "grouped": lambda df: df.groupby("variant", observed=True)[["cost_usd"]].sum(),
    "turned": lambda df: df.T,
    "described": lambda df: df.describe(),
    "asked pandas": pd.DataFrame,
}


@pytest.mark.parametrize("how", STAYS)
def test_rows_of_clips_stay_a_table_of_clips(frame: pd.DataFrame, how: str) -> None:
    """Whatever chooses, sorts or joins them."""
    made = STAYS[how](frame)
    assert isinstance(made, ClipFrame)
    assert is_clips(made)


@pytest.mark.parametrize("how", GOES)
def test_what_holds_no_clips_any_more_is_a_plain_frame(frame: pd.DataFrame, how: str) -> None:
    """So that nothing draws pictures where there are none."""
    assert type(GOES[how](frame)) is pd.DataFrame


def test_a_frame_that_only_has_the_columns_is_no_table_of_clips(frame: pd.DataFrame) -> None:
    """As df.isna(), or one whose index took the ids away."""
    assert not is_clips(frame.isna())
    assert not is_clips(frame.set_index("id"))


def test_it_is_made_when_it_is_first_asked_for() -> None:
    """The module itself loads no pandas."""
    code = (
        "import sys\nfrom hailuo_nb.analysis import clipframe, pivots, plots\n"
        "print('pandas' in sys.modules, 'matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "False False\n"
