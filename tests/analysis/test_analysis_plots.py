"""Plots: what they add up, what they keep apart, and what they say in words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from clip_ledger import write_ledger

from hailuo_nb.analysis import figure as look
from hailuo_nb.analysis import plots
from hailuo_nb.analysis.history import history
from hailuo_nb.errors import InvalidRequest, SetupError
from hailuo_nb.ledger.store import Ledger

PLOTS: dict[str, Any] = {"spend": plots.spend, "times": plots.times, "outcomes": plots.outcomes}


@pytest.fixture
def frame(tmp_path: Path) -> pd.DataFrame:
    """Give 24 simulated clips, two failed and one on the way, and two real ones."""
    write_ledger(tmp_path, 26, real=2)
    with Ledger.open(tmp_path / "hailuo" / "ledger.db") as ledger:
        return history(ledger)


def titles(figure: Any) -> list[str]:
    """Give the titles of a figure's plots."""
    return [axis.get_title(loc="left") for axis in figure.axes]


def test_simulated_dollars_have_a_plot_of_their_own(frame: pd.DataFrame) -> None:
    """Neither sum holds any of the other, and what nobody knows is said."""
    figure = plots.spend(frame)
    assert titles(figure) == [
        "Spent $0.56",
        "by variant",
        "Simulated $7.98, and 2 of unknown cost",
        "by variant",
    ]
    assert figure.said == "Spend: Spent $0.56; Simulated $7.98, and 2 of unknown cost"
    assert titles(plots.spend(frame[frame["service"] == "simulator"]))[0].startswith("Simulated")


def test_the_steps_of_spending_end_at_the_sum(frame: pd.DataFrame) -> None:
    """Added up in the order of sending."""
    line = plots.spend(frame).axes[2].lines[0]
    heights = list(line.get_ydata())
    assert heights == sorted(heights)
    assert heights[-1] == pytest.approx(7.98)


def test_times_stand_against_the_typical_range_at_the_speed_of_the_service(frame: pd.DataFrame) -> None:
    """The simulator's range is divided by its speed, the real one is not."""
    figure = plots.times(frame, speeds={"simulator": 10})
    bands = sorted((bar.get_x(), bar.get_width()) for bar in figure.axes[0].patches)
    assert len(bands) == 3
    assert bands[-1][0] == pytest.approx(10 * bands[0][0])
    assert "t2v-pro simulated" in figure.said


def test_outcomes_are_counted_in_words(frame: pd.DataFrame) -> None:
    """By variant, simulated ones by themselves."""
    said = plots.outcomes(frame).said
    assert "t2v-standard 2 done;" in said
    assert "t2v-pro simulated 10 done, 2 failed" in said
    assert "t2v-standard simulated 11 done, 1 on the way" in said


@pytest.mark.parametrize("name", PLOTS)
def test_no_clips_are_no_plot(frame: pd.DataFrame, name: str) -> None:
    """One line instead of an empty figure."""
    with pytest.raises(InvalidRequest, match=r"nothing to draw|no times to draw"):
        PLOTS[name](frame.head(0))


@pytest.mark.parametrize("name", PLOTS)
def test_without_matplotlib_one_line_says_how_to_get_it(
    frame: pd.DataFrame, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is drawn."""
    monkeypatch.setattr(look, "find_spec", lambda _: None)
    with pytest.raises(SetupError) as caught:
        PLOTS[name](frame)
    assert "%pip install 'hailuo_nb[plot]'" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_kernel_s_own_matplotlib_is_left_as_it_is(frame: pd.DataFrame) -> None:
    """No style stays, and no dollar sign becomes a formula."""
    import matplotlib as mpl

    before = {name: mpl.rcParams[name] for name in look._STYLE}
    figure = plots.spend(frame)
    assert {name: mpl.rcParams[name] for name in look._STYLE} == before
    assert not any(axis.title.get_parse_math() for axis in figure.axes)


def test_no_plot_loads_pyplot() -> None:
    """It would choose a backend for the whole kernel, and keep every figure."""
    code = (
        "import sys, pandas as pd\nfrom hailuo_nb.analysis import plots\n"
        "plots.outcomes(pd.DataFrame({'service': ['simulator'], 'variant': ['x'], 'status': ['failed']}))\n"
        "print('matplotlib.figure' in sys.modules, 'matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "True False\n", done.stderr
