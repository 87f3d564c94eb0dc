"""A picture of a ranking: a dot for each entry, and how far it can be trusted.

In comes the DataFrame of `hailuo_nb.analysis.ranking`, out goes a matplotlib figure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hailuo_nb.errors import InvalidRequest, SetupError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_rank"]

_LONGEST = 32


def plot_rank(frame: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw a ranking: scores with their intervals, the strongest on top, ranks on the right.

    Parameters
    ----------
    frame : pandas.DataFrame
        As ``hn.rank(...)`` gives it.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure when not given.

    Returns
    -------
    matplotlib.axes.Axes
        Its figure shows by itself as the last line of a cell.

    Raises
    ------
    SetupError
        matplotlib is not installed.
    InvalidRequest
        It is no ranking, or nobody voted yet.
    """
    try:
        from matplotlib import pyplot
    except ImportError:
        raise SetupError(
            "Plots need matplotlib: pip install 'hailuo_nb[plot]', then run the cell again."
        ) from None
    if not {"score", "low", "high", "rank", "votes"} <= set(frame.columns):
        raise InvalidRequest("plot_rank() draws what hn.rank() gives; give it that DataFrame.")
    shown = frame[frame["score"].notna()][::-1]
    if shown.empty:
        raise InvalidRequest("There is nothing to draw: nobody voted on these clips yet.")
    if ax is None:
        _, ax = pyplot.subplots(figsize=(7.0, 1.1 + 0.38 * len(shown)), layout="constrained")
    _draw(ax, shown, str(frame.attrs.get("by") or frame.index.name or ""))
    return ax


def _draw(ax: Axes, shown: pd.DataFrame, by: str) -> None:
    """Draw dots and intervals; those without a rank are hollow."""
    places = range(len(shown))
    scores = shown["score"].to_numpy(dtype=float)
    low = scores - shown["low"].to_numpy(dtype=float)
    high = shown["high"].to_numpy(dtype=float) - scores
    # A bootstrap's interval may lie to one side of the score itself.
    spread = [low.clip(min=0), high.clip(min=0)]
    is_ranked = shown["rank"].notna().to_numpy()
    ax.axvline(0, color="0.8", linewidth=1, zorder=0)
    ax.errorbar(scores, places, xerr=spread, fmt="none", ecolor="0.55", elinewidth=1.5, capsize=3, zorder=1)
    fills = ["C0" if ranked else "white" for ranked in is_ranked]
    ax.scatter(scores, places, c=fills, edgecolors="C0", s=42, zorder=2)
    ax.set_yticks(list(places), [_short(str(name)) for name in shown.index])
    for place, rank, votes in zip(places, shown["rank"], shown["votes"], strict=True):
        said = f"rank {int(rank)}" if is_ranked[place] else "not enough votes"
        words = f"{said} · {int(votes)} {'vote' if votes == 1 else 'votes'}"
        ax.text(1.02, place, words, transform=ax.get_yaxis_transform(), va="center", fontsize="small")
    groups = shown["group"].tolist() if "group" in shown else [1] * len(shown)
    for place in range(1, len(groups)):
        if groups[place] != groups[place - 1]:
            # Between these there is no order.
            ax.axhline(place - 0.5, color="0.6", linewidth=0.8, linestyle=(0, (2, 3)), zorder=0)
    ax.set_ylim(-0.6, len(shown) - 0.4)
    ax.set_xlabel("score (log odds), with its 95 % interval")
    ax.set_title(f"Votes by {by}" if by else "Votes", loc="left", fontsize="medium")
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    ax.tick_params(axis="y", length=0)


def _short(name: str) -> str:
    """Shorten a name so that the plot keeps its room; matplotlib reads a dollar sign as the start of a formula."""
    short = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
    return short.replace("$", r"\$")
