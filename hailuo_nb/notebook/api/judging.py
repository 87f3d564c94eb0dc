"""Say which clip is better: side by side, blind in pairs, in stars, and as a ranking.

In come clips in any shape that names them; what a person says goes into the ledger at once.
"""

from __future__ import annotations

from types import EllipsisType
from typing import TYPE_CHECKING

from hailuo_nb.analysis import rankplot
from hailuo_nb.notebook.api.kernel import running_shell, session
from hailuo_nb.notebook.compare import SideBySide
from hailuo_nb.notebook.vote import Vote
from hailuo_nb.session import comparing, judging

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from hailuo_nb.analysis.ballot import Ballot


def compare(what: object, *, x: str | None = None, y: str | None = None) -> SideBySide:
    """Show clips side by side and in step; stars and notes go into the ledger at once.

    Parameters
    ----------
    what : Batch, Job, pandas.DataFrame, path, id, or a sequence of these
        Which clips. A frame names them by its column ``id``, or files by ``path`` alone; then its other columns are the
        axes. Files have to be in the notebook's folder.
    x, y : str, optional
        The axes to lay out as columns and as rows; the others become tabs. When neither is given, rows are the first
        axis that differs between the clips and columns the second.

    Raises
    ------
    InvalidRequest
        There is no clip in it, no such axis, or a file where Jupyter plays none.

    Examples
    --------
    >>> hn.compare(batch, x="camera", y="variant")  # doctest: +SKIP
    >>> hn.compare(["hailuo/clips/a.mp4", "hailuo/clips/b.mp4"])  # doctest: +SKIP
    """
    current = session()
    return SideBySide(current, running_shell(), comparing.found(current, what), x=x, y=y)


def vote(
    x: object = None,
    by: str = "clip",
    *,
    across: bool = False,
    seed: int | None = None,
    votes: int | None = None,
) -> Vote:
    """Choose between two clips at a time without knowing which is which; running it again goes on.

    Parameters
    ----------
    x, by, across, seed, votes
        As for `ballot`, which chooses the pairs and keeps the answers.

    Raises
    ------
    InvalidRequest
        No two of these clips may meet.

    Examples
    --------
    >>> hn.vote(batch, by="variant")  # doctest: +SKIP
    """
    current = session()
    pairs = judging.ballot(current, x, by, across=across, seed=seed, votes=votes)
    return Vote(current, running_shell(), pairs, then="hn.rank of these clips")


def rate(
    x: object, rating: int | EllipsisType | None = ..., *, note: str | EllipsisType | None = ...
) -> None:
    """Say what you think of clips; on disk when this returns, and in the history.

    Parameters
    ----------
    x : object
        A job, a batch, a DataFrame with a column ``id``, the id or name of clips, or several of these.
    rating : int, optional
        1 to 5 stars, or 0 for a reject; None takes the stars away. What is not given stays as it is.
    note : str, optional
        Any text; None takes it away.
    """
    judging.rate(session(), x, rating, note)


def ballot(
    x: object = None,
    by: str = "clip",
    *,
    across: bool = False,
    seed: int | None = None,
    votes: int | None = None,
) -> Ballot:
    """Go on with the ballot on these clips, or begin one: pairs to choose between, for code or a widget to show.

    Parameters
    ----------
    x : object, optional
        As for `rate`; all finished clips when not given.
    by : str
        What competes: ``clip``, ``variant``, or an axis of the prompts. Only clips that differ in nothing else meet.
    across : bool
        Let clips of different prompts meet too.
    seed : int, optional
        What sides and order come from; drawn when not given, and kept.
    votes : int, optional
        How many to ask for; five looks at each clip when not given.

    Returns
    -------
    Ballot
        ``next_pair()``, ``answer(...)``, ``undo()`` and ``left()``.

    Examples
    --------
    >>> ballot = hn.ballot(batch, by="variant")  # doctest: +SKIP
    >>> pair = ballot.next_pair()  # doctest: +SKIP
    >>> ballot.answer(pair.left, "left")  # doctest: +SKIP
    """
    return judging.ballot(session(), x, by, across=across, seed=seed, votes=votes)


def rank(x: object = None, by: str = "variant", *, seed: int = 0) -> DataFrame:
    """Rank clips, variants or the values of an axis by the votes.

    Parameters
    ----------
    x : object, optional
        As for `rate`; all clips when not given. Votes between any two of them count.
    by : str
        ``variant``, ``clip``, or an axis of the prompts; ``axis`` where there is only one.
    seed : int
        Of the bootstrap.

    Returns
    -------
    pandas.DataFrame
        Strongest first, with ``rank`` (shared where the votes do not tell apart, NA where there are too few), ``score``
        with its interval, wins, losses and ties, and the share of wins for each dollar and second;
        see `hailuo_nb.analysis.ranking.ranking`. ``attrs["notes"]`` says what the table does not tell.
    """
    return judging.rank(session(), x, by, seed=seed)


def plot_rank(frame: DataFrame) -> Figure:
    """Draw what `rank` gives: scores with their intervals; needs ``pip install 'hailuo_nb[plot]'``.

    Parameters
    ----------
    frame : pandas.DataFrame
        As `rank` gives it.

    Returns
    -------
    matplotlib.figure.Figure
        A dot and an interval for each entry, hollow where there are not enough votes for a rank.
    """
    drawn: Figure = rankplot.plot_rank(frame)
    return drawn
