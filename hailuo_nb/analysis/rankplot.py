"""A picture of a ranking: a dot for each entry, and how far it can be trusted.

In comes the DataFrame of `hailuo_nb.analysis.ranking`, out goes a figure in the look of `hailuo_nb.analysis.figure`.
Next: `hailuo_nb.notebook.figures` shows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hailuo_nb.analysis.figure import BAND, COLOURS, INK, grid, styled, told
from hailuo_nb.errors import InvalidRequest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["plot_rank"]

_LONGEST = 32


@styled
def plot_rank(frame: pd.DataFrame) -> Any:
    """Draw a ranking: scores with their intervals, the strongest on top, ranks on the right.

    Parameters
    ----------
    frame : pandas.DataFrame
        As ``hn.rank(...)`` gives it.

    Returns
    -------
    matplotlib.figure.Figure
        A dot for each entry, hollow where there are not enough votes for a rank, and its interval.

    Raises
    ------
    SetupError
        matplotlib is not installed.
    InvalidRequest
        It is no ranking, or nobody voted yet.
    """
    if not {"score", "low", "high", "rank", "votes"} <= set(frame.columns):
        raise InvalidRequest("plot_rank() draws what hn.rank() gives; give it that DataFrame.")
    ranked = frame[frame["score"].notna()]
    if ranked.empty:
        raise InvalidRequest("There is nothing to draw: nobody voted on these clips yet.")
    figure, ((axis,),) = grid(1, 1, height=0.9 + 0.36 * len(ranked))
    shown = ranked[::-1]
    words = [
        _words(rank if is_ranked else None, votes)
        for rank, is_ranked, votes in zip(shown["rank"], shown["rank"].notna(), shown["votes"], strict=True)
    ]
    _draw(axis, shown, words)
    by = str(frame.attrs.get("by") or frame.index.name or "")
    title = " ".join(["Votes", *(["by", by] if by else [])])
    axis.set(title=f"{title} · simulated clips" if frame.attrs.get("is_simulated") else title)
    said = "; ".join(f"{name} {word}" for name, word in zip(ranked.index, reversed(words), strict=True))
    return told(figure, f"{title}: {said}")


def _draw(axis: Any, shown: pd.DataFrame, words: list[str]) -> None:
    """Draw dots and intervals; those without a rank are hollow."""
    places = range(len(shown))
    scores = shown["score"].to_numpy(dtype=float)
    low = scores - shown["low"].to_numpy(dtype=float)
    high = shown["high"].to_numpy(dtype=float) - scores
    # A bootstrap's interval may lie to one side of the score itself.
    spread = [low.clip(min=0), high.clip(min=0)]
    fills = [COLOURS[0] if is_ranked else "white" for is_ranked in shown["rank"].notna()]
    axis.axvline(0, color=BAND, lw=1, zorder=0)
    axis.errorbar(
        scores, places, xerr=spread, fmt="none", ecolor=COLOURS[0], elinewidth=1.5, capsize=3, zorder=1
    )
    axis.scatter(scores, places, c=fills, edgecolors=COLOURS[0], s=36, zorder=2)
    axis.set_yticks(list(places), [_short(str(name)) for name in shown.index])
    for place, said in zip(places, words, strict=True):
        axis.text(1.02, place, said, transform=axis.get_yaxis_transform(), va="center", fontsize=8)
    groups = shown["group"].tolist() if "group" in shown else [1] * len(shown)
    for place in range(1, len(groups)):
        if groups[place] != groups[place - 1]:
            # Between these there is no order.
            axis.axhline(place - 0.5, color=INK, lw=0.8, linestyle=(0, (2, 3)), zorder=0)
    axis.set(ylim=(-0.6, len(shown) - 0.4), xlabel="score (log odds), with its 95 % interval")
    axis.spines["left"].set_visible(False)
    axis.tick_params(axis="y", length=0)


def _words(rank: int | None, votes: int) -> str:
    """Say what stands at the right: ``rank 1 · 40 votes``."""
    count = "1 vote" if votes == 1 else f"{votes} votes"
    return f"{'not enough votes' if rank is None else f'rank {rank}'} · {count}"


def _short(name: str) -> str:
    """Shorten a name so that the plot keeps its room."""
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
