"""Look at what there is: jobs, DataFrames, tables, plots and one sheet of pictures.

In come clips in any shape that names them; nothing is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

from hailuo_nb.analysis import pivots, plots
from hailuo_nb.errors import InvalidRequest
from hailuo_nb.jobs.job import Job
from hailuo_nb.notebook.api.kernel import session
from hailuo_nb.notebook.interactive import check_itables
from hailuo_nb.notebook.table import MOST_ROWS, ClipTable
from hailuo_nb.session import judging, records
from hailuo_nb.session.batch import Batch

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from hailuo_nb.session.sheet import Sheet


def jobs() -> list[Job]:
    """Give handles of everything that is still out, newest first."""
    return session().jobs(only_out=True)


def resume() -> list[Job]:
    """Take up what earlier kernels left: results are asked for and fetched, nothing is sent."""
    return session().resume()


def history(
    *,
    text: str | None = None,
    name: str | None = None,
    tag: str | None = None,
    variant: str | Sequence[str] | None = None,
    status: str | Sequence[str] | None = None,
    since: str | date | None = None,
    until: str | date | None = None,
    axes: Mapping[str, object] | None = None,
    batch: str | Batch | None = None,
    service: str | None = None,
    limit: int | None = None,
    cell: str | Batch | bool = False,
    measures: bool = False,
) -> DataFrame:
    """Give every clip that was or will be paid as a DataFrame, the newest first.

    A notebook shows it as a table with pictures; ``pandas.DataFrame(...)`` of it shows it as pandas does.

    Parameters
    ----------
    text : str, optional
        Only clips with this in their prompt, whatever the case.
    name, tag : str, optional
        Only clips that carry exactly this.
    variant, status : str or sequence of str, optional
        Only these.
    since, until : str, date or datetime, optional
        Only clips made from this on, and up to the end of that: a day (``"2026-11-03"``, ``"3 Nov"``, ``"yesterday"``,
        ``"3d"`` for the day three days ago), or a time. Days are local, as is a time without a zone.
    axes : Mapping, optional
        Only clips with these axis values: ``{"light": "dawn"}``, or any of several in a list.
    batch : Batch or str, optional
        Only the clips that this batch shows, in its order, with ``cached`` and what each cost there.
    service : str, optional
        ``"wavespeed"`` or ``"simulator"``.
    limit : int, optional
        Only so many, the newest.
    cell : str, Batch or bool
        Every version of a cell instead, the oldest first, with ``version`` and ``cell_text``: of the one with this id,
        of a batch's, or with True of the cell that runs, or that made the last clips. It takes no other filter.
    measures : bool
        Measure what was not measured yet of these clips, about half a second each; the columns ``m.*`` are explained in
        `hailuo_nb.media.measures`.

    Returns
    -------
    pandas.DataFrame
        ``attrs`` holds ``total_usd`` and ``saved_usd``, real money only, and ``simulated_usd``.

    Raises
    ------
    InvalidRequest
        A date or status that is none, or a cell that has made no clips.

    Examples
    --------
    >>> hn.history(since="yesterday", axes={"light": "dawn"})  # doctest: +SKIP
    """
    filters: dict[str, Any] = {"text": text, "name": name, "tag": tag, "variant": variant, "status": status}
    filters |= {"since": since, "until": until, "axes": axes, "batch": batch, "service": service}
    filters |= {"limit": limit}
    if cell is False:
        read = partial(records.find, session(), **filters)
    elif any(value is not None for value in filters.values()):
        raise InvalidRequest("cell gives every version of one cell: leave out the other filters.")
    else:
        read = partial(records.versions, session(), None if cell is True else cell)
    return judging.with_measures(session(), read) if measures else read()


def table(
    x: object = None, columns: Sequence[str] = (), *, rows: int = MOST_ROWS, interactive: bool = False
) -> ClipTable:
    """Give clips as a table to be shown, with other columns or more rows than a frame shows by itself.

    Parameters
    ----------
    x : Batch, DataFrame, Job, sequence of Job or str, optional
        The clips: a batch, a frame of them, jobs, or the name that ``--name`` gave; all of the ledger when not given.
    columns : sequence of str
        The columns to show beside the pictures; axes by their own names.
    rows : int
        How many rows at the most, up to 200; each takes about 3 kB in the notebook's file.
    interactive : bool
        Let itables draw it, which sorts, filters and pages through the first 500 rows. It takes 1 MB in the notebook's
        file, and is blank where scripts do not run; ``pip install 'hailuo_nb[table]'``.
    """
    if interactive:
        check_itables()
    return ClipTable(records.frame_of(session(), x), tuple(columns), rows, interactive)


def pivot(
    x: object = None,
    rows: str | Sequence[str] | None = None,
    columns: str | Sequence[str] | None = None,
    values: str = "clip",
    how: str | None = None,
) -> DataFrame:
    """Arrange clips by their axes: the table that a person would draw.

    Parameters
    ----------
    x : Batch, DataFrame, Job, sequence of Job or str, optional
        As for `table`.
    rows, columns : str or sequence of str, optional
        What goes down and what across: an axis (``"light"``), any other column (``"variant"``), or several; what varies
        between the clips when not given.
    values : str
        ``"clip"``, ``"count"``, or a column: ``"cost_usd"``, ``"run_s"``, ``"rating"``...
    how : str, optional
        ``sum``, ``mean``, ``median``, ``min``, ``max`` or ``count``; money is summed, all else averaged when not given.

    Returns
    -------
    pandas.DataFrame
        Numbers, or tuples of clip ids, which a notebook shows as pictures.

    Raises
    ------
    InvalidRequest
        There is no such column, nothing varies, or real and simulated dollars would be added up.

    Examples
    --------
    >>> hn.pivot(fox, rows="camera", columns="variant")  # doctest: +SKIP
    """
    return pivots.pivot(records.frame_of(session(), x), rows, columns, values, how)


def plot_spend(x: object = None) -> Figure:
    """Draw what clips cost, over time and by variant; needs ``pip install 'hailuo_nb[plot]'``.

    Parameters
    ----------
    x : Batch, DataFrame, Job, sequence of Job or str, optional
        As for `table`.

    Returns
    -------
    matplotlib.figure.Figure
        Simulated dollars have a row of plots of their own.
    """
    drawn: Figure = plots.spend(records.frame_of(session(), x))
    return drawn


def plot_times(x: object = None) -> Figure:
    """Draw how long clips took, by variant, against the typical range; needs ``pip install 'hailuo_nb[plot]'``.

    Parameters
    ----------
    x : Batch, DataFrame, Job, sequence of Job or str, optional
        As for `table`.

    Returns
    -------
    matplotlib.figure.Figure
        For the simulator, ranges are divided by the speed it has now.
    """
    now = session()
    frame = records.frame_of(now, x)
    speeds = {str(name): now.speed_of(str(name)) for name in frame["service"].unique()}
    drawn: Figure = plots.times(frame, speeds=speeds)
    return drawn


def plot_outcomes(x: object = None) -> Figure:
    """Draw what became of clips, by variant; needs ``pip install 'hailuo_nb[plot]'``.

    Parameters
    ----------
    x : Batch, DataFrame, Job, sequence of Job or str, optional
        As for `table`.

    Returns
    -------
    matplotlib.figure.Figure
        Done, failed, on the way, not sent.
    """
    drawn: Figure = plots.outcomes(records.frame_of(session(), x))
    return drawn


def sheet(
    x: object = None, frames: int = 4, *, across: str | None = None, money: bool = False, title: str = ""
) -> Sheet:
    """Put frames of every clip on one picture, by axes, for papers, issues and chat.

    Parameters
    ----------
    x : object, optional
        As for `rate`; all clips when not given.
    frames : int
        How many of each clip: the first, the last, and those evenly between.
    across : str, optional
        The axis that stands across; the others go down.
    money : bool
        Whether to say what each clip cost.
    title : str
        What stands above; the prompt when not given.

    Returns
    -------
    Sheet
        It shows itself as the last line of a cell, small; ``.save("foxes.png")`` writes all of it to a file.
    """
    return judging.sheet_of(session(), x, frames=frames, x=across, money=money, title=title)
