"""Plots of what clips cost, how long they took and what became of them.

In come frames of clips, out come matplotlib figures; simulated money and times stand in plots of their own beside real
ones, and say so. `hailuo_nb.analysis.figure` gives them their look. Next: `hailuo_nb.notebook.figures` shows them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import TYPE_CHECKING, Any

from hailuo_nb.analysis.figure import BAND, COLOURS, INK, grid, styled, told
from hailuo_nb.catalog.quotes import usd_text
from hailuo_nb.catalog.variants import find
from hailuo_nb.errors import HailuoError, InvalidRequest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["outcomes", "spend", "times"]

_OUTCOMES = {
    "done": ("#2b8a5f", ""),
    "failed": ("#c6362c", "////"),
    "unconfirmed": ("#d0760b", "...."),
    "on the way": ("#0b6fa4", ""),
    "not sent": ("#b5bcc2", ""),
    "given up": ("#5b6770", "xxxx"),
}
_GROUP = {
    "completed": "done",
    "failed": "failed",
    "unconfirmed": "unconfirmed",
    "abandoned": "given up",
    **dict.fromkeys(("submitting", "submitted", "processing", "downloading"), "on the way"),
    **dict.fromkeys(("planned", "cancelled"), "not sent"),
}
MOST_STEPS = 1000


@styled
def spend(frame: pd.DataFrame) -> Any:
    """Draw what clips cost: added up over time, and by variant.

    Clips whose cost nobody knows are not in the sums; the title says how many they are.

    Parameters
    ----------
    frame : pandas.DataFrame
        Clips, as the history gives them.

    Returns
    -------
    matplotlib.figure.Figure
        Real money in the upper row, simulated dollars in one of their own.

    Raises
    ------
    SetupError
        matplotlib is not installed.
    InvalidRequest
        No clip here has a cost.
    """
    if "imported_utc" in frame.columns:  # somebody else paid for these
        frame = frame[frame["imported_utc"].isna()]
    groups = [(service, part) for service, part in _services(frame) if part["cost_usd"].notna().any()]
    if not groups:
        raise InvalidRequest("No clip here has a cost yet: there is nothing to draw.")
    figure, axes = grid(len(groups), 2, height=2.2)
    said = []
    for (service, part), (left, right) in zip(groups, axes, strict=True):
        known = part[part["cost_usd"].notna()]
        # What is billed, is billed when it is sent.
        sent = known["submitted_utc"].fillna(known["created_utc"]).sort_values()
        known = known.loc[sent.index]
        total = _dollars(known["cost_usd"])
        unknown = int(
            (part["cost_usd"].isna() & part["status"].isin(["failed", "unconfirmed", "abandoned"])).sum()
        )
        title = f"{_kind(service, 'Spent', 'Simulated')} {total}"
        title += f", and {unknown} of unknown cost" if unknown else ""
        said.append(title)
        heights = known["cost_usd"].astype(float).cumsum()
        # As many steps as can be told apart, and always the last.
        kept = sorted({*range(0, len(sent), max(1, len(sent) // MOST_STEPS)), len(sent) - 1})
        when = _local(sent.iloc[kept])
        left.step([when[0], *when], [0.0, *heights.iloc[kept]], where="post", color=COLOURS[0])
        left.set(title=title, ylim=(0, None))
        if when[-1] - when[0] < timedelta(minutes=1):
            left.set_xlim(when[0] - timedelta(seconds=30), when[-1] + timedelta(seconds=30))
        _time_axis(left)
        _dollar_axis(left.yaxis)
        sums = known.groupby(known["variant"].astype(str))["cost_usd"].sum().astype(float).sort_values()
        bars = right.barh(list(sums.index), list(sums), height=0.6, color=COLOURS[0])
        right.bar_label(bars, [f" {_dollars([value])}" for value in sums], fontsize=8)
        right.set(title="by variant", xlim=(0, max(sums) * 1.25 or 1))
        right.set_ylim(len(sums) - max(len(sums), 4) - 0.5, len(sums) - 0.5)
        right.xaxis.set_visible(False)
        right.spines["bottom"].set_visible(False)
    return told(figure, "Spend: " + "; ".join(said))


@styled
def times(frame: pd.DataFrame, *, speeds: Mapping[str, float] | None = None) -> Any:
    """Draw how long clips took from submit to done, by variant, against what the catalogue says is typical.

    Parameters
    ----------
    frame : pandas.DataFrame
        Clips, as the history gives them.
    speeds : mapping of str to float, optional
        How many times faster than the catalogue says each service works: the simulator's ranges are divided by it.

    Returns
    -------
    matplotlib.figure.Figure
        A dot for each clip, a band for the typical range.
    """
    took = frame["run_s"].fillna(0).astype(float) + frame["queue_s"].fillna(0).astype(float)
    lines = []
    for service, part in _services(frame[frame["run_s"].notna()]):
        for variant, clips in part.groupby(part["variant"].astype(str), sort=True):
            label = f"{variant}\n{_kind(service, '', 'simulated')}".strip()
            lines.append(
                (label, sorted(took[clips.index]), _typical(str(variant), (speeds or {}).get(service, 1.0)))
            )
    if not lines:
        raise InvalidRequest("No clip here has been made yet: there are no times to draw.")
    figure, ((axis,),) = grid(1, 1, height=0.9 + 0.5 * len(lines))
    for place, (_, seconds, typical) in enumerate(reversed(lines)):
        if typical is not None:
            axis.barh(place, typical[1] - typical[0], left=typical[0], height=0.7, color=BAND, zorder=1)
        middle = median(seconds)
        is_many = len(seconds) > 1000
        dots = seconds[:: max(1, len(seconds) // 1000)]
        heights = [place + 0.22 * ((n * 7) % 11 / 5 - 1) for n in range(len(dots))]
        axis.plot(dots, heights, "o", ms=3 if is_many else 4.5, alpha=0.6, color=COLOURS[0], mew=0, zorder=2)
        axis.plot([middle] * 2, [place - 0.35, place + 0.35], color=COLOURS[1], lw=2, zorder=3)
    axis.set_yticks(range(len(lines)), [label for label, _, _ in reversed(lines)])
    axis.set(title="Seconds from submit to done", xlim=(0, None), ylim=(-0.6, len(lines) - 0.4))
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:g} s")
    _explain(axis)
    medians = "; ".join(f"{label.replace(chr(10), ' ')} {median(values):.3g} s" for label, values, _ in lines)
    return told(figure, f"Times, median by variant: {medians}")


@styled
def outcomes(frame: pd.DataFrame) -> Any:
    """Draw what became of clips: how many by variant are done, failed, on the way, not sent.

    Parameters
    ----------
    frame : pandas.DataFrame
        Clips, as the history gives them.

    Returns
    -------
    matplotlib.figure.Figure
        A bar for each variant, with the counts written in.
    """
    lines = [
        (f"{variant}\n{_kind(service, '', 'simulated')}".strip(), _counts(clips))
        for service, part in _services(frame)
        for variant, clips in part.groupby(part["variant"].astype(str), sort=True)
    ][::-1]
    if not lines:
        raise InvalidRequest("There are no clips here: there is nothing to draw.")
    figure, ((axis,),) = grid(1, 1, height=1.0 + 0.45 * len(lines))
    places = range(len(lines))
    starts = [0] * len(lines)
    most = max(sum(counts.values()) for _, counts in lines)
    for word, (colour, hatch) in _OUTCOMES.items():
        values = [counts.get(word, 0) for _, counts in lines]
        if not any(values):
            continue
        axis.barh(
            places,
            values,
            left=starts,
            height=0.6,
            color=colour,
            hatch=hatch,
            label=word,
            edgecolor="white",
            lw=0,
        )
        for place, value, start in zip(places, values, starts, strict=True):
            if value >= most * 0.03:
                box = {"facecolor": colour, "edgecolor": "none", "pad": 1}
                axis.text(
                    start + value / 2,
                    place,
                    str(value),
                    ha="center",
                    va="center",
                    fontsize=8,
                    color=_on(word),
                    bbox=box,
                )
        starts = [start + value for start, value in zip(starts, values, strict=True)]
    for place, total in zip(places, starts, strict=True):
        axis.text(total + most * 0.01, place, f"{total}", ha="left", va="center", fontsize=8, weight="bold")
    axis.set_yticks(places, [label for label, _ in lines])
    axis.set_title("Clips by outcome", pad=22)
    axis.xaxis.set_visible(False)
    axis.spines["bottom"].set_visible(False)
    axis.legend(
        loc="lower left",
        bbox_to_anchor=(-0.01, 1.0),
        ncols=len(_OUTCOMES),
        frameon=False,
        fontsize=8,
        borderpad=0,
    )
    said = "; ".join(
        f"{label.replace(chr(10), ' ')} " + ", ".join(f"{count} {word}" for word, count in counts.items())
        for label, counts in reversed(lines)
    )
    return told(figure, f"Clips by outcome: {said}")


def _services(frame: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Part real clips from simulated ones; the real ones come first."""
    if frame.empty:
        return []
    services = frame["service"].astype(str)
    names = sorted(services.unique(), key=lambda name: (name == "simulator", name))
    return [(name, frame[services == name]) for name in names]


def _kind(service: str, real: str, simulated: str) -> str:
    return simulated if service == "simulator" else real


def _counts(clips: pd.DataFrame) -> dict[str, int]:
    """Count what became of clips, in the words of the plot."""
    counts = dict.fromkeys(_OUTCOMES, 0)
    for status in clips["status"].astype(str):
        counts[_GROUP.get(status, "on the way")] += 1
    return {word: count for word, count in counts.items() if count}


def _on(word: str) -> str:
    """Give the colour of a number on the colour of its word."""
    return INK if word == "not sent" else "white"


def _typical(variant: str, speed: float) -> tuple[float, float] | None:
    """Give what the catalogue says a variant takes, in seconds at a service's speed."""
    try:
        typical = find(variant).typical_s
    except HailuoError:  # a model of the service's that has no short name
        return None
    return (typical[0] / speed, typical[1] / speed) if typical else None


def _dollars(values: Sequence[float] | Any) -> str:
    """Write a sum, added up in whole micro-dollars as the ledger does."""
    return usd_text(Decimal(sum(round(float(value) * 1_000_000) for value in values)).scaleb(-6))


def _local(moments: Any) -> list[datetime]:
    """Give times as clocks on the wall say them."""
    return [moment.to_pydatetime().astimezone().replace(tzinfo=None) for moment in moments]


def _time_axis(axis: Any) -> None:
    """Write few dates, and as short as they can be told apart."""
    import matplotlib.dates

    dates: Any = matplotlib.dates  # which has no types for these
    locator = dates.AutoDateLocator(minticks=2, maxticks=5)
    axis.xaxis.set_major_locator(locator)
    axis.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))


def _dollar_axis(axis: Any) -> None:
    axis.set_major_formatter(lambda value, _: f"${value:,.2f}")
    axis.get_major_locator().set_params(nbins=4)


def _explain(axis: Any) -> None:
    """Say under the plot what band and line are."""
    axis.text(
        0, -0.32 if axis.get_ylim()[1] < 2 else -0.2, "dots: clips · line: median · band: typical by the catalogue",
        transform=axis.transAxes, fontsize=8, va="top",
    )  # fmt: skip
