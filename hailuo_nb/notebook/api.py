"""The same work from Python: ``import hailuo_nb as hn``.

In come plain Python values; the one session of this kernel does the work; out go batches, jobs and DataFrames. The
magics use the same session, so a cell and a call see the same clips.
"""

from __future__ import annotations

import atexit
import getpass
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from types import EllipsisType
from typing import TYPE_CHECKING, Any

from hailuo_nb.analysis import pivots, plots, rankplot
from hailuo_nb.errors import InvalidRequest
from hailuo_nb.jobs.job import Job
from hailuo_nb.media import recipe
from hailuo_nb.notebook.compare import SideBySide
from hailuo_nb.notebook.front import Front
from hailuo_nb.notebook.interactive import check_itables
from hailuo_nb.notebook.surroundings import look_around
from hailuo_nb.notebook.table import MOST_ROWS, ClipTable
from hailuo_nb.notebook.vote import Vote
from hailuo_nb.session import chains, comparing, films, judging, records
from hailuo_nb.session.batch import Batch
from hailuo_nb.session.films import Film
from hailuo_nb.session.session import Cell, Session

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from hailuo_nb.analysis.ballot import Ballot
    from hailuo_nb.notebook.form.form import Form
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
    prompt: str | DataFrame,
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
    rows: DataFrame | None = None,
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
    prompt : str or pandas.DataFrame
        The text, with ``{a|b}`` and ``{axis: a|b}`` as in a cell, but without ``{{ }}``: use an f-string. Or a
        DataFrame with a prompt in each row, in the column ``prompt`` or the only one of texts; nothing in them is
        read as axes.
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
    rows : pandas.DataFrame, optional
        Values for ``{column}`` in the prompt, a row at a time. The columns ``variant``, ``duration``, ``image`` and
        ``takes`` say how a row is made, for a frame given as the prompt too; every other column is an axis.
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
        rows=rows,
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


def chain(
    steps: Sequence[object],
    variant: str | Sequence[str] | None = None,
    *,
    duration: int | None = None,
    image: object = None,
    fit: str | None = None,
    expand: bool | None = None,
    go_fast: bool | None = None,
    inputs: Mapping[str, Any] | None = None,
    raw: bool = False,
    name: str | None = None,
    tags: str | Sequence[str] = (),
    dry_run: bool = False,
    offline: bool = False,
    wait: bool | None = None,
    yes: bool = False,
    max_cost: object = None,
    max_clips: int | None = None,
) -> Batch | DataFrame:
    """Make clips that follow each other: each starts from the last frame of the one before.

    All are priced, weighed against the limits and written down at once; a later one waits in the background for its
    picture. Run again, a chain costs nothing and shows the same clips; after an interruption it goes on where it was.

    Parameters
    ----------
    steps : sequence
        In their order: a text; a tuple of a text with a variant, seconds or a mapping of options, in any order; or a
        mapping with ``prompt`` and any of ``variant``, ``duration``, ``image``, ``fit``, ``expand``, ``go_fast``,
        ``inputs``, ``raw``. A step with a picture of its own starts anew from that.
    variant : str or sequence of str, optional
        For the first step, or for the first and the second; further ones are as the one before. Where a text-to-video
        variant is followed by a step, the variant of its quality that takes a picture is meant.
    duration, expand, go_fast, inputs, raw
        As for `generate`, for every step that does not say otherwise.
    image, fit
        The first frame of the first step.
    name, tags, dry_run, offline, wait, yes, max_cost, max_clips
        As for `generate`, for the whole chain.

    Returns
    -------
    Batch or pandas.DataFrame
        The jobs in order; with `dry_run` a table.

    Raises
    ------
    InvalidRequest
        With every fault of every step, before anything is sent.
    LimitReached
        The whole chain is above a limit; nothing is sent.

    Examples
    --------
    >>> story = hn.chain(["a fox wakes", ("it runs to the river", 10), "it swims across"])  # doctest: +SKIP
    >>> hn.join(story, "fox.mp4")  # doctest: +SKIP
    """
    made = chains.chain(
        session(),
        steps,
        variant,
        duration=duration,
        image=image,
        fit=fit,
        expand=expand,
        go_fast=go_fast,
        inputs=inputs,
        raw=raw,
        name=name,
        tags=tags,
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


def join(clips: object, path: str | Path, *, outside: bool = False) -> Film:
    """Put clips together as one film, in their order; waits for those that are still on their way.

    Clips of one format are put together as they are, without loss; others are encoded anew in the size of the first
    one, with black borders. The recipes of all are kept inside the film.

    Parameters
    ----------
    clips : Batch, Job, path, or sequence of these
        What follows what.
    path : str or pathlib.Path
        The film, an ``.mp4`` in the notebook's folder. A film that was joined before is written anew; no other file is
        ever written over.
    outside : bool
        Let it lie outside the notebook's folder, where Jupyter does not play it.

    Returns
    -------
    Film
        Shows itself as a player, and can be given wherever a path can.

    Raises
    ------
    InvalidRequest
        The path will not do, or something given is no clip.
    HailuoError
        Why one of the clips is not there.

    Examples
    --------
    >>> hn.join(story, "film.mp4")  # doctest: +SKIP
    """
    return films.join(session(), clips, path, outside=outside)


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


def jobs() -> list[Job]:
    """Give handles of everything that is still out, newest first."""
    return session().jobs(only_out=True)


def resume() -> list[Job]:
    """Take up what earlier kernels left: results are asked for and fetched, nothing is sent."""
    return session().resume()


def form(
    clip: Job | Batch | str | None = None, *, variant: str | None = None, prompt: str | None = None
) -> Form:
    """Give a form to write prompts in; name it on the last line of a cell to show it.

    Parameters
    ----------
    clip : Job, Batch of one or str, optional
        An earlier clip, or its id, to fill the form with.
    variant : str, optional
        What to make, or any WaveSpeed model id.
    prompt : str, optional
        The text to begin with.

    Returns
    -------
    Form
        ``form.code("python")`` gives it as code, ``form.generate()`` makes it as a cell would.
    """
    # Loaded here: most notebooks never need ipywidgets.
    from hailuo_nb.notebook.form.form import Form
    from hailuo_nb.notebook.form.state import FormState

    shell, current = _shell(), session()
    made = Form(
        current,
        namespace=None if shell is None else shell.user_ns,
        surroundings=partial(look_around, shell),
    )
    if isinstance(clip, Batch) and len(clip) == 1:
        clip = clip[0]
    if isinstance(clip, str):
        clip = current.job(clip)
    if clip is not None and not isinstance(clip, Job):
        raise InvalidRequest(
            f"A form is filled from one clip, not from a {type(clip).__name__}; name one of its jobs."
        )
    if clip is not None:
        made.fill(clip)
    if variant is not None or prompt is not None:
        start = made.state if clip is not None else FormState(current.settings().variant)
        made.fill(
            replace(
                start,
                variant=start.variant if variant is None else variant,
                prompt=start.prompt if prompt is None else prompt,
            )
        )
    return made


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
