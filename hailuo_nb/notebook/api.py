"""The same work from Python: ``import hailuo_nb as hn``.

In come plain Python values; the one session of this kernel does the work; out go batches, jobs and DataFrames. The
magics use the same session, so a cell and a call see the same clips.
"""

from __future__ import annotations

import atexit
import getpass
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import EllipsisType
from typing import TYPE_CHECKING, Any

from hailuo_nb.analysis.rankplot import plot_rank as draw_rank
from hailuo_nb.jobs.job import Job
from hailuo_nb.media import recipe
from hailuo_nb.notebook.compare import SideBySide
from hailuo_nb.notebook.front import Front
from hailuo_nb.notebook.surroundings import look_around
from hailuo_nb.notebook.vote import Vote
from hailuo_nb.session import comparing, judging
from hailuo_nb.session.batch import Batch
from hailuo_nb.session.session import Cell, Session

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

    from hailuo_nb.analysis.ballot import Ballot
    from hailuo_nb.session.sheet import Sheet

_lock = threading.Lock()
_current: list[Session] = []


def session(folder: Path | None = None, configured: Callable[[], Mapping[str, object]] = dict) -> Session:
    """Give this kernel's session, made on first use.

    Parameters
    ----------
    folder : pathlib.Path, optional
        Beside which notebook clips and ledger go; the current folder when not given. Only the first call counts.
    configured : callable, optional
        Gives what ``%config`` has set; whoever says it last is asked.
    """
    with _lock:
        if not _current:
            made = Session(folder or Path.cwd())
            shell = _shell()
            if shell is not None:
                front = Front(made, shell)
                front.attach()
                made.front = front
                made.is_headless = lambda: look_around(shell).is_headless
                made.where = lambda: _cell(shell)
                made.ask_key = _ask_key
            else:
                # A plain script: nobody sees a card, and nobody can click it.
                made.is_headless = lambda: True
            _at_exit(close)
            _current.append(made)
        if configured is not dict:
            _current[0].configured = configured
        return _current[0]


def close() -> None:
    """End this kernel's session; what is out goes on at the service and is taken up next time."""
    with _lock:
        ended = list(_current)
        _current.clear()
    for each in ended:
        each.close()


def generate(
    prompt: str,
    variant: str | Sequence[str] | None = None,
    *,
    duration: int | Sequence[int] | None = None,
    image: object = None,
    fit: str | None = None,
    takes: int = 1,
    vary: Mapping[str, Sequence[object]] | None = None,
    zip: Sequence[str] | Sequence[Sequence[str]] | None = None,  # noqa: A002 - the contract's name
    sample: int | None = None,
    seed: int = 0,
    name: str | None = None,
    tags: str | Sequence[str] = (),
    expand: bool | None = None,
    go_fast: bool | None = None,
    inputs: Mapping[str, Any] | None = None,
    raw: bool = False,
    skip_invalid: bool = False,
    dry_run: bool = False,
    offline: bool = False,
    wait: bool | None = None,
    yes: bool = False,
    max_cost: object = None,
    max_clips: int | None = None,
) -> Batch | DataFrame:
    """Make the clips that do not exist yet, and give all of them.

    Parameters
    ----------
    prompt : str
        The text, with ``{a|b}`` and ``{axis: a|b}`` as in a cell, but without ``{{ }}``: use an f-string.
    variant : str or sequence of str, optional
        What to make it with, as ``"t2v-pro"``, or any WaveSpeed model id; the setting when not given.
    duration : int or sequence of int, optional
        Seconds; several make an axis. The variant's own when not given.
    image : path, URL, Job or frame, optional
        The first frame; of a job or a clip its last frame.
    fit : str, optional
        ``pad`` or ``crop`` brings a picture into a clip's shape.
    takes : int
        Clips of each request. There is no seed: a take is the only way to a different clip of the same words.
    vary : Mapping, optional
        Values for ``{axis}`` in the prompt.
    zip : sequence of str, optional
        Axes that move together instead of being multiplied; or several such groups.
    sample : int, optional
        Make so many of the combinations only, chosen by chance.
    seed : int
        Chooses which; the same ones for the same seed. It changes nothing in a clip.
    name : str, optional
        What the clips are called, in the history and in their file names.
    tags : str or sequence of str
        The user's words for them, to find them by.
    expand : bool, optional
        Whether the service may rewrite the prompt; the variant's default when not given.
    go_fast : bool, optional
        Speed before quality, where the variant has that; its default when not given.
    inputs : Mapping, optional
        Any other input of the model.
    raw : bool
        Send the text as it is.
    skip_invalid : bool
        Drop combinations that a variant does not allow, and say so, instead of refusing all.
    dry_run : bool
        Give a DataFrame of prompts and prices; nothing is sent.
    offline : bool
        Only what is on disk.
    wait : bool, optional
        Wait for the clips; when not given, only where nobody is at the notebook: headless, or in a plain script.
    yes : bool
        Do not ask above the confirmation limit; the budget stays.
    max_cost : Decimal, float or str, optional
        Send nothing if the new clips cost more, in US dollars.
    max_clips : int, optional
        Send nothing if there are more clips; the setting when not given.

    Returns
    -------
    Batch or pandas.DataFrame
        The jobs in order; with `dry_run` a table.

    Raises
    ------
    InvalidRequest
        With every fault of the request, before anything is sent.
    KeyMissing
        WaveSpeed is chosen, there is something to send, and no key.
    LimitReached
        Above a limit; nothing is sent.
    NotOnDisk
        With `offline`, for a clip that is not here.
    HailuoError
        Where it waited because nobody is at the notebook: the first clip's own error.

    Examples
    --------
    >>> batch = hn.generate("a fox {light: at dawn|at night}", "t2v-standard")  # doctest: +SKIP
    >>> batch[0].result()  # doctest: +SKIP
    PosixPath('/home/me/hailuo/clips/a-fox-at-dawn-5c0d4f7e-t1.mp4')
    """
    made = session().generate(
        prompt,
        variant,
        duration=duration,
        image=image,
        fit=fit,
        takes=takes,
        vary=vary,
        zip=zip,
        sample=sample,
        seed=seed,
        name=name,
        tags=tags,
        expand=expand,
        go_fast=go_fast,
        inputs=inputs,
        raw=raw,
        skip_invalid=skip_invalid,
        dry_run=dry_run,
        offline=offline,
        wait=wait,
        yes=yes,
        max_cost=max_cost,
        max_clips=max_clips,
    )
    if isinstance(made, Batch) and made.is_headless and wait is not False:
        raise_if_failed(made)
    return made


def raise_if_failed(batch: Batch) -> None:
    """Show the batch and raise its first error, so that a run without anybody to look at it fails."""
    error = batch.first_error()
    if error is not None:
        batch.home.show(batch)
        raise error


def quote(prompt: str = "", variant: str | Sequence[str] | None = None, **options: Any) -> DataFrame:
    """Say what a call of `generate` would make and cost; nothing is sent.

    WaveSpeed is asked for its prices where there is a key; the dated table stands in where it does not answer.

    Parameters
    ----------
    prompt, variant
        As for `generate`.
    **options
        What `generate` takes to say which clips: ``duration``, ``takes``, ``vary``, ``inputs`` and so on.

    Returns
    -------
    pandas.DataFrame
        A row per clip, with ``quote_usd`` in US dollars; ``attrs["new_usd"]`` is the sum of what is not there yet.
    """
    return session().quote(prompt, variant, **options)


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
    return SideBySide(current, _shell(), comparing.found(current, what), x=x, y=y)


def history(*, measures: bool = False, **filters: Any) -> DataFrame:
    """Give every clip that was or will be paid as a DataFrame, newest last.

    Parameters
    ----------
    measures : bool
        Measure what was not measured yet of these clips, about half a second each; the columns ``m.*`` are explained in
        `hailuo_nb.media.measures`.
    **filters
        ``text``, ``name``, ``tag``, ``variant``, ``status``, ``service``, ``limit``.
    """
    read = partial(session().history, **filters)
    return judging.with_measures(session(), read) if measures else read()


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


def plot_rank(frame: DataFrame, ax: Axes | None = None) -> Axes:
    """Draw what `rank` gives: scores with their intervals; needs ``pip install 'hailuo_nb[plot]'``."""
    return draw_rank(frame, ax)


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
        It shows itself as the last line of a cell; ``.save("foxes.png")`` writes it to a file.
    """
    return judging.sheet_of(session(), x, frames=frames, x=across, money=money, title=title)


def jobs() -> list[Job]:
    """Give handles of everything that is still out, newest first."""
    return session().jobs(only_out=True)


def resume() -> list[Job]:
    """Take up what earlier kernels left: results are asked for and fetched, nothing is sent."""
    return session().resume()


def read_recipe(path: str | Path) -> dict[str, Any] | None:
    """Read what a clip was made from, out of the MP4 itself; None where there is nothing."""
    return recipe.read(Path(path))


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
    return Vote(current, _shell(), pairs, then="hn.rank of these clips")


def _cell(shell: Any) -> Cell:
    """Give the cell that calls us."""
    around = look_around(shell)
    return Cell(around.notebook, around.cell_id)


def _ask_key() -> str:
    """Ask for the key, without an echo."""
    return getpass.getpass("WaveSpeed key (kept in this kernel's memory only): ")


def _at_exit(function: Callable[[], None]) -> None:
    """Call a function at the end, before Python shuts its executors: ours would refuse what is still on its way."""
    getattr(threading, "_register_atexit", atexit.register)(function)


def _shell() -> Any:
    """Give the running IPython shell, without importing IPython where there is none."""
    import sys

    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None
