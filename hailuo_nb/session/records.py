"""Looking things up in the ledger, as people ask: filters as they write them, all versions of a cell, a batch by name.

In come a session and plain values; out go the history's DataFrames. Nothing is sent or written. Next: the magics, the
Python functions, and the tables, pivots and plots that are made of these frames.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from hailuo_nb.analysis import dates
from hailuo_nb.analysis.history import cell_history, history
from hailuo_nb.errors import InvalidRequest
from hailuo_nb.jobs.job import Job
from hailuo_nb.ledger.status import STATUSES
from hailuo_nb.session.batch import Batch

if TYPE_CHECKING:
    from pandas import DataFrame

    from hailuo_nb.session.session import Session

__all__ = ["find", "frame_of", "versions"]

When = str | date | datetime


def find(
    session: Session,
    *,
    text: str | None = None,
    name: str | None = None,
    tag: str | None = None,
    variant: str | Collection[str] | None = None,
    status: str | Collection[str] | None = None,
    since: When | None = None,
    until: When | None = None,
    axes: Mapping[str, object] | None = None,
    batch: str | Batch | None = None,
    service: str | None = None,
    notebook: str | None = None,
    limit: int | None = None,
) -> DataFrame:
    """Give the clips that fit every filter, the newest first; see `hailuo_nb.notebook.api.history`."""
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise InvalidRequest(f"limit is a whole number from 1 on, not {limit!r}.")
    first, end = _moment("since", since, dates.since), _moment("until", until, dates.until)
    if first is not None and end is not None and first >= end:
        raise InvalidRequest(f"since {since} is not before until {until}: no clip can be between.")
    return history(
        session.ledger,
        text=text,
        name=name,
        tag=tag,
        variant=variant,
        status=_statuses(status),
        since=first,
        until=end,
        axes={axis: _values(value) for axis, value in (axes or {}).items()},
        batch_id=batch.id if isinstance(batch, Batch) else batch,
        service=service,
        notebook=notebook,
        limit=limit,
    )


def versions(session: Session, cell: str | Batch | None = None) -> DataFrame:
    """Give all versions of a cell, the oldest first.

    Parameters
    ----------
    session : Session
        Gives the ledger, and says which cell is running.
    cell : str or Batch, optional
        The cell's id, or a batch of it. When not given it is the cell that runs, if it has made clips; else the cell
        of this notebook that was run last.

    Raises
    ------
    InvalidRequest
        No such cell has made clips here.
    """
    if isinstance(cell, Batch):
        of = session.ledger.batch(cell.id)
        if of is None or of.cell_id is None:
            raise InvalidRequest("That batch stands in no cell of a notebook; give the id of a cell.")
        return cell_history(session.ledger, of.notebook, of.cell_id)
    here = session.where()
    if cell:
        found = _cells(session, cell)
        if not found:
            raise InvalidRequest(
                f"No cell {cell[:60]!r} has made clips here; hn.history().cell_id lists them."
            )
        # The same id in two notebooks is a copied one: this notebook's is meant.
        notebook = here.notebook if (here.notebook, cell) in found else found[0][0]
        return cell_history(session.ledger, notebook, cell)
    if here.id is not None and session.ledger.latest_version_of_cell(here.notebook, here.id):
        return cell_history(session.ledger, here.notebook, here.id)
    newest = history(session.ledger, notebook=here.notebook, limit=1).dropna(subset=["cell_id"])
    if newest.empty:
        raise InvalidRequest(
            "No cell of this notebook has made clips yet, or this front end tells no cell ids."
        )
    of_notebook, cell_id = newest[["notebook", "cell_id"]].iloc[0]
    notebook = of_notebook if isinstance(of_notebook, str) else None
    return cell_history(session.ledger, notebook, str(cell_id))


def frame_of(session: Session, x: object = None) -> DataFrame:
    """Give the clips that somebody means as a DataFrame.

    Parameters
    ----------
    session : Session
        Gives the ledger.
    x : Batch, DataFrame, Job, sequence of Job or str, optional
        A batch, a frame of clips (as ``hn.history()`` gives), jobs, or the name that ``--name`` gave; everything in the
        ledger when not given.
    """
    import pandas as pd

    if x is None:
        return history(session.ledger)
    if isinstance(x, pd.DataFrame):
        return x
    if isinstance(x, Batch):
        return x.df
    if isinstance(x, Job):
        return session.batch_of([x]).df
    if isinstance(x, str):
        named = history(session.ledger, name=x)
        if named.empty:
            raise InvalidRequest(f"No clip here is called {x[:60]!r}; hn.history().name lists the names.")
        return named
    if isinstance(x, Sequence) and x and all(isinstance(each, Job) for each in x):
        return session.batch_of(list(x)).df
    raise InvalidRequest(
        f"This takes a batch, a frame of clips, jobs or a clip's name, and not a {type(x).__name__}."
    )


def _cells(session: Session, cell_id: str) -> list[tuple[str | None, str]]:
    """Give the notebook of each cell with this id, the newest first."""
    found = history(session.ledger, cell_id=cell_id)
    pairs = found[["notebook", "cell_id"]].drop_duplicates().itertuples(index=False)
    return [(pair.notebook if isinstance(pair.notebook, str) else None, cell_id) for pair in pairs]


def _moment(name: str, said: When | None, read: Callable[[Any], datetime]) -> datetime | None:
    """Read a date, or say what is wrong with it in one line."""
    if said is None:
        return None
    if not isinstance(said, str | date):
        raise InvalidRequest(f"{name} takes a date, as {dates.EXAMPLES}, and not a {type(said).__name__}.")
    try:
        return read(said)
    except ValueError as error:
        raise InvalidRequest(f"{name} {str(said)[:40]!r} is {error}.") from None


def _statuses(status: str | Collection[str] | None) -> str | Collection[str] | None:
    """Refuse a status that there is not: it would find nothing, and look as if nothing were there."""
    for word in (status,) if isinstance(status, str) else status or ():
        if word not in STATUSES:
            near = get_close_matches(str(word), STATUSES, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(STATUSES)}."
            raise InvalidRequest(f"No status {str(word)[:40]!r}: {hint}")
    return status


def _values(value: object) -> str | tuple[str, ...]:
    """Give the value of an axis as the ledger has it: text; or several."""
    if isinstance(value, str) or not isinstance(value, Collection):
        return str(value)
    return tuple(str(each) for each in value)
