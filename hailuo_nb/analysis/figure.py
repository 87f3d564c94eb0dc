"""The one look of all plots, and the type of their figures.

In comes what a plot needs room for, out goes a matplotlib figure in our style, which keeps what it shows in words too.
Next: `plots` and `rankplot` draw on it, and `hailuo_nb.notebook.figures` shows it.

matplotlib, and not altair: a figure is a picture in the saved notebook, which shows without a network, without a script
and without trust, on GitHub and in a PDF. altair's charts load their scripts from a CDN where the front end has no
renderer of its own, hold every row of the data, and become pictures only through a library of 30 MB. It is an extra
(``pip install 'hailuo_nb[plot]'``), is loaded when the first plot is drawn (0.5 s), and pyplot, which would keep
figures and choose a backend for the whole kernel, never is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from importlib.util import find_spec
from typing import Any, ParamSpec

from hailuo_nb.errors import SetupError

__all__ = ["BAND", "COLOURS", "INK", "grid", "styled", "told"]

P = ParamSpec("P")

# Told apart in grey and by people who do not see red or green; readable on white and, turned over, on black.
COLOURS = ("#0b6fa4", "#d0760b", "#2b8a5f", "#9a4f96", "#8a6d3b", "#5b6770")
INK = "#333333"
BAND = "#d5dbe0"
_WIDTH = 7.2
_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.parse_math": False,
    "hatch.linewidth": 0.6,
    "hatch.color": "#ffffff",
}


def __getattr__(name: str) -> Any:
    # By this name the notebook knows the type before matplotlib is loaded.
    if name == "PlotFigure":
        return _plot_figure()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def styled(draw: Callable[P, Any]) -> Callable[P, Any]:
    """Have a plot drawn in our style, whatever the kernel's is; say how to get matplotlib where it is missing."""

    @wraps(draw)
    def drawn(*args: P.args, **named: P.kwargs) -> Any:
        if find_spec("matplotlib") is None:
            raise SetupError(
                "Plots need matplotlib: run %pip install 'hailuo_nb[plot]', or %pip install matplotlib."
            )
        import matplotlib as mpl

        with mpl.rc_context(_STYLE):
            return draw(*args, **named)

    return drawn


def grid(rows: int, columns: int, *, height: float) -> tuple[Any, list[list[Any]]]:
    """Make a figure of so many plots, each row of a height in inches."""
    figure = _plot_figure()(figsize=(_WIDTH, height * rows), layout="constrained")
    ratios = [3, 2] if columns == 2 else [1]
    axes = figure.subplots(rows, columns, squeeze=False, width_ratios=ratios)
    return figure, [list(line) for line in axes]


def told(figure: Any, text: str) -> Any:
    """Keep what the figure says in words, for who cannot see it."""
    figure.said = text
    return figure


@cache
def _plot_figure() -> Any:
    """Make the class."""
    from matplotlib.figure import Figure

    class PlotFigure(Figure):
        """A matplotlib figure that is on its own: no pyplot knows it; ``savefig`` and all else is there.

        Attributes
        ----------
        said : str
            What it shows, in words.
        """

        said = ""

    PlotFigure.__module__, PlotFigure.__qualname__ = __name__, "PlotFigure"
    return PlotFigure
